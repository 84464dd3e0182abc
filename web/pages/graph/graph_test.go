package graph

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// boxed are nodes of the usual size.
func boxed(ids ...string) (out []Node) {
	for _, id := range ids {
		out = append(out, Node{ID: id, Width: 120, Height: 40})
	}
	return out
}

// random is a graph with groups: tasks run only after those with lower numbers.
func random(seed uint64, tasks, edges, groups int) ([]Node, []Edge) {
	r := rand.New(rand.NewPCG(seed, 7))
	var nodes []Node
	for g := range groups {
		n := Node{ID: fmt.Sprint("g", g), Group: true, Width: 90}
		if g > 0 && r.IntN(2) == 0 {
			n.Parent = fmt.Sprint("g", r.IntN(g))
		}
		nodes = append(nodes, n)
	}
	for i := range tasks {
		n := Node{ID: fmt.Sprint("t", i), Width: 80 + r.IntN(100), Height: 40}
		if groups > 0 && r.IntN(3) > 0 {
			n.Parent = fmt.Sprint("g", r.IntN(groups))
		}
		nodes = append(nodes, n)
	}
	var es []Edge
	for range edges {
		b := 1 + r.IntN(tasks-1)
		es = append(es, Edge{fmt.Sprint("t", r.IntN(b)), fmt.Sprint("t", b)})
	}
	return nodes, es
}

// around reports whether a box is around another one.
func around(a, b Box) bool {
	return a.Group && a.X <= b.X && a.Y <= b.Y && b.X+b.Width <= a.X+a.Width && b.Y+b.Height <= a.Y+a.Height
}

func overlap(a, b Box) bool {
	return a.X < b.X+b.Width && b.X < a.X+a.Width && a.Y < b.Y+b.Height && b.Y < a.Y+a.Height
}

// sound checks what holds for every drawing.
func sound(t *testing.T, nodes []Node, edges []Edge, d *Drawing) {
	t.Helper()
	boxes := map[string]Box{}
	for _, b := range d.Boxes {
		boxes[b.ID] = b
		assert.True(t, b.X >= 0 && b.Y >= 0 && b.X+b.Width <= d.Width && b.Y+b.Height <= d.Height, "%+v is in the picture", b)
	}
	assert.Len(t, boxes, len(nodes)-len(d.Open))
	parents := map[string]string{}
	for _, n := range nodes {
		parents[n.ID] = n.Parent
	}
	open := func(id string) bool { _, drawn := boxes[id]; return id != "" && !drawn }
	parent := func(id string) string {
		p := parents[id]
		for open(p) {
			p = parents[p]
		}
		return p
	}
	for i, a := range d.Boxes {
		if p := parent(a.ID); p != "" {
			assert.True(t, around(boxes[p], a), "%s is in %s", a.ID, p)
		}
		for _, b := range d.Boxes[i+1:] {
			inside := false
			for p := parent(b.ID); p != ""; p = parent(p) {
				inside = inside || p == a.ID
			}
			for p := parent(a.ID); p != ""; p = parent(p) {
				inside = inside || p == b.ID
			}
			assert.Equal(t, inside, overlap(a, b), "%s and %s", a.ID, b.ID)
		}
	}
	type spot struct{ x, y int }
	next := map[spot][]Line{}
	for _, l := range d.Lines {
		assert.True(t, l.X1 <= l.A && l.A < l.B && l.B <= l.X2, "%+v goes to the right", l)
		next[spot{l.X1, l.Y1}] = append(next[spot{l.X1, l.Y1}], l)
		for _, b := range d.Boxes {
			if !b.Group { // lines of a group's inside lie in its box
				assert.False(t, l.X1 < b.X && b.X+b.Width <= l.A && b.Y < l.Y1 && l.Y1 < b.Y+b.Height, "%+v passes through %+v", l, b)
			}
		}
	}
	for _, e := range edges {
		a, b := e.From, e.To
		above := map[string]string{} // what is around a, with what of it is right below
		for below, p := a, parent(a); ; below, p = p, parent(p) {
			above[p] = below
			if p == "" {
				break
			}
		}
		for above[parent(b)] == "" {
			b = parent(b)
		}
		from, to := boxes[above[parent(b)]], boxes[b]
		assert.Less(t, from.X+from.Width, to.X, "%s is left of %s", e.From, e.To)
		reached := map[spot]bool{}
		todo := []spot{{from.X + from.Width, from.Y + from.Height/2}}
		for len(todo) > 0 {
			at := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, l := range next[at] {
				if end := (spot{l.X2, l.Y2}); !reached[end] {
					reached[end] = true
					if !l.Tip {
						todo = append(todo, end)
					}
				}
			}
		}
		assert.True(t, reached[spot{to.X, to.Y + to.Height/2}], "a line leads from %s to %s", from.ID, to.ID)
	}
}

