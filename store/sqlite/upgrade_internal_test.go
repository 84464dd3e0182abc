package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// landedStores are the migrations that programs have had, in the order of their landing: each
// line was a store once, and lower numbers came after higher ones.
const landedStores = `1 2 3 4
1 2 3 4 9
1 2 3 4 7 9
1 2 3 4 -5 7 9
1 2 3 4 5 7 9
1 2 3 4 5 7 8 9
1 2 3 4 5 6 7 8 9
1 2 3 4 5 6 7 8 9 10
1 2 3 4 5 6 7 8 9 10 13
1 2 3 4 5 6 7 8 9 10 13 19
1 2 3 4 5 6 7 8 9 10 13 19 20
1 2 3 4 5 6 7 8 9 10 13 15 19 20
1 2 3 4 5 6 7 8 9 10 12 13 15 19 20
1 2 3 4 5 6 7 8 9 10 11 12 13 15 19 20
1 2 3 4 5 6 7 8 9 10 11 12 13 15 16 19 20
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 24
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 26
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 32
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 32 35
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 32 35
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 32 33 35
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57 58
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 65
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 40 41 42 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66`

// assetsBefore is 00005_assets.sql as it landedStores at first (-5).
const assetsBefore = `
CREATE TABLE asset_queue (
    dag_id   TEXT NOT NULL,
    event_id INTEGER NOT NULL,
    run_key  INTEGER,
    PRIMARY KEY (dag_id, event_id)
) WITHOUT ROWID;
CREATE INDEX asset_queue_waiting ON asset_queue (dag_id) WHERE run_key IS NULL;
`

// oldMigrations are those with the given numbers, as files.
func oldMigrations(t *testing.T, numbers string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for number := range strings.FieldsSeq(numbers) {
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		found, err := fs.Glob(migrations, fmt.Sprintf("migrations/%05d_*.sql", max(n, -n)))
		require.NoError(t, err)
		require.Len(t, found, 1, "migration %d", n)
		text, err := migrations.ReadFile(found[0])
		require.NoError(t, err)
		if n < 0 {
			before, rest, _ := strings.Cut(string(text), "CREATE TABLE asset_queue (")
			_, after, _ := strings.Cut(rest, "WHERE run_key IS NULL;")
			text = []byte(before + assetsBefore + after)
		}
		files[filepath.Base(found[0])] = &fstest.MapFile{Data: text}
	}
	return files
}

// oldStore makes a store as a program with these migrations and River's up to a version
// did, with something in it.
func oldStore(t *testing.T, path, numbers string, river int) {
	t.Helper()
	db, err := OpenDB("file:" + path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, oldMigrations(t, numbers), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = p.Up(t.Context())
	require.NoError(t, err)
	m, err := rivermigrate.New(riversqlite.New(db), nil)
	require.NoError(t, err)
	_, err = m.Migrate(t.Context(), rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: river})
	require.NoError(t, err)
	for _, statement := range []string{
		"INSERT INTO dag (dag_id, file, version) VALUES ('d', 'd.yaml', 'v')",
		"INSERT INTO dag_version (version, dag_id, source) VALUES ('v', 'd', 'text')",
		"INSERT INTO dag_run (dag_id, run_id, run_type, state, run_after, version) VALUES ('d', 'r', 'manual', 'running', 1767225600000, 'v')",
		"INSERT INTO task_instance (run_key, task_id, state, try, max_tries, operator) VALUES (1, 't', 'success', 1, 1, 'bash')",
		"INSERT INTO xcom (run_key, task_id, key, value) VALUES (1, 't', 'return_value', '\"x\"')",
		`INSERT INTO delivery (state, channel, sender, summary, payload, event, dag_id, run_id, task_id, try, created_at, updated_at)
			VALUES ('waiting', 'c', 's', 'sum', '{}', 'on_failure', 'd', 'r', 't', 1, 1, 1)`,
		"INSERT INTO connection (conn_id, conn_type) VALUES ('c', 'http')",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	if strings.Contains(numbers, "-5") {
		fillOldQueue(t, db)
	}
}

func fillOldQueue(t *testing.T, db *sql.DB) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), "INSERT INTO asset_event (uri, at, dag_id, run_id, task_id, map_index) VALUES ('s3://a', 1, 'd', 'r', 't', -1)")
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO asset_queue (dag_id, event_id) VALUES ('d', 1)")
	require.NoError(t, err)
}

// Every store that there ever was is brought up to date with what it holds, and then has
// the tables of a new one. With the race detector it is some of them, for the time that it takes: make test runs it without, too.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	fresh, err := Open(t.Context(), filepath.Join(t.TempDir(), "db"), Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, fresh.Close()) })
	want := tables(t, fresh)
	rivers := []int{1, 3, 5, 0}
	landed := strings.Split(landedStores, "\n")
	for i, numbers := range landed {
		if underRace && i%9 > 0 && i < len(landed)-1 {
			continue
		}
		river := rivers[i%len(rivers)]
		t.Run(fmt.Sprintf("%s, river %d", numbers, river), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			oldStore(t, path, numbers, river)
			s, err := Open(t.Context(), path, Options{})
			require.NoError(t, err)
			defer s.Close()
			r, err := s.RunByID(t.Context(), "d", "r")
			require.NoError(t, err)
			is, err := s.Instances(t.Context(), r.Key)
			require.NoError(t, err)
			require.Len(t, is, 1)
			assert.Equal(t, "t", is[0].TaskID)
			ds, err := s.Deliveries(t.Context(), nil, 0)
			require.NoError(t, err)
			assert.Len(t, ds, 1)
			_, err = s.Connections().Connection(t.Context(), "c")
			require.NoError(t, err)
			assert.Equal(t, want, tables(t, s))
			if strings.Contains(numbers, "-5") {
				var uri string
				require.NoError(t, s.read.QueryRowContext(t.Context(), "SELECT uri FROM asset_queue WHERE event_id = 1").Scan(&uri))
				assert.Equal(t, "s3://a", uri)
			}
		})
	}
}

