package overview

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

const (
	// mostTicks bounds how many ticks of a day ahead are counted one by one.
	mostTicks = 100
	// mostWalked bounds how many ticks a year is walked through at most.
	mostWalked = 200_000
	// mostJudged bounds how many ticks that are not on record are judged one by one.
	mostJudged = 200_000
	// exactly is up to how many ticks of a record each is placed by the timetable.
	exactly = 5000
)

// Calendar is a year of a DAG by day.
type Calendar struct {
	Year int
	// Days are all of the year, the first one first.
	Days []Day
	// Passed are the stretches of ticks of the year that started no run, oldest first.
	Passed []Passed
	// Partial says why ticks may be missing, or is empty; Cut that there are more ticks than are counted.
	Partial string
	Cut     bool
}

// Day is a day with what was due on it.
type Day struct {
	// Date is its midnight in the zone that was asked for.
	Date time.Time
	// Runs counts the runs by state.
	Runs map[string]int
	// Missed and Skipped count the ticks that started no run, because something was wrong or because somebody wanted it so.
	Missed, Skipped int
	// Waiting counts the ticks that are due and will get a run, Planned those that are not due yet; More says that there are
	// more of them.
	Waiting, Planned int
	More             bool
}

// Passed are ticks of a schedule that started no run.
type Passed struct {
	First, Last time.Time
	Count       int
	Missed      bool
	// Reason is a sentence without its end, its secrets not masked.
	Reason phrase.Text
}

// year is a calendar that is being filled in.
type year struct {
	*Calendar

	zone     *time.Location
	from, to time.Time
}

// day is that of a moment, nil outside of the year.
func (y *year) day(at time.Time) *Day {
	if at.Before(y.from) || !at.Before(y.to) {
		return nil
	}
	return &y.Days[at.In(y.zone).YearDay()-1]
}

// Calendar tells what was due and what became of it in a year of a zone.
func (o *Overview) Calendar(ctx context.Context, dagID string, number int, zone *time.Location) (*Calendar, error) {
	y := &year{&Calendar{Year: number}, zone, time.Date(number, 1, 1, 0, 0, 0, 0, zone), time.Date(number+1, 1, 1, 0, 0, 0, 0, zone)}
	for n := 1; ; n++ {
		date := time.Date(number, 1, n, 0, 0, 0, 0, zone)
		if !date.Before(y.to) {
			break
		}
		y.Days = append(y.Days, Day{Date: date, Runs: map[string]int{}})
	}
	counts, err := o.o.Store.RunsByTime(ctx, dagID, y.from, y.to)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		if d := y.day(c.At); d != nil {
			d.Runs[string(c.State)] += c.Count
		}
	}
	passed, err := o.o.Store.TicksBetween(ctx, dagID, y.from, y.to)
	if err != nil {
		return nil, err
	}
	d, err := o.o.Folder.DAG(dagID)
	if err != nil {
		if broken, ok := errors.AsType[*api.BrokenError](err); ok {
			y.Partial = o.o.Masker.Mask(broken.Problems)
		}
		y.pass(nil, passed)
		return y.Calendar, nil
	}
	now := o.o.Clock()
	last, err := o.o.Store.LastScheduled(ctx, dagID)
	if err != nil {
		return nil, err
	}
	if timetable.Unscheduled(d.Timetable) {
		y.pass(d, passed)
		return y.Calendar, nil
	}
	next, due := schedule.Next(d, last, now)
	until := next
	if !due && schedule.Over(d, next, now) {
		until, due = timetable.Run{RunAfter: now.Add(time.Millisecond)}, true
	}
	countable, err := o.countable(ctx, d, last, next, now)
	if err != nil {
		return nil, err
	}
	y.Cut = due && !countable
	if due && countable { // what nobody has put on record yet
		records, err := schedule.PassedOver(ctx, o.o.Store, d, last, until, now)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if !r.Last.Before(y.from) && r.First.Before(y.to) {
				passed = append(passed, r.TickRange)
			}
		}
	}
	y.pass(d, passed)
	y.ahead(d, next, now)
	return y.Calendar, nil
}