func TestDrawingsAreSound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		tasks := 2 + int(seed)
		nodes, edges := random(seed, tasks, tasks*int(seed%4), int(seed%5))
		d, err := Lay(nodes, edges)
		require.NoError(t, err)
		sound(t, nodes, edges, d)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		again, err := Lay(nodes, edges)
		require.NoError(t, err)
		assert.Equal(t, d, again, "the same graph is drawn the same")
	}
}

func TestAChainIsStraight(t *testing.T) {
	t.Parallel()
	d, err := Lay(boxed("a", "b", "c"), []Edge{{"a", "b"}, {"b", "c"}, {"a", "b"}, {"c", "c"}, {"c", "gone"}})
	require.NoError(t, err)
	assert.Equal(t, &Drawing{
		Width: 3*120 + 2*gapX, Height: 40,
		Boxes: []Box{{"a", false, 0, 0, 120, 40}, {"b", false, 168, 0, 120, 40}, {"c", false, 336, 0, 120, 40}},
		Lines: []Line{{120, 20, 120, 168, 168, 20, true}, {288, 20, 288, 336, 336, 20, true}},
	}, d)
}

func TestLinesCrossOnlyWhereTheyMust(t *testing.T) {
	t.Parallel()
	d, err := Lay(boxed("a", "b", "x", "y"), []Edge{{"a", "y"}, {"b", "x"}, {"b", "y"}})
	require.NoError(t, err)
	at := map[string]Box{}
	for _, b := range d.Boxes {
		at[b.ID] = b
	}
	assert.Equal(t, at["a"].Y < at["b"].Y, at["y"].Y < at["x"].Y, "x is opposite b alone")
}

func TestALongEdgePassesBeside(t *testing.T) {
	t.Parallel()
	nodes, edges := boxed("a", "b", "c", "d"), []Edge{{"a", "b"}, {"b", "c"}, {"c", "d"}, {"a", "d"}, {"a", "c"}}
	d, err := Lay(nodes, edges)
	require.NoError(t, err)
	sound(t, nodes, edges, d)
	assert.Len(t, d.Lines, 3+4, "both long edges of a share the line beside b")
}

func TestAGroupIsAroundWhatIsInIt(t *testing.T) {
	t.Parallel()
	nodes := []Node{{ID: "g", Group: true, Width: 400}, {ID: "g.a", Parent: "g", Width: 100, Height: 40}, {ID: "z", Width: 100, Height: 40}}
	d, err := Lay(nodes, []Edge{{"g.a", "z"}})
	require.NoError(t, err)
	assert.Equal(t, []Box{{"g", true, 0, 0, 400, 40 + header + padding}, {"g.a", false, padding, header, 100, 40}, {"z", false, 448, 24, 100, 40}}, d.Boxes)
	assert.Equal(t, []Line{{400, 44, 400, 448, 448, 44, true}}, d.Lines, "the line begins at the group")
}

