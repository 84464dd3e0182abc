package dag

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// testSchema compiles the schema for the fake catalog.
func testSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	entries := func(from map[string]fakeEntry) []EntrySchema {
		var list []EntrySchema
		for name, e := range from {
			properties := map[string]any{}
			for _, p := range e.params {
				properties[p] = map[string]any{}
			}
			list = append(list, EntrySchema{Names: []string{name}, Params: map[string]any{"properties": properties}, Sensor: e.sensor})
		}
		return list
	}
	catalog := newFakeCatalog()
	data, err := json.Marshal(Schema(entries(catalog.operators), entries(catalog.callbacks)))
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
		string(mustParse(t, wholeDAG).Source()),
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

func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	for _, list := range [][]KeyDoc{Keys(), GroupKeys(), TaskKeys(), SensorKeys()} {
		require.NotEmpty(t, list)
		for _, k := range list {
			assert.True(t, strings.HasSuffix(k.Doc, "."), k.Name)
		}
	}
}

func TestDefaultsOfKeysAreWhatDecodingGives(t *testing.T) {
	t.Parallel()
	byName := map[string]any{}
	for _, k := range TaskKeys() {
		byName[k.Name] = k.Default
	}
	assert.Equal(t, "5m0s", byName["retry_delay"])
	assert.Equal(t, "all_success", byName["trigger_rule"])
	assert.Equal(t, true, byName["do_xcom_push"])
	assert.Nil(t, byName["execution_timeout"])
}
