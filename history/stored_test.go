package history_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/folder"
)

// down is a log store that cannot be reached.
type down struct{ tasklog.Store }

func (down) Remove(context.Context, string, time.Time) (int, error) {
	return 0, errors.New("connection refused")
}

// Logs go from the log store with those in the log folder, and are tried again while it cannot be reached.
func TestStoredLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	logs := folder.New(t.TempDir())
	put := func(r *store.Run, start time.Time) {
		p := tasklog.Part{Start: start, Node: "a", Size: 4}
		require.NoError(t, logs.Put(t.Context(), r.LogFolder()+"/task_id=t/attempt=1.log", p, strings.NewReader("text")))
	}
	stored := func(r *store.Run) int {
		n, err := logs.Count(t.Context(), r.LogFolder())
		require.NoError(t, err)
		return n
	}
	gone, pruned, kept := w.run("gone", 1, dag.RunSuccess, nil), w.run("pruned", 5, dag.RunSuccess, nil), w.run("kept", 9, dag.RunSuccess, nil)
	for _, r := range []*store.Run{gone, pruned, kept} {
		put(r, r.StartDate)
		put(r, r.StartDate.Add(time.Second)) // it went on elsewhere
	}
	plan := history.Plan{KeepLast: 1, Bounds: map[history.Kind]history.Bound{history.Runs: {Before: day(3)}, history.Logs: {Before: day(31)}}}
	o := w.options(w)
	o.Logs = logs
	would, err := history.New(o).Would(t.Context(), plan)
	require.NoError(t, err)
	assert.Equal(t, 6, would.Counts[history.Logs], "a file and two parts of each run")

	o.Logs = down{logs}
	_, err = history.New(o).Clean(t.Context(), plan)
	require.ErrorContains(t, err, "remove old logs: connection refused")
	assert.Equal(t, []int{2, 2, 2}, []int{stored(gone), stored(pruned), stored(kept)})
	assert.Equal(t, []string{"pruned", "kept"}, w.ids(), "the run is gone nevertheless")

	// Meanwhile a run with the same id is made, and has logs.
	put(gone, now().Add(time.Minute))
	o.Logs = logs
	done, err := history.New(o).Clean(t.Context(), plan)
	require.NoError(t, err)
	assert.Equal(t, map[history.Kind]int{history.Logs: 4}, done.Counts)
	assert.Equal(t, []int{1, 0, 2}, []int{stored(gone), stored(pruned), stored(kept)})
	left, err := w.LogRemovals(t.Context(), 0, 9)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// What somebody has noted goes from the record also where there is no log store.
func TestNoLogStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutLogRemoval(ctx, &store.LogRemoval{Folder: "dag_id=d/run_id=r", Before: day(1)})
	})
	w.clean(history.Plan{})
	left, err := w.LogRemovals(t.Context(), 0, 9)
	require.NoError(t, err)
	assert.Empty(t, left)
}
