package pages

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/draw"
	"github.com/dingdag/dingdag/web/pages/graph"
	"github.com/dingdag/dingdag/web/pages/words"
)

const (
	// mostDrawn and mostEdges bound what a graph draws.
	mostDrawn = 1000
	mostEdges = 4000
	// manyTasks is from how many tasks on groups are folded until somebody unfolds them.
	manyTasks = 150
)

// graphData is the graph of a DAG or of a run.
type graphData struct {
	Head  *dagHead
	Graph *overview.Graph
	// Run is the run whose states are shown, or nil.
	Run *api.Run
	// Newest is the newest run of a DAG, for the link to its states.
	Newest *api.Run
	// Task is the one around which the graph is drawn, empty for the whole graph.
	Task string
	// Tasks are the ids of all tasks.
	Tasks []string
	// Drawn is how many of the tasks are drawn, whether in a folded group or not, and of how many.
	Drawn, Of int
	// Open are the groups that cannot be boxes.
	Open []string
	// After is the graph in words: what runs after what, of the drawn tasks.
	After []after
	SVG   template.HTML
}

// after is a task that runs after others.
type after struct {
	Task string
	Of   []string
}

// showGraph shows the tasks of a DAG, or of a run with their states, and what runs after what.
func showGraph(v *view) error {
	runID := v.r.PathValue("run_id")
	tab := "graph"
	if runID != "" {
		tab = ""
	}
	h, err := v.headFor(tab)
	if err != nil {
		return err
	}
	g, err := v.overview.Graph(v.ctx(), h.ID, runID)
	if err != nil {
		return err
	}
	d := graphData{Head: h, Graph: g, Task: v.r.URL.Query().Get("task")}
	for _, n := range g.Nodes {
		if !n.Group {
			d.Tasks = append(d.Tasks, n.ID)
		}
	}
	if d.Of = len(d.Tasks); d.Task != "" && !slices.Contains(d.Tasks, d.Task) {
		return &refusedError{http.StatusNotFound, "error.task", nil}
	}
	if err := v.drawGraph(&d); err != nil {
		return err
	}
	v.Title = v.say("graph.title") + " · " + h.ID
	if g.Run != nil {
		d.Run = &g.Run.Run
		v.Title = v.say("graph.title") + " · " + d.Run.RunID + " · " + h.ID
		v.follow(h.ID, d.Run.RunID)
		return v.render(http.StatusOK, "graph", d)
	}
	l, err := v.overview.API().Runs(v.ctx(), api.RunQuery{DAGID: h.ID, Page: api.Page{Limit: 1}})
	if err != nil {
		return err
	}
	if len(l.Items) == 1 {
		d.Newest = &l.Items[0]
	}
	return v.render(http.StatusOK, "graph", d)
}

// folded are the groups that whoever asks has folded: the field fold names each; without it those at the top of a large
// graph are.
func (v *view) folded(nodes []overview.Node) map[string]bool {
	out := map[string]bool{}
	q := v.r.URL.Query()
	if q.Has("fold") {
		for _, id := range q["fold"] {
			out[id] = true
		}
		return out
	}
	if len(nodes) > manyTasks {
		for _, n := range nodes {
			if n.Group && n.Depth == 0 {
				out[n.ID] = true
			}
		}
	}
	return out
}