func TestAGroupWithSomethingBetweenIsOpen(t *testing.T) {
	t.Parallel()
	nodes := []Node{{ID: "g", Group: true}, {ID: "g.a", Parent: "g", Width: 100, Height: 40}, {ID: "g.b", Parent: "g", Width: 100, Height: 40}, {ID: "x", Width: 100, Height: 40}}
	edges := []Edge{{"g.a", "x"}, {"x", "g.b"}}
	d, err := Lay(nodes, edges)
	require.NoError(t, err)
	assert.Equal(t, []string{"g"}, d.Open)
	sound(t, nodes, edges, d)
	open, err := Open(nodes, edges)
	require.NoError(t, err)
	assert.Equal(t, d.Open, open)
	d, err = Lay(nodes[:2], []Edge{{"g", "g.a"}})
	require.NoError(t, err)
	assert.Empty(t, d.Lines, "no line leads from a group to what is in it")
	_, err = Lay([]Node{{ID: "g"}, nodes[3]}, []Edge{{"g", "x"}, {"x", "g"}})
	require.ErrorIs(t, err, errCircle)
}

func TestWhatCannotBeDrawn(t *testing.T) {
	t.Parallel()
	_, err := Lay(boxed("a", "b"), []Edge{{"a", "b"}, {"b", "a"}})
	require.EqualError(t, err, "edges of the graph go in a circle")
	_, err = Lay(boxed("a", "a"), nil)
	require.EqualError(t, err, `graph has "a" twice`)
	d, err := Lay(nil, nil)
	require.NoError(t, err)
	assert.Equal(t, &Drawing{}, d)
}

func TestManyTasksWithoutEdgesFillASquare(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 400 {
		ids = append(ids, fmt.Sprint("t", i))
	}
	d, err := Lay(boxed(ids...), nil)
	require.NoError(t, err)
	assert.Less(t, d.Width, 4*d.Height)
	assert.Less(t, d.Height, 4*d.Width)
}

// Large and awkward graphs are drawn at once: a page waits for them.
func TestLargeGraphs(t *testing.T) {
	t.Parallel()
	var chain, full, star []Edge
	for i := range 500 {
		chain = append(chain, Edge{fmt.Sprint("t", i), fmt.Sprint("t", i+1)})
		star = append(star, Edge{"t0", fmt.Sprint("t", i+1)})
	}
	for a := range 60 {
		for b := range 60 {
			full = append(full, Edge{fmt.Sprint("t", a), fmt.Sprint("t", 60+b)})
		}
	}
	_, wild := random(3, 500, 1000, 0)
	var ids []string
	for i := range 501 {
		ids = append(ids, fmt.Sprint("t", i))
	}
	for name, edges := range map[string][]Edge{"a chain": chain, "a star": star, "all after all": full, "wild": wild, "a chain and a star": slices.Concat(star, chain)} {
		begin := time.Now()
		d, err := Lay(boxed(ids...), edges)
		took := time.Since(begin)
		require.NoError(t, err, name)
		assert.Len(t, d.Boxes, 501, name)
		assert.Less(t, took, 3*time.Second, name) // some milliseconds; a slow machine with the race detector takes longer
		t.Logf("%s: %v, %d lines, %d x %d", name, took, len(d.Lines), d.Width, d.Height)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	tasks := []string{"a", "b", "c", "d", "e", "x"}
	edges := []Edge{{"a", "b"}, {"b", "c"}, {"c", "d"}, {"d", "e"}, {"a", "x"}, {"x", "e"}}
	for name, c := range map[string]struct {
		around       string
		tasks, edges int
		want         string
	}{
		"all":                         {"", 9, 9, "abcdex"},
		"the first tasks":             {"", 3, 9, "abc"},
		"until there are many edges":  {"", 9, 2, "abc"},
		"before and after":            {"c", 9, 9, "abcde"},
		"not what is beside":          {"x", 9, 9, "aex"},
		"the nearest":                 {"c", 3, 9, "bcd"},
		"what is after what is above": {"a", 9, 9, "abcdex"},
	} {
		got := Prune(tasks, edges, c.around, c.tasks, c.edges)
		assert.Equal(t, strings.Split(c.want, ""), slices.Sorted(maps.Keys(got)), name)
	}
}

func TestShortened(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "1234567890": "1234567890", "12345678901": "123456789…", "一二三四五": "一二三四五", "一二三四五六": "一二三四…"} {
		got := Shortened(text, 10)
		assert.Equal(t, want, got)
		assert.LessOrEqual(t, TextWidth(got), 10)
	}
}
