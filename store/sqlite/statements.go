package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dingdag/dingdag/store"
)

const (
	// statementsKept bounds the prepared statements that a connection keeps.
	statementsKept = 64
	// statementKept is the longest text worth keeping, in bytes. Longer ones write many
	// rows, rarely the same number twice.
	statementKept = 4 << 10
)

// OpenDB opens a pool whose connections keep what they prepared. To prepare one of
// River's statements takes longer than to run it.
func OpenDB(dsn string) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{c}), nil
}

type connector struct{ driver.Connector }

// Connect opens a connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	dc, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, mark(err)
	}
	sc, ok := dc.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's connection %T lacks a method", dc), dc.Close())
	}
	return &conn{sqliteConn: sc, idle: map[string]statement{}}, nil
}

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// statement is what the driver's prepared statements can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// conn is a connection with its idle statements by their text. A statement in use is
// not among them, so that two queries with the same text do not share one.
type conn struct {
	sqliteConn
	idle map[string]statement
}

// ExecContext runs a statement that returns no rows.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	st, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := st.ExecContext(ctx, args)
	return r, mark(errors.Join(err, c.keep(query, st)))
}

// QueryContext runs a query.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	st, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rs, err := st.QueryContext(ctx, args)
	if err != nil {
		return nil, mark(errors.Join(err, c.keep(query, st)))
	}
	return &rows{Rows: rs, end: func() error { return c.keep(query, st) }}, nil
}

// BeginTx begins a transaction.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.sqliteConn.BeginTx(ctx, o)
	if err != nil {
		return nil, mark(err)
	}
	return commit{tx}, nil
}

// Close closes the statements and the connection.
func (c *conn) Close() error {
	var errs []error
	for _, st := range c.idle {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

func (c *conn) take(ctx context.Context, query string) (statement, error) {
	if st, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return st, nil
	}
	st, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, mark(err)
	}
	s, ok := st.(statement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's statement %T lacks a method", st), st.Close())
	}
	return s, nil
}

func (c *conn) keep(query string, st statement) error {
	if _, ok := c.idle[query]; ok || len(query) > statementKept {
		return st.Close()
	}
	var err error
	for text, other := range c.idle {
		if len(c.idle) < statementsKept {
			break
		}
		delete(c.idle, text)
		err = errors.Join(err, other.Close())
	}
	c.idle[query] = st
	return err
}

// rows is a result that gives its statement back.
type rows struct {
	driver.Rows
	end func() error
}

// Close ends the result.
func (r *rows) Close() error { return errors.Join(r.Rows.Close(), r.end()) }

// Next reads the next row.
func (r *rows) Next(row []driver.Value) error { return mark(r.Rows.Next(row)) }

// commit is a transaction of the driver.
type commit struct{ driver.Tx }

// Commit commits it.
func (c commit) Commit() error { return mark(c.Tx.Commit()) }

// busyError is an error of the driver that is [store.ErrBusy] too.
type busyError struct{ error }

// Unwrap returns what the driver says.
func (e busyError) Unwrap() error { return e.error }

// Is reports whether it is the target.
func (busyError) Is(target error) bool { return target == store.ErrBusy }

// mark makes [store.ErrBusy] of an error that passes by itself, or when there is room again.
func mark(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff { // without the extended part
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_INTERRUPT:
		return busyError{err}
	default:
		return err
	}
}
