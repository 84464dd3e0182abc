package airflow_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// withAssets is a world in which etl makes orders and shops, by_name makes shops and waits for orders, and by_hand reads orders.
func withAssets(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	extra := &dag.Map{}
	extra.Set("team", "sales")
	orders := &dag.Asset{URI: "s3://warehouse/orders", Name: "orders", Group: "tables", Extra: extra, Watchers: []dag.Watcher{{Name: "uploads"}}}
	shops := &dag.Asset{URI: "s3://warehouse/shops", Name: "s3://warehouse/shops", Group: "asset"}
	w.files.Of("etl").Tasks[0].Outlets = []*dag.Asset{orders, shops}
	w.files.Of("by_name").Tasks[0].Outlets = []*dag.Asset{shops}
	w.files.Of("by_name").Assets = &dag.AssetCondition{Asset: orders}
	w.files.Of("by_hand").Tasks[0].Inlets = []*dag.Asset{orders}
	return w
}

// asset is the number of the asset with a name.
func (w *world) asset(name string) string {
	w.t.Helper()
	return ids(w.get("/assets?name_pattern="+name), "assets", "id")[0]
}

func TestAssets(t *testing.T) {
	t.Parallel()
	w := withAssets(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertAssetEvent(ctx, &store.AssetEvent{URI: "s3://gone", At: now, MapIndex: -1}, nil)
	})
	list := w.get("/assets")
	assert.Equal(t, []string{"orders", "s3://warehouse/shops"}, ids(list, "assets", "name"))
	assert.InDelta(t, 2.0, list["total_entries"], 0)
	orders := w.asset("ORDERS")
	since := "2026-03-01T11:00:00Z"
	one := w.get("/assets/" + orders)
	assert.Equal(t, map[string]any{
		"id": one["id"], "name": "orders", "uri": "s3://warehouse/orders", "group": "tables", "extra": map[string]any{"team": "sales"},
		"created_at": "2026-03-01T12:00:00Z", "updated_at": "2026-03-01T12:00:00Z",
		"scheduled_dags":  []any{map[string]any{"dag_id": "by_name", "created_at": since, "updated_at": since}},
		"producing_tasks": []any{map[string]any{"dag_id": "etl", "task_id": "first", "created_at": since, "updated_at": since}},
		"consuming_tasks": []any{map[string]any{"dag_id": "by_hand", "task_id": "only", "created_at": since, "updated_at": since}},
		"aliases":         []any{}, "watchers": []any{map[string]any{"name": "uploads", "trigger_id": 1.0, "created_date": "2026-03-01T12:00:00Z"}},
		"last_asset_event": nil,
	}, one)
	assert.Equal(t, one, list["assets"].([]any)[0])
	for query, want := range map[string][]string{
		"order_by=-uri":                   {"s3://warehouse/shops", "orders"},
		"order_by=-id":                    {"s3://warehouse/shops", "orders"},
		"uri_pattern=SHOPS":               {"s3://warehouse/shops"},
		"dag_ids=by_hand":                 {"orders"},
		"dag_ids=by_hand,none":            {"orders"}, // 23: here alone
		"dag_ids=x,etl&dag_ids=none":      {},
		"dag_ids=":                        {"orders", "s3://warehouse/shops"},
		"only_active=false&order_by=name": {"orders", "s3://gone", "s3://warehouse/shops"},
		"limit=1&offset=1":                {"s3://warehouse/shops"},
		"limit=0":                         {},
	} {
		assert.Equal(t, want, ids(w.get("/assets?"+query), "assets", "name"), query)
	}
	for path, status := range map[string]int{"/assets/99": 404, "/assets/s3%3A%2F%2Fwarehouse%2Forders": 422, "/assets?order_by=group": 400, "/assets/aliases/1": 404} {
		assert.Equal(t, status, w.call("ann", "GET", "/api/v2"+path, "").status, path)
	}
	assert.Empty(t, w.get("/assets/aliases")["asset_aliases"])

	// A new name keeps the number.
	w.files.Of("by_name").Assets.Asset.Name = "sales orders"
	w.files.Of("by_hand").Tasks[0].Inlets[0].Name = "sales orders"
	assert.Equal(t, "sales orders", w.get("/assets/" + orders)["name"])
}

