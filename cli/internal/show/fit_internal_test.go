package show

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTablesFit(t *testing.T) {
	t.Parallel()
	l := &List{Columns: []string{"Run", "Task", "Why", "Start", "End"}, Drop: []string{"End", "Start"}, Wrap: []string{"Why"}, Once: "Run"}
	l.Add(nil, "manual__1", "read", "it failed: "+strings.Repeat("no such file ", 5), "2026-01-31T00:00:00Z", "")
	l.Add(nil, "manual__1", "load", "read failed", "2026-01-31T00:00:00Z", "")
	names := func(f *fitted) string {
		var out []string
		for _, i := range f.shown {
			out = append(out, l.Columns[i])
		}
		return strings.Join(out, " ")
	}
	sum := func(f *fitted) int {
		n := 0
		for i := range f.shown {
			n += f.width(i) + padding
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

	assert.Equal(t, "Run Task Why Start End", names((&List{Columns: l.Columns, Once: "Run", Drop: l.Drop}).fit(80)), "without rows")
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
		assert.Equal(t, want, Took(start, start.Add(d), start))
		assert.Equal(t, want, Took(start, time.Time{}, start.Add(d)), "until now")
	}
	assert.Empty(t, Took(time.Time{}, time.Time{}, start))
}
