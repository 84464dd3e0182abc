package reading

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	// Zones must not depend on the machine; this embeds the database.
	_ "time/tzdata"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

const (
	relativePart = `[0-9]+\s+(day|hour|minute|second)s?`
	clockPart    = `(\d{1,2}):?(\d{2})(?::?(\d{2})(?:\.(\d*))?)?`
	zonePart     = `\s*(Z|[-+]\d{1,2}(?::?\d{2})?)?`
)

var (
	relativeDate = yamlvalue.Pattern(`(?i)^(?:(` + relativePart + `)(?:\s+ago)?|(?:airflow\.utils\.dates\.)?days_ago\(\s*(\d{1,6})\s*\))$`)
	startsAsOne  = yamlvalue.Pattern(`(?i)^` + relativePart + `\b`)
	calendarDate = yamlvalue.Pattern(`^(\d{4})-(\d{1,2})-(\d{1,2})$`)
	compactDate  = yamlvalue.Pattern(`^(\d{4})(\d{2})(\d{2})$`)
	weekDate     = yamlvalue.Pattern(`^(\d{4})-?W(\d{2})-?(\d)$`)
	ordinalDate  = yamlvalue.Pattern(`^(\d{4})-?(\d{3})$`)
	dateAndTime  = yamlvalue.Pattern(`^(\d{4}[-\dW]*)(?:[Tt]|\s+)` + clockPart + zonePart + `$`)
	timeOfDay    = yamlvalue.Pattern(`^` + clockPart + `$`)
	noDay        = yamlvalue.Pattern(`^\d{4}(-\d{2}|-?W\d{2})?$`)
)

// Zone reads an IANA time zone name.
func (s Scope) Zone(n *yaml.Node, zones *Zones) (*time.Location, bool) {
	name, ok := s.Text("timezone", n)
	if !ok {
		return nil, false
	}
	loc, err := zones.Load(name)
	if err != nil {
		s.Errorf(n, "unknown time zone %q: use an IANA name such as Asia/Shanghai", yamlvalue.Excerpt(name))
		return nil, false
	}
	return loc, true
}

// Date reads a moment: a date, a date with time, or a length of time before today.
// Wall clock times are placed in loc.
func (s Scope) Date(key string, n *yaml.Node, loc *time.Location, now time.Time) (time.Time, bool) {
	switch TypeOf(n) {
	case "":
	case TypeDatetime, TypeDate:
		text, ok := s.typedDate(n)
		if !ok {
			return time.Time{}, false
		}
		n = yamlvalue.NewScalar(yamlvalue.Text, text, n)
	default:
		s.notHere(n, "a date")
		return time.Time{}, false
	}
	if k := yamlvalue.KindOf(n); k != yamlvalue.Date && k != yamlvalue.Text && (k != yamlvalue.Int || strings.Contains(n.Value, ":")) {
		s.Errorf(n, "%s: want a date such as 2024-05-01, not %s", key, Show(n))
		return time.Time{}, false
	}
	t, moves, err := parseDate(strings.TrimSpace(n.Value), loc, now)
	if err != nil {
		s.Errorf(n, "%s: %v", key, err)
		return time.Time{}, false
	}
	if moves {
		s.Rests.Volatile = true
		s.Warnf(n, "%s %q moves with every load: write a fixed date", key, yamlvalue.Excerpt(n.Value))
	}
	return t, true
}

// parseDate reads the text of a date. moves reports that it depends on now.
func parseDate(text string, loc *time.Location, now time.Time) (t time.Time, moves bool, err error) {
	if m := relativeDate().FindStringSubmatch(text); m != nil {
		d, err := yamlvalue.ParseDuration(cmp.Or(m[1], m[3]+" days"))
		if err != nil {
			return time.Time{}, false, err
		}
		y, month, day := now.In(loc).Date()
		wall := time.Date(y, month, day, 0, 0, 0, 0, time.UTC).Add(-d)
		return onWall(wall, loc), true, nil
	}
	if m := timeOfDay().FindStringSubmatch(text); m != nil && strings.Contains(text, ":") {
		wall, err := addClock(now.In(loc).Format(time.DateOnly), m[1:])
		return onWall(wall, loc), true, err
	}
	if m := dateAndTime().FindStringSubmatch(text); m != nil {
		wall, err := addClock(m[1], m[2:6])
		if err != nil {
			return time.Time{}, false, err
		}
		t := onWall(wall, loc)
		return t, false, checkOffset(m[6], t)
	}
	wall, err := parseDay(text)
	return onWall(wall, loc), false, err
}

