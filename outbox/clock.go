package outbox

import (
	"slices"
	"sync"
	"time"
)

// leastLeap is the least difference that counts as a clock that was set, and not as one that is corrected
// bit by bit.
const leastLeap = 10 * time.Second

// steady knows how the clock of the store's rows was set while this process ran, by a clock that nobody
// sets. The zero value has read neither. It is safe for concurrent use.
type steady struct {
	mu sync.Mutex
	// wall is what the clock of the rows showed last, at what the other one did then.
	wall, at time.Time
	// leaps are those forward, oldest first. setBack says that there was one back since it was asked last.
	leaps   []leap
	setBack bool
}

// leap is how much a clock was set forward, and what it showed just before.
type leap struct {
	before time.Time
	by     time.Duration
}

// read reads the clock of the rows as the store keeps it, and says how much it was set since the last reading.
func (s *steady) read(clock func() time.Time) (now time.Time, set time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Now() //nolint:forbidigo // a clock that nobody sets
	now = clock().UTC().Truncate(time.Millisecond)
	if !s.at.IsZero() {
		set = now.Sub(s.wall) - at.Sub(s.at)
	}
	s.wall, s.at = now, at
	switch {
	case set >= leastLeap:
		s.leaps = append(s.leaps, leap{now.Add(-set), set})
	case set <= -leastLeap:
		s.setBack = true
		s.undo(-set)
	default:
		return now, 0
	}
	return now, set
}

// undo takes back so much of the latest leaps: a clock that was set wrong is set right.
func (s *steady) undo(by time.Duration) {
	for n := len(s.leaps); n > 0 && by > 0; n-- {
		last := &s.leaps[n-1]
		taken := min(by, last.by)
		by -= taken
		if last.by -= taken; last.by == 0 {
			s.leaps = s.leaps[:n-1]
		}
	}
}

// after is what the clock shows, or will, a time after it showed since.
func (s *steady) after(since time.Time, d time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := since.Add(d)
	for _, l := range s.leaps {
		if !since.After(l.before) && at.After(l.before) {
			at = at.Add(l.by)
		}
	}
	return at
}

// ago is what the clock showed a time before now.
func (s *steady) ago(now time.Time, d time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := now.Add(-d)
	for _, l := range slices.Backward(s.leaps) {
		if !at.Before(l.before.Add(l.by)) {
			break
		}
		at = at.Add(-l.by)
	}
	return at
}

// wasSetBack reports whether the clock was set back since [steady.restored].
func (s *steady) wasSetBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setBack
}

// restored says that what was written before the clock was set back has been seen to.
func (s *steady) restored() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setBack = false
}
