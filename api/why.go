package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/why"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Why tells what became of a tick of the schedule of a DAG. Moments are in UTC.
type Why struct {
	DAGID string    `json:"dag_id"`
	At    time.Time `json:"at"`
	// Tick is when the run was due; null when nothing was.
	Tick *time.Time `json:"tick"`
	// Outcome is empty when no tick was due.
	Outcome store.TickOutcome `json:"outcome,omitempty"`
	// Reason is a sentence without its end.
	Reason string `json:"reason"`
	// Said is the reason for people who read another language, its secrets not masked; it says nothing where a server told it.
	Said phrase.Text `json:"-"`
	// RunID is the run with the logical date of the tick.
	RunID string `json:"run_id,omitempty"`
	// Next is when the tick after the moment is due; null when there is none.
	Next *time.Time `json:"next"`
	// DAG is nil while its file can't be loaded.
	DAG *dag.DAG `json:"-"`
}

// BrokenError says that the file of a DAG can't be loaded.
type BrokenError struct {
	DAGID string
	// Problems are the errors, a line each.
	Problems string
}

func (e *BrokenError) Error() string { return e.Said().String() }

// Said is that in each language, with the errors as they are.
func (e *BrokenError) Said() phrase.Text { return phrase.Of("dag.broken_file", e.DAGID, e.Problems) }

// WhyRun tells why a run of a DAG did or did not start: of the newest tick that was due at a
// moment, which must not lie ahead. A DAG whose file can't be loaded has the schedule of its last
// version that could be. It needs a store.
func (a *API) WhyRun(ctx context.Context, dagID string, at time.Time) (*Why, error) {
	now := a.o.Clock()
	if at.After(now) {
		return nil, fmt.Errorf("%s is in the future", at.UTC().Format(time.RFC3339))
	}
	d, problem := a.o.Folder.DAG(dagID)
	var w *why.Tick
	var err error
	if problem == nil {
		w, err = why.OfTick(ctx, a.o.Store, d, at, now, "")
	} else {
		w, err = a.whyBroken(ctx, dagID, at, now, problem)
	}
	if err != nil {
		return nil, err
	}
	out := &Why{DAGID: dagID, At: at.UTC(), Tick: optional(w.At), Outcome: w.Outcome, Reason: a.Mask(w.Reason.String()), Said: w.Reason, Next: optional(w.Next), DAG: d}
	if w.Run != nil {
		out.RunID = w.Run.RunID
	}
	return out, nil
}

// whyBroken does so of a DAG that the folder does not have. One that nobody has seen has only its
// problem.
func (a *API) whyBroken(ctx context.Context, dagID string, at, now time.Time, problem error) (*why.Tick, error) {
	broken, ok := errors.AsType[*BrokenError](problem)
	if !ok {
		return nil, problem
	}
	w, err := why.OfBroken(ctx, a.o.Store, a.o.Folder.Restore, dagID, at, now, broken.Problems)
	if err == nil && w == nil {
		err = problem
	}
	return w, err
}

// TaskWhy tells why an instance of a task has the state that it has.
type TaskWhy struct {
	DAGID  string `json:"dag_id"`
	RunID  string `json:"run_id"`
	TaskID string `json:"task_id"`
	// MapIndex is -1 for an unmapped task.
	MapIndex int    `json:"map_index"`
	State    string `json:"state"`
	// Reason is a sentence without its end.
	Reason string `json:"reason"`
	// Said is the reason for people who read another language, its secrets not masked; it says nothing where a server told it.
	Said phrase.Text `json:"-"`
	// Holds names the dependency that holds one that waits, as Airflow calls it; empty when nothing does.
	Holds string `json:"-"`
}

// WhyTask tells why the instances of a task of a run, of the newest one for an empty id, wait or
// did not run: which upstream task, pool, limit, pause, retry or run before holds them.
func (a *API) WhyTask(ctx context.Context, dagID, taskID, runID string) (Run, []TaskWhy, error) {
	r, err := a.run(ctx, dagID, runID)
	if err != nil {
		return Run{}, nil, err
	}
	e, err := a.o.Engine(ctx)
	if err != nil {
		return runOf(r), nil, err
	}
	whys, err := e.WhyTask(ctx, r, taskID)
	if errors.Is(err, store.ErrNotFound) {
		if _, ferr := a.task(dagID, taskID); ferr != nil {
			return runOf(r), nil, ferr
		}
	}
	if err != nil {
		return runOf(r), nil, err
	}
	out := []TaskWhy{}
	for _, w := range whys {
		out = append(out, TaskWhy{dagID, r.RunID, taskID, w.MapIndex, w.State.String(), a.Mask(w.Reason.String()), w.Reason, w.Holds})
	}
	return runOf(r), out, nil
}

// task is a task of a DAG as its file says now.
func (a *API) task(dagID, taskID string) (*dag.Task, error) {
	d, err := a.o.Folder.DAG(dagID)
	if err != nil {
		return nil, err
	}
	t := d.Task(taskID)
	if t == nil {
		return nil, store.NoSuch("dag.no_task", dagID, taskID, nearTask(taskID, taskIDs(d)))
	}
	return t, nil
}
