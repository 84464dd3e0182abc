//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

func versionsAreStoredOnce(t *testing.T, open Open) {
	s := open(t, Node{})
	for _, src := range []string{"first\x00", "second"} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutVersion(ctx, "v", "d", []byte(src), time.Unix(1, 0))
		})
	}
	src, err := s.Version(t.Context(), "v")
	require.NoError(t, err)
	assert.Equal(t, "first\x00", string(src))
	_, err = s.Version(t.Context(), "w")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func dagsKeepPaused(t *testing.T, open Open) {
	s := open(t, Node{})
	put := func(d store.DAGState) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutDAG(ctx, &d) })
	}
	put(store.DAGState{ID: "b", File: "b.yaml", Version: "1", Active: true, Paused: true})
	put(store.DAGState{ID: "a", File: "a.yaml", Version: "1", Active: true, Assets: []string{"s3://a", "s3://b"}})
	put(store.DAGState{ID: "b", File: "moved.yaml", Version: "2", Active: false})
	got, err := s.DAGs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.DAGState{
		{ID: "a", File: "a.yaml", Version: "1", Active: true, Assets: []string{"s3://a", "s3://b"}},
		{ID: "b", File: "moved.yaml", Version: "2", Paused: true},
	}, got, "by id; loading the file again does not unpause")

	some, err := s.DAGs(t.Context(), "c", "b")
	require.NoError(t, err)
	assert.Equal(t, got[1:], some, "those that are named")

	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SetPaused(ctx, "a", true) })
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SetPaused(ctx, "b", false) })
	paused, err := s.PausedDAGs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, paused)
	d, err := s.DAG(t.Context(), "b")
	require.NoError(t, err)
	assert.False(t, d.Paused)

	_, err = s.DAG(t.Context(), "c")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "c", true) }), store.ErrNotFound)
}

func pausesAreRemembered(t *testing.T, open Open) {
	s := open(t, Node{})
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return store.AddDAG(ctx, tx, &store.DAGState{ID: "d", Active: true}, midnight)
	})
	who := store.Actor{Name: "ü", Via: store.ViaCLI}
	for _, p := range []store.Pause{
		{At: midnight.Add(time.Minute), Paused: true, Cause: "too many failures"},
		{At: midnight.Add(2 * time.Minute), Paused: true, Actor: who},
		{At: midnight.Add(3 * time.Minute), Actor: who},
	} {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return store.SetPaused(ctx, tx, "d", p) })
	}
	got, err := s.Pauses(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, []*store.Pause{
		{At: midnight}, {At: midnight.Add(time.Minute), Paused: true, Cause: "too many failures"}, {At: midnight.Add(3 * time.Minute), Actor: who},
	}, got, "the second one changed nothing")
	events, err := s.Events(t.Context(), store.EventFilter{DAGIDs: []string{}})
	require.NoError(t, err)
	assert.Empty(t, events, "of no DAG")
	events, err = s.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	assert.Equal(t, []*store.Event{{ID: 1, At: midnight.Add(3 * time.Minute), Actor: who, Kind: store.EventUnpause, DAGID: "d", MapIndex: -1}}, events,
		"what the engine did is none")
	err = s.Tx(t.Context(), func(tx store.Tx) error {
		return store.SetPaused(t.Context(), tx, "x", store.Pause{Paused: true, At: midnight})
	})
	require.ErrorIs(t, err, store.ErrNotFound)
}

// What can't be loaded is open until its end is written; of one DAG it is found again.
func importErrorsAreKept(t *testing.T, open Open) {
	s := open(t, Node{})
	all := []*store.ImportError{
		{File: "a.yaml", Since: midnight, Text: "one\ntwo"},
		{File: "a.yaml", DAGID: "a", Since: midnight, Text: "one"},
		{File: "b.yaml", DAGID: "b", Since: midnight.Add(time.Hour), Text: "three"},
	}
	put := func(e *store.ImportError) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutImportError(ctx, e) })
	}
	for _, e := range all {
		put(e)
	}
	all[1].Until, all[1].Text = midnight.Add(2*time.Hour), "another"
	put(all[1])
	again := &store.ImportError{File: "a.yaml", DAGID: "a", Since: midnight.Add(3 * time.Hour), Text: "again"}
	put(again)
	got, err := s.OpenImportErrors(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.ImportError{all[0], all[2], again}, got)
	got, err = s.ImportErrors(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, []*store.ImportError{all[1], again}, got)
	got, err = s.ImportErrors(t.Context(), "")
	require.NoError(t, err)
	assert.Empty(t, got, "files are no DAG")
}
