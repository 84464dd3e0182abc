package store

import (
	"context"
	"errors"
)

// Errors that a [Store] returns for callers to compare.
var (
	// ErrNotFound says that the row asked for does not exist.
	ErrNotFound = errors.New("not found")
	// ErrLostLease says that the attempt no longer belongs to this process: another
	// one has taken it over, and what this one did must not be written.
	ErrLostLease = errors.New("the attempt no longer belongs to this process")
	// ErrRepeated says that the change was made before for the same message: see [Actor].
	ErrRepeated = errors.New("it was done before")
	// ErrBusy says that the store, or the process that works on it, cannot do it now and may later: it is
	// locked, or its disk is full.
	ErrBusy = errors.New("the store cannot do it now")
)

// Temporary reports whether what failed may succeed later without anybody changing anything.
func Temporary(err error) bool {
	for _, passing := range []error{ErrBusy, ErrLostLease, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
