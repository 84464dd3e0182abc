package pages_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web/pages"
)

// Whoever has no DAGs reads where the first one goes, and can copy it.
func TestTheFirstDAG(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *pages.Options) { o.DAGsFolder = "/srv/<dags>" })
	for _, at := range []string{"/", "/dags"} {
		hasNot(t, w.get(at).body, "hello.yaml")
	}
	w.files.All = nil
	for _, at := range []string{"/", "/dags"} {
		got := w.get(at).body
		has(t, got, "<code>/srv/&lt;dags&gt;/hello.yaml</code>")
		text := html.UnescapeString(regexp.MustCompile(`(?s)<pre class="text">(hello:.*?)</pre>`).FindStringSubmatch(got)[1])
		ds, problems := dagfile.Parse("hello.yaml", []byte(text), w.files.Catalog, dagfile.Options{})
		assert.Empty(t, problems)
		require.Len(t, ds, 1)
		assert.Len(t, ds[0].Tasks, 2)
	}
	w.visitor.Sees = func(string, []string, []string) bool { return false }
	for _, at := range []string{"/", "/dags"} {
		hasNot(t, w.get(at).body, "/srv/")
	}
	has(t, w.get("/dags").body, "none of the DAGs that you may see")
}

// The buttons of one instance of a mapped task are about it alone.
func TestOneMappedInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Parse(t, "mapped:\n  schedule: null\n  tasks:\n    - {task_id: load, operator: bash, bash_command: 'exit 1', expand: {env: [{A: a}, {A: b}, {A: c}]}}\n")
	var all []*store.Instance
	for i := range 3 {
		in := task("load", 1, dag.Failed)
		in.MapIndex, in.Error = i, "no orders"
		all = append(all, in)
	}
	w.run(w.seen("mapped"), 1, dag.RunFailed, all...)
	const run = "/dags/mapped/runs/manual__2026-03-01T11:00:00Z"
	const query = "/clear?task_id=load&amp;map_index=1&amp;downstream=on"
	has(t, w.get(run+"/tasks/load/mapped/1").body, query)
	has(t, w.get(run).body, query)
	hasNot(t, w.get(run+"/tasks/load").body, "map_index")

	preview := w.get(run + "/clear?task_id=load&map_index=1&downstream=on").body
	has(t, preview, "Clear 1 task instance<")
	has(t, preview, "load[1]")
	hasNot(t, preview, "load[2]")
	has(t, preview, `<input type="hidden" name="map_index" value="1">`)
	has(t, w.get(run+"/mark?task_id=load&map_index=2&state=success").body, "load[2]")
	marked := w.post(run+"/mark", url.Values{"task_id": {"load"}, "map_index": {"2"}, "state": {"success"}})
	assert.Equal(t, run+"/tasks/load/mapped/2", marked.header.Get("Location"), marked.body)
	cleared := w.post(run+"/clear", url.Values{"task_id": {"load"}, "map_index": {"1"}})
	assert.Equal(t, run+"/tasks/load/mapped/1", cleared.header.Get("Location"), cleared.body)

	r, err := w.store.RunByID(t.Context(), "mapped", "manual__2026-03-01T11:00:00Z")
	require.NoError(t, err)
	now, err := w.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	states := map[int]dag.State{}
	for _, in := range now {
		states[in.MapIndex] = in.State
	}
	assert.Equal(t, map[int]dag.State{0: dag.Failed, 1: dag.None, 2: dag.Success}, states)
	for _, path := range []string{"/clear?task_id=load&map_index=x", "/mark?task_id=load&state=failed&map_index=-2"} {
		assert.Equal(t, http.StatusNotFound, w.get(run+path).status, path)
	}
}

