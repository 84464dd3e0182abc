// Package backfills serves the calls about backfills.
package backfills

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
)

// calls are what the calls ask.
type calls struct {
	browse *browse.Browser
	api    func(ctx context.Context) *api.API
}

// Routes adds the calls. as is the api for whoever asks. Their paths name no DAG: each call sees to the right to the one
// that it is about.
func Routes(s *rest.Server, b *browse.Browser, as func(context.Context) *api.API) {
	c := &calls{b, as}
	const all, one = "/backfills", "/backfills/{backfill_id}"
	op := func(id, method, path string, a access.Action) rest.Operation {
		return rest.Operation{ID: id, Method: method, Path: path, Tag: "Backfill", Action: a, Many: true}
	}
	rest.Register(s, op("list_backfills", http.MethodGet, all, access.Read), c.list)
	rest.Register(s, op("create_backfill", http.MethodPost, all, access.Operate), c.create)
	rest.Register(s, op("create_backfill_dry_run", http.MethodPost, all+"/dry_run", access.Operate), c.dryRun)
	rest.Register(s, op("get_backfill", http.MethodGet, one, access.Read), c.get)
	rest.Register(s, op("pause_backfill", http.MethodPut, one+"/pause", access.Operate), c.set(browse.BackfillPaused))
	rest.Register(s, op("unpause_backfill", http.MethodPut, one+"/unpause", access.Operate), c.set(browse.BackfillRunning))
	rest.Register(s, op("cancel_backfill", http.MethodPut, one+"/cancel", access.Operate), c.set(browse.BackfillCancelled))
}

// Backfill is a backfill.
type Backfill struct {
	ID                int64      `json:"id"`
	DagID             string     `json:"dag_id"`
	DagDisplayName    string     `json:"dag_display_name"`
	FromDate          rest.Time  `json:"from_date"`
	ToDate            rest.Time  `json:"to_date"`
	DagRunConf        rest.Any   `json:"dag_run_conf"`
	IsPaused          bool       `json:"is_paused"`
	ReprocessBehavior string     `json:"reprocess_behavior" enum:"none,failed,completed"`
	MaxActiveRuns     int        `json:"max_active_runs"`
	CreatedAt         rest.Time  `json:"created_at"`
	CompletedAt       *rest.Time `json:"completed_at"`
	UpdatedAt         rest.Time  `json:"updated_at"`
}

func backfillOf(b *browse.Backfill) *Backfill {
	out := &Backfill{
		ID: b.ID, DagID: b.DAGID, DagDisplayName: b.DisplayName, FromDate: rest.At(b.From), ToDate: rest.At(b.To), DagRunConf: rest.Any("{}"),
		IsPaused: b.State == browse.BackfillPaused || b.State == browse.BackfillCancelled, ReprocessBehavior: string(b.Reprocess), MaxActiveRuns: b.MaxActiveRuns,
		CreatedAt: rest.At(b.CreatedAt), CompletedAt: rest.Maybe(b.CompletedAt), UpdatedAt: rest.At(b.UpdatedAt),
	}
	if len(b.Conf) > 0 {
		out.DagRunConf = b.Conf
	}
	return out
}

// BackfillCollection is a page of backfills.
type BackfillCollection struct {
	Backfills    []Backfill `json:"backfills"`
	TotalEntries int        `json:"total_entries"`
}

func (c *calls) list(ctx context.Context, in *struct {
	rest.Page

	DAGID string     `query:"dag_id" required:"true"`
	Order rest.Order `query:"order_by" order:"id" default:"id"`
},
) (*BackfillCollection, error) {
	if err := c.browse.Allow(ctx, access.Read, in.DAGID); err != nil {
		return nil, err
	}
	found, n, err := c.browse.Backfills(ctx, in.DAGID, in.Of(nil), in.Order[0].Desc)
	if err != nil {
		return nil, err
	}
	out := &BackfillCollection{Backfills: []Backfill{}, TotalEntries: n}
	for i := range found {
		out.Backfills = append(out.Backfills, *backfillOf(&found[i]))
	}
	return out, nil
}

type named struct {
	ID int64 `path:"backfill_id" minimum:"0"`
}

