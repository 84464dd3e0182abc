package connections

import "context"

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
