package pages_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/apitest"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web/pages"
)

const failedRun = "/dags/etl/runs/manual__2026-03-01T11:00:00Z"

// cells are the states of the row of a task or group.
func cells(t *testing.T, page, label string) (states []string) {
	t.Helper()
	row := regexp.MustCompile(`(?s)<tr data-row data-in="[^"]*"(?: class="group" data-group="[^"]*")?><th scope="row" class="d\d" title="` + regexp.QuoteMeta(label) + `">.*?</tr>`).FindString(page)
	require.NotEmpty(t, row, label)
	for _, m := range regexp.MustCompile(`<td>(?:<\w+ class="c (\w+)"[^>]*>.*?)?</td>`).FindAllStringSubmatch(row, -1) {
		states = append(states, m[1])
	}
	return states
}

func TestGrid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	got := w.get("/dags/etl").body
	assert.Equal(t, []string{"success", "failed"}, cells(t, got, "load"), "the newest run is at the right")
	assert.Equal(t, []string{"success", "upstream_failed"}, cells(t, got, "report"))
	has(t, got, `href="/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/load" title="load · failed · 30s"`)
	has(t, got, `<span class="day" aria-hidden="true">03-01</span>`)
	assert.Equal(t, 1, strings.Count(got, `>03-01</span>`), "a day is named once")
	assert.Equal(t, []string{"failed"}, cells(t, w.get("/dags/etl?state=failed").body, "load"))
	has(t, w.get("/dags/by_hand").body, "There are no such runs yet.")
	has(t, w.get("/dags/by_hand").body, `href="/dags/by_hand/tasks/only"`)
}

func TestManyRunsComeInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.seen("etl")
	for n := range 30 {
		w.run(d, n+1, dag.RunSuccess)
	}
	first := w.get("/dags/etl?runs=25").body
	older := regexp.MustCompile(`href="(/dags/etl\?before=[^"]+)"`).FindStringSubmatch(first)
	require.NotNil(t, older)
	second := w.get(strings.ReplaceAll(older[1], "&amp;", "&")).body
	assert.Equal(t, 25, strings.Count(first, `class="col"`))
	assert.Equal(t, 5, strings.Count(second, `class="col"`))
	has(t, second, "Newest runs")
}

// A page that does not begin anywhere is the mistake of the address.
func TestWrongCursors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/dags/etl/runs?before=x", "/dags/etl/runs?before=1.", "/dags/etl/backfills?before=x", "/dags/etl/backfills?before=-1"} {
		got := w.get(path)
		assert.Equal(t, 422, got.status, path)
		has(t, got.body, "is not a cursor of a list of")
	}
}

// Whoever may see a DAG need not know where the DAGs folder is.
func TestWhereADAGIs(t *testing.T) {
	t.Parallel()
	const file = "/srv/dags/team/sales.yaml"
	for folder, want := range map[string]string{
		"/srv/dags": "team/sales.yaml", "/srv/dags/team": "sales.yaml", "/elsewhere": "sales.yaml", "dags": "sales.yaml", "": "sales.yaml",
	} {
		w := newWorld(t, func(o *pages.Options) { o.DAGsFolder = folder })
		for _, d := range w.files.All {
			d.Pos.File = file
		}
		has(t, w.get("/dags/by_hand").body, "<code>"+want+":")
		hasNot(t, w.get("/dags/by_hand").body, "/srv/")
	}
}

func TestRunSaysWhatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{{
			State: store.DeliveryDelivered, Channel: "dingding:ops", Sender: "dingding", Summary: "etl <b>orders</b> failed", Payload: []byte("{}"), CreatedAt: now, UpdatedAt: now,
			Owner: store.Owner{Event: "on_failure", DAGID: "etl", RunID: "manual__2026-03-01T11:00:00Z", TaskID: "load", MapIndex: -1},
		}})
	})
	got := w.get(failedRun).body
	for _, text := range []string{
		"exit status 1: &lt;b&gt;orders&lt;/b&gt; ***", `href="` + failedRun + `/clear?only_failed=on"`, "1 failed, 1 upstream failed, 1 success", "etl &lt;b&gt;orders&lt;/b&gt; failed",
		"1m 30s",
	} {
		has(t, got, text)
	}
	has(t, w.get(failedRun+"/tasks/load").body, "etl &lt;b&gt;orders&lt;/b&gt; failed")
	hasNot(t, w.get(failedRun+"/tasks/extract").body, "orders&lt;/b&gt; failed")
	w.visitor.Operates = func(string, []string, []string) bool { return false }
	hasNot(t, w.get(failedRun).body, "/clear")
	w.visitor.Sees = func(string, []string, []string) bool { return false }
	for _, path := range []string{"/dags/etl", failedRun, failedRun + "/tasks/load", failedRun + "/tasks/load/log", failedRun + "/tasks/load/log/events?from=0", "/dags/etl/runs", "/dags/etl/tasks/load"} {
		assert.Equal(t, http.StatusForbidden, w.get(path).status, path)
	}
}

func TestABrokenDAGCanBeLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	w.files.Broken = map[string]string{"etl": "dags.yaml:3:1: error: hush-hush <b>odd</b>"}
	w.files.All = w.files.All[:1]
	for _, path := range []string{"/dags/etl", failedRun, failedRun + "/tasks/load"} {
		got := w.get(path)
		assert.Equal(t, http.StatusOK, got.status, path)
	}
	got := w.get("/dags/etl").body
	has(t, got, "dags.yaml:3:1: error: *** &lt;b&gt;odd&lt;/b&gt;")
	assert.Equal(t, []string{"success", "failed"}, cells(t, got, "load"))
	assert.Equal(t, http.StatusConflict, w.get("/dags/etl/trigger").status)
	w.files.Broken = nil
	has(t, w.get("/dags/etl").body, "No file has this DAG any more")
}

// writeLog writes the log of a task of the failed run.
func (w *world) writeLog(text string) {
	w.t.Helper()
	l, err := w.api.Log(w.t.Context(), api.TryQuery{DAGID: "etl", RunID: "manual__2026-03-01T11:00:00Z", TaskID: "load", MapIndex: -1})
	require.NoError(w.t, err)
	_, err = l.Open(w.t.Context())
	require.ErrorIs(w.t, err, api.ErrNotFound)
	path := strings.TrimPrefix(err.Error(), "the log ")
	path, _, _ = strings.Cut(path, " is gone")
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(w.t, os.WriteFile(path, []byte(text), 0o600))
}

func TestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	page := failedRun + "/tasks/load"
	has(t, w.get(page).body, "is gone")
	has(t, w.get(page, "Accept-Language", "zh").body, "已不存在：旧日志按 history.logs")
	assert.Equal(t, http.StatusNotFound, w.get(page+"/log").status)
	long := "first <b>orders</b>\n" + strings.Repeat("a line of the log\n", 20_000) + "the end\n"
	w.writeLog(long)
	got := w.get(page).body
	has(t, got, "the end\n</pre>")
	hasNot(t, got, "first")
	assert.Less(t, len(got), 100_000, "a page has a window")
	has(t, w.get(page+"?from=0").body, "first &lt;b&gt;orders&lt;/b&gt;")
	found := w.get(page + "?find=ORDERS").body
	has(t, found, `<li><a href="`+page+`?try_number=1&amp;from=0">1</a><code>first &lt;b&gt;orders&lt;/b&gt;</code></li>`)
	has(t, w.get(page+"?find=line").body, "There are more such lines")
	has(t, w.get(page+"?find=nowhere").body, "No line has “nowhere”.")
	whole := w.get(page + "/log")
	assert.Equal(t, "text/plain; charset=utf-8", whole.header.Get("Content-Type"))
	assert.Equal(t, len(long), len(whole.body))
	assert.Equal(t, http.StatusUnprocessableEntity, w.get(page+"?find="+strings.Repeat("x", 201)).status)
	for _, path := range []string{failedRun + "/tasks/..%2f..%2f..%2fetc%2fpasswd/log", "/dags/etl/runs/..%2f..%2fx/tasks/load/log", page + "/log?try_number=..%2f1"} {
		assert.Contains(t, []int{404, 422}, w.get(path).status, path)
	}
}