func TestAssetEvents(t *testing.T) {
	t.Parallel()
	w := withAssets(t)
	w.run("etl", "made", 3, dag.RunSuccess)
	w.run("by_name", "took", 5, dag.RunSuccess)
	orders := w.asset("orders")
	at := time.Date(2026, 2, 1, 3, 0, 0, 0, time.UTC)
	for i, e := range []store.AssetEvent{
		{URI: "s3://warehouse/orders", DAGID: "etl", RunID: "made", TaskID: "first", MapIndex: -1},
		{URI: "s3://warehouse/shops", DAGID: "by_name", RunID: "took", TaskID: "only", MapIndex: 2, Extra: json.RawMessage(`{"rows": 3}`)},
		{URI: "s3://warehouse/orders", MapIndex: -1},
	} {
		e.At = at.Add(time.Duration(i) * time.Hour)
		var told []string
		if i == 0 {
			told = []string{"by_name"}
		}
		w.write(func(ctx context.Context, tx store.Tx) error {
			if err := tx.InsertAssetEvent(ctx, &e, told); err != nil {
				return err
			}
			return tx.TakeAssetEvents(ctx, "by_name", w.keys["by_name/took"].Key)
		})
	}
	all := w.get("/assets/events")
	first := all["asset_events"].([]any)[0].(map[string]any)
	assert.Equal(t, "orders", first["name"])
	assert.Equal(t, []any{"etl", "made", "first", -1.0}, []any{first["source_dag_id"], first["source_run_id"], first["source_task_id"], first["source_map_index"]})
	assert.Equal(t, map[string]any{}, first["extra"])
	runs := first["created_dagruns"].([]any)
	require.Len(t, runs, 1)
	assert.Equal(t, []any{"took", "by_name", "success", "2026-02-01T05:01:00Z"}, []any{
		runs[0].(map[string]any)["run_id"], runs[0].(map[string]any)["dag_id"], runs[0].(map[string]any)["state"], runs[0].(map[string]any)["start_date"],
	})
	for query, want := range map[string][]string{
		"": {"1", "2", "3"}, "order_by=-timestamp": {"3", "2", "1"}, "asset_id=" + orders: {"1", "3"}, "source_dag_id=etl": {"1"}, "source_task_id=only": {"2"},
		"source_run_id=made": {"1"}, "source_map_index=2": {"2"}, "name_pattern=Shop": {"2"}, "name_pattern=none": {}, "asset_id=99": {},
		"timestamp_gt=2026-02-01T03:00:00Z&timestamp_lte=2026-02-01T04:00:00Z": {"2"}, "limit=1&offset=1": {"2"}, "order_by=-source_map_index&order_by=timestamp": {"2", "1", "3"},
	} {
		assert.Equal(t, want, ids(w.get("/assets/events?"+query), "asset_events", "id"), query)
	}
	assert.InDelta(t, 3.0, w.get("/assets/events?limit=1")["total_entries"], 0)
	assert.Equal(t, 400, w.call("ann", "GET", "/api/v2/assets/events?order_by=id", "").status)
	assert.Equal(t, []string{"1"}, ids(w.get("/dags/by_name/dagRuns/took/upstreamAssetEvents"), "asset_events", "id"))
	assert.Empty(t, w.get("/dags/etl/dagRuns/made/upstreamAssetEvents")["asset_events"])
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2/dags/etl/dagRuns/none/upstreamAssetEvents", "").status)
	last := w.get("/assets/" + orders)["last_asset_event"].(map[string]any)
	assert.Equal(t, "2026-02-01T05:00:00Z", last["timestamp"])

	// bob may read etl and by_hand, which have to do with both assets.
	bob := w.json(w.call("bob", "GET", "/api/v2/assets/events", ""), 200)
	assert.Equal(t, []string{"1", "3"}, ids(bob, "asset_events", "id"), "by_name made the other one")
	assert.Empty(t, bob["asset_events"].([]any)[0].(map[string]any)["created_dagruns"], "the run is one of by_name")
	assert.InDelta(t, 2.0, bob["total_entries"], 0)
	assert.Empty(t, w.json(w.call("bob", "GET", "/api/v2/assets/"+orders, ""), 200)["scheduled_dags"])
	assert.Empty(t, w.json(w.call("bob", "GET", "/api/v2/assets?dag_ids=by_name", ""), 200)["assets"])
	assert.Equal(t, 403, w.call("bob", "GET", "/api/v2/dags/by_name/dagRuns/took/upstreamAssetEvents", "").status)
}

