package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/store"
)

const withAssets = `
maker:
  schedule: null
  tasks:
    - {task_id: make, operator: empty, outlets: [{__type__: airflow.sdk.Asset, name: orders, uri: "s3://w/orders"}, "s3://w/both"], inlets: ["s3://w/raw"]}
other:
  schedule: null
  tasks:
    - {task_id: also, operator: empty, outlets: ["s3://w/both"]}
a_reader:
  schedule: ["s3://w/orders"]
  tasks:
    - {task_id: t, operator: empty}
`

// updated stores an update of an asset.
func (w *world) updated(uri string, at time.Time) {
	e := &store.AssetEvent{URI: uri, At: at, DAGID: "maker", RunID: "r", TaskID: "make", MapIndex: -1}
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertAssetEvent(ctx, e, nil) })
}

func TestAssets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.parse(t, withAssets)
	w.updated("s3://w/orders", now.Add(-time.Hour))
	w.updated("s3://w/orders", now)
	all, broken, err := w.Assets(t.Context())
	require.NoError(t, err)
	assert.False(t, broken)
	require.Len(t, all, 3)
	assert.Equal(t, []api.TaskRef{{DAGID: "maker", TaskID: "make"}, {DAGID: "other", TaskID: "also"}}, all[0].Producers)
	assert.Equal(t, &api.Asset{
		URI: "s3://w/orders", Name: "orders", Group: all[1].Group, Producers: []api.TaskRef{{DAGID: "maker", TaskID: "make"}}, Consumers: []string{"a_reader"}, Readers: []api.TaskRef{},
		LastEvent: &api.AssetUpdate{Timestamp: now, DAGID: "maker", RunID: "r", TaskID: "make", MapIndex: -1, Extra: []byte("{}")},
	}, all[1])
	assert.Equal(t, []api.TaskRef{{DAGID: "maker", TaskID: "make"}}, all[2].Readers)

	done, err := emit.Materialize(t.Context(), w.as(ann), w.files, emit.Materialization{URI: "orders", Name: "orders"})
	require.NoError(t, err)
	assert.Equal(t, "maker", done.Run.DAGID)
	assert.Equal(t, "ann", done.Run.TriggeringUser)
	for name, c := range map[string]struct {
		m    emit.Materialization
		want string
	}{
		"nothing":        {emit.Materialization{}, "uri: is empty: name one asset by its URI or its name"},
		"a bad URI":      {emit.Materialization{URI: "s3://w/\x01"}, "uri: "},
		"nobody's":       {emit.Materialization{Name: "order"}, `no asset "order" in the DAGs folder; did you mean "orders"?`},
		"two DAGs":       {emit.Materialization{URI: "s3://w/both"}, `more than one DAG produces the asset "s3://w/both": maker, other; run the one you mean`},
		"without a task": {emit.Materialization{URI: "s3://w/raw"}, `no task has the asset "s3://w/raw" among its outlets`},
	} {
		_, err := emit.Materialize(t.Context(), w.API, w.files, c.m)
		require.ErrorContains(t, err, c.want, name)
	}
	w.files.broken = map[string]string{"x": "x.yaml:1:1: error: no"}
	_, err = emit.Materialize(t.Context(), w.API, w.files, emit.Materialization{Name: "gone"})
	require.ErrorIs(t, err, api.ErrNotFound)
	require.ErrorContains(t, err, "some DAG files have errors")
}

// Updates between two pages neither repeat one nor hide one.
func TestPagesOfAssetEventsAreStable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		w.updated("s3://w/orders", now)
		w.updated("s3://w/raw", now)
	}
	var got []int64
	q := api.AssetEventQuery{URI: "S3://w/orders", DAGID: "maker", RunID: "r", TaskID: "make", Page: api.Page{Limit: 2, Count: true}}
	for page := 0; ; page++ {
		es, err := w.AssetEvents(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, 5+page, es.Total)
		for _, e := range es.Items {
			assert.Equal(t, "s3://w/orders", e.URI)
			got = append(got, e.ID)
		}
		if q.Cursor = es.Next; q.Cursor == "" {
			break
		}
		w.updated("s3://w/orders", now)
	}
	assert.Equal(t, []int64{9, 7, 5, 3, 1}, got)
	_, err := w.AssetEvents(t.Context(), api.AssetEventQuery{URI: "s3://w/\x01"})
	assert.Equal(t, "uri", field(t, err))
}
