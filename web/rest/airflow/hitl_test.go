package airflow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// asking is a world whose tasks ask people.
func asking(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.run("etl", "asks", 3, dag.RunRunning,
		store.Instance{TaskID: "first", MapIndex: -1, State: dag.Success, Try: 1, MaxTries: 1}, store.Instance{TaskID: "second", MapIndex: -1, State: dag.Deferred, Try: 2, MaxTries: 3})
	w.run("by_name", "others", 4, dag.RunRunning, store.Instance{TaskID: "only", MapIndex: -1, State: dag.Deferred, Try: 1, MaxTries: 1})
	etl, other := w.keys["etl/asks"].Key, w.keys["by_name/others"].Key
	w.write(func(ctx context.Context, tx store.Tx) error {
		put := func(a *store.Ask, by string) error {
			a.CreatedAt, a.State = now.Add(time.Duration(a.Try)*time.Minute), store.AskOpen
			if a.Options == nil {
				a.Options = []string{"Approve", "Reject"}
			}
			_, err := tx.InsertAsk(ctx, a)
			if by == "" || err != nil {
				return err
			}
			a.State, a.SettledAt, a.RespondedBy, a.Chosen = store.AskAnswered, now.Add(time.Hour), store.Person{ID: by, Name: "Mr " + by}, []string{"Approve"}
			_, err = tx.SettleAsk(ctx, a)
			return err
		}
		past := &store.Instance{RunKey: etl, TaskID: "second", MapIndex: -1, State: dag.Failed, Try: 1, MaxTries: 3}
		return errors.Join(
			tx.PutPastTries(ctx, []*store.Instance{past}),
			put(&store.Ask{RunKey: etl, DAGID: "etl", RunID: "asks", TaskID: "first", MapIndex: -1, Try: 1, Subject: "Load?"}, "bob"),
			put(&store.Ask{RunKey: etl, DAGID: "etl", RunID: "asks", TaskID: "second", MapIndex: -1, Try: 1, Subject: "Pay at once?"}, "bob"),
			put(&store.Ask{
				RunKey: etl, DAGID: "etl", RunID: "asks", TaskID: "second", MapIndex: -1, Try: 2, Subject: "Pay?", Body: "**100** yuan", Defaults: []string{"Reject"},
				Assigned: []store.Person{{ID: "ann", Name: "Ann"}}, Params: []store.AskParam{{Name: "why", Value: []byte(`"habit"`), Description: "a reason", Schema: []byte(`{"type":"string"}`)}},
			}, ""),
			put(&store.Ask{RunKey: other, DAGID: "by_name", RunID: "others", TaskID: "only", MapIndex: -1, Try: 1, Subject: "Others?"}, ""),
		)
	})
	return w
}

func TestHITLDetails(t *testing.T) {
	t.Parallel()
	w := asking(t)
	for query, want := range map[string][]string{
		"/dags/etl/dagRuns/asks/hitlDetails":                               {"Load?", "Pay?"},
		"/dags/~/dagRuns/~/hitlDetails":                                    {"Load?", "Pay?", "Others?"},
		"/dags/etl/dagRuns/~/hitlDetails?response_received=false":          {"Pay?"},
		"/dags/~/dagRuns/~/hitlDetails?response_received=true":             {"Load?"},
		"/dags/~/dagRuns/~/hitlDetails?order_by=-created_at&limit=1":       {"Pay?"},
		"/dags/~/dagRuns/~/hitlDetails?responded_by_user_id=bob":           {"Load?"},
		"/dags/~/dagRuns/~/hitlDetails?responded_by_user_name=bob":         {},
		"/dags/~/dagRuns/~/hitlDetails?state=deferred&dag_id_pattern=ETL":  {"Pay?"},
		"/dags/~/dagRuns/~/hitlDetails?subject_search=OTHERS":              {"Others?"},
		"/dags/~/dagRuns/~/hitlDetails?body_search=yuan&map_index=-1":      {"Pay?"},
		"/dags/~/dagRuns/~/hitlDetails?task_id=only":                       {"Others?"},
		"/dags/~/dagRuns/~/hitlDetails?task_id_pattern=on&map_index=0":     {},
		"/dags/~/dagRuns/~/hitlDetails?created_at_gt=2026-03-01T12:01:00Z": {"Pay?"},
	} {
		assert.Equal(t, want, ids(w.get(query), "hitl_details", "subject"), query)
	}
	bob := w.json(w.call("bob", "GET", "/api/v2/dags/~/dagRuns/~/hitlDetails", ""), 200)
	assert.Equal(t, []string{"Load?", "Pay?"}, ids(bob, "hitl_details", "subject"))
	assert.InEpsilon(t, 2.0, bob["total_entries"], 0)
	for path, status := range map[string]int{
		"/dags/none/dagRuns/~/hitlDetails": 404, "/dags/etl/dagRuns/none/hitlDetails": 404, "/dags/~/dagRuns/~/hitlDetails?order_by=body": 400, "/dags/~/dagRuns/~/hitlDetails?state=odd": 422,
	} {
		assert.Equal(t, status, w.call("ann", "GET", "/api/v2"+path, "").status, path)
	}
}

