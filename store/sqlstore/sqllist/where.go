package sqllist

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// where gathers conditions and their values.
type where struct {
	dialect sqlrow.Dialect
	all     []string
	args    []any
}

// where gathers conditions for the connection.
func (q Queries) where() *where { return &where{dialect: q.c.Dialect()} }

// another gathers others for the same connection.
func (w *where) another() *where { return &where{dialect: w.dialect} }

func (w *where) add(condition string, args ...any) {
	w.all = append(w.all, condition)
	w.args = append(w.args, args...)
}

// sql is the end of a statement that holds all of them.
func (w *where) sql() string { return sqlrow.Conditions(w.all) }

// allHold is the one condition that all of them hold.
func (w *where) allHold() string { return "(" + strings.Join(w.all, " AND ") + ")" }

// in holds when the expression is one of the values; nil values are no condition.
func in[T any](w *where, expression string, values []T) {
	switch {
	case values == nil:
	case len(values) == 0:
		w.add("FALSE")
	case len(values) > manyValues:
		list, bound := w.dialect.Numbers(), any(values)
		if reflect.TypeFor[T]().Kind() == reflect.String {
			list = w.dialect.Texts()
			texts := make([]string, len(values))
			for i, v := range values {
				texts[i] = w.dialect.Plain(reflect.ValueOf(v).String())
			}
			bound = texts
		}
		b, err := json.Marshal(bound)
		if err != nil {
			panic(fmt.Sprintf("sqllist: values are texts or numbers: %v", err))
		}
		w.add(expression+" IN ("+list+")", string(b))
	default:
		args := make([]any, len(values))
		for i, v := range values {
			args[i] = v
		}
		w.add(expression+" IN ("+sqlrow.Marks(len(values))+")", args...)
	}
}

// manyValues is from how many values on they are one JSON text, below SQLite's limit on placeholders.
const manyValues = 500

// like holds when the expression is like one of the texts.
func (w *where) like(expression string, l listing.Like) {
	if len(l) == 0 {
		return
	}
	parts := make([]string, len(l))
	args := make([]any, len(l))
	for i, text := range l {
		parts[i], args[i] = w.dialect.Like(expression), "%"+text+"%"
	}
	w.add("("+strings.Join(parts, " OR ")+")", args...)
}

// bounds holds when the expression lies in the range, with mark for a bound value.
func bounds[T any](w *where, expression, mark string, r listing.Range[T], value func(T) any) {
	for _, b := range []struct {
		sign string
		at   *T
	}{{">=", r.GTE}, {">", r.GT}, {"<=", r.LTE}, {"<", r.LT}} {
		if b.at != nil {
			w.add(expression+" "+b.sign+" "+mark, value(*b.at))
		}
	}
}

// moments is bounds for a moment as the tables hold it. What is finer than a millisecond decides on the
// right side: nothing in the tables lies between two of them.
func (w *where) moments(expression string, r listing.Range[time.Time]) {
	up := func(t *time.Time) *time.Time { // the first millisecond that is not before it
		if t == nil || t.Equal(t.Truncate(time.Millisecond)) {
			return t
		}
		return new(t.Truncate(time.Millisecond).Add(time.Millisecond))
	}
	r.GTE, r.LT = up(r.GTE), up(r.LT)
	bounds(w, expression, "?", r, func(t time.Time) any { return t.UnixMilli() })
}

// seconds is bounds for how long something took.
func (w *where) seconds(start, end string, r listing.Range[float64]) {
	bounds(w, "("+end+" - "+start+")", "CAST(? AS DOUBLE PRECISION)", r, func(s float64) any { return s * 1000 })
}

// since holds for a start or end, where none counts as now.
func (w *where) orNow(column string, r listing.Range[time.Time], now time.Time) {
	if r.Empty() {
		return
	}
	w.moments("coalesce("+column+", "+strconv.FormatInt(now.UnixMilli(), 10)+")", r)
}

// order is the end of a statement: what is null comes last, and what the ties are broken by goes the way of
// the first key. A column with = in front is never null, for which an index is enough, and so is what ties are broken by.
func order(p listing.Page, columns map[string]string, ties ...string) (string, error) {
	var keys []string
	for _, k := range p.Order {
		column, ok := columns[k.Name]
		column, never := strings.CutPrefix(column, "=")
		switch {
		case !ok:
			return "", fmt.Errorf("order by %q: there is no such name", k.Name)
		case k.Desc && never:
			keys = append(keys, column+" DESC")
		case k.Desc:
			keys = append(keys, column+" DESC NULLS LAST")
		case never:
			keys = append(keys, column)
		default:
			keys = append(keys, column+" IS NULL, "+column)
		}
	}
	for _, t := range ties {
		if slices.Contains(keys, t) || slices.Contains(keys, t+" DESC") {
			continue
		}
		if len(p.Order) > 0 && p.Order[0].Desc {
			t += " DESC"
		}
		keys = append(keys, t)
	}
	return " ORDER BY " + strings.Join(keys, ", ") + " LIMIT ? OFFSET ?", nil
}
