package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// notFoundError says that there is no such thing, and what may have been meant. It wraps
// [store.ErrNotFound].
type notFoundError struct{ text string }

func (e notFoundError) Error() string { return e.text }

func (notFoundError) Unwrap() error { return store.ErrNotFound }

// FolderError says that the DAGs folder cannot be read.
type FolderError struct{ Err error }

// Error says why.
func (e *FolderError) Error() string { return e.Err.Error() }

// Unwrap is why.
func (e *FolderError) Unwrap() error { return e.Err }

// ConflictError says that something is not as whoever asks has it before him, so that what he asks for has no sense any more.
type ConflictError struct{ text string }

// Error says how it is.
func (e *ConflictError) Error() string { return e.text }

func conflict(format string, args ...any) error { return &ConflictError{fmt.Sprintf(format, args...)} }

func missing(format string, args ...any) error { return notFoundError{fmt.Sprintf(format, args...)} }

// known says more about an error when there is no such DAG at all: what is wrong with its file, or
// which one may have been meant.
func (a *API) known(ctx context.Context, dagID string, err error) error {
	if a.o.Store != nil {
		if _, derr := a.o.Store.DAG(ctx, dagID); !errors.Is(derr, store.ErrNotFound) {
			return err
		}
	}
	if _, ferr := a.o.Folder.DAG(dagID); ferr != nil {
		return ferr
	}
	return err
}

// SuggestTask names the nearest known task, or the one whose id without its group is the word, as
// the end of a sentence; or nothing.
func SuggestTask(word string, known []string) string {
	if s := yamlvalue.DidYouMean(word, slices.Values(known)); s != "" {
		return s
	}
	for _, id := range known {
		if strings.HasSuffix(id, "."+word) {
			return fmt.Sprintf("; did you mean %q?", id)
		}
	}
	return ""
}

func taskIDs(d *dag.DAG) []string {
	ids := make([]string, len(d.Tasks))
	for i, t := range d.Tasks {
		ids[i] = t.ID
	}
	return ids
}
