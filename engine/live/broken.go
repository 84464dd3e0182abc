package live

import (
	"slices"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/store"
)

// noInstance is the map index of what has none.
const noInstance = -1

// Failed notes what the callbacks of a task had to say about the failure of an instance, and
// that it is broken if they said anything.
func (tx *Tx) Failed(r *store.Run, in *store.Instance, said []*store.Delivery) error {
	tx.Message(said...)
	if len(said) == 0 {
		return nil
	}
	return tx.broken(r, in.TaskID, in.MapIndex, in)
}

// runFailed does so for a run and the callbacks of its DAG. They have named the failed tasks:
// those are broken, too, that nobody was told of by themselves.
func (tx *Tx) runFailed(of tell.Run, said []*store.Delivery) error {
	tx.Message(said...)
	if len(said) == 0 {
		return nil
	}
	if err := tx.broken(of.Run, "", noInstance, nil); err != nil {
		return err
	}
	for in := range of.Instances {
		if in.State != dag.Failed || of.Plan.IndexOf(in.TaskID) < 0 || tx.runs.o.Tell.HearsTask(tx.Ctx, of, in.TaskID) {
			continue
		}
		if err := tx.broken(of.Run, in.TaskID, in.MapIndex, in); err != nil {
			return err
		}
	}
	return nil
}

// broken counts a failure that was told, of an instance or of a run.
func (tx *Tx) broken(r *store.Run, taskID string, mapIndex int, in *store.Instance) error {
	tx.intact[r.DAGID] = false
	all, err := tx.BrokenInstances(tx.Ctx, r.DAGID, taskID, mapIndex)
	if err != nil {
		return err
	}
	b := &store.Broken{DAGID: r.DAGID, TaskID: taskID, MapIndex: mapIndex}
	if n := slices.IndexFunc(all, func(b *store.Broken) bool { return b.MapIndex == mapIndex }); n >= 0 {
		b = all[n]
	}
	at := r.EndDate
	if in != nil {
		at = in.EndDate
	}
	b.Add(r, at)
	return tx.PutBroken(tx.Ctx, b)
}

// Mended lets on_recovery speak of the first success of an instance after failures that were
// told. With marked a person gave it that state.
func (tx *Tx) Mended(of tell.Try, marked bool) error {
	broken, err := tx.mend(of.Run, of.Instance.TaskID, of.Instance.MapIndex)
	if err != nil || len(broken) == 0 {
		return err
	}
	of.Recovery = tell.Mended(broken, of.Instance.EndDate, dagrun.ReasonSuccess)
	if marked { // it may have ended long ago, with another state
		of.Recovery.At, of.Recovery.Reason = tx.Now, ReasonMarkedSuccess
	}
	tx.Message(tx.runs.o.Tell.Task(tx.Ctx, tx, callbacks.Recovery, of)...)
	return tx.recall(broken)
}

// RunMended lets on_recovery of a DAG speak of the first successful run after failed ones that
// were told.
func (tx *Tx) RunMended(of tell.Run) error {
	broken, err := tx.mend(of.Run, "", noInstance)
	if err != nil || len(broken) == 0 {
		return err
	}
	if err := tx.Rows(tx.Ctx, tx); err != nil { // callbacks may read them
		return err
	}
	of.Recovery = tell.Mended(broken, tx.Now, of.Run.Reason)
	ev := tx.runs.o.Tell.Ended(of, callbacks.Recovery, tx.Now)
	tx.Message(tx.runs.o.Tell.OfRun(tx.Ctx, tx, of, ev, of.Plan.OnRecovery)...)
	return tx.recall(broken)
}

// recallable is how long DingTalk lets a message be taken back.
const recallable = 24 * time.Hour

// recall takes the messages back that told of failures which are over, where that is wanted.
func (tx *Tx) recall(broken []*store.Broken) error {
	for _, b := range broken {
		since := b.Since
		if oldest := tx.Now.Add(-recallable); since.Before(oldest) {
			since = oldest
		}
		told, err := tx.DeliveryLog(tx.Ctx, store.DeliveryFilter{
			States: []store.DeliveryState{store.DeliveryDelivered}, DAGID: b.DAGID, TaskID: b.TaskID, Since: since,
		})
		if err != nil {
			return err
		}
		told = slices.DeleteFunc(told, func(d *store.Delivery) bool {
			return d.Owner.Event != string(callbacks.Failure) || d.Owner.TaskID != b.TaskID || d.Owner.MapIndex != b.MapIndex
		})
		tx.Message(tx.runs.o.Tell.Outbox.Recalls(told)...)
	}
	return nil
}

// mend removes and returns what a success in a run mends.
func (tx *Tx) mend(r *store.Run, taskID string, mapIndex int) ([]*store.Broken, error) {
	if whole, err := tx.whole(r.DAGID); err != nil || whole {
		return nil, err
	}
	broken, err := tx.BrokenInstances(tx.Ctx, r.DAGID, taskID, mapIndex)
	if err != nil {
		return nil, err
	}
	broken = slices.DeleteFunc(broken, func(b *store.Broken) bool { return !b.NotBefore(r) })
	for _, b := range broken {
		if err := tx.DeleteBroken(tx.Ctx, b); err != nil {
			return nil, err
		}
	}
	return broken, nil
}

// whole reports whether nothing of a DAG is broken, as is usual. The first success of a DAG in a transaction does not ask for all
// of the DAG, and that of many instances asks once.
func (tx *Tx) whole(dagID string) (bool, error) {
	intact, asked := tx.intact[dagID]
	switch {
	case intact:
		return true, nil
	case asked:
		return false, nil
	case !tx.mended[dagID]:
		tx.mended[dagID] = true
		return false, nil
	}
	all, err := tx.BrokenOf(tx.Ctx, dagID)
	if err != nil {
		return false, err
	}
	tx.intact[dagID] = len(all) == 0
	return tx.intact[dagID], nil
}
