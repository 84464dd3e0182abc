package pytime

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// Delta is a timedelta. Its range is Go's: 292 years to either side.
type Delta struct {
	d time.Duration
	// duration says that it is pendulum's Duration, which prints in words.
	duration bool
}

// NewDelta returns a timedelta; it counts in microseconds.
func NewDelta(d time.Duration) Delta { return Delta{d: d.Truncate(time.Microsecond)} }

// Duration returns the timedelta as Go has it.
func (d Delta) Duration() time.Duration { return d.d }

var units = []struct {
	name string
	size time.Duration
}{
	{"weeks", 7 * 24 * time.Hour},
	{"days", 24 * time.Hour},
	{"hours", time.Hour},
	{"minutes", time.Minute},
	{"seconds", time.Second},
	{"milliseconds", time.Millisecond},
	{"microseconds", time.Microsecond},
}

// MakeDelta is the timedelta constructor.
func MakeDelta(_ *pyval.Budget, a *pyval.Args) (any, error) {
	total := 0.0
	for _, name := range []string{"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"} {
		n := a.FloatOr(name, 0)
		for _, u := range units {
			if u.name == name {
				total += n * float64(u.size/time.Microsecond)
			}
		}
	}
	if err := a.Done(); err != nil {
		return nil, err
	}
	return deltaOf(total)
}

// maxMicros keeps timedeltas within 64 bits of nanoseconds.
const maxMicros = math.MaxInt64/1000 - 1

var errDeltaRange = errors.New("timedelta: beyond 292 years")

func deltaOf(micros float64) (any, error) {
	if math.IsNaN(micros) || math.Abs(micros) > maxMicros {
		return nil, errDeltaRange
	}
	return microDelta(int64(math.RoundToEven(micros)))
}

func microDelta(micros int64) (any, error) {
	if micros > maxMicros || micros < -maxMicros {
		return nil, errDeltaRange
	}
	return Delta{d: time.Duration(micros) * time.Microsecond}, nil
}

// TypeName implements [Object].
func (d Delta) TypeName() string { return "timedelta" }

// parts splits as Python does: days may be negative, the rest is not.
func (d Delta) parts() (days int64, rest time.Duration) {
	const day = 24 * time.Hour
	days, rest = int64(d.d/day), d.d%day
	if rest < 0 {
		days, rest = days-1, rest+day
	}
	return days, rest
}

// Attr implements [Object].
func (d Delta) Attr(name string) (any, error) {
	days, rest := d.parts()
	switch {
	case name == "days":
		return days, nil
	case d.duration:
		return durationAttr(d.d, name)
	case name == "seconds":
		return int64(rest / time.Second), nil
	case name == "microseconds":
		return int64(rest % time.Second / time.Microsecond), nil
	}
	return pyval.Undefined{}, nil
}

// durationAttr is an attribute of pendulum's Duration: every part has the sign of the whole.
func durationAttr(d time.Duration, name string) (any, error) {
	const day = 24 * time.Hour
	var n time.Duration
	switch name {
	case "years", "months":
	case "weeks":
		n = d / (7 * day)
	case "days":
		n = d / day
	case "remaining_days":
		n = d / day % 7
	case "hours":
		n = d / time.Hour % 24
	case "minutes":
		n = d / time.Minute % 60
	case "seconds":
		n = d % day / time.Second
	case "remaining_seconds":
		n = d / time.Second % 60
	case "microseconds":
		n = d % time.Second / time.Microsecond
	case "invert":
		return d < 0, nil
	default:
		return pyval.Undefined{}, nil
	}
	return int64(n), nil
}

// Method implements [Object].
func (d Delta) Method(name string) pyval.Method {
	if name == "in_words" {
		return wordsMethod(d.words)
	}
	return durationMethod(d.d, name)
}

func durationMethod(d time.Duration, name string) pyval.Method {
	seconds := float64(d/time.Microsecond) / 1e6
	if name == "total_seconds" {
		return func(_ *pyval.Budget, a *pyval.Args) (any, error) { return seconds, a.Done() }
	}
	for _, u := range units[:5] {
		if name == "in_"+u.name || name == "total_"+u.name {
			return func(_ *pyval.Budget, a *pyval.Args) (any, error) {
				if !strings.HasPrefix(name, "total_") {
					return int64(d / u.size), a.Done()
				}
				if u.name == "weeks" {
					return seconds / 86400 / 7, a.Done()
				}
				return seconds / u.size.Seconds(), a.Done()
			}
		}
	}
	return nil
}

func wordsMethod(words func(sep string) string) pyval.Method {
	return func(_ *pyval.Budget, a *pyval.Args) (any, error) {
		locale, sep := a.TextOr("locale", "en"), a.TextOr("separator", " ")
		if err := a.Done(); err != nil {
			return nil, err
		}
		if locale != "en" {
			return nil, fmt.Errorf("in_words: speaks English only, not %q", locale)
		}
		return words(sep), nil
	}
}

