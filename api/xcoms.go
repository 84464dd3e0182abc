package api

import (
	"context"
	"encoding/json"

	"github.com/dingdag/dingdag/store"
)

// XCom is a value that a task left for others, with secrets masked.
type XCom struct {
	TaskID string `json:"task_id"`
	// MapIndex is -1 for an unmapped task.
	MapIndex int             `json:"map_index"`
	Key      string          `json:"key"`
	Value    json.RawMessage `json:"value"`
}

// XComs lists what the tasks of a run have returned and pushed, of the newest run for an empty id,
// by task, map index and key.
func (a *API) XComs(ctx context.Context, dagID, runID string) ([]XCom, error) {
	r, err := a.run(ctx, dagID, runID)
	if err != nil {
		return nil, err
	}
	xs, err := a.o.Store.RunXComs(ctx, r.Key)
	return a.xcomsOf(xs), err
}

// TaskXComs lists what a task instance has returned and pushed, by key. The map index is -1 for an unmapped task.
func (a *API) TaskXComs(ctx context.Context, dagID, runID, taskID string, mapIndex int) ([]XCom, error) {
	r, err := a.run(ctx, dagID, runID)
	if err != nil {
		return nil, err
	}
	xs, err := a.o.Store.TaskXComs(ctx, r.Key, taskID, mapIndex)
	return a.xcomsOf(xs), err
}

func (a *API) xcomsOf(xs []store.XCom) []XCom {
	out := []XCom{}
	for _, x := range xs {
		out = append(out, XCom{x.TaskID, x.MapIndex, x.Key, a.MaskJSON(x.Value)})
	}
	return out
}
