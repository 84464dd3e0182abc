package sql

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBind(t *testing.T) {
	t.Parallel()
	list := func(values ...any) any { return values }
	named := map[string]any{"a": "x", "n": int64(7)}
	for name, tc := range map[string]struct {
		dialect    dialect
		text       string
		parameters any
		want       bound
	}{
		"none":                    {postgres, "SELECT '%s', 5 % 2, %s", nil, bound{text: "SELECT '%s', 5 % 2, %s"}},
		"empty is none":           {postgres, "SELECT '%%'", list(), bound{text: "SELECT '%%'"}},
		"types of PostgreSQL":     {postgres, "%s %s %s %s %s %s", list("x", int64(1), int64(1<<40), 1.5, true, nil), bound{"$1 $2::integer $3::bigint $4::numeric $5::boolean $6", []any{"x", "1", "1099511627776", "1.5", "true", nil}}},
		"array":                   {postgres, "id = ANY(%s)", list([]any{int64(1), "a\"b", nil}), bound{"id = ANY($1)", []any{`{1,"a\"b",NULL}`}}},
		"names":                   {postgres, "%(a)s, %(n)s, %(a)s", named, bound{"$1, $2::integer, $3", []any{"x", "7", "x"}}},
		"MySQL":                   {mysql, "a = %s AND b = %s", list("x", int64(1)), bound{"a = ? AND b = ?", []any{"x", int64(1)}}},
		"tuple of MySQL":          {mysql, "a IN %s", list([]any{"x", int64(1)}), bound{"a IN (?, ?)", []any{"x", int64(1)}}},
		"names of MySQL":          {mysql, "%(n)s%(a)s", named, bound{"??", []any{int64(7), "x"}}},
		"percent signs":           {mysql, "a %% 2 LIKE 'x%%' AND b LIKE '%' AND 5 % 3 = %s", list(int64(1)), bound{"a % 2 LIKE 'x%' AND b LIKE '%' AND 5 % 3 = ?", []any{int64(1)}}},
		"comments are left alone": {postgres, "-- 100%s\n%s /* %(x)s */", list("x"), bound{"-- 100%s\n$1 /* %(x)s */", []any{"x"}}},
		"SQLite":                  {sqlite, "a % ? || '?' || [?] -- ?", list("x"), bound{"a % ? || '?' || [?] -- ?", []any{"x"}}},
		"names of SQLite":         {sqlite, ":a || ':a' || @n || $a", named, bound{"? || ':a' || ? || ?", []any{"x", int64(7), "x"}}},
		"JSON":                    {sqlite, "?, ?", "[1, 2.5]", bound{"?, ?", []any{int64(1), 2.5}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := readParameters(tc.parameters)
			require.NoError(t, err)
			got, err := p.bind(tc.dialect, tc.text)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
			assert.NoError(t, p.finish(tc.dialect))
		})
	}
}

func TestBindErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		dialect    dialect
		text       string
		parameters any
		want       string
	}{
		"too few":            {postgres, "%s %s", []any{"x"}, "more placeholders %s than the 1 elements"},
		"too many":           {sqlite, "?", []any{"x", "y"}, "1 placeholders ? outside of quotes, but parameters has 2"},
		"unknown name":       {mysql, "%(naame)s", map[string]any{"name": 1}, `placeholder "naame" that parameters does not have; did you mean "name"?`},
		"list for names":     {postgres, "%(a)s", []any{"x"}, `the name "a", but parameters is a list: write %s`},
		"mapping for places": {sqlite, "?", map[string]any{"a": 1}, "a placeholder ?, but parameters is a mapping: write :name"},
		"in quotes":          {postgres, "a = '%s'", []any{"x"}, "a placeholder in quotes"},
		"name in quotes":     {postgres, "a = 'x %(a)s'", map[string]any{"a": 1}, "a placeholder in quotes"},
		"mapping as a value": {postgres, "%s", []any{map[string]any{}}, "parameter number 1: only a list"},
		"list in SQLite":     {sqlite, ":a", map[string]any{"a": []any{1}}, `parameter "a": a list cannot be bound in sqlite`},
		"empty list":         {mysql, "%s", []any{[]any{}}, "a list cannot be bound in mysql"},
		"no list":            {sqlite, "?", true, "parameters must be a list or a mapping, not bool"},
		"no JSON":            {sqlite, "?", "x", "must be a list or a mapping, or a template"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newUnit(tc.dialect, tc.text, tc.parameters)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestListGoesOnFromStatementToStatement(t *testing.T) {
	t.Parallel()
	parameters := []any{"x", "y"}
	u, err := newUnit(mysql, "a = %s; b = %s", parameters)
	require.NoError(t, err)
	assert.Equal(t, unit{{"a = ?", []any{"x"}}, {"b = ?", []any{"y"}}}, u)
	_, err = newUnits(mysql, []string{"a = %s; b = %s"}, parameters, true)
	require.ErrorContains(t, err, "1 placeholders %s outside of quotes, but parameters has 2 elements")
}

func FuzzBind(f *testing.F) {
	f.Add("SELECT %s, '%s', %(a)s")
	f.Add(":a ? $x @ '%%' %(")
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []dialect{postgres, mysql, sqlite} {
			for _, values := range []any{[]any{"v"}, map[string]any{"a": "v"}} {
				p, err := readParameters(values)
				require.NoError(t, err)
				if b, err := p.bind(d, text); err == nil && d == sqlite {
					require.LessOrEqual(t, len(b.args), len(text))
				}
			}
		}
	})
}
