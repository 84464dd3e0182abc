package pytime

import (
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// edge returns the first or last moment of the unit around d.
func (d DateTime) edge(a *pyval.Args, end bool) (any, error) {
	unit := a.Text("unit")
	if err := a.Done(); err != nil {
		return nil, err
	}
	w := wall(d.t)
	y, m, day := w.Date()
	var start, next time.Time
	switch unit {
	case "second", "minute", "hour":
		size := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour}[unit]
		start = w.Truncate(size)
		next = start.Add(size)
	case "day":
		start = time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
		next = start.AddDate(0, 0, 1)
	case "week":
		start = time.Date(y, m, day-isoWeekday(w)+1, 0, 0, 0, 0, time.UTC)
		next = start.AddDate(0, 0, 7)
	case "month":
		start = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		next = start.AddDate(0, 1, 0)
	default:
		span, ok := map[string][2]int{"year": {1, 0}, "decade": {10, 0}, "century": {100, 1}}[unit]
		if !ok {
			return nil, fmt.Errorf("%s: unknown unit %q", a.Func(), unit)
		}
		first := (y-span[1])/span[0]*span[0] + span[1]
		start = time.Date(first, 1, 1, 0, 0, 0, 0, time.UTC)
		next = start.AddDate(span[0], 0, 0)
	}
	if end {
		return d.on(next.Add(-time.Microsecond))
	}
	return d.on(start)
}

// weekdayOf takes the number of a weekday, 0 for Monday; none is -1.
func weekdayOf(a *pyval.Args) (int, error) {
	n := a.IntOr("day_of_week", -1)
	if n < -1 || n > 6 {
		return 0, fmt.Errorf("%s: day_of_week is 0 for Monday to 6 for Sunday", a.Func())
	}
	return n, nil
}

// neighbour is the next or previous day of the week.
func (d DateTime) neighbour(a *pyval.Args, step int) (any, error) {
	weekday, err := weekdayOf(a)
	keep := a.BoolOr("keep_time", false)
	if err := errors.Join(err, a.Done()); err != nil {
		return nil, err
	}
	w := wall(d.t)
	if !keep {
		w = w.Truncate(24 * time.Hour)
	}
	if weekday < 0 {
		weekday = isoWeekday(w) - 1
	}
	for w = w.AddDate(0, 0, step); isoWeekday(w)-1 != weekday; {
		w = w.AddDate(0, 0, step)
	}
	d.early = false
	return d.on(w)
}

// unitMonths are the first and last month of the month, quarter or year around t.
func unitMonths(a *pyval.Args, t time.Time) (first, last time.Month, err error) {
	quarter := (t.Month()-1)/3*3 + 1
	switch unit := a.Text("unit"); unit {
	case "month":
		return t.Month(), t.Month(), nil
	case "quarter":
		return quarter, quarter + 2, nil
	case "year":
		return 1, 12, nil
	default:
		return 0, 0, fmt.Errorf("%s: the unit is month, quarter or year, not %q", a.Func(), unit)
	}
}

// ofUnit is the first or last day, or the first or last weekday, of a unit.
func (d DateTime) ofUnit(a *pyval.Args, last bool) (any, error) {
	first, end, err := unitMonths(a, d.t)
	weekday, wrong := weekdayOf(a)
	if err := errors.Join(err, wrong, a.Done()); err != nil {
		return nil, err
	}
	day, step := time.Date(d.t.Year(), first, 1, 0, 0, 0, 0, time.UTC), 1
	if last {
		day, step = time.Date(d.t.Year(), end+1, 0, 0, 0, 0, 0, time.UTC), -1
	}
	for weekday >= 0 && isoWeekday(day)-1 != weekday {
		day = day.AddDate(0, 0, step)
	}
	return d.midnight(day.Date())
}

func nthOf(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
	first, last, err := unitMonths(a, d.t)
	nth := a.Int("nth")
	weekday, wrong := weekdayOf(a)
	if err := errors.Join(err, wrong, a.Done()); err != nil {
		return nil, err
	}
	if weekday < 0 || nth < 1 || nth > 60 {
		return nil, errors.New("nth_of: needs a number from 1 and a day_of_week from 0 to 6")
	}
	day := time.Date(d.t.Year(), first, 1, 0, 0, 0, 0, time.UTC)
	for isoWeekday(day)-1 != weekday {
		day = day.AddDate(0, 0, 1)
	}
	day = day.AddDate(0, 0, 7*(nth-1))
	if day.Year() != d.t.Year() || day.Month() > last {
		return nil, fmt.Errorf("nth_of: there is no occurrence %d of that weekday", nth)
	}
	return d.midnight(day.Date())
}
