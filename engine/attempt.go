package engine

import (
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
	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
)

// attemptKey names a running attempt in this process.
type attemptKey struct {
	run      int64
	task     string
	mapIndex int
	try      int
}

func keyOf(in *store.Instance) attemptKey {
	return attemptKey{in.RunKey, in.TaskID, in.MapIndex, in.Try}
}

// attempt is one try of one task instance while it runs here.
type attempt struct {
	e    *Engine
	job  store.Job
	plan *plan
	task *taskPlan
	i    dagrun.Task
	run  store.Run
	in   store.Instance // a copy; the store's is changed in transactions only
	log  *taskLog
	// started says that the store has it as running already.
	started bool
	// pushed are the XComs that the try has pushed beside its result.
	pushMu sync.Mutex
	pushed map[string]json.RawMessage
	// rendered is what the try has rendered, while it is not stored yet.
	rendered atomic.Pointer[store.RenderedTry]
	// triggers counts the runs that the try has asked for.
	triggers atomic.Int32
	// ahead delivers the log if it is being opened already.
	ahead chan opened
}

// errNotWanted says that an attempt's job is out of date: the instance has moved on.
var errNotWanted = errors.New("the attempt is no longer wanted")

// errGiveBack returns a job to the queue.
var errGiveBack = errors.New("given back at shutdown")

// handle runs one job and then, until stop is closed, those that this worker takes when
// it ends one. It returns an error only to give the job back.
func (e *Engine) handle(ctx context.Context, j store.Job, stop <-chan struct{}) error {
	var a *attempt
	err := e.persist(ctx, func() (err error) {
		a, err = e.open(context.WithoutCancel(ctx), j)
		return err
	})
	if err != nil {
		return e.discard(ctx, j, err)
	}
	done := e.atWork.add(a)
	next, err := a.work(ctx, stop)
	done()
	for next != nil {
		done = e.atWork.add(next)
		next = next.runTaken(ctx, stop)
		done()
	}
	return err
}

// work starts, runs and ends an attempt. It returns the one that the worker took with
// the end, if any. The error is that of handle.
func (a *attempt) work(ctx context.Context, stop <-chan struct{}) (*attempt, error) {
	e := a.e
	// Writing the outcome must not depend on the context that a shutdown ends.
	write := context.WithoutCancel(ctx)
	// The end of the worker's context is a shutdown, and says so to the operator.
	actx, cancel := context.WithCancelCause(write)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(operator.ErrShutdown) })()
	e.mu.Lock()
	e.attempts[keyOf(&a.in)] = cancel
	if cause := e.unwanted[keyOf(&a.in)]; cause != nil {
		cancel(cause)
	}
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.attempts, keyOf(&a.in))
		delete(e.unwanted, keyOf(&a.in))
	}()
	err := a.awaitLog(actx)
	defer func() { a.log.close() }()
	if err != nil {
		return a.finish(ctx, a.result(actx, nil, err), stop)
	}

	// The start is written while the task already runs, unless doing the work twice
	// would harm: then a crash must be able to tell whether it had begun.
	var res result
	switch {
	case a.started:
		res = a.execute(actx)
	case a.task.repeatSafe:
		started := make(chan error, 1)
		go func() {
			err := e.persist(ctx, func() error { return a.start(write) })
			if err != nil {
				cancel(fmt.Errorf("%w: %w", operator.ErrCanceled, err))
			}
			started <- err
		}()
		res = a.execute(actx)
		err = <-started
	default:
		if err = e.persist(ctx, func() error { return a.start(write) }); err == nil {
			res = a.execute(actx)
		}
	}
	if err != nil {
		return nil, e.discard(ctx, a.job, err)
	}
	return a.finish(ctx, res, stop)
}

