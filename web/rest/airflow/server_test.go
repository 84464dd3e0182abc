package airflow_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// What is changed over the API is in the audit log by the name of Airflow's operation, with what was sent and without
// secrets; the engine's own name stays for the commands.
func TestAuditOfChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/connections", `{"connection_id":"c","conn_type":"http","password":"hunter22","extra":"{\"k\":\"kkkkkk\"}"}`, 201)
	for _, c := range []struct{ method, path, body, event, kind, extra string }{
		{"POST", "/variables", `{"key":"v","value":"plain"}`, "post_variable", "variable_set", `{"key":"v","value":"***"}`},
		{"PATCH", "/variables/v?update_mask=description", `{"key":"v","value":"x","description":"says hunter22"}`, "patch_variable", "variable_set", `{"description":"says ***","key":"v","update_mask":"description","value":"***","variable_key":"v"}`},
		{"DELETE", "/variables/v", "", "delete_variable", "variable_delete", `{"variable_key":"v"}`},
		{"PATCH", "/connections/c", `{"connection_id":"c","conn_type":"http","password":"other2222","extra":"{\"a\":1}"}`, "patch_connection", "connection_set", `{"conn_type":"http","connection_id":"c","extra":"***","password":"***"}`},
		{"PATCH", "/connections", `{"actions":[{"action":"delete","entities":["c"]}]}`, "bulk_connections", "connection_delete", `{"actions":[{"action":"delete","entities":["c"]}]}`},
		{"POST", "/pools", `{"name":"p","slots":1}`, "post_pool", "pool_set", `{"name":"p","slots":1}`},
		{"PATCH", "/dags/etl", `{"is_paused":true}`, "patch_dag", "pause", `{"is_paused":true}`},
		{"POST", "/dags/etl/dagRuns", `{"logical_date":null,"dag_run_id":"r","conf":{"api_key":"kkk","n":1}}`, "trigger_dag_run", "trigger", `{"conf":{"api_key":"***","n":1},"dag_run_id":"r","logical_date":null}`},
		{"PATCH", "/dags/etl/dagRuns/r", `{"note":"` + strings.Repeat("n", 999) + `","state":"failed"}`, "patch_dag_run", "note", `{"note":"1001 bytes","state":"failed"}`},
	} {
		w.call("ann", c.method, "/api/v2"+c.path, c.body)
		last := w.get("/eventLogs?order_by=-id&limit=1")["event_logs"].([]any)[0].(map[string]any)
		assert.Equal(t, c.event, last["event"], c.path)
		assert.Equal(t, "ann", last["owner"])
		if c.event != "patch_dag_run" {
			assert.Equal(t, c.extra, last["extra"], c.path)
		}
		stored, err := w.store.Events(t.Context(), store.EventFilter{Limit: 1})
		require.NoError(t, err)
		assert.Equal(t, c.kind, string(stored[0].Kind))
		one := w.get("/eventLogs/" + string(mustJSON(last["event_log_id"])))
		assert.Equal(t, last, one)
	}
	// What is too long is not kept, but its length is.
	long := `{"key":"big","value":"v","description":"` + strings.Repeat("d", 3000) + `"}`
	w.do("POST", "/variables", long, 201)
	assert.JSONEq(t, `{"key":"big","value":"***","description":"3002 bytes"}`, w.get("/eventLogs?order_by=-id&limit=1")["event_logs"].([]any)[0].(map[string]any)["extra"].(string))
	assert.NotContains(t, w.call("ann", "GET", "/api/v2/eventLogs", "").body, "hunter22")
	assert.NotContains(t, w.call("ann", "GET", "/api/v2/eventLogs", "").body, "kkk")
	// What only reads leaves no trace.
	n := w.get("/eventLogs?limit=0")["total_entries"]
	w.do("POST", "/dags/~/dagRuns/list", `{}`, 200)
	w.do("POST", "/dags/etl/dagRuns/r/clear", `{"dry_run":true}`, 200)
	assert.Equal(t, n, w.get("/eventLogs?limit=0")["total_entries"])
}

func mustJSON(v any) []byte { b, _ := json.Marshal(v); return b }

func TestEventLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("etl", "one", 1, dag.RunFailed)
	at := func(h int) time.Time { return now.Add(time.Duration(h) * time.Hour) }
	by := func(name string, via store.Via, op string) store.Actor {
		return store.Actor{Name: name, Via: via, Operation: op}
	}
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertEvents(
			ctx,
			&store.Event{At: at(0), Actor: by("ann", store.ViaCLI, ""), Kind: store.EventTrigger, DAGID: "etl", RunID: "one", MapIndex: -1},
			&store.Event{At: at(1), Actor: by("bob", store.ViaRESTAPI, "patch_task_instance"), Kind: store.EventMarkFailed, DAGID: "etl", RunID: "one", TaskID: "each", MapIndex: 1, Extra: json.RawMessage(`{"a":1}`)},
			&store.Event{At: at(2), Actor: by("ann", store.ViaUI, ""), Kind: store.EventPause, DAGID: "by_name", MapIndex: -1},
			&store.Event{At: at(3), Actor: by("bob", store.ViaCLI, ""), Kind: store.EventPoolSet, MapIndex: -1},
			&store.Event{At: at(4), Actor: by("bob", store.ViaCLI, ""), Kind: store.EventUserCreate, MapIndex: -1},
			&store.Event{At: at(5), Actor: by("bob", store.ViaCLI, ""), Kind: store.EventPause, DAGID: "gone", MapIndex: -1},
		)
	})
	first := w.get("/eventLogs")["event_logs"].([]any)[0].(map[string]any)["event_log_id"].(float64)
	list := func(who, query string) string {
		got := w.json(w.call(who, "GET", "/api/v2/eventLogs?"+query, ""), 200)
		var out strings.Builder
		for _, e := range got["event_logs"].([]any) {
			out.WriteRune(rune('a' + int(e.(map[string]any)["event_log_id"].(float64)-first)))
		}
		return out.String()
	}
	for query, want := range map[string]string{
		"": "abcdef", "order_by=-when": "fedcba", "dag_id=etl": "ab", "dag_id=": "de", "run_id=one&task_id=each": "b", "owner=ann": "ac", "event=pause": "cf", "event=patch_task_instance": "b",
		"event=mark_failed": "", "map_index=1": "b", "try_number=1": "", "included_events=pause&included_events=trigger": "acf", "included_events=pause,trigger": "",
		"excluded_events=pause&excluded_events=user_create": "abd", "before=2026-03-01T13:00:00Z": "a", "after=2026-03-01T15:00:00Z": "ef", "dag_id_pattern=BY_|gone": "cf",
		"task_id_pattern=eac": "b", "run_id_pattern=O%25e": "ab", "owner_pattern=AN": "ac", "event_pattern=patch": "b", "order_by=dag_id&order_by=-id": "cbafed",
		"order_by=logical_date": "abcdef", "order_by=-owner": "fedbca", "limit=2&offset=1": "bc", "order_by=event": "bcfdae",
	} {
		assert.Equal(t, want, list("ann", query), query)
	}
	b := w.get("/eventLogs?event_pattern=patch")["event_logs"].([]any)[0].(map[string]any)
	assert.Equal(t, map[string]any{
		"event_log_id": first + 1, "when": "2026-03-01T13:00:00Z", "dag_id": "etl", "task_id": "each", "run_id": "one", "map_index": 1.0, "try_number": nil, "event": "patch_task_instance",
		"logical_date": "2026-02-01T01:00:00Z", "owner": "bob", "extra": `{"a":1}`, "dag_display_name": "etl", "task_display_name": "each",
	}, b)
	assert.Equal(t, 400, w.call("ann", "GET", "/api/v2/eventLogs?order_by=nothing", "").status)
	assert.Equal(t, 422, w.call("ann", "GET", "/api/v2/eventLogs/x", "").status)
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2/eventLogs/999", "").status)
	// bob looks at etl and by_hand alone, and nobody but admins sees what was done to users.
	assert.Equal(t, "ab", list("bob", ""))
	assert.Equal(t, 404, w.call("bob", "GET", "/api/v2/eventLogs/"+string(mustJSON(first+2)), "").status)
	assert.Equal(t, 200, w.call("bob", "GET", "/api/v2/eventLogs/"+string(mustJSON(first+1)), "").status)
	assert.Equal(t, "abcdf", list("vic", ""))
}

func TestImportErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := filepath.Dir(w.files.Of("etl").Pos.File)
	w.write(func(ctx context.Context, tx store.Tx) error {
		for i, e := range []*store.ImportError{
			{File: filepath.Join(root, "more", "b.yaml"), Text: "b.yaml:1: wrong " + hidden}, {File: filepath.Join(root, "dags.yaml"), DAGID: "etl", Text: "dags.yaml:2: x"}, {File: "/elsewhere/a.yaml", Text: "y"}, {File: "old.yaml", Text: "z", Until: now},
		} {
			e.Since = now.Add(time.Duration(i) * time.Minute)
			if err := tx.PutImportError(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	got := w.get("/importErrors")
	assert.Equal(t, []string{"more/b.yaml", "dags.yaml", "/elsewhere/a.yaml"}, ids(got, "import_errors", "filename"))
	first := got["import_errors"].([]any)[0].(map[string]any)
	assert.Equal(t, map[string]any{"import_error_id": first["import_error_id"], "timestamp": "2026-03-01T12:00:00Z", "filename": "more/b.yaml", "bundle_name": "dags-folder", "stack_trace": "b.yaml:1: wrong ***"}, first)
	assert.Equal(t, first, w.get("/importErrors/"+string(mustJSON(first["import_error_id"]))))
	assert.Equal(t, []string{"/elsewhere/a.yaml", "dags.yaml", "more/b.yaml"}, ids(w.get("/importErrors?order_by=filename"), "import_errors", "filename"))
	assert.Equal(t, []string{"/elsewhere/a.yaml"}, ids(w.get("/importErrors?order_by=-timestamp&limit=1"), "import_errors", "filename"))
	assert.Equal(t, []string{"dags.yaml"}, ids(w.get("/importErrors?filename_pattern=DAG"), "import_errors", "filename"))
	assert.Equal(t, 400, w.call("ann", "GET", "/api/v2/importErrors?order_by=x", "").status)
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2/importErrors/99", "").status)
	assert.Equal(t, 422, w.call("ann", "GET", "/api/v2/importErrors/x", "").status)
	assert.Equal(t, []string{"dags.yaml"}, ids(w.json(w.call("bob", "GET", "/api/v2/importErrors", ""), 200), "import_errors", "filename"))
	assert.Equal(t, 404, w.call("bob", "GET", "/api/v2/importErrors/"+string(mustJSON(first["import_error_id"])), "").status)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutImportError(ctx, &store.ImportError{File: filepath.Join(root, "dags.yaml"), Text: "dags.yaml:2: x", Since: now})
	})
	assert.Equal(t, []string{"/elsewhere/a.yaml", "dags.yaml", "more/b.yaml"}, ids(w.get("/importErrors?order_by=filename"), "import_errors", "filename"), "one of the file stands for those of its DAGs")
}

func TestJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		for i, l := range []*store.SchedulerLife{{Stopped: true}, {}, {By: store.Process{Host: "h"}}} {
			l.StartedAt, l.SeenAt = now.Add(time.Duration(i-5)*time.Hour), now.Add(time.Duration(i-4)*time.Hour)
			if err := tx.PutSchedulerLife(ctx, l); err != nil {
				return err
			}
		}
		return nil
	})
	_, err := w.store.Beat(t.Context(), time.Hour)
	require.NoError(t, err)
	got := w.get("/jobs")
	assert.Equal(t, []string{"success", "failed", "running"}, ids(got, "jobs", "state"))
	first := got["jobs"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{"SchedulerJob", "2026-03-01T07:00:00Z", "2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z", nil}, []any{first["job_type"], first["start_date"], first["end_date"], first["latest_heartbeat"], first["hostname"]})
	for query, want := range map[string][]string{
		"is_alive=true": {"running"}, "is_alive=true&limit=2": {}, "job_state=failed": {"failed"}, "job_type=TriggererJob": {}, "order_by=-start_date": {"running", "failed", "success"},
		"start_date_gt=2026-03-01T07:00:00Z": {"failed", "running"}, "end_date_gte=2026-03-01T12:00:00Z": {"running"}, "dag_id=etl": {}, "hostname=h": {"running"}, "hostname=x": {}, "order_by=hostname&limit=1": {"running"},
	} {
		assert.Equal(t, want, ids(w.get("/jobs?"+query), "jobs", "state"), query)
	}
	assert.InEpsilon(t, 3.0, w.get("/jobs?is_alive=true")["total_entries"], 0)
}

// What has no meaning here is answered so that a tool that asks for it goes on.
func TestWhatIsNotHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Equal(t, map[string]any{"plugins": []any{}, "total_entries": 0.0}, w.get("/plugins"))
	assert.Equal(t, map[string]any{"import_errors": []any{}, "total_entries": 0.0}, w.get("/plugins/importErrors"))
	assert.Equal(t, []string{"dingdag-providers-http"}, ids(w.get("/providers?limit=1&offset=1"), "providers", "package_name"))
	assert.InEpsilon(t, 2.0, w.get("/providers?limit=0")["total_entries"], 0)
	for _, path := range []string{"/config", "/config?section=core", "/config/section/core/option/dags_folder"} { // 21
		assert.Equal(t, 403, w.call("ann", "GET", "/api/v2"+path, "").status, path)
	}
}
