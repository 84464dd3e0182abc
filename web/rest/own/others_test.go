package own_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
)

func TestWhyOfDAGs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("etl", dag.RunSuccess)
	got := w.get("/dags/etl/why?at=2026-03-01T08:00:00Z")
	assert.Equal(t, map[string]any{
		"dag_id": "etl", "at": "2026-03-01T08:00:00Z", "tick": "2026-03-01T06:00:00Z", "outcome": "started", "reason": got["reason"], "dag_run_id": "r", "next_tick": "2026-03-02T06:00:00Z",
	}, got)
	assert.Contains(t, got["reason"], "r")
	assert.Equal(t, "2026-03-01T12:00:00Z", w.get("/dags/etl/why")["at"])
	before := w.get("/dags/etl/why?at=2025-01-01T00:00:00Z")
	assert.Equal(t, []any{nil, nil, nil}, []any{before["tick"], before["outcome"], before["dag_run_id"]})
	future := w.json(w.call("vera", http.MethodGet, "/dags/etl/why?at=2026-03-01T12:00:01Z", ""), 422)
	assert.Equal(t, []any{"query", "at"}, future["detail"].([]any)[0].(map[string]any)["loc"])
	assert.Equal(t, `no DAG "elt"; did you mean "etl"?`, w.detail(w.call("vera", http.MethodGet, "/dags/elt/why", ""), 404))
	assert.Equal(t, 200, w.call("lily", http.MethodGet, "/dags/etl/why", "").status)
	w.files.Broken = map[string]string{"new": "new.yaml:1:1: error: not a number: " + hidden}
	w.write(func(ctx context.Context, tx store.Tx) error {
		return store.AddDAG(ctx, tx, &store.DAGState{ID: "new", File: "new.yaml", Active: true}, now)
	})
	assert.Equal(t, "the DAG cannot be loaded: new.yaml:1:1: error: not a number: ***", w.get("/dags/new/why")["reason"])
}

func TestTicks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := func(n int) time.Time { return time.Date(2026, 2, n, 6, 0, 0, 0, time.UTC) }
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, r := range []*store.TickRange{
			{DAGID: "etl", First: day(1), Last: day(5), Count: 5, Outcome: store.TickSkipped, Reason: "paused", RecordedAt: day(6)},
			{DAGID: "etl", First: day(7), Last: day(7), Count: 1, Outcome: store.TickMissed, Reason: "down for " + hidden, RecordedAt: day(8)},
			{DAGID: "billing", First: day(7), Last: day(7), Count: 1, Outcome: store.TickMissed, Reason: "down", RecordedAt: day(8)},
		} {
			if err := tx.InsertTickRange(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	got := w.get("/dags/etl/ticks")
	assert.Equal(t, map[string]any{"ticks": []any{
		map[string]any{"first_tick": "2026-02-07T06:00:00Z", "last_tick": "2026-02-07T06:00:00Z", "count": 1.0, "outcome": "missed", "reason": "down for ***", "recorded_at": "2026-02-08T06:00:00Z"},
		map[string]any{"first_tick": "2026-02-01T06:00:00Z", "last_tick": "2026-02-05T06:00:00Z", "count": 5.0, "outcome": "skipped", "reason": "paused", "recorded_at": "2026-02-06T06:00:00Z"},
	}, "total_entries": 2.0}, got)
	for query, want := range map[string]string{
		"order_by=first_tick": "skipped missed", "limit=1": "missed", "offset=1": "skipped", "outcome=missed": "missed", "since=2026-02-05T06:00:01Z": "missed", "since=2026-02-05T06:00:00Z": "missed skipped",
		"until=2026-02-07T06:00:00Z": "skipped", "until=2026-02-07T06:00:01Z&since=2026-02-03": "missed skipped",
	} {
		assert.Equal(t, want, ids(w.get("/dags/etl/ticks?"+query), "ticks", "outcome"), query)
	}
	for path, status := range map[string]int{"/dags/etl/ticks?outcome=started": 422, "/dags/etl/ticks?order_by=count": 400, "/dags/nothing/ticks": 404} {
		assert.Equal(t, status, w.call("vera", http.MethodGet, path, "").status, path)
	}
}

func TestNextRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("etl", dag.RunSuccess)
	got := w.get("/dags/etl/nextRuns?limit=2")
	assert.Equal(t, "2026-03-02T06:00:00Z 2026-03-03T06:00:00Z", ids(got, "next_runs", "run_after"))
	assert.Equal(t, []any{false, []any{}}, []any{got["is_paused"], got["awaited_assets"]})
	assert.Len(t, w.get("/dags/etl/nextRuns")["next_runs"], 1)
	for query, status := range map[string]int{"0": 422, "101": 422, "x": 422, "100": 200} {
		assert.Equal(t, status, w.call("vera", http.MethodGet, "/dags/etl/nextRuns?limit="+query, "").status, query)
	}
	assert.Equal(t, 404, w.call("vera", http.MethodGet, "/dags/nothing/nextRuns", "").status)
}

func TestWhyOfTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("etl", dag.RunRunning,
		store.Instance{TaskID: "first", MapIndex: -1, State: dag.Running, Try: 1},
		store.Instance{TaskID: "each", MapIndex: 0, State: dag.Success, Try: 1}, store.Instance{TaskID: "each", MapIndex: 1, State: dag.Failed, Try: 1},
	)
	const at = "/dags/etl/dagRuns/r/taskInstances/"
	got := w.get(at + "second/why")
	require.Len(t, got["task_instances"], 1)
	one := got["task_instances"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{"etl", "r", "second", -1.0}, []any{one["dag_id"], one["dag_run_id"], one["task_id"], one["map_index"]})
	assert.Contains(t, one["reason"], "first")
	assert.Equal(t, "0 1", ids(w.get(at+"each/why"), "task_instances", "map_index"))
	assert.Equal(t, "1", ids(w.get(at+"each/why?map_index=1"), "task_instances", "map_index"))
	assert.InEpsilon(t, 2.0, w.get(at + "each/why?limit=1&offset=1")["total_entries"], 0)
	assert.Equal(t, `task "each" has no instance 7 in run r`, w.detail(w.call("vera", http.MethodGet, at+"each/why?map_index=7", ""), 404))
	assert.Contains(t, w.detail(w.call("vera", http.MethodGet, at+"secnd/why", ""), 404), `did you mean "second"?`)
	for path, status := range map[string]int{"/dags/etl/dagRuns/x/taskInstances/first/why": 404, "/dags/nothing/dagRuns/r/taskInstances/first/why": 404, at + "first/why?map_index=-2": 422} {
		assert.Equal(t, status, w.call("vera", http.MethodGet, path, "").status, path)
	}
}

func TestBindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, b := range []*store.Binding{
			{ConnID: "app", ConversationID: "c1", Title: "on call", Group: true, Kind: store.BoundDAG, Value: "etl", MadeBy: store.Actor{Name: "opal", Via: store.ViaChat}, MadeAt: now},
			{ConnID: "app", ConversationID: "c2", UserID: "u1", Kind: store.BoundAll, MadeAt: now},
		} {
			if _, err := tx.InsertBinding(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
	got := w.get("/bindings")
	assert.Equal(t, map[string]any{
		"binding_id": 1.0, "conn_id": "app", "open_conversation_id": "c1", "title": "on call", "is_group": true, "user_id": nil, "what": "etl", "made_by": "opal (chat)", "made_at": "2026-03-01T12:00:00Z",
	}, got["bindings"].([]any)[0])
	for query, want := range map[string]string{"": "1 2", "?what=*": "2", "?conn_id=other": "", "?order_by=-binding_id": "2 1", "?limit=1&offset=1": "2"} {
		assert.Equal(t, want, ids(w.get("/bindings"+query), "bindings", "binding_id"), query)
	}
	for _, who := range []string{"olaf", "otto"} {
		assert.Equal(t, 403, w.call(who, http.MethodDelete, "/bindings/1", "").status, who)
	}
	assert.Equal(t, 403, w.call("lily", http.MethodGet, "/bindings", "").status)
	assert.Equal(t, 204, w.call("ann", http.MethodDelete, "/bindings/1", "").status)
	assert.Equal(t, "no binding 1: bindings has those that there are", w.detail(w.call("ann", http.MethodDelete, "/bindings/1", ""), 404))
	assert.Equal(t, 422, w.call("ann", http.MethodDelete, "/bindings/x", "").status)
	assert.Equal(t, "2", ids(w.get("/bindings"), "bindings", "binding_id"))
	assert.Equal(t, []string{"chat_unbind"}, w.events("ann"))
}

func TestChatLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		for i, m := range []*store.ChatMessage{
			{Kind: store.ChatText, Key: "1", ConversationID: "c1", ConversationTitle: "on call", UserID: "u1", Nick: "Ann", Text: "status " + hidden, State: store.ChatWaiting},
			{Kind: store.ChatEvent, Key: "2", ConversationID: "c2", State: store.ChatWaiting},
		} {
			m.ConnID, m.App, m.ReceivedAt = "app", "app", now.Add(time.Duration(i)*time.Minute)
			if _, err := tx.InsertChatMessage(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
	got := w.get("/chatLog")
	assert.Equal(t, "2 1", ids(got, "entries", "entry_id"))
	first := got["entries"].([]any)[1].(map[string]any)
	for name, want := range map[string]any{
		"when": "2026-03-01T12:00:00Z", "conn_id": "app", "kind": "message", "conversation_id": "c1", "conversation": "on call", "user_id": "u1", "nick": "Ann", "text": "status ***",
		"state": "waiting", "answer": nil, "done_at": nil, "seconds": nil,
	} {
		assert.Equal(t, want, first[name], name)
	}
	for query, want := range map[string]string{"kind=event": "2", "user_id=u1": "1", "state=answered": "", "since=2026-03-01T12:01:00Z": "2", "until=2026-03-01T12:01:00Z": "1", "limit=1&offset=1": "1", "conversation_id=c1&conn_id=app": "1"} {
		assert.Equal(t, want, ids(w.get("/chatLog?"+query), "entries", "entry_id"), query)
	}
	assert.Equal(t, 422, w.call("vera", http.MethodGet, "/chatLog?kind=x", "").status)
	assert.Equal(t, 403, w.call("lily", http.MethodGet, "/chatLog", "").status)
	assert.Equal(t, 403, w.call("otto", http.MethodGet, "/chatLog", "").status)
}

func TestNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		for i, l := range []*store.SchedulerLife{{Stopped: true}, {By: store.Process{Host: "a", PID: 7, Version: "1.2.3", Workers: 4}}} {
			l.StartedAt, l.SeenAt = now.Add(time.Duration(i-3)*time.Hour), now.Add(time.Duration(i-2)*time.Hour)
			if err := tx.PutSchedulerLife(ctx, l); err != nil {
				return err
			}
		}
		return nil
	})
	got := w.get("/nodes")
	assert.Equal(t, map[string]any{"nodes": []any{
		map[string]any{
			"node_id": "2", "state": "lost", "leads": false, "queues": nil, "running": 0.0, "clock_ahead_seconds": 0.0, "other_key": false, "logs_waiting": 0.0, "logs_waiting_seconds": 0.0, "roles": []any{"scheduler", "worker"}, "hostname": "a", "pid": 7.0, "version": "1.2.3", "workers": 4.0,
			"start_date": "2026-03-01T10:00:00Z", "latest_seen": "2026-03-01T11:00:00Z", "leased_until": nil,
		},
		map[string]any{
			"node_id": "1", "state": "stopped", "leads": false, "queues": nil, "running": 0.0, "clock_ahead_seconds": 0.0, "other_key": false, "logs_waiting": 0.0, "logs_waiting_seconds": 0.0, "roles": []any{"scheduler", "worker"}, "hostname": nil, "pid": nil, "version": nil, "workers": nil,
			"start_date": "2026-03-01T09:00:00Z", "latest_seen": "2026-03-01T10:00:00Z", "leased_until": nil,
		},
	}, "total_entries": 2.0}, got)
	for query, want := range map[string]string{"state=stopped": "1", "order_by=node_id": "1 2", "limit=1": "2", "order_by=hostname": "2 1"} {
		assert.Equal(t, want, ids(w.get("/nodes?"+query), "nodes", "node_id"), query)
	}
	assert.Equal(t, 422, w.call("vera", http.MethodGet, "/nodes?state=x", "").status)
	assert.Equal(t, 403, w.call("vera", http.MethodPatch, "/nodes/a", `{"draining": true}`).status)
	drain := func(id string, status int) (out map[string]any) {
		t.Helper()
		got := w.call("ann", http.MethodPatch, "/nodes/"+id, `{"draining": true}`)
		assert.Equal(t, status, got.status, got.body)
		require.NoError(t, json.Unmarshal([]byte(got.body), &out))
		return out
	}
	drain("a", 409)
	_, err := w.store.Renew(t.Context(), &store.Node{State: store.NodeWorking, StartedAt: now, Works: true, Queues: []string{"gpu"}}, store.Renewal{Lease: time.Hour})
	require.NoError(t, err)
	drain("nobody-of-this-name", 404)
	id := ids(w.get("/nodes?state=working"), "nodes", "node_id")
	node := drain(url.PathEscape(id), 200)
	assert.Equal(t, []any{id, "draining", []any{"worker"}, []any{"gpu"}}, []any{node["node_id"], node["state"], node["roles"], node["queues"]})
	assert.Equal(t, 200, w.call("lily", http.MethodGet, "/nodes", "").status)
}

func TestSandbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	robot := w.box.AddRobot(sandbox.Robot{Name: "alerts", Rate: sandbox.Rate{PerMinute: -1}})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, text := range []string{"one " + hidden, "two LINK"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.box.URL+"/robot/send?access_token="+robot.Token, strings.NewReader(`{"msgtype":"text","text":{"content":"`+text+`"}}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	assert.Equal(t, map[string]any{"url": w.box.URL}, w.get("/sandbox"))
	got := w.get("/sandbox/messages")
	assert.Equal(t, "2 1", ids(got, "messages", "id"))
	assert.Equal(t, "two ***", got["messages"].([]any)[0].(map[string]any)["content"].(map[string]any)["text"])
	for query, want := range map[string]string{"limit=1": "2", "offset=1": "1", "text=ONE": "1", "type=markdown": "", "robot=alerts": "2 1", "conversation=x": ""} {
		assert.Equal(t, want, ids(w.get("/sandbox/messages?"+query), "messages", "id"), query)
	}
	assert.InEpsilon(t, 2.0, w.get("/sandbox/messages?limit=0")["total_entries"], 0)
	assert.Equal(t, "alerts", w.get("/sandbox/messages/1")["robot"])
	for path, status := range map[string]int{"/sandbox/messages/9": 404, "/sandbox/messages/x": 422, "/sandbox/messages?type=x": 422, "/sandbox/messages?type=text&type=link": 400} {
		assert.Equal(t, status, w.call("vera", http.MethodGet, path, "").status, path)
	}
	for _, path := range []string{"/sandbox", "/sandbox/messages", "/sandbox/messages/1", "/sandbox/messages/99"} {
		for _, who := range []string{"lily", "otto"} {
			assert.Equal(t, 403, w.call(who, http.MethodGet, path, "").status, path)
		}
	}
}

// The document names each call once, and is there for whoever is known.
func TestDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.call("lily", http.MethodGet, "/openapi.json", "")
	doc := w.json(a, 200)
	assert.Equal(t, "Dingdag API", doc["info"].(map[string]any)["title"])
	ops := map[string]bool{"GET /api/dingdag/health": true}
	for _, op := range w.srv.Operations() {
		ops[op.Method+" /api/dingdag"+op.Path] = true
	}
	have := map[string]bool{}
	for path, methods := range doc["paths"].(map[string]any) {
		for method := range methods.(map[string]any) {
			have[strings.ToUpper(method)+" "+path] = true
		}
	}
	assert.Equal(t, ops, have)
	assert.Contains(t, w.srv.Routes(), "GET /api/dingdag/openapi.json")
	assert.Equal(t, 401, w.call("", http.MethodGet, "/openapi.json", "").status)
	for path, status := range map[string]int{"/version": 404, "/nothing": 404, "/nodes/": 307} {
		assert.Equal(t, status, w.call("vera", http.MethodGet, path, "").status, path)
	}
	no := w.call("vera", http.MethodPut, "/alerts/ack", "")
	assert.Equal(t, []any{405, "POST"}, []any{no.status, no.header.Get("Allow")})
	for _, path := range []string{"/openapi.json", "/api/v2/version"} { // of the other server
		rec := httptest.NewRecorder()
		w.srv.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		assert.Equal(t, 404, rec.Code, path)
	}
}
