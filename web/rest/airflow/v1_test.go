package airflow_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	v1 "github.com/dingdag/dingdag/web/rest/v1"
)

// old is version 1 of the API in front of a world.
type old struct {
	*world

	srv *v1.Server
}

func oldWorld(t *testing.T) *old {
	t.Helper()
	w := seeded(t)
	return &old{w, v1.New(w.srv)}
}

func (o *old) call(who, method, path, body string, header ...string) answer {
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	o.srv.ServeHTTP(rec, r)
	return answer{rec.Code, rec.Header(), rec.Body.String()}
}

func (o *old) get(path string) map[string]any {
	o.t.Helper()
	return o.json(o.call("ann", "GET", path, ""), 200)
}

func TestVersion1DAGs(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	all := o.get("/dags?limit=0")
	assert.Equal(t, []string{"by_hand", "by_name", "etl"}, ids(all, "dags", "dag_id"))
	assert.InDelta(t, 3.0, all["total_entries"], 0)
	d := o.get("/dags/etl")
	assert.Equal(t, map[string]any{"__type": "CronExpression", "value": "0 6 * * *"}, d["schedule_interval"])
	assert.Equal(t, []any{map[string]any{"name": "sales"}, map[string]any{"name": "morning"}}, d["tags"])
	assert.Equal(t, []any{true, false, "grid", nil}, []any{d["is_active"], d["is_subdag"], d["default_view"], d["root_dag_id"]})
	assert.NotEmpty(t, d["next_dagrun"])
	for _, gone := range []string{"is_stale", "bundle_name", "relative_fileloc", "timetable_summary", "next_dagrun_logical_date"} {
		assert.NotContains(t, d, gone)
	}
	assert.Nil(t, o.get("/dags/by_hand")["schedule_interval"])
	assert.Equal(t, []string{"etl"}, ids(o.get("/dags?tags=sales,morning&dag_id_pattern=ET"), "dags", "dag_id"), "lists have commas")
	assert.Equal(t, false, o.get("/dags/by_name/details")["catchup"])
	task := o.get("/dags/etl/tasks/second")
	assert.Equal(t, false, task["retry_exponential_backoff"])
	assert.Len(t, o.get("/dags/etl/tasks")["tasks"], 3)
	assert.Equal(t, true, o.json(o.call("ann", "PATCH", "/dags/etl?update_mask=is_paused", `{"is_paused": true}`), 200)["is_paused"])
	assert.Equal(t, 400, o.call("ann", "PATCH", "/dags", `{"is_paused": true}`).status, "no pattern")
	assert.Equal(t, []string{"by_name"}, ids(o.json(o.call("ann", "PATCH", "/dags?dag_id_pattern=by_n", `{"is_paused": true}`), 200), "dags", "dag_id"))
	token := d["file_token"].(string)
	assert.Contains(t, o.get("/dagSources/" + token)["content"], "by_name:")
	text := o.call("ann", "GET", "/dagSources/"+token, "", "Accept", "text/plain")
	assert.Contains(t, text.body, "by_name:")
	assert.Equal(t, 404, o.call("ann", "GET", "/dagSources/none", "").status)
	assert.Equal(t, 406, o.call("ann", "GET", "/dagSources/"+token, "", "Accept", "image/png").status)
	assert.Equal(t, 204, o.call("ann", "DELETE", "/dags/etl/dagRuns/scheduled__b", "").status)
}

