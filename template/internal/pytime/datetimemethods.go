package pytime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

type dateTimeMethod = func(*pyval.Budget, DateTime, *pyval.Args) (any, error)

var dateTimeMethods = map[string]dateTimeMethod{
	"strftime": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		format := a.Text("format")
		if err := a.Done(); err != nil {
			return nil, err
		}
		return d.strftime(format)
	},
	"isoformat": isoFormat,
	"date":      func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return dateOf(d), a.Done() },
	"time":      func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return timeOf(d), a.Done() },
	"timestamp": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		return float64(d.t.UnixMicro()) / 1e6, a.Done()
	},
	"weekday": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		return int64(isoWeekday(d.t) - 1), a.Done()
	},
	"isoweekday":  func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return int64(isoWeekday(d.t)), a.Done() },
	"isocalendar": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return isoCalendar(d.t), a.Done() },
	"toordinal":   func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return ordinal(d.t), a.Done() },
	"timetuple":   func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return NewTimeTuple(d.t), a.Done() },
	"ctime":       layoutMethod("Mon Jan _2 15:04:05 2006"),
	"utcoffset": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		_, seconds := d.t.Zone()
		return orNone(d, Delta{d: time.Duration(seconds) * time.Second}), a.Done()
	},
	"dst": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		saved := time.Duration(0)
		if d.t.IsDST() {
			saved = time.Hour
		}
		return orNone(d, Delta{d: saved}), a.Done()
	},
	"tzname": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		return orNone(d, zoneName(d.t)), a.Done()
	},
	"is_dst": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.t.IsDST(), a.Done() },
	"is_utc": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		_, seconds := d.t.Zone()
		return seconds == 0, a.Done()
	},
	"is_leap_year": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		return daysIn(d.t.Year(), 2) == 29, a.Done()
	},
	"is_long_year": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return isLongYear(d.t), a.Done() },
	"is_same_day": compareDays(func(x, y time.Time) bool {
		return x.Format(time.DateOnly) == y.Format(time.DateOnly)
	}),
	"is_anniversary": compareDays(sameBirthday),
	"is_birthday":    compareDays(sameBirthday),

	"to_date_string":           layoutMethod("2006-01-02"),
	"to_time_string":           layoutMethod("15:04:05"),
	"to_datetime_string":       layoutMethod("2006-01-02 15:04:05"),
	"to_formatted_date_string": layoutMethod("Jan 02, 2006"),
	"to_day_datetime_string":   layoutMethod("Mon, Jan 2, 2006 3:04 PM"),
	"to_atom_string":           layoutMethod("2006-01-02T15:04:05-07:00"),
	"to_w3c_string":            layoutMethod("2006-01-02T15:04:05-07:00"),
	"to_cookie_string":         layoutMethod("Monday, 02-Jan-2006 15:04:05 MST"),
	"to_rfc850_string":         layoutMethod("Monday, 02-Jan-06 15:04:05 MST"),
	"to_rfc822_string":         layoutMethod("Mon, 02 Jan 06 15:04:05 -0700"),
	"to_rfc1036_string":        layoutMethod("Mon, 02 Jan 06 15:04:05 -0700"),
	"to_rfc1123_string":        layoutMethod("Mon, 02 Jan 2006 15:04:05 -0700"),
	"to_rfc2822_string":        layoutMethod("Mon, 02 Jan 2006 15:04:05 -0700"),
	"to_rss_string":            layoutMethod("Mon, 02 Jan 2006 15:04:05 -0700"),
	"to_rfc3339_string":        func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.ISO("T"), a.Done() },
	"to_iso8601_string": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		s := d.ISO("T")
		if d.t.Location().String() == "UTC" {
			s = strings.Replace(s, "+00:00", "Z", 1)
		}
		return s, a.Done()
	},
	"format": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		f, locale := a.Text("fmt"), a.TextOr("locale", "en")
		if err := a.Done(); err != nil {
			return nil, err
		}
		words, err := languageOf(locale)
		if err != nil {
			return nil, err
		}
		return pendulumFormat(d, f, words)
	},

	"add":         func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.shiftBy(a, 1) },
	"subtract":    func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.shiftBy(a, -1) },
	"in_timezone": inTimezone,
	"in_tz":       inTimezone,
	"astimezone":  inTimezone,
	"naive": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		return DateTime{t: wall(d.t), naive: true, plain: d.plain}, a.Done()
	},
	"replace": replaceFields,
	"set":     replaceFields,
	"at": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		hour, minute, second, micro := a.Int("hour"), a.IntOr("minute", 0), a.IntOr("second", 0), a.IntOr("microsecond", 0)
		if err := a.Done(); err != nil {
			return nil, err
		}
		return d.fields(d.t.Year(), int(d.t.Month()), d.t.Day(), hour, minute, second, micro)
	},
	"on": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		year, month, day := a.Int("year"), a.Int("month"), a.Int("day")
		if err := a.Done(); err != nil {
			return nil, err
		}
		return d.day(year, month, day)
	},
	"start_of": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.edge(a, false) },
	"end_of":   func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.edge(a, true) },
	"next":     func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.neighbour(a, 1) },
	"previous": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.neighbour(a, -1) },
	"first_of": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.ofUnit(a, false) },
	"last_of":  func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.ofUnit(a, true) },
	"nth_of":   nthOf,

	"diff":            diffMethod,
	"diff_for_humans": diffForHumans,
	"closest":         func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.extreme(a, -1) },
	"farthest":        func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.extreme(a, 1) },
	"average": func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		other, err := d.otherOf(a)
		if err != nil {
			return nil, err
		}
		micros := other.t.UnixMicro() - d.t.UnixMicro()
		return d.at(d.t.Add(time.Duration(micros>>1) * time.Microsecond))
	},
}