// discard ends a job that does not run: one that is out of date is completed, any
// other one goes back to the queue.
func (e *Engine) discard(ctx context.Context, j store.Job, err error) error {
	if !errors.Is(err, errNotWanted) {
		return err
	}
	write := context.WithoutCancel(ctx)
	return e.persist(ctx, func() error {
		return e.change(write, func(c *change) error {
			if err := c.Complete(write, j); err != nil {
				return err
			}
			return c.restarted(j)
		})
	})
}

// The pauses of persist.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
)

// persist repeats what must be written until it is, or the process is told to stop.
// The worker stays with the attempt meanwhile: on a full disk nothing is lost and
// nothing is done twice, and work goes on once there is room.
func (e *Engine) persist(ctx context.Context, write func() error) error {
	faults := 0
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := write()
		if err == nil || errors.Is(err, errNotWanted) || errors.Is(err, store.ErrLostLease) {
			return err
		}
		if _, ok := errors.AsType[*fault](err); ok {
			// Not a matter of waiting. What met it has failed with it, so that another try
			// finds nothing left to do, or only what it was to write itself.
			if faults++; faults > 2 {
				return err
			}
			continue
		}
		e.o.Log.Error("the store or a task log can't be written; trying again", "error", err, "in", pause)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// open finds what a job is to run, without a transaction.
func (e *Engine) open(ctx context.Context, j store.Job) (*attempt, error) {
	e.mu.Lock()
	lr := e.live[j.RunKey]
	e.mu.Unlock()
	if lr == nil {
		err := e.change(ctx, func(c *change) (err error) {
			lr, err = c.liveRun(j.RunKey)
			return err
		})
		if err != nil {
			return nil, err
		}
		if lr == nil {
			return nil, errNotWanted
		}
	}
	lr.mu.Lock()
	defer lr.mu.Unlock()
	a, ok := e.newAttempt(lr, j)
	if !ok {
		return nil, errNotWanted
	}
	return a, nil
}

// newAttempt copies what an attempt needs from its run. It is false when the instance
// does not wait for this attempt. The caller holds the run.
func (e *Engine) newAttempt(lr *liveRun, j store.Job) (*attempt, bool) {
	i := lr.plan.indexOf(j.TaskID)
	if i < 0 {
		return nil, false
	}
	_, in := lr.find(i, j.MapIndex)
	if in == nil {
		return nil, false
	}
	a := &attempt{e: e, job: j, plan: lr.plan, task: &lr.plan.tasks[i], i: i, run: lr.run, in: *in}
	if a.in.StartDate.IsZero() { // a rescheduled sensor goes on
		a.in.StartDate = e.now()
	}
	if a.in.FirstStart.IsZero() {
		a.in.FirstStart = a.in.StartDate
	}
	a.in.Log = logPath(&a.run, &a.in)
	return a, a.wanted(in)
}

// wanted reports whether the instance still waits for this attempt.
func (a *attempt) wanted(in *store.Instance) bool {
	return in != nil && in.Try == a.job.Try && (in.State == dag.Queued || in.State == dag.Running)
}

// row is the instance in a run, or nil; slot is its place there, once there is a row.
func (a *attempt) row(lr *liveRun) *store.Instance {
	_, in := lr.find(a.i, a.in.MapIndex)
	return in
}

func (a *attempt) slot(lr *liveRun) dagrun.Slot {
	at, _ := lr.m.Slot(a.i, a.in.MapIndex)
	return at
}

// start writes that the attempt runs, and what on_execute callbacks have to say.
func (a *attempt) start(ctx context.Context) error {
	ds := a.deliveries(ctx, a.e.store, callbacks.Execute, &a.in, "")
	return a.e.changeOf(ctx, a.job.RunKey, func(c *change) error {
		lr, err := c.liveRun(a.job.RunKey)
		if err != nil {
			return err
		}
		if lr == nil || !a.wanted(a.row(lr)) {
			return errNotWanted
		}
		c.out = append(c.out, ds...)
		return a.begin(c, lr)
	})
}

// begin makes the instance running and removes what an earlier try left.
func (a *attempt) begin(c *change, lr *liveRun) error {
	in := c.set(lr, a.slot(lr), dag.Running)
	resumed := !in.StartDate.IsZero() && in.Lost == 0 // a sensor that looks again
	in.StartDate, in.FirstStart, in.Log, in.Error = a.in.StartDate, a.in.FirstStart, a.in.Log, ""
	if resumed || in.Try == 1 && in.Lost == 0 {
		return nil
	}
	return c.ClearXCom(c.ctx, in.RunKey, in.TaskID, in.MapIndex)
}

// result is how an execution ended.
type result struct {
	value   json.RawMessage
	outcome operator.Outcome
	// skips are the tasks below that the result skips.
	skips []dagrun.Task
	// again is when a rescheduled sensor looks next, reason what it waits for.
	again  time.Time
	reason string
}

// execute renders the templated fields and runs the operator, at most for
// execution_timeout. A panic is a failed try.
func (a *attempt) execute(ctx context.Context) result {
	t := a.task.t
	a.log.line(slog.LevelInfo, fmt.Sprintf("Starting attempt %d of %d", a.in.Try, a.in.MaxTries))
	ended := make(chan struct{})
	if d := t.ExecutionTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = a.e.withTimeout(ctx, d, fmt.Errorf("%w after %s", operator.ErrTimeout, d), ended)
		defer cancel()
	}
	type answer struct {
		v   any
		err error
	}
	done := make(chan answer, 1)
	go func() {
		var r answer
		defer func() {
			if p := recover(); p != nil {
				a.log.Error("panic", "panic", p, "stack", string(debug.Stack()))
				r = answer{err: fmt.Errorf("operator %s panicked: %v", t.Operator, p)}
			}
			close(ended)
			done <- r
		}()
		r.v, r.err = a.call(ctx)
	}()
	long := time.NewTimer(renderedAfter)
	defer long.Stop()
	var r answer
	for waits := true; waits; {
		waits = false
		select {
		case r = <-done:
		case <-long.C:
			a.keepRendered(ctx)
			waits = true
		case <-ctx.Done():
			// An operator that does not end keeps its goroutine, but neither the worker
			// nor the state: whatever it returns later is dropped.
			select {
			case r = <-done:
			case <-time.After(a.e.o.KillGrace):
				a.log.Error("the operator did not end when told to; its attempt is given up", "grace", a.e.o.KillGrace)
				r.err = context.Cause(ctx)
			}
		}
	}
	if next, ok := errors.AsType[*rescheduleError](r.err); ok {
		return result{again: next.at, reason: next.reason}
	}
	return a.result(ctx, r.v, r.err)
}

