package request

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
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
	// Latest lets runs that exist and run again go on in the version of the DAG that new runs get (Airflow,
	// run_on_latest_version). Otherwise they keep theirs.
	Latest bool `json:"run_on_latest_version,omitempty"`
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

func (e *BackfillError) Error() string { return e.Said().String() }

// Said is the mistake in each language.
func (e *BackfillError) Said() phrase.Text { return phrase.Of("colon", e.Field, phrase.Said(e.Err)) }

// Unwrap returns what is wrong.
func (e *BackfillError) Unwrap() error { return e.Err }

// BadBackfill is a mistake in a field of a backfill.
func BadBackfill(field string, c phrase.Code, args ...any) error {
	return &BackfillError{Field: field, Err: phrase.Err(c, args...)}
}

// Check fills defaults and reports what is wrong with the request for a DAG.
func (r *Backfill) Check(d *dag.DAG, now time.Time) (err error) {
	r.Reprocess, r.MaxActiveRuns = cmp.Or(r.Reprocess, store.ReprocessNone), cmp.Or(r.MaxActiveRuns, DefaultBackfillRuns)
	past := slices.ContainsFunc(d.Tasks, func(t *dag.Task) bool { return t.DependsOnPast || t.WaitForDownstream })
	switch {
	case r.From.IsZero():
		return BadBackfill("from_date", "backfill.from")
	case r.To.IsZero():
		return BadBackfill("to_date", "backfill.to")
	case r.To.Before(r.From):
		return BadBackfill("to_date", "backfill.before", ISO(r.To), ISO(r.From))
	case r.From.After(now):
		return BadBackfill("from_date", "backfill.future", ISO(r.From), ISO(r.To))
	case r.MaxActiveRuns < 1:
		return BadBackfill("max_active_runs", "backfill.runs", r.MaxActiveRuns)
	case r.Reprocess != store.ReprocessNone && r.Reprocess != store.ReprocessFailed && r.Reprocess != store.ReprocessCompleted:
		return BadBackfill("reprocess_behavior", "backfill.reprocess", r.Reprocess)
	case past && r.Backwards:
		return BadBackfill("run_backwards", "backfill.backwards", d.ID)
	case past && r.Reprocess == store.ReprocessNone:
		return BadBackfill("reprocess_behavior", "backfill.past", d.ID)
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
var ErrNoSchedule = phrase.Err("dag.no_schedule")

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
