package airflow_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// without takes from an object what is another one in each run of a test, which must be there.
func without(t *testing.T, o map[string]any, keys ...string) map[string]any {
	t.Helper()
	for _, k := range keys {
		assert.NotEmpty(t, o[k], k)
		delete(o, k)
	}
	return o
}

// A run and its instances with each of their fields.
func TestWholeObjects(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	w.run("etl", "scheduled__c", 6, dag.RunQueued)
	date := func(clock string) string { return "2026-02-01T" + clock + "Z" }
	version := func(o map[string]any) {
		v, is := o["dag_version"].(map[string]any)
		if !is {
			v = o["dag_versions"].([]any)[0].(map[string]any)
			delete(o, "dag_versions")
		}
		_, err := uuid.Parse(v["id"].(string))
		require.NoError(t, err)
		delete(v, "id")
		delete(o, "dag_version")
		assert.Equal(t, map[string]any{
			"version_number": 1.0, "dag_id": "etl", "dag_display_name": "etl", "bundle_name": v["bundle_name"], "bundle_version": nil, "bundle_url": nil, "created_at": "2026-03-01T11:00:00Z",
		}, v)
	}
	run := func(id string) map[string]any {
		got := w.get("/dags/etl/dagRuns/" + id)
		version(got)
		return got
	}
	want := map[string]any{
		"dag_run_id": "scheduled__b", "dag_id": "etl", "dag_display_name": "etl", "logical_date": date("03:00:00"), "queued_at": date("03:00:00"), "start_date": date("03:01:00"),
		"end_date": date("03:11:00.500000"), "duration": 600.5, "data_interval_start": date("03:00:00"), "data_interval_end": date("03:00:00"), "run_after": date("03:00:00"),
		"last_scheduling_decision": date("03:11:00.500000"), "run_type": "scheduled", "state": "success", "triggered_by": "timetable", "triggering_user_name": nil,
		"conf": map[string]any{"hour": 3.0}, "note": nil, "bundle_version": nil, "partition_key": nil,
	}
	assert.Equal(t, want, run("scheduled__b"))
	running := run("scheduled__a")
	assert.Equal(t, []any{"running", date("04:01:00"), nil, nil, date("04:01:00")}, []any{running["state"], running["start_date"], running["end_date"], running["duration"], running["last_scheduling_decision"]})
	queued := run("scheduled__c")
	assert.Equal(t, []any{"queued", date("06:00:00"), nil, nil, nil}, []any{queued["state"], queued["queued_at"], queued["start_date"], queued["duration"], queued["last_scheduling_decision"]})

	const b = "/dags/etl/dagRuns/scheduled__b/taskInstances/"
	w.do("PATCH", "/dags/etl/dagRuns/scheduled__b/taskInstances/second", `{"note":"twice"}`, http.StatusOK)
	common := map[string]any{
		"dag_id": "etl", "dag_run_id": "scheduled__b", "dag_display_name": "etl", "map_index": -1.0, "start_date": date("03:01:00"), "end_date": date("03:02:00"), "duration": 60.0,
		"state": "success", "hostname": "here", "unixname": nil, "pid": 7.0, "queue": "default", "pool_slots": 1.0, "executor": nil, "executor_config": "{}", "queued_when": nil,
		"scheduled_when": nil,
	}
	with := func(more map[string]any) map[string]any {
		all := map[string]any{}
		maps.Copy(all, common)
		maps.Copy(all, more)
		return all
	}
	one := map[string]any{
		"task_id": "second", "task_display_name": "second", "try_number": 2.0, "max_tries": 2.0, "operator": "EmptyOperator", "operator_name": "EmptyOperator",
		"pool": "default_pool", "priority_weight": 2.0, // with that of the task downstream
	}
	now := map[string]any{
		"logical_date": date("03:00:00"), "run_after": date("03:00:00"), "note": "twice", "rendered_map_index": nil, "rendered_fields": map[string]any{}, "trigger": nil, "triggerer_job": nil,
	}
	got := without(t, w.get(b+"second"), "id")
	version(got)
	assert.Equal(t, with(one), func() map[string]any {
		for k, v := range now {
			assert.Equal(t, v, got[k], k)
			delete(got, k)
		}
		return got
	}())
	try := w.get(b + "second/tries/2")
	version(try)
	assert.Equal(t, with(one), try)
	first := w.get(b + "first")
	assert.Equal(t, []any{"big", "EmptyOperator", 3.0}, []any{first["pool"], first["operator"], first["priority_weight"]})

	// One that has not begun has nothing of a process.
	waits := w.get("/dags/etl/dagRuns/scheduled__a/taskInstances/second")
	assert.Equal(t, []any{nil, nil, nil, nil, nil, nil, 0.0}, []any{waits["state"], waits["start_date"], waits["end_date"], waits["duration"], waits["hostname"], waits["pid"], waits["try_number"]})
	busy := w.get("/dags/etl/dagRuns/scheduled__a/taskInstances/first")
	assert.Equal(t, []any{"running", date("04:01:00"), nil, nil, "here"}, []any{busy["state"], busy["start_date"], busy["end_date"], busy["duration"], busy["hostname"]})
}

