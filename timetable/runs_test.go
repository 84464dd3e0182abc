package timetable

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// utc reads "2024-01-02 15:04" or "2024-01-02".
func utc(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	panic("not a time: " + text)
}

func interval(start, end string) *Interval { return &Interval{Start: utc(start), End: utc(end)} }

func must(tt Timetable, err error) Timetable {
	if err != nil {
		panic(err)
	}
	return tt
}

// kinds are the timetables that the tables below name.
func kinds() map[string]Timetable {
	return map[string]Timetable{
		"none":           Never(),
		"once":           Once(),
		"continuous":     Continuous(),
		"daily":          must(Cron("@daily", time.UTC)),
		"hourly":         must(Cron("@hourly", time.UTC)),
		"weekly":         must(Cron("@weekly", time.UTC)),
		"several":        must(MultipleCron([]string{"0 6 * * *", "0 18 * * *", "0 0,6 * * 1"}, time.UTC)),
		"daily interval": must(CronInterval("@daily", time.UTC)),
		"every 6h":       must(Every(6 * time.Hour)),
		"interval 6h":    must(EveryInterval(6 * time.Hour)),
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	const on, off = true, false
	type want struct{ logical, start, end, runAfter string }
	tick := func(at string) *want { return &want{at, at, at, at} }
	covers := func(start, end string) *want { return &want{start, start, end, end} }
	for _, tc := range []struct {
		name, kind     string
		last           *Interval
		earliest, stop string
		catchup        bool
		now            string
		want           *want // nil for no run
	}{
		{"never", "none", nil, "2024-01-01", "", on, "2024-01-05", nil},

		{"once at the start date", "once", nil, "2024-01-01 10:30", "", off, "2024-01-05", tick("2024-01-01 10:30")},
		{"once, start ahead", "once", nil, "2024-01-09", "", off, "2024-01-05", tick("2024-01-09")},
		{"once only", "once", interval("2024-01-01", "2024-01-01"), "2024-01-01", "", on, "2024-01-05", nil},
		{"once without start", "once", nil, "", "", off, "2024-01-05", nil},
		{"once after the end", "once", nil, "2024-01-01", "2023-12-31", off, "2024-01-05", nil},

		{"continuous, first", "continuous", nil, "2024-01-01", "", off, "2024-01-05", covers("2024-01-01", "2024-01-05")},
		{"continuous, no start", "continuous", nil, "", "", off, "2024-01-05", nil},
		{"continuous, no start any more", "continuous", interval("2024-01-01", "2024-01-03"), "", "", off, "2024-01-05", nil},
		{"continuous, start ahead", "continuous", nil, "2024-01-09", "", off, "2024-01-05", covers("2024-01-09", "2024-01-09")},
		{"continuous, goes on", "continuous", interval("2024-01-01", "2024-01-03"), "2024-01-01", "", off, "2024-01-05", covers("2024-01-03", "2024-01-05")},
		{"continuous, clock went back", "continuous", interval("2024-01-01", "2024-01-07"), "2024-01-01", "", off, "2024-01-05", covers("2024-01-07", "2024-01-07")},
		{"continuous, ended", "continuous", interval("2024-01-01", "2024-01-03"), "2024-01-01", "2024-01-04", off, "2024-01-05", nil},

		// 6.2: what the first run of a daily DAG is.
		{"trigger: first run on the start date", "daily", nil, "2024-01-01", "", on, "2024-01-05", tick("2024-01-01")},
		{"interval: first run a day later", "daily interval", nil, "2024-01-01", "", on, "2024-01-05", covers("2024-01-01", "2024-01-02")},

		// 6.3: interval kind.
		{"interval, start between ticks", "daily interval", nil, "2024-01-01 10:00", "", on, "2024-01-05", covers("2024-01-02", "2024-01-03")},
		{"interval, catchup in order", "daily interval", interval("2024-01-01", "2024-01-02"), "2024-01-01", "", on, "2024-01-05", covers("2024-01-02", "2024-01-03")},
		{"interval, catchup without start", "daily interval", nil, "", "", on, "2024-01-05", nil},
		{"interval, catchup without start goes on", "daily interval", interval("2024-01-01", "2024-01-02"), "", "", on, "2024-01-05", covers("2024-01-02", "2024-01-03")},
		{"interval, start moved ahead", "daily interval", interval("2024-01-01", "2024-01-02"), "2024-01-04", "", on, "2024-01-05", covers("2024-01-04", "2024-01-05")},
		{"interval, latest complete", "daily interval", nil, "2024-01-01", "", off, "2024-01-05 12:00", covers("2024-01-04", "2024-01-05")},
		{"interval, now on a tick", "daily interval", nil, "2024-01-01", "", off, "2024-01-05", covers("2024-01-04", "2024-01-05")},
		{"interval, no start", "daily interval", nil, "", "", off, "2024-01-05 12:00", covers("2024-01-04", "2024-01-05")},
		{"interval, start ahead", "daily interval", nil, "2024-01-08 01:00", "", off, "2024-01-05", covers("2024-01-09", "2024-01-10")},
		{"interval, after downtime", "daily interval", interval("2024-01-01", "2024-01-02"), "2024-01-01", "", off, "2024-01-05 12:00", covers("2024-01-04", "2024-01-05")},
		{"interval, up to date", "daily interval", interval("2024-01-04", "2024-01-05"), "2024-01-01", "", off, "2024-01-05 12:00", covers("2024-01-05", "2024-01-06")},
		{"interval, schedule edited", "daily interval", interval("2024-01-04 06:00", "2024-01-04 18:00"), "2024-01-01", "", on, "2024-01-05", covers("2024-01-04", "2024-01-05")},
		{"interval, end date is inclusive", "daily interval", interval("2024-01-01", "2024-01-02"), "2024-01-01", "2024-01-02", on, "2024-01-05", covers("2024-01-02", "2024-01-03")},
		{"interval, past the end date", "daily interval", interval("2024-01-02", "2024-01-03"), "2024-01-01", "2024-01-02", on, "2024-01-05", nil},

		{"delta interval, start is not aligned", "interval 6h", nil, "2024-01-01 01:30", "", on, "2024-01-05", covers("2024-01-01 01:30", "2024-01-01 07:30")},
		{"delta interval, goes on", "interval 6h", interval("2024-01-01 01:30", "2024-01-01 07:30"), "2024-01-01", "", on, "2024-01-05", covers("2024-01-01 07:30", "2024-01-01 13:30")},
		{"delta interval, latest", "interval 6h", nil, "2024-01-01 01:30", "", off, "2024-01-05 13:10", covers("2024-01-05 06:00", "2024-01-05 12:00")},
		{"delta interval, up to date", "interval 6h", interval("2024-01-05 01:30", "2024-01-05 07:30"), "2024-01-01", "", off, "2024-01-05 13:10", covers("2024-01-05 07:30", "2024-01-05 13:30")},
		{"delta interval, start ahead", "interval 6h", nil, "2024-01-08 01:30", "", off, "2024-01-05", covers("2024-01-08 01:30", "2024-01-08 07:30")},
		{"delta interval, catchup without start", "interval 6h", nil, "", "", on, "2024-01-05", nil},
		{"delta interval, past the end date", "interval 6h", nil, "2024-01-03", "2024-01-02", on, "2024-01-05", nil},

		// 6.4: trigger kind.
		{"trigger, start between ticks", "daily", nil, "2024-01-01 10:00", "", on, "2024-01-05", tick("2024-01-02")},
		{"trigger, catchup in order", "daily", interval("2024-01-01", "2024-01-01"), "2024-01-01", "", on, "2024-01-05", tick("2024-01-02")},
		{"trigger, latest", "daily", nil, "2024-01-01", "", off, "2024-01-05 12:00", tick("2024-01-05")},
		{"trigger, now on a tick", "daily", nil, "2024-01-01", "", off, "2024-01-05", tick("2024-01-05")},
		{"trigger, after downtime", "daily", interval("2024-01-02", "2024-01-02"), "2024-01-01", "", off, "2024-01-05 12:00", tick("2024-01-05")},
		{"trigger, up to date", "daily", interval("2024-01-05", "2024-01-05"), "2024-01-01", "", off, "2024-01-05 12:00", tick("2024-01-06")},
		{"trigger, start ahead", "daily", nil, "2024-01-08 01:00", "", off, "2024-01-05", tick("2024-01-09")},
		{"trigger, schedule edited", "daily", interval("2024-01-03 18:00", "2024-01-04 18:00"), "", "", on, "2024-01-05", tick("2024-01-05")},
		{"trigger, end date is inclusive", "daily", interval("2024-01-01", "2024-01-01"), "", "2024-01-02", on, "2024-01-05", tick("2024-01-02")},
		{"trigger, past the end date", "daily", interval("2024-01-02", "2024-01-02"), "", "2024-01-02", on, "2024-01-05", nil},
		{"first run, a minute ago", "hourly", nil, "", "", off, "2024-01-05 12:01", tick("2024-01-05 12:00")},
		{"first run, a tenth of the period ago", "hourly", nil, "", "", off, "2024-01-05 12:06", tick("2024-01-05 12:00")},
		{"first run, longer ago", "hourly", nil, "", "", off, "2024-01-05 12:07", tick("2024-01-05 13:00")},
		{"first run, catchup changes nothing", "hourly", nil, "", "", on, "2024-01-05 12:07", tick("2024-01-05 13:00")},
		{"first run, a tenth of a week", "weekly", nil, "", "", off, "2024-01-07 16:48", tick("2024-01-07")},
		{"first run, more than a tenth of a week", "weekly", nil, "", "", off, "2024-01-07 16:49", tick("2024-01-14")},

		{"several, the earliest", "several", interval("2024-01-02 06:00", "2024-01-02 06:00"), "", "", on, "2024-01-05", tick("2024-01-02 18:00")},
		{"several, same instant once", "several", interval("2024-01-08 00:00", "2024-01-08 00:00"), "", "", on, "2024-01-09", tick("2024-01-08 06:00")},
		{"several, and not twice", "several", interval("2024-01-08 06:00", "2024-01-08 06:00"), "", "", on, "2024-01-09", tick("2024-01-08 18:00")},
		{"several, latest", "several", interval("2024-01-02 06:00", "2024-01-02 06:00"), "", "", off, "2024-01-08 01:00", tick("2024-01-08 00:00")},
		{"several, from the start date", "several", nil, "2024-01-07 19:00", "", on, "2024-01-09", tick("2024-01-08 00:00")},

		{"delta, at the start date", "every 6h", nil, "2024-01-01 01:30", "", on, "2024-01-05", tick("2024-01-01 01:30")},
		{"delta, steps from the last", "every 6h", interval("2024-01-01 01:30", "2024-01-01 01:30"), "2024-01-01", "", on, "2024-01-05", tick("2024-01-01 07:30")},
		{"delta, newest step from the start", "every 6h", nil, "2024-01-01 01:30", "", off, "2024-01-05 13:10:05", tick("2024-01-05 07:30")},
		{"delta, newest step from the last", "every 6h", interval("2024-01-01 01:30", "2024-01-01 01:30"), "", "", off, "2024-01-05 13:10:05", tick("2024-01-05 07:30")},
		{"delta, up to date", "every 6h", interval("2024-01-05 07:30", "2024-01-05 07:30"), "", "", off, "2024-01-05 13:10", tick("2024-01-05 13:30")},
		{"delta, no drift from a late scheduler", "every 6h", interval("2024-01-05 07:30", "2024-01-05 07:30"), "", "", off, "2024-01-05 13:30:02", tick("2024-01-05 13:30")},
		{"delta, neither last nor start", "every 6h", nil, "", "", off, "2024-01-05 13:10", tick("2024-01-05 12:00")},
		{"delta, start ahead", "every 6h", nil, "2024-01-08 01:30", "", off, "2024-01-05", tick("2024-01-08 01:30")},
		{"delta, start moved ahead", "every 6h", interval("2024-01-04", "2024-01-04"), "2024-01-08 01:30", "", off, "2024-01-05", tick("2024-01-08 01:30")},
		{"delta, past the end date", "every 6h", interval("2024-01-01", "2024-01-01"), "", "2024-01-01 05:59", on, "2024-01-05", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tt := kinds()[tc.kind]
			require.NotNil(t, tt, tc.kind)
			r := Restriction{Earliest: utc(tc.earliest), Latest: utc(tc.stop), Catchup: tc.catchup}
			got, ok := tt.Next(tc.last, r, utc(tc.now))
			if tc.want == nil {
				assert.False(t, ok, "%v", got)
				return
			}
			require.True(t, ok)
			assert.Equal(t, Run{
				LogicalDate: utc(tc.want.logical),
				Interval:    *interval(tc.want.start, tc.want.end),
				RunAfter:    utc(tc.want.runAfter),
			}, got)
		})
	}
}

