package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

const (
	// dayEntries bounds the lists of a digest, dayErrors for how many DAGs it has the first error.
	dayEntries, dayErrors = 100, 20
	// overdue is how long a tick or a message has waited that a digest tells of.
	overdue = 10 * time.Minute
	// dayAgain is the pause after a digest that could not be told.
	dayAgain = 5 * time.Minute
)

// daily is what a scheduler remembers of the daily digest.
type daily struct {
	// last is what the store has, nil before it was read.
	last *store.DailyDigest
	// again is when to try again after an error.
	again time.Time
}

// TellDay tells the digest of the day when it is due, in the transaction that notes that it was
// told. It does nothing before all DAGs were looked at once, so that what did not start while no
// process was running is part of it.
func (sch *Scheduler) TellDay(ctx context.Context) error {
	now := sch.o.Live.Now()
	if sch.o.Daily == nil || !sch.schedules() || !sch.swept.Load() || now.Before(sch.daily.again) {
		return nil
	}
	if sch.daily.last != nil {
		if _, _, changed := sch.o.Daily.Next(sch.daily.last, now); !changed {
			return nil
		}
	}
	var next store.DailyDigest
	err := sch.o.Live.Change(ctx, func(tx *live.Tx) error {
		last, err := tx.DailyDigest(tx.Ctx)
		if err != nil {
			return err
		}
		var tell, changed bool
		if next, tell, changed = sch.o.Daily.Next(last, tx.Now); !changed {
			return nil
		}
		if err := tx.PutDailyDigest(tx.Ctx, &next); err != nil || !tell {
			return err
		}
		day, err := sch.readDay(tx, last.Until, tx.Now)
		if err == nil {
			tx.Message(sch.o.Tell.Day(tx.Ctx, tx, day)...)
		}
		return err
	})
	if err != nil {
		sch.daily.again = now.Add(dayAgain)
		return fmt.Errorf("tell the daily digest: %w", err)
	}
	sch.daily = daily{last: &next}
	return nil
}

// readDay is what happened from one moment on and before another.
func (sch *Scheduler) readDay(tx *live.Tx, since, until time.Time) (*callbacks.Day, error) {
	day := &callbacks.Day{
		Since: since, Until: until,
		DAGs: []callbacks.DayOfDAG{}, Ticks: []callbacks.DayTicks{}, Paused: []callbacks.DayPause{}, Broken: []callbacks.BrokenFile{},
	}
	err := errors.Join(sch.readRuns(tx, day), sch.readUnstarted(tx, day), sch.readFaults(tx, day), sch.readAlerts(tx, day))
	day.DAGCount, day.DAGs = len(day.DAGs), day.DAGs[:min(len(day.DAGs), dayEntries)]
	return day, err
}

// readRuns reads what ran and what failed.
func (sch *Scheduler) readRuns(tx *live.Tx, day *callbacks.Day) error {
	ended, err := tx.EndedRunCounts(tx.Ctx, day.Since, day.Until)
	if err != nil {
		return err
	}
	open, err := tx.OpenRunCounts(tx.Ctx)
	if err != nil {
		return err
	}
	of := map[string]*callbacks.DayOfDAG{}
	for _, c := range append(ended, open...) {
		g := of[c.DAGID]
		if g == nil {
			g = &callbacks.DayOfDAG{DAGID: c.DAGID, MapIndex: -1}
			of[c.DAGID] = g
		}
		switch c.State {
		case dag.RunSuccess:
			g.Succeeded += c.Count
			day.Succeeded += c.Count
		case dag.RunFailed:
			g.Failed += c.Count
			day.Failed += c.Count
		case dag.RunRunning:
			g.Running += c.Count
			day.Running += c.Count
		case dag.RunQueued:
			g.Queued += c.Count
			day.Queued += c.Count
		}
	}
	for _, g := range of {
		day.DAGs = append(day.DAGs, *g)
		if g.Failed > 0 {
			day.FailedDAGs++
		}
	}
	slices.SortFunc(day.DAGs, func(a, b callbacks.DayOfDAG) int {
		return cmp.Or(cmp.Compare(b.Failed, a.Failed), cmp.Compare(a.DAGID, b.DAGID))
	})
	return sch.readFailures(tx, day)
}

