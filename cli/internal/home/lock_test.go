package home_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// Nobody changes the store of a process that holds the lock, even if it hangs.
func TestAloneIsWhenTheLockIsFree(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "home")
	newHome := func() *home.Home {
		h := home.New(show.IO{LookupEnv: func(string) (string, bool) { return "", false }}, time.Now)
		h.Flags["home"] = dir
		return h
	}
	alone := func() bool {
		h := newHome()
		require.NoError(t, h.Make())
		ok, err := h.Alone()
		require.NoError(t, err)
		return ok
	}
	assert.True(t, alone(), "nobody has ever worked here")
	works := newHome()
	require.NoError(t, works.Lock())
	assert.False(t, alone())
	assert.False(t, alone(), "looking takes nothing away")
	require.NoError(t, works.Close())
	assert.True(t, alone(), "the file stays, the lock is free")
	require.NoError(t, newHome().Lock(), "looking keeps nothing")
}
