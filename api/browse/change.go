package browse

import (
	"context"
	"slices"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/notes"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// MarkOf gives a run, or for a task id a task of it, a state.
func (*Browser) MarkOf(dagID, runID, taskID, state string) api.MarkRequest {
	return api.MarkRequest{DAGID: dagID, RunID: runID, TaskID: taskID, State: dag.State(state)}
}

// SetNote notes something about a run, or for a task id about a task instance; an empty text removes it.
func (b *Browser) SetNote(ctx context.Context, dagID, runID, taskID string, mapIndex int, text string) error {
	if _, ok := access.From(ctx); !ok {
		return access.ErrUnknown
	}
	return notes.New(notes.Options{Store: b.o.Store, By: Actor(ctx), Clock: b.o.Clock}).Set(ctx, dagID, runID, taskID, mapIndex, text)
}

// AtWork reports whether a task that a change concerns is running.
func AtWork(done *api.Altered) bool {
	return slices.ContainsFunc(done.Runs, func(r api.AffectedRun) bool {
		return slices.ContainsFunc(r.Instances, func(in api.AffectedInstance) bool { return in.From == dag.Running })
	})
}

// Marked is a change without what it does beside giving a state: what failed below a success runs again.
func Marked(done *api.Altered, state string) *api.Altered {
	out := *done
	out.Runs = slices.Clone(done.Runs)
	for i := range out.Runs {
		out.Runs[i].Instances = slices.DeleteFunc(slices.Clone(out.Runs[i].Instances), func(in api.AffectedInstance) bool { return string(in.State) != state })
	}
	return &out
}

// everything is a page of all that matches.
const everything = 1 << 30

// Altered are the task instances that a change concerns, as they are now. Those that a run would get with the latest
// version of its DAG come last.
func (b *Browser) Altered(ctx context.Context, done *api.Altered) ([]*Instance, error) {
	var out []*Instance
	for _, r := range done.Runs {
		if len(r.Instances) == 0 {
			continue
		}
		type at struct {
			taskID   string
			mapIndex int
		}
		meant := map[at]bool{}
		var tasks []string
		for _, in := range r.Instances {
			meant[at{in.TaskID, in.MapIndex}] = true
			if !slices.Contains(tasks, in.TaskID) {
				tasks = append(tasks, in.TaskID)
			}
		}
		found, _, err := b.Instances(ctx, InstanceFilter{Instances: listing.Instances{
			Runs: RunFilter{DAGIDs: []string{done.DAGID}, RunIDs: []string{r.RunID}}, TaskIDs: tasks, Missing: true,
		}}, Page{Limit: everything})
		if err != nil {
			return nil, err
		}
		for _, in := range found {
			if meant[at{in.TaskID, in.MapIndex}] {
				out = append(out, in)
				delete(meant, at{in.TaskID, in.MapIndex})
			}
		}
		if !r.Latest || len(meant) == 0 {
			continue
		}
		one, err := b.Run(ctx, done.DAGID, r.RunID)
		if err != nil {
			return nil, err
		}
		_, full, err := b.DAG(ctx, done.DAGID)
		if err != nil {
			return nil, err
		}
		for _, in := range r.Instances {
			if t := full.Task(in.TaskID); t != nil && meant[at{in.TaskID, in.MapIndex}] {
				row := listing.Instance{Run: &one.Run, Instance: store.Instance{
					RunKey: one.Key, TaskID: t.ID, MapIndex: in.MapIndex, State: in.From, MaxTries: t.Retries + 1, Operator: t.Operator,
				}}
				out = append(out, &Instance{Instance: row, Run: &Run{one.Run, full}, Task: t})
			}
		}
	}
	return out, nil
}

// InstancesOf are the instances of a task, or the one with an index.
func (b *Browser) InstancesOf(ctx context.Context, dagID, runID, taskID string, index *int) ([]*Instance, error) {
	there, _, err := b.Mapped(ctx, dagID, runID, taskID)
	if err != nil {
		return nil, err
	}
	f := InstanceFilter{Instances: listing.Instances{
		Runs: RunFilter{DAGIDs: []string{dagID}, RunIDs: []string{runID}}, TaskIDs: []string{taskID}, Missing: true,
	}}
	if index != nil {
		f.MapIndexes = []int{*index}
	}
	found, _, err := b.Instances(ctx, f, Page{Limit: everything, Order: []Key{{Name: "map_index"}}})
	if err == nil && len(found) == 0 {
		if !there {
			err = store.Missing("Task %s not found in DAG run %s of DAG %s", taskID, runID, dagID)
		} else {
			err = store.Missing("The Task Instance with dag_id: `%s`, run_id: `%s` and task_id: `%s` has no such map_index", dagID, runID, taskID)
		}
	}
	return found, err
}
