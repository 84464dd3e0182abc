package dagfile

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scalar is what PyYAML makes of a plain scalar, see yamlvalue/testdata/record_scalars.py.
type scalar struct {
	Text  string `json:"text"`
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

func recordedScalars(t *testing.T) []scalar {
	t.Helper()
	data, err := os.ReadFile("../../yamlvalue/testdata/scalars.json")
	require.NoError(t, err)
	var recorded struct {
		Scalars []scalar `json:"scalars"`
	}
	require.NoError(t, json.Unmarshal(data, &recorded))
	require.Greater(t, len(recorded.Scalars), 300)
	return recorded.Scalars
}

// shown is the kind and value of what a file gave, as the recorder writes them.
func shown(v any) (kind, value string) {
	switch v := v.(type) {
	case nil:
		return "null", ""
	case bool:
		return "boolean", strconv.FormatBool(v)
	case int64:
		return "integer", strconv.FormatInt(v, 10)
	case float64:
		return "float", strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return "text", v
	}
	return "other", fmt.Sprint(v)
}

// Each scalar has the value that PyYAML gives it, or is an error: never another value.
func TestScalarsAreThoseOfPyYAML(t *testing.T) {
	t.Parallel()
	for _, s := range recordedScalars(t) {
		t.Run(s.Text, func(t *testing.T) {
			t.Parallel()
			dags, found := parseText("a:\n  params:\n    k: " + s.Text + "\n  tasks: [{task_id: t, operator: empty}]\n")
			if s.Kind == "float" && !strings.Contains(s.Value, "0x") {
				assert.Contains(t, found.String(), "is infinite or no number, which JSON does not have")
				return
			}
			if s.Text == "=" { // PyYAML has no constructor for it; here it is a text
				return
			}
			if found.HasErrors() {
				outOf64 := s.Kind == "integer" && strings.Contains(found.String(), "does not fit 64 bits")
				assert.True(t, s.Kind == "error" || s.Kind == "date" || outOf64, found.String())
				return
			}
			require.Len(t, dags, 1)
			got, _ := dags[0].Params.Get("k")
			kind, value := shown(got)
			assert.Equal(t, s.Kind, kind)
			if s.Kind == "float" {
				want, err := strconv.ParseFloat(s.Value, 64)
				require.NoError(t, err)
				assert.InDelta(t, want, got, 0, s.Text)
				return
			}
			assert.Equal(t, s.Value, value)
			again, err := Restore(Source(dags[0]), newFakeCatalog(), testOptions())
			require.NoError(t, err)
			restored, _ := again.Params.Get("k")
			assert.Equal(t, got, restored, "the stored version says the same")
		})
	}
}

// A key that is no text in YAML 1.1 is no text in Python: on is True, 017 is 15.
func TestKeysAreText(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"on": "a boolean", "No": "a boolean", "017": "a whole number", "12:30": "a whole number", "1": "a whole number", "1.5": "a number",
		"~": "null", "2024-01-02": "a date", ".inf": "a number",
	} {
		for place, text := range map[string]string{
			"params":         oneTask("  params: {p: {" + key + ": x}}"),
			"params at top":  oneTask("  params: {" + key + ": x}"),
			"macros":         oneTask("  user_defined_macros: {m: {" + key + ": 1}}"),
			"parameter":      withTask("      env: {" + key + ": x}"),
			"deep parameter": withTask("      env: {A: [{" + key + ": x}]}"),
			"callback":       withTask("      on_failure_callback: {callback: dingding, message: {" + key + ": x}}"),
			"owner links":    oneTask("  owner_links: {" + key + ": http://x}"),
		} {
			_, found := parseText(text)
			assert.Contains(t, found.String(), "the key "+key+" is "+want+" in YAML 1.1: quote it", place)
		}
	}
	for _, key := range []string{`"on"`, `'017'`, "y", "n", "1e3", "a", "on_x", "-.5", "!!str 1"} {
		dags, found := parseText(withTask("      env: {" + key + ": x}"))
		assert.Len(t, dags, 1, "%s: %s", key, found)
	}
}
