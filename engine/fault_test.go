package engine_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// awayStore is a store whose transactions fail for a while.
type awayStore struct {
	store.Store
	from, until time.Duration
	began       time.Time
}

// Tx fails in that time.
func (s *awayStore) Tx(ctx context.Context, fn func(store.Tx) error) error {
	if since := time.Since(s.began); since >= s.from && since < s.until {
		return store.ErrBusy
	}
	return s.Store.Tx(ctx, fn)
}

// What is due while the store is away is done once it is back: not never, and not with the next sweep.
func TestWhatIsDueWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dag  string
		want dag.RunState
	}{
		"a tick":    {"schedule: {every: 10s}\n  start_date: 2000-01-01\n  end_date: '2000-01-01T00:00:10'\n  catchup: true\n  tasks: [{task_id: t, operator: probe}]", dag.RunSuccess},
		"a retry":   {"schedule: '@once'\n  start_date: 2000-01-01\n  tasks: [{task_id: t, operator: probe, do: flaky, retries: 1, retry_delay: 10}]", dag.RunSuccess},
		"a timeout": {"schedule: '@once'\n  start_date: 2000-01-01\n  dagrun_timeout: 10s\n  tasks: [{task_id: t, operator: probe, do: hang}]", dag.RunFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.o.Beat = time.Second
				b.wrap = func(s store.Store) store.Store {
					return &awayStore{Store: s, from: 9500 * time.Millisecond, until: 10500 * time.Millisecond, began: time.Now()}
				}
				b.do["flaky"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
					if tc.TryNumber == 1 {
						return nil, errors.New("once")
					}
					return nil, nil
				}
				b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				b.stopStore()
				b.open()
				b.load("d:\n  " + c.dag + "\n")
				b.start(engine.RunOptions{Schedule: true})
				<-time.After(14 * time.Second)
				synctest.Wait()
				rs := b.runs()
				r := rs[len(rs)-1]
				assert.Equal(t, c.want, r.State)
				if name == "a tick" {
					assert.Len(t, rs, 2)
				}
				b.stop()
			})
		})
	}
}

// lifeless is a store that takes no record of the work.
type lifeless struct{ store.Store }

type lifelessTx struct{ store.Tx }

// Tx runs fn in such a transaction.
func (s lifeless) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Tx(ctx, func(tx store.Tx) error { return fn(lifelessTx{tx}) })
}

// PutSchedulerLife fails.
func (lifelessTx) PutSchedulerLife(context.Context, *store.SchedulerLife) error { return store.ErrBusy }

// A process that cannot begin to schedule, and tries that again and again while the store is away, leaves nothing behind each time.
func TestAScheduleThatCannotBeginLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // which ends only when all that was begun in it has
		b := newBench(t)
		b.wrap = func(s store.Store) store.Store { return lifeless{s} }
		b.stopStore()
		b.open()
		b.load("d:\n  schedule: '@daily'\n  start_date: 2000-01-01\n  tasks: [{task_id: t, operator: probe}]\n")
		require.ErrorIs(t, b.e.Run(t.Context(), engine.RunOptions{Schedule: true}), store.ErrBusy)
		b.stopStore()
	})
}

// panicky is a store whose transactions panic over some tasks.
type panicky struct {
	store.Store
	on     map[string]bool // by what they do and the task
	panics atomic.Int32
}

type panickyTx struct {
	store.Tx
	s *panicky
}

// Tx runs fn in such a transaction.
func (p *panicky) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return p.Store.Tx(ctx, func(tx store.Tx) error { return fn(panickyTx{tx, p}) })
}

func (t panickyTx) trip(what, task string) {
	if t.s.on[what+" "+task] {
		t.s.panics.Add(1)
		panic("tripped over " + task)
	}
}

// PutXCom panics for a task.
func (t panickyTx) PutXCom(ctx context.Context, runKey int64, task string, mapIndex int, key string, v json.RawMessage) error {
	t.trip("xcom", task)
	return t.Tx.PutXCom(ctx, runKey, task, mapIndex, key, v)
}

// PutInstances panics when a task gets a state.
func (t panickyTx) PutInstances(ctx context.Context, is []*store.Instance) error {
	for _, in := range is {
		t.trip(in.State.String(), in.TaskID)
	}
	return t.Tx.PutInstances(ctx, is)
}

