package api

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Instance is one task of a run, or one of the instances of a mapped task. Moments are in UTC,
// and null before they come.
type Instance struct {
	DAGID       string     `json:"dag_id"`
	RunID       string     `json:"run_id"`
	LogicalDate *time.Time `json:"logical_date"`
	TaskID      string     `json:"task_id"`
	// MapIndex is -1 for an unmapped task.
	MapIndex int `json:"map_index"`
	// State is none before the task gets anywhere.
	State     string     `json:"state"`
	TryNumber int        `json:"try_number"`
	StartDate *time.Time `json:"start_date"`
	EndDate   *time.Time `json:"end_date"`
	// Duration is that of the last try, in seconds, null until it has ended.
	Duration *float64 `json:"duration"`
}

// Label is the id of the task, with the map index behind it in brackets when it has one.
func (in *Instance) Label() string {
	row := store.Instance{TaskID: in.TaskID, MapIndex: in.MapIndex}
	return row.Label()
}

// Instances are the tasks of a run and their states.
type Instances struct {
	Run   Run
	Items []Instance
	// Partial says why the tasks that have no state yet are missing, or is nil.
	Partial error
}

// Instances lists the tasks of a run, of the newest one for an empty id, in the order of the DAG.
// The tasks that have got nowhere are those of the version of the DAG that the run has.
func (a *API) Instances(ctx context.Context, dagID, runID string) (*Instances, error) {
	r, err := a.run(ctx, dagID, runID)
	if err != nil {
		return nil, err
	}
	rows, err := a.o.Store.Instances(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	out := &Instances{Run: runOf(r), Items: []Instance{}}
	var ids []string
	if d, err := a.DAGOf(ctx, r.Version); err != nil {
		out.Partial = err
	} else {
		ids = taskIDs(d)
	}
	for _, in := range withoutState(rows, ids) {
		out.Items = append(out.Items, instanceOf(r, in))
	}
	return out, nil
}

func instanceOf(r *store.Run, in *store.Instance) Instance {
	return Instance{
		DAGID: r.DAGID, RunID: r.RunID, LogicalDate: optional(r.LogicalDate), TaskID: in.TaskID, MapIndex: in.MapIndex, State: in.State.String(),
		TryNumber: in.Try, StartDate: optional(in.StartDate), EndDate: optional(in.EndDate), Duration: seconds(in.StartDate, in.EndDate),
	}
}

// State is the state of one task of a run, of the newest one for an empty id. The map index is -1
// for an unmapped task.
func (a *API) State(ctx context.Context, dagID, taskID, runID string, mapIndex int) (string, error) {
	r, err := a.run(ctx, dagID, runID)
	if err != nil {
		return "", err
	}
	one, err := a.o.Store.FindInstances(ctx, store.InstanceFilter{RunKey: r.Key, TaskID: taskID, MapIndex: &mapIndex})
	if err != nil {
		return "", err
	}
	if len(one) > 0 {
		return one[0].State.String(), nil
	}
	rows, err := a.o.Store.FindInstances(ctx, store.InstanceFilter{RunKey: r.Key, TaskID: taskID, Limit: 1})
	if err != nil {
		return "", err
	}
	// What has no row yet has the state none; the DAG of the run knows what there is.
	d, err := a.DAGOf(ctx, r.Version)
	if err != nil {
		return "", err
	}
	switch {
	case d.Task(taskID) == nil:
		return "", store.NoSuch("dag.no_run_task", dagID, taskID, r.RunID, nearTask(taskID, taskIDs(d)))
	case len(rows) > 0:
		return "", store.NoSuch("run.no_map_index", taskID, r.RunID, mapIndex, a.command("tasks", "states-for-dag-run", dagID, r.RunID))
	}
	return dag.None.String(), nil
}

// withoutState puts the tasks that have no instance yet, whose state is none, in their place among
// the instances: the order of the DAG.
func withoutState(is []*store.Instance, ids []string) []*store.Instance {
	of := map[string][]*store.Instance{}
	for _, in := range is {
		of[in.TaskID] = append(of[in.TaskID], in)
	}
	var out []*store.Instance
	for _, id := range ids {
		if len(of[id]) == 0 {
			of[id] = []*store.Instance{{TaskID: id, MapIndex: -1}}
		}
		out = append(out, of[id]...)
		delete(of, id)
	}
	for _, in := range is { // of a version that can't be read
		if _, left := of[in.TaskID]; left {
			out = append(out, in)
		}
	}
	return out
}
