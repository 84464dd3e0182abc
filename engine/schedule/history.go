package schedule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// GoesOn reports whether the scheduler still seems to be at work.
func GoesOn(l *store.SchedulerLife, now time.Time) bool {
	return !l.Stopped && now.Sub(l.SeenAt) <= lifeGap
}

const (
	// lifeBeat is how often the scheduler notes that it is at work.
	lifeBeat = time.Minute
	// lifeGap is after how long without a note it counts as down.
	lifeGap = 3 * lifeBeat
)

// LifeAt is the record of the scheduler at work as it is at a moment, given what it was
// before, and whether it is to be written. The end of a stretch moves once a minute; after a
// longer gap, such as that of a machine that slept, a new one begins.
func LifeAt(l store.SchedulerLife, now time.Time, stopping bool) (store.SchedulerLife, bool) {
	switch gap := now.Sub(l.SeenAt); {
	case l.ID == 0, gap > lifeGap, l.Stopped:
		l = store.SchedulerLife{StartedAt: now, By: l.By}
	case gap < lifeBeat && !stopping:
		return l, false
	}
	l.SeenAt, l.Stopped = now, stopping
	return l, true
}

// History is what tells why ticks started nothing.
type History struct {
	// Pauses are when the DAG was first seen, paused and unpaused, oldest first.
	Pauses []*store.Pause
	lives  []*store.SchedulerLife
	broken []*store.ImportError
	now    time.Time
}

// ReadHistory reads what tells of a DAG since a moment.
func ReadHistory(ctx context.Context, r store.Reader, dagID string, since, now time.Time) (*History, error) {
	ps, err := r.Pauses(ctx, dagID)
	if err != nil {
		return nil, err
	}
	ls, err := r.SchedulerLives(ctx, since)
	if err != nil {
		return nil, err
	}
	bs, err := r.ImportErrors(ctx, dagID)
	if err != nil {
		return nil, err
	}
	return &History{ps, ls, bs, now}, nil
}

// pausedAt returns the pause in which a moment lies, or nil.
func (h *History) pausedAt(t time.Time) *store.Pause {
	var in *store.Pause
	for _, p := range h.Pauses {
		if p.At.After(t) {
			break
		}
		in = p
	}
	if in == nil || !in.Paused {
		return nil
	}
	return in
}

// aliveAt reports whether a scheduler was at work. The newest stretch, if it goes on, is
// taken to reach until now.
func (h *History) aliveAt(t time.Time) bool {
	for i, l := range h.lives {
		end := l.SeenAt
		if i == len(h.lives)-1 && GoesOn(l, h.now) {
			end = h.now
		}
		if !t.Before(l.StartedAt) && !t.After(end) {
			return true
		}
	}
	return false
}

// brokenAt returns the stretch in which the DAG could not be loaded at a moment, or nil.
func (h *History) brokenAt(t time.Time) *store.ImportError {
	for _, b := range h.broken {
		if !t.Before(b.Since) && (b.Until.IsZero() || !t.After(b.Until)) {
			return b
		}
	}
	return nil
}

// NoScheduler is the reason of ticks that were due while nobody was at work.
func NoScheduler() phrase.Text { return phrase.Of("tick.no_scheduler") }

// judge says why a tick started no run although a later one did. byEngine says that the
// cause is nothing that a person asked for.
func (h *History) judge(t time.Time) (o store.TickOutcome, reason phrase.Text, byEngine bool) {
	if p := h.pausedAt(t); p != nil {
		why := phrase.Of("tick.paused", p.At)
		if p.Cause != "" {
			why = phrase.Of("colon", why, p.Cause)
		}
		return store.TickSkipped, why, p.Cause != ""
	}
	if !h.aliveAt(t) {
		return store.TickMissed, NoScheduler(), true
	}
	if b := h.brokenAt(t); b != nil {
		var until any = phrase.Of("now")
		if !b.Until.IsZero() {
			until = b.Until
		}
		return store.TickMissed, phrase.Of("tick.broken", b.Since, until, FirstProblem(b.Text)), true
	}
	return store.TickSkipped, phrase.Of("tick.behind"), true
}

// Moment writes a moment for people, in UTC to the second.
func Moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// FirstProblem is the first of the errors of a file, and how many more there are.
func FirstProblem(text string) string {
	line, rest, more := strings.Cut(text, "\n")
	if more {
		line += fmt.Sprintf(" (and %d more)", strings.Count(rest, "\n")+1)
	}
	return line
}

// maxBrief is how many bytes of further lines [Brief] takes.
const maxBrief = 240

// Brief is the first line of an error, and where that only announces others ("its last lines:"), as many of the last ones
// as are short enough: an error of a command is rarely in the first of them, and not always in the last.
func Brief(text string) string {
	first, others, _ := strings.Cut(strings.TrimSpace(text), "\n")
	first = strings.TrimSpace(first)
	if others == "" || !strings.HasSuffix(first, ":") {
		return first
	}
	lines := strings.Split(others, "\n")
	said := ""
	for _, line := range slices.Backward(lines) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case said == "":
			said = line
		case len(line)+len(said) < maxBrief:
			said = line + " · " + said
		default:
			return first + " … " + said
		}
	}
	return first + " " + said
}
