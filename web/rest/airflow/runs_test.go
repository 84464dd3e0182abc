package airflow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/apitest"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// seeded is a world with runs.
func seeded(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.run("etl", "scheduled__b", 3, dag.RunSuccess,
		store.Instance{TaskID: "first", MapIndex: -1, State: dag.Success, Try: 1, MaxTries: 1},
		store.Instance{TaskID: "second", MapIndex: -1, State: dag.Success, Try: 2, MaxTries: 3},
		store.Instance{TaskID: "each", MapIndex: 0, State: dag.Success, Try: 1, MaxTries: 1},
		store.Instance{TaskID: "each", MapIndex: 1, State: dag.Failed, Try: 1, MaxTries: 1})
	w.run("etl", "scheduled__a", 4, dag.RunRunning, store.Instance{TaskID: "first", MapIndex: -1, State: dag.Running, Try: 1, MaxTries: 1})
	w.run("by_name", "other+1:2", 5, dag.RunFailed, store.Instance{TaskID: "only", MapIndex: -1, State: dag.Failed, Try: 1, MaxTries: 1})
	return w
}

func TestRuns(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	for query, want := range map[string][]string{
		"":                                      {"scheduled__b", "scheduled__a", "other+1:2"}, // 9: oldest first, by id
		"order_by=-start_date":                  {"other+1:2", "scheduled__a", "scheduled__b"},
		"order_by=end_date":                     {"scheduled__b", "other+1:2", "scheduled__a"},
		"order_by=-end_date":                    {"other+1:2", "scheduled__b", "scheduled__a"},
		"order_by=dag_id&order_by=-run_id":      {"other+1:2", "scheduled__b", "scheduled__a"},
		"state=running&state=failed":            {"scheduled__a", "other+1:2"},
		"state=none":                            {},
		"run_type=manual":                       {},
		"run_type=scheduled&limit=1&offset=1":   {"scheduled__a"},
		"end_date_gte=2026-02-20T00:00:00Z":     {"scheduled__a"}, // 17
		"start_date_lt=2026-02-01T04:01:00Z":    {"scheduled__b"},
		"start_date_lte=2026-02-01T04:01:00Z":   {"scheduled__b", "scheduled__a"},
		"logical_date_gte=2026-02-01T04:00:00Z": {"scheduled__a", "other+1:2"},
		"duration_gte=600.5":                    {"scheduled__b", "other+1:2"},
		"duration_gt=600.5":                     {},
		"conf_contains=%22hour%22:+3":           {"scheduled__b"},
		"dag_id_pattern=BY_N":                   {"other+1:2"},
		"run_id_pattern=__A|+1":                 {"scheduled__a", "other+1:2"},
		"dag_version=1":                         {"scheduled__b", "scheduled__a", "other+1:2"},
		"dag_version=2":                         {},
		"triggering_user_name_pattern=ann":      {},
		"updated_at_gt=2026-02-01T04:30:00Z":    {"other+1:2"},
	} {
		assert.Equal(t, want, ids(w.get("/dags/~/dagRuns?"+query), "dag_runs", "dag_run_id"), query)
	}
	assert.Equal(t, []string{"scheduled__b", "scheduled__a"}, ids(w.get("/dags/etl/dagRuns"), "dag_runs", "dag_run_id"))
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2/dags/none/dagRuns", "").status)
	bob := w.json(w.call("bob", "GET", "/api/v2/dags/~/dagRuns", ""), 200)
	assert.Equal(t, []string{"scheduled__b", "scheduled__a"}, ids(bob, "dag_runs", "dag_run_id"))
	assert.InEpsilon(t, 2.0, bob["total_entries"], 0)

	for _, path := range []string{"/dags/by_name/dagRuns/other+1:2", "/dags/by_name/dagRuns/other%2B1%3A2"} {
		got := w.get(path)
		assert.Equal(t, "other+1:2", got["dag_run_id"])
		assert.InEpsilon(t, 600.5, got["duration"], 1e-9)
		assert.Equal(t, "2026-02-01T05:11:00.500000Z", got["end_date"])
		assert.NotContains(t, got, "run_id") // 18
		assert.NotContains(t, got, "id")
		version := got["dag_versions"].([]any)[0].(map[string]any)
		_, err := uuid.Parse(version["id"].(string))
		require.NoError(t, err)
	}
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2/dags/etl/dagRuns/none", "").status)

	// 5: the batch is not cut, and takes ~ alone.
	batch := w.json(w.call("ann", "POST", "/api/v2/dags/~/dagRuns/list", `{"dag_ids":["etl"],"states":["running",null],"order_by":"-id"}`), 200)
	assert.Equal(t, []string{"scheduled__a"}, ids(batch, "dag_runs", "dag_run_id"))
	assert.Len(t, w.json(w.call("ann", "POST", "/api/v2/dags/~/dagRuns/list", `{"dag_ids":[],"page_limit":1000}`), 200)["dag_runs"], 3)
	assert.JSONEq(t, `{"detail":[{"type":"literal_error","loc":["path","dag_id"],"msg":"Input should be '~'","input":"etl","ctx":{"expected":"'~'"}}]}`,
		w.call("ann", "POST", "/api/v2/dags/etl/dagRuns/list", `{}`).body)
	assert.Equal(t, 400, w.call("ann", "POST", "/api/v2/dags/~/dagRuns/list", `{"order_by":"colour"}`).status)
}

