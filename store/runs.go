package store

import (
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/dag"
)

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
	DAGID  string
	States []dag.RunState
	Type   dag.RunType
	// BackfillID selects the runs of one backfill.
	BackfillID int64
	// Since selects the runs that ended at this moment or later, or have not ended.
	Since time.Time
	// Limit bounds the number of runs, newest first; 0 is all, oldest first.
	Limit int
}
