package airflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/store"
)

// withXComs is a world with XComs.
func withXComs(t *testing.T) *world {
	t.Helper()
	w := seeded(t)
	b, other := w.keys["etl/scheduled__b"].Key, w.keys["by_name/other+1:2"].Key
	w.write(func(ctx context.Context, tx store.Tx) error {
		return errors.Join(
			tx.PutXCom(ctx, b, "first", -1, "return_value", json.RawMessage(`{"key":"v","n":[1,2.5,null]}`)),
			tx.PutXCom(ctx, b, "first", -1, "secret", json.RawMessage(`"say s3cr3t"`)),
			tx.PutXCom(ctx, b, "each", 0, "return_value", json.RawMessage(`5`)),
			tx.PutXCom(ctx, b, "each", 1, "return_value", json.RawMessage(`"中"`)),
			tx.PutXCom(ctx, other, "only", -1, "return_value", json.RawMessage(`null`)),
		)
	})
	return w
}

func TestXComs(t *testing.T) {
	t.Parallel()
	w := withXComs(t)
	const run = "/dags/etl/dagRuns/scheduled__b/taskInstances/"
	for path, want := range map[string][]string{
		run + "first/xcomEntries":                                                                    {"return_value", "secret"},
		run + "first/xcomEntries?xcom_key=secret":                                                    {"secret"},
		run + "first/xcomEntries?xcom_key=sec":                                                       {},
		run + "first/xcomEntries?xcom_key_pattern=SEC":                                               {"secret"},
		run + "none/xcomEntries":                                                                     {},
		run + "~/xcomEntries":                                                                        {"return_value", "return_value", "return_value", "secret"},
		run + "~/xcomEntries?map_index=1":                                                            {"return_value"},
		run + "~/xcomEntries?map_index_filter=0":                                                     {"return_value"},
		run + "~/xcomEntries?limit=2&offset=2":                                                       {"return_value", "secret"},
		run + "~/xcomEntries?task_id_pattern=IRS":                                                    {"return_value", "secret"},
		"/dags/~/dagRuns/~/taskInstances/~/xcomEntries?dag_display_name_pattern=NAME":                {"return_value"},
		"/dags/~/dagRuns/~/taskInstances/only/xcomEntries":                                           {"return_value"},
		"/dags/~/dagRuns/~/taskInstances/~/xcomEntries?run_id_pattern=other":                         {"return_value"},
		"/dags/~/dagRuns/~/taskInstances/~/xcomEntries?logical_date_gt=2026-02-01T03:00Z":            {"return_value"},
		"/dags/etl/dagRuns/~/taskInstances/~/xcomEntries?run_after_gte=2026-02-01T04:00Z":            {},
		"/dags/etl/dagRuns/~/taskInstances/~/xcomEntries?dag_display_name_pattern=name":              {},
		"/dags/~/dagRuns/~/taskInstances/~/xcomEntries?limit=0":                                      {},
		"/dags/~/dagRuns/~/taskInstances/~/xcomEntries?xcom_key=return_value&task_id_pattern=EACH|x": {"return_value", "return_value"},
	} {
		got := w.get(path)
		assert.Equal(t, want, ids(got, "xcom_entries", "key"), path)
		for _, x := range got["xcom_entries"].([]any) {
			assert.NotContains(t, x, "value", "a list has no values")
		}
	}
	assert.InEpsilon(t, 4.0, w.get(run + "~/xcomEntries?limit=0")["total_entries"], 0)
	assert.Equal(t, []string{"each", "each", "first", "first"}, ids(w.get(run+"~/xcomEntries"), "xcom_entries", "task_id"))
	for path, status := range map[string]int{
		"/dags/none/dagRuns/~/taskInstances/~/xcomEntries": 404, "/dags/etl/dagRuns/none/taskInstances/~/xcomEntries": 404, "/dags/~/dagRuns/scheduled__b/taskInstances/~/xcomEntries": 400,
		run + "~/xcomEntries?map_index=-2": 422,
	} {
		assert.Equal(t, status, w.call("ann", "GET", "/api/v2"+path, "").status, path)
	}
	bob := w.json(w.call("bob", "GET", "/api/v2/dags/~/dagRuns/~/taskInstances/~/xcomEntries", ""), 200)
	assert.InEpsilon(t, 4.0, bob["total_entries"], 0, "not those of a DAG of others")
}

