package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// runs reads the runs of the DAG d, oldest first.
func (b *bench) runs() []*store.Run {
	b.t.Helper()
	rs, err := b.store.Runs(context.Background(), store.RunFilter{DAGID: "d"})
	require.NoError(b.t, err)
	return rs
}

func (b *bench) untilRuns(n int) []*store.Run {
	b.t.Helper()
	var rs []*store.Run
	b.until("runs end", func() bool {
		rs = b.runs()
		done := 0
		for _, r := range rs {
			done += map[bool]int{true: 1}[r.State.Finished()]
		}
		return done >= n
	})
	return rs
}

func dates(rs []*store.Run) (out []string) {
	for _, r := range rs {
		out = append(out, r.LogicalDate.Format("2006-01-02"))
	}
	return out
}

// at fixes the clock of a bench that has not started.
func (b *bench) at(moment string) {
	b.t.Helper()
	now, err := time.Parse(time.RFC3339, moment)
	require.NoError(b.t, err)
	b.stopStore()
	began := time.Now()
	b.o.Clock = func() time.Time { return now.Add(time.Since(began)) }
	b.open()
}

func TestScheduleWithoutCatchupMakesUpTheNewest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at("2026-03-10T12:00:00Z")
	b.load("d:\n  schedule: '@daily'\n  start_date: 2026-03-01\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{Schedule: true})
	rs := b.untilRuns(1)
	assert.Equal(t, []string{"2026-03-10"}, dates(rs))
	assert.Equal(t, "scheduled__2026-03-10T00:00:00+00:00", rs[0].RunID)
}

func TestScheduleWithCatchupMakesUpAllInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at("2026-03-05T12:00:00Z")
	b.load("d:\n  schedule: '@daily'\n  start_date: 2026-03-01\n  catchup: true\n  max_active_runs: 1\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{Schedule: true})
	rs := b.untilRuns(5)
	assert.Equal(t, []string{"2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"}, dates(rs))
	for i := 1; i < len(rs); i++ {
		assert.False(t, rs[i].StartDate.Before(rs[i-1].EndDate), "one at a time")
	}
}

func TestOnceRunsOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  schedule: '@once'\n  start_date: 2026-03-01\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{Schedule: true})
	b.untilRuns(1)
	b.stop()
	b.open()
	b.load("d:\n  schedule: '@once'\n  start_date: 2026-03-01\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{Schedule: true})
	b.finish(engine.Trigger{}) // whatever the sweep did, it did before this
	scheduled := 0
	for _, r := range b.runs() {
		scheduled += map[bool]int{true: 1}[r.Type == dag.ScheduledRun]
	}
	assert.Equal(t, 1, scheduled)
}

// A schedule fires at its moments while nothing else happens.
func TestTicksFire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.o.Beat = time.Second
		b.stopStore()
		b.open()
		b.load("d:\n  schedule: '*/2 * * * *'\n  start_date: 2000-01-01T00:01:00\n  tasks: [{task_id: t, operator: probe}]\n")
		b.start(engine.RunOptions{Schedule: true})
		<-time.After(7 * time.Minute) // the bubble's clock begins at midnight, 2000-01-01
		synctest.Wait()
		rs := b.runs()
		require.Len(t, rs, 3)
		for i, r := range rs {
			assert.Equal(t, dag.RunSuccess, r.State)
			assert.Equal(t, time.Date(2000, 1, 1, 0, 2*(i+1), 0, 0, time.UTC), r.LogicalDate)
			assert.Less(t, r.StartDate.Sub(r.RunAfter), time.Second)
		}
		b.stop()
	})
}

// lastReads counts how often the store is asked for the last scheduled run of a DAG.
type lastReads struct {
	store.Store
	n atomic.Int64
}

func (s *lastReads) LastScheduled(ctx context.Context, dagID string) (*store.Run, error) {
	s.n.Add(1)
	return s.Store.LastScheduled(ctx, dagID)
}

