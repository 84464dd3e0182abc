package timetable

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
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
	bits uint64
	// star says that some item is *, anyStar that one has it, as */2.
	star, anyStar bool
	lastDay       bool
	nth           []nthWeekday
	// warnings are what is taken and hardly meant.
	warnings []string
}

func (s *fieldSet) warnf(format string, args ...any) {
	s.warnings = append(s.warnings, fmt.Sprintf(format, args...))
}

// restricted reports whether a field of days says less than *. croniter takes a list or
// range of every day for a * when the other field of days has one too.
func (f cronField) restricted(s, other fieldSet) bool {
	return !s.star && (s.bits != f.all() || !other.anyStar)
}

// all has the bits of every value.
func (f cronField) all() uint64 { return (1<<f.size() - 1) << f.first }

// parseCron reads an expression of five fields or a preset. It returns the
// expression with presets replaced, single spaces and upper case names.
func parseCron(expr string) (text string, wall *wallCron, warnings []string, err error) {
	full, err := expandPreset(expr)
	if err != nil {
		return "", nil, nil, fmt.Errorf("cron expression %q: %w", expr, err)
	}
	texts := strings.Fields(strings.ToUpper(full))
	if err := checkFieldCount(len(texts)); err != nil {
		return "", nil, nil, fmt.Errorf("cron expression %q: %w", expr, err)
	}
	var sets [5]fieldSet
	for i, text := range texts {
		if sets[i], err = cronFields[i].parse(text); err != nil {
			return "", nil, nil, fmt.Errorf("cron expression %q: %s %q: %w", expr, cronFields[i].name, text, err)
		}
	}
	if len(sets[4].nth) > 0 && cronFields[2].restricted(sets[2], sets[4]) {
		return "", nil, nil, fmt.Errorf("cron expression %q: a day of month cannot be combined with a weekday with # or L, "+
			"where Airflow drops it or fails: write * for it, or a schedule for each", expr)
	}
	wall = newWallCron(sets)
	for i, set := range sets {
		for _, said := range set.warnings {
			warnings = append(warnings, fmt.Sprintf("cron expression %q: %s %q: %s", expr, cronFields[i].name, texts[i], said))
		}
	}
	return strings.Join(texts, " "), wall, warnings, nil
}

// newWallCron joins the fields.
func newWallCron(sets [5]fieldSet) *wallCron {
	day, weekday := sets[2], sets[4]
	return &wallCron{
		minute:  sets[0].bits,
		hour:    sets[1].bits,
		day:     day.bits,
		month:   sets[3].bits,
		weekday: weekday.bits,
		lastDay: day.lastDay,
		nth:     weekday.nth,
		// Both days restricted: either one matches.
		eitherDay: cronFields[2].restricted(day, weekday) && cronFields[4].restricted(weekday, day),
	}
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
	set := fieldSet{anyStar: strings.Contains(text, "*")}
	for item := range strings.SplitSeq(text, ",") {
		if err := f.parseItem(&set, item); err != nil {
			return fieldSet{}, err
		}
	}
	return set, f.checkNthWeekdays(&set)
}

// checkNthWeekdays refuses literal days beside those that depend on the month, as croniter
// does. One that is named in both ways is what it is there.
func (f cronField) checkNthWeekdays(set *fieldSet) error {
	if len(set.nth) == 0 || set.bits == 0 {
		return nil
	}
	literal := set.bits
	for _, day := range set.nth {
		literal &^= 1 << day.weekday
	}
	if set.star || literal != 0 {
		return errors.New("days with # or L cannot be combined with others: write a schedule for each")
	}
	set.warnf("a day alone has no effect beside the same day with # or L, as in Airflow")
	set.bits = 0
	return nil
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
		return f.parseNthWeekday(set, item)
	}
	body, stepText, hasStep := strings.Cut(item, "/")
	step := 1
	if hasStep {
		var err error
		if step, err = f.parseStep(set, stepText); err != nil {
			return err
		}
	}
	low, high, err := f.parseRange(set, body, hasStep)
	if err != nil {
		return err
	}
	if item == "*" || item == "?" {
		set.star = true
	}
	set.add(low, min(high, f.last), step)
	if high > f.last { // wraps, as in 22-2 or FRI-MON
		set.add(f.wrapFrom(low, step), high-f.size(), step)
	}
	return nil
}

