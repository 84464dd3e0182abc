package moment

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func TestParseMoment(t *testing.T) {
	t.Parallel()
	shanghai := zone(t, "Asia/Shanghai")
	for text, want := range map[string]string{
		"2024-05-01":                       "2024-05-01T00:00:00+08:00",
		"20240501":                         "2024-05-01T00:00:00+08:00",
		"2024-05-01T08:30":                 "2024-05-01T08:30:00+08:00",
		"2024-05-01 08:30:15":              "2024-05-01T08:30:15+08:00",
		" 2024-05-01T08:30:15.250 ":        "2024-05-01T08:30:15.25+08:00",
		"20240501T083015":                  "2024-05-01T08:30:15+08:00",
		"2024-05-01T08:30:15Z":             "2024-05-01T08:30:15Z",
		"2024-05-01 08:30:15.123456+00:00": "2024-05-01T08:30:15.123456Z",
		"2024-05-01T08:30+02:00":           "2024-05-01T08:30:00+02:00",
		"2024-05-01T08:30:15-0330":         "2024-05-01T08:30:15-03:30",
		"20240501T083015+0000":             "2024-05-01T08:30:15Z",
	} {
		got, err := Parse(text, shanghai)
		require.NoError(t, err, text)
		wanted, err := time.Parse(time.RFC3339Nano, want)
		require.NoError(t, err)
		assert.True(t, wanted.Equal(got), "%s gives %s", text, got)
	}
	for _, text := range []string{"", "2024-05", "2024-02-30", "tomorrow", "08:30", "2024-05-01T24:00", "2024-05-01T08:30 UTC", "None"} {
		_, err := Parse(text, shanghai)
		require.ErrorContains(t, err, "write it like", text)
	}
}

func TestParseClock(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"00:00": 0, "8:30": 8*time.Hour + 30*time.Minute, "23:59:59": 24*time.Hour - time.Second,
		"08:00:00.5": 8*time.Hour + 500*time.Millisecond,
	} {
		got, err := ParseClock(text)
		require.NoError(t, err, text)
		assert.Equal(t, Clock(want), got, text)
	}
	for _, text := range []string{"", "8", "24:00", "08:60", "8 am", "-1:00", "08:30+08:00"} {
		_, err := ParseClock(text)
		require.ErrorIs(t, err, ErrNoClock, text)
	}
}

// The clock changes of Berlin, 2024: forward on 31 March at 02:00, back on 27 October at 03:00.
func TestClockOnDaysOfChange(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	for _, tc := range []struct{ day, clock, want string }{
		{"2024-03-31", "01:59", "2024-03-31T01:59:00+01:00"},
		{"2024-03-31", "02:30", "2024-03-31T03:30:00+02:00"},
		{"2024-03-31", "03:00", "2024-03-31T03:00:00+02:00"},
		{"2024-03-31", "23:00", "2024-03-31T23:00:00+02:00"},
		{"2024-10-27", "01:59", "2024-10-27T01:59:00+02:00"},
		{"2024-10-27", "02:30", "2024-10-27T02:30:00+01:00"},
		{"2024-10-27", "03:00", "2024-10-27T03:00:00+01:00"},
		{"2024-10-27", "00:00", "2024-10-27T00:00:00+02:00"},
		{"2024-06-01", "12:00", "2024-06-01T12:00:00+02:00"},
	} {
		day, err := time.ParseInLocation(time.DateOnly, tc.day, berlin)
		require.NoError(t, err)
		c, err := ParseClock(tc.clock)
		require.NoError(t, err)
		assert.Equal(t, tc.want, c.On(day.Add(20*time.Hour)).Format(time.RFC3339), "%s %s", tc.day, tc.clock)
	}
}

// A moment that is read is the same when it is written again.
func FuzzMoment(f *testing.F) {
	for _, seed := range []string{
		"2024-05-01", "2024-05-01T08:00", "2024-05-01 08:00:01.5+08:00", "2024-05-01T08:00:00Z", "20240501", "08:30", "now", "", "2024-02-30",
		"2024-03-31T02:30:00", "{{ ds }}",
	} {
		f.Add(seed)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, zone := range []*time.Location{time.UTC, berlin} {
			at, err := Parse(text, zone)
			if err != nil || at.Year() < 1970 { // zones had offsets with seconds once
				continue
			}
			written := at.Format(time.RFC3339Nano)
			again, err := Parse(written, zone)
			if err != nil || !again.Equal(at) {
				t.Fatalf("%q in %s is %s, which reads as %s, %v", text, zone, written, again, err)
			}
		}
	})
}
