//nolint:thelper // tests, not helpers: failures belong to their lines
package conntest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlvault"
)

// Vault is a store with what it keeps encrypted.
type Vault interface {
	store.Store
	sqlvault.Keeper
}

// Unlock gives the cipher of a store, see the options of the stores.
type Unlock func(sealed bool) (*connections.Cipher, error)

// OpenVault opens a database once more, as another process would. The store is closed at the end of the test.
type OpenVault func(t *testing.T, u Unlock) (Vault, error)

// RunVault runs the suite for all that a store keeps encrypted. create makes an empty database for each test.
func RunVault(t *testing.T, create func(t *testing.T) OpenVault) {
	t.Helper()
	Run(t, func(t *testing.T) Open {
		open := create(t)
		return func(t *testing.T, c *connections.Cipher) connections.Store { return opened(t, open, c).Connections() }
	})
	for name, test := range map[string]func(*testing.T, OpenVault){
		"variables are stored whole":             variablesAreStoredWhole,
		"variables need their key":               variablesNeedTheirKey,
		"a vault changes with other rows":        vaultChangesWithOthers,
		"a changed connection forgets its robot": connectionsForgetRobots,
		"tokens are shared":                      tokensAreShared,
		"a key is asked for":                     keysAreAskedFor,
		"what others want encrypted":             sealsForOthers,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, create(t))
		})
	}
}

// opened opens a store with a cipher, which may be nil.
func opened(t *testing.T, open OpenVault, c *connections.Cipher) Vault {
	t.Helper()
	s, err := open(t, func(bool) (*connections.Cipher, error) { return c, nil })
	require.NoError(t, err)
	return s
}

// change changes the vault of a store.
func change(t *testing.T, s Vault, fn func(connections.Vault) error) error {
	t.Helper()
	return s.ChangeVault(t.Context(), func(_ store.Tx, v connections.Vault) error { return fn(v) })
}

func variablesAreStoredWhole(t *testing.T, open OpenVault) {
	one, other := opened(t, open, Cipher(t, 1)), opened(t, open, Cipher(t, 1))
	require.NoError(t, change(t, one, func(v connections.Vault) error {
		for _, x := range []connections.Variable{{Key: "b", Value: "first"}, {Key: "a", Value: "", Description: "empty"}, {Key: "b", Value: "second", Description: "a 部署"}} {
			if err := v.PutVariable(t.Context(), x); err != nil {
				return err
			}
		}
		return nil
	}))
	got, err := other.Vault().Variables(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*connections.Variable{{Key: "a", Description: "empty"}, {Key: "b", Value: "second", Description: "a 部署"}}, got, "by key, the later one in place of the earlier")
	text, err := other.Vault().Variable(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, "second", text)

	gone := func(v connections.Vault) error { return v.DeleteVariable(t.Context(), "b") }
	require.NoError(t, change(t, one, gone))
	require.ErrorIs(t, change(t, one, gone), connections.ErrNotFound)
	_, err = other.Vault().Variable(t.Context(), "b")
	require.ErrorIs(t, err, connections.ErrNotFound)
}

func variablesNeedTheirKey(t *testing.T, open OpenVault) {
	put := func(v connections.Vault) error {
		return v.PutVariable(t.Context(), connections.Variable{Key: "a", Value: "the-value"})
	}
	require.NoError(t, change(t, opened(t, open, Cipher(t, 1)), put))
	for want, cipher := range map[string]*connections.Cipher{"another key": Cipher(t, 2), "without a key": nil} {
		s := opened(t, open, cipher)
		_, err := s.Vault().Variable(t.Context(), "a")
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "the-value")
		_, err = s.Vault().Variables(t.Context())
		require.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, change(t, opened(t, open, nil), put), "without a key")
}

// What a function changes in the vault lands with its other rows, or does not with them.
func vaultChangesWithOthers(t *testing.T, open OpenVault) {
	s := opened(t, open, Cipher(t, 1))
	all := func(version string, end error) error {
		return s.ChangeVault(t.Context(), func(tx store.Tx, v connections.Vault) error {
			require.NoError(t, tx.PutVersion(t.Context(), version, "d", []byte("source"), time.Unix(1, 0)))
			require.NoError(t, v.PutVariable(t.Context(), connections.Variable{Key: version, Value: "x"}))
			require.NoError(t, v.PutConnection(t.Context(), robot(version), false))
			_, err := v.Connection(t.Context(), version)
			require.NoError(t, err, "the function sees what it has written")
			return end
		})
	}
	require.NoError(t, all("kept", nil))
	require.ErrorIs(t, all("lost", assert.AnError), assert.AnError)
	for version, want := range map[string]error{"kept": nil, "lost": store.ErrNotFound} {
		_, err := s.Version(t.Context(), version)
		require.ErrorIs(t, err, want)
	}
	for id, want := range map[string]error{"kept": nil, "lost": connections.ErrNotFound} {
		_, err := s.Vault().Variable(t.Context(), id)
		require.ErrorIs(t, err, want)
		_, err = s.Vault().Connection(t.Context(), id)
		require.ErrorIs(t, err, want)
	}
}

