package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/timetable"
)

// access is what a task may know and ask of runs.
type access struct {
	e *Engine
	a *attempt
}

var _ operator.Runs = access{}

// Trigger creates a manual run of another DAG. A try that is run again, because the process
// died or stopped over it, finds the run that it has made.
func (a access) Trigger(ctx context.Context, t operator.TriggerRequest) (string, error) {
	by, id := fmt.Sprintf("%s/%d", a.a.identity(), a.a.triggers.Add(1)), t.RunID
	if id == "" && t.LogicalDate.IsZero() {
		// Of nothing that another go of the same try would have otherwise.
		sum := sha256.Sum256([]byte(by))
		id = dag.RunID(dag.ManualRun, orDefault(a.a.in.QueuedAt, a.a.in.StartDate)) + "_" + hex.EncodeToString(sum[:4])
	}
	r, err := a.e.Trigger(ctx, t.DAGID, Trigger{
		RunID: id, LogicalDate: t.LogicalDate, NoLogicalDate: t.NoLogicalDate, Conf: t.Conf, Reset: t.Reset, By: by,
	})
	if errors.Is(err, ErrExists) {
		return "", errors.Join(operator.ErrRunExists, err)
	}
	if err != nil {
		return "", err
	}
	return r.RunID, nil
}

// identity names a try among all of the store.
func (a *attempt) identity() string {
	return fmt.Sprintf("%s/%s/%s/%d/%d", a.run.DAGID, a.run.RunID, a.in.TaskID, a.in.MapIndex, a.in.Try)
}

// RunState returns the state of a run, "" when there is none.
func (a access) RunState(ctx context.Context, dagID, runID string) (string, error) {
	r, err := a.e.store.RunByID(ctx, dagID, runID)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return string(r.State), nil
}

// States returns the states of tasks in the run with the given logical date.
func (a access) States(ctx context.Context, dagID string, logicalDate time.Time, taskIDs []string) (map[string]string, error) {
	r, err := a.e.store.RunAt(ctx, dagID, logicalDate)
	if err != nil || r == nil {
		return map[string]string{}, err
	}
	if len(taskIDs) == 0 {
		return map[string]string{"": string(r.State)}, nil
	}
	is, err := a.e.store.Instances(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	of := map[string]dag.State{}
	for _, in := range is {
		if s, has := of[in.TaskID]; has {
			of[in.TaskID] = dag.Combined(s, in.State)
		} else {
			of[in.TaskID] = in.State
		}
	}
	out := make(map[string]string, len(taskIDs))
	for _, id := range taskIDs {
		for _, task := range a.members(dagID, id) {
			out[task] = of[task].String()
		}
	}
	return out, nil
}

// Nearest returns the run whose logical date is nearest to a moment.
func (a access) Nearest(ctx context.Context, dagID string, at time.Time) (string, time.Time, error) {
	r, err := a.e.store.NearestRun(ctx, dagID, at)
	if err != nil || r == nil {
		return "", time.Time{}, err
	}
	return r.RunID, r.LogicalDate, nil
}

// members are the tasks of a group, or the task itself.
func (a access) members(dagID, id string) []string {
	d := a.e.dag(dagID)
	if d == nil || d.Task(id) != nil {
		return []string{id}
	}
	var out []string
	for _, t := range d.Tasks {
		if t.Group == id || strings.HasPrefix(t.Group, id+".") {
			out = append(out, t.ID)
		}
	}
	if len(out) == 0 {
		return []string{id}
	}
	return out
}

// Known reports whether a DAG, and with a task id its task or group, exists.
func (a access) Known(_ context.Context, dagID, taskID string) (known, paused bool) {
	d := a.e.dag(dagID)
	known = d != nil && (taskID == "" || d.Task(taskID) != nil ||
		slices.ContainsFunc(d.Groups, func(g *dag.Group) bool { return g.ID == taskID }))
	return known, a.e.isPaused(dagID)
}

// latest reports whether no newer run of the DAG is due by its schedule, whatever its start
// and end date are (Airflow, LatestOnlyOperator). Runs by hand always are the latest.
func (e *Engine) latest(d *dag.DAG, r *store.Run) bool {
	if r.Type == dag.ManualRun || r.IntervalEnd.IsZero() {
		return true
	}
	next, ok := d.Timetable.Next(&timetable.Interval{Start: r.IntervalStart, End: r.IntervalEnd}, timetable.Restriction{Catchup: true}, e.now())
	return !ok || next.RunAfter.After(e.now())
}
