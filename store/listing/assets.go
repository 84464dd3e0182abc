package listing

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Assets reads lists of what updated assets. Orders are by the names that [AssetEventOrder] lists.
type Assets interface {
	ListAssetEvents(ctx context.Context, f AssetEvents, p Page) ([]*AssetEvent, int, error)
	// QueuedAssetEvents returns what DAGs have been told of assets and no run has taken, by DAG and URI.
	QueuedAssetEvents(ctx context.Context, f Queued) ([]QueuedEvents, error)
}

// AssetEventOrder are the names by which events are ordered.
func AssetEventOrder() []string {
	return []string{"source_task_id", "source_dag_id", "source_run_id", "source_map_index", "timestamp"}
}

// AssetEvents selects updates of assets. Zero fields select everything; all others hold.
type AssetEvents struct {
	// IDs and URIs are lists of which one must be that of the event or its asset; nil is no condition.
	IDs  []int64
	URIs []string
	// DAGID, TaskID, RunID and MapIndex are of the instance that made the update.
	DAGID, TaskID, RunID *string
	MapIndex             *int
	Timestamp            Range[time.Time]
	// TakenBy is the key of the run that took the event.
	TakenBy int64
	// By are the DAGs whose updates are meant, with Outside those that no task made of these assets; nil is no
	// condition.
	By, Outside []string
}

// AssetEvent is an update of an asset with the runs that it led to.
type AssetEvent struct {
	store.AssetEvent

	Runs []*Run
}

// Queued selects what DAGs have been told and no run has taken. Zero fields select everything; all others hold.
type Queued struct {
	// DAGIDs is a list of which one must be that of the DAG; nil is no condition.
	DAGIDs []string
	URI    string
	// Before is when the events happened.
	Before time.Time
}

// QueuedEvents are the events of an asset that a DAG has been told, and no run has taken.
type QueuedEvents struct {
	DAGID, URI string
	// First is when the first of them happened.
	First time.Time
}
