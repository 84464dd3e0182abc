package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTablesFit(t *testing.T) {
	t.Parallel()
	l := &listing{columns: []string{"Run", "Task", "Why", "Start", "End"}, drop: []string{"End", "Start"}, wrap: []string{"Why"}, once: "Run"}
	l.add(nil, "manual__1", "read", "it failed: "+strings.Repeat("no such file ", 5), "2026-01-31T00:00:00Z", "")
	l.add(nil, "manual__1", "load", "read failed", "2026-01-31T00:00:00Z", "")
	names := func(f fitted) string {
		var out []string
		for _, i := range f.shown {
			out = append(out, l.columns[i])
		}
		return strings.Join(out, " ")
	}
	sum := func(f fitted) int {
		natural := []int{9, 4, 75, 20, 3}
		n := 0
		for i := range f.shown {
			n += f.width(i, natural) + padding
		}
		return n
	}
	f := l.fit(0)
	assert.Equal(t, "Run Task Why Start End", names(f), "what is no terminal gets everything")
	assert.Empty(t, f.heading)

	f = l.fit(200)
	assert.Equal(t, "Task Why Start End", names(f), "what all rows share stands above")
	assert.Equal(t, "Run: manual__1", f.heading)
	assert.Equal(t, []int{0, 0, 0, 0}, f.widths)
	assert.Empty(t, f.left)

	f = l.fit(60)
	assert.Equal(t, "Task Why Start End", names(f), "text is wrapped first")
	assert.Equal(t, 60, sum(f))

	f = l.fit(54)
	assert.Equal(t, "Task Why Start", names(f), "then what is empty goes, without a word")
	assert.Empty(t, f.left)

	f = l.fit(50)
	assert.Equal(t, "Task Why", names(f))
	assert.Equal(t, []string{"Start"}, f.left)

	f = l.fit(20)
	assert.Equal(t, 20, sum(f), "at last everything is narrowed")

	assert.Equal(t, "Run Task Why Start End", names((&listing{columns: l.columns, once: "Run", drop: l.drop}).fit(80)), "without rows")
	for room := range 40 {
		l.fit(room) // it ends, whatever the room
	}
}

func TestTook(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for want, d := range map[string]time.Duration{
		"3ms": 3400 * time.Microsecond, "1.23s": 1234 * time.Millisecond, "12.3s": 12340 * time.Millisecond, "1h2m3s": time.Hour + 2*time.Minute + 3*time.Second, "0s": -time.Second,
	} {
		assert.Equal(t, want, took(start, start.Add(d), start))
		assert.Equal(t, want, took(start, time.Time{}, start.Add(d)), "until now")
	}
	assert.Empty(t, took(time.Time{}, time.Time{}, start))
}

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
		{"Europe/Zurich", "2026-10-25T02:30", "", "2026-10-25T02:30 comes twice in Europe/Zurich, where clocks are set back: write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"},
		{"Europe/Zurich", "2026-10-25T03:00", "2026-10-25T03:00:00+01:00", ""},
		{"UTC", "31.1.2026", "", `"31.1.2026" is not a valid date: write 2026-01-31, or 2026-01-31T08:00:00+08:00`},
		{"UTC", "", "", ""},
	} {
		a := &app{cfg: &Config{Timezone: c.zone}}
		got, err := a.parseDate(c.text)
		if c.problem != "" {
			assert.EqualError(t, err, c.problem)
			continue
		}
		if assert.NoError(t, err, c.text) {
			assert.Equal(t, c.want, a.date(got), c.text)
		}
	}
}

func TestMomentsInReasons(t *testing.T) {
	t.Parallel()
	a := &app{cfg: &Config{Timezone: "Asia/Shanghai"}}
	assert.Equal(t, "since 2026-01-31T08:00:00+08:00: run manual__2026-01-31T00:00:00Z (2026-01-31T08:00:00+08:00) and x2026-01-31T00:00:00Z, scheduled__2026-01-31T00:00:00+00:00",
		a.moments("since 2026-01-31T00:00:00Z: run manual__2026-01-31T00:00:00Z (2026-01-31T00:00:00Z) and x2026-01-31T00:00:00Z, scheduled__2026-01-31T00:00:00+00:00"))
}
