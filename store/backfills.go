package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/timetable"
)

// Backfills reads backfills.
type Backfills interface {
	// Backfill returns ErrNotFound for an unknown backfill.
	Backfill(ctx context.Context, id int64) (*Backfill, error)
	// Backfills returns the backfills that match, newest first unless the filter says otherwise.
	Backfills(ctx context.Context, f BackfillFilter) ([]*Backfill, error)
	// CountBackfills counts those of a DAG, or all for an empty id.
	CountBackfills(ctx context.Context, dagID string) (int, error)
	// OpenBackfills returns those that are running or paused, OpenBackfill that of one DAG or nil.
	OpenBackfills(ctx context.Context) ([]*Backfill, error)
	OpenBackfill(ctx context.Context, dagID string) (*Backfill, error)
	// BackfillDateLeft returns the next date of a backfill without an outcome, or nil.
	BackfillDateLeft(ctx context.Context, id int64) (*BackfillDate, error)
	// BackfillCounts counts what has become of the dates of a backfill.
	BackfillCounts(ctx context.Context, id int64) (BackfillCounts, error)
	// CountBackfillRuns counts the runs of a backfill that are queued and those that are running.
	CountBackfillRuns(ctx context.Context, id int64) (queued, running int, err error)
}

// BackfillsTx makes and changes them in a transaction.
type BackfillsTx interface {
	// InsertBackfill adds a backfill with its dates and sets its ID. It reports false, and
	// changes nothing, when the DAG has an open one.
	InsertBackfill(ctx context.Context, b *Backfill, dates []BackfillDate) (bool, error)
	// UpdateBackfill writes Version, State, UpdatedAt and CompletedAt.
	UpdateBackfill(ctx context.Context, b *Backfill) error
	// SettleBackfillDate writes the outcome and the run of a date.
	SettleBackfillDate(ctx context.Context, id int64, d *BackfillDate) error
}

// Reprocess says what a backfill does with runs that exist and have ended (Airflow,
// ReprocessBehavior). Runs under way are never touched.
type Reprocess string

// The ways to treat runs that have ended.
const (
	// ReprocessNone leaves them.
	ReprocessNone Reprocess = "none"
	// ReprocessFailed clears those that failed.
	ReprocessFailed Reprocess = "failed"
	// ReprocessCompleted clears those that failed and those that succeeded.
	ReprocessCompleted Reprocess = "completed"
)

// BackfillState is the state of a backfill.
type BackfillState string

// The states of a backfill. The first two are open, and a DAG has one open backfill at most.
const (
	BackfillRunning   BackfillState = "running"
	BackfillPaused    BackfillState = "paused"
	BackfillCompleted BackfillState = "completed"
	BackfillCancelled BackfillState = "cancelled"
)

// BackfillOutcome is what has become of a date of a backfill; empty until its turn has come.
type BackfillOutcome string

// The outcomes of a date.
const (
	// BackfillCreated got a new run.
	BackfillCreated BackfillOutcome = "created"
	// BackfillCleared had a run, which was cleared and became one of the backfill.
	BackfillCleared BackfillOutcome = "cleared"
	// BackfillInFlight has a run that is queued or running.
	BackfillInFlight BackfillOutcome = "in flight"
	// BackfillExists has a run that has ended and is left as it is.
	BackfillExists BackfillOutcome = "already exists"
)

// Backfill is a stored request for the runs of a range of logical dates.
type Backfill struct {
	ID    int64
	DAGID string
	// From and To are the first and the last logical date, inclusive.
	From, To      time.Time
	Reprocess     Reprocess
	MaxActiveRuns int
	// Backwards starts the newest run first.
	Backwards bool
	// Latest lets runs that it clears go on in its version; else they keep theirs.
	Latest bool
	// Conf is the JSON object that new runs get, or nil.
	Conf json.RawMessage `json:"conf,omitempty"`
	// Version is the DAG version of its new runs; empty until a process that schedules has
	// seen the backfill.
	Version string
	// Actor is who had it made.
	Actor Actor
	State BackfillState
	// CompletedAt is zero while it is open. UpdatedAt is when its state was changed last, at first CreatedAt.
	CreatedAt, UpdatedAt, CompletedAt time.Time
}

// Open reports whether the backfill goes on: it is running or paused.
func (b *Backfill) Open() bool { return b.State == BackfillRunning || b.State == BackfillPaused }

// BackfillFilter selects backfills. Zero fields select everything.
type BackfillFilter struct {
	DAGID string
	// DAGIDs selects those of some DAGs; nil selects all, and an empty list none.
	DAGIDs []string
	// Limit bounds the number of backfills; 0 is all. With a Limit, Offset passes over the newest
	// ones.
	Limit, Offset int
	// Behind passes over those up to the backfill with this ID.
	Behind int64
	// Oldest turns the order round, without Behind.
	Oldest bool
}

// BackfillDate is one logical date of a backfill.
type BackfillDate struct {
	// Ordinal is its place in the order of the starts, from 0.
	Ordinal     int
	LogicalDate time.Time
	Interval    timetable.Interval
	RunAfter    time.Time
	Outcome     BackfillOutcome
	// RunKey is the run that the backfill created or cleared, else 0.
	RunKey int64
}

// BackfillCounts is how far a backfill has come, in dates.
type BackfillCounts struct {
	Total int
	// Left wait for their turn; Active have a run that is queued or running.
	Left, Active int
	// Success and Failed have a run of the backfill that ended so.
	Success, Failed int
	// Untouched had a run of their own that was left alone.
	Untouched int
	// Removed had a run of the backfill that is history no more.
	Removed int
}