func TestVersion1Runs(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	r := o.get("/dags/etl/dagRuns/scheduled__b")
	assert.Equal(t, map[string]any{
		"dag_run_id": "scheduled__b", "dag_id": "etl", "logical_date": "2026-02-01T03:00:00Z", "execution_date": "2026-02-01T03:00:00Z", "start_date": "2026-02-01T03:01:00Z",
		"end_date": "2026-02-01T03:11:00.500000Z", "data_interval_start": "2026-02-01T03:00:00Z", "data_interval_end": "2026-02-01T03:00:00Z",
		"last_scheduling_decision": "2026-02-01T03:11:00.500000Z", "run_type": "scheduled", "state": "success", "external_trigger": false, "conf": map[string]any{"hour": 3.0}, "note": nil,
	}, r)
	for query, want := range map[string][]string{
		"order_by=-execution_date":                     {"other+1:2", "scheduled__a", "scheduled__b"},
		"execution_date_gte=2026-02-01T04:00:00Z":      {"scheduled__a", "other+1:2"},
		"execution_date_lte=2026-02-01T03:00:00Z":      {"scheduled__b"},
		"state=running,failed":                         {"scheduled__a", "other+1:2"},
		"start_date_gte=2026-02-01T05:00:00Z&limit=00": {"other+1:2"},
	} {
		query = strings.Replace(query, "limit=00", "limit=5", 1)
		assert.Equal(t, want, ids(o.get("/dags/~/dagRuns?"+query), "dag_runs", "dag_run_id"), query)
	}
	batch := o.json(o.call("ann", "POST", "/dags/~/dagRuns/list", `{"execution_date_gte": "2026-02-01T04:00:00Z", "order_by": "-execution_date"}`), 200)
	assert.Equal(t, []string{"other+1:2", "scheduled__a"}, ids(batch, "dag_runs", "dag_run_id"))

	post := func(body string) answer { return o.call("ann", "POST", "/dags/etl/dagRuns", body) }
	made := o.json(post(`{}`), 200)
	assert.Equal(t, []any{"2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", "manual", true, "queued"},
		[]any{made["logical_date"], made["execution_date"], made["run_type"], made["external_trigger"], made["state"]}, "a run of now")
	made = o.json(post(`{"execution_date": "2026-02-05T00:00:00Z", "dag_run_id": "mine", "conf": {"day": "x"}, "note": "n"}`), 200)
	assert.Equal(t, []any{"mine", "2026-02-05T00:00:00Z", "n"}, []any{made["dag_run_id"], made["logical_date"], made["note"]})
	for body, status := range map[string]int{
		`{"dag_run_id": "mine"}`: 409, `{"run_id": "x"}`: 400, `{"execution_date": "2026-02-05T00:00:00Z", "logical_date": "2026-02-06T00:00:00Z"}`: 400, `[]`: 400, `{`: 400,
		`{"logical_date": "yesterday"}`: 400,
	} {
		a := post(body)
		assert.Equal(t, status, a.status, body)
		assert.Equal(t, "application/problem+json", a.header.Get("Content-Type"), body)
	}
	assert.Equal(t, "better", o.json(o.call("ann", "PATCH", "/dags/etl/dagRuns/mine/setNote", `{"note": "better"}`), 200)["note"])
	assert.Equal(t, "failed", o.json(o.call("ann", "PATCH", "/dags/etl/dagRuns/mine", `{"state": "failed"}`), 200)["state"])
	dry := o.json(o.call("ann", "POST", "/dags/etl/dagRuns/scheduled__b/clear", `{}`), 200)
	assert.NotEmpty(t, dry["task_instances"], "by default nothing changes")
	assert.Equal(t, "queued", o.json(o.call("ann", "POST", "/dags/etl/dagRuns/scheduled__b/clear", `{"dry_run": false}`), 200)["state"])
}

