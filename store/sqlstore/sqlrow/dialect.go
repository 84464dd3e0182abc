package sqlrow

import (
	"strconv"
	"strings"
)

// Dialect is the database that a [Conn] leads to, for the few things that each says in words of its own. All
// other SQL here is understood alike by all of them: booleans are named by themselves and not compared with 1, each
// key of an order that may be NULL says where NULL comes, no text has a sign in front, and a number of a list of
// values is cast.
type Dialect int

// The dialects.
const (
	SQLite Dialect = iota
	Postgres
)

// Like is the condition that an expression is like a bound text, without regard to case: % stands for any text
// and _ for any character, and nothing takes these meanings from them.
func (d Dialect) Like(expression string) string {
	if d == Postgres {
		return expression + " ILIKE ? ESCAPE ''"
	}
	return expression + " LIKE ?"
}

// Plain is a text as the database keeps it: PostgreSQL refuses some, see [Clean]. Bound values are so by themselves, and
// not those in JSON.
func (d Dialect) Plain(text string) string {
	if d == Postgres {
		return Clean(text)
	}
	return text
}

// Texts is a query of the texts in a bound JSON list.
func (d Dialect) Texts() string {
	if d == Postgres {
		return "SELECT jsonb_array_elements_text(CAST(? AS jsonb))"
	}
	return "SELECT value FROM json_each(?)"
}

// Numbers is a query of the whole numbers in a bound JSON list.
func (d Dialect) Numbers() string {
	if d == Postgres {
		return "SELECT CAST(jsonb_array_elements_text(CAST(? AS jsonb)) AS bigint)"
	}
	return "SELECT value FROM json_each(?)"
}

// OneOfNumbers is the condition that a column is one of the whole numbers in a bound JSON list. Its rows are found by an index of
// the column, whatever the database takes the size of the table for.
func (d Dialect) OneOfNumbers(column string) string {
	if d == Postgres {
		return column + " = ANY (ARRAY(" + d.Numbers() + "))"
	}
	return column + " IN (" + d.Numbers() + ")"
}

// Lists are the lists of texts in a bound JSON object, for a FROM: by their names as v.key, and
// joined behind them their texts as t.value.
func (d Dialect) Lists() (lists, joinTexts string) {
	if d == Postgres {
		return "jsonb_each(CAST(? AS jsonb)) v", "CROSS JOIN LATERAL jsonb_array_elements_text(v.value) AS t (value)"
	}
	return "json_each(?) v", "JOIN json_each(v.value) t"
}

// Instances makes of a SELECT from task instances that of those in a bound JSON list of objects with their run, task and map. Each is found by its
// key, whatever the database takes the size of the table for.
func (d Dialect) Instances(from string) string {
	if d == Postgres {
		return "SELECT i.* FROM json_to_recordset(CAST(? AS json)) AS j (run bigint, task text, map bigint) CROSS JOIN LATERAL (" +
			from + " WHERE run_key = j.run AND task_id = j.task AND map_index = j.map OFFSET 0) i"
	}
	return from + " WHERE (run_key, task_id, map_index) IN (SELECT value ->> 'run', value ->> 'task', value ->> 'map' FROM json_each(?))"
}

// JoinBehind joins a table that is read only after the one in front, where a database would turn them round.
func (d Dialect) JoinBehind() string {
	if d == Postgres {
		return "JOIN"
	}
	return "CROSS JOIN"
}

// Numbered is a statement with the placeholders $1, $2, … in place of "?". Texts in quotes stay as they are.
func Numbered(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + strings.Count(query, "?")*3)
	n, quoted := 0, false
	for i := range len(query) {
		switch c := query[i]; {
		case c == '\'':
			quoted = !quoted
			b.WriteByte(c)
		case c == '?' && !quoted:
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
