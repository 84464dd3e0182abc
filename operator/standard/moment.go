package standard

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dingdag/dingdag/yamlvalue"
)

// momentLayouts are the forms of ISO 8601 that a date with a time may have; a fraction
// of a second may follow in each. The T may be a space, as in Python's own text.
var momentLayouts = []string{
	"2006-01-02", "20060102",
	"2006-01-02T15:04", "2006-01-02T15:04:05", "20060102T150405",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "20060102T150405Z0700",
}

// parseMoment reads a date with or without a time. The zone is for texts without one.
func parseMoment(text string, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	const dayLength = len("2006-01-02")
	iso := text
	if len(text) > dayLength && text[dayLength] == ' ' {
		iso = text[:dayLength] + "T" + text[dayLength+1:]
	}
	for _, layout := range momentLayouts {
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

// momentOf reads what a parameter holds: text, or what a template gave natively.
func momentOf(value any, zone *time.Location) (time.Time, error) {
	switch v := value.(type) {
	case time.Time:
		return v, nil
	case string:
		return parseMoment(v, zone)
	default:
		return time.Time{}, fmt.Errorf("want a date with time such as 2024-05-01T08:00, not a %T", value)
	}
}

// checkMoment is [momentOf] for values that may be templates, or nil.
func checkMoment(value any) error {
	if text, ok := value.(string); value == nil || ok && yamlvalue.HoldsTemplate(text) {
		return nil
	}
	_, err := momentOf(value, time.UTC)
	return err
}

// clock is a time of day, as the time since midnight on the clock on the wall.
type clock time.Duration

// clockLayouts are the forms of a time of day; a fraction may follow the seconds.
var clockLayouts = []string{"15:04", "15:04:05"}

var errNoClock = errors.New(`want a time of day such as "08:30" or "08:30:15"`)

func parseClock(text string) (clock, error) {
	for _, layout := range clockLayouts {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return clock(t.Sub(t.Truncate(24 * time.Hour))), nil
		}
	}
	return 0, fmt.Errorf("%w, not %q", errNoClock, text)
}

// on places the time of day on the day of t, in the zone of t.
func (c clock) on(t time.Time) time.Time {
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
