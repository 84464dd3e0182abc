// Package runs serves the calls about runs of DAGs, their task instances and logs.
package runs

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// calls are what the calls ask.
type calls struct {
	browse *browse.Browser
	api    func(ctx context.Context) *api.API
	o      Options
	clock  func() time.Time
	logger *slog.Logger
}

// Options are what else the calls stand on. All are required.
type Options struct {
	// Asks are those for whoever asks.
	Asks func(ctx context.Context) *asks.Asks
	// Changes tells of changes of runs.
	Changes Changes
}

// The paths.
const (
	dagRuns   = "/dags/{dag_id}/dagRuns"
	dagRun    = dagRuns + "/{dag_run_id}"
	instances = dagRun + "/taskInstances"
	instance  = instances + "/{task_id}"
	mapped    = instance + "/{map_index}"
)

// Routes adds the calls. as is the api for whoever asks.
func Routes(s *rest.Server, b *browse.Browser, as func(context.Context) *api.API, o Options) {
	c := &calls{b, as, o, s.Clock, s.Log()}
	get := func(id, path, tag string) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodGet, Path: path, Tag: tag}
	}
	operate := func(id, method, path, tag string) rest.Operation {
		return rest.Operation{ID: id, Method: method, Path: path, Tag: tag, Action: access.Operate}
	}
	const run, ti = "DagRun", "Task Instance"
	rest.Register(s, get("get_dag_runs", dagRuns, run), c.list)
	rest.Register(s, get("get_dag_run", dagRun, run), c.get)
	rest.Register(s, rest.Operation{ID: "get_list_dag_runs_batch", Method: http.MethodPost, Path: dagRuns + "/list", Tag: run}, c.batch)
	rest.Register(s, operate("trigger_dag_run", http.MethodPost, dagRuns, run), c.trigger)
	rest.Register(s, rest.Operation{
		ID: "materialize_asset", Method: http.MethodPost, Path: "/assets/{asset_id}/materialize", Tag: "Asset", Action: access.Operate, Many: true,
	}, c.materialize)
	rest.Register(s, operate("patch_dag_run", http.MethodPatch, dagRun, run), c.patch)
	wait := get("wait_dag_run_until_finished", dagRun+"/wait", run)
	wait.Produces = []string{typeLines}
	rest.Register(s, wait, c.wait)
	rest.Register(s, operate("clear_dag_run", http.MethodPost, dagRun+"/clear", run), c.clear)

	c.removeRoutes(s, operate)
	many := operate("bulk_task_instances", http.MethodPatch, instances, ti)
	many.Many = true // the DAGs are those of the body
	rest.Register(s, many, c.bulk)

	rest.Register(s, get("get_task_instances", instances, ti), c.instances)
	rest.Register(s, get("get_task_instance", instance, ti), c.instance)
	rest.Register(s, get("get_mapped_task_instance", mapped, ti), c.mappedInstance)
	rest.Register(s, get("get_mapped_task_instances", instance+"/listMapped", ti), c.listMapped)
	rest.Register(s, rest.Operation{ID: "get_task_instances_batch", Method: http.MethodPost, Path: instances + "/list", Tag: ti}, c.instancesBatch)
	rest.Register(s, get("get_task_instance_tries", instance+"/tries", ti), c.tries)
	rest.Register(s, get("get_mapped_task_instance_tries", mapped+"/tries", ti), c.mappedTries)
	rest.Register(s, get("get_task_instance_try_details", instance+"/tries/{task_try_number}", ti), c.try)
	rest.Register(s, get("get_mapped_task_instance_try_details", mapped+"/tries/{task_try_number}", ti), c.mappedTry)
	rest.Register(s, operate("post_clear_task_instances", http.MethodPost, "/dags/{dag_id}/clearTaskInstances", ti), c.clearInstances)
	rest.Register(s, operate("patch_task_instance", http.MethodPatch, instance, ti), c.patchInstance)
	rest.Register(s, operate("patch_task_instance_by_map_index", http.MethodPatch, mapped, ti), c.patchMapped)
	rest.Register(s, operate("patch_task_instance_dry_run", http.MethodPatch, instance+"/dry_run", ti), c.tryPatch)
	rest.Register(s, operate("patch_task_instance_dry_run_by_map_index", http.MethodPatch, mapped+"/dry_run", ti), c.tryPatchMapped)

	logs := get("get_log", instance+"/logs/{try_number}", ti)
	logs.Produces = []string{"application/json", "application/x-ndjson"}
	rest.Register(s, logs, c.log)
	tagged := func(tag string) (reads, writes func(id, path string) rest.Operation) {
		return func(id, path string) rest.Operation { return get(id, path, tag) }, func(id, path string) rest.Operation { return operate(id, "", path, tag) }
	}
	reads, writes := tagged("XCom")
	c.xcomRoutes(s, reads, writes)
	reads, writes = tagged(ti)
	c.askRoutes(s, reads, writes)
	c.aboutRoutes(s, reads)
}

