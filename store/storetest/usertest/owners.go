//nolint:thelper // tests, not helpers: failures belong to their lines
package usertest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

// AnswersAreStoredWhole tests the people behind owners, as a look-up has them; other is another process on the store.
func AnswersAreStoredWhole(t *testing.T, s, other store.Store) {
	all, err := s.OwnerAnswers(t.Context())
	require.NoError(t, err)
	assert.Empty(t, all)

	night := &store.OwnerAnswer{Name: "night", Asked: "k", People: json.RawMessage(`{"mobiles":["13800000001"]}`), At: midnight}
	broken := &store.OwnerAnswer{Name: "值班", Asked: "l", FailedSince: midnight.Add(time.Millisecond), Error: "no such table"}
	put := func(as ...*store.OwnerAnswer) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for _, a := range as {
				if err := tx.PutOwnerAnswer(ctx, a); err != nil {
					return err
				}
			}
			return nil
		})
	}
	put(broken, night)
	all, err = other.OwnerAnswers(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.OwnerAnswer{night, broken}, all, "by name")

	*night = store.OwnerAnswer{Name: "night", Asked: "m", FailedSince: midnight, Error: "gone"}
	put(night)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.DropOwnerAnswer(ctx, "值班"); err != nil {
			return err
		}
		return tx.DropOwnerAnswer(ctx, "nobody")
	})
	all, err = s.OwnerAnswers(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.OwnerAnswer{night}, all)
}