func TestXCom(t *testing.T) {
	t.Parallel()
	w := withXComs(t)
	const first = "/dags/etl/dagRuns/scheduled__b/taskInstances/first/xcomEntries"
	const each = "/dags/etl/dagRuns/scheduled__b/taskInstances/each/xcomEntries/return_value"
	got := w.get(first + "/return_value")
	assert.Equal(t, map[string]any{
		"key": "return_value", "timestamp": "2026-02-01T03:02:00Z", "logical_date": "2026-02-01T03:00:00Z", "map_index": -1.0, "task_id": "first", "dag_id": "etl", "run_id": "scheduled__b",
		"dag_display_name": "etl", "task_display_name": "first", "run_after": "2026-02-01T03:00:00Z", "value": `{"key": "v", "n": [1, 2.5, null]}`,
	}, got, "13: the plain value is JSON text, with the spaces of Python")
	for path, want := range map[string]any{
		first + "/return_value?deserialize=true":                                      map[string]any{"key": "v", "n": []any{1.0, 2.5, nil}},
		first + "/return_value?stringify=true":                                        `{"key": "v", "n": [1, 2.5, null]}`,
		first + "/secret":                                                             `"say ***"`,
		first + "/secret?deserialize=true":                                            "say ***",
		first + "/secret?deserialize=true&stringify=true":                             "say ***",
		each + "?map_index=0&deserialize=true":                                        5.0,
		each + "?map_index=0":                                                         "5",
		each + "?map_index=0&deserialize=true&stringify=true":                         "5",
		each + "?map_index=1":                                                         `"\u4e2d"`,
		"/dags/by_name/dagRuns/other+1:2/taskInstances/only/xcomEntries/return_value": "null",
		"/dags/by_name/dagRuns/other+1:2/taskInstances/only/xcomEntries/return_value?deserialize=true":                    nil,
		"/dags/by_name/dagRuns/other+1:2/taskInstances/only/xcomEntries/return_value?deserialize=true&stringify=true":     nil,
		"/dags/by_name/dagRuns/other%2B1%3A2/taskInstances/only/xcomEntries/return_value?map_index=-1&deserialize=no":     "null",
		"/dags/by_name/dagRuns/other%2B1%3A2/taskInstances/only/xcomEntries/return_value?deserialize=false&stringify=yes": "null",
	} {
		value, ok := w.get(path)["value"]
		assert.True(t, ok, path)
		assert.Equal(t, want, value, path)
	}
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2"+each, "").status, "a mapped one has no index -1")
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2"+first+"/none", "").status)
	assert.Equal(t, 403, w.call("bob", "GET", "/api/v2/dags/by_name/dagRuns/other+1:2/taskInstances/only/xcomEntries/return_value", "").status)
}

func TestXComsAreChanged(t *testing.T) {
	t.Parallel()
	w := withXComs(t)
	const entries = "/api/v2/dags/etl/dagRuns/scheduled__b/taskInstances/second/xcomEntries"
	made := w.json(w.call("ann", "POST", entries, `{"key":"a/b","value":{"x":[true]}}`), 201)
	assert.JSONEq(t, `{"x": [true]}`, made["value"].(string))
	assert.Equal(t, "2026-03-01T12:00:00Z", made["timestamp"], "when it was written, and not when the try ended")
	again := w.call("ann", "POST", entries, `{"key":"a/b","value":1}`)
	assert.Equal(t, 409, again.status)
	assert.JSONEq(t, `{"detail":"The XCom with key: `+"`a/b`"+` with mentioned task instance already exists."}`, again.body)
	assert.Equal(t, 201, w.call("ann", "POST", entries, `{"key":"a/b","value":null,"map_index":3}`).status)
	assert.Equal(t, "1.50", w.json(w.call("ann", "PATCH", entries+"/a%2Fb", `{"value":1.50}`), 200)["value"])
	assert.Equal(t, 204, w.call("ann", "DELETE", entries+"/a%2Fb?map_index=3", "").status)
	for path, want := range map[string]struct {
		method, body string
		status       int
	}{
		entries + "/none":                                {"PATCH", `{"value":1}`, 404},
		entries + "/a%2Fb":                               {"PATCH", `{}`, 422},
		entries + "/a%2Fb?map_index=3":                   {"DELETE", "", 404},
		entries:                                          {"POST", `{"key":"k","value":1,"more":1}`, 422},
		strings.Replace(entries, "etl", "x", 1):          {"POST", `{"key":"k","value":1}`, 404},
		strings.Replace(entries, "second", "x", 1):       {"POST", `{"key":"k","value":1}`, 404},
		strings.Replace(entries, "scheduled__b", "x", 1): {"POST", `{"key":"k","value":1}`, 404},
	} {
		assert.Equal(t, want.status, w.call("ann", want.method, path, want.body).status, path)
	}
	assert.Equal(t, 422, w.call("ann", "POST", entries, `{"key":"","value":1}`).status)
	assert.Equal(t, 403, w.call("bob", "POST", entries, `{"key":"k","value":1}`).status, "a viewer")
	assert.Equal(t, 403, w.call("oli", "DELETE", "/api/v2/dags/by_name/dagRuns/other+1:2/taskInstances/only/xcomEntries/return_value", "").status)
	events, err := w.store.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, string(e.Kind)+" "+e.Actor.Name+" "+string(e.Extra))
	}
	assert.Equal(t, []string{`xcom_delete ann {"key":"a/b"}`, `xcom_set ann {"key":"a/b"}`, `xcom_set ann {"key":"a/b"}`, `xcom_set ann {"key":"a/b"}`}, kinds)
	logged := w.get("/eventLogs?event_pattern=xcom")
	assert.Equal(t, []string{"create_xcom_entry", "create_xcom_entry", "update_xcom_entry", "delete_xcom_entry"}, ids(logged, "event_logs", "event"), "the names of Airflow's operations")
	assert.Equal(t, `{"value":1.50,"xcom_key":"a/b"}`, ids(logged, "event_logs", "extra")[2])
}

func TestPythonJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":1,"b":[true,{}]}`: `{"a": 1, "b": [true, {}]}`, `"a:b,\"c\\"`: `"a:b,\"c\\"`, `"é😀"`: `"\u00e9\ud83d\ude00"`, "[ 1 ,\n2]": "[1, 2]", `"\\",1`: `"\\", 1`,
	} {
		assert.Equal(t, want, browse.PythonJSON(json.RawMessage(in)))
	}
}
