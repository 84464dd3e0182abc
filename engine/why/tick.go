// Package why tells why a run did or did not start, and why a task waits or did not run: by the
// rules that the scheduler goes by, from what the store holds. It changes nothing.
package why

import (
	"context"
	"errors"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// Tick says what became of a tick of a DAG's schedule.
type Tick struct {
	// At is when the run was due; zero when nothing was.
	At time.Time
	// Outcome is empty when no tick was due.
	Outcome store.TickOutcome
	// Reason is a sentence without its end.
	Reason phrase.Text
	// Run is the run with the logical date of the tick, or nil.
	Run *store.Run
	// Next is when the tick after the moment asked for is due; zero when there is none.
	Next time.Time
}

// OfTick tells why a run did or did not start at a moment: of the newest tick that was due then.
// problem is what a load of the DAG's file just found; empty for nothing.
func OfTick(ctx context.Context, r store.Reader, d *dag.DAG, at, now time.Time, problem string) (*Tick, error) {
	held, err := heldNow(ctx, r, d.ID, problem)
	if err != nil {
		return nil, err
	}
	bounds := timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate}
	if _, ok := d.Timetable.Next(nil, bounds, at); d.StartDate.IsZero() && ok {
		bounds.Earliest = time.Unix(0, 0).UTC() // the newest tick, however long ago
	}
	tick, ok := d.Timetable.Next(nil, bounds, at)
	if why := noTick(d, ok, at, held); !why.IsZero() {
		return &Tick{Reason: why}, nil
	}
	if tick.RunAfter.After(at) {
		w := &Tick{Next: tick.RunAfter, Reason: phrase.Of("tick.none_yet")}
		if !d.StartDate.IsZero() {
			w.Reason = phrase.Of("tick.not_before", d.StartDate)
		}
		return w, nil
	}
	w := &Tick{At: tick.RunAfter}
	bounds.Catchup = true
	if next, ok := d.Timetable.Next(&tick.Interval, bounds, at); ok {
		w.Next = next.RunAfter
	}
	run, err := r.RunAt(ctx, d.ID, tick.LogicalDate)
	if err != nil {
		return nil, err
	}
	if run != nil {
		if why := schedule.OtherInterval(run, tick); !why.IsZero() && !tick.RunAfter.After(now) {
			w.Outcome, w.Reason = store.TickSkipped, why
			return w, nil
		}
		w.Outcome, w.Run = store.TickStarted, run
		w.Reason, err = whyQueued(ctx, r, d, run, now, problem)
		if run.State.Finished() {
			w.Reason = and(w.Reason, held)
		}
		return w, err
	}
	rec, err := r.TickRangeAt(ctx, d.ID, w.At)
	switch {
	case err != nil:
		return nil, err
	case rec != nil:
		w.Outcome = rec.Outcome
		w.Reason, err = recorded(ctx, r, rec, w.At)
	default:
		w.Outcome, w.Reason, err = whyNotYet(ctx, r, d, w.At, now, problem)
	}
	return w, err
}

// noTick says why a DAG has no tick to speak of at a moment, or nothing. ok is what its
// timetable says, held what keeps it from getting runs.
func noTick(d *dag.DAG, ok bool, at time.Time, held phrase.Text) phrase.Text {
	switch {
	case d.Assets != nil && !ok:
		return and(phrase.Of("tick.assets"), held)
	case d.ScheduleText == "@continuous" && d.StartDate.IsZero():
		return phrase.Of("tick.needs_start")
	case d.ScheduleText == "@continuous":
		return and(phrase.Of("tick.continuous"), held)
	case !ok && !d.EndDate.IsZero() && at.After(d.EndDate):
		return phrase.Of("tick.after_end", d.EndDate)
	case !ok:
		return and(phrase.Of("tick.no_schedule"), held)
	default:
		return phrase.Text{}
	}
}

// and says one thing after another, as far as there is another one.
func and(what, more phrase.Text) phrase.Text {
	if more.IsZero() {
		return what
	}
	return phrase.Of("then", what, more)
}

// recorded tells what a record says of a tick.
func recorded(ctx context.Context, r store.Reader, rec *store.TickRange, tick time.Time) (phrase.Text, error) {
	why := schedule.Said(rec.Said, rec.Reason)
	if rec.Outcome == store.TickMissed && rec.Reason == schedule.NoScheduler().String() {
		var err error
		if why, err = downAround(ctx, r, tick); err != nil {
			return phrase.Text{}, err
		}
	}
	if rec.Count > 1 {
		why = phrase.All(why, phrase.Of("tick.so_it_was", rec.Count, rec.First, rec.Last))
	}
	return why, nil
}