// A connection that has changed may lead to another robot, of which nothing is known.
func connectionsForgetRobots(t *testing.T, open OpenVault) {
	s := opened(t, open, Cipher(t, 1))
	gate := &store.Gate{Robot: "r", Name: "ops", Quota: 7, GoneAt: time.UnixMilli(1).UTC(), Gone: "it was removed"}
	for name, do := range map[string]func() error{
		"replaced": func() error { return s.Connections().PutConnection(t.Context(), robot("ops"), true) },
		"deleted":  func() error { return s.Connections().DeleteConnection(t.Context(), "ops") },
	} {
		require.NoError(t, s.Connections().PutConnection(t.Context(), robot("ops"), true))
		require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.PutGate(t.Context(), gate) }))
		require.NoError(t, do())
		got, err := s.Gate(t.Context(), "r")
		require.NoError(t, err)
		assert.Equal(t, &store.Gate{Robot: "r", Name: "ops"}, got, name)
	}
}

// Processes share the access tokens of applications.
func tokensAreShared(t *testing.T, open OpenVault) {
	one, other := opened(t, open, Cipher(t, 1)), opened(t, open, Cipher(t, 1))
	none, err := other.Token(t.Context(), "app")
	require.NoError(t, err)
	assert.Zero(t, none)
	at := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	for _, text := range []connections.Secret{"the-first-token", "the-second-token"} {
		want := sqlvault.AppToken{Value: text, ObtainedAt: at, ExpiresAt: at.Add(2 * time.Hour)}
		require.NoError(t, one.PutToken(t.Context(), "app", want))
		got, err := other.Token(t.Context(), "app")
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for want, cipher := range map[string]*connections.Cipher{"another key": Cipher(t, 2), "without a key": nil} {
		_, err := opened(t, open, cipher).Token(t.Context(), "app")
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "the-second-token")
	}
	require.ErrorContains(t, opened(t, open, nil).PutToken(t.Context(), "app", sqlvault.AppToken{}), "without a key")
}

// Whether anything is encrypted is known before the key is: only where nothing is may it be a new one.
func keysAreAskedFor(t *testing.T, open OpenVault) {
	var asked []bool
	ask := func() Vault {
		s, err := open(t, func(sealed bool) (*connections.Cipher, error) {
			asked = append(asked, sealed)
			return Cipher(t, 1), nil
		})
		require.NoError(t, err)
		return s
	}
	s := ask()
	for _, do := range []func() error{
		func() error {
			return s.Connections().PutConnection(t.Context(), &connections.Connection{ID: "bare", Type: "http"}, true)
		},
		func() error {
			return s.Connections().PutConnection(t.Context(), &connections.Connection{ID: "extra", Type: "http", Extra: new(connections.Secret("{}"))}, true)
		},
		func() error { return s.Connections().DeleteConnection(t.Context(), "extra") },
		func() error {
			return change(t, s, func(v connections.Vault) error { return v.PutVariable(t.Context(), connections.Variable{Key: "v"}) })
		},
		func() error {
			return change(t, s, func(v connections.Vault) error { return v.DeleteVariable(t.Context(), "v") })
		},
		func() error {
			return s.PutToken(t.Context(), "app", sqlvault.AppToken{Value: "x", ObtainedAt: time.Unix(1, 0), ExpiresAt: time.Unix(2, 0)})
		},
	} {
		require.NoError(t, do())
		ask()
	}
	assert.Equal(t, []bool{false, false, true, false, true, false, true}, asked)
	_, err := open(t, func(bool) (*connections.Cipher, error) { return nil, assert.AnError })
	require.ErrorIs(t, err, assert.AnError, "it ends Open")
}

// What others want encrypted is bound to its label, and keys for purposes are the same for all processes.
func sealsForOthers(t *testing.T, open OpenVault) {
	one, other, none := opened(t, open, Cipher(t, 1)), opened(t, open, Cipher(t, 1)), opened(t, open, nil)
	sealed, err := one.Seal([]byte("the-right"), "a label")
	require.NoError(t, err)
	assert.NotContains(t, sealed, "the-right")
	plain, err := other.Open(sealed, "a label")
	require.NoError(t, err)
	assert.Equal(t, "the-right", string(plain))
	_, err = other.Open(sealed, "another")
	require.Error(t, err)
	key, err := one.Derive("links")
	require.NoError(t, err)
	same, err := other.Derive("links")
	require.NoError(t, err)
	assert.Equal(t, key, same)
	differs, err := other.Derive("else")
	require.NoError(t, err)
	assert.NotEqual(t, key, differs)

	_, err = none.Seal(nil, "")
	require.ErrorContains(t, err, "without a key")
	_, err = none.Open(sealed, "a label")
	require.ErrorContains(t, err, "without a key")
	_, err = none.Derive("links")
	require.ErrorContains(t, err, "without a key")
}
