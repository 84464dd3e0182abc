package dag

import (
	"time"
)

// Deadline is a moment by which a run is to have finished (Airflow, "Deadline Alerts").
type Deadline struct {
	// Reference is what the interval counts from, one of the Deadline… constants.
	Reference string
	// At is the moment of a fixed reference, zero for any other.
	At time.Time
	// MaxRuns is how many of the last successful runs make up an average, MinRuns how
	// many there must be: with fewer there is no deadline. Both 10 unless set.
	MaxRuns, MinRuns int
	// Interval is added to the reference.
	Interval time.Duration
	// Callbacks are told when the run has not finished by then.
	Callbacks []Callback
}

// The references of a [Deadline].
const (
	// DeadlineQueuedAt is the moment at which the run was queued.
	DeadlineQueuedAt = "dagrun_queued_at"
	// DeadlineLogicalDate is the run's logical date.
	DeadlineLogicalDate = "dagrun_logical_date"
	// DeadlineAverageRuntime is the moment at which the run was queued and the average
	// runtime of the runs before.
	DeadlineAverageRuntime = "average_runtime"
	// DeadlineFixed is a fixed moment.
	DeadlineFixed = "fixed"
)
