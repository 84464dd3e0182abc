package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tracing"
	"github.com/dingdag/dingdag/worker"
)

// executor runs attempts and applies what became of them.
type executor struct {
	store  store.Store
	runs   *live.Runs
	worker *worker.Worker
	tell   *tell.Teller
	tracer *tracing.Tracer
	log    *slog.Logger
	// plans are those of versions.
	plans *plan.Plans
	// shared says that other processes may lead, and reported that this one has written a report.
	shared   bool
	reported func()
	// host is this machine, logDir its folder of task logs, version that of the program.
	host, logDir, version string
	// grace is how long attempts may go on at a shutdown.
	grace time.Duration
	// reading reads what jobs are to run.
	reading reading
	// attempts are those that run in this process, atWork their names.
	attempts *live.Attempts
	atWork   atWork
	// tenure is how long this process has its attempts to itself, on a store that is shared.
	tenure tenure

	mu sync.Mutex
	// unsettled are attempts of dead processes that could not be settled yet.
	unsettled []store.Job
}

// attempt is one try of one task instance while it is under way here.
type attempt struct {
	x    *executor
	job  store.Job
	plan *plan.Plan
	i    dagrun.Task
	run  store.Run
	in   store.Instance // a copy; the store's is changed in transactions only
	try  *worker.Try
	// started says that the store has it as running already.
	started bool
	// away says that another process leads, which is told of what becomes of it.
	away bool
}

// errNotWanted says that an attempt's job is out of date: the instance has moved on.
var errNotWanted = errors.New("the try is no longer wanted")

// errWanted returns a job to the queue that somebody wants.
var errWanted = errors.New("given back, since it is wanted after all")

// errGiveBack returns a job to the queue.
var errGiveBack = errors.New("given back at shutdown")

// handle runs one job and then, until stop is closed, those that this worker takes when
// it ends one. It returns an error only to give the job back.
func (x *executor) handle(ctx context.Context, j store.Job, stop <-chan struct{}) error {
	var a *attempt
	var failed *worker.Result
	err := persist(ctx, x.log, func() (err error) {
		a, failed, err = x.open(context.WithoutCancel(ctx), j)
		return err
	})
	if err != nil {
		return x.discard(ctx, j, err)
	}
	if failed != nil {
		return a.finishAway(ctx, failed, nil)
	}
	done := x.atWork.add(a)
	next, err := a.work(ctx, stop)
	done()
	for next != nil {
		done = x.atWork.add(next)
		next = next.runTaken(ctx, stop)
		done()
	}
	return err
}

// work starts, runs and ends an attempt. It returns the one that the worker took with
// the end, if any. The error is that of handle.
func (a *attempt) work(ctx context.Context, stop <-chan struct{}) (*attempt, error) {
	x := a.x
	// Writing the outcome must not depend on the context that a shutdown ends.
	write := context.WithoutCancel(ctx)
	// The end of the worker's context is a shutdown, and says so to the operator.
	actx, cancel := context.WithCancelCause(gate.With(write, a.turn()))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(operator.ErrShutdown) })()
	defer x.attempts.Begin(live.AttemptOf(&a.in), cancel)()
	known := sync.OnceFunc(x.atWork.runs(a, cancel))
	defer known()
	actx, ended := x.tracer.Try(actx, &a.run, &a.in)
	err := a.try.Open(actx)
	defer a.try.Close()
	if err != nil {
		known()
		res := a.try.Fail(actx, err)
		ended(&res.Instance)
		return a.finish(ctx, res, stop)
	}

	// The start is written while the task already runs, unless doing the work twice
	// would harm: then a crash must be able to tell whether it had begun.
	var res worker.Result
	switch {
	case a.started:
		res = a.try.Execute(actx)
	case a.plan.Work.Tasks[a.i].RepeatSafe:
		started, executed := make(chan error, 1), make(chan struct{})
		go func() {
			if a.away && within(executed, briefly) { // its end says that it ran
				started <- nil
				return
			}
			err := persist(ctx, x.log, func() error { return a.start(write) })
			if err != nil {
				cancel(fmt.Errorf("%w: %w", operator.ErrCanceled, err))
			}
			started <- err
		}()
		res = a.try.Execute(actx)
		close(executed)
		err = <-started
	default:
		if err = persist(ctx, x.log, func() error { return a.start(write) }); err == nil {
			res = a.try.Execute(actx)
		}
	}
	known()
	ended(&res.Instance)
	if err != nil {
		return nil, x.discard(ctx, a.job, err)
	}
	return a.finish(ctx, res, stop)
}

// briefly is how long an attempt may take of which another process need not be told that it runs.
const briefly = 50 * time.Millisecond

// within reports whether c is closed before some time has passed.
func within(c <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}

