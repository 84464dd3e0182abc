package dagfile

import (
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
)

// groupDraft is a task group while its DAG is read.
type groupDraft struct {
	dag.Group
	name         *yaml.Node
	prefix       bool
	deps         pair
	parentName   pair
	defaultArgs  pair
	parent       *groupDraft
	depth        int
	base         *taskBase
	placed       bool
	members      []int
	roots, leafs []int
	ended        bool
}

// parentGroupKey is the key by which a group names the one around it.
const parentGroupKey = "parent_group_name"

// groupKeys are the keys of a task group.
var groupKeys = newTable(
	idKey[groupDraft]("group_name", "The name of the group."),
	rawKey("dependencies", "Tasks and groups that come before.", map[string]any{"$ref": "#/$defs/dependencies"},
		func(g *groupDraft) *pair { return &g.deps }),
	rawKey(parentGroupKey, "The group around this one.", schemaOf("string"), func(g *groupDraft) *pair { return &g.parentName }),
	rawKey("default_args", "Parameters for the tasks of the group, over those of the DAG.",
		map[string]any{"$ref": "#/$defs/defaultArgs"}, func(g *groupDraft) *pair { return &g.defaultArgs }),
	boolKey("prefix_group_id", true, "Put the group's id before the ids inside.", func(g *groupDraft) *bool { return &g.prefix }),
	textKey("tooltip", "", "A line that explains the group.", func(g *groupDraft) *string { return &g.Tooltip }),
	textKey("group_display_name", "", "The name that people see instead of the id.", func(g *groupDraft) *string { return &g.DisplayName }),
	ignoredKey[groupDraft]("ui_color", "Accepted from Airflow; no effect.", ""),
	ignoredKey[groupDraft]("ui_fgcolor", "Accepted from Airflow; no effect.", ""),
	key[groupDraft]{
		name: "add_suffix_on_collision", doc: "Must be false.", schema: map[string]any{"const": false}, def: false,
		set: func(r *dagReader, _ *groupDraft, k, v *yaml.Node) {
			if on, ok := r.Boolean(k.Value, v); ok && on {
				r.Errorf(k, "add_suffix_on_collision is not supported: give each group a name of its own")
			}
		},
	},
)

// taskDraft is a task while its DAG is read.
type taskDraft struct {
	taskBase
	node           *yaml.Node
	name           *yaml.Node
	operator, deps pair
	groupName      pair
	mapped         mappingDraft
	group          *groupDraft
	own            []pair
	// setups are those that a teardown names.
	setups pair
	// entry is what the catalog knows of the operator.
	entry Entry
}

// taskKeys are the keys of a task besides the parameters of its operator.
var taskKeys = newTable(append([]key[taskDraft]{
	idKey[taskDraft]("task_id", "The id of the task."),
	rawKey("operator", "What the task does: a short name or an Airflow path.", map[string]any{"$ref": "#/$defs/operatorName"},
		func(t *taskDraft) *pair { return &t.operator }),
	rawKey("dependencies", "Tasks and groups that come before.", map[string]any{"$ref": "#/$defs/dependencies"},
		func(t *taskDraft) *pair { return &t.deps }),
	rawKey("task_group_name", "The group the task is in.", schemaOf("string"), func(t *taskDraft) *pair { return &t.groupName }),
	rawKey("expand", "Parameters to map: one instance for each element of a list, a mapping or a result such as task_id.output; several make their cross product.",
		map[string]any{"type": "object", "additionalProperties": map[string]any{"$ref": "#/$defs/mappable"}}, func(t *taskDraft) *pair { return &t.mapped.expand }),
	rawKey("expand_kwargs", "A list of mappings, or a result: one instance for each, with these parameters.",
		map[string]any{"anyOf": []any{map[string]any{"type": "array", "items": schemaOf("object")}, schemaOf("string")}},
		func(t *taskDraft) *pair { return &t.mapped.kwargs }),
	rawKey("partial", "Parameters that are the same for all instances; they may also stand on the task itself.", schemaOf("object"),
		func(t *taskDraft) *pair { return &t.mapped.partial }),
	variablesAsArgumentsKey(),
}, setupKeys()...)...)

// variablesAsArgumentsKey declares the key whose values withVariables has put in place.
func variablesAsArgumentsKey() key[taskDraft] {
	k := ignoredKey[taskDraft](variablesKey, "Parameters that take the text of a variable when the file is read, if the variable exists.", "")
	k.schema = map[string]any{"anyOf": []any{
		map[string]any{"type": "array", "items": map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"variable", "attribute"},
			"properties": map[string]any{
				"variable":  describe(schemaOf("string"), "The name of the variable."),
				"attribute": describe(schemaOf("string"), "The parameter of the task that takes its value."),
			},
		}},
		schemaOf("null"),
	}}
	return k
}
