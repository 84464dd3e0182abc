package timetable

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ticksAfter formats the n ticks after from, in loc.
func ticksAfter(t *testing.T, expr string, loc *time.Location, from time.Time, layout string, n int) []string {
	t.Helper()
	c, err := newCron(expr, loc)
	require.NoError(t, err)
	var got []string
	for range n {
		next, ok := c.next(from)
		require.True(t, ok, "no tick after %s", from)
		require.True(t, next.After(from), "%s is not after %s", next, from)
		got = append(got, next.In(loc).Format(layout))
		from = next
	}
	return got
}

// The expectations are croniter's, Airflow's cron library.
func TestCronGrammar(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // a Thursday
	for _, tc := range []struct {
		expr string
		want []string
	}{
		{"*/15 * * * *", []string{"Thu01-01T00:15", "Thu01-01T00:30", "Thu01-01T00:45", "Thu01-01T01:00"}},
		{"5-20/5 * * * *", []string{"Thu01-01T00:05", "Thu01-01T00:10", "Thu01-01T00:15", "Thu01-01T00:20", "Thu01-01T01:05"}},
		{"30/30 * * * *", []string{"Thu01-01T00:30", "Thu01-01T01:30"}},
		{"0 9 * * 1-5", []string{"Thu01-01T09:00", "Fri01-02T09:00", "Mon01-05T09:00"}},
		{"0 9 * * mon-FRI", []string{"Thu01-01T09:00", "Fri01-02T09:00", "Mon01-05T09:00"}},
		{"0 0 * * 7", []string{"Sun01-04T00:00", "Sun01-11T00:00"}},
		{"0 0 * * 0", []string{"Sun01-04T00:00", "Sun01-11T00:00"}},
		{"0 0 * * 5-7", []string{"Fri01-02T00:00", "Sat01-03T00:00", "Sun01-04T00:00", "Fri01-09T00:00"}},
		{"0 0 * * 5-1", []string{"Fri01-02T00:00", "Sat01-03T00:00", "Sun01-04T00:00", "Mon01-05T00:00", "Fri01-09T00:00"}},
		{"0 0 * * 5-1/2", []string{"Fri01-02T00:00", "Sun01-04T00:00", "Fri01-09T00:00"}},
		{"0 0 * * 1/2", []string{"Fri01-02T00:00", "Mon01-05T00:00", "Wed01-07T00:00", "Fri01-09T00:00"}},
		{"0 0 * * 7/2", []string{"Sat01-03T00:00", "Sun01-04T00:00", "Tue01-06T00:00", "Thu01-08T00:00"}},
		{"0 0 * * */2", []string{"Sat01-03T00:00", "Sun01-04T00:00", "Tue01-06T00:00", "Thu01-08T00:00"}},
		{"0 22-2 * * *", []string{"Thu01-01T01:00", "Thu01-01T02:00", "Thu01-01T22:00", "Thu01-01T23:00", "Fri01-02T00:00"}},
		{"0 22-2/2 * * *", []string{"Thu01-01T02:00", "Thu01-01T22:00", "Fri01-02T00:00", "Fri01-02T02:00"}},
		{"0 0 1 nov-feb *", []string{"Sun02-01T00:00", "Sun11-01T00:00", "Tue12-01T00:00", "Fri01-01T00:00"}},
		{"0 0 1 JAN,jul *", []string{"Wed07-01T00:00", "Fri01-01T00:00"}},
		{"0 0 28-2 * *", []string{"Fri01-02T00:00", "Wed01-28T00:00", "Thu01-29T00:00", "Fri01-30T00:00", "Sat01-31T00:00"}},
		{"0 0 ? * ?", []string{"Fri01-02T00:00", "Sat01-03T00:00"}},
		{"0 0 L * *", []string{"Sat01-31T00:00", "Sat02-28T00:00", "Tue03-31T00:00"}},
		{"0 0 l * *", []string{"Sat01-31T00:00", "Sat02-28T00:00"}},
		{"0 0 1,L * *", []string{"Sat01-31T00:00", "Sun02-01T00:00", "Sat02-28T00:00"}},
		{"0 0 * * 5#3", []string{"Fri01-16T00:00", "Fri02-20T00:00"}},
		{"0 0 * * mon#2", []string{"Mon01-12T00:00", "Mon02-09T00:00"}},
		{"0 0 * * L5", []string{"Fri01-30T00:00", "Fri02-27T00:00"}},
		{"0 0 * * L5,L1", []string{"Mon01-26T00:00", "Fri01-30T00:00", "Mon02-23T00:00"}},
		// Both days restricted: either matches. A step counts as restricted, a * does not.
		{"15 3 13 * 5", []string{"Fri01-02T03:15", "Fri01-09T03:15", "Tue01-13T03:15", "Fri01-16T03:15"}},
		{"0 0 */2 * 1", []string{"Sat01-03T00:00", "Mon01-05T00:00", "Wed01-07T00:00"}},
		{"0 0 L * 5", []string{"Fri01-02T00:00", "Fri01-09T00:00", "Fri01-16T00:00", "Fri01-23T00:00", "Fri01-30T00:00", "Sat01-31T00:00"}},
		{"0 0 *,5 * 1", []string{"Mon01-05T00:00", "Mon01-12T00:00"}},
		{"0 0 1 * 0-6", []string{"Fri01-02T00:00", "Sat01-03T00:00"}},
		{"0 0 29 2 *", []string{"Tue02-29T00:00", "Sun02-29T00:00"}},
		{" 0\t0  * * * ", []string{"Fri01-02T00:00"}},
	} {
		t.Run(tc.expr, func(t *testing.T) {
			t.Parallel()
			got := ticksAfter(t, tc.expr, time.UTC, from, "Mon01-02T15:04", len(tc.want))
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestCronPresets(t *testing.T) {
	t.Parallel()
	for preset, want := range map[string]string{
		"@hourly":    "0 * * * *",
		"@daily":     "0 0 * * *",
		"@midnight":  "0 0 * * *",
		"@weekly":    "0 0 * * 0",
		"@monthly":   "0 0 1 * *",
		"@quarterly": "0 0 1 */3 *",
		"@yearly":    "0 0 1 1 *",
		"@annually":  "0 0 1 1 *",
		"@Daily":     "0 0 * * *",
	} {
		tt, err := Cron(preset, nil)
		require.NoError(t, err, preset)
		assert.Equal(t, want+" (UTC), trigger mode", tt.Summary(), preset)
	}
}

func TestCronErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ expr, want string }{
		{"", `cron expression "": 0 fields; want five`},
		{"0 0 * *", `cron expression "0 0 * *": 4 fields; want five: minute, hour, day of month, month, weekday`},
		{"0 0 * * * 30", "6 fields; want five: minute, hour, day of month, month, weekday. Drop the seconds (and the year): systems disagree"},
		{"0 0 0 * * * 2026", "7 fields; want five"},
		{"60 0 * * *", `minute "60": 60 is out of range; use 0 to 59`},
		{"0 24 * * *", `hour "24": 24 is out of range; use 0 to 23`},
		{"0 0 0 * *", `day of month "0": 0 is out of range; use 1 to 31`},
		{"0 0 * 13 *", `month "13": 13 is out of range; use 1 to 12`},
		{"0 0 * * 8", `weekday "8": 8 is out of range; use 0 to 7`},
		{"0 0 * * 1-99", `weekday "1-99": 99 is out of range`},
		{"0 0 * * MONDAY", `weekday "MONDAY": unknown name "MONDAY"; did you mean MON?`},
		{"0 0 * january *", `unknown name "JANUARY"; did you mean JAN?`},
		{"0 0 * * FOO", `"FOO" is neither a number from 0 to 7 nor a name like MON`},
		{"0 0 MON * *", `day of month "MON": "MON" is not a number from 1 to 31`},
		{"*/0 * * * *", `minute "*/0": a step of 0 never moves; use 1 or more`},
		{"59/5 * * * *", `minute "59/5": a step from the last value on is that value for some versions of Airflow, and every one for others: write 59, or * with the step`},
		{"0 0 15 * MON#1", `cron expression "0 0 15 * MON#1": a day of month cannot be combined with a weekday with # or L`},
		{"0 0 L * L5", `a day of month cannot be combined with a weekday with # or L`},
		{"0 0 * * 1,5#1", `days with # or L cannot be combined with others`},
		{"0 0 * * *,5#1", `days with # or L cannot be combined with others`},
		{"0 0 * * LFRI", `the day after L is a number, for instance L5`},
		{"*/x * * * *", `step "X" is not a number`},
		{"*/ * * * *", `step "" is not a number`},
		{"1/2/3 * * * *", `step "2/3" is not a number`},
		{"1-2-3 * * * *", `"2-3" is not a number from 0 to 59`},
		{"-1 * * * *", `"" is not a number from 0 to 59`},
		{"+1 * * * *", `"+1" is not a number from 0 to 59`},
		{"1,,2 * * * *", "empty item in the list; remove the extra comma"},
		{", * * * *", "empty item in the list"},
		{"? * * * *", `minute "?": "?" is not a number`},
		{"0 0 ?/2 * *", `day of month "?/2": "?" is not a number`},
		{"0 0 * * 5#6", `"6" after # is not a number from 1 to 5`},
		{"0 0 * * 5#L", "for the last Friday of the month write L5"},
		{"0 0 * * L", `the day after L is a number`},
		{"0 0 L-3 * *", `day of month "L-3": "L" is not a number`},
		{"0 0 15W * *", `"15W" is not a number from 1 to 31`},
		{"99999999999999999999 * * * *", "is not a number from 0 to 59"},
		{"CRON_TZ=UTC 0 0 * * *", "6 fields"},
		{"@dayly", "unknown preset; known are @annually, @daily, @hourly"},
		{"@every 5m", "write the schedule as every: 30m instead"},
		{"@once", "this is a schedule of its own"},
	} {
		t.Run(tc.expr, func(t *testing.T) {
			t.Parallel()
			for _, parse := range []func(string, *time.Location) (Timetable, error){
				Cron, CronInterval,
				func(expr string, loc *time.Location) (Timetable, error) {
					return MultipleCron([]string{"0 0 * * *", expr}, loc)
				},
			} {
				tt, err := parse(tc.expr, time.UTC)
				assert.ErrorContains(t, err, tc.want)
				assert.Nil(t, tt)
			}
		})
	}
	_, err := MultipleCron(nil, time.UTC)
	assert.ErrorContains(t, err, "give at least one")
}

func TestCronThatNeverFires(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, build := range map[string]func(string) (Timetable, error){
		"trigger":  func(e string) (Timetable, error) { return Cron(e, time.UTC) },
		"interval": func(e string) (Timetable, error) { return CronInterval(e, time.UTC) },
		"multiple": func(e string) (Timetable, error) { return MultipleCron([]string{e}, time.UTC) },
	} {
		tt, err := build("0 0 30 2 *")
		require.NoError(t, err, name)
		assert.Equal(t, []string{`cron expression "0 0 30 2 *" never fires: no month has such a day`}, Warnings(tt), name)
		last := &Interval{Start: now, End: now}
		for _, catchup := range []bool{true, false} {
			for _, start := range []time.Time{{}, now} {
				for _, last := range []*Interval{nil, last} {
					_, ok := tt.Next(last, Restriction{Earliest: start, Catchup: catchup}, now)
					assert.False(t, ok, "%s catchup=%v start=%v last=%v", name, catchup, start, last)
				}
			}
		}
		assert.Equal(t, Interval{Start: now, End: now}, tt.Manual(now), name)

		// The rarest expression that fires is not warned about.
		rare, err := build("0 0 * 2 1#5")
		require.NoError(t, err, name)
		assert.Empty(t, Warnings(rare), name)
		run, ok := rare.Next(nil, Restriction{Catchup: true, Earliest: now}, now)
		require.True(t, ok, name)
		assert.Equal(t, "2044-02-29", run.LogicalDate.Format(time.DateOnly), name)
	}
	assert.Empty(t, Warnings(Never()))
}

func FuzzCron(f *testing.F) {
	for _, seed := range []string{
		"* * * * *", "0 9 * * 1-5", "@quarterly", "0 0 L * *", "0 0 * * 5#3,L1", "22-2/3 * 28-2 NOV-FEB SUN-7",
		"0 0 30 2 *", ", , , , ,", "*/0 0 0 0 0", "1/2/3 - ? # L", "0 0 * * * *",
	} {
		f.Add(seed)
	}
	zone := time.FixedZone("LMT", 1172) // an offset with seconds, as zones had long ago
	now := time.Date(2026, 5, 4, 3, 2, 1, 500, time.UTC)
	f.Fuzz(func(t *testing.T, expr string) {
		c, err := newCron(expr, zone)
		if err != nil {
			return
		}
		again, err := newCron(c.expr, zone)
		if err != nil || again.expr != c.expr {
			t.Fatalf("%q became %q, which reads as %v, %v", expr, c.expr, again, err)
		}
		next, ok := c.next(now)
		if ok != c.fires() {
			t.Fatalf("%q: next %v but fires %v", expr, ok, c.fires())
		}
		if !ok {
			return
		}
		if !next.After(now) {
			t.Fatalf("%q: next %s is not after %s", expr, next, now)
		}
		after, _ := c.next(next)
		if prev, ok := c.prev(after); !ok || !prev.Equal(next) {
			t.Fatalf("%q: prev(%s) is %s, want %s", expr, after, prev, next)
		}
	})
}
