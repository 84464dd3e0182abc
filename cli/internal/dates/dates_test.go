package dates_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/cli/internal/dates"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/settings"
)

func TestDatesOfTheCommandLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, text, want, problem string }{
		{"Asia/Shanghai", "2026-01-31", "2026-01-31T00:00:00+08:00", ""},
		{"Asia/Shanghai", "2026-01-31 08:30", "2026-01-31T08:30:00+08:00", ""},
		{"Asia/Shanghai", "2026-01-31T08:30:00Z", "2026-01-31T16:30:00+08:00", ""},
		{"UTC", "2026-01-31 08:30:00+08:00", "2026-01-31T00:30:00Z", ""},
		{"UTC", "2026-01-31T00:00:00.5+00:00", "2026-01-31T00:00:00Z", ""},
		{"Europe/Zurich", "2026-03-29T01:59", "2026-03-29T01:59:00+01:00", ""},
		{"Europe/Zurich", "2026-03-29T02:30", "", "2026-03-29T02:30 does not exist in Europe/Zurich, where clocks skip it: write it with its offset, as in 2026-03-29T03:30:00+02:00"},
		{"Europe/Zurich", "2026-03-29T03:00", "2026-03-29T03:00:00+02:00", ""},
		{"Europe/Zurich", "2026-10-25T02:30", "", "2026-10-25T02:30 occurs twice in Europe/Zurich, where clocks are set back: write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"},
		{"Europe/Zurich", "2026-10-25T03:00", "2026-10-25T03:00:00+01:00", ""},
		{"UTC", "31.1.2026", "", `"31.1.2026" is not a valid date: write 2026-01-31, or 2026-01-31T08:00:00+08:00`},
		{"UTC", "", "", ""},
	} {
		d := dates.New(&home.Home{Settings: &settings.Config{Timezone: c.zone}})
		got, err := d.ParseDate(c.text)
		if c.problem != "" {
			assert.EqualError(t, err, c.problem)
			continue
		}
		if assert.NoError(t, err, c.text) {
			assert.Equal(t, c.want, d.Date(got), c.text)
		}
	}
}

func TestMomentsInReasons(t *testing.T) {
	t.Parallel()
	d := dates.New(&home.Home{Settings: &settings.Config{Timezone: "Asia/Shanghai"}})
	assert.Equal(t, "since 2026-01-31T08:00:00+08:00: run manual__2026-01-31T00:00:00Z (2026-01-31T08:00:00+08:00) and x2026-01-31T00:00:00Z, scheduled__2026-01-31T00:00:00+00:00",
		d.Moments("since 2026-01-31T00:00:00Z: run manual__2026-01-31T00:00:00Z (2026-01-31T00:00:00Z) and x2026-01-31T00:00:00Z, scheduled__2026-01-31T00:00:00+00:00"))
}
