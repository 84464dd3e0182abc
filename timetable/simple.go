package timetable

import "time"

// Never returns the timetable of a DAG without a schedule: it runs only when it
// is triggered. The data interval of a manual run is the moment itself.
func Never() Timetable { return never{} }

// Once returns the timetable of "@once": one run at the DAG's start date, whether
// or not catchup is set. Without a start date there is no run.
func Once() Timetable { return once{} }

// Continuous returns the timetable of "@continuous": the next run is due as soon
// as the one before has ended, and covers the time from the end of the last
// interval until now. Such a DAG needs max_active_runs 1, which the caller
// enforces.
func Continuous() Timetable { return continuous{} }

// exactly is the run whose only moment is t.
func exactly(t time.Time) Run {
	return Run{LogicalDate: t, Interval: Interval{Start: t, End: t}, RunAfter: t}
}

// covering is the run at the end of its data interval.
func covering(start, end time.Time) Run {
	return Run{LogicalDate: start, Interval: Interval{Start: start, End: end}, RunAfter: end}
}

// ended reports whether t lies beyond the end date. The end date itself does not.
func ended(r Restriction, t time.Time) bool {
	return !r.Latest.IsZero() && t.After(r.Latest)
}

// instant drops the zone and the monotonic reading, so that equal moments are
// equal values.
func instant(t time.Time) time.Time { return t.Round(0).UTC() }

type never struct{}

func (never) Next(*Interval, Restriction, time.Time) (Run, bool) { return Run{}, false }
func (never) Manual(t time.Time) Interval                        { return exactly(instant(t)).Interval }
func (never) Summary() string                                    { return "none, triggered only" }
func (never) mode() Mode                                         { return ModeTrigger }

type once struct{}

func (once) Next(last *Interval, r Restriction, _ time.Time) (Run, bool) {
	if last != nil || r.Earliest.IsZero() || ended(r, r.Earliest) {
		return Run{}, false
	}
	return exactly(instant(r.Earliest)), true
}

func (once) Manual(t time.Time) Interval { return exactly(instant(t)).Interval }
func (once) Summary() string             { return "@once, trigger mode" }
func (once) mode() Mode                  { return ModeTrigger }

type continuous struct{}

func (continuous) Next(last *Interval, r Restriction, now time.Time) (Run, bool) {
	if r.Earliest.IsZero() {
		return Run{}, false // as in Airflow: without a start date it never runs
	}
	start := r.Earliest
	if last != nil && last.End.After(r.Earliest) {
		start = last.End
	}
	// A start in the future, or a clock that went back, makes an empty interval.
	end := later(start, now)
	if ended(r, end) {
		return Run{}, false
	}
	return covering(instant(start), instant(end)), true
}

func (continuous) Manual(t time.Time) Interval { return exactly(instant(t)).Interval }
func (continuous) Summary() string             { return "@continuous, data-interval mode" }
func (continuous) mode() Mode                  { return ModeDataInterval }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Unscheduled reports whether t says no moments of its own, so that there is nothing to
// make up: no schedule, or "@continuous", whose runs follow each other.
func Unscheduled(t Timetable) bool {
	switch t.(type) {
	case nil, never, continuous:
		return true
	default:
		return false
	}
}
