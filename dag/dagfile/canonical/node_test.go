package canonical_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/canonical"
)

func written(t *testing.T, v any) string {
	t.Helper()
	text, err := yaml.Marshal(canonical.Node(v))
	require.NoError(t, err)
	return string(text)
}

// Values that say the same are written alike, and no text can be taken for another type.
func TestOneSpellingForEachValue(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"v: yes": "v: true\n", "v: 'yes'": "v: \"yes\"\n", "v: 0x10": "v: 16\n", "v: 1_000": "v: 1000\n", "v: 1.50": "v: 1.5\n", "v: ~": "v: null\n",
		"v: {b: 1, 'a': on}": "v:\n    b: 1\n    a: true\n", "v: [x, 1]": "v:\n    - \"x\"\n    - 1\n", "'1': 2": "\"1\": 2\n", "no: 2": "\"no\": 2\n",
		"v: .inf": "v: .inf\n", "v: 99999999999999999999": "v: 99999999999999999999\n",
	} {
		var n yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(in), &n))
		assert.Equal(t, want, written(t, n.Content[0]), in)
	}
}

func TestFieldsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	m := &dag.Map{}
	m.Set("z", 1.0)
	m.Set("a", nil)
	f := canonical.Of("z", "1").With("b", map[string]any{"y": true, "x": int64(2)}).With("a", []any{m, []string{"t"}})
	assert.Equal(t, "z: \"1\"\nb:\n    x: 2\n    y: true\na:\n    - z: 1.0\n      a: null\n    - - \"t\"\n", written(t, f))
	assert.Equal(t, "z: \"1\"\n", written(t, f.Except(func(name string) bool { return name != "z" })))
	assert.Len(t, f, 3, "the mapping itself stays as it is")
}
