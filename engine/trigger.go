package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Trigger makes a manual run, queued, as [Engine.TriggerRun] does.
func (e *Engine) Trigger(ctx context.Context, dagID string, t Trigger) (*store.Run, error) {
	done, err := e.TriggerRun(ctx, dagID, t)
	if err != nil {
		return nil, err
	}
	return done.Run, nil
}

// TriggerRun makes a manual run, queued, with the DAG as the process knows it that works
// on the store: this one at once, another one within its next beat, and it starts the run
// as well. While no process works the run is made from this one's DAG, or what
// [Options.FindDAG] finds; the next process to work gives it its own version of the DAG,
// because a version holds what its file took from the environment.
//
// Errors are a [*TriggerError], or wrap [store.ErrNotFound], [ErrExists] or [ErrPaused].
func (e *Engine) TriggerRun(ctx context.Context, dagID string, t Trigger) (*Triggered, error) {
	var (
		done = &Triggered{}
		r    = &request.TriggerOf{DAGID: dagID, Trigger: t}
		err  error
	)
	if _, no := e.store.(nothing); e.runs.Working() || no {
		if no && e.dags.Get(dagID) == nil {
			return nil, fmt.Errorf("trigger: %w", unknownDAG(dagID, nil))
		}
		err = e.change(ctx, func(c *change) (err error) {
			done, err = c.trigger(r)
			return err
		})
	} else if _, err = request.CheckConf(t.Conf); err != nil {
		err = &request.TriggerError{Field: "conf", Err: err}
	} else {
		err = e.ask(ctx, request.KindTrigger, t.Actor, r, done, func() error { return e.find(dagID) })
	}
	if err != nil {
		if te, ok := errors.AsType[*TriggerError](err); ok {
			return nil, te
		}
		return nil, fmt.Errorf("trigger: %w", err)
	}
	return done, nil
}

// find makes a DAG known to a process that was given none.
func (e *Engine) find(dagID string) error {
	if e.dags.Get(dagID) != nil || e.o.FindDAG == nil {
		return nil
	}
	d, err := e.o.FindDAG(dagID)
	if err != nil {
		return err
	}
	e.dags.Add(d)
	return nil
}

// trigger makes the run that a request wants. It is the one place where manual runs are
// made, whoever asks.
func (c *change) trigger(r *request.TriggerOf) (*Triggered, error) {
	d := c.e.dags.Get(r.DAGID)
	if d == nil {
		return nil, c.unknownDAG(r.DAGID)
	}
	run, err := r.NewRun(d, c.Now, time.Millisecond)
	if err != nil {
		return nil, err
	}
	done := &Triggered{Tasks: len(d.Tasks), Warnings: request.UnknownConf(d, run.Conf)}
	if done.Paused, err = c.know(d); err != nil {
		return nil, err
	}
	if done.Paused && r.NotPaused {
		return nil, fmt.Errorf("dag %q: %w", d.ID, request.ErrPaused)
	}
	run.Provisional, run.MadeBy = !c.e.runs.Working(), r.By
	if made, err := c.madeBy(run); err != nil || made != nil {
		done.Run = made
		return done, err
	}
	if run, err = c.insertOrReset(d, run, r); err != nil {
		return nil, err
	}
	made := *run // the caller's stays as it was made
	done.Run = &made
	if c.e.runs.Working() {
		c.After(func() { c.e.wakeDAG(d.ID) })
	}
	return done, nil
}

// insertOrReset stores the run that a request wants, or has the one run again that stands in its
// way, if the request says so.
func (c *change) insertOrReset(d *dag.DAG, run *store.Run, r *request.TriggerOf) (*store.Run, error) {
	ok, err := c.insertRun(d, run)
	switch {
	case err != nil:
		return nil, err
	case ok && r.Actor.Automatic():
		return run, nil
	case ok:
		return run, c.InsertEvents(c.Ctx, &store.Event{At: c.Now, Actor: r.Actor, Kind: store.EventTrigger, DAGID: d.ID, RunID: run.RunID, MapIndex: -1})
	case r.Reset:
		return c.e.alter.Reset(c.Tx, run, r.Actor)
	}
	at := ""
	if !run.LogicalDate.IsZero() {
		at = ", or another one with logical date " + request.ISO(run.LogicalDate)
	}
	return nil, fmt.Errorf("run %q of dag %q%s: %w", run.RunID, d.ID, at, request.ErrExists)
}

// madeBy returns the run that stands in the way of a wanted one and was made by the same
// try of a task, or nil.
func (c *change) madeBy(wanted *store.Run) (*store.Run, error) {
	if wanted.MadeBy == "" {
		return nil, nil
	}
	r, err := c.RunByID(c.Ctx, wanted.DAGID, wanted.RunID)
	if errors.Is(err, store.ErrNotFound) {
		if r, err = nil, nil; !wanted.LogicalDate.IsZero() {
			r, err = c.RunAt(c.Ctx, wanted.DAGID, wanted.LogicalDate)
		}
	}
	if err != nil || r == nil || r.MadeBy != wanted.MadeBy {
		return nil, err
	}
	return r, nil
}

// know records a DAG that no process has seen yet, and reports whether it is paused.
func (c *change) know(d *dag.DAG) (paused bool, err error) {
	s, err := c.DAG(c.Ctx, d.ID)
	if err == nil {
		return s.Paused, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	s = schedule.NewState(d, c.e.o.PausedAtCreation)
	return s.Paused, store.AddDAG(c.Ctx, c, s, c.Now)
}

// unknownDAG is the error about a DAG that this process does not know.
func (c *change) unknownDAG(id string) error {
	if b := c.e.dags.Broken(id); b != nil {
		return fmt.Errorf("dag %q can't be loaded since %s: %s: %w", id, schedule.Moment(b.Since), schedule.FirstProblem(b.Text), store.ErrNotFound)
	}
	return unknownDAG(id, slices.Sorted(maps.Keys(c.e.dags.Loaded())))
}

func unknownDAG(id string, known []string) error {
	return fmt.Errorf("no dag %q%s: %w", id, yamlvalue.DidYouMean(id, slices.Values(known)), store.ErrNotFound)
}
