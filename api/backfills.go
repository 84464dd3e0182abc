package api

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/alter"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// ErrEnded says that a backfill has ended, so that nothing can be changed any more.
var ErrEnded = alter.ErrEnded

// DefaultBackfillRuns is how many runs of a backfill are active at once unless it says so.
const DefaultBackfillRuns = engine.DefaultBackfillRuns

// BackfillRequest asks for the runs of a range of dates.
type BackfillRequest struct {
	DAGID string `json:"dag_id"`
	// From and To are the first and the last logical date, inclusive.
	From time.Time `json:"from_date"`
	To   time.Time `json:"to_date"`
	// Reprocess is none when it is empty.
	Reprocess store.Reprocess `json:"reprocess_behavior,omitempty"`
	// MaxActiveRuns is how many of its runs are active at once, whatever the DAG's own
	// max_active_runs says; 0 is [DefaultBackfillRuns].
	MaxActiveRuns int `json:"max_active_runs,omitempty"`
	// Backwards starts the newest run first.
	Backwards bool `json:"run_backwards,omitempty"`
	// Latest lets runs that exist and run again go on in the version of the DAG that new runs get; else they keep theirs.
	Latest bool `json:"run_on_latest_version,omitempty"`
	// Conf is a JSON object for the new runs, or nil. Runs that exist keep theirs.
	Conf json.RawMessage `json:"dag_run_conf,omitempty"`
}

func (r *BackfillRequest) request(by store.Actor) engine.BackfillRequest {
	return engine.BackfillRequest{
		From: r.From, To: r.To, Reprocess: r.Reprocess, MaxActiveRuns: r.MaxActiveRuns, Backwards: r.Backwards, Latest: r.Latest, Conf: r.Conf, Actor: by,
	}
}

// BackfillDate is a date of a backfill and what becomes of it. Moments are in UTC.
type BackfillDate struct {
	LogicalDate time.Time             `json:"logical_date"`
	RunAfter    time.Time             `json:"run_after"`
	Outcome     store.BackfillOutcome `json:"outcome"`
}

// Backfill is a backfill and how far it has come, in dates.
type Backfill struct {
	ID            int64               `json:"id"`
	DAGID         string              `json:"dag_id"`
	State         store.BackfillState `json:"state"`
	From          time.Time           `json:"from_date"`
	To            time.Time           `json:"to_date"`
	Reprocess     store.Reprocess     `json:"reprocess_behavior"`
	MaxActiveRuns int                 `json:"max_active_runs"`
	Backwards     bool                `json:"run_backwards"`
	// Latest says that runs which it clears go on in its version of the DAG.
	Latest bool            `json:"run_on_latest_version"`
	Conf   json.RawMessage `json:"dag_run_conf,omitempty"`
	// TriggeredBy is the way on which it was asked for, TriggeringUser who asked.
	TriggeredBy    store.Via  `json:"triggered_by,omitempty"`
	TriggeringUser string     `json:"triggering_user_name,omitempty"`
	CreatedAt      time.Time  `json:"created_at"`
	CompletedAt    *time.Time `json:"completed_at"`
	Total          int        `json:"total"`
	// Done and Failed have a run of the backfill that ended so, Active one that is queued or running.
	Done   int `json:"done"`
	Failed int `json:"failed"`
	Active int `json:"active"`
	// Left wait for their turn, Untouched had a run of their own that was left alone, Removed one of the
	// backfill that has gone since with the old history.
	Left      int `json:"left"`
	Untouched int `json:"untouched"`
	Removed   int `json:"removed"`
}

// CreatedBackfill is a backfill that was made.
type CreatedBackfill struct {
	ID    int64  `json:"id"`
	DAGID string `json:"dag_id"`
	// Dates counts its dates by what would become of each at this moment.
	Dates map[store.BackfillOutcome]int `json:"dates"`
	// Paused says that its DAG is paused, so that no run starts.
	Paused bool `json:"is_paused"`
	// Working says that a process works on the store, which starts its runs.
	Working bool `json:"is_working"`
}

// PlanBackfill tells the dates of a backfill in the order of their starts, each with what would
// become of it now, and changes nothing. Its errors are those of [API.CreateBackfill].
func (a *API) PlanBackfill(ctx context.Context, r BackfillRequest) ([]BackfillDate, error) {
	d, err := a.o.Folder.DAG(r.DAGID)
	if err != nil {
		return nil, err
	}
	_, dates, err := schedule.PlanBackfill(ctx, a.o.Store, d, r.request(a.o.By), a.o.Clock())
	if err != nil {
		return nil, fieldOfBackfill(err)
	}
	out := make([]BackfillDate, len(dates))
	for i, x := range dates {
		out[i] = BackfillDate{x.LogicalDate.UTC(), x.RunAfter.UTC(), x.Outcome}
	}
	return out, nil
}