// The last line of landedStores is what this program has.
func TestLandedStoresAreComplete(t *testing.T) {
	t.Parallel()
	found, err := fs.Glob(migrations, "migrations/*.sql")
	require.NoError(t, err)
	var numbers []string
	for _, name := range found {
		n, err := strconv.Atoi(filepath.Base(name)[:5])
		require.NoError(t, err)
		numbers = append(numbers, strconv.Itoa(n))
	}
	lines := strings.Split(landedStores, "\n")
	assert.Equal(t, strings.Join(numbers, " "), lines[len(lines)-1], "add a line: a store of this program is one of those that the next has to open")
}

// tables are the columns of all tables and the indexes, in any order.
func tables(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	rows, err := s.read.QueryContext(t.Context(), `SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'
		UNION SELECT type || ' ' || name || ' of ' || tbl_name FROM sqlite_master WHERE type IN ('index', 'view', 'trigger')`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		all[line] = true
	}
	require.NoError(t, rows.Err())
	return all
}

// A store that a newer program has changed is left alone, whichever part of it is newer.
func TestNewerStores(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ statement, want string }{
		"ours":                      {"INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)", "tables have version 999 and this program knows"},
		"ours, with a lower number": {"INSERT INTO goose_db_version (version_id, is_applied) VALUES (18, 1)", "tables have version 18 and this program knows"},
		"river's":                   {"INSERT INTO river_migration (line, version) VALUES ('main', 99)", "job tables have version 99 and this program knows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			s, err := Open(t.Context(), path, Options{})
			require.NoError(t, err)
			_, err = s.write.ExecContext(t.Context(), tc.statement)
			require.NoError(t, errors.Join(err, s.Close()))
			_, err = Open(t.Context(), path, Options{})
			require.ErrorContains(t, err, tc.want)
			_, err = Open(t.Context(), path, Options{ReadOnly: true})
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// A program goes on with tables in which a newer one has made only what is additive.
func TestAdditiveMigrationOfANewerProgram(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s, err := Open(t.Context(), path, Options{})
	require.NoError(t, err)
	for _, statement := range []string{
		"ALTER TABLE dag ADD COLUMN newer TEXT", "INSERT INTO additive_migration (version) VALUES (999)",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)",
		"DROP TABLE favorite", "DELETE FROM goose_db_version WHERE version_id = 59",
	} {
		_, err = s.write.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	s, err = Open(t.Context(), path, Options{})
	require.NoError(t, err)
	favorites, err := s.Favorites(t.Context(), "u")
	require.NoError(t, err, "what it lacks itself is made")
	assert.Empty(t, favorites)
	require.NoError(t, s.Close())
	s, err = Open(t.Context(), path, Options{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// Nothing is changed under an older program that is at work; the lease of one that died is waited for.
func TestUpgradeUnderAnOlderProgram(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lease  time.Duration
		renews bool
		want   string
	}{
		"at work": {time.Hour, true, "older program that is at work with them: older (its lease holds until "},
		"died":    {500 * time.Millisecond, false, ""},
		"stopped": {-time.Second, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			oldStore(t, path, "1 2 3 4", 0)
			db, err := OpenDB("file:" + path)
			require.NoError(t, err)
			defer func() { assert.NoError(t, db.Close()) }()
			beat := func(at time.Time) {
				_, err := db.ExecContext(t.Context(), "INSERT INTO node_lease (node, expires) VALUES ('older', ?) ON CONFLICT DO UPDATE SET expires = excluded.expires", at.UnixMilli())
				assert.NoError(t, err)
			}
			beat(time.Now().Add(tc.lease))
			looked := 0
			s, err := Open(t.Context(), path, Options{Clock: func() time.Time {
				if looked++; looked == 2 && tc.renews {
					beat(time.Now().Add(tc.lease + time.Minute))
				}
				return time.Now()
			}})
			if tc.want != "" {
				require.ErrorContains(t, err, tc.want)
				require.ErrorContains(t, err, "00005_assets.sql")
				assert.Equal(t, 2, looked, "at the first sign of life")
				return
			}
			require.NoError(t, err)
			require.NoError(t, s.Close())
		})
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	_, err := Open(t.Context(), path, Options{ReadOnly: true})
	require.Error(t, err, "there is none")
	oldStore(t, path, "1 2 3 4", 0)
	_, err = Open(t.Context(), path, Options{ReadOnly: true})
	require.ErrorContains(t, err, "its tables are of an older program")
	s, err := Open(t.Context(), path, Options{})
	require.NoError(t, err)
	for _, open := range []bool{true, false} {
		r, err := Open(t.Context(), path, Options{ReadOnly: true})
		require.NoError(t, err)
		_, err = r.RunByID(t.Context(), "d", "r")
		require.NoError(t, err)
		require.Error(t, r.Connections().DeleteConnection(t.Context(), "c"))
		require.NoError(t, r.Close())
		if open {
			require.NoError(t, s.Close())
		}
	}
}
