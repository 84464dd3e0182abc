package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
)

// liveRun is a running run in memory: a copy of what the store holds, changed only
// inside transactions, which run one after another.
type liveRun struct {
	plan *plan

	// mu guards the rest against readers outside transactions.
	mu   sync.Mutex
	run  Run
	m    *machine
	inst []*Instance // by task, nil while the store has no row
	// active counts the queued and running instances.
	active int
	// waiting holds the scheduled tasks that have no slot yet; sorted says that they
	// are in the order of their priority.
	waiting []int
	sorted  bool
	// poolUse counts the slots that the run's active instances take, by pool.
	poolUse map[string]int
}

// await puts a task among those that wait for a slot.
func (lr *liveRun) await(i int) {
	lr.waiting = append(lr.waiting, i)
	lr.sorted = false
}

// count adjusts what the run's active instances take.
func (lr *liveRun) count(i, by int) {
	if by != 0 {
		t := lr.plan.d.Tasks[i]
		lr.active += by
		lr.poolUse[cmp.Or(t.Pool, DefaultPool)] += by * max(t.PoolSlots, 1)
	}
}

// change is one transaction of the engine and what follows from its commit.
type change struct {
	Tx
	e   *Engine
	ctx context.Context //nolint:containedctx // lives as long as the transaction
	now time.Time

	touched []*liveRun
	// dirty collects the instances to write, once each; runOf tells their run.
	dirty   []*Instance
	runOf   map[*Instance]*liveRun
	jobs    []Job
	out     []*Delivery
	updates []Update
	after   []func()

	// takes says that a worker is about to be free; next is what it takes then.
	takes bool
	next  *attempt
	// freed says that a task has ended or given its slot back.
	freed bool
}

// change runs fn in a transaction. What fn changed in memory is dropped when the
// transaction fails; observers hear of it when it succeeds.
func (e *Engine) change(ctx context.Context, fn func(*change) error) error {
	c := &change{e: e, ctx: ctx, runOf: map[*Instance]*liveRun{}}
	err := e.store.Tx(ctx, func(tx Tx) error {
		c.Tx, c.now = tx, e.now()
		defer func() {
			for _, lr := range c.touched {
				lr.mu.Unlock()
			}
		}()
		if err := fn(c); err != nil {
			return err
		}
		return c.flush()
	})
	if err != nil {
		for _, lr := range c.touched {
			e.drop(lr.run.Key)
		}
		if c.next != nil {
			c.next.drop()
		}
		return err
	}
	for _, u := range c.updates {
		e.observe(u)
	}
	for _, f := range c.after {
		f()
	}
	if len(c.out) > 0 {
		e.outbox.wake()
	}
	if c.freed {
		e.pumpBlocked(ctx)
	}
	return nil
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
	e.forgetPlans()
}

// flush writes what the functions of this transaction collected.
func (c *change) flush() error {
	if err := c.Enqueue(c.ctx, c.jobs); err != nil {
		return err
	}
	if c.takes {
		if err := c.takeNext(); err != nil {
			return err
		}
	}
	if err := c.PutInstances(c.ctx, c.dirty); err != nil {
		return err
	}
	if c.e.o.Observe != nil {
		us := make([]Update, 0, len(c.dirty)+len(c.updates))
		for _, in := range c.dirty {
			copied := *in
			us = append(us, Update{Run: c.runOf[in].run, Instance: &copied})
		}
		c.updates = append(us, c.updates...)
	}
	return c.InsertDeliveries(c.ctx, c.out)
}

// touch takes a run into the transaction.
func (c *change) touch(lr *liveRun) *liveRun {
	if !slices.Contains(c.touched, lr) {
		lr.mu.Lock()
		c.touched = append(c.touched, lr)
	}
	return lr
}

