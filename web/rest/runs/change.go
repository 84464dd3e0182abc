package runs

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// TriggerBody asks for a run. Airflow demands a logical date, even null; here a body without one, which older tools send, asks
// for a run without one.
type TriggerBody struct {
	LogicalDate       *rest.Time  `json:"logical_date" zone:"true"`
	DagRunID          *string     `json:"dag_run_id"`
	Conf              rest.Object `json:"conf" nullable:"true"`
	Note              *string     `json:"note" maxLength:"1000"`
	RunAfter          *rest.Time  `json:"run_after"`
	DataIntervalStart *rest.Time  `json:"data_interval_start" zone:"true"`
	DataIntervalEnd   *rest.Time  `json:"data_interval_end" zone:"true"`
	PartitionKey      *string     `json:"partition_key"`
}

// check refuses what no run here has, rather than making another run than the one that was asked for.
func (b *TriggerBody) check(c *calls) error {
	switch {
	case (b.DataIntervalStart == nil) != (b.DataIntervalEnd == nil):
		return rest.Invalid(rest.ValueError("Either both data_interval_start and data_interval_end must be provided or both must be None", b, "body"))
	case b.DataIntervalStart != nil:
		return rest.BadRequest("data_interval_start, data_interval_end: the schedule of the DAG gives the data interval of a run; leave both out")
	case b.RunAfter != nil && b.RunAfter.After(c.clock()):
		return rest.BadRequest("run_after: %s has not come yet, and a run that is triggered starts at once; leave it out", b.RunAfter)
	case b.PartitionKey != nil:
		return rest.BadRequest("partition_key: DAGs have no partitions here; leave it out")
	default:
		return nil
	}
}

type triggerInput struct {
	DAGID string `path:"dag_id"`
	Body  TriggerBody
}

func (c *calls) trigger(ctx context.Context, in *triggerInput) (*object.DAGRun, error) {
	d, _, err := c.browse.DAG(ctx, in.DAGID)
	switch {
	case err != nil:
		return nil, err
	case d.Stale:
		return nil, rest.NotFound("DAG with dag_id: '%s' not found", in.DAGID)
	case d.ImportErrors:
		return nil, rest.BadRequest("DAG with dag_id: '%s' has import errors and cannot be triggered", in.DAGID)
	}
	b := &in.Body
	if err := b.check(c); err != nil {
		return nil, err
	}
	t := api.Trigger{DAGID: in.DAGID, NoLogicalDate: b.LogicalDate == nil}
	if b.LogicalDate != nil {
		t.LogicalDate = b.LogicalDate.Time
	}
	if b.DagRunID != nil {
		t.RunID = *b.DagRunID
	}
	if len(b.Conf) > 0 {
		if t.Conf, err = json.Marshal(b.Conf); err != nil {
			return nil, err
		}
	}
	done, err := c.api(ctx).Trigger(ctx, t)
	if errors.Is(err, api.ErrExists) {
		return nil, rest.Duplicate("%v", err)
	}
	if err != nil {
		return nil, err
	}
	if b.Note != nil {
		if err := c.browse.SetNote(ctx, in.DAGID, done.Run.RunID, "", -1, *b.Note); err != nil {
			return nil, err
		}
	}
	return c.get(ctx, &named{in.DAGID, done.Run.RunID})
}

// DAGRunPatchBody is what can be changed about a run.
type DAGRunPatchBody struct {
	Sent rest.Sent `json:"-"`

	State *string `json:"state" enum:"queued,success,failed"`
	Note  *string `json:"note" maxLength:"1000"`
}

// masked reports whether a field of a body is to be applied.
func masked(mask []string, sent rest.Sent, field string) bool {
	return sent[field] && (len(mask) == 0 || slices.Contains(mask, field))
}

