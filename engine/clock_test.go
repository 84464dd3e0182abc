package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

// setClock is a clock that a test sets.
type setClock struct{ ahead atomic.Int64 }

func (c *setClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *setClock) set(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

// A clock that is set back, and forth again, keeps no retry waiting for ever, nor for
// longer than it was set back.
func TestRetriesFollowTheClock(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]time.Duration{"back and forth": 0, "back": -30 * time.Minute, "far ahead": 10 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, c := newBench(t), &setClock{}
				b.o.Clock, b.o.Beat = c.now, 10*time.Second
				b.stopStore()
				b.open()
				b.do["once"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
					if tc.TryNumber == 1 {
						return nil, errors.New("not yet")
					}
					return nil, nil
				}
				b.load("d:\n  tasks: [{task_id: t, operator: probe, do: once, retries: 1, retry_delay: 5m}]\n")
				b.start(engine.RunOptions{})
				r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
				require.NoError(t, err)
				<-time.After(time.Minute)
				require.Equal(t, "up_for_retry", b.states(r)["t"])
				c.set(-30 * time.Minute)
				<-time.After(10 * time.Minute) // the timer has come and gone
				require.Equal(t, "up_for_retry", b.states(r)["t"])
				c.set(again)
				<-time.After(max(-again, 0) + time.Minute)
				synctest.Wait()
				got, err := b.store.Run(t.Context(), r.Key)
				require.NoError(t, err)
				assert.Equal(t, dag.RunSuccess, got.State)
				b.stop()
			})
		})
	}
}

// A task that ended while the process was stopped has not timed out, though that is seen
// after its timeout.
func TestTimeoutIsJudgedByTheEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stopped, took time.Duration
		want          string
	}{
		"ended while it was stopped": {time.Minute, 10*time.Second + 200*time.Millisecond, "success"},
		"still at work":              {time.Minute, 20 * time.Second, "failed"},
		"not stopped, a bit late":    {0, 10*time.Second + 200*time.Millisecond, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, clock := newBench(t), &setClock{}
				b.o.Clock, b.o.Beat = clock.now, 10*time.Second
				b.stopStore()
				b.open()
				b.do["work"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
					clock.set(c.stopped) // as it is after SIGCONT
					select {
					case <-time.After(c.took):
						return nil, nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				b.load("d:\n  tasks: [{task_id: t, operator: probe, do: work, execution_timeout: 10s}]\n")
				b.start(engine.RunOptions{})
				r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
				require.NoError(t, err)
				<-time.After(time.Minute)
				assert.Equal(t, c.want, b.states(r)["t"])
				b.stop()
			})
		})
	}
}

// A retry, and the next look of a sensor, comes as long after the try as it is to be, also when the clock of the machine that ran
// it is another.
func TestRetryOfAnotherClock(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAwayBench(t)
			b.off = off
			b.stopStore()
			b.open()
			const pause = 500 * time.Millisecond
			var begun []time.Time // of tasks that follow one another
			b.do["twice"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
				if begun = append(begun, time.Now()); tc.TryNumber == 1 {
					return nil, errors.New("not yet")
				}
				return nil, nil
			}
			b.do["look"] = func(context.Context, *operator.TaskContext) (any, error) {
				if begun = append(begun, time.Now()); len(begun) == 3 {
					return nil, operator.NotYet()
				}
				return nil, nil
			}
			b.load(`
d:
  tasks:
    - {task_id: t, operator: probe, do: twice, retries: 1, retry_delay: 0.5}
    - {task_id: s, operator: sensor, do: look, mode: reschedule, poke_interval: 0.5, dependencies: [t]}
`)
			b.start(engine.RunOptions{})
			assert.Equal(t, dag.RunSuccess, b.finish(engine.Trigger{}).State)
			require.Len(t, begun, 4)
			assert.GreaterOrEqual(t, begun[1].Sub(begun[0]), pause, "the retry")
			assert.GreaterOrEqual(t, begun[3].Sub(begun[2]), pause, "the next look")
		})
	}
}
