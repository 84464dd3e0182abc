package timetable

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Cron returns the timetable of a cron expression in trigger mode, which is what
// Airflow 3 makes of a plain cron string: a run fires at each tick, its logical
// date is the tick, and its data interval is empty.
//
// The expression has five fields (minute, hour, day of month, month, weekday) with
// names, ranges that may wrap (22-2, FRI-MON), steps and lists, as croniter reads them, weekday 7 for
// Sunday, L for the last day of the month, L5 for its last Friday and 5#3 for its
// third one; or it is a preset such as @daily. Where both days are restricted,
// either one matches. It is read on the wall clock of loc, nil for UTC:
//
//   - A time that a clock change skips runs once, later by as much as was skipped:
//     02:30 becomes 03:30.
//   - A time that comes twice runs once, the second time.
//   - An hour field of * follows elapsed time: 25 runs on the long day, 23 on the
//     short one.
//
// The error names the field and says what to write instead. An expression that is
// valid but never fires, such as "0 0 30 2 *", is accepted; see [Warnings].
func Cron(expr string, loc *time.Location) (Timetable, error) {
	c, err := newCron(expr, loc)
	if err != nil {
		return nil, err
	}
	return &trigger{ticks: c, crons: []*zonedCron{c}}, nil
}

// CronInterval returns the timetable of a cron expression in data-interval mode,
// the default of Airflow 2: a run covers the time from one tick to the next and
// fires at its end. The expression is the same as for [Cron].
func CronInterval(expr string, loc *time.Location) (Timetable, error) {
	c, err := newCron(expr, loc)
	if err != nil {
		return nil, err
	}
	return &cronInterval{ticks: c}, nil
}

// MultipleCron returns a trigger mode timetable that fires whenever one of the
// expressions does, once where several do. The expressions are the same as for
// [Cron]; at least one is needed. Without a start date, the period that
// [Timetable.Next] looks at for the first run is that of all of them together.
func MultipleCron(exprs []string, loc *time.Location) (Timetable, error) {
	if len(exprs) == 0 {
		return nil, errors.New("no cron expression; give at least one")
	}
	t := &trigger{}
	var ticks union
	for _, expr := range exprs {
		c, err := newCron(expr, loc)
		if err != nil {
			return nil, err
		}
		t.crons = append(t.crons, c)
		ticks = append(ticks, c)
	}
	t.ticks = ticks
	return t, nil
}

func newCron(expr string, loc *time.Location) (*zonedCron, error) {
	text, wall, said, err := parseCron(expr)
	if err != nil {
		return nil, err
	}
	if loc == nil {
		loc = time.UTC
	}
	return &zonedCron{expr: text, wall: wall, loc: loc, everyHour: wall.hour == allHours, said: said}, nil
}

func (c *zonedCron) fires() bool {
	_, ok := c.next(time.Unix(0, 0))
	return ok
}

// trigger fires at each tick. Its crons are what ticks is made of.
type trigger struct {
	ticks ticker
	crons []*zonedCron
}

// Next follows Airflow's trigger timetables. With catchup it is the tick after the
// last run, or the first one from the start date on. Without, the newest tick that
// has passed, unless a run has had it or the start date is later. Lacking both a
// last run and a start date, see firstRun.
func (g *trigger) Next(last *Interval, r Restriction, now time.Time) (Run, bool) {
	at, ok := g.nextTick(last, r, now)
	if !ok || ended(r, at) {
		return Run{}, false
	}
	return exactly(at), true
}

func (g *trigger) nextTick(last *Interval, r Restriction, now time.Time) (time.Time, bool) {
	switch {
	case last == nil && r.Earliest.IsZero():
		return g.firstRun(now)
	case last != nil && r.Catchup:
		return g.ticks.next(last.End)
	case r.Catchup:
		return alignUp(g.ticks, r.Earliest)
	}
	at, ok := alignDown(g.ticks, now)
	if last != nil && !at.After(last.End) {
		at, ok = g.ticks.next(last.End)
	}
	if at.Before(r.Earliest) {
		at, ok = alignUp(g.ticks, r.Earliest)
	}
	return at, ok
}

// firstRun is the tick that has just passed if that is at most a tenth of the
// period ago, or five minutes if that is more, else the next one.
func (g *trigger) firstRun(now time.Time) (time.Time, bool) {
	past, hasPast := alignDown(g.ticks, now)
	next, hasNext := alignUp(g.ticks, now)
	if hasPast && now.Sub(past) <= max(next.Sub(past)/10, 5*time.Minute) {
		return past, true
	}
	return next, hasNext
}

func (g *trigger) Manual(t time.Time) Interval { return exactly(instant(t)).Interval }
func (g *trigger) mode() Mode                  { return ModeTrigger }
func (g *trigger) warnings() []string          { return cronWarnings(g.crons) }

func (g *trigger) Summary() string {
	var exprs []string
	for _, c := range g.crons {
		if !slices.Contains(exprs, c.expr) {
			exprs = append(exprs, c.expr)
		}
	}
	return fmt.Sprintf("%s (%s), %s", strings.Join(exprs, "; "), g.crons[0].loc, ModeTrigger)
}

// cronInterval covers the time between ticks.
type cronInterval struct{ ticks *zonedCron }

// Next follows Airflow's interval timetables; see intervalStart. The last run's end
// is moved down to a tick first, for a schedule that was edited since.
func (c *cronInterval) Next(last *Interval, r Restriction, now time.Time) (Run, bool) {
	var earliest time.Time
	if !r.Earliest.IsZero() {
		earliest, _ = alignUp(c.ticks, r.Earliest)
	}
	if !r.Catchup {
		earliest = later(earliest, c.lastComplete(now).Start)
	}
	var lastEnd time.Time
	if last != nil {
		lastEnd, _ = alignDown(c.ticks, last.End)
	}
	start := later(lastEnd, earliest)
	if start.IsZero() || ended(r, start) {
		return Run{}, false
	}
	end, ok := c.ticks.next(start)
	if !ok {
		return Run{}, false
	}
	return covering(start, end), true
}

// lastComplete is the newest interval that has ended at t, zero when nothing fires.
func (c *cronInterval) lastComplete(t time.Time) Interval {
	end, ok := alignDown(c.ticks, t)
	if !ok {
		return Interval{}
	}
	start, ok := c.ticks.prev(end)
	if !ok {
		return Interval{}
	}
	return Interval{Start: start, End: end}
}

// Manual is the last complete interval, or the moment itself when nothing fires.
func (c *cronInterval) Manual(t time.Time) Interval {
	if i := c.lastComplete(t); i != (Interval{}) {
		return i
	}
	return exactly(instant(t)).Interval
}

func (c *cronInterval) Summary() string {
	return fmt.Sprintf("%s (%s), %s", c.ticks.expr, c.ticks.loc, ModeDataInterval)
}

func (c *cronInterval) mode() Mode         { return ModeDataInterval }
func (c *cronInterval) warnings() []string { return cronWarnings([]*zonedCron{c.ticks}) }

func cronWarnings(crons []*zonedCron) []string {
	var all []string
	for _, c := range crons {
		all = append(all, c.said...)
		if !c.fires() {
			all = append(all, fmt.Sprintf("cron expression %q never fires: no month has such a day", c.expr))
		}
	}
	return all
}
