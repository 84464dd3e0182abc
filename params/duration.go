package params

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	iso "github.com/sosodev/duration"
	"gopkg.in/yaml.v3"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

var (
	unitPattern = regexp.MustCompile(`^(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|[smhdw]))+$`)
	unitPart    = regexp.MustCompile(`(\d+(?:\.\d+)?)([a-zµ]+)`)
	wordPattern = regexp.MustCompile(`^(\d+)\s+([A-Za-z]+?)[Ss]?$`)
)

// units are those of "1h30m"; words those of "2 days" and of a typed timedelta.
var (
	units = map[string]time.Duration{
		"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond,
		"s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": week,
	}
	words = map[string]time.Duration{
		"microsecond": time.Microsecond, "millisecond": time.Millisecond, "second": time.Second,
		"minute": time.Minute, "hour": time.Hour, "day": day, "week": week,
	}
)

const durationForms = `a duration such as 90s, 5m, 1h30m, 2d, PT5M or "2 days"`

// ParseDuration reads a duration from text: Go's forms with d (24 hours) and w (7
// days), ISO 8601 without years and months, and one number with a word ("2 days").
// Negative durations are errors.
func ParseDuration(text string) (time.Duration, error) {
	switch {
	case strings.HasPrefix(text, "P"):
		return parseISO(text)
	case unitPattern.MatchString(text):
		return sumUnits(text)
	case strings.HasPrefix(text, "-"):
		return 0, errors.New("a duration must not be negative")
	}
	if m := wordPattern.FindStringSubmatch(text); m != nil {
		if unit, ok := words[strings.ToLower(m[2])]; ok {
			return times(m[1], unit)
		}
	}
	return 0, fmt.Errorf("%s is not %s", quote(text), durationForms)
}

func parseISO(text string) (time.Duration, error) {
	d, err := iso.Parse(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s is not an ISO 8601 duration such as PT5M or P1DT12H", quote(text))
	case d.Years != 0 || d.Months != 0:
		return 0, fmt.Errorf("%s has years or months, whose length differs: use days", quote(text))
	}
	seconds := d.Weeks*week.Seconds() + d.Days*day.Seconds() + d.Hours*3600 + d.Minutes*60 + d.Seconds
	return fromSeconds(seconds)
}

func sumUnits(text string) (time.Duration, error) {
	var total time.Duration
	for _, part := range unitPart.FindAllStringSubmatch(text, -1) {
		d, err := times(part[1], units[part[2]])
		if err != nil {
			return 0, err
		}
		if total += d; total < 0 {
			return 0, errTooLong
		}
	}
	return total, nil
}

var errTooLong = errors.New("a duration must be under 290 years")

func times(number string, unit time.Duration) (time.Duration, error) {
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not %s", quote(number), durationForms)
	}
	return fromSeconds(n * unit.Seconds())
}

func fromSeconds(seconds float64) (time.Duration, error) {
	switch {
	case seconds < 0:
		return 0, errors.New("a duration must not be negative")
	case seconds >= float64(math.MaxInt64)/1e9 || math.IsNaN(seconds):
		return 0, errTooLong
	}
	return time.Duration(math.Round(seconds * 1e9)), nil
}

// durationOf reads a duration from a node. A bare number counts units.
func durationOf(n *yaml.Node, unit time.Duration) (time.Duration, error) {
	switch kindOf(n) {
	case intKind, floatKind:
		if strings.Contains(n.Value, ":") {
			return 0, fmt.Errorf("%s means a number of base 60 in YAML 1.1: write it with units, such as 90s", excerpt(n.Value))
		}
		count, err := numberOf(n)
		if err != nil {
			return 0, err
		}
		return fromSeconds(count * unit.Seconds())
	case textKind:
		return ParseDuration(n.Value)
	case mapKind:
		return timedelta(n)
	default:
		return 0, fmt.Errorf("must be %s, not %s", durationForms, describe(n, false))
	}
}

// timedelta reads {__type__: datetime.timedelta, minutes: 5}.
func timedelta(n *yaml.Node) (time.Duration, error) {
	if _, typ := lookup(n, "__type__"); typ == nil || typ.Value != "datetime.timedelta" {
		return 0, errors.New("a mapping must be {__type__: datetime.timedelta, minutes: 5} here")
	}
	var seconds float64
	for key, value := range pairs(n) {
		if key.Value == "__type__" {
			continue
		}
		unit, known := words[strings.TrimSuffix(key.Value, "s")]
		if !known || !strings.HasSuffix(key.Value, "s") {
			return 0, fmt.Errorf("unknown argument %s of datetime.timedelta: it takes weeks, days, hours, minutes, "+
				"seconds, milliseconds and microseconds", quote(key.Value))
		}
		if k := kindOf(value); k != intKind && k != floatKind {
			return 0, fmt.Errorf("%s of datetime.timedelta must be a number, not %s", key.Value, describe(value, false))
		}
		amount, err := numberOf(value)
		if err != nil {
			return 0, err
		}
		seconds += amount * unit.Seconds()
	}
	return fromSeconds(seconds)
}
