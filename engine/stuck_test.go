package engine_test

import (
	"context"
	"errors"
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

// A cleared run that waits for the slot of a later one, which waits for it, gets the slot;
// so do several, one after the other, and after a crash.
func TestAClearedRunGetsTheSlotOfTheOneThatWaitsForIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys    string
		cleared []int // of the runs 0 to 2, of which the last is running
		crash   bool
	}{
		"depends_on_past":     {"depends_on_past: true", []int{1}, false},
		"wait_for_downstream": {"wait_for_downstream: true", []int{1}, false},
		"held before a skip":  {"depends_on_past: true, wait_for_past_depends_before_skipping: true", []int{1}, false},
		"two":                 {"depends_on_past: true", []int{0, 1}, false},
		"after a crash":       {"depends_on_past: true", []int{0, 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			gate, begun := make(chan struct{}), make(chan struct{}, 9)
			b.do["gate"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
				if tc.LogicalDate.Day() != 3 {
					return nil, nil
				}
				begun <- struct{}{}
				select {
				case <-gate:
					return nil, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			b.do["fail"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
				if tc.TryNumber == 1 && tc.LogicalDate.Day() == 2 {
					return nil, errors.New("once")
				}
				return nil, nil
			}
			text := "d:\n  max_active_runs: 1\n  schedule: '@daily'\n  start_date: 2026-01-01\n  is_paused_upon_creation: false\n  tasks:\n" +
				"    - {task_id: a, operator: probe, do: gate}\n    - {task_id: b, operator: probe, do: fail, dependencies: [a], " + c.keys + "}\n"
			b.load(text)
			b.start(engine.RunOptions{})
			day := func(n int) engine.Trigger {
				return engine.Trigger{LogicalDate: time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)}
			}
			runs := []*store.Run{b.finish(day(1)), b.finish(day(2))}
			last, err := b.e.Trigger(t.Context(), "d", day(3))
			require.NoError(t, err)
			<-begun
			for _, n := range c.cleared {
				_, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: runs[n].RunID})
				require.NoError(t, err)
			}
			got, err := b.store.Run(t.Context(), runs[1].Key)
			require.NoError(t, err)
			require.Equal(t, dag.RunQueued, got.State, "the later one has work to do")
			now := b
			if c.crash {
				now = b.crash()
				b.stop()
				now.load(text)
				now.start(engine.RunOptions{})
				<-begun
			}
			close(gate)
			assert.Equal(t, dag.RunSuccess, now.ended1(last.Key).State)
			for _, n := range c.cleared {
				assert.Equal(t, dag.RunSuccess, now.ended1(runs[n].Key).State)
			}
		})
	}
}

// What they wait for, and in whose slot one runs, can be asked.
func TestWhyARunHasTheSlotOfAnother(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gate := make(chan struct{})
	b.do["gate"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		if tc.TryNumber == 1 {
			return nil, errors.New("once")
		}
		select {
		case <-gate:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	d := b.load("d:\n  max_active_runs: 1\n  schedule: '@daily'\n  start_date: 2026-01-01\n  tasks: [{task_id: t, operator: probe, do: gate, depends_on_past: true}]\n")[0]
	b.start(engine.RunOptions{})
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	older := b.finish(engine.Trigger{LogicalDate: first})
	later, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: first.AddDate(0, 0, 1)})
	require.NoError(t, err)
	b.until("it waits", func() bool { return b.states(later)["t"] == "scheduled" })
	_, err = b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: older.RunID})
	require.NoError(t, err)
	b.until("the older one runs", func() bool { return b.states(older)["t"] == "running" })
	w, err := why.OfTick(t.Context(), b.store, d, first, time.Now(), "")
	require.NoError(t, err)
	assert.Contains(t, w.Reason.String(), "in the slot of run manual__2026-01-02T00:00:00+00:00, which waits for it (depends_on_past)")
	whys, err := b.e.WhyTask(t.Context(), later, "t")
	require.NoError(t, err)
	assert.Equal(t, `depends_on_past: task "t" is running in run `+older.RunID, whys[0].Reason.String())
	close(gate)
	assert.Equal(t, dag.RunSuccess, b.ended1(older.Key).State)
}
