package sqlcopy_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/postgres/postgrestest"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcopy"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
	"github.com/dingdag/dingdag/store/storetest"
	"github.com/dingdag/dingdag/store/storetest/conntest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// schema returns the URL of a schema of the test's own, and a connection to it.
func schema(t *testing.T) (string, *pgx.Conn) {
	t.Helper()
	u := postgrestest.Schema(t)
	c, err := pgx.Connect(t.Context(), strings.Replace(u, "pool_max_conns=3&", "", 1))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close(context.WithoutCancel(t.Context()))) })
	return u, c
}

func target(t *testing.T, u string, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), u, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// source is a store with rows in all tables, and a connection to its file.
func source(t *testing.T, rows int) (*sqlite.Store, *sql.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	s := sqlitetest.Open(t, path, sqlite.Options{Synchronous: "NORMAL", Cipher: conntest.Cipher(t, 1)})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	fill(t, db, rows)
	return s, db
}

type column struct {
	name, kind string
	null       bool
}

// fill puts rows with something in each column into all tables of ours.
func fill(t *testing.T, db *sql.DB, rows int) {
	t.Helper()
	found, err := db.QueryContext(t.Context(), `SELECT t.name, c.name, c.type, c."notnull" = 0 AND c.pk = 0,
		EXISTS (SELECT 1 FROM pragma_table_info(t.name) b WHERE b.name = c.name AND lower(coalesce(b.dflt_value, '')) IN ('false', 'true', '0', '1'))
		FROM sqlite_master t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'river%' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'sqlite%' AND t.name <> 'additive_migration'`)
	require.NoError(t, err)
	defer found.Close()
	tables := map[string][]column{}
	for found.Next() {
		var table string
		var c column
		var truth bool
		require.NoError(t, found.Scan(&table, &c.name, &c.kind, &c.null, &truth))
		tables[table] = append(tables[table], c)
	}
	require.NoError(t, found.Err())
	require.Greater(t, len(tables), 40)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	for table, columns := range tables {
		n := rows
		if table == "daily_digest" || table == "leader" {
			n = 1
		}
		for i := range n {
			row := make([]any, len(columns))
			for j, c := range columns {
				switch {
				case c.null && i%5 == 0:
				case c.kind == "INTEGER" && n == 1 && c.name == "id":
					row[j] = 1
				case c.kind == "INTEGER":
					row[j] = i % 2 // a number or a truth
					if c.name == "id" || strings.HasSuffix(c.name, "_id") || strings.HasSuffix(c.name, "_key") || c.name == "told_by" || c.name == "at" || strings.HasSuffix(c.name, "_date") {
						row[j] = int64(i)*1_000_003 + 1
					}
				case c.kind == "BLOB":
					row[j] = []byte{0, byte(i), 255}
				case i == 7: // as a task may print it
					row[j] = fmt.Sprintf("nul \x00 and \xff %d %d", i, j)
				default:
					row[j] = fmt.Sprintf("文 %d %s", n-i, c.name)
				}
			}
			var names []string
			for _, c := range columns {
				names = append(names, c.name)
			}
			_, err := tx.ExecContext(t.Context(), "INSERT INTO "+table+" ("+strings.Join(names, ", ")+") VALUES ("+sqlrow.Marks(len(row))+")", row...)
			require.NoError(t, err, "%s %v", table, row)
		}
	}
	require.NoError(t, tx.Commit())
}

