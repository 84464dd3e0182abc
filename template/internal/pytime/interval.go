package pytime

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// Interval is the time between two datetimes or dates of pendulum: a timedelta that knows
// its ends, and so its years and months.
type Interval struct {
	Delta
	start, end any // both [DateTime] or both [Date]
	parts      calendarDiff
}

// calendarDiff is a difference by the calendar; every part has the sign of the whole.
type calendarDiff struct {
	years, months, days int
	totalDays           int
	rest                time.Duration // hours and less
}

func newInterval(start, end DateTime) (any, error) {
	d, err := microDelta(end.t.UnixMicro() - start.t.UnixMicro())
	delta, ok := d.(Delta)
	if !ok {
		return nil, err
	}
	return Interval{Delta: delta, start: start, end: end, parts: preciseDiff(firstReading(start.t), firstReading(end.t))}, nil
}

func newDateInterval(start, end Date) Interval {
	from, to := start.Time(), end.Time()
	return Interval{Delta: Delta{d: to.Sub(from)}, start: start, end: end, parts: preciseDiff(from, to)}
}

// firstReading is the first of two moments that show the same clock: pendulum compares
// clocks, and does not know which of the two is meant.
func firstReading(t time.Time) time.Time { return resolve(wall(t), t.Location(), true) }

// absolute is the interval from the earlier to the later end.
func (i Interval) absolute() Interval {
	if i.d >= 0 {
		return i
	}
	return i.inverted()
}

func (i Interval) inverted() Interval {
	i.start, i.end = i.end, i.start
	i.d, i.parts = -i.d, i.parts.times(-1)
	return i
}

func (p calendarDiff) times(sign int) calendarDiff {
	return calendarDiff{p.years * sign, p.months * sign, p.days * sign, p.totalDays * sign, p.rest * time.Duration(sign)}
}

// preciseDiff is pendulum's precise_diff.
func preciseDiff(from, to time.Time) calendarDiff {
	if from.Equal(to) {
		return calendarDiff{}
	}
	sign := 1
	if from.After(to) {
		from, to, sign = to, from, -1
	}
	day := func(t time.Time) int {
		return int(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400)
	}
	total := day(to) - day(from)
	if from.Location().String() != to.Location().String() || total == 0 {
		from, to = from.UTC(), to.UTC()
	}
	rest := sinceMidnight(to) - sinceMidnight(from)
	years, months, days := to.Year()-from.Year(), int(to.Month()-from.Month()), to.Day()-from.Day()
	if rest < 0 {
		rest += 24 * time.Hour
		days--
	}
	if days < 0 {
		last, this := daysIn(to.Year(), to.Month()-1), daysIn(to.Year(), to.Month())
		switch {
		case days < this-last && last < from.Day():
			days += from.Day()
		case days == this-last:
			days = 0
			months++
		default:
			days += last
		}
		months--
	}
	if months < 0 {
		months += 12
		years--
	}
	return calendarDiff{years, months, days, total, rest}.times(sign)
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
		time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
}

// TypeName implements [Object].
func (i Interval) TypeName() string { return "Interval" }

// Str implements [Printer].
func (i Interval) Str() string {
	text := func(v any) string {
		if p, ok := v.(pyval.Printer); ok {
			return p.Str()
		}
		return ""
	}
	return "<Interval [" + text(i.start) + " -> " + text(i.end) + "]>"
}

// Repr implements [Printer].
func (i Interval) Repr() string { return i.Str() }

// Attr implements [Object].
func (i Interval) Attr(name string) (any, error) {
	p := i.parts
	switch name {
	case "years":
		return int64(p.years), nil
	case "months":
		return int64(p.months), nil
	case "weeks":
		return int64(p.days / 7), nil
	case "remaining_days":
		return int64(p.days % 7), nil
	case "hours":
		return int64(p.rest / time.Hour), nil
	case "minutes":
		return int64(p.rest / time.Minute % 60), nil
	case "start":
		return i.start, nil
	case "end":
		return i.end, nil
	}
	return durationAttr(i.d, name)
}

// Method implements [Object].
func (i Interval) Method(name string) pyval.Method {
	var n int64
	switch name {
	case "in_years":
		n = int64(i.parts.years)
	case "in_months":
		n = int64(i.parts.years*12 + i.parts.months)
	case "in_weeks":
		n = int64(i.parts.totalDays / 7)
	case "in_days":
		n = int64(i.parts.totalDays)
	case "in_words":
		return wordsMethod(i.words)
	case "as_duration":
		return func(_ *pyval.Budget, a *pyval.Args) (any, error) { return Delta{d: i.d, duration: true}, a.Done() }
	default:
		return durationMethod(i.d, name)
	}
	return func(_ *pyval.Budget, a *pyval.Args) (any, error) { return n, a.Done() }
}