// countable reports whether the ticks since what is on record are few enough to judge each.
func (o *Overview) countable(ctx context.Context, d *dag.DAG, last *store.Run, next timetable.Run, now time.Time) (bool, error) {
	recorded, err := o.o.Store.TickRanges(ctx, d.ID, 1)
	if err != nil {
		return false, err
	}
	var since time.Time
	switch {
	case last != nil:
		since = last.RunAfter
	default:
		pauses, err := o.o.Store.Pauses(ctx, d.ID)
		if err != nil || len(pauses) == 0 {
			return true, err // nothing tells since when it is known
		}
		since = pauses[0].At
	}
	if len(recorded) > 0 && recorded[0].Last.After(since) {
		since = recorded[0].Last
	}
	second, ok := d.Timetable.Next(&next.Interval, timetable.Restriction{Catchup: true}, now)
	period := second.RunAfter.Sub(next.RunAfter)
	return !ok || period <= 0 || now.Sub(since)/period < mostJudged, nil
}

// pass counts ticks that started no run.
func (y *year) pass(d *dag.DAG, all []*store.TickRange) {
	for _, r := range all {
		if r.Outcome != store.TickMissed && r.Outcome != store.TickSkipped {
			continue // somebody else made the run
		}
		missed := r.Outcome == store.TickMissed
		y.Passed = append(y.Passed, Passed{r.First.UTC(), r.Last.UTC(), r.Count, missed, schedule.Said(r.Said, r.Reason)})
		count := func(day *Day, n int) {
			if missed {
				day.Missed += n
			} else {
				day.Skipped += n
			}
		}
		ticks := placed(d, r)
		for _, at := range ticks {
			if day := y.day(at); day != nil {
				count(day, 1)
			}
		}
		if ticks != nil {
			continue
		}
		for i := range y.Days {
			day := &y.Days[i]
			count(day, before(r, day.Date.AddDate(0, 0, 1))-before(r, day.Date))
		}
	}
}

// before is how many ticks of a record were due before a moment, if they were due at even distances.
func before(r *store.TickRange, at time.Time) int {
	length := r.Last.Sub(r.First)
	switch {
	case !at.After(r.First):
		return 0
	case at.After(r.Last):
		return r.Count
	}
	steps := float64(at.Sub(r.First)) / float64(length) * float64(r.Count-1)
	return int(math.Ceil(steps - 1e-6)) // a moment that is a tick itself may come out a little later
}

// placed are the ticks of a record by the timetable, nil if that has changed since or there are too many.
func placed(d *dag.DAG, r *store.TickRange) (ticks []time.Time) {
	if d == nil || r.Count > exactly {
		return nil
	}
	last := &timetable.Interval{Start: r.First.Add(-time.Millisecond), End: r.First.Add(-time.Millisecond)}
	for range r.Count {
		next, ok := d.Timetable.Next(last, timetable.Restriction{Catchup: true}, r.Last)
		if !ok {
			return nil
		}
		ticks = append(ticks, next.RunAfter)
		last = &next.Interval
	}
	if n := len(ticks); n == 0 || !ticks[0].Equal(r.First) || !ticks[n-1].Equal(r.Last) {
		return nil
	}
	return ticks
}

// ahead counts the ticks that will get a run, from the next one on.
func (y *year) ahead(d *dag.DAG, next timetable.Run, now time.Time) {
	restriction := timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate, Catchup: d.Catchup}
	for range mostWalked {
		if next.RunAfter.IsZero() || !next.RunAfter.Before(y.to) {
			return
		}
		last := next.Interval
		if day := y.day(next.RunAfter); day != nil {
			if next.RunAfter.After(now) {
				day.Planned++
			} else {
				day.Waiting++
			}
			if day.Waiting+day.Planned >= mostTicks { // the next day is as interesting
				day.More = true
				end := day.Date.AddDate(0, 0, 1).Add(-time.Millisecond)
				if end.After(last.End) {
					last = timetable.Interval{Start: end, End: end}
				}
			}
		}
		var ok bool
		if next, ok = d.Timetable.Next(&last, restriction, now); !ok || !next.Interval.End.After(last.End) {
			return
		}
	}
	y.Cut = true
}

// DayRuns are the runs of a DAG that were due on a day, the newest first, at most limit; more says that there are others.
func (o *Overview) DayRuns(ctx context.Context, dagID string, day time.Time, limit int) (runs []api.Run, more bool, err error) {
	l, err := o.o.API.Runs(ctx, api.RunQuery{DAGID: dagID, Before: day.AddDate(0, 0, 1), Page: api.Page{Limit: limit + 1}})
	if err != nil {
		return nil, false, err
	}
	for _, r := range l.Items {
		if r.RunAfter.Before(day) {
			break
		}
		if len(runs) == limit {
			return runs, true, nil
		}
		runs = append(runs, r)
	}
	return runs, false, nil
}
