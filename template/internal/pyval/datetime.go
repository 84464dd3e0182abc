package pyval

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DateTime is a datetime with the methods of Python's and of pendulum's.
type DateTime struct {
	t time.Time
	// naive datetimes have no zone; t is then in UTC.
	naive bool
}

// NewDateTime returns an aware datetime, cut to microseconds.
func NewDateTime(t time.Time) DateTime {
	return DateTime{t: t.Truncate(time.Microsecond)}
}

// NewNaiveDateTime returns a datetime without zone that shows the clock of t.
func NewNaiveDateTime(t time.Time) DateTime {
	return DateTime{t: wall(t, time.UTC).Truncate(time.Microsecond), naive: true}
}

// wall returns the clock of t in another zone.
func wall(t time.Time, loc *time.Location) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), loc)
}

// Time returns the datetime as Go has it; naive ones are in UTC.
func (d DateTime) Time() time.Time { return d.t }

// TypeName implements [Object].
func (d DateTime) TypeName() string { return "datetime" }

func (d DateTime) with(t time.Time) (any, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return nil, errors.New("datetime: the year is not between 1 and 9999")
	}
	return DateTime{t: t.Truncate(time.Microsecond), naive: d.naive}, nil
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
	s := fmt.Sprintf("datetime.datetime(%d, %d, %d, %d, %d", d.t.Year(), d.t.Month(), d.t.Day(), d.t.Hour(), d.t.Minute())
	if d.t.Second() > 0 || d.t.Nanosecond() > 0 {
		s += fmt.Sprintf(", %d", d.t.Second())
	}
	if d.t.Nanosecond() > 0 {
		s += fmt.Sprintf(", %d", d.t.Nanosecond()/1000)
	}
	if !d.naive {
		s += fmt.Sprintf(", tzinfo=Timezone('%s')", d.t.Location())
	}
	return s + ")"
}

func (d DateTime) strftime(format string) (string, error) { return Strftime(d.t, d.naive, format) }

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
	switch o := other.(type) {
	case Delta:
		if op == "+" || op == "-" && !reflected {
			r, err := d.with(d.t.Add(map[string]time.Duration{"+": o.d, "-": -o.d}[op]))
			return r, true, err
		}
	case RelativeDelta:
		if op == "+" || op == "-" && !reflected {
			r, err := d.with(o.addTo(d.t, map[string]int{"+": 1, "-": -1}[op]))
			return r, true, err
		}
	case DateTime:
		if op != "-" || reflected {
			break
		}
		if d.naive != o.naive {
			return nil, true, errors.New("a datetime with a zone cannot be subtracted from one without")
		}
		r, err := microDelta(d.t.UnixMicro() - o.t.UnixMicro())
		return r, true, err
	}
	return nil, false, nil
}

// Attr implements [Object].
func (d DateTime) Attr(name string) (any, error) {
	if v, ok := dateAttr(d.t, name); ok {
		return v, nil
	}
	switch name {
	case "hour":
		return int64(d.t.Hour()), nil
	case "minute":
		return int64(d.t.Minute()), nil
	case "second":
		return int64(d.t.Second()), nil
	case "microsecond":
		return int64(d.t.Nanosecond() / 1000), nil
	case "int_timestamp":
		return d.t.Unix(), nil
	case "tzinfo", "timezone", "timezone_name", "tz":
		if d.naive {
			return nil, nil
		}
		return d.t.Location().String(), nil
	}
	return Undefined{}, nil
}

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
func (d DateTime) Method(name string) Method { return bind(dateTimeMethods[name], d) }

// Names implements [Object].
func (d DateTime) Names() []string {
	names := []string{"year", "month", "day", "hour", "minute", "second", "microsecond", "day_of_week", "day_of_year", "week_of_year", "quarter", "days_in_month", "int_timestamp", "tzinfo", "timezone_name"}
	for n := range dateTimeMethods {
		names = append(names, n)
	}
	return names
}

