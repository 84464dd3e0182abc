package app

import (
	"cmp"
	"context"
	"regexp"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/dag"
)

// readZone is the zone of dates on the command line that name none: --timezone, else the
// setting, else default_timezone. The configuration has been read.
func (a *App) readZone() *time.Location {
	if a.Settings == nil {
		return time.UTC
	}
	// The names were checked when they were read.
	loc, err := time.LoadLocation(cmp.Or(a.Settings.Timezone, a.Settings.DefaultTimezone))
	if err != nil {
		return time.UTC
	}
	return loc
}

// ShowZone is the zone in which the command shows times: --timezone, else that of the DAG
// which it shows, else as [App.readZone].
func (a *App) ShowZone() *time.Location {
	if _, said := a.Flags["timezone"]; !said && a.zone != nil {
		return a.zone
	}
	return a.readZone()
}

// ShowIn makes the command show times in the zone of one DAG. A date of the command line
// that was read in another zone is worth a word.
func (a *App) ShowIn(d *dag.DAG) {
	a.zone = d.Location
	if _, said := a.Flags["timezone"]; said || a.plain.text == "" {
		return
	}
	t := a.plain.at
	if offset(t, d.Location) != offset(t, a.readZone()) {
		a.Notef("%s was read as %s; dag %s is in %s: --timezone %s reads it there", a.plain.text, t.Format(time.RFC3339), d.ID, d.Location, d.Location)
	}
	a.plain.text = ""
}

// offset is that of a zone from UTC at a moment, in seconds.
func offset(t time.Time, loc *time.Location) int {
	_, o := t.In(loc).Zone()
	return o
}

// ShowInZoneOf does the same for a version of a DAG, whatever has become of its file. One
// that can't be read has the zone of no DAG.
func (a *App) ShowInZoneOf(ctx context.Context, ask *api.API, version string) {
	if d, err := ask.DAGOf(ctx, version); err == nil {
		a.ShowIn(d)
	}
}

// Date is a time as the command shows it; empty for the zero time.
func (a *App) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(a.ShowZone()).Format(time.RFC3339)
}

// momentInText is a moment in UTC as the engine writes it into a reason. One that is a part of
// a run id is none.
var momentInText = regexp.MustCompile(`(^|[\s(])(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\b`)

// Moments is a reason with its moments as the command shows them.
func (a *App) Moments(reason string) string {
	return momentInText.ReplaceAllStringFunc(reason, func(found string) string {
		m := momentInText.FindStringSubmatch(found)
		t, err := time.Parse(time.RFC3339, m[2])
		if err != nil {
			return found
		}
		return m[1] + a.Date(t)
	})
}

// zonedLayouts are the dates that say their zone, plainLayouts those that do not.
var (
	zonedLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00"}                   //nolint:gochecknoglobals // a constant
	plainLayouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} //nolint:gochecknoglobals // a constant
)

// ParseDate reads a date of the command line; empty is the zero time. Without a zone it is
// one of [App.readZone].
func (a *App) ParseDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if _, err := a.ReadSettings(); err != nil {
		return time.Time{}, err
	}
	for _, layout := range zonedLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	for _, layout := range plainLayouts {
		if wall, err := time.Parse(layout, s); err == nil {
			t, err := inZone(s, wall, a.readZone())
			a.plain.text, a.plain.at = s, t
			return t, err
		}
	}
	return time.Time{}, command.Usagef("%q is not a valid date: write 2026-01-31, or 2026-01-31T08:00:00+08:00", s)
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
		return time.Time{}, command.Usagef("%s comes twice in %s, where clocks are set back: write %s or %s", s, loc, found[0].Format(time.RFC3339), found[1].Format(time.RFC3339))
	}
}

// DueNow says of a run that is due that it is.
func (a *App) DueNow(at time.Time) string {
	if at.After(a.Clock()) {
		return a.Date(at)
	}
	return a.Date(at) + " (due now)"
}