// What is added to a log is sent, and that nothing more will come.
func TestLogEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	w.writeLog("one\ntwo\n")
	srv := httptest.NewServer(w)
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+failedRun+"/tasks/load/log/events?from=4", nil)
	require.NoError(t, err)
	resp, err := srv.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var b strings.Builder
	_, err = io.Copy(&b, resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "retry: 2000\n\nid: 8\ndata: {\"text\":\"two\\n\",\"to\":8}\n\nevent: over\ndata: \n\n", b.String())
}

func TestClear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	preview := w.get(failedRun + "/clear?task_id=load&downstream=on").body
	has(t, preview, "Clear 2 task instances")
	has(t, preview, `<input type="hidden" name="downstream" value="on">`)
	has(t, w.get(failedRun+"/clear?only_failed=on&only_running=on").body, "only failed and only running exclude each other")
	has(t, w.get(failedRun+"/clear?only_failed=on&only_running=on", "Accept-Language", "zh").body, "不能同时使用")
	assert.Equal(t, http.StatusUnprocessableEntity, w.post(failedRun+"/clear", url.Values{"only_failed": {"on"}, "only_running": {"on"}}).status)
	state := func() dag.RunState {
		r, err := w.store.RunByID(t.Context(), "etl", "manual__2026-03-01T11:00:00Z")
		require.NoError(t, err)
		return r.State
	}
	assert.Equal(t, dag.RunFailed, state(), "a preview changes nothing")
	got := w.post(failedRun+"/clear", url.Values{"task_id": {"load"}, "downstream": {"on"}})
	require.Equal(t, http.StatusSeeOther, got.status, got.body)
	assert.Equal(t, failedRun+"/tasks/load", got.header.Get("Location"))
	assert.Equal(t, dag.RunQueued, state())
	events, err := w.api.Events(t.Context(), api.EventQuery{DAGID: "etl"})
	require.NoError(t, err)
	assert.Equal(t, "ann", events.Items[0].Owner)
	w.visitor.Operates = func(string, []string, []string) bool { return false }
	assert.Equal(t, http.StatusForbidden, w.get(failedRun+"/clear").status)
	assert.Equal(t, http.StatusForbidden, w.post(failedRun+"/clear", url.Values{}).status)
}

// Where the file has changed since, a run that has ended can be cleared on it.
func TestClearOnTheLatestVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	const offer = `<input type="checkbox" name="latest"`
	hasNot(t, w.get(failedRun+"/clear").body, offer)
	before := w.files.Of("etl").Version
	w.files.All = apitest.NewFolder(t, strings.Replace(files, "    - {task_id: extract,", "    - {task_id: added, operator: empty}\n    - {task_id: extract,", 1)).All
	version := w.files.Of("etl").Version
	require.NoError(t, w.store.Tx(t.Context(), func(tx store.Tx) error {
		st, err := tx.DAG(t.Context(), "etl")
		if err != nil {
			return err
		}
		st.Version = version
		return tx.PutDAG(t.Context(), st)
	}))
	has(t, w.get(failedRun).body, `/clear?only_failed=on&amp;latest=on">clear what failed on the latest version</a>`)
	same := w.get(failedRun + "/clear?only_failed=on").body
	has(t, same, offer+">")
	has(t, same, "unless it is cleared on the latest one")
	hasNot(t, same, "<span>added</span>")
	moved := w.get(failedRun + "/clear?only_failed=on&latest=on").body
	for _, want := range []string{offer + " checked>", "<span>added</span>", `<input type="hidden" name="latest" value="on">`, "The run goes on in the DAG as its file is now"} {
		has(t, moved, want)
	}
	require.Equal(t, http.StatusSeeOther, w.post(failedRun+"/clear", url.Values{"only_failed": {"on"}, "latest": {"on"}}).status)
	r, err := w.store.RunByID(t.Context(), "etl", "manual__2026-03-01T11:00:00Z")
	require.NoError(t, err)
	assert.Equal(t, version, r.Version)
	assert.Equal(t, dag.RunQueued, r.State)

	require.NoError(t, w.store.Tx(t.Context(), func(tx store.Tx) error {
		open := &store.Run{DAGID: "etl", RunID: "open", Type: dag.ManualRun, State: dag.RunRunning, RunAfter: now, QueuedAt: now, StartDate: now, Version: before}
		if _, err := tx.InsertRun(t.Context(), open); err != nil {
			return err
		}
		return tx.PutInstances(t.Context(), []*store.Instance{{RunKey: open.Key, TaskID: "load", MapIndex: -1, State: dag.Failed, Try: 1}})
	}))
	const why = "only a run that has ended goes on in the latest version of its DAG"
	has(t, w.get("/dags/etl/runs/open/clear?latest=on").body, why)
	got := w.post("/dags/etl/runs/open/clear", url.Values{"latest": {"on"}})
	assert.Equal(t, http.StatusConflict, got.status)
	has(t, got.body, why)
}