func (c *calls) get(ctx context.Context, in *named) (*Backfill, error) {
	b, err := c.browse.Backfill(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return backfillOf(b), nil
}

// BackfillPostBody asks for a backfill.
type BackfillPostBody struct {
	DagID             string      `json:"dag_id" required:"true"`
	FromDate          rest.Time   `json:"from_date" required:"true"`
	ToDate            rest.Time   `json:"to_date" required:"true"`
	RunBackwards      bool        `json:"run_backwards" default:"false"`
	DagRunConf        rest.Object `json:"dag_run_conf"`
	ReprocessBehavior string      `json:"reprocess_behavior" enum:"none,failed,completed" default:"none"`
	MaxActiveRuns     int         `json:"max_active_runs" default:"10"`
	// RunOnLatestVersion is about runs that are there and run again. New ones have the latest version anyhow.
	RunOnLatestVersion bool `json:"run_on_latest_version" default:"true"`
}

// refused is the answer to a backfill that cannot be.
func refused(format string, args ...any) error {
	return rest.Errorf(http.StatusUnprocessableEntity, format, args...)
}

// request is what a body asks for, if whoever asks may.
func (c *calls) request(ctx context.Context, b *BackfillPostBody) (r api.BackfillRequest, err error) {
	if err := c.browse.Allow(ctx, access.Operate, b.DagID); err != nil {
		return r, err
	}
	d, _, err := c.browse.DAG(ctx, b.DagID)
	switch {
	case err != nil:
		return r, err
	case d.Stale:
		return r, rest.NotFound("Could not find dag %s", b.DagID)
	case d.ImportErrors:
		return r, rest.BadRequest("DAG with dag_id: '%s' has import errors and cannot be backfilled", b.DagID)
	case b.MaxActiveRuns < 1:
		return r, refused("max_active_runs: %d: must be at least 1", b.MaxActiveRuns)
	}
	r = api.BackfillRequest{
		DAGID: b.DagID, From: b.FromDate.Time, To: b.ToDate.Time, Reprocess: browse.Reprocess(b.ReprocessBehavior), MaxActiveRuns: b.MaxActiveRuns,
		Backwards: b.RunBackwards, Latest: b.RunOnLatestVersion,
	}
	if len(b.DagRunConf) > 0 {
		r.Conf, err = json.Marshal(b.DagRunConf)
	}
	return r, err
}

// faultOf is how Airflow refuses a backfill.
func faultOf(err error) error {
	switch _, field := errors.AsType[*api.FieldError](err); {
	case field, errors.Is(err, api.ErrNoSchedule):
		return refused("%v", err)
	default:
		return err
	}
}

func (c *calls) create(ctx context.Context, in *struct{ Body BackfillPostBody }) (*Backfill, error) {
	r, err := c.request(ctx, &in.Body)
	if err != nil {
		return nil, err
	}
	done, err := c.api(ctx).CreateBackfill(ctx, r)
	if err != nil {
		return nil, faultOf(err)
	}
	return c.get(ctx, &named{done.ID})
}

// DryRunBackfillCollection are the dates that a backfill would run.
type DryRunBackfillCollection struct {
	Backfills    []DryRunBackfill `json:"backfills"`
	TotalEntries int              `json:"total_entries"`
}

// DryRunBackfill is one of them.
type DryRunBackfill struct {
	LogicalDate   *rest.Time `json:"logical_date"`
	PartitionKey  *string    `json:"partition_key"`
	PartitionDate *rest.Time `json:"partition_date"`
}

func (c *calls) dryRun(ctx context.Context, in *struct{ Body BackfillPostBody }) (*DryRunBackfillCollection, error) {
	r, err := c.request(ctx, &in.Body)
	if err != nil {
		return nil, err
	}
	dates, err := c.api(ctx).PlanBackfill(ctx, r)
	if err != nil {
		return nil, faultOf(err)
	}
	out := &DryRunBackfillCollection{Backfills: []DryRunBackfill{}}
	for _, d := range dates {
		if d.Outcome == browse.BackfillCreated || d.Outcome == browse.BackfillCleared {
			out.Backfills = append(out.Backfills, DryRunBackfill{LogicalDate: new(rest.At(d.LogicalDate))})
		}
	}
	out.TotalEntries = len(out.Backfills)
	return out, nil
}

// set is a call that gives a backfill a state.
func (c *calls) set(to browse.BackfillState) func(context.Context, *named) (*Backfill, error) {
	return func(ctx context.Context, in *named) (*Backfill, error) {
		b, err := c.browse.Backfill(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		if err := c.browse.Allow(ctx, access.Operate, b.DAGID); err != nil {
			return nil, err
		}
		if _, err = c.api(ctx).SetBackfill(ctx, in.ID, to); errors.Is(err, api.ErrEnded) {
			return nil, rest.Conflict("%v", err)
		}
		if err != nil {
			return nil, err
		}
		return c.get(ctx, in)
	}
}
