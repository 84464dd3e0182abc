// Package why tells why a run did or did not start, and why a task waits or did not run: by the
// rules that the scheduler goes by, from what the store holds. It changes nothing.
package why

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
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
	Reason string
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
	if held != "" {
		held = "; " + held
	}
	bounds := timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate}
	if _, ok := d.Timetable.Next(nil, bounds, at); d.StartDate.IsZero() && ok {
		bounds.Earliest = time.Unix(0, 0).UTC() // the newest tick, however long ago
	}
	tick, ok := d.Timetable.Next(nil, bounds, at)
	if why := noTick(d, ok, at, held); why != "" {
		return &Tick{Reason: why}, nil
	}
	if tick.RunAfter.After(at) {
		w := &Tick{Next: tick.RunAfter, Reason: "no tick was due yet"}
		if !d.StartDate.IsZero() {
			w.Reason += ": the start_date is " + schedule.Moment(d.StartDate)
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
		if why := schedule.OtherInterval(run, tick); why != "" && !tick.RunAfter.After(now) {
			w.Outcome, w.Reason = store.TickSkipped, why
			return w, nil
		}
		w.Outcome, w.Run = store.TickStarted, run
		w.Reason, err = whyQueued(ctx, r, d, run, now, problem)
		if run.State.Finished() {
			w.Reason += held
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
func noTick(d *dag.DAG, ok bool, at time.Time, held string) string {
	switch {
	case d.Assets != nil && !ok:
		return "the DAG runs when its assets are updated, see dags next-execution" + held
	case d.ScheduleText == "@continuous" && d.StartDate.IsZero():
		return "the DAG never runs by itself: @continuous needs a start_date"
	case d.ScheduleText == "@continuous":
		return "the DAG runs again as soon as the run before has ended" + held
	case !ok && !d.EndDate.IsZero() && at.After(d.EndDate):
		return "it is after the end_date " + schedule.Moment(d.EndDate)
	case !ok:
		return "the DAG has no schedule by time: it runs when it is triggered" + held
	default:
		return ""
	}
}

// recorded tells what a record says of a tick.
func recorded(ctx context.Context, r store.Reader, rec *store.TickRange, tick time.Time) (string, error) {
	why := rec.Reason
	if rec.Outcome == store.TickMissed && why == schedule.NoScheduler {
		down, err := downAround(ctx, r, tick)
		if err != nil {
			return "", err
		}
		why += down
	}
	if rec.Count > 1 {
		why += fmt.Sprintf("; so it was with %d ticks from %s to %s", rec.Count, schedule.Moment(rec.First), schedule.Moment(rec.Last))
	}
	return why, nil
}

// whyQueued tells the state of a run, and for a queued one what it waits for.
func whyQueued(ctx context.Context, r store.Reader, d *dag.DAG, run *store.Run, now time.Time, problem string) (string, error) {
	switch {
	case run.State.Finished():
		return fmt.Sprintf("run %s is %s (%s) since %s", run.RunID, run.State, run.Reason, schedule.Moment(run.EndDate)), nil
	case run.State == dag.RunRunning:
		slot, err := whoseSlot(ctx, r, d, run)
		return fmt.Sprintf("run %s is running since %s%s", run.RunID, schedule.Moment(run.StartDate), slot), err
	}
	wait := fmt.Sprintf("run %s is queued since %s", run.RunID, schedule.Moment(run.QueuedAt))
	why, err := standing(ctx, r, d, now, problem, dag.RunRunning)
	if err != nil || why == "" {
		return wait, err
	}
	return wait + ": " + why, nil
}

// whyNotYet tells what became of a tick of which there is no record.
func whyNotYet(ctx context.Context, r store.Reader, d *dag.DAG, tick, now time.Time, problem string) (store.TickOutcome, string, error) {
	h, err := schedule.ReadHistory(ctx, r, d.ID, tick, now)
	if err != nil {
		return "", "", err
	}
	last, err := r.LastScheduled(ctx, d.ID)
	if err != nil {
		return "", "", err
	}
	switch {
	case len(h.Pauses) == 0:
		return store.TickMissed, "no scheduler has seen the DAG yet: start one with dingdag standalone", nil
	case tick.Before(h.Pauses[0].At) && !d.Catchup:
		return store.TickSkipped, "catchup is off and the DAG was first seen at " + schedule.Moment(h.Pauses[0].At), nil
	case last != nil && last.RunAfter.After(tick) && !d.Catchup:
		return store.TickSkipped, "catchup is off and run " + last.RunID + " followed", nil
	}
	why, err := standing(ctx, r, d, now, problem, dag.RunQueued, dag.RunRunning)
	if err != nil {
		return "", "", err
	}
	if why != "" {
		return store.TickWaiting, why, nil
	}
	return store.TickWaiting, "the scheduler is about to create its run", nil
}

// heldNow says what keeps a DAG from getting runs whatever else happens, or nothing: it is
// paused, or can't be loaded.
func heldNow(ctx context.Context, r store.Reader, dagID, problem string) (string, error) {
	if why, err := pausedNow(ctx, r, dagID); err != nil || why != "" {
		return why, err
	}
	return brokenNow(ctx, r, dagID, problem)
}

// standing says what keeps a DAG from getting another run now, or nothing: it is paused or
// can't be loaded, no scheduler is at work, or max_active_runs runs are in the given states.
func standing(ctx context.Context, r store.Reader, d *dag.DAG, now time.Time, problem string, states ...dag.RunState) (string, error) {
	if why, err := heldNow(ctx, r, d.ID, problem); err != nil || why != "" {
		return why, err
	}
	l, err := r.LastSchedulerLife(ctx, now)
	switch {
	case err != nil:
		return "", err
	case l == nil:
		return "no scheduler has run yet: start one with dingdag standalone", nil
	case !schedule.GoesOn(l, now):
		return "no scheduler runs since " + schedule.Moment(l.SeenAt) + ": start one with dingdag standalone", nil
	}
	open, err := r.Runs(ctx, store.RunFilter{DAGID: d.ID, States: states})
	if err != nil {
		return "", err
	}
	if len(open) >= d.MaxActiveRuns {
		ids := make([]string, len(open))
		for i, o := range open {
			ids[i] = o.RunID
		}
		const most = 3
		if more := len(ids) - most; more > 0 {
			ids = append(ids[:most], fmt.Sprintf("%d more", more))
		}
		return fmt.Sprintf("max_active_runs (%d) is reached by %s", d.MaxActiveRuns, strings.Join(ids, ", ")), nil
	}
	return "", nil
}

// pausedNow says since when a DAG is paused, or nothing.
func pausedNow(ctx context.Context, r store.Reader, dagID string) (string, error) {
	ps, err := r.Pauses(ctx, dagID)
	if err != nil || len(ps) == 0 || !ps[len(ps)-1].Paused {
		return "", err
	}
	p := ps[len(ps)-1]
	why := "the DAG is paused since " + schedule.Moment(p.At)
	switch {
	case p.Cause != "":
		why += " (" + p.Cause + ")"
	case p.Actor.Name != "":
		why += " by " + p.Actor.String()
	}
	return why + ": dingdag dags unpause " + dagID, nil
}

// downAround says between which moments no scheduler ran around t.
func downAround(ctx context.Context, r store.Reader, t time.Time) (string, error) {
	before, err := r.LastSchedulerLife(ctx, t)
	if err != nil {
		return "", err
	}
	after, err := r.SchedulerLives(ctx, t)
	if err != nil {
		return "", err
	}
	text := ""
	if before != nil {
		text = " from " + schedule.Moment(before.SeenAt)
	}
	if len(after) > 0 {
		text += " to " + schedule.Moment(after[0].StartedAt)
	}
	return text, nil
}

// brokenNow says since when the file of a DAG can't be loaded, or nothing. problem is what
// a load just found; the record of the process that schedules goes before it.
func brokenNow(ctx context.Context, r store.Reader, dagID, problem string) (string, error) {
	all, err := r.ImportErrors(ctx, dagID)
	if err != nil {
		return "", err
	}
	if n := len(all); n > 0 && all[n-1].Until.IsZero() {
		return fmt.Sprintf("the DAG cannot be loaded since %s, so it gets no new runs: %s", schedule.Moment(all[n-1].Since), schedule.FirstProblem(all[n-1].Text)), nil
	}
	if problem != "" {
		return "the DAG cannot be loaded: " + schedule.FirstProblem(problem), nil
	}
	return "", nil
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
func whoseSlot(ctx context.Context, r store.Reader, d *dag.DAG, run *store.Run) (string, error) {
	if run.BackfillID != 0 || run.LogicalDate.IsZero() {
		return "", nil
	}
	running, err := r.Runs(ctx, store.RunFilter{DAGID: d.ID, States: []dag.RunState{dag.RunRunning}})
	if err != nil || len(running) <= d.MaxActiveRuns {
		return "", err
	}
	var later *store.Run
	for _, o := range running {
		if o.BackfillID == 0 && o.LogicalDate.After(run.LogicalDate) && (later == nil || o.LogicalDate.Before(later.LogicalDate)) {
			later = o
		}
	}
	if later == nil {
		return "", nil
	}
	return fmt.Sprintf(", in the slot of run %s, which waits for it (depends_on_past)", later.RunID), nil
}
