package engine

import (
	"errors"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/worker"
)

// DefaultMaxMapLength is how many instances a mapped task may have, as in Airflow.
const DefaultMaxMapLength = 1024

// expand makes the instances of a mapped task whose trigger rule lets it run (Airflow,
// TaskMap.expand_mapped_task): it waits for the tasks whose results it is mapped over,
// fails or is skipped with them, and is skipped when there is nothing to map over.
// Instances that an earlier expansion made beyond the new length are removed.
func (c *change) expand(lr *liveRun, i dagrun.Task) error {
	t := lr.plan.DAG.Tasks[i]
	if instead, ready := lr.m.SourceState(i); !ready {
		if instead != dag.None {
			c.settle(lr, i, instead, "")
		}
		return nil
	}
	n, err := c.mapLength(lr, t)
	if missing, ok := errors.AsType[*worker.NoResultError](err); ok {
		c.settle(lr, i, dag.UpstreamFailed, missing.Error())
		return nil
	}
	if isMistake(err) {
		c.failExpansion(lr, i, err)
		return nil
	}
	if err != nil {
		return err
	}
	if n == 0 {
		c.settle(lr, i, dag.Skipped, "there is nothing to map over")
		return nil
	}
	first := lr.m.Slots(i)[0]
	if in := lr.inst.At(first); in != nil && in.MapIndex < 0 {
		in.State = dag.Removed
		c.Row(&lr.run, in)
		lr.inst.Put(first, nil)
	}
	changed := lr.m.Unfold(i, n)
	lr.inst.Grow(lr.m.Len())
	for _, at := range changed {
		c.record(lr, at)
	}
	return nil
}

// settle ends the instances of a mapped task that have not begun.
func (c *change) settle(lr *liveRun, i dagrun.Task, s dag.State, why string) {
	for _, at := range lr.m.Settle(i, s) {
		if in := c.record(lr, at); in.State == s {
			in.EndDate, in.Error = c.now, why
		}
	}
}

// isMistake reports whether a mapped task can't be expanded, now or later, because of what
// it is mapped over.
func isMistake(err error) bool {
	_, wrong := errors.AsType[*worker.MappingError](err)
	_, long := errors.AsType[*dagrun.TooLongError](err)
	return wrong || long
}

// mapLength is how many instances a mapped task has in a run.
func (c *change) mapLength(lr *liveRun, t *dag.Task) (int, error) {
	n := 1
	for v := range t.Mapping.Sources() {
		length := len(v.Values)
		if v.From != "" {
			elements, err := worker.MappedOver(c.ctx, c, lr.plan.DAG, lr.run.Key, v)
			if err != nil {
				return 0, err
			}
			length = len(elements)
		}
		var err error
		if n, err = dagrun.MapLength(n, length, c.e.o.MaxMapLength); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// failExpansion fails a mapped task that cannot be expanded, as a try of its own.
func (c *change) failExpansion(lr *liveRun, i dagrun.Task, err error) {
	for _, slot := range lr.m.Slots(i) {
		if lr.m.State(slot) != dag.None {
			continue
		}
		in := c.set(lr, slot, dag.Failed)
		in.Try++
		in.StartDate, in.EndDate, in.Error = c.now, c.now, err.Error()
		in.Log = worker.LogPath(&lr.run, in, 0)
		c.e.worker.Note(in.Log, in.Error)
		c.Message(c.e.tell.Task(c.ctx, c, lr.plan, i, &lr.run, callbacks.Failure, in)...)
	}
}
