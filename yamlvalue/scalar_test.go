package yamlvalue_test

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// scalar is what PyYAML makes of a plain scalar, see testdata/record_scalars.py.
type scalar struct {
	Text  string `json:"text"`
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

func recordedScalars(t *testing.T) []scalar {
	t.Helper()
	data, err := os.ReadFile("testdata/scalars.json")
	require.NoError(t, err)
	var recorded struct {
		Scalars []scalar `json:"scalars"`
	}
	require.NoError(t, json.Unmarshal(data, &recorded))
	require.Greater(t, len(recorded.Scalars), 300)
	return recorded.Scalars
}

// Each plain scalar has the kind and the value that PyYAML gives it.
func TestScalarsAreThoseOfPyYAML(t *testing.T) {
	t.Parallel()
	kinds := map[string]yamlvalue.Kind{
		"null": yamlvalue.Null, "boolean": yamlvalue.Bool, "integer": yamlvalue.Int, "float": yamlvalue.Float,
		"text": yamlvalue.Text, "date": yamlvalue.Date,
	}
	for _, s := range recordedScalars(t) {
		kind := yamlvalue.PlainKind(s.Text)
		if s.Kind == "error" {
			continue
		}
		assert.Equal(t, kinds[s.Kind], kind, s.Text)
		assert.Equal(t, s.Value, pythonText(t, kind, s), s.Text)
	}
}

// pythonText writes the value of a scalar as the recorder does.
func pythonText(t *testing.T, kind yamlvalue.Kind, s scalar) string {
	t.Helper()
	switch kind {
	case yamlvalue.Null:
		return ""
	case yamlvalue.Bool:
		v, ok := yamlvalue.ParseBool(s.Text)
		assert.True(t, ok, s.Text)
		return strconv.FormatBool(v)
	case yamlvalue.Int:
		big, err := yamlvalue.ParseBigInt(s.Text)
		require.NoError(t, err, s.Text)
		small, err := yamlvalue.ParseInt(s.Text)
		assert.Equal(t, big.IsInt64(), err == nil, s.Text)
		assert.True(t, err != nil || small == big.Int64(), s.Text)
		return big.String()
	case yamlvalue.Float:
		got, err := yamlvalue.ParseFloat(s.Text)
		require.NoError(t, err, s.Text)
		if want, err := strconv.ParseFloat(s.Value, 64); err == nil && (got == want || math.IsNaN(got) && math.IsNaN(want)) {
			return s.Value
		}
		return yamlvalue.FloatText(got)
	case yamlvalue.Date:
		return isoformat(t, s.Text)
	default:
		return s.Text
	}
}

// isoformat is Python's for a date, and a datetime without or with an offset.
func isoformat(t *testing.T, text string) string {
	t.Helper()
	at, err := yamlvalue.ParseTime(text)
	require.NoError(t, err, text)
	layout := time.DateOnly
	if at.HasClock {
		layout += "T15:04:05"
	}
	if at.Nanosecond() > 0 {
		layout += ".000000"
	}
	if at.HasOffset {
		layout += "-07:00"
	}
	return at.Format(layout)
}

func TestTimesThatDoNotExist(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2024-13-02", "2024-02-30", "0000-01-01", "2024-01-02 24:00:00", "2024-01-02 00:60:00", "2024-01-02T00:00:60Z"} {
		_, err := yamlvalue.ParseTime(text)
		assert.ErrorContains(t, err, "does not exist", text)
	}
	_, err := yamlvalue.ParseTime("2024-1-2")
	assert.ErrorContains(t, err, "is not a date", "PyYAML takes it for text")
}

func TestNumbersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"99999999999999999999", "9223372036854775808", "-9223372036854775809"} {
		_, err := yamlvalue.ParseInt(text)
		assert.EqualError(t, err, text+" does not fit 64 bits")
	}
	for _, text := range []string{"0b_", "0x_", "1:x", ""} {
		_, err := yamlvalue.ParseInt(text)
		assert.EqualError(t, err, text+" is not a whole number")
	}
	_, err := yamlvalue.ParseFloat("1.x")
	assert.EqualError(t, err, "1.x is not a number")
}

// valueNode parses the text of one value.
func valueNode(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte("v: "+text), &n))
	return n.Content[0].Content[1]
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]yamlvalue.Kind{
		"yes": yamlvalue.Bool, "y": yamlvalue.Text, "010": yamlvalue.Int, "1:30": yamlvalue.Int, "08": yamlvalue.Text, "1e3": yamlvalue.Text,
		"1.0e+3": yamlvalue.Float, ".5": yamlvalue.Float, "2024-01-01": yamlvalue.Date, "2024-01-01T08:00:00+08:00": yamlvalue.Date,
		"~": yamlvalue.Null, `""`: yamlvalue.Text, `"yes"`: yamlvalue.Text, "'1'": yamlvalue.Text, "|\n  1": yamlvalue.Text, ">\n  1": yamlvalue.Text,
		"!!str 5": yamlvalue.Text, "!!int 5": yamlvalue.Int, `!!int "5"`: yamlvalue.Int, "!!float 5": yamlvalue.Float, "!!bool x": yamlvalue.Bool,
		"!!null x": yamlvalue.Null, "!!timestamp 2024-01-01": yamlvalue.Text, "!x 5": yamlvalue.Text, "[1]": yamlvalue.List, "{a: 1}": yamlvalue.Map,
	} {
		assert.Equal(t, want, yamlvalue.KindOf(valueNode(t, text)), text)
	}
	alias := &yaml.Node{Kind: yaml.AliasNode, Alias: &yaml.Node{Kind: yaml.ScalarNode, Value: "5"}}
	assert.Equal(t, yamlvalue.Int, yamlvalue.KindOf(alias))
}

// What yaml.v3 decodes after it is what YAML 1.1 says.
func TestResolveScalars(t *testing.T) {
	t.Parallel()
	var n yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(`
base: &base {a: yes, b: 010, c: 1_000, d: 1:30, e: 0o17, f: 1e3, g: 1.5e+3, h: 2024-01-31, i: "no", j: ~, k: 1.0e+400, l: -.inf}
more: {<<: *base, a: off, m: 99999999999999999999}
list: [n, !!str 5]
2024-01-31: {on: 1}
`), &n))
	yamlvalue.ResolveScalars(&n)
	var got map[string]any
	require.NoError(t, n.Decode(&got))
	base := map[string]any{
		"a": true, "b": 8, "c": 1000, "d": 90, "e": "0o17", "f": "1e3", "g": 1500.0, "h": "2024-01-31", "i": "no", "j": nil,
		"k": math.Inf(1), "l": math.Inf(-1),
	}
	assert.Equal(t, base, got["base"])
	base["a"], base["m"] = false, "99999999999999999999"
	assert.Equal(t, base, got["more"])
	assert.Equal(t, []any{"n", "5"}, got["list"])
	assert.Equal(t, map[string]any{"on": 1}, got["2024-01-31"])
}

// A float that is written reads as the same one.
func TestFloatText(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -1.5: "-1.5", 1e-5: "1.0e-05", 1e22: "1.0e+22", 1.5e300: "1.5e+300", math.Inf(1): ".inf", math.Inf(-1): "-.inf",
	} {
		assert.Equal(t, want, yamlvalue.FloatText(f))
		assert.Equal(t, yamlvalue.Float, yamlvalue.PlainKind(want))
		again, err := yamlvalue.ParseFloat(want)
		require.NoError(t, err)
		assert.InDelta(t, f, again, 0)
	}
	assert.Equal(t, ".nan", yamlvalue.FloatText(math.NaN()))
}
