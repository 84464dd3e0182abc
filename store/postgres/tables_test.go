package postgres_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

// column is what must be the same in both databases. A type is one of those that SQLite has, and
// a default one as it is written there.
type column struct {
	table, name, kind string
	null              bool
	preset            string
}

// constraint is a primary key ("p"), something unique ("u") or the check of a column ("c").
type constraint struct{ table, kind, columns string }

// The tables of both databases have the same columns with the same defaults, the same keys, and the same indexes, word for
// word: a migration of one is one of the other too, under the same number.
func TestTablesAreThoseOfSQLite(t *testing.T) {
	t.Parallel()
	u := database(t)
	open(t, u, postgres.Options{})
	c := connect(t, u)
	path := filepath.Join(t.TempDir(), "db")
	require.NoError(t, sqlitetest.Open(t, path, sqlite.Options{}).Close())
	lite, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer lite.Close()

	assert.Equal(t, lines(columnsOfSQLite(t, lite)), lines(columnsOf(t, c)))
	assert.Equal(t, lines(constraintsOfSQLite(t, lite)), lines(constraintsOf(t, c)))
	rows, err := c.Query(t.Context(), `SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexname !~ '^(river|goose)'
		AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace)`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	declared := indexesOfMigrations(t)
	got := map[string]string{}
	for _, name := range names {
		got[name] = declared[name]
	}
	assert.Equal(t, indexesOfSQLite(t, lite), got)
	assert.Equal(t, lastMigration(t, "../sqlite/migrations"), lastMigration(t, "migrations"))
}

// lines are rows as texts, in an order.
func lines[T any](all []T) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = fmt.Sprintf("%+v", v)
	}
	slices.Sort(out)
	return out
}

// number is a default as a number, which in SQLite a truth is.
func number(text string) string {
	switch strings.ToUpper(text) {
	case "FALSE":
		return "0"
	case "TRUE":
		return "1"
	default:
		return text
	}
}

func columnsOf(t *testing.T, c *pgx.Conn) []column {
	t.Helper()
	rows, err := c.Query(t.Context(), `SELECT table_name, column_name, data_type, is_nullable = 'YES', coalesce(collation_name, ''), coalesce(column_default, '')
		FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name !~ '^(river|goose)' AND column_name <> 'rowid'`)
	require.NoError(t, err)
	kinds := map[string]string{"bigint": "INTEGER", "boolean": "INTEGER", "text": "TEXT", "bytea": "BLOB"}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (f column, err error) {
		var kind, collation string
		err = r.Scan(&f.table, &f.name, &kind, &f.null, &collation, &f.preset)
		if kind == "text" && collation != "C" {
			t.Errorf("%s.%s is not compared byte by byte", f.table, f.name)
		}
		f.kind = kinds[kind]
		f.preset, _, _ = strings.Cut(f.preset, "::")
		if kind != "text" {
			f.preset = number(strings.Trim(f.preset, "'"))
		}
		return f, err
	})
	require.NoError(t, err)
	return all
}

func columnsOfSQLite(t *testing.T, db *sql.DB) (all []column) {
	t.Helper()
	each(t, db, `SELECT t.name, c.name, c.type, c."notnull" = 0 AND c.pk = 0, coalesce(c.dflt_value, '')
		FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND `+notOurs, func(scan func(...any) error) error {
		var f column
		err := scan(&f.table, &f.name, &f.kind, &f.null, &f.preset)
		if f.kind == "INTEGER" {
			f.preset = number(f.preset)
		}
		all = append(all, f)
		return err
	})
	return all
}

// notOurs is the condition that a table of SQLite is none of the libraries'.
const notOurs = "t.name NOT LIKE 'river%' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'sqlite%'"

// constraintsOf are all constraints but those of the numbers of rows, which SQLite has by itself, and NOT NULL.
func constraintsOf(t *testing.T, c *pgx.Conn) []constraint {
	t.Helper()
	rows, err := c.Query(t.Context(), `SELECT r.relname, CAST(k.contype AS text), string_agg(a.attname, ', ' ORDER BY n.i)
		FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS n (attnum, i)
		JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = n.attnum
		WHERE k.connamespace = current_schema()::regnamespace AND r.relname !~ '^(river|goose)' AND k.contype <> 'n'
		GROUP BY k.oid, r.relname, k.contype HAVING string_agg(a.attname, ', ') <> 'rowid'`)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (k constraint, err error) {
		err = r.Scan(&k.table, &k.kind, &k.columns)
		return k, err
	})
	require.NoError(t, err)
	return all
}

