// Package dags serves the calls about DAGs and their tasks.
package dags

import (
	"context"
	"net/http"
	"slices"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// calls are what the calls ask.
type calls struct {
	browse *browse.Browser
	api    func(ctx context.Context) *api.API
}

// Routes adds the calls. as is the api for whoever asks.
func Routes(s *rest.Server, b *browse.Browser, as func(context.Context) *api.API) {
	c := &calls{b, as}
	const dag = "/dags/{dag_id}"
	rest.Register(s, rest.Operation{ID: "get_dags", Method: http.MethodGet, Path: "/dags", Tag: "DAG"}, c.list)
	rest.Register(s, rest.Operation{ID: "patch_dags", Method: http.MethodPatch, Path: "/dags", Tag: "DAG", Action: access.Operate, Many: true}, c.patchMany)
	rest.Register(s, rest.Operation{ID: "get_dag", Method: http.MethodGet, Path: dag, Tag: "DAG"}, c.get)
	rest.Register(s, rest.Operation{ID: "patch_dag", Method: http.MethodPatch, Path: dag, Tag: "DAG", Action: access.Operate}, c.patch)
	rest.Register(s, rest.Operation{ID: "delete_dag", Method: http.MethodDelete, Path: dag, Tag: "DAG", Action: access.Operate, Status: http.StatusNoContent}, c.remove)
	rest.Register(s, rest.Operation{ID: "get_dag_details", Method: http.MethodGet, Path: dag + "/details", Tag: "DAG"}, c.details)
	rest.Register(s, rest.Operation{ID: "get_tasks", Method: http.MethodGet, Path: dag + "/tasks", Tag: "Task"}, c.tasks)
	rest.Register(s, rest.Operation{ID: "get_task", Method: http.MethodGet, Path: dag + "/tasks/{task_id}", Tag: "Task"}, c.task)
	rest.Register(s, rest.Operation{ID: "favorite_dag", Method: http.MethodPost, Path: dag + "/favorite", Tag: "DAG", Status: http.StatusNoContent}, c.favorite)
	rest.Register(s, rest.Operation{ID: "unfavorite_dag", Method: http.MethodPost, Path: dag + "/unfavorite", Tag: "DAG", Status: http.StatusNoContent}, c.unfavorite)
	c.recordRoutes(s)
}

// DAG is a DAG.
type DAG struct {
	DagID                       string     `json:"dag_id"`
	DagDisplayName              string     `json:"dag_display_name"`
	IsPaused                    bool       `json:"is_paused"`
	IsStale                     bool       `json:"is_stale"`
	LastParsedTime              *rest.Time `json:"last_parsed_time"`
	LastParseDuration           *float64   `json:"last_parse_duration"`
	LastExpired                 *rest.Time `json:"last_expired"`
	BundleName                  *string    `json:"bundle_name"`
	BundleVersion               *string    `json:"bundle_version"`
	RelativeFileloc             *string    `json:"relative_fileloc"`
	Fileloc                     string     `json:"fileloc"`
	Description                 *string    `json:"description"`
	TimetableSummary            *string    `json:"timetable_summary"`
	TimetableDescription        *string    `json:"timetable_description"`
	TimetablePartitioned        bool       `json:"timetable_partitioned"`
	Tags                        []Tag      `json:"tags"`
	MaxActiveTasks              int        `json:"max_active_tasks"`
	MaxActiveRuns               *int       `json:"max_active_runs"`
	MaxConsecutiveFailedDagRuns int        `json:"max_consecutive_failed_dag_runs"`
	HasTaskConcurrencyLimits    bool       `json:"has_task_concurrency_limits"`
	HasImportErrors             bool       `json:"has_import_errors"`
	NextDagrunLogicalDate       *rest.Time `json:"next_dagrun_logical_date"`
	NextDagrunDataIntervalStart *rest.Time `json:"next_dagrun_data_interval_start"`
	NextDagrunDataIntervalEnd   *rest.Time `json:"next_dagrun_data_interval_end"`
	NextDagrunRunAfter          *rest.Time `json:"next_dagrun_run_after"`
	AllowedRunTypes             []string   `json:"allowed_run_types" nullable:"true"`
	Owners                      []string   `json:"owners"`
	FileToken                   string     `json:"file_token"`
}

// Tag is a tag of a DAG.
type Tag struct {
	Name           string `json:"name"`
	DagID          string `json:"dag_id"`
	DagDisplayName string `json:"dag_display_name"`
}

// DAGCollection is a page of DAGs.
type DAGCollection struct {
	DAGs         []DAG `json:"dags"`
	TotalEntries int   `json:"total_entries"`
}

// dagOf is a DAG as it is answered.
func dagOf(d *browse.DAG) DAG {
	out := DAG{
		DagID: d.ID, DagDisplayName: d.Name(), IsPaused: d.Paused, IsStale: d.Stale, BundleName: new(object.Bundle), RelativeFileloc: &d.Path, Fileloc: d.Pos.File,
		Tags: []Tag{}, MaxActiveTasks: d.MaxActiveTasks, MaxConsecutiveFailedDagRuns: d.MaxConsecutiveFailedRuns, HasTaskConcurrencyLimits: d.TaskLimits,
		LastParsedTime: rest.Maybe(d.Loaded), HasImportErrors: d.ImportErrors, Owners: d.OwnerList(), FileToken: object.FileToken(d.Pos.File),
	}
	if d.MaxActiveRuns > 0 {
		out.MaxActiveRuns = new(d.MaxActiveRuns)
	}
	if d.Description != "" {
		out.Description = new(d.Description)
	}
	for _, t := range d.Tags {
		out.Tags = append(out.Tags, Tag{t, d.ID, d.Name()})
	}
	summary, description := d.Timing()
	out.TimetableDescription = &description
	if summary != "" {
		out.TimetableSummary = &summary
	}
	if n := d.Next; n != nil {
		out.NextDagrunLogicalDate, out.NextDagrunRunAfter = rest.Maybe(n.LogicalDate), rest.Maybe(n.RunAfter)
		out.NextDagrunDataIntervalStart, out.NextDagrunDataIntervalEnd = rest.Maybe(n.IntervalStart), rest.Maybe(n.IntervalEnd)
	}
	return out
}

// selection is what DAGs are selected by in several calls.
type selection struct {
	Tags         []string     `query:"tags"`
	TagsMatch    string       `query:"tags_match_mode" enum:"any,all" default:"any"`
	Owners       []string     `query:"owners"`
	DAGIDPattern rest.Pattern `query:"dag_id_pattern"`
	ExcludeStale bool         `query:"exclude_stale" default:"true"`
	Paused       *bool        `query:"paused"`
}

func (q *selection) filter() browse.DAGFilter {
	return browse.DAGFilter{
		Tags: q.Tags, AllTags: q.TagsMatch == "all", Owners: q.Owners, IDLike: q.DAGIDPattern.Like(), WithStale: !q.ExcludeStale, Paused: q.Paused,
	}
}

type listInput struct {
	rest.Page
	selection

	NamePattern      rest.Pattern   `query:"dag_display_name_pattern"`
	LastState        string         `query:"last_dag_run_state" enum:"queued,running,success,failed"`
	RunState         rest.Filter    `query:"dag_run_state" enum:"queued,running,success,failed"`
	RunStart         rest.TimeRange `query:"dag_run_start_date"`
	RunEnd           rest.TimeRange `query:"dag_run_end_date"`
	HasImportErrors  *bool          `query:"has_import_errors"`
	BundleName       *string        `query:"bundle_name"`
	BundleVersion    *string        `query:"bundle_version"`
	HasAssetSchedule *bool          `query:"has_asset_schedule"`
	AssetDependency  string         `query:"asset_dependency"`
	IsFavorite       *bool          `query:"is_favorite"`
	TimetableType    []string       `query:"timetable_type"`
	Order            rest.Order     `query:"order_by" order:"dag_id,dag_display_name,next_dagrun,state,start_date,last_run_state,last_run_start_date" default:"dag_id"`
}

func (c *calls) list(ctx context.Context, in *listInput) (*DAGCollection, error) {
	f := in.filter()
	f.NameLike, f.LastState, f.ImportErrors, f.OnAssets = in.NamePattern.Like(), in.LastState, in.HasImportErrors, in.HasAssetSchedule
	f.OnAsset, f.Timetables, f.Favorite = in.AssetDependency, in.TimetableType, in.IsFavorite
	if in.RunState != nil || !in.RunStart.Empty() || !in.RunEnd.Empty() {
		f.Runs = &browse.RunFilter{States: in.RunState, StartDate: in.RunStart, EndDate: in.RunEnd}
	}
	// There is one bundle, whose files have no versions.
	if in.BundleName != nil && *in.BundleName != object.Bundle || in.BundleVersion != nil {
		return &DAGCollection{DAGs: []DAG{}}, nil
	}
	return c.page(ctx, f, in.Of(in.Order))
}

func (c *calls) page(ctx context.Context, f browse.DAGFilter, p browse.Page) (*DAGCollection, error) {
	found, n, err := c.browse.DAGs(ctx, f, p)
	if err != nil {
		return nil, err
	}
	out := &DAGCollection{DAGs: make([]DAG, len(found)), TotalEntries: n}
	for i, d := range found {
		out.DAGs[i] = dagOf(d)
	}
	return out, nil
}

type one struct {
	DAGID string `path:"dag_id"`
}

func (c *calls) get(ctx context.Context, in *one) (*DAG, error) {
	d, _, err := c.browse.DAG(ctx, in.DAGID)
	if err != nil {
		return nil, err
	}
	return new(dagOf(d)), nil
}

// PatchBody is what can be changed about a DAG.
type PatchBody struct {
	IsPaused bool `json:"is_paused" required:"true"`
}

func mask(names []string) error {
	if len(names) > 0 && (len(names) > 1 || names[0] != "is_paused") {
		return rest.BadRequest("Only `is_paused` field can be updated through the REST API")
	}
	return nil
}

func (c *calls) patch(ctx context.Context, in *struct {
	DAGID string   `path:"dag_id"`
	Mask  []string `query:"update_mask"`
	Body  PatchBody
},
) (*DAG, error) {
	if _, _, err := c.browse.DAG(ctx, in.DAGID); err != nil {
		return nil, err
	}
	if err := mask(in.Mask); err != nil {
		return nil, err
	}
	if err := c.api(ctx).Pause(ctx, in.DAGID, in.Body.IsPaused); err != nil {
		return nil, err
	}
	return c.get(ctx, &one{in.DAGID})
}

func (c *calls) remove(ctx context.Context, in *one) (*struct{}, error) {
	if _, _, err := c.browse.DAG(ctx, in.DAGID); err != nil {
		return nil, err
	}
	_, err := c.api(ctx).Remove(ctx, in.DAGID, "")
	return nil, err
}

// everyDAG is a page of all.
const everyDAG = 1 << 30

func (c *calls) patchMany(ctx context.Context, in *struct {
	rest.Page
	selection

	Mask []string `query:"update_mask"`
	Body PatchBody
},
) (*DAGCollection, error) {
	if err := mask(in.Mask); err != nil {
		return nil, err
	}
	if in.DAGIDPattern == "" { // not everything
		return &DAGCollection{DAGs: []DAG{}}, nil
	}
	found, n, err := c.browse.DAGs(ctx, in.filter(), browse.Page{Limit: everyDAG, Order: []browse.Key{{Name: "dag_id"}}})
	if err != nil {
		return nil, err
	}
	may, _ := access.From(ctx)
	all := len(found)
	found = slices.DeleteFunc(found, func(d *browse.DAG) bool {
		return !may.May(access.Operate, &access.DAG{ID: d.ID, Tags: d.Tags, Owners: d.OwnerList()})
	})
	n -= all - len(found)
	ask := c.api(ctx)
	for _, d := range found {
		if err := ask.Pause(ctx, d.ID, in.Body.IsPaused); err != nil {
			return nil, err
		}
		d.Paused = in.Body.IsPaused
	}
	out := &DAGCollection{DAGs: []DAG{}, TotalEntries: n}
	for _, d := range rest.Cut(in.Page, found) {
		out.DAGs = append(out.DAGs, dagOf(d))
	}
	return out, nil
}
