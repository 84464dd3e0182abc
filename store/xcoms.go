package store

import (
	"context"
	"encoding/json"
	"time"
)

// XComs reads the values that tasks hand on.
type XComs interface {
	// XCom returns the JSON of one XCom, or nil.
	XCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (json.RawMessage, error)
	// XComs returns the XComs of a mapped task's instances in the order of their map index.
	XComs(ctx context.Context, runKey int64, taskID, key string) ([]MappedXCom, error)
	// RunXComs returns all XComs of a run, by task, map index and key.
	RunXComs(ctx context.Context, runKey int64) ([]XCom, error)
	// TaskXComs returns those of one task instance, by key.
	TaskXComs(ctx context.Context, runKey int64, taskID string, mapIndex int) ([]XCom, error)
	// RunWithXCom returns the key of the newest run of a DAG, up to a logical date, in which
	// a task has an XCom; 0 for none.
	RunWithXCom(ctx context.Context, dagID string, upTo time.Time, taskID, key string) (int64, error)
}

// XComsTx changes them in a transaction.
type XComsTx interface {
	PutXCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string, value json.RawMessage) error
	// EditXCom writes what a person made of an XCom at a moment.
	EditXCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string, value json.RawMessage, at time.Time) error
	// DeleteXCom removes one. It reports whether it was there.
	DeleteXCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (bool, error)
	// ClearXCom removes what an earlier try of the instance left.
	ClearXCom(ctx context.Context, runKey int64, taskID string, mapIndex int) error
}

// MappedXCom is the XCom of one instance of a mapped task.
type MappedXCom struct {
	MapIndex int
	Value    json.RawMessage
}

// XCom is one stored XCom.
type XCom struct {
	TaskID   string
	MapIndex int // -1 for an unmapped task
	Key      string
	Value    json.RawMessage
}
