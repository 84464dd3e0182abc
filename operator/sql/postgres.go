package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/dingdag/dingdag/connections"
)

// cancelWithin is how long a server has to stop a query before its connection is cut.
const cancelWithin = 3 * time.Second

// postgresExtras are the keys that go to the driver or to the server as they are.
func postgresExtras() []string {
	return []string{
		"sslmode", "sslcert", "sslkey", "sslrootcert", "sslsni", "sslnegotiation", "target_session_attrs", "channel_binding",
		"application_name", "options", "search_path", "timezone", "statement_timeout", "lock_timeout",
		"idle_in_transaction_session_timeout", "krbsrvname", "krbspn",
	}
}

// openPostgres prepares a connection to PostgreSQL. What a connection leaves out comes
// from libpq's environment variables and files, as in Airflow.
func openPostgres(conn *connections.Connection, database string, extra *extras) (*dbsql.DB, error) {
	settings := map[string]string{
		"host": conn.GetHost(), "user": conn.GetLogin(), "dbname": cmp.Or(database, conn.GetSchema()),
	}
	if port := conn.GetPort(); port != 0 {
		settings["port"] = strconv.Itoa(port)
	}
	for _, key := range postgresExtras() {
		text, err := extra.take(key)
		if err != nil {
			return nil, err
		}
		settings[key] = text
	}
	timeout, err := extra.seconds("connect_timeout", dialTimeout)
	if err != nil {
		return nil, err
	}
	sslPassword, err := extra.take("sslpassword")
	if err != nil {
		return nil, err
	}
	// Text is always UTF-8 and rows are always read as they come; the driver keeps
	// connections alive; the rest is for SQLAlchemy and Airflow's hook.
	extra.ignore("client_encoding", "cursor", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"sqlalchemy_scheme", "sqlalchemy_query", "enable_log_db_messages")
	if err := extra.finish(); err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfigWithOptions(keywords(settings), pgx.ParseConfigOptions{
		ParseConfigOptions: pgconn.ParseConfigOptions{GetSSLPassword: func(context.Context) string { return sslPassword }},
	})
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	if conn.Password != nil {
		config.Password = conn.Password.Reveal()
	}
	config.ConnectTimeout = timeout
	// The types of parameters come from their places, and no statement is prepared twice.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelWithin}
	}
	return stdlib.OpenDB(*config), nil
}

// keywords writes settings in libpq's form. Empty ones are left out.
func keywords(settings map[string]string) string {
	var b strings.Builder
	for key, value := range settings {
		if value != "" {
			fmt.Fprintf(&b, "%s='%s' ", key, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value))
		}
	}
	return b.String()
}
