// Package graph lays out graphs of tasks for the pages: in columns from left to right, with groups as boxes around what is
// in them. It is pure, and the same graph always gives the same picture.
package graph

import (
	"fmt"
	"slices"
)

// Measures in pixels.
const (
	// padding is between the border of a group and what is in it, header what its name takes at the top.
	padding = 14
	header  = 34
	// gapX is between columns, gapY between boxes of one column, gapLine between lines that pass through a column.
	gapX    = 48
	gapY    = 14
	gapLine = 6
)

// Node is a task, or a group of them that is drawn with what is in it. A folded group is drawn like a task.
type Node struct {
	ID string
	// Parent is the group around it, empty at top level.
	Parent string
	Group  bool
	// Width and Height are those of its box; for a group the width is the least one, and the height has no meaning.
	Width, Height int
}

// Edge says that one task runs after another one.
type Edge struct{ From, To string }

// Box is a node in its place. Boxes overlap only where a group is around another box.
type Box struct {
	ID    string
	Group bool
	// X and Y are the upper left corner.
	X, Y, Width, Height int
}

// Line is a piece of an edge. It goes from X1 to A at the height Y1, bends to B at the height Y2, and goes on to X2:
// X1 ≤ A ≤ B ≤ X2.
type Line struct {
	X1, Y1, A, B, X2, Y2 int
	// Tip says that it ends at a box, where the tip of an arrow belongs.
	Tip bool
}

// Drawing is a graph with places.
type Drawing struct {
	Width, Height int
	// Boxes are in the order of the nodes.
	Boxes []Box
	// Lines are those of all edges. Edges that go the same way share lines.
	Lines []Line
	// Open are the groups without a box: a task outside runs after one inside and before another one, so that no box can
	// stand between both. What is in them is drawn as if it were around them.
	Open []string
}

// Lay lays out a graph. Nodes come after the groups around them; edges of nodes that are not there, and those from a
// node to itself, are left out. An edge between two groups, or into one, is drawn between their boxes. Its error says that
// an id is there twice or that edges go in a circle.
func Lay(nodes []Node, edges []Edge) (*Drawing, error) {
	t, err := newTree(nodes, edges)
	if err != nil {
		return nil, err
	}
	d := &Drawing{}
	for _, g := range t.openCircles() {
		d.Open = append(d.Open, nodes[g].ID)
	}
	slices.Sort(d.Open)
	boxes := make([]area, len(nodes))
	for i, n := range nodes {
		boxes[i] = area{width: n.Width, height: n.Height}
	}
	inside := make([]*level, len(nodes)+1) // of each group, the last one that of the top
	for _, g := range t.bottomUp() {
		l, err := layLevel(t.children[g], t.between[g], boxes)
		if err != nil {
			return nil, err
		}
		inside[g] = l
		if g != t.top() {
			boxes[g] = area{width: max(nodes[g].Width, l.width+2*padding), height: l.height + header + padding}
		}
	}
	top := inside[t.top()]
	d.Width, d.Height = top.width, top.height
	at := make([]point, len(nodes))
	var place func(g, x, y int)
	place = func(g, x, y int) {
		l := inside[g]
		for i, n := range l.members {
			at[n] = point{x + l.at[i].x, y + l.at[i].y}
			if inside[n] != nil {
				place(n, at[n].x+padding, at[n].y+header)
			}
		}
		for _, s := range l.lines {
			d.Lines = append(d.Lines, Line{s.X1 + x, s.Y1 + y, s.A + x, s.B + x, s.X2 + x, s.Y2 + y, s.Tip})
		}
	}
	place(t.top(), 0, 0)
	for i, n := range nodes {
		if !t.dissolved[i] {
			d.Boxes = append(d.Boxes, Box{n.ID, n.Group, at[i].x, at[i].y, boxes[i].width, boxes[i].height})
		}
	}
	return d, nil
}

// Open are the groups that [Lay] can give no box. They cannot be folded either.
func Open(nodes []Node, edges []Edge) ([]string, error) {
	t, err := newTree(nodes, edges)
	if err != nil {
		return nil, err
	}
	var open []string
	for _, g := range t.openCircles() {
		open = append(open, nodes[g].ID)
	}
	slices.Sort(open)
	return open, nil
}

type point struct{ x, y int }

type area struct{ width, height int }

// pair is an edge by the numbers of its nodes.
type pair struct{ from, to int }

// tree is a graph with its groups, by the numbers of the nodes.
type tree struct {
	nodes     []Node
	parent    []int
	dissolved []bool
	edges     []pair
	// children are those of each group in the order of the nodes, between the edges between them, each once. The number
	// behind the last node stands for the top.
	children [][]int
	between  [][]pair
}

