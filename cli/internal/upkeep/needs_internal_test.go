package upkeep

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

func averaging(ended, successes int) *dag.DAG {
	return &dag.DAG{ID: "d", MaxConsecutiveFailedRuns: ended, Deadlines: []dag.Deadline{
		{Reference: dag.DeadlineQueuedAt, MaxRuns: 99},
		{Reference: dag.DeadlineAverageRuntime, MaxRuns: successes - 1},
		{Reference: dag.DeadlineAverageRuntime, MaxRuns: successes},
	}}
}

// What a DAG needs is told by the DAG as it was loaded, else by the store, else by its file.
func TestNeeds(t *testing.T) {
	t.Parallel()
	s := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	put := func(fn func(tx store.Tx) error) { require.NoError(t, s.Tx(t.Context(), fn)) }
	gone, restored := errors.New("no such file"), 0
	n := &Needs{
		store: s, loaded: map[string]history.Needs{}, versions: map[string]history.Needs{},
		read: func(string) (*dag.DAG, error) { return nil, gone },
		restore: func(source []byte) (*dag.DAG, error) {
			if restored++; string(source) == "broken" {
				return nil, errors.New("unknown operator")
			}
			return averaging(3, 4), nil
		},
	}
	of := func() history.Needs {
		out, err := n.Of(t.Context(), "d")
		require.NoError(t, err)
		return out
	}
	assert.Zero(t, of(), "nobody knows it")
	put(func(tx store.Tx) error {
		return tx.PutDAG(t.Context(), &store.DAGState{ID: "d", Version: "v", Active: true})
	})
	_, err := n.Of(t.Context(), "d")
	require.ErrorIs(t, err, gone, "no run has had this version, and its file cannot be read")
	n.read = func(string) (*dag.DAG, error) { return averaging(1, 2), nil }
	assert.Equal(t, history.Needs{Ended: 1, Successes: 2}, of())
	put(func(tx store.Tx) error { return tx.PutVersion(t.Context(), "v", "d", []byte("text"), time.Unix(1, 0)) })
	for range 2 {
		assert.Equal(t, history.Needs{Ended: 3, Successes: 4}, of())
	}
	assert.Equal(t, 1, restored, "once for each version")

	put(func(tx store.Tx) error {
		return errors.Join(tx.PutVersion(t.Context(), "b", "d", []byte("broken"), time.Unix(1, 0)), tx.PutDAG(t.Context(), &store.DAGState{ID: "d", Version: "b", Active: true}))
	})
	_, err = n.Of(t.Context(), "d")
	require.ErrorContains(t, err, "unknown operator")
	put(func(tx store.Tx) error { return tx.PutDAG(t.Context(), &store.DAGState{ID: "d", Version: "b"}) })
	assert.Zero(t, of(), "it is gone for good")

	var went []*dag.DAG
	load := n.Loading(func(_ context.Context, res dagfile.Result) error {
		went = res.DAGs
		return gone
	})
	require.ErrorIs(t, load(t.Context(), dagfile.Result{DAGs: []*dag.DAG{averaging(5, 6)}}), gone)
	assert.Len(t, went, 1)
	assert.Equal(t, history.Needs{Ended: 5, Successes: 6}, of(), "as it was loaded")
}
