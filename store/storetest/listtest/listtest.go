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
	"github.com/dingdag/dingdag/store/listing"
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

// Lists are the lists of a store.
func Lists(t *testing.T, s store.Store) listing.Reader {
	t.Helper()
	l, ok := s.(interface{ Lists() listing.Reader })
	require.True(t, ok, "the store has no lists")
	return l.Lists()
}

// VersionsAreListed checks the filters, orders and pages of the list of versions.
func VersionsAreListed(t *testing.T, s store.Store) {
	for i, v := range []struct{ version, dagID string }{{"z", "a"}, {"b1", "b"}, {"y", "a"}} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutVersion(ctx, v.version, v.dagID, []byte("x"), midnight.Add(time.Duration(i)*time.Hour))
		})
	}
	l := Lists(t, s)
	for name, c := range map[string]struct {
		f    listing.Versions
		p    listing.Page
		want []string
		n    int
	}{
		"all":            {listing.Versions{}, listing.Page{Limit: 9}, []string{"z", "y", "b1"}, 3},
		"as they came":   {listing.Versions{}, listing.Page{Limit: 9, Order: []listing.Key{{Name: "id"}}}, []string{"z", "b1", "y"}, 3},
		"the last first": {listing.Versions{}, listing.Page{Limit: 1, Order: []listing.Key{{Name: "id", Desc: true}}}, []string{"y"}, 3},
		"of a DAG":       {listing.Versions{DAGIDs: []string{"a"}}, listing.Page{Limit: 9, Order: []listing.Key{{Name: "version_number", Desc: true}}}, []string{"y", "z"}, 2},
		"a number":       {listing.Versions{DAGIDs: []string{"a"}, Number: new(2)}, listing.Page{Limit: 9}, []string{"y"}, 1},
		"a name":         {listing.Versions{Version: "b1"}, listing.Page{Limit: 9}, []string{"b1"}, 1},
		"nobody's":       {listing.Versions{DAGIDs: []string{}}, listing.Page{Limit: 9}, nil, 0},
		"an empty page":  {listing.Versions{}, listing.Page{Offset: 1}, nil, 3},
	} {
		found, n, err := l.ListVersions(t.Context(), c.f, c.p)
		require.NoError(t, err, name)
		var got []string
		for _, v := range found {
			got = append(got, v.Version)
		}
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.n, n, name)
	}
	_, _, err := l.ListVersions(t.Context(), listing.Versions{}, listing.Page{Order: []listing.Key{{Name: "source"}}})
	require.ErrorContains(t, err, `"source"`)
}

// StatesAreCounted checks how many runs DAGs have in each state.
func StatesAreCounted(t *testing.T, s store.Store) {
	for i, r := range []store.Run{
		{DAGID: "b", State: dag.RunFailed}, {DAGID: "a", State: dag.RunSuccess}, {DAGID: "a", State: dag.RunQueued}, {DAGID: "b", State: dag.RunFailed}, {DAGID: "b", State: dag.RunRunning},
	} {
		r.RunID, r.Type, r.RunAfter, r.Version = string(rune('a'+i)), dag.ManualRun, midnight, "v"
		write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertRun(ctx, &r); return err })
	}
	l := Lists(t, s)
	all, err := l.CountStates(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, []listing.StateCount{
		{DAGID: "a", State: dag.RunQueued, Count: 1},
		{DAGID: "a", State: dag.RunSuccess, Count: 1},
		{DAGID: "b", State: dag.RunFailed, Count: 2},
		{DAGID: "b", State: dag.RunRunning, Count: 1},
	}, all)
	some, err := l.CountStates(t.Context(), []string{"a", "none"})
	require.NoError(t, err)
	assert.Equal(t, all[:2], some)
	none, err := l.CountStates(t.Context(), []string{})
	require.NoError(t, err)
	assert.Empty(t, none)
}
