package graph

import "math"

// rounds is how often columns are moved towards what is beside them.
const rounds = 8

// straighten gives each item its height: near the middle of what is beside it, in the order of its column, and without
// overlapping.
func (c *columns) straighten() {
	for _, o := range c.order {
		y := 0.0
		for p, i := range o {
			if p > 0 {
				y += c.apart(o[p-1], i)
			}
			c.items[i].y = y
		}
		for _, i := range o { // around the same middle
			c.items[i].y -= y / 2
		}
	}
	for n := range rounds {
		for k := range c.order {
			col := k
			if n%2 == 1 {
				col = len(c.order) - 1 - k
			}
			c.settle(col, n%2 == 0, n >= rounds-2)
		}
	}
}

// apart is how far the middles of two items of a column, one below the other, are apart at least.
func (c *columns) apart(above, below int) float64 {
	a, b := &c.items[above], &c.items[below]
	gap := gapY
	if a.node < 0 && b.node < 0 {
		gap = gapLine
	}
	return float64(a.height+b.height)/2 + float64(gap)
}

// settle moves the items of a column as near as can be to where their lines want them.
func (c *columns) settle(col int, right, both bool) {
	o := c.order[col]
	want, weight := make([]float64, len(o)), make([]float64, len(o))
	offset := 0.0
	for p, i := range o {
		if p > 0 {
			offset += c.apart(o[p-1], i)
		}
		it := &c.items[i]
		sum, total := 0.0, 0.0
		pull := func(beside []int) {
			for _, b := range beside {
				w := 1.0
				if it.node < 0 && c.items[b].node < 0 {
					w = 8 // what passes through several columns is to be straight
				}
				sum += w * c.items[b].y
				total += w
			}
		}
		if right || both {
			pull(it.in)
		}
		if !right || both {
			pull(it.out)
		}
		want[p], weight[p] = it.y, 0.01
		if total > 0 {
			want[p], weight[p] = sum/total, total
		}
		want[p] -= offset
	}
	offset = 0
	for p, y := range ascending(want, weight) {
		if p > 0 {
			offset += c.apart(o[p-1], o[p])
		}
		c.items[o[p]].y = y + offset
	}
}

// ascending are the numbers nearest to the wanted ones, by the sum of squares, of which none is less than the one before it
// (pool adjacent violators).
func ascending(want, weight []float64) []float64 {
	type pool struct {
		mean, weight float64
		count        int
	}
	var pools []pool
	for i := range want {
		pools = append(pools, pool{want[i], weight[i], 1})
		for n := len(pools); n > 1 && pools[n-2].mean > pools[n-1].mean; n = len(pools) {
			a, b := pools[n-2], pools[n-1]
			w := a.weight + b.weight
			pools = append(pools[:n-2], pool{(a.mean*a.weight + b.mean*b.weight) / w, w, a.count + b.count})
		}
	}
	out := make([]float64, 0, len(want))
	for _, p := range pools {
		for range p.count {
			out = append(out, p.mean)
		}
	}
	return out
}

// measure turns heights and columns into places, and draws the lines.
func (c *columns) measure(direct []pair) {
	top, bottom := math.Inf(1), math.Inf(-1)
	c.left, c.right = make([]int, len(c.order)), make([]int, len(c.order))
	x := 0
	for col, o := range c.order {
		width := 0
		for _, i := range o {
			it := &c.items[i]
			width = max(width, it.width)
			top, bottom = min(top, it.y-float64(it.height)/2), max(bottom, it.y+float64(it.height)/2)
		}
		c.left[col], c.right[col] = x, x+width
		x += width + gapX
	}
	c.width, c.height = x-gapX, int(math.Ceil(bottom-top))
	for i := range c.items {
		it := &c.items[i]
		it.y -= top
		if it.node >= 0 {
			c.at[it.node] = point{c.left[it.column], int(math.Round(it.y - float64(it.height)/2))}
			c.height = max(c.height, c.at[it.node].y+it.height)
		}
	}
	for i := range c.items {
		for _, to := range c.items[i].out {
			c.line(i, to)
		}
	}
	for _, e := range direct {
		c.line(e.from, e.to)
	}
}

// line draws the line between two items.
func (c *columns) line(from, to int) {
	a, b := &c.items[from], &c.items[to]
	l := Line{Y1: c.middle(a), A: c.right[a.column], B: c.left[b.column], X2: c.left[b.column], Y2: c.middle(b), Tip: b.node >= 0}
	l.X1 = c.left[a.column]
	if a.node >= 0 {
		l.X1 += a.width
	}
	c.lines = append(c.lines, l)
}

// middle is the height at which lines meet an item.
func (c *columns) middle(it *item) int {
	if it.node >= 0 {
		return c.at[it.node].y + it.height/2
	}
	return int(math.Round(it.y))
}
