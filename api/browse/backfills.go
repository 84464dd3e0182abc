package browse

import (
	"cmp"
	"context"
	"errors"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/store"
)

// What backfills are asked with and told in, see the package store.
type (
	// Reprocess says what a backfill does with runs that have ended.
	Reprocess = store.Reprocess
	// BackfillState is the state of a backfill.
	BackfillState = store.BackfillState
)

// The states that people give a backfill, and the outcomes of dates that run.
const (
	BackfillPaused    = store.BackfillPaused
	BackfillRunning   = store.BackfillRunning
	BackfillCancelled = store.BackfillCancelled
	BackfillCreated   = store.BackfillCreated
	BackfillCleared   = store.BackfillCleared
)

// Allow is nil when whoever asks may do something to a DAG.
func (b *Browser) Allow(ctx context.Context, a access.Action, dagID string) error {
	d, err := b.AccessDAG(ctx, dagID)
	if err != nil {
		return err
	}
	return access.Check(ctx, a, &d)
}

// AllowUnseen is the same for a DAG that whoever asks may not know of: the error names it only to those who may read it.
func (b *Browser) AllowUnseen(ctx context.Context, a access.Action, dagID string) error {
	err := b.Allow(ctx, a, dagID)
	if denied, ok := errors.AsType[*access.DeniedError](err); ok && b.Allow(ctx, access.Read, dagID) != nil {
		return &access.DeniedError{User: denied.User, Has: denied.Has, Action: denied.Action}
	}
	return err
}

// Backfill is a backfill with the name of its DAG.
type Backfill struct {
	store.Backfill

	DisplayName string
}

// Backfills lists those of a DAG that whoever asks may read, oldest first unless desc.
func (b *Browser) Backfills(ctx context.Context, dagID string, p Page, desc bool) (out []Backfill, total int, err error) {
	if total, err = b.o.Store.CountBackfills(ctx, dagID); err != nil || p.Limit == 0 {
		return nil, total, err
	}
	rows, err := b.o.Store.Backfills(ctx, store.BackfillFilter{DAGID: dagID, Limit: p.Limit, Offset: p.Offset, Oldest: !desc})
	if err != nil {
		return nil, 0, err
	}
	name, err := b.names()
	if err != nil {
		return nil, 0, err
	}
	for _, row := range rows {
		out = append(out, Backfill{*row, name(row.DAGID)})
	}
	return out, total, nil
}

// Backfill is one backfill. The error wraps [api.ErrNotFound] when there is none that whoever asks may read.
func (b *Browser) Backfill(ctx context.Context, id int64) (*Backfill, error) {
	row, err := b.o.Store.Backfill(ctx, id)
	unknown := store.Missing("Could not find backfill with id %d", id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, unknown
	case err != nil:
		return nil, err
	}
	if err := b.Allow(ctx, access.Read, row.DAGID); err != nil {
		if _, denied := errors.AsType[*access.DeniedError](err); denied {
			return nil, unknown
		}
		return nil, err
	}
	name, err := b.names()
	if err != nil {
		return nil, err
	}
	return &Backfill{*row, name(row.DAGID)}, nil
}

// names tell how people call the DAGs that there are: by their ids when they have no name, or are there no more.
func (b *Browser) names() (func(dagID string) string, error) {
	all, _, err := b.o.Folder.DAGs()
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, d := range all {
		names[d.ID] = d.DisplayName
	}
	return func(id string) string { return cmp.Or(names[id], id) }, nil
}
