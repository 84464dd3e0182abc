package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/alter"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

const noon = "2026-03-10T12:00:00Z"

// daily is a DAG whose own schedule is over, so that only backfills run.
const daily = "d:\n  schedule: '@daily'\n  start_date: 2026-03-01\n  end_date: 2026-03-02\n  catchup: true\n  max_active_runs: 1\n  tasks: [{task_id: t, operator: probe, do: work}]\n"

func march(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }

// filling is a bench at noon with a DAG.
func filling(t *testing.T, text string) (*bench, *dag.DAG) {
	t.Helper()
	b := newBench(t)
	b.at(noon)
	return b, b.load(text)[0]
}

func (b *bench) backfill(d *dag.DAG, r engine.BackfillRequest) *store.Backfill {
	b.t.Helper()
	done, err := b.e.CreateBackfill(context.Background(), d.ID, r)
	require.NoError(b.t, err)
	return done.Backfill
}

func (b *bench) untilCompleted(id int64) {
	b.t.Helper()
	b.until("the backfill is completed", func() bool {
		bf, err := b.store.Backfill(context.Background(), id)
		require.NoError(b.t, err)
		return bf.State == store.BackfillCompleted
	})
}

func (b *bench) counts(id int64) store.BackfillCounts {
	b.t.Helper()
	c, err := b.store.BackfillCounts(context.Background(), id)
	require.NoError(b.t, err)
	return c
}

// atOnce counts how many tasks of a backfill run at once. None ends before as many as are
// expected have run so.
type atOnce struct {
	expected  int64
	now, most atomic.Int64
	met       chan struct{}
	meet      sync.Once
}

func (a *atOnce) work(ctx context.Context, tc *operator.TaskContext) (any, error) {
	if !strings.HasPrefix(tc.RunID, "backfill__") {
		return nil, nil
	}
	n := a.now.Add(1)
	defer a.now.Add(-1)
	if n == a.expected {
		a.meet.Do(func() { close(a.met) })
	}
	for {
		most := a.most.Load()
		if n <= most || a.most.CompareAndSwap(most, n) {
			break
		}
	}
	select {
	case <-a.met:
	case <-ctx.Done():
	}
	return nil, ctx.Err()
}

func TestBackfillRunsEveryDateOnce(t *testing.T) {
	t.Parallel()
	b, d := filling(t, daily)
	a := atOnce{expected: 3, met: make(chan struct{})}
	b.do["work"] = a.work
	b.start(engine.RunOptions{Schedule: true})
	b.untilRuns(2)
	bf := b.backfill(d, engine.BackfillRequest{From: march(1).AddDate(0, -1, 0), To: march(9), MaxActiveRuns: 3, Conf: json.RawMessage(`{"k": 1}`)})
	b.untilCompleted(bf.ID)
	rs := b.runs()
	require.Len(t, rs, 28+9)
	for i, r := range rs {
		assert.True(t, march(1).AddDate(0, -1, i).Equal(r.LogicalDate), "%s", r.LogicalDate)
		assert.Equal(t, dag.RunSuccess, r.State)
		if i == 28 || i == 29 {
			assert.Equal(t, dag.ScheduledRun, r.Type, "runs that exist are left alone")
			continue
		}
		assert.Equal(t, dag.BackfillRun, r.Type)
		assert.Equal(t, "backfill__"+r.LogicalDate.Format("2006-01-02T15:04:05")+"+00:00", r.RunID)
		assert.JSONEq(t, `{"k": 1}`, string(r.Conf))
		assert.Equal(t, d.Version, r.Version)
	}
	assert.EqualValues(t, 3, a.most.Load(), "its own max_active_runs, not the DAG's")
	assert.Equal(t, store.BackfillCounts{Total: 37, Success: 35, Untouched: 2}, b.counts(bf.ID))
}