func orNone(d DateTime, v any) any {
	if d.naive {
		return nil
	}
	return v
}

func isoFormat(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
	sep, spec := a.TextOr("sep", "T"), a.TextOr("timespec", "auto")
	if err := a.Done(); err != nil {
		return nil, err
	}
	clock, err := clockLayout(spec)
	if err != nil || clock == "" {
		return d.ISO(sep), err
	}
	if !d.naive {
		clock += "-07:00"
	}
	return d.t.Format("2006-01-02" + sep + clock), nil
}

// clockLayout is the layout of a timespec, empty for auto.
func clockLayout(spec string) (string, error) {
	layout, ok := map[string]string{
		"auto": "", "hours": "15", "minutes": "15:04", "seconds": "15:04:05",
		"milliseconds": "15:04:05.000", "microseconds": "15:04:05.000000",
	}[spec]
	if !ok {
		return "", fmt.Errorf("isoformat: timespec is auto, hours, minutes, seconds, milliseconds or microseconds, not %q", spec)
	}
	return layout, nil
}

func compareDays(same func(x, y time.Time) bool) dateTimeMethod {
	return func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
		other, err := d.otherOf(a)
		return same(d.t, other.t), err
	}
}

func sameBirthday(x, y time.Time) bool { return x.Month() == y.Month() && x.Day() == y.Day() }

// otherOf takes the one argument, a datetime to compare with.
func (d DateTime) otherOf(a *pyval.Args) (DateTime, error) {
	v := a.Any("dt")
	if err := a.Done(); err != nil {
		return d, err
	}
	other, ok := v.(DateTime)
	if !ok {
		return d, fmt.Errorf("%s: needs a datetime, not %q", a.Func(), pyval.TypeName(v))
	}
	if other.naive != d.naive {
		return d, fmt.Errorf("%s: one datetime has a zone and the other has none", a.Func())
	}
	return other, nil
}

