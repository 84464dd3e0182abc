package sql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	dbsql "database/sql"

	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/sql"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The variables with which the tests on servers run, besides those on SQLite.
const (
	postgresVariable = "DINGDAG_TEST_POSTGRES_URL"
	mysqlVariable    = "DINGDAG_TEST_MYSQL_DSN"
)

const password = "s3cret-pässword"

// server makes a database for one test, with a connection to it.
type server func(t *testing.T) *connections.Connection

// servers are all kinds of databases. Those that need a server skip the test without one.
func servers() map[string]server {
	return map[string]server{"sqlite": newSQLite, "postgres": newPostgres, "mysql": newMySQL}
}

func newSQLite(t *testing.T) *connections.Connection {
	t.Helper()
	return &connections.Connection{ID: "warehouse", Type: "sqlite", Host: new(filepath.Join(t.TempDir(), "ware house?.db"))}
}

var databases atomic.Int64

// databaseName is of this process and test.
func databaseName() string { return fmt.Sprintf("dingdag_test_%d_%d", os.Getpid(), databases.Add(1)) }

func newPostgres(t *testing.T) *connections.Connection {
	t.Helper()
	text := os.Getenv(postgresVariable)
	if text == "" {
		t.Skip("set " + postgresVariable + " to the URL of a PostgreSQL database to run this test")
	}
	u, err := url.Parse(text)
	require.NoError(t, err)
	schema := databaseName()
	admin(t, "pgx", text, "CREATE SCHEMA "+schema, "DROP SCHEMA "+schema+" CASCADE")
	conn := &connections.Connection{ID: "warehouse", Type: "postgres", Host: new(u.Hostname()), Login: new(u.User.Username()), Schema: new(u.Path[1:])}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		conn.Port = new(port)
	}
	if secret, set := u.User.Password(); set {
		conn.Password = new(connections.Secret(secret))
	}
	extra := map[string]string{"search_path": schema, "connect_timeout": "10", "keepalives_idle": "5"}
	if mode := u.Query().Get("sslmode"); mode != "" {
		extra["sslmode"] = mode
	}
	setExtra(t, conn, extra)
	return conn
}

func newMySQL(t *testing.T) *connections.Connection {
	t.Helper()
	text := os.Getenv(mysqlVariable)
	if text == "" {
		t.Skip("set " + mysqlVariable + " to the data source name of a MySQL or MariaDB database to run this test")
	}
	config, err := driver.ParseDSN(text)
	require.NoError(t, err)
	name := databaseName()
	admin(t, "mysql", text, "CREATE DATABASE "+name, "DROP DATABASE "+name)
	host, port, _ := strings.Cut(config.Addr, ":")
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	conn := &connections.Connection{
		ID: "warehouse", Type: "mysql", Host: new(host), Port: new(number), Login: new(config.User), Schema: new(name),
	}
	if config.Passwd != "" {
		conn.Password = new(connections.Secret(config.Passwd))
	}
	setExtra(t, conn, map[string]string{"charset": "utf8mb4", "connect_timeout": "10"})
	return conn
}

func setExtra(t *testing.T, conn *connections.Connection, extra any) {
	t.Helper()
	text, err := json.Marshal(extra)
	require.NoError(t, err)
	conn.Extra = new(connections.Secret(text))
}

// admin runs one statement now and one at the end of the test.
func admin(t *testing.T, driverName, source, begin, end string) {
	t.Helper()
	db, err := dbsql.Open(driverName, source)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), begin)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.ExecContext(context.WithoutCancel(t.Context()), end)
		assert.NoError(t, err)
		assert.NoError(t, db.Close())
	})
}

// taskOn returns a task with the connection warehouse to a new database.
func taskOn(t *testing.T, start server) *operatortest.Task {
	t.Helper()
	task := operatortest.NewTask(t)
	task.Conns["warehouse"] = start(t)
	return task
}

func spec(t *testing.T, name string) operator.Spec {
	t.Helper()
	registry, err := operator.NewRegistry(sql.Specs()...)
	require.NoError(t, err)
	s, found := registry.Lookup(name)
	require.True(t, found, name)
	return s
}

