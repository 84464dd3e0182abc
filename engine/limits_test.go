package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/why"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// meter is a behaviour that counts how many run at once and waits to be let through.
type meter struct {
	mu        sync.Mutex
	now, most int
	gate      chan struct{}
}

func (b *bench) meter() *meter {
	m := &meter{gate: make(chan struct{})}
	b.do["count"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		m.mu.Lock()
		m.now++
		m.most = max(m.most, m.now)
		m.mu.Unlock()
		defer func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.now--
		}()
		select {
		case <-m.gate:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return m
}

func (m *meter) running() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// days triggers runs of d on successive days.
func (b *bench) days(n int) (keys []int64) {
	b.t.Helper()
	for i := range n {
		r, err := b.e.Trigger(context.Background(), "d", engine.Trigger{LogicalDate: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)})
		require.NoError(b.t, err)
		keys = append(keys, r.Key)
	}
	return keys
}

// A pool bounds the tasks of all runs of all DAGs, by slots.
func TestPoolBoundsAllRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := b.meter()
	pool := func(slots int) {
		require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
			return tx.PutPool(t.Context(), &store.Pool{Name: "db", Slots: slots})
		}))
		require.NoError(t, b.e.Refresh(t.Context()))
	}
	b.load("d:\n  tasks:\n    - {task_id: x, operator: probe, do: count, pool: db, pool_slots: 2}\n    - {task_id: y, operator: probe, do: count, pool: db}\n")
	b.start(engine.RunOptions{})
	keys := b.days(3)
	b.until("nothing runs: the pool does not exist", func() bool { return b.states(&store.Run{Key: keys[2]})["y"] == "scheduled" })
	assert.Zero(t, m.running())
	pool(3)
	b.until("three slots are taken", func() bool { return m.running() == 2 })
	close(m.gate)
	for _, k := range keys {
		assert.Equal(t, dag.RunSuccess, b.ended1(k).State)
	}
	assert.LessOrEqual(t, m.most, 3)
}

func TestMaxActiveTIsPerDAG(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := b.meter()
	b.load("d:\n  tasks: [{task_id: t, operator: probe, do: count, max_active_tis_per_dag: 1}]\n")
	b.start(engine.RunOptions{})
	keys := b.days(3)
	b.until("one runs", func() bool { return m.running() == 1 })
	close(m.gate)
	for _, k := range keys {
		b.ended1(k)
	}
	assert.Equal(t, 1, m.most)
}

// depends_on_past: the same task of the run before must have succeeded or been skipped.
func TestDependsOnPast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fail := true
	b.do["first fails"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if fail && tc.LogicalDate.Day() == 2 {
			return nil, errors.New("no")
		}
		return nil, nil
	}
	b.load("d:\n  tasks: [{task_id: t, operator: probe, do: first fails, depends_on_past: true, retries: 1, retry_delay: 1}]\n")
	b.start(engine.RunOptions{})
	keys := b.days(3)
	assert.Equal(t, dag.RunSuccess, b.ended1(keys[0]).State)
	b.until("the second waits for its retry, the third for the second", func() bool {
		return b.states(&store.Run{Key: keys[1]})["t"] == "up_for_retry" && b.states(&store.Run{Key: keys[2]})["t"] == "scheduled"
	})
	b.mu.Lock()
	fail = false
	b.mu.Unlock()
	assert.Equal(t, dag.RunSuccess, b.ended1(keys[2]).State)
	assert.Equal(t, []string{"t#1", "t#1", "t#2", "t#1"}, b.ranSoFar())
}

// Runs without a logical date follow each other by run_after.
func TestDependsOnPastWithoutDates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["first fails"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		if tc.RunID == "first" && tc.TryNumber == 1 {
			return nil, errors.New("no")
		}
		return nil, nil
	}
	b.load("d:\n  tasks: [{task_id: t, operator: probe, do: first fails, depends_on_past: true}]\n")
	b.start(engine.RunOptions{})
	first := b.finish(engine.Trigger{RunID: "first", NoLogicalDate: true})
	assert.Equal(t, dag.RunFailed, first.State)
	second, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "second", NoLogicalDate: true})
	require.NoError(t, err)
	whys, err := b.e.WhyTask(t.Context(), second, "t")
	require.NoError(t, err)
	assert.Equal(t, `depends_on_past: task "t" is failed in run first`, whys[0].Reason.String())
	_, err = b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: "first"})
	require.NoError(t, err)
	assert.Equal(t, dag.RunSuccess, b.ended1(second.Key).State)
	assert.Equal(t, []string{"t#1", "t#2", "t#1"}, b.ranSoFar())
}

func TestWaitForDownstream(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := b.meter()
	b.load("d:\n  tasks:\n    - {task_id: a, operator: probe, wait_for_downstream: true}\n    - {task_id: b, operator: probe, do: count, dependencies: [a]}\n")
	b.start(engine.RunOptions{})
	keys := b.days(2)
	b.until("b of the first run runs", func() bool { return m.running() == 1 })
	assert.Equal(t, map[string]string{"a": "scheduled"}, b.states(&store.Run{Key: keys[1]}))
	close(m.gate)
	assert.Equal(t, dag.RunSuccess, b.ended1(keys[1]).State)
}