var checked = regexp.MustCompile(`CHECK \((\w+)`)

func constraintsOfSQLite(t *testing.T, db *sql.DB) (all []constraint) {
	t.Helper()
	each(t, db, `SELECT t.name, 'p', (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_table_info(t.name) WHERE pk > 0 ORDER BY pk))
		FROM sqlite_master t WHERE t.type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE pk > 0) AND `+notOurs+`
		UNION ALL SELECT t.name, 'u', (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
		FROM sqlite_master t JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin = 'u' AND `+notOurs, func(scan func(...any) error) error {
		var k constraint
		err := scan(&k.table, &k.kind, &k.columns)
		all = append(all, k)
		return err
	})
	each(t, db, `SELECT t.name, t.sql FROM sqlite_master t WHERE t.type = 'table' AND `+notOurs, func(scan func(...any) error) error {
		var table, statement string
		err := scan(&table, &statement)
		for _, m := range checked.FindAllStringSubmatch(statement, -1) {
			all = append(all, constraint{table, "c", m[1]})
		}
		assert.NotContains(t, statement, "REFERENCES", "%s: this test compares none such", table)
		return err
	})
	return all
}

func indexesOfSQLite(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	all := map[string]string{}
	each(t, db, "SELECT t.name, t.sql FROM sqlite_master t WHERE t.type = 'index' AND t.sql IS NOT NULL AND "+notOurs, func(scan func(...any) error) error {
		var name, statement string
		err := scan(&name, &statement)
		all[name] = words(statement)
		return err
	})
	return all
}

// each reads the rows of a query.
func each(t *testing.T, db *sql.DB, query string, read func(scan func(...any) error) error) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer rows.Close()
	for rows.Next() {
		require.NoError(t, read(rows.Scan), query)
	}
	require.NoError(t, rows.Err())
}

var index = regexp.MustCompile(`(?s)CREATE (?:UNIQUE )?INDEX (\w+) [^;]*`)

// indexesOfMigrations are the last statements that make an index of a name: the database itself
// has them in other words.
func indexesOfMigrations(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range migrationsIn(t, "migrations") {
		text, err := os.ReadFile(filepath.Join("migrations", name))
		require.NoError(t, err)
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		for _, m := range index.FindAllStringSubmatch(up, -1) {
			all[m[1]] = words(m[0])
		}
	}
	return all
}

// words is a statement with one space between words.
func words(statement string) string { return strings.Join(strings.Fields(statement), " ") }

// lastMigration is the highest number of the migrations in a folder.
func lastMigration(t *testing.T, folder string) string {
	t.Helper()
	all := migrationsIn(t, folder)
	number, _, _ := strings.Cut(all[len(all)-1], "_")
	return number
}

// migrationsIn are the migrations in a folder, in their order.
func migrationsIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	all := make([]string, len(files))
	for i, f := range files {
		all[i] = f.Name()
	}
	slices.Sort(all)
	return all
}

// A job is entered into no index that nothing goes by, in new tables as in those that were there before.
func TestJobsAreInFewIndexes(t *testing.T) {
	t.Parallel()
	u := database(t)
	require.NoError(t, open(t, u, postgres.Options{}).Close())
	c := connect(t, u)
	indexes := func() []string {
		rows, err := c.Query(t.Context(), "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'river_job' ORDER BY indexname")
		require.NoError(t, err)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return names
	}
	want := []string{"river_job_pkey", "river_job_prioritized_fetching_index", "river_job_state_and_finalized_at_index", "river_job_unique_idx"}
	assert.Equal(t, want, indexes())
	_, err := c.Exec(t.Context(), `DELETE FROM goose_db_version WHERE version_id = 66; DELETE FROM additive_migration WHERE version = 66;
		CREATE INDEX river_job_kind ON river_job (kind); CREATE INDEX river_job_args_index ON river_job USING GIN (args)`)
	require.NoError(t, err)
	require.NoError(t, open(t, u, postgres.Options{}).Close())
	assert.Equal(t, want, indexes())
}