// The bounds of a batch are each looked at, as those of a query are.
func TestBoundsOfABatch(t *testing.T) {
	t.Parallel()
	w := seeded(t) // scheduled__b at 3, scheduled__a at 4, other+1:2 at 5; b and other took 600.5 s, a runs
	const b, a, other = "scheduled__b", "scheduled__a", "other+1:2"
	for bounds, want := range map[string][]string{
		`"run_after_gte":"2026-02-01T04:00:00Z"`:                            {a, other},
		`"run_after_gt":"2026-02-01T04:00:00Z"`:                             {other},
		`"run_after_lte":"2026-02-01T04:00:00Z"`:                            {b, a},
		`"run_after_lt":"2026-02-01T04:00:00Z"`:                             {b},
		`"logical_date_gt":"2026-02-01T03:00:00Z"`:                          {a, other},
		`"logical_date_lte":"2026-02-01T03:00:00Z"`:                         {b},
		`"start_date_gte":"2026-02-01T05:01:00Z"`:                           {other},
		`"start_date_lt":"2026-02-01T05:01:00Z"`:                            {b, a},
		`"end_date_gte":"2026-02-01T05:00:00Z"`:                             {a, other},
		`"end_date_lt":"2026-02-01T05:00:00Z"`:                              {b},
		`"duration_gte":600.5`:                                              {b, other},
		`"duration_gt":600.5`:                                               {},
		`"duration_lte":600.5`:                                              {b, other},
		`"duration_lt":600.5`:                                               {},
		`"run_after_gt":"2026-02-01T03:00:00Z","duration_gte":1`:            {other},
		`"run_after_gte":"2026-02-01T05:00:00+01:00"`:                       {a, other},
		`"run_after_gte":"2026-02-01T04:00:00Z","states":["running"]`:       {a},
		`"run_after_lt":"2026-02-01T05:00:00Z","dag_ids":["etl","by_hand"]`: {b, a},
	} {
		got := w.do("POST", "/dags/~/dagRuns/list", "{"+bounds+"}", http.StatusOK)
		assert.Equal(t, want, ids(got, "dag_runs", "dag_run_id"), bounds)
		assert.InDelta(t, float64(len(want)), got["total_entries"], 0, bounds)
	}
	for query, want := range map[string][]string{
		"run_after_gte=2026-02-01T04:00:00Z": {a, other}, "run_after_lt=2026-02-01T04:00:00Z": {b}, "bundle_version=1": {}, "partition_key_pattern=x": {}, "bundle_version=": {},
	} {
		assert.Equal(t, want, ids(w.get("/dags/~/dagRuns?"+query), "dag_runs", "dag_run_id"), query)
	}
}

