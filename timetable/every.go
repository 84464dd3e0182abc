package timetable

import (
	"fmt"
	"strings"
	"time"
)

// minPeriod is the shortest period. Below it a run is due before the one before
// can have ended.
const minPeriod = time.Second

// Every returns the timetable of a fixed period in trigger mode, which is what
// Airflow 3 makes of a plain timedelta: create_delta_data_intervals is false there.
// "every: 30m" in a DAG file means the same. The period is elapsed time and knows
// no zone; at least a second.
//
// Runs step from the last one, or from the start date; without either, from the
// Unix epoch. Without catchup it is the newest such step that has passed. Airflow
// takes the present moment there, which would give each of several schedulers a
// logical date of its own and let the schedule drift by the delay of each run.
func Every(d time.Duration) (Timetable, error) {
	if err := checkPeriod(d); err != nil {
		return nil, err
	}
	return everyTrigger(d), nil
}

// EveryInterval returns the timetable of a fixed period in data-interval mode, the
// default of Airflow 2: a run covers one period and fires at its end. The period
// is elapsed time, at least a second.
func EveryInterval(d time.Duration) (Timetable, error) {
	if err := checkPeriod(d); err != nil {
		return nil, err
	}
	return everyInterval(d), nil
}

func checkPeriod(d time.Duration) error {
	if d < minPeriod {
		return fmt.Errorf("schedule every %s: the period must be at least %s", d, minPeriod)
	}
	return nil
}

type everyTrigger time.Duration

func (e everyTrigger) Next(last *Interval, r Restriction, now time.Time) (Run, bool) {
	period := time.Duration(e)
	var at time.Time
	switch {
	case last != nil:
		at = last.End.Add(period)
	case !r.Earliest.IsZero():
		at = r.Earliest
	default:
		at = epochFloor(now, period)
	}
	if !r.Catchup {
		if missed := now.Sub(at); missed > 0 {
			at = at.Add(missed.Truncate(period))
		}
		at = later(at, r.Earliest)
	}
	if ended(r, at) {
		return Run{}, false
	}
	return exactly(instant(at)), true
}

func (everyTrigger) Manual(t time.Time) Interval { return exactly(instant(t)).Interval }
func (e everyTrigger) Summary() string           { return everySummary(time.Duration(e), ModeTrigger) }
func (everyTrigger) mode() Mode                  { return ModeTrigger }

type everyInterval time.Duration

// Next follows Airflow: the interval after the last one, or the first from the
// start date on. Without catchup it starts at the earliest one period before now,
// rounded down to a multiple of the period since the Unix epoch.
func (e everyInterval) Next(last *Interval, r Restriction, now time.Time) (Run, bool) {
	period := time.Duration(e)
	start := r.Earliest
	if !r.Catchup {
		start = later(start, epochFloor(now, period).Add(-period))
	}
	if last != nil {
		start = later(start, last.End)
	}
	if start.IsZero() || ended(r, start) {
		return Run{}, false
	}
	start = instant(start)
	return covering(start, start.Add(period)), true
}

func (e everyInterval) Manual(t time.Time) Interval {
	t = instant(t)
	return Interval{Start: t.Add(-time.Duration(e)), End: t}
}

func (e everyInterval) Summary() string { return everySummary(time.Duration(e), ModeDataInterval) }
func (everyInterval) mode() Mode        { return ModeDataInterval }

// epochFloor rounds t down to a multiple of period since the Unix epoch.
func epochFloor(t time.Time, period time.Duration) time.Time {
	epoch := time.Unix(0, 0).UTC()
	return epoch.Add(t.Sub(epoch).Truncate(period))
}

// everySummary writes the period without Go's empty units: 1h, not 1h0m0s.
func everySummary(d time.Duration, m Mode) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return fmt.Sprintf("every %s, %s", text, m)
}