// The task with the most work below it goes first; an absolute weight counts alone.
func TestPriorityWeights(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Workers = 1
	b.stopStore()
	b.open()
	b.load(`
d:
  max_active_tasks: 1
  tasks:
    - {task_id: small, operator: probe}
    - {task_id: large, operator: probe}
    - {task_id: under_1, operator: probe, dependencies: [large]}
    - {task_id: under_2, operator: probe, dependencies: [large]}
    - {task_id: urgent, operator: probe, priority_weight: 10, weight_rule: absolute}
`)
	b.start(engine.RunOptions{})
	b.finish(engine.Trigger{})
	assert.Equal(t, "urgent#1 large#1 small#1 under_1#1 under_2#1", strings.Join(b.ranSoFar(), " "))
}

func TestFailFast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun, stopped := make(chan struct{}), make(chan error, 1)
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		close(begun)
		<-ctx.Done()
		stopped <- context.Cause(ctx)
		return nil, ctx.Err()
	}
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) {
		<-begun
		return nil, operator.Fail(errors.New("broken"))
	}
	b.load("d:\n  fail_fast: true\n  tasks:\n    - {task_id: h, operator: probe, do: hang}\n    - {task_id: f, operator: probe, do: fail}\n    - {task_id: n, operator: probe, dependencies: [h]}\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, dag.RunFailed, r.State)
	assert.ErrorIs(t, <-stopped, operator.ErrCanceled)
	const why = "another task failed and the DAG has fail_fast"
	assert.Equal(t, map[string]string{"h": "failed", "f": "failed", "n": "skipped"}, b.states(r))
	assert.Equal(t, []string{why, "broken", ""}, []string{b.instance(r, "h").Error, b.instance(r, "f").Error, b.instance(r, "n").Error})
}

// unseen is a store that tells of no job that others have taken, as if they took it a moment later.
type unseen struct{ store.Store }

// Tx is that of the store.
func (u unseen) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return u.Store.Tx(ctx, func(tx store.Tx) error { return fn(unseenTx{tx}) })
}

type unseenTx struct{ store.Tx }

// RunningJobs tells of none.
func (unseenTx) RunningJobs(context.Context, int64) ([]store.Job, error) { return nil, nil }

// A task that another process takes in the moment in which fail_fast skips it is ended, too.
func TestFailFastEndsWhatIsJustTaken(t *testing.T) {
	t.Parallel()
	b := newAwayBench(t)
	b.wrap = func(s store.Store) store.Store { return unseen{s} }
	b.stopStore()
	b.open()
	begun, stopped := make(chan struct{}), make(chan error, 1)
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		close(begun)
		<-ctx.Done()
		stopped <- context.Cause(ctx)
		return nil, ctx.Err()
	}
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) {
		<-begun // it is not said yet that the other one runs
		return nil, operator.Fail(errors.New("broken"))
	}
	b.load("d:\n  fail_fast: true\n  tasks:\n    - {task_id: h, operator: probe, do: hang}\n    - {task_id: f, operator: probe, do: fail}\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, dag.RunFailed, r.State)
	select {
	case err := <-stopped:
		require.ErrorIs(t, err, operator.ErrCanceled)
		require.ErrorContains(t, err, "the DAG has fail_fast")
	case <-time.After(20 * time.Second):
		t.Fatal("it runs on")
	}
}

func TestPausedAfterFailuresInARow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["odd"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		if tc.LogicalDate.Day()%2 == 1 || tc.LogicalDate.Day() == 4 {
			return nil, errors.New("no")
		}
		return nil, nil
	}
	b.load("d:\n  max_active_runs: 1\n  max_consecutive_failed_dag_runs: 2\n  tasks: [{task_id: t, operator: probe, do: odd}]\n")
	b.start(engine.RunOptions{})
	var states []string
	for i := range 4 {
		r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)})
		states = append(states, string(r.State))
		paused, err := b.store.PausedDAGs(t.Context())
		require.NoError(t, err)
		assert.Equal(t, i == 3, len(paused) == 1, fmt.Sprint("after run ", i+1))
	}
	assert.Equal(t, []string{"failed", "success", "failed", "failed"}, states)
	assert.Empty(t, b.sentSoFar())
}

// Somebody is told when a DAG pauses itself, and dags why says it.
func TestPauseAfterFailuresIsTold(t *testing.T) {
	t.Parallel()
	const reason = "max_consecutive_failed_dag_runs: 1 runs failed in a row"
	for name, c := range map[string]struct {
		keys string
		want []string
	}{
		"missed":    {"  on_missed_callback: {callback: say, text: '{{ reason }}'}\n  on_failure_callback: {callback: say, text: run}\n", []string{"on_failure  run", "on_missed  " + reason}},
		"run":       {"  on_failure_callback: {callback: say, text: run}\n", []string{"on_failure  run"}},
		"only task": {"  default_args: {on_failure_callback: {callback: say, text: 'of {{ ti.task_id }}'}}\n", []string{"on_failure t of t", "on_missed  of t"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, errors.New("no") }
			d := b.load("d:\n  schedule: '@once'\n  start_date: 2026-01-01\n  max_consecutive_failed_dag_runs: 1\n" + c.keys + "  tasks: [{task_id: t, operator: probe, do: fail}]\n")[0]
			b.start(engine.RunOptions{Schedule: true})
			b.untilRuns(1)
			assert.Equal(t, c.want, b.told(len(c.want)))
			w, err := why.OfTick(t.Context(), b.store, d, time.Now(), time.Now(), "")
			require.NoError(t, err)
			assert.Regexp(t, `^run scheduled__.* is failed \(task_failure\) since .*; the DAG is paused since .* \(`+reason+`\): dingdag dags unpause d$`, w.Reason.String())
		})
	}
}
