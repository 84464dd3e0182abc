package worker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// runs is what a task may know and ask of runs.
type runs struct{ y *Try }

var _ operator.Runs = runs{}

// Trigger creates a manual run of another DAG. A try that is run again, because the process
// died or stopped over it, finds the run that it has made.
func (r runs) Trigger(ctx context.Context, t operator.TriggerRequest) (string, error) {
	by := fmt.Sprintf("%s/%d", r.y.identity(), r.y.triggers.Add(1))
	if t.RunID == "" && t.LogicalDate.IsZero() {
		// Of nothing that another go of the same try would have otherwise.
		sum := sha256.Sum256([]byte(by))
		t.RunID = dag.RunID(dag.ManualRun, cmp.Or(r.y.in.QueuedAt, r.y.in.StartDate)) + "_" + hex.EncodeToString(sum[:4])
	}
	return r.y.w.o.Runs.Trigger(ctx, t, by)
}

// RunState returns the state of a run, "" when there is none.
func (r runs) RunState(ctx context.Context, dagID, runID string) (string, error) {
	run, err := r.y.w.o.Store.RunByID(ctx, dagID, runID)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return string(run.State), nil
}

// States returns the states of tasks in the run with the given logical date.
func (r runs) States(ctx context.Context, dagID string, logicalDate time.Time, taskIDs []string) (map[string]string, error) {
	run, err := r.y.w.o.Store.RunAt(ctx, dagID, logicalDate)
	if err != nil || run == nil {
		return map[string]string{}, err
	}
	if len(taskIDs) == 0 {
		return map[string]string{"": string(run.State)}, nil
	}
	is, err := r.y.w.o.Store.Instances(ctx, run.Key)
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
		for _, task := range r.members(ctx, dagID, id) {
			out[task] = of[task].String()
		}
	}
	return out, nil
}

// Nearest returns the run whose logical date is nearest to a moment.
func (r runs) Nearest(ctx context.Context, dagID string, at time.Time) (string, time.Time, error) {
	run, err := r.y.w.o.Store.NearestRun(ctx, dagID, at)
	if err != nil || run == nil {
		return "", time.Time{}, err
	}
	return run.RunID, run.LogicalDate, nil
}

// members are the tasks of a group, or the task itself.
func (r runs) members(ctx context.Context, dagID, id string) []string {
	d, _ := r.y.w.o.Runs.DAG(ctx, dagID)
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
func (r runs) Known(ctx context.Context, dagID, taskID string) (known, paused bool) {
	d, paused := r.y.w.o.Runs.DAG(ctx, dagID)
	known = d != nil && (taskID == "" || d.Task(taskID) != nil ||
		slices.ContainsFunc(d.Groups, func(g *dag.Group) bool { return g.ID == taskID }))
	return known, paused
}

// identity names a try among all of the store.
func (y *Try) identity() string {
	return fmt.Sprintf("%s/%s/%s/%d/%d", y.run.DAGID, y.run.RunID, y.in.TaskID, y.in.MapIndex, y.in.Try)
}

// latest reports whether no newer run of the DAG is due by its schedule, whatever its start
// and end date are (Airflow, LatestOnlyOperator). Runs by hand always are the latest.
func latest(d *dag.DAG, r *store.Run, now time.Time) bool {
	if r.Type == dag.ManualRun || r.IntervalEnd.IsZero() {
		return true
	}
	next, ok := d.Timetable.Next(&timetable.Interval{Start: r.IntervalStart, End: r.IntervalEnd}, timetable.Restriction{Catchup: true}, now)
	return !ok || next.RunAfter.After(now)
}
