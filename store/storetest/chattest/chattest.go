// Package chattest is the part of the suite of stores about what conversations are told of.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package chattest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func write(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}

// BindingsStoredWhole checks that a conversation is bound to a thing once, and two to the same one.
func BindingsStoredWhole(t *testing.T, s, other store.Store) {
	none, err := s.Bindings(t.Context())
	require.NoError(t, err)
	assert.Empty(t, none)
	put := func(b store.Binding) (store.Binding, bool) {
		var created bool
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			created, err = tx.InsertBinding(ctx, &b)
			return err
		})
		return b, created
	}
	one := store.Binding{
		ConnID: "app", ConversationID: "cid1", Title: "on call", Group: true, Kind: store.BoundOwner, Value: "ann",
		MadeBy: store.Actor{Name: "u1", Via: store.ViaChat}, MadeAt: midnight,
	}
	first, created := put(one)
	assert.True(t, created)
	_, created = put(one)
	assert.False(t, created)
	two := one
	two.ConversationID, two.Group, two.UserID, two.Kind, two.Value = "cid2", false, "u1", store.BoundAll, ""
	second, created := put(two)
	assert.True(t, created)
	three := one
	three.Kind = store.BoundTag
	third, created := put(three)
	assert.True(t, created)
	got, err := other.Bindings(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.Binding{&first, &second, &third}, got)
	assert.Equal(t, []string{"owner:ann", "*", "tag:ann"}, []string{got[0].What(), got[1].What(), got[2].What()})
	got, err = other.BindingsTo(t.Context(), store.BoundTo{Kind: store.BoundAll}, store.BoundTo{Kind: store.BoundTag, Value: "ann"}, store.BoundTo{Kind: store.BoundDAG, Value: "ann"})
	require.NoError(t, err)
	assert.Equal(t, []*store.Binding{&second, &third}, got)
	got, err = other.BindingsTo(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got)
	for _, want := range []bool{true, false} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			ok, err := tx.DeleteBinding(ctx, second.ID)
			assert.Equal(t, want, ok)
			return err
		})
	}
	got, err = other.Bindings(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.Binding{&first, &third}, got)
}