// DAGRunCollection is a page of runs.
type DAGRunCollection struct {
	DagRuns      []object.DAGRun `json:"dag_runs"`
	TotalEntries int             `json:"total_entries"`
}

type named struct {
	DAGID    string `path:"dag_id"`
	DagRunID string `path:"dag_run_id"`
}

type listInput struct {
	rest.Page

	DAGID         string          `path:"dag_id"`
	RunAfter      rest.TimeRange  `query:"run_after"`
	LogicalDate   rest.TimeRange  `query:"logical_date"`
	StartDate     rest.TimeRange  `query:"start_date"`
	EndDate       rest.TimeRange  `query:"end_date"`
	UpdatedAt     rest.TimeRange  `query:"updated_at"`
	Duration      rest.FloatRange `query:"duration"`
	ConfContains  string          `query:"conf_contains"`
	BundleVersion *string         `query:"bundle_version"`
	DAGIDPattern  rest.Pattern    `query:"dag_id_pattern"`
	Partition     rest.Pattern    `query:"partition_key_pattern"`
	State         rest.Filter     `query:"state" enum:"queued,running,success,failed,none"`
	RunType       rest.Filter     `query:"run_type" enum:"backfill,scheduled,manual,asset_triggered,asset_materialization"`
	DagVersion    []int           `query:"dag_version"`
	RunIDPattern  rest.Pattern    `query:"run_id_pattern"`
	UserPattern   rest.Pattern    `query:"triggering_user_name_pattern"`
	Order         rest.Order      `query:"order_by" order:"id,state,dag_id,run_id,dag_run_id,logical_date,run_after,start_date,end_date,updated_at,conf,duration" default:"id"`
}

// one is a list of a path's part; nil when that stands for all.
func one(part string) []string {
	if part == rest.All {
		return nil
	}
	return []string{part}
}

func (c *calls) list(ctx context.Context, in *listInput) (*DAGRunCollection, error) {
	if in.DAGID != rest.All {
		if err := c.browse.KnownDAG(ctx, in.DAGID); err != nil {
			return nil, err
		}
	}
	if in.BundleVersion != nil || in.Partition.Like() != nil { // no run has one
		return &DAGRunCollection{DagRuns: []object.DAGRun{}}, nil
	}
	return c.page(ctx, browse.RunFilter{
		DAGIDs: one(in.DAGID), DAGIDLike: in.DAGIDPattern.Like(), RunIDLike: in.RunIDPattern.Like(), States: in.State, Types: in.RunType, UserLike: in.UserPattern.Like(),
		ConfContains: in.ConfContains, VersionNumbers: in.DagVersion, RunAfter: in.RunAfter, LogicalDate: in.LogicalDate, UpdatedAt: in.UpdatedAt,
		StartDate: in.StartDate, EndDate: in.EndDate, Duration: in.Duration,
	}, in.Of(in.Order))
}

func (c *calls) page(ctx context.Context, f browse.RunFilter, p browse.Page) (*DAGRunCollection, error) {
	found, n, err := c.browse.Runs(ctx, f, p)
	if err != nil {
		return nil, err
	}
	out := &DAGRunCollection{make([]object.DAGRun, len(found)), n}
	for i, r := range found {
		out.DagRuns[i] = object.RunOf(r)
	}
	return out, nil
}

func (c *calls) get(ctx context.Context, in *named) (*object.DAGRun, error) {
	r, err := c.browse.Run(ctx, in.DAGID, in.DagRunID)
	if err != nil {
		return nil, err
	}
	return new(object.RunOf(r)), nil
}

