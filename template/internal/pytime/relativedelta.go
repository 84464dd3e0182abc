package pytime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// RelativeDelta is dateutil's relativedelta: months and years keep the day of the month
// where they can, and absolute fields replace those of the datetime.
type RelativeDelta struct {
	relative [7]int64 // of relativeFields
	absolute [7]int64 // of absoluteFields, -1 is none
	weekday  int      // 0 is Monday, -1 is none
}

var (
	relativeFields = []string{"years", "months", "days", "hours", "minutes", "seconds", "microseconds"}
	absoluteFields = []string{"year", "month", "day", "hour", "minute", "second", "microsecond"}
)

// MakeRelativeDelta is the relativedelta constructor; it takes keywords.
func MakeRelativeDelta(_ *pyval.Budget, a *pyval.Args) (any, error) {
	if a.Count() > 0 {
		return nil, errors.New("relativedelta takes keywords here: relativedelta(months=1); the difference of two dates is (b - a).in_months() and its like")
	}
	r := RelativeDelta{weekday: a.IntOr("weekday", -1)}
	for i, name := range absoluteFields {
		r.absolute[i] = int64(a.IntOr(name, -1))
	}
	for i, name := range relativeFields {
		r.relative[i] = int64(a.IntOr(name, 0))
	}
	r.relative[2] += 7 * int64(a.IntOr("weeks", 0))
	if err := a.Done(); err != nil {
		return nil, err
	}
	if r.weekday < -1 || r.weekday > 6 {
		return nil, errors.New("relativedelta: weekday is 0 for Monday to 6 for Sunday")
	}
	for i, name := range relativeFields {
		if n := r.relative[i]; n > 1<<31 || n < -1<<31 {
			return nil, fmt.Errorf("relativedelta: %s is too large", name)
		}
	}
	return r.carried(), nil
}

// carried makes 14 months a year and two months, and so on; days never become months.
func (r RelativeDelta) carried() RelativeDelta {
	for _, c := range []struct{ from, to, size int64 }{{6, 5, 1_000_000}, {5, 4, 60}, {4, 3, 60}, {3, 2, 24}, {1, 0, 12}} {
		over := r.relative[c.from] / c.size
		r.relative[c.to] += over
		r.relative[c.from] -= over * c.size
	}
	return r
}

// addTo replaces the absolute fields, moves years and months by the calendar, the rest by
// elapsed time.
func (r RelativeDelta) addTo(d DateTime, sign int64) (any, error) {
	w := wall(d.t)
	f := [7]int64{
		int64(w.Year()), int64(w.Month()), int64(w.Day()), int64(w.Hour()), int64(w.Minute()), int64(w.Second()),
		int64(w.Nanosecond() / 1000),
	}
	for i, v := range r.absolute {
		if v >= 0 {
			f[i] = v
		}
	}
	first := time.Date(int(f[0]+sign*r.relative[0]), time.Month(f[1]+sign*r.relative[1]), 1, 0, 0, 0, 0, time.UTC)
	day := min(int(f[2]), daysIn(first.Year(), first.Month()))
	at, err := d.fields(first.Year(), int(first.Month()), day, int(f[3]), int(f[4]), int(f[5]), int(f[6]))
	moved, ok := at.(DateTime)
	if !ok {
		return nil, err
	}
	n := r.relative
	elapsed := time.Duration(n[3])*time.Hour + time.Duration(n[4])*time.Minute + time.Duration(n[5])*time.Second +
		time.Duration(n[6])*time.Microsecond
	elapsed *= time.Duration(sign)
	if d.plain {
		moved.t = moved.t.AddDate(0, 0, int(sign*n[2])).Add(elapsed)
	} else {
		moved.t = moved.t.Add(elapsed + time.Duration(sign*n[2])*24*time.Hour)
	}
	if r.weekday >= 0 {
		moved.t = moved.t.AddDate(0, 0, (7-(isoWeekday(moved.t)-1)+r.weekday)%7)
	}
	return moved.check()
}

// TypeName implements [Object].
func (r RelativeDelta) TypeName() string { return "relativedelta" }

// Str implements [Printer].
func (r RelativeDelta) Str() string {
	var parts []string
	for i, name := range relativeFields {
		if n := r.relative[i]; n != 0 {
			parts = append(parts, fmt.Sprintf("%s=%+d", name, n))
		}
	}
	for i, name := range absoluteFields {
		if n := r.absolute[i]; n >= 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", name, n))
		}
	}
	if r.weekday >= 0 {
		parts = append(parts, "weekday="+[]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}[r.weekday])
	}
	return "relativedelta(" + strings.Join(parts, ", ") + ")"
}

// Repr implements [Printer].
func (r RelativeDelta) Repr() string { return r.Str() }

// Attr implements [Object].
func (r RelativeDelta) Attr(name string) (any, error) {
	if i := slices.Index(relativeFields, name); i >= 0 {
		return r.relative[i], nil
	}
	if i := slices.Index(absoluteFields, name); i >= 0 {
		if r.absolute[i] < 0 {
			return nil, nil
		}
		return r.absolute[i], nil
	}
	if name == "weeks" {
		return r.relative[2] / 7, nil
	}
	return pyval.Undefined{}, nil
}

// Method implements [Object]; there is none.
func (r RelativeDelta) Method(string) pyval.Method { return nil }

// Names implements [Object].
func (r RelativeDelta) Names() []string {
	return slices.Concat(relativeFields, absoluteFields, []string{"weeks"})
}