func TestVersion1Instances(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	const run = "/dags/etl/dagRuns/scheduled__b"
	one := o.get(run + "/taskInstances/first")
	assert.Equal(t, []any{"first", "2026-02-01T03:00:00Z", "success", nil}, []any{one["task_id"], one["execution_date"], one["state"], one["sla_miss"]})
	for _, gone := range []string{"id", "run_after", "logical_date", "dag_version", "operator_name", "scheduled_when"} {
		assert.NotContains(t, one, gone)
	}
	assert.Len(t, o.get(run + "/taskInstances?state=failed,success")["task_instances"], 4)
	assert.Len(t, o.get(run + "/taskInstances/each/listMapped")["task_instances"], 2)
	assert.Equal(t, "failed", o.get(run + "/taskInstances/each/1")["state"])
	ref := map[string]any{"dag_id": "etl", "dag_run_id": "scheduled__b", "execution_date": "2026-02-01T03:00:00Z", "task_id": "second"}
	assert.Equal(t, ref, o.json(o.call("ann", "PATCH", run+"/taskInstances/second", `{"new_state": "failed"}`), 200))
	assert.Equal(t, "success", o.get(run + "/taskInstances/second")["state"], "a dry run by default")
	assert.Equal(t, ref, o.json(o.call("ann", "PATCH", run+"/taskInstances/second", `{"new_state": "failed", "dry_run": false}`), 200))
	assert.Equal(t, "failed", o.get(run + "/taskInstances/second")["state"])
	many := o.json(o.call("ann", "POST", "/dags/etl/updateTaskInstancesState", `{"task_id": "second", "execution_date": "2026-02-01T03:00:00Z", "new_state": "success", "dry_run": false}`), 200)
	assert.Equal(t, map[string]any{"task_instances": []any{ref}}, many)
	assert.Equal(t, "success", o.get(run + "/taskInstances/second")["state"])
	assert.Equal(t, "mine", o.json(o.call("ann", "PATCH", run+"/taskInstances/each/0/setNote", `{"note": "mine"}`), 200)["note"])
	cleared := o.json(o.call("ann", "POST", "/dags/etl/clearTaskInstances",
		`{"dag_run_id": "scheduled__b", "task_ids": ["second"], "only_failed": false, "include_subdags": true, "reset_dag_runs": false}`), 200)
	assert.Equal(t, map[string]any{"task_instances": []any{ref}}, cleared)
	assert.Equal(t, "success", o.get(run + "/taskInstances/second")["state"], "a dry run by default")
	assert.Equal(t, 404, o.call("ann", "PATCH", run+"/taskInstances/none", `{"new_state": "failed"}`).status)
	batch := o.json(o.call("ann", "POST", "/dags/~/dagRuns/~/taskInstances/list", `{"dag_ids": ["by_name"], "state": ["failed"]}`), 200)
	assert.Equal(t, []string{"only"}, ids(batch, "task_instances", "task_id"))

	o.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutXCom(ctx, o.keys["etl/scheduled__b"].Key, "first", -1, "return_value", json.RawMessage(`{"a": ["x"]}`))
	})
	entries := o.get(run + "/taskInstances/first/xcomEntries")["xcom_entries"].([]any)
	require.Len(t, entries, 1)
	assert.Equal(t, "2026-02-01T03:00:00Z", entries[0].(map[string]any)["execution_date"])
	const entry = run + "/taskInstances/first/xcomEntries/return_value"
	assert.IsType(t, "", o.get(entry)["value"])
	assert.Equal(t, map[string]any{"a": []any{"x"}}, o.get(entry + "?stringify=false")["value"])
}

func TestVersion1Logs(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	path := filepath.Join(o.dir, o.keys["etl/scheduled__b"].LogFolder(), "task_id=first", "attempt=1.log")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("[2026-02-01T03:01:00.000Z] INFO - it's\\n \"here\"\nand goes on\n"), 0o600))
	const log = "/dags/etl/dagRuns/scheduled__b/taskInstances/first/logs/1"
	text := o.call("ann", "GET", log, "", "Accept", "text/plain")
	assert.Equal(t, 200, text.status)
	assert.Equal(t, "[2026-02-01T03:01:00Z] INFO - it's\\n \"here\"\nand goes on\n", text.body)
	got := o.get(log)
	assert.Equal(t, `[('dingdag', '[2026-02-01T03:01:00Z] INFO - it\'s\\n "here"\nand goes on\n')]`, got["content"])
	assert.Contains(t, got, "continuation_token")
	assert.Equal(t, 404, o.call("ann", "GET", strings.TrimSuffix(log, "1")+"7", "").status)
	assert.Equal(t, 406, o.call("ann", "GET", log, "", "Accept", "image/png").status)
}