func TestInstances(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	const b, a = "/dags/etl/dagRuns/scheduled__b/taskInstances", "/dags/etl/dagRuns/scheduled__a/taskInstances"
	for path, want := range map[string][]string{
		b:                                    {"first", "second", "each", "each"},
		b + "?order_by=-map_index":           {"each", "each", "second", "first"},
		b + "?task_id=each&map_index=1":      {"each"},
		b + "?state=failed":                  {"each"},
		b + "?try_number=2":                  {"second"},
		b + "?pool=big":                      {"first"},
		b + "?pool_name_pattern=default":     {"second", "each", "each"},
		b + "?operator=BashOperator":         {"each", "each"},
		b + "?operator_name_pattern=empty":   {"first", "second"},
		b + "?task_display_name_pattern=IRS": {"first"},
		b + "?executor=x":                    {},
		b + "?limit=1&offset=1":              {"second"},
		a:                                    {"each", "first", "second"},
		a + "?state=no_status":               {"each", "second"},
		a + "?state=none&pool=big":           {},
		a + "?state=running&state=none":      {"each", "first", "second"},
		a + "?end_date_gte=2026-02-20":       {"each", "first", "second"},
		a + "?try_number=0":                  {"each", "second"},
		a + "?order_by=state&order_by=-id":   {"first", "each", "second"},
		"/dags/~/dagRuns/~/taskInstances?state=failed":                       {"only", "each"},
		"/dags/~/dagRuns/~/taskInstances?run_id_pattern=other&state=failed":  {"only"},
		"/dags/etl/dagRuns/~/taskInstances?start_date_gte=2026-02-01T04:00Z": {"each", "first", "second"},
	} {
		got := w.get(path)
		list := ids(got, "task_instances", "task_id")
		assert.Equal(t, want, list, path)
		if !strings.Contains(path, "limit") {
			assert.InDelta(t, float64(len(want)), got["total_entries"], 0, path)
		}
	}
	one := w.get(b + "/second")
	id, err := uuid.Parse(one["id"].(string))
	require.NoError(t, err)
	assert.NotEqual(t, uuid.Nil, id)
	assert.Equal(t, one["id"], w.get(b + "/second/-1")["id"])
	assert.InEpsilon(t, 2.0, one["max_tries"], 0)
	assert.InEpsilon(t, 60.0, one["duration"], 1e-9)
	waiting := w.get(a + "/second")
	assert.Nil(t, waiting["state"])
	assert.InDelta(t, 0.0, waiting["try_number"], 0)

	// 16: a mapped one needs its index, a plain one has no list.
	assert.JSONEq(t, `{"detail":"Task instance is mapped, add the map_index value to the URL"}`, w.call("ann", "GET", "/api/v2"+b+"/each", "").body)
	assert.Equal(t, "failed", w.get(b + "/each/1")["state"])
	assert.Equal(t, []string{"0", "1"}, ids(w.get(b+"/each/listMapped"), "task_instances", "map_index"))
	assert.Empty(t, w.get(a + "/each/listMapped")["task_instances"])
	for path, status := range map[string]int{
		b + "/first/listMapped": 404, b + "/none/listMapped": 404, b + "/none": 404, b + "/each/7": 404, b + "/each/x": 422,
		"/dags/etl/dagRuns/none/taskInstances": 404, "/dags/~/dagRuns/scheduled__b/taskInstances": 400, b + "?state=odd": 422, b + "?order_by=pool": 400,
	} {
		assert.Equal(t, status, w.call("ann", "GET", "/api/v2"+path, "").status, path)
	}
	batch := w.json(w.call("ann", "POST", "/api/v2/dags/~/dagRuns/~/taskInstances/list", `{"dag_ids":["etl"],"state":["failed",null]}`), 200)
	assert.Equal(t, []string{"each", "each", "second"}, ids(batch, "task_instances", "task_id"))
	assert.Equal(t, 422, w.call("ann", "POST", "/api/v2/dags/~/dagRuns/x/taskInstances/list", `{}`).status)

	tries := w.get(b + "/second/tries")
	assert.Equal(t, []string{"2"}, ids(tries, "task_instances", "try_number"))
	assert.NotContains(t, tries["task_instances"].([]any)[0], "id")
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2"+b+"/second/tries/9", "").status)
	assert.Equal(t, "success", w.get(b + "/second/tries/2")["state"])
}

