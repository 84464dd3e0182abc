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
	// ToldDAGs lists the ids of the DAGs with events that no run has taken.
	ToldDAGs(ctx context.Context) ([]string, error)
	// KnownAssets returns the assets that there are or were, by ID.
	KnownAssets(ctx context.Context) ([]*Asset, error)
}

// AssetsTx changes them in a transaction.
type AssetsTx interface {
	// InsertAssetEvent adds an event, sets its ID, and tells it to the DAGs. An asset that is not known becomes
	// so, with its URI for a name.
	InsertAssetEvent(ctx context.Context, e *AssetEvent, dagIDs []string) error
	// TakeAssetEvents gives a run everything that its DAG has been told and no run has taken.
	TakeAssetEvents(ctx context.Context, dagID string, runKey int64) error
	// ForgetAssetEvents takes back what a DAG has been told of an asset, or for an empty URI of all, and no run
	// has taken: what happened before a moment, or for the zero one everything. It returns how many events.
	ForgetAssetEvents(ctx context.Context, dagID, uri string, before time.Time) (int, error)
	// PutAsset adds an asset and sets its ID, or changes Name, Group and UpdatedAt of the one with that URI.
	PutAsset(ctx context.Context, a *Asset) error
}

// Asset is an asset that a DAG file has or had.
type Asset struct {
	// ID is the store's own identity of the asset, which stays whatever becomes of its name.
	ID               int64
	URI, Name, Group string
	// CreatedAt is when it was seen first, UpdatedAt when its name or group was changed last.
	CreatedAt, UpdatedAt time.Time
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
