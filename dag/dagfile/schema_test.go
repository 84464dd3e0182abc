package dagfile

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/schema"
)

// testSchema compiles the schema for the fake catalog.
func testSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	entries := func(from map[string]fakeEntry) []schema.Entry {
		var list []schema.Entry
		for name, e := range from {
			properties := map[string]any{}
			for _, p := range e.params {
				properties[p] = map[string]any{}
			}
			list = append(list, schema.Entry{Names: []string{name}, Params: map[string]any{"properties": properties}, Sensor: e.sensor})
		}
		return list
	}
	catalog := newFakeCatalog()
	return compile(t, schema.Of(entries(catalog.operators), entries(catalog.callbacks)))
}

func compile(t *testing.T, whole map[string]any) *jsonschema.Schema {
	t.Helper()
	data, err := json.Marshal(whole)
	require.NoError(t, err)
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("dag.json", parsed))
	schema, err := c.Compile("dag.json")
	require.NoError(t, err)
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	require.NoError(t, yaml.Unmarshal([]byte(text), &v))
	data, err := json.Marshal(v)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	require.NoError(t, err)
	return schema.Validate(doc)
}

func TestSchemaAcceptsWhatLoads(t *testing.T) {
	t.Parallel()
	schema := testSchema(t)
	for _, text := range []string{
		strings.ReplaceAll(wholeDAG, "catchup: yes", "catchup: true"),
		renderedDAG,
		"default: {tasks: {t: {bash_command: x}}}\nx-a: [1]\na: {tasks: {t: {operator: bash}}}\n",
		oneTask("  schedule: {every: 5m}"),
		oneTask("  schedule: {cron: '@daily', timezone: UTC, mode: interval}"),
		string(Source(mustParse(t, wholeDAG))),
	} {
		assert.NoError(t, validate(t, schema, text), text)
	}
}

func TestSchemaRefusesMistakes(t *testing.T) {
	t.Parallel()
	schema := testSchema(t)
	for _, text := range []string{
		oneTask("  schedul: x"),
		oneTask("  catchup: maybe"),
		oneTask("  max_active_runs: 0"),
		oneTask("  schedule: {evry: 5m}"),
		oneTask("  default_args: {retires: 1}"),
		withTask("      bash_comand: x"),
		withTask("      trigger_rule: all_succes"),
		withTask("      poke_interval: 5"),
		withTask("      on_failure_callback: {callback: dingding, mesage: x}"),
		withTask("      on_failure_callback: nope"),
		"a:\n  tasks: [{operator: empty}]\n",
		"a:\n  tasks: {t: {operator: nope}}\n",
		"a:\n  task_groups: {g: {tootip: x}}\n",
	} {
		assert.Error(t, validate(t, schema, text), text)
	}
}

// What the loader takes for a key of the task reaches no operator: the editor must not
// offer it, and tells a value that only the operator would take.
func TestSchemaHidesParametersThatTasksTake(t *testing.T) {
	t.Parallel()
	clashing := schema.Entry{Names: []string{"chat"}, Params: map[string]any{"properties": map[string]any{
		"owner": keys.SchemaOf("integer"), "task_id": keys.SchemaOf("integer"), "email": keys.SchemaOf("integer"), "name": keys.SchemaOf("string"),
	}}}
	schema := compile(t, schema.Of([]schema.Entry{clashing}, nil))
	text := "a:\n  tasks:\n    - {task_id: t, operator: chat, name: x"
	require.NoError(t, validate(t, schema, text+", owner: me}\n"))
	for _, wrong := range []string{", owner: 5", ", email: 5", ", expand: {owner: [me]}", ", expand: {nam: [x]}", ", expand_kwargs: [{email: 5}]"} {
		assert.Error(t, validate(t, schema, text+wrong+"}\n"), wrong)
	}
}

func TestSchemaOfDurations(t *testing.T) {
	t.Parallel()
	schema := testSchema(t)
	for _, text := range []string{"5", "0", "1.5", "90s", "1h30m", "PT5M", "2 days", "$WAIT", "null", "{__type__: datetime.timedelta, hours: 1}"} {
		assert.NoError(t, validate(t, schema, oneTask("  default_args: {retry_delay: "+text+"}")), text)
	}
	for _, text := range []string{"-1", "5 minuts", "[5]", "true", "{hours: 1}", "{__type__: datetime.timedelta, hour: 1}"} {
		assert.Error(t, validate(t, schema, oneTask("  default_args: {retry_delay: "+text+"}")), text)
	}
	assert.Error(t, validate(t, schema, oneTask("  dagrun_timeout: 0")), "a limit is left out instead")
}