func (t *tree) top() int { return len(t.nodes) }

func newTree(nodes []Node, edges []Edge) (*tree, error) {
	t := &tree{nodes: nodes, parent: make([]int, len(nodes)), dissolved: make([]bool, len(nodes))}
	number := make(map[string]int, len(nodes))
	for i, n := range nodes {
		if _, twice := number[n.ID]; twice {
			return nil, fmt.Errorf("graph has %q twice", n.ID)
		}
		t.parent[i] = t.top()
		if p, ok := number[n.Parent]; ok && nodes[p].Group {
			t.parent[i] = p
		}
		number[n.ID] = i
	}
	seen := make(map[pair]bool, len(edges))
	for _, e := range edges {
		from, known := number[e.From]
		to, known2 := number[e.To]
		if p := (pair{from, to}); known && known2 && from != to && !seen[p] {
			seen[p] = true
			t.edges = append(t.edges, p)
		}
	}
	return t, nil
}

// sort puts nodes and edges to the groups that they belong to.
func (t *tree) sort() {
	t.children, t.between = make([][]int, len(t.nodes)+1), make([][]pair, len(t.nodes)+1)
	depth := make([]int, len(t.nodes)+1)
	for i := range t.nodes {
		if p := t.parent[i]; !t.dissolved[i] {
			t.children[p] = append(t.children[p], i)
			if depth[i] = 1; p != t.top() {
				depth[i] = depth[p] + 1
			}
		}
	}
	type placed struct {
		group int
		pair
	}
	seen := map[placed]bool{}
	for _, e := range t.edges {
		a, b := e.from, e.to
		if t.dissolved[a] || t.dissolved[b] {
			continue // nothing is there to which a line could lead
		}
		for depth[a] > depth[b] {
			a = t.parent[a]
		}
		for depth[b] > depth[a] {
			b = t.parent[b]
		}
		if a == b {
			continue // between a group and what is in it
		}
		for t.parent[a] != t.parent[b] {
			a, b = t.parent[a], t.parent[b]
		}
		p := placed{t.parent[a], pair{a, b}}
		if !seen[p] {
			seen[p] = true
			t.between[p.group] = append(t.between[p.group], p.pair)
		}
	}
}

// openCircles dissolves the groups that would be both before and after something else.
func (t *tree) openCircles() (opened []int) {
	for {
		t.sort()
		var found []int
		for g := range t.children {
			for _, circle := range circles(t.children[g], t.between[g]) {
				for _, n := range circle {
					if t.nodes[n].Group {
						found = append(found, n)
					}
				}
			}
		}
		if len(found) == 0 {
			return opened
		}
		for _, g := range found {
			t.dissolved[g] = true
			for i, p := range t.parent {
				if p == g {
					t.parent[i] = t.parent[g]
				}
			}
		}
		opened = append(opened, found...)
	}
}

// bottomUp are the groups with something in them, each after those in it, and the top.
func (t *tree) bottomUp() (groups []int) {
	for i, n := range slices.Backward(t.nodes) {
		if n.Group && !t.dissolved[i] {
			groups = append(groups, i)
		}
	}
	return append(groups, t.top())
}

// circles are the sets of nodes that can be reached from each other (Tarjan, Depth-first search and linear graph
// algorithms), without those of one node.
func circles(nodes []int, edges []pair) (out [][]int) {
	next := map[int][]int{}
	for _, e := range edges {
		next[e.from] = append(next[e.from], e.to)
	}
	type mark struct {
		index, low int
		on         bool
	}
	marks := map[int]*mark{}
	var stack []int
	type frame struct{ node, child int }
	for _, root := range nodes {
		if marks[root] != nil {
			continue
		}
		calls := []frame{{root, 0}}
		for len(calls) > 0 { // by hand, since a chain may be as long as there are nodes
			f := &calls[len(calls)-1]
			m := marks[f.node]
			if m == nil {
				m = &mark{len(marks), len(marks), true}
				marks[f.node] = m
				stack = append(stack, f.node)
			}
			if f.child < len(next[f.node]) {
				to := next[f.node][f.child]
				f.child++
				switch other := marks[to]; {
				case other == nil:
					calls = append(calls, frame{to, 0})
				case other.on:
					m.low = min(m.low, other.index)
				}
				continue
			}
			node := f.node
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				above := marks[calls[len(calls)-1].node]
				above.low = min(above.low, m.low)
			}
			if m.low != m.index {
				continue
			}
			at := slices.Index(stack, node)
			circle := slices.Clone(stack[at:])
			stack = stack[:at]
			for _, n := range circle {
				marks[n].on = false
			}
			if len(circle) > 1 {
				out = append(out, circle)
			}
		}
	}
	return out
}
