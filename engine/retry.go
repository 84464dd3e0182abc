package engine

import (
	"context"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// watchRetry arms the timer of an instance that waits for its retry.
func (c *change) watchRetry(in *store.Instance) {
	key, try, at := keyOf(in), in.Try, in.RetryAt
	c.After(func() {
		c.e.timers.At(at, func() { c.e.retry(key, try) })
	})
}

// retry schedules an instance whose retry, or a sensor whose next look, is due.
func (e *Engine) retry(key attemptKey, try int) {
	err := e.change(context.Background(), func(c *change) error {
		lr, err := c.liveRun(key.run)
		if err != nil || lr == nil {
			return err
		}
		i := lr.plan.IndexOf(key.task)
		if i < 0 {
			return nil
		}
		at, in := lr.find(i, key.mapIndex)
		if in == nil || in.State != dag.UpForRetry && in.State != dag.UpForReschedule || in.Try != try || in.RetryAt.After(c.now) {
			return nil
		}
		c.set(lr, at, dag.Scheduled)
		return c.step(lr)
	})
	if err != nil {
		// The next beat reads the run again, and arms its timers.
		e.o.Log.Error("schedule a retry", "task", key.task, "error", err)
	}
}
