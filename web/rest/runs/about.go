package runs

import (
	"context"

	"github.com/dingdag/dingdag/web/rest"
)

// aboutRoutes adds the calls about what holds a task instance, and where else there is something about it.
func (c *calls) aboutRoutes(s *rest.Server, get func(id, path string) rest.Operation) {
	rest.Register(s, get("get_task_instance_dependencies", instance+"/dependencies"), c.dependencies)
	rest.Register(s, get("get_task_instance_dependencies_by_map_index", mapped+"/dependencies"), c.mappedDependencies)
	rest.Register(s, get("get_extra_links", instance+"/links"), c.links)
	rest.Register(s, get("get_external_log_url", instance+"/externalLogUrl/{try_number}"), c.externalLog)
}

// TaskDependencyCollection is what holds a task instance.
type TaskDependencyCollection struct {
	Dependencies []TaskDependency `json:"dependencies"`
}

// TaskDependency is something that holds a task instance.
type TaskDependency struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

func (c *calls) dependencies(ctx context.Context, in *indexed) (*TaskDependencyCollection, error) {
	return c.mappedDependencies(ctx, &namedIndex{in.namedTask, in.Index})
}

func (c *calls) mappedDependencies(ctx context.Context, in *namedIndex) (*TaskDependencyCollection, error) {
	found, err := c.browse.Instance(ctx, in.DAGID, in.DagRunID, in.TaskID, in.MapIndex)
	if err != nil {
		return nil, err
	}
	out := &TaskDependencyCollection{Dependencies: []TaskDependency{}}
	if !found.Undecided() {
		return out, nil
	}
	_, whys, err := c.api(ctx).WhyTask(ctx, in.DAGID, in.TaskID, in.DagRunID)
	if err != nil {
		return nil, err
	}
	for _, w := range whys {
		if w.MapIndex == in.MapIndex && w.Holds != "" {
			out.Dependencies = append(out.Dependencies, TaskDependency{w.Holds, w.Reason})
		}
	}
	return out, nil
}

// ExtraLinkCollection are the links that an operator has. None of ours has one.
type ExtraLinkCollection struct {
	ExtraLinks   map[string]*string `json:"extra_links"`
	TotalEntries int                `json:"total_entries"`
}

func (c *calls) links(ctx context.Context, in *indexed) (*ExtraLinkCollection, error) {
	if _, err := c.browse.Instance(ctx, in.DAGID, in.DagRunID, in.TaskID, in.Index); err != nil {
		return nil, err
	}
	return &ExtraLinkCollection{ExtraLinks: map[string]*string{}}, nil
}

// ExternalLogURL is where the log of a try is kept elsewhere.
type ExternalLogURL struct {
	URL string `json:"url"`
}

func (c *calls) externalLog(ctx context.Context, in *struct {
	namedTask

	Try      int `path:"try_number" minimum:"1"`
	MapIndex int `query:"map_index" default:"-1" minimum:"-1"`
},
) (*ExternalLogURL, error) {
	if _, err := c.browse.Instance(ctx, in.DAGID, in.DagRunID, in.TaskID, in.MapIndex); err != nil {
		return nil, err
	}
	return nil, rest.BadRequest("Task log handler does not support external log URLs: the logs are here, at …/logs/%d", in.Try)
}
