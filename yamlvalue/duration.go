package yamlvalue

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sosodev/duration"
	"gopkg.in/yaml.v3"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

var (
	unitsPattern = Pattern(`^(?:[0-9]+(?:\.[0-9]+)?(?:ms|us|µs|ns|[smhdw]))+$`)
	unitPattern  = Pattern(`([0-9.]+)([a-zµ]+)`)
	wordPattern  = Pattern(`(?i)^([0-9]+)\s+(week|day|hour|minute|second|millisecond|microsecond)s?$`)
	wordStart    = Pattern(`(?i)^[0-9]+\s+(day|hour|minute|second)s?\b`)
	onlyDigits   = Pattern(`^[0-9.]+$`)
)

// units are those of "1h30m", words those of "2 days".
var (
	units = map[string]time.Duration{
		"w": week, "d": day, "h": time.Hour, "m": time.Minute, "s": time.Second,
		"ms": time.Millisecond, "us": time.Microsecond, "µs": time.Microsecond, "ns": time.Nanosecond,
	}
	words = map[string]time.Duration{
		"week": week, "day": day, "hour": time.Hour, "minute": time.Minute, "second": time.Second,
		"millisecond": time.Millisecond, "microsecond": time.Microsecond,
	}
)

// TimedeltaArguments are the arguments of Python's datetime.timedelta in their order.
var TimedeltaArguments = []string{"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"}

var (
	errTooLong  = errors.New("longer than 292 years")
	errNegative = errors.New("a duration must not be negative")
)

// ParseDuration reads a duration that is not negative from text: Go's forms with d (24
// hours) and w (7 days), ISO 8601 without years and months, and one whole number with a
// word, as in "2 days".
func ParseDuration(text string) (time.Duration, error) {
	switch m := wordPattern().FindStringSubmatch(text); {
	case m != nil:
		return times(m[1], words[strings.ToLower(m[2])])
	case unitsPattern().MatchString(text):
		return sumUnits(text)
	case strings.HasPrefix(text, "P"):
		return parseISO(text)
	case wordStart().MatchString(text):
		return 0, fmt.Errorf("%q: only one number and unit is read as words, so it would be cut short: write it like 1h30m", Excerpt(text))
	case onlyDigits().MatchString(text):
		return 0, fmt.Errorf("%q has no unit: write %ss", Excerpt(text), Excerpt(text))
	case strings.HasPrefix(text, "-"):
		return 0, fmt.Errorf("%q is negative: a duration must not be negative", Excerpt(text))
	}
	return 0, fmt.Errorf("%q is not a valid duration: write it like 90s, 5m, 1h30m, 1d, PT5M or 2 days", Excerpt(text))
}

// Duration reads a duration that is not negative from a scalar node: a number of units, or
// a text as [ParseDuration] takes it.
func Duration(n *yaml.Node, unit time.Duration) (time.Duration, error) {
	switch k := KindOf(n); {
	case (k == Int || k == Float) && strings.Contains(n.Value, ":"):
		return 0, fmt.Errorf("%s is a number to base 60 in YAML 1.1: write it with units, for instance 90s", Excerpt(n.Value))
	case k == Int || k == Float:
		count, err := ParseNumber(n)
		if err != nil {
			return 0, err
		}
		return Scale(count, unit)
	case k == Text && onlyDigits().MatchString(n.Value):
		return 0, fmt.Errorf("%q has no unit: write %ss, or the number without quotes for %s", Excerpt(n.Value), Excerpt(n.Value), plural(unit))
	case k == Text:
		return ParseDuration(n.Value)
	case k == Null || k == List || k == Map:
		return 0, fmt.Errorf("want a duration such as 300 (%s), 5m or 1h30m, not %s", plural(unit), k)
	default:
		return 0, fmt.Errorf("want a duration such as 300 (%s), 5m or 1h30m, not %s %q", plural(unit), k, Excerpt(n.Value))
	}
}

// Timedelta sums the arguments of a datetime.timedelta by their names, which are those of
// [TimedeltaArguments]. Some may be negative, the sum must not.
func Timedelta(arguments map[string]float64) (time.Duration, error) {
	total := 0.0
	for name, count := range arguments {
		total += count * float64(words[strings.TrimSuffix(name, "s")])
	}
	return Scale(total, time.Nanosecond)
}

// Scale returns n units, refusing what is negative or longer than 292 years.
func Scale(n float64, unit time.Duration) (time.Duration, error) {
	switch total := math.Round(n * float64(unit)); {
	case math.IsNaN(total):
		return 0, errors.New("not a number")
	case total < 0:
		return 0, errNegative
	case total >= math.MaxInt64:
		return 0, errTooLong
	default:
		return time.Duration(total), nil
	}
}

func plural(unit time.Duration) string {
	for word, length := range words {
		if length == unit {
			return word + "s"
		}
	}
	return "times " + unit.String() // of a unit without a word
}

func sumUnits(text string) (time.Duration, error) {
	var total time.Duration
	for _, part := range unitPattern().FindAllStringSubmatch(text, -1) {
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

func times(number string, unit time.Duration) (time.Duration, error) {
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number of units", Excerpt(number))
	}
	return Scale(n, unit)
}

func parseISO(text string) (time.Duration, error) {
	d, err := duration.Parse(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a valid ISO 8601 duration: write it like PT5M or P1DT12H", Excerpt(text))
	case d.Years != 0 || d.Months != 0:
		return 0, fmt.Errorf("%q: years and months differ in length: use days or weeks", Excerpt(text))
	case d.Negative:
		return 0, errNegative
	}
	return Scale(d.Weeks*week.Seconds()+d.Days*day.Seconds()+d.Hours*3600+d.Minutes*60+d.Seconds, time.Second)
}

// FormatISO is a duration in ISO 8601 as Airflow's REST API writes it (pydantic): P7D and P31D without weeks and months, and a
// year of 365 days.
func FormatISO(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	const year = 365 * day
	out := duration.Duration{Years: float64(d / year), Days: float64(d % year / day)}
	d %= day
	out.Hours, out.Minutes, out.Seconds = float64(d/time.Hour), float64(d%time.Hour/time.Minute), (d % time.Minute).Seconds()
	return sign + out.String()
}

// durationPattern accepts the text forms of durations and the names of environment
// variables, for editors.
const durationPattern = `^(([0-9]+(\.[0-9]+)?(ms|us|µs|ns|[smhdw]))+|P[0-9WDTHMS.]+` +
	`|[0-9]+ +([Mm]icrosecond|[Mm]illisecond|[Ss]econd|[Mm]inute|[Hh]our|[Dd]ay|[Ww]eek)s?|.*\$.*)$`

// DurationSchema returns the JSON Schema of a duration in a DAG file, which the caller may
// change. It is one schema with several types: of alternatives an editor tells the mistake
// in one, and the names of the others.
func DurationSchema() map[string]any {
	parts := map[string]any{
		"__type__": map[string]any{"const": "datetime.timedelta"},
		"__args__": map[string]any{"type": "array", "items": map[string]any{"type": "number"}},
	}
	for _, name := range TimedeltaArguments {
		parts[name] = map[string]any{"type": "number"}
	}
	return map[string]any{
		"type": []any{"string", "number", "object"}, "minimum": 0.0, "pattern": durationPattern,
		"patternErrorMessage": "This is not a valid duration: write it like 90s, 5m, 1h30m, 1d or PT5M, or as a number of seconds.",
		"properties":          parts, "required": []any{"__type__"}, "additionalProperties": false,
	}
}
