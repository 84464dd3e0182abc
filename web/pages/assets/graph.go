package assets

import (
	"strconv"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/pages/graph"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/words"
)

const (
	// mostDrawn and mostEdges bound what a graph draws.
	mostDrawn = 400
	mostEdges = 1600
	// Measures in pixels; longest is in halves of a Chinese character.
	height     = 44
	leastWidth = 116
	charWidth  = 7
	around     = 8
	longest    = 36
)

// The kinds of nodes, which are classes of the page as well.
const (
	aDAG     = "is-dag"
	anAsset  = "is-asset"
	aWatcher = "is-watcher"
)

// drawing is a graph of DAGs, assets and watchers.
type drawing struct {
	Width, Height int
	// View is the attribute viewBox, Lines and Tips are paths.
	View, Lines, Tips string
	Boxes             []box
	// Drawn is how many of the nodes are drawn, and Of how many there are.
	Drawn, Of int
	// Back are the edges that would close circles, which are not drawn.
	Back []link
	// Links is the graph in words: what leads to what.
	Links []link
	// Around says that it is drawn around one asset.
	Around bool
}

// link is an edge by what people call its ends.
type link struct{ From, To string }

// box is a node in its place.
type box struct {
	X, Y, Width, Height, TextX, TextY, UnderY int
	Kind, To, Label, Under, Says              string
	// Chosen says that the graph is drawn around it.
	Chosen bool
}

// node is a DAG, an asset or a watcher.
type node struct{ kind, label, under, says, to string }

// world is a graph that is not laid out yet.
type world struct {
	r     page.Request
	ids   []string
	nodes map[string]node
	edges []graph.Edge
}

// add adds a node unless it is there.
func (w *world) add(id string, n node) string {
	if _, ok := w.nodes[id]; !ok {
		w.ids, w.nodes[id] = append(w.ids, id), n
	}
	return id
}

func (w *world) dag(id string) string {
	return w.add("d "+id, node{aDAG, id, "DAG", "DAG " + id, w.r.Link("dags", id)})
}

func assetID(x *browse.Asset) string { return "a " + strconv.FormatInt(x.ID, 10) }

// worldOf is the graph of assets with the DAGs that make them and those that they start.
func worldOf(r page.Request, all []*browse.Asset) *world {
	w := &world{r: r, nodes: map[string]node{}}
	for _, x := range all {
		under := r.Say("assets.asset")
		if x.Group != "asset" {
			under = x.Group
		}
		to, says := r.Link("assets", x.ID), x.Name
		if x.URI != x.Name {
			says += " · " + x.URI
		}
		id := w.add(assetID(x), node{anAsset, x.Name, under, says, to})
		for _, p := range x.Producers {
			w.edges = append(w.edges, graph.Edge{From: w.dag(p.DAGID), To: id})
		}
		for _, name := range x.Watchers {
			w.edges = append(w.edges, graph.Edge{From: w.add("w "+id+" "+name, node{aWatcher, name, r.Say("assets.watcher"), r.Say("assets.watcher") + " " + name, to}), To: id})
		}
		for _, c := range x.Consumers {
			w.edges = append(w.edges, graph.Edge{From: id, To: w.dag(c.DAGID)})
		}
	}
	return w
}

// draw draws the graph of assets: all of it, or what is before and after one.
func draw(r page.Request, all []*browse.Asset, of *browse.Asset) (*drawing, error) {
	w := worldOf(r, all)
	chosen := ""
	if of != nil {
		chosen = assetID(of)
	}
	taken := graph.Prune(w.ids, w.edges, chosen, mostDrawn, mostEdges)
	d := &drawing{Drawn: len(taken), Of: len(w.ids), Around: of != nil}
	var (
		ids   []string
		nodes []graph.Node
	)
	for _, id := range w.ids {
		if taken[id] {
			n := w.nodes[id]
			width := charWidth*max(graph.TextWidth(graph.Shortened(n.label, longest)), graph.TextWidth(graph.Shortened(n.under, longest))) + 36
			ids, nodes = append(ids, id), append(nodes, graph.Node{ID: id, Width: max(leastWidth, width), Height: height})
		}
	}
	kept, back := graph.Acyclic(ids, w.edges)
	laid, err := graph.Lay(nodes, kept)
	if err != nil {
		return nil, err
	}
	d.Width, d.Height = laid.Width+2*around, laid.Height+2*around
	d.View = strconv.Itoa(-around) + " " + strconv.Itoa(-around) + " " + strconv.Itoa(d.Width) + " " + strconv.Itoa(d.Height)
	d.Lines, d.Tips = laid.Paths()
	for _, b := range laid.Boxes {
		n := w.nodes[b.ID]
		d.Boxes = append(d.Boxes, box{
			X: b.X, Y: b.Y, Width: b.Width, Height: b.Height, TextX: b.X + 14, TextY: b.Y + 19, UnderY: b.Y + 35, Kind: n.kind, To: n.to, Label: graph.Shortened(n.label, longest),
			Under: graph.Shortened(n.under, longest), Says: n.says, Chosen: b.ID == chosen,
		})
	}
	d.Links, d.Back = w.links(append(kept, back...)), w.links(back)
	return d, nil
}

// links are edges in words.
func (w *world) links(es []graph.Edge) (out []link) {
	for _, e := range es {
		out = append(out, link{w.nodes[e.From].says, w.nodes[e.To].says})
	}
	return out
}

// graphData is the graph of all assets.
type graphData struct{ Graph *drawing }

// graph shows all assets with what makes them and what they start.
func (a *Assets) graph(r page.Request) error {
	all, err := a.o.Browse.AssetMap(r.HTTP().Context())
	if err != nil {
		return err
	}
	d := graphData{}
	if d.Graph, err = draw(r, all, nil); err != nil {
		return err
	}
	return r.Show(page.Head{Name: "assets_graph", Nav: "assets", Title: r.Say(words.Key("assets.graph"))}, d)
}