// CreateBackfill makes a backfill, whose runs the process that schedules makes and starts, a few at
// a time. A mistake of the request is a [*FieldError]; other errors wrap [ErrNoSchedule], [ErrExists]
// when the DAG has an open backfill, or [ErrNotFound], or are a [*NotScheduledError].
func (a *API) CreateBackfill(ctx context.Context, r BackfillRequest) (*CreatedBackfill, error) {
	e, err := a.o.Engine(ctx)
	if err != nil {
		return nil, err
	}
	done, err := e.CreateBackfill(ctx, r.DAGID, r.request(a.o.By))
	if err != nil {
		return nil, a.notScheduled(r.DAGID, fieldOfBackfill(err))
	}
	working, err := a.Working(ctx)
	return &CreatedBackfill{done.Backfill.ID, r.DAGID, done.Dates, done.Paused, working}, err
}

func fieldOfBackfill(err error) error {
	if be, ok := errors.AsType[*engine.BackfillError](err); ok {
		return &FieldError{be.Field, be.Err}
	}
	return err
}

// BackfillQuery selects backfills. Zero fields select everything.
type BackfillQuery struct {
	DAGID string
	Page
}

// Backfills lists backfills, newest first. Naming a DAG that there is not is an error, a DAG without
// backfills is none.
func (a *API) Backfills(ctx context.Context, q BackfillQuery) (List[Backfill], error) {
	out := List[Backfill]{Items: []Backfill{}}
	behind, err := q.behind("backfills")
	if err != nil || a.o.Store == nil {
		return out, err
	}
	mine, err := a.Only(ctx)
	if err != nil {
		return out, err
	}
	f := store.BackfillFilter{DAGID: q.DAGID, DAGIDs: mine.Within(nil)}
	all := f
	f.Limit, f.Offset, f.Behind = q.more(), q.Offset, behind
	rows, err := a.o.Store.Backfills(ctx, f)
	if err != nil {
		return out, err
	}
	if len(rows) == 0 && q.DAGID != "" {
		if err := a.known(ctx, q.DAGID, nil); err != nil {
			return out, err
		}
	}
	rows, out.Next = cut(q.Page, rows, func(b *store.Backfill) string { return strconv.FormatInt(b.ID, 10) })
	for _, b := range rows {
		one, err := a.backfill(ctx, b)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, one)
	}
	switch {
	case q.Count && mine.Limited():
		every, err := a.o.Store.Backfills(ctx, all)
		out.Total = len(every)
		return out, err
	case q.Count:
		out.Total, err = a.o.Store.CountBackfills(ctx, q.DAGID)
	}
	return out, err
}

// Backfill is one backfill. Its error wraps [ErrNotFound] when there is none.
func (a *API) Backfill(ctx context.Context, id int64) (Backfill, error) {
	if a.o.Store == nil {
		return Backfill{}, a.noBackfill(id)
	}
	b, err := a.o.Store.Backfill(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Backfill{}, a.noBackfill(id)
	}
	if err != nil {
		return Backfill{}, err
	}
	mine, err := a.Only(ctx)
	if err == nil && !mine.Has(b.DAGID) {
		err = a.noBackfill(id)
	}
	if err != nil {
		return Backfill{}, err
	}
	return a.backfill(ctx, b)
}

func (a *API) noBackfill(id int64) error {
	return store.NoSuch("backfill.gone", id, a.command("backfill", "list"))
}

// backfill is a row with how far it has come.
func (a *API) backfill(ctx context.Context, b *store.Backfill) (Backfill, error) {
	c, err := a.o.Store.BackfillCounts(ctx, b.ID)
	return Backfill{
		ID: b.ID, DAGID: b.DAGID, State: b.State, From: b.From, To: b.To, Reprocess: b.Reprocess, MaxActiveRuns: b.MaxActiveRuns,
		Backwards: b.Backwards, Latest: b.Latest, Conf: b.Conf, TriggeredBy: b.Actor.Via, TriggeringUser: b.Actor.Name, CreatedAt: b.CreatedAt,
		CompletedAt: optional(b.CompletedAt), Total: c.Total, Done: c.Success, Failed: c.Failed, Active: c.Active, Left: c.Left, Untouched: c.Untouched, Removed: c.Removed,
	}, err
}

// SetBackfill pauses a backfill, lets it run again, or cancels it. A paused one starts no run; what
// runs goes on. A cancelled one ends: its queued runs fail, those that run go on. Its error wraps
// [ErrNotFound] when there is none, and [ErrEnded] when it has ended.
func (a *API) SetBackfill(ctx context.Context, id int64, state store.BackfillState) (Backfill, error) {
	if state != store.BackfillPaused && state != store.BackfillRunning && state != store.BackfillCancelled {
		return Backfill{}, &FieldError{"state", phrase.Err("backfill.state", state)}
	}
	if _, err := a.Backfill(ctx, id); err != nil {
		return Backfill{}, err
	}
	b, err := alter.SetBackfill(ctx, a.o.Store, id, state, a.o.By, a.o.Clock())
	if errors.Is(err, store.ErrNotFound) {
		return Backfill{}, a.noBackfill(id)
	}
	if err != nil {
		return Backfill{}, err
	}
	return a.backfill(ctx, b)
}
