// Package usertest is the part of the suite of stores about who signs in.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package usertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/users"
)

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func write(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}

// addUser adds a user that must be new.
func addUser(t *testing.T, s store.Store, u users.User) *users.User {
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		created, err := tx.InsertUser(ctx, &u)
		assert.True(t, created, u.Name)
		return err
	})
	return &u
}

// addToken adds a token.
func addToken(t *testing.T, s store.Store, k users.Token) *users.Token {
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertToken(ctx, &k) })
	return &k
}

// UsersStoredWhole checks that users come back as they were put, also for another process on the same database.
func UsersStoredWhole(t *testing.T, s, other store.Store) {
	some, err := s.HasUsers(t.Context())
	require.NoError(t, err)
	assert.False(t, some)
	bob := addUser(t, s, users.User{Name: "bob", Role: "viewer", Issuer: "https://i", Subject: "1", CreatedAt: midnight})
	ann := addUser(t, s, users.User{
		Name: "ann", FullName: "安", Role: "admin", DAGs: []string{"dag:a", "tag:ü"}, Password: "hash", DisabledAt: midnight,
		CreatedAt: midnight.Add(time.Minute), SignedInAt: midnight.Add(time.Hour),
	})
	addUser(t, s, users.User{Name: "carl", CreatedAt: midnight})
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, u := range []users.User{{Name: "ann", CreatedAt: midnight}, {Name: "dora", Issuer: "https://i", Subject: "1", CreatedAt: midnight}} {
			created, err := tx.InsertUser(ctx, &u)
			assert.False(t, created, "%s is there", u.Name)
			if err != nil {
				return err
			}
		}
		return nil
	})
	some, err = other.HasUsers(t.Context())
	require.NoError(t, err)
	assert.True(t, some)
	all, err := other.Users(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 3)
	assert.Equal(t, []*users.User{ann, bob}, all[:2])

	*bob = users.User{ID: bob.ID, Name: "bob", FullName: "Bob", Role: "operator", DAGs: []string{"*"}, Password: "h", DisabledAt: midnight, CreatedAt: bob.CreatedAt}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateUser(ctx, bob) })
	got, err := other.UserByName(t.Context(), "bob")
	require.NoError(t, err)
	assert.Equal(t, bob, got)
	for _, none := range [][2]string{{"https://i", "1"}, {"", ""}} {
		got, err = s.UserBySubject(t.Context(), none[0], none[1])
		require.NoError(t, err)
		assert.Nil(t, got)
	}
	eve := addUser(t, s, users.User{Name: "eve", Issuer: "https://i", Subject: "1", CreatedAt: midnight})
	got, err = s.UserBySubject(t.Context(), "https://i", "1")
	require.NoError(t, err)
	assert.Equal(t, eve, got)
	got, err = s.UserByName(t.Context(), "nobody")
	require.NoError(t, err)
	assert.Nil(t, got)
}

// TokensStoredWhole checks the same of tokens.
func TokensStoredWhole(t *testing.T, s, other store.Store) {
	ann, bob := addUser(t, s, users.User{Name: "ann", CreatedAt: midnight}), addUser(t, s, users.User{Name: "bob", CreatedAt: midnight})
	whole := addToken(t, s, users.Token{
		Hash: "h1", Kind: users.APIToken, UserID: ann.ID, Name: "CI", Role: "viewer", DAGs: []string{"dag:d"}, CreatedAt: midnight,
		ExpiresAt: midnight.Add(time.Hour), UsedAt: midnight.Add(time.Minute), Address: "192.0.2.1",
	})
	bare := addToken(t, s, users.Token{Hash: "h2", Kind: users.APIToken, UserID: bob.ID, CreatedAt: midnight})
	addToken(t, s, users.Token{Hash: "h3", Kind: users.SessionToken, UserID: ann.ID, CreatedAt: midnight})
	k, u, err := other.TokenByHash(t.Context(), "h1")
	require.NoError(t, err)
	assert.Equal(t, whole, k)
	assert.Equal(t, ann, u)
	k, u, err = other.TokenByHash(t.Context(), "h")
	require.NoError(t, err)
	assert.Nil(t, k)
	assert.Nil(t, u)
	require.Error(t, s.Tx(t.Context(), func(tx store.Tx) error {
		return tx.InsertToken(t.Context(), &users.Token{Hash: "h1", UserID: bob.ID, CreatedAt: midnight})
	}), "a token is there once")
	for id, want := range map[int64][]*users.Token{0: {whole, bare}, ann.ID: {whole}, bob.ID: {bare}, 99: nil} {
		ks, err := other.Tokens(t.Context(), users.APIToken, id)
		require.NoError(t, err)
		assert.Equal(t, want, ks, id)
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		gone := tx.UseToken(ctx, 99, midnight, "")
		return errors.Join(gone, tx.UseToken(ctx, bare.ID, midnight.Add(time.Second), "::1"))
	})
	k, _, err = other.TokenByHash(t.Context(), "h2")
	require.NoError(t, err)
	bare.UsedAt, bare.Address = midnight.Add(time.Second), "::1"
	assert.Equal(t, bare, k)
}

