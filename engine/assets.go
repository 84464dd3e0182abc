package engine

import (
	"context"
	"strconv"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// updateAssets records that the outlets of a task that succeeded are updated, and tells
// the DAGs that wait for them (Airflow, AssetManager.register_asset_change). A paused DAG
// is told nothing.
func (c *change) updateAssets(r *store.Run, t *dag.Task, mapIndex int) error {
	woken := map[string]bool{}
	for _, out := range t.Outlets {
		told := c.e.dags.Consumers(out.URI)
		e := &store.AssetEvent{URI: out.URI, At: c.now, DAGID: r.DAGID, RunID: r.RunID, TaskID: t.ID, MapIndex: mapIndex}
		if err := c.InsertAssetEvent(c.ctx, e, told); err != nil {
			return err
		}
		for _, id := range told {
			woken[id] = true
		}
	}
	for id := range woken {
		c.After(func() { c.e.wakeDAG(id) })
	}
	return nil
}

// createTriggered creates a run of a DAG whose assets are updated, unless it has as many
// open ones as it may. The run takes everything that the DAG has been told since the last
// one (Airflow, SchedulerJobRunner._create_dag_runs_asset_triggered).
func (c *change) createTriggered(d *dag.DAG) error {
	events, met, err := schedule.Updated(c.ctx, c, d)
	if err != nil || !met {
		return err
	}
	open, err := c.CountRuns(c.ctx, d.ID, dag.RunQueued, dag.RunRunning)
	if err != nil || open >= d.MaxActiveRuns {
		return err
	}
	r, last := schedule.AssetRun(d, events, c.now)
	ok, err := c.insertRun(d, r)
	if err == nil && !ok { // another event of the same millisecond has a run
		r.RunID += "_" + strconv.FormatInt(last.ID, 10)
		ok, err = c.insertRun(d, r)
	}
	if err != nil || !ok {
		return err
	}
	return c.TakeAssetEvents(c.ctx, d.ID, r.Key)
}

// wakeTold lets the DAGs look again that were told of assets and have no run for it yet:
// a crash may have come between.
func (e *Engine) wakeTold(ctx context.Context) {
	ids, err := e.store.ToldDAGs(ctx)
	if err != nil {
		e.o.Log.Error("look for updated assets", "error", err) // the sweep comes again
	}
	for _, id := range ids {
		d := e.dags.Get(id)
		if d == nil || d.Assets == nil || e.dags.Paused(id) {
			continue
		}
		if _, met, err := schedule.Updated(ctx, e.store, d); err != nil || met {
			e.wakeDAG(id)
		}
	}
}
