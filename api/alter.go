package api

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/alter"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// ClearRequest selects task instances that are to run again.
type ClearRequest struct {
	DAGID string `json:"dag_id"`
	// RunID is the run; with Past and Future the runs with an earlier or later logical date
	// too. Empty means every run with a logical date from Start to End, which count themselves;
	// a zero one is open.
	RunID  string    `json:"run_id,omitempty"`
	Past   bool      `json:"include_past,omitempty"`
	Future bool      `json:"include_future,omitempty"`
	Start  time.Time `json:"start_date,omitzero"`
	End    time.Time `json:"end_date,omitzero"`
	// TaskIDs are the tasks, and TaskRegex selects those in whose id it matches somewhere. With
	// neither all are meant; only one of them may be given. Upstream and Downstream add what lies
	// above and below them.
	TaskIDs   []string `json:"task_ids,omitempty"`
	TaskRegex string   `json:"task_regex,omitempty"`
	// MapIndexes are those of the instances of these tasks that are meant; none are all. Instances are single ones that
	// are meant beside the tasks, or without any task in place of them.
	MapIndexes []int         `json:"map_indexes,omitempty"`
	Instances  []InstanceRef `json:"task_instances,omitempty"`
	Upstream   bool          `json:"include_upstream,omitempty"`
	Downstream bool          `json:"include_downstream,omitempty"`
	// OnlyFailed keeps the instances that are failed or upstream_failed, OnlyRunning those that
	// are running.
	OnlyFailed  bool `json:"only_failed,omitempty"`
	OnlyRunning bool `json:"only_running,omitempty"`
	// Latest lets the runs go on in the latest version of their DAG instead of theirs. Each must have ended then, or have
	// that version: the error wraps [ErrAtWork] otherwise.
	Latest bool `json:"run_on_latest_version,omitempty"`
	// DryRun changes nothing and tells what would be cleared.
	DryRun bool `json:"dry_run,omitempty"`
}

// InstanceRef names a task instance of a run. The map index is -1 for a task that is not mapped.
type InstanceRef = engine.InstanceRef

// request is that of the engine.
func (r *ClearRequest) request(by store.Actor) (engine.ClearRequest, error) {
	out := engine.ClearRequest{
		DAGID: r.DAGID, RunID: r.RunID, Past: r.Past, Future: r.Future, Start: r.Start, End: r.End, TaskRegex: r.TaskRegex, MapIndexes: r.MapIndexes, Instances: r.Instances,
		Upstream: r.Upstream, Downstream: r.Downstream, OnlyFailed: r.OnlyFailed, OnlyRunning: r.OnlyRunning, Latest: r.Latest, DryRun: r.DryRun,
		Actor: by,
	}
	if len(r.TaskIDs) > 0 {
		if r.TaskRegex != "" {
			return out, &FieldError{"task_ids", phrase.Err("clear.regex_too")}
		}
		ids := make([]string, len(r.TaskIDs))
		for i, id := range r.TaskIDs {
			ids[i] = regexp.QuoteMeta(id)
		}
		out.TaskRegex = "^(?:" + strings.Join(ids, "|") + ")$"
	}
	return out, out.Check()
}

// Check reports what is wrong with a request in itself: options that exclude each other, or an
// expression that is not valid.
func (r *ClearRequest) Check() error {
	_, err := r.request(store.Actor{})
	return err
}

// MarkRequest gives task instances, or a whole run, a state.
type MarkRequest struct {
	DAGID string `json:"dag_id"`
	RunID string `json:"run_id"`
	// TaskID is the task; empty means the run itself, which takes none of the options below.
	TaskID string `json:"task_id,omitempty"`
	// MapIndex is the one instance of the task that is meant; nil means all.
	MapIndex *int `json:"map_index,omitempty"`
	// State is success or failed.
	State dag.State `json:"new_state"`
	// Upstream and Downstream add the tasks above and below, Past and Future the runs with an
	// earlier or later logical date.
	Upstream   bool `json:"include_upstream,omitempty"`
	Downstream bool `json:"include_downstream,omitempty"`
	Past       bool `json:"include_past,omitempty"`
	Future     bool `json:"include_future,omitempty"`
	// DryRun changes nothing and tells what would be changed.
	DryRun bool `json:"dry_run,omitempty"`
}

// What a request changed.
type (
	// AffectedRun is one run and what became of it.
	AffectedRun = engine.AffectedRun
	// AffectedInstance is one task instance and what became of it.
	AffectedInstance = engine.AffectedInstance
)