// TokensGo checks that tokens go when they are to, and no others.
func TokensGo(t *testing.T, s store.Store) {
	ann, bob := addUser(t, s, users.User{Name: "ann", CreatedAt: midnight}), addUser(t, s, users.User{Name: "bob", CreatedAt: midnight})
	add := func(hash string, kind users.TokenKind, u *users.User, expires time.Time) *users.Token {
		return addToken(t, s, users.Token{Hash: hash, Kind: kind, UserID: u.ID, CreatedAt: midnight, ExpiresAt: expires})
	}
	api := add("a", users.APIToken, ann, midnight)
	add("b", users.SessionToken, ann, midnight)
	add("c", users.SessionToken, bob, midnight.Add(time.Second))
	add("d", users.SessionToken, bob, time.Time{})
	add("e", users.AccessToken, bob, midnight)
	left := func() string {
		var hashes strings.Builder
		for _, hash := range []string{"a", "b", "c", "d", "e"} {
			k, _, err := s.TokenByHash(t.Context(), hash)
			require.NoError(t, err)
			if k != nil {
				hashes.WriteString(hash)
			}
		}
		return hashes.String()
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.DeleteExpiredTokens(ctx, users.SessionToken, midnight.Add(time.Second-time.Millisecond))
	})
	assert.Equal(t, "acde", left())
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		n, err := tx.DeleteTokens(ctx, bob.ID, users.SessionToken, users.APIToken)
		assert.Equal(t, 2, n)
		n, none := tx.DeleteTokens(ctx, bob.ID)
		assert.Zero(t, n)
		return errors.Join(err, none)
	})
	assert.Equal(t, "ae", left())
	for _, want := range []bool{true, false} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			gone, err := tx.DeleteToken(ctx, api.ID)
			assert.Equal(t, want, gone)
			return err
		})
	}
	assert.Equal(t, "e", left())
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteUser(ctx, bob.ID) })
	assert.Empty(t, left())
	us, err := s.Users(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*users.User{ann}, us)
}

// FavoritesAreKept checks that each user has favourites of his own, which go with him.
func FavoritesAreKept(t *testing.T, s store.Store) {
	ann := addUser(t, s, users.User{Name: "ann", CreatedAt: midnight})
	has := func(user string, want ...string) {
		t.Helper()
		got, err := s.Favorites(t.Context(), user)
		require.NoError(t, err)
		assert.Equal(t, append([]string{}, want...), append([]string{}, got...), user)
	}
	change := func(want bool, fn func(ctx context.Context, tx store.Tx) (bool, error)) {
		t.Helper()
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			changed, err := fn(ctx, tx)
			assert.Equal(t, want, changed)
			return err
		})
	}
	add := func(want bool, user, id string) {
		t.Helper()
		change(want, func(ctx context.Context, tx store.Tx) (bool, error) { return tx.InsertFavorite(ctx, user, id) })
	}
	remove := func(want bool, user, id string) {
		t.Helper()
		change(want, func(ctx context.Context, tx store.Tx) (bool, error) { return tx.DeleteFavorite(ctx, user, id) })
	}
	has("ann")
	add(true, "ann", "etl")
	add(false, "ann", "etl")
	add(true, "ann", "billing")
	add(true, "bob", "etl")
	add(true, "", "etl")
	has("ann", "billing", "etl")
	remove(false, "bob", "billing")
	remove(true, "ann", "billing")
	remove(false, "ann", "billing")
	has("ann", "etl")
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteUser(ctx, ann.ID) })
	has("ann")
	has("bob", "etl")
	has("", "etl")
}
