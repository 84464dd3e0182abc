package wiring

import (
	"fmt"
	"maps"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// end is one end of a dependency: a task by index, or a group.
type end struct {
	task  int
	group *Group
	// around is the innermost group that holds the end, nil at top level.
	around *Group
	name   string
}

// same reports whether two ends are one.
func (e end) same(other end) bool { return e.task == other.task && e.group == other.group }

// dependency says that down comes after up.
type dependency struct {
	up, down end
	at       *yaml.Node
	// depth is that of the innermost group that holds both ends.
	depth int
}

func (d dependency) groupEnds() int {
	n := 0
	if d.up.group != nil {
		n++
	}
	if d.down.group != nil {
		n++
	}
	return n
}

// label returns the bare name of an end, unique in the DAG.
func (w *wiring) label(e end) string {
	if e.group != nil {
		return e.group.Label
	}
	return w.tasks[e.task].Label
}

// connects reports whether an end has tasks.
func (e end) connects() bool { return e.group == nil || len(e.group.members) > 0 }

// endNames maps bare names and full ids to what they name.
type endNames struct{ bare, full map[string]end }

// findNames collects the names of tasks and groups, which share one namespace, and reports
// clashes.
func (w *wiring) findNames() {
	w.names = endNames{map[string]end{}, map[string]end{}}
	nodes := map[string]*yaml.Node{}
	for _, g := range w.groups {
		// The scope of a message names no group.
		w.addName(w.Scope, nodes, end{-1, g, g.Around, g.Label}, g.Label, g.ID, g.Name, fmt.Sprintf("group %q: ", g.Label))
	}
	for i, t := range w.tasks {
		w.addName(w.Scope.Task(t.ID), nodes, end{i, nil, t.In, t.ID}, t.Label, t.ID, t.Name, "")
	}
}

func (w *wiring) addName(s reading.Scope, nodes map[string]*yaml.Node, e end, label, id string, at *yaml.Node, prefix string) {
	if first, twice := nodes[label]; twice {
		s.Errorf(at, "%sthe name is taken on line %d: tasks and groups share one set of names", prefix, first.Line)
		return
	}
	nodes[label] = at
	w.names.bare[label] = e
	if _, twice := w.names.full[id]; twice {
		s.Errorf(at, "%sits full id %q is taken", prefix, id)
		return
	}
	w.names.full[id] = e
}

// named resolves one dependencies key.
func (w *wiring) named(p keys.Pair, down end) []dependency {
	if !p.Present() {
		return nil
	}
	items := []*yaml.Node{p.Value}
	if p.Value.Kind == yaml.SequenceNode {
		items = p.Value.Content
	}
	var list []dependency
	seen := map[end]bool{}
	for _, item := range items {
		name, ok := w.Text("dependencies", item)
		if !ok {
			continue
		}
		up, ok := w.resolveEnd(item, name)
		if !ok {
			continue
		}
		if seen[up] {
			w.Warnf(item, "dependency %q appears twice", yamlvalue.Excerpt(name))
			continue
		}
		seen[up] = true
		if w.checkEnds(item, name, up, down) {
			list = append(list, dependency{up, down, item, commonDepth(up.around, down.around)})
		}
	}
	return list
}

func (w *wiring) resolveEnd(at *yaml.Node, name string) (end, bool) {
	bare, isBare := w.names.bare[name]
	full, isFull := w.names.full[name]
	switch {
	case isBare && isFull && !bare.same(full):
		w.Errorf(at, "dependency %q is the name of one and the full id of another: rename one of them", yamlvalue.Excerpt(name))
		return end{}, false
	case isBare:
		return bare, true
	case isFull:
		return full, true
	}
	w.Errorf(at, "unknown dependency %q%s", yamlvalue.Excerpt(name), w.Suggest(name, maps.Keys(w.names.bare)))
	return end{}, false
}

// checkEnds refuses a dependency that cannot mean anything.
func (w *wiring) checkEnds(at *yaml.Node, name string, up, down end) bool {
	switch {
	case up.same(down):
		w.Errorf(at, "%q cannot depend on itself", yamlvalue.Excerpt(name))
	case up.group != nil && down.around.inside(up.group):
		w.Errorf(at, "%q lies in the group %q and cannot depend on it", down.name, up.group.Label)
	case down.group != nil && up.around.inside(down.group):
		w.Errorf(at, "the group %q cannot depend on %q, which lies in it", down.group.Label, yamlvalue.Excerpt(name))
	case up.connects() != down.connects():
		empty := up
		if up.connects() {
			empty = down
		}
		w.Errorf(at, "the group %q has no tasks: the order through it would be lost", empty.group.Label)
	default:
		return true
	}
	return false
}

// commonDepth is the depth of the innermost group that holds both places.
func commonDepth(a, b *Group) int {
	for a != b && a != nil && b != nil {
		if a.Depth >= b.Depth {
			a = a.Around
		} else {
			b = b.Around
		}
	}
	if a == nil || b == nil {
		return 0
	}
	return a.Depth
}