// Dates are bounds of moments in the body of a batch.
type Dates struct {
	RunAfterGTE    *rest.Time `json:"run_after_gte" zone:"true"`
	RunAfterGT     *rest.Time `json:"run_after_gt" zone:"true"`
	RunAfterLTE    *rest.Time `json:"run_after_lte" zone:"true"`
	RunAfterLT     *rest.Time `json:"run_after_lt" zone:"true"`
	LogicalDateGTE *rest.Time `json:"logical_date_gte" zone:"true"`
	LogicalDateGT  *rest.Time `json:"logical_date_gt" zone:"true"`
	LogicalDateLTE *rest.Time `json:"logical_date_lte" zone:"true"`
	LogicalDateLT  *rest.Time `json:"logical_date_lt" zone:"true"`
	StartDateGTE   *rest.Time `json:"start_date_gte" zone:"true"`
	StartDateGT    *rest.Time `json:"start_date_gt" zone:"true"`
	StartDateLTE   *rest.Time `json:"start_date_lte" zone:"true"`
	StartDateLT    *rest.Time `json:"start_date_lt" zone:"true"`
	EndDateGTE     *rest.Time `json:"end_date_gte" zone:"true"`
	EndDateGT      *rest.Time `json:"end_date_gt" zone:"true"`
	EndDateLTE     *rest.Time `json:"end_date_lte" zone:"true"`
	EndDateLT      *rest.Time `json:"end_date_lt" zone:"true"`
	DurationGTE    *float64   `json:"duration_gte"`
	DurationGT     *float64   `json:"duration_gt"`
	DurationLTE    *float64   `json:"duration_lte"`
	DurationLT     *float64   `json:"duration_lt"`
}

// into writes the bounds into a filter.
func (d *Dates) into(f *browse.RunFilter) {
	at := func(gte, gt, lte, lt *rest.Time) rest.TimeRange {
		of := func(t *rest.Time) *time.Time {
			if t == nil {
				return nil
			}
			return &t.Time
		}
		return rest.TimeRange{GTE: of(gte), GT: of(gt), LTE: of(lte), LT: of(lt)}
	}
	f.RunAfter = at(d.RunAfterGTE, d.RunAfterGT, d.RunAfterLTE, d.RunAfterLT)
	f.LogicalDate = at(d.LogicalDateGTE, d.LogicalDateGT, d.LogicalDateLTE, d.LogicalDateLT)
	f.StartDate = at(d.StartDateGTE, d.StartDateGT, d.StartDateLTE, d.StartDateLT)
	f.EndDate = at(d.EndDateGTE, d.EndDateGT, d.EndDateLTE, d.EndDateLT)
	f.Duration = rest.FloatRange{GTE: d.DurationGTE, GT: d.DurationGT, LTE: d.DurationLTE, LT: d.DurationLT}
}

// mostInBatch is how many items a batch has at most, which Airflow does not bound: what is answered here is in the memory of
// the process that schedules.
const mostInBatch = 10_000

// BatchPage is the page of a batch, which is cut at [mostInBatch].
type BatchPage struct {
	OrderBy    *string `json:"order_by"`
	PageOffset int     `json:"page_offset" default:"0" minimum:"0"`
	PageLimit  int     `json:"page_limit" default:"100" minimum:"0"`
}

// of is the page in an order by the names that are known.
func (p *BatchPage) of(known []string, standard string) (browse.Page, error) {
	names := []string{standard}
	if p.OrderBy != nil {
		names[0] = *p.OrderBy
	}
	o, fault := rest.OrderBy(known, names...)
	if fault != nil {
		return browse.Page{}, fault
	}
	return browse.Page{Limit: min(p.PageLimit, mostInBatch), Offset: p.PageOffset, Order: o}, nil
}

// DAGRunsBatchBody selects runs of many DAGs.
type DAGRunsBatchBody struct {
	BatchPage
	Dates

	DagIDs       []string  `json:"dag_ids" nullable:"true"`
	States       []*string `json:"states" nullable:"true" enum:"queued,running,success,failed"`
	ConfContains *string   `json:"conf_contains"`
}

// onlyAll is what is wrong with a path that has something else than [rest.All].
func onlyAll(name, value string) error {
	if value == rest.All {
		return nil
	}
	return rest.Invalid(rest.Problem{Type: "literal_error", Loc: []any{"path", name}, Msg: "Input should be '~'", Input: value, Ctx: map[string]any{"expected": "'~'"}})
}

func some[T any](list []T) []T {
	if len(list) == 0 {
		return nil // no filter
	}
	return list
}

func texts(list []*string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		if v != nil {
			out[i] = *v
		}
	}
	return some(out)
}

func (c *calls) batch(ctx context.Context, in *struct {
	DAGID string `path:"dag_id"`
	Body  DAGRunsBatchBody
},
) (*DAGRunCollection, error) {
	if err := onlyAll("dag_id", in.DAGID); err != nil {
		return nil, err
	}
	b := &in.Body
	p, err := b.of([]string{"id", "state", "dag_id", "logical_date", "run_after", "start_date", "end_date", "updated_at", "conf", "duration", "dag_run_id", "run_id"}, "id")
	if err != nil {
		return nil, err
	}
	f := browse.RunFilter{DAGIDs: some(b.DagIDs), States: texts(b.States)}
	if b.ConfContains != nil {
		f.ConfContains = *b.ConfContains
	}
	b.into(&f)
	return c.page(ctx, f, p)
}
