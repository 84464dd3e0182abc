package graph

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// level is what is in one group, or at the top, laid out.
type level struct {
	width, height int
	// members are the numbers of the nodes, at where each is.
	members []int
	at      []point
	lines   []Line
}

// layLevel lays out nodes that have boxes already. What hangs together is laid out by itself, and the pieces are put in rows.
func layLevel(members []int, edges []pair, boxes []area) (*level, error) {
	local := make(map[int]int, len(members))
	sizes := make([]area, len(members))
	for i, n := range members {
		local[n], sizes[i] = i, boxes[n]
	}
	pairs := make([]pair, len(edges))
	for i, e := range edges {
		pairs[i] = pair{local[e.from], local[e.to]}
	}
	l := &level{members: members, at: make([]point, len(members))}
	pieces := together(len(members), pairs)
	laid := make([]*columns, len(pieces))
	widest, surface := 0, 0
	for i, p := range pieces {
		c, err := layPiece(p, pairs, sizes)
		if err != nil {
			return nil, err
		}
		laid[i] = c
		widest = max(widest, c.width)
		surface += (c.width + gapX) * (c.height + gapY)
	}
	row := max(widest, int(1.6*math.Sqrt(float64(surface))))
	x, y, height := 0, 0, 0
	for _, c := range laid {
		if x > 0 && x+c.width > row {
			x, y, height = 0, y+height+gapY, 0
		}
		for i, n := range c.nodes {
			l.at[n] = point{x + c.at[i].x, y + c.at[i].y}
		}
		for _, s := range c.lines {
			l.lines = append(l.lines, Line{s.X1 + x, s.Y1 + y, s.A + x, s.B + x, s.X2 + x, s.Y2 + y, s.Tip})
		}
		height = max(height, c.height)
		l.width, l.height = max(l.width, x+c.width), max(l.height, y+c.height)
		x += c.width + gapX/2
	}
	return l, nil
}

// together are the nodes that hang together, each set and all sets in the order of the nodes.
func together(n int, edges []pair) [][]int {
	root := make([]int, n)
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for _, e := range edges {
		if a, b := find(e.from), find(e.to); a != b {
			root[max(a, b)] = min(a, b)
		}
	}
	var out [][]int
	at := map[int]int{}
	for i := range n {
		r := find(i)
		if _, ok := at[r]; !ok {
			at[r] = len(out)
			out = append(out, nil)
		}
		out[at[r]] = append(out[at[r]], i)
	}
	return out
}

// item is a node in a column, or a place where lines pass through it, which has the node -1.
type item struct {
	node, column  int
	width, height int
	in, out       []int
	// y is the middle, place the place in the column from the top.
	y     float64
	place int
}

// columns are nodes that hang together, in columns so that all edges go to the right.
type columns struct {
	nodes         []int
	at            []point
	width, height int
	lines         []Line

	items []item
	order [][]int // the items of each column from the top
	left  []int   // of each column
	right []int
}

// errCircle says that edges go in a circle.
var errCircle = errors.New("edges of the graph go in a circle")

func layPiece(nodes []int, edges []pair, sizes []area) (*columns, error) {
	c := &columns{nodes: nodes, at: make([]point, len(nodes))}
	if len(nodes) == 1 {
		c.width, c.height = sizes[nodes[0]].width, sizes[nodes[0]].height
		return c, nil
	}
	number := make(map[int]int, len(nodes))
	for i, n := range nodes {
		number[n] = i
		c.items = append(c.items, item{node: i, width: sizes[n].width, height: sizes[n].height})
	}
	var own []pair
	for _, e := range edges {
		if i, ok := number[e.from]; ok {
			own = append(own, pair{i, number[e.to]})
		}
	}
	if err := c.rank(own); err != nil {
		return nil, err
	}
	direct := c.connect(own)
	c.arrange()
	c.straighten()
	c.measure(direct)
	return c, nil
}

// rank puts each node into the column behind those before it, and what has nothing before it next to what follows.
func (c *columns) rank(edges []pair) error {
	n := len(c.items)
	next, before := make([][]int, n), make([]int, n)
	for _, e := range edges {
		next[e.from] = append(next[e.from], e.to)
		before[e.to]++
	}
	first := slices.Clone(before)
	var queue []int
	for i := range n {
		if before[i] == 0 {
			queue = append(queue, i)
		}
	}
	for at := 0; at < len(queue); at++ {
		i := queue[at]
		for _, to := range next[i] {
			c.items[to].column = max(c.items[to].column, c.items[i].column+1)
			if before[to]--; before[to] == 0 {
				queue = append(queue, to)
			}
		}
	}
	if len(queue) < n {
		return errCircle
	}
	for i := range n {
		if first[i] > 0 || len(next[i]) == 0 {
			continue
		}
		nearest := math.MaxInt
		for _, to := range next[i] {
			nearest = min(nearest, c.items[to].column)
		}
		c.items[i].column = nearest - 1
	}
	return nil
}