func isLongYear(t time.Time) bool {
	_, week := time.Date(t.Year(), 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek()
	return week == 53
}

// ordinal counts days from the first of the year 1.
func ordinal(t time.Time) int64 {
	const unixEpoch = 719163
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix()/86400 + unixEpoch
}

func layoutMethod(layout string) dateTimeMethod {
	return func(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) { return d.t.Format(layout), a.Done() }
}

// isoCalendar is a tuple whose parts also have names.
func isoCalendar(t time.Time) any {
	year, week := t.ISOWeek()
	return pyval.NewNamedTuple("datetime.IsoCalendarDate", []string{"year", "week", "weekday"},
		pyval.Tuple{int64(year), int64(week), int64(isoWeekday(t))})
}

// NewTimeTuple is a time.struct_time.
func NewTimeTuple(t time.Time) any {
	dst := int64(0)
	if t.IsDST() {
		dst = 1
	}
	return pyval.NewNamedTuple("time.struct_time",
		[]string{"tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec", "tm_wday", "tm_yday", "tm_isdst"},
		pyval.Tuple{
			int64(t.Year()), int64(t.Month()), int64(t.Day()), int64(t.Hour()), int64(t.Minute()), int64(t.Second()),
			int64(isoWeekday(t) - 1), int64(t.YearDay()), dst,
		})
}

func inTimezone(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
	loc, err := zone(a.Any("tz"), a)
	if err != nil {
		return nil, err
	}
	at := d.t.In(loc)
	return DateTime{t: at, plain: d.plain, early: !at.Equal(resolve(wall(at), loc, false))}, nil
}

func replaceFields(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
	t := d.t
	year, month, day := a.IntOr("year", t.Year()), a.IntOr("month", int(t.Month())), a.IntOr("day", t.Day())
	hour, minute := a.IntOr("hour", t.Hour()), a.IntOr("minute", t.Minute())
	second, micro := a.IntOr("second", t.Second()), a.IntOr("microsecond", t.Nanosecond()/1000)
	for _, name := range []string{"tzinfo", "tz"} {
		if !a.HasKeyword(name) {
			continue
		}
		tz := a.KeywordOr(name, nil)
		if d.naive = tz == nil; d.naive {
			break
		}
		loc, err := zone(tz, a)
		if err != nil {
			return nil, err
		}
		d.t = d.t.In(loc)
	}
	if err := a.Done(); err != nil {
		return nil, err
	}
	return d.fields(year, month, day, hour, minute, second, micro)
}

// fields is d with other fields.
func (d DateTime) fields(year, month, day, hour, minute, second, micro int) (any, error) {
	w, err := makeTime(year, month, day, hour, minute, second, micro)
	if err != nil {
		return nil, err
	}
	return d.on(w)
}

func (d DateTime) day(year, month, day int) (any, error) {
	t := d.t
	return d.fields(year, month, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond()/1000)
}

// midnight is the start of a day in the zone of d.
func (d DateTime) midnight(year int, month time.Month, day int) (any, error) {
	return d.on(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

func diffMethod(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
	v, absolute := a.Any("dt"), a.BoolOr("abs", true)
	if err := a.Done(); err != nil {
		return nil, err
	}
	other, ok := v.(DateTime)
	if !ok {
		return nil, errors.New("diff: needs a datetime")
	}
	if d.naive != other.naive {
		return nil, errors.New("diff: one datetime has a zone and the other has none")
	}
	r, err := newInterval(d, other)
	if i, ok := r.(Interval); ok && absolute {
		return i.absolute(), nil
	}
	return r, err
}

func diffForHumans(_ *pyval.Budget, d DateTime, a *pyval.Args) (any, error) {
	v, absolute, locale := a.Any("other"), a.BoolOr("absolute", false), a.TextOr("locale", "en")
	if err := a.Done(); err != nil {
		return nil, err
	}
	other, ok := v.(DateTime)
	switch {
	case !ok:
		return nil, errors.New("diff_for_humans: needs the datetime to compare with")
	case locale != "en":
		return nil, fmt.Errorf("diff_for_humans: speaks English only, not %q", locale)
	case absolute:
		diff := preciseDiff(d.t, other.t)
		if d.t.After(other.t) {
			diff = diff.times(-1)
		}
		return diff.humanWords(), nil
	}
	return Humanize(d.t, other.t, false), nil
}

// extreme is the closest or farthest of several datetimes.
func (d DateTime) extreme(a *pyval.Args, sign int) (any, error) {
	options := a.More()
	if err := a.Done(); err != nil {
		return nil, err
	}
	if len(options) == 0 {
		return nil, fmt.Errorf("%s: needs datetimes to choose from", a.Func())
	}
	for _, o := range options {
		if other, ok := o.(DateTime); !ok || other.naive != d.naive {
			return nil, fmt.Errorf("%s: needs datetimes of the same kind", a.Func())
		}
	}
	distance := func(v any) time.Duration { return v.(DateTime).t.Sub(d.t).Abs() }
	return slices.MaxFunc(options, func(x, y any) int {
		return sign * int(min(max(distance(x)-distance(y), -1), 1))
	}), nil
}
