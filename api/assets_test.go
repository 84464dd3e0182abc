package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/apitest"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/api/lineage"
	"github.com/dingdag/dingdag/store"
)

// updated stores an update of an asset.
func (w *world) updated(uri string, at time.Time) {
	e := &store.AssetEvent{URI: uri, At: at, DAGID: "maker", RunID: "r", TaskID: "make", MapIndex: -1}
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertAssetEvent(ctx, e, nil) })
}

func TestAssets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, apitest.AssetFile)
	w.updated("s3://w/orders", now.Add(-time.Hour))
	w.updated("s3://w/orders", now)
	all, broken, err := (&lineage.Lists{Folder: w.files, Store: w.store}).Assets(t.Context())
	require.NoError(t, err)
	assert.False(t, broken)
	require.Len(t, all, 3)
	assert.Equal(t, []lineage.Task{{DAGID: "maker", TaskID: "make"}, {DAGID: "other", TaskID: "also"}}, all[0].Producers)
	assert.Equal(t, &lineage.Asset{
		URI: "s3://w/orders", Name: "orders", Group: all[1].Group, Producers: []lineage.Task{{DAGID: "maker", TaskID: "make"}}, Consumers: []string{"a_reader"}, Readers: []lineage.Task{},
		LastEvent: &lineage.Update{Timestamp: now, DAGID: "maker", RunID: "r", TaskID: "make", MapIndex: -1, Extra: []byte("{}")},
	}, all[1])
	assert.Equal(t, []lineage.Task{{DAGID: "maker", TaskID: "make"}}, all[2].Readers)

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
	for name, c := range map[string]struct {
		mine []string
		uri  string
		want string
	}{
		"not seen":   {[]string{"other"}, "s3://w/orders", `no asset "s3://w/orders" in the DAGs folder`},
		"not made":   {[]string{"a_reader"}, "s3://w/orders", "none of the DAGs that the user or the token is limited to produces"},
		"two, of us": {[]string{"maker", "other"}, "s3://w/both", ": maker, other; run the one you mean"},
		"one of two": {[]string{"other"}, "s3://w/both", ": other, and others that"},
	} {
		_, err := emit.Materialize(t.Context(), w.limited(c.mine...), w.files, emit.Materialization{URI: c.uri})
		require.ErrorContains(t, err, c.want, name)
	}
	_, err = emit.Materialize(t.Context(), w.limited("maker"), w.files, emit.Materialization{URI: "s3://w/orders"})
	require.ErrorContains(t, err, `of dag "maker", or another one with logical date 2026-03-01T12:00:00Z: exists already`, "it was asked for")
	w.files.Broken = map[string]string{"x": "x.yaml:1:1: error: no"}
	_, err = emit.Materialize(t.Context(), w.API, w.files, emit.Materialization{Name: "gone"})
	require.ErrorIs(t, err, api.ErrNotFound)
	require.ErrorContains(t, err, "some DAG files have errors")
}
