package timetable

import (
	"math/bits"
	"time"
)

// wallCron is a cron expression on the wall clock, which a time in UTC stands for. What a
// field allows is a bit for each value.
type wallCron struct {
	minute, hour, day, month, weekday uint64
	// lastDay adds the last day of the month to day, nth adds to weekday those that depend on
	// the month.
	lastDay bool
	nth     []nthWeekday
	// eitherDay says that both days are restricted, so that either one matches.
	eitherDay bool
}

// nthWeekday is the nth of a weekday in the month; 0 is the last one.
type nthWeekday struct {
	weekday time.Weekday
	nth     int
}

// matches reports whether the month of a date has the day. length is the number of days of the month.
func (n nthWeekday) matches(day int, weekday time.Weekday, length int) bool {
	if n.weekday != weekday {
		return false
	}
	if n.nth == 0 {
		return day+7 > length
	}
	return (day-1)/7+1 == n.nth
}

// next returns the first tick after w, or false when searchYears have none.
func (c *wallCron) next(w time.Time) (time.Time, bool) {
	w = w.Truncate(time.Minute).Add(time.Minute)
	y, m, d := w.Date()
	last := y + searchYears
	if c.onDay(y, m, d) {
		if clock, ok := c.clockFrom(w.Hour(), w.Minute()); ok {
			return time.Date(y, m, d, 0, clock, 0, 0, time.UTC), true
		}
	}
	first, _ := c.clockFrom(0, 0) // every expression has an hour and a minute
	for d++; y <= last; d = 1 {
		for length := daysIn(y, m); d <= length; d++ {
			if c.onDay(y, m, d) {
				return time.Date(y, m, d, 0, first, 0, 0, time.UTC), true
			}
		}
		if m++; m > time.December {
			y, m = y+1, time.January
		}
	}
	return time.Time{}, false
}

// prev returns the last tick before w, or false when searchYears have none.
func (c *wallCron) prev(w time.Time) (time.Time, bool) {
	w = w.Add(-1).Truncate(time.Minute)
	y, m, d := w.Date()
	first := y - searchYears
	if c.onDay(y, m, d) {
		if clock, ok := c.clockUpTo(w.Hour(), w.Minute()); ok {
			return time.Date(y, m, d, 0, clock, 0, 0, time.UTC), true
		}
	}
	last, _ := c.clockUpTo(23, 59)
	for d--; y >= first; d = daysIn(y, m) {
		for ; d >= 1; d-- {
			if c.onDay(y, m, d) {
				return time.Date(y, m, d, 0, last, 0, 0, time.UTC), true
			}
		}
		if m--; m < time.January {
			y, m = y-1, time.December
		}
	}
	return time.Time{}, false
}

// onDay reports whether the expression has a tick on the date.
func (c *wallCron) onDay(y int, m time.Month, d int) bool {
	if c.month>>m&1 == 0 {
		return false
	}
	length := daysIn(y, m)
	day := c.day>>d&1 == 1 || c.lastDay && d == length
	of := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Weekday()
	weekday := c.weekday>>of&1 == 1
	for _, n := range c.nth {
		weekday = weekday || n.matches(d, of, length)
	}
	if c.eitherDay {
		return day || weekday
	}
	return day && weekday
}

// clockFrom returns the first minute of a day with a tick, from hour and minute on.
func (c *wallCron) clockFrom(hour, minute int) (int, bool) {
	if c.hour>>hour&1 == 1 {
		if m := bits.TrailingZeros64(c.minute >> minute << minute); m < 64 {
			return hour*60 + m, true
		}
	}
	h := bits.TrailingZeros64(c.hour >> (hour + 1) << (hour + 1))
	return h*60 + bits.TrailingZeros64(c.minute), h < 64
}

// clockUpTo returns the last minute of a day with a tick, up to hour and minute.
func (c *wallCron) clockUpTo(hour, minute int) (int, bool) {
	if c.hour>>hour&1 == 1 {
		if m := bits.Len64(c.minute & (2<<minute - 1)); m > 0 {
			return hour*60 + m - 1, true
		}
	}
	h := bits.Len64(c.hour&(1<<hour-1)) - 1
	return h*60 + bits.Len64(c.minute) - 1, h >= 0
}

// daysIn is the number of days of a month.
func daysIn(y int, m time.Month) int { return time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }
