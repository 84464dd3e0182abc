package airflow_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Who misspells a name is told of the one that may be meant, of those that they may know of.
func TestSuggestions(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	for body, path := range map[string]string{`{"key": "region", "value": "x"}`: "/variables", `{"connection_id": "warehouse", "conn_type": "http"}`: "/connections", `{"name": "nightly", "slots": 1}`: "/pools"} {
		assert.Equal(t, 201, w.call("ann", "POST", "/api/v2"+path, body).status, path)
	}
	for path, want := range map[string]string{
		"/dags/by_hnd": "The Dag with ID: `by_hnd` was not found; did you mean \"by_hand\"?", "/dags/by_hnd/dagRuns": "The Dag with ID: `by_hnd` was not found; did you mean \"by_hand\"?",
		"/dags/completely_else":                                "The Dag with ID: `completely_else` was not found",
		"/dags/etl/tasks/secondd":                              "Task with id secondd was not found; did you mean \"second\"?",
		"/dags/etl/dagRuns/scheduled__b/taskInstances/secnd":   "The Task Instance with dag_id: `etl`, run_id: `scheduled__b`, task_id: `secnd` and map_index: `-1` was not found; did you mean \"second\"?",
		"/dags/etl/dagRuns/scheduled__b/taskInstances/first/7": "The Task Instance with dag_id: `etl`, run_id: `scheduled__b`, task_id: `first` and map_index: `7` was not found",
		"/variables/regoin":                                    "The Variable with key: `regoin` was not found; did you mean \"region\"?",
		"/connections/warehose":                                "The Connection with connection_id: `warehose` was not found; did you mean \"warehouse\"?",
		"/pools/nightl":                                        "The Pool with name: `nightl` was not found; did you mean \"nightly\"?",
		"/pools/default_pol":                                   "The Pool with name: `default_pol` was not found; did you mean \"default_pool\"?",
	} {
		assert.Equal(t, want, w.json(w.call("ann", "GET", "/api/v2"+path, ""), 404)["detail"], path)
	}
	a := w.call("ann", "POST", "/api/v2/dags/etl/clearTaskInstances", `{"task_ids": ["frist"]}`)
	assert.Equal(t, "Task with id frist was not found in DAG etl; did you mean \"first\"?", w.json(a, 404)["detail"])
	a = w.call("ann", "DELETE", "/api/v2/pools/nightl", "")
	assert.Equal(t, "The Pool with name: `nightl` was not found; did you mean \"nightly\"?", w.json(a, 404)["detail"])
	for _, id := range []string{"by_nam", "by_nme"} {
		assert.NotContains(t, w.call("bob", "GET", "/api/v2/dags/"+id, "").body, "by_name", "bob must not know of it")
		assert.NotContains(t, w.call("bob", "GET", "/api/v2/dags/"+id+"/dagRuns", "").body, "by_name")
	}
}