// The DAG's own runs go on beside a backfill that takes up all of its max_active_runs.
func TestBackfillIsBesideTheOwnRuns(t *testing.T) {
	t.Parallel()
	b, d := filling(t, daily)
	release := make(chan struct{})
	b.do["work"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		if tc.RunID == "mine" {
			return nil, nil
		}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil, nil
	}
	b.start(engine.RunOptions{Schedule: true})
	defer close(release)
	b.until("the scheduled run", func() bool { return len(b.ranSoFar()) == 1 })
	bf := b.backfill(d, engine.BackfillRequest{From: march(3), To: march(9), MaxActiveRuns: 2})
	b.until("two run", func() bool { return b.counts(bf.ID).Active == 2 })
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "mine"})
	require.NoError(t, err)
	b.until("three in all", func() bool { return len(b.ranSoFar()) == 3 })
	got, err := b.store.Run(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, dag.RunQueued, got.State, "the DAG's own max_active_runs is 1")
}

func TestBackfillReprocesses(t *testing.T) {
	t.Parallel()
	for behavior, want := range map[store.Reprocess]map[string]int{
		store.ReprocessNone:      {"good": 1, "bad": 1, "new": 1},
		store.ReprocessFailed:    {"good": 1, "bad": 2, "new": 1},
		store.ReprocessCompleted: {"good": 2, "bad": 2, "new": 1},
	} {
		t.Run(string(behavior), func(t *testing.T) {
			t.Parallel()
			b, d := filling(t, "d:\n  schedule: '@daily'\n  start_date: 2026-03-20\n  tasks: [{task_id: t, operator: probe, do: work}]\n")
			ran := map[int]int{}
			release := make(chan struct{})
			b.do["work"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
				b.mu.Lock()
				day := tc.LogicalDate.Day()
				ran[day]++
				first := ran[day] == 1
				b.mu.Unlock()
				if day == 5 { // in flight
					select {
					case <-release:
					case <-ctx.Done():
					}
				}
				if day == 4 && first {
					return nil, operator.Fail(errors.New("broken"))
				}
				return nil, nil
			}
			b.start(engine.RunOptions{Schedule: true})
			good := b.finish(engine.Trigger{LogicalDate: march(3)})
			bad := b.finish(engine.Trigger{LogicalDate: march(4)})
			flying, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: march(5)})
			require.NoError(t, err)
			b.until("it flies", func() bool { return len(b.ranSoFar()) == 3 })
			bf := b.backfill(d, engine.BackfillRequest{From: march(3), To: march(6), Reprocess: behavior})
			b.untilCompleted(bf.ID)
			b.mu.Lock()
			assert.Equal(t, want, map[string]int{"good": ran[3], "bad": ran[4], "new": ran[6]})
			assert.Equal(t, 1, ran[5], "never touched")
			b.mu.Unlock()
			close(release)
			b.ended1(flying.Key)
			for r, n := range map[*store.Run]int{good: want["good"], bad: want["bad"], flying: 1} {
				got, err := b.store.Run(t.Context(), r.Key)
				require.NoError(t, err)
				kind, state := dag.ManualRun, r.State
				if n == 2 {
					kind, state = dag.BackfillRun, dag.RunSuccess
				}
				if r == flying {
					state = dag.RunSuccess
				}
				assert.Equal(t, kind, got.Type, r.RunID)
				assert.Equal(t, state, got.State, r.RunID)
			}
		})
	}
}

