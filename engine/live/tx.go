package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/store"
)

// Tx is a transaction over live runs while it is decided what it writes.
type Tx struct {
	store.Tx
	*phase.Deciding
	Ctx context.Context //nolint:containedctx // lives as long as the transaction
	// Now is its moment, as the store keeps it.
	Now  time.Time
	runs *Runs
	// touched are the runs that it has locked.
	touched []*Run
	// take, when set, takes the next job of a worker.
	take func(jobs []store.Job) error
	// on is the key of the run that is being worked on.
	on int64
	// canceled are attempts that other processes may run.
	canceled []canceled
	// unasked are instances that wait for no answer any more, as they were.
	unasked []store.Instance
	// mended are the DAGs of which it was asked what is broken, and intact says of those asked for as a whole whether nothing is.
	mended, intact map[string]bool
}

// canceled is an attempt that is to end, and why.
type canceled struct {
	a   Attempt
	why error
}

func (rs *Runs) begin(ctx context.Context, run int64) *Tx {
	return &Tx{Deciding: phase.Begin(rs.o.Observe != nil), Ctx: ctx, runs: rs, on: run, mended: map[string]bool{}, intact: map[string]bool{}}
}

// HandOverBy lets take give the jobs of the transaction to the queue, and take the next one
// for a worker in exchange.
func (tx *Tx) HandOverBy(take func(jobs []store.Job) error) { tx.take = take }

// unlock gives the runs back that the transaction touched.
func (tx *Tx) unlock() {
	for _, lr := range tx.touched {
		lr.mu.Unlock()
	}
}

// undo drops what a transaction that failed has changed in memory.
func (tx *Tx) undo() {
	for _, lr := range tx.touched {
		tx.runs.dropForNow(lr.Row.Key)
	}
}

// reloadDropped reads back the runs that were dropped: what their tasks take of pools and
// other limits counts all the time.
func (tx *Tx) reloadDropped() {
	tx.runs.mu.Lock()
	keys := slices.Sorted(maps.Keys(tx.runs.dropped))
	keys = slices.DeleteFunc(keys, func(k int64) bool { return tx.runs.live[k] != nil })
	tx.runs.mu.Unlock()
	for _, k := range keys {
		lr, err := tx.Live(k)
		switch {
		case err != nil:
			tx.runs.LogOnce(k, "read a run back", err) // the others go on
		case lr == nil:
			tx.After(func() { tx.runs.dropIf(k, nil) })
		}
	}
}

// write takes the transaction through its phases up to the commit.
func (tx *Tx) write() (phase.Prepared, error) {
	if err := tx.closeAsks(); err != nil {
		return phase.Prepared{}, err
	}
	for _, c := range tx.canceled {
		if err := tx.CancelJob(tx.Ctx, store.Job{RunKey: c.a.Run, TaskID: c.a.Task, MapIndex: c.a.MapIndex, Try: c.a.Try}, c.why.Error()); err != nil {
			return phase.Prepared{}, err
		}
	}
	handedOver, err := tx.HandOver(tx.Ctx, tx, tx.take)
	if err != nil {
		return phase.Prepared{}, err
	}
	recorded, err := handedOver.Record(tx.Ctx, tx, func(run int64) { tx.on = run })
	if err != nil {
		return phase.Prepared{}, err
	}
	return recorded.Send(tx.Ctx, tx)
}

// touch takes a run into the transaction.
func (tx *Tx) touch(lr *Run) *Run {
	if !slices.Contains(tx.touched, lr) {
		lr.mu.Lock()
		tx.touched = append(tx.touched, lr)
	}
	tx.on = lr.Row.Key
	return lr
}

