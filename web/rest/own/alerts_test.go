package own_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

func TestAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Equal(t, map[string]any{"alerts": []any{}, "total_entries": 0.0}, w.get("/alerts"))
	w.alert("etl", store.DeliveryDelivered)                                                                             // 1
	w.alert("billing", store.DeliveryRefused, func(d *store.Delivery) { d.Error, d.Channel = hidden+" no", "email:a" }) // 2
	w.alert("", store.DeliveryUncertain, func(d *store.Delivery) { d.CreatedAt = now.Add(-time.Minute) })               // 3
	w.alert("etl", store.DeliveryFolded, func(d *store.Delivery) { d.DigestID = 3 })                                    // 4
	w.alert("etl", store.DeliveryWaiting, func(d *store.Delivery) {                                                     // 5
		d.Owner.TaskID, d.Owner.MapIndex, d.StandsInFor, d.NextTry = "each", 1, 2, now.Add(time.Minute)
	})
	for query, want := range map[string]string{
		"": "5 4 3 2 1", "?order_by=alert_id": "1 2 3 4 5", "?limit=2": "5 4", "?limit=2&offset=2": "3 2", "?offset=9": "", "?limit=0": "", "?order_by=alert_id&limit=1&offset=1": "2",
		"?state=refused&state=uncertain": "3 2", "?robot=ops": "5 4 3 1", "?channel=email:a": "2", "?dag_id=etl": "5 4 1", "?dag_id=etl&dag_run_id=r&task_id=first": "4 1",
		"?digest_id=3": "4", "?stands_in_for=2": "5", "?unacked=true": "5 4 3 2 1", "?since=2026-03-01T11:59:00Z": "3", "?until=2026-03-01T11:59:00Z": "5 4 2 1", "?dag_id=etl&state=refused": "",
	} {
		got := w.get("/alerts" + query)
		assert.Equal(t, want, ids(got, "alerts", "alert_id"), query)
	}
	assert.InEpsilon(t, 5.0, w.get("/alerts?limit=0")["total_entries"], 0)
	assert.InEpsilon(t, 2.0, w.get("/alerts?state=refused&state=uncertain&limit=1")["total_entries"], 0)

	waiting := w.get("/alerts/5")
	for name, want := range map[string]any{
		"state": "waiting", "channel": "dingding:ops", "summary": "*** failed", "event": "on_failure", "dag_id": "etl", "dag_run_id": "r", "task_id": "each", "map_index": 1.0,
		"try_number": 2.0, "attempts": 1.0, "next_attempt": "2026-03-01T12:01:00Z", "created_at": "2026-03-01T11:00:00Z", "stands_in_for": 2.0, "digest_id": nil, "error": nil,
		"acked_at": nil, "decisions": []any{"drop"}, "attempt_list": []any{}, "members": []any{}, "replaced_by": []any{},
		"content": map[string]any{"title": "t", "text": "it says *** *** failed", "mentions": []any{"ann"}},
		"wait":    map[string]any{"reason": "it failed, and is tried again", "until": "2026-03-01T12:01:00Z", "waiting": 1.0},
	} {
		assert.Equal(t, want, waiting[name], name)
	}
	digest := w.get("/alerts/3")
	assert.Equal(t, "4", ids(digest, "members", "alert_id"))
	assert.Equal(t, []any{nil, nil, nil, nil, nil}, []any{digest["dag_id"], digest["dag_run_id"], digest["task_id"], digest["map_index"], digest["wait"]})
	refused := w.get("/alerts/2")
	assert.Equal(t, "5", ids(refused, "replaced_by", "alert_id"))
	assert.Equal(t, "*** no", refused["error"])

	for path, status := range map[string]int{
		"/alerts/99": 404, "/alerts/x": 422, "/alerts?state=lost": 422, "/alerts?limit=-1": 422, "/alerts?since=soon": 422, "/alerts?order_by=summary": 400, "/alerts?robot=a&channel=b": 400,
		"/alerts?dag_id=nothing": 404, "/alerts/check?since=2027-01-01": 422,
	} {
		assert.Equal(t, status, w.call("vera", http.MethodGet, path, "").status, path)
	}
	assert.Equal(t, `no connection "report"; did you mean "reports"?`, w.detail(w.call("vera", http.MethodGet, "/alerts?robot=report", ""), 404))
	assert.Equal(t, `no connection "nosuch" is known here, and no alert was ever sent through it`, w.detail(w.call("vera", http.MethodGet, "/alerts?robot=nosuch", ""), 404))
	assert.Equal(t, `no DAG "elt"; did you mean "etl"?`, w.detail(w.call("vera", http.MethodGet, "/alerts?dag_id=elt", ""), 404))
}

