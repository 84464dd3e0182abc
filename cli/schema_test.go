package cli_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/dags/examples"
)

// run runs one command with a home folder of its own.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := map[string]string{"DINGDAG_HOME": t.TempDir(), listenVariable: "off"}
	code = cli.Run(t.Context(), args, cli.IO{
		In: strings.NewReader(""), Out: &out, Err: &errs,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}, cli.Extensions{})
	return code, out.String(), errs.String()
}

// compiledSchema is what the schema command prints.
func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	code, out, errs := run(t, "schema")
	require.Zero(t, code, errs)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("dag.schema.json", doc))
	s, err := c.Compile("dag.schema.json")
	require.NoError(t, err)
	return s
}

// readYAML reads a DAG file as an editor does: dates are text.
func readYAML(t *testing.T, text string) any {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	datesAsText(&doc)
	var v any
	require.NoError(t, doc.Decode(&v))
	return v
}

func datesAsText(n *yaml.Node) {
	if n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		datesAsText(c)
	}
}

func TestSchemaTakesTheExamples(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	names, err := fs.Glob(examples.Files, "*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		text, err := examples.Files.ReadFile(name)
		require.NoError(t, err)
		assert.NoError(t, s.Validate(readYAML(t, string(text))), name)
	}
}

func TestSchemaRefusesTypos(t *testing.T) {
	t.Parallel()
	const fine = `
report:
  schedule: "@daily"
  start_date: 2026-01-01
  default_args: {retries: 1}
  tasks:
    - task_id: collect
      operator: bash
      bash_command: echo 1
    - task_id: send
      operator: airflow.providers.dingding.operators.dingding.DingdingOperator
      message_type: text
      message: done
      on_uncertain: fail
      dependencies: [collect]
      on_failure_callback: {callback: dingding, message: failed}
`
	s := compiledSchema(t)
	require.NoError(t, s.Validate(readYAML(t, fine)))
	for name, typo := range map[string][2]string{
		"DAG key":                {"schedule:", "scheduel:"},
		"default argument":       {"retries:", "retires:"},
		"task key":               {"dependencies:", "depends:"},
		"operator":               {"operator: bash", "operator: bahs"},
		"operator's parameter":   {"bash_command:", "bash_comand:"},
		"another operator's":     {"bash_command:", "message_type:"},
		"parameter by the path":  {"message_type:", "mesage_type:"},
		"value":                  {"on_uncertain: fail", "on_uncertain: fial"},
		"type":                   {"retries: 1", "retries: many"},
		"notifier":               {"callback: dingding", "callback: dingdong"},
		"notifier's parameter":   {"message: failed", "mesage: failed"},
		"task without its id":    {"task_id: collect", "task: collect"},
		"list where text belong": {"echo 1", "[echo, 1]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(fine, typo[0], typo[1], 1)
			require.NotEqual(t, fine, text)
			require.Error(t, s.Validate(readYAML(t, text)))
		})
	}
}