func TestAssetsAreUpdated(t *testing.T) {
	t.Parallel()
	w := withAssets(t)
	orders, shops := w.asset("orders"), w.asset("shops")
	made := w.json(w.call("ann", "POST", "/api/v2/assets/events", `{"asset_id": `+orders+`, "extra": {"day": "monday"}}`), 200)
	assert.Equal(t, map[string]any{"day": "monday", "from_rest_api": true}, made["extra"])
	assert.Nil(t, made["source_dag_id"])
	assert.Equal(t, "s3://warehouse/orders", made["uri"])
	assert.Equal(t, []string{"by_name"}, ids(w.get("/assets/"+orders+"/queuedEvents"), "queued_events", "dag_id"))
	log, err := w.store.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	assert.Equal(t, "ann", log[0].Actor.Name)
	assert.Equal(t, store.ViaRESTAPI, log[0].Actor.Via)
	for body, status := range map[string]int{
		`{"asset_id": 99}`: 404, `{}`: 422, `{"asset_id": "x"}`: 422, `{"asset_id": ` + orders + `, "uri": ""}`: 422, `{"asset_id": ` + orders + `, "partition_key": "x"}`: 400,
	} {
		assert.Equal(t, status, w.call("ann", "POST", "/api/v2/assets/events", body).status, body)
	}
	// oli may operate etl alone: an update of orders would start by_name. Nobody waits for shops, which etl makes.
	assert.Equal(t, 403, w.call("bob", "POST", "/api/v2/assets/events", `{"asset_id": `+shops+`}`).status)
	a := w.call("oli", "POST", "/api/v2/assets/events", `{"asset_id": `+orders+`}`)
	assert.Equal(t, 403, a.status)
	assert.NotContains(t, a.body, "by_name", "oli may not see it")
	assert.Equal(t, 200, w.call("oli", "POST", "/api/v2/assets/events", `{"asset_id": `+shops+`}`).status)
}

func TestQueuedEvents(t *testing.T) {
	t.Parallel()
	w := withAssets(t)
	orders, shops := w.asset("orders"), w.asset("shops")
	w.run("by_name", "r", 1, dag.RunSuccess)
	tell := func(uri string, hour int, dagIDs ...string) {
		w.write(func(ctx context.Context, tx store.Tx) error {
			return tx.InsertAssetEvent(ctx, &store.AssetEvent{URI: uri, At: now.Add(time.Duration(hour) * time.Hour), MapIndex: -1}, dagIDs)
		})
	}
	fill := func() {
		tell("s3://warehouse/orders", 0, "by_name", "etl")
		tell("s3://warehouse/orders", 1, "by_name")
		tell("s3://warehouse/shops", 1, "by_name")
	}
	queued := func(path string) []string { return ids(w.get(path), "queued_events", "dag_id") }
	fill()
	assert.Equal(t, map[string]any{"dag_id": "by_name", "asset_id": w.get("/assets/" + orders)["id"], "created_at": "2026-03-01T12:00:00Z", "dag_display_name": "by_name"},
		w.get("/dags/by_name/assets/"+orders+"/queuedEvents"))
	assert.Equal(t, []string{"by_name", "etl"}, queued("/assets/"+orders+"/queuedEvents"))
	assert.Equal(t, []string{"by_name", "by_name"}, queued("/dags/by_name/assets/queuedEvents"))
	assert.Equal(t, []string{"by_name"}, queued("/dags/by_name/assets/queuedEvents?before=2026-03-01T12:30:00Z"))
	assert.Empty(t, queued("/dags/by_hand/assets/queuedEvents"), "an empty list rather than 404, since 3.1.8")
	for path, status := range map[string]int{
		"/dags/etl/assets/" + shops + "/queuedEvents": 404, "/assets/99/queuedEvents": 404, "/dags/none/assets/queuedEvents": 404, "/assets/" + orders + "/queuedEvents?before=x": 422,
	} {
		assert.Equal(t, status, w.call("ann", "GET", "/api/v2"+path, "").status, path)
	}
	assert.Equal(t, []string{"etl"}, ids(w.json(w.call("bob", "GET", "/api/v2/assets/"+orders+"/queuedEvents", ""), 200), "queued_events", "dag_id"))

	remove := func(who, path string) int { return w.call(who, "DELETE", "/api/v2"+path, "").status }
	assert.Equal(t, 403, remove("bob", "/dags/etl/assets/queuedEvents"), "a viewer")
	assert.Equal(t, 403, remove("oli", "/dags/by_name/assets/queuedEvents"), "another DAG")
	assert.Equal(t, 204, remove("oli", "/assets/"+orders+"/queuedEvents"))
	assert.Equal(t, []string{"by_name"}, queued("/assets/"+orders+"/queuedEvents"), "what oli may not see stays")
	assert.Equal(t, 404, remove("oli", "/assets/"+orders+"/queuedEvents"))
	assert.Equal(t, 204, remove("ann", "/dags/by_name/assets/"+orders+"/queuedEvents?before=2026-03-01T12:30:00Z"))
	assert.Equal(t, []string{"by_name"}, queued("/assets/"+orders+"/queuedEvents"), "the later one stays")
	assert.Equal(t, 204, remove("ann", "/dags/by_name/assets/"+orders+"/queuedEvents"))
	assert.Empty(t, queued("/assets/"+orders+"/queuedEvents"))
	assert.Equal(t, 204, remove("ann", "/dags/by_name/assets/queuedEvents"))
	assert.Equal(t, 404, remove("ann", "/dags/by_name/assets/queuedEvents"))
	log, err := w.store.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	assert.Equal(t, []any{store.EventAssetForget, "by_name", "ann", `{"events":1}`}, []any{log[0].Kind, log[0].DAGID, log[0].Actor.Name, string(log[0].Extra)})
	assert.Len(t, log, 4, "each is in the log")

	// What a run took is not queued.
	fill()
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.TakeAssetEvents(ctx, "by_name", w.keys["by_name/r"].Key)
	})
	assert.Equal(t, 404, remove("ann", "/dags/by_name/assets/queuedEvents"))
	assert.Len(t, w.get("/dags/by_name/dagRuns/r/upstreamAssetEvents")["asset_events"], 3)
}