// A panic while a state changes is no full disk: the same change would panic for ever.
// Its run fails and says why, and everything else goes on.
func TestAPanicInAStateChangeFailsItsRun(t *testing.T) {
	t.Parallel()
	for trip, want := range map[string]map[string]string{
		"xcom t":         {"before": "success", "t": "failed"},
		"running before": {"before": "failed"},
		"running t":      {"before": "failed"}, // in the transaction that ends the one before
		"success t":      {"before": "success", "t": "failed"},
	} {
		t.Run(trip, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stopStore()
			p := &panicky{on: map[string]bool{trip: true}}
			b.wrap = func(s store.Store) store.Store { p.Store = s; return p }
			b.open()
			b.load(`
d:
  on_failure_callback: {callback: say, text: "{{ reason }}: {{ exception }}"}
  tasks:
    - {task_id: before, operator: probe}
    - {task_id: t, operator: probe, text: x, dependencies: [before]}
    - {task_id: after, operator: probe, dependencies: [t]}
good:
  tasks:
    - {task_id: one, operator: probe}
    - {task_id: two, operator: probe, dependencies: [one]}
`)
			b.start(engine.RunOptions{})
			r := b.finish(engine.Trigger{})
			assert.Equal(t, dag.RunFailed, r.State)
			_, task, _ := strings.Cut(trip, " ")
			assert.Equal(t, "internal_error: panic: tripped over "+task, r.Reason)
			assert.Equal(t, want, b.states(r))
			b.until("the alert", func() bool { return len(b.sentSoFar()) == 1 })
			assert.Equal(t, []string{"on_failure  internal_error: panic: tripped over " + task}, b.sentSoFar())
			good, err := b.e.Trigger(t.Context(), "good", engine.Trigger{})
			require.NoError(t, err)
			assert.Equal(t, dag.RunSuccess, b.ended1(good.Key).State)
			assert.LessOrEqual(t, p.panics.Load(), int32(2), "it is not repeated")
		})
	}
}

// A timer that panics fails its run as well.
func TestAPanicInARetryFailsItsRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, errors.New("again") }
	b.load("d:\n  tasks: [{task_id: t, operator: probe, do: fail, retries: 9, retry_delay: 0.3}]\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("it waits", func() bool { return b.states(r)["t"] == "up_for_retry" })
	b.wrap = func(s store.Store) store.Store {
		return &panicky{Store: s, on: map[string]bool{"queued t": true}}
	}
	next := b.crash()
	next.start(engine.RunOptions{})
	assert.Contains(t, next.ended1(r.Key).Reason, "internal_error")
}

// A run whose version this binary can't load fails, with the callbacks that can still be
// read; whatever else there is goes on. It is so for runs under way and for queued ones.
func TestAVersionThatCannotBeLoadedFailsItsRunOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	const others = `
good:
  tasks:
    - {task_id: one, operator: probe, text: x}
    - {task_id: two, operator: probe, dependencies: [one]}
`
	b.load(`
d:
  max_active_runs: 1
  on_failure_callback: {callback: say, text: "{{ reason }}: {{ exception }}"}
  tasks:
    - {task_id: t, operator: probe, do: hang, on_failure_callback: {callback: say, text: "{{ ti.task_id }}"}}
    - {task_id: gone, operator: native, dependencies: [t]}
` + others)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	b.until("t runs", func() bool { return b.states(r)["t"] == "running" })
	queued, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)

	b.lacks = []string{"native"}
	next := b.crash()
	next.load(others)
	next.start(engine.RunOptions{})
	for _, key := range []int64{r.Key, queued.Key} {
		got := next.ended1(key)
		assert.Equal(t, dag.RunFailed, got.State)
		assert.Regexp(t, `^version_not_loadable: .*operator "native"`, got.Reason)
	}
	assert.Equal(t, map[string]string{"t": "failed"}, next.states(r))
	failed := next.ended1(r.Key)
	const cause = `version_not_loadable: version of the run, line \d+ column \d+: task "gone": unknown operator "native"[^\n]*$`
	assert.Regexp(t, "^"+cause, failed.Reason)
	for task, state := range map[string]dag.State{"t": dag.Failed, "gone": dag.None} {
		whys, err := next.e.WhyTask(t.Context(), failed, task)
		require.NoError(t, err)
		require.Len(t, whys, 1)
		assert.Equal(t, state, whys[0].State)
		assert.Regexp(t, "^the run cannot go on: "+cause, whys[0].Reason.String())
	}
	_, err = next.e.WhyTask(t.Context(), failed, "none")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = next.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: failed.RunID})
	require.ErrorContains(t, err, "start a new run of the present version with dingdag dags trigger d")
	for _, task := range []string{"t", ""} {
		for _, state := range []dag.State{dag.Success, dag.Failed} {
			_, err = next.e.Mark(t.Context(), engine.MarkRequest{DAGID: "d", RunID: failed.RunID, TaskID: task, State: state})
			require.ErrorContains(t, err, "its version cannot be loaded: version of the run, line")
			require.ErrorContains(t, err, "start a new run of the present version with dingdag dags trigger d")
		}
	}
	assert.Equal(t, map[string]string{"t": "failed"}, next.states(r), "nothing was marked")
	next.until("the alerts", func() bool { return len(next.sentSoFar()) == 3 })
	sent := next.sentSoFar()
	assert.Equal(t, "on_failure t t", sent[0])
	assert.Regexp(t, `^on_failure  version_not_loadable: .*operator "native"`, sent[1])
	good, err := next.e.Trigger(t.Context(), "good", engine.Trigger{})
	require.NoError(t, err)
	assert.Equal(t, dag.RunSuccess, next.ended1(good.Key).State)
}

