package store

import "errors"

// Errors that a [Store] returns for callers to compare.
var (
	// ErrNotFound says that the row asked for does not exist.
	ErrNotFound = errors.New("not found")
	// ErrLostLease says that the attempt no longer belongs to this process: another
	// one has taken it over, and what this one did must not be written.
	ErrLostLease = errors.New("the attempt no longer belongs to this process")
	// ErrRepeated says that the change was made before for the same message: see [Actor].
	ErrRepeated = errors.New("it was done before")
)