func TestTrigger(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	const path = "/api/v2/dags/by_hand/dagRuns"
	post := func(body string) answer { return w.call("ann", "POST", path, body) }
	// 1, 2: 200, and the logical date must be there although null is fine.
	made := w.json(post(`{"logical_date":null,"conf":{"a":1},"note":"by a test"}`), 200)
	for key, want := range map[string]any{
		"state": "queued", "run_type": "manual", "triggered_by": "rest_api", "triggering_user_name": "ann", "logical_date": nil, "conf": map[string]any{"a": 1.0}, "note": "by a test",
		"dag_display_name": "By hand",
	} {
		assert.Equal(t, want, made[key], key)
	}
	assert.Nil(t, w.json(post(`{"conf":{}}`), 200)["logical_date"], "as tools of older versions ask")
	assert.Contains(t, post(`{"logical_date":null,"execution_date":null}`).body, "extra_forbidden")
	w.json(post(`{"logical_date":"2026-02-03T00:00:00Z","dag_run_id":"mine"}`), 200)
	// 11: a duplicate is an object.
	dup := w.json(post(`{"logical_date":null,"dag_run_id":"mine"}`), 409)
	assert.Equal(t, "Unique constraint violation", dup["detail"].(map[string]any)["reason"])
	for body, status := range map[string]int{
		`{"logical_date":"2026-02-03T00:00:00"}`:                             422,
		`{"logical_date":null,"data_interval_start":"2026-02-03T00:00:00Z"}`: 422,
		`{"logical_date":null,"dag_run_id":"a b"}`:                           400,
		`{"logical_date":null,"dag_run_id":"scheduled__x"}`:                  400,
		`{"logical_date":null,"run_after":"2027-01-01T00:00:00Z"}`:           400,
		``: 422,
	} {
		assert.Equal(t, status, post(body).status, body)
	}
	assert.Equal(t, 404, w.call("ann", "POST", "/api/v2/dags/none/dagRuns", `{"logical_date":null}`).status)

	// Notes and states.
	one := path + "/mine"
	assert.Equal(t, "hello", w.json(w.call("ann", "PATCH", one, `{"note":"hello"}`), 200)["note"])
	assert.Equal(t, "hello", w.json(w.call("ann", "PATCH", one+"?update_mask=random", `{"note":"other"}`), 200)["note"]) // 15
	assert.Nil(t, w.json(w.call("ann", "PATCH", one, `{"note":null}`), 200)["note"])
	noted, err := w.store.Events(t.Context(), store.EventFilter{Kinds: []store.EventKind{store.EventNote}, Name: "ann"})
	require.NoError(t, err)
	require.NotEmpty(t, noted)
	assert.JSONEq(t, `{"removed":true}`, string(noted[0].Extra), "the newest first")
	assert.Equal(t, "failed", w.json(w.call("ann", "PATCH", one, `{"state":"failed"}`), 200)["state"])
	assert.Contains(t, w.call("ann", "PATCH", one, `{"state":"running"}`).body, `"type":"enum"`)
}