// foldLink is the address of this page with a group folded or not.
func (v *view) foldLink(folded map[string]bool, id string) string {
	q := v.r.URL.Query()
	var ids []string
	for g := range folded {
		if g != id {
			ids = append(ids, g)
		}
	}
	if !folded[id] {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if q["fold"] = ids; len(ids) == 0 {
		q["fold"] = []string{""}
	}
	return v.p.o.Base + v.r.URL.EscapedPath() + "?" + q.Encode()
}

const (
	graphHeight = 44
	// graphText is how wide the text of a box may be at most, in halves of a Chinese character.
	graphText  = 32
	charWidth  = 7
	leastWidth = 122
	aboveBox   = 8 // around the graph
)

// drawGraph lays out what is to be seen and draws it.
func (v *view) drawGraph(d *graphData) error {
	var all []graph.Node
	groups, used := map[string]overview.Node{}, map[string]bool{} // used are the groups with something in them
	for _, n := range d.Graph.Nodes {
		if all = append(all, graph.Node{ID: n.ID, Parent: n.Parent, Group: n.Group}); n.Group {
			groups[n.ID] = n
		}
	}
	var ends []graph.Edge
	for _, e := range d.Graph.Edges {
		ends = append(ends, graph.Edge{From: e.From, To: e.To})
	}
	drawn := graph.Prune(d.Tasks, ends, d.Task, mostDrawn, mostEdges)
	ends = slices.DeleteFunc(ends, func(e graph.Edge) bool { return !drawn[e.From] || !drawn[e.To] })
	for _, e := range ends {
		if n := len(d.After); n == 0 || d.After[n-1].Task != e.To {
			d.After = append(d.After, after{Task: e.To})
		}
		last := &d.After[len(d.After)-1]
		last.Of = append(last.Of, e.From)
	}
	open, err := graph.Open(all, ends)
	if err != nil {
		return err
	}
	folded := v.folded(d.Graph.Nodes)
	for _, g := range open {
		delete(folded, g)
	}
	stands := map[string]string{} // who stands for a node: itself, or the outermost folded group around it
	for _, n := range d.Graph.Nodes {
		stands[n.ID] = n.ID
		if s, ok := stands[n.Parent]; ok && (s != n.Parent || folded[n.Parent]) {
			stands[n.ID] = s
		}
		if drawn[n.ID] && !n.Group {
			d.Drawn++
			for g := n.Parent; g != "" && !used[g]; g = groups[g].Parent {
				used[g] = true
			}
		}
	}
	var nodes []graph.Node
	shown := map[string]overview.Node{}
	for _, n := range d.Graph.Nodes {
		if stands[n.ID] != n.ID || n.Group && !used[n.ID] || !n.Group && !drawn[n.ID] {
			continue
		}
		shown[n.ID] = n
		width := charWidth*graph.TextWidth(graph.Shortened(n.Label, graphText)) + 44
		if n.Mapped {
			width += 24
		}
		nodes = append(nodes, graph.Node{ID: n.ID, Parent: n.Parent, Group: n.Group && !folded[n.ID], Width: max(leastWidth, width), Height: graphHeight})
	}
	for i, e := range ends {
		ends[i] = graph.Edge{From: stands[e.From], To: stands[e.To]}
	}
	drawing, err := graph.Lay(nodes, ends)
	if err != nil {
		return err
	}
	d.Open = drawing.Open
	d.SVG = v.graphSVG(d, drawing, shown, folded)
	return nil
}

// graphSVG draws a graph.
func (v *view) graphSVG(d *graphData, g *graph.Drawing, shown map[string]overview.Node, folded map[string]bool) template.HTML {
	w := &draw.Writer{}
	width, height := strconv.Itoa(g.Width+2*aboveBox), strconv.Itoa(g.Height+2*aboveBox)
	w.Raw(`<svg class="graph" width="`, width, `" height="`, height, `" viewBox="-8 -8 `, width, ` `, height, `" role="group" aria-label="`).Text(v.say("graph.title")).Raw(`">`)
	for _, b := range g.Boxes {
		if b.Group {
			v.groupBox(w, d, b, shown[b.ID], folded)
		}
	}
	lines, tips := g.Paths()
	w.Raw(`<path class="edge" d="`, lines, `"/><path class="tip" d="`, tips, `"/>`)
	for _, b := range g.Boxes {
		if !b.Group {
			v.taskBox(w, d, b, shown[b.ID], folded)
		}
	}
	w.Raw(`</svg>`)
	return template.HTML(w.String()) //nolint:gosec // each part is escaped
}

func rect(w *draw.Writer, b graph.Box, class, radius string) {
	w.Raw(`<rect class="`, class, `" x="`, strconv.Itoa(b.X), `" y="`, strconv.Itoa(b.Y), `" width="`, strconv.Itoa(b.Width), `" height="`, strconv.Itoa(b.Height), `" rx="`, radius, `"/>`)
}

// groupBox draws a group around what is in it.
func (v *view) groupBox(w *draw.Writer, d *graphData, b graph.Box, n overview.Node, folded map[string]bool) {
	class := ""
	if d.Graph.Run != nil {
		class = " " + draw.Known(d.Graph.Run.Cells[n.ID].State)
	}
	w.Raw(`<g class="around`, class, `">`)
	rect(w, b, "box", "8")
	w.Raw(`<a href="`).Text(v.foldLink(folded, n.ID)).Raw(`" aria-label="`).Text(v.say("graph.fold", n.ID)).Raw(`"><title>`).Text(v.nodeSays(d, &n)).Raw(`</title><text x="`, strconv.Itoa(b.X+12), `" y="`, strconv.Itoa(b.Y+22), `">▾ `).
		Text(graph.Shortened(n.Label, graphText)).Raw(`</text></a></g>`)
}

// taskBox draws a task, or a group that is folded.
func (v *view) taskBox(w *draw.Writer, d *graphData, b graph.Box, n overview.Node, folded map[string]bool) {
	href, state, second := v.Link("dags", d.Head.ID, "tasks", n.ID), "none", n.Operator
	if d.Graph.Run != nil {
		cell := d.Graph.Run.Cells[n.ID]
		href, state = v.TaskLink(d.Head.ID, d.Graph.Run.RunID, n.ID, -1), draw.Known(cell.State)
		if second = v.say(words.Key("state." + state)); len(cell.Instances) > 1 || n.Mapped && len(cell.Instances) > 0 {
			second = draw.Signs(cell.Instances)
		}
	}
	label, kind := graph.Shortened(n.Label, graphText), "n "
	if n.Group {
		href, label, kind = v.foldLink(folded, n.ID), "▸ "+label, "n fold "
	}
	if n.ID == d.Task {
		kind += "chosen "
	}
	says := v.nodeSays(d, &n)
	if n.Group {
		says = v.say("graph.unfold", n.ID) + " · " + says
	}
	w.Raw(`<a class="`, kind, state, `" href="`).Text(href).Raw(`"><title>`).Text(says).Raw(`</title>`)
	rect(w, b, "box", "6")
	x := b.X + 12
	if d.Graph.Run != nil {
		w.Raw(`<rect class="s" x="`, strconv.Itoa(b.X+8), `" y="`, strconv.Itoa(b.Y+6), `" width="16" height="16" rx="4"/><text class="sign" x="`, strconv.Itoa(b.X+16), `" y="`, strconv.Itoa(b.Y+18), `" aria-hidden="true">`, draw.Sign(state), `</text>`)
		x = b.X + 30
	}
	if n.Mapped {
		label += " [ ]"
	}
	w.Raw(`<text x="`, strconv.Itoa(x), `" y="`, strconv.Itoa(b.Y+19), `">`).Text(label).Raw(`</text><text class="under" x="`, strconv.Itoa(b.X+12), `" y="`, strconv.Itoa(b.Y+36), `">`).
		Text(graph.Shortened(second, (b.Width-18)/6)).Raw("</text></a>\n")
}

// nodeSays is what a node says when it is pointed at.
func (v *view) nodeSays(d *graphData, n *overview.Node) string {
	says := n.ID
	if d.Graph.Run != nil {
		cell := d.Graph.Run.Cells[n.ID]
		says = v.cellTitle(n, &cell, draw.Known(cell.State))
	}
	if n.Operator != "" {
		says += " · " + n.Operator
	}
	if n.Tooltip != "" {
		says += " · " + n.Tooltip
	}
	return says
}