func TestAttemptsOfAnAlert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("etl", store.DeliveryRefused)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutDeliveryAttempt(ctx, &store.DeliveryAttempt{
			DeliveryID: 1, Attempt: 1, At: now.Add(-time.Minute), EndedAt: now, Node: "n", Outcome: store.AttemptRefused, Code: "310000", HTTPStatus: 200, Message: hidden + " keyword", Parts: 2, PartsTaken: 1,
		})
	})
	assert.Equal(t, []any{map[string]any{
		"attempt_number": 1.0, "start_date": "2026-03-01T11:59:00Z", "end_date": "2026-03-01T12:00:00Z", "outcome": "refused", "code": "310000", "http_status": 200.0,
		"message": "*** keyword", "parts_taken": 1.0, "parts": 2.0, "next_attempt": nil,
	}}, w.get("/alerts/1")["attempt_list"])
}

// Who is limited to some DAGs has what is about these, and finds no trace of anything else.
func TestAlertsOfSomeDAGs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("etl", store.DeliveryRefused)     // 1
	w.alert("billing", store.DeliveryRefused) // 2
	w.alert("", store.DeliveryRefused)        // 3
	w.run("billing", dag.RunFailed)
	for _, who := range []string{"lily", "otto"} {
		got := w.json(w.call(who, http.MethodGet, "/alerts", ""), 200)
		assert.Equal(t, "1", ids(got, "alerts", "alert_id"))
		assert.InEpsilon(t, 1.0, got["total_entries"], 0)
		check := w.json(w.call(who, http.MethodGet, "/alerts/check", ""), 200)
		assert.Equal(t, "1", ids(check, "problems", "alert_id"))
		assert.Zero(t, check["kept_back"])
		assert.InEpsilon(t, 1.0, check["total_entries"], 0)
		assert.Equal(t, 200, w.call(who, http.MethodGet, "/alerts/1", "").status)
		for _, id := range []string{"2", "3", "99"} {
			assert.Equal(t, fmt.Sprintf("no alert %s: alerts has those that there are", id), w.detail(w.call(who, http.MethodGet, "/alerts/"+id, ""), 404))
		}
		for _, path := range []string{"/alerts?dag_id=billing", "/snoozes?dag_id=billing", "/dags/billing/told", "/dags/billing/dagRuns/r/told", "/dags/billing/why", "/dags/billing/ticks", "/dags/billing/nextRuns"} {
			assert.Equal(t, 403, w.call(who, http.MethodGet, path, "").status, path)
		}
	}
	act := func(who, path, body string) answer {
		t.Helper()
		return w.call(who, http.MethodPost, path, body)
	}
	for _, path := range []string{"/alerts/ack", "/alerts/retry"} {
		for _, id := range []string{"2", "3", "1, 2", "99"} {
			assert.Equal(t, 404, act("otto", path, `{"alert_ids": [`+id+`]}`).status, id)
		}
		assert.Equal(t, 403, act("otto", path, `{"dag_id": "billing"}`).status)
	}
	// What a filter selects is what he may act on.
	assert.Equal(t, "1", ids(w.json(act("otto", "/alerts/retry", `{"states": ["refused"]}`), 200), "alerts", "alert_id"))
	assert.Equal(t, "refused", w.get("/alerts/2")["state"])
	assert.Equal(t, "refused", w.get("/alerts/3")["state"])
	w.alert("billing", store.DeliveryFolded, func(d *store.Delivery) { d.DigestID = 3 })
	w.alert("etl", store.DeliveryFolded, func(d *store.Delivery) { d.DigestID = 3 })
	assert.InEpsilon(t, 1.0, w.json(act("otto", "/alerts/ack", `{"digest_id": 3}`), 200)["acked"], 0)
	assert.Nil(t, w.get("/alerts/4")["acked_at"])
	assert.NotNil(t, w.get("/alerts/5")["acked_at"])
	assert.Equal(t, []string{"alert_retry", "alert_ack"}, w.events("otto"))
}

