package airflow_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
)

func TestDAGs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("etl", "one", 1, dag.RunFailed)
	w.run("by_name", "two", 2, dag.RunRunning)
	for query, want := range map[string][]string{
		"":                              {"by_hand", "by_name", "etl"},
		"order_by=-dag_id":              {"etl", "by_name", "by_hand"},
		"order_by=last_run_state":       {"etl", "by_name", "by_hand"},
		"order_by=-last_run_start_date": {"by_name", "etl", "by_hand"},
		"order_by=next_dagrun":          {"etl", "by_name", "by_hand"},
		"tags=sales":                    {"by_name", "etl"},
		"tags=sales,morning":            {}, // 8: commas are not split
		"tags=morning&tags=none":        {"etl"},
		"tags=sales&tags=morning&tags_match_mode=all": {"etl"},
		"owners=ANN":                                           {"etl"},
		"owners=ann&owners=bob":                                {"by_hand", "etl"},
		"dag_id_pattern=BY_":                                   {"by_hand", "by_name"}, // 6: a substring, _ is any character
		"dag_id_pattern=y%25d":                                 {"by_hand"},
		"dag_id_pattern=^etl$":                                 {},
		"dag_id_pattern=~":                                     {"by_hand", "by_name", "etl"},
		"dag_id_pattern=nd|tl":                                 {"by_hand", "etl"},
		"dag_display_name_pattern=by+hand":                     {"by_hand"},
		"paused=true":                                          {"by_hand"},
		"paused=0":                                             {"by_name", "etl"},
		"last_dag_run_state=failed":                            {"etl"},
		"dag_run_state=failed&dag_run_state=queued":            {"etl"},
		"dag_run_start_date_gte=2026-02-01T02:00:00Z":          {"by_name"},
		"dag_run_end_date_gte=2026-02-01T05:00:00Z":            {"by_name"}, // 17: no end counts as now
		"has_import_errors=true":                               {},
		"is_favorite=true":                                     {},
		"bundle_name=dags-folder":                              {"by_hand", "by_name", "etl"},
		"bundle_name=other":                                    {},
		"timetable_type=CronTriggerTimetable&timetable_type=x": {"by_name", "etl"},
		"timetable_type=NullTimetable":                         {"by_hand"},
		"asset_dependency=sales":                               {},
		"nonsense=1":                                           {"by_hand", "by_name", "etl"}, // 7
		"limit=1&offset=1":                                     {"by_name"},
	} {
		got := w.get("/dags?" + query)
		assert.Equal(t, want, ids(got, "dags", "dag_id"), query)
		if query == "limit=1&offset=1" {
			assert.InEpsilon(t, 3.0, got["total_entries"], 0)
		}
	}
	w.files.Of("by_hand").Assets = &dag.AssetCondition{Asset: &dag.Asset{URI: "s3://lake/sales", Name: "orders"}}
	for _, text := range []string{"LAKE", "order"} {
		assert.Equal(t, []string{"by_hand"}, ids(w.get("/dags?asset_dependency="+text), "dags", "dag_id"), text)
	}
	assert.Equal(t, []string{"by_hand"}, ids(w.get("/dags?timetable_type=AssetTriggeredTimetable"), "dags", "dag_id"))
	// 5: an empty page has the total.
	got := w.get("/dags?limit=0")
	assert.Empty(t, got["dags"])
	assert.InEpsilon(t, 3.0, got["total_entries"], 0)
	// 10: a bad state is a text, a bad order 400.
	assert.JSONEq(t, `{"detail":"Invalid value for dag_run_state. Valid values are queued, running, success, failed"}`, w.call("ann", "GET", "/api/v2/dags?dag_run_state=odd", "").body)
	assert.Equal(t, 400, w.call("ann", "GET", "/api/v2/dags?order_by=file", "").status)

	// Whoever is limited sees what they may.
	bob := w.json(w.call("bob", "GET", "/api/v2/dags", ""), 200)
	assert.Equal(t, []string{"by_hand", "etl"}, ids(bob, "dags", "dag_id"))
	assert.Equal(t, 403, w.call("bob", "GET", "/api/v2/dags/by_name", "").status)
	assert.Equal(t, 200, w.call("bob", "GET", "/api/v2/dags/etl", "").status)
	assert.Equal(t, 403, w.call("bob", "PATCH", "/api/v2/dags/etl", `{"is_paused":true}`).status)
}

