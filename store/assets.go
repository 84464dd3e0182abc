package store

import (
	"context"
	"encoding/json"
	"time"
)

// Assets reads the updates of assets.
type Assets interface {
	// AssetEvents returns the newest event of each asset, by URI.
	AssetEvents(ctx context.Context) ([]*AssetEvent, error)
	// WaitingAssetEvents returns the newest event of each of the assets that a DAG has been
	// told of and no run has taken, in the order of uris.
	WaitingAssetEvents(ctx context.Context, dagID string, uris []string) ([]*AssetEvent, error)
	// TakenAssetEvents returns what a run took, oldest first.
	TakenAssetEvents(ctx context.Context, runKey int64) ([]*AssetEvent, error)
	// AssetEventLog returns the events that match, newest first.
	AssetEventLog(ctx context.Context, f AssetEventFilter) ([]*AssetEvent, error)
	// CountAssetEvents counts them on whatever page.
	CountAssetEvents(ctx context.Context, f AssetEventFilter) (int, error)
	// ToldDAGs lists the ids of the DAGs with events that no run has taken.
	ToldDAGs(ctx context.Context) ([]string, error)
}

// AssetsTx changes them in a transaction.
type AssetsTx interface {
	// InsertAssetEvent adds an event, sets its ID, and tells it to the DAGs.
	InsertAssetEvent(ctx context.Context, e *AssetEvent, dagIDs []string) error
	// TakeAssetEvents gives a run everything that its DAG has been told and no run has taken.
	TakeAssetEvents(ctx context.Context, dagID string, runKey int64) error
}

// AssetEventFilter selects events. Zero fields select everything.
type AssetEventFilter struct {
	URI, DAGID, RunID, TaskID string
	// Limit bounds the number of events; 0 is all. With a Limit, Offset passes over the newest ones.
	Limit, Offset int
	// Behind passes over those up to the event with this ID.
	Behind int64
}

// AssetEvent is one update of an asset: a task that has it among its outlets succeeded, or something
// outside did it.
type AssetEvent struct {
	// ID is the store's own identity of the event; a later event has a larger one.
	ID int64
	// URI is that of the asset, in its normal form.
	URI string
	At  time.Time
	// DAGID, RunID, TaskID and MapIndex name the task instance; MapIndex is -1 for an
	// unmapped task. The ids are empty for an update that no task made.
	DAGID, RunID, TaskID string
	MapIndex             int
	// Extra is a JSON object with what else there is to know, or nil.
	Extra json.RawMessage
}
