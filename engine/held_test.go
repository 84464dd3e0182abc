package engine_test

import (
	"context"
	"os"
	"sync"
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

// A task that was skipped in the run before is no bar to depends_on_past.
func TestDependsOnPastPassesOnSkipped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["skip first"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		if tc.LogicalDate.Day() == 1 {
			return nil, operator.Skip("not today")
		}
		return nil, nil
	}
	b.load("d:\n  tasks: [{task_id: t, operator: probe, do: skip first, depends_on_past: true}]\n")
	b.start(engine.RunOptions{})
	keys := b.days(2)
	b.ended1(keys[0])
	require.Equal(t, map[string]string{"t": "skipped"}, b.states(&store.Run{Key: keys[0]}))
	assert.Equal(t, dag.RunSuccess, b.ended1(keys[1]).State)
	assert.Equal(t, map[string]string{"t": "success"}, b.states(&store.Run{Key: keys[1]}))
}

// A run that has ended when the deadline is looked at is late all the same if it ended
// after it, and not if it ended before it or at its moment.
func TestDeadlineOfARunThatHasEnded(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]int{time.Second: 0, 2 * time.Second: 0, 3 * time.Second: 1} {
		t.Run(took.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.o.Beat = 10 * time.Second                                                         // so late is the look
				b.o.Clock = func() time.Time { return time.Now().Truncate(100 * time.Millisecond) } // a worker takes its time
				b.stopStore()
				b.open()
				b.do["hold"] = func(context.Context, *operator.TaskContext) (any, error) {
					<-time.After(took)
					return nil, nil
				}
				b.load("d:\n  deadline: {reference: dagrun_queued_at, interval: 2s, callback: say}\n  tasks: [{task_id: t, operator: probe, do: hold}]\n")
				b.start(engine.RunOptions{})
				r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
				require.NoError(t, err)
				<-time.After(5 * time.Second)
				got, err := b.store.Run(t.Context(), r.Key)
				require.NoError(t, err)
				require.Equal(t, r.QueuedAt.Add(took), got.EndDate)
				<-time.After(20 * time.Second)
				synctest.Wait()
				assert.Len(t, b.sentSoFar(), want)
				assert.Zero(t, b.deadlinesLeft())
				b.stop()
			})
		})
	}
}

// beatLog is a store that notes the leases that are asked for.
type beatLog struct {
	store.Store
	mu     sync.Mutex
	leases []time.Duration
}

// Beat notes the lease.
func (l *beatLog) Beat(ctx context.Context, lease time.Duration) ([]store.Job, error) {
	l.mu.Lock()
	l.leases = append(l.leases, lease)
	l.mu.Unlock()
	return l.Store.Beat(ctx, lease)
}

// A lease outlasts two beats that fail, and is given up at the end.
func TestLeasesLastThreeBeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, l := newBench(t), &beatLog{}
		b.o.Beat = 10 * time.Second
		b.stopStore()
		b.wrap = func(s store.Store) store.Store { l.Store = s; return l }
		b.open()
		b.start(engine.RunOptions{})
		<-time.After(25 * time.Second)
		synctest.Wait()
		b.stop()
		want := []time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second, 0}
		assert.Equal(t, want, l.leases, "at the start, after 10 and 20 seconds, and at the end")
	})
}

// The record of when a scheduler was at work has no gap for three minutes without a note,
// and one for more.
func TestLifeGap(t *testing.T) {
	t.Parallel()
	for slept, want := range map[time.Duration]int{2 * time.Minute: 1, 2*time.Minute + 40*time.Second: 1, 3*time.Minute + 10*time.Second: 2} {
		t.Run(slept.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, c := newBench(t), &setClock{}
				b.o.Beat, b.o.Clock = 10*time.Second, c.now
				b.o.Version, b.o.Workers = "1.2.3", 7
				b.stopStore()
				b.open()
				start := time.Now()
				b.start(engine.RunOptions{Schedule: true})
				<-time.After(5 * time.Second)
				c.set(slept - 10*time.Second) // the machine sleeps; the next beat is at slept
				<-time.After(6 * time.Second)
				synctest.Wait()
				lives, err := b.store.SchedulerLives(t.Context(), start)
				require.NoError(t, err)
				assert.Len(t, lives, want)
				host, err := os.Hostname()
				require.NoError(t, err)
				for _, l := range lives {
					assert.Equal(t, store.Process{Host: host, PID: os.Getpid(), Version: "1.2.3", Workers: 7}, l.By)
				}
				b.stop()
			})
		})
	}
}

// A parameter of an operator in default_args holds for the tasks that don't give it.
func TestDefaultArgsParameterIsOverridden(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  default_args: {text: by default, retries: 2}
  tasks:
    - {task_id: own, operator: probe, text: its own, retries: 0}
    - {task_id: none, operator: probe}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	for task, want := range map[string]string{"own": `"its own"`, "none": `"by default"`} {
		v, err := b.store.XCom(t.Context(), r.Key, task, -1, "return_value")
		require.NoError(t, err)
		assert.JSONEq(t, want, string(v), task)
	}
	is, err := b.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	for _, in := range is {
		assert.Equal(t, map[string]int{"own": 1, "none": 3}[in.TaskID], in.MaxTries, in.TaskID)
	}
}
