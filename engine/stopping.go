package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/dingdag/dingdag/store"
)

// atWork is what runs now, to be told when the process stops, and to be ended when others have taken it.
type atWork struct {
	mu       sync.Mutex
	attempts map[*attempt]string
	// ends are what ends those of which it is not known yet what came of them.
	ends map[store.Job]context.CancelCauseFunc
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

// runs notes what ends an attempt until the function that it returns is called: it is known then what came of it.
func (w *atWork) runs(a *attempt, end context.CancelCauseFunc) (known func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ends == nil {
		w.ends = map[store.Job]context.CancelCauseFunc{}
	}
	w.ends[a.job] = end
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.ends, a.job)
	}
}

// jobs are those of the attempts of which it is not known yet what came of them.
func (w *atWork) jobs() []store.Job {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.ends))
}

// end ends an attempt, and reports whether it was not over yet, and nobody has ended it so before.
func (w *atWork) end(j store.Job, why error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	end := w.ends[j]
	if end != nil {
		end(why)
		delete(w.ends, j) // it may be a while until it has ended
	}
	return end != nil
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
