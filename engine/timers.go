package engine

import (
	"sync"
	"time"
)

// timers runs functions later and can be stopped as a whole. The zero value works.
type timers struct {
	mu      sync.Mutex
	stopped bool
	all     map[*time.Timer]struct{}
	running sync.WaitGroup
}

// at runs f after d. After stop it does nothing: whatever is due is found in the store
// at the next start.
func (t *timers) at(d time.Duration, f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return
	}
	if t.all == nil {
		t.all = map[*time.Timer]struct{}{}
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

// farthest is how far ahead a timer is set at most.
const farthest = 30 * time.Second

// at runs f once the clock has reached a moment. Timers count what has passed and know
// nothing of a clock that somebody sets: far moments are looked at again and again.
func (e *Engine) at(moment time.Time, f func()) {
	wait := moment.Sub(e.o.Clock())
	if wait <= farthest {
		e.timers.at(wait, func() {
			if e.o.Clock().Before(moment) { // the clock was set back
				e.at(moment, f)
				return
			}
			f()
		})
		return
	}
	e.timers.at(farthest, func() { e.at(moment, f) })
}

// stop cancels what has not begun and waits for what has.
func (t *timers) stop() {
	t.mu.Lock()
	t.stopped = true
	for tm := range t.all {
		tm.Stop()
	}
	clear(t.all)
	t.mu.Unlock()
	t.running.Wait()
}
