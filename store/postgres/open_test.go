package postgres_test

import (
	"context"
	"crypto/rand"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/storetest"
)

// with is a URL that is another in something.
func with(tb testing.TB, base string, change func(u *url.URL, q url.Values)) string {
	tb.Helper()
	u, err := url.Parse(base)
	require.NoError(tb, err)
	q := u.Query()
	change(u, q)
	u.RawQuery = q.Encode()
	return u.String()
}

// An error says what to do, and shows no password.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	base := database(t)
	for name, c := range map[string]struct {
		url, want string
		later     bool
	}{
		"no URL":               {"postgres://me:s3cret/x@host:1/db", "cannot be read", false},
		"a bad port":           {"postgres://me:s3cret@host:port/db", "cannot be read", false},
		"too few connections":  {with(t, base, func(_ *url.URL, q url.Values) { q.Set("pool_max_conns", "1") }), "want 2 or more", false},
		"no database":          {with(t, base, func(u *url.URL, _ url.Values) { u.Path = "/nobody_has_this" }), "create it first", false},
		"no schema":            {with(t, base, func(_ *url.URL, q url.Values) { q.Set("search_path", "nobody_has_this") }), "no schema", false},
		"no user":              {with(t, base, func(u *url.URL, _ url.Values) { u.User = url.UserPassword("nobody_has_this", "s3cret") }), "the user or the password", false},
		"a wrong password":     {refusing(t), "the user or the password", false},
		"nobody answers":       {"postgres://me:s3cret@127.0.0.1:1/db", "", true},
		"another encoding":     {latin(t, base), "its encoding is LATIN1", false},
		"no right to a schema": {role(t, base, ""), "GRANT USAGE", false},
		"no right to create":   {role(t, base, "USAGE"), "be allowed to create others: as the owner of the schema run GRANT USAGE, CREATE ON SCHEMA \"test_", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Open(t.Context(), c.url, postgres.Options{})
			require.Error(t, err)
			assert.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "s3cret")
			assert.Equal(t, c.later, store.Temporary(err), "%v", err)
		})
	}
}

// refusing is the URL of a server that refuses each password, as one with pg_hba.conf does: the one for tests may trust
// everybody.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() {
		assert.NoError(t, l.Close())
		<-ended
	})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			assert.NoError(t, refuse(pgproto3.NewBackend(c, c)))
			assert.NoError(t, c.Close())
		}
	}()
	return "postgres://me:s3cret@" + l.Addr().String() + "/db?sslmode=disable"
}

func refuse(b *pgproto3.Backend) error {
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return err
	}
	b.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := b.Flush(); err != nil {
		return err
	}
	if err := b.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return err
	}
	if _, err := b.Receive(); err != nil {
		return err
	}
	b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: `password authentication failed for user "me"`})
	return b.Flush()
}

// latin is the URL of a database whose texts are in another encoding.
func latin(t *testing.T, base string) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	c := connect(t, base)
	_, err := c.Exec(t.Context(), "CREATE DATABASE "+name+" ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := c.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name)
		assert.NoError(t, err)
	})
	return with(t, base, func(u *url.URL, q url.Values) {
		u.Path = "/" + name
		q.Del("search_path")
	})
}

// role is the URL for a user of its own with some rights to the schema.
func role(t *testing.T, base, rights string) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	c := connect(t, base)
	_, err := c.Exec(t.Context(), "CREATE ROLE "+name+" LOGIN")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := c.Exec(context.WithoutCancel(t.Context()), "DROP OWNED BY "+name+"; DROP ROLE "+name)
		assert.NoError(t, err)
	})
	if rights != "" {
		var schema string
		require.NoError(t, c.QueryRow(t.Context(), "SELECT current_schema()").Scan(&schema))
		_, err = c.Exec(t.Context(), "GRANT "+rights+" ON SCHEMA "+schema+" TO "+name)
		require.NoError(t, err)
	}
	return with(t, base, func(u *url.URL, _ url.Values) { u.User = url.UserPassword(name, "s3cret") })
}

// Two connections are enough to make the tables and to work.
func TestTwoConnections(t *testing.T) {
	t.Parallel()
	s := open(t, with(t, database(t), func(_ *url.URL, q url.Values) { q.Set("pool_max_conns", "2") }), postgres.Options{})
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		assert.NoError(t, putVersion(t.Context(), "a")(tx))
		_, err := s.Version(t.Context(), "a")
		assert.ErrorIs(t, err, store.ErrNotFound, "not committed yet")
		return nil
	}))
	_, err := s.Version(t.Context(), "a")
	require.NoError(t, err)
}