var dateTimeMethods = map[string]func(*Budget, DateTime, *Args) (any, error){
	"strftime": func(_ *Budget, d DateTime, a *Args) (any, error) {
		format := a.Text("format")
		if err := a.Done(); err != nil {
			return nil, err
		}
		return d.strftime(format)
	},
	"isoformat": func(_ *Budget, d DateTime, a *Args) (any, error) { return d.ISO(a.TextOr("sep", "T")), a.Done() },
	"date":      func(_ *Budget, d DateTime, a *Args) (any, error) { return NewDate(d.t), a.Done() },
	"timestamp": func(_ *Budget, d DateTime, a *Args) (any, error) { return float64(d.t.UnixMicro()) / 1e6, a.Done() },
	"weekday":   func(_ *Budget, d DateTime, a *Args) (any, error) { return int64(isoWeekday(d.t) - 1), a.Done() },
	"isoweekday": func(_ *Budget, d DateTime, a *Args) (any, error) {
		return int64(isoWeekday(d.t)), a.Done()
	},
	"isocalendar":        func(_ *Budget, d DateTime, a *Args) (any, error) { return isoCalendar(d.t), a.Done() },
	"to_date_string":     layoutMethod("2006-01-02"),
	"to_time_string":     layoutMethod("15:04:05"),
	"to_datetime_string": layoutMethod("2006-01-02 15:04:05"),
	"to_iso8601_string": func(_ *Budget, d DateTime, a *Args) (any, error) {
		return strings.Replace(d.ISO("T"), "+00:00", "Z", 1), a.Done()
	},
	"format": func(_ *Budget, d DateTime, a *Args) (any, error) {
		f := a.Text("format")
		if err := a.Done(); err != nil {
			return nil, err
		}
		return pendulumFormat(d, f)
	},
	"add":             func(_ *Budget, d DateTime, a *Args) (any, error) { return d.shift(a, 1) },
	"subtract":        func(_ *Budget, d DateTime, a *Args) (any, error) { return d.shift(a, -1) },
	"in_timezone":     inTimezone,
	"in_tz":           inTimezone,
	"astimezone":      inTimezone,
	"naive":           func(_ *Budget, d DateTime, a *Args) (any, error) { return NewNaiveDateTime(d.t), a.Done() },
	"replace":         replaceFields,
	"set":             replaceFields,
	"start_of":        func(_ *Budget, d DateTime, a *Args) (any, error) { return d.edge(a, false) },
	"end_of":          func(_ *Budget, d DateTime, a *Args) (any, error) { return d.edge(a, true) },
	"diff":            diffMethod,
	"diff_for_humans": diffForHumans,
}

func layoutMethod(layout string) func(*Budget, DateTime, *Args) (any, error) {
	return func(_ *Budget, d DateTime, a *Args) (any, error) { return d.t.Format(layout), a.Done() }
}

func isoCalendar(t time.Time) Tuple {
	year, week := t.ISOWeek()
	return Tuple{int64(year), int64(week), int64(isoWeekday(t))}
}

func (d DateTime) shift(a *Args, sign int) (any, error) {
	r, err := relativeArgs(a)
	if err != nil {
		return nil, err
	}
	return d.with(r.addTo(d.t, sign))
}

func inTimezone(_ *Budget, d DateTime, a *Args) (any, error) {
	loc, err := zone(a.Any("tz"), a)
	if err != nil {
		return nil, err
	}
	return DateTime{t: d.t.In(loc)}, nil
}

// zone returns the zone a template names.
func zone(v any, a *Args) (*time.Location, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	name, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%s: the time zone must be a name such as 'Asia/Shanghai', not %q", a.fn, TypeName(v))
	}
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%s: unknown time zone %q", a.fn, name)
	}
	return loc, nil
}