// corrupt changes the store behind everybody's back.
func (b *bench) corrupt(query string) {
	b.t.Helper()
	b.onFile()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.dir, "db")+"?_pragma=busy_timeout(30000)")
	require.NoError(b.t, err)
	defer func() { require.NoError(b.t, db.Close()) }()
	res, err := db.ExecContext(b.t.Context(), query)
	require.NoError(b.t, err)
	n, err := res.RowsAffected()
	require.NoError(b.t, err)
	require.Equal(b.t, int64(1), n)
}

// Rows of tasks that can't be read fail their run, with the callbacks of its DAG, and hold
// up no other run. A row of a run that can't be read leaves the run alone until it can.
func TestRowsThatCannotBeReadFailTheirRunOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun, _ := b.hangs()
	const dags = `
bad_task:
  on_failure_callback: {callback: say, text: "{{ reason }}: {{ exception }}"}
  tasks: [{task_id: broken, operator: probe, do: hang}]
bad_run:
  tasks: [{task_id: mended, operator: probe, do: hang}]
good:
  tasks: [{task_id: fine, operator: probe, do: hang}]
`
	b.load(dags)
	b.start(engine.RunOptions{})
	runs := map[string]*store.Run{}
	for _, id := range []string{"bad_task", "bad_run", "good"} {
		var err error
		runs[id], err = b.e.Trigger(t.Context(), id, engine.Trigger{})
		require.NoError(t, err)
		<-begun
		b.until("it runs", func() bool { return slices.Contains(slices.Collect(maps.Values(b.states(runs[id]))), "running") })
	}
	next := b.crash()
	next.do = nil // nothing hangs there
	next.corrupt("UPDATE task_instance SET try = 'many' WHERE task_id = 'broken'")
	next.corrupt("UPDATE dag_run SET provisional = 'maybe' WHERE dag_id = 'bad_run'")
	next.load(dags)
	whys, err := next.e.WhyTask(t.Context(), runs["good"], "fine")
	require.NoError(t, err, "other runs do not matter")
	require.Len(t, whys, 1)
	assert.Contains(t, whys[0].Reason.String(), "is running since")
	next.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, next.ended1(runs["good"].Key).State)
	failed := next.ended1(runs["bad_task"].Key)
	assert.Equal(t, dag.RunFailed, failed.State)
	const cause = `rows_not_readable: read task instances: .*"many"`
	assert.Regexp(t, "^"+cause, failed.Reason)
	next.until("the alert", func() bool { return len(next.sentSoFar()) == 1 })
	assert.Regexp(t, "^on_failure  "+cause, next.sentSoFar()[0])
	assert.NotContains(t, next.ranSoFar(), "mended#1")

	next.corrupt("UPDATE dag_run SET provisional = 0 WHERE dag_id = 'bad_run'")
	assert.Equal(t, dag.RunSuccess, next.ended1(runs["bad_run"].Key).State)
	assert.Contains(t, next.ranSoFar(), "mended#1")
}

// resultless is a store that cannot read XComs until a moment.
type resultless struct {
	store.Store
	until time.Time
	err   error
	asked atomic.Int64
}

// XCom fails in that time.
func (s *resultless) XCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (json.RawMessage, error) {
	s.asked.Add(1)
	if time.Now().Before(s.until) {
		return nil, s.err
	}
	return s.Store.XCom(ctx, runKey, taskID, mapIndex, key)
}

// A task whose templates need what the store cannot tell for a while waits for it: no try is spent on that. It does not wait for longer
// than it may take, nor for what waiting does not mend.
func TestTemplatesWaitForTheStore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		task  string
		away  time.Duration
		err   error
		state dag.State
		said  string
	}{
		"for a while":             {"", 20 * time.Second, store.ErrBusy, dag.Success, ""},
		"too long for the task":   {"execution_timeout: 10", 20 * time.Second, store.ErrBusy, dag.Failed, "execution_timeout has passed after 10s"},
		"too long for any":        {"", time.Hour, store.ErrBusy, dag.Failed, "the store cannot do it now"},
		"what waiting won't mend": {"", 20 * time.Second, errors.New("damaged"), dag.Failed, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.o.Beat = 30 * time.Second
				f := &resultless{until: time.Now().Add(c.away), err: c.err}
				b.wrap = func(s store.Store) store.Store { f.Store = s; return f }
				b.stopStore()
				b.open()
				b.do["one"] = func(context.Context, *operator.TaskContext) (any, error) { return 1, nil }
				b.load("d:\n  schedule: '@once'\n  start_date: 2000-01-01\n  tasks:\n    - {task_id: a, operator: probe, do: one}\n" +
					"    - {task_id: b, operator: probe, text: '{{ ti.xcom_pull(\"a\") }}', dependencies: [a]" + strings.TrimRight(", "+c.task, ", ") + "}\n")
				b.start(engine.RunOptions{Schedule: true})
				<-time.After(10 * time.Minute)
				synctest.Wait()
				in := b.instance(b.runs()[0], "b")
				assert.Equal(t, c.state, in.State)
				assert.Equal(t, 1, in.Try)
				assert.Contains(t, in.Error, c.said)
				assert.Less(t, f.asked.Load(), int64(100), "it is not asked all the time")
				b.stop()
			})
		})
	}
}
