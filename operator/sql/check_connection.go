package sql

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path"
	"strconv"
	"strings"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
)

// Server is what a database says of itself.
type Server struct {
	// Product is PostgreSQL, MySQL, MariaDB or SQLite; Version is its version.
	Product, Version string
	// Database is the one that statements begin in, or the file; User is who they are for, empty
	// for SQLite.
	Database, User string
}

// CheckError is why a connection to a database does not work.
type CheckError struct {
	// Err is what the database or the network said.
	Err error
	// Remedy is what to do about it; empty when nobody can tell.
	Remedy string
}

// Error is the text of Err.
func (e *CheckError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *CheckError) Unwrap() error { return e.Err }

// Check connects as tasks do to the database of a connection, asks it for its version and
// changes nothing: a file of SQLite that is missing is an error and is not made. What goes
// wrong is a [*CheckError], or an error of the lookup of the connection.
func Check(ctx context.Context, src connections.Source, connID string) (Server, error) {
	conn, err := src.Connection(ctx, connID)
	if err != nil {
		return Server{}, err
	}
	d, err := dialectOf(conn)
	if err != nil {
		return Server{}, err
	}
	file := path.Join(conn.GetHost(), conn.GetSchema())
	if d == sqlite && file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return Server{}, &CheckError{fmt.Errorf("there is no file %s", file), "check the path; a task that connects creates an empty database there"}
		}
	}
	log := slog.New(slog.DiscardHandler)
	db, err := open(ctx, &operator.TaskContext{Connections: src, Log: log}, connID, "")
	if err != nil {
		return Server{}, &CheckError{err, remedy(d, err)}
	}
	defer db.release(ctx, log)
	s := Server{Product: "PostgreSQL"}
	switch d {
	case postgres:
		err = db.conn.QueryRowContext(ctx, "SELECT current_setting('server_version'), current_database(), current_user").Scan(&s.Version, &s.Database, &s.User)
	case mysql:
		s.Product = "MySQL"
		err = db.conn.QueryRowContext(ctx, "SELECT version(), coalesce(database(), ''), current_user()").Scan(&s.Version, &s.Database, &s.User)
		if strings.Contains(s.Version, "MariaDB") {
			s.Product = "MariaDB"
		}
	default:
		s.Product, s.Database = "SQLite", file
		var tables int // read from the file, which may be something else
		err = db.conn.QueryRowContext(ctx, "SELECT sqlite_version(), count(*) FROM sqlite_schema").Scan(&s.Version, &tables)
	}
	if err != nil {
		return Server{}, &CheckError{fmt.Errorf("ask the %s database of connection %q for its version: %w", d, connID, err), remedy(d, err)}
	}
	return s, nil
}

// remedies are what to do about what PostgreSQL (by SQLSTATE) and MySQL (by number) answer.
var remedies = map[string]string{ //nolint:gochecknoglobals // a constant table
	"28P01": "check the connection's login and password",
	"28000": "check the connection's login; the server's pg_hba.conf says who may connect from where, and whether with TLS (sslmode in the extra)",
	"3D000": "check the connection's schema, which is the name of the database",
	"53300": "the server has as many clients as it takes: wait, or raise max_connections",
	"57P03": "the server is starting or stopping: try again",
	"1698":  "check the connection's login, and from which host the user may come: the server knows no such user, or none with a password",
	"1045":  "check the connection's login and password, and from which host the user may come",
	"1044":  "the user may not use this database: GRANT it, or check the connection's schema",
	"1049":  "check the connection's schema, which is the name of the database",
	"1040":  "the server has as many clients as it takes: wait, or raise max_connections",
	"1130":  "the server accepts no clients from this host: create the user for it",
}

// remedy tells what to do about an error of connecting.
func remedy(d dialect, err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return remedies[e.Code]
	}
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return remedies[strconv.Itoa(int(e.Number))]
	}
	if e, ok := errors.AsType[*driver.Error](err); ok {
		switch e.Code() & 0xff { // without the extended part
		case sqlite3.SQLITE_NOTADB:
			return "the file is not a SQLite database, or it is encrypted: check the path"
		case sqlite3.SQLITE_CANTOPEN:
			return "check the path and the permissions of the file and its folder"
		}
		return ""
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "check the connection's host: the name cannot be resolved"
	case errors.As(err, &op), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "check the connection's host and port, and the network"
	case d != sqlite && strings.Contains(strings.ToLower(err.Error()), "tls"):
		if d == postgres {
			return "check sslmode in the connection's extra"
		}
		return "check ssl_mode in the connection's extra"
	}
	return ""
}
