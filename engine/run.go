package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/store"
)

// liveRun is a running run in memory: a copy of what the store holds, changed only
// inside transactions, which run one after another.
type liveRun struct {
	plan *plan.Plan

	// mu guards the rest against readers outside transactions.
	mu   sync.Mutex
	run  store.Run
	m    *dagrun.Machine
	inst dagrun.BySlot[*store.Instance] // nil while the store has no row
}

// task is the task of a slot.
func (lr *liveRun) task(at dagrun.Slot) *dag.Task { return lr.plan.DAG.Tasks[lr.m.Task(at)] }

// told is the run as callbacks are told of it.
func (lr *liveRun) told() tell.Run {
	return tell.Run{Plan: lr.plan, Run: &lr.run, Instances: lr.rows()}
}

// rows are the instances that have one.
func (lr *liveRun) rows() iter.Seq[*store.Instance] {
	return func(yield func(*store.Instance) bool) {
		for _, in := range lr.inst.All() {
			if in != nil && !yield(in) {
				return
			}
		}
	}
}

// change is one transaction of the engine while it is decided what it writes.
type change struct {
	store.Tx
	*phase.Deciding
	e   *Engine
	ctx context.Context //nolint:containedctx // lives as long as the transaction
	now time.Time
	// touched are the runs that it has locked.
	touched []*liveRun
	// ends is the job that a worker ends that is free then; next is what it takes in its place.
	ends *store.Job
	next *attempt
	// on is the key of the run that is being worked on.
	on int64
}

func (e *Engine) newChange(ctx context.Context, run int64) *change {
	return &change{Deciding: phase.Begin(e.o.Observe != nil), e: e, ctx: ctx, on: run}
}

// change runs fn in a transaction. What fn changed in memory is dropped when the
// transaction fails; observers hear of it when it succeeds. After a fault of a run, which
// the error then is, that run has failed.
func (e *Engine) change(ctx context.Context, fn func(*change) error) error {
	return e.changeOf(ctx, 0, fn)
}

// changeOf is change for a run, to which a fault belongs unless another one is met.
func (e *Engine) changeOf(ctx context.Context, run int64, fn func(*change) error) error {
	err := e.try(ctx, run, func(c *change) error {
		c.reloadDropped()
		c.on = run
		return fn(c)
	})
	if f, ok := errors.AsType[*fault](err); ok && f.run != 0 {
		e.giveUpRun(ctx, f)
	}
	return err
}

// try is changeOf without care for faults.
func (e *Engine) try(ctx context.Context, run int64, fn func(*change) error) error {
	c := e.newChange(ctx, run)
	done, err := phase.Run(ctx, e.store, func(tx store.Tx) (phase.Prepared, error) {
		c.Tx, c.now = tx, e.now()
		defer c.unlock()
		return c.guarded(fn)
	})
	if err != nil {
		c.forget()
		return err
	}
	done.Follow(func(ch phase.Change) { e.observe(Update{Run: ch.Run, Instance: ch.Instance}) })
	e.outbox.Stored(done.Messages())
	if done.FreedSlot() {
		e.pumpBlocked(ctx)
	}
	return nil
}

// unlock gives the runs back that the transaction touched.
func (c *change) unlock() {
	for _, lr := range c.touched {
		lr.mu.Unlock()
	}
}

// forget drops what a transaction that failed has changed in memory.
func (c *change) forget() {
	for _, lr := range c.touched {
		c.e.dropForNow(lr.run.Key)
	}
	if c.next != nil {
		c.next.try.Drop()
	}
}