// Names implements [Object].
func (i Interval) Names() []string {
	return append(durationNames, "months", "years", "start", "end", "in_months", "in_years", "as_duration")
}

func (i Interval) words(sep string) string {
	p := i.parts
	return inWords(sep, i.d, [7]int64{
		int64(p.years), int64(p.months), int64(p.days / 7), int64(p.days % 7),
		int64(p.rest / time.Hour), int64(p.rest / time.Minute % 60), int64(i.d / time.Second % 60),
	})
}

// Elements implements pyval.Elements: the moments a day apart from start to end, both included.
func (i Interval) Elements(b *pyval.Budget) ([]any, error) {
	var items []any
	step := int64(1)
	if i.d < 0 {
		step = -1
	}
	for n := int64(0); ; n++ {
		if err := b.Spend(8 * pyval.ElementCost); err != nil {
			return nil, err
		}
		var at any
		var past bool
		switch start := i.start.(type) {
		case DateTime:
			moved, err := start.shift(shift{days: step * n})
			t, ok := moved.(DateTime)
			if !ok {
				return nil, err
			}
			end, _ := i.end.(DateTime)
			at, past = t, step*int64(t.t.Compare(end.t)) > 0
		case Date:
			t := NewDate(start.Time().AddDate(0, 0, int(step*n)))
			t.plain = start.plain
			end, _ := i.end.(Date)
			at, past = t, step*int64(t.Time().Compare(end.Time())) > 0
		}
		if past {
			return items, nil
		}
		items = append(items, at)
	}
}

// CompareTo orders intervals and timedeltas.
func (i Interval) CompareTo(other any) (int, bool, error) { return i.Delta.CompareTo(other) }

// Operate makes a duration of the interval first.
func (i Interval) Operate(op string, other any, reflected bool) (any, bool, error) {
	return Delta{d: i.d, duration: true}.Operate(op, other, reflected)
}

// inWords writes years, months, weeks, days, hours, minutes and seconds.
func inWords(sep string, d time.Duration, counts [7]int64) string {
	var words []string
	for i, unit := range []string{"year", "month", "week", "day", "hour", "minute", "second"} {
		if n := counts[i]; n == 1 || n == -1 {
			words = append(words, fmt.Sprintf("%d %s", n, unit))
		} else if n != 0 {
			words = append(words, fmt.Sprintf("%d %ss", n, unit))
		}
	}
	switch {
	case len(words) > 0:
		return strings.Join(words, sep)
	case d != 0:
		return fmt.Sprintf("%.2f second", math.Abs(float64(d/time.Microsecond))/1e6)
	}
	return "0 microseconds"
}

// Humanize says how far t is from other: "1 day before", "3 weeks after". With
// ago it speaks from now: "1 hour ago", "in 5 minutes".
func Humanize(t, other time.Time, ago bool) string {
	diff := preciseDiff(firstReading(t), firstReading(other))
	after := t.After(other)
	if after {
		diff = diff.times(-1)
	}
	words := diff.humanWords()
	switch {
	case ago && after:
		return "in " + words
	case ago:
		return words + " ago"
	case after:
		return words + " after"
	}
	return words + " before"
}

// humanWords is the difference in one unit, rounded as pendulum rounds it.
func (p calendarDiff) humanWords() string {
	var n int
	var unit string
	hours := int(p.rest / time.Hour)
	up := func(more bool) int {
		if more {
			return 1
		}
		return 0
	}
	switch {
	case p.years > 0:
		n, unit = p.years+up(p.months > 6), "year"
	case p.months == 11 && p.days > 15:
		n, unit = 1, "year"
	case p.months > 0:
		n, unit = p.months+up(p.days >= 27), "month"
	case p.days >= 7:
		n, unit = p.days/7+up(p.days%7 > 3), "week"
	case p.days > 0:
		n, unit = p.days+up(hours >= 22), "day"
	case hours > 0:
		n, unit = hours, "hour"
	case p.rest >= time.Minute:
		n, unit = int(p.rest/time.Minute), "minute"
	case p.rest >= 11*time.Second:
		n, unit = int(p.rest/time.Second), "second"
	default:
		return "a few seconds"
	}
	return plural(n, unit)
}

// Negated implements pyval.Signed.
func (i Interval) Negated() any { return i.inverted() }
