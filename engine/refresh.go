package engine

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
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
	if err := e.scheduler.FireDeadlines(ctx); err != nil {
		e.o.Log.Error("tell of missed deadlines", "error", err)
	}
	running, queued, runsErr := e.store.OpenRuns(ctx)
	for _, id := range append(woken, e.scheduler.MayStart(queued)...) {
		e.scheduler.Resume(ctx, id)
	}
	e.scheduler.WakeFailed()
	backfillsErr := e.scheduler.StepBackfills(ctx)
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

// DAGs are those that are loaded, by id. The caller must not change the map.
func (e *Engine) DAGs() map[string]*dag.DAG { return e.dags.Loaded() }

// SetDAGs replaces the DAGs that the engine schedules and that can be triggered, as
// [Engine.SetLoaded] does after a load without errors.
func (e *Engine) SetDAGs(ctx context.Context, ds []*dag.DAG) error {
	return e.SetLoaded(ctx, dagfile.Result{DAGs: ds})
}

// SetLoaded replaces the DAGs that the engine schedules and that can be triggered by those
// that a load has found. Runs under way keep the version they were created with. A DAG that
// is gone keeps its history and gets no new runs. One that was known and now has errors gets
// none either; that is on record, its ticks say so, and updates of the assets that it waits
// for are kept for it.
//
// While another process leads, on a store that processes share, they are known here and change nothing: who leads goes by its own
// files.
func (e *Engine) SetLoaded(ctx context.Context, res dagfile.Result) error {
	if e.desk.follows() {
		loaded := make(map[string]*dag.DAG, len(res.DAGs))
		for _, d := range res.DAGs {
			loaded[d.ID] = d
		}
		e.dags.Replace(loaded, nil, nil)
		return nil
	}
	if err := e.scheduler.TakeLoaded(ctx, res); err != nil {
		return err
	}
	err := errors.Join(e.scheduler.Adopt(ctx), e.Refresh(ctx)) // one does not hold up the other
	if err == nil {
		e.scheduler.Sync(ctx)
	}
	return err
}
