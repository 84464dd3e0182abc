package dag

import (
	"strings"
	"time"

	"github.com/dingdag/dingdag/timetable"
)

// ScheduleKind tells the forms of a schedule apart.
type ScheduleKind uint8

// The forms: none, @once, @continuous, cron expressions, and a fixed period.
const (
	NoSchedule ScheduleKind = iota
	OnceSchedule
	ContinuousSchedule
	CronSchedule
	EverySchedule
)

// Schedule is when a DAG runs by time, as data, from which the timetable and the canonical form are
// made. It is comparable: equal schedules share one timetable.
type Schedule struct {
	Kind ScheduleKind `json:"kind"`
	// Crons holds the expressions, one a line.
	Crons string `json:"crons,omitempty"`
	// Zone is the zone of the expressions when the schedule names one itself.
	Zone string `json:"zone,omitempty"`
	// Interval asks for data-interval mode.
	Interval bool `json:"interval,omitempty"`
	// Every is the period of an EverySchedule.
	Every time.Duration `json:"every,omitempty"`
}

// String returns the schedule as people write it.
func (c Schedule) String() string {
	switch c.Kind {
	case OnceSchedule:
		return "@once"
	case ContinuousSchedule:
		return "@continuous"
	case CronSchedule:
		return strings.ReplaceAll(c.Crons, "\n", ", ")
	case EverySchedule:
		return "every " + shortDuration(c.Every)
	default:
		return ""
	}
}

// shortDuration writes 30m instead of 30m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// NewTimetable builds the timetable of a schedule whose zone is known.
func (c Schedule) NewTimetable(loc *time.Location) (timetable.Timetable, error) {
	crons := strings.Split(c.Crons, "\n")
	switch {
	case c.Kind == OnceSchedule:
		return timetable.Once(), nil
	case c.Kind == ContinuousSchedule:
		return timetable.Continuous(), nil
	case c.Kind == CronSchedule && c.Interval:
		return timetable.CronInterval(c.Crons, loc)
	case c.Kind == CronSchedule && len(crons) > 1:
		return timetable.MultipleCron(crons, loc)
	case c.Kind == CronSchedule:
		return timetable.Cron(c.Crons, loc)
	case c.Kind == EverySchedule && c.Interval:
		return timetable.EveryInterval(c.Every)
	case c.Kind == EverySchedule:
		return timetable.Every(c.Every)
	default:
		return timetable.Never(), nil
	}
}
