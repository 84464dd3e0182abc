package custom_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/custom"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/template"
)

// operatorOf reads the only operator of a file.
func operatorOf(t *testing.T, text string) *custom.Operator {
	t.Helper()
	s := reading.NewScope("operators.yml")
	root := document.Read(s, []byte(text), document.Options{})
	require.NotNil(t, root, s.Diagnostics())
	all, broken := custom.Read(s, root)
	require.Empty(t, s.Diagnostics())
	require.Empty(t, broken)
	require.Len(t, all, 1)
	return all[0]
}

func nodeOf(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &n))
	return n.Content[0]
}

// What a template of the definition sees of args is what the task gives, of its own type, with its templates rendered first.
func TestCompose(t *testing.T) {
	t.Parallel()
	env := template.New(template.Options{})
	for name, c := range map[string]struct{ args, field, want string }{
		"text":                      {"{a: x}", "<{{ args.a }}>", "<x>"},
		"a template":                {`{a: "{{ 'x' | upper }}-{% if true %}y{% endif %}"}`, "<{{ args.a }}>", "<X-y>"},
		"quotes and newlines":       {`{a: "it's \"x\" \\ \n\t%} }}"}`, "<{{ args.a }}>", "<it's \"x\" \\ \n\t%} }}>"},
		"what looks like a literal": {`{a: "true", b: "3"}`, "<{{ args.a ~ args.b }}> {{ args.a is string }}", "<true3> True"},
		"types":                     {"{a: 3, b: 2.50, c: true, d: [1, x], e: {k: v}}", "{{ args.a + 1 }} {{ args.b }} {{ args.c }} {{ args.d[1] }} {{ args.e.k }}", "4 2.5 True x v"},
		"large numbers":             {"{a: 123456789012345678901234567890, b: 1.0}", "{{ args.a }} {{ args.b }}", "123456789012345678901234567890 1.0"},
		"templates deep inside":     {`{d: [1, "{{ 1 + 1 }}"], e: {k: {l: "{{ 'v' }}"}}}`, "{{ args.d[1] }} {{ args.e.k.l }} {{ args.e | tojson }}", `2 v {"k": {"l": "v"}}`},
		"nothing":                   {"{}", "{{ args.a is none }} {{ args.z }}", "True 7"},
		"null is nothing":           {"{z: null}", "{{ args.z }}", "7"},
		"the name by a key":         {"{a: x}", `{{ args["a"] }}`, "x"},
		"no template":               {"{a: x}", "args.a", "args.a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			field, err := json.Marshal(c.field)
			require.NoError(t, err)
			o := operatorOf(t, "operators:\n  o:\n    params: {a: {}, b: {}, c: {}, d: {}, e: {}, z: {default: 7}}\n    operator: bash\n    with: {f: "+string(field)+"}\n")
			got := o.Compose(nodeOf(t, c.args), func(_, _ *yaml.Node) {})
			require.Len(t, got.Content, 2)
			text := got.Content[1].Value
			if strings.Contains(text, "{{") {
				rendered, err := env.Render(text, &template.Context{})
				require.NoError(t, err, text)
				text = rendered
			}
			assert.Equal(t, c.want, text)
		})
	}
}

// A field that is a parameter alone has its value, of whatever type, and is left out without one.
func TestComposeWhole(t *testing.T) {
	t.Parallel()
	o := operatorOf(t, `
operators:
  o:
    params: {a: {type: object}, b: {type: integer}, c: {type: boolean, default: false}}
    operator: bash
    with:
      env: "{{ args.a }}"
      number: "{{- args['b'] -}}"
      flag: "{{ args.c }}"
      list: [x, "{{ args.b }}", "{{ args.a }}"]
      map: {k: "{{ args.a }}", l: 1}
`)
	for args, want := range map[string]string{
		`{a: {K: "{{ ds }}", L: 1}, b: 3, c: true}`: `{env: {K: "{{ ds }}", L: 1}, number: 3, flag: true, list: [x, 3, {K: "{{ ds }}", L: 1}], map: {k: {K: "{{ ds }}", L: 1}, l: 1}}`,
		`{}`: `{flag: false, list: [x], map: {l: 1}}`,
	} {
		got := o.Compose(nodeOf(t, args), func(_, _ *yaml.Node) {})
		var a, b any
		require.NoError(t, got.Decode(&a))
		require.NoError(t, yaml.Unmarshal([]byte(want), &b))
		assert.Equal(t, b, a, args)
	}
}
