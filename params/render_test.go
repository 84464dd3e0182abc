package params_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/params"
)

const templated = `
command: run {{ x }}
method: "{{ x }}"
env: {A: "{{ x }}", B: plain}
mobiles: "{{ x }}"
data: {k: ["{{ x }}", 1, {deep: "{{ x }}"}], "{{ x }}": same}
cwd: "{{ x }}"
token: "{{ x }}"
options: {name: "{{ x }}", title: "{{ x }}"}
steps: [{name: a, title: "{{ x }}"}]
`

func TestRender(t *testing.T) {
	t.Parallel()
	src, before := decode(t, templated), decode(t, templated)
	var fields []string
	out, err := sampleType().Render(&src, func(field, text string) (any, error) {
		fields = append(fields, field)
		if field == "method" {
			return "POST", nil
		}
		return strings.ReplaceAll(text, "{{ x }}", "a, b"), nil
	})
	require.NoError(t, err)
	got := out.(*sample)
	assert.Equal(t, before, src, "the source must not change")
	assert.Equal(t, "run a, b", got.Command)
	assert.Equal(t, "POST", got.Method)
	assert.Equal(t, map[string]string{"A": "a, b", "B": "plain"}, got.Env)
	assert.Equal(t, []string{"a", "b"}, got.Mobiles, "what a template gives is split as well")
	assert.Equal(t, map[string]any{
		"k": []any{"a, b", int64(1), map[string]any{"deep": "a, b"}}, "{{ x }}": "same",
	}, got.Data, "keys stay")
	assert.Equal(t, "a, b", *got.Cwd)
	assert.Equal(t, "a, b", got.Token.Reveal())
	assert.Equal(t, "{{ x }}", got.Options.Name, "name is no template")
	assert.Equal(t, "a, b", got.Options.Title)
	assert.Equal(t, "a, b", got.Steps[0].Title)
	assert.Equal(t, []string{
		"command", "method", "env.A", "env.B", "mobiles[0]", "data.k[0]", "data.k[2].deep", "data.{{ x }}",
		"cwd", "token", "options.title", "steps[0].title",
	}, fields)
}

func TestRenderNative(t *testing.T) {
	t.Parallel()
	src := decode(t, `{command: a, data: {n: "{{ n }}", z: "{{ z }}"}}`)
	native := func(_, text string) (any, error) {
		switch text {
		case "{{ n }}":
			return []any{int64(1)}, nil
		case "{{ z }}":
			return nil, nil
		}
		return text, nil
	}
	out, err := sampleType().Render(&src, native)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"n": []any{int64(1)}, "z": nil}, out.(*sample).Data)

	src = decode(t, `{command: "{{ five }}", data: {n: "{{ five }}"}}`)
	out, err = sampleType().Render(&src, func(_, text string) (any, error) {
		if text == "{{ five }}" {
			return params.Native{Value: int64(5), Text: "5.0"}, nil
		}
		return params.Native{Value: text, Text: text}, nil
	})
	require.NoError(t, err)
	assert.Equal(t, "5.0", out.(*sample).Command)
	assert.Equal(t, map[string]any{"n": int64(5)}, out.(*sample).Data)
}

