// Package listtest is the part of the suite of stores about what lists show beside runs and task instances:
// notes, and the numbers of versions.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package listtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func write(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}

// VersionsAreNumbered checks that each DAG counts its versions, and that one that comes again keeps its number.
func VersionsAreNumbered(t *testing.T, s store.Store) {
	at := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	for i, v := range []struct{ version, dagID string }{{"a1", "a"}, {"b1", "b"}, {"a2", "a"}, {"a1", "a"}, {"a3", "a"}} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutVersion(ctx, v.version, v.dagID, []byte("x"), at(i))
		})
	}
	for version, want := range map[string]store.Version{
		"a1": {Version: "a1", DAGID: "a", Number: 1, CreatedAt: at(0)}, "b1": {Version: "b1", DAGID: "b", Number: 1, CreatedAt: at(1)},
		"a2": {Version: "a2", DAGID: "a", Number: 2, CreatedAt: at(2)}, "a3": {Version: "a3", DAGID: "a", Number: 3, CreatedAt: at(4)},
	} {
		got, err := s.VersionInfo(t.Context(), version)
		require.NoError(t, err)
		assert.Equal(t, want, *got)
	}
	_, err := s.VersionInfo(t.Context(), "none")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// NotesAreKept checks that a note is replaced by the next one, and goes with an empty one and with its run.
func NotesAreKept(t *testing.T, s store.Store) {
	r := &store.Run{DAGID: "d", RunID: "r", Type: dag.ManualRun, State: dag.RunQueued, RunAfter: midnight, Version: "v"}
	write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertRun(ctx, r); return err })
	ann := store.Actor{Name: "ann", Via: store.ViaUI}
	put := func(task string, index int, text string) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutNote(ctx, &store.Note{RunKey: r.Key, TaskID: task, MapIndex: index, Content: text, Actor: ann, At: midnight})
		})
	}
	put("", -1, "run")
	put("t", 3, "first")
	put("t", 3, "second")
	put("t", 4, "gone")
	put("t", 4, "")
	got, err := s.Notes(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, []*store.Note{
		{RunKey: r.Key, MapIndex: -1, Content: "run", Actor: ann, At: midnight}, {RunKey: r.Key, TaskID: "t", MapIndex: 3, Content: "second", Actor: ann, At: midnight},
	}, got)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.RemoveRowsOfRun(ctx, r.Key, 100)
		return err
	})
	got, err = s.Notes(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Empty(t, got)
}
