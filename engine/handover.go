package engine

import (
	"context"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
)

// takeNext gives the worker whose attempt this transaction ends the job that has waited
// longest, already started: the next step of a chain then costs one commit, not three
// and a look into the queue.
func (c *change) takeNext(jobs []store.Job) error {
	for j, err := c.Exchange(c.ctx, *c.ends, jobs); ; j, err = c.Take(c.ctx) {
		if err != nil || j == nil {
			return err
		}
		lr, err := c.liveRun(j.RunKey)
		if err != nil {
			// Another run that can't be read must not hold up the end of this attempt.
			return c.Release(c.ctx, *j)
		}
		if lr != nil {
			if a, ok := c.e.newAttempt(lr, *j); ok {
				c.next = a
				return c.startNext(lr)
			}
		}
		if err := c.Complete(c.ctx, *j); err != nil { // nobody wants it any more
			return err
		}
		if err := c.restarted(*j); err != nil {
			return err
		}
	}
}

// startNext writes that the taken attempt runs. What its on_execute callbacks have to
// say takes rendering; such an attempt starts in a transaction of its own, as usual.
func (c *change) startNext(lr *liveRun) error {
	if len(lr.plan.Tasks[c.next.i].Callbacks[callbacks.Execute]) > 0 {
		return nil
	}
	c.next.started = true
	c.next.try.OpenAhead()
	return c.next.begin(c, lr)
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
