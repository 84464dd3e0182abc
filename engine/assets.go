package engine

import (
	"context"
	"strconv"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
)

// createTriggered creates a run of a DAG whose assets are updated, unless it has as many
// open ones as it may. The run takes everything that the DAG has been told since the last
// one (Airflow, SchedulerJobRunner._create_dag_runs_asset_triggered).
func (c *change) createTriggered(d *dag.DAG) error {
	events, met, err := schedule.Updated(c.Ctx, c, d)
	if err != nil || !met {
		return err
	}
	open, err := c.CountRuns(c.Ctx, d.ID, dag.RunQueued, dag.RunRunning)
	if err != nil || open >= d.MaxActiveRuns {
		return err
	}
	r, last := schedule.AssetRun(d, events, c.Now)
	ok, err := c.insertRun(d, r)
	if err == nil && !ok { // another event of the same millisecond has a run
		r.RunID += "_" + strconv.FormatInt(last.ID, 10)
		ok, err = c.insertRun(d, r)
	}
	if err != nil || !ok {
		return err
	}
	return c.TakeAssetEvents(c.Ctx, d.ID, r.Key)
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
