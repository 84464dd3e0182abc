package timetable

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var testZones = []string{
	"UTC", "Europe/Zurich", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Moscow", "America/New_York", "America/Sao_Paulo",
	"America/St_Johns", "America/Santiago", "America/Havana", "Africa/Casablanca", "Africa/Cairo", "Asia/Shanghai",
	"Asia/Kathmandu", "Asia/Tehran", "Asia/Gaza", "Asia/Pyongyang", "Australia/Lord_Howe", "Australia/Adelaide",
	"Pacific/Chatham", "Pacific/Apia", "Antarctica/Troll",
}

func zone(t require.TestingT, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func TestClockChanges(t *testing.T) {
	t.Parallel()
	const layout = "01-02T15:04-0700"
	for _, tc := range []struct {
		name, zone, expr, from string
		want                   []string
	}{
		{"skipped time is shifted", "Europe/Zurich", "30 2 * * *", "2026-03-28T12:00", []string{"03-29T03:30+0200", "03-30T02:30+0200"}},
		{"skipped and shifted meet", "Europe/Zurich", "30 2,3 * * *", "2026-03-29T00:00", []string{"03-29T03:30+0200", "03-30T02:30+0200"}},
		{"repeated time: the second", "Europe/Zurich", "30 2 * * *", "2026-10-24T12:00", []string{"10-25T02:30+0100", "10-26T02:30+0100"}},
		{"every hour, autumn", "Europe/Zurich", "0 * * * *", "2026-10-25T01:30", []string{"10-25T02:00+0200", "10-25T02:00+0100", "10-25T03:00+0100"}},
		{"every hour as a range", "Europe/Zurich", "30 0-23/1 * * *", "2026-10-25T01:45", []string{"10-25T02:30+0200", "10-25T02:30+0100", "10-25T03:30+0100"}},
		{"every half hour, autumn", "Europe/Zurich", "*/30 * * * *", "2026-10-25T01:50", []string{"10-25T02:00+0200", "10-25T02:30+0200", "10-25T02:00+0100", "10-25T02:30+0100", "10-25T03:00+0100"}},
		{"every hour, spring", "Europe/Zurich", "0 * * * *", "2026-03-29T00:30", []string{"03-29T01:00+0100", "03-29T03:00+0200", "03-29T04:00+0200"}},
		{"every second hour, autumn", "Europe/Zurich", "0 */2 * * *", "2026-10-24T23:00", []string{"10-25T00:00+0200", "10-25T02:00+0100", "10-25T04:00+0100"}},
		{"every second hour, spring", "Europe/Zurich", "0 */2 * * *", "2026-03-28T23:30", []string{"03-29T00:00+0100", "03-29T03:00+0200", "03-29T04:00+0200"}},
		{"every hour of one weekday", "Europe/Zurich", "0 * * * 1", "2026-03-28T12:00", []string{"03-30T00:00+0200", "03-30T01:00+0200"}},
		{"half an hour skipped", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", []string{"10-04T02:45+1100", "10-05T02:15+1100"}},
		{"half an hour skipped, none lost", "Australia/Lord_Howe", "15,40 2 * * *", "2026-10-03T12:00", []string{"10-04T02:40+1100", "10-04T02:45+1100", "10-05T02:15+1100"}},
		{"half an hour repeated", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00", []string{"04-05T01:45+1030", "04-06T01:45+1030"}},
		{"every hour, half an hour skipped", "Australia/Lord_Howe", "0 * * * *", "2026-10-04T00:30", []string{"10-04T01:00+1030", "10-04T02:30+1100", "10-04T03:00+1100"}},
		{"every hour, half an hour repeated", "Australia/Lord_Howe", "0 * * * *", "2026-04-05T00:30", []string{"04-05T01:00+1100", "04-05T01:30+1030", "04-05T02:00+1030"}},
		{"midnight skipped", "America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00", []string{"11-04T01:00-0200", "11-05T00:00-0200"}},
		{"midnight repeated", "America/Sao_Paulo", "30 23 * * *", "2018-02-16T23:45", []string{"02-17T23:30-0300", "02-18T23:30-0300"}},
		{"a whole day skipped", "Pacific/Apia", "0 9 * * *", "2011-12-29T00:00", []string{"12-29T09:00-1000", "12-31T09:00+1400"}},
		{"last day of a far leap year", "Europe/Zurich", "59 23 * * *", "2096-12-30T12:00", []string{"12-30T23:59+0100", "12-31T23:59+0100", "01-01T23:59+0100"}},
		{"no changes", "Asia/Kathmandu", "0 9 * * *", "2026-03-28T12:00", []string{"03-29T09:00+0545", "03-30T09:00+0545"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			loc := zone(t, tc.zone)
			from, err := time.ParseInLocation("2006-01-02T15:04", tc.from, loc)
			require.NoError(t, err)
			assert.Equal(t, tc.want, ticksAfter(t, tc.expr, loc, from, layout, len(tc.want)))
		})
	}
}

// Every local day has one run, over ten years that hold each zone's changes.
func TestOneRunEachDay(t *testing.T) {
	t.Parallel()
	for _, name := range testZones {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loc := zone(t, name)
			c, err := newCron("30 2 * * *", loc)
			require.NoError(t, err)
			at := time.Date(2012, 1, 1, 0, 0, 0, 0, loc)
			for day := time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2022; day = day.AddDate(0, 0, 1) {
				next, ok := c.next(at)
				require.True(t, ok)
				require.Equal(t, day.Format(time.DateOnly), next.In(loc).Format(time.DateOnly))
				at = next
			}
		})
	}
}

// Around every change of a zone, next and prev walk exactly the ticks that the
// rule names, found here by looking at each minute.
func TestTicksAroundChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		loc := zone(t, rapid.SampledFrom(testZones).Draw(t, "zone"))
		minutes := rapid.SliceOfNDistinct(rapid.IntRange(0, 59), 1, 4, rapid.ID).Draw(t, "minutes")
		hours := rapid.SliceOfNDistinct(rapid.IntRange(0, 23), 1, 23, rapid.ID).Draw(t, "hours")
		expr := fmt.Sprintf("%s %s * * *", list(minutes), list(hours))
		c, err := newCron(expr, loc)
		require.NoError(t, err)

		middle := time.Unix(rapid.Int64Range(315e6, 4e9).Draw(t, "seconds")/60*60, 0).UTC()
		if _, end := middle.In(loc).ZoneBounds(); !end.IsZero() {
			middle = end.UTC().Truncate(time.Minute)
		}
		from, to := middle.Add(-30*time.Hour), middle.Add(30*time.Hour)
		want := wallTicks(loc, from, to, func(w time.Time) bool {
			return slices.Contains(minutes, w.Minute()) && slices.Contains(hours, w.Hour())
		})
		checkWalk(t, c, from, to, want)
	})
}

