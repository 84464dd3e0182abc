package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// longest is how long a statement of a transaction may take, so that a connection that leads nowhere is noticed.
const longest = time.Minute

// querier is a pool or a transaction.
type querier interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// conn is a database as [sqlrow.Conn].
type conn struct {
	q querier
	s *Store
	// shared says that it is a transaction which several callers may share: no context of theirs ends a statement
	// half-way, because the driver then closes the connection.
	shared bool
}

// conn is the one for reading.
func (s *Store) conn() conn { return conn{s.pool, s, false} }

// Dialect is what it speaks.
func (c conn) Dialect() sqlrow.Dialect { return sqlrow.Postgres }

// context is the one of a statement, and what ends it.
func (c conn) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if !c.shared {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), longest)
}

// Exec runs a statement and returns the number of rows it changed.
func (c conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	values, err := plain(args)
	if err != nil {
		return 0, err
	}
	ctx, cancel := c.context(ctx)
	defer cancel()
	tag, err := c.q.Exec(ctx, sqlrow.Numbered(query), values...)
	return tag.RowsAffected(), mark(err)
}

// Query runs a query. The caller closes the rows.
func (c conn) Query(ctx context.Context, query string, args ...any) (sqlrow.Rows, error) {
	values, err := plain(args)
	if err != nil {
		return nil, err
	}
	if !c.shared {
		began := c.s.began()
		defer func() { c.s.took(Reading, began) }()
	}
	ctx, cancel := c.context(ctx)
	rs, err := c.q.Query(ctx, sqlrow.Numbered(query), values...)
	if err != nil {
		cancel()
		return nil, mark(err)
	}
	return rows{rs, cancel}, nil
}

// rows is a result set as [sqlrow.Rows].
type rows struct {
	pgx.Rows
	cancel context.CancelFunc
}

// Err is what ended the rows.
func (r rows) Err() error { return mark(r.Rows.Err()) }

// Close ends the result.
func (r rows) Close() error {
	r.Rows.Close()
	r.cancel()
	return r.Err()
}

// plain are values as a driver of database/sql gets them, with texts that the database takes.
func plain(args []any) ([]any, error) {
	out := make([]any, len(args))
	for i, a := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return nil, fmt.Errorf("value %d of a statement: %w", i+1, err)
		}
		if text, ok := v.(string); ok {
			v = sqlrow.Clean(text)
		}
		out[i] = v
	}
	return out, nil
}