// The latest version names tasks that the run does not have yet, also in a dry run.
func TestClearOnTheLatestVersion(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	w.files.All = apitest.Write(t, files+"    - {task_id: added, operator: bash, env: null, bash_command: 'true', retries: 2, dependencies: [only]}\n").All
	const run = "/api/v2/dags/by_name/dagRuns/other+1:2"
	dry := w.json(w.call("ann", "POST", run+"/clear", `{"run_on_latest_version":true}`), 200)
	assert.Equal(t, []string{"only", "added"}, ids(dry, "task_instances", "task_id"))
	added := dry["task_instances"].([]any)[1].(map[string]any)
	assert.Equal(t, []any{nil, "BashOperator", "other+1:2", 2.0}, []any{added["state"], added["operator"], added["dag_run_id"], added["max_tries"]})
	assert.Equal(t, "failed", w.get("/dags/by_name/dagRuns/other+1:2")["state"])
	listed := w.json(w.call("ann", "POST", "/api/v2/dags/by_name/clearTaskInstances", `{"dag_run_id":"other+1:2","run_on_latest_version":true}`), 200)
	assert.Equal(t, []string{"only", "added"}, ids(listed, "task_instances", "task_id"), "only what failed, and what is new")
	kept := w.json(w.call("ann", "POST", run+"/clear", `{}`), 200)
	assert.Equal(t, []string{"only"}, ids(kept, "task_instances", "task_id"))
	done := w.json(w.call("ann", "POST", run+"/clear", `{"dry_run":false,"run_on_latest_version":true}`), 200)
	assert.Equal(t, "queued", done["state"])
	assert.ElementsMatch(t, []string{"only", "added"}, ids(w.get("/dags/by_name/dagRuns/other+1:2/taskInstances"), "task_instances", "task_id"))

	// A run under way is refused, in Airflow's form: there it would keep its version and say nothing.
	w.files.All = apitest.Write(t, strings.Replace(files, "retries: 2", "retries: 3", 1)).All
	const clearing = "/api/v2/dags/etl/clearTaskInstances"
	refused := w.call("ann", "POST", clearing, `{"dag_run_id":"scheduled__a","only_failed":false,"run_on_latest_version":true}`)
	assert.Equal(t, 409, refused.status)
	assert.Contains(t, refused.body, "only a run that has ended goes on in the latest version of its DAG")
	// Nobody without the right to operate gets there.
	assert.Equal(t, 403, w.call("vic", "POST", clearing, `{"dag_run_id":"scheduled__b","run_on_latest_version":true}`).status)
	require.NoError(t, w.store.Tx(t.Context(), func(tx store.Tx) error {
		return tx.PutImportError(t.Context(), &store.ImportError{DAGID: "etl", File: "etl.yaml", Since: now, Text: "broken"})
	}))
	for path, body := range map[string]string{clearing: `{"dag_run_id":"scheduled__b","run_on_latest_version":true}`, "/api/v2/dags/etl/dagRuns/scheduled__b/clear": `{"run_on_latest_version":true}`} {
		broken := w.call("ann", "POST", path, body)
		assert.Equal(t, 400, broken.status)
		assert.Contains(t, broken.body, "DAG with dag_id: 'etl' has import errors; mend its file")
	}
}

