// Package sqlstore holds what the durable stores share: the SQL of every table over a
// two-method connection, so that each database brings only its driver, its
// migrations and its River client.
package sqlstore

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"time"
)

// Conn is an open transaction or a pool of one of the databases. Placeholders are
// "?"; a database that wants others rewrites them.
type Conn interface {
	// Exec runs a statement and returns the number of rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query runs a query. The caller closes the rows.
	Query(ctx context.Context, query string, args ...any) (Rows, error)
}

// Rows is a result set, as database/sql has it.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Queries reads and writes the tables over one connection.
type Queries struct {
	c    Conn
	node string
}

// New returns the queries over c for the process that goes by the name node.
func New(c Conn, node string) Queries { return Queries{c: c, node: node} }

// ms is a time as the tables hold it.
func ms(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// moment reads and writes such a time.
type moment struct{ t *time.Time }

// Scan reads it.
func (m moment) Scan(src any) error {
	*m.t = time.Time{}
	if v, ok := src.(int64); ok {
		*m.t = time.UnixMilli(v).UTC()
	}
	return nil
}

// Value writes it.
func (m moment) Value() (driver.Value, error) { return ms(*m.t), nil }

// text is JSON as the tables hold it.
func text(j json.RawMessage) any {
	if j == nil {
		return nil
	}
	return string(j)
}

// rawJSON reads and writes JSON text.
type rawJSON struct{ j *json.RawMessage }

// Scan reads it.
func (r rawJSON) Scan(src any) error {
	*r.j = nil
	switch v := src.(type) {
	case string:
		*r.j = json.RawMessage(v)
	case []byte:
		*r.j = append(json.RawMessage(nil), v...)
	}
	return nil
}

// Value writes it.
func (r rawJSON) Value() (driver.Value, error) { return text(*r.j), nil }

// collect runs a query and scans every row into a new T.
func collect[T any](ctx context.Context, c Conn, scan func(Rows, *T) error, query string, args ...any) (out []*T, err error) {
	err = stream(ctx, c, scan, func(v *T) error {
		out = append(out, v)
		return nil
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// stream is collect that keeps no row.
func stream[T any](ctx context.Context, c Conn, scan func(Rows, *T) error, each func(*T) error, query string, args ...any) (err error) {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := rows.Close(); err == nil {
			err = cerr
		}
	}()
	for rows.Next() {
		v := new(T)
		if err := scan(rows, v); err != nil {
			return err
		}
		if err := each(v); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one is collect for a single row; nil means none.
func one[T any](ctx context.Context, c Conn, scan func(Rows, *T) error, query string, args ...any) (*T, error) {
	all, err := collect(ctx, c, scan, query, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// column is collect for a single column of plain values.
func column[T any](ctx context.Context, c Conn, query string, args ...any) ([]T, error) {
	ps, err := collect(ctx, c, func(rows Rows, v *T) error { return rows.Scan(v) }, query, args...)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(ps))
	for i, p := range ps {
		out[i] = *p
	}
	return out, nil
}
