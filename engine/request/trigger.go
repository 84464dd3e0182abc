package request

import (
	"crypto/rand"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
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
var ErrExists = phrase.Err("exists")

// ErrPaused says that a run was not made because its DAG is paused.
var ErrPaused = phrase.Err("dag.is_paused")

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

// TriggerOf is a [Trigger] of a DAG.
type TriggerOf struct {
	DAGID string
	Trigger
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

// NewRun is the run that a trigger of a DAG asks for at a moment, not yet stored. Its logical
// date is cut to a precision: stored ones have milliseconds. The error is a [*TriggerError].
func (t *Trigger) NewRun(d *dag.DAG, now time.Time, precision time.Duration) (*store.Run, error) {
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
		return nil, &TriggerError{"run_id", phrase.Err("runid.long", id[:20], len(id), maxRunID)}
	case !runIDPattern.MatchString(id):
		return nil, &TriggerError{"run_id", phrase.Err("runid.signs", id)}
	case strings.HasPrefix(id, string(dag.ScheduledRun)+"__") || strings.HasPrefix(id, string(dag.BackfillRun)+"__") ||
		strings.HasPrefix(id, string(dag.AssetRun)+"__"):
		return nil, &TriggerError{"run_id", phrase.Err("runid.prefix", id)}
	}
	conf, err := CheckConf(t.Conf)
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
