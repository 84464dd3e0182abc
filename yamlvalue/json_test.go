package yamlvalue_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// What YAML 1.1 means by a value is what JSON says, and what JSON does not have is a text.
func TestPackedJSON(t *testing.T) {
	t.Parallel()
	var n yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(`{z: &x one, a: yes, b: 0x10, c: 99999999999999999999, d: 1.5, e: .nan, f: -.inf, g: 2026-01-02, h: ~, i: "no", j: [*x], k: {1: 2}}`), &n))
	text, err := json.Marshal(yamlvalue.Pack(n.Content[0]).JSON(strings.ToUpper))
	require.NoError(t, err)
	assert.JSONEq(t, `{"z":"ONE","a":true,"b":16,"c":99999999999999999999,"d":1.5,"e":".NAN","f":"-.INF","g":"2026-01-02","h":null,"i":"NO","j":["ONE"],"k":{"1":2}}`, string(text))
	assert.Nil(t, yamlvalue.Packed("").JSON(strings.ToUpper))
}
