package live

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

// RunError is why a run can't go on, however often it is tried: another try of the same
// change would meet it again. The run fails with it, and nothing else does.
type RunError struct {
	// Run is the key of the run, 0 when none is to blame.
	Run int64
	// Reason is that of the run which it fails, before a colon and the cause.
	Reason string
	Err    error
}

func (f *RunError) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *RunError) Unwrap() error { return f.Err }

// guarded runs fn and the writing of what it did. A panic becomes a fault of the run that
// was being worked on.
func (tx *Tx) guarded(fn func(*Tx) error) (p phase.Prepared, err error) {
	defer func() {
		if p := recover(); p != nil {
			tx.runs.o.Log.Error("a change of state panicked: this is a mistake in the program, please report it",
				"panic", p, "run", tx.on, "stack", string(debug.Stack()))
			err = &RunError{Run: tx.on, Reason: reasonPanic, Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	if err := fn(tx); err != nil {
		return phase.Prepared{}, err
	}
	return tx.write()
}

// giveUpRun fails the run to which a fault belongs, in a transaction of its own because
// that of the fault was taken back. It says so with the callbacks of the DAG; if even that
// panics, without them.
func (rs *Runs) giveUpRun(ctx context.Context, f *RunError) {
	var err error
	for _, withCallbacks := range []bool{true, false} {
		err = rs.try(ctx, f.Run, func(tx *Tx) error {
			r, err := tx.Run(tx.Ctx, f.Run)
			if err != nil {
				return err
			}
			return tx.giveUp(r, f, withCallbacks)
		})
		if _, again := errors.AsType[*RunError](err); !again {
			break
		}
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		rs.o.Log.Error("fail a run that cannot go on", "run", f.Run, "cause", f.Err, "error", err)
	}
}

// giveUp fails a run that can't go on. It needs neither the run in memory nor a plan that
// loads: what was under way has failed, what had not begun is skipped, and the callbacks
// speak as far as they can still be read.
func (tx *Tx) giveUp(r *store.Run, f *RunError, withCallbacks bool) error {
	if r.State.Finished() {
		return nil
	}
	tx.forget(r.Key)
	why := tx.runs.o.Masker.Mask(f.Err.Error())
	tx.runs.o.Log.Error("a run cannot go on and is failed", "dag", r.DAGID, "run", r.RunID, "reason", f.Reason, "error", why)
	is, err := tx.Instances(tx.Ctx, r.Key)
	if err != nil && f.Reason != reasonNotReadable {
		return err
	}
	var p *plan.Plan
	if withCallbacks {
		p = tx.runs.o.Plans.Remains(tx.Ctx, tx, r)
	}
	r.State, r.Reason, r.EndDate = dag.RunFailed, f.Reason+": "+why, tx.Now
	if err := tx.UpdateRun(tx.Ctx, r); err != nil {
		return err
	}
	lr := &Run{Row: *r, Plan: p}
	for _, in := range is {
		lr.inst.Add(in)
	}
	if err := lr.endInstances(tx, is, why); err != nil {
		return err
	}
	if err := tx.PutInstances(tx.Ctx, is); err != nil {
		return err
	}
	tx.Changed(phase.Change{Run: *r})
	if p != nil {
		paused, err := lr.pauseAfterFailures(tx)
		if err != nil {
			return err
		}
		ev := tx.runs.o.Tell.Ended(lr.told(), callbacks.Failure, tx.Now)
		ev.Reason, ev.Error, ev.Paused = f.Reason, why, paused
		if err := tx.runFailed(lr.told(), tx.runs.o.Tell.OfRun(tx.Ctx, tx, lr.told(), ev, p.OnFailure)); err != nil {
			return err
		}
		if paused != "" {
			tx.Message(tx.runs.o.Tell.Paused(tx.Ctx, tx, lr.told(), paused)...)
		}
	}
	tx.Freed()
	tx.over(r)
	return nil
}

// endInstances ends the instances of a run that was given up.
func (lr *Run) endInstances(tx *Tx, is []*store.Instance, why string) error {
	begun, err := tx.runs.Begun(tx.Ctx, tx, lr.Row.Key)
	if err != nil {
		return err
	}
	for _, in := range is {
		k, s := AttemptOf(in), in.State
		if s.Finished() {
			continue
		}
		if s == dag.Deferred {
			tx.unasked = append(tx.unasked, *in)
		}
		running := s == dag.Running || s == dag.Restarting || s == dag.Queued && begun(in)
		in.State, in.EndDate, in.RetryAt = dag.Skipped, tx.Now, time.Time{}
		if running {
			in.State, in.Error = dag.Failed, why
			if i := lr.Plan.IndexOf(in.TaskID); i >= 0 {
				tx.runs.o.Worker.Note(worker.LogPath(&lr.Row, in, 0), why)
				if err := tx.Failed(&lr.Row, in, tx.runs.o.Tell.Task(tx.Ctx, tx, callbacks.Failure, lr.Try(i, in))); err != nil {
					return err
				}
			}
		}
		if s == dag.Running || s == dag.Restarting || s == dag.Queued {
			tx.Cancel(k, errGivenUp)
		}
		copied := *in
		tx.Changed(phase.Change{Run: lr.Row, Instance: &copied})
	}
	return nil
}

var errGivenUp = errors.New("the DAG run cannot go on and has failed")
