package engine

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// A run that was cleared is queued again and may wait for the slot of a later run, which
// waits for it by depends_on_past or wait_for_downstream. Airflow leaves it at that for
// ever. Here the later run, which does nothing but wait, gives its slot to the older one.

// noteStuck notes whether all that a run could do waits for a run that is queued.
func (c *change) noteStuck(lr *liveRun) error {
	prev, err := c.stuckOn(lr)
	if err != nil {
		return err
	}
	key, waits := lr.run.Key, int64(0)
	if prev != nil {
		waits = prev.Key
	}
	c.e.mu.Lock()
	news := waits != 0 && c.e.stuck[key] != waits
	if waits != 0 {
		c.e.stuck[key] = waits
	} else {
		delete(c.e.stuck, key)
	}
	c.e.mu.Unlock()
	if news {
		id := lr.run.DAGID
		c.After(func() { c.e.wakeDAG(id) })
	}
	return nil
}

// stuckOn is the queued run that all tasks of a run wait for, or nil.
func (c *change) stuckOn(lr *liveRun) (*store.Run, error) {
	if !lr.m.OnlyLooksBack() || c.e.dags.Paused(lr.run.DAGID) {
		return nil, nil
	}
	prev, err := c.PreviousRun(c.ctx, &lr.run, lr.plan.DAG.Catchup)
	if err != nil || prev == nil || prev.State != dag.RunQueued {
		return nil, err
	}
	for _, at := range lr.m.Waiting() {
		if why, err := c.pastUnmet(lr, lr.m.Task(at)); err != nil || why == "" {
			return nil, err
		}
	}
	return prev, nil
}

// startWaitedFor starts the queued runs that running ones do nothing but wait for, in the
// slots of those.
func (c *change) startWaitedFor(queued []*store.Run) error {
	for _, r := range queued {
		by := c.e.stuckBy(r.Key)
		if by == "" || r.State != dag.RunQueued {
			continue
		}
		if r.BackfillID != 0 {
			if b, err := c.Backfill(c.ctx, r.BackfillID); err != nil || b.State == store.BackfillPaused {
				return err
			}
		}
		c.e.o.Log.Info("a run starts in the slot of a later one, which waits for it", "dag", r.DAGID, "run", r.RunID, "later", by)
		if err := c.start(r); err != nil {
			return err
		}
	}
	return nil
}

// stuckBy is the id of a run that does nothing but wait for a queued one, or empty.
func (e *Engine) stuckBy(queued int64) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for k, waits := range e.stuck {
		if lr := e.live[k]; waits == queued && lr != nil {
			return lr.run.RunID
		}
	}
	return ""
}

// whoseSlot says in whose slot a run is running beyond max_active_runs, or nothing.
func whoseSlot(ctx context.Context, r store.Reader, d *dag.DAG, run *store.Run) (string, error) {
	if run.BackfillID != 0 || run.LogicalDate.IsZero() {
		return "", nil
	}
	running, err := r.Runs(ctx, store.RunFilter{DAGID: d.ID, States: []dag.RunState{dag.RunRunning}})
	if err != nil || len(running) <= d.MaxActiveRuns {
		return "", err
	}
	var later *store.Run
	for _, o := range running {
		if o.BackfillID == 0 && o.LogicalDate.After(run.LogicalDate) && (later == nil || o.LogicalDate.Before(later.LogicalDate)) {
			later = o
		}
	}
	if later == nil {
		return "", nil
	}
	return fmt.Sprintf(", in the slot of run %s, which waits for it (depends_on_past)", later.RunID), nil
}
