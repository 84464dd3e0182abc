package show_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// An answer is only asked of a person.
func TestConfirmNeedsATerminal(t *testing.T) {
	t.Parallel()
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	for name, in := range map[string]show.IO{"a file": {In: file}, "a pipe": {In: strings.NewReader("y\n")}} {
		ok, err := in.Confirm(t.Context(), "clear 1 task instance of 1 run")
		require.ErrorContains(t, err, "pass -y to do it", name)
		require.ErrorAs(t, err, new(command.UsageError), name)
		assert.False(t, ok, name)
	}
}
