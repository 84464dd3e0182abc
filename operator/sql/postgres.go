package sql

import (
	"cmp"
	"context"
	dbsql "database/sql"
	"errors"
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

// openPostgres prepares a connection to PostgreSQL, which tells affected of its statements. What a connection leaves out comes
// from libpq's environment variables and files, as in Airflow.
func openPostgres(conn *connections.Connection, database string, extra *extras, affected *affectedRows) (*dbsql.DB, error) {
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
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler { return &cancelQuery{conn: c} }
	config.Tracer = affected
	return stdlib.OpenDB(*config), nil
}

// cancelQuery asks the server to stop a query whose context has ended, on a connection of its
// own, and leaves that one open until the server, or a pooler between, closes it. The driver's
// handler closes it as soon as the query ends, which a pooler may take for a client that died
// while it passes the request on.
type cancelQuery struct {
	conn *pgconn.PgConn
	done chan struct{}
}

// HandleCancel is called when the context of a query ends.
func (c *cancelQuery) HandleCancel(ctx context.Context) {
	until := time.Now().Add(cancelWithin) //nolint:forbidigo // the deadline of a network connection
	// When either fails the connection is broken, which the query reports.
	_ = c.conn.Conn().SetDeadline(until)
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
		defer cancel()
		_ = c.conn.CancelRequest(ctx)
	}()
}

// HandleUnwatchAfterCancel is called when that query is over.
func (c *cancelQuery) HandleUnwatchAfterCancel() {
	<-c.done
	_ = c.conn.Conn().SetDeadline(time.Time{})
}

// affectedRows remembers how many rows the last statement of a connection gave or changed,
// which database/sql does not tell of queries.
type affectedRows struct {
	tag pgconn.CommandTag
}

// TraceQueryStart is called before a statement.
func (a *affectedRows) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd is called after a statement.
func (a *affectedRows) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	a.tag = data.CommandTag
}

// refusedParameter says what to do when a pooler refuses a setting of the extra.
func refusedParameter(err error) error {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !strings.HasPrefix(refused.Message, "unsupported startup parameter") {
		return err
	}
	return fmt.Errorf("%w: PgBouncer accepts no such setting from a client; remove it from the extra of the connection, and write "+
		"SET LOCAL … as the first statement of the SQL, or set it for the user with ALTER ROLE … SET …", err)
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
