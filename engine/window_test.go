package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// A task is in the runs between its own dates, both counted; what comes after it does as
// if it were not there.
func TestTaskWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  start_date: 2026-01-01
  tasks:
    - {task_id: always, operator: probe}
    - {task_id: late, operator: probe, start_date: 2026-01-02, dependencies: [always]}
    - {task_id: early, operator: probe, end_date: 2026-01-02, dependencies: [always]}
    - {task_id: join, operator: probe, dependencies: [late, early]}
    - {task_id: last, operator: probe, start_date: 2026-01-02, end_date: 2026-01-02, dependencies: [join]}
`)
	b.start(engine.RunOptions{})
	for i, want := range []map[string]string{
		{"always": "success", "early": "success", "join": "success"},
		{"always": "success", "early": "success", "late": "success", "join": "success", "last": "success"},
		{"always": "success", "late": "success", "join": "success"},
	} {
		r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)})
		assert.Equal(t, dag.RunSuccess, r.State)
		assert.Equal(t, want, b.states(r))
	}
	r := b.finish(engine.Trigger{NoLogicalDate: true})
	assert.Len(t, b.states(r), 5, "a run without logical date has all tasks")
}

// A run in which no task takes part succeeds.
func TestTaskWindowLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  tasks: [{task_id: t, operator: probe, start_date: 2026-02-01}]\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	assert.Equal(t, dag.RunSuccess, r.State)
	assert.Empty(t, b.states(r))
}

// The first instance of a task passes depends_on_past, unless the task says otherwise.
func TestFirstInstanceAndThePast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  tasks: [{task_id: a, operator: probe}]\n")
	b.start(engine.RunOptions{})
	b.ended1(b.days(1)[0])
	b.load(`
d:
  tasks:
    - {task_id: a, operator: probe}
    - {task_id: passes, operator: probe, depends_on_past: true}
    - {task_id: waits, operator: probe, depends_on_past: true, ignore_first_depends_on_past: false}
    - {task_id: empty, operator: nop, depends_on_past: true, ignore_first_depends_on_past: false}
    - {task_id: late, operator: probe, depends_on_past: true, start_date: 2026-01-02}
`)
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)})
	assert.NoError(t, err)
	want := map[string]string{"a": "success", "passes": "success", "waits": "scheduled", "empty": "scheduled", "late": "success"}
	b.until("all that may run has", func() bool { return assert.ObjectsAreEqual(want, b.states(r)) })
}

// The very first run of a DAG passes whatever the task says.
func TestFirstRunAndThePast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  tasks: [{task_id: t, operator: probe, depends_on_past: true, ignore_first_depends_on_past: false}]\n")
	b.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, b.finish(engine.Trigger{}).State)
}

// wait_for_past_depends_before_skipping: a task that its trigger rule skips waits for the
// run before, like one that runs; its run is no deadlock meanwhile.
func TestWaitForPastBeforeSkipping(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := b.meter()
	b.do["skip on the second"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		if tc.LogicalDate.Day() == 2 {
			return nil, operator.Skip("not today")
		}
		return nil, nil
	}
	b.load(`
d:
  tasks:
    - {task_id: choose, operator: probe, do: skip on the second}
    - {task_id: held, operator: probe, do: count, dependencies: [choose], depends_on_past: true, wait_for_past_depends_before_skipping: true}
    - {task_id: free, operator: probe, dependencies: [choose], depends_on_past: true}
`)
	b.start(engine.RunOptions{})
	keys := b.days(2)
	second := &store.Run{Key: keys[1]}
	b.until("the first runs, the second was decided", func() bool { return m.running() == 1 && b.states(second)["free"] == "skipped" })
	assert.Equal(t, map[string]string{"choose": "skipped", "free": "skipped"}, b.states(second))
	b.stop() // and a process that starts again goes on waiting
	m.gate = make(chan struct{})
	b.open()
	b.start(engine.RunOptions{})
	b.until("the first runs again", func() bool { return m.running() == 1 })
	assert.NotContains(t, b.states(second), "held")
	close(m.gate)
	assert.Equal(t, dag.RunSuccess, b.ended1(keys[1]).State)
	assert.Equal(t, "skipped", b.states(second)["held"])
}

// Marking a run makes no instance of a task that is not in it.
func TestTaskWindowAndMark(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, operator.Fail(context.Canceled) }
	b.load("d:\n  tasks:\n    - {task_id: a, operator: probe, do: fail}\n    - {task_id: late, operator: probe, start_date: 2026-02-01}\n    - {task_id: undo, operator: probe, start_date: 2026-02-01, teardown: true}\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	assert.Equal(t, dag.RunFailed, r.State)
	_, err := b.e.Mark(t.Context(), engine.MarkRequest{DAGID: "d", RunID: r.RunID, State: dag.Success})
	assert.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "success"}, b.states(r))
}
