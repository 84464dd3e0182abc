package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/why"
)

// A run that somebody triggered with the logical date of a tick covers the data interval
// that ends there. The interval that begins there gets no run, and that is on record, told
// and explained, with what to do.
func TestATriggeredRunMayTakeATick(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{"interval": "skipped", "trigger": "started"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.o.Beat = 10 * time.Second
				b.stopStore()
				b.open()
				text := "d:\n  schedule: {cron: '* * * * *', mode: " + mode + "}\n  start_date: 2000-01-01\n  on_missed_callback: {callback: say, text: '{{ reason }}'}\n  tasks: [{task_id: t, operator: probe}]\n"
				d := b.load(text)[0]
				b.start(engine.RunOptions{Schedule: true})
				tick := time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC)
				taken, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: tick})
				require.NoError(t, err)
				<-time.After(3*time.Minute + 30*time.Second)
				synctest.Wait()
				due := tick
				if mode == "interval" {
					due = tick.Add(time.Minute)
				}
				w, err := why.OfTick(t.Context(), b.store, d, due.Add(30*time.Second), time.Now(), "")
				require.NoError(t, err)
				assert.Equal(t, want, string(w.Outcome))
				if mode == "trigger" {
					assert.Empty(t, b.sentSoFar())
					b.stop()
					return
				}
				reason := "run manual__2000-01-01T00:01:00+00:00 has its logical date and covers another data interval, 2000-01-01T00:00:00Z to 2000-01-01T00:01:00Z: " +
					"that from 2000-01-01T00:01:00Z to 2000-01-01T00:02:00Z has no run, start one with dingdag dags trigger d --logical-date 2000-01-01T00:02:01Z"
				assert.Equal(t, reason, w.Reason.String())
				rec, err := b.store.TickRangeAt(t.Context(), "d", due)
				require.NoError(t, err)
				require.NotNil(t, rec)
				assert.Equal(t, reason, rec.Reason)
				assert.Equal(t, []string{"on_missed  " + reason}, b.sentSoFar())
				made, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: tick.Add(time.Minute + time.Second)})
				require.NoError(t, err)
				assert.Equal(t, taken.IntervalEnd, made.IntervalStart, "what is advised covers the interval")
				next, err := b.store.RunAt(t.Context(), "d", tick.Add(time.Minute))
				require.NoError(t, err)
				require.NotNil(t, next)
				assert.Equal(t, dag.ScheduledRun, next.Type, "later ticks have their runs")
				b.stop()
			})
		})
	}
}
