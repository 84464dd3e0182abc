package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Errors of changes, which more is said about in the errors that wrap them.
var (
	// ErrExists says that there is such a run or backfill already.
	ErrExists = engine.ErrExists
	// ErrPaused says that a run was not made because its DAG is paused.
	ErrPaused = engine.ErrPaused
	// ErrNoSchedule says that a DAG can't be backfilled because nothing says what dates it has.
	ErrNoSchedule = engine.ErrNoSchedule
	// ErrNotFound says that there is no such DAG, run, task or whatever was named.
	ErrNotFound = store.ErrNotFound
)

// FieldError is a mistake in one field of a request, by the name that JSON has.
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Said().String() }

// Said is the mistake in each language.
func (e *FieldError) Said() phrase.Text { return phrase.Of("colon", e.Field, phrase.Said(e.Err)) }

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }

// NotScheduledError says that a DAG is in the DAGs folder, and the process that works on the
// store does not have it.
type NotScheduledError struct{ Err error }

func (e *NotScheduledError) Error() string { return e.Said().String() }

// Said is that in each language.
func (e *NotScheduledError) Said() phrase.Text { return phrase.Of("dag.elsewhere", phrase.Said(e.Err)) }

// Unwrap returns what that process says.
func (e *NotScheduledError) Unwrap() error { return e.Err }

// Trigger asks for a manual run of a DAG.
type Trigger struct {
	DAGID string `json:"dag_id"`
	// RunID is the run's id; empty makes one from the moment.
	RunID string `json:"run_id,omitempty"`
	// LogicalDate is zero for now.
	LogicalDate time.Time `json:"logical_date,omitzero"`
	// NoLogicalDate makes a run without a logical date and a data interval.
	NoLogicalDate bool `json:"no_logical_date,omitempty"`
	// Conf is a JSON object for the run's conf and params, or nil.
	Conf json.RawMessage `json:"conf,omitempty"`
	// NotPaused makes no run when the DAG is paused.
	NotPaused bool `json:"not_paused,omitempty"`
}

// Triggered is a run that was made.
type Triggered struct {
	Run Run `json:"dag_run"`
	// Paused says that its DAG is paused, so that it stays queued.
	Paused bool `json:"is_paused"`
	// Tasks is how many tasks its DAG has.
	Tasks int `json:"tasks"`
	// Warnings are what looks wrong with the request, a sentence each.
	Warnings []string `json:"warnings,omitempty"`
}

// Trigger makes a manual run: by the process that works on the store, with its version of the DAG,
// or in the store alone while none does, for the next to start. It is where all runs that people ask
// for are made. A mistake of the request is a [*FieldError]; other errors wrap [ErrExists],
// [ErrPaused] or [ErrNotFound], or are a [*NotScheduledError].
func (a *API) Trigger(ctx context.Context, t Trigger) (*Triggered, error) {
	e, err := a.o.Engine(ctx)
	if err != nil {
		return nil, err
	}
	done, err := e.TriggerRun(ctx, t.DAGID, engine.Trigger{
		RunID: t.RunID, LogicalDate: t.LogicalDate, NoLogicalDate: t.NoLogicalDate, Conf: t.Conf, NotPaused: t.NotPaused, Actor: a.o.By,
	})
	if te, ok := errors.AsType[*engine.TriggerError](err); ok {
		return nil, &FieldError{te.Field, te.Err}
	}
	if err != nil {
		return nil, a.notScheduled(t.DAGID, err)
	}
	return &Triggered{Run: runOf(done.Run), Paused: done.Paused, Tasks: done.Tasks, Warnings: done.Warnings}, nil
}

// notScheduled says more about a DAG that the process that schedules does not have.
func (a *API) notScheduled(dagID string, err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, ferr := a.o.Folder.DAG(dagID); ferr != nil {
		return ferr
	}
	return &NotScheduledError{err}
}

// Working reports whether a process works on the store, which starts what is queued.
func (a *API) Working(ctx context.Context) (bool, error) {
	if a.o.Store == nil {
		return false, nil
	}
	return store.LeasedNow(ctx, a.o.Store)
}

// Progress is how far a run has come.
type Progress struct {
	Run Run `json:"dag_run"`
	// Instances are the task instances that have got anywhere.
	Instances []Instance `json:"task_instances"`
}

// Progress looks at a run. It reads no version of the DAG, and may be asked often.
func (a *API) Progress(ctx context.Context, dagID, runID string) (*Progress, error) {
	r, err := a.run(ctx, dagID, runID) // before its instances: theirs are then as new
	if err != nil {
		return nil, err
	}
	rows, err := a.o.Store.Instances(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	out := &Progress{Run: runOf(r), Instances: []Instance{}}
	for _, in := range rows {
		out.Instances = append(out.Instances, instanceOf(r, in))
	}
	return out, nil
}

// Pause pauses a DAG or lets it run again. A paused DAG gets no new runs, and its runs start no new
// tasks. One that no scheduler has seen yet is recorded first, as a scheduler would.
func (a *API) Pause(ctx context.Context, dagID string, paused bool) error {
	p := store.Pause{At: a.o.Clock(), Paused: paused, Actor: a.o.By}
	err := a.o.Store.Tx(ctx, func(tx store.Tx) error { return store.SetPaused(ctx, tx, dagID, p) })
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	d, err := a.o.Folder.DAG(dagID)
	if err != nil {
		return err
	}
	return a.o.Store.Tx(ctx, func(tx store.Tx) error {
		st := &store.DAGState{ID: dagID, File: d.Pos.File, Version: d.Version, Paused: a.PausedWhenNew(d), Active: true}
		if err := store.AddDAG(ctx, tx, st, p.At); err != nil {
			return err
		}
		return store.SetPaused(ctx, tx, dagID, p)
	})
}

// nobody says that a request named nothing, and what to name.
func nobody(field string, what phrase.Text) error {
	return &FieldError{field, phrase.Err("name.empty", what)}
}

// markable are the states that people may give.
func markable(s dag.State) error {
	if s != dag.Success && s != dag.Failed {
		return &FieldError{"new_state", phrase.Err("mark.new_state", s)}
	}
	return nil
}
