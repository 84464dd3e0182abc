package store

import (
	"context"
	"time"
)

// ImportError is a stretch of time in which a DAG file, or a DAG of it, could not be loaded.
type ImportError struct {
	ID   int64
	File string
	// DAGID is a known DAG that could not be loaded; empty in the record of the file itself.
	DAGID string
	// Since is when that was seen first, Until when it was seen mended; zero while it lasts.
	Since, Until time.Time
	// Text are the last errors, a line each, with their places.
	Text string
}

// Pause says that a DAG was paused or unpaused. The first one of a DAG is the moment it
// was first seen.
type Pause struct {
	At     time.Time
	Paused bool
	// Cause says why the engine did it; empty for a person and the DAG's file.
	Cause string
}

// SetPaused pauses or unpauses a DAG at the given moment and keeps that in its history. The cause is
// empty for a person. It returns ErrNotFound for an unknown DAG.
func SetPaused(ctx context.Context, tx Tx, dagID string, paused bool, at time.Time, cause string) error {
	before, err := tx.DAG(ctx, dagID)
	if err != nil {
		return err
	}
	if before.Paused == paused {
		return nil
	}
	if err := tx.SetPaused(ctx, dagID, paused); err != nil {
		return err
	}
	return tx.InsertPause(ctx, dagID, &Pause{At: at, Paused: paused, Cause: cause})
}

// AddDAG records a DAG that is seen for the first time at the given moment.
func AddDAG(ctx context.Context, tx Tx, d *DAGState, at time.Time) error {
	if err := tx.PutDAG(ctx, d); err != nil {
		return err
	}
	return tx.InsertPause(ctx, d.ID, &Pause{At: at, Paused: d.Paused})
}

// DAGState is what the store keeps about a DAG beside its file.
type DAGState struct {
	ID     string
	File   string
	Paused bool
	// Version is that of the file when it was last loaded.
	Version string
	// Active is false once the file is gone. A broken file is not gone.
	Active bool
	// Assets are the URIs of the assets that the DAG waits for.
	Assets []string
}