// result reads what an operator returned.
func (a *attempt) result(ctx context.Context, v any, err error) (res result) {
	if err == nil {
		res.skips, v, err = skipsOf(a.plan.g, a.i, v)
	}
	if err == nil && v != nil && a.task.t.DoXComPush {
		res.value, err = encodeXCom(v)
	}
	if err == nil && a.task.t.MultipleOutputs {
		_, err = outputs(res.value)
	}
	if err == nil {
		err = a.checkMappable(res.value)
	}
	if err != nil {
		res.skips = nil // a try that failed has chosen nothing
	}
	res.outcome = operator.Classify(ctx, err)
	return res
}

func (a *attempt) call(ctx context.Context) (any, error) {
	op, err := a.render(ctx)
	if err != nil {
		return nil, err
	}
	a.noteRendered(op)
	if s := a.task.t.Sensor; s != nil {
		return a.sense(ctx, op, s)
	}
	return op.Execute(ctx, a.taskContext(ctx))
}

// finish writes the outcome: state, XCom, callbacks, newly ready tasks and the end of
// the job, in one transaction, in which the worker takes its next job unless stop is
// closed. The context is the worker's.
func (a *attempt) finish(worker context.Context, res result, stop <-chan struct{}) (next *attempt, err error) {
	ctx := context.WithoutCancel(worker)
	if res.outcome.Kind == operator.Shutdown {
		return nil, a.giveBack(ctx)
	}
	if !res.again.IsZero() {
		return nil, a.reschedule(worker, res.again, a.e.o.Masker.Mask(res.reason))
	}
	end := a.e.now()
	state, errText, retryAt := a.decide(res.outcome, end)
	a.logOutcome(state, res.outcome, errText, retryAt)
	after := a.in
	after.State, after.EndDate, after.Error, after.RetryAt = state, end, errText, retryAt
	var ds []*store.Delivery
	if k := callbackFor(state); k != "" {
		ds = a.deliveries(ctx, a.ended(state, res.value), k, &after, errText)
	}
	settle := func(c *change) error {
		if err := c.Complete(ctx, a.job); err != nil {
			return err
		}
		select {
		case <-stop:
		default:
			c.takes = true
			c.after = append(c.after, func() { next = c.next })
		}
		lr, err := c.liveRun(a.job.RunKey)
		if err != nil {
			return err
		}
		if lr == nil || !a.wanted(a.row(lr)) {
			return c.restarted(a.job) // someone set its state meanwhile: that stays
		}
		in := c.set(lr, a.slot(lr), state)
		in.EndDate, in.Error, in.RetryAt, in.StartDate, in.Log = end, errText, retryAt, a.in.StartDate, a.in.Log
		in.RenderedMapIndex = a.in.RenderedMapIndex
		if err := errors.Join(a.putPushed(c), a.putRendered(c)); err != nil {
			return err
		}
		if state == dag.Success {
			if err := a.pushXCom(ctx, c, res.value); err != nil {
				return err
			}
			if err := c.updateAssets(a); err != nil {
				return err
			}
		}
		if state == dag.UpForRetry {
			c.watchRetry(in)
		}
		if err := c.rememberSkips(lr, in, res.skips); err != nil {
			return err
		}
		c.skip(lr, res.skips)
		if state == dag.Failed && lr.plan.d.FailFast {
			c.stopFast(lr)
		}
		c.out = append(c.out, ds...)
		return c.step(lr)
	}
	err = a.e.persist(worker, func() error { return a.e.changeOf(ctx, a.job.RunKey, settle) })
	switch {
	case errors.Is(err, store.ErrLostLease):
		a.log.Error("the attempt was taken over by another process; its outcome is dropped")
		return nil, nil
	case err != nil:
		a.log.Error("the outcome could not be written before the process stopped", "error", err)
	}
	return next, err
}

