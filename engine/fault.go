package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// The reasons of a run that was given up, before a colon and the cause.
const (
	// reasonNotRestorable marks a run whose DAG version this binary can't load.
	reasonNotRestorable = "version_not_loadable"
	// reasonNotReadable marks a run whose rows in the store can't be read.
	reasonNotReadable = "rows_not_readable"
	// reasonPanic marks a run over which this program panicked.
	reasonPanic = "internal_error"
)

// fault is why a run can't go on, however often it is tried: another try of the same
// change would meet it again. The run fails with it, and nothing else does.
type fault struct {
	run    int64 // 0 when no run is to blame
	reason string
	err    error
}

func (f *fault) Error() string { return f.err.Error() }

func (f *fault) Unwrap() error { return f.err }

// guarded runs fn and the writing of what it did. A panic becomes a fault of the run that
// was being worked on.
func (c *change) guarded(fn func(*change) error) (p phase.Prepared, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.e.o.Log.Error("a change of state panicked: this is a mistake in the program, please report it",
				"panic", p, "run", c.on, "stack", string(debug.Stack()))
			err = &fault{run: c.on, reason: reasonPanic, err: fmt.Errorf("panic: %v", p)}
		}
	}()
	if err := fn(c); err != nil {
		return phase.Prepared{}, err
	}
	return c.write()
}

// giveUpRun fails the run to which a fault belongs, in a transaction of its own because
// that of the fault was taken back. It says so with the callbacks of the DAG; if even that
// panics, without them.
func (e *Engine) giveUpRun(ctx context.Context, f *fault) {
	var err error
	for _, withCallbacks := range []bool{true, false} {
		err = e.try(ctx, f.run, func(c *change) error {
			r, err := c.Run(c.ctx, f.run)
			if err != nil {
				return err
			}
			return c.giveUp(r, f, withCallbacks)
		})
		if _, again := errors.AsType[*fault](err); !again {
			break
		}
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		e.o.Log.Error("fail a run that can't go on", "run", f.run, "cause", f.err, "error", err)
	}
}

// giveUp fails a run that can't go on. It needs neither the run in memory nor a plan that
// loads: what was under way has failed, what had not begun is skipped, and the callbacks
// speak as far as they can still be read.
func (c *change) giveUp(r *store.Run, f *fault, withCallbacks bool) error {
	if r.State.Finished() {
		return nil
	}
	c.e.mu.Lock()
	old := c.e.live[r.Key]
	c.e.mu.Unlock()
	if old != nil { // the next transaction must not find it
		c.touch(old)
		c.e.drop(r.Key)
	}
	why := c.e.o.Masker.Mask(f.err.Error())
	c.e.o.Log.Error("a run can't go on and is failed", "dag", r.DAGID, "run", r.RunID, "reason", f.reason, "error", why)
	is, err := c.Instances(c.ctx, r.Key)
	if err != nil && f.reason != reasonNotReadable {
		return err
	}
	var p *plan.Plan
	if withCallbacks {
		p = c.e.plans.Remains(c.ctx, c, r)
	}
	r.State, r.Reason, r.EndDate = dag.RunFailed, f.reason+": "+why, c.now
	if err := c.UpdateRun(c.ctx, r); err != nil {
		return err
	}
	lr := &liveRun{run: *r, plan: p}
	for _, in := range is {
		lr.inst.Add(in)
	}
	c.endInstances(lr, is, why)
	if err := c.PutInstances(c.ctx, is); err != nil {
		return err
	}
	c.Changed(phase.Change{Run: *r})
	if p != nil {
		paused, err := c.pauseAfterFailures(lr)
		if err != nil {
			return err
		}
		ev := c.e.tell.Ended(lr.told(), callbacks.Failure, c.now)
		ev.Reason, ev.Error, ev.Paused = f.reason, why, paused
		c.Message(c.e.tell.OfRun(c.ctx, c, lr.told(), ev, p.OnFailure)...)
		if paused != "" {
			c.Message(c.e.tell.Paused(c.ctx, c, lr.told(), paused)...)
		}
	}
	c.Freed()
	key, dagID := r.Key, r.DAGID
	c.After(func() {
		c.e.drop(key)
		c.e.wakeDAG(dagID)
	})
	return nil
}

// endInstances ends the instances of a run that was given up.
func (c *change) endInstances(lr *liveRun, is []*store.Instance, why string) {
	for _, in := range is {
		k, s := keyOf(in), in.State
		if s.Finished() {
			continue
		}
		in.State, in.EndDate, in.RetryAt = dag.Skipped, c.now, time.Time{}
		if s == dag.Running || s == dag.Restarting || s == dag.Queued && c.e.attempting(k) {
			in.State, in.Error = dag.Failed, why
			if i := lr.plan.IndexOf(in.TaskID); i >= 0 {
				c.e.worker.Note(worker.LogPath(&lr.run, in, 0), why)
				c.Message(c.e.tell.Task(c.ctx, c, lr.plan, i, &lr.run, callbacks.Failure, in)...)
			}
		}
		if s == dag.Running || s == dag.Restarting || s == dag.Queued {
			c.After(func() { c.e.cancel(k, errGivenUp) })
		}
		copied := *in
		c.Changed(phase.Change{Run: lr.run, Instance: &copied})
	}
}

var errGivenUp = errors.New("the DAG run can't go on and has failed")
