package live

import (
	"context"
	"fmt"
	"sync"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// Attempt names an attempt at an instance.
type Attempt struct {
	Run      int64
	Task     string
	MapIndex int
	Try      int
}

// begun is an attempt that runs: one that was taken from this process may come back to it before it has ended.
type begun struct{ cancel context.CancelCauseFunc }

// AttemptOf is the attempt that an instance is at.
func AttemptOf(in *store.Instance) Attempt { return Attempt{in.RunKey, in.TaskID, in.MapIndex, in.Try} }

// Attempts are those that run in this process. The zero value holds none. It is safe for
// concurrent use.
type Attempts struct {
	mu      sync.Mutex
	running map[Attempt]*begun
	// unwanted holds those that were cancelled before they ran.
	unwanted map[Attempt]error
}

// Begin notes that an attempt runs, and what ends it, until the function that it returns is
// called. One that is unwanted already is ended.
func (as *Attempts) Begin(a Attempt, cancel context.CancelCauseFunc) (end func()) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if as.running == nil {
		as.running = map[Attempt]*begun{}
	}
	own := &begun{cancel}
	as.running[a] = own
	if cause := as.unwanted[a]; cause != nil {
		cancel(cause)
	}
	return func() {
		as.mu.Lock()
		defer as.mu.Unlock()
		if as.running[a] != own {
			return
		}
		delete(as.running, a)
		delete(as.unwanted, a)
	}
}

// Running reports whether an attempt runs in this process. It may do so a moment before the
// store knows.
func (as *Attempts) Running(a Attempt) bool {
	as.mu.Lock()
	defer as.mu.Unlock()
	return as.running[a] != nil
}

// Begun returns what tells whether an attempt at an instance of a run runs, here or in another process. The instance may be queued
// as far as the store knows.
func (rs *Runs) Begun(ctx context.Context, rd store.Queues, run int64) (func(*store.Instance) bool, error) {
	here := func(in *store.Instance) bool { return rs.o.Attempts.Running(AttemptOf(in)) }
	if !rs.o.Shared {
		return here, nil
	}
	js, err := rd.RunningJobs(ctx, run)
	if err != nil {
		return nil, err
	}
	taken := make(map[Attempt]bool, len(js))
	for _, j := range js {
		taken[Attempt{j.RunKey, j.TaskID, j.MapIndex, j.Try}] = true
	}
	return func(in *store.Instance) bool { return taken[AttemptOf(in)] || here(in) }, nil
}

// Cancel ends a running attempt of this process, or one that is about to run: its try is
// over, and the state that somebody gave it stays.
func (as *Attempts) Cancel(a Attempt, cause error) {
	cause = fmt.Errorf("%w: %w", operator.ErrCanceled, cause)
	as.mu.Lock()
	runs := as.running[a]
	if runs == nil {
		if as.unwanted == nil {
			as.unwanted = map[Attempt]error{}
		}
		as.unwanted[a] = cause
	}
	as.mu.Unlock()
	if runs != nil {
		runs.cancel(cause)
	}
}

// CancelRun ends all running tries of a run.
func (as *Attempts) CancelRun(run int64, cause error) {
	as.mu.Lock()
	var of []Attempt
	for a := range as.running {
		if a.Run == run {
			of = append(of, a)
		}
	}
	as.mu.Unlock()
	for _, a := range of {
		as.Cancel(a, cause)
	}
}

// forget takes back that an attempt is unwanted: it is over.
func (as *Attempts) forget(a Attempt) {
	as.mu.Lock()
	defer as.mu.Unlock()
	delete(as.unwanted, a)
}