// Ten thousand DAGs that are not due cost the sweep no reading of the store.
func TestSweepReadsOnlyWhatMayBeDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.o.Beat, b.o.Sweep = time.Second, 100*time.Millisecond
		reads := &lastReads{}
		b.wrap = func(s store.Store) store.Store { reads.Store = s; return reads }
		b.stopStore()
		b.open()
		b.load("d:\n  schedule: '* * * * *'\n  start_date: 2000-01-01\n  tasks: [{task_id: t, operator: probe}]\n")
		b.start(engine.RunOptions{Schedule: true})
		<-time.After(59 * time.Second)
		synctest.Wait()
		assert.Len(t, b.runs(), 1)
		assert.LessOrEqual(t, reads.n.Load(), int64(3), "of 590 sweeps")
		<-time.After(2 * time.Second)
		synctest.Wait()
		assert.Len(t, b.runs(), 2)
		b.stop()
	})
}

func TestPausedDAGStartsNothingUntilUnpaused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	text := "d:\n  schedule: '@once'\n  start_date: 2026-03-01\n  is_paused_upon_creation: true\n  tasks: [{task_id: t, operator: probe}]\n"
	b.load(text)
	b.start(engine.RunOptions{Schedule: true})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	got, err := b.store.Run(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, dag.RunQueued, got.State)
	assert.Len(t, b.runs(), 1, "the scheduler creates no run of a paused DAG")

	// Another process unpauses it; the next beat sees that.
	other := b.openStore("other")
	require.NoError(t, other.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "d", false) }))
	require.NoError(t, other.Close())
	b.untilRuns(2)
}

func TestPausedAtCreation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore()
	b.o.PausedAtCreation = true
	b.open()
	t.Cleanup(b.stopStore)
	b.load("d:\n  tasks: [{task_id: t, operator: probe}]\nu:\n  is_paused_upon_creation: false\n  tasks: [{task_id: t, operator: probe}]\n")
	paused, err := b.store.PausedDAGs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"d"}, paused)
}

func TestPausingHoldsTheNextTask(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gate := make(chan struct{})
	b.do["wait"] = func(context.Context, *operator.TaskContext) (any, error) { <-gate; return nil, nil }
	b.load("d:\n  tasks:\n    - {task_id: a, operator: probe, do: wait}\n    - {task_id: b, operator: probe, dependencies: [a]}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("a runs", func() bool { return b.states(r)["a"] == "running" })
	pause := func(p bool) {
		require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "d", p) }))
		require.NoError(t, b.e.Refresh(t.Context()))
	}
	pause(true)
	close(gate)
	b.until("a ends", func() bool { return b.states(r)["a"] == "success" })
	assert.Equal(t, "scheduled", b.states(r)["b"])
	pause(false)
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
}

// A run triggered by another process starts within a beat; one that another process
// ended stops its attempts.
func TestOtherProcessesAreHeard(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onFile() // one that shares its store asks who leads instead
	stopped := make(chan error, 1)
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		<-ctx.Done()
		stopped <- context.Cause(ctx)
		return nil, ctx.Err()
	}
	ds := b.load("d:\n  tasks: [{task_id: t, operator: probe, do: hang}]\n")
	b.start(engine.RunOptions{})
	r, err := (&engine.Trigger{}).NewRun(ds[0], time.Now(), time.Millisecond)
	require.NoError(t, err)
	other := b.openStore("other")
	t.Cleanup(func() { assert.NoError(t, other.Close()) })
	require.NoError(t, other.Tx(t.Context(), func(tx store.Tx) error {
		if _, err := tx.InsertRun(t.Context(), r); err != nil {
			return err
		}
		return tx.PutVersion(t.Context(), ds[0].Version, "d", dagfile.Source(ds[0]), time.Unix(1, 0))
	}))
	b.until("it runs", func() bool { return b.states(r)["t"] == "running" })
	require.NoError(t, other.Tx(t.Context(), func(tx store.Tx) error {
		r.State = dag.RunFailed
		return tx.UpdateRun(t.Context(), r)
	}))
	assert.ErrorIs(t, <-stopped, operator.ErrCanceled)
}
