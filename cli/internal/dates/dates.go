// Package dates reads the dates of a command line, and shows moments in the zone that people
// expect: that of --timezone, of the one DAG which a command shows, or of the settings.
package dates

import (
	"cmp"
	"regexp"
	"time"

	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Dates are those of one command.
type Dates struct {
	home *home.Home
	// zone is that of the one DAG which the command shows, or nil.
	zone *time.Location
	// plain is the last date of the command line that named no zone.
	plain struct {
		text string
		at   time.Time
	}
}

// New returns the dates of a command on a home folder.
func New(h *home.Home) *Dates { return &Dates{home: h} }

// readZone is the zone of dates on the command line that name none: --timezone, else the
// setting, else default_timezone. The configuration has been read.
func (d *Dates) readZone() *time.Location {
	if d.home.Settings == nil {
		return time.UTC
	}
	// The names were checked when they were read.
	loc, err := time.LoadLocation(cmp.Or(d.home.Settings.Timezone, d.home.Settings.DefaultTimezone))
	if err != nil {
		return time.UTC
	}
	return loc
}

// ShowZone is the zone in which the command shows times: --timezone, else that of the DAG
// which it shows, else as [Dates.readZone].
func (d *Dates) ShowZone() *time.Location {
	if _, said := d.home.Flags["timezone"]; !said && d.zone != nil {
		return d.zone
	}
	return d.readZone()
}

// ShowIn makes the command show times in the zone of one DAG. A date of the command line
// that was read in another zone is worth a word.
func (d *Dates) ShowIn(g *dag.DAG) {
	d.zone = g.Location
	if _, said := d.home.Flags["timezone"]; said || d.plain.text == "" {
		return
	}
	t := d.plain.at
	if offset(t, g.Location) != offset(t, d.readZone()) {
		d.home.Notef("%s was read as %s; dag %s is in %s: --timezone %s reads it there", d.plain.text, t.Format(time.RFC3339), g.ID, g.Location, g.Location)
	}
	d.plain.text = ""
}

// offset is that of a zone from UTC at a moment, in seconds.
func offset(t time.Time, loc *time.Location) int {
	_, o := t.In(loc).Zone()
	return o
}

// Date is a time as the command shows it; empty for the zero time.
func (d *Dates) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(d.ShowZone()).Format(time.RFC3339)
}

// When is Date for a moment that may not have come; empty for nil.
func (d *Dates) When(t *time.Time) string {
	if t == nil {
		return ""
	}
	return d.Date(*t)
}

// momentInText is a moment in UTC as the engine writes it into a reason. One that is a part of
// a run id is none.
var momentInText = regexp.MustCompile(`(^|[\s(])(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\b`)

// Moments is a reason with its moments as the command shows them.
func (d *Dates) Moments(reason string) string {
	return momentInText.ReplaceAllStringFunc(reason, func(found string) string {
		m := momentInText.FindStringSubmatch(found)
		t, err := time.Parse(time.RFC3339, m[2])
		if err != nil {
			return found
		}
		return m[1] + d.Date(t)
	})
}

// zonedLayouts are the dates that say their zone, plainLayouts those that do not.
var (
	zonedLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00"}                   //nolint:gochecknoglobals // a constant
	plainLayouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} //nolint:gochecknoglobals // a constant
)

// ParseDate reads a date of the command line; empty is the zero time. Without a zone it is
// one of [Dates.readZone].
func (d *Dates) ParseDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if _, err := d.home.ReadSettings(); err != nil {
		return time.Time{}, err
	}
	for _, layout := range zonedLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	for _, layout := range plainLayouts {
		if wall, err := time.Parse(layout, s); err == nil {
			t, err := inZone(s, wall, d.readZone())
			d.plain.text, d.plain.at = s, t
			return t, err
		}
	}
	return time.Time{}, command.Usagef("%q is not a valid date: write 2026-01-31, or 2026-01-31T08:00:00+08:00", s)
}

// Since reads how long ago something may be, or since when it is, from the flag of that name. Empty
// is the zero time.
func (d *Dates) Since(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := yamlvalue.ParseDuration(text); err == nil {
		return d.home.Clock().Add(-ago), nil
	}
	at, err := d.ParseDate(text)
	if err != nil {
		return at, command.Usagef("%s: %q is neither a duration such as 24h or 7d nor a date such as 2026-01-31", flag, text)
	}
	return at, nil
}

// LastAt reads a date, or a time of the day such as 03:00 in the zone of the command: the last one that
// has been.
func (d *Dates) LastAt(flag, text string) (time.Time, error) {
	for _, layout := range []string{"15:04", "15:04:05"} {
		wall, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		now := d.home.Clock().In(d.ShowZone())
		for back := range 2 {
			at := time.Date(now.Year(), now.Month(), now.Day()-back, wall.Hour(), wall.Minute(), wall.Second(), 0, now.Location())
			if !at.After(now) {
				return at, nil
			}
		}
	}
	at, err := d.ParseDate(text)
	if err != nil {
		return at, command.Usagef("%s: %q is neither a time such as 03:00 nor a date such as 2026-01-31T03:00", flag, text)
	}
	return at, nil
}

// inZone is the moment at which clocks of the zone show what wall shows in UTC. There may
// be none or two, where clocks change: then the date must say its offset.
func inZone(s string, wall time.Time, loc *time.Location) (time.Time, error) {
	var found []time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		o := offset(wall.Add(near), loc)
		t := wall.Add(-time.Duration(o) * time.Second).In(loc)
		if offset(t, loc) == o && (len(found) == 0 || !found[0].Equal(t)) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		shifted := wall.Add(-time.Duration(offset(wall.Add(-24*time.Hour), loc)) * time.Second)
		return time.Time{}, command.Usagef("%s does not exist in %s, where clocks skip it: write it with its offset, as in %s", s, loc, shifted.In(loc).Format(time.RFC3339))
	default:
		return time.Time{}, command.Usagef("%s occurs twice in %s, where clocks are set back: write %s or %s", s, loc, found[0].Format(time.RFC3339), found[1].Format(time.RFC3339))
	}
}

// DueNow says of a run that is due that it is.
func (d *Dates) DueNow(at time.Time) string {
	if at.After(d.home.Clock()) {
		return d.Date(at)
	}
	return d.Date(at) + " (due now)"
}
