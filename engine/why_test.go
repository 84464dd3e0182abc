package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/why"
	"github.com/dingdag/dingdag/operator"
)

// The newest due tick is explained, whatever became of it.
func TestWhyRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.o.Beat = time.Second
		b.do["slow"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
			select {
			case <-ctx.Done():
			case <-time.After(150 * time.Second):
			}
			return nil, ctx.Err()
		}
		const text = "d:\n  schedule: '* * * * *'\n  start_date: 2000-01-01T00:01:00\n  end_date: 2000-01-01T03:00:00\n  max_active_runs: 1\n  tasks: [{task_id: t, operator: probe, do: slow}]\n"
		b.stopStore()
		b.open()
		d := b.load(text)[0]
		day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		reason := func(at time.Duration) string {
			w, err := why.OfTick(context.Background(), b.store, d, day.Add(at), time.Now(), "")
			require.NoError(t, err)
			tick := ""
			if !w.At.IsZero() {
				tick = w.At.Format("15:04 ")
			}
			return tick + string(w.Outcome) + ": " + w.Reason.String()
		}
		assert.Equal(t, ": no tick was due yet: the start_date is 2000-01-01T00:01:00Z", reason(30*time.Second))
		b.start(engine.RunOptions{Schedule: true})
		<-time.After(2*time.Minute + 30*time.Second)
		synctest.Wait()
		assert.Equal(t, "00:01 started: run scheduled__2000-01-01T00:01:00+00:00 is running since 2000-01-01T00:01:00Z", reason(90*time.Second))
		assert.Equal(t, "00:02 waiting: max_active_runs (1) is reached by scheduled__2000-01-01T00:01:00+00:00", reason(150*time.Second))
		<-time.After(90 * time.Second) // 00:04:00
		synctest.Wait()
		assert.Contains(t, reason(2*time.Minute), "00:02 skipped: catchup is off and a newer tick was due")
		assert.NotContains(t, reason(2*time.Minute), "ticks from", "there is one")
		b.stop()
		<-time.After(10*time.Minute + 15*time.Second)
		b.open()
		assert.Equal(t, "00:14 waiting: no scheduler runs since 2000-01-01T00:04:00Z: start one with dingdag standalone", reason(14*time.Minute))
		b.load(text)
		b.start(engine.RunOptions{Schedule: true})
		<-time.After(5 * time.Minute)
		synctest.Wait()
		assert.Regexp(t, `^00:10 missed: no scheduler was running from 2000-01-01T00:04:00Z to 2000-01-01T00:14:15Z; so it was with \d+ ticks from `, reason(10*time.Minute))
		b.setPaused(true, "too much")
		<-time.After(5 * time.Minute)
		assert.Equal(t, "00:22 waiting: the DAG is paused since 2000-01-01T00:19:15Z (too much): dingdag dags unpause d", reason(22*time.Minute))
		assert.Equal(t, ": it is after the end_date 2000-01-01T03:00:00Z", reason(4*time.Hour))
		b.stop()
	})
}