// The schedule does not make again what a backfill took over.
func TestBackfillOfScheduledRunsLeavesTheSchedule(t *testing.T) {
	t.Parallel()
	b, d := filling(t, "d:\n  schedule: '@daily'\n  start_date: 2026-03-08\n  catchup: true\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{Schedule: true})
	b.untilRuns(3)
	bf := b.backfill(d, engine.BackfillRequest{From: march(8), To: march(10), Reprocess: store.ReprocessCompleted})
	b.untilCompleted(bf.ID)
	assert.Equal(t, store.BackfillCounts{Total: 3, Success: 3}, b.counts(bf.ID))
	last, err := b.store.LastScheduled(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, "scheduled__2026-03-10T00:00:00+00:00", last.RunID)
	assert.Len(t, b.runs(), 3)
}

func TestBackfillBackwards(t *testing.T) {
	t.Parallel()
	b, d := filling(t, daily)
	b.start(engine.RunOptions{Schedule: true})
	b.untilRuns(2)
	bf := b.backfill(d, engine.BackfillRequest{From: march(3), To: march(6), Backwards: true, MaxActiveRuns: 1})
	b.untilCompleted(bf.ID)
	rs, err := b.store.Runs(t.Context(), store.RunFilter{BackfillID: bf.ID})
	require.NoError(t, err)
	require.Len(t, rs, 4)
	for i := 1; i < len(rs); i++ {
		assert.False(t, rs[i-1].StartDate.Before(rs[i].EndDate), "newest first, one at a time")
	}
}

func TestBackfillPauseAndCancel(t *testing.T) {
	t.Parallel()
	b, d := filling(t, daily)
	release := make(chan struct{})
	b.do["work"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		if tc.LogicalDate.After(march(2)) {
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil, nil
	}
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "d", true) }))
	b.start(engine.RunOptions{Schedule: true})
	bf := b.backfill(d, engine.BackfillRequest{From: march(3), To: march(9), MaxActiveRuns: 1})
	set := func(s store.BackfillState) {
		t.Helper()
		got, err := alter.SetBackfill(t.Context(), b.store, bf.ID, s, store.Actor{Name: "ann", Via: store.ViaCLI}, b.o.Clock())
		require.NoError(t, err)
		assert.Equal(t, s, got.State)
	}
	require.NoError(t, b.e.Refresh(t.Context()))
	assert.Equal(t, 7, b.counts(bf.ID).Left, "a paused DAG starts none")
	set(store.BackfillPaused)
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "d", false) }))
	require.NoError(t, b.e.Refresh(t.Context()))
	assert.Equal(t, 7, b.counts(bf.ID).Left, "a paused backfill starts none")
	set(store.BackfillRunning)
	b.until("one runs", func() bool { return b.counts(bf.ID).Active == 1 })
	set(store.BackfillPaused)
	release <- struct{}{}
	b.until("what runs goes on", func() bool { return b.counts(bf.ID).Success == 1 })

	// A run that was cleared meanwhile is queued, and fails with the end of the backfill.
	rs, err := b.store.Runs(t.Context(), store.RunFilter{BackfillID: bf.ID})
	require.NoError(t, err)
	require.Len(t, rs, 1)
	_, err = b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: rs[0].RunID})
	require.NoError(t, err)
	require.NoError(t, b.e.Refresh(t.Context()))
	got, err := b.store.Run(t.Context(), rs[0].Key)
	require.NoError(t, err)
	require.Equal(t, dag.RunQueued, got.State, "a paused backfill starts no cleared run either")
	set(store.BackfillCancelled)
	got, err = b.store.Run(t.Context(), rs[0].Key)
	require.NoError(t, err)
	assert.Equal(t, dag.RunFailed, got.State)
	assert.Equal(t, "backfill_cancelled", got.Reason)
	require.NoError(t, b.e.Refresh(t.Context()))
	assert.Equal(t, store.BackfillCounts{Total: 7, Left: 6, Failed: 1}, b.counts(bf.ID))
	_, err = alter.SetBackfill(t.Context(), b.store, bf.ID, store.BackfillRunning, store.Actor{}, b.o.Clock())
	require.ErrorContains(t, err, "is cancelled and cannot be changed any more")
	_, err = alter.SetBackfill(t.Context(), b.store, bf.ID, store.BackfillCompleted, store.Actor{}, b.o.Clock())
	require.Error(t, err)
	_, err = alter.SetBackfill(t.Context(), b.store, 99, store.BackfillRunning, store.Actor{}, b.o.Clock())
	require.ErrorIs(t, err, store.ErrNotFound)

	assert.Equal(t, []string{
		"backfill_create", "backfill_pause", "backfill_unpause", "backfill_pause", "clear", "backfill_cancel",
	}, b.kinds(), "what was refused is none of them")

	// Its end makes room for another one.
	next := b.backfill(d, engine.BackfillRequest{From: march(4), To: march(5)})
	close(release)
	b.untilCompleted(next.ID)
}

func TestBackfillGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	b, d := filling(t, daily)
	b.onFile()
	begun := make(chan struct{}, 100)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	b.do["work"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		if tc.LogicalDate.Equal(march(5)) || tc.LogicalDate.Equal(march(6)) {
			begun <- struct{}{}
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil, ctx.Err()
	}
	b.start(engine.RunOptions{Schedule: true})
	b.untilRuns(2)
	bf := b.backfill(d, engine.BackfillRequest{From: march(3), To: march(9), MaxActiveRuns: 2})
	<-begun
	<-begun
	b.until("two run", func() bool { c := b.counts(bf.ID); return c.Active == 2 && c.Success == 2 })

	b.mu.Lock()
	next := b.crash()
	b.mu.Unlock()
	next.do = map[string]func(context.Context, *operator.TaskContext) (any, error){}
	next.load(daily)
	next.start(engine.RunOptions{Schedule: true})
	next.untilCompleted(bf.ID)
	assert.Equal(t, store.BackfillCounts{Total: 7, Success: 7}, next.counts(bf.ID))
	assert.Equal(t, []string{"2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-07", "2026-03-08", "2026-03-09"}, dates(next.runs()))
	assert.Len(t, next.ranSoFar(), 5, "the two in flight again, the three left once")
}

// A file that changes or goes does not change the runs of a backfill under way.
func TestBackfillKeepsItsVersion(t *testing.T) {
	t.Parallel()
	b, d := filling(t, daily)
	gate := make(chan struct{})
	b.do["work"] = func(context.Context, *operator.TaskContext) (any, error) { <-gate; return nil, nil }
	b.start(engine.RunOptions{Schedule: true})
	bf := b.backfill(d, engine.BackfillRequest{From: march(3), To: march(4), MaxActiveRuns: 1})
	require.NoError(t, b.e.SetDAGs(t.Context(), nil))
	close(gate)
	b.untilCompleted(bf.ID)
	rs := slices.DeleteFunc(b.runs(), func(r *store.Run) bool { return r.BackfillID != bf.ID }) // the DAG's own may still run
	require.Len(t, rs, 2)
	for _, r := range rs {
		assert.Equal(t, d.Version, r.Version)
		assert.Equal(t, dag.RunSuccess, r.State)
	}
}

