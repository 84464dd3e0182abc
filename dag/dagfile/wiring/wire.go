// Package wiring resolves the dependencies of the tasks and groups of a DAG and sets its edges.
package wiring

import (
	"cmp"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
)

// maxEdges bounds the edges that dependencies between groups may multiply to.
const maxEdges = 4_000_000

// Task is a task whose keys were read.
type Task struct {
	keys.Task
	// Node is its mapping, Name the node of its id.
	Node, Name *yaml.Node
	// Args are the parameters of its operator, which dag.Task keeps packed.
	Args *yaml.Node
	// In is the group that it is in, nil at top level.
	In *Group
	// Refs are the results that it is mapped over.
	Refs []Ref
	// Targets are the ids among which it chooses, nil for a task that chooses nothing.
	Targets []string
}

// Ref is a task that is named by what another one is mapped over.
type Ref struct {
	At   *yaml.Node
	Name string
	// Values are those of the mapping that come from the named task.
	Values func(*dag.Mapping) *dag.MappedValues
}

// Group is a task group whose keys were read.
type Group struct {
	keys.Group
	// Name is the node of its name.
	Name *yaml.Node
	// Around is the group that it is in, nil at top level, and Depth how deep it lies: 1 at top
	// level.
	Around *Group
	Depth  int

	// members are the tasks in it and below; roots and leaves those without an upstream and a
	// downstream inside it, once ended is set.
	members       []int
	roots, leaves []int
	ended         bool
}

// ChildID returns the full id of something inside the group; a nil group is the DAG itself.
func (g *Group) ChildID(label string) string {
	if g == nil || !g.Prefix {
		return label
	}
	return g.ID + "." + label
}

// inside reports whether g is other or lies in it; a nil group is the DAG itself.
func (g *Group) inside(other *Group) bool {
	if other == nil {
		return true
	}
	for ; g != nil; g = g.Around {
		if g == other {
			return true
		}
	}
	return false
}

// wiring is a DAG while its edges are set.
type wiring struct {
	reading.Scope
	tasks  []*Task
	groups []*Group
	names  endNames
}

// Wire resolves the dependencies of all tasks and groups and sets the edges of the tasks, so
// that the result does not depend on the order of the file. It reports dependencies that mean
// nothing, cycles, and setups and choices whose tasks do not fit. The dependencies come back as
// the file declares them, by bare names, when some are on or of a group: two groups of a
// thousand tasks are one name there, and a million edges.
func Wire(s reading.Scope, tasks []*Task, groups []*Group) (declared map[string][]string) {
	w := &wiring{Scope: s, tasks: tasks, groups: groups}
	w.findNames()
	for i, t := range tasks {
		for g := t.In; g != nil; g = g.Around {
			g.members = append(g.members, i)
		}
	}
	all := w.dependencies()
	if w.connect(all) {
		w.checkSetups()
		w.checkCycle()
		w.checkChoices()
	}
	return w.declared(all)
}

// in returns the wiring with messages that name a task.
func (w *wiring) in(t *Task) *wiring {
	c := *w
	c.Scope = c.Scope.Task(t.ID)
	return &c
}

// dependencies are those that tasks and groups name, each once for a task.
func (w *wiring) dependencies() (all []dependency) {
	for i, t := range w.tasks {
		down, in := end{i, nil, t.In, t.ID}, w.in(t)
		own := in.named(t.Raw.Dependencies, down)
		for _, d := range in.mappedOver(t, down) {
			if !slices.ContainsFunc(own, func(o dependency) bool { return o.up.same(d.up) }) {
				own = append(own, d)
			}
		}
		all = append(append(all, own...), in.setupsOf(t, down)...)
	}
	for _, g := range w.groups {
		all = append(all, w.named(g.Raw.Dependencies, end{-1, g, g.Around, g.Label})...)
	}
	return all
}

// connect sets the edges: a dependency inside a group before any that needs the roots or leaves
// of the group. It is false when there are too many.
func (w *wiring) connect(all []dependency) bool {
	inner := slices.Clone(all)
	slices.SortStableFunc(inner, func(a, b dependency) int {
		return cmp.Or(cmp.Compare(b.depth, a.depth), cmp.Compare(a.groupEnds(), b.groupEnds()))
	})
	edges := 0
	for _, d := range inner {
		ups, downs := w.leaves(d.up), w.roots(d.down)
		if len(ups) == 0 && d.up.connects() {
			w.Errorf(d.at, "the group %q has nothing but setups and their teardowns, which nothing waits for: name the setup itself", d.up.group.Label)
			continue
		}
		if edges += len(ups) * len(downs); edges > maxEdges {
			w.Errorf(d.at, "dependencies between groups make more than %d edges: put an empty task between them", maxEdges)
			return false
		}
		w.join(ups, downs)
	}
	for _, t := range w.tasks {
		t.Upstream, t.Downstream = ascending(t.Upstream), ascending(t.Downstream)
	}
	return true
}

// join lets all of downs come after all of ups.
func (w *wiring) join(ups, downs []int) {
	for _, up := range ups {
		w.tasks[up].Downstream = append(w.tasks[up].Downstream, downs...)
	}
	for _, down := range downs {
		w.tasks[down].Upstream = append(w.tasks[down].Upstream, ups...)
	}
}

// declared are the names of what comes before, by the name of what comes after; nil when no
// dependency is on or of a group.
func (w *wiring) declared(all []dependency) map[string][]string {
	if !slices.ContainsFunc(all, func(d dependency) bool { return d.groupEnds() > 0 }) {
		return nil
	}
	declared := map[string][]string{}
	for _, d := range all {
		down := w.label(d.down)
		declared[down] = append(declared[down], w.label(d.up))
	}
	for down, names := range declared {
		slices.Sort(names)
		declared[down] = slices.Compact(names) // a teardown may name a setup that it depends on too
	}
	return declared
}

// leaves returns the tasks of an end without a downstream inside it.
func (w *wiring) leaves(e end) []int {
	if e.group == nil {
		return []int{e.task}
	}
	w.findEnds(e.group)
	return e.group.leaves
}

// roots returns the tasks of an end without an upstream inside it.
func (w *wiring) roots(e end) []int {
	if e.group == nil {
		return []int{e.task}
	}
	w.findEnds(e.group)
	return e.group.roots
}

func (w *wiring) findEnds(g *Group) {
	if g.ended {
		return
	}
	g.ended = true
	inside := func(i int) bool { return w.tasks[i].In.inside(g) }
	for _, i := range g.members {
		if !slices.ContainsFunc(w.tasks[i].Upstream, inside) {
			g.roots = append(g.roots, i)
		}
		if w.isLeaf(i, inside) {
			g.leaves = append(g.leaves, i)
		}
	}
}

func ascending(list []int) []int {
	slices.Sort(list)
	return slices.Clip(slices.Compact(list))
}
