// Package moment reads days, moments and times of day as Airflow does.
package moment

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/yamlvalue"
)

// layouts are the forms of ISO 8601 that a date with a time may have; a fraction
// of a second may follow in each. The T may be a space, as in Python's own text.
var layouts = []string{
	"2006-01-02", "20060102",
	"2006-01-02T15:04", "2006-01-02T15:04:05", "20060102T150405",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "20060102T150405Z0700",
}

// Parse reads a date with or without a time. The zone is for texts without one.
func Parse(text string, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	const dayLength = len("2006-01-02")
	iso := text
	if len(text) > dayLength && text[dayLength] == ' ' {
		iso = text[:dayLength] + "T" + text[dayLength+1:]
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, iso)
		switch {
		case err != nil:
		case strings.Contains(layout, "Z07"):
			return t, nil
		default:
			return onWall(t, zone), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a valid date with time: write it like 2024-05-01T08:00 or 2024-05-01T08:00:00+08:00", text)
}

// Of reads what a parameter holds: text, or what a template gave natively.
func Of(value any, zone *time.Location) (time.Time, error) {
	switch v := value.(type) {
	case time.Time:
		return v, nil
	case string:
		return Parse(v, zone)
	default:
		return time.Time{}, fmt.Errorf("want a date with time such as 2024-05-01T08:00, not a %T", value)
	}
}

// Check is [Of] for values that may be templates, or nil.
func Check(value any) error {
	if text, ok := value.(string); value == nil || ok && yamlvalue.HoldsTemplate(text) {
		return nil
	}
	_, err := Of(value, time.UTC)
	return err
}

// Clock is a time of day, as the time since midnight on the clock on the wall.
type Clock time.Duration

// clockLayouts are the forms of a time of day; a fraction may follow the seconds.
var clockLayouts = []string{"15:04", "15:04:05"}

// ErrNoClock is of texts that are no time of day.
var ErrNoClock = errors.New(`want a time of day such as "08:30" or "08:30:15"`)

// ParseClock reads a time of day, such as 08:30 or 08:30:15.
func ParseClock(text string) (Clock, error) {
	for _, layout := range clockLayouts {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return Clock(t.Sub(t.Truncate(24 * time.Hour))), nil
		}
	}
	return 0, fmt.Errorf("%w, not %q", ErrNoClock, text)
}

// On places the time of day on the day of t, in the zone of t.
func (c Clock) On(t time.Time) time.Time {
	midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return onWall(midnight.Add(time.Duration(c)), t.Location())
}

// onWall places a reading of the clock on the wall, given in UTC, in a zone. A reading
// that a change of clocks skips counts by the clock from before the change; one that
// comes twice counts the second time (Airflow does both).
func onWall(reading time.Time, zone *time.Location) time.Time {
	offsetNear := func(d time.Duration) time.Duration {
		_, seconds := reading.Add(d).In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	const day = 24 * time.Hour
	t := reading.Add(-offsetNear(day)).In(zone)
	if t.Hour() != reading.Hour() || t.Minute() != reading.Minute() {
		t = reading.Add(-offsetNear(-day)).In(zone)
	}
	return t
}

// LogicalDate returns the logical date of the run, which not every run has.
func LogicalDate(tc *operator.TaskContext) (time.Time, error) {
	if tc.LogicalDate.IsZero() {
		return time.Time{}, operator.Fail(fmt.Errorf("run %q has no logical date", tc.RunID))
	}
	return tc.LogicalDate, nil
}
