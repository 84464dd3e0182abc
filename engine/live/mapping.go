package live

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// expand makes the instances of a mapped task whose trigger rule lets it run (Airflow,
// TaskMap.expand_mapped_task): it waits for the tasks whose results it is mapped over,
// fails or is skipped with them, and is skipped when there is nothing to map over.
// Instances that an earlier expansion made beyond the new length are removed.
func (lr *Run) expand(tx *Tx, i dagrun.Task) error {
	t := lr.Plan.DAG.Tasks[i]
	if instead, ready := lr.Machine.SourceState(i); !ready {
		if instead != dag.None {
			lr.settle(tx, i, instead, "")
		}
		return nil
	}
	n, err := tx.runs.MapLength(tx.Ctx, tx, lr.Plan.DAG, lr.Row.Key, t)
	if missing, ok := errors.AsType[*worker.NoResultError](err); ok {
		lr.settle(tx, i, dag.UpstreamFailed, missing.Error())
		return nil
	}
	if isMistake(err) {
		return lr.failExpansion(tx, i, err)
	}
	if err != nil {
		return err
	}
	if n == 0 {
		lr.settle(tx, i, dag.Skipped, NothingToMapOver)
		return nil
	}
	first := lr.Machine.Slots(i)[0]
	if in := lr.inst.At(first); in != nil && in.MapIndex < 0 {
		in.State = dag.Removed
		tx.Row(&lr.Row, in)
		lr.inst.Put(first, nil)
	}
	changed := lr.Machine.Unfold(i, n)
	lr.inst.Grow(lr.Machine.Len())
	for _, at := range changed {
		lr.record(tx, at)
	}
	return nil
}

// settle ends the instances of a mapped task that have not begun.
func (lr *Run) settle(tx *Tx, i dagrun.Task, s dag.State, why string) {
	for _, at := range lr.Machine.Settle(i, s) {
		if in := lr.record(tx, at); in.State == s {
			in.EndDate, in.Error = tx.Now, why
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

// NothingToMapOver is what a mapped task says that is skipped because it would have no instance.
const NothingToMapOver = "there is nothing to map over"

// HasNoLength reports whether an error of [Runs.MapLength] is about what a task is mapped over: a result that is not there,
// or one that cannot be mapped. The expansion says so then.
func HasNoLength(err error) bool {
	_, missing := errors.AsType[*worker.NoResultError](err)
	return missing || isMistake(err)
}

// MapLength is how many instances a mapped task of a DAG has in a run. The error is a [*worker.NoResultError] while a
// result is not there that it is mapped over; see [HasNoLength] for this and for what can't be expanded.
func (rs *Runs) MapLength(ctx context.Context, rd store.Reader, d *dag.DAG, runKey int64, t *dag.Task) (int, error) {
	n := 1
	for v := range t.Mapping.Sources() {
		length := len(v.Values)
		if v.From != "" {
			elements, err := worker.MappedOver(ctx, rd, d, runKey, v)
			if err != nil {
				return 0, err
			}
			length = len(elements)
		}
		var err error
		if n, err = dagrun.MapLength(n, length, rs.o.MaxMapLength); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// failExpansion fails a mapped task that cannot be expanded, as a try of its own.
func (lr *Run) failExpansion(tx *Tx, i dagrun.Task, why error) error {
	for _, slot := range lr.Machine.Slots(i) {
		if lr.Machine.State(slot) != dag.None {
			continue
		}
		in := lr.Set(tx, slot, dag.Failed)
		in.Try++
		in.StartDate, in.EndDate, in.Error = tx.Now, tx.Now, why.Error()
		in.Log = worker.LogPath(&lr.Row, in, 0)
		tx.runs.o.Worker.Note(in.Log, in.Error)
		if err := tx.Failed(&lr.Row, in, tx.runs.o.Tell.Task(tx.Ctx, tx, callbacks.Failure, lr.Try(i, in))); err != nil {
			return err
		}
	}
	return nil
}
