// Package pytime holds the dates of templates: datetimes, durations and intervals of pendulum, those of
// Python itself, and relativedelta. They are objects of pyval.
package pytime

import (
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// Date is a date without a time of day.
type Date struct {
	year  int
	month time.Month
	day   int
	plain bool // Python's own, not pendulum's
}

// NewDate returns the date that t shows, of Python's own class.
func NewDate(t time.Time) Date { return Date{t.Year(), t.Month(), t.Day(), true} }

func dateOf(d DateTime) Date { return Date{d.t.Year(), d.t.Month(), d.t.Day(), d.plain} }

// Time returns midnight UTC of the date.
func (d Date) Time() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

// midnight is the date as a datetime without zone.
func (d Date) midnight() DateTime { return DateTime{t: d.Time(), naive: true, plain: d.plain} }

// TypeName implements [Object].
func (d Date) TypeName() string { return "date" }

// Str implements [Printer].
func (d Date) Str() string { return d.Time().Format(time.DateOnly) }

// Repr implements [Printer].
func (d Date) Repr() string {
	class := "Date"
	if d.plain {
		class = "datetime.date"
	}
	return fmt.Sprintf("%s(%d, %d, %d)", class, d.year, d.month, d.day)
}

// FormatSpec implements pyval.Formatted.
func (d Date) FormatSpec(spec string) (string, error) { return d.midnight().FormatSpec(spec) }

// Attr implements [Object].
func (d Date) Attr(name string) (any, error) {
	if v, ok := dateAttr(d.Time(), name); ok {
		return v, nil
	}
	return pyval.Undefined{}, nil
}

// dateMethods are the methods of datetimes that make sense for a date.
var dateMethods = []string{
	"strftime", "weekday", "isoweekday", "isocalendar", "to_date_string", "to_formatted_date_string", "format", "add",
	"subtract", "replace", "set", "start_of", "end_of", "next", "previous", "first_of", "last_of", "nth_of",
	"is_leap_year", "is_long_year", "toordinal", "timetuple", "ctime",
}

// Method implements [Object].
func (d Date) Method(name string) pyval.Method {
	switch name {
	case "isoformat":
		return func(_ *pyval.Budget, a *pyval.Args) (any, error) { return d.Str(), a.Done() }
	case "diff":
		return d.diff
	}
	for _, n := range dateMethods {
		if n != name {
			continue
		}
		return func(b *pyval.Budget, a *pyval.Args) (any, error) {
			r, err := dateTimeMethods[name](b, d.midnight(), a)
			if t, ok := r.(DateTime); ok {
				return dateOf(t), err
			}
			return r, err
		}
	}
	return nil
}

func (d Date) diff(_ *pyval.Budget, a *pyval.Args) (any, error) {
	other, ok := a.Any("dt").(Date)
	absolute := a.BoolOr("abs", true)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("diff: needs a date")
	}
	i := newDateInterval(d, other)
	if absolute {
		i = i.absolute()
	}
	return i, nil
}

// Names implements [Object].
func (d Date) Names() []string {
	return append(append([]string{"isoformat", "diff"}, dateAttrs...), dateMethods...)
}

// CompareTo orders dates.
func (d Date) CompareTo(other any) (int, bool, error) {
	o, ok := other.(Date)
	if !ok {
		return 0, false, nil
	}
	return d.Time().Compare(o.Time()), true, nil
}

// Operate adds and subtracts whole days and subtracts dates.
func (d Date) Operate(op string, other any, reflected bool) (any, bool, error) {
	if o, ok := other.(Date); ok {
		if op != "-" || reflected {
			return nil, false, nil
		}
		if d.plain && o.plain {
			return Delta{d: d.Time().Sub(o.Time())}, true, nil
		}
		return newDateInterval(o, d), true, nil
	}
	if delta, ok := other.(Delta); ok {
		days, _ := delta.parts()
		other = Delta{d: time.Duration(days) * 24 * time.Hour}
	}
	if _, ok := other.(DateTime); ok {
		return nil, false, nil
	}
	r, ok, err := d.midnight().Operate(op, other, reflected)
	if t, isTime := r.(DateTime); isTime {
		r = dateOf(t)
	}
	return r, ok, err
}

// TimeOfDay is a time without a date.
type TimeOfDay struct {
	t     time.Time
	plain bool
}

func timeOf(d DateTime) TimeOfDay {
	t := d.t
	return TimeOfDay{time.Date(1900, 1, 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), d.plain}
}

// TypeName implements [Object].
func (c TimeOfDay) TypeName() string { return "time" }

// Str implements [Printer].
func (c TimeOfDay) Str() string {
	if c.t.Nanosecond() > 0 {
		return c.t.Format("15:04:05.000000")
	}
	return c.t.Format("15:04:05")
}

// Repr implements [Printer].
func (c TimeOfDay) Repr() string {
	class := "Time"
	if c.plain {
		class = "datetime.time"
	}
	s := fmt.Sprintf("%s(%d, %d", class, c.t.Hour(), c.t.Minute())
	if c.t.Second() > 0 || c.t.Nanosecond() > 0 || !c.plain {
		s += fmt.Sprintf(", %d", c.t.Second())
	}
	if c.t.Nanosecond() > 0 {
		s += fmt.Sprintf(", %d", c.t.Nanosecond()/1000)
	}
	return s + ")"
}

// FormatSpec implements pyval.Formatted.
func (c TimeOfDay) FormatSpec(spec string) (string, error) {
	return DateTime{t: c.t, naive: true, plain: c.plain}.FormatSpec(spec)
}

// Attr implements [Object].
func (c TimeOfDay) Attr(name string) (any, error) {
	if v, ok := clockAttr(c.t, name); ok {
		return v, nil
	}
	return pyval.Undefined{}, nil
}

// Method implements [Object].
func (c TimeOfDay) Method(name string) pyval.Method {
	switch name {
	case "strftime", "format":
		return DateTime{t: c.t, naive: true, plain: c.plain}.Method(name)
	case "isoformat":
		return func(_ *pyval.Budget, a *pyval.Args) (any, error) {
			spec := a.TextOr("timespec", "auto")
			if err := a.Done(); err != nil {
				return nil, err
			}
			layout, err := clockLayout(spec)
			if err != nil || layout == "" {
				return c.Str(), err
			}
			return c.t.Format(layout), nil
		}
	}
	return nil
}

// Names implements [Object].
func (c TimeOfDay) Names() []string {
	return []string{"hour", "minute", "second", "microsecond", "strftime", "isoformat", "format"}
}

// CompareTo orders times of day.
func (c TimeOfDay) CompareTo(other any) (int, bool, error) {
	o, ok := other.(TimeOfDay)
	if !ok {
		return 0, false, nil
	}
	return c.t.Compare(o.t), true, nil
}

// dateKey tells a date from a number that is as large.
type dateKey int64

// HashKey implements pyval.Hashable.
func (d Date) HashKey() (any, error) { return dateKey(d.Time().Unix()), nil }

// JSON implements pyval.JSONText.
func (d Date) JSON() string { return d.Str() }
