package cli_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// fillWarehouse makes the tables that the examples of SQL operators name, below a prefix.
func fillWarehouse(t *testing.T, driver, source, prefix string) {
	t.Helper()
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	for _, statement := range []string{
		"CREATE TABLE " + prefix + "orders (day TEXT, total INTEGER, customer TEXT)",
		"CREATE TABLE " + prefix + "daily (day TEXT, orders INTEGER)",
		"INSERT INTO " + prefix + "orders VALUES ('2023-12-26', 5, 'a'), ('2023-12-26', 4, 'b'), ('2024-01-02', 7, 'b'), ('2024-01-02', 2, 'c')",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, db.Close())
}

// ownDatabase runs a statement with a name of its own now, and another one at the end.
func ownDatabase(t *testing.T, driver, source, begin, end string) (name string) {
	t.Helper()
	name = "example_" + strings.ToLower(rand.Text())
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), strings.Replace(begin, "NAME", name, 1))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.ExecContext(context.WithoutCancel(t.Context()), strings.Replace(end, "NAME", name, 1))
		assert.NoError(t, err)
		assert.NoError(t, db.Close())
	})
	return name
}

// postgresWarehouse returns a connection to a filled schema of its own.
func postgresWarehouse(t *testing.T) map[string]any {
	t.Helper()
	source := os.Getenv("DINGDAG_TEST_POSTGRES_URL")
	if source == "" {
		t.Skip("set DINGDAG_TEST_POSTGRES_URL to the URL of a PostgreSQL database to run this test")
	}
	u, err := url.Parse(source)
	require.NoError(t, err)
	name := ownDatabase(t, "pgx", source, "CREATE SCHEMA NAME", "DROP SCHEMA NAME CASCADE")
	fillWarehouse(t, "pgx", source, name+".")
	password, _ := u.User.Password()
	return map[string]any{
		"conn_type": "postgres", "host": u.Hostname(), "port": u.Port(), "login": u.User.Username(), "password": password,
		"schema": u.Path[1:], "extra": map[string]any{"search_path": name, "sslmode": u.Query().Get("sslmode")},
	}
}

// mysqlWarehouse returns a connection to a filled database of its own.
func mysqlWarehouse(t *testing.T) map[string]any {
	t.Helper()
	source := os.Getenv("DINGDAG_TEST_MYSQL_DSN")
	if source == "" {
		t.Skip("set DINGDAG_TEST_MYSQL_DSN to the data source name of a MySQL or MariaDB database to run this test")
	}
	config, err := mysql.ParseDSN(source)
	require.NoError(t, err)
	name := ownDatabase(t, "mysql", source, "CREATE DATABASE NAME", "DROP DATABASE NAME")
	fillWarehouse(t, "mysql", source, name+".")
	host, port, err := net.SplitHostPort(config.Addr)
	require.NoError(t, err)
	return map[string]any{"conn_type": "mysql", "host": host, "port": port, "login": config.User, "password": config.Passwd, "schema": name}
}

// The examples of SQL operators run on each database, also on those that are services.
func TestOperatorExamplesOnServers(t *testing.T) {
	t.Parallel()
	for database, start := range map[string]func(*testing.T) map[string]any{"postgres": postgresWarehouse, "mysql": mysqlWarehouse} {
		for _, e := range pageExamples(t) {
			if !strings.Contains(e.page, "sql") {
				continue
			}
			t.Run(database+" "+e.name(), func(t *testing.T) {
				t.Parallel()
				w := newExampleWorld(t, e.page)
				w.env["DINGDAG_CONN_WAREHOUSE"] = connectionJSON(t, start(t))
				s := settings[e.name()]
				s.replace = slices.Concat(s.replace, []string{":least", "%(least)s"}) // as the title says
				w.check(t, e, s)
			})
		}
	}
}