func TestManual(t *testing.T) {
	t.Parallel()
	at := utc("2024-01-05 13:10")
	for kind, want := range map[string]*Interval{
		"none":           interval("2024-01-05 13:10", "2024-01-05 13:10"),
		"once":           interval("2024-01-05 13:10", "2024-01-05 13:10"),
		"continuous":     interval("2024-01-05 13:10", "2024-01-05 13:10"),
		"daily":          interval("2024-01-05 13:10", "2024-01-05 13:10"),
		"several":        interval("2024-01-05 13:10", "2024-01-05 13:10"),
		"every 6h":       interval("2024-01-05 13:10", "2024-01-05 13:10"),
		"daily interval": interval("2024-01-04", "2024-01-05"),
		"interval 6h":    interval("2024-01-05 07:10", "2024-01-05 13:10"),
	} {
		assert.Equal(t, *want, kinds()[kind].Manual(at), kind)
	}
	assert.Equal(t, *interval("2024-01-04", "2024-01-05"), kinds()["daily interval"].Manual(utc("2024-01-05")), "on a tick")
}

func TestSummary(t *testing.T) {
	t.Parallel()
	shanghai := zone(t, "Asia/Shanghai")
	for _, tc := range []struct {
		tt   Timetable
		mode Mode
		want string
	}{
		{Never(), ModeTrigger, "none, triggered only"},
		{Once(), ModeTrigger, "@once, trigger mode"},
		{Continuous(), ModeDataInterval, "@continuous, data-interval mode"},
		{must(Cron("0  9 * * mon-fri", shanghai)), ModeTrigger, "0 9 * * MON-FRI (Asia/Shanghai), trigger mode"},
		{must(CronInterval("@daily", nil)), ModeDataInterval, "0 0 * * * (UTC), data-interval mode"},
		{must(MultipleCron([]string{"0 9 * * *", "0 18 * * *", "0 9 * * *"}, shanghai)), ModeTrigger, "0 9 * * *; 0 18 * * * (Asia/Shanghai), trigger mode"},
		{must(Every(30 * time.Minute)), ModeTrigger, "every 30m, trigger mode"},
		{must(Every(24 * time.Hour)), ModeTrigger, "every 24h, trigger mode"},
		{must(EveryInterval(90 * time.Second)), ModeDataInterval, "every 1m30s, data-interval mode"},
	} {
		assert.Equal(t, tc.want, tc.tt.Summary())
		assert.Equal(t, tc.mode, ModeOf(tc.tt), tc.want)
	}
	assert.Equal(t, ModeDataInterval, ModeOf(foreign{Never()}), "a timetable from elsewhere")
}

