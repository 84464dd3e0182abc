package runs

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/web/rest"
)

// BulkTaskInstanceBody changes a task instance, or those of a task.
type BulkTaskInstanceBody struct {
	PatchTaskInstanceBody

	TaskID   string  `json:"task_id" required:"true"`
	DagID    *string `json:"dag_id"`
	DagRunID *string `json:"dag_run_id"`
	MapIndex *int    `json:"map_index"`
}

// bulk changes and removes task instances; what is refused is in the answer. A change of one is a change of its own: it stays
// when another one is refused.
func (c *calls) bulk(ctx context.Context, in *struct {
	named

	Body rest.BulkBody[BulkTaskInstanceBody]
},
) (*rest.BulkResponse, error) {
	out := &rest.BulkResponse{}
	for _, a := range in.Body.Actions {
		switch {
		case a.Create != nil:
			of := begun(&out.Create)
			of.Errors = append(of.Errors, rest.BulkError{Error: "Task instances bulk create is not supported", StatusCode: http.StatusMethodNotAllowed})
		case a.Update != nil:
			of := begun(&out.Update)
			for i := range a.Update.Entities {
				if err := c.each(ctx, of, &in.named, &a.Update.Entities[i], a.Update.ActionOnNonExistence, func(at *namedTask, e *BulkTaskInstanceBody) ([]string, error) {
					return c.bulkChange(ctx, at, e, a.Update.UpdateMask)
				}); err != nil {
					return nil, err
				}
			}
		default:
			of := begun(&out.Delete)
			for _, k := range a.Delete.Entities {
				e := k.Whole
				if e == nil {
					e = &BulkTaskInstanceBody{TaskID: k.Key}
				}
				if err := c.each(ctx, of, &in.named, e, a.Delete.ActionOnNonExistence, func(at *namedTask, e *BulkTaskInstanceBody) ([]string, error) {
					return c.bulkRemove(ctx, at, e)
				}); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

func begun(of **rest.BulkActionResponse) *rest.BulkActionResponse {
	if *of == nil {
		*of = &rest.BulkActionResponse{Success: []string{}, Errors: []rest.BulkError{}}
	}
	return *of
}

// each does something with one entity and notes what came of it.
func (c *calls) each(ctx context.Context, of *rest.BulkActionResponse, path *named, e *BulkTaskInstanceBody, missing string, do func(at *namedTask, e *BulkTaskInstanceBody) ([]string, error)) error {
	keys, err := func() ([]string, error) {
		at := namedTask{*path, e.TaskID}
		if e.DagID != nil {
			at.DAGID = *e.DagID
		}
		if e.DagRunID != nil {
			at.DagRunID = *e.DagRunID
		}
		if at.DAGID == rest.All || at.DagRunID == rest.All {
			return nil, rest.BadRequest("When using wildcard in path, dag_id and dag_run_id must be specified in BulkTaskInstanceBody object for task_id: %s", e.TaskID)
		}
		d, err := c.browse.AccessDAG(ctx, at.DAGID)
		if err != nil {
			return nil, err
		}
		if err := access.Check(ctx, access.Operate, &d); err != nil {
			return nil, err
		}
		return do(&at, e)
	}()
	if err == nil {
		of.Success = append(of.Success, keys...)
		return nil
	}
	f := rest.ErrorOf(err)
	if f == nil {
		return err
	}
	if f.Status != http.StatusNotFound || missing != "skip" {
		of.Errors = append(of.Errors, rest.BulkError{Error: f.Detail, StatusCode: f.Status})
	}
	return nil
}

// bulkKey names a task instance in an answer.
func bulkKey(at *namedTask, index int) string {
	return fmt.Sprintf("%s.%s.%s[%d]", at.DAGID, at.DagRunID, at.TaskID, index)
}

func (c *calls) bulkChange(ctx context.Context, at *namedTask, e *BulkTaskInstanceBody, mask []string) ([]string, error) {
	found, err := c.browse.InstancesOf(ctx, at.DAGID, at.DagRunID, at.TaskID, e.MapIndex)
	if err != nil {
		return nil, err
	}
	if _, err := c.change(ctx, at, e.MapIndex, mask, &e.PatchTaskInstanceBody, false); err != nil {
		return nil, err
	}
	keys := make([]string, len(found))
	for i, in := range found {
		keys[i] = bulkKey(at, in.MapIndex)
	}
	return keys, nil
}

func (c *calls) bulkRemove(ctx context.Context, at *namedTask, e *BulkTaskInstanceBody) ([]string, error) {
	found, err := c.browse.InstancesOf(ctx, at.DAGID, at.DagRunID, at.TaskID, e.MapIndex)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, in := range slices.Backward(found) {
		if err := c.api(ctx).RemoveInstance(ctx, at.DAGID, at.DagRunID, at.TaskID, in.MapIndex); err != nil {
			return nil, err
		}
		keys = append(keys, bulkKey(at, in.MapIndex))
	}
	slices.Reverse(keys)
	return keys, nil
}
