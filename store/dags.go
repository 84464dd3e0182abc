package store

import (
	"context"
	"iter"
	"time"
)

// DAGs reads what is known of DAGs beside their files.
type DAGs interface {
	// DAG returns what is known of a DAG, or ErrNotFound.
	DAG(ctx context.Context, dagID string) (*DAGState, error)
	// DAGs returns what is known of some DAGs, or of each when none is named, by id.
	DAGs(ctx context.Context, ids ...string) ([]*DAGState, error)
	// PausedDAGs lists the ids of the paused DAGs.
	PausedDAGs(ctx context.Context) ([]string, error)
	// Pauses returns when a DAG was first seen, paused and unpaused, oldest first.
	Pauses(ctx context.Context, dagID string) ([]*Pause, error)
	// Version returns the source of a DAG version, or ErrNotFound.
	Version(ctx context.Context, version string) ([]byte, error)
	// VersionInfo returns what else is known of it, or ErrNotFound.
	VersionInfo(ctx context.Context, version string) (*Version, error)
	// TemplateFile returns the content of a template file of versions by its SHA-256 in hex, or ErrNotFound.
	TemplateFile(ctx context.Context, hash string) (string, error)
}

// DAGsTx changes that in a transaction.
type DAGsTx interface {
	PutDAG(ctx context.Context, d *DAGState) error
	SetPaused(ctx context.Context, dagID string, paused bool) error
	// InsertPause notes that a DAG was first seen, paused or unpaused.
	InsertPause(ctx context.Context, dagID string, p *Pause) error
	// PutVersion keeps the source of a version once, and gives it the next number of its DAG.
	PutVersion(ctx context.Context, version, dagID string, source []byte, at time.Time) error
	// PutTemplateFiles keeps the template files of a version once: it asks for the contents, by their SHA-256 in hex, only if the
	// version has none yet. They go with the last version that has them.
	PutTemplateFiles(ctx context.Context, version string, contents iter.Seq2[string, string]) error
}

// ImportErrors reads which DAG files could not be loaded, and when.
type ImportErrors interface {
	// OpenImportErrors returns what can't be loaded now, oldest first.
	OpenImportErrors(ctx context.Context) ([]*ImportError, error)
	// ImportErrors returns when a DAG could not be loaded, oldest first.
	ImportErrors(ctx context.Context, dagID string) ([]*ImportError, error)
}

// ImportErrorsTx changes that in a transaction.
type ImportErrorsTx interface {
	// PutImportError adds a stretch and sets its ID, or writes the end and the text of one with an ID.
	PutImportError(ctx context.Context, e *ImportError) error
}

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
	// Actor is the person who did it.
	Actor Actor
}

// SetPaused pauses or unpauses a DAG and keeps that in its history, and what a person did among the
// events. One that is so already stays as it is. It returns ErrNotFound for an unknown DAG.
func SetPaused(ctx context.Context, tx interface {
	DAGs
	DAGsTx
	EventsTx
}, dagID string, p Pause,
) error {
	before, err := tx.DAG(ctx, dagID)
	if err != nil {
		return err
	}
	if before.Paused == p.Paused {
		return nil
	}
	if err := tx.SetPaused(ctx, dagID, p.Paused); err != nil {
		return err
	}
	if err := tx.InsertPause(ctx, dagID, &p); err != nil || p.Cause != "" {
		return err
	}
	return tx.InsertEvents(ctx, p.event(dagID))
}

// event is what a person did, as an event.
func (p *Pause) event(dagID string) *Event {
	e := &Event{At: p.At, Actor: p.Actor, Kind: EventUnpause, DAGID: dagID, MapIndex: -1}
	if p.Paused {
		e.Kind = EventPause
	}
	return e
}

// AddDAG records a DAG that is seen for the first time at the given moment.
func AddDAG(ctx context.Context, tx DAGsTx, d *DAGState, at time.Time) error {
	if err := tx.PutDAG(ctx, d); err != nil {
		return err
	}
	return tx.InsertPause(ctx, d.ID, &Pause{At: at, Paused: d.Paused})
}

// Version is what the store knows of a version of a DAG beside its source.
type Version struct {
	Version, DAGID string
	// Number counts the versions of the DAG, from 1.
	Number int
	// CreatedAt is when it was seen first.
	CreatedAt time.Time
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
	// LoadedAt is when the process that schedules has last read it as a new or a changed one; zero when that was before
	// this was recorded.
	LoadedAt time.Time
}

// Favorites reads which DAGs people have among their favourites.
type Favorites interface {
	// Favorites returns the ids of those of a user, in order. There may be no such DAG any more.
	Favorites(ctx context.Context, user string) ([]string, error)
}

// FavoritesTx changes them in a transaction. They go with the user, and when the DAG is removed.
type FavoritesTx interface {
	// InsertFavorite reports false, and changes nothing, when the DAG is a favourite of the user already.
	InsertFavorite(ctx context.Context, user, dagID string) (bool, error)
	// DeleteFavorite reports false when the DAG is none.
	DeleteFavorite(ctx context.Context, user, dagID string) (bool, error)
}