// reschedule ends the job of a sensor that looks again later, in another one.
func (a *attempt) reschedule(worker context.Context, at time.Time, reason string) error {
	ctx := context.WithoutCancel(worker)
	a.log.line(slog.LevelInfo, "Not yet; looking again at "+at.UTC().Format(time.RFC3339))
	return a.e.persist(worker, func() error {
		return a.e.changeOf(ctx, a.job.RunKey, func(c *change) error {
			if err := c.Complete(ctx, a.job); err != nil {
				return err
			}
			lr, err := c.liveRun(a.job.RunKey)
			if err != nil {
				return err
			}
			if lr == nil || !a.wanted(a.row(lr)) {
				return c.restarted(a.job)
			}
			if err := errors.Join(a.putPushed(c), a.putRendered(c)); err != nil {
				return err
			}
			in := c.set(lr, a.slot(lr), dag.UpForReschedule)
			in.RetryAt, in.Error = at.UTC().Truncate(time.Millisecond), reason
			c.watchRetry(in)
			return c.step(lr)
		})
	})
}

// giveBack queues the attempt again, with the same number: a shutdown is no failure.
func (a *attempt) giveBack(ctx context.Context) error {
	a.log.Warn("the process is stopping; the attempt is queued again and not counted")
	err := a.e.change(ctx, func(c *change) error {
		lr, err := c.liveRun(a.job.RunKey)
		if err != nil || lr == nil || !a.wanted(a.row(lr)) {
			return err
		}
		in := c.set(lr, a.slot(lr), dag.Queued)
		in.StartDate = time.Time{}
		return nil
	})
	return errors.Join(errGiveBack, err)
}

