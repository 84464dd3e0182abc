package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// Each reason for which a task waits or did not run is told.
func TestWhyTask(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gate := make(chan struct{})
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return nil, ctx.Err()
	}
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) {
		return nil, operator.Fail(errors.New("broken"))
	}
	b.do["retry"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, errors.New("not yet") }
	b.do["skip"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, operator.Skip("not today") }
	b.load(`
d:
  tasks:
    - {task_id: hang, operator: probe, do: hang, pool: small, max_active_tis_per_dag: 1}
    - {task_id: after, operator: probe, dependencies: [hang]}
    - {task_id: pooled, operator: probe, pool: small, priority_weight: 0}
    - {task_id: nopool, operator: probe, pool: nowhere}
    - {task_id: fail, operator: probe, do: fail}
    - {task_id: after_fail, operator: probe, dependencies: [fail]}
    - {task_id: retry, operator: probe, do: retry, retries: 3, retry_delay: 1h}
    - {task_id: skip, operator: probe, do: skip}
    - {task_id: after_skip, operator: probe, dependencies: [skip]}
    - {task_id: fork, operator: fork, to: [left]}
    - {task_id: left, operator: probe, dependencies: [fork]}
    - {task_id: right, operator: probe, dependencies: [fork]}
    - {task_id: past, operator: probe, do: hang, depends_on_past: true}
`)
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
		return tx.PutPool(t.Context(), &store.Pool{Name: "small", Slots: 1})
	}))
	b.start(engine.RunOptions{})
	run, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	why := func(r *store.Run, task string) string {
		ws, err := b.e.WhyTask(t.Context(), r, task)
		require.NoError(t, err, task)
		require.Len(t, ws, 1, task)
		return ws[0].State.String() + ": " + ws[0].Reason.String()
	}
	b.until("all have gone as far as they can", func() bool {
		s := b.states(run)
		return s["hang"] == "running" && s["past"] == "running" && s["retry"] == "up_for_retry" && s["after_fail"] == "upstream_failed" &&
			s["after_skip"] == "skipped" && s["right"] == "skipped" && s["left"] == "success"
	})
	for task, want := range map[string]string{
		"hang":       `^running: try 1 of 1 is running since 20`,
		"after":      `^none: trigger rule all_success: hang is running$`,
		"pooled":     `^scheduled: pool "small": 1 of 1 slots are taken$`,
		"nopool":     `^scheduled: pool "nowhere" does not exist: create it with dingdag pools set nowhere SLOTS$`,
		"fail":       `^failed: try 1 of 1 failed: broken$`,
		"after_fail": `^upstream_failed: trigger rule all_success: fail is failed; fail failed first, at 20.*Z: broken$`,
		"retry":      `^up_for_retry: try 1 of 4 failed: not yet; retry at 20`,
		"skip":       `^skipped: the task skipped itself, see dingdag tasks logs d skip$`,
		"after_skip": `^skipped: trigger rule all_success: skip is skipped$`,
		"left":       `^success: it succeeded at 20`,
		"right":      `^skipped: fork chose "left"$`,
	} {
		assert.Regexp(t, want, why(run, task), task)
	}
	holds := func(r *store.Run, task string) string {
		ws, err := b.e.WhyTask(t.Context(), r, task)
		require.NoError(t, err, task)
		return ws[0].Holds
	}
	for task, want := range map[string]string{"hang": "", "after": "Trigger Rule", "pooled": "Pool Slots Available", "nopool": "Pool Slots Available", "fail": "", "retry": ""} {
		assert.Equal(t, want, holds(run, task), task)
	}
	_, err = b.e.WhyTask(t.Context(), run, "nobody")
	require.ErrorIs(t, err, store.ErrNotFound)

	next, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	b.until("the next run waits", func() bool { return b.states(next)["right"] == "skipped" && b.states(next)["past"] == "scheduled" })
	assert.Regexp(t, `^scheduled: depends_on_past: task "past" is running in run manual__2026-01-01`, why(next, "past"))
	assert.Equal(t, "Previous Dagrun State", holds(next, "past"))
	b.setPaused(true, "")
	assert.Equal(t, "Dag Not Paused", holds(next, "past"))
	assert.Regexp(t, `^scheduled: the DAG is paused since 20.*: dingdag dags unpause d$`, why(next, "past"))
	held, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	assert.Regexp(t, `^none: run manual__2026-01-03.* is queued since 20.*: the DAG is paused since`, why(held, "past"))
	assert.Equal(t, "Dagrun Running", holds(held, "past"))
	b.setPaused(false, "")
	close(gate)

	// The cause lies further up than the rule says.
	b.load("d:\n  tasks:\n    - {task_id: a, operator: probe, do: two}\n    - {task_id: b, operator: probe, dependencies: [a]}\n    - {task_id: c, operator: probe, dependencies: [b]}\n")
	b.mu.Lock()
	b.do["two"] = func(context.Context, *operator.TaskContext) (any, error) {
		return nil, operator.Fail(errors.New("first line\nsecond line"))
	}
	b.mu.Unlock()
	deep := b.finish(engine.Trigger{RunID: "deep", NoLogicalDate: true})
	assert.Regexp(t, `^upstream_failed: trigger rule all_success: b is upstream_failed; a failed first, at 20.*Z: first line$`, why(deep, "c"))
}

