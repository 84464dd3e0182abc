package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/phrase"
)

// Errors that a [Store] returns for callers to compare.
var (
	// ErrNotFound says that the row asked for does not exist.
	ErrNotFound = phrase.Err("missing")
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

// missingError says that there is no such thing, in words of its own.
type missingError struct{ said phrase.Text }

func (e missingError) Error() string { return e.said.String() }

// Said is what there is not in each language.
func (e missingError) Said() phrase.Text { return e.said }

func (missingError) Unwrap() error { return ErrNotFound }

// Missing is an error that wraps [ErrNotFound] and does not repeat its text: the words, as [fmt.Sprintf] takes them, say what there
// is not, and what may have been meant.
func Missing(format string, args ...any) error {
	return missingError{phrase.Plain(fmt.Sprintf(format, args...))}
}

// NoSuch is like [Missing], in each language: a code of [phrase.Of] says what there is not.
func NoSuch(c phrase.Code, about ...any) error { return missingError{phrase.Of(c, about...)} }
