package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcopy"
)

// ownSchema returns the URL of an empty schema of the test's own, and a connection to it.
func ownSchema(t *testing.T) (string, *pgx.Conn) {
	t.Helper()
	source := os.Getenv("DINGDAG_TEST_POSTGRES_URL")
	if source == "" {
		t.Skip("set DINGDAG_TEST_POSTGRES_URL to the URL of a PostgreSQL database to run this test")
	}
	u, err := url.Parse(source)
	require.NoError(t, err)
	q := u.Query()
	q.Set("search_path", ownDatabase(t, "pgx", source, "CREATE SCHEMA NAME", "DROP SCHEMA NAME CASCADE"))
	u.RawQuery = q.Encode()
	return u.String(), connectTo(t, u.String())
}

func connectTo(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close(context.WithoutCancel(t.Context()))) })
	return c
}

// dingdagOn runs the program on a home folder and a database, and returns all that it said.
func dingdagOn(t *testing.T, home, database string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "dingdag", args...)
	cmd.Env = append(os.Environ(), "DINGDAG_HOME="+home, "DINGDAG_DATABASE_URL="+database)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// sides are the stores of a home folder and of a database, for comparing.
func sides(t *testing.T, home, database string) (lite, pg sqlcopy.Side) {
	t.Helper()
	from, err := sqlite.Open(t.Context(), filepath.Join(home, "dingdag.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, from.Close()) })
	to, err := postgres.Open(t.Context(), database, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, to.Close()) })
	return from.Side(), to.Side("the database")
}

// A copy that is killed with SIGKILL again and again goes on where it was and ends with the same on both sides. Until then nothing else
// opens the database.
func TestKillWhileCopying(t *testing.T) {
	t.Parallel()
	database, c := ownSchema(t)
	home := t.TempDir()
	runs := 3000
	if underRace {
		runs = 600
	}
	oldRuns(t, home, runs, 3)
	// killAt kills it once so many rows of a table are there.
	killAt := func(table string, rows int) {
		p := startProcess(t, append(os.Environ(), "DINGDAG_DATABASE_URL="+database), "dingdag", "--home", home, "db", "copy")
		p.until(table, func() bool {
			var n int
			err := c.QueryRow(t.Context(), "SELECT copied FROM store_copy WHERE name = $1", table).Scan(&n)
			return err == nil && n >= rows
		})
		require.NoError(t, p.cmd.Process.Kill())
		<-p.ended
		require.False(t, p.cmd.ProcessState.Exited(), "it was over before: %s", p.log)
	}
	for _, k := range []struct {
		table string
		rows  int
	}{{"dag_run", 1}, {"task_instance", 1}, {"xcom", runs / 10}} {
		killAt(k.table, k.rows)
	}
	for _, args := range [][]string{{"dags", "list-runs"}, {"standalone"}, {"db", "migrate"}} {
		out, err := dingdagOn(t, home, database, args...)
		require.Error(t, err, args)
		assert.Contains(t, out, "unfinished copy of "+filepath.Join(home, "dingdag.db"), args)
		assert.Contains(t, out, "dingdag db copy again", args)
	}
	out, err := dingdagOn(t, home, database, "db", "check")
	require.Error(t, err)
	assert.Regexp(t, `copy +failed +it holds an unfinished copy`, out)

	out, err = dingdagOn(t, home, database, "db", "copy", "-o", "json")
	require.NoError(t, err, out)
	assert.Contains(t, out, "both sides are the same")
	assert.Contains(t, out, filepath.Join(home, "logs"))
	lite, pg := sides(t, home, database)
	tables, err := sqlcopy.Compare(t.Context(), lite, pg)
	require.NoError(t, err)
	for _, table := range tables {
		assert.Contains(t, out, table.Sum.Checksum(), table.Name)
	}
	out, err = dingdagOn(t, home, database, "dags", "list-runs", "d", "--limit", "1", "-o", "plain")
	require.NoError(t, err)
	assert.Contains(t, out, fmt.Sprintf("r%05d", runs-1))
}

