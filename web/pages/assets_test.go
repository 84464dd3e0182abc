package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web/pages"
)

// assetFiles have a circle: what recycle makes starts load again. Two make shops, and drops has no maker.
const assetFiles = `
load:
  schedule: [{__type__: airflow.sdk.Asset, uri: s3://raw/returns}, {__type__: airflow.sdk.Asset, uri: s3://raw/drops}]
  tags: [open]
  tasks:
    - {task_id: write, operator: empty, outlets: [{__type__: airflow.sdk.Asset, uri: s3://lake/orders, name: "<b>orders</b>", group: lake, extra: {rows: 7, token: hush-hush}}]}
report:
  schedule: [s3://lake/orders]
  tags: [closed]
  tasks: [{task_id: count, operator: empty, inlets: [s3://lake/shops], outlets: [s3://lake/shops]}]
recycle:
  schedule: [s3://lake/orders]
  tags: [open]
  tasks: [{task_id: back, operator: empty, outlets: [s3://raw/returns, s3://lake/shops]}]
`

func num(n int64) string { return strconv.FormatInt(n, 10) }

// assetWorld is a world with those.
func assetWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.files.Parse(t, assetFiles)
	for _, id := range []string{"load", "report", "recycle"} {
		w.seen(id)
	}
	return w
}

// asset is the address of the page of an asset.
func (w *world) asset(uri string) string {
	w.t.Helper()
	w.get("/assets") // so that it has a number
	all, err := w.store.KnownAssets(w.t.Context())
	require.NoError(w.t, err)
	for _, a := range all {
		if a.URI == uri {
			return "/assets/" + num(a.ID)
		}
	}
	require.Fail(w.t, "no asset "+uri)
	return ""
}

// limit is a viewer or operator of DAGs with a tag.
func (w *world) limit(role access.Role, tag string) {
	scope, err := access.ParseScope("tag:" + tag)
	require.NoError(w.t, err)
	w.who = access.Identity{User: "lily", Role: role, DAGs: scope}
	w.visitor = pages.Visitor{Name: "lily", Sees: func(id string, tags, owners []string) bool {
		return w.who.May(access.Read, &access.DAG{ID: id, Tags: tags, Owners: owners})
	}, Operates: func(string, []string, []string) bool { return false }}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	none := newWorld(t)
	has(t, none.get("/assets").body, "No DAG has assets yet")
	has(t, none.get("/assets/graph").body, "No DAG has assets yet")

	w := assetWorld(t)
	orders := w.asset("s3://lake/orders")
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutAsset(ctx, &store.Asset{URI: "s3://old", Name: "s3://old", Group: "asset", CreatedAt: now, UpdatedAt: now})
	})
	list := w.get("/assets").body
	for _, text := range []string{"&lt;b&gt;orders&lt;/b&gt;", "s3://lake/orders", `href="` + orders + `"`, `href="/dags/load/tasks/write"`, `href="/dags/report"`, "never", "<small>4</small>"} {
		has(t, list, text)
	}
	hasNot(t, list, "s3://old")
	gone := w.get("/assets?gone=on").body
	has(t, gone, "s3://old")
	has(t, gone, "no DAG has it")
	has(t, w.get("/assets?q=LAKE").body, "<small>2</small>")
	has(t, w.get("/assets?q=nothing").body, "No asset matches.")
	has(t, w.get("/assets?dag_id=report").body, "<small>2</small>")
	assert.Equal(t, http.StatusUnprocessableEntity, w.get("/assets?page=x").status)

	one := w.get(orders)
	require.Equal(t, http.StatusOK, one.status)
	for _, text := range []string{
		"<h1>&lt;b&gt;orders&lt;/b&gt;</h1>", "&#34;rows&#34;: 7", "***", `href="/dags/report"`, "nothing queued", "It was not updated yet.", `action="` + orders + `/emit"`,
		`action="` + orders + `/materialize"`, `class="n is-asset chosen"`,
	} {
		has(t, one.body, text)
	}
	hasNot(t, one.body, "hush-hush")
	for path, status := range map[string]int{"/assets/99": 404, "/assets/x": 422, orders + "?page=0": 422} {
		assert.Equal(t, status, w.get(path).status, path)
	}
	shops := w.get(w.asset("s3://lake/shops")).body
	hasNot(t, shops, "/materialize") // two make it
	has(t, shops, "No DAG is scheduled on this asset.")
	has(t, shops, "Read by")
}

// The graph has what is before and after an asset, and leaves out what would close a circle.
func TestGraphOfAssets(t *testing.T) {
	t.Parallel()
	w := assetWorld(t)
	whole := w.get("/assets/graph").body
	assert.Equal(t, 4, strings.Count(whole, `class="n is-asset"`))
	assert.Equal(t, 3, strings.Count(whole, `class="n is-dag"`))
	has(t, whole, "is not drawn: s3://raw/returns → DAG load<")
	around := w.get(w.asset("s3://raw/drops")).body
	assert.Equal(t, 1, strings.Count(around, `chosen"`))
	has(t, around, `href="/dags/report"`)
	hasNot(t, w.get(w.asset("s3://lake/shops")).body, "of 7")

	w.limit(access.Viewer, "open")
	limited := w.get("/assets/graph").body
	hasNot(t, limited, "report")
	assert.Equal(t, 2, strings.Count(limited, `class="n is-dag"`))
	list := w.get("/assets").body
	hasNot(t, list, "report")
	w.limit(access.Viewer, "closed")
	for _, path := range []string{"/assets", "/assets/graph", w.asset("s3://lake/orders")} {
		closed := w.get(path)
		assert.Equal(t, http.StatusOK, closed.status, path)
		hasNot(t, closed.body, "load")
		hasNot(t, closed.body, "recycle")
	}
	assert.Equal(t, http.StatusNotFound, w.get(w.asset("s3://raw/returns")).status)
}