// A copy for reading is refused at once, and not by the first that is written.
func TestACopyForReading(t *testing.T) {
	t.Parallel()
	u := database(t)
	reading := with(t, u, func(_ *url.URL, q url.Values) { q.Set("default_transaction_read_only", "on") })
	for _, what := range []string{"without tables", "with tables"} {
		_, err := postgres.Open(t.Context(), reading, postgres.Options{})
		require.ErrorContains(t, err, "name the one that can be written", what)
		assert.False(t, store.Temporary(err), what)
		require.NoError(t, open(t, u, postgres.Options{}).Close())
	}
}

// Tables of somebody else can't be used, and are left as they are.
func TestTablesOfAnother(t *testing.T) {
	t.Parallel()
	u := database(t)
	require.NoError(t, open(t, u, postgres.Options{}).Close())
	_, err := postgres.Open(t.Context(), role(t, u, "USAGE, CREATE"), postgres.Options{})
	require.ErrorContains(t, err, "its user must own the tables")
	assert.NotContains(t, err.Error(), "s3cret")
}

// A program refuses tables of a newer one, and changes nothing in them.
func TestNewerTables(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]string{
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)": "its tables have version 99999",
		"INSERT INTO river_migration (line, version) VALUES ('main', 99)":            "its job tables have version 99",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			u := database(t)
			require.NoError(t, open(t, u, postgres.Options{}).Close())
			_, err := connect(t, u).Exec(t.Context(), statement)
			require.NoError(t, err)
			_, err = postgres.Open(t.Context(), u, postgres.Options{})
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, "newer program")
		})
	}
}

// A program goes on with tables in which a newer one has made only what is additive, and makes what they lack.
func TestAdditiveMigrationOfANewerProgram(t *testing.T) {
	t.Parallel()
	u := database(t)
	require.NoError(t, open(t, u, postgres.Options{}).Close())
	_, err := connect(t, u).Exec(t.Context(), `ALTER TABLE dag ADD COLUMN newer TEXT; INSERT INTO additive_migration (version) VALUES (99999);
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE); DROP TABLE favorite; DELETE FROM goose_db_version WHERE version_id = 59`)
	require.NoError(t, err)
	s := open(t, u, postgres.Options{})
	favorites, err := s.Favorites(t.Context(), "u")
	require.NoError(t, err)
	assert.Empty(t, favorites)
}

// Nothing is changed under an older program that is at work, which can go on and renew its lease; that of one that died is waited for.
func TestUpgradeUnderAnOlderProgram(t *testing.T) {
	t.Parallel()
	u := database(t)
	older := open(t, u, postgres.Options{Node: "older"})
	_, err := connect(t, u).Exec(t.Context(), "DROP TABLE favorite; DELETE FROM goose_db_version WHERE version_id = 59")
	require.NoError(t, err)
	beat := func(lease time.Duration) {
		_, err := older.Beat(t.Context(), lease)
		assert.NoError(t, err)
	}
	beat(time.Hour)
	var beating sync.WaitGroup
	beating.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for range 200 {
			select {
			case <-t.Context().Done():
				return
			case <-tick.C:
				beat(time.Hour)
			}
		}
	})
	_, err = postgres.Open(t.Context(), u, postgres.Options{})
	require.ErrorContains(t, err, "older program that is at work with them: older (its lease holds until ")
	require.ErrorContains(t, err, "00059_favorites.sql")
	beating.Wait()
	beat(300 * time.Millisecond)
	s := open(t, u, postgres.Options{})
	_, err = s.Favorites(t.Context(), "u")
	require.NoError(t, err)
}

// Tables of an older program are brought up to date, and keep what is in them.
func TestOlderTables(t *testing.T) {
	t.Parallel()
	u := database(t)
	s := open(t, u, postgres.Options{})
	storetest.Enqueue(t, s, "waits")
	require.NoError(t, s.Close())
	pool, err := pgxpool.New(t.Context(), u)
	require.NoError(t, err)
	defer pool.Close()
	m, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	require.NoError(t, err)
	down, err := m.Migrate(t.Context(), rivermigrate.DirectionDown, nil)
	require.NoError(t, err)
	require.Len(t, down.Versions, 1)

	s = open(t, u, postgres.Options{})
	var newest int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT max(version) FROM river_migration").Scan(&newest))
	assert.Equal(t, down.Versions[0].Version, newest)
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		j, err := tx.Take(t.Context())
		if assert.NotNil(t, j) {
			assert.Equal(t, "waits", j.TaskID)
		}
		return err
	}))
}

// A migration that landed after one with a higher number is made all the same.
func TestAMigrationInBetween(t *testing.T) {
	t.Parallel()
	u := database(t)
	require.NoError(t, open(t, u, postgres.Options{}).Close())
	_, err := connect(t, u).Exec(t.Context(), "DROP TABLE favorite; DELETE FROM goose_db_version WHERE version_id = 59")
	require.NoError(t, err)
	s := open(t, u, postgres.Options{})
	favorites, err := s.Favorites(t.Context(), "u")
	require.NoError(t, err)
	assert.Empty(t, favorites)
}
