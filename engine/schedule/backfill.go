package schedule

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// maxBackfillDates bounds what one backfill may ask for.
const maxBackfillDates = 100_000

// backfillDates steps the timetable through the range: every run with a logical date from
// the first to the last one whose data interval is over. The start and end date of the DAG
// do not matter (Airflow, iter_dagrun_infos_between).
func backfillDates(d *dag.DAG, r request.Backfill, now time.Time) ([]store.BackfillDate, error) {
	var (
		out  []store.BackfillDate
		last *timetable.Interval
	)
	for {
		run, ok := d.Timetable.Next(last, timetable.Restriction{Earliest: r.From, Latest: r.To, Catchup: true}, now)
		if !ok || run.RunAfter.After(now) || run.Interval.End.After(now) || run.LogicalDate.After(r.To) {
			break
		}
		if len(out) == maxBackfillDates {
			return nil, request.BadBackfill("to_date", "backfill.too_many", maxBackfillDates)
		}
		out = append(out, store.BackfillDate{LogicalDate: run.LogicalDate.UTC(), Interval: run.Interval, RunAfter: run.RunAfter})
		last = &run.Interval
	}
	if r.Backwards {
		slices.Reverse(out)
	}
	for i := range out {
		out[i].Ordinal = i
	}
	return out, nil
}

// Treat says what becomes of a date of a backfill with the given run, nil for none.
func Treat(b *store.Backfill, r *store.Run) store.BackfillOutcome {
	switch {
	case r == nil:
		return store.BackfillCreated
	case !r.State.Finished():
		return store.BackfillInFlight
	case b.Reprocess == store.ReprocessCompleted, b.Reprocess == store.ReprocessFailed && r.State == dag.RunFailed:
		return store.BackfillCleared
	default:
		return store.BackfillExists
	}
}

// PlanBackfill returns the backfill that a request would make of a DAG and its dates in
// the order of their starts, each with what would become of it now. A mistake of the
// request is a [*request.BackfillError]; a DAG without schedule is [request.ErrNoSchedule].
func PlanBackfill(ctx context.Context, rd store.Reader, d *dag.DAG, r request.Backfill, now time.Time) (*store.Backfill, []store.BackfillDate, error) {
	if timetable.Unscheduled(d.Timetable) {
		return nil, nil, fmt.Errorf("dag %q %w", d.ID, request.ErrNoSchedule)
	}
	r.From, r.To, now = r.From.UTC().Truncate(time.Millisecond), r.To.UTC().Truncate(time.Millisecond), now.UTC().Truncate(time.Millisecond)
	if err := r.Check(d, now); err != nil {
		return nil, nil, err
	}
	b := &store.Backfill{
		DAGID: d.ID, From: r.From, To: r.To, Reprocess: r.Reprocess, MaxActiveRuns: r.MaxActiveRuns, Backwards: r.Backwards, Latest: r.Latest,
		Conf: r.Conf, Version: d.Version, Actor: r.Actor, State: store.BackfillRunning, CreatedAt: now, UpdatedAt: now,
	}
	dates, err := backfillDates(d, r, now)
	if err != nil {
		return nil, nil, err
	}
	if len(dates) == 0 {
		return nil, nil, request.BadBackfill("from_date", "backfill.nothing", d.Timetable.Summary(), request.ISO(r.From), request.ISO(r.To))
	}
	for i := range dates {
		run, err := rd.RunAt(ctx, d.ID, dates[i].LogicalDate)
		if err != nil {
			return nil, nil, err
		}
		dates[i].Outcome = Treat(b, run)
	}
	return b, dates, nil
}