// Runs that a backfill clears go on in its version if it says so, which is not that of a file that changes later.
func TestBackfillMovesRunsToItsVersion(t *testing.T) {
	t.Parallel()
	const file = "d:\n  schedule: '@daily'\n  start_date: 2026-03-20\n  tasks:\n    - {task_id: a, operator: probe, do: %s}\n    - {task_id: c, operator: probe, dependencies: [a]}\n    - {task_id: late, operator: probe, start_date: 2026-03-09}\n    - {task_id: %s, operator: probe}\n"
	for name, c := range map[string]struct {
		latest    bool
		reprocess store.Reprocess
		bad, good []string
	}{
		"failed": {
			true, store.ReprocessFailed,
			[]string{"a#2 success", "c#1 success", "fresh#1 success", "gone#1 removed", "late#1 success"},
			[]string{"a#1 success", "c#1 success", "gone#1 success"},
		},
		"completed": {
			true, store.ReprocessCompleted,
			[]string{"a#2 success", "c#1 success", "fresh#1 success", "gone#1 removed", "late#1 success"},
			[]string{"a#2 success", "c#2 success", "fresh#1 success", "gone#1 removed", "late#1 success"},
		},
		"each in its own": {
			false, store.ReprocessCompleted,
			[]string{"a#2 failed", "c#0 upstream_failed", "gone#2 success", "late#1 success"},
			[]string{"a#2 success", "c#2 success", "gone#2 success", "late#1 success"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, d := filling(t, fmt.Sprintf(file, "bad", "gone"))
			b.do["bad"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
				if tc.LogicalDate.Equal(march(3)) {
					return nil, operator.Fail(errors.New("broken"))
				}
				return nil, nil
			}
			b.start(engine.RunOptions{Schedule: true})
			bad := b.finish(engine.Trigger{LogicalDate: march(3), Conf: json.RawMessage(`{"own": 1}`)})
			good := b.finish(engine.Trigger{LogicalDate: march(4)})
			require.Equal(t, []string{"a#1 failed", "c#0 upstream_failed", "gone#1 success"}, b.rows(bad.Key))
			pause := func(p bool) {
				require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "d", p) }))
				require.NoError(t, b.e.Refresh(t.Context()))
			}
			pause(true)
			second := b.load(fmt.Sprintf(file, "ok", "fresh"))[0]
			bf := b.backfill(second, engine.BackfillRequest{From: march(3), To: march(5), Reprocess: c.reprocess, Latest: c.latest, Conf: json.RawMessage(`{"of": "the backfill"}`)})
			third := b.load(fmt.Sprintf(file, "ok", "later"))[0]
			require.NotEqual(t, second.Version, third.Version)
			pause(false)
			b.untilCompleted(bf.ID)
			stored, err := b.store.Backfill(t.Context(), bf.ID)
			require.NoError(t, err)
			assert.Equal(t, c.latest, stored.Latest)
			assert.Equal(t, c.bad, b.rows(bad.Key))
			assert.Equal(t, c.good, b.rows(good.Key))
			moved := map[bool]string{false: d.Version, true: second.Version}
			assert.Equal(t, moved[c.latest], b.run(bad.Key).Version)
			assert.Equal(t, moved[c.latest && c.reprocess == store.ReprocessCompleted], b.run(good.Key).Version)
			assert.JSONEq(t, `{"own": 1}`, string(b.run(bad.Key).Conf))
			assert.Equal(t, dag.BackfillRun, b.run(bad.Key).Type)
			for _, r := range b.runs() {
				if r.LogicalDate.Equal(march(5)) {
					assert.Equal(t, second.Version, r.Version, "a new one has the version of the backfill anyhow")
				}
			}
			es, err := b.store.Events(t.Context(), store.EventFilter{DAGID: "d", RunID: bad.RunID, Limit: 1})
			require.NoError(t, err)
			assert.Equal(t, store.EventClear, es[0].Kind)
			assert.Equal(t, c.latest, strings.Contains(string(es[0].Extra), `"run_on_latest_version"`))
		})
	}
}

// A run whose own version cannot be loaded any more holds a backfill up unless that has it go on in its version.
func TestBackfillOfAVersionThatDoesNotLoad(t *testing.T) {
	t.Parallel()
	b, _ := filling(t, "d:\n  schedule: '@daily'\n  start_date: 2026-03-20\n  tasks: [{task_id: a, operator: nop}, {task_id: b, operator: probe, do: bad, dependencies: [a]}]\n")
	b.do["bad"] = func(context.Context, *operator.TaskContext) (any, error) {
		return nil, operator.Fail(errors.New("broken"))
	}
	b.start(engine.RunOptions{Schedule: true})
	bad := b.finish(engine.Trigger{LogicalDate: march(3)})
	b.stop()
	b.lacks = []string{"nop"}
	b.open()
	d := b.load("d:\n  schedule: '@daily'\n  start_date: 2026-03-20\n  tasks: [{task_id: a, operator: probe}, {task_id: b, operator: probe, dependencies: [a]}]\n")[0]
	b.start(engine.RunOptions{Schedule: true})
	bf := b.backfill(d, engine.BackfillRequest{From: march(3), To: march(3), Reprocess: store.ReprocessFailed, Latest: true})
	b.untilCompleted(bf.ID)
	assert.Equal(t, store.BackfillCounts{Total: 1, Success: 1}, b.counts(bf.ID))
	assert.Equal(t, []string{"a#1 success", "b#2 success"}, b.rows(bad.Key))
}

func TestBackfillWithDependsOnPast(t *testing.T) {
	t.Parallel()
	b, d := filling(t, "d:\n  schedule: '@daily'\n  start_date: 2026-03-20\n  catchup: true\n  tasks: [{task_id: t, operator: probe, depends_on_past: true}]\n")
	b.start(engine.RunOptions{Schedule: true})
	bf := b.backfill(d, engine.BackfillRequest{From: march(3), To: march(6), Reprocess: store.ReprocessFailed})
	b.untilCompleted(bf.ID)
	rs := b.runs()
	require.Len(t, rs, 4)
	for i := 1; i < len(rs); i++ {
		assert.False(t, rs[i].EndDate.Before(rs[i-1].EndDate), "in order, though all started at once")
	}
}