// Live returns the run with the given key, reading it back if need be. It is nil when the run
// is not running, or had to be given up.
func (tx *Tx) Live(key int64) (*Run, error) {
	tx.on = key
	if lr := tx.runs.Find(key); lr != nil {
		if tx.touch(lr); lr.Row.State.Finished() {
			return nil, nil // it has ended, and is forgotten in a moment
		}
		return lr, nil
	}
	r, err := tx.Run(tx.Ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil || r.State != dag.RunRunning {
		return nil, err
	}
	is, err := tx.Instances(tx.Ctx, key)
	if err != nil {
		return nil, err
	}
	return tx.loadOrGiveUp(r, is)
}

// GoOn lets a run go as far as it can, if it is running.
func (tx *Tx) GoOn(key int64) error {
	lr, err := tx.Live(key)
	if err != nil || lr == nil {
		return err
	}
	return lr.Step(tx)
}

// loadOrGiveUp is load, but nil for a run that can't be loaded: that is given up.
func (tx *Tx) loadOrGiveUp(r *store.Run, is []*store.Instance) (*Run, error) {
	lr, err := tx.load(r, is)
	if f, ok := errors.AsType[*RunError](err); ok {
		return nil, tx.giveUp(r, f, true)
	}
	return lr, err
}

// load makes a run of the store live and arms its timers. The error is a fault when the run
// can't be loaded, and another one when the store can't be read.
func (tx *Tx) load(r *store.Run, is []*store.Instance) (*Run, error) {
	tx.on = r.Key
	p, err := tx.runs.o.Plans.Of(tx.Ctx, tx, r.DAGID, r.Version)
	if v, ok := errors.AsType[*plan.VersionError](err); ok {
		return nil, &RunError{Run: r.Key, Reason: reasonNotRestorable, Err: v}
	}
	if err != nil {
		return nil, fmt.Errorf("run %s of dag %q: %w", r.RunID, r.DAGID, err)
	}
	lr := &Run{Row: *r, Plan: p}
	if err := lr.place(is); err != nil {
		return nil, &RunError{Run: r.Key, Reason: reasonNotRestorable, Err: err}
	}
	lr.Machine.LeaveOut(r.Type, r.LogicalDate)
	lr.watchTimeout(tx)
	for _, in := range is {
		if waitsForAMoment(in.State) {
			tx.watchRetry(in)
		}
	}
	tx.runs.put(lr)
	return tx.touch(lr), nil
}

// Start moves a queued run to running and begins its first tasks.
func (tx *Tx) Start(r *store.Run) error {
	r.State, r.StartDate = dag.RunRunning, tx.Now
	if err := tx.UpdateRun(tx.Ctx, r); err != nil {
		return err
	}
	is, err := tx.Instances(tx.Ctx, r.Key) // those of a run that was cleared
	if err != nil {
		return err
	}
	lr, err := tx.loadOrGiveUp(r, is)
	if err != nil || lr == nil {
		return err
	}
	tx.Changed(phase.Change{Run: lr.Row})
	return lr.Step(tx)
}

// Replace puts a run as somebody has altered it, in the store, in the place of its copy in
// memory. With goOn it goes on from there. It returns the run as it is then.
func (tx *Tx) Replace(r store.Run, is []*store.Instance, goOn bool) (store.Run, error) {
	tx.forget(r.Key)
	if !goOn {
		return r, nil
	}
	lr, err := tx.load(&r, is)
	if err != nil {
		return r, err
	}
	err = lr.Step(tx)
	return lr.Row, err
}

// Forget drops the copy of a run that is removed.
func (tx *Tx) Forget(key int64) { tx.forget(key) }

// forget drops the copy of a run at once: the next transaction must not find it.
func (tx *Tx) forget(key int64) {
	if old := tx.runs.Find(key); old != nil {
		tx.touch(old)
		tx.runs.Drop(key)
	}
}

// Cancel ends an attempt once the transaction is committed; where other processes share the store, whichever runs it is asked to.
func (tx *Tx) Cancel(a Attempt, why error) {
	if tx.runs.o.Shared && !tx.runs.o.Attempts.Running(a) {
		tx.canceled = append(tx.canceled, canceled{a, why})
	}
	tx.After(func() { tx.runs.o.Attempts.Cancel(a, why) })
}

// Wake lets a DAG look what it may begin, once the transaction is committed.
func (tx *Tx) Wake(dagID string) {
	tx.After(func() { tx.runs.o.Wake(dagID) })
}

// ErrCleared ends an attempt whose instance was cleared meanwhile.
var ErrCleared = errors.New("the task instance was cleared while it ran; it runs again")

// Restarted lets an instance run again that was cleared while the attempt of a job ran, now
// that the attempt is over.
func (tx *Tx) Restarted(j store.Job) error {
	tx.runs.o.Attempts.forget(Attempt{j.RunKey, j.TaskID, j.MapIndex, j.Try})
	lr, err := tx.Live(j.RunKey)
	if err != nil || lr == nil {
		return err
	}
	i := lr.Plan.IndexOf(j.TaskID)
	if i < 0 {
		return nil
	}
	at, in := lr.Find(i, j.MapIndex)
	if in == nil || in.State != dag.Restarting || in.Try != j.Try {
		return nil
	}
	past := in.Past(tx.Now)
	past.Error = ErrCleared.Error()
	tx.Past(past)
	lr.Set(tx, at, dag.None)
	in.StartDate, in.EndDate = time.Time{}, time.Time{}
	return lr.Step(tx)
}