// pumpBlocked lets runs go on whose tasks wait for something outside of the run: slots
// of a pool, other instances of a task, or the run before.
func (e *Engine) pumpBlocked(ctx context.Context) {
	e.mu.Lock()
	keys := slices.Sorted(maps.Keys(e.blocked))
	e.mu.Unlock()
	if len(keys) == 0 {
		return
	}
	err := e.change(ctx, func(c *change) error {
		for _, k := range keys {
			lr, err := c.liveRun(k)
			if err == nil && lr != nil {
				err = c.step(lr)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		e.o.Log.Error("look at waiting tasks", "error", err) // the next one that ends tries again
	}
}

// now is the time as the store keeps it.
func (e *Engine) now() time.Time { return e.o.Clock().UTC().Truncate(time.Millisecond) }

func (e *Engine) observe(u Update) {
	if e.o.Observe != nil {
		e.o.Observe(u)
	}
}

// drop forgets a run in memory; it is read again when it is needed.
func (e *Engine) drop(key int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.live, key)
	delete(e.blocked, key)
	delete(e.dropped, key)
	delete(e.stuck, key)
	used := map[string]bool{}
	for _, lr := range e.live {
		used[lr.run.Version] = true
	}
	e.plans.Keep(used)
}

// dropForNow is drop for a run whose copy in memory is not what the store has.
func (e *Engine) dropForNow(key int64) {
	e.drop(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dropped[key] = true
}

// reloadDropped reads back the runs that were dropped: what their tasks take of pools and
// other limits counts all the time.
func (c *change) reloadDropped() {
	c.e.mu.Lock()
	keys := slices.Sorted(maps.Keys(c.e.dropped))
	keys = slices.DeleteFunc(keys, func(k int64) bool { return c.e.live[k] != nil })
	c.e.mu.Unlock()
	for _, k := range keys {
		lr, err := c.liveRun(k)
		switch {
		case err != nil:
			c.e.logOnce(k, "read a run back", err) // the others go on
		case lr == nil:
			c.After(func() { c.e.drop(k) })
		}
	}
}

// write takes the transaction through its phases up to the commit.
func (c *change) write() (phase.Prepared, error) {
	var take func([]store.Job) error
	if c.ends != nil {
		take = c.takeNext
	}
	handedOver, err := c.HandOver(c.ctx, c, take)
	if err != nil {
		return phase.Prepared{}, err
	}
	recorded, err := handedOver.Record(c.ctx, c, func(run int64) { c.on = run })
	if err != nil {
		return phase.Prepared{}, err
	}
	return recorded.Send(c.ctx, c)
}

// touch takes a run into the transaction.
func (c *change) touch(lr *liveRun) *liveRun {
	if !slices.Contains(c.touched, lr) {
		lr.mu.Lock()
		c.touched = append(c.touched, lr)
	}
	c.on = lr.run.Key
	return lr
}

// liveRun returns the run with the given key, reading it back if need be. It is nil
// when the run is not running, or had to be given up.
func (c *change) liveRun(key int64) (*liveRun, error) {
	c.on = key
	c.e.mu.Lock()
	lr := c.e.live[key]
	c.e.mu.Unlock()
	if lr != nil {
		return c.touch(lr), nil
	}
	r, err := c.Run(c.ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil || r.State != dag.RunRunning {
		return nil, err
	}
	is, err := c.Instances(c.ctx, key)
	if err != nil {
		return nil, err
	}
	return c.loadOrGiveUp(r, is)
}

// loadOrGiveUp is load, but nil for a run that can't be loaded: that is given up.
func (c *change) loadOrGiveUp(r *store.Run, is []*store.Instance) (*liveRun, error) {
	lr, err := c.load(r, is)
	if f, ok := errors.AsType[*fault](err); ok {
		return nil, c.giveUp(r, f, true)
	}
	return lr, err
}

// load makes a run of the store live and arms its timers. The error is a fault when the
// run can't be loaded, and another one when the store can't be read.
func (c *change) load(r *store.Run, is []*store.Instance) (*liveRun, error) {
	c.on = r.Key
	p, err := c.e.plans.Of(c.ctx, c, r.DAGID, r.Version)
	if v, ok := errors.AsType[*plan.VersionError](err); ok {
		return nil, &fault{run: r.Key, reason: reasonNotRestorable, err: v}
	}
	if err != nil {
		return nil, fmt.Errorf("run %s of dag %q: %w", r.RunID, r.DAGID, err)
	}
	lr := &liveRun{run: *r, plan: p}
	if err := lr.place(is); err != nil {
		return nil, &fault{run: r.Key, reason: reasonNotRestorable, err: err}
	}
	lr.m.LeaveOut(r.Type, r.LogicalDate)
	c.watchTimeout(lr)
	for _, in := range is {
		if in.State == dag.UpForRetry || in.State == dag.UpForReschedule {
			c.watchRetry(in)
		}
	}
	c.e.mu.Lock()
	c.e.live[r.Key] = lr
	c.e.mu.Unlock()
	return c.touch(lr), nil
}

// place puts the rows of a run into a new machine.
func (lr *liveRun) place(is []*store.Instance) error {
	lr.m = dagrun.NewMachine(lr.plan.Graph)
	tasks := make([]dagrun.Task, len(is))
	for n, in := range is {
		i := lr.plan.IndexOf(in.TaskID)
		if i < 0 {
			return fmt.Errorf("run %s of dag %q: its version has no task %q", lr.run.RunID, lr.run.DAGID, in.TaskID)
		}
		tasks[n] = i
		if in.MapIndex >= 0 {
			lr.m.Expand(i, in.MapIndex+1)
		}
	}
	lr.inst = dagrun.BySlot[*store.Instance]{}
	lr.inst.Grow(lr.m.Len())
	for n, in := range is {
		at, ok := lr.m.Slot(tasks[n], in.MapIndex)
		if !ok {
			continue // what a mapped task was before it was expanded
		}
		lr.inst.Put(at, in)
		lr.m.Set(at, in.State)
	}
	return nil
}

// instance returns the row of a slot, new if it has none.
func (lr *liveRun) instance(at dagrun.Slot) *store.Instance {
	if lr.inst.At(at) == nil {
		t := lr.task(at)
		lr.inst.Put(at, &store.Instance{RunKey: lr.run.Key, TaskID: t.ID, MapIndex: lr.m.MapIndex(at), MaxTries: t.Retries + 1, Operator: t.Operator})
	}
	return lr.inst.At(at)
}

// find returns the place of an instance and its row, nil when it has none.
func (lr *liveRun) find(i dagrun.Task, mapIndex int) (dagrun.Slot, *store.Instance) {
	at, ok := lr.m.Slot(i, mapIndex)
	if !ok {
		return at, nil
	}
	return at, lr.inst.At(at)
}

// set changes the state of an instance and notes its row for writing.
func (c *change) set(lr *liveRun, at dagrun.Slot, s dag.State) *store.Instance {
	lr.m.Set(at, s)
	return c.record(lr, at)
}

// record notes the row of an instance for writing, with the state that the machine has.
func (c *change) record(lr *liveRun, at dagrun.Slot) *store.Instance {
	in, s := lr.instance(at), lr.m.State(at)
	if s.Finished() || holdsSlot(in.State) && !holdsSlot(s) {
		c.Freed()
	}
	in.State = s
	c.Row(&lr.run, in)
	return in
}

func holdsSlot(s dag.State) bool { return s == dag.Queued || s == dag.Running }

// step lets a run go as far as it can: states travel along the edges, ready tasks get
// slots, and the run ends when nothing is left.
func (c *change) step(lr *liveRun) error {
	c.on = lr.run.Key
	for again := true; again; {
		p := lr.m.Advance()
		for _, at := range p.Settled {
			in := c.record(lr, at)
			in.EndDate = c.now
			if in.State == dag.Success {
				in.StartDate = c.now
			}
		}
		for _, at := range p.Ready {
			c.record(lr, at)
		}
		for _, i := range p.Expand {
			if err := c.expand(lr, i); err != nil {
				return err
			}
		}
		released, err := c.release(lr)
		if err != nil {
			return err
		}
		again = released || len(p.Expand) > 0
	}
	if err := c.pump(lr); err != nil {
		return err
	}
	if err := c.noteStuck(lr); err != nil {
		return err
	}
	state, reason := lr.m.Verdict()
	if !state.Finished() {
		return nil
	}
	return c.end(lr, state, reason)
}

// pump gives free slots to waiting tasks, those with the highest priority first. A
// paused DAG starts none.
func (c *change) pump(lr *liveRun) error {
	blocked := lr.m.HeldCount() > 0
	defer func() { c.e.setBlocked(lr.run.Key, blocked) }()
	if c.e.dags.Paused(lr.run.DAGID) {
		return nil
	}
	for at := range lr.m.Candidates() {
		why, err := c.admit(lr, at)
		if err != nil {
			return err
		}
		if why == "" {
			c.queue(lr, at)
		} else {
			blocked = true
		}
	}
	return nil
}

// queue hands a task to the workers.
func (c *change) queue(lr *liveRun, at dagrun.Slot) {
	in := c.set(lr, at, dag.Queued)
	in.QueuedAt, in.RetryAt = c.now, time.Time{}
	// A try without an end is that of a sensor that looks again.
	if in.StartDate.IsZero() || !in.EndDate.IsZero() {
		in.Try++
		in.StartDate, in.EndDate = time.Time{}, time.Time{}
	}
	c.Job(store.Job{RunKey: lr.run.Key, TaskID: in.TaskID, MapIndex: in.MapIndex, Try: in.Try})
}

func (e *Engine) setBlocked(key int64, blocked bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if blocked {
		e.blocked[key] = true
	} else {
		delete(e.blocked, key)
	}
}

// end finishes a run: its state, its callbacks, and the next run that waited for it.
func (c *change) end(lr *liveRun, state dag.RunState, reason string) error {
	marked := markOf(&lr.run)
	if marked != "" { // its teardowns have run: now it gets the state that somebody gave it
		state, reason = marked, lr.run.Reason
	}
	lr.run.State, lr.run.Reason, lr.run.EndDate = state, reason, c.now
	if err := c.UpdateRun(c.ctx, &lr.run); err != nil {
		return err
	}
	paused, err := c.pauseAfterFailures(lr)
	if err != nil {
		return err
	}
	kind, cbs := callbacks.Success, lr.plan.OnSuccess
	if state == dag.RunFailed {
		kind, cbs = callbacks.Failure, lr.plan.OnFailure
	}
	// The callbacks may read what this transaction wrote.
	if len(cbs) > 0 && marked == "" {
		if err := c.Rows(c.ctx, c); err != nil {
			return err
		}
		ev := c.e.tell.Ended(lr.told(), kind, c.now)
		ev.Paused = paused
		c.Message(c.e.tell.OfRun(c.ctx, c, lr.told(), ev, cbs)...)
	}
	if paused != "" {
		c.Message(c.e.tell.Paused(c.ctx, c, lr.told(), paused)...)
	}
	c.Changed(phase.Change{Run: lr.run})
	key, dagID := lr.run.Key, lr.run.DAGID
	c.After(func() {
		c.e.drop(key)
		c.e.wakeDAG(dagID)
	})
	return nil
}

// start moves a queued run to running and begins its first tasks.
func (c *change) start(r *store.Run) error {
	r.State, r.StartDate = dag.RunRunning, c.now
	if err := c.UpdateRun(c.ctx, r); err != nil {
		return err
	}
	is, err := c.Instances(c.ctx, r.Key) // those of a run that was cleared
	if err != nil {
		return err
	}
	lr, err := c.loadOrGiveUp(r, is)
	if err != nil || lr == nil {
		return err
	}
	c.Changed(phase.Change{Run: lr.run})
	return c.step(lr)
}

// watchTimeout arms the timer of dagrun_timeout.
func (c *change) watchTimeout(lr *liveRun) {
	if d := lr.plan.DAG.DagrunTimeout; d > 0 {
		key, at := lr.run.Key, lr.run.StartDate.Add(d)
		c.After(func() { c.e.timers.At(at, func() { c.e.timeOut(key) }) })
	}
}

// timeOut ends a run that took longer than dagrun_timeout: what is unfinished is
// skipped and running attempts are stopped (Airflow, DAG argument dagrun_timeout).
func (e *Engine) timeOut(key int64) {
	err := e.change(context.Background(), func(c *change) error {
		lr, err := c.liveRun(key)
		if err != nil || lr == nil {
			return err
		}
		if c.now.Before(lr.run.StartDate.Add(lr.plan.DAG.DagrunTimeout)) {
			c.watchTimeout(lr) // it was cleared and has begun anew
			return nil
		}
		for _, at := range lr.m.TimeOut() {
			if in := lr.instance(at); holdsSlot(in.State) {
				k := keyOf(in)
				c.After(func() { e.cancel(k, errRunTimedOut) })
			}
			c.record(lr, at).EndDate = c.now
		}
		return c.end(lr, dag.RunFailed, dagrun.ReasonTimedOut)
	})
	if err != nil {
		e.o.Log.Error("time out a run", "error", err)
	}
}

var errRunTimedOut = errors.New("the DAG run took longer than its dagrun_timeout")