func TestBackfillRefuses(t *testing.T) {
	t.Parallel()
	b, d := filling(t, daily)
	t.Cleanup(b.stopStore)
	past := b.load("d:\n  schedule: '@daily'\n  tasks: [{task_id: t, operator: probe, depends_on_past: true}]\n")[0]
	none := b.load("d:\n  schedule: null\n  tasks: [{task_id: t, operator: probe}]\n")[0]
	follows := b.load("d:\n  schedule: '@continuous'\n  start_date: 2026-01-01\n  max_active_runs: 1\n  tasks: [{task_id: t, operator: probe}]\n")[0]
	params := b.load("d:\n  schedule: '@daily'\n  params: {n: {__type__: airflow.sdk.Param, type: integer, default: 1}}\n  tasks: [{task_id: t, operator: probe}]\n")[0]
	often := b.load("d:\n  schedule: '* * * * *'\n  tasks: [{task_id: t, operator: probe}]\n")[0]
	ok := engine.BackfillRequest{From: march(3), To: march(4)}
	for name, c := range map[string]struct {
		d         *dag.DAG
		set       func(*engine.BackfillRequest)
		field, is string
	}{
		"no first date":           {d, func(r *engine.BackfillRequest) { r.From = time.Time{} }, "from_date", "give the first"},
		"no last date":            {d, func(r *engine.BackfillRequest) { r.To = time.Time{} }, "to_date", "give the last"},
		"the wrong way round":     {d, func(r *engine.BackfillRequest) { r.To = march(2) }, "to_date", "2026-03-02T00:00:00Z is before the first date 2026-03-03T00:00:00Z"},
		"the future":              {d, func(r *engine.BackfillRequest) { r.From, r.To = march(11), march(12) }, "from_date", "are in the future"},
		"nothing in between":      {d, func(r *engine.BackfillRequest) { r.From, r.To = march(3).Add(time.Minute), march(3).Add(time.Hour) }, "from_date", "has no run that is over"},
		"no runs at once":         {d, func(r *engine.BackfillRequest) { r.MaxActiveRuns = -1 }, "max_active_runs", "at least 1"},
		"an unknown behavior":     {d, func(r *engine.BackfillRequest) { r.Reprocess = "all" }, "reprocess_behavior", "use none, failed or completed"},
		"conf that is no JSON":    {d, func(r *engine.BackfillRequest) { r.Conf = json.RawMessage(`{"a": }`) }, "dag_run_conf", "not valid JSON, at character 7"},
		"conf that breaks params": {params, func(r *engine.BackfillRequest) { r.Conf = json.RawMessage(`{"n": "x"}`) }, "dag_run_conf", `param "n"`},
		"past backwards":          {past, func(r *engine.BackfillRequest) { r.Backwards, r.Reprocess = true, "failed" }, "run_backwards", "depends_on_past"},
		"past without reprocess":  {past, func(*engine.BackfillRequest) {}, "reprocess_behavior", "use failed or completed"},
		"too many":                {often, func(r *engine.BackfillRequest) { r.From = r.From.AddDate(-1, 0, 0) }, "to_date", "more than 100000 runs: split it"},
		"no schedule":             {none, func(*engine.BackfillRequest) {}, "", "has no schedule"},
		"continuous":              {follows, func(*engine.BackfillRequest) {}, "", "has no schedule"},
	} {
		r := ok
		c.set(&r)
		require.NoError(t, b.e.SetDAGs(t.Context(), []*dag.DAG{c.d}))
		_, err := b.e.CreateBackfill(t.Context(), "d", r)
		require.ErrorContains(t, err, c.is, name)
		be, _ := errors.AsType[*engine.BackfillError](err)
		if c.field == "" {
			require.ErrorIs(t, err, engine.ErrNoSchedule, name)
		} else if assert.NotNil(t, be, name) {
			assert.Equal(t, c.field, be.Field, name)
		}
	}
	require.NoError(t, b.e.SetDAGs(t.Context(), []*dag.DAG{d}))
	first := b.backfill(d, ok)
	_, err := b.e.CreateBackfill(t.Context(), "d", ok)
	require.ErrorIs(t, err, engine.ErrExists)
	require.ErrorContains(t, err, fmt.Sprintf("dag \"d\" has backfill %d, which is running", first.ID))
}

