package lineage_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/apitest"
	"github.com/dingdag/dingdag/api/lineage"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// listed are the assets of apitest.AssetFile, and a store with updates of them, oldest first.
func listed(t *testing.T, updates ...store.AssetEvent) *lineage.Lists {
	t.Helper()
	s := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return insert(t.Context(), tx, updates) }))
	return &lineage.Lists{Folder: apitest.NewFolder(t, apitest.AssetFile), Store: s, Log: s.Lists()}
}

func insert(ctx context.Context, tx store.Tx, updates []store.AssetEvent) error {
	for i := range updates {
		e := updates[i]
		e.At, e.MapIndex = now.Add(time.Duration(i)*time.Minute), -1
		if err := tx.InsertAssetEvent(ctx, &e, nil); err != nil {
			return err
		}
	}
	return nil
}

// by are the updates that are listed, by their numbers.
func by(t *testing.T, l *lineage.Lists, uri string, limit int) (ids []int64, more bool) {
	t.Helper()
	all, more, err := l.Events(t.Context(), uri, limit)
	require.NoError(t, err)
	for _, e := range all {
		ids = append(ids, e.ID)
	}
	return ids, more
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	l := listed(t, store.AssetEvent{URI: "s3://w/orders", DAGID: "maker", TaskID: "make"}, store.AssetEvent{URI: "s3://w/raw"}, store.AssetEvent{URI: "s3://w/orders"})
	all, broken, err := l.Assets(t.Context())
	require.NoError(t, err)
	assert.False(t, broken)
	require.Len(t, all, 3)
	assert.Nil(t, all[0].LastEvent)
	assert.Equal(t, "an event from outside", all[1].LastEvent.By())
	assert.Equal(t, now.Add(2*time.Minute), all[1].LastEvent.Timestamp)
	for _, c := range []struct {
		uri   string
		limit int
		want  []int64
		more  bool
	}{
		{"", 0, []int64{3, 2, 1}, false},
		{"", 2, []int64{3, 2}, true},
		{"", 3, []int64{3, 2, 1}, false},
		{"S3://w/orders", 5, []int64{3, 1}, false},
		{"s3://w/none", 5, nil, false},
	} {
		got, more := by(t, l, c.uri, c.limit)
		assert.Equal(t, c.want, got, c)
		assert.Equal(t, c.more, more, c)
	}
	_, _, err = l.Events(t.Context(), "s3://w/\x01", 1)
	require.Error(t, err)
	l.Store, l.Log = nil, nil
	got, _ := by(t, l, "", 0)
	assert.Empty(t, got)
}

// Who is limited to some DAGs sees the assets of these, and who of these or of outside has updated them.
func TestListsForWhoIsLimited(t *testing.T) {
	t.Parallel()
	l := listed(t,
		store.AssetEvent{URI: "s3://w/both", DAGID: "maker", TaskID: "make"}, store.AssetEvent{URI: "s3://w/both", DAGID: "other", TaskID: "also"},
		store.AssetEvent{URI: "s3://w/raw"}, store.AssetEvent{URI: "s3://w/orders", DAGID: "maker", TaskID: "make"}, store.AssetEvent{URI: "s3://w/orders"},
	)
	ids := []string{"other"}
	l.Visible = func(context.Context) ([]string, error) { return ids, nil }
	all, _, err := l.Assets(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, "s3://w/both", all[0].URI)
	assert.Equal(t, []lineage.Task{{DAGID: "other", TaskID: "also"}}, all[0].Producers)
	assert.Equal(t, "other.also", all[0].LastEvent.By())
	got, _ := by(t, l, "", 0)
	assert.Equal(t, []int64{2}, got)
	got, more := by(t, l, "s3://w/both", 1)
	assert.Equal(t, []int64{2}, got)
	assert.False(t, more)
	ids = []string{"a_reader"}
	got, _ = by(t, l, "", 0)
	assert.Equal(t, []int64{5}, got, "that of outside, and none of a DAG of others")
	ids = []string{}
	got, _ = by(t, l, "", 0)
	assert.Empty(t, got)
}
