package engine

import (
	"context"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/store"
)

// takeNext ends a job for a worker, hands jobs to the queue, and gives the worker the one that
// has waited longest, already started: the next step of a chain then costs one commit, not
// three and a look into the queue.
func (c *change) takeNext(ends store.Job, jobs []store.Job) (*attempt, error) {
	for j, err := c.Exchange(c.Ctx, ends, jobs); ; j, err = c.Take(c.Ctx) {
		if err != nil || j == nil {
			return nil, err
		}
		lr, err := c.Live(j.RunKey)
		if err != nil {
			// Another run that can't be read must not hold up the end of this attempt.
			return nil, c.Release(c.Ctx, *j)
		}
		if lr != nil {
			if a, ok := c.e.newAttempt(lr, *j); ok {
				return a, c.startNext(a, lr)
			}
		}
		if err := c.Complete(c.Ctx, *j); err != nil { // nobody wants it any more
			return nil, err
		}
		if err := c.Restarted(*j); err != nil {
			return nil, err
		}
	}
}

// startNext writes that the taken attempt runs. What its on_execute callbacks have to say
// takes rendering; such an attempt starts in a transaction of its own, as usual.
func (c *change) startNext(next *attempt, lr *live.Run) error {
	if len(lr.Plan.Tasks[next.i].Callbacks[callbacks.Execute]) > 0 {
		return nil
	}
	next.started = true
	next.try.OpenAhead()
	return next.begin(c, lr)
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
		if err := a.e.change(write, func(c *change) error { return c.Release(write, a.job) }); err != nil {
			// The next start finds it among the jobs of a process that is gone.
			a.e.o.Log.Error("give back an attempt", "task", a.in.TaskID, "error", err)
		}
	}()
	next, err := a.work(ctx, stop)
	ended = err == nil
	return next
}
