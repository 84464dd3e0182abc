package dag

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sosodev/duration"
	"gopkg.in/yaml.v3"
)

var (
	goDuration   = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(w|d|h|ms|us|µs|ns|m|s))+$`)
	goPart       = regexp.MustCompile(`([0-9.]+)(w|d|h|ms|us|µs|ns|m|s)`)
	wordDuration = regexp.MustCompile(`(?i)^([0-9]+)\s+(week|day|hour|minute|second|millisecond|microsecond)s?$`)
	wordStart    = regexp.MustCompile(`(?i)^[0-9]+\s+(day|hour|minute|second)s?\b`)
	onlyDigits   = regexp.MustCompile(`^[0-9.]+$`)
)

var units = map[string]time.Duration{
	"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second,
	"ms": time.Millisecond, "us": time.Microsecond, "µs": time.Microsecond, "ns": time.Nanosecond,
	"weeks": 7 * 24 * time.Hour, "days": 24 * time.Hour, "hours": time.Hour, "minutes": time.Minute,
	"seconds": time.Second, "milliseconds": time.Millisecond, "microseconds": time.Microsecond,
	"week": 7 * 24 * time.Hour, "millisecond": time.Millisecond, "microsecond": time.Microsecond,
	"day": 24 * time.Hour, "hour": time.Hour, "minute": time.Minute, "second": time.Second,
}

var errTooLong = errors.New("longer than 292 years")

// duration reads a length of time in any of its forms: a number of seconds, 1h30m,
// PT5M, 2 days, or a typed timedelta. It is never negative.
func (s scope) duration(key string, n *yaml.Node) (time.Duration, bool) {
	if typeOf(n) == typeTimedelta {
		return s.timedelta(n)
	}
	if typeOf(n) != "" {
		s.notHere(n, "a duration, for instance 5m")
		return 0, false
	}
	d, err := scalarDuration(n)
	if err != nil {
		s.errorf(n, "%s: %v", key, err)
		return 0, false
	}
	return d, true
}

func scalarDuration(n *yaml.Node) (time.Duration, error) {
	switch k := kindOf(n); {
	case (k == intKind || k == floatKind) && strings.Contains(n.Value, ":"):
		return 0, fmt.Errorf("%s is a number to base 60 in YAML 1.1: write it with units, for instance 90s", n.Value)
	case k == intKind:
		seconds, err := parseInt(n.Value)
		if err != nil {
			return 0, err
		}
		return scaled(float64(seconds), time.Second)
	case k == floatKind:
		seconds, err := parseFloat(n.Value)
		if err != nil {
			return 0, fmt.Errorf("read the number of seconds: %w", err)
		}
		return scaled(seconds, time.Second)
	case k == textKind:
		return textDuration(n.Value)
	}
	return 0, fmt.Errorf("want a duration such as 300 (seconds), 5m or 1h30m, not %s", show(n))
}

func textDuration(text string) (time.Duration, error) {
	switch {
	case goDuration.MatchString(text):
		var total time.Duration
		for _, part := range goPart.FindAllStringSubmatch(text, -1) {
			d, err := unitDuration(part[1], part[2])
			if err != nil {
				return 0, err
			}
			if total += d; total < 0 {
				return 0, errTooLong
			}
		}
		return total, nil
	case wordDuration.MatchString(text):
		m := wordDuration.FindStringSubmatch(text)
		return unitDuration(m[1], strings.ToLower(m[2]))
	case wordStart.MatchString(text):
		return 0, fmt.Errorf("%q: only one number and unit is read as words, so it would be cut short: write it like 1h30m", excerpt(text))
	case strings.HasPrefix(text, "P"):
		return isoDuration(text)
	case onlyDigits.MatchString(text):
		return 0, fmt.Errorf("%q has no unit: write %ss, or the number without quotes for seconds", excerpt(text), excerpt(text))
	case strings.HasPrefix(text, "-"):
		return 0, fmt.Errorf("%q is negative", excerpt(text))
	}
	return 0, fmt.Errorf("%q is no duration: write it like 90s, 5m, 1h30m, 1d or PT5M", excerpt(text))
}

func isoDuration(text string) (time.Duration, error) {
	d, err := duration.Parse(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no ISO 8601 duration: write it like PT5M or P1DT12H", excerpt(text))
	}
	if d.Years != 0 || d.Months != 0 {
		return 0, fmt.Errorf("%q: years and months differ in length: use days or weeks", excerpt(text))
	}
	total := d.Weeks*7*24*3600 + d.Days*24*3600 + d.Hours*3600 + d.Minutes*60 + d.Seconds
	if d.Negative {
		total = -total
	}
	return scaled(total, time.Second)
}

func unitDuration(number, unit string) (time.Duration, error) {
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("read the number %s: %w", number, err)
	}
	return scaled(n, units[unit])
}

// scaled returns n units, refusing what is negative or does not fit.
func scaled(n float64, unit time.Duration) (time.Duration, error) {
	switch total := math.Round(n * float64(unit)); {
	case math.IsNaN(total):
		return 0, errors.New("not a number")
	case total < 0:
		return 0, errors.New("a duration must not be negative")
	case total >= math.MaxInt64:
		return 0, errTooLong
	default:
		return time.Duration(total), nil
	}
}

// timedelta reads a typed datetime.timedelta. Its positional order is Python's.
func (s scope) timedelta(n *yaml.Node) (time.Duration, bool) {
	t, ok := s.typed(n)
	if !ok {
		return 0, false
	}
	args, ok := s.bind(t, "days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
	if !ok {
		return 0, false
	}
	var total float64
	for name, v := range args {
		number, ok := s.number("timedelta "+name, v)
		if !ok {
			return 0, false
		}
		total += number * float64(units[name])
	}
	d, err := scaled(total, time.Nanosecond)
	if err != nil {
		s.errorf(n, "timedelta: %v", err)
		return 0, false
	}
	return d, true
}
