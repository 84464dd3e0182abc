package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
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
	"github.com/dingdag/dingdag/store/sqlstore/sqlvault"
	"github.com/dingdag/dingdag/store/storetest"
	"github.com/dingdag/dingdag/store/storetest/conntest"
	"github.com/dingdag/dingdag/store/storetest/jobtest"
)

// slots bounds the tests at once, of which each has some connections: a database has 100 unless told otherwise.
var slots = make(chan struct{}, 6)

// spare holds schemas whose tables are there and empty: to make them takes many times as long as to empty them.
var spare = make(chan string, cap(slots))

func TestMain(m *testing.M) {
	code := m.Run()
	for len(spare) > 0 {
		if err := drop(<-spare); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func drop(schema string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, os.Getenv("DINGDAG_TEST_POSTGRES_URL"))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, "DROP SCHEMA "+schema+" CASCADE")
	return errors.Join(err, c.Close(ctx))
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

// schemaURL is the database of the tests with a schema as its first.
func schemaURL(tb testing.TB, schema string) string {
	tb.Helper()
	return with(tb, os.Getenv("DINGDAG_TEST_POSTGRES_URL"), func(_ *url.URL, q url.Values) {
		q.Set("search_path", schema)
		q.Set("pool_max_conns", "3")
	})
}

func newSchema(tb testing.TB, c *pgx.Conn) string {
	tb.Helper()
	schema := "test_" + strings.ToLower(rand.Text())
	_, err := c.Exec(tb.Context(), "CREATE SCHEMA "+schema)
	require.NoError(tb, err)
	return schema
}

// database returns the URL of a schema of the test's own without tables, which goes with it.
func database(tb testing.TB) string {
	tb.Helper()
	c := slot(tb)
	schema := newSchema(tb, c)
	tb.Cleanup(func() {
		_, err := c.Exec(context.WithoutCancel(tb.Context()), "DROP SCHEMA "+schema+" CASCADE")
		assert.NoError(tb, err)
	})
	return schemaURL(tb, schema)
}

// emptied returns the URL of a schema of the test's own with all tables, in which there is nothing.
func emptied(t *testing.T) string {
	t.Helper()
	c := slot(t)
	var schema string
	select {
	case schema = <-spare:
	default:
		schema = newSchema(t, c)
		require.NoError(t, open(t, schemaURL(t, schema), postgres.Options{}).Close())
	}
	t.Cleanup(func() {
		_, err := c.Exec(context.WithoutCancel(t.Context()), emptying(schema))
		if assert.NoError(t, err) {
			spare <- schema
		}
	})
	return schemaURL(t, schema)
}

// emptying is the statement that empties the tables of a schema.
func emptying(schema string) string {
	return fmt.Sprintf(`DO $$ DECLARE name text; BEGIN
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = '%[1]s' AND tablename NOT IN ('goose_db_version', 'additive_migration', 'river_migration') LOOP
			EXECUTE format('DELETE FROM %[1]s.%%I', name);
		END LOOP;
		PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
			WHERE relnamespace = '%[1]s'::regnamespace AND relname <> 'goose_db_version_id_seq';
	END $$`, schema)
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
	u := emptied(t)
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
