package dagfile

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

func texts1(nodes []*yaml.Node) (out []string) {
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode {
			out = append(out, "("+slices.Concat(texts1(n.Content), []string{""})[0]+"…)")
			continue
		}
		out = append(out, n.Value)
	}
	return out
}

// The forms of dag-factory's expand and partial (dag-yaml A17, B7).
func TestMapping(t *testing.T) {
	t.Parallel()
	dags, found := parseText(`
a:
  default_args: {cwd: /tmp, append_env: true}
  task_groups: {g: {}}
  tasks:
    - {task_id: late, operator: bash, expand: {bash_command: list.output}, dependencies: [other]}
    - {task_id: list, operator: bash, bash_command: x, task_group_name: g}
    - {task_id: other, operator: bash, bash_command: x}
    - {task_id: cross, operator: bash, partial: {env: {A: b}, retries: 3}, expand: {cwd: [one, two], bash_command: "XcomArg(g.list)['key']"}}
    - {task_id: kwargs, operator: bash, expand_kwargs: [{bash_command: x}, {bash_command: "y", cwd: /}], map_index_template: "{{ ti.map_index }}"}
    - {task_id: pairs, operator: bash, expand: {bash_command: {k: v}}}
    - {task_id: deep, operator: bash, expand_kwargs: kwargs.output}
`)
	require.False(t, found.HasErrors(), found.String())
	d := dags[0]
	late := d.Task("late")
	assert.Equal(t, []dag.MappedArg{{Name: "bash_command", MappedValues: dag.MappedValues{From: "g.list"}}}, late.Mapping.Args)
	assert.Equal(t, []int{1, 2}, late.Upstream, "the reference is a dependency, wherever the task stands")
	cross := d.Task("cross")
	assert.Equal(t, 3, cross.Retries)
	assert.Equal(t, "cwd", cross.Mapping.Args[0].Name)
	assert.Equal(t, []string{"one", "two"}, texts1(cross.Mapping.Args[0].Values))
	assert.Equal(t, dag.MappedValues{From: "g.list", Key: "key"}, cross.Mapping.Args[1].MappedValues)
	_, inherited := yamlvalue.Lookup(cross.Args.Node(), "cwd")
	assert.Nil(t, inherited, "default_args do not count for a mapped parameter")
	_, fixed := yamlvalue.Lookup(cross.Args.Node(), "env")
	assert.NotNil(t, fixed, "partial is the same for all")
	assert.Len(t, d.Task("kwargs").Mapping.Kwargs.Values, 2)
	assert.Equal(t, "{{ ti.map_index }}", d.Task("kwargs").MapIndexTemplate)
	pairs := d.Task("pairs").Mapping.Args[0].Values
	require.Len(t, pairs, 1)
	assert.Equal(t, []string{"k", "v"}, texts1(pairs[0].Content))
	assert.Equal(t, "kwargs", d.Task("deep").Mapping.Kwargs.From)
	assert.True(t, late.Mapping.Over("g.list"))
	assert.False(t, d.Task("other").Mapping.Over("late"))

	again, err := Restore(Source(d), newFakeCatalog(), testOptions())
	require.NoError(t, err)
	assert.Equal(t, d.Version, again.Version)
	assert.Equal(t, d.Task("cross").Upstream, again.Task("cross").Upstream)
	assert.Equal(t, cross.Mapping.Args[1], again.Task("cross").Mapping.Args[1])
}

// The parameters of one instance: what it is mapped to wins.
func TestMappedArgs(t *testing.T) {
	t.Parallel()
	dags, found := parseText("a:\n  tasks:\n    t: {operator: bash, bash_command: x, expand_kwargs: [{cwd: /}]}\n")
	require.False(t, found.HasErrors(), found.String())
	task := dags[0].Tasks[0]
	args := task.MappedArgs(map[string]*yaml.Node{"cwd": yamlvalue.NewScalar(yamlvalue.Text, "/y", nil), "bash_command": yamlvalue.NewScalar(yamlvalue.Text, "z", nil)})
	assert.Equal(t, []string{"bash_command", "z", "cwd", "/y"}, texts1(args.Content))
	assert.Equal(t, []string{"bash_command", "x"}, texts1(task.Args.Node().Content), "the task's own stay")
}