// turn is the place of the task in the line of a robot.
func (a *attempt) turn() gate.Turn {
	return gate.Turn{Key: fmt.Sprintf("task %d %s %d", a.in.RunKey, a.in.TaskID, a.in.MapIndex), Rank: gate.Report, DAGID: a.run.DAGID}
}

// discard ends a job that does not run: one that is out of date is completed, any
// other one goes back to the queue.
func (x *executor) discard(ctx context.Context, j store.Job, err error) error {
	if !errors.Is(err, errNotWanted) {
		return err
	}
	if x.follows() {
		return x.discardAway(ctx, j)
	}
	write := context.WithoutCancel(ctx)
	err = persist(ctx, x.log, func() error {
		return x.runs.Change(write, func(tx *live.Tx) error {
			if err := tx.Complete(write, j); err != nil {
				return err
			}
			return tx.Restarted(j)
		})
	})
	if errors.Is(err, store.ErrNotLeader) {
		return x.discardAway(ctx, j)
	}
	return err
}

// discardAway is discard of a process that does not lead. It may have led a moment ago, and have found the job out of date by what it
// held in memory, while another one has led since and has handed it out: a job that is wanted goes back to the queue.
func (x *executor) discardAway(ctx context.Context, j store.Job) error {
	var found error
	err := persist(ctx, x.log, func() error {
		_, _, found = x.openAway(context.WithoutCancel(ctx), j)
		if errors.Is(found, errNotWanted) {
			return nil
		}
		return found
	})
	switch {
	case err != nil:
		return err
	case found == nil:
		return errWanted
	}
	return x.dropAway(ctx, j)
}

// follows reports whether another process leads.
func (x *executor) follows() bool { return x.shared && !x.runs.Working() }

// open finds what a job is to run, without a transaction. What cannot run here has the result that it returns.
func (x *executor) open(ctx context.Context, j store.Job) (*attempt, *worker.Result, error) {
	if x.follows() {
		return x.openAway(ctx, j)
	}
	a, err := x.openLive(ctx, j)
	if errors.Is(err, store.ErrNotLeader) {
		return x.openAway(ctx, j)
	}
	return a, nil, err
}

func (x *executor) openLive(ctx context.Context, j store.Job) (*attempt, error) {
	lr := x.runs.Find(j.RunKey)
	if lr == nil {
		err := x.runs.Change(ctx, func(tx *live.Tx) (err error) {
			lr, err = tx.Live(j.RunKey)
			return err
		})
		if err != nil {
			return nil, err
		}
		if lr == nil {
			return nil, errNotWanted
		}
	}
	defer lr.Hold()()
	a, ok := x.newAttempt(lr, j)
	if !ok {
		return nil, errNotWanted
	}
	return a, nil
}

// newAttempt copies what an attempt needs from its run. It is false when the instance
// does not wait for this attempt. The caller holds the run.
func (x *executor) newAttempt(lr *live.Run, j store.Job) (*attempt, bool) {
	i := lr.Plan.IndexOf(j.TaskID)
	if i < 0 {
		return nil, false
	}
	_, in := lr.Find(i, j.MapIndex)
	if in == nil {
		return nil, false
	}
	a := &attempt{x: x, job: j, plan: lr.Plan, i: i, run: lr.Row, in: *in}
	a.prepare()
	return a, a.wanted(in)
}

// prepare gives the attempt its dates and its try.
func (a *attempt) prepare() {
	if a.in.StartDate.IsZero() { // a rescheduled sensor goes on
		a.in.StartDate = a.x.runs.Now()
	}
	if a.in.FirstStart.IsZero() {
		a.in.FirstStart = a.in.StartDate
	}
	a.try = a.x.worker.Try(a.plan.Work, a.i, &a.run, &a.in)
	a.in = a.try.Instance()
}

// wanted reports whether the instance still waits for this attempt.
func (a *attempt) wanted(in *store.Instance) bool {
	return in != nil && in.Try == a.job.Try && (in.State == dag.Queued || in.State == dag.Running)
}

// told is the attempt as callbacks are told of it outside of a transaction, with the instance
// as it is then.
func (a *attempt) told(in *store.Instance) tell.Try {
	return tell.Try{Plan: a.plan, Task: a.i, Run: &a.run, Instance: in, Blocks: func() []string {
		lr := a.x.runs.Find(a.job.RunKey)
		if lr == nil {
			return nil // it has ended meanwhile
		}
		defer lr.Hold()()
		return lr.Blocks(a.i, a.in.MapIndex)
	}}
}

// row is the instance in a run, or nil; slot is its place there, once there is a row.
func (a *attempt) row(lr *live.Run) *store.Instance {
	_, in := lr.Find(a.i, a.in.MapIndex)
	return in
}

func (a *attempt) slot(lr *live.Run) dagrun.Slot {
	at, _ := lr.Machine.Slot(a.i, a.in.MapIndex)
	return at
}

