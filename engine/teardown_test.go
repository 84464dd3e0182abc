package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

// What was set up is taken down, whatever becomes of the work between.
func TestTeardownRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		run   dag.RunState
		state map[string]string
	}{
		"after failed work": {
			"{task_id: s, operator: probe, setup: true}, {task_id: w, operator: probe, do: fail, dependencies: [s]}, {task_id: x, operator: probe, dependencies: [w]}, {task_id: t, operator: probe, teardown: s, dependencies: [x]}",
			dag.RunFailed,
			map[string]string{"s": "success", "w": "failed", "x": "upstream_failed", "t": "success"},
		},
		"not after a failed setup": {
			"{task_id: s, operator: probe, do: fail}, {task_id: w, operator: probe, dependencies: [s]}, {task_id: t, operator: probe, teardown: s, dependencies: [w]}",
			dag.RunFailed,
			map[string]string{"s": "failed", "w": "upstream_failed", "t": "upstream_failed"},
		},
		"its failure does not count": {
			"{task_id: s, operator: probe}, {task_id: w, operator: probe, dependencies: [s]}, {task_id: t, operator: probe, do: fail, teardown: s, dependencies: [w]}",
			dag.RunSuccess,
			map[string]string{"s": "success", "w": "success", "t": "failed"},
		},
		"unless told so": {
			"{task_id: s, operator: probe}, {task_id: w, operator: probe, dependencies: [s]}, {task_id: t, operator: probe, do: fail, teardown: s, dependencies: [w], on_failure_fail_dagrun: true}",
			dag.RunFailed,
			map[string]string{"s": "success", "w": "success", "t": "failed"},
		},
		"below a short circuit": {
			"{task_id: s, operator: probe}, {task_id: c, operator: probe, do: stop, dependencies: [s]}, {task_id: w, operator: probe, dependencies: [c]}, {task_id: t, operator: probe, teardown: s, dependencies: [w]}",
			dag.RunSuccess,
			map[string]string{"s": "success", "c": "success", "w": "skipped", "t": "success"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, errors.New("no") }
			b.do["stop"] = func(context.Context, *operator.TaskContext) (any, error) { return operator.SkipDownstream{}, nil }
			b.load("d:\n  tasks: [" + c.text + "]\n")
			b.start(engine.RunOptions{})
			r := b.finish(engine.Trigger{})
			assert.Equal(t, c.run, r.State)
			assert.Equal(t, c.state, b.states(r))
		})
	}
}

// fail_fast stops everything but the teardowns (Airflow, _stop_remaining_tasks).
func TestFailFastLetsTeardownsRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	running := make(chan struct{})
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		close(running)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) {
		<-running
		return nil, errors.New("no")
	}
	b.load(`
d:
  fail_fast: true
  tasks:
    - {task_id: s, operator: probe}
    - {task_id: hangs, operator: probe, do: hang, dependencies: [s]}
    - {task_id: fails, operator: probe, do: fail, dependencies: [s]}
    - {task_id: later, operator: probe, dependencies: [hangs]}
    - {task_id: t, operator: probe, teardown: s, dependencies: [later, fails]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, dag.RunFailed, r.State)
	assert.Equal(t, map[string]string{"s": "success", "hangs": "failed", "fails": "failed", "later": "skipped", "t": "success"}, b.states(r))
}