// Altered is what a request changed, or would change.
type Altered struct {
	DAGID string `json:"dag_id"`
	engine.Affected
	// Paused says that some of these runs wait because the DAG is paused.
	Paused bool `json:"is_paused"`
}

// Clear makes task instances run again, as [engine.Engine.Clear] does. An error means that nothing
// was changed; it may wrap [ErrNotFound].
func (a *API) Clear(ctx context.Context, r ClearRequest) (*Altered, error) {
	req, err := r.request(a.o.By)
	if err != nil {
		return nil, err
	}
	return a.altered(ctx, r.DAGID, func(e Engine) (*engine.Affected, error) { return e.Clear(ctx, req) })
}

// Mark sets states by hand, as [engine.Engine.Mark] does. An error means that nothing was changed;
// it is a [*FieldError] or may wrap [ErrNotFound].
func (a *API) Mark(ctx context.Context, r MarkRequest) (*Altered, error) {
	if r.RunID == "" {
		return nil, nobody("run_id", phrase.Of("name.run"))
	}
	if err := markable(r.State); err != nil {
		return nil, err
	}
	req := engine.MarkRequest{
		DAGID: r.DAGID, RunID: r.RunID, TaskID: r.TaskID, MapIndex: r.MapIndex, State: r.State, Upstream: r.Upstream, Downstream: r.Downstream,
		Past: r.Past, Future: r.Future, DryRun: r.DryRun, Actor: a.o.By,
	}
	return a.altered(ctx, r.DAGID, func(e Engine) (*engine.Affected, error) { return e.Mark(ctx, req) })
}

// Removed is what was removed.
type Removed = engine.Removed

// ErrAtWork says that what was to be removed, or to go on in another version of its DAG, is at work.
var ErrAtWork = engine.ErrAtWork

// Remove removes a DAG with its history or, by a run id, a run, as [engine.Engine.Remove] does. The error may wrap
// [ErrNotFound] or [ErrAtWork].
func (a *API) Remove(ctx context.Context, dagID, runID string) (*Removed, error) {
	return a.remove(ctx, engine.RemoveRequest{DAGID: dagID, RunID: runID, MapIndex: -1, Actor: a.o.By})
}

// RemoveInstance removes a task instance of a run that has ended. The errors are those of [API.Remove].
func (a *API) RemoveInstance(ctx context.Context, dagID, runID, taskID string, mapIndex int) error {
	_, err := a.remove(ctx, engine.RemoveRequest{DAGID: dagID, RunID: runID, TaskID: taskID, MapIndex: mapIndex, Actor: a.o.By})
	return err
}

func (a *API) remove(ctx context.Context, r engine.RemoveRequest) (*Removed, error) {
	e, err := a.o.Engine(ctx)
	if err != nil {
		return nil, err
	}
	done, err := e.Remove(ctx, r)
	if err != nil {
		return nil, a.known(ctx, r.DAGID, onceSaid(err))
	}
	return done, nil
}

// altered lets the engine change runs of a DAG.
func (a *API) altered(ctx context.Context, dagID string, alter func(Engine) (*engine.Affected, error)) (*Altered, error) {
	e, err := a.o.Engine(ctx)
	if err != nil {
		return nil, err
	}
	done, err := alter(e)
	if err != nil {
		return nil, a.known(ctx, dagID, onceSaid(err))
	}
	out := &Altered{DAGID: dagID, Affected: *done}
	if !slices.ContainsFunc(done.Runs, func(r engine.AffectedRun) bool { return !r.State.Finished() }) {
		return out, nil
	}
	st, err := a.o.Store.DAG(ctx, dagID)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.Paused = st.Paused
	return out, nil
}

// onceSaid is an error that says what is not there without saying so again, or what was asked for.
func onceSaid(err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	text := strings.TrimSuffix(err.Error(), ": "+store.ErrNotFound.Error())
	for _, asked := range []string{"clear: ", "mark: ", "remove: "} {
		text = strings.TrimPrefix(text, asked)
	}
	return store.Missing("%s", text)
}

// ForgetAssets takes back what DAGs have been told of an asset, or for an empty URI of all, and no run has taken: what
// happened before a moment, or for the zero one everything. It returns how many events there were.
func (a *API) ForgetAssets(ctx context.Context, dagIDs []string, uri string, before time.Time) (int, error) {
	return alter.ForgetAssets(ctx, a.o.Store, dagIDs, uri, before, a.o.By, a.o.Clock())
}