// start writes that the attempt runs, and what on_execute callbacks have to say.
func (a *attempt) start(ctx context.Context) error {
	if a.away {
		return a.sayHeld(ctx, begun)
	}
	running := a.in
	running.Error = ""
	ds := a.x.tell.Task(ctx, a.x.store, callbacks.Execute, a.told(&running))
	err := a.x.runs.ChangeOf(ctx, a.job.RunKey, func(tx *live.Tx) error {
		lr, err := tx.Live(a.job.RunKey)
		if err != nil {
			return err
		}
		if lr == nil || !a.wanted(a.row(lr)) {
			return errNotWanted
		}
		tx.Message(ds...)
		return a.begin(tx, lr)
	})
	if errors.Is(err, store.ErrNotLeader) {
		return a.sayHeld(ctx, begun)
	}
	return err
}

// begin makes the instance running and removes what an earlier try left.
func (a *attempt) begin(tx *live.Tx, lr *live.Run) error {
	return a.beginAt(tx, lr, a.x.host, os.Getpid())
}

// beginAt is begin for a process of some machine.
func (a *attempt) beginAt(tx *live.Tx, lr *live.Run, host string, pid int) error {
	in := lr.Set(tx, a.slot(lr), dag.Running)
	resumed := !in.StartDate.IsZero() && in.Lost == 0 // a sensor that looks again
	in.StartDate, in.FirstStart, in.Log, in.Error = a.in.StartDate, a.in.FirstStart, a.in.Log, ""
	in.Host, in.PID = host, pid
	if resumed || in.Try == 1 && in.Lost == 0 {
		return nil
	}
	return tx.ClearXCom(tx.Ctx, in.RunKey, in.TaskID, in.MapIndex)
}

// finish writes the outcome: state, XComs, callbacks, newly ready tasks and the end of
// the job, in one transaction, in which the worker takes its next job unless stop is
// closed. The context is the worker's.
func (a *attempt) finish(ctx context.Context, res worker.Result, stop <-chan struct{}) (next *attempt, err error) {
	if a.away || a.x.follows() {
		return nil, a.lastWord(ctx, &res)
	}
	write := context.WithoutCancel(ctx)
	if res.Instance.State == dag.Queued {
		if err := a.giveBack(ctx); !errors.Is(err, store.ErrNotLeader) {
			return nil, err
		}
		return nil, a.lastWord(ctx, &res)
	}
	var ds []*store.Delivery
	if k := tell.EndOfTry(res.Instance.State); k != "" {
		ds = a.x.tell.Task(write, res.Over(a.x.store), k, a.told(&res.Instance))
	}
	settle := func(tx *live.Tx) error {
		select {
		case <-stop:
			if err := tx.Complete(write, a.job); err != nil {
				return err
			}
		default:
			tx.HandOverBy(func(jobs []store.Job) error {
				taken, err := a.x.takeNext(tx, a.job, jobs)
				if taken != nil {
					tx.OnFailure(taken.try.Drop)
					tx.After(func() { next = taken })
				}
				return err
			})
		}
		lr, err := tx.Live(a.job.RunKey)
		if err != nil {
			return err
		}
		if lr == nil || !a.wanted(a.row(lr)) {
			return tx.Restarted(a.job) // someone set its state meanwhile: that stays
		}
		in, err := lr.Apply(tx, a.i, &res)
		if err != nil {
			return err
		}
		return lr.Ended(tx, in, ds)
	}
	err = a.x.persistEnd(ctx, func() error { return a.x.runs.ChangeOf(write, a.job.RunKey, settle) })
	if errors.Is(err, store.ErrNotLeader) {
		return nil, a.lastWord(ctx, &res)
	}
	return next, a.written(err)
}

// lastWord reports what became of the attempt to whoever leads.
func (a *attempt) lastWord(ctx context.Context, res *worker.Result) error {
	return a.written(a.finishAway(ctx, res, a.plan.Graph))
}

// written says in the log of the try what became of its outcome.
func (a *attempt) written(err error) error {
	switch {
	case errors.Is(err, store.ErrLostLease):
		a.try.Log().Error("the try was taken over by another process; its outcome is dropped")
		return nil
	case errors.Is(err, errGiveBack):
		return err
	case err != nil:
		a.try.Log().Error("the outcome could not be written before the process stopped", "error", err)
	}
	return err
}

// giveBack queues the attempt again, with the same number: a shutdown is no failure.
func (a *attempt) giveBack(ctx context.Context) error {
	write := context.WithoutCancel(ctx)
	err := a.x.persistEnd(ctx, func() error {
		return a.x.runs.Change(write, func(tx *live.Tx) error {
			lr, err := tx.Live(a.job.RunKey)
			if err != nil || lr == nil || !a.wanted(a.row(lr)) {
				return err
			}
			in := lr.Set(tx, a.slot(lr), dag.Queued)
			in.StartDate = time.Time{}
			return nil
		})
	})
	return errors.Join(errGiveBack, err)
}
