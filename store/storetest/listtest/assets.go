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

// AssetEventsAreListed checks the filters, orders and pages of the list of updates of assets, the runs that they led to, and
// what waits to lead to one.
func AssetEventsAreListed(t *testing.T, s store.Store) {
	r := &store.Run{DAGID: "d", RunID: "r", Type: dag.AssetRun, State: dag.RunQueued, RunAfter: midnight, Version: "v"}
	write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertRun(ctx, r); return err })
	var all []int64
	for i, e := range []store.AssetEvent{
		{URI: "s3://a", DAGID: "p", RunID: "one", TaskID: "t", MapIndex: -1},
		{URI: "s3://b", DAGID: "q", RunID: "two", TaskID: "u", MapIndex: 3},
		{URI: "s3://a", MapIndex: -1},
	} {
		e.At = midnight.Add(time.Duration(i) * time.Hour)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if err := tx.InsertAssetEvent(ctx, &e, []string{"d", "e"}); err != nil || i > 0 {
				return err
			}
			return tx.TakeAssetEvents(ctx, "d", r.Key)
		})
		all = append(all, e.ID)
	}
	l := Lists(t, s)
	ever := listing.Page{Limit: 9, Order: []listing.Key{{Name: "timestamp"}}}
	for name, c := range map[string]struct {
		f    listing.AssetEvents
		p    listing.Page
		want []int64
		n    int
	}{
		"all":               {listing.AssetEvents{}, ever, all, 3},
		"the last first":    {listing.AssetEvents{}, listing.Page{Limit: 2, Order: []listing.Key{{Name: "timestamp", Desc: true}}}, []int64{all[2], all[1]}, 3},
		"the second":        {listing.AssetEvents{}, listing.Page{Limit: 1, Offset: 1, Order: ever.Order}, all[1:2], 3},
		"no page":           {listing.AssetEvents{}, listing.Page{}, nil, 3},
		"of assets":         {listing.AssetEvents{URIs: []string{"s3://a"}}, ever, []int64{all[0], all[2]}, 2},
		"one":               {listing.AssetEvents{IDs: all[1:2]}, ever, all[1:2], 1},
		"of a DAG":          {listing.AssetEvents{DAGID: new("q")}, ever, all[1:2], 1},
		"of a task":         {listing.AssetEvents{TaskID: new("t")}, ever, all[:1], 1},
		"of a run":          {listing.AssetEvents{RunID: new("two")}, ever, all[1:2], 1},
		"of an index":       {listing.AssetEvents{MapIndex: new(3)}, ever, all[1:2], 1},
		"lately":            {listing.AssetEvents{Timestamp: listing.Range[time.Time]{GT: new(midnight)}}, ever, all[1:], 2},
		"what a run took":   {listing.AssetEvents{TakenBy: r.Key}, ever, all[:1], 1},
		"by some DAGs":      {listing.AssetEvents{By: []string{"q"}}, ever, all[1:2], 1},
		"and from outside":  {listing.AssetEvents{By: []string{"q"}, Outside: []string{"s3://a"}}, ever, all[1:], 2},
		"from outside":      {listing.AssetEvents{Outside: []string{"s3://b"}}, ever, nil, 0},
		"by nobody":         {listing.AssetEvents{By: []string{}}, ever, nil, 0},
		"by index and time": {listing.AssetEvents{}, listing.Page{Limit: 9, Order: []listing.Key{{Name: "source_map_index", Desc: true}, {Name: "timestamp"}}}, []int64{all[1], all[0], all[2]}, 3},
	} {
		found, n, err := l.ListAssetEvents(t.Context(), c.f, c.p)
		require.NoError(t, err, name)
		var got []int64
		for _, e := range found {
			got = append(got, e.ID)
			if e.ID == all[0] {
				require.Len(t, e.Runs, 1, name)
				assert.Equal(t, "r", e.Runs[0].RunID, name)
			} else {
				assert.Empty(t, e.Runs, name)
			}
		}
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.n, n, name)
	}
	_, _, err := l.ListAssetEvents(t.Context(), listing.AssetEvents{}, listing.Page{Order: []listing.Key{{Name: "extra"}}})
	require.ErrorContains(t, err, `"extra"`)

	queued := func(dagID, uri string, first time.Time) listing.QueuedEvents {
		return listing.QueuedEvents{DAGID: dagID, URI: uri, First: first}
	}
	after := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	for name, c := range map[string]struct {
		f    listing.Queued
		want []listing.QueuedEvents
	}{
		"all":      {listing.Queued{}, []listing.QueuedEvents{queued("d", "s3://a", after(2)), queued("d", "s3://b", after(1)), queued("e", "s3://a", after(0)), queued("e", "s3://b", after(1))}},
		"of DAGs":  {listing.Queued{DAGIDs: []string{"d"}, URI: "s3://b"}, []listing.QueuedEvents{queued("d", "s3://b", after(1))}},
		"before":   {listing.Queued{Before: after(1)}, []listing.QueuedEvents{queued("e", "s3://a", after(0))}},
		"nobody's": {listing.Queued{DAGIDs: []string{}}, []listing.QueuedEvents{}},
	} {
		got, err := l.QueuedAssetEvents(t.Context(), c.f)
		require.NoError(t, err, name)
		for i := range got {
			got[i].First = got[i].First.UTC()
		}
		assert.Equal(t, c.want, got, name)
	}
}
