package timetable

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// yearly is a schedule and, in words of their own, the wall clock moments that it
// means: the days, and the hours and minutes of each of them.
type yearly struct {
	exprs   []string
	days    func(day time.Time) bool
	hours   []int
	minutes []int
	// everyHour says that the hour field is a star, which follows elapsed time.
	everyHour bool
}

func anyDay(time.Time) bool { return true }

func lastOfMonth(day time.Time) bool { return day.AddDate(0, 0, 1).Day() == 1 }

func on(weekdays ...time.Weekday) func(time.Time) bool {
	return func(day time.Time) bool { return slices.Contains(weekdays, day.Weekday()) }
}

func hoursOfDay() []int {
	hours := make([]int, 24)
	for i := range hours {
		hours[i] = i
	}
	return hours
}

// sparse are schedules with a few ticks a day, which every zone walks.
func sparse() []yearly {
	zero := []int{0}
	return []yearly{
		{exprs: []string{"@daily"}, days: anyDay, hours: zero, minutes: zero},
		{exprs: []string{"@midnight"}, days: anyDay, hours: zero, minutes: zero},
		{exprs: []string{"@weekly"}, days: on(time.Sunday), hours: zero, minutes: zero},
		{exprs: []string{"@monthly"}, days: func(d time.Time) bool { return d.Day() == 1 }, hours: zero, minutes: zero},
		{exprs: []string{"@quarterly"}, days: func(d time.Time) bool { return d.Day() == 1 && d.Month()%3 == 1 }, hours: zero, minutes: zero},
		{exprs: []string{"@yearly"}, days: func(d time.Time) bool { return d.YearDay() == 1 }, hours: zero, minutes: zero},
		{exprs: []string{"15,45 1-3 * * 6,0"}, days: on(time.Saturday, time.Sunday), hours: []int{1, 2, 3}, minutes: []int{15, 45}},
		{exprs: []string{"0 22-2 * * SAT-MON"}, days: on(time.Saturday, time.Sunday, time.Monday), hours: []int{22, 23, 0, 1, 2}, minutes: zero},
		{exprs: []string{"10 1 * * 7"}, days: on(time.Sunday), hours: []int{1}, minutes: []int{10}},
		{exprs: []string{"30 0-23/2 L * *"}, days: lastOfMonth, hours: []int{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22}, minutes: []int{30}},
		{exprs: []string{"30 1,2 * * L7"}, days: func(d time.Time) bool { return d.Weekday() == time.Sunday && d.AddDate(0, 0, 7).Month() != d.Month() }, hours: []int{1, 2}, minutes: []int{30}},
		{exprs: []string{"0 3 * * 5#3"}, days: func(d time.Time) bool { return d.Weekday() == time.Friday && (d.Day()-1)/7 == 2 }, hours: []int{3}, minutes: zero},
		{exprs: []string{"0 2 13 * 5"}, days: func(d time.Time) bool { return d.Day() == 13 || d.Weekday() == time.Friday }, hours: []int{2}, minutes: zero},
		{exprs: []string{"0 2 * 3,10 0", "30 2 * 3,10 SUN", "0 2 ? MAR,OCT 7"}, days: func(d time.Time) bool {
			return d.Weekday() == time.Sunday && (d.Month() == time.March || d.Month() == time.October)
		}, hours: []int{2}, minutes: []int{0, 30}},
	}
}

// dense are schedules with many ticks a day, on the days on which most clocks change.
func dense() []yearly {
	sundays := func(d time.Time) bool {
		return d.Weekday() == time.Sunday && slices.Contains([]time.Month{3, 4, 9, 10, 11}, d.Month())
	}
	return []yearly{
		{exprs: []string{"0 * * 3,4,9-11 0"}, days: sundays, hours: hoursOfDay(), minutes: []int{0}, everyHour: true},
		{exprs: []string{"0 */2 * 9-4/1 SUN"}, days: func(d time.Time) bool {
			return d.Weekday() == time.Sunday && (d.Month() >= 9 || d.Month() <= 4)
		}, hours: []int{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22}, minutes: []int{0}},
		{exprs: []string{"45 0-23/1 * 3,4,9-11 7"}, days: sundays, hours: hoursOfDay(), minutes: []int{45}, everyHour: true},
		{exprs: []string{"*/30 * * MAR,APR,SEP-NOV SUN"}, days: sundays, hours: hoursOfDay(), minutes: []int{0, 30}, everyHour: true},
	}
}

const firstYear, years = 2010, 10 // Apia lost a day then, and many zones changed their rules

// moments finds each tick of ten years on the clocks of a zone, day by day and without
// any of the code under test: the moments that show a wall clock are among those that
// the offsets of the days around it name.
func (y yearly) moments(loc *time.Location) []time.Time {
	var ticks []time.Time
	for day := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < firstYear+years; day = day.AddDate(0, 0, 1) {
		if !y.days(day) {
			continue
		}
		before, after := offset(day.Add(-26*time.Hour).In(loc)), offset(day.Add(50*time.Hour).In(loc))
		for _, h := range y.hours {
			for _, m := range y.minutes {
				w := day.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute)
				ticks = append(ticks, y.shown(loc, w, before, after)...)
			}
		}
	}
	slices.SortFunc(ticks, time.Time.Compare)
	return slices.Compact(ticks)
}

