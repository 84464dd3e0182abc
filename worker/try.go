package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// Try is one try of one task instance. Open its log, Execute it once, and Close the log.
type Try struct {
	w    *Worker
	plan *Plan
	task *Task
	i    dagrun.Task
	run  store.Run
	in   store.Instance // a copy, which the try completes
	log  *taskLog
	// ahead delivers the log if it is being opened already.
	ahead chan opened
	// pushed are the XComs that the try has pushed beside its result.
	pushMu sync.Mutex
	pushed map[string]json.RawMessage
	// rendered is what the try has rendered, while it is not stored yet.
	rendered atomic.Pointer[store.RenderedTry]
	// waitsFor is what a sensor in mode poke has last said that it waits for.
	waitsFor string
	// triggers counts the runs that the try has asked for.
	triggers atomic.Int32
}

// Try returns a try of an instance, which has its number and dates already.
func (w *Worker) Try(p *Plan, t dagrun.Task, r *store.Run, in *store.Instance) *Try {
	y := &Try{w: w, plan: p, task: &p.Tasks[t], i: t, run: *r, in: *in}
	y.in.Log = LogPath(r, in, 0)
	return y
}

// Instance is the instance as the try has it, with the path of its log.
func (y *Try) Instance() store.Instance { return y.in }

// Execute renders the templated fields and runs the operator, at most for execution_timeout.
// A panic is a failed try. The end of the context ends the try; its cause says why.
func (y *Try) Execute(ctx context.Context) Result {
	y.log.line(slog.LevelInfo, fmt.Sprintf("Starting attempt %d of %d", y.in.Try, y.in.MaxTries))
	ended := make(chan struct{})
	if d := y.task.ExecutionTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = y.w.withTimeout(ctx, d, fmt.Errorf("%w after %s", operator.ErrTimeout, d), ended)
		defer cancel()
	}
	v, err := y.await(ctx, y.begin(ctx, ended))
	if next, ok := errors.AsType[*rescheduleError](err); ok {
		return y.reschedule(next)
	}
	if q, ok := errors.AsType[*askError](err); ok {
		return y.deferred(q)
	}
	return y.conclude(ctx, v, err)
}

// answer is what an operator returned.
type answer struct {
	v   any
	err error
}

// begin lets the operator work, and closes ended when it has.
func (y *Try) begin(ctx context.Context, ended chan<- struct{}) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		var r answer
		defer func() {
			if p := recover(); p != nil {
				y.log.Error("panic", "panic", p, "stack", string(debug.Stack()))
				r = answer{err: fmt.Errorf("operator %s panicked: %v", y.task.Operator, p)}
			}
			close(ended)
			done <- r
		}()
		r.v, r.err = y.call(ctx)
	}()
	return done
}

// await waits for the operator. One that does not end when it is told to keeps its goroutine,
// but neither the worker nor the state: whatever it returns later is dropped.
func (y *Try) await(ctx context.Context, done <-chan answer) (any, error) {
	long := time.NewTimer(renderedAfter)
	defer long.Stop()
	for {
		select {
		case r := <-done:
			return r.v, r.err
		case <-long.C:
			y.keepRendered(ctx)
			continue
		case <-ctx.Done():
		}
		select {
		case r := <-done:
			return r.v, r.err
		case <-time.After(y.w.o.KillGrace):
			y.log.Error("the operator did not stop when told to; its try is abandoned", "grace", y.w.o.KillGrace)
			return nil, context.Cause(ctx)
		}
	}
}

// renderInTime renders the templated fields. While the store cannot tell what they need, such as the result of another task, it is asked
// again for a while: the task is not to blame.
func (y *Try) renderInTime(ctx context.Context) (operator.Operator, error) {
	limit := cmp.Or(max(y.task.ExecutionTimeout, 0), patience)
	begun := y.w.now()
	said := false
	for pause := range Pauses() {
		op, err := y.render(ctx)
		if err == nil || !store.Temporary(err) || ctx.Err() != nil || y.w.now().Sub(begun) >= limit {
			return op, err
		}
		if !said {
			said = true
			y.log.line(slog.LevelWarn, "The store cannot tell what the templates need; it is asked again: "+err.Error())
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
	return nil, nil // there is no last pause
}

func (y *Try) call(ctx context.Context) (any, error) {
	op, err := y.renderInTime(ctx)
	if err != nil {
		return nil, err
	}
	y.noteRendered(op)
	if s := y.task.Sensor; s != nil {
		return y.sense(ctx, op, s)
	}
	tc := y.taskContext(ctx)
	if tc.Reply, err = y.reply(ctx, op); err != nil {
		return nil, err
	}
	v, err := op.Execute(ctx, tc)
	switch o := operator.Classify(ctx, err); o.Kind {
	case operator.Waiting:
		y.log.line(slog.LevelInfo, o.Reason)
		return nil, &rescheduleError{y.w.o.Clock().Add(cmp.Or(o.RetryAfter, time.Minute)), o.Reason}
	case operator.Asking:
		return nil, y.ask(o.Question)
	default:
		return v, err
	}
}