func TestClear(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	const run = "/api/v2/dags/by_name/dagRuns/other+1:2"
	// 3, 4: dry is the default, and answers with a list; a real one answers with the run.
	assert.Equal(t, 422, w.call("ann", "POST", run+"/clear", "").status)
	dry := w.json(w.call("ann", "POST", run+"/clear", "{}"), 200)
	assert.Equal(t, []string{"only"}, ids(dry, "task_instances", "task_id"))
	assert.Equal(t, "failed", w.get("/dags/by_name/dagRuns/other+1:2")["state"])
	done := w.json(w.call("ann", "POST", run+"/clear", `{"dry_run":false}`), 200)
	assert.Equal(t, "queued", done["state"])

	post := func(body string) answer { return w.call("ann", "POST", "/api/v2/dags/etl/clearTaskInstances", body) }
	got := w.json(post(`{"dag_run_id":"scheduled__b"}`), 200)
	assert.Equal(t, []string{"1"}, ids(got, "task_instances", "map_index"), "only what failed")
	got = w.json(post(`{"dag_run_id":"scheduled__b","task_ids":["second"],"only_failed":false,"include_downstream":true}`), 200)
	assert.ElementsMatch(t, []string{"each", "each", "second"}, ids(got, "task_instances", "task_id"))
	for body, status := range map[string]int{
		`{"only_running":true}`: 422, `{"task_ids":[]}`: 422, `{"dag_run_id":"scheduled__b","start_date":"2026-01-01T00:00:00Z"}`: 422,
		`{"start_date":"2026-02-01T00:00:00Z","end_date":"2026-01-01T00:00:00Z"}`: 422, `{"dag_run_id":"none"}`: 404, `{"task_ids":["none"]}`: 404,
		`{"reset_dag_runs":false}`: 400, `{"task_ids":[["none",1]]}`: 404, `{"task_ids":[["each"]]}`: 422, `{"task_ids":[1]}`: 422,
		`{"dag_run_id":"scheduled__a","only_failed":false,"prevent_running_task":true}`: 409,
	} {
		assert.Equal(t, status, post(body).status, body)
	}

	// 4: PATCH of one task answers with a list, and 409 when nothing changes.
	const ti = "/api/v2/dags/etl/dagRuns/scheduled__b/taskInstances/"
	assert.Equal(t, 409, w.call("ann", "PATCH", ti+"first", `{"new_state":"success"}`).status)
	would := w.json(w.call("ann", "PATCH", ti+"first/dry_run", `{"new_state":"Failed"}`), 200)
	assert.Equal(t, []string{"success"}, ids(would, "task_instances", "state"))
	list := w.json(w.call("ann", "PATCH", ti+"first", `{"new_state":"failed"}`), 200)
	assert.Equal(t, []string{"failed"}, ids(list, "task_instances", "state"))
	noted := w.json(w.call("ann", "PATCH", ti+"each/1", `{"note":"look"}`), 200)
	assert.Equal(t, []string{"look"}, ids(noted, "task_instances", "note"))
	assert.Nil(t, w.get("/dags/etl/dagRuns/scheduled__b/taskInstances/each/0")["note"])
	for body, status := range map[string]int{`{"new_state":"queued"}`: 422, `{"new_state":null}`: 422, `{"new_state":"skipped"}`: 400, `{"x":1}`: 422} {
		assert.Equal(t, status, w.call("ann", "PATCH", ti+"first", body).status, body)
	}
	assert.Equal(t, 404, w.call("ann", "PATCH", ti+"none", `{"note":"x"}`).status)
}

func TestLogs(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	path := filepath.Join(w.dir, w.keys["etl/scheduled__a"].LogFolder(), "task_id=first", "attempt=1.log")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte("[2026-02-01T04:01:00.120Z] INFO - Starting attempt 1 of 1\n  \"<more>\"\nhalf"), 0o600))
	const log = "/api/v2/dags/etl/dagRuns/scheduled__a/taskInstances/first/logs/1"
	// 12: text/plain is refused, and the content is a list of objects.
	for accept, status := range map[string]int{"text/plain": 406, "text/plain, */*": 406, "application/xml": 406, "application/json, text/plain": 200} {
		assert.Equal(t, status, w.call("ann", "GET", log, "", "Accept", accept).status, accept)
	}
	got := w.json(w.call("ann", "GET", log, "", "Accept", "*/*"), 200)
	assert.Equal(t, []string{"::group::Log message source details", "::endgroup::", "Starting attempt 1 of 1", `  "<more>"`}, ids(got, "content", "event"))
	assert.Equal(t, map[string]any{"event": "Starting attempt 1 of 1", "timestamp": "2026-02-01T04:01:00.120000Z", "level": "info"}, got["content"].([]any)[2])
	token := got["continuation_token"].(string)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(" is whole\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	got = w.json(w.call("ann", "GET", log+"?token="+token, ""), 200)
	assert.Equal(t, []string{"half is whole"}, ids(got, "content", "event"))
	assert.NotEqual(t, token, got["continuation_token"])
	lines := w.call("ann", "GET", log, "", "Accept", "application/x-ndjson")
	assert.Equal(t, "application/x-ndjson", lines.header.Get("Content-Type"))
	assert.NotEmpty(t, lines.header.Get("Airflow-Continuation-Token"))
	assert.Equal(t, 5, strings.Count(lines.body, "\n"))
	for path, status := range map[string]int{
		log + "?token=abc": 400, strings.Replace(log, "/1", "/2", 1): 404, strings.Replace(log, "logs/1", "logs/-1", 1): 422,
		"/api/v2/dags/etl/dagRuns/scheduled__a/taskInstances/second/logs/0": 200, "/api/v2/dags/etl/dagRuns/scheduled__a/taskInstances/second/logs/1": 404,
		"/api/v2/dags/etl/dagRuns/scheduled__a/taskInstances/none/logs/1": 404, "/api/v2/dags/etl/dagRuns/scheduled__b/taskInstances/first/logs/1": 404,
	} {
		assert.Equal(t, status, w.call("ann", "GET", path, "").status, path)
	}
}