// shown are the moments at which a schedule runs for one wall clock time, when the zone
// goes from one offset to another in the days around it.
func (y yearly) shown(loc *time.Location, wall time.Time, before, after time.Duration) []time.Time {
	var at []time.Time
	for _, o := range []time.Duration{before, after} {
		t := wall.Add(-o)
		if offset(t.In(loc)) == o && !slices.Contains(at, t) {
			at = append(at, t)
		}
	}
	old := wall.Add(-before) // by the clock from before a change
	switch change := old.Add(-(after - before).Abs()); {
	case len(at) == 0: // skipped
		return []time.Time{old}
	case y.everyHour && offset(old.In(loc)) == after && offset(change.In(loc)) == before:
		return append(at, old) // elapsed time goes on for as long as the change is wide
	case len(at) == 2 && !y.everyHour:
		at = []time.Time{later(at[0], at[1])}
	}
	return at
}

// Over ten years, no zone loses a tick or has one twice: runs with catchup, in both
// modes, and the way back come by exactly the moments that the rule names. Each zone
// has 02:30, which changes of the clock hit most, and a share of the other schedules.
func TestTenYearsOfEachZone(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(testZones), 20)
	for n, name := range testZones {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loc := zone(t, name)
			ys := []yearly{{exprs: []string{"30 2 * * *"}, days: anyDay, hours: []int{2}, minutes: []int{30}}, dense()[n%len(dense())]}
			for i, y := range sparse() {
				if i%7 == n%7 {
					ys = append(ys, y)
				}
			}
			for _, y := range ys {
				want := y.moments(loc)
				same(t, loc, want, y.forth(t, loc), "next", y)
				same(t, loc, want, y.back(t, loc), "prev", y)
			}
			weekly := yearly{exprs: []string{"30 2 * * SUN"}, days: on(time.Sunday), hours: []int{2}, minutes: []int{30}}
			same(t, loc, weekly.moments(loc), weekly.intervals(t, loc), "intervals", weekly)
		})
	}
}

// same compares ticks and shows where they begin to differ.
func same(t *testing.T, loc *time.Location, want, got []time.Time, what string, y yearly) {
	t.Helper()
	for i := range max(len(want), len(got)) {
		require.Less(t, i, len(want), "%s of %s: one too many at the end", what, y.exprs)
		require.Less(t, i, len(got), "%s of %s: %s is lost", what, y.exprs, want[i].In(loc))
		if !want[i].Equal(got[i]) {
			require.Equal(t, want[i].In(loc).String(), got[i].In(loc).String(), "%s of %s", what, y.exprs)
		}
	}
}

func (y yearly) bounds(loc *time.Location) (from, to time.Time) {
	return time.Date(firstYear, 1, 1, 0, 0, 0, 0, loc).UTC(), time.Date(firstYear+years, 1, 1, 0, 0, 0, 0, loc).UTC()
}

func (y yearly) forth(t *testing.T, loc *time.Location) (ticks []time.Time) {
	t.Helper()
	tt := must(MultipleCron(y.exprs, loc))
	if len(y.exprs) == 1 {
		tt = must(Cron(y.exprs[0], loc))
	}
	from, to := y.bounds(loc)
	r := Restriction{Earliest: from, Latest: to.Add(-1), Catchup: true}
	var last *Interval
	for {
		run, ok := tt.Next(last, r, to)
		if !ok {
			return ticks
		}
		if run != exactly(run.RunAfter) {
			require.Equal(t, exactly(run.RunAfter), run)
		}
		ticks = append(ticks, run.RunAfter)
		last = &run.Interval
	}
}

func (y yearly) back(t *testing.T, loc *time.Location) (ticks []time.Time) {
	t.Helper()
	var u union
	for _, expr := range y.exprs {
		c, err := newCron(expr, loc)
		require.NoError(t, err)
		u = append(u, c)
	}
	from, to := y.bounds(loc)
	for at, ok := u.prev(to); ok && !at.Before(from); at, ok = u.prev(at) {
		ticks = append(ticks, at)
	}
	slices.Reverse(ticks)
	return ticks
}

// intervals returns where the data intervals begin, each of which must end where the
// next one does, which is when its run is due.
func (y yearly) intervals(t *testing.T, loc *time.Location) (starts []time.Time) {
	t.Helper()
	tt := must(CronInterval(y.exprs[0], loc))
	from, to := y.bounds(loc)
	r := Restriction{Earliest: from, Latest: to.Add(-1), Catchup: true}
	var last *Interval
	for {
		run, ok := tt.Next(last, r, to)
		if !ok {
			return starts
		}
		if run != covering(run.LogicalDate, run.Interval.End) || last != nil && last.End != run.Interval.Start {
			require.Fail(t, "not one after the other", "%v after %v", run, last)
		}
		starts = append(starts, run.Interval.Start)
		last = &run.Interval
	}
}

// A fixed period is elapsed time: ten years have as many runs as periods fit in them,
// whatever the clocks do.
func TestTenYearsOfPeriods(t *testing.T) {
	t.Parallel()
	from, to := utc("2010-01-01 01:30"), utc("2020-01-01 01:30")
	for _, period := range []time.Duration{24 * time.Hour, 25 * time.Hour, 7*24*time.Hour + time.Second} {
		r := Restriction{Earliest: from, Latest: to, Catchup: true}
		fires, covers := must(Every(period)), must(EveryInterval(period))
		var fired, covered *Interval
		n := 0
		for at := from; !at.After(to); at = at.Add(period) {
			run, ok := fires.Next(fired, r, to)
			require.True(t, ok)
			require.Equal(t, exactly(at), run)
			fired = &Interval{run.Interval.Start, run.Interval.End}
			run, ok = covers.Next(covered, r, to)
			require.True(t, ok)
			require.Equal(t, covering(at, at.Add(period)), run)
			covered = &Interval{run.Interval.Start, run.Interval.End}
			n++
		}
		_, ok := fires.Next(fired, r, to)
		require.False(t, ok)
		_, ok = covers.Next(covered, r, to)
		require.False(t, ok)
		require.Equal(t, int(to.Sub(from)/period)+1, n)
	}
}
