package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Run is one run of a DAG. Moments are in UTC, and null before they come.
type Run struct {
	DAGID         string       `json:"dag_id"`
	RunID         string       `json:"run_id"`
	Type          dag.RunType  `json:"run_type"`
	State         dag.RunState `json:"state"`
	Reason        string       `json:"reason,omitempty"`
	LogicalDate   *time.Time   `json:"logical_date"`
	IntervalStart *time.Time   `json:"data_interval_start"`
	IntervalEnd   *time.Time   `json:"data_interval_end"`
	RunAfter      *time.Time   `json:"run_after"`
	StartDate     *time.Time   `json:"start_date"`
	EndDate       *time.Time   `json:"end_date"`
	// Duration is in seconds, null until the run has ended.
	Duration *float64 `json:"duration"`
	// TriggeredBy is the way on which the run was asked for, or what made it: timetable, asset,
	// backfill, operator. TriggeringUser is who asked. Either is empty when it is not known.
	TriggeredBy    store.Via       `json:"triggered_by,omitempty"`
	TriggeringUser string          `json:"triggering_user_name,omitempty"`
	Conf           json.RawMessage `json:"conf,omitempty"`
	// Version is that of the DAG.
	Version string `json:"-"`
	// Key is the store's own identity of the run.
	Key int64 `json:"-"`
}

// By is who triggered the run, or what made it when nobody did.
func (r *Run) By() string { return cmp.Or(r.TriggeringUser, string(r.TriggeredBy)) }

func runOf(r *store.Run) Run {
	return Run{
		DAGID: r.DAGID, RunID: r.RunID, Type: r.Type, State: r.State, Reason: r.Reason, LogicalDate: optional(r.LogicalDate),
		IntervalStart: optional(r.IntervalStart), IntervalEnd: optional(r.IntervalEnd), RunAfter: optional(r.RunAfter),
		StartDate: optional(r.StartDate), EndDate: optional(r.EndDate), Duration: seconds(r.StartDate, r.EndDate),
		TriggeredBy: r.Actor.Via, TriggeringUser: r.Actor.Name, Conf: r.Conf, Version: r.Version, Key: r.Key,
	}
}

// RunStates are the states that a run may have.
func RunStates() []dag.RunState {
	return []dag.RunState{dag.RunQueued, dag.RunRunning, dag.RunSuccess, dag.RunFailed}
}

// RunQuery selects runs. Zero fields select everything.
type RunQuery struct {
	DAGID  string
	States []dag.RunState
	Type   dag.RunType
	// Since selects the runs that ended at this moment or later, or have not ended.
	Since time.Time
	// Before selects the runs that were due before this moment. It needs a Limit, and a Cursor takes its place.
	Before time.Time
	Page
}

// Runs lists runs, newest first. Naming a DAG that there is not is an error, a DAG without runs
// is none.
func (a *API) Runs(ctx context.Context, q RunQuery) (List[Run], error) {
	out := List[Run]{Items: []Run{}}
	f, err := q.filter()
	if err != nil {
		return out, err
	}
	mine, err := a.Only(ctx)
	if err != nil {
		return out, err
	}
	f.DAGIDs = mine.Within(nil)
	var rows []*store.Run
	if a.o.Store != nil {
		if rows, err = a.o.Store.Runs(ctx, f); err != nil {
			return out, err
		}
	}
	if len(rows) == 0 && q.DAGID != "" {
		if err := a.known(ctx, q.DAGID, nil); err != nil {
			return out, err
		}
	}
	if q.Limit == 0 {
		slices.Reverse(rows) // without a limit the store has the oldest first
	}
	rows, out.Next = cut(q.Page, rows, func(r *store.Run) string {
		return strconv.FormatInt(r.RunAfter.UnixMilli(), 10) + "." + strconv.FormatInt(r.Key, 10)
	})
	for _, r := range rows {
		out.Items = append(out.Items, runOf(r))
	}
	if q.Count && a.o.Store != nil {
		out.Total, err = a.o.Store.CountMatching(ctx, f)
	}
	return out, err
}

