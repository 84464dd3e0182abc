package dagfile

import (
	"strings"

	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/yamlvalue"
)

// readGroups reads the task groups, finds their parents and gives each its id and
// the base of its tasks.
func (r *dagReader) readGroups() {
	before := r.Failed()
	byName := map[string]*groupDraft{}
	for _, e := range r.entries(r.draft.Raw.Groups, "group_name") {
		if !checkID(r.Scope, e.name, "group_name", isGroupRune, maxGroupLength) {
			continue
		}
		g := &groupDraft{name: e.name}
		g.Label, g.Pos = e.name.Value, r.Position(firstKey(e.body))
		keys.Groups.Reset(&g.Group)
		r.readGroupKeys(g, e)
		g.NoPrefix = !g.Prefix
		if first, twice := byName[g.Label]; twice {
			r.Errorf(e.name, "group %q stands twice, first on line %d", g.Label, first.name.Line)
			continue
		}
		byName[g.Label] = g
		r.groups = append(r.groups, g)
	}
	for _, g := range r.groups {
		r.findParent(g, byName)
	}
	for _, g := range r.groups {
		r.breakCycle(g)
	}
	for _, g := range r.groups {
		r.place(g)
	}
	if r.Failed() > before {
		r.Unsure.Tasks = true // their ids begin with those of the groups
	}
}

func (r *dagReader) readGroupKeys(g *groupDraft, e entry) {
	for k, v := range yamlvalue.Pairs(e.body) {
		known, ok := keys.Groups.Find(k.Value)
		if !ok {
			r.Errorf(k, "group %q: unknown key %q%s", g.Label, yamlvalue.Excerpt(k.Value), r.Suggest(k.Value, keys.Groups.Names()))
			continue
		}
		known.Apply(&r.Reader, &g.Group, k, v)
	}
}

func (r *dagReader) findParent(g *groupDraft, byName map[string]*groupDraft) {
	if !g.Raw.Parent.Present() {
		return
	}
	name, ok := r.Text("parent_group_name", g.Raw.Parent.Value)
	if !ok {
		return
	}
	if g.parent = byName[name]; g.parent == nil {
		r.Errorf(g.Raw.Parent.Value, "group %q: unknown parent group %q%s", g.Label, yamlvalue.Excerpt(name), r.Suggest(name, r.groupNames))
	}
}

func (r *dagReader) groupNames(yield func(string) bool) {
	for _, g := range r.groups {
		if !yield(g.Label) {
			return
		}
	}
}

// breakCycle reports a group that is inside itself or too deep, and takes it out, so
// that the rest can be read.
func (r *dagReader) breakCycle(g *groupDraft) {
	path := []string{g.Label}
	depth := 1
	for p := g.parent; p != nil; p = p.parent {
		if depth++; depth > document.MaxDepth {
			r.Errorf(g.Raw.Parent.Value, "groups are nested more than %d levels deep", document.MaxDepth)
			g.parent = nil
			return
		}
		path = append(path, p.Label)
		if p == g {
			r.Errorf(g.Raw.Parent.Value, "groups are inside each other: %s", yamlvalue.Excerpt(strings.Join(path, " -> ")))
			g.parent = nil
			return
		}
	}
}

// place settles the id, depth and base of a group, those of its parent first. As in
// Airflow, a group without prefix leaves out those around it too.
func (r *dagReader) place(g *groupDraft) {
	if g.placed {
		return
	}
	g.placed = true
	g.ID, g.depth = g.Label, 1
	base := &r.base
	if g.parent != nil {
		r.place(g.parent)
		g.ID, g.Parent, g.depth = g.parent.childID(g.Label), g.parent.ID, g.parent.depth+1
		base = g.parent.base
	}
	own := base.Clone()
	r.applyDefaults(&own, g.Raw.DefaultArgs)
	g.base = &own
}

// childID returns the full id of something inside the group.
func (g *groupDraft) childID(label string) string {
	if g == nil || !g.Prefix {
		return label
	}
	return g.ID + "." + label
}

// inside reports whether g is other or lies in it; a nil group is the DAG itself.
func (g *groupDraft) inside(other *groupDraft) bool {
	if other == nil {
		return true
	}
	for ; g != nil; g = g.parent {
		if g == other {
			return true
		}
	}
	return false
}
