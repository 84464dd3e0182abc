package store

import (
	"context"
	"time"
)

// BrokenThings reads what is broken and what people were told of it.
type BrokenThings interface {
	// BrokenInstances returns what a success of a task instance may mend: the same instance; of a
	// mapped task also the task as it was before it had instances; and without a map index all
	// of the task. With an empty task id it is the runs of the DAG.
	BrokenInstances(ctx context.Context, dagID, taskID string, mapIndex int) ([]*Broken, error)
	// BrokenOf returns all that is broken of a DAG, by task and map index.
	BrokenOf(ctx context.Context, dagID string) ([]*Broken, error)
}

// BrokenThingsTx changes that in a transaction.
type BrokenThingsTx interface {
	// PutBroken writes what is broken, in the place of what was said of the same instance before.
	PutBroken(ctx context.Context, b *Broken) error
	DeleteBroken(ctx context.Context, b *Broken) error
}

// Broken is a task instance, or the runs of a DAG, that failed without a success since, and
// people were told so.
type Broken struct {
	DAGID string
	// TaskID is empty for the runs of the DAG.
	TaskID string
	// MapIndex is -1 for an unmapped task and for a DAG.
	MapIndex int
	// Since is the end of the first failure that was told, Failures how many were.
	Since    time.Time
	Failures int
	// RunID is the newest run among those that failed. LogicalDate, if it has one, and RunStart
	// are its own.
	RunID                 string
	LogicalDate, RunStart time.Time
}

// NotBefore reports whether a run is the one that failed, or not older than it: by their logical
// dates, or by when they started if one has none. Only such a run can mend what is broken.
func (b *Broken) NotBefore(r *Run) bool {
	switch {
	case r.RunID == b.RunID:
		return true
	case r.LogicalDate.IsZero() || b.LogicalDate.IsZero():
		return !r.StartDate.Before(b.RunStart)
	default:
		return !r.LogicalDate.Before(b.LogicalDate)
	}
}

// Add counts a failure of a run that ended at a moment. The first one begins it.
func (b *Broken) Add(r *Run, at time.Time) {
	newest := b.Failures == 0 || b.NotBefore(r)
	if b.Failures == 0 {
		b.Since = at
	}
	b.Failures++
	if newest {
		b.RunID, b.LogicalDate, b.RunStart = r.RunID, r.LogicalDate, r.StartDate
	}
}