// whyQueued tells the state of a run, and for a queued one what it waits for.
func whyQueued(ctx context.Context, r store.Reader, d *dag.DAG, run *store.Run, now time.Time, problem string) (phrase.Text, error) {
	switch {
	case run.State.Finished():
		code := phrase.Code("run.ended")
		if run.Reason == string(run.State) { // said once
			code = "run.succeeded"
		}
		return phrase.Of(code, run.RunID, phrase.State(string(run.State)), phrase.RunReason(run.Reason), run.EndDate), nil
	case run.State == dag.RunRunning:
		slot, err := whoseSlot(ctx, r, d, run)
		return phrase.All(phrase.Of("run.running", run.RunID, run.StartDate), slot), err
	}
	wait := phrase.Of("run.queued", run.RunID, run.QueuedAt)
	why, err := standing(ctx, r, d, now, problem, dag.RunRunning)
	if err != nil || why.IsZero() {
		return wait, err
	}
	return phrase.Of("colon", wait, why), nil
}

// whyNotYet tells what became of a tick of which there is no record.
func whyNotYet(ctx context.Context, r store.Reader, d *dag.DAG, tick, now time.Time, problem string) (store.TickOutcome, phrase.Text, error) {
	h, err := schedule.ReadHistory(ctx, r, d.ID, tick, now)
	if err != nil {
		return "", phrase.Text{}, err
	}
	last, err := r.LastScheduled(ctx, d.ID)
	if err != nil {
		return "", phrase.Text{}, err
	}
	switch {
	case len(h.Pauses) == 0:
		return store.TickMissed, phrase.Of("tick.unseen"), nil
	case tick.Before(h.Pauses[0].At) && !d.Catchup:
		return store.TickSkipped, phrase.Of("tick.first_seen", h.Pauses[0].At), nil
	case last != nil && last.RunAfter.After(tick) && !d.Catchup:
		return store.TickSkipped, phrase.Of("tick.followed", last.RunID), nil
	}
	why, err := standing(ctx, r, d, now, problem, dag.RunQueued, dag.RunRunning)
	if err != nil {
		return "", phrase.Text{}, err
	}
	if !why.IsZero() {
		return store.TickWaiting, why, nil
	}
	return store.TickWaiting, phrase.Of("tick.about"), nil
}

// heldNow says what keeps a DAG from getting runs whatever else happens, or nothing: it is
// paused, or can't be loaded.
func heldNow(ctx context.Context, r store.Reader, dagID, problem string) (phrase.Text, error) {
	if why, err := pausedNow(ctx, r, dagID); err != nil || !why.IsZero() {
		return why, err
	}
	return brokenNow(ctx, r, dagID, problem)
}

// standing says what keeps a DAG from getting another run now, or nothing: it is paused or
// can't be loaded, no scheduler is at work, or max_active_runs runs are in the given states.
func standing(ctx context.Context, r store.Reader, d *dag.DAG, now time.Time, problem string, states ...dag.RunState) (phrase.Text, error) {
	if why, err := heldNow(ctx, r, d.ID, problem); err != nil || !why.IsZero() {
		return why, err
	}
	l, err := r.LastSchedulerLife(ctx, now)
	switch {
	case err != nil:
		return phrase.Text{}, err
	case l == nil:
		return phrase.Of("scheduler.never"), nil
	case !schedule.GoesOn(l, now):
		return phrase.Of("scheduler.gone", l.SeenAt), nil
	}
	open, err := r.Runs(ctx, store.RunFilter{DAGID: d.ID, States: states})
	if err != nil {
		return phrase.Text{}, err
	}
	if len(open) >= d.MaxActiveRuns {
		ids := make([]phrase.Text, len(open))
		for i, o := range open {
			ids[i] = phrase.Plain(o.RunID)
		}
		const most = 3
		if more := len(ids) - most; more > 0 {
			ids = append(ids[:most], phrase.Of("more_runs", more))
		}
		return phrase.Of("limit.max_active_runs", d.MaxActiveRuns, phrase.List(ids...)), nil
	}
	return phrase.Text{}, nil
}

