package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

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

// limit ends a statement to which the database gives no answer for a time, as on a connection that leads nowhere.
type limit struct {
	timer *time.Timer
	end   context.CancelFunc
	long  time.Duration
	over  *atomic.Bool
}

// limited is the context of a statement, which begins now.
func (c conn) limited(ctx context.Context) (context.Context, limit) {
	if c.shared {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	l := limit{end: cancel, long: c.s.opts.Answer, over: &atomic.Bool{}}
	l.timer = time.AfterFunc(l.long, func() {
		l.over.Store(true)
		cancel()
	})
	return ctx, l
}

// stop ends the time that counts, and again begins it anew.
func (l limit) stop()  { l.timer.Stop() }
func (l limit) again() { l.timer.Reset(l.long) }

// close ends it for good.
func (l limit) close() {
	l.timer.Stop()
	l.end()
}

// mark is [mark] of an error of the statement.
func (l limit) mark(err error) error {
	if err != nil && l.over.Load() {
		return busyError{fmt.Errorf("the database gave no answer for %v", l.long)}
	}
	return mark(err)
}

// Exec runs a statement and returns the number of rows it changed.
func (c conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	values, err := plain(args)
	if err != nil {
		return 0, err
	}
	ctx, l := c.limited(ctx)
	defer l.close()
	tag, err := c.q.Exec(ctx, sqlrow.Numbered(query), values...)
	return tag.RowsAffected(), l.mark(err)
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
	ctx, l := c.limited(ctx)
	rs, err := c.q.Query(ctx, sqlrow.Numbered(query), values...)
	if err != nil {
		l.close()
		return nil, l.mark(err)
	}
	l.stop()
	return rows{rs, l}, nil
}

// rows is a result set as [sqlrow.Rows]. While its reader does something with a row no time counts.
type rows struct {
	pgx.Rows
	limit limit
}

// Next waits for a row.
func (r rows) Next() bool {
	r.limit.again()
	defer r.limit.stop()
	return r.Rows.Next()
}

// Err is what ended the rows.
func (r rows) Err() error { return r.limit.mark(r.Rows.Err()) }

// Close ends the result.
func (r rows) Close() error {
	r.limit.again()
	r.Rows.Close()
	r.limit.close()
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
