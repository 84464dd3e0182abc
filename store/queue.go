package store

import (
	"context"
	"time"
)

// Job is one attempt handed to a worker.
type Job struct {
	RunKey   int64  `json:"run"`
	TaskID   string `json:"task"`
	MapIndex int    `json:"map"`
	Try      int    `json:"try"`

	// Handle is the store's own reference to the job while it runs.
	Handle any `json:"-"`
}

// WorkOptions configures [Store.Work].
type WorkOptions struct {
	// Workers is how many attempts run at once.
	Workers int
	// Grace is how long running attempts may go on after the end of the context.
	Grace time.Duration
	// Hurry is closed when the context of running attempts is to end now; nil never is.
	Hurry <-chan struct{}
	// Handle runs one attempt. It ends the job by [Tx.Complete] and returns nil; an
	// error gives the job back to be run again.
	Handle func(ctx context.Context, j Job) error
	// Ready is called once workers accept jobs.
	Ready func()
}
