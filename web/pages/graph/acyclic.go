package graph

// Acyclic takes edges out of a graph so that none go in a circle, as [Lay] wants it: kept are those that stay, back those that lead
// back to where a walk along the edges came from. Walks begin at nodes that no edge leads to, and then at each that is left, in
// the order of the nodes. Edges of nodes that are not there are left out, and each is there once.
func Acyclic(nodes []string, edges []Edge) (kept, back []Edge) {
	w := walk{next: map[string][]string{}, at: map[string]stage{}}
	led := map[string]bool{}
	for _, id := range nodes {
		w.at[id] = unseen
	}
	seen := map[Edge]bool{}
	for _, e := range edges {
		_, from := w.at[e.From]
		_, to := w.at[e.To]
		if !from || !to || seen[e] {
			continue
		}
		seen[e], led[e.To] = true, true
		w.next[e.From] = append(w.next[e.From], e.To)
	}
	for _, roots := range []bool{true, false} {
		for _, id := range nodes {
			if roots != led[id] {
				w.from(id)
			}
		}
	}
	return w.kept, w.back
}

// stage is how far a walk is with a node.
type stage int

const (
	unseen stage = iota
	open
	done
)

type walk struct {
	next       map[string][]string
	at         map[string]stage
	kept, back []Edge
}

// from goes on from a node that no walk has been at.
func (w *walk) from(id string) {
	if w.at[id] != unseen {
		return
	}
	w.at[id] = open
	for _, to := range w.next[id] {
		if w.at[to] == open {
			w.back = append(w.back, Edge{id, to})
			continue
		}
		w.kept = append(w.kept, Edge{id, to})
		w.from(to)
	}
	w.at[id] = done
}