// All that a store holds is in the other one afterwards, as it was but for what PostgreSQL does not take, and the other one works.
func TestCopy(t *testing.T) {
	t.Parallel()
	u, c := schema(t)
	from, db := source(t, 25)
	require.NoError(t, from.Tx(t.Context(), func(tx store.Tx) error {
		return tx.Enqueue(t.Context(), []store.Job{{RunKey: 1, TaskID: "ended", Try: 1}, {RunKey: 1, TaskID: "runs", Try: 1}, {RunKey: 1, TaskID: "waits", Try: 3, MapIndex: -1}})
	}))
	require.NoError(t, from.Tx(t.Context(), func(tx store.Tx) error {
		j, err := tx.Take(t.Context())
		require.NoError(t, err)
		_, err = tx.Exchange(t.Context(), *j, nil)
		return err
	}))
	for _, statement := range []string{ // numbers are not given again
		"INSERT INTO asset (id, uri, name, asset_group, created_at, updated_at) VALUES (7000000000, 'u', 'n', 'g', 1, 1)", "DELETE FROM asset WHERE id = 7000000000",
		"DELETE FROM river_job WHERE id = 4",
		"INSERT INTO task_instance (run_key, task_id, state, try, max_tries, operator) VALUES (0, 'z', '', 1, 1, ''), (0, 'a', '', 1, 1, '')",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	to := target(t, u, postgres.Options{Copying: true, Cipher: conntest.Cipher(t, 1)})
	told := map[string]sqlcopy.Progress{}
	got, err := sqlcopy.Copy(t.Context(), from.Side(), to.Side("the database"), sqlcopy.Options{Rows: 10, Progress: func(p sqlcopy.Progress) {
		if !p.Verifying {
			told[p.Table] = p
		}
	}})
	require.NoError(t, err)

	there := map[string]sqlcopy.Table{}
	for _, table := range got {
		there[table.Name] = table
		var n int64
		require.NoError(t, c.QueryRow(t.Context(), "SELECT count(*) FROM "+table.Name).Scan(&n))
		assert.Equal(t, n, table.Sum.Rows, table.Name)
		assert.Equal(t, sqlcopy.Progress{Table: table.Name, Rows: n, Of: n}, told[table.Name])
	}
	assert.EqualValues(t, 25, there["xcom"].Sum.Rows)
	assert.EqualValues(t, 3, there["river_job"].Sum.Rows)
	assert.Positive(t, there["xcom"].Replaced)
	var text string
	require.NoError(t, c.QueryRow(t.Context(), "SELECT value FROM xcom WHERE value LIKE 'nul%'").Scan(&text))
	assert.Regexp(t, "^nul \uFFFD and \uFFFD 7 ", text)
	var source []byte
	require.NoError(t, c.QueryRow(t.Context(), "SELECT source FROM dag_version ORDER BY source LIMIT 1").Scan(&source))
	assert.Equal(t, []byte{0, 0, 255}, source)

	var inOrder, wanted string
	require.NoError(t, c.QueryRow(t.Context(), "SELECT string_agg(task_id || state, ',' ORDER BY rowid) FROM task_instance").Scan(&inOrder))
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT group_concat(task_id || state, ',') FROM (SELECT task_id, state FROM task_instance ORDER BY rowid)").Scan(&wanted))
	assert.Equal(t, sqlrow.Clean(wanted), inOrder, "instances keep their order")

	require.NoError(t, to.Close())
	to = target(t, u, postgres.Options{Node: "new", Cipher: conntest.Cipher(t, 1)})
	lost, err := to.Beat(t.Context(), time.Minute)
	require.NoError(t, err)
	require.Len(t, lost, 1)
	assert.Equal(t, "runs", lost[0].TaskID)
	require.NoError(t, to.Tx(t.Context(), func(tx store.Tx) error {
		j, err := tx.Take(t.Context())
		if assert.NotNil(t, j) {
			assert.Equal(t, store.Job{RunKey: 1, TaskID: "waits", Try: 3, MapIndex: -1, Handle: j.Handle}, *j)
		}
		return err
	}))
	storetest.Enqueue(t, to, "next")
	var next int64
	require.NoError(t, c.QueryRow(t.Context(), "INSERT INTO asset (uri, name, asset_group, created_at, updated_at) VALUES ('v', 'n', 'g', 1, 1) RETURNING id").Scan(&next))
	assert.EqualValues(t, 7000000001, next)
	_, err = c.Exec(t.Context(), "INSERT INTO task_instance (run_key, task_id, state, try, max_tries, operator) VALUES (5, 'n', '', 1, 1, '')")
	require.NoError(t, err)
	require.NoError(t, c.QueryRow(t.Context(), "SELECT count(*) FROM task_instance WHERE rowid >= (SELECT rowid FROM task_instance WHERE task_id = 'n')").Scan(&next))
	assert.EqualValues(t, 1, next, "it is the last")
}

// What is encrypted can be decrypted with the same key.
func TestCopySecrets(t *testing.T) {
	t.Parallel()
	u, _ := schema(t)
	from := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Cipher: conntest.Cipher(t, 1)})
	t.Cleanup(func() { assert.NoError(t, from.Close()) })
	require.NoError(t, from.ChangeVault(t.Context(), func(_ store.Tx, v connections.Vault) error {
		return v.PutVariable(t.Context(), connections.Variable{Key: "k", Value: "hidden"})
	}))
	to := target(t, u, postgres.Options{Copying: true, Cipher: conntest.Cipher(t, 1)})
	_, err := sqlcopy.Copy(t.Context(), from.Side(), to.Side("the database"), sqlcopy.Options{})
	require.NoError(t, err)
	vs, err := to.Vault().Variables(t.Context())
	require.NoError(t, err)
	require.Len(t, vs, 1)
	assert.Equal(t, "hidden", vs[0].Value)
}

