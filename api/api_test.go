package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/apitest"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/store/storetest/conntest"
	"github.com/dingdag/dingdag/worker"
)

const files = `
daily:
  schedule: "0 6 * * *"
  start_date: 2026-01-01
  catchup: true
  tags: [sales, morning]
  tasks:
    - {task_id: first, operator: empty}
    - {task_id: second, operator: empty, dependencies: [first]}
by_hand:
  schedule: null
  tags: [sales]
  is_paused_upon_creation: true
  tasks:
    - {task_id: only, operator: empty}
hourly:
  schedule: "@hourly"
  params: {day: monday}
  start_date: 2026-01-01
  tasks:
    - {task_id: only, operator: empty}
`

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// world is an api on a real store, with the DAGs of files.
type world struct {
	*api.API

	options api.Options
	t       testing.TB
	store   *sqlite.Store
	dir     string
	files   *apitest.Folder
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{t: tb, dir: tb.TempDir(), files: apitest.NewFolder(tb, files)}
	s := sqlitetest.Open(tb, filepath.Join(w.dir, "db"), sqlite.Options{Synchronous: "NORMAL", Cipher: conntest.Cipher(tb, 1)})
	tb.Cleanup(func() { assert.NoError(tb, s.Close()) })
	w.store = s
	masker := connections.NewMasker()
	masker.Add("hush-hush")
	w.options = api.Options{
		Store: s, Vault: s, Folder: w.files, Masker: masker, LogDir: w.dir, Clock: func() time.Time { return now },
		Engine: func(context.Context) (api.Engine, error) {
			return engine.New(s, engine.Options{LogDir: w.dir, FindDAG: w.files.DAG, Operators: w.files.Catalog.Operators, Callbacks: w.files.Catalog.Callbacks, Templates: w.files.Catalog.Templates, Clock: func() time.Time { return now }})
		},
	}
	w.API = api.New(w.options)
	return w
}

func (w *world) write(fn func(context.Context, store.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.Tx(w.t.Context(), func(tx store.Tx) error { return fn(w.t.Context(), tx) }))
}

// seen makes a DAG known to the store, as a scheduler does.
func (w *world) seen(id string, paused bool) *dag.DAG {
	w.t.Helper()
	d, err := w.files.DAG(id)
	require.NoError(w.t, err)
	w.write(func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutVersion(ctx, d.Version, d.ID, dagfile.Source(d), time.Unix(1, 0)); err != nil {
			return err
		}
		return store.AddDAG(ctx, tx, &store.DAGState{ID: id, Version: d.Version, Paused: paused, Active: true}, now.Add(-time.Hour))
	})
	return d
}

// run stores the run of a DAG that is n hours old.
func (w *world) run(d *dag.DAG, n int, state dag.RunState, is ...*store.Instance) *store.Run {
	w.t.Helper()
	at := now.Add(-time.Duration(n) * time.Hour)
	r := &store.Run{DAGID: d.ID, RunID: fmt.Sprintf("manual__%02d", n), Type: dag.ManualRun, State: state, LogicalDate: at, IntervalStart: at, IntervalEnd: at, RunAfter: at, QueuedAt: at, Version: d.Version}
	if state.Finished() {
		r.StartDate, r.EndDate = at, at.Add(90*time.Second)
	}
	w.write(func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.InsertRun(ctx, r); err != nil {
			return err
		}
		for _, in := range is {
			in.RunKey = r.Key
		}
		return tx.PutInstances(ctx, is)
	})
	return r
}

func ids(runs []api.Run) (out []string) {
	for _, r := range runs {
		out = append(out, r.RunID)
	}
	return out
}

func TestRunsAreFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, other := w.seen("daily", false), w.seen("hourly", false)
	w.run(d, 1, dag.RunRunning)
	w.run(d, 2, dag.RunFailed)
	w.run(d, 30, dag.RunFailed)
	w.run(other, 3, dag.RunSuccess)
	for name, c := range map[string]struct {
		q    api.RunQuery
		want []string
	}{
		"all, newest first":    {api.RunQuery{}, []string{"manual__01", "manual__02", "manual__03", "manual__30"}},
		"all, without some":    {api.RunQuery{Page: api.Page{Offset: 3}}, []string{"manual__30"}},
		"of a DAG":             {api.RunQuery{DAGID: "daily"}, []string{"manual__01", "manual__02", "manual__30"}},
		"failed":               {api.RunQuery{States: []dag.RunState{dag.RunFailed}, Page: api.Page{Limit: 9}}, []string{"manual__02", "manual__30"}},
		"of a kind":            {api.RunQuery{Type: dag.ScheduledRun}, nil},
		"ended lately or open": {api.RunQuery{DAGID: "daily", Since: now.Add(-24 * time.Hour)}, []string{"manual__01", "manual__02"}},
		"the second page":      {api.RunQuery{Page: api.Page{Limit: 2, Offset: 2}}, []string{"manual__03", "manual__30"}},
		"of a DAG without any": {api.RunQuery{DAGID: "by_hand"}, nil},
	} {
		got, err := w.Runs(t.Context(), c.q)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, ids(got.Items), name)
		assert.NotNil(t, got.Items, "%s: [] in JSON", name)
		assert.Zero(t, got.Total, "%s: nobody asked", name)
	}
	got, err := w.Runs(t.Context(), api.RunQuery{DAGID: "daily", Page: api.Page{Limit: 1, Count: true}})
	require.NoError(t, err)
	assert.Equal(t, 3, got.Total)

	for name, q := range map[string]api.RunQuery{
		"negative":                {Page: api.Page{Limit: -1}},
		"unknown state":           {States: []dag.RunState{"fine"}},
		"cursor of another list":  {Page: api.Page{Limit: 1, Cursor: "daily"}},
		"cursor without a limit":  {Page: api.Page{Cursor: "1.1"}},
		"cursor beside an offset": {Page: api.Page{Limit: 1, Offset: 1, Cursor: "1.1"}},
		"unknown DAG":             {DAGID: "dayly"},
	} {
		_, err := w.Runs(t.Context(), q)
		require.Error(t, err, name)
	}
}

// New runs between two pages neither repeat a run nor hide one.
func TestPagesOfRunsAreStable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.seen("daily", false)
	for n := range 5 {
		w.run(d, n+10, dag.RunSuccess)
	}
	var got []string
	q := api.RunQuery{DAGID: "daily", Page: api.Page{Limit: 2}}
	for page := range 4 {
		runs, err := w.Runs(t.Context(), q)
		require.NoError(t, err)
		got = append(got, ids(runs.Items)...)
		if runs.Next == "" {
			break
		}
		q.Cursor = runs.Next
		w.run(d, page+1, dag.RunSuccess)
	}
	assert.Equal(t, []string{"manual__10", "manual__11", "manual__12", "manual__13", "manual__14"}, got)
}

func TestDAGsAreFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(w.seen("daily", false), 2, dag.RunFailed)
	for name, c := range map[string]struct {
		q    api.DAGQuery
		want []string
	}{
		"all":             {api.DAGQuery{}, []string{"by_hand", "daily", "hourly"}},
		"some":            {api.DAGQuery{IDs: []string{"daily", "nobody"}}, []string{"daily"}},
		"a tag":           {api.DAGQuery{Tags: []string{"morning", "sales"}}, []string{"by_hand", "daily"}},
		"all tags":        {api.DAGQuery{Tags: []string{"morning", "sales"}, AllTags: true}, []string{"daily"}},
		"paused when new": {api.DAGQuery{Paused: new(true)}, []string{"by_hand"}},
		"not paused":      {api.DAGQuery{Paused: new(false)}, []string{"daily", "hourly"}},
		"failed last":     {api.DAGQuery{LastState: dag.RunFailed}, []string{"daily"}},
		"a page":          {api.DAGQuery{Page: api.Page{Limit: 1, Offset: 1}}, []string{"daily"}},
		"behind one":      {api.DAGQuery{Page: api.Page{Limit: 5, Cursor: "by_hand"}}, []string{"daily", "hourly"}},
	} {
		got, _, err := w.DAGs(t.Context(), c.q)
		require.NoError(t, err, name)
		var ids []string
		for _, d := range got.Items {
			ids = append(ids, d.DAGID)
		}
		assert.Equal(t, c.want, ids, name)
	}
	got, _, err := w.DAGs(t.Context(), api.DAGQuery{Page: api.Page{Limit: 2, Count: true}})
	require.NoError(t, err)
	assert.Equal(t, "daily", got.Next)
	assert.Equal(t, 3, got.Total)
	daily := got.Items[1]
	assert.Equal(t, dag.RunFailed, daily.LastState)
	assert.Equal(t, now.Add(-2*time.Hour), *daily.LastStart)
	assert.Equal(t, time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC), *daily.NextRun, "no run of the schedule yet, and catchup")
	assert.Nil(t, got.Items[0].NextRun, "nothing schedules it")
}