// liveRun returns the run with the given key, reading it back if need be. It is nil
// when the run is not running.
func (c *change) liveRun(key int64) (*liveRun, error) {
	c.e.mu.Lock()
	lr := c.e.live[key]
	c.e.mu.Unlock()
	if lr != nil {
		return c.touch(lr), nil
	}
	r, err := c.Run(c.ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil || r.State != dag.RunRunning {
		return nil, err
	}
	is, err := c.Instances(c.ctx, key)
	if err != nil {
		return nil, err
	}
	return c.load(r, is)
}

// load makes a run of the store live and arms its timers.
func (c *change) load(r *Run, is []*Instance) (*liveRun, error) {
	p, err := c.e.plan(c.ctx, c, r.DAGID, r.Version)
	if err != nil {
		return nil, fmt.Errorf("run %s of dag %q: %w", r.RunID, r.DAGID, err)
	}
	lr := &liveRun{run: *r, plan: p, inst: make([]*Instance, len(p.tasks)), poolUse: map[string]int{}}
	states := make([]dag.State, len(p.tasks))
	for _, in := range is {
		i := p.d.TaskIndex(in.TaskID)
		if i < 0 {
			return nil, fmt.Errorf("run %s of dag %q: its version has no task %q", r.RunID, r.DAGID, in.TaskID)
		}
		lr.inst[i], states[i] = in, in.State
		switch in.State {
		case dag.Queued, dag.Running:
			lr.count(i, 1)
		case dag.Scheduled:
			lr.await(i)
		default: // nothing waits for them
		}
	}
	lr.m = newMachine(p.g, states)
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

// instance returns the row of a task, new if it has none.
func (lr *liveRun) instance(i int) *Instance {
	if lr.inst[i] == nil {
		t := lr.plan.d.Tasks[i]
		lr.inst[i] = &Instance{RunKey: lr.run.Key, TaskID: t.ID, MapIndex: -1, MaxTries: t.Retries + 1, Operator: t.Operator}
	}
	return lr.inst[i]
}

// set changes the state of a task and notes its row for writing.
func (c *change) set(lr *liveRun, i int, s dag.State) *Instance {
	in := lr.instance(i)
	c.freed = c.freed || s.Finished() || holdsSlot(in.State) && !holdsSlot(s)
	lr.count(i, btoi(holdsSlot(s))-btoi(holdsSlot(in.State)))
	in.State = s
	lr.m.set(i, s)
	if c.runOf[in] == nil {
		c.runOf[in] = lr
		c.dirty = append(c.dirty, in)
	}
	return in
}

func holdsSlot(s dag.State) bool { return s == dag.Queued || s == dag.Running }

// step lets a run go as far as it can: states travel along the edges, ready tasks get
// slots, and the run ends when nothing is left.
func (c *change) step(lr *liveRun) error {
	ready, settled := lr.m.advance()
	for _, i := range settled {
		s := lr.m.states[i]
		in := c.set(lr, i, s)
		in.EndDate = c.now
		if s == dag.Success {
			in.StartDate = c.now
		}
	}
	for _, i := range ready {
		c.set(lr, i, dag.Scheduled)
		lr.await(i)
	}
	if err := c.pump(lr); err != nil {
		return err
	}
	state, reason := lr.m.verdict()
	if !state.Finished() {
		return nil
	}
	return c.end(lr, state, reason)
}

// pump gives free slots to waiting tasks, those with the highest priority first. A
// paused DAG starts none.
func (c *change) pump(lr *liveRun) error {
	blocked := false
	defer func() { c.e.setBlocked(lr.run.Key, blocked) }()
	if len(lr.waiting) == 0 || c.e.isPaused(lr.run.DAGID) {
		return nil
	}
	if free := lr.plan.d.MaxActiveTasks - lr.active; !lr.sorted && len(lr.waiting) > free {
		lr.order()
		lr.sorted = true
	}
	var left []int
	for n, i := range lr.waiting {
		if lr.active >= lr.plan.d.MaxActiveTasks {
			left = append(left, lr.waiting[n:]...)
			break
		}
		ok, _, err := c.admit(lr, i)
		if err != nil {
			return err
		}
		if ok {
			c.queue(lr, i)
		} else {
			blocked = true
			left = append(left, i)
		}
	}
	lr.waiting = left
	return nil
}

// queue hands a task to the workers.
func (c *change) queue(lr *liveRun, i int) {
	in := c.set(lr, i, dag.Queued)
	in.QueuedAt, in.RetryAt = c.now, time.Time{}
	// A try without an end is that of a sensor that looks again.
	if in.StartDate.IsZero() || !in.EndDate.IsZero() {
		in.Try++
		in.StartDate, in.EndDate = time.Time{}, time.Time{}
	}
	c.jobs = append(c.jobs, Job{RunKey: lr.run.Key, TaskID: in.TaskID, MapIndex: in.MapIndex, Try: in.Try})
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
	lr.run.State, lr.run.Reason, lr.run.EndDate = state, reason, c.now
	if err := c.UpdateRun(c.ctx, &lr.run); err != nil {
		return err
	}
	if err := c.pauseAfterFailures(lr); err != nil {
		return err
	}
	kind, cbs := callbacks.Success, lr.plan.onSuccess
	if state == dag.RunFailed {
		kind, cbs = callbacks.Failure, lr.plan.onFailure
	}
	// The callbacks may read what this transaction wrote.
	if len(cbs) > 0 {
		if err := c.PutInstances(c.ctx, c.dirty); err != nil {
			return err
		}
		c.out = append(c.out, c.e.runDeliveries(c.ctx, c, lr, kind, cbs, c.now)...)
	}
	c.updates = append(c.updates, Update{Run: lr.run})
	key, dagID := lr.run.Key, lr.run.DAGID
	c.after = append(c.after, func() {
		c.e.drop(key)
		c.e.wakeDAG(dagID)
	})
	return nil
}

// start moves a queued run to running and begins its first tasks.
func (c *change) start(r *Run) error {
	r.State, r.StartDate = dag.RunRunning, c.now
	if err := c.UpdateRun(c.ctx, r); err != nil {
		return err
	}
	is, err := c.Instances(c.ctx, r.Key) // those of a run that was cleared
	if err != nil {
		return err
	}
	lr, err := c.load(r, is)
	if err != nil {
		return err
	}
	c.updates = append(c.updates, Update{Run: lr.run})
	return c.step(lr)
}

// watchTimeout arms the timer of dagrun_timeout.
func (c *change) watchTimeout(lr *liveRun) {
	if d := lr.plan.d.DagrunTimeout; d > 0 {
		key, at := lr.run.Key, lr.run.StartDate.Add(d)
		c.after = append(c.after, func() { c.e.timers.at(c.e.until(at), func() { c.e.timeOut(key) }) })
	}
}

func (e *Engine) until(t time.Time) time.Duration { return t.Sub(e.o.Clock()) }

// timeOut ends a run that took longer than dagrun_timeout: what is unfinished is
// skipped and running attempts are stopped (Airflow, DAG argument dagrun_timeout).
func (e *Engine) timeOut(key int64) {
	err := e.change(context.Background(), func(c *change) error {
		lr, err := c.liveRun(key)
		if err != nil || lr == nil {
			return err
		}
		for i, s := range lr.m.states {
			if s.Finished() {
				continue
			}
			in := c.set(lr, i, dag.Skipped)
			in.EndDate = c.now
			if s == dag.Running || s == dag.Queued {
				k := keyOf(in)
				c.after = append(c.after, func() { e.cancel(k, errRunTimedOut) })
			}
		}
		lr.waiting = nil
		return c.end(lr, dag.RunFailed, reasonTimedOut)
	})
	if err != nil {
		e.o.Log.Error("time out a run", "error", err)
	}
}

var errRunTimedOut = errors.New("the DAG run took longer than its dagrun_timeout")