// pausedNow says since when a DAG is paused, or nothing.
func pausedNow(ctx context.Context, r store.Reader, dagID string) (phrase.Text, error) {
	ps, err := r.Pauses(ctx, dagID)
	if err != nil || len(ps) == 0 || !ps[len(ps)-1].Paused {
		return phrase.Text{}, err
	}
	switch p := ps[len(ps)-1]; {
	case p.Cause != "":
		return phrase.Of("dag.paused_because", p.At, p.Cause, dagID), nil
	case p.Actor.Name != "":
		return phrase.Of("dag.paused_by", p.At, p.Actor.String(), dagID), nil
	default:
		return phrase.Of("dag.paused", p.At, dagID), nil
	}
}

// downAround says between which moments no scheduler ran around t.
func downAround(ctx context.Context, r store.Reader, t time.Time) (phrase.Text, error) {
	before, err := r.LastSchedulerLife(ctx, t)
	if err != nil {
		return phrase.Text{}, err
	}
	after, err := r.SchedulerLives(ctx, t)
	switch {
	case err != nil:
		return phrase.Text{}, err
	case before != nil && len(after) > 0:
		return phrase.Of("tick.down", before.SeenAt, after[0].StartedAt), nil
	case before != nil:
		return phrase.Of("tick.down_since", before.SeenAt), nil
	case len(after) > 0:
		return phrase.Of("tick.down_until", after[0].StartedAt), nil
	default:
		return schedule.NoScheduler(), nil
	}
}

// brokenNow says since when the file of a DAG can't be loaded, or nothing. problem is what
// a load just found; the record of the process that schedules goes before it.
func brokenNow(ctx context.Context, r store.Reader, dagID, problem string) (phrase.Text, error) {
	all, err := r.ImportErrors(ctx, dagID)
	if err != nil {
		return phrase.Text{}, err
	}
	if n := len(all); n > 0 && all[n-1].Until.IsZero() {
		return phrase.Of("dag.broken_since", all[n-1].Since, schedule.FirstProblem(all[n-1].Text)), nil
	}
	if problem != "" {
		return phrase.Of("dag.broken", schedule.FirstProblem(problem)), nil
	}
	return phrase.Text{}, nil
}

// OfBroken tells like [OfTick] of a DAG whose file can't be loaded, because of problem: by the
// schedule of the last version that could be, which restore makes of its source. It is nil when
// nobody has seen the DAG.
func OfBroken(ctx context.Context, r store.Reader, restore func(source []byte) (*dag.DAG, error), dagID string, at, now time.Time, problem string) (*Tick, error) {
	s, err := r.DAG(ctx, dagID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := lastGood(ctx, r, restore, s)
	if err != nil {
		return nil, err
	}
	if d != nil {
		return OfTick(ctx, r, d, at, now, problem)
	}
	why, err := brokenNow(ctx, r, dagID, problem)
	return &Tick{Reason: why}, err
}

// lastGood is the last version of a DAG that the store has and that can be loaded, or nil.
func lastGood(ctx context.Context, r store.Reader, restore func(source []byte) (*dag.DAG, error), s *store.DAGState) (*dag.DAG, error) {
	versions := []string{s.Version}
	rs, err := r.Runs(ctx, store.RunFilter{DAGID: s.ID, Limit: 1})
	if err != nil {
		return nil, err
	}
	for _, r := range rs {
		versions = append(versions, r.Version)
	}
	for _, v := range versions {
		src, err := r.Version(ctx, v)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if d, err := restore(src); err == nil {
			return d, nil
		}
	}
	return nil, nil
}

// whoseSlot says in whose slot a run is running beyond max_active_runs, or nothing.
func whoseSlot(ctx context.Context, r store.Reader, d *dag.DAG, run *store.Run) (phrase.Text, error) {
	if run.BackfillID != 0 || run.LogicalDate.IsZero() {
		return phrase.Text{}, nil
	}
	running, err := r.Runs(ctx, store.RunFilter{DAGID: d.ID, States: []dag.RunState{dag.RunRunning}})
	if err != nil || len(running) <= d.MaxActiveRuns {
		return phrase.Text{}, err
	}
	var later *store.Run
	for _, o := range running {
		if o.BackfillID == 0 && o.LogicalDate.After(run.LogicalDate) && (later == nil || o.LogicalDate.Before(later.LogicalDate)) {
			later = o
		}
	}
	if later == nil {
		return phrase.Text{}, nil
	}
	return phrase.Of("run.in_slot", later.RunID), nil
}
