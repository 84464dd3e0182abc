package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
)

func TestNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	empty := w.get("/nodes").body
	has(t, empty, "No process has worked here yet.")
	has(t, empty, "No task is running.")
	put := func(l *store.SchedulerLife) {
		t.Helper()
		w.write(func(ctx context.Context, tx store.Tx) error { return tx.PutSchedulerLife(ctx, l) })
	}
	put(&store.SchedulerLife{StartedAt: now.Add(-60 * 24 * time.Hour), SeenAt: now.Add(-50 * 24 * time.Hour), By: store.Process{Host: "long-ago"}})
	put(&store.SchedulerLife{StartedAt: now.Add(-3 * time.Hour), SeenAt: now.Add(-2 * time.Hour), Stopped: true, By: store.Process{Host: "<b>db-1</b>", PID: 41, Version: "1.2.2", Workers: 4}})
	put(&store.SchedulerLife{StartedAt: now.Add(-time.Hour), SeenAt: now.Add(-time.Minute)})
	busy := task("load", 1, dag.Running)
	w.run(w.seen("etl"), 1, dag.RunRunning, task("extract", 1, dag.Success), busy)
	w.run(w.seen("hourly"), 2, dag.RunRunning, task("only", 2, dag.Running))
	got := w.get("/nodes").body
	for _, text := range []string{"&lt;b&gt;db-1&lt;/b&gt;", "PID 41", "stopped", "lost", "1.2.2", "schedules, runs tasks", "etl.load", "hourly.only", "<small>2</small>"} {
		has(t, got, text)
	}
	hasNot(t, got, "etl.extract")
	hasNot(t, got, "long-ago")
	assert.Less(t, strings.Index(got, "hourly.only"), strings.Index(got, "etl.load"), "the one that began first")

	w.limit(access.Viewer, "sales")
	limited := w.get("/nodes").body
	has(t, limited, "etl.load")
	hasNot(t, limited, "hourly")
}

func TestInboxOfTheSandbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	none := w.get("/sandbox")
	assert.Equal(t, http.StatusNotFound, none.status)
	has(t, none.body, "start dingdag sandbox")
	hasNot(t, none.body, `href="/sandbox"`)
	hasNot(t, w.get("/system").body, `href="/sandbox"`)

	w = newWorld(t)
	box := sandboxtest.Start(t)
	robot := box.AddRobot(sandbox.Robot{Name: "<b>ops</b>", Group: "on call"})
	c, err := connections.FromAttributes("ops", map[string]any{"conn_type": "dingding", "host": box.URL})
	require.NoError(t, err)
	w.conns = []*connections.Connection{c}
	send := func(body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, box.URL+"/robot/send?access_token="+robot.Token, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	has(t, w.get("/system").body, `href="/sandbox"`)
	has(t, w.get("/sandbox").body, "Nothing has arrived yet.")
	send(`{"msgtype": "text", "text": {"content": "load failed: hush-hush <script>alert(1)</script>"}, "at": {"isAtAll": true}}`)
	send(`{"msgtype": "actionCard", "actionCard": {"title": "look", "text": "# look", "btns": [{"title": "Log", "actionURL": "https://example.com/log"}, {"title": "Run", "actionURL": "javascript:alert(2)"}, {"title": "App", "actionURL": "dingtalk://client/page"}]}}`)
	got := w.get("/sandbox").body
	for _, text := range []string{
		"&lt;b&gt;ops&lt;/b&gt;", "on call", "load failed: *** &lt;script&gt;alert(1)&lt;/script&gt;", "@everybody", "# look", "<code>dingtalk://client/page</code>", `href="https://example.com/log"`, `href="` + box.URL + `/"`, "<small>2</small>",
	} {
		has(t, got, text)
	}
	hasNot(t, got, "hush-hush")
	hasNot(t, got, `href="javascript`)
	only := w.get("/sandbox?type=text").body
	hasNot(t, only, "# look")
	has(t, only, "load failed")
	hasNot(t, w.get("/sandbox?q=look").body, "load failed")
	has(t, w.get("/sandbox?q=nothing").body, "No message matches.")
	for path, status := range map[string]int{"/sandbox?type=letter": 422, "/sandbox?page=0": 422} {
		assert.Equal(t, status, w.get(path).status, path)
	}
	robot = box.AddRobot(sandbox.Robot{Name: "more", Group: "on call"}) // as one takes 20 messages a minute
	for i := range 20 {
		send(`{"msgtype": "text", "text": {"content": "message ` + num(int64(i)) + `."}}`)
	}
	hasNot(t, w.get("/sandbox").body, "load failed")
	has(t, w.get("/sandbox?page=2").body, "load failed")

	w.visitor.Sees = func(string, []string, []string) bool { return true }
	assert.Equal(t, http.StatusForbidden, w.get("/sandbox").status, "a message does not say whose it is")
	hasNot(t, w.get("/system").body, `href="/sandbox"`)
}

func TestDrainingANode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Equal(t, http.StatusConflict, w.post("/nodes", url.Values{"node": {"a"}, "drain": {"on"}}).status, "no process shares the store")
	_, err := w.store.Renew(t.Context(), &store.Node{
		Process: store.Process{Host: "<b>work-1</b>", Workers: 8}, State: store.NodeWorking, StartedAt: now, Works: true, Queues: []string{"gpu", "<i>"}, Running: 3, LogsWaiting: 12,
	}, store.Renewal{Lease: time.Hour})
	require.NoError(t, err)
	all, err := w.store.Nodes(t.Context(), time.Time{})
	require.NoError(t, err)
	got := w.get("/nodes").body
	for _, text := range []string{"&lt;b&gt;work-1&lt;/b&gt;", "gpu, &lt;i&gt;", "3/8", "12 logs wait for the log store", ">Drain</button>", "working"} {
		has(t, got, text)
	}
	assert.Equal(t, http.StatusSeeOther, w.post("/nodes", url.Values{"node": {all[0].ID}, "drain": {"on"}}).status)
	got = w.get("/nodes").body
	has(t, got, "draining")
	has(t, got, ">Take tasks again</button>")
	assert.Equal(t, http.StatusSeeOther, w.post("/nodes", url.Values{"node": {all[0].ID}}).status)
	has(t, w.get("/nodes").body, ">Drain</button>")

	w.limit(access.Viewer, "sales")
	hasNot(t, w.get("/nodes").body, "Drain</button>")
	assert.Equal(t, http.StatusForbidden, w.post("/nodes", url.Values{"node": {all[0].ID}, "drain": {"on"}}).status)
}
