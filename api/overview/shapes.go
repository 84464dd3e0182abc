package overview

import (
	"sync"

	"github.com/dingdag/dingdag/dag"
)

// maxShapes is how many versions are remembered.
const maxShapes = 256

// Node is a task or a group of a DAG, in a list that shows the groups with what is in them below.
type Node struct {
	ID string `json:"id"`
	// Label is the id without that of the group around it, or the name to display.
	Label string `json:"label"`
	// Parent is the id of the group around it, empty at top level, and Depth how many groups are around it.
	Parent string `json:"parent"`
	Depth  int    `json:"depth"`
	Group  bool   `json:"is_group"`
	Mapped bool   `json:"is_mapped"`
	// Operator is that of a task, Tooltip what its file says of it.
	Operator string `json:"operator"`
	Tooltip  string `json:"tooltip"`
}

// Shape is how a version of a DAG looks.
type Shape struct {
	Nodes []Node
	// Groups are the ids of the groups around each task, the innermost first.
	Groups map[string][]string
	// Edges are those between tasks, in the order of the later ones.
	Edges []Edge
}

// Edge says that one task runs after another one.
type Edge struct{ From, To string }

// shapeOf puts the tasks of a DAG in the order of its file, and each group where its first task is.
func shapeOf(d *dag.DAG) *Shape {
	s := &Shape{Groups: map[string][]string{}}
	groups := map[string]*dag.Group{}
	for _, g := range d.Groups {
		groups[g.ID] = g
	}
	children := map[string][]Node{} // by parent
	listed := map[string]bool{}
	var list func(g *dag.Group)
	list = func(g *dag.Group) { // after the groups around it
		if listed[g.ID] {
			return
		}
		listed[g.ID] = true
		if p := groups[g.Parent]; p != nil {
			list(p)
		}
		label := g.Label
		if g.DisplayName != "" {
			label = g.DisplayName
		}
		children[g.Parent] = append(children[g.Parent], Node{ID: g.ID, Label: label, Parent: g.Parent, Group: true, Tooltip: g.Tooltip})
	}
	for _, t := range d.Tasks {
		if g := groups[t.Group]; g != nil {
			list(g)
		}
		label := t.Label
		if t.DisplayName != "" {
			label = t.DisplayName
		}
		children[t.Group] = append(children[t.Group], Node{ID: t.ID, Label: label, Parent: t.Group, Mapped: t.Mapping != nil, Operator: t.Operator})
		for g := groups[t.Group]; g != nil; g = groups[g.Parent] {
			s.Groups[t.ID] = append(s.Groups[t.ID], g.ID)
		}
	}
	for _, g := range d.Groups { // of no task
		list(g)
	}
	for _, t := range d.Tasks {
		for _, up := range t.Upstream {
			s.Edges = append(s.Edges, Edge{d.Tasks[up].ID, t.ID})
		}
	}
	var walk func(parent string, depth int)
	walk = func(parent string, depth int) {
		for _, n := range children[parent] {
			n.Depth = depth
			s.Nodes = append(s.Nodes, n)
			if n.Group {
				walk(n.ID, depth+1)
			}
		}
	}
	walk("", 0)
	return s
}

// Shapes remembers how versions of DAGs look: reading one again takes longer than all else that a grid needs. The zero
// value remembers nothing yet; it may be used by several at once.
type Shapes struct {
	mu    sync.Mutex
	known map[string]*Shape
	order []string // the oldest first
}

// of is the shape of a version, made if nobody knows it.
func (s *Shapes) of(version string, restore func() (*dag.DAG, error)) (*Shape, error) {
	if s != nil {
		s.mu.Lock()
		shape := s.known[version]
		s.mu.Unlock()
		if shape != nil {
			return shape, nil
		}
	}
	d, err := restore()
	if err != nil {
		return nil, err
	}
	shape := shapeOf(d)
	if s == nil {
		return shape, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]*Shape{}
	}
	if s.known[version] == nil {
		s.known[version] = shape
		s.order = append(s.order, version)
	}
	if len(s.order) > maxShapes {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
	return shape, nil
}
