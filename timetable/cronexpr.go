package timetable

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

// presets are Airflow's names for common expressions.
var presets = map[string]string{
	"@hourly":    "0 * * * *",
	"@daily":     "0 0 * * *",
	"@midnight":  "0 0 * * *",
	"@weekly":    "0 0 * * 0",
	"@monthly":   "0 0 1 * *",
	"@quarterly": "0 0 1 */3 *",
	"@yearly":    "0 0 1 1 *",
	"@annually":  "0 0 1 1 *",
}

// searchYears bounds the search for a tick. The rarest expression, a fifth weekday
// in February, can stay away for 40 years around 2100.
const searchYears = 40

// allHours are the bits of an hour field that names every hour.
const allHours = 1<<24 - 1

// cronField is one of the five places of an expression. Weekday 7 is Sunday again.
type cronField struct {
	name        string
	first, last int
	names       []string // three-letter names, from first on
	isDay       bool     // takes ? for *
	isWeekday   bool
}

var cronFields = [5]cronField{
	{name: "minute", last: 59},
	{name: "hour", last: 23},
	{name: "day of month", first: 1, last: 31, isDay: true},
	{name: "month", first: 1, last: 12, names: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")},
	{name: "weekday", last: 6, names: strings.Fields("SUN MON TUE WED THU FRI SAT"), isDay: true, isWeekday: true},
}

// fieldSet is what a field allows: values as bits, and the days that depend on the month.
type fieldSet struct {
	bits       uint64
	restricted bool // no item is *
	lastDay    bool
	weekdays   []cron.DowConstraint
}

// parseCron reads an expression of five fields or a preset. It returns the
// expression with presets replaced, single spaces and upper case names.
func parseCron(expr string) (string, *cron.SpecSchedule, error) {
	full, err := expandPreset(expr)
	if err != nil {
		return "", nil, fmt.Errorf("cron expression %q: %w", expr, err)
	}
	texts := strings.Fields(strings.ToUpper(full))
	if err := checkFieldCount(len(texts)); err != nil {
		return "", nil, fmt.Errorf("cron expression %q: %w", expr, err)
	}
	var sets [5]fieldSet
	for i, text := range texts {
		if sets[i], err = cronFields[i].parse(text); err != nil {
			return "", nil, fmt.Errorf("cron expression %q: %s %q: %w", expr, cronFields[i].name, text, err)
		}
	}
	return strings.Join(texts, " "), newSchedule(sets), nil
}

func newSchedule(sets [5]fieldSet) *cron.SpecSchedule {
	minute, hour, day, month, weekday := sets[0], sets[1], sets[2], sets[3], sets[4]
	s := &cron.SpecSchedule{
		Second: 1,
		Minute: minute.bits,
		Hour:   hour.bits,
		Dom:    day.bits,
		Month:  month.bits,
		Dow:    weekday.bits,
		// Both days restricted: either one matches.
		DowOrDom:       day.restricted && weekday.restricted,
		DowConstraints: weekday.weekdays,
		Location:       time.UTC,
		MaxSearchYears: searchYears,
	}
	if day.lastDay {
		s.DomConstraints = []cron.DomConstraint{{Type: cron.DomLast}}
	}
	return s
}

func expandPreset(expr string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(expr))
	if !strings.HasPrefix(name, "@") {
		return expr, nil
	}
	full, ok := presets[name]
	switch {
	case ok:
		return full, nil
	case name == "@once" || name == "@continuous" || name == "@none":
		return "", errors.New("this is a schedule of its own and has no cron form; use it alone")
	case strings.HasPrefix(name, "@every"):
		return "", errors.New("write the schedule as every: 30m instead")
	}
	return "", fmt.Errorf("unknown preset; known are %s", strings.Join(slices.Sorted(maps.Keys(presets)), ", "))
}

func checkFieldCount(n int) error {
	const want = "want five: minute, hour, day of month, month, weekday"
	switch n {
	case len(cronFields):
		return nil
	case 6, 7:
		return fmt.Errorf("%d fields; %s. Drop the seconds (and the year): "+
			"systems disagree on where they stand, and schedules count in minutes", n, want)
	default:
		return fmt.Errorf("%d fields; %s", n, want)
	}
}

// size is the number of different values.
func (f cronField) size() int { return f.last - f.first + 1 }

