package live

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// Apply writes the result of a try of a task into its run: the instance, its XComs, and what
// follows from them for other tasks and runs. It returns the instance.
func (lr *Run) Apply(tx *Tx, i dagrun.Task, res *worker.Result) (*store.Instance, error) {
	at, _ := lr.Machine.Slot(i, res.Instance.MapIndex)
	in := lr.Set(tx, at, res.Instance.State)
	of := &res.Instance
	in.StartDate, in.EndDate, in.FirstStart, in.RetryAt = of.StartDate, of.EndDate, of.FirstStart, of.RetryAt
	in.Error, in.Log, in.RenderedMapIndex, in.Lost = of.Error, of.Log, of.RenderedMapIndex, of.Lost
	if err := tx.putXComs(in, res.XComs); err != nil {
		return nil, err
	}
	if res.Rendered != nil {
		if err := tx.PutRenderedFields(tx.Ctx, res.Rendered, tx.runs.o.RenderedRuns); err != nil {
			return nil, err
		}
	}
	switch in.State {
	case dag.Success:
		if err := tx.updateAssets(&lr.Row, lr.Task(at), in.MapIndex); err != nil {
			return nil, err
		}
		if err := tx.Mended(lr.Try(i, in), false); err != nil {
			return nil, err
		}
	case dag.UpForRetry, dag.UpForReschedule:
		tx.watchRetry(in)
	case dag.Deferred:
		if err := lr.asked(tx, i, in, res); err != nil {
			return nil, err
		}
	default: // nothing waits for it but the tasks below
	}
	if err := lr.rememberSkips(tx, i, in, res); err != nil {
		return nil, err
	}
	lr.skip(tx, res.Skips)
	if in.State == dag.Failed && lr.Plan.DAG.FailFast {
		return in, lr.stopFast(tx)
	}
	return in, nil
}

func (tx *Tx) putXComs(in *store.Instance, xs map[string]json.RawMessage) error {
	for _, key := range slices.Sorted(maps.Keys(xs)) {
		if err := tx.PutXCom(tx.Ctx, in.RunKey, in.TaskID, in.MapIndex, key, xs[key]); err != nil {
			return err
		}
	}
	return nil
}

// skip marks tasks as skipped that have not begun.
func (lr *Run) skip(tx *Tx, skips []dagrun.Task) {
	for _, at := range lr.Machine.Skip(skips) {
		lr.record(tx, at).EndDate = tx.Now
	}
}

// updateAssets records that the outlets of a task that succeeded are updated, and tells
// the DAGs that wait for them (Airflow, AssetManager.register_asset_change). A paused DAG
// is told nothing.
func (tx *Tx) updateAssets(r *store.Run, t *dag.Task, mapIndex int) error {
	for _, out := range t.Outlets {
		e := &store.AssetEvent{URI: out.URI, At: tx.Now, DAGID: r.DAGID, RunID: r.RunID, TaskID: t.ID, MapIndex: mapIndex}
		if _, err := tx.UpdateAsset(e, nil); err != nil {
			return err
		}
	}
	return nil
}

// UpdateAsset writes an event and tells it to the DAGs that wait for its asset, whose ids it returns. Of
// those, paused are told nothing.
func (tx *Tx) UpdateAsset(e *store.AssetEvent, paused map[string]bool) (told []string, err error) {
	told = slices.DeleteFunc(tx.runs.o.DAGs.Consumers(e.URI), func(id string) bool { return paused[id] })
	if err := tx.InsertAssetEvent(tx.Ctx, e, told); err != nil {
		return nil, err
	}
	for _, id := range told {
		tx.Wake(id)
	}
	return told, nil
}
