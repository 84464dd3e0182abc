package sqlstore

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// field is a column and the field of a row that it holds: a pointer, or one of the types
// below for what a database has no type for. It is read and written by that.
type field struct {
	name string
	at   any
}

// table declares the columns of a table, each once.
type table[T any] struct {
	name   string
	fields func(*T) []field
	// columns are all of them, as a SELECT names them.
	columns string
	names   []string
}

func declare[T any](name string, fields func(*T) []field) *table[T] {
	t := &table[T]{name: name, fields: fields}
	for _, f := range fields(new(T)) {
		t.names = append(t.names, f.name)
	}
	t.columns = strings.Join(t.names, ", ")
	return t
}

// scan reads a row of the columns.
func (t *table[T]) scan(rows Rows, v *T) error {
	fs := t.fields(v)
	to := make([]any, len(fs))
	for i, f := range fs {
		to[i] = f.at
	}
	return rows.Scan(to...)
}

// rows is the beginning of a SELECT of all columns.
func (t *table[T]) rows() string { return "SELECT " + t.columns + " FROM " + t.name }

// part is some columns of a table that a statement writes.
type part[T any] struct {
	t  *table[T]
	at []int
	// columns are their names, marks as many placeholders, set the assignments of an UPDATE
	// and excluded those of an upsert.
	columns, marks, set, excluded string
}

// only are the columns with the names, in their order.
func (t *table[T]) only(names ...string) part[T] {
	p := part[T]{t: t}
	var set, excluded []string
	for _, name := range names {
		i := slices.Index(t.names, name)
		if i < 0 {
			panic(fmt.Sprintf("table %s has no column %s", t.name, name))
		}
		p.at = append(p.at, i)
		set = append(set, name+" = ?")
		excluded = append(excluded, name+" = excluded."+name)
	}
	p.columns, p.marks = strings.Join(names, ", "), marks(len(names))
	p.set, p.excluded = strings.Join(set, ", "), strings.Join(excluded, ", ")
	return p
}

// but are all columns without some.
func (t *table[T]) but(names ...string) part[T] {
	return t.only(slices.DeleteFunc(slices.Clone(t.names), func(n string) bool { return slices.Contains(names, n) })...)
}

// insert is the beginning of an INSERT of one row, with its values by [part.args].
func (p part[T]) insert() string {
	return "INSERT INTO " + p.t.name + " (" + p.columns + ") VALUES (" + p.marks + ")"
}

// update is the beginning of an UPDATE.
func (p part[T]) update() string { return "UPDATE " + p.t.name + " SET " + p.set }

// args are the values of the columns, with more behind them.
func (p part[T]) args(v *T, more ...any) []any {
	fs := p.t.fields(v)
	out := make([]any, 0, len(p.at)+len(more))
	for _, i := range p.at {
		out = append(out, fs[i].at)
	}
	return append(out, more...)
}

// reference is an id that is NULL for none.
type reference struct{ id *int64 }

// Scan reads it.
func (r reference) Scan(src any) error {
	*r.id = 0
	if v, ok := src.(int64); ok {
		*r.id = v
	}
	return nil
}

// Value writes it.
func (r reference) Value() (driver.Value, error) {
	if *r.id == 0 {
		return nil, nil
	}
	return *r.id, nil
}

// list is texts as JSON.
type list struct{ texts *[]string }

// Scan reads them.
func (l list) Scan(src any) error {
	*l.texts = nil
	text, ok := src.(string)
	if !ok || text == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(text), l.texts)
}

// Value writes them.
func (l list) Value() (driver.Value, error) {
	if len(*l.texts) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(*l.texts)
	return string(b), err
}