var durationNames = []string{
	"days", "seconds", "microseconds", "weeks", "hours", "minutes", "remaining_days", "remaining_seconds", "invert",
	"total_seconds", "total_minutes", "total_hours", "total_days", "total_weeks",
	"in_weeks", "in_days", "in_hours", "in_minutes", "in_seconds", "in_words",
}

// Names implements [Object].
func (d Delta) Names() []string { return durationNames }

func (d Delta) words(sep string) string {
	const day = 24 * time.Hour
	return inWords(sep, d.d, [7]int64{
		0, 0, int64(d.d / (7 * day)), int64(d.d / day % 7), int64(d.d / time.Hour % 24), int64(d.d / time.Minute % 60),
		int64(d.d / time.Second % 60),
	})
}

// Str implements [Printer].
func (d Delta) Str() string {
	if d.duration {
		return d.words(" ")
	}
	days, rest := d.parts()
	s := fmt.Sprintf("%d:%02d:%02d", rest/time.Hour, rest/time.Minute%60, rest/time.Second%60)
	if micros := rest % time.Second / time.Microsecond; micros > 0 {
		s += fmt.Sprintf(".%06d", micros)
	}
	if days == 0 {
		return s
	}
	if days == 1 || days == -1 {
		return fmt.Sprintf("%d day, %s", days, s)
	}
	return fmt.Sprintf("%d days, %s", days, s)
}

// Repr implements [Printer].
func (d Delta) Repr() string {
	var parts []string
	names, class := []string{"days", "seconds", "microseconds"}, "datetime.timedelta"
	if d.duration {
		names, class = []string{"weeks", "remaining_days", "hours", "minutes", "remaining_seconds", "microseconds"}, "Duration"
	}
	for _, name := range names {
		if v, err := d.Attr(name); err == nil && v != any(int64(0)) {
			parts = append(parts, fmt.Sprintf("%s=%d", strings.TrimPrefix(name, "remaining_"), v))
		}
	}
	if len(parts) == 0 && !d.duration {
		parts = []string{"0"}
	}
	return class + "(" + strings.Join(parts, ", ") + ")"
}

// CompareTo orders timedeltas.
func (d Delta) CompareTo(other any) (int, bool, error) {
	o, ok := deltaIn(other)
	if !ok {
		return 0, false, nil
	}
	return cmp.Compare(d.d, o.d), true, nil
}

// deltaIn returns the timedelta that v is; an interval counts as a duration.
func deltaIn(v any) (Delta, bool) {
	switch v := v.(type) {
	case Delta:
		return v, true
	case Interval:
		return Delta{d: v.d, duration: true}, true
	}
	return Delta{}, false
}

// Operate adds and subtracts timedeltas, scales and divides them. With a duration among
// them the result is one.
func (d Delta) Operate(op string, other any, reflected bool) (any, bool, error) {
	o, isDelta := deltaIn(other)
	var r any
	var ok bool
	var err error
	if isDelta {
		d.duration = d.duration || o.duration
		r, ok, err = d.withDelta(op, o)
	} else {
		r, ok, err = d.scaled(op, other, reflected)
	}
	if got, is := r.(Delta); is {
		got.duration = d.duration
		r = got
	}
	return r, ok, err
}

func (d Delta) scaled(op string, other any, reflected bool) (any, bool, error) {
	n, ok := pyval.ToFloat(other)
	if _, whole := pyval.ToInt(other); !ok || reflected && op != "*" || op == "//" && !whole {
		return nil, false, nil
	}
	micros := float64(d.d / time.Microsecond)
	switch op {
	case "*":
		r, err := deltaOf(micros * n)
		return r, true, err
	case "/", "//":
		if n == 0 {
			return nil, true, pynum.ErrZero
		}
		if micros /= n; op == "//" {
			micros = math.Floor(micros)
		}
		r, err := deltaOf(micros)
		return r, true, err
	}
	return nil, false, nil
}

func (d Delta) withDelta(op string, o Delta) (any, bool, error) {
	x, y := int64(d.d/time.Microsecond), int64(o.d/time.Microsecond)
	switch op {
	case "+":
		r, err := microDelta(x + y)
		return r, true, err
	case "-":
		r, err := microDelta(x - y)
		return r, true, err
	case "/", "//", "%":
		if o.d == 0 {
			return nil, true, pynum.ErrZero
		}
		if op == "/" {
			return float64(x) / float64(y), true, nil
		}
		r, err := pynum.FloorDiv(op, big.NewInt(int64(d.d)), big.NewInt(int64(o.d)))
		if n, ok := r.(int64); ok && op == "%" {
			r = Delta{d: time.Duration(n)}
		}
		return r, true, err
	}
	return nil, false, nil
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// Truth implements pyval.Truthful.
func (d Delta) Truth() bool { return d.d != 0 }

// HashKey implements pyval.Hashable.
func (d Delta) HashKey() (any, error) { return d.d, nil }

// Negated implements pyval.Signed.
func (d Delta) Negated() any { return Delta{d: -d.d, duration: d.duration} }
