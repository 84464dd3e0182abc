package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/storetest/conntest"
)

func TestConnections(t *testing.T) {
	t.Parallel()
	conntest.Run(t, func(t *testing.T) conntest.Open {
		t.Helper()
		path := filepath.Join(t.TempDir(), "db")
		return func(t *testing.T, c *connections.Cipher) connections.Store {
			t.Helper()
			return open(t, path, sqlite.Options{Cipher: c}).Connections()
		}
	})
}

// Neither the database nor its write-ahead log holds a secret in the clear, also not
// one that was replaced or deleted.
func TestSecretsAreSealedAtRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "db"), sqlite.Options{Cipher: conntest.Cipher(t, 1)})
	secret := func(text string) *connections.Secret { return new(connections.Secret(text)) }
	for _, c := range []*connections.Connection{
		{ID: "kept", Type: "plain-type", Password: secret("pass-one"), Extra: secret(`{"k": "extra-one"}`)},
		{ID: "gone", Type: "plain-type", Password: secret("pass-two"), Extra: secret(`{"k": "extra-two"}`)},
		{ID: "kept", Type: "plain-type", Password: secret("pass-three"), Extra: secret(`{"k": "extra-three"}`)},
	} {
		require.NoError(t, s.Connections().PutConnection(t.Context(), c, true))
	}
	require.NoError(t, s.Connections().DeleteConnection(t.Context(), "gone"))
	look := func() {
		var raw []byte
		for _, name := range []string{"db", "db-wal"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if !os.IsNotExist(err) {
				require.NoError(t, err)
			}
			raw = append(raw, b...)
		}
		require.Contains(t, string(raw), "plain-type", "looking in the right place")
		for _, text := range []string{"pass-", "extra-", `{"k"`} {
			assert.NotContains(t, string(raw), text)
		}
	}
	look()
	require.NoError(t, s.Close())
	look()
}