// The page of a task that asks leads to where it is answered.
func TestATaskLeadsToItsQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(w.seen("etl"), 1, dag.RunRunning, task("extract", 1, dag.Skipped), task("load", 1, dag.Deferred), task("report", 1, dag.UpForRetry))
	const run = "/dags/etl/runs/manual__2026-03-01T11:00:00Z"
	hasNot(t, w.get(run+"/tasks/load").body, `href="/asks/`)
	var id int64
	w.write(func(ctx context.Context, tx store.Tx) error {
		r, err := tx.RunByID(ctx, "etl", "manual__2026-03-01T11:00:00Z")
		if err != nil {
			return err
		}
		a := &store.Ask{RunKey: r.Key, DAGID: "etl", RunID: r.RunID, TaskID: "load", MapIndex: -1, Try: 1, Subject: "Release?", Options: []string{"Yes"}, CreatedAt: now, State: store.AskOpen}
		_, err = tx.InsertAsk(ctx, a)
		id = a.ID
		return err
	})
	has(t, w.get(run+"/tasks/load").body, ` <a href="`+path("asks", id)+`">Answer</a></p>`)
	has(t, w.get(run).body, `Duration</span> 1h 00m</span>`)
	hasNot(t, w.get(run).body, "Clear failed tasks")
}

// What is well is said only where nothing needs attention.
func TestHealthyWithProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.health.Problems = []health.Problem{{Part: "dags", Severity: health.Warning, Said: phrase.Plain("one file")}}
	got := w.get("/system").body
	has(t, got, `<p class="note warning" data-live="status">Everything works, but something needs attention.`)
	hasNot(t, got, "Show them")
	w.health.Problems = []health.Problem{{Part: "import_errors", Severity: health.Warning, Said: phrase.Of("health.broken_files", 1)}, {Part: "outbox", Severity: health.Error, Said: phrase.Of("health.alerts", phrase.Of("health.refused"), 1, "7")}}
	for _, at := range []string{"/", "/system"} {
		zh := w.get(at, "Accept-Language", "zh").body
		has(t, zh, "<span>无法加载的 DAG 文件或其中的 DAG：1 个</span>")
		has(t, zh, "<span>被拒绝且没有其他消息代替的告警：1 条（7）</span>")
		has(t, w.get(at).body, `<span>DAG files, or DAGs of them, that cannot be loaded: 1</span> <a href="/import_errors">Show them</a>`)
		has(t, w.get(at).body, `<span>alerts refused, with nothing that arrived in their place: 1 (7)</span> <a href="/alerts?unacked=on">Show them</a>`)
	}
}

// Whoever has mended a DAG is told that a run gets what was mended only if it is asked for.
func TestARunKeepsItsVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(w.seen("etl"), 1, dag.RunFailed, task("load", 1, dag.Failed))
	const run = "/dags/etl/runs/manual__2026-03-01T11:00:00Z"
	for _, path := range []string{run, run + "/clear?only_failed=on"} {
		hasNot(t, w.get(path).body, "The run keeps its version")
	}
	w.files.Parse(t, strings.Replace(files, "exit 1", "exit 0", 1))
	d := w.files.All[1]
	require.Equal(t, "etl", d.ID)
	w.write(func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutVersion(ctx, d.Version, d.ID, dagfile.Source(d), now); err != nil {
			return err
		}
		st, err := tx.DAG(ctx, d.ID)
		if err != nil {
			return err
		}
		st.Version = d.Version
		return tx.PutDAG(ctx, st)
	})
	has(t, w.get(run+"/clear?only_failed=on").body, `For the new version: <a href="/dags/etl/trigger">Trigger a run</a>`)
	has(t, w.get(run+"/clear?only_failed=on").body, `name="latest"`)
	has(t, w.get(run).body, `/clear?only_failed=on&amp;latest=on">clear what failed on the latest version</a> · <a href="/dags/etl/trigger">Trigger a run</a>`)
}

// Reasons have their moments in the zone of whoever reads them, as all else on the page.
func TestReasonsAreInTheZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	const shanghai = "dingdag_tz=Asia%2FShanghai"
	has(t, w.get(failedRun+"/tasks/report", "Cookie", shanghai).body, "load failed first, at 2026-03-01 19:00:30: ")
	has(t, w.get(failedRun+"/tasks/report").body, "load failed first, at 2026-03-01 11:00:30: ")
}
