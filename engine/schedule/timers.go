package schedule

import (
	"sync"
	"time"
)

// Timers run functions once the clock has reached a moment, and can be stopped as a whole.
type Timers struct {
	clock func() time.Time

	mu      sync.Mutex
	stopped bool
	all     map[*time.Timer]struct{}
	running sync.WaitGroup
}

// NewTimers returns timers that go by a clock.
func NewTimers(clock func() time.Time) *Timers {
	return &Timers{clock: clock, all: map[*time.Timer]struct{}{}}
}

// farthest is how far ahead a timer is set at most.
const farthest = 30 * time.Second

// At runs f once the clock has reached a moment, unless the timers are stopped: whatever is
// due then is found in the store at the next start. A timer counts what has passed and knows
// nothing of a clock that somebody sets: far moments are looked at again and again.
func (t *Timers) At(moment time.Time, f func()) {
	wait := moment.Sub(t.clock())
	if wait > farthest {
		t.after(farthest, func() { t.At(moment, f) })
		return
	}
	t.after(wait, func() {
		if t.clock().Before(moment) { // the clock was set back
			t.At(moment, f)
			return
		}
		f()
	})
}

// after runs f after d.
func (t *Timers) after(d time.Duration, f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return
	}
	var tm *time.Timer
	tm = time.AfterFunc(max(d, 0), func() {
		t.mu.Lock()
		_, ok := t.all[tm]
		delete(t.all, tm)
		if ok {
			t.running.Add(1)
		}
		t.mu.Unlock()
		if ok {
			defer t.running.Done()
			f()
		}
	})
	t.all[tm] = struct{}{}
}

// Restart lets timers run again after Stop.
func (t *Timers) Restart() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = false
}

// Stop cancels what has not begun and waits for what has.
func (t *Timers) Stop() {
	t.mu.Lock()
	t.stopped = true
	for tm := range t.all {
		tm.Stop()
	}
	clear(t.all)
	t.mu.Unlock()
	t.running.Wait()
}