// Without a store nothing has run, and nothing is wrong.
func TestThereIsNoStore(t *testing.T) {
	t.Parallel()
	a := api.New(api.Options{Folder: apitest.NewFolder(t, files), Clock: func() time.Time { return now }})
	ds, _, err := a.DAGs(t.Context(), api.DAGQuery{})
	require.NoError(t, err)
	assert.Len(t, ds.Items, 3)
	runs, err := a.Runs(t.Context(), api.RunQuery{DAGID: "daily", Page: api.Page{Count: true}})
	require.NoError(t, err)
	assert.Empty(t, runs.Items)
	_, err = a.Run(t.Context(), "daily", "")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestRunsAndTheirTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.seen("daily", false)
	r := w.run(d, 5, dag.RunFailed, &store.Instance{TaskID: "first", MapIndex: -1, State: dag.Failed, Try: 2, StartDate: now, EndDate: now.Add(2500 * time.Millisecond)})
	w.run(d, 1, dag.RunQueued)

	newest, err := w.Run(t.Context(), "daily", "")
	require.NoError(t, err)
	assert.Equal(t, "manual__01", newest.RunID)
	assert.Nil(t, newest.Duration)
	got, err := w.Run(t.Context(), "daily", r.RunID)
	require.NoError(t, err)
	assert.InDelta(t, 90, *got.Duration, 0)

	is, err := w.Instances(t.Context(), "daily", r.RunID)
	require.NoError(t, err)
	require.NoError(t, is.Partial)
	require.Len(t, is.Items, 2)
	assert.Equal(t, "failed", is.Items[0].State)
	assert.InDelta(t, 2.5, *is.Items[0].Duration, 0)
	assert.Equal(t, api.Instance{DAGID: "daily", RunID: r.RunID, LogicalDate: new(r.LogicalDate), TaskID: "second", MapIndex: -1, State: "none"}, is.Items[1])

	for task, want := range map[string]string{"first": "failed", "second": "none"} {
		state, err := w.State(t.Context(), "daily", task, r.RunID, -1)
		require.NoError(t, err)
		assert.Equal(t, want, state)
	}
}

// What is not there is told with what may have been meant.
func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.run(w.seen("daily", false), 5, dag.RunFailed, &store.Instance{TaskID: "first", MapIndex: -1, State: dag.None})
	for name, c := range map[string]struct {
		ask  func(context.Context) error
		want string
	}{
		"dag":       {func(ctx context.Context) error { _, err := w.Run(ctx, "dayly", ""); return err }, `no dag "dayly" in the folder`},
		"run":       {func(ctx context.Context) error { _, err := w.Run(ctx, "daily", "manual__06"); return err }, `dag "daily" has no run "manual__06"; did you mean "manual__05"?`},
		"no run":    {func(ctx context.Context) error { _, err := w.Run(ctx, "by_hand", ""); return err }, `dag "by_hand" has no runs`},
		"task":      {func(ctx context.Context) error { _, err := w.State(ctx, "daily", "frist", "", -1); return err }, `dag "daily" has no task "frist" in run manual__05; did you mean "first"?`},
		"map index": {func(ctx context.Context) error { _, err := w.State(ctx, "daily", "first", "", 3); return err }, `has no map index 3`},
		"log": {func(ctx context.Context) error {
			_, err := w.Log(ctx, api.TryQuery{DAGID: "daily", TaskID: "first", RunID: r.RunID, MapIndex: -1})
			return err
		}, `no try of it has begun`},
		"why": {func(ctx context.Context) error { _, _, err := w.WhyTask(ctx, "daily", "frist", ""); return err }, `dag "daily" has no task "frist"; did you mean "first"?`},
		"fields": {func(ctx context.Context) error {
			_, err := w.Rendered(ctx, api.TryQuery{DAGID: "daily", TaskID: "frist", MapIndex: -1})
			return err
		}, `run manual__05 has no task "frist"; did you mean "first"?`},
		"xcoms": {func(ctx context.Context) error { _, err := w.XComs(ctx, "daily", "x"); return err }, `see dingdag dags list-runs daily`},
	} {
		err := c.ask(t.Context())
		require.ErrorContains(t, err, c.want, name)
		if name != "dag" {
			require.ErrorIs(t, err, store.ErrNotFound, name)
		}
	}
}

func TestXComsAreMasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.run(w.seen("daily", false), 5, dag.RunSuccess)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutXCom(ctx, r.Key, "first", -1, "return_value", json.RawMessage(`"say hush-hush"`))
	})
	xs, err := w.XComs(t.Context(), "daily", "")
	require.NoError(t, err)
	require.Len(t, xs, 1)
	assert.JSONEq(t, `{"task_id": "first", "map_index": -1, "key": "return_value", "value": "say ***"}`, asJSON(t, xs[0]))
}

// The log is of the newest run that has one, and of the instance that failed.
func TestLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.seen("hourly", false)
	well := &store.Instance{TaskID: "only", MapIndex: 0, State: dag.Success, Try: 1}
	failed := &store.Instance{TaskID: "only", MapIndex: 1, State: dag.Failed, Try: 2}
	r := w.run(d, 5, dag.RunFailed, well, failed)
	w.run(d, 1, dag.RunQueued)
	path := filepath.Join(w.dir, worker.LogPath(r, failed, 0))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("it broke\n"), 0o600))

	l, err := w.Log(t.Context(), api.TryQuery{DAGID: "hourly", TaskID: "only", MapIndex: -1})
	require.NoError(t, err)
	assert.Equal(t, "manual__05", l.Run.RunID)
	assert.True(t, l.Older)
	assert.Equal(t, "only[1]", l.Label)
	assert.Equal(t, dag.Failed, l.State)
	assert.Equal(t, 2, l.Instances)
	text, err := l.Open(t.Context())
	require.NoError(t, err)
	got, err := io.ReadAll(text)
	require.NoError(t, err)
	require.NoError(t, text.Close())
	assert.Equal(t, "it broke\n", string(got))

	l, err = w.Log(t.Context(), api.TryQuery{DAGID: "hourly", TaskID: "only", RunID: r.RunID, MapIndex: 0})
	require.NoError(t, err)
	assert.False(t, l.Older)
	_, err = l.Open(t.Context())
	require.ErrorIs(t, err, store.ErrNotFound, "nobody wrote it")
}

// The tries of a task are those that are kept and the last one of each instance, in order.
func TestTries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.seen("hourly", false)
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	running := &store.Instance{TaskID: "only", MapIndex: 0, State: dag.Running, Try: 2, StartDate: at(5), Host: "b", PID: 2}
	cleared := &store.Instance{TaskID: "only", MapIndex: 1, Try: 1}
	waits := &store.Instance{TaskID: "only", MapIndex: 2}
	r := w.run(d, 1, dag.RunRunning, running, cleared, waits)
	require.NoError(t, w.store.Tx(t.Context(), func(tx store.Tx) error {
		return tx.PutPastTries(context.Background(), []*store.Instance{
			{RunKey: r.Key, TaskID: "only", MapIndex: 1, Try: 1, State: dag.Success, StartDate: at(0), EndDate: at(3)},
			{RunKey: r.Key, TaskID: "only", MapIndex: 0, Try: 1, State: dag.Failed, StartDate: at(0), EndDate: at(2), Error: "it broke", Host: "a", PID: 1, Log: "l"},
			{RunKey: r.Key, TaskID: "other", MapIndex: 0, Try: 1, State: dag.Failed},
		})
	}))
	tries, err := w.Tries(t.Context(), api.TryQuery{DAGID: "hourly", TaskID: "only", MapIndex: -1})
	require.NoError(t, err)
	require.Len(t, tries, 3, "what has not begun is none")
	first := tries[0]
	assert.Equal(t, []any{0, 1, "failed", "it broke", "a", 1, "l", 2.0}, []any{first.MapIndex, first.TryNumber, first.State, first.Error, first.Hostname, first.PID, first.Log, *first.Duration})
	assert.Equal(t, []any{0, 2, "running", "b", 2}, []any{tries[1].MapIndex, tries[1].TryNumber, tries[1].State, tries[1].Hostname, tries[1].PID})
	assert.Nil(t, tries[1].Duration)
	assert.Equal(t, []any{1, 1, "success"}, []any{tries[2].MapIndex, tries[2].TryNumber, tries[2].State}, "as it was before it was cleared")

	tries, err = w.Tries(t.Context(), api.TryQuery{DAGID: "hourly", TaskID: "only", MapIndex: 0})
	require.NoError(t, err)
	assert.Len(t, tries, 2)
	_, err = w.Tries(t.Context(), api.TryQuery{DAGID: "hourly", TaskID: "only", MapIndex: 2})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.Log(t.Context(), api.TryQuery{DAGID: "hourly", TaskID: "only", MapIndex: 0, Try: 3})
	require.ErrorContains(t, err, "try 3 of only[0] has not begun in run "+r.RunID+": its last is 2")
}

func TestWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("hourly", true)
	why, err := w.WhyRun(t.Context(), "hourly", now)
	require.NoError(t, err)
	assert.Equal(t, store.TickWaiting, why.Outcome)
	assert.Contains(t, why.Reason, "the DAG is paused since 2026-03-01T11:00:00Z")
	assert.Equal(t, now, *why.Tick)
	assert.NotNil(t, why.DAG)

	w.files.Broken = map[string]string{"hourly": "dags.yaml:1:1: error: no", "by_hand": "dags.yaml:2:1: error: no"}
	why, err = w.WhyRun(t.Context(), "hourly", now)
	require.NoError(t, err, "its last version tells")
	assert.Equal(t, now, *why.Tick)
	assert.Nil(t, why.DAG)
	_, err = w.WhyRun(t.Context(), "by_hand", now)
	require.ErrorContains(t, err, "dags.yaml:2:1", "nobody has seen it")
	_, err = w.WhyRun(t.Context(), "daily", now.Add(time.Second))
	require.ErrorContains(t, err, "is in the future")
}

func TestWhyTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.run(w.seen("daily", false), 5, dag.RunFailed, &store.Instance{TaskID: "first", MapIndex: -1, State: dag.Failed, Try: 1, MaxTries: 1, Error: "no hush-hush"})
	_, whys, err := w.WhyTask(t.Context(), "daily", "first", "")
	require.NoError(t, err)
	assert.Equal(t, []api.TaskWhy{{DAGID: "daily", RunID: r.RunID, TaskID: "first", MapIndex: -1, State: "failed", Reason: "try 1 of 1 failed: no ***", Said: phrase.Of("task.try_failed", 1, 1, "no hush-hush")}}, whys)
}

func TestNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, err := w.files.DAG("daily")
	require.NoError(t, err)
	next, err := w.Next(t.Context(), d, 2)
	require.NoError(t, err)
	require.Len(t, next.Runs, 2)
	assert.True(t, next.Runs[0].Due)
	assert.Equal(t, next.Runs[0].RunAfter.Add(24*time.Hour), next.Runs[1].RunAfter)
	assert.False(t, next.Paused)
	w.seen("daily", true)
	details, err := w.Details(t.Context(), d)
	require.NoError(t, err)
	assert.True(t, details.Paused, "the store knows better than the file")
	assert.Equal(t, next.Runs[0], *details.Next)
	assert.Equal(t, []string{"first"}, details.Tasks[1].Upstream)
	assert.Equal(t, []string{"second"}, details.Tasks[0].Downstream)
}

// The names in JSON are a promise to those who read them.
func TestNamesInJSON(t *testing.T) {
	t.Parallel()
	assert.JSONEq(t, `{"dag_id": "", "run_id": "", "run_type": "", "state": "", "logical_date": null, "data_interval_start": null, "data_interval_end": null,
		"run_after": null, "start_date": null, "end_date": null, "duration": null}`, asJSON(t, api.Run{Version: "v"}))
	assert.JSONEq(t, `{"dag_id": "", "run_id": "", "logical_date": null, "task_id": "", "map_index": 0, "state": "", "try_number": 0,
		"start_date": null, "end_date": null, "duration": null}`, asJSON(t, api.Instance{}))
	assert.JSONEq(t, `{"dag_id": "", "file": "", "owner": "", "schedule": "", "tags": null, "tasks": 0, "is_paused": false, "last_run_id": "",
		"last_run_state": "", "last_run_start_date": null, "next_dagrun_run_after": null}`, asJSON(t, api.DAG{}))
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}