// A graph that is too large is drawn in part, and says so.
func TestLargeGraphOfAssets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var text strings.Builder
	for i := range 300 {
		text.WriteString("load_" + num(int64(i)) + ":\n  schedule: null\n  tasks: [{task_id: write, operator: empty, outlets: [\"x://a/" + num(int64(i)) + "\"]}]\n")
	}
	w.files.Parse(t, text.String())
	got := w.get("/assets/graph").body
	has(t, got, "400 of 600 DAGs and assets are drawn")
	assert.Equal(t, 400, strings.Count(got, `<a class="n `))
	around := w.get(w.asset("x://a/299")).body
	assert.Equal(t, 2, strings.Count(around, `<a class="n `))
	hasNot(t, around, "are drawn")
	list := w.get("/assets").body
	assert.Equal(t, 50, strings.Count(list, "<tr data-row>"))
	has(t, list, "Page 1 of 6")
}

func TestEmitAndMaterialize(t *testing.T) {
	t.Parallel()
	w := assetWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, id := range []string{"load", "report", "recycle"} {
			d, err := w.files.DAG(id)
			if err != nil {
				return err
			}
			for _, a := range d.Assets.Assets() {
				if err := tx.PutAsset(ctx, &store.Asset{URI: a.URI, Name: a.Name, Group: a.Group, CreatedAt: now, UpdatedAt: now}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	returns := w.asset("s3://raw/returns")
	for _, extra := range []string{"[1]", "{", `"x"`} {
		bad := w.post(returns+"/emit", url.Values{"extra": {extra}})
		assert.Equal(t, http.StatusUnprocessableEntity, bad.status, extra)
		has(t, bad.body, `role="alert"`)
	}
	done := w.post(returns+"/emit", url.Values{"extra": {`{"rows": 9, "who": "<i>me</i>"}`}})
	require.Equal(t, http.StatusSeeOther, done.status, done.body)
	assert.Equal(t, returns, done.header.Get("Location"))
	one := w.get(returns).body
	for _, text := range []string{"from outside", "&#34;rows&#34;: 9", "&lt;i&gt;me&lt;/i&gt;", "update queued"} {
		has(t, one, text)
	}
	has(t, w.get("/assets").body, "1 DAG ")

	made := w.post(w.asset("s3://lake/orders")+"/materialize", url.Values{})
	require.Equal(t, http.StatusSeeOther, made.status, made.body)
	assert.True(t, strings.HasPrefix(made.header.Get("Location"), "/dags/load/runs/manual__"), made.header.Get("Location"))
	assert.Equal(t, http.StatusForbidden, w.post(w.asset("s3://lake/shops")+"/materialize", url.Values{}).status)
	assert.Equal(t, []string{"trigger", "asset_emit"}, w.events())

	for _, role := range []access.Role{access.Viewer, access.Operator} {
		w.limit(role, "open")
		orders := w.asset("s3://lake/orders")
		hasNot(t, w.get(orders).body, "/emit") // report starts too, and is not his
		assert.Equal(t, http.StatusForbidden, w.post(orders+"/emit", url.Values{}).status)
		assert.Equal(t, role == access.Viewer, w.post(orders+"/materialize", url.Values{}).status == http.StatusForbidden) // an operator has a run at this moment already
		assert.Equal(t, role == access.Operator, contains(w.get(returns).body, "/emit"))
		assert.Equal(t, http.StatusNotFound, w.post("/assets/99/emit", url.Values{}).status)
	}
	w.who = access.Identity{User: "vera", Role: access.Viewer, DAGs: access.AllDAGs()}
	assert.Equal(t, http.StatusForbidden, w.post(returns+"/emit", url.Values{}).status)
	assert.Equal(t, http.StatusForbidden, w.post(returns+"/materialize", url.Values{}).status)
}

// The updates of an asset lead to what made them and to the runs that they led to.
func TestUpdatesOfAssets(t *testing.T) {
	t.Parallel()
	w := assetWorld(t)
	orders := w.asset("s3://lake/orders")
	for i := range 30 {
		w.write(func(ctx context.Context, tx store.Tx) error {
			return tx.InsertAssetEvent(ctx, &store.AssetEvent{URI: "s3://lake/orders", At: now.Add(-time.Duration(i) * time.Minute), DAGID: "load", RunID: "r" + num(int64(i)), TaskID: "write", MapIndex: -1}, nil)
		})
	}
	first, second := w.get(orders).body, w.get(orders+"?page=2").body
	has(t, first, `href="/dags/load/runs/r0/tasks/write"`)
	hasNot(t, first, `href="/dags/load/runs/r29/tasks/write"`)
	has(t, second, `href="/dags/load/runs/r29/tasks/write"`)
	has(t, first, "Page 1 of 2")
}
