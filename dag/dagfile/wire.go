package dagfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// maxEdges bounds the edges that dependencies between groups may multiply to.
const maxEdges = 4_000_000

// end is one end of a dependency: a task by index, or a group.
type end struct {
	task  int
	group *groupDraft
	// around is the innermost group that holds the end, nil at top level.
	around *groupDraft
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

// wire resolves the dependencies of all tasks and groups and sets the edges, so that
// the result does not depend on the order of the file: a dependency inside a group is
// set before any that needs the roots or leaves of the group.
func (r *dagReader) wire() {
	names := r.nameEnds()
	for i, t := range r.tasks {
		for g := t.group; g != nil; g = g.parent {
			g.members = append(g.members, i)
		}
	}
	var all []dependency
	for i, t := range r.tasks {
		down, in := end{i, nil, t.group, t.ID}, r.inTask(t.ID)
		declared := in.dependencies(t.Raw.Dependencies, down, names)
		all = append(all, declared...)
		for _, d := range in.resolveMapped(t, down, names) {
			if !slices.ContainsFunc(declared, func(o dependency) bool { return o.up.same(d.up) }) {
				all, declared = append(all, d), append(declared, d)
			}
		}
		all = append(all, in.setupsOf(t, down, names)...)
	}
	for _, g := range r.groups {
		all = append(all, r.dependencies(g.Raw.Dependencies, end{-1, g, g.parent, g.Label}, names)...)
	}
	r.keepDeclared(all)
	slices.SortStableFunc(all, func(a, b dependency) int {
		return cmp.Or(cmp.Compare(b.depth, a.depth), cmp.Compare(a.groupEnds(), b.groupEnds()))
	})
	edges := 0
	for _, dep := range all {
		ups, downs := r.leaves(dep.up), r.roots(dep.down)
		if len(ups) == 0 && r.connects(dep.up) {
			r.Errorf(dep.at, "the group %q has nothing but setups and their teardowns, which nothing waits for: name the setup itself", dep.up.group.Label)
			continue
		}
		if edges += len(ups) * len(downs); edges > maxEdges {
			r.Errorf(dep.at, "dependencies between groups make more than %d edges: put an empty task between them", maxEdges)
			return
		}
		for _, up := range ups {
			r.tasks[up].Downstream = append(r.tasks[up].Downstream, downs...)
		}
		for _, down := range downs {
			r.tasks[down].Upstream = append(r.tasks[down].Upstream, ups...)
		}
	}
	for _, t := range r.tasks {
		t.Upstream, t.Downstream = ascending(t.Upstream), ascending(t.Downstream)
	}
	r.checkSetups()
	r.checkCycle()
	r.checkChoices()
}

// keepDeclared keeps the dependencies as the file has them when some are on or of a
// group: two groups of a thousand tasks are one name there, and a million edges.
func (r *dagReader) keepDeclared(all []dependency) {
	if !slices.ContainsFunc(all, func(d dependency) bool { return d.groupEnds() > 0 }) {
		return
	}
	declared := map[string][]string{}
	for _, d := range all {
		down := r.label(d.down)
		declared[down] = append(declared[down], r.label(d.up))
	}
	for down, names := range declared {
		slices.Sort(names)
		declared[down] = slices.Compact(names) // a teardown may name a setup that it depends on too
	}
	r.draft.Declared = declared
}

// label returns the bare name of an end, unique in the DAG.
func (r *dagReader) label(e end) string {
	if e.group != nil {
		return e.group.Label
	}
	return r.tasks[e.task].Label
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

func ascending(list []int) []int {
	slices.Sort(list)
	return slices.Clip(slices.Compact(list))
}

// endNames maps bare names and full ids to what they name.
type endNames struct{ bare, full map[string]end }

// nameEnds collects the names of tasks and groups, which share one namespace, and
// reports clashes.
func (r *dagReader) nameEnds() endNames {
	names := endNames{map[string]end{}, map[string]end{}}
	nodes := map[string]*yaml.Node{}
	prefix := func(what, label string) string {
		if what == "task" {
			return "" // the scope of the message names it
		}
		return fmt.Sprintf("%s %q: ", what, label)
	}
	add := func(s reading.Scope, label, id, what string, e end, at *yaml.Node) {
		if first, twice := nodes[label]; twice {
			s.Errorf(at, "%sthe name is taken on line %d, tasks and groups share their names", prefix(what, label), first.Line)
			return
		}
		nodes[label] = at
		names.bare[label] = e
		if _, twice := names.full[id]; twice {
			s.Errorf(at, "%sits full id %q is taken", prefix(what, label), id)
			return
		}
		names.full[id] = e
	}
	for _, g := range r.groups {
		add(r.Scope, g.Label, g.ID, "group", end{-1, g, g.parent, g.Label}, g.name)
	}
	for i, t := range r.tasks {
		add(r.Scope.Task(t.ID), t.Label, t.ID, "task", end{i, nil, t.group, t.ID}, t.name)
	}
	return names
}

// dependencies resolves one dependencies key.
func (r *dagReader) dependencies(p keys.Pair, down end, names endNames) []dependency {
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
		name, ok := r.Text("dependencies", item)
		if !ok {
			continue
		}
		up, ok := r.resolveEnd(item, name, names)
		if !ok {
			continue
		}
		if seen[up] {
			r.Warnf(item, "dependency %q stands twice", yamlvalue.Excerpt(name))
			continue
		}
		seen[up] = true
		if r.checkEnds(item, name, up, down) {
			list = append(list, dependency{up, down, item, commonDepth(up.around, down.around)})
		}
	}
	return list
}

func (r *dagReader) resolveEnd(at *yaml.Node, name string, names endNames) (end, bool) {
	bare, isBare := names.bare[name]
	full, isFull := names.full[name]
	switch {
	case isBare && isFull && !bare.same(full):
		r.Errorf(at, "dependency %q is the name of one and the full id of another: rename one of them", yamlvalue.Excerpt(name))
		return end{}, false
	case isBare:
		return bare, true
	case isFull:
		return full, true
	}
	known := func(yield func(string) bool) {
		for label := range names.bare {
			if !yield(label) {
				return
			}
		}
	}
	r.Errorf(at, "unknown dependency %q%s", yamlvalue.Excerpt(name), r.Suggest(name, known))
	return end{}, false
}

// checkEnds refuses a dependency that cannot mean anything.
func (r *dagReader) checkEnds(at *yaml.Node, name string, up, down end) bool {
	switch {
	case up.same(down):
		r.Errorf(at, "%q cannot depend on itself", yamlvalue.Excerpt(name))
	case up.group != nil && down.around.inside(up.group):
		r.Errorf(at, "%q lies in the group %q and cannot depend on it", down.name, up.group.Label)
	case down.group != nil && up.around.inside(down.group):
		r.Errorf(at, "the group %q cannot depend on %q, which lies in it", down.group.Label, yamlvalue.Excerpt(name))
	case r.connects(up) != r.connects(down):
		empty := up
		if r.connects(up) {
			empty = down
		}
		r.Errorf(at, "the group %q has no tasks: the order through it would be lost", empty.group.Label)
	default:
		return true
	}
	return false
}

// connects reports whether an end has tasks.
func (r *dagReader) connects(e end) bool { return e.group == nil || len(e.group.members) > 0 }

// commonDepth is the depth of the innermost group that holds both places.
func commonDepth(a, b *groupDraft) int {
	for a != b && a != nil && b != nil {
		if a.depth >= b.depth {
			a = a.parent
		} else {
			b = b.parent
		}
	}
	if a == nil || b == nil {
		return 0
	}
	return a.depth
}

// leaves returns the tasks of an end without a downstream inside it.
func (r *dagReader) leaves(e end) []int {
	if e.group == nil {
		return []int{e.task}
	}
	r.findEnds(e.group)
	return e.group.leafs
}

// roots returns the tasks of an end without an upstream inside it.
func (r *dagReader) roots(e end) []int {
	if e.group == nil {
		return []int{e.task}
	}
	r.findEnds(e.group)
	return e.group.roots
}

func (r *dagReader) findEnds(g *groupDraft) {
	if g.ended {
		return
	}
	g.ended = true
	inside := func(i int) bool { return r.tasks[i].group.inside(g) }
	outside := func(i int) bool { return !inside(i) }
	for _, i := range g.members {
		if allOf(r.tasks[i].Upstream, outside) {
			g.roots = append(g.roots, i)
		}
		if r.isLeaf(i, inside) {
			g.leafs = append(g.leafs, i)
		}
	}
}

func allOf(list []int, holds func(int) bool) bool {
	return !slices.ContainsFunc(list, func(i int) bool { return !holds(i) })
}

// checkCycle reports one cycle of the final graph, with the places of its tasks.
func (r *dagReader) checkCycle() {
	cycle := findCycle(r.tasks)
	if cycle == nil {
		return
	}
	var path strings.Builder
	for _, i := range append(cycle, cycle[0]) {
		if path.Len() > 0 {
			path.WriteString(" -> ")
		}
		t := r.tasks[i]
		fmt.Fprintf(&path, "%s (%d:%d)", t.ID, t.Pos.Line, t.Pos.Column)
	}
	r.Errorf(firstKey(r.tasks[cycle[0]].node), "the dependencies form a cycle: %s", path.String())
}

// findCycle returns the tasks of a cycle in order, from the first one of the file, or nil.
func findCycle(tasks []*taskDraft) []int {
	waiting := make([]int, len(tasks))
	var ready []int
	for i, t := range tasks {
		if waiting[i] = len(t.Upstream); waiting[i] == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		i := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, down := range tasks[i].Downstream {
			if waiting[down]--; waiting[down] == 0 {
				ready = append(ready, down)
			}
		}
	}
	// Every task still waiting has an upstream that waits too: going up must end in a cycle.
	start := slices.IndexFunc(waiting, func(n int) bool { return n > 0 })
	if start < 0 {
		return nil
	}
	step := map[int]int{}
	var path []int
	for i := start; ; {
		if from, seen := step[i]; seen {
			return fromSmallest(path[from:])
		}
		step[i] = len(path)
		path = append(path, i)
		i = tasks[i].Upstream[slices.IndexFunc(tasks[i].Upstream, func(up int) bool { return waiting[up] > 0 })]
	}
}

// fromSmallest turns a cycle found upwards into downward order from its smallest index.
func fromSmallest(cycle []int) []int {
	slices.Reverse(cycle)
	at := slices.Index(cycle, slices.Min(cycle))
	return append(slices.Clone(cycle[at:]), cycle[:at]...)
}
