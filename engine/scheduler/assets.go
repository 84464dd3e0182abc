package scheduler

import (
	"strconv"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/schedule"
)

// createTriggered creates a run of a DAG whose assets are updated, unless it has as many
// open ones as it may. The run takes everything that the DAG has been told since the last
// one (Airflow, SchedulerJobRunner._create_dag_runs_asset_triggered).
func (sch *Scheduler) createTriggered(tx *live.Tx, d *dag.DAG) error {
	events, met, err := schedule.Updated(tx.Ctx, tx, d)
	if err != nil || !met {
		return err
	}
	open, err := tx.CountRuns(tx.Ctx, d.ID, dag.RunQueued, dag.RunRunning)
	if err != nil || open >= d.MaxActiveRuns {
		return err
	}
	r, last := schedule.AssetRun(d, events, tx.Now)
	ok, err := sch.insertRun(tx, d, r)
	if err == nil && !ok { // another event of the same millisecond has a run
		r.RunID += "_" + strconv.FormatInt(last.ID, 10)
		ok, err = sch.insertRun(tx, d, r)
	}
	if err != nil || !ok {
		return err
	}
	return tx.TakeAssetEvents(tx.Ctx, d.ID, r.Key)
}