// readFailures reads with what the DAGs failed first that failed most.
func (sch *Scheduler) readFailures(tx *live.Tx, day *callbacks.Day) error {
	for i := range day.DAGs[:min(len(day.DAGs), dayErrors)] {
		g := &day.DAGs[i]
		if g.Failed == 0 {
			return nil
		}
		r, in, err := tx.FirstFailure(tx.Ctx, g.DAGID, day.Since, day.Until)
		if err != nil {
			return err
		}
		if r != nil {
			g.RunID, g.Error = r.RunID, sch.o.Masker.Mask(r.Reason)
		}
		if in != nil {
			g.TaskID, g.MapIndex, g.Error = in.TaskID, in.MapIndex, cmp.Or(sch.o.Masker.Mask(in.Error), g.Error)
		}
	}
	return nil
}

// readUnstarted reads which ticks started no run, and which are due and wait.
func (sch *Scheduler) readUnstarted(tx *live.Tx, day *callbacks.Day) error {
	found, err := tx.UnstartedTicks(tx.Ctx, day.Since, day.Until)
	if err != nil {
		return err
	}
	for _, t := range found {
		day.Unstarted += t.Count
		day.Ticks = append(day.Ticks, callbacks.DayTicks{
			DAGID: t.DAGID, Outcome: string(t.Outcome), First: t.First, Last: t.Last, Count: t.Count, Reason: t.Reason, Reasons: t.Reasons,
		})
	}
	for i := range day.DAGs { // one without an open run has no reason to wait
		g := &day.DAGs[i]
		d := sch.o.DAGs.Get(g.DAGID)
		if g.Running+g.Queued == 0 || d == nil || d.Timetable == nil || sch.o.DAGs.Paused(g.DAGID) {
			continue
		}
		t, err := sch.waiting(tx, d)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		t.Reason = fmt.Sprintf("%d of %d active runs (max_active_runs)", g.Running+g.Queued, d.MaxActiveRuns)
		day.Unstarted += t.Count
		day.Ticks = append(day.Ticks, *t)
	}
	slices.SortStableFunc(day.Ticks, func(a, b callbacks.DayTicks) int { return cmp.Compare(b.Count, a.Count) })
	day.TickCount = len(day.Ticks)
	day.Ticks = day.Ticks[:min(len(day.Ticks), dayEntries)]
	return nil
}

// waiting are the ticks of a DAG that are due and have no run, nil unless the first of them has
// waited for long.
func (sch *Scheduler) waiting(tx *live.Tx, d *dag.DAG) (*callbacks.DayTicks, error) {
	last, err := tx.LastScheduled(tx.Ctx, d.ID)
	if err != nil {
		return nil, err
	}
	next, due := schedule.Next(d, last, tx.Now)
	if !due {
		return nil, nil
	}
	t := &callbacks.DayTicks{DAGID: d.ID, Outcome: string(store.TickWaiting), First: next.RunAfter, Last: next.RunAfter, Count: 1, Reasons: 1}
	passed, err := schedule.PassedOver(tx.Ctx, tx, d, last, next, tx.Now)
	if err != nil {
		return nil, err
	}
	for _, r := range passed {
		t.Count += r.Count
		if r.First.Before(t.First) {
			t.First = r.First
		}
	}
	if tx.Now.Sub(t.First) < overdue {
		return nil, nil
	}
	return t, nil
}

// readFaults reads what the scheduler has paused, and which files are broken.
func (sch *Scheduler) readFaults(tx *live.Tx, day *callbacks.Day) error {
	ids, err := tx.PausedDAGs(tx.Ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		ps, err := tx.Pauses(tx.Ctx, id)
		if err != nil {
			return err
		}
		if n := len(ps); n > 0 && ps[n-1].Paused && ps[n-1].Cause != "" && len(day.Paused) < dayEntries {
			day.Paused = append(day.Paused, callbacks.DayPause{DAGID: id, At: ps[n-1].At, Reason: ps[n-1].Cause})
		}
	}
	broken, err := tx.OpenImportErrors(tx.Ctx)
	if err != nil {
		return err
	}
	for _, b := range broken {
		if b.DAGID == "" && len(day.Broken) < dayEntries {
			day.Broken = append(day.Broken, callbacks.BrokenFile{File: b.File, Since: b.Since, Error: sch.o.Masker.Mask(b.Text)})
		}
	}
	return nil
}

// readAlerts reads what did not reach people.
func (sch *Scheduler) readAlerts(tx *live.Tx, day *callbacks.Day) error {
	counts, err := tx.UndeliveredCounts(tx.Ctx, day.Since, day.Until, day.Until.Add(-overdue))
	if err != nil {
		return err
	}
	day.Refused, day.Uncertain, day.Waiting = counts[store.DeliveryRefused], counts[store.DeliveryUncertain], counts[store.DeliveryWaiting]
	return nil
}
