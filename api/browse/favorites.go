package browse

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/store"
)

// ErrNoFavorite is the error of whoever wants to be rid of a favourite that he has not.
var ErrNoFavorite = errors.New("it is no favourite")

// Favorites are the ids of the DAGs that whoever asks has among his favourites. Everybody has his own.
func (b *Browser) Favorites(ctx context.Context) (map[string]bool, error) {
	who, ok := access.From(ctx)
	if !ok {
		return nil, access.ErrUnknown
	}
	ids, err := b.o.Store.Favorites(ctx, who.User)
	if err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

// SetFavorite adds a DAG to the favourites of whoever asks, or takes it away. The error wraps [api.ErrNotFound] when there is no such DAG,
// [api.ErrExists] when it is a favourite already, and [ErrNoFavorite] when it is none. That he may look at it is for the caller to see to.
func (b *Browser) SetFavorite(ctx context.Context, dagID string, favorite bool) error {
	who, ok := access.From(ctx)
	if !ok {
		return access.ErrUnknown
	}
	if _, err := b.current(ctx, dagID); err != nil {
		return err
	}
	return b.o.Store.Tx(ctx, func(tx store.Tx) error {
		change, none := tx.InsertFavorite, api.ErrExists
		if !favorite {
			change, none = tx.DeleteFavorite, ErrNoFavorite
		}
		done, err := change(ctx, who.User, dagID)
		if err == nil && !done {
			return fmt.Errorf("favourite %q: %w", dagID, none)
		}
		return err
	})
}
