package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/timetable"
)

// goesOn reports whether the scheduler still seems to be at work.
func goesOn(l *store.SchedulerLife, now time.Time) bool {
	return !l.Stopped && now.Sub(l.SeenAt) <= lifeGap
}

const (
	// lifeBeat is how often the scheduler notes that it is at work.
	lifeBeat = time.Minute
	// lifeGap is after how long without a note it counts as down.
	lifeGap = 3 * lifeBeat
)

// noteLife keeps the record of when a scheduler was at work. The end of a stretch moves
// once a minute; after a longer gap, such as that of a machine that slept, a new one begins.
func (e *Engine) noteLife(ctx context.Context, stopping bool) error {
	if !e.schedules() {
		return nil
	}
	now := e.now()
	e.mu.Lock()
	l := e.life
	e.mu.Unlock()
	switch gap := now.Sub(l.SeenAt); {
	case l.ID == 0, gap > lifeGap, l.Stopped:
		l = store.SchedulerLife{StartedAt: now}
	case gap < lifeBeat && !stopping:
		return nil
	}
	l.SeenAt, l.Stopped = now, stopping
	if err := e.store.Tx(ctx, func(tx store.Tx) error { return tx.PutSchedulerLife(ctx, &l) }); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.life = l
	return nil
}

// stopLife notes that the scheduler stops now.
func (e *Engine) stopLife(ctx context.Context) {
	if err := e.noteLife(ctx, true); err != nil {
		e.o.Log.Error("note that the scheduler stops", "error", err)
	}
}

// history is what tells why ticks started nothing.
type history struct {
	pauses []*store.Pause
	lives  []*store.SchedulerLife
	broken []*store.ImportError
	now    time.Time
}

func readHistory(ctx context.Context, r store.Reader, dagID string, since, now time.Time) (*history, error) {
	ps, err := r.Pauses(ctx, dagID)
	if err != nil {
		return nil, err
	}
	ls, err := r.SchedulerLives(ctx, since)
	if err != nil {
		return nil, err
	}
	bs, err := r.ImportErrors(ctx, dagID)
	if err != nil {
		return nil, err
	}
	return &history{ps, ls, bs, now}, nil
}

// pausedAt returns the pause in which a moment lies, or nil.
func (h *history) pausedAt(t time.Time) *store.Pause {
	var in *store.Pause
	for _, p := range h.pauses {
		if p.At.After(t) {
			break
		}
		in = p
	}
	if in == nil || !in.Paused {
		return nil
	}
	return in
}

// aliveAt reports whether a scheduler was at work. The newest stretch, if it goes on, is
// taken to reach until now.
func (h *history) aliveAt(t time.Time) bool {
	for i, l := range h.lives {
		end := l.SeenAt
		if i == len(h.lives)-1 && goesOn(l, h.now) {
			end = h.now
		}
		if !t.Before(l.StartedAt) && !t.After(end) {
			return true
		}
	}
	return false
}

// brokenAt returns the stretch in which the DAG could not be loaded at a moment, or nil.
func (h *history) brokenAt(t time.Time) *store.ImportError {
	for _, b := range h.broken {
		if !t.Before(b.Since) && (b.Until.IsZero() || !t.After(b.Until)) {
			return b
		}
	}
	return nil
}

const noScheduler = "no scheduler was running"

// judge says why a tick started no run although a later one did. byEngine says that the
// cause is nothing that a person asked for.
func (h *history) judge(t time.Time) (o store.TickOutcome, reason string, byEngine bool) {
	if p := h.pausedAt(t); p != nil {
		why := "the DAG was paused since " + showMoment(p.At)
		if p.Cause != "" {
			why += ": " + p.Cause
		}
		return store.TickSkipped, why, p.Cause != ""
	}
	if !h.aliveAt(t) {
		return store.TickMissed, noScheduler, true
	}
	if b := h.brokenAt(t); b != nil {
		until := "now"
		if !b.Until.IsZero() {
			until = showMoment(b.Until)
		}
		return store.TickMissed, fmt.Sprintf("the DAG could not be loaded from %s to %s: %s", showMoment(b.Since), until, firstProblem(b.Text)), true
	}
	return store.TickSkipped, "catchup is off and a newer tick was due: max_active_runs was reached, or the scheduler came late", true
}

func showMoment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// passedOver walks the ticks after the last run, or after the DAG was first seen, up to
// the one that is due now and calls see for each. It follows the timetable as it is now.
func passedOver(d *dag.DAG, last *store.Run, seen time.Time, due time.Time, see func(timetable.Run)) {
	var iv *timetable.Interval
	r := timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate}
	if last != nil {
		iv = &timetable.Interval{Start: last.IntervalStart, End: last.IntervalEnd}
	} else {
		// What was due before anybody knew the DAG is nobody's loss.
		first, ok := d.Timetable.Next(nil, r, seen)
		if !ok || !first.RunAfter.Before(due) {
			return
		}
		if !first.RunAfter.Before(seen) {
			see(first)
		}
		iv = &first.Interval
	}
	r.Catchup = true
	for {
		t, ok := d.Timetable.Next(iv, r, due)
		if !ok || !t.RunAfter.Before(due) || !t.Interval.End.After(iv.End) {
			return
		}
		see(t)
		iv = &t.Interval
	}
}