// decide turns an outcome into the next state of the instance.
func (a *attempt) decide(o operator.Outcome, end time.Time) (dag.State, string, time.Time) {
	switch o.Kind {
	case operator.Success:
		return dag.Success, "", time.Time{}
	case operator.Skipped:
		return dag.Skipped, a.e.o.Masker.Mask(o.Reason), time.Time{}
	case operator.Failed, operator.Canceled:
		return dag.Failed, a.e.o.Masker.Mask(o.Err.Error()), time.Time{}
	default: // an error or a timeout: a retry, while there are tries left
		text := a.e.o.Masker.Mask(o.Err.Error())
		if a.in.Try >= a.in.MaxTries {
			return dag.Failed, text, time.Time{}
		}
		delay := max(dagrun.RetryDelay(a.run.DAGID, a.task.t, a.run.LogicalDate, a.in.Try), o.RetryAfter)
		return dag.UpForRetry, text, end.Add(delay)
	}
}

func (a *attempt) logOutcome(s dag.State, o operator.Outcome, text string, retryAt time.Time) {
	switch s {
	case dag.Success:
		a.log.Info("Task succeeded")
	case dag.Skipped:
		a.log.line(slog.LevelInfo, "Task skipped: "+text)
	case dag.UpForRetry:
		a.log.line(slog.LevelError, text)
		a.log.line(slog.LevelWarn, "Task is up for retry at "+retryAt.Format(time.RFC3339))
	default:
		a.log.line(slog.LevelError, text)
		if o.Kind == operator.Failed && a.in.Try < a.in.MaxTries {
			a.log.Error("Task failed; a retry would not help")
			return
		}
		if o.Kind == operator.Canceled { // its state was set by whoever took it away
			return
		}
		a.log.Error("Task failed")
	}
}

func callbackFor(s dag.State) callbacks.Kind {
	switch s {
	case dag.Success:
		return callbacks.Success
	case dag.Failed:
		return callbacks.Failure
	case dag.UpForRetry:
		return callbacks.Retry
	case dag.Skipped:
		return callbacks.Skipped
	default:
		return ""
	}
}

// pushXCom stores the result, and each key of it with multiple_outputs.
func (a *attempt) pushXCom(ctx context.Context, c *change, v json.RawMessage) error {
	if v == nil {
		return nil
	}
	if err := c.PutXCom(ctx, a.in.RunKey, a.in.TaskID, a.in.MapIndex, returnValue, v); err != nil {
		return err
	}
	if !a.task.t.MultipleOutputs {
		return nil
	}
	m, err := outputs(v)
	if err != nil {
		return err
	}
	for k, v := range m {
		if err := c.PutXCom(ctx, a.in.RunKey, a.in.TaskID, a.in.MapIndex, k, v); err != nil {
			return err
		}
	}
	return nil
}

// outputs are the keys of a result with multiple_outputs, none without a result.
func outputs(v json.RawMessage) (m map[string]json.RawMessage, err error) {
	if v == nil {
		return nil, nil
	}
	if err := json.Unmarshal(v, &m); err != nil {
		return nil, errors.New("multiple_outputs: the result is no mapping: return one, or leave multiple_outputs out")
	}
	return m, nil
}

// attempting reports whether an attempt runs in this process. It may do so a moment
// before the store knows.
func (e *Engine) attempting(k attemptKey) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.attempts[k] != nil
}

// cancel ends a running attempt of this process, or one that is about to run: its try
// is over, and the state that somebody gave it stays.
func (e *Engine) cancel(k attemptKey, cause error) {
	cause = fmt.Errorf("%w: %w", operator.ErrCanceled, cause)
	e.mu.Lock()
	f := e.attempts[k]
	if f == nil {
		e.unwanted[k] = cause
	}
	e.mu.Unlock()
	if f != nil {
		f(cause)
	}
}