// mostPassed bounds how many places there are where lines pass through columns. What is beyond goes straight.
const mostPassed = 20_000

// connect gives long edges a place in each column that they pass through. The long edges of one node share their places:
// those that begin at it, or those that end there when these are more. It returns the edges that go straight.
func (c *columns) connect(edges []pair) (direct []pair) {
	n := len(c.items)
	out, in := make([]int, n), make([]int, n)
	long := func(e pair) bool { return c.items[e.to].column-c.items[e.from].column > 1 }
	for _, e := range edges {
		if long(e) {
			out[e.from]++
			in[e.to]++
		}
	}
	type passing struct {
		node, column int
		into         bool
	}
	passed := map[passing]int{}
	linked := map[pair]bool{}
	link := func(a, b int) {
		if p := (pair{a, b}); !linked[p] {
			linked[p] = true
			c.items[a].out = append(c.items[a].out, b)
			c.items[b].in = append(c.items[b].in, a)
		}
	}
	for _, e := range edges {
		into := in[e.to] > out[e.from]
		owner := e.from
		if into {
			owner = e.to
		}
		if span := c.items[e.to].column - c.items[e.from].column; len(c.items)+span > n+mostPassed {
			direct = append(direct, e)
			continue
		}
		at := e.from
		for col := c.items[e.from].column + 1; col < c.items[e.to].column; col++ {
			key := passing{owner, col, into}
			i, ok := passed[key]
			if !ok {
				i = len(c.items)
				passed[key] = i
				c.items = append(c.items, item{node: -1, column: col, height: gapLine})
			}
			link(at, i)
			at = i
		}
		link(at, e.to)
	}
	return direct
}

// arrange orders the items of each column so that few lines cross: it sorts them by the middle of what is beside them, from
// left to right and back, as long as that helps (Sugiyama, Tagawa and Toda, Methods for visual understanding of hierarchical
// system structures).
func (c *columns) arrange() {
	last := 0
	for _, it := range c.items {
		last = max(last, it.column)
	}
	c.order = make([][]int, last+1)
	seen := make([]bool, len(c.items))
	stack := make([]int, 0, len(c.items))
	for root := range c.items {
		if seen[root] || len(c.items[root].in) > 0 {
			continue
		}
		stack = append(stack[:0], root)
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if seen[i] {
				continue
			}
			seen[i] = true
			c.order[c.items[i].column] = append(c.order[c.items[i].column], i)
			for _, to := range slices.Backward(c.items[i].out) {
				stack = append(stack, to)
			}
		}
	}
	c.number()
	best, fewest := c.copyOrder(), c.crossings()
	worse := 0
	for sweep := 0; fewest > 0 && worse < 4 && sweep < 24; sweep++ {
		c.sweep(sweep%2 == 0)
		if n := c.crossings(); n < fewest {
			best, fewest, worse = c.copyOrder(), n, 0
		} else {
			worse++
		}
	}
	c.order = best
	c.number()
}

func (c *columns) copyOrder() [][]int {
	out := make([][]int, len(c.order))
	for i, o := range c.order {
		out[i] = slices.Clone(o)
	}
	return out
}

func (c *columns) number() {
	for _, o := range c.order {
		for p, i := range o {
			c.items[i].place = p
		}
	}
}

// sweep sorts each column by the one before it, or the one behind it.
func (c *columns) sweep(right bool) {
	middle := make([]float64, len(c.items))
	for n := range c.order {
		col := n
		if !right {
			col = len(c.order) - 1 - n
		}
		for _, i := range c.order[col] {
			beside := c.items[i].in
			if !right {
				beside = c.items[i].out
			}
			middle[i] = float64(c.items[i].place)
			if len(beside) > 0 {
				sum := 0
				for _, b := range beside {
					sum += c.items[b].place
				}
				middle[i] = float64(sum) / float64(len(beside))
			}
		}
		slices.SortStableFunc(c.order[col], func(a, b int) int { return cmp.Compare(middle[a], middle[b]) })
		for p, i := range c.order[col] {
			c.items[i].place = p
		}
	}
}

// crossings counts the lines between neighbouring columns that cross.
func (c *columns) crossings() int {
	total := 0
	var ends []int
	for col := range len(c.order) - 1 {
		ends = ends[:0]
		for _, i := range c.order[col] {
			from := len(ends)
			for _, to := range c.items[i].out {
				ends = append(ends, c.items[to].place)
			}
			slices.Sort(ends[from:])
		}
		counts := make([]int, len(c.order[col+1])+1) // how many ends are at a place or before it, as a tree (Fenwick)
		for seen, end := range ends {
			before := 0
			for i := end + 1; i > 0; i -= i & -i {
				before += counts[i]
			}
			total += seen - before
			for i := end + 1; i < len(counts); i += i & -i {
				counts[i]++
			}
		}
	}
	return total
}