// Rights come before everything else that may be wrong.
func TestViewersDecideNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("etl", store.DeliveryRefused)
	for _, who := range []string{"vera", "lily"} {
		for _, path := range []string{"/alerts/ack", "/alerts/retry", "/alerts/drop", "/snoozes", "/snoozes/1/end", "/snoozes/x/end"} {
			for _, body := range []string{`{"alert_ids": [1]}`, `{"alert_ids": [99]}`, `{`, ""} {
				assert.Equal(t, 403, w.call(who, http.MethodPost, path, body).status, "%s %s", path, body)
			}
		}
		assert.Equal(t, 403, w.call(who, http.MethodDelete, "/bindings/1", "").status)
	}
	for _, op := range w.srv.Operations() {
		if !op.Public {
			assert.Equal(t, 401, w.call("", op.Method, strings.NewReplacer("{dag_id}", "etl", "{", "", "}", "").Replace(op.Path), "").status, op.ID)
		}
	}
	assert.Equal(t, "refused", w.get("/alerts/1")["state"])
	assert.Empty(t, w.events("vera"))
}

func TestAck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		w.alert("etl", store.DeliveryRefused)
	}
	ack := func(body string) map[string]any {
		t.Helper()
		return w.json(w.call("olaf", http.MethodPost, "/alerts/ack", body), 200)
	}
	assert.Equal(t, map[string]any{"acked": 3.0, "dry_run": true}, ack(`{"dag_id": "etl", "dry_run": true}`))
	assert.Nil(t, w.get("/alerts/1")["acked_at"])
	assert.Equal(t, map[string]any{"acked": 1.0, "dry_run": false}, ack(`{"alert_ids": [1], "note": "looking, `+hidden+`"}`))
	one := w.get("/alerts/1")
	assert.Equal(t, []any{"2026-03-01T12:00:00Z", "olaf", "looking, ***"}, []any{one["acked_at"], one["acked_by"], one["acked_note"]})
	assert.Equal(t, "3 2", ids(w.get("/alerts?unacked=true"), "alerts", "alert_id"))
	assert.Equal(t, map[string]any{"acked": 0.0, "dry_run": false}, ack(`{"dag_id": "etl", "dag_run_id": "x"}`))
	assert.Equal(t, map[string]any{"acked": 2.0, "dry_run": false}, ack(`{"dag_id": "etl", "dag_run_id": "r", "task_id": "first", "states": ["refused"]}`))
	for body, status := range map[string]int{
		`{}`: 400, `{"states": ["refused"]}`: 400, `{"alert_ids": [99]}`: 404, `{"alert_ids": ["x"]}`: 422, `{"digest_id": 0}`: 422, `{"alert_ids": [1], "note": "` + strings.Repeat("x", 1001) + `"}`: 422, `[]`: 422,
		`{"alert_ids": [` + strings.TrimSuffix(strings.Repeat("1,", 1001), ",") + `]}`: 400,
	} {
		assert.Equal(t, status, w.call("olaf", http.MethodPost, "/alerts/ack", body).status, "%.80s", body)
	}
	assert.Equal(t, []string{"alert_ack", "alert_ack"}, w.events("olaf"), "nothing was seen where nothing is")
}

func TestDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("etl", store.DeliveryRefused)                                                  // 1
	w.alert("etl", store.DeliveryRefused)                                                  // 2
	w.alert("etl", store.DeliveryDelivered, func(d *store.Delivery) { d.StandsInFor = 2 }) // 3
	w.alert("billing", store.DeliveryWaiting)                                              // 4
	w.alert("billing", store.DeliveryUncertain)                                            // 5
	post := func(what, body string) map[string]any {
		t.Helper()
		return w.json(w.call("olaf", http.MethodPost, "/alerts/"+what, body), 200)
	}
	dry := post("retry", `{"dag_id": "etl", "dry_run": true}`)
	assert.Equal(t, "1", ids(dry, "alerts", "alert_id"))
	assert.Equal(t, []any{[]any{2.0}, []any{}, []any{}, true}, []any{dry["told"], dry["stand_ins"], dry["closed"], dry["dry_run"]})
	assert.Equal(t, "refused", w.get("/alerts/1")["state"])
	assert.Equal(t, 0, w.resent)
	assert.Equal(t, "waiting", ids(post("retry", `{"robot": "ops", "dag_id": "etl"}`), "alerts", "state"))
	assert.Equal(t, 1, w.resent)
	assert.Equal(t, "2", ids(post("retry", `{"alert_ids": [2]}`), "alerts", "alert_id"), "its number sends it all the same")

	some := post("drop", `{"alert_ids": [3, 4]}`)
	assert.Equal(t, "4", ids(some, "alerts", "alert_id"))
	assert.Equal(t, []any{map[string]any{"alert_id": 3.0, "detail": "alert 3 is delivered: there is nothing to decide about it"}}, some["refused"])
	assert.Contains(t, w.get("/alerts/4")["error"], "dropped by olaf (rest_api)")
	assert.Equal(t, "5", ids(post("drop", `{"states": ["uncertain"], "since": "2026-03-01T11:00:00Z", "until": "2026-03-01T11:00:01Z"}`), "alerts", "alert_id"))
	assert.Equal(t, []any{3.0}, post("drop", `{"alert_ids": [3], "dry_run": true}`)["closed"])
	assert.Equal(t, "alert 3 is delivered: there is nothing to decide about it", w.detail(w.call("olaf", http.MethodPost, "/alerts/retry", `{"alert_ids": [3]}`), 409))
	for body, status := range map[string]int{
		`{}`: 400, `{"dry_run": true}`: 400, `{"alert_ids": [1], "dag_id": "etl"}`: 400, `{"alert_ids": [99]}`: 404, `{"dag_id": "nothing"}`: 404, `{"states": ["delivered"]}`: 422,
		`{"since": "x"}`: 422, `{"robot": "a", "channel": "b"}`: 400,
	} {
		assert.Equal(t, status, w.call("olaf", http.MethodPost, "/alerts/drop", body).status, body)
	}
	bad := w.json(w.call("olaf", http.MethodPost, "/alerts/drop", `{"alert_ids": [1, "x"]}`), 422)
	assert.Equal(t, []any{"body", "alert_ids", 1.0}, bad["detail"].([]any)[0].(map[string]any)["loc"])
	assert.Equal(t, []string{"alert_retry", "alert_retry", "alert_drop", "alert_drop"}, w.events("olaf"))
}

func TestCheckAndTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("etl", dag.RunFailed)
	assert.Equal(t, map[string]any{"problems": []any{}, "total_entries": 0.0, "kept_back": 0.0}, w.get("/alerts/check"))
	none := w.get("/dags/etl/dagRuns/r/told")
	assert.Equal(t, map[string]any{"dag_id": "etl", "dag_run_id": "r", "run_state": "failed", "failed": true, "told": false, "open": false, "configured": false, "others": 0.0, "alerts": []any{}}, none)

	w.alert("etl", store.DeliveryRefused)                                                  // 1
	w.alert("etl", store.DeliveryDelivered, func(d *store.Delivery) { d.StandsInFor = 1 }) // 2
	w.alert("etl", store.DeliveryUncertain, func(d *store.Delivery) { d.Owner.TaskID = "second" })
	w.alert("etl", store.DeliveryDelivered, func(d *store.Delivery) { d.Owner.Event = "on_retry" })
	w.alert("etl", store.DeliveryRefused, func(d *store.Delivery) { d.CreatedAt = now.Add(-25 * time.Hour) }) // 5
	check := w.get("/alerts/check")
	assert.Equal(t, "3", ids(check, "problems", "alert_id"))
	assert.Equal(t, "may not have arrived", ids(check, "problems", "problem"))
	assert.Equal(t, "3 5", ids(w.get("/alerts/check?since=2026-02-01"), "problems", "alert_id"))
	assert.Equal(t, "5", ids(w.get("/alerts/check?since=2026-02-01&offset=1"), "problems", "alert_id"))

	told := w.get("/dags/etl/dagRuns/r/told")
	assert.Equal(t, []any{true, true, true, 1.0}, []any{told["failed"], told["told"], told["open"], told["others"]})
	assert.Equal(t, "1 2 3 5", ids(told, "alerts", "alert_id"))
	assert.Equal(t, "true true false false", ids(told, "alerts", "delivered"))
	assert.InEpsilon(t, 2.0, told["alerts"].([]any)[0].(map[string]any)["instead"].(map[string]any)["alert_id"], 0)
	assert.Equal(t, "3", ids(w.get("/dags/etl/dagRuns/r/told?task_id=second"), "alerts", "alert_id"))
	assert.Equal(t, "1 2 3 4 5", ids(w.get("/dags/etl/dagRuns/r/told?all=true"), "alerts", "alert_id"))
	for path, want := range map[string]string{"/dags/etl/told": "r", "/dags/etl/told?at=2026-03-01T06:00:31Z": "r", "/dags/billing/told": "", "/dags/etl/told?at=2026-02-01T00:00:00Z": ""} {
		assert.Equal(t, want, ids(w.get(path), "told", "dag_run_id"), path)
	}
	for path, status := range map[string]int{"/dags/nothing/told": 404, "/dags/etl/dagRuns/x/told": 404, "/dags/etl/told?at=soon": 422} {
		assert.Equal(t, status, w.call("vera", http.MethodGet, path, "").status, path)
	}
}