// What would go wrong is refused beforehand, with what to do, and no password is shown.
func TestCopyIsRefused(t *testing.T) {
	t.Parallel()
	database, c := ownSchema(t)
	home := t.TempDir()
	out, err := dingdagOn(t, home, "", "db", "copy", "--to", "postgres://ann:hunter2secret@127.0.0.1:1/d", "--from", t.TempDir())
	require.Error(t, err)
	assert.Contains(t, out, "there is no store in ")

	out, err = dingdagOn(t, home, "", "connections", "add", "c", "--conn-type", "http", "--conn-password", "hidden")
	require.NoError(t, err, out)
	for args, want := range map[string]string{
		"--to postgres://ann:hunter2secret@127.0.0.1:1/d":                     "open the database",
		"--to mysql://ann:hunter2secret@127.0.0.1:1/d":                        "must be a URL of PostgreSQL",
		"--to postgres://ann:hunter2secret/x@127.0.0.1:1/d":                   "must be a URL of PostgreSQL",
		"--to postgres://ann:hunter2secret@127.0.0.1:1/d?sslpassword=hunter2": "open the database",
		"": "no database is named",
	} {
		out, err := dingdagOn(t, home, "", append([]string{"db", "copy"}, strings.Fields(args)...)...)
		require.Error(t, err)
		assert.Contains(t, out, want)
		assert.NotContains(t, out, "hunter2")
	}

	other := t.TempDir()
	out, err = dingdagOn(t, other, database, "db", "copy", "--from", home)
	require.Error(t, err)
	assert.Contains(t, out, "the key "+filepath.Join(other, "secret.key")+" is missing")
	out, err = dingdagOn(t, other, "", "connections", "add", "c", "--conn-type", "http", "--conn-password", "hidden")
	require.NoError(t, err, out)
	out, err = dingdagOn(t, other, database, "db", "copy", "--from", home)
	require.Error(t, err)
	assert.Contains(t, out, "does not open what the store of "+home+" has encrypted: copy "+filepath.Join(home, "secret.key"))
	var n int
	require.NoError(t, c.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()").Scan(&n))
	assert.Zero(t, n, "nothing was begun")

	p := startProcess(t, append(os.Environ(), "DINGDAG_DATABASE_URL="), "dingdag", "--home", home, "standalone")
	p.until("works", func() bool { return strings.Contains(p.log.String(), "dingdag works") })
	out, err = dingdagOn(t, home, database, "db", "copy")
	require.Error(t, err)
	assert.Contains(t, out, "another dingdag is already running on "+home)
	p.stop()

	out, err = dingdagOn(t, home, database, "db", "copy")
	require.NoError(t, err, out)
	out, err = dingdagOn(t, home, database, "connections", "get", "c", "--show-secrets")
	require.NoError(t, err)
	assert.Contains(t, out, "hidden")
}

// A store that pg_dump has written and pg_restore has read is the same, as docs/operations.md has it.
func TestDumpAndRestore(t *testing.T) {
	t.Parallel()
	source := os.Getenv("DINGDAG_TEST_POSTGRES_URL")
	if source == "" {
		t.Skip("set DINGDAG_TEST_POSTGRES_URL to the URL of a PostgreSQL database to run this test")
	}
	for _, program := range []string{"pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("DINGDAG_TEST_POSTGRES_URL is set, but %v: install the clients of PostgreSQL to run this test", err)
		}
	}
	base := func() string {
		u, err := url.Parse(source)
		require.NoError(t, err)
		u.Path = "/" + ownDatabase(t, "pgx", source, "CREATE DATABASE NAME ENCODING 'UTF8' TEMPLATE template0", "DROP DATABASE NAME WITH (FORCE)")
		return u.String()
	}
	first, second := base(), base()
	home := t.TempDir()
	oldRuns(t, home, 50, 2)
	out, err := dingdagOn(t, home, first, "db", "copy")
	require.NoError(t, err, out)
	page, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	require.NoError(t, err)
	lines := regexp.MustCompile(`(?m)^(pg_dump|pg_restore|DINGDAG_DATABASE_URL="\$NEW_DATABASE_URL") .*$`).FindAllString(string(page), -1)
	require.Len(t, lines, 3, "the page dumps, restores and checks")
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", strings.Join(lines, "\n"))
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "DINGDAG_HOME="+home, "DINGDAG_DATABASE_URL="+first, "NEW_DATABASE_URL="+second)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	assert.Regexp(t, `(?m)^ tables +ok `, string(said))
	lite, pg := sides(t, home, second)
	tables, err := sqlcopy.Compare(t.Context(), lite, pg)
	require.NoError(t, err)
	assert.NotEmpty(t, tables)
	s, err := postgres.Open(t.Context(), second, postgres.Options{Node: "new"})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		r := &store.Run{DAGID: "d", RunID: "new", Type: dag.ManualRun, State: dag.RunQueued, RunAfter: time.Unix(1, 0)}
		_, err := tx.InsertRun(t.Context(), r)
		assert.EqualValues(t, 51, r.Key, "numbers go on")
		return err
	}))
}

