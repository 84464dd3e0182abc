package params_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/params"
)

func TestFromText(t *testing.T) {
	t.Parallel()
	types := func(ts ...any) map[string]any { return map[string]any{"type": ts} }
	for _, c := range []struct {
		schema map[string]any
		text   string
		want   any
	}{
		{nil, "2026-01-31", "2026-01-31"},
		{nil, "3", 3},
		{nil, "", ""},
		{nil, "# none", "# none"},
		{nil, "yes", true},
		{nil, "[1, a]", []any{1, "a"}},
		{map[string]any{"type": "string"}, "0123", "0123"},
		{map[string]any{"type": "string"}, "[1]", "[1]"},
		{types("string", "null"), "0123", "0123"},
		{types("string", "null"), "null", nil},
		{types("string", "integer"), "12", 12},
		{types("string", "array"), "[1]", []any{1}},
	} {
		got, err := params.FromText(c.schema, c.text)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got, "%v %q", c.schema, c.text)
	}
	_, err := params.FromText(nil, "[1")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "yaml:", "it is said in our words")
}
