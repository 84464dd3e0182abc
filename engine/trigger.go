package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
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
	// Conf is a JSON object, or nil.
	Conf json.RawMessage
}

// ErrExists says that a run with that id or logical date exists.
var ErrExists = errors.New("exists already")

// Trigger creates a manual run, queued. A scheduler that works on the same store
// starts it: this process's own at once, another one's within its next beat.
func (e *Engine) Trigger(ctx context.Context, dagID string, t Trigger) (*Run, error) {
	d := e.dag(dagID)
	if d == nil {
		return nil, fmt.Errorf("trigger: dag %q: %w", dagID, ErrNotFound)
	}
	r, err := NewManualRun(d, t, e.now())
	if err != nil {
		return nil, err
	}
	err = e.change(ctx, func(c *change) error {
		ok, err := c.insertRun(d, r)
		if err == nil && !ok && t.Reset {
			r, err = c.reset(r)
			return err
		}
		if err == nil && !ok {
			err = fmt.Errorf("run %q of dag %q, or another one with logical date %s: %w", r.RunID, dagID, r.LogicalDate.Format(time.RFC3339), ErrExists)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("trigger: %w", err)
	}
	// A paused DAG keeps it queued; the copy the caller gets stays as it was created.
	created := *r
	e.wakeDAG(dagID)
	return &created, nil
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

var runIDPattern = regexp.MustCompile(`^[A-Za-z0-9_.~:+-]+$`)

// NewManualRun is the run that a trigger asks for at a moment, not yet stored.
func NewManualRun(d *dag.DAG, t Trigger, now time.Time) (*Run, error) {
	at := t.LogicalDate
	if at.IsZero() {
		at = now
	}
	at = at.UTC().Truncate(time.Millisecond)
	id := t.RunID
	switch {
	case id == "":
		id = RunID(dag.ManualRun, at)
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
		return &Run{
			DAGID: d.ID, RunID: id, Type: dag.ManualRun, State: dag.RunQueued, RunAfter: now, QueuedAt: now, Conf: conf, Version: d.Version,
		}, nil
	}
	iv := d.Timetable.Manual(at)
	return &Run{
		DAGID: d.ID, RunID: id, Type: dag.ManualRun, State: dag.RunQueued, LogicalDate: at,
		IntervalStart: iv.Start, IntervalEnd: iv.End, RunAfter: now, QueuedAt: now, Conf: conf, Version: d.Version,
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
