package chart

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTimes(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := func(text string) time.Time {
		x, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return x
	}
	for _, c := range []struct {
		from, to string
		zone     *time.Location
		want     []Mark
	}{
		{"2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", time.UTC, nil},
		{"2026-03-01T12:00:10Z", "2026-03-01T12:02:10Z", time.UTC, []Mark{{1. / 6, "03-01 12:00:30"}, {5. / 12, "12:01:00"}, {2. / 3, "12:01:30"}, {11. / 12, "12:02:00"}}},
		{"2026-03-01T22:00:00Z", "2026-03-02T02:00:00Z", berlin, []Mark{{0, "03-01 23:00"}, {.25, "03-02 00:00"}, {.5, "01:00"}, {.75, "02:00"}, {1, "03:00"}}},
		{"2026-02-27T00:00:00Z", "2026-03-03T00:00:00Z", time.UTC, []Mark{{0, "02-27"}, {.25, "02-28"}, {.5, "03-01"}, {.75, "03-02"}, {1, "03-03"}}},
		{"2026-03-01T12:00:00Z", "2026-03-01T12:00:00.008Z", time.UTC, []Mark{{0, "03-01 12:00:00.000"}, {.25, "12:00:00.002"}, {.5, "12:00:00.004"}, {.75, "12:00:00.006"}, {1, "12:00:00.008"}}},
	} {
		got := Times(at(c.from), at(c.to), c.zone, 5)
		require.Len(t, got, len(c.want), c.from)
		for i, m := range got {
			assert.Equal(t, c.want[i].Text, m.Text)
			assert.InDelta(t, c.want[i].At, m.At, 1e-9, m.Text)
		}
	}
}

// However long an axis is, its marks are few, in order and on it.
func TestMarksAreFew(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 10, 24, 3, 4, 5, 6_000_000, time.UTC)
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	for length := time.Millisecond; length < 100*365*day; length = length*3/2 + 1 {
		marks := Times(from, from.Add(length), zone, 6)
		assert.LessOrEqual(t, len(marks), 7, length)
		last := -1.0
		for _, m := range marks {
			assert.True(t, m.At > last && m.At <= 1, "%v: %+v", length, m)
			last = m.At
		}
		low, high, all := Durations(0, length.Seconds(), 6, units)
		assert.Zero(t, low)
		assert.GreaterOrEqual(t, high, length.Seconds()-1e-6)
		assert.LessOrEqual(t, len(all), 8, length)
		assert.InDelta(t, 1, all[len(all)-1].At, 1e-9)
	}
}

var units = Units{"d", "h", "m", "s"} //nolint:gochecknoglobals // a constant

func TestDurations(t *testing.T) {
	t.Parallel()
	texts := func(least, most float64) string {
		from, to, all := Durations(least, most, 5, units)
		out := []string{fmt.Sprint(from, " ", to, ":")}
		for _, m := range all {
			out = append(out, m.Text)
		}
		return strings.Join(out, " ")
	}
	for want, is := range map[string][2]float64{
		"0 60: 0s 15s 30s 45s 1m":            {0, 50},
		"0 4500: 0s 15m 30m 45m 1h 1h15m":    {3, 4000},
		"-30 120: -30s 0s 30s 1m 1m30s 2m":   {-30, 100},
		"0 0.001: 0s 0.001s":                 {0, 0},
		"0 0.4: 0s 0.1s 0.2s 0.3s 0.4s":      {0, 0.4},
		"0 216000: 0s 12h 1d 1d12h 2d 2d12h": {0, 200000},
	} {
		assert.Equal(t, want, texts(is[0], is[1]))
	}
}
