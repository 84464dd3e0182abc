// Package why serves the calls that say why something runs or does not, which Airflow has not: of task instances, of the ticks of
// a schedule, and what comes next.
package why

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
)

// calls are what the calls ask.
type calls struct {
	browse *browse.Browser
	api    func(context.Context) *api.API
	clock  func() time.Time
}

// Routes adds the calls. as asks for whoever is in a context.
func Routes(s *rest.Server, b *browse.Browser, as func(context.Context) *api.API) {
	c := &calls{b, as, s.Clock}
	get := func(id, path, summary string) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodGet, Path: path, Tag: "Why", Summary: summary}
	}
	rest.Register(s, get("get_dag_why", "/dags/{dag_id}/why", "Why a run of a DAG did or did not start at a moment"), c.dag)
	rest.Register(s, get("get_dag_ticks", "/dags/{dag_id}/ticks", "The ticks of the schedule that started no run, and why"), c.ticks)
	rest.Register(s, get("get_dag_next_runs", "/dags/{dag_id}/nextRuns", "When a DAG runs next, and which assets it waits for"), c.next)
	rest.Register(s, get("get_task_why", "/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/why", "Why the instances of a task wait or did not run"), c.task)
}

// DAGWhy is what became of a tick of a schedule.
type DAGWhy struct {
	DagID    string     `json:"dag_id"`
	At       rest.Time  `json:"at"`
	Tick     *rest.Time `json:"tick" doc:"When the run was due; null when nothing was."`
	Outcome  *string    `json:"outcome" enum:"started,skipped,missed,waiting" doc:"Null when no tick was due."`
	Reason   string     `json:"reason" doc:"A sentence without its end."`
	DagRunID *string    `json:"dag_run_id" doc:"The run of the tick."`
	NextTick *rest.Time `json:"next_tick" doc:"When the tick after the moment is due; null when there is none."`
}

func (c *calls) dag(ctx context.Context, in *struct {
	DAGID string     `path:"dag_id"`
	At    *rest.Time `query:"at" doc:"The newest tick that was due at this moment, which is now by default."`
},
) (*DAGWhy, error) {
	if err := c.browse.NamedDAG(ctx, in.DAGID); err != nil {
		return nil, err
	}
	at := c.clock()
	if in.At != nil {
		if in.At.After(at) {
			return nil, rest.Invalid(rest.ValueError("at is in the future: nextRuns has what comes next", in.At.String(), "query", "at"))
		}
		at = in.At.Time
	}
	w, err := c.api(ctx).WhyRun(ctx, in.DAGID, at)
	if err != nil {
		return nil, err
	}
	return &DAGWhy{w.DAGID, rest.At(w.At), rest.Moment(w.Tick), rest.Some(string(w.Outcome)), w.Reason, rest.Some(w.RunID), rest.Moment(w.Next)}, nil
}

// Ticks are due ticks, one after another, that started no run for one reason.
type Ticks struct {
	FirstTick  rest.Time `json:"first_tick"`
	LastTick   rest.Time `json:"last_tick"`
	Count      int       `json:"count"`
	Outcome    string    `json:"outcome" enum:"skipped,missed"`
	Reason     string    `json:"reason"`
	RecordedAt rest.Time `json:"recorded_at"`
}

// TicksCollection is a page of them.
type TicksCollection struct {
	Ticks        []Ticks `json:"ticks"`
	TotalEntries int     `json:"total_entries"`
}

// tickKeys are what they are ordered by.
var tickKeys = map[string]func(Ticks) any{ //nolint:gochecknoglobals // a table
	"first_tick": func(t Ticks) any { return int(t.FirstTick.UnixMilli()) }, "last_tick": func(t Ticks) any { return int(t.LastTick.UnixMilli()) },
}

func (c *calls) ticks(ctx context.Context, in *struct {
	rest.Page

	DAGID   string      `path:"dag_id"`
	Since   *rest.Time  `query:"since" doc:"Those that have ticks at or after this moment."`
	Until   *rest.Time  `query:"until" doc:"Those that have ticks before this moment."`
	Outcome rest.Filter `query:"outcome" enum:"skipped,missed"`
	Order   rest.Order  `query:"order_by" order:"first_tick,last_tick" default:"-last_tick"`
},
) (*TicksCollection, error) {
	if err := c.browse.NamedDAG(ctx, in.DAGID); err != nil {
		return nil, err
	}
	all, err := c.browse.Ticks(ctx, in.DAGID, rest.OrZero(in.Since), rest.OrZero(in.Until))
	if err != nil {
		return nil, err
	}
	found := []Ticks{}
	for _, t := range all {
		if len(in.Outcome) == 0 || slices.Contains(in.Outcome, t.Outcome) {
			found = append(found, Ticks{rest.At(t.First), rest.At(t.Last), t.Count, t.Outcome, t.Reason, rest.At(t.RecordedAt)})
		}
	}
	rest.Sort(found, in.Order, tickKeys)
	return &TicksCollection{rest.Cut(in.Page, found), len(found)}, nil
}

