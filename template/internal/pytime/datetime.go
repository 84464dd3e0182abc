package pytime

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// DateTime is a datetime with the methods of Python's and of pendulum's.
type DateTime struct {
	t time.Time
	// naive datetimes have no zone; t is then in UTC.
	naive bool
	// plain says that Python's own class made it, not pendulum: the two print in
	// lists and count over clock changes in their own ways.
	plain bool
	// early says that a clock time that comes twice is the first of the two when a field
	// is set. What pendulum makes itself means the second one.
	early bool
}

// NewDateTime returns an aware datetime of pendulum, cut to microseconds.
func NewDateTime(t time.Time) DateTime { return DateTime{t: t.Truncate(time.Microsecond)} }

// NewNaiveDateTime returns a datetime of Python without zone that shows the clock of t.
func NewNaiveDateTime(t time.Time) DateTime {
	return DateTime{t: wall(t).Truncate(time.Microsecond), naive: true, plain: true}
}

// NewPlainDateTime returns an aware datetime of Python's own class.
func NewPlainDateTime(t time.Time) DateTime {
	if _, offset := t.Zone(); offset != 0 || t.Location() != time.UTC {
		t = t.In(fixedZone(offset))
	}
	return DateTime{t: t.Truncate(time.Microsecond), plain: true, early: true}
}

// wall returns the clock of t in UTC.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Time returns the datetime as Go has it; naive ones are in UTC.
func (d DateTime) Time() time.Time { return d.t }

// TypeName implements [Object].
func (d DateTime) TypeName() string { return "datetime" }

// check returns d unless its year is beyond what Python knows.
func (d DateTime) check() (any, error) {
	if d.t.Year() < 1 || d.t.Year() > 9999 {
		return nil, errors.New("datetime: the year is not between 1 and 9999")
	}
	d.t = d.t.Truncate(time.Microsecond)
	return d, nil
}

// at is another moment of the same kind and zone.
func (d DateTime) at(t time.Time) (any, error) {
	d.t = t
	return d.check()
}

// on is the datetime that shows the clock of w in the zone of d. A clock time that is
// skipped moves on, one that comes twice is the one that early says (pendulum, create).
func (d DateTime) on(w time.Time) (any, error) {
	if d.naive {
		return d.at(w)
	}
	return d.at(resolve(w, d.t.Location(), d.early))
}

// resolve finds the moment at which the clock of loc shows w, a time in UTC.
func resolve(w time.Time, loc *time.Location, early bool) time.Time {
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(loc).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := offset(w.Add(-24*time.Hour)), offset(w.Add(24*time.Hour))
	first, second := w.Add(-before), w.Add(-after)
	switch isFirst, isSecond := offset(first) == before, offset(second) == after; {
	case isFirst && (!isSecond || early):
		return first.In(loc)
	case isSecond:
		return second.In(loc)
	case early: // the clock skips w
		return second.In(loc)
	}
	return first.In(loc)
}

// ISO returns isoformat().
func (d DateTime) ISO(sep string) string {
	layout := "2006-01-02" + sep + "15:04:05"
	if d.t.Nanosecond() > 0 {
		layout += ".000000"
	}
	if !d.naive {
		layout += "-07:00"
	}
	return d.t.Format(layout)
}

// Str implements [Printer].
func (d DateTime) Str() string { return d.ISO(" ") }

// Repr implements [Printer].
func (d DateTime) Repr() string {
	s := fmt.Sprintf("%d, %d, %d, %d, %d", d.t.Year(), d.t.Month(), d.t.Day(), d.t.Hour(), d.t.Minute())
	if d.t.Second() > 0 || d.t.Nanosecond() > 0 || !d.plain {
		s += fmt.Sprintf(", %d", d.t.Second())
	}
	if d.t.Nanosecond() > 0 {
		s += fmt.Sprintf(", %d", d.t.Nanosecond()/1000)
	}
	if !d.naive {
		s += ", tzinfo=" + d.zone().Repr()
	}
	if d.plain {
		return "datetime.datetime(" + s + ")"
	}
	return "DateTime(" + s + ")"
}

func (d DateTime) zone() Zone { return Zone{loc: d.t.Location(), plain: d.plain} }

func (d DateTime) strftime(format string) (string, error) { return Strftime(d.t, d.naive, format) }

// FormatSpec implements pyval.Formatted: pendulum's tokens without a percent sign.
func (d DateTime) FormatSpec(spec string) (string, error) {
	if d.plain || strings.Contains(spec, "%") {
		return d.strftime(spec)
	}
	return pendulumFormat(d, spec, english)
}

// CompareTo orders datetimes. One with and one without zone do not compare.
func (d DateTime) CompareTo(other any) (int, bool, error) {
	o, ok := other.(DateTime)
	if !ok {
		return 0, false, nil
	}
	if d.naive != o.naive {
		return 0, false, errors.New("a datetime with a zone does not compare to one without")
	}
	return d.t.Compare(o.t), true, nil
}

// Operate adds and subtracts timedeltas and subtracts datetimes.
func (d DateTime) Operate(op string, other any, reflected bool) (any, bool, error) {
	if op != "+" && (op != "-" || reflected) {
		return nil, false, nil
	}
	sign := map[string]int64{"+": 1, "-": -1}[op]
	switch o := other.(type) {
	case Delta:
		r, err := d.at(d.t.Add(time.Duration(sign) * o.d))
		return r, true, err
	case Interval:
		r, err := d.addInterval(o, sign)
		return r, true, err
	case RelativeDelta:
		r, err := o.addTo(d, sign)
		return r, true, err
	case DateTime:
		if op != "-" {
			break
		}
		if d.naive != o.naive {
			return nil, true, errors.New("a datetime with a zone cannot be subtracted from one without")
		}
		if d.plain && o.plain {
			r, err := microDelta(d.t.UnixMicro() - o.t.UnixMicro())
			return r, true, err
		}
		r, err := newInterval(o, d)
		return r, true, err
	}
	return nil, false, nil
}

