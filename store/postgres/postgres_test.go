package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/postgres/postgrestest"
	"github.com/dingdag/dingdag/store/sqlstore/sqlvault"
	"github.com/dingdag/dingdag/store/storetest"
	"github.com/dingdag/dingdag/store/storetest/conntest"
	"github.com/dingdag/dingdag/store/storetest/jobtest"
)

// slots bounds the tests at once, of which each has some connections: a database has 100 unless told otherwise.
var slots = make(chan struct{}, 6)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := postgrestest.Drop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// slot waits for one and connects to the database of the tests, until the test ends.
func slot(tb testing.TB) *pgx.Conn {
	tb.Helper()
	base := os.Getenv("DINGDAG_TEST_POSTGRES_URL")
	if base == "" {
		tb.Skip("DINGDAG_TEST_POSTGRES_URL names no database")
	}
	slots <- struct{}{}
	tb.Cleanup(func() { <-slots })
	return connect(tb, base)
}

func newSchema(tb testing.TB, c *pgx.Conn) string {
	tb.Helper()
	schema := "test_" + strings.ToLower(rand.Text())
	_, err := c.Exec(tb.Context(), "CREATE SCHEMA "+schema)
	require.NoError(tb, err)
	return schema
}

// database returns the URL of an empty schema of the test's own, which goes with it.
func database(tb testing.TB) string {
	tb.Helper()
	slot(tb)
	return postgrestest.Schema(tb)
}

// open opens a store and closes it at the end of the test.
func open(t *testing.T, url string, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, create)
	jobtest.Run(t, create)
	jobtest.RunQueues(t, create)
}

// create gives an empty database.
func create(t *testing.T) storetest.Open {
	t.Helper()
	u := postgrestest.URL(t)
	return func(t *testing.T, n storetest.Node) store.Store {
		t.Helper()
		return open(t, u, postgres.Options{Node: n.Name, Clock: n.Clock})
	}
}

func TestVault(t *testing.T) {
	t.Parallel()
	conntest.RunVault(t, func(t *testing.T) conntest.OpenVault {
		t.Helper()
		u := database(t)
		return func(t *testing.T, unlock conntest.Unlock) (conntest.Vault, error) {
			t.Helper()
			s, err := postgres.Open(t.Context(), u, postgres.Options{Unlock: unlock})
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			return s, nil
		}
	})
}

// No table holds a secret in the clear.
func TestSecretsAreEncrypted(t *testing.T) {
	t.Parallel()
	u := database(t)
	s := open(t, u, postgres.Options{Cipher: conntest.Cipher(t, 1)})
	require.NoError(t, s.PutToken(t.Context(), "plain-app", sqlvault.AppToken{Value: "token-one", ObtainedAt: time.Unix(1, 0), ExpiresAt: time.Unix(2, 0)}))
	require.NoError(t, s.ChangeVault(t.Context(), func(_ store.Tx, v connections.Vault) error {
		return errors.Join(v.PutVariable(t.Context(), connections.Variable{Key: "plain-key", Value: "value-one"}),
			v.PutConnection(t.Context(), &connections.Connection{ID: "plain-id", Password: new(connections.Secret("pass-one")), Extra: new(connections.Secret(`{"k": "extra-one"}`))}, false))
	}))
	rows, err := connect(t, u).Query(t.Context(), "SELECT c::text FROM connection c UNION ALL SELECT v::text FROM variable v UNION ALL SELECT a::text FROM app_token a")
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	text := strings.Join(all, "\n")
	for _, plain := range []string{"plain-app", "plain-key", "plain-id"} {
		assert.Contains(t, text, plain, "looking in the right place")
	}
	for _, secret := range []string{"token-one", "value-one", "pass-one", "extra-one"} {
		assert.NotContains(t, text, secret)
	}
}

// connect opens a connection of the test's own to a database of [database].
func connect(tb testing.TB, u string) *pgx.Conn {
	tb.Helper()
	c, err := pgx.Connect(tb.Context(), strings.Replace(u, "pool_max_conns=3&", "", 1))
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, c.Close(context.WithoutCancel(tb.Context()))) })
	return c
}
