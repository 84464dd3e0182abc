package overview

import (
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// MostFailed is how many failed instances [Overview.Run] has.
const MostFailed = 50

// Run is a run with the states of its tasks.
type Run struct {
	Column

	// Nodes are the tasks and groups of its version of the DAG, and behind them those that only the store knows.
	Nodes []Node
	// Failed are the instances that failed, the one that failed first before the others, at most [MostFailed].
	Failed []Instance
	// Partial says why tasks that have no state yet are missing, or is empty.
	Partial string
}

// Instance is a task instance with what happened to it.
type Instance struct {
	api.Instance

	Label string
	// Name is what map_index_template made of a mapped one, empty without one.
	Name string
	// MaxTries is how many tries it has at most, Operator that of its task.
	MaxTries int
	Operator string
	// Error is that of the last failed try, secrets masked; Host where it runs or ran, empty when nobody knows.
	Error, Host string
}

// Reason is the error in short.
func (in *Instance) Reason() string { return schedule.Brief(in.Error) }

func (o *Overview) instance(r *api.Run, in *store.Instance) Instance {
	out := Instance{
		Instance: api.Instance{DAGID: r.DAGID, RunID: r.RunID, LogicalDate: r.LogicalDate, TaskID: in.TaskID, MapIndex: in.MapIndex, State: in.State.String(), TryNumber: in.Try},
		Label:    in.Label(), Name: in.RenderedMapIndex, MaxTries: in.MaxTries, Operator: in.Operator, Error: o.o.Masker.Mask(in.Error), Host: in.Host,
	}
	if !in.StartDate.IsZero() {
		out.StartDate = new(in.StartDate.UTC())
	}
	if !in.EndDate.IsZero() {
		out.EndDate = new(in.EndDate.UTC())
		if out.StartDate != nil {
			out.Duration = new(in.EndDate.Sub(in.StartDate).Seconds())
		}
	}
	return out
}

// Run tells of a run, however many instances it has.
func (o *Overview) Run(ctx context.Context, dagID, runID string) (*Run, error) {
	r, err := o.o.API.Run(ctx, dagID, runID)
	if err != nil {
		return nil, err
	}
	states, err := o.o.Store.TaskStates(ctx, []int64{r.Key})
	if err != nil {
		return nil, err
	}
	out := &Run{}
	shape, err := o.shape(ctx, r.Version)
	if err != nil {
		shape, out.Partial = &Shape{}, o.o.Masker.Mask(err.Error())
	}
	out.Column = Column{r, cells(shape, states)}
	out.Nodes = slices.Clone(shape.Nodes)
	for _, s := range states {
		known := func(n Node) bool { return n.ID == s.TaskID }
		if _, listed := shape.Groups[s.TaskID]; !listed && !slices.ContainsFunc(out.Nodes, known) {
			out.Nodes = append(out.Nodes, Node{ID: s.TaskID, Label: s.TaskID, Mapped: s.Mapped})
		}
	}
	failed, err := o.o.Store.FindInstances(ctx, store.InstanceFilter{RunKey: r.Key, States: []dag.State{dag.Failed, dag.UpForRetry}, Limit: MostFailed})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(failed, func(a, b *store.Instance) int { return a.EndDate.Compare(b.EndDate) })
	for _, in := range failed {
		out.Failed = append(out.Failed, o.instance(&r, in))
	}
	return out, nil
}

// Task is a task of a run, or one instance of a mapped one.
type Task struct {
	Run api.Run
	// Node is what its version of the DAG says of it.
	Node Node
	// Instance is the one that is meant; nil while it has no state, and for a mapped task as a whole.
	Instance *Instance
	// State is that of all instances of a mapped task as a whole, as of one that has none yet.
	State string
	// Instances are those of a mapped task as a whole, by map index, Total how many there are on all pages.
	Instances []Instance
	Total     int
}

// Task finds one. A map index of -1 means the task as a whole. Its error wraps [api.ErrNotFound] where there is no such
// task, and names the nearest.
func (o *Overview) Task(ctx context.Context, dagID, runID, taskID string, mapIndex, limit, offset int) (*Task, error) {
	r, err := o.o.API.Run(ctx, dagID, runID)
	if err != nil {
		return nil, err
	}
	out := &Task{Run: r}
	shape, serr := o.shape(ctx, r.Version)
	known := false
	var ids []string
	if serr == nil {
		for _, n := range shape.Nodes {
			if n.Group {
				continue
			}
			if ids = append(ids, n.ID); n.ID == taskID {
				out.Node, known = n, true
			}
		}
	}
	one := mapIndex
	found, err := o.o.Store.FindInstances(ctx, store.InstanceFilter{RunKey: r.Key, TaskID: taskID, MapIndex: &one})
	if err != nil {
		return nil, err
	}
	if len(found) == 1 {
		out.Instance = new(o.instance(&r, found[0]))
		if !known {
			out.Node = Node{ID: taskID, Label: taskID, Operator: found[0].Operator}
		}
		return out, nil
	}
	if mapIndex >= 0 {
		return nil, store.NoSuch("run.no_index", taskID, runID)
	}
	total, states, err := o.o.Store.MappedTask(ctx, r.Key, taskID)
	if err != nil {
		return nil, err
	}
	var all Cell
	for _, s := range states {
		all.add(s, 0, time.Time{}, time.Time{})
	}
	out.Total, out.State = total, all.State
	if out.Total == 0 {
		if !known {
			return nil, store.NoSuch("run.no_task", runID, taskID, phrase.Near(yamlvalue.Nearest(taskID, slices.Values(ids))))
		}
		out.State = dag.None.String()
		return out, nil
	}
	if !known {
		out.Node = Node{ID: taskID, Label: taskID, Mapped: true}
	}
	is, err := o.o.Store.FindInstances(ctx, store.InstanceFilter{RunKey: r.Key, TaskID: taskID, Limit: limit, Offset: offset})
	if err != nil {
		return nil, err
	}
	for _, in := range is {
		out.Instances = append(out.Instances, o.instance(&r, in))
	}
	return out, nil
}
