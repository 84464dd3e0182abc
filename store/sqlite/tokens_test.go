package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlstore"
)

// Two processes on one file share tokens; the file does not show them.
func TestTokensAreSharedAndSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := connections.LoadOrCreateKey(filepath.Join(dir, "key"))
	require.NoError(t, err)
	cipher, err := connections.NewCipher(key)
	require.NoError(t, err)
	open := func(node string) *sqlite.Store {
		s, err := sqlite.Open(t.Context(), filepath.Join(dir, "db"), sqlite.Options{Cipher: cipher, Node: node})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, s.Close()) })
		return s
	}
	one, two := open("one"), open("two")
	none, err := two.Token(t.Context(), "app")
	require.NoError(t, err)
	assert.Zero(t, none)

	at := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	for _, text := range []string{"the-first-token", "the-second-token"} {
		want := sqlstore.AppToken{Value: connections.Secret(text), ObtainedAt: at, ExpiresAt: at.Add(2 * time.Hour)}
		require.NoError(t, one.PutToken(t.Context(), "app", want))
		got, err := two.Token(t.Context(), "app")
		require.NoError(t, err)
		assert.Equal(t, text, got.Value.Reveal())
		assert.Equal(t, want.ExpiresAt, got.ExpiresAt)
		for _, name := range []string{"db", "db-wal"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			assert.NotContains(t, string(b), text)
		}
	}
}
