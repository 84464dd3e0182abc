// Package assettest is the part of the suite of stores about assets and their events.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package assettest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

var midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func write(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}

// EventsAreTakenOnce checks that an event is taken with the run that it begins, and by no other one.
func EventsAreTakenOnce(t *testing.T, s store.Store) {
	// Names and clocks whose order is not that of the events.
	first := &store.AssetEvent{URI: "s3://z", At: midnight.Add(time.Hour), DAGID: "p", RunID: "r", TaskID: "t", MapIndex: -1, Extra: json.RawMessage(`{"a": [1, "é"]}`)}
	second := &store.AssetEvent{URI: "s3://a", At: midnight, DAGID: "p", RunID: "r", TaskID: "t", MapIndex: 3}
	third := &store.AssetEvent{URI: "s3://z", At: midnight, DAGID: "p", RunID: "s", TaskID: "t", MapIndex: -1}
	put := func(e *store.AssetEvent, told ...string) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertAssetEvent(ctx, e, told) })
	}
	put(first, "x", "y")
	put(second, "x")
	put(third)
	waiting := func(dagID string) []*store.AssetEvent {
		es, err := s.WaitingAssetEvents(t.Context(), dagID, []string{"s3://b", "s3://z", "s3://a"})
		require.NoError(t, err)
		return es
	}
	told := func() []string {
		ids, err := s.ToldDAGs(t.Context())
		require.NoError(t, err)
		return ids
	}
	assert.Equal(t, []*store.AssetEvent{first, second}, waiting("x"), "in the order of the question")
	assert.Equal(t, []*store.AssetEvent{first}, waiting("y"))
	assert.Empty(t, waiting("z"))
	assert.Equal(t, []string{"x", "y"}, told())
	newest, err := s.AssetEvents(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.AssetEvent{second, third}, newest, "the newest of each, by URI")

	again := &store.AssetEvent{URI: "s3://a", At: midnight, DAGID: "p", RunID: "s", TaskID: "t", MapIndex: -1}
	put(again, "x")
	assert.Equal(t, []*store.AssetEvent{first, again}, waiting("x"), "the newest of each asset")

	boom := errors.New("boom")
	require.ErrorIs(t, s.Tx(t.Context(), func(tx store.Tx) error {
		if err := tx.TakeAssetEvents(t.Context(), "x", 6); err != nil {
			return err
		}
		return boom
	}), boom)
	assert.Len(t, waiting("x"), 2, "a transaction that fails takes nothing")
	take := func(dagID string, run int64) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.TakeAssetEvents(ctx, dagID, run) })
	}
	taken := func(run int64) []*store.AssetEvent {
		es, err := s.TakenAssetEvents(t.Context(), run)
		require.NoError(t, err)
		return es
	}
	take("x", 7)
	take("x", 8)
	assert.Empty(t, waiting("x"))
	assert.Len(t, waiting("y"), 1, "what another DAG was told stays")
	assert.Equal(t, []*store.AssetEvent{first, second, again}, taken(7), "oldest first, each of them")
	assert.Empty(t, taken(8), "an event is taken once")
	assert.Equal(t, []string{"y"}, told())
}

// EventsAreSelected checks that events are found by what is asked of them.
func EventsAreSelected(t *testing.T, s store.Store) {
	var all []*store.AssetEvent
	for _, e := range []store.AssetEvent{
		{URI: "s3://a", DAGID: "d", RunID: "r", TaskID: "t"},
		{URI: "s3://b", DAGID: "d", RunID: "r", TaskID: "u"},
		{URI: "s3://a", DAGID: "e", RunID: "r2", TaskID: "t"},
	} {
		e.At, e.MapIndex = midnight, -1
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertAssetEvent(ctx, &e, nil) })
		all = append(all, &e)
	}
	for name, c := range map[string]struct {
		f    store.AssetEventFilter
		want []*store.AssetEvent
	}{
		"all, newest first":  {store.AssetEventFilter{}, []*store.AssetEvent{all[2], all[1], all[0]}},
		"of an asset":        {store.AssetEventFilter{URI: "s3://a"}, []*store.AssetEvent{all[2], all[0]}},
		"by a DAG":           {store.AssetEventFilter{DAGID: "d"}, []*store.AssetEvent{all[1], all[0]}},
		"by a run":           {store.AssetEventFilter{RunID: "r2"}, []*store.AssetEvent{all[2]}},
		"by a task":          {store.AssetEventFilter{TaskID: "u"}, []*store.AssetEvent{all[1]}},
		"the newest":         {store.AssetEventFilter{Limit: 1}, []*store.AssetEvent{all[2]}},
		"without the newest": {store.AssetEventFilter{Limit: 1, Offset: 1}, []*store.AssetEvent{all[1]}},
		"behind one":         {store.AssetEventFilter{Limit: 5, Behind: all[1].ID}, []*store.AssetEvent{all[0]}},
	} {
		got, err := s.AssetEventLog(t.Context(), c.f)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
}

