package pytime

import (
	"fmt"
	"math"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// shift is how far pendulum's add moves a datetime.
type shift struct{ years, months, days, micros int64 }

// shift moves by the clock when years, months, weeks or days are among the parts, hours
// and less too; else by elapsed time.
func (d DateTime) shift(s shift) (any, error) {
	elapsed := time.Duration(s.micros) * time.Microsecond
	if s.years == 0 && s.months == 0 && s.days == 0 {
		return d.at(d.t.Add(elapsed))
	}
	w := wall(d.t)
	if s.years != 0 || s.months != 0 {
		first := time.Date(w.Year()+int(s.years), w.Month()+time.Month(s.months), 1, 0, 0, 0, 0, time.UTC)
		day := min(w.Day(), daysIn(first.Year(), first.Month()))
		w = time.Date(first.Year(), first.Month(), day, w.Hour(), w.Minute(), w.Second(), w.Nanosecond(), time.UTC)
	}
	d.early = false
	return d.on(w.AddDate(0, 0, int(s.days)).Add(elapsed))
}

func (d DateTime) shiftBy(a *pyval.Args, sign int64) (any, error) {
	s, err := shiftArgs(a, sign)
	if err != nil {
		return nil, err
	}
	return d.shift(s)
}

// shiftArgs reads the arguments of add and subtract.
func shiftArgs(a *pyval.Args, sign int64) (shift, error) {
	var s shift
	s.years, s.months = sign*int64(a.IntOr("years", 0)), sign*int64(a.IntOr("months", 0))
	micros := 0.0
	for _, u := range []struct {
		name string
		size time.Duration
	}{
		{"weeks", 7 * 24 * time.Hour},
		{"days", 24 * time.Hour},
		{"hours", time.Hour},
		{"minutes", time.Minute},
		{"seconds", time.Second},
		{"microseconds", time.Microsecond},
	} {
		n := float64(sign) * a.FloatOr(u.name, 0)
		if whole := math.Trunc(n); u.size >= 24*time.Hour && math.Abs(whole) < 1<<31 {
			s.days += int64(whole) * int64(u.size/(24*time.Hour))
			n -= whole
			if whole == 0 && n != 0 { // half a day is by the clock too
				s.days++
				n--
			}
		}
		micros += n * float64(u.size/time.Microsecond)
	}
	const most = 1 << 31
	if max(s.years, s.months, s.days) > most || min(s.years, s.months, s.days) < -most || math.Abs(micros) > maxMicros {
		return s, fmt.Errorf("%s: that is too far", a.Func())
	}
	s.micros = int64(math.RoundToEven(micros))
	return s, a.Done()
}