// add sets the values from low to high, by steps.
func (s *fieldSet) add(low, high, step int) {
	for v := low; v <= high; v += step {
		s.bits |= 1 << v
	}
}

// wrapFrom is the first value after the end of the field in a range that wraps, which
// croniter counts in its own way when the step crosses the end.
func (f cronField) wrapFrom(low, step int) int {
	reached := low + (f.last-low)/step*step
	left := f.last - reached
	if reached-f.first+step > f.size() && left < step {
		return f.first + step - left
	}
	return f.first
}

// parseRange reads what stands before the step. With a step, a single value
// means from there to the end. A range that wraps ends beyond the field.
func (f cronField) parseRange(set *fieldSet, body string, hasStep bool) (low, high int, err error) {
	if body == "*" || body == "?" && f.isDay && !hasStep {
		return f.first, f.last, nil
	}
	lowText, highText, isRange := strings.Cut(body, "-")
	if low, err = f.parseValue(lowText); err != nil {
		return 0, 0, err
	}
	switch {
	case isRange && f.name == "day of month" && highText == "L":
		high = f.last
	case isRange:
		high, err = f.parseValue(highText)
	case hasStep && low == f.last:
		return 0, 0, fmt.Errorf("a step from the last value on is that value for some versions of Airflow, and every one for others: write %d, or * with the step", low)
	case hasStep:
		high = f.last
	default:
		return low, low, nil
	}
	switch {
	case err != nil:
	case low == high:
		if lowText != highText { // 0-7, the whole week
			return f.first, f.last, nil
		}
		set.warnf("from a value to itself is the whole field, as in Airflow: write %s for the value alone, or *", lowText)
		return f.first, f.last, nil
	case high < low:
		high += f.size()
	}
	return low, high, err
}

func (f cronField) parseStep(set *fieldSet, text string) (int, error) {
	step, err := strconv.ParseUint(text, 10, 16)
	switch {
	case err != nil:
		return 0, fmt.Errorf("step %q is not a number", text)
	case step == 0:
		return 0, errors.New("a step of 0 never moves; use 1 or more")
	case int(step) > f.size():
		set.warnf("the step is larger than the field, which has %d values, so that only the first one is left; "+
			"for such a period use every: instead of cron", f.size())
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
	case f.isWeekday:
		return int(v % 7), nil
	}
	return int(v), nil
}

// parseNthWeekday adds 5#3, the third Friday of the month, MON-FRI#1, the first of each of
// these days, or L5, the last Friday.
func (f cronField) parseNthWeekday(set *fieldSet, item string) error {
	daysText, nthText, isNth := strings.Cut(item, "#")
	if !isNth {
		text := strings.TrimPrefix(item, "L")
		if text == "" || strings.Trim(text, "0123456789") != "" {
			return errors.New("the day after L is a number, for instance L5 for the last Friday of the month")
		}
		day, err := f.parseValue(text)
		set.nth = append(set.nth, nthWeekday{weekday: time.Weekday(day)})
		return err
	}
	nth, err := strconv.ParseUint(nthText, 10, 8)
	if err != nil || nth < 1 || nth > 5 {
		return fmt.Errorf("%q after # is not a number from 1 to 5; for the last Friday of the month write L5", nthText)
	}
	var days fieldSet
	low, high, err := f.parseRange(&days, daysText, false)
	if err != nil {
		return err
	}
	set.warnings = append(set.warnings, days.warnings...)
	for v := low; v <= high; v++ {
		set.nth = append(set.nth, nthWeekday{weekday: time.Weekday(v % f.size()), nth: int(nth)})
	}
	return nil
}