func TestRenderErrors(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	src := decode(t, `{command: a, method: "{{ m }}", data: {deep: [text]}}`)
	for name, tc := range map[string]struct {
		field  string
		result any
		err    error
		want   string
	}{
		"failure":      {field: "data.deep[0]", err: boom, want: "render data.deep[0]: boom"},
		"no text":      {field: "command", result: 3, want: "render command: the template gives a value of type int, but the parameter takes text"},
		"outside enum": {field: "method", result: "PUT", want: `render method: the value must be one of GET, POST, not "PUT"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sampleType().Render(&src, func(field, _ string) (any, error) {
				if field == tc.field {
					return tc.result, tc.err
				}
				return "GET", nil
			})
			require.EqualError(t, err, tc.want)
			if tc.err != nil {
				assert.ErrorIs(t, err, tc.err)
			}
		})
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	at := map[string]int{}
	sampleType().Templates(node(t, templated), func(field string, text *yaml.Node) { at[field] = text.Line })
	assert.Equal(t, map[string]int{
		"command": 2, "method": 3, "env.A": 4, "env.B": 4, "mobiles": 5, "data.k[0]": 6, "data.k[2].deep": 6,
		"data.{{ x }}": 6, "cwd": 7, "token": 8, "options.title": 9, "steps[0].title": 10,
	}, at)
}

func TestValues(t *testing.T) {
	t.Parallel()
	src := decode(t, "{command: ls, token: abc, cwd: /tmp, options: {name: n}, env: {A: b}}")
	got := sampleType().Values(&src)
	assert.Equal(t, "***", got["token"])
	assert.Equal(t, "1m30s", got["wait"])
	assert.Equal(t, "/tmp", got["cwd"])
	assert.Equal(t, "http_default", got["conn_id"])
	assert.Equal(t, map[string]any{"A": "b"}, got["env"])
	assert.Equal(t, map[string]any{"timeout": "0s", "verify": true, "title": "", "name": "n"}, got["options"])
	assert.Nil(t, got["steps"])
	text, err := json.Marshal(got)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "abc")
}

func TestFields(t *testing.T) {
	t.Parallel()
	docs := params.ParseDocs(`{"sample": {"text": "All.", "fields": {"command": "What to run."}},
		"base": {"fields": {"conn_id": "The connection."}}}`)
	typ := params.Of[sample]("", docs)
	assert.Equal(t, "All.", typ.Doc())
	byName := map[string]params.Field{}
	for _, f := range typ.Fields() {
		byName[f.Name] = f
	}
	assert.Equal(t, slices.Sorted(maps.Keys(byName)), slices.Sorted(slices.Values(typ.Names())))
	assert.Equal(t, params.Field{Name: "command", Type: "text", Required: true, Template: true, Doc: "What to run."}, byName["command"])
	assert.Equal(t, params.Field{Name: "conn_id", Type: "text", Default: "http_default", Doc: "The connection."}, byName["conn_id"])
	assert.Equal(t, params.Field{Name: "codes", Type: "list of whole numbers", Default: "99"}, byName["codes"])
	assert.True(t, byName["token"].Secret, "a Secret is secret without a tag")
	assert.Equal(t, "mapping of text", byName["env"].Type)
	assert.Len(t, byName["options"].Fields, 4)
}

func TestTypesOfNestedFields(t *testing.T) {
	t.Parallel()
	type nested struct {
		Rows    [][]string            `yaml:"rows"`
		Numbers [][]int               `yaml:"numbers"`
		Links   [][]map[string]string `yaml:"links"`
	}
	var got []string
	for _, f := range params.Of[nested]("", nil).Fields() {
		got = append(got, f.Type)
	}
	assert.Equal(t, []string{"list of lists of text", "list of lists of whole numbers", "list of lists of mappings of text"}, got)
}

// What the schema takes and what the decoder takes must be the same.
func TestJSONSchemaAgreesWithDecode(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(sampleType().JSONSchema())
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("sample.json", document))
	schema, err := compiler.Compile("sample.json")
	require.NoError(t, err)
	for _, text := range []string{
		`{"command": "ls"}`, `{"command": 3}`, `{}`, `{"command": null}`, `{"command": "ls", "method": null}`,
		`{"command": "ls", "method": "PUT"}`, `{"command": "ls", "method": "{{ m }}"}`, `{"command": "ls", "x": 1}`,
		`{"command": "ls", "codes": 7}`, `{"command": "ls", "codes": [7, 300]}`, `{"command": "ls", "codes": "7"}`,
		`{"command": "ls", "mobiles": [138, "139"]}`, `{"command": "ls", "mobiles": "138"}`, `{"command": "ls", "mobiles": {}}`,
		`{"command": "ls", "wait": "5m"}`, `{"command": "ls", "wait": 5}`, `{"command": "ls", "wait": "5"}`,
		`{"command": "ls", "wait": {"__type__": "datetime.timedelta", "minutes": 5}}`, `{"command": "ls", "wait": {"minutes": 5}}`,
		`{"command": "ls", "wait": "2 days"}`, `{"command": "ls", "wait": "PT5M"}`, `{"command": "ls", "wait": -5}`,
		`{"command": "ls", "options": {"name": "n"}}`, `{"command": "ls", "options": {}}`, `{"command": "ls", "options": null}`,
		`{"command": "ls", "data": {"a": [1, null, true]}}`, `{"command": "ls", "data": null}`, `{"command": "ls", "ratio": 2}`,
		`{"command": "ls", "env": {"A": "b"}}`, `{"command": "ls", "env": {"A": 1}}`, `{"command": "ls", "steps": [{"name": "a"}]}`,
		`{"command": "ls", "unit": "m"}`, `{"command": "ls", "unit": "m", "ratio": 1}`, `{"command": "ls", "unit": "m", "ratio": null}`,
		`{"command": "ls", "unit": null}`, `{"command": "ls", "ratio": 1}`,
	} {
		var s sample
		problems := sampleType().Decode(node(t, text), &s)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err)
		assert.Equal(t, params.Failed(problems), schema.Validate(value) != nil, "%s: decoder says %v, schema says %v",
			text, problems, schema.Validate(value))
	}
}