func TestSnoozes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := func(who, path, body string) answer {
		t.Helper()
		return w.call(who, http.MethodPost, path, body)
	}
	made := w.json(post("olaf", "/snoozes", `{"dag_id": "etl", "task_id": "first", "until": "2026-03-01T13:00:00Z", "reason": "`+hidden+`"}`), 200)
	for name, want := range map[string]any{
		"snooze_id": 1.0, "kind": "snooze", "dag_ids": []any{"etl"}, "task_id": "first", "robots": []any{}, "urgent": false, "since": "2026-03-01T12:00:00Z", "until": "2026-03-01T13:00:00Z",
		"reason": "***", "made_by": "olaf (rest_api)", "ended_by": nil, "silenced": 0.0, "warnings": []any{},
	} {
		assert.Equal(t, want, made[name], name)
	}
	w.json(post("olaf", "/snoozes", `{"dag_id": "e*", "urgent": true, "until": "2026-03-01T13:00:00Z"}`), 200) // 2
	w.json(post("otto", "/snoozes", `{"dag_id": "etl", "until": "2026-03-01T14:00:00Z"}`), 200)                // 3
	w.json(post("olaf", "/snoozes", `{"all": true, "until": "2026-03-01T15:00:00Z"}`), 200)                    // 4
	w.json(post("olaf", "/snoozes", `{"dag_id": "billing", "until": "2026-03-01T15:00:00Z"}`), 200)            // 5
	w.alert("etl", store.DeliverySilenced, func(d *store.Delivery) { d.SilenceID = 1 })
	assert.InEpsilon(t, 1.0, w.get("/snoozes/1")["silenced"], 0)
	assert.Equal(t, "5 4 3 2 1", ids(w.get("/snoozes"), "snoozes", "snooze_id"))
	assert.Equal(t, "3", ids(w.get("/snoozes?dag_id=etl&limit=1"), "snoozes", "snooze_id"))
	assert.Equal(t, "3 1", ids(w.json(w.call("lily", http.MethodGet, "/snoozes", ""), 200), "snoozes", "snooze_id"))

	// Who is limited to some DAGs silences one of these at a time, and ends that alone.
	for body, status := range map[string]int{
		`{"dag_id": "billing", "until": "2026-03-01T14:00:00Z"}`: 403, `{"dag_id": "et?", "until": "2026-03-01T14:00:00Z"}`: 403, `{"all": true, "until": "2026-03-01T14:00:00Z"}`: 403,
		`{"robot": "ops", "until": "2026-03-01T14:00:00Z"}`: 403, `{"until": "2026-03-01T14:00:00Z"}`: 403,
	} {
		assert.Equal(t, status, post("otto", "/snoozes", body).status, body)
	}
	for _, id := range []string{"2", "4", "5", "99"} {
		assert.Equal(t, 404, post("otto", "/snoozes/"+id+"/end", "").status, id)
		assert.Equal(t, 404, w.call("lily", http.MethodGet, "/snoozes/"+id, "").status, id)
	}
	ended := w.json(post("otto", "/snoozes/1/end", ""), 200)
	assert.Equal(t, []any{"2026-03-01T12:00:00Z", "otto (rest_api)", 1.0}, []any{ended["until"], ended["ended_by"], ended["silenced"]})
	again := w.json(post("olaf", "/snoozes/1/end", ""), 200)
	assert.Equal(t, "otto (rest_api)", again["ended_by"], "one that is over is over")
	assert.Equal(t, []string{"alert_snooze", "alert_unsnooze"}, w.events("otto"))

	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.InsertSilence(ctx, &store.Silence{Kind: store.SilenceMaintenance, Since: now, Until: now.Add(time.Hour)})
		return err
	})
	assert.Equal(t, "silence 6 is of the kind maintenance, which nobody can end: only snoozes", w.detail(post("olaf", "/snoozes/6/end", ""), 409))
	for body, status := range map[string]int{
		`{}`: 422, `{"until": "2026-03-01T14:00:00Z"}`: 400, `{"dag_id": "etl", "until": "2026-03-01T11:00:00Z"}`: 400, `{"dag_id": "etl", "until": "2026-03-01T14:00:00"}`: 422,
		`{"dag_id": "nothing", "until": "2026-03-01T14:00:00Z"}`: 404, `{"dag_id": "etl", "task_id": "frist", "until": "2026-03-01T14:00:00Z"}`: 404, `{"dag_id": "etl", "all": true, "until": "2026-03-01T14:00:00Z"}`: 400,
	} {
		assert.Equal(t, status, post("olaf", "/snoozes", body).status, body)
	}
	require.Len(t, w.events("olaf"), 4)
}
