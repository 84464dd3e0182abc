package runs

import (
	"context"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// TaskInstanceCollection is a page of task instances.
type TaskInstanceCollection struct {
	TaskInstances []object.TaskInstance `json:"task_instances"`
	TotalEntries  int                   `json:"total_entries"`
}

// TaskInstanceHistoryCollection are tries of a task instance.
type TaskInstanceHistoryCollection struct {
	TaskInstances []object.TaskInstanceHistory `json:"task_instances"`
	TotalEntries  int                          `json:"total_entries"`
}

type instanceQuery struct {
	rest.Page

	DAGID           string          `path:"dag_id"`
	DagRunID        string          `path:"dag_run_id"`
	RunAfter        rest.TimeRange  `query:"run_after"`
	LogicalDate     rest.TimeRange  `query:"logical_date"`
	StartDate       rest.TimeRange  `query:"start_date"`
	EndDate         rest.TimeRange  `query:"end_date"`
	UpdatedAt       rest.TimeRange  `query:"updated_at"`
	Duration        rest.FloatRange `query:"duration"`
	State           rest.Filter     `query:"state" enum:"removed,scheduled,queued,running,success,restarting,failed,up_for_retry,up_for_reschedule,upstream_failed,skipped,deferred,no_status,none"`
	Pool            []string        `query:"pool"`
	PoolPattern     rest.Pattern    `query:"pool_name_pattern"`
	Queue           []string        `query:"queue"`
	QueuePattern    rest.Pattern    `query:"queue_name_pattern"`
	Executor        []string        `query:"executor"`
	VersionNumber   []int           `query:"version_number"`
	TryNumber       []int           `query:"try_number"`
	Operator        []string        `query:"operator"`
	OperatorPattern rest.Pattern    `query:"operator_name_pattern"`
	MapIndex        []int           `query:"map_index"`
	Order           rest.Order      `query:"order_by" order:"id,state,duration,start_date,end_date,map_index,try_number,logical_date,run_after,data_interval_start,data_interval_end,rendered_map_index,operator" default:"map_index"`
}

// filter is what the query selects.
func (q *instanceQuery) filter() browse.InstanceFilter {
	f := browse.InstanceFilter{
		Pools: some(q.Pool), PoolLike: q.PoolPattern.Like(), Queues: some(q.Queue), QueueLike: q.QueuePattern.Like(), Operators: some(q.Operator), KindLike: q.OperatorPattern.Like(),
	}
	f.Runs = browse.RunFilter{
		DAGIDs: one(q.DAGID), RunIDs: one(q.DagRunID), RunAfter: q.RunAfter, LogicalDate: q.LogicalDate, StartDate: q.StartDate, EndDate: q.EndDate, UpdatedAt: q.UpdatedAt,
		Duration: q.Duration, VersionNumbers: some(q.VersionNumber),
	}
	f.States = stored(q.State)
	f.Tries, f.MapIndexes, f.Missing = some(q.TryNumber), some(q.MapIndex), q.DagRunID != rest.All
	return f
}

// stored are states as they are stored.
func stored(states rest.Filter) (out []string) {
	for _, s := range states {
		if s == "no_status" || s == "none" {
			s = browse.NoState
		}
		out = append(out, s)
	}
	return out
}

// check is nil when the run that the path names is there.
func (c *calls) check(ctx context.Context, dagID, runID string) error {
	switch {
	case dagID == rest.All && runID != rest.All:
		return rest.BadRequest("the dag_id must be named together with the dag_run_id: a run id is no DAG's alone")
	case dagID == rest.All:
		return nil
	case runID == rest.All:
		return c.browse.KnownDAG(ctx, dagID)
	}
	_, err := c.browse.Run(ctx, dagID, runID)
	return err
}

func (c *calls) instances(ctx context.Context, in *struct {
	instanceQuery

	TaskID       string       `query:"task_id"`
	NamePattern  rest.Pattern `query:"task_display_name_pattern"`
	Group        string       `query:"task_group_id"`
	DAGIDPattern rest.Pattern `query:"dag_id_pattern"`
	RunIDPattern rest.Pattern `query:"run_id_pattern"`
},
) (*TaskInstanceCollection, error) {
	if err := c.check(ctx, in.DAGID, in.DagRunID); err != nil {
		return nil, err
	}
	f := in.filter()
	f.NameLike, f.Group, f.Runs.DAGIDLike, f.Runs.RunIDLike = in.NamePattern.Like(), in.Group, in.DAGIDPattern.Like(), in.RunIDPattern.Like()
	if in.TaskID != "" {
		f.TaskIDs = []string{in.TaskID}
	}
	return c.instancePage(ctx, in.Executor, f, in.Of(in.Order))
}

func (c *calls) instancePage(ctx context.Context, executors []string, f browse.InstanceFilter, p browse.Page) (*TaskInstanceCollection, error) {
	if len(executors) > 0 { // no instance has one
		return &TaskInstanceCollection{TaskInstances: []object.TaskInstance{}}, nil
	}
	found, n, err := c.browse.Instances(ctx, f, p)
	if err != nil {
		return nil, err
	}
	return collection(found, n), nil
}

func collection(found []*browse.Instance, n int) *TaskInstanceCollection {
	out := &TaskInstanceCollection{make([]object.TaskInstance, len(found)), n}
	for i, in := range found {
		out.TaskInstances[i] = object.InstanceOf(in)
	}
	return out
}

type namedTask struct {
	named

	TaskID string `path:"task_id"`
}

type namedIndex struct {
	namedTask

	MapIndex int `path:"map_index" minimum:"-1"`
}

func (c *calls) instance(ctx context.Context, in *namedTask) (*object.TaskInstance, error) {
	return c.mappedInstance(ctx, &namedIndex{*in, -1})
}

func (c *calls) mappedInstance(ctx context.Context, in *namedIndex) (*object.TaskInstance, error) {
	found, err := c.browse.Instance(ctx, in.DAGID, in.DagRunID, in.TaskID, in.MapIndex)
	if err != nil {
		return nil, err
	}
	out := object.InstanceOf(found)
	out.RenderedFields = c.browse.Rendered(ctx, found)
	return &out, nil
}

func (c *calls) listMapped(ctx context.Context, in *struct {
	instanceQuery

	TaskID string `path:"task_id"`
},
) (*TaskInstanceCollection, error) {
	there, mapped, err := c.browse.Mapped(ctx, in.DAGID, in.DagRunID, in.TaskID)
	switch {
	case err != nil:
		return nil, err
	case !there:
		return nil, rest.NotFound("Task id %s not found", in.TaskID)
	case !mapped:
		return nil, rest.NotFound("Task id %s is not mapped", in.TaskID)
	}
	f := in.filter()
	f.TaskIDs, f.MappedOnly = []string{in.TaskID}, true
	return c.instancePage(ctx, in.Executor, f, in.Of(in.Order))
}

// TaskInstancesBatchBody selects task instances of many runs.
type TaskInstancesBatchBody struct {
	BatchPage
	Dates

	DagIDs    []string  `json:"dag_ids" nullable:"true"`
	DagRunIDs []string  `json:"dag_run_ids" nullable:"true"`
	TaskIDs   []string  `json:"task_ids" nullable:"true"`
	State     []*string `json:"state" nullable:"true" enum:"removed,scheduled,queued,running,success,restarting,failed,up_for_retry,up_for_reschedule,upstream_failed,skipped,deferred"`
	Pool      []string  `json:"pool" nullable:"true"`
	Queue     []string  `json:"queue" nullable:"true"`
	Executor  []string  `json:"executor" nullable:"true"`
}

func (c *calls) instancesBatch(ctx context.Context, in *struct {
	named

	Body TaskInstancesBatchBody
},
) (*TaskInstanceCollection, error) {
	if err := onlyAll("dag_id", in.DAGID); err != nil {
		return nil, err
	}
	if err := onlyAll("dag_run_id", in.DagRunID); err != nil {
		return nil, err
	}
	b := &in.Body
	p, err := b.of([]string{"id", "state", "duration", "start_date", "end_date", "map_index"}, "id")
	if err != nil {
		return nil, err
	}
	f := browse.InstanceFilter{Pools: some(b.Pool), Queues: some(b.Queue)}
	f.Runs = browse.RunFilter{DAGIDs: some(b.DagIDs), RunIDs: some(b.DagRunIDs)}
	f.TaskIDs, f.States = some(b.TaskIDs), texts(b.State)
	b.into(&f.Runs)
	return c.instancePage(ctx, b.Executor, f, p)
}

// indexed is a task whose map index is in the query.
type indexed struct {
	namedTask

	Index int `query:"map_index" default:"-1" minimum:"-1"`
}

func (c *calls) tries(ctx context.Context, in *indexed) (*TaskInstanceHistoryCollection, error) {
	return c.mappedTries(ctx, &namedIndex{in.namedTask, in.Index})
}

func (c *calls) mappedTries(ctx context.Context, in *namedIndex) (*TaskInstanceHistoryCollection, error) {
	found, err := c.browse.Tries(ctx, in.DAGID, in.DagRunID, in.TaskID, in.MapIndex)
	if err != nil {
		return nil, err
	}
	out := &TaskInstanceHistoryCollection{make([]object.TaskInstanceHistory, len(found)), len(found)}
	for i, t := range found {
		out.TaskInstances[i] = object.TryOf(t)
	}
	return out, nil
}

func (c *calls) try(ctx context.Context, in *struct {
	indexed

	Try int `path:"task_try_number"`
},
) (*object.TaskInstanceHistory, error) {
	return c.oneTry(ctx, &namedIndex{in.namedTask, in.Index}, in.Try)
}

func (c *calls) mappedTry(ctx context.Context, in *struct {
	namedIndex

	Try int `path:"task_try_number"`
},
) (*object.TaskInstanceHistory, error) {
	return c.oneTry(ctx, &in.namedIndex, in.Try)
}

func (c *calls) oneTry(ctx context.Context, in *namedIndex, n int) (*object.TaskInstanceHistory, error) {
	found, err := c.browse.Tries(ctx, in.DAGID, in.DagRunID, in.TaskID, in.MapIndex)
	if err != nil {
		return nil, err
	}
	for _, t := range found {
		if t.Try == n {
			return new(object.TryOf(t)), nil
		}
	}
	return nil, rest.NotFound("The Task Instance with dag_id: `%s`, run_id: `%s`, task_id: `%s`, try_number: `%d` and map_index: `%d` was not found", in.DAGID, in.DagRunID, in.TaskID, n, in.MapIndex)
}
