package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/dag"
)

// Runs reads DAG runs.
type Runs interface {
	// Run and RunByID return ErrNotFound for an unknown run.
	Run(ctx context.Context, key int64) (*Run, error)
	RunByID(ctx context.Context, dagID, runID string) (*Run, error)
	Runs(ctx context.Context, f RunFilter) ([]*Run, error)
	// CountMatching counts the runs that match a filter, on whatever page.
	CountMatching(ctx context.Context, f RunFilter) (int, error)
	// NewestRuns returns the newest run of each of some DAGs that has one, in no order; of each DAG when none is named.
	NewestRuns(ctx context.Context, dagIDs ...string) ([]*Run, error)
	// RecentRuns returns the newest limit runs of each of some DAGs, those of a DAG one after another and the newest of them first.
	RecentRuns(ctx context.Context, limit int, dagIDs ...string) ([]*Run, error)
	// ProvisionalRuns returns the queued runs with a provisional version, oldest first.
	ProvisionalRuns(ctx context.Context) ([]*Run, error)
	// OpenRuns returns the keys of the running runs and the DAGs that have queued ones.
	OpenRuns(ctx context.Context) (running []int64, queued []string, err error)
	// CountRuns counts the runs of a DAG in one of the states.
	CountRuns(ctx context.Context, dagID string, states ...dag.RunState) (int, error)
	// CountOwnRuns counts them without the runs of backfills.
	CountOwnRuns(ctx context.Context, dagID string, states ...dag.RunState) (int, error)
}

// RunsTx makes and changes runs in a transaction.
type RunsTx interface {
	// InsertRun adds a run and sets its Key. It reports false, and changes
	// nothing, when the run id or the logical date exists.
	InsertRun(ctx context.Context, r *Run) (bool, error)
	// UpdateRun writes the type, backfill, state, dates, reason and maker of a run.
	UpdateRun(ctx context.Context, r *Run) error
	// SetRunVersion writes the version of a run and whether it is provisional.
	SetRunVersion(ctx context.Context, r *Run) error
}

// Notes reads notes of runs and task instances.
type Notes interface {
	// Notes returns those of a run and of its task instances, by task and map index.
	Notes(ctx context.Context, runKey int64) ([]*Note, error)
}

// NotesTx changes notes of runs and task instances in a transaction.
type NotesTx interface {
	// PutNote writes a note in the place of the one before, or removes that when its content is empty.
	PutNote(ctx context.Context, n *Note) error
}

// Note is what somebody noted about a run, or about one of its task instances.
type Note struct {
	RunKey int64
	// TaskID is empty, and MapIndex -1, for the run itself.
	TaskID   string
	MapIndex int
	Content  string
	Actor    Actor
	At       time.Time
}

// RunDates finds the runs of a DAG by their dates.
type RunDates interface {
	// RunAt returns the run of a DAG with a logical date, or nil.
	RunAt(ctx context.Context, dagID string, logicalDate time.Time) (*Run, error)
	// NearestRun returns the run of a DAG whose logical date is nearest to a moment, or nil.
	NearestRun(ctx context.Context, dagID string, at time.Time) (*Run, error)
	// LastScheduled returns the newest run that the schedule of a DAG made, or nil. One
	// that a backfill took over counts.
	LastScheduled(ctx context.Context, dagID string) (*Run, error)
	// PreviousSuccess returns the newest successful run of the same DAG with an
	// earlier logical date, or nil.
	PreviousSuccess(ctx context.Context, r *Run) (*Run, error)
	// PreviousRun returns the run of the same DAG with the newest earlier logical date, or for
	// a run without one that with the newest earlier run_after, without manual runs if only automatic ones are asked for (Airflow,
	// get_previous_scheduled_dagrun), or nil.
	PreviousRun(ctx context.Context, r *Run, automatic bool) (*Run, error)
}

// Deadlines reads by when runs are to have finished.
type Deadlines interface {
	// DueDeadlines returns the deadlines that have passed, the earliest first.
	DueDeadlines(ctx context.Context, now time.Time) ([]*RunDeadline, error)
}

// DeadlinesTx changes that in a transaction.
type DeadlinesTx interface {
	PutDeadline(ctx context.Context, l *RunDeadline) error
	// DeleteDeadline reports whether the deadline was there.
	DeleteDeadline(ctx context.Context, l *RunDeadline) (bool, error)
	// DeleteDeadlines removes all deadlines of a run.
	DeleteDeadlines(ctx context.Context, runKey int64) error
}

// RunDeadline is a moment by which a run is to have finished.
type RunDeadline struct {
	RunKey int64
	// Index is the deadline among those of the run's DAG version.
	Index int
	At    time.Time
}

// Run is one DAG run as it is stored. Zero times are unset.
type Run struct {
	// Key is the store's own identity of the run.
	Key           int64
	DAGID, RunID  string
	Type          dag.RunType
	State         dag.RunState
	LogicalDate   time.Time
	IntervalStart time.Time
	IntervalEnd   time.Time
	RunAfter      time.Time
	QueuedAt      time.Time
	StartDate     time.Time
	EndDate       time.Time
	// Conf is the JSON object the run was triggered with, or nil.
	Conf json.RawMessage `json:"conf,omitempty"`
	// Version is the DAG version the run was created with; the run keeps it.
	Version string
	// Provisional says that Version was made by a process that does not schedule. The one
	// that does replaces it by its own before the run starts.
	Provisional bool
	// MadeBy is the try of a task that made the run or had it run again, in the form of
	// engine.Trigger.By; empty for anybody else.
	MadeBy string
	// Actor is who had it made. What has it run again does not change that, and is an [Event].
	Actor Actor
	// BackfillID is the backfill that the run belongs to, 0 for none.
	BackfillID int64
	// Reason says why a finished run has its state: success, task_failure, timed_out,
	// all_tasks_deadlocked, or marked_success and marked_failed when a person gave it. A
	// run that was marked and still runs its teardowns has it too. A run that could not go
	// on has version_not_loadable, rows_not_readable or internal_error with ": " and why.
	Reason string
}

// RunFilter selects runs. Zero fields select everything.
type RunFilter struct {
	DAGID string
	// DAGIDs selects those of some DAGs; nil selects all, and an empty list none.
	DAGIDs []string
	States []dag.RunState
	Type   dag.RunType
	// BackfillID selects the runs of one backfill.
	BackfillID int64
	// Since selects the runs that ended at this moment or later, or have not ended.
	Since time.Time
	// From and To select the runs with a logical date from the one to the other, which count
	// themselves. With neither, runs without a logical date count too.
	From, To time.Time
	// Limit bounds the number of runs, newest first; 0 is all, oldest first.
	Limit int
	// With a Limit, Offset passes over the newest ones, and Behind over those up to a place:
	// runs that are made between two pages move no other into the next one.
	Offset int
	Behind *RunPlace
}

// RunPlace is where a run stands among all: by RunAfter, and those of one moment by Key.
type RunPlace struct {
	RunAfter time.Time
	Key      int64
}