// An expression for every hour runs at each moment that matches, in zones whose
// changes are whole hours.
func TestEveryHourAroundChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		loc := zone(t, rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Gaza"}).Draw(t, "zone"))
		minutes := rapid.SliceOfNDistinct(rapid.IntRange(0, 59), 1, 4, rapid.ID).Draw(t, "minutes")
		c, err := newCron(list(minutes)+" * * * *", loc)
		require.NoError(t, err)
		middle := time.Unix(rapid.Int64Range(1e9, 2e9).Draw(t, "seconds")/60*60, 0).UTC()
		if _, end := middle.In(loc).ZoneBounds(); !end.IsZero() {
			middle = end.UTC().Truncate(time.Minute)
		}
		from, to := middle.Add(-30*time.Hour), middle.Add(30*time.Hour)
		var want []time.Time
		for at := from; !at.After(to); at = at.Add(time.Minute) {
			if slices.Contains(minutes, at.In(loc).Minute()) {
				want = append(want, at)
			}
		}
		checkWalk(t, c, from, to, want)
	})
}

// Prev undoes Next from any moment, for expressions of every kind.
func TestPrevUndoesNext(t *testing.T) {
	t.Parallel()
	exprs := []string{
		"0 0 * * *", "30 2 * * *", "*/15 * * * *", "0 */6 * * *", "5 4 1 * *", "0 9 * * 1-5", "@hourly", "0 0 L * *",
		"15 3 13 * 5", "59 23 31 12 *", "0 0 29 2 *", "10 * * * 0", "0 3 * * 7#1", "1,31 1-3 * * L7", "0 0 * 2 1#5",
	}
	rapid.Check(t, func(t *rapid.T) {
		loc := zone(t, rapid.SampledFrom(testZones).Draw(t, "zone"))
		c, err := newCron(rapid.SampledFrom(exprs).Draw(t, "expr"), loc)
		require.NoError(t, err)
		at := time.Unix(rapid.Int64Range(-3e9, 4e9).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		first, ok := c.next(at)
		require.True(t, ok)
		require.True(t, first.After(at), "next %s is not after %s", first, at)
		second, ok := c.next(first)
		require.True(t, ok)
		require.True(t, second.After(first), "next %s is not after %s", second, first)
		back, ok := c.prev(second)
		require.True(t, ok)
		require.Equal(t, first, back)
		back, ok = c.prev(first.Add(time.Nanosecond))
		require.True(t, ok)
		require.Equal(t, first, back)
		back, ok = c.prev(first)
		require.True(t, ok)
		require.False(t, back.After(at), "a tick at %s between %s and its next %s", back, at, first)
	})
}

// wallTicks applies the rule to each wall clock minute: all but the last moment
// that shows it are dropped, and one that no moment shows counts by the clock from
// before the change.
func wallTicks(loc *time.Location, from, to time.Time, match func(wall time.Time) bool) []time.Time {
	const margin = 26 * time.Hour
	shown := map[time.Time]time.Time{} // wall clock, as UTC, to its last moment
	wallOf := func(at time.Time) time.Time { return at.Add(offset(at.In(loc))) }
	for at := from.Add(-margin); at.Before(to.Add(margin)); at = at.Add(time.Minute) {
		shown[wallOf(at)] = at
	}
	var ticks []time.Time
	last := offset(from.Add(-margin).In(loc))
	for w := wallOf(from.Add(-margin)); w.Before(wallOf(to.Add(margin))); w = w.Add(time.Minute) {
		at, ok := shown[w]
		if ok {
			last = offset(at.In(loc))
		} else {
			at = w.Add(-last)
		}
		if match(w) && !at.Before(from) && !at.After(to) {
			ticks = append(ticks, at)
		}
	}
	slices.SortFunc(ticks, time.Time.Compare)
	return slices.Compact(ticks)
}

func checkWalk(t *rapid.T, c *zonedCron, from, to time.Time, want []time.Time) {
	var forth, back []time.Time
	for at, ok := alignUp(c, from); ok && !at.After(to); at, ok = c.next(at) {
		forth = append(forth, at)
	}
	for at, ok := alignDown(c, to); ok && !at.Before(from); at, ok = c.prev(at) {
		back = append(back, at)
	}
	slices.Reverse(back)
	require.Equal(t, want, forth, "next, %s", c.expr)
	require.Equal(t, want, back, "prev, %s", c.expr)
}

func list(numbers []int) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(numbers)), ","), "[]")
}
