package store

import "time"

// AssetEvent is one update of an asset: a task that has it among its outlets succeeded.
type AssetEvent struct {
	// ID is the store's own identity of the event; a later event has a larger one.
	ID int64
	// URI is that of the asset, in its normal form.
	URI string
	At  time.Time
	// DAGID, RunID, TaskID and MapIndex name the task instance; MapIndex is -1 for an
	// unmapped task.
	DAGID, RunID, TaskID string
	MapIndex             int
}
