package keys

import (
	"gopkg.in/yaml.v3"
)

// ParentGroup is the key by which a group names the one around it.
const ParentGroup = "parent_group_name"

// Groups are the keys of a task group.
var Groups = newTable(
	idKey[Group]("group_name", "The name of the group."),
	rawKey("dependencies", "Tasks and groups that are upstream.", map[string]any{"$ref": "#/$defs/dependencies"},
		func(g *Group) *Pair { return &g.Raw.Dependencies }),
	rawKey(ParentGroup, "The group around this one.", SchemaOf("string"), func(g *Group) *Pair { return &g.Raw.Parent }),
	rawKey("default_args", "Parameters for the tasks of the group, over those of the DAG.",
		map[string]any{"$ref": "#/$defs/defaultArgs"}, func(g *Group) *Pair { return &g.Raw.DefaultArgs }),
	boolKey("prefix_group_id", true, "Put the group's id before the ids inside.", func(g *Group) *bool { return &g.Prefix }),
	textKey("tooltip", "", "A line that explains the group.", func(g *Group) *string { return &g.Tooltip }),
	textKey("group_display_name", "", "The name that people see instead of the id.", func(g *Group) *string { return &g.DisplayName }),
	ignoredKey[Group]("ui_color", "Accepted from Airflow; no effect.", ""),
	ignoredKey[Group]("ui_fgcolor", "Accepted from Airflow; no effect.", ""),
	Key[Group]{
		name: "add_suffix_on_collision", doc: "Must be false.", schema: map[string]any{"const": false}, def: false,
		set: func(r *Reader, _ *Group, k, v *yaml.Node) {
			if on, ok := r.Boolean(k.Value, v); ok && on {
				r.Errorf(k, "add_suffix_on_collision is not supported: give each group a name of its own")
			}
		},
	},
)
