package airflow_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

func TestRemove(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	const etl = "/api/v2/dags/etl"
	const runs = etl + "/dagRuns"
	gone := func(path string) {
		t.Helper()
		assert.Equal(t, 404, w.call("ann", "GET", path, "").status, path)
	}
	// A task instance.
	assert.Equal(t, 409, w.call("ann", "DELETE", runs+"/scheduled__a/taskInstances/first", "").status, "its run is under way")
	answer := w.call("ann", "DELETE", runs+"/scheduled__b/taskInstances/each?map_index=1", "")
	assert.Equal(t, 200, answer.status, answer.body)
	assert.Equal(t, "null", answer.body)
	gone(runs + "/scheduled__b/taskInstances/each/1")
	assert.Equal(t, 404, w.call("ann", "DELETE", runs+"/scheduled__b/taskInstances/each?map_index=1", "").status)
	assert.Equal(t, 404, w.call("ann", "DELETE", runs+"/scheduled__b/taskInstances/none", "").status)

	// A run.
	busy := w.call("ann", "DELETE", runs+"/scheduled__a", "")
	assert.Equal(t, 409, busy.status)
	assert.Contains(t, busy.body, `{"detail":"`, "a text")
	assert.Equal(t, 204, w.call("oli", "DELETE", runs+"/scheduled__b", "").status)
	gone(runs + "/scheduled__b")
	assert.Equal(t, 404, w.call("ann", "DELETE", runs+"/scheduled__b", "").status)
	assert.Equal(t, []string{"scheduled__a"}, ids(w.get("/dags/etl/dagRuns"), "dag_runs", "dag_run_id"))

	// A DAG: its history goes, and its file stays.
	assert.Equal(t, 409, w.call("ann", "DELETE", etl, "").status)
	removed := w.call("ann", "DELETE", "/api/v2/dags/by_name", "")
	assert.Equal(t, 204, removed.status, removed.body)
	assert.Empty(t, w.get("/dags/by_name/dagRuns")["dag_runs"])
	assert.Nil(t, w.get("/dags/by_name/details")["latest_dag_version"])
	assert.Equal(t, 404, w.call("ann", "DELETE", "/api/v2/dags/none", "").status)

	// Viewers remove nothing, nor do others than those whose DAG it is.
	w.run("etl", "ended", 7, dag.RunSuccess, store.Instance{TaskID: "first", MapIndex: -1, State: dag.Success, Try: 1, MaxTries: 1})
	for _, path := range []string{etl, runs + "/ended", runs + "/ended/taskInstances/first"} {
		assert.Equal(t, 403, w.call("bob", "DELETE", path, "").status, path)
	}
	assert.Equal(t, 403, w.call("oli", "DELETE", "/api/v2/dags/by_hand", "").status)
	events, err := w.store.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, string(e.Kind)+" "+e.Actor.Name+" "+e.DAGID+" "+e.RunID+" "+e.TaskID)
	}
	assert.Equal(t, []string{"dag_delete ann by_name  ", "run_delete oli etl scheduled__b ", "task_instance_delete ann etl scheduled__b each"}, kinds)
}
