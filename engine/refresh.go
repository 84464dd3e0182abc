package engine

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/store"
)

// Refresh picks up what other processes wrote: paused and unpaused DAGs, sizes of pools,
// triggered runs, backfills, and runs that someone ended; and it tells of missed deadlines.
// What can't be read of it does not hold up the rest, and is in the error.
func (e *Engine) Refresh(ctx context.Context) error {
	// One after another: what was read first must not replace what was read later.
	e.refreshing.Lock()
	defer e.refreshing.Unlock()
	woken, pausedErr := e.refreshPaused(ctx)
	poolsErr := e.refreshPools(ctx)
	if !e.runs.Working() {
		return errors.Join(pausedErr, poolsErr)
	}
	if err := e.fireDeadlines(ctx); err != nil {
		e.o.Log.Error("tell of missed deadlines", "error", err)
	}
	running, queued, runsErr := e.store.OpenRuns(ctx)
	for _, id := range append(woken, e.mayStart(queued)...) {
		e.resume(ctx, id)
	}
	backfillsErr := e.refreshBackfills(ctx)
	if runsErr == nil {
		e.runs.DropEnded(ctx, running)
		e.runs.StepDropped(ctx, running)
	}
	return errors.Join(pausedErr, poolsErr, runsErr, backfillsErr)
}

// refreshPaused takes over which DAGs are paused, and returns those that no longer are.
func (e *Engine) refreshPaused(ctx context.Context) (woken []string, err error) {
	ids, err := e.store.PausedDAGs(ctx)
	if err != nil {
		return nil, err
	}
	return e.dags.SetPaused(ids), nil
}

// refreshPools takes over the sizes of the pools; a change may let waiting tasks go on.
func (e *Engine) refreshPools(ctx context.Context) error {
	pools, err := e.store.Pools(ctx)
	if err != nil {
		return err
	}
	e.runs.SetPools(ctx, pools)
	return nil
}

// mayStart are those of some DAGs with queued runs of which one may start as far as paused
// DAGs and max_active_runs tell, so that the others need no transaction.
func (e *Engine) mayStart(ids []string) (out []string) {
	under := e.runs.Count()
	for _, id := range ids {
		if d := e.dags.Get(id); !e.dags.Paused(id) && (d == nil || under.Own[id] < d.MaxActiveRuns || under.Stuck[id]) {
			out = append(out, id)
		}
	}
	return out
}

// refreshBackfills lets the backfills go on that may start a run.
func (e *Engine) refreshBackfills(ctx context.Context) error {
	open, err := e.store.OpenBackfills(ctx)
	if err != nil {
		return err
	}
	active := e.runs.Count().Backfilled
	for _, b := range open {
		if b.State != store.BackfillPaused && !e.dags.Paused(b.DAGID) && active[b.ID] < b.MaxActiveRuns {
			e.stepBackfill(b.DAGID)
		}
	}
	return nil
}

// resume lets the runs of a DAG go on, and starts new ones.
func (e *Engine) resume(ctx context.Context, id string) {
	err := e.change(ctx, func(c *change) error {
		for _, k := range e.runs.Of(id) {
			if err := c.GoOn(k); err != nil {
				return err
			}
		}
		return c.wake(id)
	})
	if err != nil {
		e.o.Log.Error("resume", "dag", id, "error", err)
	}
}
