package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// Nobody changes the store of a process that holds the lock, even if it hangs.
func TestAloneIsWhenTheLockIsFree(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	newApp := func() *app {
		return &app{IO: show.IO{LookupEnv: func(string) (string, bool) { return "", false }}, flags: map[string]string{"home": home}}
	}
	alone := func() bool {
		a := newApp()
		_, err := a.homeDir()
		require.NoError(t, err)
		ok, err := a.alone()
		require.NoError(t, err)
		return ok
	}
	assert.True(t, alone(), "nobody has ever worked here")
	works := newApp()
	require.NoError(t, works.lock())
	assert.False(t, alone())
	assert.False(t, alone(), "looking takes nothing away")
	require.NoError(t, works.close())
	assert.True(t, alone(), "the file stays, the lock is free")
	require.NoError(t, newApp().lock(), "looking keeps nothing")
}

// An answer is only asked of a person.
func TestConfirmNeedsATerminal(t *testing.T) {
	t.Parallel()
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	for name, in := range map[string]show.IO{"a file": {In: file}, "a pipe": {In: strings.NewReader("y\n")}} {
		ok, err := (&app{IO: in}).confirm(context.Background(), "clear 1 task instance of 1 run")
		require.ErrorContains(t, err, "give -y to do it", name)
		require.ErrorAs(t, err, new(command.UsageError), name)
		assert.False(t, ok, name)
	}
}