// RecentRuns are the newest limit runs of each of some DAGs by the ids of these, the newest of a DAG first.
func (a *API) RecentRuns(ctx context.Context, limit int, dagIDs ...string) (map[string][]Run, error) {
	out := map[string][]Run{}
	if a.o.Store == nil {
		return out, nil
	}
	rows, err := a.o.Store.RecentRuns(ctx, limit, dagIDs...)
	for _, r := range rows {
		out[r.DAGID] = append(out[r.DAGID], runOf(r))
	}
	return out, err
}

// NewestRuns are the newest run of each of some DAGs that has one, in no order; of each DAG when none is named.
func (a *API) NewestRuns(ctx context.Context, dagIDs ...string) ([]Run, error) {
	if a.o.Store == nil {
		return nil, nil
	}
	rows, err := a.o.Store.NewestRuns(ctx, dagIDs...)
	if err != nil {
		return nil, err
	}
	out := make([]Run, len(rows))
	for i, r := range rows {
		out[i] = runOf(r)
	}
	return out, nil
}

// filter is what the store is asked for.
func (q *RunQuery) filter() (store.RunFilter, error) {
	f := store.RunFilter{DAGID: q.DAGID, States: q.States, Type: q.Type, Since: q.Since, Limit: q.more(), Offset: q.Offset}
	if err := q.check(); err != nil {
		return f, err
	}
	for _, s := range q.States {
		if !slices.Contains(RunStates(), s) {
			return f, fmt.Errorf("unknown state %q: use queued, running, success, failed", s)
		}
	}
	if q.Cursor == "" {
		if !q.Before.IsZero() {
			f.Behind = &store.RunPlace{RunAfter: q.Before}
		}
		return f, nil
	}
	at, key, _ := strings.Cut(q.Cursor, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	place := &store.RunPlace{RunAfter: time.UnixMilli(ms)}
	if err == nil {
		place.Key, err = strconv.ParseInt(key, 10, 64)
	}
	if err != nil || q.Limit == 0 || q.Offset != 0 {
		return f, q.wrongCursor("runs")
	}
	f.Behind = place
	return f, nil
}

// Run is the run of a DAG with an id, or the newest one for an empty id.
func (a *API) Run(ctx context.Context, dagID, runID string) (Run, error) {
	r, err := a.run(ctx, dagID, runID)
	if err != nil {
		return Run{}, err
	}
	return runOf(r), nil
}

// run is the row of that.
func (a *API) run(ctx context.Context, dagID, runID string) (*store.Run, error) {
	r, err := a.runNamed(ctx, dagID, runID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, a.known(ctx, dagID, err)
	}
	return r, err
}

func (a *API) runNamed(ctx context.Context, dagID, runID string) (*store.Run, error) {
	if a.o.Store == nil {
		return nil, store.NoSuch("dag.no_runs", dagID)
	}
	if runID != "" {
		r, err := a.o.Store.RunByID(ctx, dagID, runID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, a.noRun(ctx, dagID, runID)
		}
		return r, err
	}
	rs, err := a.o.Store.Runs(ctx, store.RunFilter{DAGID: dagID, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(rs) == 0 {
		return nil, store.NoSuch("dag.no_runs", dagID)
	}
	return rs[0], nil
}

// runsNear is among how many of the newest runs a mistyped run id is looked for.
const runsNear = 200

// noRun is the error about an unknown run id, with the nearest one.
func (a *API) noRun(ctx context.Context, dagID, runID string) error {
	rs, err := a.o.Store.Runs(ctx, store.RunFilter{DAGID: dagID, Limit: runsNear})
	if err != nil {
		return err
	}
	ids := make([]string, len(rs))
	for i, r := range rs {
		ids[i] = r.RunID
	}
	near := phrase.Near(yamlvalue.Nearest(runID, slices.Values(ids)))
	if near.IsZero() {
		near = phrase.Of("see", a.command("dags", "list-runs", dagID))
	}
	return store.NoSuch("dag.no_run", dagID, runID, near)
}