func TestMaterialize(t *testing.T) {
	t.Parallel()
	w := withAssets(t)
	w.files.Of("by_hand").Tasks[0].Outlets = []*dag.Asset{{URI: "s3://report", Name: "report"}}
	orders, shops, report := w.asset("orders"), w.asset("shops"), w.asset("report")
	made := func(id string) string { return "/api/v2/assets/" + id + "/materialize" }
	r := w.json(w.call("ann", "POST", made(orders), ""), 200)
	assert.Equal(t, []any{"etl", "queued", "rest_api", "ann", nil}, []any{r["dag_id"], r["state"], r["triggered_by"], r["triggering_user_name"], r["logical_date"]})
	r = w.json(w.call("ann", "POST", made(report), `{"dag_run_id": "mine", "note": "by me", "conf": {"a": 1}, "logical_date": "2026-02-01T00:00:00Z"}`), 200)
	assert.Equal(t, []any{"by_hand", "mine", "by me", map[string]any{"a": 1.0}, "2026-02-01T00:00:00Z"}, []any{r["dag_id"], r["dag_run_id"], r["note"], r["conf"], r["logical_date"]})
	assert.Equal(t, 409, w.call("ann", "POST", made(report), `{"dag_run_id": "mine"}`).status)
	a := w.call("ann", "POST", made(shops), "")
	assert.Equal(t, 409, a.status)
	assert.Contains(t, a.body, "by_name, etl")
	a = w.call("oli", "POST", made(shops), "")
	assert.Equal(t, 409, a.status)
	assert.NotContains(t, a.body, "by_name", "oli may not see it")
	assert.Equal(t, 200, w.call("oli", "POST", made(orders), "").status)
	assert.Equal(t, 403, w.call("bob", "POST", made(orders), "").status)
	assert.Equal(t, 404, w.call("ann", "POST", made("99"), "").status)
	assert.Equal(t, 404, w.call("oli", "POST", made(report), "").status, "an asset of others alone")
	w.files.Of("etl").Tasks[0].Inlets = w.files.Of("by_hand").Tasks[0].Outlets
	a = w.call("oli", "POST", made(report), "")
	assert.Equal(t, 403, a.status)
	assert.NotContains(t, a.body, "by_hand", "oli may not see it")
	assert.Equal(t, 422, w.call("ann", "POST", made(orders), `{"x": 1}`).status)
}
