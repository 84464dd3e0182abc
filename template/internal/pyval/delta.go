package pyval

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
)

// Delta is a timedelta. Its range is Go's: 292 years to either side.
type Delta struct{ d time.Duration }

// NewDelta returns a timedelta; it counts in microseconds.
func NewDelta(d time.Duration) Delta { return Delta{d.Truncate(time.Microsecond)} }

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
func MakeDelta(_ *Budget, a *Args) (any, error) {
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
	return Delta{time.Duration(micros) * time.Microsecond}, nil
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
	switch name {
	case "days":
		return days, nil
	case "seconds":
		return int64(rest / time.Second), nil
	case "microseconds":
		return int64(rest % time.Second / time.Microsecond), nil
	}
	return Undefined{}, nil
}

// Method implements [Object].
func (d Delta) Method(name string) Method {
	if name == "total_seconds" {
		return func(_ *Budget, a *Args) (any, error) { return float64(d.d/time.Microsecond) / 1e6, a.Done() }
	}
	for _, u := range units[:5] {
		if name == "in_"+u.name || name == "total_"+u.name {
			return func(_ *Budget, a *Args) (any, error) {
				if strings.HasPrefix(name, "total_") {
					return float64(d.d) / float64(u.size), a.Done()
				}
				return int64(d.d / u.size), a.Done()
			}
		}
	}
	if name == "in_words" {
		return func(_ *Budget, a *Args) (any, error) { return d.words(), a.Done() }
	}
	return nil
}

// Names implements [Object].
func (d Delta) Names() []string {
	return []string{"days", "seconds", "microseconds", "total_seconds", "in_weeks", "in_days", "in_hours", "in_minutes", "in_seconds", "in_words"}
}

func (d Delta) words() string {
	var words []string
	rest := d.d.Abs()
	for _, u := range units[:5] {
		if n := rest / u.size; n > 0 {
			words = append(words, plural(int(n), strings.TrimSuffix(u.name, "s")))
			rest %= u.size
		}
	}
	if len(words) == 0 {
		return "0 seconds"
	}
	return strings.Join(words, " ")
}

// Str implements [Printer].
func (d Delta) Str() string {
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
	for _, name := range []string{"days", "seconds", "microseconds"} {
		if v, err := d.Attr(name); err == nil && v != any(int64(0)) {
			parts = append(parts, fmt.Sprintf("%s=%d", name, v))
		}
	}
	if len(parts) == 0 {
		parts = []string{"0"}
	}
	return "datetime.timedelta(" + strings.Join(parts, ", ") + ")"
}

// CompareTo orders timedeltas.
func (d Delta) CompareTo(other any) (int, bool, error) {
	o, ok := other.(Delta)
	if !ok {
		return 0, false, nil
	}
	return cmp.Compare(d.d, o.d), true, nil
}

// Operate adds and subtracts timedeltas, scales and divides them.
func (d Delta) Operate(op string, other any, reflected bool) (any, bool, error) {
	if o, ok := other.(Delta); ok {
		return d.withDelta(op, o)
	}
	n, ok := toFloat(other)
	if !ok || reflected && op != "*" {
		return nil, false, nil
	}
	micros := float64(d.d / time.Microsecond)
	switch op {
	case "*":
		r, err := deltaOf(micros * n)
		return r, true, err
	case "/", "//":
		if n == 0 {
			return nil, true, errZero
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
			return nil, true, errZero
		}
		if op == "/" {
			return float64(x) / float64(y), true, nil
		}
		r, err := floorDiv(op, big.NewInt(int64(d.d)), big.NewInt(int64(o.d)))
		if n, ok := r.(int64); ok && op == "%" {
			r = Delta{time.Duration(n)}
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

// Humanize says how far t is from other: "1 day before", "3 weeks after". With
// ago it speaks from now: "1 hour ago", "in 5 minutes".
func Humanize(t, other time.Time, ago bool) string {
	diff := t.Sub(other)
	before := diff < 0
	words := "a few seconds"
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"year", 365 * 24 * time.Hour}, {"month", 30 * 24 * time.Hour}, {"week", 7 * 24 * time.Hour}, {"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := diff.Abs() / u.size; n > 0 {
			if u.name != "second" || n > 10 {
				words = plural(int(n), u.name)
			}
			break
		}
	}
	switch {
	case ago && before:
		return words + " ago"
	case ago:
		return "in " + words
	case before:
		return words + " before"
	}
	return words + " after"
}
