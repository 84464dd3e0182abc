package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlstore/sqlvault"
	"github.com/dingdag/dingdag/store/storetest/conntest"
)

func TestVault(t *testing.T) {
	t.Parallel()
	conntest.RunVault(t, func(t *testing.T) conntest.OpenVault {
		t.Helper()
		path := filepath.Join(t.TempDir(), "db")
		return func(t *testing.T, u conntest.Unlock) (conntest.Vault, error) {
			t.Helper()
			s, err := sqlite.Open(t.Context(), path, sqlite.Options{Synchronous: "NORMAL", Unlock: u})
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			return s, nil
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
	for _, token := range []connections.Secret{"token-one", "token-two"} {
		require.NoError(t, s.PutToken(t.Context(), "app", sqlvault.AppToken{Value: token, ObtainedAt: time.Unix(1, 0), ExpiresAt: time.Unix(2, 0)}))
	}
	require.NoError(t, s.ChangeVault(t.Context(), func(_ store.Tx, v connections.Vault) error {
		return v.PutVariable(t.Context(), connections.Variable{Key: "plain-key", Value: "value-one"})
	}))
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
		for _, text := range []string{"pass-", "extra-", `{"k"`, "token-", "value-"} {
			assert.NotContains(t, string(raw), text)
		}
	}
	look()
	require.NoError(t, s.Close())
	look()
}
