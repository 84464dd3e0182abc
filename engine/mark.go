package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/store"
)

// MarkRequest gives task instances, or a whole run, a state (Airflow,
// DAG.set_task_instance_state and set_dag_run_state_to_success or _failed).
type MarkRequest struct {
	DAGID string `json:"dag_id"`
	RunID string `json:"run_id"`
	// TaskID is the task; empty means the run itself, which takes no further options.
	TaskID string `json:"task_id,omitempty"`
	// State is success or failed.
	State dag.State `json:"state"`
	// Upstream and Downstream add the tasks above and below, Past and Future the runs
	// with an earlier or later logical date.
	Upstream   bool `json:"upstream,omitempty"`
	Downstream bool `json:"downstream,omitempty"`
	Past       bool `json:"past,omitempty"`
	Future     bool `json:"future,omitempty"`
	// Actor is who asks.
	Actor store.Actor `json:"actor,omitzero"`
	// DryRun changes nothing and tells what would be changed.
	DryRun bool `json:"dry_run,omitempty"`
}

// Mark sets states by hand. No callbacks of the instances or runs that are marked run,
// and what ran is stopped.
//
// Task instances get the state, whatever they had. Those that failed below a task that
// is marked success are cleared, so that the run goes on; without such ones a finished
// run keeps its state. A run under way goes on from the new states, and its end is an
// end like any other.
//
// A run marked failed fails its running instances and skips those that have not begun.
// In a run marked success every instance succeeds. Teardowns that are not finished run
// all the same, and the run has its state once they are done.
//
// Another process that works on the store is asked to do it, for at most
// [Options.AskTimeout]. An error means that nothing was changed.
func (e *Engine) Mark(ctx context.Context, r MarkRequest) (*Affected, error) {
	if r.DryRun {
		as, err := e.marked(ctx, e.store, &r)
		if err != nil {
			return nil, fmt.Errorf("mark: %w", err)
		}
		return affected(as), nil
	}
	done := &Affected{}
	if err := e.ask(ctx, askMark, r.Actor, &r, done, nil); err != nil {
		return nil, fmt.Errorf("mark: %w", err)
	}
	return done, nil
}

// marked is what a request makes of the runs that it means.
func (e *Engine) marked(ctx context.Context, rd store.Reader, r *MarkRequest) (out []*alteration, err error) {
	switch {
	case r.State != dag.Success && r.State != dag.Failed:
		return nil, fmt.Errorf("state %q: only success and failed can be set", r.State)
	case r.RunID == "":
		return nil, fmt.Errorf("dag %q: the run is missing", r.DAGID)
	case r.TaskID == "" && (r.Upstream || r.Downstream || r.Past || r.Future):
		return nil, fmt.Errorf("run %q: upstream, downstream, past and future need a task", r.RunID)
	}
	runs, err := e.runsOf(ctx, rd, r.DAGID, r.RunID, r.Past, r.Future, time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		a, err := e.alteration(ctx, rd, run)
		if err != nil {
			return nil, err
		}
		if r.TaskID == "" {
			e.markRun(a, r.State)
		} else if i := a.p.IndexOf(r.TaskID); i >= 0 {
			if err := e.markTasks(ctx, rd, a, i, r); err != nil {
				return nil, err
			}
		} else if run.RunID == r.RunID {
			return nil, fmt.Errorf("run %q of dag %q has no task %q%s: %w", r.RunID, r.DAGID, r.TaskID,
				nearest(r.TaskID, a.p.DAG.Tasks, func(t *dag.Task) string { return t.ID }), store.ErrNotFound)
		}
		if len(a.changed) > 0 || a.run.State != a.from || a.run.Reason != run.Reason {
			out = append(out, a)
		}
	}
	return out, nil
}

// markTasks gives tasks of a run a state, and lets what failed below go on.
func (e *Engine) markTasks(ctx context.Context, rd store.Reader, a *alteration, task dagrun.Task, r *MarkRequest) error {
	tasks := spread(a.p.Graph, []dagrun.Task{task}, r.Upstream, r.Downstream)
	for _, i := range tasks {
		for _, in := range a.of(a.p.DAG.Tasks[i]) {
			if in.State != r.State && in.State != dag.Removed {
				a.mark(in, r.State, e.runs.Now())
			}
		}
	}
	if r.State != dag.Success {
		return nil
	}
	rest := slices.DeleteFunc(a.p.Graph.Below(task), func(i dagrun.Task) bool { return slices.Contains(tasks, i) })
	if again := a.pick(rest, dagrun.Failed); len(again) > 0 {
		return e.clear(ctx, rd, a, again)
	}
	return nil
}

// mark gives an instance a final state by hand and stops its attempt.
func (a *alteration) mark(in *store.Instance, s dag.State, now time.Time) {
	if in.State == dag.Running || in.State == dag.Queued || in.State == dag.Restarting {
		a.stop[live.AttemptOf(in)] = errMarked
	}
	a.set(in, s)
	in.RetryAt, in.Error = time.Time{}, ""
	in.StartDate, in.EndDate = orDefault(in.StartDate, now), orDefault(in.EndDate, now)
	if s == dag.Failed {
		in.Error = errMarked.Error()
	}
}

// markRun gives a whole run a state.
func (e *Engine) markRun(a *alteration, s dag.State) {
	waits := false
	for _, t := range a.p.DAG.Tasks {
		for _, in := range a.of(t) {
			switch {
			case t.Teardown && !in.State.Finished():
				waits = true
			case in.State == dag.Removed:
			case s == dag.Success && in.State != dag.Success:
				a.mark(in, dag.Success, e.runs.Now())
			case s == dag.Success || in.State.Finished():
			case in.State == dag.Running, in.State == dag.UpForReschedule, in.State == dag.Deferred, in.State == dag.Restarting,
				in.State == dag.Queued && e.attempts.Running(live.AttemptOf(in)):
				a.mark(in, dag.Failed, e.runs.Now())
			default:
				a.mark(in, dag.Skipped, e.runs.Now())
			}
		}
	}
	state, reason := dag.RunSuccess, live.ReasonMarkedSuccess
	if s == dag.Failed {
		state, reason = dag.RunFailed, live.ReasonMarkedFailed
	}
	if a.run.State == state {
		return // its reason stays
	}
	a.run.Reason = reason
	if !waits {
		a.run.State, a.run.EndDate = state, orDefault(a.run.EndDate, e.runs.Now())
	}
}
