package listing

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/store"
)

// EventReader reads lists of the audit log.
type EventReader interface {
	// ListEvents returns one page of what matches and how many match. Orders are by the names that [EventOrder] lists.
	ListEvents(ctx context.Context, f Events, p Page) ([]*Event, int, error)
}

// EventOrder are the names by which events are ordered.
func EventOrder() []string {
	return []string{"id", "event_log_id", "when", "dttm", "dag_id", "task_id", "run_id", "event", "logical_date", "owner", "extra"}
}

// Events selects events. Zero fields select everything; all others hold. The name of an event is that of the operation
// by which it was asked for, and its kind where that was none.
type Events struct {
	ID int64
	// DAGIDs is a list of which one must be that of the event; nil is no condition, and an empty list that is not nil selects
	// nothing.
	DAGIDs                      []string
	DAGID, RunID, TaskID, Owner *string
	MapIndex                    *int
	Event                       *string
	Included, Excluded          []string
	DAGIDLike, RunIDLike        Like
	TaskIDLike, OwnerLike       Like
	EventLike                   Like
	// Before and After are strict.
	Before, After *time.Time
	// ButKinds are kinds that are left out.
	ButKinds []store.EventKind
}

// Event is an event of a list with the logical date of its run.
type Event struct {
	store.Event

	LogicalDate time.Time
}
