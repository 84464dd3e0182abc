package connections

import (
	"context"
	"errors"
)

// ErrExists says that a connection with the id is there already and was not to
// be overwritten. Test for it with [errors.Is].
var ErrExists = errors.New("already exists")

// Store keeps connections for good. Implementations encrypt password and extra
// at rest (see [Cipher]) and are safe for concurrent use.
type Store interface {
	Source
	// Connections returns all connections, sorted by id.
	Connections(ctx context.Context) ([]*Connection, error)
	// PutConnection adds a connection. If its id is taken, it replaces all
	// fields when overwrite is set, else returns an error that wraps [ErrExists].
	PutConnection(ctx context.Context, c *Connection, overwrite bool) error
	// DeleteConnection removes a connection, or returns an error that wraps
	// [ErrNotFound].
	DeleteConnection(ctx context.Context, id string) error
}
