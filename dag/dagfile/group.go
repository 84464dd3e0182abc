package dagfile

import (
	"strings"

	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/wiring"
	"github.com/dingdag/dingdag/yamlvalue"
)

// readGroups reads the task groups, finds their parents and gives each its id and
// the base of its tasks.
func (r *dagReader) readGroups() {
	before := r.Failed()
	byName := map[string]*wiring.Group{}
	for _, e := range r.entries(r.draft.Raw.Groups, "group_name") {
		if !checkID(r.Scope, e.name, "group_name", isGroupRune, maxGroupLength) {
			continue
		}
		g := &wiring.Group{Name: e.name}
		g.Label, g.Pos = e.name.Value, r.Position(reading.FirstKey(e.body))
		keys.Groups.Reset(&g.Group)
		r.readGroupKeys(g, e)
		g.NoPrefix = !g.Prefix
		if first, twice := byName[g.Label]; twice {
			r.Errorf(e.name, "group %q appears twice, first on line %d", g.Label, first.Name.Line)
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

func (r *dagReader) readGroupKeys(g *wiring.Group, e entry) {
	for k, v := range yamlvalue.Pairs(e.body) {
		known, ok := keys.Groups.Find(k.Value)
		if !ok {
			r.Errorf(k, "group %q: unknown key %q%s", g.Label, yamlvalue.Excerpt(k.Value), r.Suggest(k.Value, keys.Groups.Names()))
			continue
		}
		known.Apply(&r.Reader, &g.Group, k, v)
	}
}

func (r *dagReader) findParent(g *wiring.Group, byName map[string]*wiring.Group) {
	if !g.Raw.Parent.Present() {
		return
	}
	name, ok := r.Text("parent_group_name", g.Raw.Parent.Value)
	if !ok {
		return
	}
	if g.Around = byName[name]; g.Around == nil {
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
func (r *dagReader) breakCycle(g *wiring.Group) {
	path := []string{g.Label}
	depth := 1
	for p := g.Around; p != nil; p = p.Around {
		if depth++; depth > document.MaxDepth {
			r.Errorf(g.Raw.Parent.Value, "groups are nested more than %d levels deep", document.MaxDepth)
			g.Around = nil
			return
		}
		path = append(path, p.Label)
		if p == g {
			r.Errorf(g.Raw.Parent.Value, "groups are inside each other: %s", yamlvalue.Excerpt(strings.Join(path, " -> ")))
			g.Around = nil
			return
		}
	}
}

// place settles the id, depth and base of a group, those of its parent first. As in
// Airflow, a group without prefix leaves out those around it too.
func (r *dagReader) place(g *wiring.Group) {
	if r.bases[g] != nil {
		return
	}
	g.ID, g.Depth = g.Label, 1
	if g.Around != nil {
		r.place(g.Around)
		g.ID, g.Parent, g.Depth = g.Around.ChildID(g.Label), g.Around.ID, g.Around.Depth+1
	}
	own := r.bases[g.Around].Clone()
	r.applyDefaults(&own, g.Raw.DefaultArgs)
	r.bases[g] = &own
}