func (f cronField) parse(text string) (fieldSet, error) {
	set := fieldSet{restricted: true}
	for item := range strings.SplitSeq(text, ",") {
		if err := f.parseItem(&set, item); err != nil {
			return fieldSet{}, err
		}
	}
	return set, nil
}

// parseItem adds one item of a list to set: *, n, a-b, each with an optional
// /step, or a day that depends on the month.
func (f cronField) parseItem(set *fieldSet, item string) error {
	switch {
	case item == "":
		return errors.New("empty item in the list; remove the extra comma")
	case f.name == "day of month" && item == "L":
		set.lastDay = true
		return nil
	case f.isWeekday && (strings.HasPrefix(item, "L") || strings.Contains(item, "#")):
		day, err := f.parseNthWeekday(item)
		set.weekdays = append(set.weekdays, day)
		return err
	}
	body, stepText, hasStep := strings.Cut(item, "/")
	step := 1
	if hasStep {
		var err error
		if step, err = f.parseStep(stepText); err != nil {
			return err
		}
	}
	low, high, err := f.parseRange(body, hasStep)
	if err != nil {
		return err
	}
	if item == "*" || item == "?" {
		set.restricted = false
	}
	if high < low { // wraps, as in 22-2 or FRI-MON
		high += f.size()
	}
	for v := low; v <= high; v += step {
		set.bits |= 1 << (f.first + (v-f.first)%f.size())
	}
	return nil
}

// parseRange reads what stands before the step. With a step, a single value
// means from there to the end.
func (f cronField) parseRange(body string, hasStep bool) (low, high int, err error) {
	if body == "*" || body == "?" && f.isDay && !hasStep {
		return f.first, f.last, nil
	}
	lowText, highText, isRange := strings.Cut(body, "-")
	if low, err = f.parseValue(lowText); err != nil {
		return 0, 0, err
	}
	switch {
	case isRange:
		high, err = f.parseValue(highText)
	case hasStep:
		low, high = f.first+(low-f.first)%f.size(), f.last
	default:
		high = low
	}
	return low, high, err
}

func (f cronField) parseStep(text string) (int, error) {
	step, err := strconv.ParseUint(text, 10, 16)
	switch {
	case err != nil:
		return 0, fmt.Errorf("step %q is not a number", text)
	case step == 0:
		return 0, errors.New("a step of 0 never moves; use 1 or more")
	case int(step) > f.size():
		return 0, fmt.Errorf("step %d is larger than the field, which has %d values; "+
			"for such a period use every: instead of cron", step, f.size())
	}
	return int(step), nil
}

func (f cronField) parseValue(text string) (int, error) {
	for i, name := range f.names {
		if text == name {
			return f.first + i, nil
		}
		if strings.HasPrefix(text, name) {
			return 0, fmt.Errorf("unknown name %q; did you mean %s?", text, name)
		}
	}
	last := f.last
	if f.isWeekday {
		last = 7
	}
	v, err := strconv.ParseUint(text, 10, 16)
	switch {
	case err != nil && len(f.names) > 0:
		return 0, fmt.Errorf("%q is neither a number from %d to %d nor a name like %s", text, f.first, last, f.names[1])
	case err != nil:
		return 0, fmt.Errorf("%q is not a number from %d to %d", text, f.first, last)
	case int(v) < f.first || int(v) > last:
		return 0, fmt.Errorf("%d is out of range; use %d to %d", v, f.first, last)
	}
	return int(v), nil
}

// parseNthWeekday reads 5#3, the third Friday of the month, and L5, its last one.
func (f cronField) parseNthWeekday(item string) (cron.DowConstraint, error) {
	dayText, nthText, isNth := strings.Cut(item, "#")
	nth := -1
	if isNth {
		n, err := strconv.ParseUint(nthText, 10, 8)
		if err != nil || n < 1 || n > 5 {
			return cron.DowConstraint{}, fmt.Errorf("%q after # is not a number from 1 to 5; "+
				"for the last Friday of the month write L5", nthText)
		}
		nth = int(n)
	} else {
		dayText = strings.TrimPrefix(item, "L")
	}
	day, err := f.parseValue(dayText)
	return cron.DowConstraint{Weekday: day % 7, N: nth}, err
}
