package airflow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

func TestOneMapIndex(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	const etl = "/api/v2/dags/etl"
	const b = etl + "/dagRuns/scheduled__b/taskInstances"
	cleared := func(body string) []string {
		t.Helper()
		return ids(w.json(w.call("ann", "POST", etl+"/clearTaskInstances", body), 200), "task_instances", "map_index")
	}
	assert.Equal(t, []string{"1"}, cleared(`{"dag_run_id":"scheduled__b","only_failed":false,"task_ids":[["each",1]]}`))
	assert.Equal(t, []string{"0"}, cleared(`{"dag_run_id":"scheduled__b","only_failed":false,"task_ids":[["each",0]]}`))
	assert.Empty(t, cleared(`{"dag_run_id":"scheduled__b","task_ids":[["each",0]]}`), "only what failed")
	assert.Empty(t, cleared(`{"dag_run_id":"scheduled__b","only_failed":false,"task_ids":[["each",9]]}`))
	assert.ElementsMatch(t, []string{"0", "-1"}, cleared(`{"dag_run_id":"scheduled__b","only_failed":false,"task_ids":["first",["each",0]]}`))
	assert.ElementsMatch(t, []string{"-1", "-1", "0"}, cleared(`{"dag_run_id":"scheduled__b","only_failed":false,"include_upstream":true,"task_ids":[["each",0]]}`))

	// A state for one of them, by the path and by the query.
	dry := w.json(w.call("ann", "PATCH", b+"/each/0/dry_run", `{"new_state":"failed"}`), 200)
	assert.Equal(t, []string{"0"}, ids(dry, "task_instances", "map_index"))
	assert.Equal(t, "success", w.get("/dags/etl/dagRuns/scheduled__b/taskInstances/each/0")["state"], "nothing has changed")
	got := w.json(w.call("ann", "PATCH", b+"/each?map_index=0", `{"new_state":"failed","note":"odd"}`), 200)
	assert.Equal(t, []string{"failed"}, ids(got, "task_instances", "state"))
	assert.Equal(t, []string{"odd"}, ids(got, "task_instances", "note"))
	assert.Equal(t, 409, w.call("ann", "PATCH", b+"/each/0", `{"new_state":"failed"}`).status)
	assert.Equal(t, 404, w.call("ann", "PATCH", b+"/each/9", `{"new_state":"failed"}`).status)
	got = w.json(w.call("ann", "PATCH", b+"/each/1", `{"new_state":"success"}`), 200)
	assert.Equal(t, []string{"1"}, ids(got, "task_instances", "map_index"))
	assert.Equal(t, "failed", w.get("/dags/etl/dagRuns/scheduled__b/taskInstances/each/0")["state"], "the other one keeps its own")

	assert.Equal(t, []string{"0"}, cleared(`{"dag_run_id":"scheduled__b","dry_run":false,"task_ids":[["each",0]]}`))
	assert.Nil(t, w.get("/dags/etl/dagRuns/scheduled__b/taskInstances/each/0")["state"])
	assert.Equal(t, "success", w.get("/dags/etl/dagRuns/scheduled__b/taskInstances/each/1")["state"])
	assert.Equal(t, "queued", w.get("/dags/etl/dagRuns/scheduled__b")["state"])
}

func TestRenderedFields(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	const b = "/dags/etl/dagRuns/scheduled__b/taskInstances/"
	w.write(func(ctx context.Context, tx store.Tx) error {
		r := &store.RenderedTry{RunKey: w.keys["etl/scheduled__b"].Key, DAGID: "etl", TaskID: "each", MapIndex: 1, Try: 1, At: now, Fields: []byte(`[{"name":"bash_command","value":"load 2026"},{"name":"n","value":[1,"x",{"to":["a"]}]}]`)}
		return tx.PutRenderedFields(ctx, r, 30)
	})
	assert.Equal(t, map[string]any{"bash_command": "load 2026", "n": []any{1.0, "x", map[string]any{"to": []any{"a"}}}}, w.get(b + "each/1")["rendered_fields"])
	assert.Equal(t, map[string]any{}, w.get(b + "each/0")["rendered_fields"], "nothing was kept")
	assert.Equal(t, map[string]any{}, w.get("/dags/etl/dagRuns/scheduled__a/taskInstances/second")["rendered_fields"], "it has not run")
}

func TestBulkInstances(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	const b = "/api/v2/dags/etl/dagRuns/scheduled__b/taskInstances"
	const all = "/api/v2/dags/~/dagRuns/~/taskInstances"
	bulk := func(who, path, body string) map[string]any {
		t.Helper()
		return w.json(w.call(who, "PATCH", path, body), 200)
	}
	got := bulk("ann", b, `{"actions":[
		{"action":"create","entities":[{"task_id":"first"}]},
		{"action":"update","entities":[{"task_id":"each","map_index":0,"new_state":"failed"},{"task_id":"first","note":"seen"},{"task_id":"none","new_state":"failed"}]},
		{"action":"delete","entities":["second",{"task_id":"each","map_index":1}]},
		{"action":"delete","entities":["none"],"action_on_non_existence":"skip"}]}`)
	assert.Equal(t, map[string]any{"success": []any{}, "errors": []any{map[string]any{"error": "Task instances bulk create is not supported", "status_code": 405.0}}}, got["create"])
	update := got["update"].(map[string]any)
	assert.Equal(t, []any{"etl.scheduled__b.each[0]", "etl.scheduled__b.first[-1]"}, update["success"])
	require.Len(t, update["errors"], 1)
	assert.InEpsilon(t, 404.0, update["errors"].([]any)[0].(map[string]any)["status_code"], 0)
	assert.Equal(t, map[string]any{"success": []any{"etl.scheduled__b.second[-1]", "etl.scheduled__b.each[1]"}, "errors": []any{}}, got["delete"])
	assert.Equal(t, "failed", w.get("/dags/etl/dagRuns/scheduled__b/taskInstances/each/0")["state"])
	assert.Equal(t, "seen", w.get("/dags/etl/dagRuns/scheduled__b/taskInstances/first")["note"])
	assert.Equal(t, "success", w.get("/dags/etl/dagRuns/scheduled__b/taskInstances/first")["state"], "only its note was meant")

	// The wildcard needs ids in each, and each DAG a right.
	got = bulk("oli", all, `{"actions":[{"action":"update","entities":[
		{"task_id":"first","new_state":"failed"},
		{"task_id":"only","dag_id":"by_name","dag_run_id":"other+1:2","new_state":"success"},
		{"task_id":"first","dag_id":"etl","dag_run_id":"scheduled__b","new_state":"failed"}]}]}`)
	update = got["update"].(map[string]any)
	assert.Nil(t, got["create"])
	assert.Equal(t, []any{"etl.scheduled__b.first[-1]"}, update["success"])
	var codes []any
	for _, e := range update["errors"].([]any) {
		codes = append(codes, e.(map[string]any)["status_code"])
	}
	assert.Equal(t, []any{400.0, 403.0}, codes)
	assert.Equal(t, 403, w.call("bob", "PATCH", b, `{"actions":[]}`).status, "a viewer")
	assert.Equal(t, 422, w.call("ann", "PATCH", b, `{"actions":[{"action":"update","entities":[{"task_id":"first","more":1}]}]}`).status)
	assert.Equal(t, 422, w.call("ann", "PATCH", b, `{}`).status)
}
