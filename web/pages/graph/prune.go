package graph

import "slices"

// Prune chooses what to draw of a graph that may be too large: the tasks around one, which are those before and after it,
// the nearest first; or with an empty one all tasks in their order. It ends where there would be more tasks, or more edges
// between them, than are wanted.
func Prune(tasks []string, edges []Edge, around string, mostTasks, mostEdges int) map[string]bool {
	p := pruning{map[string]bool{}, map[string][]string{}, map[string][]string{}, 0, mostTasks, mostEdges}
	for _, e := range edges {
		p.up[e.To] = append(p.up[e.To], e.From)
		p.down[e.From] = append(p.down[e.From], e.To)
	}
	if around != "" {
		p.spread(around)
		return p.taken
	}
	for _, t := range tasks {
		if !p.take(t) {
			break
		}
	}
	return p.taken
}

// pruning is a choice of tasks that grows.
type pruning struct {
	taken    map[string]bool
	up, down map[string][]string
	// edges counts those between the taken tasks.
	edges                int
	mostTasks, mostEdges int
}

// take takes a task, or reports false when that would be too much.
func (p *pruning) take(id string) bool {
	if p.taken[id] {
		return true
	}
	n := 0
	for _, other := range slices.Concat(p.up[id], p.down[id]) {
		if p.taken[other] {
			n++
		}
	}
	if len(p.taken) == p.mostTasks || p.edges+n > p.mostEdges {
		return false
	}
	p.taken[id] = true
	p.edges += n
	return true
}

// spread takes a task and what is before and after it, the nearest first.
func (p *pruning) spread(from string) {
	type step struct {
		id   string
		down bool
	}
	todo, done := []step{{from, false}, {from, true}}, map[step]bool{}
	if !p.take(from) {
		return
	}
	for ; len(todo) > 0; todo = todo[1:] {
		next := p.up[todo[0].id]
		if todo[0].down {
			next = p.down[todo[0].id]
		}
		for _, id := range next {
			s := step{id, todo[0].down}
			if done[s] {
				continue
			}
			if done[s] = true; !p.take(id) {
				return
			}
			todo = append(todo, s)
		}
	}
}
