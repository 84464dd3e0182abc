package schedule_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

func TestWhenADigestIsDue(t *testing.T) {
	t.Parallel()
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	daily := schedule.Daily{At: 9*time.Hour + 30*time.Minute, Location: shanghai}
	on := func(text string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04", text, shanghai)
		require.NoError(t, err)
		return at.UTC()
	}
	told := func(day, until string) *store.DailyDigest { return &store.DailyDigest{Day: day, Until: on(until)} }
	for name, c := range map[string]struct {
		last *store.DailyDigest
		now  string
		day  string // to be stored; empty for no change
		tell bool
	}{
		"the first look, before the moment":    {nil, "2026-03-02 09:29", "2026-03-01", false},
		"the first look, after it":             {nil, "2026-03-02 09:30", "2026-03-02", false},
		"not yet":                              {told("2026-03-01", "2026-03-01 09:30"), "2026-03-02 09:29", "", false},
		"now":                                  {told("2026-03-01", "2026-03-01 09:30"), "2026-03-02 09:30", "2026-03-02", true},
		"once":                                 {told("2026-03-02", "2026-03-02 09:30"), "2026-03-02 09:31", "", false},
		"late on the same day":                 {told("2026-03-01", "2026-03-01 09:30"), "2026-03-02 23:59", "2026-03-02", true},
		"yesterday's waits for that of today":  {told("2026-03-01", "2026-03-01 09:30"), "2026-03-03 00:10", "", false},
		"one for many days":                    {told("2026-02-01", "2026-02-01 09:30"), "2026-03-02 10:00", "2026-03-02", true},
		"set back on the same day":             {told("2026-03-02", "2026-03-02 09:30"), "2026-03-02 08:00", "2026-03-02", false},
		"set back past midnight":               {told("2026-03-02", "2026-03-02 09:30"), "2026-03-01 23:00", "2026-03-01", false},
		"set back by a year":                   {told("2027-03-02", "2027-03-02 09:30"), "2026-03-02 08:00", "2026-03-01", false},
		"set back after a moment that was due": {told("2026-03-01", "2026-03-03 09:00"), "2026-03-02 10:00", "2026-03-01", false},
	} {
		next, tell, changed := daily.Next(c.last, on(c.now))
		assert.Equal(t, c.tell, tell, name)
		assert.Equal(t, c.day != "", changed, name)
		if changed {
			assert.Equal(t, store.DailyDigest{Day: c.day, Until: on(c.now)}, next, name)
		}
	}

	// The moment is one of the clock on the wall, also on the days on which that jumps.
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, at := range []time.Duration{2*time.Hour + 30*time.Minute, 9 * time.Hour} {
		d, last, count := schedule.Daily{At: at, Location: berlin}, (*store.DailyDigest)(nil), 0
		for now := time.Date(2026, 3, 27, 0, 0, 0, 0, berlin); now.Before(time.Date(2026, 4, 1, 0, 0, 0, 0, berlin)); now = now.Add(time.Minute) {
			next, tell, changed := d.Next(last, now)
			if tell {
				count++
			}
			if changed {
				last = &next
			}
		}
		assert.Equal(t, 5, count, "%s", at)
	}
}