// KeepTheirNumbers checks that an asset stays the one that it was, whatever changes in it.
func KeepTheirNumbers(t *testing.T, s store.Store) {
	put := func(a *store.Asset) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutAsset(ctx, a) })
	}
	orders := &store.Asset{URI: "s3://z", Name: "orders", Group: "tables", CreatedAt: midnight, UpdatedAt: midnight}
	put(orders)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(
			tx.InsertAssetEvent(ctx, &store.AssetEvent{URI: "s3://a", At: midnight.Add(time.Hour), MapIndex: -1}, nil),
			tx.InsertAssetEvent(ctx, &store.AssetEvent{URI: "s3://z", At: midnight.Add(time.Hour), MapIndex: -1}, nil),
		)
	})
	known := func() []*store.Asset {
		as, err := s.KnownAssets(t.Context())
		require.NoError(t, err)
		return as
	}
	all := known()
	require.Len(t, all, 2)
	assert.Equal(t, orders, all[0], "an event changes nothing about it")
	assert.Equal(t, []any{"s3://a", "s3://a", "asset", midnight.Add(time.Hour)}, []any{all[1].URI, all[1].Name, all[1].Group, all[1].CreatedAt})
	again := &store.Asset{URI: "s3://a", Name: "a", Group: "g", CreatedAt: midnight.Add(2 * time.Hour), UpdatedAt: midnight.Add(3 * time.Hour)}
	put(again)
	assert.Equal(t, all[1].ID, again.ID)
	assert.Equal(t, []*store.Asset{orders, {ID: again.ID, URI: "s3://a", Name: "a", Group: "g", CreatedAt: midnight.Add(time.Hour), UpdatedAt: midnight.Add(3 * time.Hour)}}, known())
}

// EventsAreForgotten checks that a DAG forgets the events that it no longer waits for.
func EventsAreForgotten(t *testing.T, s store.Store) {
	for i, uri := range []string{"s3://a", "s3://a", "s3://b"} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.InsertAssetEvent(ctx, &store.AssetEvent{URI: uri, At: midnight.Add(time.Duration(i) * time.Hour), MapIndex: -1}, []string{"d", "e"})
		})
	}
	forget := func(dagID, uri string, before time.Time) (n int) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			n, err = tx.ForgetAssetEvents(ctx, dagID, uri, before)
			return err
		})
		return n
	}
	assert.Equal(t, 0, forget("d", "", midnight))
	assert.Equal(t, 1, forget("d", "", midnight.Add(time.Hour)), "what happened before")
	assert.Equal(t, 1, forget("d", "s3://a", time.Time{}), "of an asset")
	left, err := s.WaitingAssetEvents(t.Context(), "d", []string{"s3://a", "s3://b"})
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, "s3://b", left[0].URI)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.TakeAssetEvents(ctx, "e", 7) })
	assert.Equal(t, 0, forget("e", "", time.Time{}), "a run has taken it")
	assert.Equal(t, 1, forget("d", "", time.Time{}))
	taken, err := s.TakenAssetEvents(t.Context(), 7)
	require.NoError(t, err)
	assert.Len(t, taken, 3, "another DAG keeps what it had")
}
