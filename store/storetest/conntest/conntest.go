// Package conntest is the suite that every store of connections passes.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package conntest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

// Open opens the connections of a database with a cipher, which may be nil.
type Open func(t *testing.T, c *connections.Cipher) connections.Store

// Run runs the suite for the connections of a store. create makes an empty
// database for each test.
func Run(t *testing.T, create func(t *testing.T) Open) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Open){
		"connections are stored whole":    connectionsAreStoredWhole,
		"connections are replaced":        connectionsAreReplaced,
		"connections are deleted":         connectionsAreDeleted,
		"connections need their key":      connectionsNeedTheirKey,
		"connections without any secrets": connectionsWithoutSecrets,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, create(t))
		})
	}
}

// Cipher returns a cipher whose key is fill over and over.
func Cipher(tb testing.TB, fill byte) *connections.Cipher {
	tb.Helper()
	c, err := connections.NewCipher(bytes.Repeat([]byte{fill}, connections.KeySize))
	require.NoError(tb, err)
	return c
}

func robot(id string) *connections.Connection {
	return &connections.Connection{
		ID: id, Type: "dingding", Description: new("alerts"), Host: new("oapi.example.com"), Login: new(""),
		Password: new(connections.Secret("token-of-the-robot")), Schema: new("https"), Port: new(443),
		Extra: new(connections.Secret(`{"secret": "SEC-of-the-robot"}`)),
	}
}

func connectionsAreStoredWhole(t *testing.T, open Open) {
	s := open(t, Cipher(t, 1))
	bare := &connections.Connection{ID: "a", Type: "http"}
	want := []*connections.Connection{bare, robot("b")}
	for _, c := range []*connections.Connection{want[1], bare} {
		require.NoError(t, s.PutConnection(t.Context(), c, false))
	}
	assert.Equal(t, robot("b"), want[1], "storing changes nothing")
	got, err := s.Connections(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want, got, "by id; null is not the empty string")
	b, err := s.Connection(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, want[1], b)
	_, err = s.Connection(t.Context(), "c")
	require.ErrorIs(t, err, connections.ErrNotFound)
	require.ErrorContains(t, err, "c")
}

func connectionsAreReplaced(t *testing.T, open Open) {
	s := open(t, Cipher(t, 1))
	require.NoError(t, s.PutConnection(t.Context(), robot("a"), true))
	bare := &connections.Connection{ID: "a", Type: "http"}
	require.ErrorIs(t, s.PutConnection(t.Context(), bare, false), connections.ErrExists)
	got, err := s.Connection(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, robot("a"), got)

	require.NoError(t, s.PutConnection(t.Context(), bare, true))
	got, err = s.Connection(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, bare, got, "every field is replaced")
}

func connectionsAreDeleted(t *testing.T, open Open) {
	s := open(t, Cipher(t, 1))
	require.NoError(t, s.PutConnection(t.Context(), robot("a"), false))
	require.NoError(t, s.PutConnection(t.Context(), robot("b"), false))
	require.NoError(t, s.DeleteConnection(t.Context(), "a"))
	require.ErrorIs(t, s.DeleteConnection(t.Context(), "a"), connections.ErrNotFound)
	got, err := s.Connections(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*connections.Connection{robot("b")}, got)
}

func connectionsNeedTheirKey(t *testing.T, open Open) {
	require.NoError(t, open(t, Cipher(t, 1)).PutConnection(t.Context(), robot("a"), false))
	for name, c := range map[string]struct {
		cipher *connections.Cipher
		want   string
	}{
		"another key": {Cipher(t, 2), "another key"},
		"no key":      {nil, "without a key"},
	} {
		s := open(t, c.cipher)
		_, err := s.Connection(t.Context(), "a")
		require.ErrorContains(t, err, c.want, name)
		assert.NotContains(t, err.Error(), "of-the-robot", name)
		_, err = s.Connections(t.Context())
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, err, `"a"`, "%s: it says which", name)
	}
	require.ErrorContains(t, open(t, nil).PutConnection(t.Context(), robot("b"), false), "without a key")
}

// What holds no secret needs no key.
func connectionsWithoutSecrets(t *testing.T, open Open) {
	s := open(t, nil)
	bare := &connections.Connection{ID: "a", Type: "http", Host: new("example.com")}
	require.NoError(t, s.PutConnection(t.Context(), bare, false))
	got, err := s.Connection(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, bare, got)
}
