// Package sqlrow is what the SQL of all tables stands on: a small connection, tables that declare each
// column once, what reads rows into values, and the few words in which databases differ.
package sqlrow

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Conn is an open transaction or a pool of one of the databases. Placeholders are
// "?"; a database that wants others rewrites them, see [Numbered].
type Conn interface {
	// Dialect is what it speaks.
	Dialect() Dialect
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

// UnixMilli is a time as the tables hold it.
func UnixMilli(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// Moment reads and writes such a time.
func Moment(t *time.Time) Both { return moment{t} }

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
func (m moment) Value() (driver.Value, error) { return UnixMilli(*m.t), nil }

// Text is JSON as the tables hold it.
func Text(j json.RawMessage) any {
	if j == nil {
		return nil
	}
	return string(j)
}

// RawJSON reads and writes JSON text.
func RawJSON(j *json.RawMessage) Both { return rawJSON{j} }

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
func (r rawJSON) Value() (driver.Value, error) { return Text(*r.j), nil }

// Clean is a text that every database takes: one that is valid UTF-8 and has no NUL in it. What is wrong is U+FFFD in it.
func Clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// Collect runs a query and scans every row into a new T.
func Collect[T any](ctx context.Context, c Conn, scan func(Rows, *T) error, query string, args ...any) (out []*T, err error) {
	err = Stream(ctx, c, scan, func(v *T) error {
		out = append(out, v)
		return nil
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Stream is collect that keeps no row.
func Stream[T any](ctx context.Context, c Conn, scan func(Rows, *T) error, each func(*T) error, query string, args ...any) (err error) {
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

// One is collect for a single row; nil means none.
func One[T any](ctx context.Context, c Conn, scan func(Rows, *T) error, query string, args ...any) (*T, error) {
	all, err := Collect(ctx, c, scan, query, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// Column is collect for a single column of plain values.
func Column[T any](ctx context.Context, c Conn, query string, args ...any) ([]T, error) {
	ps, err := Collect(ctx, c, func(rows Rows, v *T) error { return rows.Scan(v) }, query, args...)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(ps))
	for i, p := range ps {
		out[i] = *p
	}
	return out, nil
}

// Marks is "?, ?, …" n times. No placeholder is NULL, so that a list of none, which a database may not know, has nothing
// in it; a condition with NOT must not have one.
func Marks(n int) string {
	if n == 0 {
		return "NULL"
	}
	return strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
}

// OneOf is the condition that a text column has one of some values, with these: none where they are nil. It does without an index on
// the column, so that a list is read in its own order.
func OneOf(column string, values []string) (where []string, args []any) {
	if values == nil {
		return nil, nil
	}
	for _, v := range values {
		args = append(args, v)
	}
	return []string{"(" + column + " || '') IN (" + Marks(len(values)) + ")"}, args
}

// Conditions are the end of a statement that holds all of them.
func Conditions(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}

// Wrapped is err with what was being done before it, or nil.
func Wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Millis is a duration in whole milliseconds.
func Millis(d *time.Duration) Both { return millis{d} }

type millis struct{ d *time.Duration }

// Scan reads it.
func (m millis) Scan(src any) error {
	*m.d = 0
	if v, ok := src.(int64); ok {
		*m.d = time.Duration(v) * time.Millisecond
	}
	return nil
}

// Value writes it.
func (m millis) Value() (driver.Value, error) { return m.d.Milliseconds(), nil }
