//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

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

func assetEventsAreTakenOnce(t *testing.T, open Open) {
	s := open(t, Node{})
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

func assetEventsAreSelected(t *testing.T, open Open) {
	s := open(t, Node{})
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
	n, err := s.CountAssetEvents(t.Context(), store.AssetEventFilter{URI: "s3://a", Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}
