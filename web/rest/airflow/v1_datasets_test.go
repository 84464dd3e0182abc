package airflow_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
	v1 "github.com/dingdag/dingdag/web/rest/v1"
)

// Assets are datasets in version 1, which go by their URIs.
func TestVersion1Datasets(t *testing.T) {
	t.Parallel()
	w := withAssets(t)
	o := &old{w, v1.New(w.srv)}
	list := o.get("/datasets?dag_ids=etl,by_hand&order_by=-uri")
	assert.Equal(t, []string{"s3://warehouse/shops", "s3://warehouse/orders"}, ids(list, "datasets", "uri"))
	assert.InDelta(t, 2.0, list["total_entries"], 0)
	orders := o.get("/datasets/" + url.PathEscape("s3://warehouse/orders"))
	since := "2026-03-01T11:00:00Z"
	assert.Equal(t, map[string]any{
		"id": orders["id"], "uri": "s3://warehouse/orders", "extra": map[string]any{"team": "sales"}, "created_at": "2026-03-01T12:00:00Z", "updated_at": "2026-03-01T12:00:00Z",
		"consuming_dags":  []any{map[string]any{"dag_id": "by_name", "created_at": since, "updated_at": since}},
		"producing_tasks": []any{map[string]any{"dag_id": "etl", "task_id": "first", "created_at": since, "updated_at": since}},
	}, orders)
	for path, status := range map[string]int{"/datasets/orders": 404, "/datasets/s3%3A%2F%2Fwarehouse%2Forder": 404, "/datasets/s3%3A%2F%2Fware%25": 404, "/datasets?order_by=group": 400} {
		assert.Equal(t, status, o.call("ann", "GET", path, "").status, path)
	}

	made := o.json(o.call("ann", "POST", "/datasets/events", `{"dataset_uri": "s3://warehouse/shops", "extra": {"rows": 3}}`), 200)
	assert.Equal(t, []any{"s3://warehouse/shops", nil, -1.0, []any{}}, []any{made["dataset_uri"], made["source_dag_id"], made["source_map_index"], made["created_dagruns"]})
	assert.InDelta(t, 3, made["extra"].(map[string]any)["rows"], 0)
	for body, status := range map[string]int{`{}`: 400, `{"dataset_uri": "s3://none"}`: 404, `{"dataset_uri": "s3://warehouse/shops", "asset_id": 1}`: 400} {
		assert.Equal(t, status, o.call("ann", "POST", "/datasets/events", body).status, body)
	}
	assert.Equal(t, 403, o.call("bob", "POST", "/datasets/events", `{"dataset_uri": "s3://warehouse/shops"}`).status)

	events := o.get("/datasets/events")
	assert.Equal(t, []string{"s3://warehouse/shops"}, ids(events, "dataset_events", "dataset_uri"))
	assert.NotContains(t, events, "asset_events")
	assert.Empty(t, o.get("/datasets/events?dataset_id=" + w.asset("orders"))["dataset_events"], "of another one")
}

// What Airflow 2 tells of the tries of a task, of the numbers of runs, and of itself.
func TestVersion1Others(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	o.run("etl", "tried", 7, "success", store.Instance{TaskID: "second", MapIndex: -1, State: "success", Try: 1, MaxTries: 3})
	const at = "/dags/etl/dagRuns/tried/taskInstances/second"
	try := o.get(at + "/tries/1")
	assert.Equal(t, []any{"second", "tried", 1.0, 2.0, "success"}, []any{try["task_id"], try["dag_run_id"], try["try_number"], try["max_tries"], try["state"]})
	assert.NotContains(t, try, "dag_version")
	assert.Equal(t, []any{try}, o.get(at + "/tries")["task_instances"])
	assert.Equal(t, try, o.get(at+"/-1/tries/1"))
	assert.Equal(t, 404, o.call("ann", "GET", at+"/tries/2", "").status)

	stats := o.get("/dagStats?dag_ids=etl,none")
	assert.Equal(t, []string{"etl"}, ids(stats, "dags", "dag_id"))
	first := stats["dags"].([]any)[0].(map[string]any)
	assert.Len(t, first["stats"], 4)
	assert.NotContains(t, first, "dag_display_name")
	assert.Equal(t, 400, o.call("ann", "GET", "/dagStats", "").status)

	assert.Equal(t, 403, o.call("ann", "GET", "/config", "").status)
	assert.Equal(t, 403, o.call("ann", "GET", "/config/section/core/option/dags_folder", "").status)
	assert.Equal(t, map[string]any{"plugins": []any{}, "total_entries": 0.0}, o.get("/plugins"))
	providers := o.get("/providers")
	assert.Equal(t, map[string]any{"package_name": "dingdag-providers-standard", "description": "bash", "version": "test"}, providers["providers"].([]any)[0])
	assert.Equal(t, 401, o.call("", "GET", "/providers", "").status)
}
