package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// FolderError says that the DAGs folder cannot be read.
type FolderError struct{ Err error }

// Error says why.
func (e *FolderError) Error() string { return e.Err.Error() }

// Unwrap is why.
func (e *FolderError) Unwrap() error { return e.Err }

// ConflictError says that something is not as whoever asks has it before him, so that what he asks for has no sense any more.
type ConflictError struct{ said phrase.Text }

// Error says how it is.
func (e *ConflictError) Error() string { return e.said.String() }

// Said is that in each language.
func (e *ConflictError) Said() phrase.Text { return e.said }

// Conflict is a [*ConflictError] in each language.
func Conflict(c phrase.Code, args ...any) error { return &ConflictError{phrase.Of(c, args...)} }

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

// Suggest names the nearest of the known names, as the end of a sentence; or nothing.
func Suggest(word string, known []string) string { return Near(word, known).String() }

// Near is [Suggest] in each language.
func Near(word string, known []string) phrase.Text {
	return phrase.Near(yamlvalue.Nearest(word, slices.Values(known)))
}

// SuggestTask names the nearest known task, or the one whose id without its group is the word, as
// the end of a sentence; or nothing.
func SuggestTask(word string, known []string) string { return nearTask(word, known).String() }

// nearTask is [SuggestTask] in each language.
func nearTask(word string, known []string) phrase.Text {
	if near := yamlvalue.Nearest(word, slices.Values(known)); near != "" {
		return phrase.Near(near)
	}
	for _, id := range known {
		if strings.HasSuffix(id, "."+word) {
			return phrase.Near(id)
		}
	}
	return phrase.Text{}
}

func taskIDs(d *dag.DAG) []string {
	ids := make([]string, len(d.Tasks))
	for i, t := range d.Tasks {
		ids[i] = t.ID
	}
	return ids
}
