package params

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// Parameters have the scalars of DAG files, which are recorded from PyYAML there. Dates are
// text here.
func TestScalarsAreThoseOfPyYAML(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../dag/testdata/scalars.json")
	require.NoError(t, err)
	var recorded struct {
		Scalars []struct {
			Text  string `json:"text"`
			Kind  string `json:"kind"`
			Value string `json:"value"`
		} `json:"scalars"`
	}
	require.NoError(t, json.Unmarshal(data, &recorded))
	require.NotEmpty(t, recorded.Scalars)
	kinds := map[string]kind{"null": nullKind, "boolean": boolKind, "integer": intKind, "float": floatKind, "text": textKind, "date": textKind}
	for _, s := range recorded.Scalars {
		if s.Kind == "error" {
			continue
		}
		n := &yaml.Node{Kind: yaml.ScalarNode, Value: s.Text}
		if !assert.Equal(t, kinds[s.Kind], kindOf(n), s.Text) {
			continue
		}
		switch s.Kind {
		case "integer":
			got, err := parseInt(s.Text)
			require.NoError(t, err, s.Text)
			assert.Equal(t, s.Value, strconv.FormatInt(got, 10), s.Text)
		case "float":
			got, err := parseFloat(s.Text)
			require.NoError(t, err, s.Text)
			want, err := strconv.ParseFloat(s.Value, 64)
			require.NoError(t, err, s.Text)
			assert.True(t, got == want || math.IsNaN(got) && math.IsNaN(want), s.Text)
			_, err = finite(got, nil)
			assert.Equal(t, !strings.Contains(s.Value, "0x"), err != nil, s.Text)
		}
	}
}