func TestVersion1Settings(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	v := o.json(o.call("ann", "POST", "/variables", `{"key": "a/b", "value": "x"}`), 200)
	assert.Equal(t, map[string]any{"key": "a/b", "value": "x", "description": nil}, v)
	assert.Equal(t, "x", o.get("/variables/a%2Fb")["value"])
	assert.Equal(t, "y", o.json(o.call("ann", "PATCH", "/variables/a/b", `{"key": "a/b", "value": "y"}`), 200)["value"])
	assert.Equal(t, 409, o.call("ann", "POST", "/variables", `{"key": "a/b", "value": "x"}`).status)
	assert.Equal(t, 204, o.call("ann", "DELETE", "/variables/a/b", "").status)
	p := o.json(o.call("ann", "POST", "/pools", `{"name": "p", "slots": 2}`), 200)
	assert.InDelta(t, 2.0, p["open_slots"], 0)
	assert.NotContains(t, p, "team_name")
	assert.InDelta(t, 3.0, o.json(o.call("ann", "PATCH", "/pools/p", `{"name": "p", "slots": 3}`), 200)["slots"], 0, "without include_deferred")
	c := o.json(o.call("ann", "POST", "/connections", `{"connection_id": "c", "conn_type": "http", "password": "`+hidden+`", "extra": "{\"a\": 1}"}`), 200)
	assert.NotContains(t, c, "password")
	assert.Contains(t, c, "extra")
	list := o.get("/connections")["connections"].([]any)
	require.Len(t, list, 1)
	assert.NotContains(t, list[0], "extra")
	assert.NotContains(t, list[0], "password")
	events := o.get("/eventLogs?order_by=-event_log_id&included_events=post_pool,post_connection")
	assert.Equal(t, []string{"post_connection", "post_pool"}, ids(events, "event_logs", "event"))
	assert.Contains(t, events["event_logs"].([]any)[0], "execution_date")
	assert.Empty(t, o.get("/importErrors")["import_errors"])
	assert.Equal(t, "3.2.1", o.json(o.call("", "GET", "/version", ""), 200)["version"])
}

// What is refused has the form of version 1, and rights are those of version 2.
func TestVersion1Refuses(t *testing.T) {
	t.Parallel()
	o := oldWorld(t)
	a := o.call("", "GET", "/dags", "")
	assert.Equal(t, 401, a.status)
	assert.Equal(t, `Basic realm="dingdag"`, a.header.Get("Www-Authenticate"))
	problem := o.json(o.call("ann", "GET", "/dags/none", ""), 404)
	assert.Equal(t, "The Dag with ID: `none` was not found", problem["detail"])
	assert.Contains(t, problem["type"], "#section/Errors/NotFound")
	problem = o.json(o.call("ann", "GET", "/dags?offset=-1", ""), 400)
	assert.Equal(t, "offset: Input should be greater than or equal to 0", problem["detail"])
	for path, status := range map[string]int{"/dags/by_name": 403, "/nothing": 404, "/dags/by_name/dagRuns": 403, "/variables": 403} {
		assert.Equal(t, status, o.call("bob", "GET", path, "").status, path)
	}
	assert.Equal(t, []string{"by_hand", "etl"}, ids(o.json(o.call("bob", "GET", "/dags", ""), 200), "dags", "dag_id"))
	assert.Equal(t, 403, o.call("bob", "POST", "/dags/etl/dagRuns", `{}`).status)
	assert.Equal(t, 403, o.call("oli", "PATCH", "/dags/by_name", `{"is_paused": true}`).status)
	a = o.call("ann", "PUT", "/dags", "")
	assert.Equal(t, 405, a.status)
	assert.Equal(t, "GET, PATCH", a.header.Get("Allow"))
	assert.Equal(t, 413, o.call("ann", "POST", "/variables", `{"key": "a", "value": "`+strings.Repeat("x", 2<<20)+`"}`).status)
}