// db clean removes old runs from a database in small steps: another process writes meanwhile, and none of its transactions fails.
func TestCleanADatabase(t *testing.T) {
	t.Parallel()
	database, _ := ownSchema(t)
	home := t.TempDir()
	runs := 400
	if underRace {
		runs = 60
	}
	oldRuns(t, home, runs, 3)
	out, err := dingdagOn(t, home, database, "db", "copy")
	require.NoError(t, err, out)
	s, err := postgres.Open(t.Context(), database, postgres.Options{Node: "leader", Wait: 2 * time.Second})
	require.NoError(t, err)
	defer s.Close()
	over := make(chan struct{})
	written := make(chan int)
	go func() {
		n := 0
		defer func() { written <- n }()
		for ; ; n++ {
			select {
			case <-over:
				return
			default:
			}
			assert.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
				return tx.PutXCom(t.Context(), 1<<40, "leader", -1, "beat", json.RawMessage("1"))
			}))
		}
	}()
	out, err = dingdagOn(t, home, database, "db", "clean", "--before", "1d", "--keep-last", "40", "-y")
	close(over)
	n := <-written
	require.NoError(t, err, out)
	assert.Contains(t, out, fmt.Sprintf("removed %d runs, %d logs, %d xcoms", runs-40, 3*(runs-40), 3*(runs-40)))
	assert.Greater(t, n, (runs-40)/2, "the leader wrote meanwhile")
	left, err := s.CountRuns(t.Context(), "d", dag.RunSuccess)
	require.NoError(t, err)
	assert.Equal(t, 40, left)
	logs, err := filepath.Glob(filepath.Join(home, "logs", "dag_id=d", "*"))
	require.NoError(t, err)
	assert.Len(t, logs, 40)
	out, err = dingdagOn(t, home, database, "db", "clean", "--before", "1d", "--keep-last", "40", "-y", "--vacuum")
	require.NoError(t, err, out)
	assert.Contains(t, out, "the store has ")
}

// What an upgrade would do to a database is shown before it is done.
func TestUpgradeADatabase(t *testing.T) {
	t.Parallel()
	database, c := ownSchema(t)
	home := t.TempDir()
	out, err := dingdagOn(t, home, database, "db", "migrate")
	require.NoError(t, err, out)
	assert.Regexp(t, `^made the tables of postgres://.*, version \d+\n$`, out)
	_, err = c.Exec(t.Context(), `DROP TABLE favorite; ALTER TABLE tick_range DROP COLUMN said; DELETE FROM goose_db_version WHERE version_id IN (59, 60);
		INSERT INTO tick_range (dag_id, first_tick, last_tick, ticks, outcome, reason, recorded_at) SELECT 'd', 1, n, 1, '', '', 1 FROM generate_series(1, 1000) n; ANALYZE tick_range;
		INSERT INTO node_lease (node, expires) VALUES ('worker-7', 4000000000000)`)
	require.NoError(t, err)
	out, err = dingdagOn(t, home, database, "db", "check")
	require.NoError(t, err, "it works: %s", out)
	assert.Regexp(t, `tables +warning +version \d+, and this program knows \d+: 2 migrations are pending`, out)
	out, err = dingdagOn(t, home, database, "db", "upgrade-plan")
	require.NoError(t, err)
	assert.Regexp(t, `00059_favorites.sql +no +favorite +creates`, out)
	assert.Regexp(t, `00060_tick_said.sql +no +tick_range +locks briefly +1000`, out)
	assert.Contains(t, out, "stop these first, which could not go on: worker-7")
	out, err = dingdagOn(t, home, database, "db", "upgrade-plan", "-o", "json")
	require.NoError(t, err)
	assert.Contains(t, out, `"older_programs_may_go_on": false`)
	assert.Regexp(t, `"table": "tick_range",\s+"work": "locks briefly",\s+"rows": 1000`, out)
	_, err = c.Exec(t.Context(), "DELETE FROM node_lease")
	require.NoError(t, err)
	out, err = dingdagOn(t, home, database, "db", "upgrade-plan")
	require.NoError(t, err)
	assert.Contains(t, out, "no older program is at work")
	out, err = dingdagOn(t, home, database, "db", "migrate")
	require.NoError(t, err)
	assert.Regexp(t, `brought the tables of postgres://\S+ from version \d+ to \d+: 00059_favorites.sql, 00060_tick_said.sql`, out)
	out, err = dingdagOn(t, home, database, "db", "upgrade-plan")
	require.NoError(t, err)
	assert.Contains(t, out, "nothing to do")
}