func TestDAG(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.get("/dags/etl")
	for key, want := range map[string]any{
		"dag_id": "etl", "dag_display_name": "etl", "is_paused": false, "is_stale": false, "timetable_summary": "0 6 * * *", "description": "loads sales",
		"owners": []any{"airflow", "ann"}, "bundle_name": "dags-folder", "next_dagrun_run_after": "2026-03-01T06:00:00Z", "allowed_run_types": nil,
		"tags":             []any{map[string]any{"name": "sales", "dag_id": "etl", "dag_display_name": "etl"}, map[string]any{"name": "morning", "dag_id": "etl", "dag_display_name": "etl"}},
		"last_parsed_time": "2026-03-01T11:59:00Z",
		"max_active_runs":  16.0, "max_active_tasks": 16.0, "has_import_errors": false, "relative_fileloc": "dags.yaml", "fileloc": w.files.Of("etl").Pos.File,
	} {
		assert.Equal(t, want, got[key], key)
	}
	assert.Nil(t, w.get("/dags/by_hand")["timetable_summary"])
	assert.Equal(t, "Never, external triggers only", w.get("/dags/by_hand")["timetable_description"])
	details := w.get("/dags/etl/details")
	assert.Equal(t, "dags.yaml", details["relative_fileloc"])
	assert.Equal(t, "2026-03-01T11:59:00Z", details["last_parsed"])
	assert.Equal(t, "2026-03-01T11:59:00Z", w.get("/dags?dag_id_pattern=etl")["dags"].([]any)[0].(map[string]any)["last_parsed_time"])
	assert.Equal(t, map[string]any{"day": map[string]any{"__class": "airflow.sdk.definitions.param.Param", "value": "monday", "description": nil, "schema": map[string]any{}}}, details["params"])
	assert.Equal(t, "UTC", details["timezone"])
	assert.Equal(t, map[string]any{}, details["default_args"])
	assert.Equal(t, map[string]any{
		"owner": "airflow", "retries": 1.0, "retry_delay": "PT5M", "start_date": "2026-01-01T00:00:00Z", "execution_timeout": nil, "depends_on_past": false, "priority_weight": 16.0,
		"timezone": "Asia/Shanghai", "bash_command": "say ***", "env": map[string]any{"rows": []any{1.5, ".inf", nil}},
	}, w.get("/dags/by_name/details")["default_args"], "what JSON does not have is a text")
	assert.InEpsilon(t, 1.0, details["latest_dag_version"].(map[string]any)["version_number"], 0)
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2/dags/none", "").status)
	assert.JSONEq(t, `{"detail":"The Dag with ID: `+"`none`"+` was not found"}`, w.call("ann", "GET", "/api/v2/dags/none", "").body)

	// 15: a mask of anything else is 400 here.
	assert.Equal(t, 400, w.call("ann", "PATCH", "/api/v2/dags/etl?update_mask=random", `{"is_paused":true}`).status)
	assert.Equal(t, 422, w.call("ann", "PATCH", "/api/v2/dags/etl", `{"is_paused":true,"x":1}`).status)
	patched := w.json(w.call("ann", "PATCH", "/api/v2/dags/etl?update_mask=is_paused", `{"is_paused":true}`), 200)
	assert.Equal(t, true, patched["is_paused"])
	// 14: without a pattern nothing changes.
	assert.Empty(t, w.json(w.call("ann", "PATCH", "/api/v2/dags", `{"is_paused":false}`), 200)["dags"])
	assert.Equal(t, true, w.get("/dags/etl")["is_paused"])
	all := w.json(w.call("ann", "PATCH", "/api/v2/dags?dag_id_pattern=~&limit=1", `{"is_paused":false}`), 200)
	assert.Len(t, all["dags"], 1)
	assert.InEpsilon(t, 3.0, all["total_entries"], 0)
	assert.Empty(t, ids(w.get("/dags?paused=true"), "dags", "dag_id"))
	// Whoever is limited changes what they may.
	some := w.json(w.call("oli", "PATCH", "/api/v2/dags?dag_id_pattern=~", `{"is_paused":true}`), 200)
	assert.Equal(t, []string{"etl"}, ids(some, "dags", "dag_id"))
	assert.InEpsilon(t, 1.0, some["total_entries"], 0)
	assert.Equal(t, []string{"etl"}, ids(w.get("/dags?paused=true"), "dags", "dag_id"))
	assert.Equal(t, 403, w.call("bob", "PATCH", "/api/v2/dags?dag_id_pattern=~", `{"is_paused":true}`).status)
}

func TestTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Equal(t, []string{"each", "first", "second"}, ids(w.get("/dags/etl/tasks"), "tasks", "task_id"))
	assert.Equal(t, []string{"second", "first", "each"}, ids(w.get("/dags/etl/tasks?order_by=-task_id"), "tasks", "task_id"))
	assert.Equal(t, 400, w.call("ann", "GET", "/api/v2/dags/etl/tasks?order_by=colour", "").status)
	second := w.get("/dags/etl/tasks/second")
	assert.Equal(t, map[string]any{"__type": "TimeDelta", "days": 1.0, "seconds": 3600.0, "microseconds": 0.0}, second["retry_delay"])
	assert.Equal(t, []any{"each"}, second["downstream_task_ids"])
	assert.Equal(t, false, second["is_mapped"])
	assert.Equal(t, "EmptyOperator", second["operator_name"])
	assert.Nil(t, second["execution_timeout"])
	assert.Equal(t, true, w.get("/dags/etl/tasks/each")["is_mapped"])
	assert.Contains(t, w.get("/dags/etl/tasks/each")["template_fields"], "bash_command")
	assert.Equal(t, []any{}, second["template_fields"])
	assert.Equal(t, http.StatusNotFound, w.call("ann", "GET", "/api/v2/dags/etl/tasks/none", "").status)
	assert.Equal(t, http.StatusNotFound, w.call("ann", "GET", "/api/v2/dags/none/tasks", "").status)
}

// Everybody has favourites of his own.
func TestFavorites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(who, id, what string) answer { return w.call(who, "POST", "/api/v2/dags/"+id+"/"+what, "") }
	favorites := func(who, query string) []string {
		return ids(w.json(w.call(who, "GET", "/api/v2/dags?is_favorite="+query, ""), 200), "dags", "dag_id")
	}
	assert.Equal(t, 409, ask("ann", "etl", "unfavorite").status)
	assert.JSONEq(t, `{"detail":"DAG is not marked as favorite"}`, ask("ann", "etl", "unfavorite").body)
	assert.Equal(t, answer{status: 204}, answer{status: ask("ann", "etl", "favorite").status})
	again := ask("ann", "etl", "favorite")
	assert.Equal(t, 409, again.status)
	assert.Contains(t, again.body, "Unique constraint violation")
	assert.Equal(t, []string{"etl"}, favorites("ann", "true"))
	assert.Equal(t, []string{"by_hand", "by_name"}, favorites("ann", "false"))
	assert.Equal(t, true, w.get("/dags/etl/details")["is_favorite"])
	assert.Equal(t, false, w.get("/dags/by_name/details")["is_favorite"])
	assert.Empty(t, favorites("bob", "true"), "they are those of ann")
	assert.Equal(t, 404, ask("ann", "nothing", "favorite").status)
	assert.Equal(t, 404, ask("ann", "nothing", "unfavorite").status)
	assert.Equal(t, 403, ask("bob", "by_name", "favorite").status, "he is limited to other DAGs")
	assert.Equal(t, 401, ask("", "etl", "favorite").status)
	assert.Equal(t, 204, ask("bob", "etl", "favorite").status, "a viewer may")
	assert.Equal(t, 204, ask("ann", "etl", "unfavorite").status)
	assert.Empty(t, favorites("ann", "true"))
	assert.Equal(t, []string{"etl"}, favorites("bob", "true"))
}
