// Package declaretest holds what operators and notifiers have to pass alike: the checks
// of their declarations.
package declaretest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
)

// Check fails t unless there is documentation for the whole and for each parameter, and
// an example; each example decodes without a finding and fits the JSON Schema; and an
// unknown parameter is refused at its place.
func Check[I any](t *testing.T, spec declare.Spec[I]) {
	t.Helper()
	t.Run("documented", func(t *testing.T) { t.Parallel(); checkDocs(t, spec) })
	t.Run("unknown parameter", func(t *testing.T) { t.Parallel(); checkUnknown(t, spec) })
	for _, example := range spec.Examples {
		t.Run("schema of "+example.Title, func(t *testing.T) {
			t.Parallel()
			Decode(t, spec, example.YAML)
			checkSchema(t, spec, example.YAML)
		})
	}
}

func checkDocs[I any](t *testing.T, spec declare.Spec[I]) {
	t.Helper()
	assert.NotEmpty(t, spec.Doc(), "it needs a comment; then run go generate")
	assert.NotEmpty(t, spec.Examples, "it needs an example")
	requireDocs(t, "", spec.Fields())
}

func requireDocs(t *testing.T, prefix string, fields []params.Field) {
	t.Helper()
	for _, f := range fields {
		assert.NotEmpty(t, f.Doc, "parameter %s needs a comment; then run go generate", prefix+f.Name)
		requireDocs(t, prefix+f.Name+".", f.Fields)
	}
}

func checkUnknown[I any](t *testing.T, spec declare.Spec[I]) {
	t.Helper()
	args := parse(t, spec.Examples[0].YAML)
	const line, column = 77, 3
	args.Content = append(args.Content,
		&yaml.Node{Kind: yaml.ScalarNode, Value: "no_such_parameter", Line: line, Column: column},
		&yaml.Node{Kind: yaml.ScalarNode, Value: "x"})
	_, problems := spec.Decode(args)
	for _, p := range problems {
		if p.Line == line && p.Column == column && !p.Warning {
			return
		}
	}
	t.Errorf("an unknown parameter must be an error at its key, got %v", problems)
}

// checkSchema holds the decoder and the JSON Schema together.
func checkSchema[I any](t *testing.T, spec declare.Spec[I], text string) {
	t.Helper()
	encoded, err := json.Marshal(spec.JSONSchema())
	require.NoError(t, err, "the schema must encode to JSON")
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(encoded)))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("spec.json", document))
	schema, err := compiler.Compile("spec.json")
	require.NoError(t, err)
	var value any
	require.NoError(t, yaml.Unmarshal([]byte(text), &value))
	encoded, err = json.Marshal(value)
	require.NoError(t, err)
	value, err = jsonschema.UnmarshalJSON(strings.NewReader(string(encoded)))
	require.NoError(t, err)
	assert.NoError(t, schema.Validate(value), "the example must fit the JSON Schema")
}

// Decode returns what a YAML text with its parameters declares, which must decode without
// any finding.
func Decode[I any](tb testing.TB, spec declare.Spec[I], text string) I {
	tb.Helper()
	decoded, problems := spec.Decode(parse(tb, text))
	require.Empty(tb, problems)
	return decoded
}

func parse(tb testing.TB, text string) *yaml.Node {
	tb.Helper()
	var doc yaml.Node
	require.NoError(tb, yaml.Unmarshal([]byte(text), &doc))
	require.NotEmpty(tb, doc.Content, "parameters must be a mapping; write {} for none")
	return doc.Content[0]
}
