package request

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// DefaultBackfillRuns is how many runs of a backfill are active at once unless it says so.
const DefaultBackfillRuns = 10

// Backfill asks for a backfill (Airflow, backfill create).
type Backfill struct {
	// From and To are the first and the last logical date, inclusive.
	From, To time.Time
	// Reprocess is none when it is empty.
	Reprocess store.Reprocess
	// MaxActiveRuns is how many of its runs are active at once, whatever the DAG's own
	// max_active_runs says. Default 10.
	MaxActiveRuns int
	// Backwards starts the newest run first.
	Backwards bool
	// Actor is who asks.
	Actor store.Actor `json:"actor,omitzero"`
	// Conf is a JSON object for the new runs, or nil. Runs that exist keep theirs.
	Conf json.RawMessage `json:"conf,omitempty"`
}

// BackfillError is a mistake in one field of a [Backfill].
type BackfillError struct {
	// Field is from_date, to_date, reprocess_behavior, max_active_runs, run_backwards or dag_run_conf.
	Field string
	Err   error
}

func (e *BackfillError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *BackfillError) Unwrap() error { return e.Err }

// BadBackfill is a mistake in a field of a backfill.
func BadBackfill(field, format string, args ...any) error {
	return &BackfillError{Field: field, Err: fmt.Errorf(format, args...)}
}

// Check fills defaults and reports what is wrong with the request for a DAG.
func (r *Backfill) Check(d *dag.DAG, now time.Time) (err error) {
	r.Reprocess, r.MaxActiveRuns = cmp.Or(r.Reprocess, store.ReprocessNone), cmp.Or(r.MaxActiveRuns, DefaultBackfillRuns)
	past := slices.ContainsFunc(d.Tasks, func(t *dag.Task) bool { return t.DependsOnPast || t.WaitForDownstream })
	switch {
	case r.From.IsZero():
		return BadBackfill("from_date", "give the first logical date")
	case r.To.IsZero():
		return BadBackfill("to_date", "give the last logical date")
	case r.To.Before(r.From):
		return BadBackfill("to_date", "%s is before the first date %s", ISO(r.To), ISO(r.From))
	case r.From.After(now):
		return BadBackfill("from_date", "%s and the last date %s are in the future: a backfill runs what is past", ISO(r.From), ISO(r.To))
	case r.MaxActiveRuns < 1:
		return BadBackfill("max_active_runs", "%d: must be at least 1", r.MaxActiveRuns)
	case r.Reprocess != store.ReprocessNone && r.Reprocess != store.ReprocessFailed && r.Reprocess != store.ReprocessCompleted:
		return BadBackfill("reprocess_behavior", "unknown %q: use none, failed or completed", r.Reprocess)
	case past && r.Backwards:
		return BadBackfill("run_backwards", "dag %q has tasks with depends_on_past, which wait for the run before theirs: run it forwards", d.ID)
	case past && r.Reprocess == store.ReprocessNone:
		return BadBackfill("reprocess_behavior", "dag %q has tasks with depends_on_past, which a failed run in the range would hold up: use failed or completed", d.ID)
	}
	if r.Conf, err = CheckConf(r.Conf); err == nil {
		err = checkParams(d, r.Conf)
	}
	if err != nil {
		return &BackfillError{Field: "dag_run_conf", Err: err}
	}
	return nil
}

// ISO writes a moment as people give it.
func ISO(t time.Time) string { return t.Format(time.RFC3339) }

// ErrNoSchedule says that a DAG can't be backfilled because nothing says what dates it has.
var ErrNoSchedule = errors.New("has no schedule of its own, so there are no dates to fill: trigger it instead")

// BackfillOf is a [Backfill] of a DAG.
type BackfillOf struct {
	DAGID string
	Backfill
}

// CreatedBackfill is a backfill that was made because somebody asked for it.
type CreatedBackfill struct {
	Backfill *store.Backfill `json:"backfill"`
	// Dates counts its dates by what would become of each at this moment.
	Dates map[store.BackfillOutcome]int `json:"dates"`
	// Paused says that its DAG is paused, so that no run starts.
	Paused bool `json:"paused,omitempty"`
}
