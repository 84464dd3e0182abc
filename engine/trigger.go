package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// Trigger asks for a manual run.
type Trigger struct {
	// RunID is the run's id; empty makes one from the moment.
	RunID string
	// LogicalDate is zero for now.
	LogicalDate time.Time
	// NoLogicalDate makes a run without logical date and data interval.
	NoLogicalDate bool
	// Reset clears a finished run with that id or logical date instead of failing.
	Reset bool
	// By is the try of a task that asks, and which of the runs that it asks for: DAG, run, task,
	// map index, try and number with slashes between them. If that has made the run already,
	// it gets that one.
	By string `json:"by,omitempty"`
	// Actor is who asks.
	Actor store.Actor `json:"actor,omitzero"`
	// NotPaused makes no run when the DAG is paused.
	NotPaused bool
	// Conf is a JSON object, or nil.
	Conf json.RawMessage `json:"conf,omitempty"`
}

// ErrExists says that a run with that id or logical date exists.
var ErrExists = errors.New("exists already")

// Triggered is a run that was made because somebody asked for it.
type Triggered struct {
	// Run is the run as it was made; it may have begun since.
	Run *store.Run `json:"run"`
	// Paused says that its DAG is paused, so that it stays queued.
	Paused bool `json:"paused,omitempty"`
	// Tasks is how many tasks its DAG has.
	Tasks int `json:"tasks"`
	// Warnings are what looks wrong with the request, a sentence each.
	Warnings []string `json:"warnings,omitempty"`
}

// triggerRequest is a [Trigger] as another process is asked for it.
type triggerRequest struct {
	DAGID string
	Trigger
}

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
		r    = &triggerRequest{dagID, t}
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
	} else if _, err = checkConf(t.Conf); err != nil {
		err = &TriggerError{"conf", err}
	} else {
		err = e.ask(ctx, askTrigger, t.Actor, r, done, func() error { return e.find(dagID) })
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
func (c *change) trigger(r *triggerRequest) (*Triggered, error) {
	d := c.e.dags.Get(r.DAGID)
	if d == nil {
		return nil, c.unknownDAG(r.DAGID)
	}
	run, err := NewManualRun(d, r.Trigger, c.Now)
	if err != nil {
		return nil, err
	}
	done := &Triggered{Tasks: len(d.Tasks), Warnings: unknownConf(d, run.Conf)}
	if done.Paused, err = c.know(d); err != nil {
		return nil, err
	}
	if done.Paused && r.NotPaused {
		return nil, fmt.Errorf("dag %q: %w", d.ID, ErrPaused)
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
func (c *change) insertOrReset(d *dag.DAG, run *store.Run, r *triggerRequest) (*store.Run, error) {
	ok, err := c.insertRun(d, run)
	switch {
	case err != nil:
		return nil, err
	case ok && r.Actor.Automatic():
		return run, nil
	case ok:
		return run, c.InsertEvents(c.Ctx, &store.Event{At: c.Now, Actor: r.Actor, Kind: store.EventTrigger, DAGID: d.ID, RunID: run.RunID, MapIndex: -1})
	case r.Reset:
		return c.reset(run, r.Actor)
	}
	at := ""
	if !run.LogicalDate.IsZero() {
		at = ", or another one with logical date " + iso(run.LogicalDate)
	}
	return nil, fmt.Errorf("run %q of dag %q%s: %w", run.RunID, d.ID, at, ErrExists)
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
	return fmt.Errorf("no dag %q%s: %w", id, nearest(id, known, func(id string) string { return id }), store.ErrNotFound)
}

// TriggerError is a mistake in one field of a [Trigger].
type TriggerError struct {
	// Field is run_id or conf.
	Field string
	Err   error
}

func (e *TriggerError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *TriggerError) Unwrap() error { return e.Err }

// maxRunID is how long a run id may be: with "run_id=" before it, it names a folder.
const maxRunID = 255 - len("run_id=")

var runIDPattern = regexp.MustCompile(`^[A-Za-z0-9_.~:+-]+$`)

// NewManualRun is the run that a trigger asks for at a moment, not yet stored. Its logical
// date has milliseconds, as stored ones do.
func NewManualRun(d *dag.DAG, t Trigger, now time.Time) (*store.Run, error) {
	return newManualRun(d, t, now, time.Millisecond)
}

func newManualRun(d *dag.DAG, t Trigger, now time.Time, precision time.Duration) (*store.Run, error) {
	at := t.LogicalDate
	if at.IsZero() {
		at = now
	}
	at = at.UTC().Truncate(precision)
	id := t.RunID
	switch {
	case id == "":
		id = dag.RunID(dag.ManualRun, at)
	case len(id) > maxRunID:
		return nil, &TriggerError{"run_id", fmt.Errorf("run id %q… has %d characters: %d are allowed, because the folder of its logs is named after it", id[:20], len(id), maxRunID)}
	case !runIDPattern.MatchString(id):
		return nil, &TriggerError{"run_id", fmt.Errorf("run id %q: only letters, digits and _ . ~ : + - are allowed", id)}
	case strings.HasPrefix(id, string(dag.ScheduledRun)+"__") || strings.HasPrefix(id, string(dag.BackfillRun)+"__") ||
		strings.HasPrefix(id, string(dag.AssetRun)+"__"):
		return nil, &TriggerError{"run_id", fmt.Errorf("run id %q: this prefix belongs to another kind of run", id)}
	}
	conf, err := checkConf(t.Conf)
	if err == nil {
		err = checkParams(d, conf)
	}
	if err != nil {
		return nil, &TriggerError{"conf", err}
	}
	if t.NoLogicalDate {
		if t.RunID == "" {
			id += "_" + strings.ToLower(rand.Text()[:8])
		}
		return &store.Run{
			DAGID: d.ID, RunID: id, Type: dag.ManualRun, State: dag.RunQueued, RunAfter: now, QueuedAt: now, Conf: conf, Version: d.Version,
			Actor: t.Actor,
		}, nil
	}
	iv := d.Timetable.Manual(at)
	return &store.Run{
		DAGID: d.ID, RunID: id, Type: dag.ManualRun, State: dag.RunQueued, LogicalDate: at,
		IntervalStart: iv.Start, IntervalEnd: iv.End, RunAfter: now, QueuedAt: now, Conf: conf, Version: d.Version, Actor: t.Actor,
	}, nil
}

// checkConf requires a JSON object.
func checkConf(conf json.RawMessage) (json.RawMessage, error) {
	if len(conf) == 0 {
		return nil, nil
	}
	var m map[string]any
	if err := json.Unmarshal(conf, &m); err != nil || m == nil {
		if se, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("conf is no JSON, at character %d: %w", se.Offset, err)
		}
		return nil, errors.New(`conf must be a JSON object, for instance {"key": "value"}`)
	}
	return conf, nil
}
