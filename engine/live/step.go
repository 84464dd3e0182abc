package live

import (
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
)

// Ended notes what callbacks had to say about the end of a try that was applied, and lets the
// run go on.
func (lr *Run) Ended(tx *Tx, in *store.Instance, said []*store.Delivery) error {
	if in.State != dag.Failed {
		tx.Message(said...)
	} else if err := tx.Failed(&lr.Row, in, said); err != nil {
		return err
	}
	return lr.Step(tx)
}

// Step lets a run go as far as it can: states travel along the edges, ready tasks get
// slots, and the run ends when nothing is left.
func (lr *Run) Step(tx *Tx) error {
	tx.on = lr.Row.Key
	for again := true; again; {
		p := lr.Machine.Advance()
		for _, at := range p.Settled {
			in := lr.record(tx, at)
			in.EndDate = tx.Now
			if in.State != dag.Success {
				continue
			}
			in.StartDate = tx.Now
			if err := tx.Mended(lr.Try(lr.Machine.Task(at), in), false); err != nil {
				return err
			}
		}
		for _, at := range p.Ready {
			lr.record(tx, at)
		}
		for _, i := range p.Expand {
			if err := lr.expand(tx, i); err != nil {
				return err
			}
		}
		released, err := lr.release(tx)
		if err != nil {
			return err
		}
		again = released || len(p.Expand) > 0
	}
	if err := lr.pump(tx); err != nil {
		return err
	}
	if err := lr.noteStuck(tx); err != nil {
		return err
	}
	state, reason := lr.Machine.Verdict()
	if !state.Finished() {
		return nil
	}
	return lr.end(tx, state, reason)
}

// pump gives free slots to waiting tasks, those with the highest priority first. A
// paused DAG starts none.
func (lr *Run) pump(tx *Tx) error {
	blocked := lr.Machine.HeldCount() > 0
	defer func() { tx.runs.setBlocked(lr.Row.Key, blocked) }()
	if tx.runs.o.DAGs.Paused(lr.Row.DAGID) {
		return nil
	}
	for at := range lr.Machine.Candidates() {
		why, err := lr.Admit(tx, at)
		if err != nil {
			return err
		}
		if why.IsZero() {
			lr.queue(tx, at)
		} else {
			blocked = true
		}
	}
	return nil
}

// queue hands a task to the workers.
func (lr *Run) queue(tx *Tx, at dagrun.Slot) {
	in := lr.Instance(at)
	// A try without an end is that of a sensor that looks again.
	next := in.StartDate.IsZero() || !in.EndDate.IsZero()
	if next && !in.StartDate.IsZero() {
		tx.Past(in.Past(tx.Now))
	}
	lr.Set(tx, at, dag.Queued)
	in.QueuedAt, in.RetryAt = tx.Now, time.Time{}
	if next {
		in.Try++
		in.StartDate, in.EndDate = time.Time{}, time.Time{}
	}
	tx.Job(store.Job{RunKey: lr.Row.Key, TaskID: in.TaskID, MapIndex: in.MapIndex, Try: in.Try, Queue: lr.Task(at).Queue})
}

// Set changes the state of an instance and notes its row for writing.
func (lr *Run) Set(tx *Tx, at dagrun.Slot, s dag.State) *store.Instance {
	lr.Machine.Set(at, s)
	return lr.record(tx, at)
}

// record notes the row of an instance for writing, with the state that the machine has.
func (lr *Run) record(tx *Tx, at dagrun.Slot) *store.Instance {
	in, s := lr.Instance(at), lr.Machine.State(at)
	// A pool may include deferred ones, also those that are about to be queued again.
	if s.Finished() || !holdsSlot(s) && (holdsSlot(in.State) || in.State == dag.Deferred && s != dag.Deferred) {
		tx.Freed()
	}
	if in.State == dag.Deferred && s != dag.Deferred && s != dag.Scheduled {
		tx.unasked = append(tx.unasked, *in)
	}
	in.State = s
	tx.Row(&lr.Row, in)
	return in
}

func holdsSlot(s dag.State) bool { return s == dag.Queued || s == dag.Running }
