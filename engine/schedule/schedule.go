// Package schedule says what is due: which run of a DAG comes next and when, what became of
// the ticks between two runs and why, by when a run is to have finished, and whether the
// assets of a DAG are updated. It reads the store and the timetables, and writes nothing:
// the engine makes the runs and the records of it.
package schedule

import (
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// Next asks the timetable of a DAG for its next scheduled run after last, which is nil
// without one, and whether it is due.
func Next(d *dag.DAG, last *store.Run, now time.Time) (next timetable.Run, due bool) {
	next, ok := d.Timetable.Next(covered(d, last), timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate, Catchup: d.Catchup}, now)
	return next, ok && !next.RunAfter.After(now)
}

// covered is the data interval from which a schedule goes on after a run, nil without one. A
// run that has none is taken to cover what one would that was triggered when it was due, as
// in Airflow: counted from the year 1, no walk over the ticks since would ever end.
func covered(d *dag.DAG, last *store.Run) *timetable.Interval {
	switch {
	case last == nil:
		return nil
	case last.IntervalEnd.IsZero():
		iv := d.Timetable.Manual(last.RunAfter)
		return &iv
	}
	return &timetable.Interval{Start: last.IntervalStart, End: last.IntervalEnd}
}

// Over reports whether the schedule of a DAG is over, next being what its timetable
// names as the next run: its last ticks may still want a record.
func Over(d *dag.DAG, next timetable.Run, now time.Time) bool {
	return next.RunAfter.IsZero() && !d.EndDate.IsZero() && d.EndDate.Before(now)
}

// Run is the run that a DAG gets for what is due, queued and not yet stored.
func Run(d *dag.DAG, due timetable.Run, now time.Time) *store.Run {
	return &store.Run{
		DAGID: d.ID, RunID: dag.RunID(dag.ScheduledRun, due.RunAfter), Type: dag.ScheduledRun, State: dag.RunQueued,
		LogicalDate: due.LogicalDate, IntervalStart: due.Interval.Start, IntervalEnd: due.Interval.End,
		RunAfter: due.RunAfter, QueuedAt: now, Version: d.Version, Actor: store.Actor{Via: store.ViaTimetable},
	}
}
