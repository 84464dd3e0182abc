package variable_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/variable"
)

func schema(types ...any) map[string]any { return map[string]any{"type": types} }

// The text of a variable becomes what its parameter takes.
func TestNode(t *testing.T) {
	t.Parallel()
	duration := map[string]any{"$ref": "#/$defs/duration"}
	for _, c := range []struct {
		text   string
		schema map[string]any
		want   string
	}{
		{" 7\n", schema("integer"), "7"},
		{" 7\n", schema("string"), `" 7\n"`},
		{" 7\n", schema("integer", "string"), `" 7\n"`},
		{"1.5", schema("number"), "1.5"},
		{"yes", schema("boolean"), "!!bool yes"},
		{"yes", nil, `"yes"`},
		{"90", duration, "90"},
		{"5m", duration, `"5m"`},
		{"x", map[string]any{"enum": []any{"x"}}, `"x"`},
		{`[1, "a", null]`, schema("array"), "- 1\n- \"a\"\n- null"},
		{`{"b": 1, "a": {"c": 2.0}}`, schema("object"), "b: 1\na:\n    c: 2.0"},
		{`{"b": 1}`, schema("array", "string"), `"{\"b\": 1}"`},
		{"7", map[string]any{"anyOf": []any{schema("integer"), schema("null")}}, "7"},
	} {
		n, err := variable.Node(c.text, c.schema)
		require.NoError(t, err, c.text)
		got, err := yaml.Marshal(n)
		require.NoError(t, err)
		assert.Equal(t, c.want, strings.TrimSpace(string(got)), "%q as %v", c.text, c.schema)
	}
}

// What does not fit is told without the text, which may be a secret.
func TestNodeRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		schema map[string]any
		want   string
	}{
		{"s3cr3t", schema("integer", "boolean"), "want a boolean or a whole number"},
		{"7.5", schema("integer"), "want a whole number"},
		{"[s3cr3t]", schema("array"), "want JSON: a mistake at byte 2"},
		{`["s3cr3t"`, schema("array"), "want JSON: it ends too early"},
		{`["s3cr3t"] x`, schema("array"), "want JSON: more after its end at byte 11"},
		{`{"s3cr3t": 1}`, schema("array"), "want JSON of a list"},
		{`[99999999999999999999]`, schema("array"), "want JSON: the number before byte 22 does not fit 64 bits"},
		{strings.Repeat("[", 101) + strings.Repeat("]", 101), schema("array"), "want JSON: it is nested more than 100 levels deep"},
	} {
		_, err := variable.Node(c.text, c.schema)
		require.EqualError(t, err, c.want, c.text)
	}
}
