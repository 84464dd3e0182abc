package engine

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// atWork is what runs now, to be told when the process stops.
type atWork struct {
	mu       sync.Mutex
	attempts map[*attempt]string
}

// add notes an attempt until the function that it returns is called.
func (w *atWork) add(a *attempt) (done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.attempts == nil {
		w.attempts = map[*attempt]string{}
	}
	w.attempts[a] = a.run.DAGID + "." + a.in.Label()
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.attempts, a)
	}
}

// names lists what runs, sorted.
func (w *atWork) names() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Values(w.attempts))
}

// sayStopping tells what a stop waits for, and when that is cut short.
func (x *executor) sayStopping(interrupted, hurry, over <-chan struct{}) {
	select {
	case <-interrupted:
	case <-over:
		return
	}
	names := x.atWork.names()
	if len(names) == 0 {
		return
	}
	const most = 10
	shown := strings.Join(names[:min(most, len(names))], " ")
	if len(names) > most {
		shown += " …"
	}
	x.log.Info("stopping: running tries may finish, a second signal ends them now", "tries", len(names), "are", shown, "grace", x.grace)
	select {
	case <-hurry:
		x.log.Warn("stopping now: running tries are ended and queued again")
	case <-over:
	}
}
