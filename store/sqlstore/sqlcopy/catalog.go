package sqlcopy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// left are the tables that are not copied, and why. Each other one is.
var left = map[string]string{
	"goose_db_version":   "the migrations of the other database are its own",
	"additive_migration": "as above",
	"river_migration":    "as above",
	"river_leader":       "River's, and in no use here",
	"river_notification": "as above",
	"river_queue":        "written anew by the workers that start",
	"node_lease":         "of processes, and none is at work",
	"named_lease":        "as above",
	"leader":             "as above",
	progressTable:        "how far this copy is",
}

// kind is the form in which the values of a column are copied and compared.
type kind int

const (
	integer kind = iota
	text
	truth
	bytes
	// jsonText is compared by what it means; an empty list is as good as none.
	jsonText
	// moment is a time that one database has as a text and the other as microseconds since 1970.
	moment
)

// column is a column of a table.
type column struct {
	name string
	kind kind
	// reads are the expressions that read it, and writes those that write it from a "?", by [sqlrow.Dialect]. Empty ones are the name and "?".
	reads, writes [2]string
}

// table is a table as both databases have it.
type table struct {
	name    string
	columns []column
	// keys are the columns by whose order each side is read, by [sqlrow.Dialect].
	keys [2][]string
	// identity is the column of which the database counts the values itself, or "".
	identity string
}

// found is what a catalog says of a table.
type found struct {
	columns  []column
	key      []string
	identity string
}

// catalogs are the queries of the tables of a database with their columns, types, places in the primary key (0 for none), and
// whether the database counts the values.
var catalogs = [...]string{
	sqlrow.SQLite: `SELECT t.name, c.name, lower(c.type), c.pk, FALSE FROM sqlite_master t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY t.name, c.cid`,
	sqlrow.Postgres: `SELECT CAST(t.relname AS text), CAST(a.attname AS text), format_type(a.atttypid, NULL),
			CAST(coalesce(array_position(CAST(k.indkey AS int2[]), a.attnum) + 1, 0) AS bigint), a.attidentity <> ''
		FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_index k ON k.indrelid = t.oid AND k.indisprimary
		WHERE t.relnamespace = CAST(current_schema() AS regnamespace) AND t.relkind IN ('r', 'p') AND NOT t.relispartition ORDER BY t.relname, a.attnum`,
}

var kindOf = map[string]kind{"integer": integer, "bigint": integer, "text": text, "boolean": truth, "blob": bytes, "bytea": bytes}

// catalog reads the tables of a database that are copied but River's.
func catalog(ctx context.Context, c sqlrow.Conn) (all map[string]*found, err error) {
	all = map[string]*found{}
	rows, err := c.Query(ctx, catalogs[c.Dialect()])
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	keys := map[string]map[int64]string{}
	for rows.Next() {
		var name, col, typ string
		var place int64
		var counted any
		if err := rows.Scan(&name, &col, &typ, &place, &counted); err != nil {
			return nil, fmt.Errorf("list the tables: %w", err)
		}
		if _, skip := left[name]; skip || name == jobs.name {
			continue
		}
		k, ok := kindOf[typ]
		if !ok {
			return nil, fmt.Errorf("table %s has a column %s of the type %s, which this program cannot copy", name, col, typ)
		}
		f := all[name]
		if f == nil {
			f = &found{}
			all[name], keys[name] = f, map[int64]string{}
		}
		f.columns = append(f.columns, column{name: col, kind: k})
		if place > 0 {
			keys[name][place] = col
		}
		if counted == true {
			f.identity = col
		}
	}
	for name, f := range all {
		for place := range int64(len(keys[name])) {
			f.key = append(f.key, keys[name][place+1])
		}
		if len(f.key) == 0 {
			return nil, fmt.Errorf("table %s has no primary key", name)
		}
	}
	return all, rows.Err()
}

// rowid is the number of a row, which SQLite has without a column: rows that one transaction writes follow each other by it.
const rowid = "rowid"

