package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// single makes a try of one task outside any run, for tests by hand.
func (e *Engine) single(d *dag.DAG, taskID string, mapIndex int, t Trigger) (*worker.Try, error) {
	i := dagrun.Task(d.TaskIndex(taskID))
	if i < 0 {
		return nil, fmt.Errorf("dag %q has no task %q", d.ID, taskID)
	}
	// The run is never stored, so that the date keeps the microseconds of Python.
	r, err := t.NewRun(d, e.runs.Now(), time.Microsecond)
	if err != nil {
		return nil, err
	}
	p, err := worker.NewPlan(d, e.o.Operators)
	if err != nil {
		return nil, fmt.Errorf("dag %q: %w", d.ID, err)
	}
	task := d.Tasks[i]
	switch {
	case task.Mapping == nil && mapIndex >= 0:
		return nil, fmt.Errorf("task %q is not mapped and has no map index %d", taskID, mapIndex)
	case task.Mapping != nil && mapIndex < 0:
		mapIndex = 0
	}
	for v := range task.Mapping.Sources() {
		if v.From != "" {
			return nil, fmt.Errorf("task %q is mapped over the result of task %q, which it has only in a run: use dags test", taskID, v.From)
		}
	}
	in := store.Instance{TaskID: taskID, MapIndex: mapIndex, State: dag.Running, Try: 1, MaxTries: task.Retries + 1, Operator: task.Operator, StartDate: e.runs.Now()}
	return e.worker.Try(p, i, r, &in), nil
}

// TestTask runs one task without its dependencies and records nothing but a log. It
// returns the state that the try would have and the result. The map index chooses among
// the instances of a task that is mapped over values of its file, -1 is the first one.
func (e *Engine) TestTask(ctx context.Context, d *dag.DAG, taskID string, mapIndex int, t Trigger) (dag.State, json.RawMessage, error) {
	try, err := e.single(d, taskID, mapIndex, t)
	if err != nil {
		return "", nil, err
	}
	if err := try.Open(ctx); err != nil {
		return "", nil, err
	}
	defer try.Close()
	ctx = gate.With(ctx, gate.Turn{Key: fmt.Sprintf("test of %s %s by %d", d.ID, taskID, os.Getpid()), Rank: gate.Report, DAGID: d.ID})
	res := try.Execute(gate.Waiting(ctx, func(c *gate.ClosedError) { try.Log().Warn("waiting", "reason", c.Error()) }))
	return res.Instance.State, res.Value, nil
}

// RenderTask renders the templated fields of a task as a run would, secrets masked. The
// map index is that of [Engine.TestTask].
func (e *Engine) RenderTask(ctx context.Context, d *dag.DAG, taskID string, mapIndex int, t Trigger) ([]worker.RenderedField, error) {
	try, err := e.single(d, taskID, mapIndex, t)
	if err != nil {
		return nil, err
	}
	fields, _, err := try.Fields(ctx)
	if err != nil {
		return nil, fmt.Errorf("task %q: %w", taskID, err)
	}
	return fields, nil
}

// nothing is a store without anything in it, for single tasks.
type nothing struct{ store.Store }

func (nothing) XCom(context.Context, int64, string, int, string) (json.RawMessage, error) {
	return nil, nil
}

func (nothing) XComs(context.Context, int64, string, string) ([]store.MappedXCom, error) {
	return nil, nil
}

func (nothing) RunByID(context.Context, string, string) (*store.Run, error) {
	return nil, store.ErrNotFound
}

func (nothing) RunWithXCom(context.Context, string, time.Time, string, string) (int64, error) {
	return 0, nil
}

func (nothing) NearestRun(context.Context, string, time.Time) (*store.Run, error) { return nil, nil }

func (nothing) PreviousSuccess(context.Context, *store.Run) (*store.Run, error) { return nil, nil }
