package pyval

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Date is a date without a time of day.
type Date struct {
	year  int
	month time.Month
	day   int
}

// NewDate returns the date that t shows.
func NewDate(t time.Time) Date { return Date{t.Year(), t.Month(), t.Day()} }

// Time returns midnight UTC of the date.
func (d Date) Time() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

// TypeName implements [Object].
func (d Date) TypeName() string { return "date" }

// Str implements [Printer].
func (d Date) Str() string { return d.Time().Format(time.DateOnly) }

// Repr implements [Printer].
func (d Date) Repr() string { return fmt.Sprintf("datetime.date(%d, %d, %d)", d.year, d.month, d.day) }

func (d Date) strftime(format string) (string, error) { return Strftime(d.Time(), true, format) }

// Attr implements [Object].
func (d Date) Attr(name string) (any, error) {
	if v, ok := dateAttr(d.Time(), name); ok {
		return v, nil
	}
	return Undefined{}, nil
}

// Method implements [Object]: the methods of datetimes that make sense for a date.
func (d Date) Method(name string) Method {
	at := DateTime{t: d.Time(), naive: true}
	switch name {
	case "strftime", "weekday", "isoweekday", "isocalendar", "to_date_string", "format":
		return at.Method(name)
	case "isoformat":
		return func(_ *Budget, a *Args) (any, error) { return d.Str(), a.Done() }
	case "add", "subtract", "replace", "start_of", "end_of":
		return func(b *Budget, a *Args) (any, error) {
			r, err := at.Method(name)(b, a)
			if t, ok := r.(DateTime); ok {
				return NewDate(t.t), err
			}
			return r, err
		}
	}
	return nil
}

// Names implements [Object].
func (d Date) Names() []string {
	return []string{"year", "month", "day", "strftime", "isoformat", "weekday", "isoweekday", "isocalendar", "replace", "add", "subtract", "start_of", "end_of", "format"}
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
	at := DateTime{t: d.Time(), naive: true}
	if o, ok := other.(Date); ok {
		return at.Operate(op, DateTime{t: o.Time(), naive: true}, reflected)
	}
	if delta, ok := other.(Delta); ok {
		days, _ := delta.parts()
		other = Delta{time.Duration(days) * 24 * time.Hour}
	}
	if _, ok := other.(DateTime); ok {
		return nil, false, nil
	}
	r, ok, err := at.Operate(op, other, reflected)
	if t, isTime := r.(DateTime); isTime {
		r = NewDate(t.t)
	}
	return r, ok, err
}

// RelativeDelta is dateutil's relativedelta: months and years keep the day of the
// month where they can.
type RelativeDelta struct {
	years, months, weeks, days, hours, minutes, seconds, microseconds int
}

// relativeField is the part of r with that name, nil for none.
func relativeField(r *RelativeDelta, name string) *int {
	switch name {
	case "years":
		return &r.years
	case "months":
		return &r.months
	case "weeks":
		return &r.weeks
	case "days":
		return &r.days
	case "hours":
		return &r.hours
	case "minutes":
		return &r.minutes
	case "seconds":
		return &r.seconds
	case "microseconds":
		return &r.microseconds
	}
	return nil
}

var relativeFields = []string{"years", "months", "weeks", "days", "hours", "minutes", "seconds", "microseconds"}

func relativeArgs(a *Args) (RelativeDelta, error) {
	var r RelativeDelta
	for _, name := range relativeFields {
		n := a.IntOr(name, 0)
		if n > 1<<31 || n < -1<<31 {
			return r, fmt.Errorf("%s: %s is too large", a.fn, name)
		}
		*relativeField(&r, name) = n
	}
	return r, a.Done()
}

// MakeRelativeDelta is the relativedelta constructor; it takes keywords.
func MakeRelativeDelta(_ *Budget, a *Args) (any, error) {
	if len(a.pos) > 0 {
		return nil, errors.New("relativedelta takes keywords: relativedelta(months=1)")
	}
	r, err := relativeArgs(a)
	return r, err
}

// addTo adds by the calendar down to days and by elapsed time below.
func (r RelativeDelta) addTo(t time.Time, sign int) time.Time {
	if months := r.years*12 + r.months; months != 0 {
		first := time.Date(t.Year(), t.Month()+time.Month(sign*months), 1, 0, 0, 0, 0, time.UTC)
		day := min(t.Day(), daysIn(first.Year(), first.Month()))
		t = time.Date(first.Year(), first.Month(), day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	}
	if days := r.weeks*7 + r.days; days != 0 {
		t = t.AddDate(0, 0, sign*days)
	}
	t = t.Add(time.Duration(sign*r.hours) * time.Hour)
	t = t.Add(time.Duration(sign*r.minutes) * time.Minute)
	return t.Add(time.Duration(sign*r.seconds)*time.Second + time.Duration(sign*r.microseconds)*time.Microsecond)
}

// TypeName implements [Object].
func (r RelativeDelta) TypeName() string { return "relativedelta" }

// Attr implements [Object].
func (r RelativeDelta) Attr(name string) (any, error) {
	if f := relativeField(&r, name); f != nil {
		return int64(*f), nil
	}
	return Undefined{}, nil
}

// Method implements [Object]; there is none.
func (r RelativeDelta) Method(string) Method { return nil }

// Names implements [Object].
func (r RelativeDelta) Names() []string { return relativeFields }

// pendulumTokens are the tokens of pendulum's format(), longest first.
var pendulumTokens = []struct{ token, code string }{
	{"YYYY", "%Y"},
	{"dddd", "%A"},
	{"MMMM", "%B"},
	{"DDDD", "%j"},
	{"SSSSSS", "%f"},
	{"ddd", "%a"},
	{"MMM", "%b"},
	{"DDD", "%-j"},
	{"YY", "%y"},
	{"MM", "%m"},
	{"DD", "%d"},
	{"HH", "%H"},
	{"hh", "%I"},
	{"mm", "%M"},
	{"ss", "%S"},
	{"ZZ", "%z"},
	{"zz", "%Z"},
	{"M", "%-m"},
	{"D", "%-d"},
	{"H", "%-H"},
	{"h", "%-I"},
	{"m", "%-M"},
	{"s", "%-S"},
	{"A", "%p"},
	{"d", "%w"},
	{"E", "%u"},
	{"X", "%s"},
	{"z", ""},
}

// pendulumFormat is pendulum's format(): YYYY-MM-DD HH:mm:ss, text in brackets as it is.
func pendulumFormat(d DateTime, format string) (string, error) {
	var out strings.Builder
	for format != "" {
		if text, rest, ok := strings.Cut(format[1:], "]"); format[0] == '[' && ok {
			out.WriteString(text)
			format = rest
			continue
		}
		token, code := format[:1], ""
		for _, t := range pendulumTokens {
			if strings.HasPrefix(format, t.token) {
				token, code = t.token, t.code
				break
			}
		}
		text := token
		switch {
		case token == "z":
			text = d.t.Location().String()
		case code != "":
			var err error
			if text, err = d.strftime(code); err != nil {
				return "", err
			}
		}
		out.WriteString(text)
		format = format[len(token):]
	}
	return out.String(), nil
}
