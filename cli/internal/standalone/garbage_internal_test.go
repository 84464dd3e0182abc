package standalone

import (
	"context"
	"errors"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag/dagfile"
)

func TestGarbagePercent(t *testing.T) {
	t.Parallel()
	for inUse, want := range map[uint64]int{0: 200, 1 << 20: 200, 6 << 20: 200, 8 << 20: 150, 12 << 20: 100, 24 << 20: 50, 100 << 20: 50} {
		assert.Equal(t, want, garbagePercent(inUse), "%d bytes", inUse)
	}
}

func TestCollecting(t *testing.T) { //nolint:paralleltest // one setting of the process
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	failed := errors.New("the disk is gone")
	loading := 0
	use := func(context.Context, dagfile.Result) error {
		loading = debug.SetGCPercent(77)
		return failed
	}
	load := collecting(func(string) (string, bool) { return "", false }, use)
	require.ErrorIs(t, load(t.Context(), dagfile.Result{}), failed)
	assert.Equal(t, leastGarbage, loading, "while files are loaded")
	after := debug.SetGCPercent(77)
	assert.NotEqual(t, 77, after, "once they are")
	assert.Equal(t, garbagePercent(inUse()), after)

	load = collecting(func(name string) (string, bool) { return "300", name == "GOGC" }, use)
	require.ErrorIs(t, load(t.Context(), dagfile.Result{}), failed)
	assert.Equal(t, 77, debug.SetGCPercent(100), "GOGC says it")
}