// A copy that ended in the middle goes on, whatever had been done, and until then nobody else opens what there is.
func TestCopyGoesOn(t *testing.T) {
	t.Parallel()
	u, _ := schema(t)
	from, db := source(t, 25)
	to := target(t, u, postgres.Options{Copying: true})
	stopped := errors.New("stopped")
	side := to.Side("the database")
	write := side.Write
	calls, ends := 0, 0
	for i := 1; ; i++ {
		calls = 0
		side.Write = func(ctx context.Context, fn func(sqlrow.Conn) error) error {
			if calls++; calls > i%17+2 {
				return stopped
			}
			return write(ctx, fn)
		}
		_, err := sqlcopy.Copy(t.Context(), from.Side(), side, sqlcopy.Options{Rows: 10, Bytes: 900})
		if err == nil {
			break
		}
		require.ErrorIs(t, err, stopped)
		if ends++; ends == 5 {
			_, err := postgres.Open(t.Context(), u, postgres.Options{})
			require.ErrorContains(t, err, "unfinished copy of "+from.Side().Name)
			require.ErrorContains(t, err, "dingdag db copy again")
		}
	}
	assert.Greater(t, ends, 10)
	_, err := sqlcopy.Compare(t.Context(), from.Side(), to.Side("the database"))
	require.NoError(t, err)
	target(t, u, postgres.Options{})

	_, err = db.ExecContext(t.Context(), "UPDATE xcom SET value = 'other' WHERE key = (SELECT max(key) FROM xcom)")
	require.NoError(t, err)
	_, err = sqlcopy.Compare(t.Context(), from.Side(), to.Side("the database"))
	require.ErrorContains(t, err, "compare table xcom: "+from.Side().Name+" has 25 rows with the checksum ")
}

// What cannot be copied is refused with what is to be done, and nothing is changed.
func TestCopyFails(t *testing.T) {
	t.Parallel()
	u, c := schema(t)
	from, _ := source(t, 3)
	to := target(t, u, postgres.Options{Copying: true, Node: "worker-1"})
	try := func(want string) {
		t.Helper()
		_, err := sqlcopy.Copy(t.Context(), from.Side(), to.Side("the database"), sqlcopy.Options{})
		require.ErrorContains(t, err, want)
	}
	exec := func(statement string) {
		t.Helper()
		_, err := c.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	_, err := to.Beat(t.Context(), time.Hour)
	require.NoError(t, err)
	try("worker-1 is at work in the target")
	exec("DELETE FROM node_lease; INSERT INTO variable (key, value) VALUES ('k', 'v')")
	try("the database is not empty: its table variable has rows")
	exec("DELETE FROM variable; INSERT INTO additive_migration (version) VALUES (99999); INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)")
	try("copy with the newest of the programs")
	exec("DELETE FROM additive_migration; DELETE FROM goose_db_version WHERE version_id IN (62, 99999)")
	try("run dingdag db migrate on it first")
	exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (62, TRUE); CREATE TABLE other (id BIGINT PRIMARY KEY)")
	try("the PostgreSQL store has a table other and the SQLite store has not")
	exec("DROP TABLE other; ALTER TABLE xcom ADD COLUMN other BIGINT")
	try("table xcom has the columns ")
	exec("ALTER TABLE xcom DROP COLUMN other")

	side := to.Side("the database")
	write := side.Write
	stopped := errors.New("stopped")
	calls := 0
	side.Write = func(ctx context.Context, fn func(sqlrow.Conn) error) error {
		if calls++; calls == 4 {
			return stopped
		}
		return write(ctx, fn)
	}
	_, err = sqlcopy.Copy(t.Context(), from.Side(), side, sqlcopy.Options{})
	require.ErrorIs(t, err, stopped)
	another := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	defer another.Close()
	_, err = sqlcopy.Copy(t.Context(), another.Side(), to.Side("the database"), sqlcopy.Options{})
	require.ErrorContains(t, err, "unfinished copy of another store ("+from.Side().Name)
	require.ErrorContains(t, err, "DROP SCHEMA test_")

	side.Write = func(ctx context.Context, fn func(sqlrow.Conn) error) error {
		return write(ctx, func(c sqlrow.Conn) error {
			if _, err := c.Exec(ctx, "UPDATE store_copy SET copied = copied + 1 WHERE name = 'xcom'"); err != nil {
				return err
			}
			return fn(c)
		})
	}
	_, err = sqlcopy.Copy(t.Context(), from.Side(), side, sqlcopy.Options{})
	require.ErrorContains(t, err, "another dingdag db copy is at work")
}

// River's table has the columns that are copied in both databases, and no other.
func TestColumnsOfJobs(t *testing.T) {
	t.Parallel()
	u, c := schema(t)
	target(t, u, postgres.Options{})
	var got string
	require.NoError(t, c.QueryRow(t.Context(), `SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = 'river_job'`).Scan(&got))
	const want = "args attempt attempted_at attempted_by created_at errors finalized_at id kind max_attempts metadata priority queue scheduled_at state tags unique_key unique_states"
	assert.Equal(t, want, got)
	_, db := source(t, 0)
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_table_info('river_job') ORDER BY name)").Scan(&got))
	assert.Equal(t, want, got)
}