func TestMark(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	has(t, w.get(failedRun+"/mark?state=success&task_id=load").body, `<span>load</span> <span class="state failed">`)
	assert.Equal(t, http.StatusUnprocessableEntity, w.post(failedRun+"/mark", url.Values{"state": {"success"}, "past": {"on"}}).status)
	got := w.post(failedRun+"/mark", url.Values{"state": {"success"}, "task_id": {"load"}})
	require.Equal(t, http.StatusSeeOther, got.status, got.body)
	has(t, w.get(failedRun+"/tasks/load").body, `<span class="state success">`)
}

func TestTrigger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("by_hand")
	form := w.get("/dags/by_hand/trigger").body
	has(t, form, `<input id="param.day" name="param.day" type="text" value="monday">`)
	has(t, form, `<input id="param.count" name="param.count" type="number" step="1" value="3" min="1">`)
	conf := func(got answer) (out map[string]any) {
		require.Equal(t, http.StatusSeeOther, got.status)
		id, err := url.PathUnescape(strings.TrimPrefix(got.header.Get("Location"), "/dags/by_hand/runs/"))
		require.NoError(t, err)
		r, err := w.store.RunByID(t.Context(), "by_hand", id)
		require.NoError(t, err)
		if r.Conf != nil {
			require.NoError(t, json.Unmarshal(r.Conf, &out))
		}
		return out
	}
	assert.Empty(t, conf(w.post("/dags/by_hand/trigger", url.Values{"param.day": {"monday"}, "param.count": {"3"}, "run_id": {"odd+id:1"}})), "defaults are left out")
	assert.Equal(t, map[string]any{"day": `tue"s`, "count": 7.0}, conf(w.post("/dags/by_hand/trigger", url.Values{"param.day": {`tue"s`}, "param.count": {"7"}, "run_id": {"other"}, "logical_date": {"2026-02-01T08:30"}})))
	assert.Equal(t, http.StatusOK, w.get("/dags/by_hand/runs/odd+id:1").status)
	for name, f := range map[string]url.Values{
		"the schema":  {"param.count": {"0"}, "run_id": {"third"}},
		"no JSON":     {"param.count": {"many"}, "run_id": {"third"}},
		"a bad date":  {"logical_date": {"yesterday"}, "run_id": {"third"}},
		"a taken run": {"run_id": {"other"}},
	} {
		got := w.post("/dags/by_hand/trigger", f)
		assert.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusConflict}, got.status, name)
		has(t, got.body, `role="alert"`)
		has(t, got.body, `value="`+f.Get("run_id")+`"`) // what was filled in is kept
	}
	assert.Equal(t, http.StatusNotFound, w.post("/dags/by_hnad/trigger", url.Values{}).status)
}
