package timetable

import "time"

// ticker yields the moments of a schedule in both directions. Moments are UTC.
type ticker interface {
	// next returns the first tick after t, or false when there is none.
	next(t time.Time) (time.Time, bool)
	// prev returns the last tick before t, or false when there is none.
	prev(t time.Time) (time.Time, bool)
}

// alignUp returns t if it is a tick, else the tick after it.
func alignUp(k ticker, t time.Time) (time.Time, bool) { return k.next(t.Add(-1)) }

// alignDown returns t if it is a tick, else the tick before it.
func alignDown(k ticker, t time.Time) (time.Time, bool) { return k.prev(t.Add(1)) }

// zonedCron places a cron expression, which speaks of wall clocks, in a zone.
//
// A zone is a row of spans with a constant offset each, and within one the ticks
// are those of the wall clock. What remains is the rule for the changes, which is
// Airflow's:
//
//   - A wall clock that is skipped counts by the clock from before the change, so
//     that 02:30 becomes 03:30 and the day is not lost.
//   - A wall clock that comes twice counts the second time.
//   - An expression for every hour follows elapsed time: a wall clock that comes
//     twice counts twice, and the clock from before the change is followed for as
//     long as the change is wide. That differs only where the change is not a
//     whole hour, as on Lord Howe Island.
//
// This defines one set of ticks, whichever moment one looks from, so prev undoes
// next even on the day of a change. Airflow goes from moment to moment and can
// lose or shift a tick there when it starts inside the repeated hour.
type zonedCron struct {
	expr      string
	wall      *wallCron
	loc       *time.Location
	everyHour bool
	said      []string // warnings about the expression
}

// span is a stretch of time during which a zone keeps one offset.
type span struct {
	start, end            time.Time     // end is exclusive; zero for an open side
	offset, before, after time.Duration // wall clock minus UTC: here and in the neighbours
}

func (c *zonedCron) span(t time.Time) span {
	local := t.In(c.loc)
	start, end := local.ZoneBounds()
	// Where a zone's future is a rule, Go ends a span 365 days into the year, which
	// on the last day of a leap year is in the past.
	if !end.IsZero() && !end.After(t) {
		end = local.Add(time.Hour)
	}
	s := span{start: start, end: end, offset: offset(local)}
	s.before, s.after = s.offset, s.offset
	if !start.IsZero() {
		s.before = offset(start.Add(-1))
	}
	if !end.IsZero() {
		s.after = offset(end)
	}
	return s
}

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// regularEnd is where the span's own wall clock stops to count (zero for never):
// its end, less what will be repeated after it.
func (c *zonedCron) regularEnd(s span) time.Time {
	if s.end.IsZero() || c.everyHour || s.after >= s.offset {
		return s.end
	}
	return s.end.Add(s.after - s.offset)
}

// carryEnd is until when the clock from before the span counts too: the span's
// start if it does not.
func (c *zonedCron) carryEnd(s span) time.Time {
	width := s.offset - s.before
	if c.everyHour {
		width = width.Abs()
	}
	end := s.start.Add(max(width, 0))
	if !s.end.IsZero() && end.After(s.end) {
		return s.end
	}
	return end
}

func (c *zonedCron) next(t time.Time) (time.Time, bool) {
	t = instant(t)
	for {
		s := c.span(t.Add(1))
		w, ok := c.wall.next(t.Add(s.offset))
		if !ok {
			return time.Time{}, false
		}
		tick, found := w.Add(-s.offset), false
		if end := c.regularEnd(s); end.IsZero() || tick.Before(end) {
			found = true
		}
		if end := c.carryEnd(s); t.Before(end) {
			w, ok := c.wall.next(t.Add(s.before))
			carried := w.Add(-s.before)
			if ok && carried.Before(end) && (!found || carried.Before(tick)) {
				tick, found = carried, true
			}
		}
		if found {
			return tick, true
		}
		if s.end.IsZero() {
			return time.Time{}, false
		}
		t = instant(s.end).Add(-1)
	}
}

func (c *zonedCron) prev(t time.Time) (time.Time, bool) {
	t = instant(t)
	for {
		s := c.span(t.Add(-1))
		from := t
		if end := c.regularEnd(s); !end.IsZero() && end.Before(t) {
			from = instant(end)
		}
		w, ok := c.wall.prev(from.Add(s.offset))
		if !ok {
			return time.Time{}, false
		}
		tick := w.Add(-s.offset)
		found := !tick.Before(s.start)
		if end := c.carryEnd(s); end.After(s.start) {
			w, ok := c.wall.prev(earlier(t, instant(end)).Add(s.before))
			carried := w.Add(-s.before)
			if ok && !carried.Before(s.start) && (!found || carried.After(tick)) {
				tick, found = carried, true
			}
		}
		if found {
			return tick, true
		}
		if s.start.IsZero() {
			return time.Time{}, false
		}
		t = instant(s.start)
	}
}

// union ticks whenever one of its members does.
type union []ticker

func (u union) next(t time.Time) (time.Time, bool) {
	var first time.Time
	found := false
	for _, k := range u {
		if tick, ok := k.next(t); ok && (!found || tick.Before(first)) {
			first, found = tick, true
		}
	}
	return first, found
}

func (u union) prev(t time.Time) (time.Time, bool) {
	var last time.Time
	found := false
	for _, k := range u {
		if tick, ok := k.prev(t); ok && (!found || tick.After(last)) {
			last, found = tick, true
		}
	}
	return last, found
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
