package render

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// pullAll answers ti.xcom_pull of a task in a run of d.
func pullAll(ctx context.Context, r Reader, d *dag.DAG, run *store.Run, q template.XComQuery) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(q.TaskIDs))
	dagID := q.DAGID
	if dagID == "" {
		dagID = run.DAGID
	}
	if dagID != run.DAGID {
		d = nil // nothing is known of its tasks but what is stored
	}
	for i, id := range q.TaskIDs {
		key, err := runOf(ctx, r, dagID, run, id, q)
		if err != nil || key == 0 && run.Key != 0 {
			if err != nil {
				return nil, err
			}
			continue
		}
		if out[i], err = Pull(ctx, r, d, key, id, q.Key, q.MapIndexes); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// runOf is the run whose XCom is asked for: the own one, the one with the same or the given
// id in another DAG, or with include_prior_dates the newest that has it. It is 0 for none.
func runOf(ctx context.Context, r Reader, dagID string, run *store.Run, taskID string, q template.XComQuery) (int64, error) {
	if q.PriorDates && !run.LogicalDate.IsZero() {
		return r.RunWithXCom(ctx, dagID, run.LogicalDate, taskID, q.Key)
	}
	runID := q.RunID
	if runID == "" {
		runID = run.RunID
	}
	if dagID == run.DAGID && runID == run.RunID {
		return run.Key, nil
	}
	other, err := r.RunByID(ctx, dagID, runID)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return other.Key, nil
}

// Pull returns the XCom of a task: of a mapped one the list of all its instances, or of
// those asked for, the value itself for a single one.
func Pull(ctx context.Context, r Reader, d *dag.DAG, runKey int64, taskID, key string, indexes []int) (json.RawMessage, error) {
	if d != nil && indexes == nil {
		if t := d.Task(taskID); t == nil || t.Mapping == nil {
			return r.XCom(ctx, runKey, taskID, -1, key)
		}
	}
	if indexes == nil {
		if v, err := r.XCom(ctx, runKey, taskID, -1, key); err != nil || v != nil {
			return v, err
		}
	}
	xs, err := r.XComs(ctx, runKey, taskID, key)
	if err != nil {
		return nil, err
	}
	all := []json.RawMessage{}
	for _, x := range xs {
		if indexes == nil || slices.Contains(indexes, x.MapIndex) {
			all = append(all, x.Value)
		}
	}
	switch {
	case len(indexes) == 1 && len(all) == 1:
		return all[0], nil
	case len(all) == 0 && (d == nil || len(indexes) == 1):
		return nil, nil
	}
	return json.Marshal(all)
}