func parseDay(text string) (time.Time, error) {
	if m := firstMatch(text, calendarDate(), compactDate()); m != nil {
		year, month, day := atoi(m[1]), time.Month(atoi(m[2])), atoi(m[3])
		t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		if t.Month() != month || t.Day() != day {
			return time.Time{}, fmt.Errorf("the date %s does not exist", text)
		}
		return t, nil
	}
	if m := weekDate().FindStringSubmatch(text); m != nil {
		year, week, day := atoi(m[1]), atoi(m[2]), atoi(m[3])
		fourth := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
		monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+6)%7)
		t := monday.AddDate(0, 0, (week-1)*7+day-1)
		if y, w := t.ISOWeek(); y != year || w != week || day < 1 || day > 7 {
			return time.Time{}, fmt.Errorf("the date %s does not exist", text)
		}
		return t, nil
	}
	if m := ordinalDate().FindStringSubmatch(text); m != nil {
		t := time.Date(atoi(m[1]), time.January, atoi(m[2]), 0, 0, 0, 0, time.UTC)
		if t.Year() != atoi(m[1]) || m[2] == "000" {
			return time.Time{}, fmt.Errorf("the date %s does not exist", text)
		}
		return t, nil
	}
	switch {
	case strings.EqualFold(text, "now"):
		return time.Time{}, errors.New("now is another moment at every load: write a fixed date")
	case noDay().MatchString(text):
		return time.Time{}, fmt.Errorf("the date %q has no day", text)
	case startsAsOne().MatchString(text):
		return time.Time{}, fmt.Errorf("%q: only one number and unit are allowed here, for instance 2 days", yamlvalue.Excerpt(text))
	}
	return time.Time{}, fmt.Errorf("%q is not a valid date: write it like 2024-05-01 or 2024-05-01T08:00", yamlvalue.Excerpt(text))
}

// addClock adds a time of day (hour, minute, second, fraction) to a day.
func addClock(day string, clock []string) (time.Time, error) {
	t, err := parseDay(day)
	if err != nil {
		return time.Time{}, err
	}
	h, m, s := atoi(clock[0]), atoi(clock[1]), atoi(clock[2])
	if h > 23 || m > 59 || s > 59 {
		return time.Time{}, fmt.Errorf("the time %02d:%02d:%02d does not exist", h, m, s)
	}
	micros := atoi((clock[3] + "000000")[:6])
	return time.Date(t.Year(), t.Month(), t.Day(), h, m, s, micros*1000, time.UTC), nil
}

// checkOffset refuses a UTC offset other than that of the zone: the offset would have
// to be dropped.
func checkOffset(text string, t time.Time) error {
	if text == "" {
		return nil
	}
	seconds := 0
	if text != "Z" {
		digits := strings.ReplaceAll(text[1:], ":", "")
		hours, minutes := digits, "0"
		if len(digits) > 2 {
			hours, minutes = digits[:len(digits)-2], digits[len(digits)-2:]
		}
		seconds = atoi(hours)*3600 + atoi(minutes)*60
		if text[0] == '-' {
			seconds = -seconds
		}
	}
	if _, offset := t.Zone(); offset != seconds {
		return fmt.Errorf("the offset %s is not that of the zone %s: leave it out, or set timezone", text, t.Location())
	}
	return nil
}

// onWall places a wall clock reading in a zone. A reading that a clock change skips is
// moved forward by as much as was skipped.
func onWall(wall time.Time, loc *time.Location) time.Time {
	if wall.IsZero() {
		return time.Time{}
	}
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), loc)
	_, offset := t.Zone()
	if got := t.Add(time.Duration(offset) * time.Second).UTC(); got.Before(wall) {
		t = t.Add(wall.Sub(got))
	}
	return t
}

// WallText writes a moment as the wall clock of a zone, which [Scope.Date] reads as the
// same one.
func WallText(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02T15:04:05.999999")
}

// typedDate returns the ISO text of a typed datetime or date.
func (s Scope) typedDate(n *yaml.Node) (string, bool) {
	t, ok := s.Typed(n)
	if !ok {
		return "", false
	}
	names := []string{"year", "month", "day", "hour", "minute", "second", "microsecond"}
	if t.Path == TypeDate {
		names = names[:3]
	}
	if t.Path == TypeTime {
		names = names[3:]
	}
	v, ok := s.integers(t, names)
	if !ok {
		return "", false
	}
	clock := fmt.Sprintf("%02d:%02d:%02d.%06d", v["hour"], v["minute"], v["second"], v["microsecond"])
	clock = strings.TrimSuffix(clock, ".000000")
	day := fmt.Sprintf("%04d-%02d-%02d", v["year"], v["month"], v["day"])
	text := day + "T" + clock
	if t.Path == TypeTime {
		text = "2000-01-01T" + clock
	}
	if _, _, err := parseDate(text, time.UTC, time.Time{}); err != nil {
		s.Errorf(n, "%s: %v", t.Path, err)
		return "", false
	}
	switch t.Path {
	case TypeDate:
		return day, true
	case TypeTime:
		return clock, true
	}
	return text, true
}

// integers binds the arguments of a typed value that are all whole numbers.
func (s Scope) integers(t Typed, names []string) (map[string]int, bool) {
	args, ok := s.Bind(t, names...)
	if !ok {
		return nil, false
	}
	values := make(map[string]int, len(args))
	for _, name := range names {
		v := args[name]
		if v == nil {
			if name == "year" || name == "month" || name == "day" {
				s.Errorf(t.Node, "%s needs %s", t.Path, name)
				return nil, false
			}
			continue
		}
		if values[name], ok = s.Integer(name, v, 0, 999_999); !ok {
			return nil, false
		}
	}
	return values, true
}

func firstMatch(text string, patterns ...*regexp.Regexp) []string {
	for _, p := range patterns {
		if m := p.FindStringSubmatch(text); m != nil {
			return m
		}
	}
	return nil
}

// atoi reads digits that a pattern has checked; "" is 0.
func atoi(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