// addInterval adds the parts of an interval by the calendar. Taken away, pendulum takes the
// years and months twice: once by the calendar and once within the seconds.
func (d DateTime) addInterval(o Interval, sign int64) (any, error) {
	if sign > 0 {
		p := o.parts
		return d.shift(shift{
			years: int64(p.years), months: int64(p.months), days: int64(p.days),
			micros: int64(p.rest / time.Microsecond),
		})
	}
	if o.parts.years != 0 || o.parts.months != 0 {
		return nil, errors.New("pendulum subtracts the months of an interval twice: write x - (b - a).as_duration(), or x.subtract(months=1)")
	}
	return d.at(d.t.Add(-o.d))
}

// Attr implements [Object].
func (d DateTime) Attr(name string) (any, error) {
	if v, ok := dateAttr(d.t, name); ok {
		return v, nil
	}
	if v, ok := clockAttr(d.t, name); ok {
		return v, nil
	}
	_, offset := d.t.Zone()
	switch name {
	case "int_timestamp":
		return d.t.Unix(), nil
	case "float_timestamp":
		return float64(d.t.UnixMicro()) / 1e6, nil
	case "tzinfo", "timezone", "tz":
		if d.naive {
			return nil, nil
		}
		return d.zone(), nil
	case "timezone_name":
		if d.naive {
			return nil, nil
		}
		return d.zone().Str(), nil
	case "offset":
		return int64(offset), nil
	case "offset_hours":
		return float64(offset) / 3600, nil
	}
	return pyval.Undefined{}, nil
}

// clockAttr is an attribute that datetimes and times have.
func clockAttr(t time.Time, name string) (any, bool) {
	switch name {
	case "hour":
		return int64(t.Hour()), true
	case "minute":
		return int64(t.Minute()), true
	case "second":
		return int64(t.Second()), true
	case "microsecond":
		return int64(t.Nanosecond() / 1000), true
	}
	return nil, false
}

// dateAttr is an attribute that datetimes and dates have.
func dateAttr(t time.Time, name string) (any, bool) {
	_, week := t.ISOWeek()
	var n int
	switch name {
	case "year":
		n = t.Year()
	case "month":
		n = int(t.Month())
	case "day":
		n = t.Day()
	case "day_of_week":
		n = isoWeekday(t) - 1
	case "day_of_year":
		n = t.YearDay()
	case "week_of_year":
		n = week
	case "week_of_month":
		n = (t.Day() + isoWeekday(t.AddDate(0, 0, 1-t.Day())) - 2) / 7
		n++
	case "quarter":
		n = (int(t.Month())-1)/3 + 1
	case "days_in_month":
		n = daysIn(t.Year(), t.Month())
	default:
		return nil, false
	}
	return int64(n), true
}

func daysIn(year int, m time.Month) int { return time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// Method implements [Object].
func (d DateTime) Method(name string) pyval.Method { return pyval.Bind(dateTimeMethods[name], d) }

// Names implements [Object].
func (d DateTime) Names() []string {
	names := append([]string{"hour", "minute", "second", "microsecond", "int_timestamp", "float_timestamp", "tzinfo", "timezone", "timezone_name", "offset", "offset_hours"}, dateAttrs...)
	for n := range dateTimeMethods {
		names = append(names, n)
	}
	return names
}

var dateAttrs = []string{"year", "month", "day", "day_of_week", "day_of_year", "week_of_year", "week_of_month", "quarter", "days_in_month"}

// Format formats by strftime codes.
func (d DateTime) Format(format string) (any, error) { return d.strftime(format) }

// MakeDateTime is the datetime constructor. Without tzinfo the result is naive.
func MakeDateTime(_ *pyval.Budget, a *pyval.Args) (any, error) {
	year, month, day := a.Int("year"), a.Int("month"), a.Int("day")
	hour, minute, second, micro := a.IntOr("hour", 0), a.IntOr("minute", 0), a.IntOr("second", 0), a.IntOr("microsecond", 0)
	tz := a.AnyOr("tzinfo", nil)
	if err := a.Done(); err != nil {
		return nil, err
	}
	w, err := makeTime(year, month, day, hour, minute, second, micro)
	if err != nil || tz == nil {
		return DateTime{t: w, naive: true, plain: true}, err
	}
	loc, err := zone(tz, a)
	if err != nil {
		return nil, err
	}
	return DateTime{t: resolve(w, loc, true), plain: true}, nil
}

func makeTime(year, month, day, hour, minute, second, micro int) (time.Time, error) {
	if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysIn(year, time.Month(month)) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || micro < 0 || micro > 999_999 {
		return time.Time{}, fmt.Errorf("datetime: %04d-%02d-%02d %02d:%02d:%02d does not exist", year, month, day, hour, minute, second)
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, time.UTC), nil
}

// InZone takes an optional zone from the arguments and returns t there; without
// one the result is naive.
func InZone(t time.Time, a *pyval.Args) (any, error) {
	tz := a.AnyOr("tz", nil)
	if tz == nil {
		return NewNaiveDateTime(t), a.Done()
	}
	loc, err := zone(tz, a)
	if err != nil {
		return nil, err
	}
	return DateTime{t: t.In(loc).Truncate(time.Microsecond), plain: true, early: true}, nil
}

// HashKey implements pyval.Hashable.
func (d DateTime) HashKey() (any, error) { return d.t.UnixNano(), nil }

// JSON implements pyval.JSONText.
func (d DateTime) JSON() string { return d.ISO("T") }
