package schedule

import (
	"time"

	"github.com/dingdag/dingdag/store"
)

// Daily says when the digest of a day is due: at a time of the day, in a zone.
type Daily struct {
	// At is the time since midnight on the clock on the wall, in whole minutes below 24 h.
	At       time.Duration
	Location *time.Location
}

// Next compares what was told last, nil for nothing, with the present moment. changed says that next is to
// be stored, tell that the digest of next.Day is due, which goes on where the last one ended.
//
// Each day is told once. One that passed while no process was running is part of the next one. The
// first digest is that of the first day whose moment is still to come. After the clock was set back
// the days that come are told, though later ones were told already.
func (d Daily) Next(last *store.DailyDigest, now time.Time) (next store.DailyDigest, tell, changed bool) {
	local := now.In(d.Location)
	y, m, date := local.Date()
	due := !now.Before(time.Date(y, m, date, int(d.At.Hours()), int(d.At.Minutes())%60, 0, 0, d.Location))
	today := local.Format(time.DateOnly)
	passed := today // the last day whose moment has passed
	if !due {
		passed = time.Date(y, m, date-1, 12, 0, 0, 0, d.Location).Format(time.DateOnly)
	}
	switch {
	case last == nil:
		return store.DailyDigest{Day: passed, Until: now}, false, true
	case last.Until.After(now): // the clock was set back
		return store.DailyDigest{Day: min(last.Day, max(passed, sameDay(last.Day, today))), Until: now}, false, true
	case due && last.Day < today:
		return store.DailyDigest{Day: today, Until: now}, true, true
	}
	return *last, false, false
}

// sameDay is the day if it is today, which was told then, and else "".
func sameDay(day, today string) string {
	if day == today {
		return day
	}
	return ""
}