func (c *calls) patch(ctx context.Context, in *struct {
	named

	Mask []string `query:"update_mask"`
	Body DAGRunPatchBody
},
) (*object.DAGRun, error) {
	r, err := c.browse.Run(ctx, in.DAGID, in.DagRunID)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	if masked(in.Mask, b.Sent, "state") && b.State != nil && *b.State != string(r.State) {
		if *b.State == "queued" {
			return nil, rest.BadRequest("state: a run that is %s is queued again by clearing it: POST %s/dags/%s/dagRuns/%s/clear", r.State, rest.Base, in.DAGID, in.DagRunID)
		}
		if _, err := c.api(ctx).Mark(ctx, c.browse.MarkOf(in.DAGID, in.DagRunID, "", *b.State)); err != nil {
			return nil, err
		}
	}
	if masked(in.Mask, b.Sent, "note") {
		if err := c.browse.SetNote(ctx, in.DAGID, in.DagRunID, "", -1, rest.OrEmpty(b.Note)); err != nil {
			return nil, err
		}
	}
	return c.get(ctx, &in.named)
}

// DAGRunClearBody says what of a run is to run again.
type DAGRunClearBody struct {
	DryRun             bool `json:"dry_run" default:"true"`
	OnlyFailed         bool `json:"only_failed" default:"false"`
	RunOnLatestVersion bool `json:"run_on_latest_version" default:"false"`
}

// ClearedRun is the run when it was cleared, and what would be cleared in a dry run.
type ClearedRun struct {
	run *object.DAGRun
	dry *TaskInstanceCollection
}

// MarshalJSON writes either of them.
func (c ClearedRun) MarshalJSON() ([]byte, error) {
	if c.run != nil {
		return json.Marshal(c.run)
	}
	return json.Marshal(c.dry)
}

// Schema describes it.
func (ClearedRun) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[TaskInstanceCollection](), true, ""), r.Schema(reflect.TypeFor[object.DAGRun](), true, ""),
	}}
}

// loads refuses a DAG that has no latest version to run on.
func loads(d *browse.DAG) error {
	switch {
	case d.ImportErrors:
		return rest.BadRequest("run_on_latest_version: DAG with dag_id: '%s' has import errors; mend its file, or leave this out to run on the version that the run has", d.ID)
	case d.Stale:
		return rest.BadRequest("run_on_latest_version: DAG with dag_id: '%s' is in no file any more; leave this out to run on the version that the run has", d.ID)
	default:
		return nil
	}
}

func (c *calls) clear(ctx context.Context, in *struct {
	named

	Body DAGRunClearBody
},
) (*ClearedRun, error) {
	if _, err := c.browse.Run(ctx, in.DAGID, in.DagRunID); err != nil {
		return nil, err
	}
	if in.Body.RunOnLatestVersion {
		d, _, err := c.browse.DAG(ctx, in.DAGID)
		if err != nil {
			return nil, err
		}
		if err := loads(d); err != nil {
			return nil, err
		}
	}
	done, err := c.api(ctx).Clear(ctx, api.ClearRequest{
		DAGID: in.DAGID, RunID: in.DagRunID, OnlyFailed: in.Body.OnlyFailed, Latest: in.Body.RunOnLatestVersion, DryRun: in.Body.DryRun,
	})
	if err != nil {
		return nil, err
	}
	if in.Body.DryRun {
		out, err := c.altered(ctx, done)
		return &ClearedRun{dry: out}, err
	}
	r, err := c.get(ctx, &in.named)
	return &ClearedRun{run: r}, err
}

// altered are the instances that a change concerns, as they are now.
func (c *calls) altered(ctx context.Context, done *api.Altered) (*TaskInstanceCollection, error) {
	found, err := c.browse.Altered(ctx, done)
	if err != nil {
		return nil, err
	}
	return collection(found, len(found)), nil
}

// TaskRef is the id of a task, or a pair of one and a map index.
type TaskRef struct {
	ID    string
	Index *int
}

// Schema describes it.
func (*TaskRef) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeArray, Items: &huma.Schema{}, MinItems: new(2), MaxItems: new(2)}}}
}

// FromJSON reads it.
func (t *TaskRef) FromJSON(value any, loc []any) []rest.Problem {
	switch v := value.(type) {
	case string:
		t.ID = v
		return nil
	case []any:
		if len(v) == 2 {
			id, isText := v[0].(string)
			n, isNumber := v[1].(json.Number)
			if i, err := n.Int64(); isText && isNumber && err == nil {
				t.ID, t.Index = id, new(int(i))
				return nil
			}
		}
	}
	return []rest.Problem{{Type: "string_type", Loc: append(slices.Clone(loc), "str"), Msg: "Input should be a valid string", Input: value}}
}

