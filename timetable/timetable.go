// Package timetable computes when DAGs run: cron on the wall clock with Airflow's
// rule for clock changes, fixed intervals, @once and no schedule. It is pure
// arithmetic: every function gets the moments it works on and keeps no state.
package timetable

import "time"

// Interval is a data interval. In trigger mode Start equals End.
type Interval struct {
	Start, End time.Time
}

// Run is one run that a timetable asks for.
type Run struct {
	// LogicalDate identifies the run.
	LogicalDate time.Time
	// Interval is the data interval the run covers.
	Interval Interval
	// RunAfter is the earliest moment at which the run may start.
	RunAfter time.Time
}

// Restriction bounds what [Timetable.Next] may return.
type Restriction struct {
	// Earliest and Latest are the DAG's start and end date, zero when unset. Latest is inclusive.
	Earliest, Latest time.Time
	// Catchup asks for every missed run; without it only the newest due one is made up.
	Catchup bool
}

// Timetable says when runs are due. Its values can be compared: equal ones are due at the
// same moments.
type Timetable interface {
	// Next returns the run that follows the last scheduled one (nil for none), or
	// false when there is none. The run may lie in the future: it is due once now
	// has reached its RunAfter.
	Next(last *Interval, r Restriction, now time.Time) (Run, bool)
	// Manual returns the data interval of a manual run at t.
	Manual(t time.Time) Interval
	// Summary is one line for people, for instance "0 9 * * 1-5 (Asia/Shanghai), trigger mode".
	Summary() string
}
