package runs

import (
	"context"
	"net/http"

	"github.com/dingdag/dingdag/web/rest"
)

// removeRoutes adds the calls that remove runs and task instances.
func (c *calls) removeRoutes(s *rest.Server, operate func(id, method, path, tag string) rest.Operation) {
	run := operate("delete_dag_run", http.MethodDelete, dagRun, "DagRun")
	run.Status = http.StatusNoContent
	rest.Register(s, run, c.removeRun)
	rest.Register(s, operate("delete_task_instance", http.MethodDelete, instance, "Task Instance"), c.removeInstance)
}

func (c *calls) removeRun(ctx context.Context, in *named) (*struct{}, error) {
	if _, err := c.browse.Run(ctx, in.DAGID, in.DagRunID); err != nil {
		return nil, err
	}
	_, err := c.api(ctx).Remove(ctx, in.DAGID, in.DagRunID)
	return nil, err
}

func (c *calls) removeInstance(ctx context.Context, in *indexed) (*rest.Null, error) {
	if _, err := c.browse.Instance(ctx, in.DAGID, in.DagRunID, in.TaskID, in.Index); err != nil {
		return nil, err
	}
	return nil, c.api(ctx).RemoveInstance(ctx, in.DAGID, in.DagRunID, in.TaskID, in.Index)
}