func replaceFields(_ *Budget, d DateTime, a *Args) (any, error) {
	t := d.t
	year, month, day := a.IntOr("year", t.Year()), a.IntOr("month", int(t.Month())), a.IntOr("day", t.Day())
	hour, minute := a.IntOr("hour", t.Hour()), a.IntOr("minute", t.Minute())
	second, micro := a.IntOr("second", t.Second()), a.IntOr("microsecond", t.Nanosecond()/1000)
	loc, out := t.Location(), d
	if a.Given("tzinfo") {
		tz := a.AnyOr("tzinfo", nil)
		if out.naive, loc = tz == nil, time.UTC; tz != nil {
			var err error
			if loc, err = zone(tz, a); err != nil {
				return nil, err
			}
		}
	}
	if err := a.Done(); err != nil {
		return nil, err
	}
	r, err := makeTime(year, month, day, hour, minute, second, micro, loc)
	if err != nil {
		return nil, err
	}
	return out.with(r)
}

func makeTime(year, month, day, hour, minute, second, micro int, loc *time.Location) (time.Time, error) {
	if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysIn(year, time.Month(month)) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || micro < 0 || micro > 999_999 {
		return time.Time{}, fmt.Errorf("datetime: %04d-%02d-%02d %02d:%02d:%02d does not exist", year, month, day, hour, minute, second)
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, loc), nil
}

// edge returns the first or last moment of the unit around d.
func (d DateTime) edge(a *Args, end bool) (any, error) {
	unit := a.Text("unit")
	if err := a.Done(); err != nil {
		return nil, err
	}
	t, fields := d.t, []int{1, 1, 0, 0, 0}
	keep := slices.Index([]string{"year", "month", "day", "hour", "minute", "second"}, unit)
	for i, v := range []int{int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()} {
		if i < keep {
			fields[i] = v
		}
	}
	start := time.Date(t.Year(), time.Month(fields[0]), fields[1], fields[2], fields[3], fields[4], 0, t.Location())
	next := RelativeDelta{}
	switch unit {
	case "year", "month", "day", "hour", "minute", "second":
		*relativeField(&next, unit+"s") = 1
	case "week":
		start = time.Date(t.Year(), t.Month(), t.Day()-isoWeekday(t)+1, 0, 0, 0, 0, t.Location())
		next.days = 7
	default:
		return nil, fmt.Errorf("%s: unknown unit %q", a.fn, unit)
	}
	if end {
		return d.with(next.addTo(start, 1).Add(-time.Microsecond))
	}
	return d.with(start)
}

func diffMethod(_ *Budget, d DateTime, a *Args) (any, error) {
	other, ok := a.Any("other").(DateTime)
	absolute := a.BoolOr("abs", true)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("diff: needs a datetime")
	}
	r, _, err := other.Operate("-", d, false)
	if err != nil {
		return nil, err
	}
	if delta, ok := r.(Delta); ok && absolute {
		return Delta{delta.d.Abs()}, nil
	}
	return r, nil
}

func diffForHumans(_ *Budget, d DateTime, a *Args) (any, error) {
	other, ok := a.Any("other").(DateTime)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("diff_for_humans: needs the datetime to compare with")
	}
	return Humanize(d.t, other.t, false), nil
}

// Format formats by strftime codes.
func (d DateTime) Format(format string) (any, error) { return d.strftime(format) }

// MakeDateTime is the datetime constructor. Without tzinfo the result is naive.
func MakeDateTime(_ *Budget, a *Args) (any, error) {
	year, month, day := a.Int("year"), a.Int("month"), a.Int("day")
	hour, minute, second, micro := a.IntOr("hour", 0), a.IntOr("minute", 0), a.IntOr("second", 0), a.IntOr("microsecond", 0)
	tz, loc := a.AnyOr("tzinfo", nil), time.UTC
	if err := a.Done(); err != nil {
		return nil, err
	}
	if tz != nil {
		var err error
		if loc, err = zone(tz, a); err != nil {
			return nil, err
		}
	}
	t, err := makeTime(year, month, day, hour, minute, second, micro, loc)
	return DateTime{t: t, naive: tz == nil}, err
}

// InZone takes an optional zone from the arguments and returns t there; without
// one the result is naive.
func InZone(t time.Time, a *Args) (any, error) {
	tz := a.AnyOr("tz", nil)
	if tz == nil {
		return NewNaiveDateTime(t), a.Done()
	}
	loc, err := zone(tz, a)
	if err != nil {
		return nil, err
	}
	return NewDateTime(t.In(loc)), nil
}