// recordTicks writes what became of the ticks between the last run and the tick that is
// due, and tells on_missed_callback. It is part of the transaction that creates the run,
// so each tick is recorded once.
func (c *change) recordTicks(d *dag.DAG, last *store.Run, due timetable.Run) error {
	if d.Catchup {
		return nil // every tick gets its run
	}
	done, err := c.TickRanges(c.ctx, d.ID, 1)
	if err != nil {
		return err
	}
	var recorded, since time.Time
	if len(done) > 0 {
		recorded = done[0].Last
	}
	if last != nil {
		since = last.RunAfter
	}
	h, err := readHistory(c.ctx, c, d.ID, since, c.now)
	if err != nil {
		return err
	}
	if last == nil && len(h.pauses) == 0 {
		return nil // nothing tells since when it is known
	}
	var seen time.Time
	if len(h.pauses) > 0 {
		seen = h.pauses[0].At
	}
	var (
		ranges []*store.TickRange
		tell   []bool
	)
	passedOver(d, last, seen, due.RunAfter, func(t timetable.Run) {
		if !t.RunAfter.After(recorded) {
			return
		}
		o, why, byEngine := h.judge(t.RunAfter)
		if n := len(ranges); n > 0 && ranges[n-1].Outcome == o && ranges[n-1].Reason == why {
			ranges[n-1].Last = t.RunAfter
			ranges[n-1].Count++
			return
		}
		ranges = append(ranges, &store.TickRange{
			DAGID: d.ID, First: t.RunAfter, Last: t.RunAfter, Count: 1, Outcome: o, Reason: why, RecordedAt: c.now,
		})
		tell = append(tell, byEngine)
	})
	for i, r := range ranges {
		if err := c.InsertTickRange(c.ctx, r); err != nil {
			return err
		}
		if tell[i] {
			if err := c.tellMissed(d, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// otherInterval says that a run which somebody triggered has the logical date of a tick and
// not its data interval: that has no run then. It returns nothing when the interval fits.
//
// Airflow gives a run that is triggered at the moment of a tick the interval that ends
// there, and never makes one for the interval that begins there.
func otherInterval(r *store.Run, tick timetable.Run) string {
	if r.Type != dag.ManualRun || r.IntervalStart.Equal(tick.Interval.Start) && r.IntervalEnd.Equal(tick.Interval.End) {
		return ""
	}
	return fmt.Sprintf("run %s has its logical date and covers another data interval, %s to %s: that from %s to %s has no run, start one with dingdag dags trigger %s --logical-date %s",
		r.RunID, showMoment(r.IntervalStart), showMoment(r.IntervalEnd), showMoment(tick.Interval.Start), showMoment(tick.Interval.End),
		r.DAGID, showMoment(tick.Interval.End.Add(time.Second)))
}

// recordTaken notes that a tick started no run because one with its logical date exists.
func (c *change) recordTaken(d *dag.DAG, due timetable.Run) error {
	done, err := c.TickRanges(c.ctx, d.ID, 1)
	if err != nil || len(done) > 0 && !due.RunAfter.After(done[0].Last) {
		return err
	}
	r, err := c.RunAt(c.ctx, d.ID, due.LogicalDate)
	if err != nil || r == nil {
		return err
	}
	rec := &store.TickRange{
		DAGID: d.ID, First: due.RunAfter, Last: due.RunAfter, Count: 1, Outcome: store.TickStarted,
		Reason: fmt.Sprintf("run %s has this logical date", r.RunID), RecordedAt: c.now,
	}
	why := otherInterval(r, due)
	if why != "" {
		rec.Outcome, rec.Reason = store.TickSkipped, why
	}
	if err := c.InsertTickRange(c.ctx, rec); err != nil || why == "" {
		return err
	}
	return c.tellMissed(d, rec)
}

// tellMissed lets on_missed_callback speak of recorded ticks, in the transaction that
// records them.
func (c *change) tellMissed(d *dag.DAG, r *store.TickRange) error {
	if len(d.OnMissed) == 0 {
		return nil
	}
	p, err := c.e.plan(c.ctx, c, d.ID, d.Version)
	if err != nil {
		return err
	}
	ev := c.e.event(callbacks.Missed, d)
	ev.State, ev.Reason = string(r.Outcome), r.Reason
	ev.Ticks = &callbacks.Ticks{First: r.First, Last: r.Last, Count: r.Count}
	tc := c.e.render.Context(c.ctx, c, p.d, &store.Run{DAGID: d.ID, Type: dag.ScheduledRun}, nil, nil)
	tc.Reason = r.Reason
	c.Message(c.e.prepare(p, p.onMissed, ev, tc)...)
	return nil
}
