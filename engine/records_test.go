package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// ranges reads the recorded ticks of the DAG d, oldest first.
func (b *bench) ranges() (out []string) {
	b.t.Helper()
	rs, err := b.store.TickRanges(context.Background(), "d", 0)
	require.NoError(b.t, err)
	for _, r := range rs {
		out = append([]string{fmt.Sprintf("%s-%s %d %s: %s", r.First.Format("15:04"), r.Last.Format("15:04"), r.Count, r.Outcome, r.Reason)}, out...)
	}
	return out
}

// again starts a new process on the same store.
func (b *bench) again(text string) {
	b.t.Helper()
	b.open()
	b.load(text)
	b.start(engine.RunOptions{Schedule: true})
}

func (b *bench) setPaused(paused bool, cause string) {
	b.t.Helper()
	require.NoError(b.t, b.store.Tx(context.Background(), func(tx store.Tx) error {
		return store.SetPaused(context.Background(), tx, "d", store.Pause{At: time.Now(), Paused: paused, Cause: cause})
	}))
	require.NoError(b.t, b.e.Refresh(context.Background()))
}

const minutely = "d:\n  schedule: '* * * * *'\n  start_date: 2000-01-01\n  on_missed_callback: {callback: say, text: '{{ reason }}'}\n  tasks: [{task_id: t, operator: probe}]\n"

// Every tick has an outcome, and a long stretch costs one row.
func TestTicksThatStartNothingAreRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.o.Beat = 10 * time.Second
		b.stopStore()
		b.again(minutely)
		<-time.After(2*time.Minute + 30*time.Second)
		synctest.Wait()
		assert.Empty(t, b.ranges())
		b.stop()
		<-time.After(time.Hour)
		b.again(minutely)
		<-time.After(45 * time.Second) // the pauses are between ticks
		b.setPaused(true, "")
		<-time.After(time.Hour)
		b.setPaused(false, "")
		<-time.After(time.Minute)
		b.setPaused(true, "a cause")
		<-time.After(10 * time.Minute)
		b.setPaused(false, "")
		<-time.After(time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{
			"00:03-01:01 59 missed: no scheduler was running",
			"01:04-02:02 59 skipped: the DAG was paused since 2000-01-01T01:03:15Z",
			"02:05-02:13 9 skipped: the DAG was paused since 2000-01-01T02:04:15Z: a cause",
		}, b.ranges())
		assert.Equal(t, []string{
			"on_missed  no scheduler was running", "on_missed  the DAG was paused since 2000-01-01T02:04:15Z: a cause",
		}, b.sentSoFar(), "not of a pause by a person")
		b.stop()
	})
}

// The last ticks of a schedule that is over have an outcome too.
func TestLastTicksAreRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.o.Beat = 10 * time.Second
		b.stopStore()
		text := strings.Replace(minutely, "start_date:", "end_date: 2000-01-01T00:10:00\n  start_date:", 1)
		b.again(text)
		<-time.After(2*time.Minute + 30*time.Second)
		b.stop()
		<-time.After(time.Hour)
		for range 2 { // and only once
			b.again(text)
			<-time.After(30 * time.Second)
			synctest.Wait()
			assert.Equal(t, []string{"00:03-00:10 8 missed: no scheduler was running"}, b.ranges())
			assert.Equal(t, []string{"on_missed  no scheduler was running"}, b.sentSoFar())
			b.stop()
		}
	})
}

// crashing loses a part of the transactions that record ticks before they commit.
type crashing struct {
	store.Store
	rand *rand.Rand
}

type crashingTx struct {
	store.Tx
	recorded *bool
}

func (c crashingTx) InsertTickRange(ctx context.Context, r *store.TickRange) error {
	*c.recorded = true
	return c.Tx.InsertTickRange(ctx, r)
}

func (s *crashing) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Tx(ctx, func(tx store.Tx) error {
		recorded := false
		if err := fn(crashingTx{tx, &recorded}); err != nil {
			return err
		}
		if recorded && s.rand.IntN(3) == 0 {
			return errors.New("crashed")
		}
		return nil
	})
}

// Whatever happens, runs and records together have every tick up to the last run once.
func TestEveryTickHasOneOutcome(t *testing.T) {
	t.Parallel()
	for seed, schedule := range []string{"schedule: '* * * * *'", "schedule: {every: 90s}", "schedule: {cron: '*/2 * * * *', mode: interval}"} {
		t.Run(schedule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { everyTickOnce(t, schedule, rand.New(rand.NewPCG(uint64(seed), 1))) })
		})
	}
}

func everyTickOnce(t *testing.T, schedule string, r *rand.Rand) {
	t.Helper()
	b := newBench(t)
	b.o.Beat = 20 * time.Second
	lost := rand.New(rand.NewPCG(r.Uint64(), 2)) // the store's, which draws beside the test
	b.wrap = func(s store.Store) store.Store { return &crashing{s, lost} }
	b.do["slow"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Second):
		}
		return nil, ctx.Err()
	}
	text := func(catchup bool) string {
		return fmt.Sprintf("d:\n  %s\n  start_date: 2000-01-01T00:01:00\n  catchup: %v\n  max_active_runs: 1\n  tasks: [{task_id: t, operator: probe, do: slow}]\n", schedule, catchup)
	}
	b.stopStore()
	b.again(text(false))
	var d *dag.DAG
	for range 8 {
		<-time.After(time.Duration(r.IntN(900)) * time.Second)
		switch r.IntN(4) {
		case 0:
			b.stop()
			<-time.After(time.Duration(r.IntN(900)) * time.Second)
			b.again(text(r.IntN(3) == 0))
		case 1:
			b.setPaused(true, "")
		case 2:
			b.setPaused(false, "")
		}
	}
	b.setPaused(false, "")
	b.stop()
	b.open()
	d = b.load(text(true))[0]
	b.start(engine.RunOptions{Schedule: true})
	<-time.After(10 * time.Minute)
	synctest.Wait()

	rs, err := b.store.Runs(context.Background(), store.RunFilter{DAGID: "d"})
	require.NoError(t, err)
	require.NotEmpty(t, rs)
	have := map[time.Time]int{}
	for _, r := range rs {
		have[r.RunAfter]++
	}
	ranges, err := b.store.TickRanges(context.Background(), "d", 0)
	require.NoError(t, err)
	last := rs[len(rs)-1]
	var iv *timetable.Interval
	want := map[time.Time]int{} // the DAG was seen before its start date
	for {
		next, ok := d.Timetable.Next(iv, timetable.Restriction{Earliest: d.StartDate, Catchup: true}, time.Now())
		require.True(t, ok)
		if next.RunAfter.After(last.RunAfter) {
			break
		}
		want[next.RunAfter] = 1
		iv = &next.Interval
	}
	for _, g := range ranges {
		n := 0
		for at := range want {
			if !at.Before(g.First) && !at.After(g.Last) {
				n++
				have[at]++
			}
		}
		assert.Equal(t, n, g.Count, "%+v", g)
	}
	assert.Equal(t, want, have)
	b.stop()
}
