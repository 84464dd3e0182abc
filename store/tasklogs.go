package store

import (
	"context"
	"time"
)

// TaskLogs reads the task logs that are kept in the store, where it is the log store too, and which logs are to be removed
// from the log store wherever that is.
type TaskLogs interface {
	// TaskLogParts returns the parts of a log that are whole, by their start and node.
	TaskLogParts(ctx context.Context, name string) ([]*TaskLogPart, error)
	// TaskLogChunks returns the chunks of a part in their order, from a number on and at most limit.
	TaskLogChunks(ctx context.Context, partID int64, from, limit int) ([][]byte, error)
	// CountTaskLogs counts the whole parts of the logs below a folder.
	CountTaskLogs(ctx context.Context, folder string) (int, error)
	// LogRemovals returns what is to be removed from the log store, in the order in which it was put, behind an id and at most limit.
	LogRemovals(ctx context.Context, after int64, limit int) ([]*LogRemoval, error)
}

// TaskLogsTx changes them in a transaction.
type TaskLogsTx interface {
	// StartTaskLog begins a part, which nobody sees yet, and sets its ID.
	StartTaskLog(ctx context.Context, p *TaskLogPart) error
	// PutTaskLogChunk adds a chunk to a part, by its number from 0.
	PutTaskLogChunk(ctx context.Context, partID int64, number int, data []byte) error
	// EndTaskLog says that a part is whole, and how long it is: it takes the place of one with the same name, start and node.
	// It returns [ErrNotFound] when the part was removed meanwhile.
	EndTaskLog(ctx context.Context, p *TaskLogPart) error
	// RemoveTaskLogs removes parts of logs below a folder that began before a moment, with at most so many chunks. It returns how
	// many whole ones it has begun to remove, and whether there is more to do.
	RemoveTaskLogs(ctx context.Context, folder string, before time.Time, chunks int) (parts int, more bool, err error)
	// PutLogRemoval notes logs that are to be removed from the log store, and sets the ID.
	PutLogRemoval(ctx context.Context, r *LogRemoval) error
	// DropLogRemoval says that they are.
	DropLogRemoval(ctx context.Context, id int64) error
}

// TaskLogPart is a part of a task log, see package tasklog.
type TaskLogPart struct {
	ID int64
	// Name is that of the log.
	Name string
	// Start is when a machine began to write it, Node which one.
	Start time.Time
	Node  string
	// Size is how long its text is, in bytes.
	Size int64
}

// LogRemoval is a folder of logs that are to be removed from the log store: those that began before a moment, so that logs of
// a run that was made since then and has the same folder stay.
type LogRemoval struct {
	ID int64
	// Folder is below the log folder.
	Folder string
	Before time.Time
}
