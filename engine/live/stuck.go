package live

import (
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// A run that was cleared is queued again and may wait for the slot of a later run, which
// waits for it by depends_on_past or wait_for_downstream. Airflow leaves it at that for
// ever. Here the later run, which does nothing but wait, gives its slot to the older one.

// noteStuck notes whether all that a run could do waits for a run that is queued.
func (lr *Run) noteStuck(tx *Tx) error {
	prev, err := lr.stuckOn(tx)
	if err != nil {
		return err
	}
	key, waits := lr.Row.Key, int64(0)
	if prev != nil {
		waits = prev.Key
	}
	tx.runs.mu.Lock()
	news := waits != 0 && tx.runs.stuck[key] != waits
	if waits != 0 {
		tx.runs.stuck[key] = waits
	} else {
		delete(tx.runs.stuck, key)
	}
	tx.runs.mu.Unlock()
	if news {
		tx.Wake(lr.Row.DAGID)
	}
	return nil
}

// stuckOn is the queued run that all tasks of a run wait for, or nil.
func (lr *Run) stuckOn(tx *Tx) (*store.Run, error) {
	if !lr.Machine.OnlyLooksBack() || tx.runs.o.DAGs.Paused(lr.Row.DAGID) {
		return nil, nil
	}
	prev, err := tx.PreviousRun(tx.Ctx, &lr.Row, lr.Plan.DAG.Catchup)
	if err != nil || prev == nil || prev.State != dag.RunQueued {
		return nil, err
	}
	for _, at := range lr.Machine.Waiting() {
		if why, err := lr.pastUnmet(tx, lr.Machine.Task(at)); err != nil || why.IsZero() {
			return nil, err
		}
	}
	return prev, nil
}

// StartWaitedFor starts the queued runs that running ones do nothing but wait for, in the
// slots of those.
func (tx *Tx) StartWaitedFor(queued []*store.Run) error {
	for _, r := range queued {
		by := tx.runs.stuckBy(r.Key)
		if by == "" || r.State != dag.RunQueued {
			continue
		}
		if r.BackfillID != 0 {
			if b, err := tx.Backfill(tx.Ctx, r.BackfillID); err != nil || b.State == store.BackfillPaused {
				return err
			}
		}
		tx.runs.o.Log.Info("a run starts in the slot of a later one, which waits for it", "dag", r.DAGID, "run", r.RunID, "later", by)
		if err := tx.Start(r); err != nil {
			return err
		}
	}
	return nil
}

// stuckBy is the id of a run that does nothing but wait for a queued one, or empty.
func (rs *Runs) stuckBy(queued int64) string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for k, waits := range rs.stuck {
		if lr := rs.live[k]; waits == queued && lr != nil {
			return lr.Row.RunID
		}
	}
	return ""
}
