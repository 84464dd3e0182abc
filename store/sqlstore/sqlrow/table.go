package sqlrow

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Field is a column and the field of a row that it holds: a pointer, or one of the types
// below for what a database has no type for. It is read and written by that.
type Field struct {
	name string
	at   any
}

// Col is the column called name, which holds what at points to.
func Col(name string, at any) Field { return Field{name, at} }

// Table declares the columns of a table, each once.
type Table[T any] struct {
	name    string
	fields  func(*T) []Field
	columns string // all of them, as a SELECT names them
	names   []string
}

// Declare declares a table by what reads and writes its columns.
func Declare[T any](name string, fields func(*T) []Field) *Table[T] {
	t := &Table[T]{name: name, fields: fields}
	for _, f := range fields(new(T)) {
		t.names = append(t.names, f.name)
	}
	t.columns = strings.Join(t.names, ", ")
	return t
}

// Scan reads a row of the columns.
func (t *Table[T]) Scan(rows Rows, v *T) error {
	fs := t.fields(v)
	to := make([]any, len(fs))
	for i, f := range fs {
		to[i] = f.at
	}
	return rows.Scan(to...)
}

// FieldsBut are the columns of a value without some, for a table that is like this one.
func (t *Table[T]) FieldsBut(v *T, names ...string) []Field {
	return slices.DeleteFunc(t.fields(v), func(f Field) bool { return slices.Contains(names, f.name) })
}

// Select is the beginning of a SELECT of all columns.
func (t *Table[T]) Select() string { return "SELECT " + t.columns + " FROM " + t.name }

// Part is some columns of a table that a statement writes.
type Part[T any] struct {
	t  *Table[T]
	at []int
	// Columns are their names, Marks as many placeholders, Set the assignments of an UPDATE
	// and Excluded those of an upsert.
	Columns, Marks, Set, Excluded string
}

// Only are the columns with the names, in their order.
func (t *Table[T]) Only(names ...string) Part[T] {
	p := Part[T]{t: t}
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
	p.Columns, p.Marks = strings.Join(names, ", "), Marks(len(names))
	p.Set, p.Excluded = strings.Join(set, ", "), strings.Join(excluded, ", ")
	return p
}

// But are all columns without some.
func (t *Table[T]) But(names ...string) Part[T] {
	return t.Only(slices.DeleteFunc(slices.Clone(t.names), func(n string) bool { return slices.Contains(names, n) })...)
}

// Insert is the beginning of an INSERT of one row, with its values by [Part.Args].
func (p Part[T]) Insert() string {
	return "INSERT INTO " + p.t.name + " (" + p.Columns + ") VALUES (" + p.Marks + ")"
}

// Update is the beginning of an UPDATE.
func (p Part[T]) Update() string { return "UPDATE " + p.t.name + " SET " + p.Set }

// Args are the values of the columns, with more behind them.
func (p Part[T]) Args(v *T, more ...any) []any {
	fs := p.t.fields(v)
	out := make([]any, 0, len(p.at)+len(more))
	for _, i := range p.at {
		out = append(out, fs[i].at)
	}
	return append(out, more...)
}

// Both reads and writes a column that a database has no type for.
type Both interface {
	sql.Scanner
	driver.Valuer
}

// Reference is an id that is NULL for none.
func Reference(id *int64) Both { return reference{id} }

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

// List is texts as JSON.
func List(texts *[]string) Both { return list{texts} }

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
