// Package chart finds the marks of axes: moments on the clock of a zone, and durations that people think in.
package chart

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Mark is a mark on an axis.
type Mark struct {
	// At is its place: 0 is the beginning of the axis, 1 its end.
	At float64
	// Text is what stands beside it.
	Text string
}

const day = 24 * time.Hour

// steps are distances between marks that people can count in.
var steps = []time.Duration{ //nolint:gochecknoglobals // a constant
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour,
	12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 365 * day,
}

// step is the smallest one of which at most so many fit into a length.
func step(length time.Duration, most int) time.Duration {
	for _, s := range steps {
		if length/s < time.Duration(most) {
			return s
		}
	}
	last := steps[len(steps)-1]
	return last * time.Duration(math.Ceil(float64(length)/float64(last)/float64(max(1, most))))
}

// Times are the marks of an axis from one moment to a later one, at most one more than most, at round times in a zone. The first mark
// of a day has its date.
func Times(from, to time.Time, zone *time.Location, most int) (marks []Mark) {
	length := to.Sub(from)
	if length <= 0 {
		return nil
	}
	s := step(length, most)
	local := from.In(zone)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
	layout := "15:04"
	switch {
	case s < time.Second:
		layout = "15:04:05.000"
	case s < time.Minute:
		layout = "15:04:05"
	}
	dated := ""
	for n := 0; len(marks) <= most; n++ {
		var at time.Time
		switch {
		case s < day:
			at = midnight.Add(from.Sub(midnight).Truncate(s)).Add(time.Duration(n) * s)
		default:
			at = time.Date(local.Year(), local.Month(), local.Day()+n*int(s/day), 0, 0, 0, 0, zone)
		}
		if at.After(to) {
			break
		}
		if at.Before(from) {
			continue
		}
		date, text := at.In(zone).Format("01-02"), at.In(zone).Format(layout)
		switch {
		case s >= 91*day:
			text = at.In(zone).Format("2006-01-02")
		case s >= day:
			text = date
		case date != dated:
			text = date + " " + text
		}
		dated = date
		marks = append(marks, Mark{float64(at.Sub(from)) / float64(length), text})
	}
	return marks
}

// Durations are the marks of an axis for numbers of seconds from least to most: from zero, or below it, to a round number
// that is at least most, about as many as marks says, in the words of units. It returns the ends of the axis as well.
func Durations(least, most float64, marks int, units Units) (from, to float64, all []Mark) {
	least, most = min(0, least), max(0, most)
	if most-least < 0.001 {
		most = least + 0.001
	}
	s := step(time.Duration((most-least)*float64(time.Second)), marks).Seconds()
	from, to = math.Floor(least/s)*s, math.Ceil(most/s-1e-9)*s
	for n := 0; ; n++ {
		at := from + float64(n)*s
		if at > to+s/2 {
			return from, to, all
		}
		all = append(all, Mark{(at - from) / (to - from), units.Short(time.Duration(math.Round(at*1e3)) * time.Millisecond)})
	}
}

// Units are what stands behind a number of days, hours, minutes and seconds.
type Units struct{ Day, Hour, Minute, Second string }

// Short is a duration in as few characters as say it: 1h30m, 45s, -2d.
func (u Units) Short(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	var b strings.Builder
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{u.Day, day}, {u.Hour, time.Hour}, {u.Minute, time.Minute}} {
		if d >= unit.is {
			b.WriteString(strconv.FormatInt(int64(d/unit.is), 10) + unit.name)
			d %= unit.is
		}
	}
	if d > 0 || b.Len() == 0 {
		b.WriteString(strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + u.Second)
	}
	return sign + b.String()
}