// foreign hides the optional methods of a timetable.
type foreign struct{ Timetable }

func TestEveryErrors(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, -time.Hour, time.Millisecond} {
		_, err := Every(d)
		assert.ErrorContains(t, err, "the period must be at least 1s", d)
		_, err = EveryInterval(d)
		assert.ErrorContains(t, err, "the period must be at least 1s", d)
	}
}

// A daily interval is 23 and 25 hours long on the days of a clock change.
func TestIntervalLengthOnClockChanges(t *testing.T) {
	t.Parallel()
	tt := must(CronInterval("@daily", zone(t, "Europe/Zurich")))
	for start, hours := range map[string]float64{
		"2026-03-28 23:00": 23, "2026-10-24 22:00": 25, "2026-07-01 22:00": 24,
	} {
		run, ok := tt.Next(nil, Restriction{Earliest: utc(start), Catchup: true}, utc("2026-12-01"))
		require.True(t, ok)
		assert.InDelta(t, hours, run.Interval.End.Sub(run.Interval.Start).Hours(), 0, start)
	}
}

// With catchup, the runs over years leave no gap and no overlap, each one strictly
// after the one before, in any zone.
func TestCatchupIsSeamless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		loc := zone(t, rapid.SampledFrom(testZones).Draw(t, "zone"))
		expr := rapid.SampledFrom([]string{"@daily", "30 2 * * *", "0 */6 * * *", "0 9 * * 1-5", "0 0 L * *"}).Draw(t, "expr")
		tt := must(CronInterval(expr, loc))
		r := Restriction{Earliest: time.Unix(rapid.Int64Range(1e9, 2e9).Draw(t, "start"), 0), Catchup: true}
		now := r.Earliest.AddDate(2, 0, 0)
		var last *Interval
		for range 300 {
			run, ok := tt.Next(last, r, now)
			require.True(t, ok)
			require.True(t, run.Interval.End.After(run.Interval.Start))
			require.False(t, run.Interval.Start.Before(r.Earliest))
			if last != nil {
				require.Equal(t, last.End, run.Interval.Start)
			}
			last = &run.Interval
		}
	})
}

// Without catchup, the run that is due does not depend on how late the scheduler
// looks, as long as no further tick has passed; so that several schedulers agree.
func TestSchedulersAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"daily", "hourly", "weekly", "several", "every 6h", "daily interval", "interval 6h"}).Draw(t, "kind")
		tt := kinds()[name]
		r := Restriction{Earliest: utc("2024-01-01")}
		now := r.Earliest.Add(time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(t, "now")))
		var last *Interval
		if rapid.Bool().Draw(t, "has last") {
			run, ok := tt.Next(nil, r, r.Earliest)
			require.True(t, ok)
			last = &run.Interval
		}
		run, ok := tt.Next(last, r, now)
		require.True(t, ok)
		if run.RunAfter.After(now) { // look again once it is due
			now = run.RunAfter
		}
		following, ok := tt.Next(&run.Interval, r, now)
		require.True(t, ok)
		require.True(t, following.RunAfter.After(now), "one run catches up, %s follows %s at %s", following.RunAfter, run.RunAfter, now)
		again, ok := tt.Next(last, r, now.Add(following.RunAfter.Sub(now)-1))
		require.True(t, ok)
		require.Equal(t, run, again)
	})
}