// execute runs an operator with the connection warehouse and the given parameters.
func execute(t *testing.T, task *operatortest.Task, name, parameters string) (any, error) {
	t.Helper()
	op := operatortest.Decode(t, spec(t, name), parameters)
	return op.Execute(t.Context(), task.TaskContext)
}

// run runs the operator sql with a text.
func run(t *testing.T, task *operatortest.Task, text string) (any, error) {
	t.Helper()
	parameters, err := json.Marshal(map[string]any{"conn_id": "warehouse", "sql": text})
	require.NoError(t, err)
	return execute(t, task, "sql", string(parameters))
}

// asJSON runs the operator sql, which must succeed, and returns its result as XCom.
func asJSON(t *testing.T, task *operatortest.Task, parameters string) string {
	t.Helper()
	result, err := execute(t, task, "sql", "{conn_id: warehouse, "+parameters+"}")
	require.NoError(t, err)
	encoded, err := json.Marshal(result)
	require.NoError(t, err)
	return string(encoded)
}

func TestOperatorsKeepTheRules(t *testing.T) {
	t.Parallel()
	const endless = "sql: 'WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t) SELECT count(*) FROM t'\nconn_id: warehouse\n"
	blocking := map[string]string{
		"sql": endless, "sql_sensor": endless, "sql_check": endless,
		"branch_sql":          endless + "follow_task_ids_if_true: a\nfollow_task_ids_if_false: b",
		"sql_value_check":     endless + "pass_value: 1",
		"sql_threshold_check": endless + "min_threshold: 1\nmax_threshold: 2",
		"sql_interval_check": "{conn_id: warehouse, metrics_thresholds: {count(*): 1}, date_filter_column: 1=1 OR ds, " +
			"table: '(WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t) SELECT n AS ds FROM t)'}",
	}
	for _, s := range sql.Specs() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			operatortest.Check(t, s, operatortest.Options{
				Task:     shop,
				Secrets:  []string{password},
				Blocking: blocking[s.Name],
				Running:  func(_ *testing.T, task *operatortest.Task) { task.AwaitLog("executing") },
				Render: func(_, text string) (any, error) {
					return strings.NewReplacer("{{ ds }}", "2024-01-02", "{{ params.least }}", "1").Replace(text), nil
				},
			})
		})
	}
}

// shop is a task with the tables that the examples use.
func shop(t *testing.T) *operatortest.Task {
	t.Helper()
	task := taskOn(t, newSQLite)
	task.Conns["warehouse"].Password = new(connections.Secret(password))
	_, err := run(t, task, `
		CREATE TABLE orders (day TEXT, customer TEXT, total NUMERIC);
		CREATE TABLE daily (day TEXT, total INTEGER);
		INSERT INTO orders VALUES ('2023-12-26', 'a', 7), ('2024-01-02', 'b', 8);`)
	require.NoError(t, err)
	return task
}

// TestNames holds the names of Airflow against the paths that files may use.
func TestNames(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "paths.txt"))
	require.NoError(t, err)
	paths := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		s := spec(t, fields[1])
		assert.Equal(t, fields[0], s.Name, line)
		if len(fields) == 3 {
			assert.Contains(t, s.Params(), fields[2])
			assert.NotContains(t, s.Params(), "conn_id")
		}
		paths++
	}
	for _, s := range sql.Specs() {
		paths -= len(s.Aliases)
	}
	assert.Zero(t, paths, "each path stands in the file once")
}

func TestOldNameHasItsDefaultConnection(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	task.Conns["sqlite_default"] = newSQLite(t)
	s := spec(t, "airflow.operators.sqlite_operator.SqliteOperator")
	result, err := operatortest.Decode(t, s, "sql: SELECT 1").Execute(t.Context(), task.TaskContext)
	require.NoError(t, err)
	encoded, err := json.Marshal(result)
	require.NoError(t, err)
	assert.JSONEq(t, "[[1]]", string(encoded))
}
