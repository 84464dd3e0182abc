package engine

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/store"
)

// takeNext ends a job for a worker, hands jobs to the queue, and gives the worker the one that
// has waited longest, already started: the next step of a chain then costs one commit, not
// three and a look into the queue.
func (x *executor) takeNext(tx *live.Tx, ends store.Job, jobs []store.Job) (*attempt, error) {
	for j, err := tx.Exchange(tx.Ctx, ends, jobs); ; j, err = tx.Take(tx.Ctx) {
		if err != nil || j == nil {
			return nil, err
		}
		lr, err := tx.Live(j.RunKey)
		if err != nil {
			// Another run that can't be read must not hold up the end of this attempt.
			return nil, tx.Release(tx.Ctx, *j)
		}
		if lr != nil {
			if a, ok := x.newAttempt(lr, *j); ok {
				return a, x.startNext(tx, a, lr)
			}
		}
		if err := tx.Complete(tx.Ctx, *j); err != nil { // nobody wants it any more
			return nil, err
		}
		if err := tx.Restarted(*j); err != nil {
			return nil, err
		}
	}
}

// startNext writes that the taken attempt runs. What its on_execute callbacks have to say
// takes rendering; such an attempt starts in a transaction of its own, as usual.
func (x *executor) startNext(tx *live.Tx, next *attempt, lr *live.Run) error {
	if len(lr.Plan.Tasks[next.i].Callbacks[callbacks.Execute]) > 0 {
		return nil
	}
	next.started = true
	next.try.OpenAhead()
	return next.begin(tx, lr)
}

// runTaken runs an attempt that came by takeNext, and returns the next one. The store
// knows of no worker that holds such a job: giving it back falls to the engine.
func (a *attempt) runTaken(ctx context.Context, stop <-chan struct{}) *attempt {
	ended := false
	defer func() {
		if ended {
			return
		}
		write := context.WithoutCancel(ctx)
		err := a.x.runs.Change(write, func(tx *live.Tx) error { return tx.Release(write, a.job) })
		if errors.Is(err, store.ErrNotLeader) {
			err = a.x.store.Own(write, func(tx store.Tx) error { return tx.Release(write, a.job) })
		}
		if err != nil && !errors.Is(err, store.ErrLostLease) {
			// The next start finds it among the jobs of a process that is gone.
			a.x.log.Error("give back a try", "task", a.in.TaskID, "error", err)
		}
	}()
	next, err := a.work(ctx, stop)
	ended = err == nil
	return next
}