// A queued run names those that take max_active_runs, three at most.
func TestWhyNamesTheActiveRuns(t *testing.T) {
	t.Parallel()
	for most, want := range map[int]string{
		2: "max_active_runs (2) is reached by r1, r2",
		3: "max_active_runs (3) is reached by r1, r2, r3",
		5: "max_active_runs (5) is reached by r1, r2, r3, 2 more",
	} {
		b := newBench(t)
		m := b.meter()
		b.load(fmt.Sprintf("d:\n  max_active_runs: %d\n  tasks: [{task_id: t, operator: probe, do: count}]\n", most))
		b.start(engine.RunOptions{Schedule: true})
		var last *store.Run
		for i := range most + 1 {
			var err error
			last, err = b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: fmt.Sprint("r", i+1), NoLogicalDate: true})
			require.NoError(t, err)
		}
		ws, err := b.e.WhyTask(t.Context(), last, "t")
		require.NoError(t, err)
		require.Len(t, ws, 1)
		_, why, _ := strings.Cut(ws[0].Reason.String(), ": ")
		assert.Equal(t, want, why)
		close(m.gate)
	}
}

// A trigger rule is told with each task that matters to it, once.
func TestWhyNamesWhatARuleGoesBy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) {
		return nil, operator.Fail(errors.New("broken"))
	}
	b.do["skip"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, operator.Skip("not today") }
	b.load(`
d:
  tasks:
    - {task_id: one, operator: probe, do: fail}
    - {task_id: two, operator: probe, do: fail}
    - {task_id: fine, operator: probe}
    - {task_id: below, operator: probe, dependencies: [one, fine, two]}
    - {task_id: nothing, operator: probe, do: skip}
    - {task_id: only, operator: probe, trigger_rule: all_skipped, dependencies: [nothing, fine]}
    - {task_id: make, operator: probe, do: fail, setup: true}
    - {task_id: work, operator: probe, dependencies: [make]}
    - {task_id: clean, operator: probe, teardown: true, dependencies: [work, make]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	for task, want := range map[string]string{
		"below": "trigger rule all_success: one is failed, two is failed",
		"only":  "trigger rule all_skipped: fine is success",
		"clean": "trigger rule all_done_setup_success: make is failed, work is upstream_failed",
	} {
		ws, err := b.e.WhyTask(t.Context(), r, task)
		require.NoError(t, err)
		why, _, _ := strings.Cut(ws[0].Reason.String(), ";")
		assert.Equal(t, want, why)
	}
}

// What other runs take of a pool is seen by whoever asks, in any process.
func TestWhySeesOtherRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := b.meter()
	const text = "d:\n  tasks: [{task_id: t, operator: probe, do: count, pool: small}]\n"
	b.load(text)
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
		return tx.PutPool(t.Context(), &store.Pool{Name: "small", Slots: 2})
	}))
	b.start(engine.RunOptions{})
	b.days(2)
	b.until("two run", func() bool { return m.running() == 2 })
	third, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: day(3)})
	require.NoError(t, err)
	b.until("the third waits", func() bool { return b.states(third)["t"] == "scheduled" })
	for who, e := range map[string]*engine.Engine{"the process that works": b.e, "another one": b.asking(text, false)} {
		ws, err := e.WhyTask(t.Context(), third, "t")
		require.NoError(t, err)
		assert.Equal(t, `pool "small": 2 of 2 slots are taken`, ws[0].Reason.String(), who)
	}
	close(m.gate)
}
