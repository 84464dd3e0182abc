// Package notes is what people note about runs and about task instances in them.
package notes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// MaxLength is how many characters a note may have (Airflow).
const MaxLength = 1000

// Options are what [Notes] stand on. By is needed for changes only.
type Options struct {
	Store store.Store
	By    store.Actor
	Clock func() time.Time
}

// Notes reads and changes them.
type Notes struct{ o Options }

// New returns Notes.
func New(o Options) *Notes { return &Notes{o} }

// Note is one of them.
type Note struct {
	Text, By string
	At       time.Time
}

// Get is the note of a run, or for a task id of a task instance; nil for none. mapIndex is -1 for an unmapped task and for a run.
// Its error wraps [api.ErrNotFound] when there is no such run.
func (n *Notes) Get(ctx context.Context, dagID, runID, taskID string, mapIndex int) (*Note, error) {
	r, err := n.o.Store.RunByID(ctx, dagID, runID)
	if err != nil {
		return nil, noRun(dagID, runID, err)
	}
	all, err := n.o.Store.Notes(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	for _, is := range all {
		if is.TaskID == taskID && is.MapIndex == mapIndex {
			return &Note{is.Content, is.Actor.Name, is.At.UTC()}, nil
		}
	}
	return nil, nil //nolint:nilnil // none
}

// Set notes something in the place of what was noted before; an empty text removes it. Whether there is such a task instance is the
// caller's to know. A text that is too long is an [*api.FieldError]; of a run that there is not the error wraps [api.ErrNotFound].
func (n *Notes) Set(ctx context.Context, dagID, runID, taskID string, mapIndex int, text string) error {
	if c := utf8.RuneCountInString(text); c > MaxLength {
		return &api.FieldError{Field: "note", Err: phrase.Err("note.long", c, MaxLength)}
	}
	return n.o.Store.Tx(ctx, func(tx store.Tx) error {
		r, err := tx.RunByID(ctx, dagID, runID)
		if err != nil {
			return noRun(dagID, runID, err)
		}
		note := &store.Note{RunKey: r.Key, TaskID: taskID, MapIndex: mapIndex, Content: text, At: n.o.Clock(), Actor: n.o.By}
		if err := tx.PutNote(ctx, note); err != nil {
			return err
		}
		extra, err := json.Marshal(map[string]any{"removed": text == ""})
		if err != nil {
			return fmt.Errorf("encode an event: %w", err)
		}
		return tx.InsertEvents(ctx, &store.Event{At: note.At, Actor: n.o.By, Kind: store.EventNote, DAGID: dagID, RunID: runID, TaskID: taskID, MapIndex: mapIndex, Extra: extra})
	})
}

// noRun says that there is no such run.
func noRun(dagID, runID string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("dag %q has no run %q: %w", dagID, runID, api.ErrNotFound)
	}
	return err
}
