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

// Variable is one variable of Airflow. Its value may be a secret.
type Variable struct {
	Key, Value, Description string
}

// VariableStore keeps variables for good, their values encrypted at rest.
type VariableStore interface {
	VariableSource
	// Variables returns all variables, by key.
	Variables(ctx context.Context) ([]*Variable, error)
	// PutVariable adds or replaces a variable.
	PutVariable(ctx context.Context, v Variable) error
	// DeleteVariable removes a variable, or returns an error that wraps [ErrNotFound].
	DeleteVariable(ctx context.Context, key string) error
}

// Vault keeps both.
type Vault interface {
	Store
	VariableStore
}

// VaultReader reads both.
type VaultReader interface {
	Source
	VariableSource
	// Connections returns all connections, sorted by id, and Variables all variables, by key.
	Connections(ctx context.Context) ([]*Connection, error)
	Variables(ctx context.Context) ([]*Variable, error)
}