// tablesOf are the tables of a SQLite store and a PostgreSQL one, which must have the same ones with the same columns, by their names.
func tablesOf(ctx context.Context, lite, pg sqlrow.Conn) ([]*table, error) {
	from, err := catalog(ctx, lite)
	if err != nil {
		return nil, fmt.Errorf("the SQLite store: %w", err)
	}
	to, err := catalog(ctx, pg)
	if err != nil {
		return nil, fmt.Errorf("the PostgreSQL store: %w", err)
	}
	out := []*table{&jobs}
	for name, f := range to {
		other := from[name]
		if other == nil {
			return nil, fmt.Errorf("the PostgreSQL store has a table %s and the SQLite store has not: name a schema with nothing else in it", name)
		}
		delete(from, name)
		t := &table{name: name, columns: f.columns, identity: f.identity}
		t.keys[sqlrow.SQLite], t.keys[sqlrow.Postgres] = other.key, f.key
		names := columnNames(f.columns)
		if f.identity == rowid {
			t.keys[sqlrow.SQLite] = []string{rowid}
			names = slices.DeleteFunc(names, func(n string) bool { return n == rowid })
		}
		if there := columnNames(other.columns); !slices.Equal(names, there) {
			return nil, fmt.Errorf("table %s has the columns %s in the PostgreSQL store and %s in the SQLite store", name, strings.Join(names, ", "), strings.Join(there, ", "))
		}
		out = append(out, t)
	}
	for name := range from {
		return nil, fmt.Errorf("the SQLite store has a table %s and the PostgreSQL store has not", name)
	}
	slices.SortFunc(out, func(a, b *table) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// columnNames are the names in an order.
func columnNames(cs []column) (out []string) {
	for _, c := range cs {
		out = append(out, c.name)
	}
	slices.Sort(out)
	return out
}

// jobs are River's jobs, of which the databases have columns of other types.
var jobs = func() table {
	number := func(name string) column {
		return column{name: name, reads: [2]string{sqlrow.Postgres: "CAST(" + name + " AS bigint)"}}
	}
	json := func(name, write string) column {
		return column{
			name: name, kind: jsonText, reads: [2]string{sqlrow.SQLite: "json(" + name + ")", sqlrow.Postgres: "CAST(to_jsonb(" + name + ") AS text)"},
			writes: [2]string{sqlrow.Postgres: write},
		}
	}
	list := func(element string) string {
		return "(SELECT array_agg(v ORDER BY n) FROM jsonb_array_elements" + element + "(CAST(? AS jsonb)) WITH ORDINALITY AS e (v, n))"
	}
	at := func(name string) column {
		return column{name: name, kind: moment, reads: [2]string{
			sqlrow.SQLite: "CAST(" + name + " AS TEXT)", sqlrow.Postgres: "CAST(extract(epoch FROM " + name + ") * 1000000 AS bigint)",
		}, writes: [2]string{sqlrow.Postgres: "CAST('epoch' AS timestamptz) + CAST(? AS bigint) * interval '1 microsecond'"}}
	}
	word := func(name, typ string) column {
		return column{
			name: name, kind: text, reads: [2]string{sqlrow.Postgres: "CAST(" + name + " AS text)"},
			writes: [2]string{sqlrow.Postgres: "CAST(CAST(? AS text) AS " + typ + ")"},
		}
	}
	states := number("unique_states")
	states.writes[sqlrow.Postgres] = "CAST(CAST(? AS int) AS bit(8))"
	return table{
		name: "river_job", identity: "id", keys: [2][]string{{"id"}, {"id"}},
		columns: []column{
			number("id"), json("args", "CAST(? AS jsonb)"), number("attempt"), at("attempted_at"), json("attempted_by", list("_text")), at("created_at"),
			json("errors", list("")), at("finalized_at"), word("kind", "text"), number("max_attempts"), json("metadata", "CAST(? AS jsonb)"), number("priority"),
			word("queue", "text"), word("state", "river_job_state"), at("scheduled_at"), json("tags", "coalesce("+list("_text")+", '{}')"),
			{name: "unique_key", kind: bytes},
			states,
		},
	}
}()

// read is the SELECT of the columns of a table, with its keys behind them.
func (t *table) read(d sqlrow.Dialect) string {
	var all []string
	for _, c := range t.columns {
		if c.reads[d] != "" {
			all = append(all, c.reads[d])
		} else {
			all = append(all, c.name)
		}
	}
	return "SELECT " + strings.Join(append(all, t.keys[d]...), ", ") + " FROM " + t.name
}

// page is a query of the rows behind a key, in the order of keys. It has the key and a limit as its values; without a key it is the
// first page.
func (t *table) page(d sqlrow.Dialect, first bool) string {
	keys := strings.Join(t.keys[d], ", ")
	where := ""
	if !first {
		where = " WHERE (" + keys + ") > (" + sqlrow.Marks(len(t.keys[d])) + ")"
	}
	return t.read(d) + where + " ORDER BY " + keys + " LIMIT ?"
}

// insert is an INSERT of a number of rows.
func (t *table) insert(d sqlrow.Dialect, rows int) string {
	var names, marks []string
	for _, c := range t.columns {
		names = append(names, c.name)
		if c.writes[d] != "" {
			marks = append(marks, c.writes[d])
		} else {
			marks = append(marks, "?")
		}
	}
	over := ""
	if d == sqlrow.Postgres && t.identity != "" {
		over = "OVERRIDING SYSTEM VALUE "
	}
	row := "(" + strings.Join(marks, ", ") + ")"
	return "INSERT INTO " + t.name + " (" + strings.Join(names, ", ") + ") " + over + "VALUES " + strings.TrimSuffix(strings.Repeat(row+", ", rows), ", ")
}