// The dates of a backfill are those that one meets by stepping the schedule from long
// before the range.
func TestBackfillDates(t *testing.T) {
	t.Parallel()
	b, _ := filling(t, daily)
	t.Cleanup(b.stopStore)
	schedules := []string{"'@daily'", "'0 */6 * * *'", "'30 2 * * 0'", "'0 0 1 * *'", "'*/20 9-17 * * 1-5'"}
	var ds []*dag.DAG
	for _, s := range schedules {
		for _, mode := range []bool{false, true} {
			got, diags := dagfile.Parse("test.yaml", []byte("d:\n  schedule: "+s+"\n  timezone: Europe/Berlin\n  start_date: 2020-01-01\n  tasks: [{task_id: t, operator: probe}]\n"),
				b.e.Catalog(), dagfile.Options{CronIntervals: mode})
			require.False(t, diags.HasErrors(), diags.String())
			ds = append(ds, got[0])
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		d := rapid.SampledFrom(ds).Draw(rt, "dag")
		from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 400*24*60).Draw(rt, "from")) * time.Minute)
		to := from.Add(time.Duration(rapid.IntRange(0, 40*24*60).Draw(rt, "length")) * time.Minute)
		now := from.Add(time.Duration(rapid.IntRange(0, 50*24*60).Draw(rt, "now")) * time.Minute)
		backwards := rapid.Bool().Draw(rt, "backwards")

		var want []time.Time
		first := timetable.Restriction{Earliest: from.AddDate(0, -2, 0), Catchup: true}
		for r, ok := d.Timetable.Next(nil, first, now); ok && !r.LogicalDate.After(to); r, ok = d.Timetable.Next(&r.Interval, first, now) {
			if !r.LogicalDate.Before(from) && !r.Interval.End.After(now) {
				want = append(want, r.LogicalDate)
			}
		}
		_, got, err := schedule.PlanBackfill(context.Background(), b.store, d, engine.BackfillRequest{From: from, To: to, Backwards: backwards}, now)
		if len(want) == 0 {
			if err == nil {
				rt.Fatalf("got %d dates, want none", len(got))
			}
			return
		}
		if err != nil {
			rt.Fatal(err)
		}
		if len(got) != len(want) {
			rt.Fatalf("got %d dates, want %d", len(got), len(want))
		}
		for i, g := range got {
			w := want[i]
			if backwards {
				w = want[len(want)-1-i]
			}
			if !g.LogicalDate.Equal(w) || g.Ordinal != i || g.Outcome != store.BackfillCreated {
				rt.Fatalf("date %d is %+v, want %s", i, g, w)
			}
		}
	})
}

// Queued runs start in the order of run_after, not in that in which they came.
func TestQueuedRunsStartInOrder(t *testing.T) {
	t.Parallel()
	b, d := filling(t, daily)
	for i, after := range []int{5, 3, 4} {
		r := &store.Run{
			DAGID: "d", RunID: fmt.Sprintf("r%d", after), Type: dag.ManualRun, State: dag.RunQueued, LogicalDate: march(20 + i),
			RunAfter: march(after), QueuedAt: march(9), Version: d.Version,
		}
		require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
			_, err := tx.InsertRun(t.Context(), r)
			return errors.Join(err, tx.PutVersion(t.Context(), d.Version, "d", dagfile.Source(d), time.Unix(1, 0)))
		}))
	}
	b.start(engine.RunOptions{})
	rs := b.untilRuns(3)
	for i, id := range []string{"r3", "r4", "r5"} {
		assert.Equal(t, id, rs[i].RunID)
		if i > 0 {
			assert.False(t, rs[i].StartDate.Before(rs[i-1].EndDate), "one at a time")
		}
	}
}
