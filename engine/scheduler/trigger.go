package scheduler

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Trigger makes the run that a request wants. It is the one place where manual runs are
// made, whoever asks.
func (sch *Scheduler) Trigger(tx *live.Tx, r *request.TriggerOf) (*request.Triggered, error) {
	d := sch.o.DAGs.Get(r.DAGID)
	if d == nil {
		return nil, sch.unknownDAG(r.DAGID)
	}
	run, err := r.NewRun(d, tx.Now, time.Millisecond)
	if err != nil {
		return nil, err
	}
	done := &request.Triggered{Tasks: len(d.Tasks), Warnings: request.UnknownConf(d, run.Conf)}
	if done.Paused, err = sch.know(tx, d); err != nil {
		return nil, err
	}
	if done.Paused && r.NotPaused {
		return nil, fmt.Errorf("dag %q: %w", d.ID, request.ErrPaused)
	}
	run.Provisional, run.MadeBy = !sch.o.Live.Working(), r.By
	if made, err := sch.madeBy(tx, run); err != nil || made != nil {
		done.Run = made
		return done, err
	}
	if run, err = sch.insertOrReset(tx, d, run, r); err != nil {
		return nil, err
	}
	made := *run // the caller's stays as it was made
	done.Run = &made
	if sch.o.Live.Working() {
		tx.Wake(d.ID)
	}
	return done, nil
}

// insertOrReset stores the run that a request wants, or has the one run again that stands in its
// way, if the request says so.
func (sch *Scheduler) insertOrReset(tx *live.Tx, d *dag.DAG, run *store.Run, r *request.TriggerOf) (*store.Run, error) {
	ok, err := sch.insertRun(tx, d, run)
	switch {
	case err != nil:
		return nil, err
	case ok && r.Actor.Automatic():
		return run, nil
	case ok:
		return run, tx.InsertEvents(tx.Ctx, &store.Event{At: tx.Now, Actor: r.Actor, Kind: store.EventTrigger, DAGID: d.ID, RunID: run.RunID, MapIndex: -1})
	case r.Reset:
		return sch.o.Alter.Reset(tx, run, r.Actor)
	}
	at := ""
	if !run.LogicalDate.IsZero() {
		at = ", or another one with logical date " + request.ISO(run.LogicalDate)
	}
	return nil, fmt.Errorf("run %q of dag %q%s: %w", run.RunID, d.ID, at, request.ErrExists)
}

// madeBy returns the run that stands in the way of a wanted one and was made by the same
// try of a task, or nil.
func (sch *Scheduler) madeBy(tx *live.Tx, wanted *store.Run) (*store.Run, error) {
	if wanted.MadeBy == "" {
		return nil, nil
	}
	r, err := tx.RunByID(tx.Ctx, wanted.DAGID, wanted.RunID)
	if errors.Is(err, store.ErrNotFound) {
		if r, err = nil, nil; !wanted.LogicalDate.IsZero() {
			r, err = tx.RunAt(tx.Ctx, wanted.DAGID, wanted.LogicalDate)
		}
	}
	if err != nil || r == nil || r.MadeBy != wanted.MadeBy {
		return nil, err
	}
	return r, nil
}

// know records a DAG that no process has seen yet, and reports whether it is paused.
func (sch *Scheduler) know(tx *live.Tx, d *dag.DAG) (paused bool, err error) {
	s, err := tx.DAG(tx.Ctx, d.ID)
	if err == nil {
		return s.Paused, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	s = schedule.NewState(d, sch.o.PausedAtCreation)
	return s.Paused, store.AddDAG(tx.Ctx, tx, s, tx.Now)
}

// unknownDAG is the error about a DAG that this process does not know.
func (sch *Scheduler) unknownDAG(id string) error {
	if b := sch.o.DAGs.Broken(id); b != nil {
		return fmt.Errorf("dag %q cannot be loaded since %s: %s: %w", id, schedule.Moment(b.Since), schedule.FirstProblem(b.Text), store.ErrNotFound)
	}
	return UnknownDAG(id, slices.Sorted(maps.Keys(sch.o.DAGs.Loaded())))
}

// UnknownDAG says that there is no DAG with an id among those that are known.
func UnknownDAG(id string, known []string) error {
	return fmt.Errorf("no dag %q%s: %w", id, yamlvalue.DidYouMean(id, slices.Values(known)), store.ErrNotFound)
}
