package live

import (
	"fmt"
	"iter"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/store"
)

// Run is a running run in memory: a copy of what the store holds, changed only inside
// transactions, which run one after another. Who reads it elsewhere takes [Run.Hold].
type Run struct {
	// Plan is that of its version of the DAG.
	Plan *plan.Plan

	// mu guards the rest against readers outside transactions.
	mu store.Lock
	// Row is the run in the store, Machine the states of its instances.
	Row     store.Run
	Machine *dagrun.Machine
	inst    dagrun.BySlot[*store.Instance] // nil while the store has no row
}

// Hold keeps transactions away until the function that it returns is called.
func (lr *Run) Hold() (release func()) {
	lr.mu.Lock()
	return lr.mu.Unlock
}

// Task is the task of a slot.
func (lr *Run) Task(at dagrun.Slot) *dag.Task { return lr.Plan.DAG.Tasks[lr.Machine.Task(at)] }

// told is the run as callbacks are told of it.
func (lr *Run) told() tell.Run {
	return tell.Run{Plan: lr.Plan, Run: &lr.Row, Instances: lr.Instances()}
}

// Try is a try of an instance as callbacks are told of it in a transaction.
func (lr *Run) Try(i dagrun.Task, in *store.Instance) tell.Try {
	return tell.Try{Plan: lr.Plan, Task: i, Run: &lr.Row, Instance: in, Blocks: func() []string { return lr.Blocks(i, in.MapIndex) }}
}

// Blocks are the ids of the tasks that do not run because of the failure of an instance.
func (lr *Run) Blocks(i dagrun.Task, mapIndex int) []string {
	if lr.Machine == nil {
		return nil // the run was given up: nothing of it runs
	}
	at, ok := lr.Machine.Slot(i, mapIndex)
	if !ok {
		return nil
	}
	return lr.Plan.Graph.IDs(lr.Machine.Blocks(at))
}

// Instances are those that have a row.
func (lr *Run) Instances() iter.Seq[*store.Instance] {
	return func(yield func(*store.Instance) bool) {
		for _, in := range lr.inst.All() {
			if in != nil && !yield(in) {
				return
			}
		}
	}
}

// place puts the rows of a run into a new machine. Removed ones that its version has no place for are of the version
// that it had before.
func (lr *Run) place(is []*store.Instance) error {
	lr.Machine = dagrun.NewMachine(lr.Plan.Graph)
	tasks := make([]dagrun.Task, len(is))
	for n, in := range is {
		i := lr.Plan.IndexOf(in.TaskID)
		foreign := i < 0 || in.MapIndex >= 0 && lr.Plan.DAG.Tasks[i].Mapping == nil
		if foreign && in.State == dag.Removed {
			tasks[n] = -1
			continue
		}
		if i < 0 {
			return fmt.Errorf("run %s of dag %q: its version has no task %q", lr.Row.RunID, lr.Row.DAGID, in.TaskID)
		}
		if foreign {
			return fmt.Errorf("run %s of dag %q: task %q is not mapped in its version, and has map index %d", lr.Row.RunID, lr.Row.DAGID, in.TaskID, in.MapIndex)
		}
		tasks[n] = i
		if in.MapIndex >= 0 {
			lr.Machine.Expand(i, in.MapIndex+1)
		}
	}
	lr.inst = dagrun.BySlot[*store.Instance]{}
	lr.inst.Grow(lr.Machine.Len())
	for n, in := range is {
		if tasks[n] < 0 {
			continue
		}
		at, ok := lr.Machine.Slot(tasks[n], in.MapIndex)
		if !ok {
			continue // what a mapped task was before it was expanded
		}
		lr.inst.Put(at, in)
		lr.Machine.Set(at, in.State)
	}
	return nil
}

// Instance returns the row of a slot, new if it has none.
func (lr *Run) Instance(at dagrun.Slot) *store.Instance {
	if lr.inst.At(at) == nil {
		t := lr.Task(at)
		lr.inst.Put(at, &store.Instance{RunKey: lr.Row.Key, TaskID: t.ID, MapIndex: lr.Machine.MapIndex(at), MaxTries: t.Retries + 1, Operator: t.Operator})
	}
	return lr.inst.At(at)
}

// Find returns the place of an instance and its row, nil when it has none.
func (lr *Run) Find(i dagrun.Task, mapIndex int) (dagrun.Slot, *store.Instance) {
	at, ok := lr.Machine.Slot(i, mapIndex)
	if !ok {
		return at, nil
	}
	return at, lr.inst.At(at)
}