// NextRun is a run that a schedule will make.
type NextRun struct {
	RunAfter          rest.Time `json:"run_after"`
	LogicalDate       rest.Time `json:"logical_date"`
	DataIntervalStart rest.Time `json:"data_interval_start"`
	DataIntervalEnd   rest.Time `json:"data_interval_end"`
	DueNow            bool      `json:"due_now" doc:"Whether its time has come."`
}

// AwaitedAsset is an asset that a DAG waits for.
type AwaitedAsset struct {
	Name      string     `json:"name"`
	URI       string     `json:"uri"`
	UpdatedAt *rest.Time `json:"updated_at" doc:"When it was updated since the last run; null until it is."`
}

// NextRuns are what a DAG waits for.
type NextRuns struct {
	NextRuns      []NextRun      `json:"next_runs"`
	IsPaused      bool           `json:"is_paused" doc:"Whether the DAG gets no runs until somebody unpauses it."`
	AwaitedAssets []AwaitedAsset `json:"awaited_assets"`
}

func (c *calls) next(ctx context.Context, in *struct {
	DAGID string `path:"dag_id"`
	Limit int    `query:"limit" default:"1" minimum:"1" maximum:"100" doc:"How many runs."`
},
) (*NextRuns, error) {
	if err := c.browse.NamedDAG(ctx, in.DAGID); err != nil {
		return nil, err
	}
	n, err := c.browse.Next(ctx, in.DAGID, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &NextRuns{NextRuns: []NextRun{}, IsPaused: n.Paused, AwaitedAssets: []AwaitedAsset{}}
	for _, r := range n.Runs {
		out.NextRuns = append(out.NextRuns, NextRun{rest.At(r.RunAfter), rest.At(r.LogicalDate), rest.At(r.IntervalStart), rest.At(r.IntervalEnd), r.Due})
	}
	for _, a := range n.Assets {
		out.AwaitedAssets = append(out.AwaitedAssets, AwaitedAsset{a.Name, a.URI, rest.Moment(a.UpdatedAt)})
	}
	return out, nil
}

// TaskWhy is why a task instance has its state.
type TaskWhy struct {
	DagID    string  `json:"dag_id"`
	DagRunID string  `json:"dag_run_id"`
	TaskID   string  `json:"task_id"`
	MapIndex int     `json:"map_index"`
	State    string  `json:"state"`
	Reason   string  `json:"reason" doc:"A sentence without its end."`
	Holds    *string `json:"holds" doc:"The dependency that holds one that waits, as Airflow calls it."`
}

// TaskWhyCollection is that of the instances of a task.
type TaskWhyCollection struct {
	TaskInstances []TaskWhy `json:"task_instances"`
	TotalEntries  int       `json:"total_entries"`
}

func (c *calls) task(ctx context.Context, in *struct {
	rest.Page

	DAGID    string `path:"dag_id"`
	DagRunID string `path:"dag_run_id"`
	TaskID   string `path:"task_id"`
	MapIndex *int   `query:"map_index" minimum:"-1" doc:"One instance of a mapped task; -1 is that of one that is not mapped."`
},
) (*TaskWhyCollection, error) {
	if err := c.browse.NamedDAG(ctx, in.DAGID); err != nil {
		return nil, err
	}
	if _, err := c.browse.Run(ctx, in.DAGID, in.DagRunID); err != nil {
		return nil, err
	}
	_, whys, err := c.api(ctx).WhyTask(ctx, in.DAGID, in.TaskID, in.DagRunID)
	if err != nil {
		return nil, err
	}
	found := []TaskWhy{}
	for _, w := range whys {
		if in.MapIndex == nil || *in.MapIndex == w.MapIndex {
			found = append(found, TaskWhy{w.DAGID, w.RunID, w.TaskID, w.MapIndex, w.State, w.Reason, rest.Some(w.Holds)})
		}
	}
	if in.MapIndex != nil && len(found) == 0 {
		return nil, rest.NotFound("task %q has no instance %d in run %s", in.TaskID, *in.MapIndex, in.DagRunID)
	}
	return &TaskWhyCollection{rest.Cut(in.Page, found), len(found)}, nil
}