// ClearTaskInstancesBody says which task instances are to run again.
type ClearTaskInstancesBody struct {
	DryRun             bool       `json:"dry_run" default:"true"`
	OnlyFailed         bool       `json:"only_failed" default:"true"`
	OnlyRunning        bool       `json:"only_running" default:"false"`
	ResetDagRuns       bool       `json:"reset_dag_runs" default:"true"`
	TaskIDs            []TaskRef  `json:"task_ids" nullable:"true"`
	DagRunID           *string    `json:"dag_run_id"`
	StartDate          *rest.Time `json:"start_date" zone:"true"`
	EndDate            *rest.Time `json:"end_date" zone:"true"`
	IncludeUpstream    bool       `json:"include_upstream" default:"false"`
	IncludeDownstream  bool       `json:"include_downstream" default:"false"`
	IncludeFuture      bool       `json:"include_future" default:"false"`
	IncludePast        bool       `json:"include_past" default:"false"`
	RunOnLatestVersion bool       `json:"run_on_latest_version" default:"false"`
	PreventRunningTask bool       `json:"prevent_running_task" default:"false"`
}

func (b *ClearTaskInstancesBody) check() error {
	invalid := func(text string) error { return rest.Invalid(rest.ValueError(text, b, "body")) }
	switch {
	case b.OnlyFailed && b.OnlyRunning:
		return invalid("only_failed and only_running both are set to True")
	case b.DagRunID != nil && (b.StartDate != nil || b.EndDate != nil):
		return invalid("Exactly one of dag_run_id or (start_date and end_date) must be provided")
	case b.StartDate != nil && b.EndDate != nil && b.EndDate.Before(b.StartDate.Time):
		return invalid("end_date is sooner than start_date")
	case b.TaskIDs != nil && len(b.TaskIDs) == 0:
		return invalid("task_ids list should have at least 1 element.")
	case !b.ResetDagRuns:
		return rest.BadRequest("reset_dag_runs: tasks that are cleared run again, for which their run must be queued; leave it out")
	}
	return nil
}

func (c *calls) clearInstances(ctx context.Context, in *struct {
	DAGID string `path:"dag_id"`
	Body  ClearTaskInstancesBody
},
) (*TaskInstanceCollection, error) {
	d, full, err := c.browse.DAG(ctx, in.DAGID)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	if err := b.check(); err != nil {
		return nil, err
	}
	if b.RunOnLatestVersion {
		if err := loads(d); err != nil {
			return nil, err
		}
	}
	req := api.ClearRequest{
		DAGID: in.DAGID, RunID: rest.OrEmpty(b.DagRunID), Past: b.IncludePast, Future: b.IncludeFuture, Upstream: b.IncludeUpstream, Downstream: b.IncludeDownstream,
		OnlyFailed: b.OnlyFailed, OnlyRunning: b.OnlyRunning, Latest: b.RunOnLatestVersion, DryRun: true,
	}
	if b.DagRunID != nil {
		r, err := c.browse.Run(ctx, in.DAGID, *b.DagRunID)
		if err != nil {
			return nil, err
		}
		if r.LogicalDate.IsZero() && (b.IncludePast || b.IncludeFuture) {
			return nil, rest.BadRequest("Cannot use include_past or include_future with no logical_date")
		}
	}
	if b.StartDate != nil {
		req.Start = b.StartDate.Time
	}
	if b.EndDate != nil {
		req.End = b.EndDate.Time
	}
	for _, t := range b.TaskIDs {
		if full.Task(t.ID) == nil {
			return nil, rest.NotFound("Task with id %s was not found in DAG %s%s", t.ID, in.DAGID, browse.SuggestTask(full, t.ID))
		}
		if t.Index != nil {
			req.Instances = append(req.Instances, api.InstanceRef{TaskID: t.ID, MapIndex: *t.Index})
			continue
		}
		req.TaskIDs = append(req.TaskIDs, t.ID)
	}
	ask := c.api(ctx)
	would, err := ask.Clear(ctx, req)
	if err != nil {
		return nil, err
	}
	if b.PreventRunningTask && browse.AtWork(would) {
		return nil, rest.Conflict("a task is running, and prevent_running_task is set: nothing was cleared")
	}
	if b.DryRun || would.Instances() == 0 {
		return c.altered(ctx, would)
	}
	req.DryRun = false
	done, err := ask.Clear(ctx, req)
	if err != nil {
		return nil, err
	}
	return c.altered(ctx, done)
}

