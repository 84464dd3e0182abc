package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// gates holds each try of an instance until it is let through, in whichever process.
type gates struct {
	mu   sync.Mutex
	all  bool
	gate map[string]chan error
}

func (g *gates) of(run string, try int, task string, mapIndex int) chan error {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := fmt.Sprintf("%s/%d/%s/%d", run, try, task, mapIndex)
	if g.gate[key] == nil {
		g.gate[key] = make(chan error, 1)
		if g.all {
			close(g.gate[key])
		}
	}
	return g.gate[key]
}

func (g *gates) openAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all = true
	for _, c := range g.gate {
		close(c)
	}
}

// hold is the behaviour of a task that waits for its gate.
func (g *gates) hold(ctx context.Context, tc *operator.TaskContext) (any, error) {
	select {
	case err := <-g.of(tc.RunID, tc.TryNumber, tc.TaskID, tc.MapIndex):
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// limitsCase is what happens in a store whose tasks have limits beyond their run.
type limitsCase struct {
	slots, perDAG, runs int
	// weights are the pool_slots of the tasks.
	weights []int
	// steps: 0 and 1 trigger, 2 and 3 crash, others let an instance through: an odd one
	// fails and is tried again.
	steps []int
}

var limitsCases = rapid.Custom(func(t *rapid.T) limitsCase {
	c := limitsCase{slots: rapid.IntRange(1, 4).Draw(t, "slots"), perDAG: rapid.IntRange(1, 3).Draw(t, "per dag"), runs: rapid.IntRange(1, 5).Draw(t, "active runs")}
	c.weights = rapid.SliceOfN(rapid.IntRange(1, c.slots), 1, 3).Draw(t, "weights")
	c.steps = rapid.SliceOfN(rapid.IntRange(0, 9), 6, 16).Draw(t, "steps")
	return c
})

// Whatever is triggered and ends, and however often the process dies: no pool is ever
// exceeded and no max_active_tis_per_dag, and everything ends.
func TestLimitsHoldThroughCrashes(t *testing.T) {
	t.Parallel()
	for seed := range 24 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			limitsHold(t, limitsCases.Example(seed))
		})
	}
}

func limitsHold(t *testing.T, c limitsCase) {
	t.Helper()
	b, g := newBench(t), &gates{gate: map[string]chan error{}}
	b.do["hold"] = g.hold
	var file strings.Builder
	fmt.Fprintf(&file, "d:\n  max_active_runs: %d\n", c.runs)
	file.WriteString("  default_args: {retries: 20, retry_delay: 0.001}\n  tasks:\n")
	for i, w := range c.weights {
		fmt.Fprintf(&file, "    - {task_id: t%d, operator: probe, do: hold, pool: db, pool_slots: %d}\n", i, w)
	}
	fmt.Fprintf(&file, "    - {task_id: few, operator: probe, do: hold, max_active_tis_per_dag: %d, expand: {text: [a, b]}}\n", c.perDAG)
	text := file.String()
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
		return tx.PutPool(t.Context(), &store.Pool{Name: "db", Slots: c.slots})
	}))
	b.load(text)
	b.start(engine.RunOptions{})
	now := b // the process that is at work
	active := func(states ...dag.State) (out []*store.Instance) {
		is, err := now.store.InstancesOfRuns(t.Context(), dag.RunRunning)
		require.NoError(t, err)
		return slices.DeleteFunc(is, func(in *store.Instance) bool { return !slices.Contains(states, in.State) })
	}
	ids := map[int64]string{}
	hold := func(when string) {
		slots, few := 0, 0
		var all []string
		for _, in := range active(dag.Queued, dag.Running) {
			all = append(all, fmt.Sprintf("%s.%s[%d] %s, try %d, lost %d, queued %s", ids[in.RunKey], in.TaskID, in.MapIndex, in.State, in.Try, in.Lost, in.QueuedAt))
			var n int
			if _, err := fmt.Sscanf(in.TaskID, "t%d", &n); err == nil {
				slots += c.weights[n]
			} else {
				few++
			}
		}
		require.LessOrEqual(t, slots, c.slots, "slots of the pool %s, %+v: %q", when, c, all)
		require.LessOrEqual(t, few, c.perDAG, "max_active_tis_per_dag %s, %+v: %q", when, c, all)
	}
	for n, step := range append([]int{0}, c.steps...) {
		switch step {
		case 0, 1:
			r, err := now.e.Trigger(t.Context(), "d", engine.Trigger{RunID: fmt.Sprint("run", n), NoLogicalDate: true})
			require.NoError(t, err)
			ids[r.Key] = r.RunID
		case 2, 3:
			next := now.crash()
			now.stop()
			next.load(text)
			next.start(engine.RunOptions{})
			now = next
		default:
			running := active(dag.Running)
			if len(running) == 0 {
				break
			}
			in, err := running[n%len(running)], error(nil)
			if step%2 == 1 {
				err = errors.New("again")
			}
			g.of(ids[in.RunKey], in.Try, in.TaskID, in.MapIndex) <- err
			now.until("it ends", func() bool {
				return !slices.ContainsFunc(active(dag.Running, dag.Queued), func(other *store.Instance) bool {
					return other.RunKey == in.RunKey && other.TaskID == in.TaskID && other.MapIndex == in.MapIndex && other.Try == in.Try
				})
			})
		}
		hold(fmt.Sprint("after step ", n))
	}
	g.openAll()
	for key := range ids {
		r := now.ended1(key)
		assert.Equal(t, dag.RunSuccess, r.State, r.Reason)
		hold("at the end")
	}
}
