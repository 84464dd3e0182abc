package engine_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

// heard is a callback function that keeps the events it is told of.
type heard struct {
	mu     sync.Mutex
	events []callbacks.Event
}

// listens makes a bench with the function hear.
func listens(t *testing.T) (*bench, *heard) {
	t.Helper()
	h := &heard{}
	return newBench(t, callbacks.Func("hear", func(_ context.Context, ev *callbacks.Event) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.events = append(h.events, *ev)
		return nil
	})), h
}

// of are the events of a kind so far.
func (h *heard) of(k callbacks.Kind) (out []callbacks.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ev := range h.events {
		if ev.Kind == k {
			out = append(out, ev)
		}
	}
	return out
}

// A failure says what it keeps from running, and that of the run with which failures it began.
func TestFailuresNameWhatTheyBlockAndTheirCauses(t *testing.T) {
	t.Parallel()
	b, h := listens(t)
	b.o.MaxMapLength = 5 // which never exceeds
	b.stopStore()
	b.open()
	b.do["fail"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		return nil, operator.Fail(errors.New(tc.TaskID + " is broken"))
	}
	b.load(`
d:
  on_failure_callback: hear
  default_args: {on_failure_callback: hear}
  tasks:
    - {task_id: ok, operator: probe}
    - {task_id: extract, operator: probe, do: fail, dependencies: [ok]}
    - {task_id: load, operator: probe, dependencies: [extract]}
    - {task_id: report, operator: nop, dependencies: [load]}
    - {task_id: clean, operator: probe, do: fail, dependencies: [load], trigger_rule: all_done}
    - {task_id: each, operator: probe, do: fail, expand: {text: [a, b]}, dependencies: [ok]}
    - {task_id: never, operator: probe, expand: {do: [a, b, c], text: [x, y]}, dependencies: [ok]}
    - {task_id: after, operator: probe, dependencies: [never]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	b.until("all messages", func() bool { return len(h.of(callbacks.Failure)) == 6 })
	blocks := map[string][]string{}
	for _, ev := range h.of(callbacks.Failure) {
		if ev.TaskID != "" {
			blocks[ev.TaskID] = ev.Blocks
			continue
		}
		assert.Equal(t, []string{"extract", "clean", "each", "never"}, ev.FailedTasks, "%v", b.states(r))
		assert.Equal(t, []callbacks.Cause{
			{TaskID: "extract", MapIndex: -1, Error: "extract is broken"},
			{TaskID: "each", MapIndex: 0, Error: "each is broken"},
			{TaskID: "never", MapIndex: -1, Error: b.instance(r, "never").Error},
		}, ev.Causes, "not clean, which runs after extract has failed")
		assert.Equal(t, "extract is broken", ev.Error)
	}
	assert.Equal(t, map[string][]string{"extract": {"load", "report"}, "clean": nil, "each": nil, "never": {"after"}}, blocks)
}