// Whatever is sent as a secret is hidden from logs from then on, by whatever call it comes.
func TestWhatIsSentIsMasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/connections", `{"connection_id":"a","conn_type":"http","password":"pass-of-post","extra":"{\"api_key\":\"key-of-post\"}"}`, 201)
	w.do("PATCH", "/connections/a", `{"connection_id":"a","conn_type":"http","password":"pass-of-patch"}`, 200)
	w.do("PATCH", "/connections", `{"actions":[{"action":"create","entities":[{"connection_id":"b","conn_type":"http","password":"pass-of-many"}]}]}`, 200)
	w.do("POST", "/variables", `{"key":"api_token","value":"value-of-post"}`, 201)
	w.do("PATCH", "/variables/api_token", `{"key":"api_token","value":"value-of-patch"}`, 200)
	for _, secret := range []string{"pass-of-post", "key-of-post", "pass-of-patch", "pass-of-many", "value-of-post", "value-of-patch"} {
		assert.Equal(t, "it says ***", w.masker.Mask("it says "+secret), secret)
	}
}

// A change of one field alone is one, whichever field it is, and what is sent again is none.
func TestOneFieldAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/connections", `{"connection_id":"c","conn_type":"http","host":"a","login":"a","password":"pass-a","schema":"http","port":1,"description":"a","extra":"{\"timeout\": 1}"}`, 201)
	events := func() int {
		n, err := w.store.CountEvents(t.Context(), store.EventFilter{})
		require.NoError(t, err)
		return n
	}
	kind, n := "http", events()
	for _, c := range []struct {
		field string
		value any
	}{{"host", "b"}, {"login", "b"}, {"schema", "https"}, {"port", 2.0}, {"description", "b"}, {"extra", `{"timeout": 2}`}, {"conn_type", "https"}} {
		if c.field == "conn_type" {
			kind = c.value.(string)
		}
		body := map[string]any{"connection_id": "c", "conn_type": kind, c.field: c.value}
		for range 2 {
			assert.Equal(t, c.value, w.do("PATCH", "/connections/c", string(mustJSON(body)), 200)[c.field], c.field)
			assert.Equal(t, c.value, w.get("/connections/c")[c.field], c.field)
		}
		assert.Equal(t, n+1, events(), c.field)
		n = events()
	}
	w.do("PATCH", "/connections/c", `{"connection_id":"c","conn_type":"https","password":"pass-b"}`, 200)
	stored, err := w.store.Connections().Connection(t.Context(), "c")
	require.NoError(t, err)
	assert.Equal(t, "pass-b", stored.GetPassword().Reveal())

	w.do("POST", "/variables", `{"key":"v","value":"a","description":"a"}`, 201)
	n = events()
	w.do("PATCH", "/variables/v", `{"key":"v","value":"a","description":"a"}`, 200)
	assert.Equal(t, n, events())
	w.do("PATCH", "/variables/v", `{"key":"v","value":"a","description":"b"}`, 200)
	assert.Equal(t, "b", w.get("/variables/v")["description"])
	w.do("PATCH", "/variables/v", `{"key":"v","value":"b"}`, 200)
	assert.Equal(t, "b", w.get("/variables/v")["value"])
	assert.Equal(t, n+2, events())
}

// What a change was asked for with is kept with its event: numbers as they were sent, and each value of a query.
func TestWhatIsKeptOfARequest(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	w.do("POST", "/dags/etl/dagRuns?to=x&to=y&from=z", `{"logical_date":null,"dag_run_id":"r","conf":{"n":12345678901234567890,"f":1.50}}`, 200)
	last := w.get("/eventLogs?order_by=-id&limit=1")["event_logs"].([]any)[0].(map[string]any)
	assert.Equal(t, `{"conf":{"f":1.50,"n":12345678901234567890},"dag_run_id":"r","from":"z","logical_date":null,"to":["x","y"]}`, last["extra"])
}