func TestHITLDetail(t *testing.T) {
	t.Parallel()
	w := asking(t)
	const second = "/api/v2/dags/etl/dagRuns/asks/taskInstances/second/-1/hitlDetails"
	got := w.json(w.call("ann", "GET", second, ""), 200)
	assert.Equal(t, "deferred", got["task_instance"].(map[string]any)["state"])
	delete(got, "task_instance")
	assert.Equal(t, map[string]any{
		"options": []any{"Approve", "Reject"}, "subject": "Pay?", "body": "**100** yuan", "defaults": []any{"Reject"}, "multiple": false, "created_at": "2026-03-01T12:02:00Z",
		"params":         map[string]any{"why": map[string]any{"value": "habit", "description": "a reason", "schema": map[string]any{"type": "string"}}},
		"assigned_users": []any{map[string]any{"id": "ann", "name": "Ann"}}, "responded_by_user": nil, "responded_at": nil, "chosen_options": nil, "params_input": map[string]any{}, "response_received": false,
	}, got)
	old := w.json(w.call("ann", "GET", second+"/tries/1", ""), 200)
	assert.Equal(t, "Pay at once?", old["subject"])
	assert.Equal(t, map[string]any{"id": "bob", "name": "Mr bob"}, old["responded_by_user"])
	assert.Equal(t, "2026-03-01T13:00:00Z", old["responded_at"])
	assert.Equal(t, "failed", old["task_instance"].(map[string]any)["state"])
	assert.Equal(t, "Pay?", w.json(w.call("ann", "GET", second+"/tries/2", ""), 200)["subject"])
	for path, status := range map[string]int{second + "/tries/3": 404, "/api/v2/dags/etl/dagRuns/asks/taskInstances/each/0/hitlDetails": 404, "/api/v2/dags/etl/dagRuns/asks/taskInstances/none/-1/hitlDetails": 404} {
		assert.Equal(t, status, w.call("ann", "GET", path, "").status, path)
	}

	for body, status := range map[string]int{`{}`: 422, `{"chosen_options":[]}`: 422, `{"chosen_options":["Perhaps"]}`: 400, `{"chosen_options":["Approve"],"params_input":{"other":1}}`: 400} {
		assert.Equal(t, status, w.call("ann", "PATCH", second, body).status, body)
	}
	assert.Equal(t, 403, w.call("oli", "PATCH", second, `{"chosen_options":["Approve"]}`).status, "it asks others")
	assert.Equal(t, 403, w.call("bob", "PATCH", second, `{"chosen_options":["Approve"]}`).status, "a viewer")
	done := w.json(w.call("ann", "PATCH", second, `{"chosen_options":["Approve"],"params_input":{"why":"need"}}`), 200)
	assert.Equal(t, map[string]any{
		"responded_by": map[string]any{"id": "ann", "name": "ann"}, "responded_at": "2026-03-01T12:00:00Z", "chosen_options": []any{"Approve"}, "params_input": map[string]any{"why": "need"},
	}, done)
	assert.Equal(t, 409, w.call("ann", "PATCH", second, `{"chosen_options":["Reject"]}`).status)
	got = w.json(w.call("ann", "GET", second, ""), 200)
	assert.Equal(t, true, got["response_received"])
	assert.Equal(t, []any{"Approve"}, got["chosen_options"])
	a, err := w.store.Ask(t.Context(), 3)
	require.NoError(t, err)
	assert.Equal(t, store.ViaRESTAPI, a.Via)
}
