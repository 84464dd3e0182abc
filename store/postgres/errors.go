package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dingdag/dingdag/store"
)

// conns is how many connections a process has unless the URL says otherwise: one writes, the others read.
const conns = 10

// leastConns is how many it must have: while it writes, and while it makes its tables, it reads over another one.
const leastConns = 2

// connecting is how long it may take to connect to a server unless the URL says otherwise, by connect_timeout.
const connecting = 10 * time.Second

// errURL is all that is said of a URL that cannot be read: more could be a part of its password.
var errURL = errors.New(`the URL of the database cannot be read: want postgres://user:password@host:5432/database, with %XX for characters of the password other than letters and digits`)

// parse reads the URL of a database.
func parse(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = conns
	}
	// One that leads nowhere is noticed in half a minute, also while nothing is sent over it.
	dialer := &net.Dialer{Timeout: config.ConnConfig.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	if dialer.Timeout == 0 {
		dialer.Timeout = connecting
		config.ConnConfig.ConnectTimeout = connecting
	}
	config.ConnConfig.DialFunc = dialer.DialContext
	if config.MaxConns < leastConns {
		return nil, fmt.Errorf("the URL of the database has pool_max_conns=%d: want %d or more, one to write and the others to read", config.MaxConns, leastConns)
	}
	return config, nil
}

// errReading is the error of a database in which nothing can be written.
var errReading = errors.New("it can only be read, as a copy of another can: name the one that can be written")

// explain says what to do about errors on first using a database.
func explain(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return mark(err)
	}
	switch e.Code {
	case "28P01", "28000":
		return fmt.Errorf("the user or the password is not the right one: %w", err)
	case "3D000":
		return fmt.Errorf("create it first, with the encoding UTF8: %w", err)
	case "42501":
		return fmt.Errorf("its user must own the tables in the schema, and be allowed to create others: %w", err)
	case "25006":
		return fmt.Errorf("%w: %w", errReading, err)
	case "08P01":
		if strings.Contains(e.Message, "unsupported startup parameter") {
			return fmt.Errorf("a pooler takes no parameters of a connection: leave it out of the URL, and set it for the user by ALTER ROLE … SET: %w", err)
		}
		return mark(err)
	default:
		return mark(err)
	}
}

// lacking says which rights to give when making the tables failed for want of one.
func (s *Store) lacking(err error, schema string) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "42501" {
		return err
	}
	user := pgx.Identifier{s.pool.Config().ConnConfig.User}.Sanitize()
	return fmt.Errorf("as the owner of the schema run GRANT USAGE, CREATE ON SCHEMA %s TO %s, and for tables there that belong to another user REASSIGN OWNED: %w", pgx.Identifier{schema}.Sanitize(), user, err)
}

// busyError is an error of the driver that is [store.ErrBusy] too.
type busyError struct{ error }

// Unwrap returns what the driver says.
func (e busyError) Unwrap() error { return e.error }

// Is reports whether it is the target.
func (busyError) Is(target error) bool { return target == store.ErrBusy }

// prepared says what to do about prepared statements that a pooler does not keep.
func prepared(e *pgconn.PgError) error {
	return fmt.Errorf("a pooler lends connections to single transactions: add default_query_exec_mode=exec to the URL of the database: %w", e)
}

// mark makes [store.ErrBusy] of an error that passes by itself, or when the database is there again.
func mark(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == "26000" || e.Code == "42P05") {
		return prepared(e)
	}
	if err == nil || errors.Is(err, context.Canceled) || !passing(err) {
		return err
	}
	return busyError{err}
}

func passing(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return lost(err)
	}
	switch e.Code[:2] {
	case "08", "53", "57", "58": // connections, resources, an operator's doing, the system
		return true
	}
	switch e.Code {
	case "40001", "40P01", // it came between others
		"55P03",          // it waited for a lock for too long
		"25P03", "25P04", // it stood still, or took too long
		"25006": // the one that could be written is another now
		return true
	}
	return false
}

// lost reports whether the connection to the database is lost.
func lost(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) || pgconn.SafeToRetry(err)
}