// PatchTaskInstanceBody is what can be changed about task instances.
type PatchTaskInstanceBody struct {
	Sent rest.Sent `json:"-"`

	NewState          string  `json:"new_state" enum:"success,failed,skipped" folded:"true"`
	Note              *string `json:"note" maxLength:"1000"`
	IncludeUpstream   bool    `json:"include_upstream" default:"false"`
	IncludeDownstream bool    `json:"include_downstream" default:"false"`
	IncludeFuture     bool    `json:"include_future" default:"false"`
	IncludePast       bool    `json:"include_past" default:"false"`
}

type patchInput struct {
	namedTask

	MapIndex *int     `query:"map_index"`
	Mask     []string `query:"update_mask"`
	Body     PatchTaskInstanceBody
}

type patchMappedInput struct {
	namedIndex

	Mask []string `query:"update_mask"`
	Body PatchTaskInstanceBody
}

func (c *calls) patchInstance(ctx context.Context, in *patchInput) (*TaskInstanceCollection, error) {
	return c.change(ctx, &in.namedTask, in.MapIndex, in.Mask, &in.Body, false)
}

func (c *calls) patchMapped(ctx context.Context, in *patchMappedInput) (*TaskInstanceCollection, error) {
	return c.change(ctx, &in.namedTask, &in.MapIndex, in.Mask, &in.Body, false)
}

func (c *calls) tryPatch(ctx context.Context, in *patchInput) (*TaskInstanceCollection, error) {
	return c.change(ctx, &in.namedTask, in.MapIndex, in.Mask, &in.Body, true)
}

func (c *calls) tryPatchMapped(ctx context.Context, in *patchMappedInput) (*TaskInstanceCollection, error) {
	return c.change(ctx, &in.namedTask, &in.MapIndex, in.Mask, &in.Body, true)
}

// change changes the instances of a task, or the one with an index.
func (c *calls) change(ctx context.Context, in *namedTask, index *int, mask []string, b *PatchTaskInstanceBody, dry bool) (*TaskInstanceCollection, error) {
	found, err := c.browse.InstancesOf(ctx, in.DAGID, in.DagRunID, in.TaskID, index)
	if err != nil {
		return nil, err
	}
	var done *api.Altered
	if masked(mask, b.Sent, "new_state") {
		if b.NewState == "skipped" {
			return nil, rest.BadRequest("new_state: only success and failed can be set")
		}
		req := c.browse.MarkOf(in.DAGID, in.DagRunID, in.TaskID, b.NewState)
		req.MapIndex = index
		req.Upstream, req.Downstream, req.Past, req.Future, req.DryRun = b.IncludeUpstream, b.IncludeDownstream, b.IncludePast, b.IncludeFuture, true
		ask := c.api(ctx)
		if done, err = ask.Mark(ctx, req); err != nil {
			return nil, err
		}
		if done = browse.Marked(done, b.NewState); done.Instances() == 0 && !dry {
			return nil, rest.Conflict("Task id %s is already in %s state", in.TaskID, b.NewState)
		}
		if !dry {
			req.DryRun = false
			if done, err = ask.Mark(ctx, req); err != nil {
				return nil, err
			}
			done = browse.Marked(done, b.NewState)
		}
	}
	if masked(mask, b.Sent, "note") && !dry {
		for _, i := range found {
			if err := c.browse.SetNote(ctx, in.DAGID, in.DagRunID, in.TaskID, i.MapIndex, rest.OrEmpty(b.Note)); err != nil {
				return nil, err
			}
		}
	}
	if done != nil {
		return c.altered(ctx, done)
	}
	found, err = c.browse.InstancesOf(ctx, in.DAGID, in.DagRunID, in.TaskID, index)
	return collection(found, len(found)), err
}
