package dagrun

import (
	"slices"
	"sync"

	"github.com/dingdag/dingdag/dag"
)

// Graph is the shape of a DAG as its runs need it. Nobody changes it, and all runs of the
// DAG share it.
type Graph struct {
	d     *dag.DAG
	tasks []node
	// order is a topological order of the tasks; rank is the place of each in it.
	order []Task
	rank  []int
	// first are the slots that the tasks begin with.
	first []Slot
	// hasSetups says that a task has setups.
	hasSetups bool
	// weights are the effective weights of the tasks, found when they are needed.
	weights func() []int
}

type node struct {
	up, down []Task
	rule     dag.TriggerRule
	// instant marks a task that does nothing: it succeeds in the transaction that
	// makes it ready, without a worker, as Airflow does with empty tasks.
	instant bool
	// mapped marks a task whose instances are not known before it is ready.
	mapped bool
	// waitsToSkip marks a task that is skipped only once it was released: it waits for the
	// run before.
	waitsToSkip bool
	// pool and poolSlots are what an active instance takes; limited says that active
	// instances of the task are counted.
	pool      string
	poolSlots int
	limited   bool
	scope
}

// NewGraph returns the graph of a loaded DAG. Tasks for which instant holds do nothing: they
// succeed as soon as they are ready, without a worker.
func NewGraph(d *dag.DAG, instant func(Task) bool) *Graph {
	g := &Graph{d: d, tasks: make([]node, len(d.Tasks))}
	for i, t := range d.Tasks {
		g.tasks[i] = node{
			up: tasksOf(t.Upstream), down: tasksOf(t.Downstream), rule: t.TriggerRule,
			scope:  scope{setup: t.Setup, teardown: t.Teardown, failsRun: t.OnFailureFailDagrun},
			mapped: t.Mapping != nil,
			// Only with depends_on_past is there anything to wait for.
			waitsToSkip: t.WaitForPastDependsBeforeSkipping && t.DependsOnPast,
			instant:     instant(Task(i)),
			limited:     t.MaxActiveTIsPerDAG > 0 || t.MaxActiveTIsPerDAGRun > 0,
		}
		g.tasks[i].pool, g.tasks[i].poolSlots = PoolOf(t)
	}
	g.sort()
	g.weights = sync.OnceValue(g.weigh)
	return g
}

func tasksOf(indexes []int) []Task {
	out := make([]Task, len(indexes))
	for i, n := range indexes {
		out[i] = Task(n)
	}
	return out
}

// sort computes the topological order. Loading has refused cycles.
func (g *Graph) sort() {
	left := make([]int, len(g.tasks))
	g.first = firstSlots(len(g.tasks))
	g.order, g.rank = make([]Task, 0, len(g.tasks)), make([]int, len(g.tasks))
	for i := range g.tasks {
		if left[i] = len(g.tasks[i].up); left[i] == 0 {
			g.order = append(g.order, Task(i))
		}
	}
	for n := 0; n < len(g.order); n++ {
		g.rank[g.order[n]] = n
		for _, d := range g.tasks[g.order[n]].down {
			if left[d]--; left[d] == 0 {
				g.order = append(g.order, d)
			}
		}
	}
	g.findScopes()
}

// Find returns the task with the given full id, false for an unknown one.
func (g *Graph) Find(id string) (t Task, found bool) {
	i := g.d.TaskIndex(id)
	return Task(i), i >= 0
}

// All are all tasks.
func (g *Graph) All() []Task {
	out := make([]Task, len(g.tasks))
	for i := range out {
		out[i] = Task(i)
	}
	return out
}

// DAG is the DAG that the graph was made of.
func (g *Graph) DAG() *dag.DAG { return g.d }

// Rule is the trigger rule of a task.
func (g *Graph) Rule(t Task) dag.TriggerRule { return g.tasks[t].rule }

// Upstream are the tasks directly before a task, ascending. They are not to be changed.
func (g *Graph) Upstream(t Task) []Task { return g.tasks[t].up }

// Downstream are the tasks directly after a task, ascending. They are not to be changed.
func (g *Graph) Downstream(t Task) []Task { return g.tasks[t].down }

// Setups are the setups that hold a task beyond its trigger rule: for a teardown those
// directly before it, for any other task those further up in whose scope it is. They are
// not to be changed.
func (g *Graph) Setups(t Task) []Task { return g.tasks[t].setups }

// Below are the given tasks and everything downstream of them, ascending.
func (g *Graph) Below(from ...Task) []Task {
	return g.with(from, func(n *node) []Task { return n.down })
}

// Above are the given tasks and everything upstream of them, ascending.
func (g *Graph) Above(from ...Task) []Task {
	return g.with(from, func(n *node) []Task { return n.up })
}

// Tops are those of some tasks that no other of them is upstream of, in the order given.
func (g *Graph) Tops(of []Task) []Task {
	below := g.reach(of, func(n *node) []Task { return n.down })
	return slices.DeleteFunc(slices.Clone(of), func(t Task) bool { return below[t] })
}

// with are the given tasks and everything that next leads to from them, ascending.
func (g *Graph) with(from []Task, next func(*node) []Task) (out []Task) {
	seen := g.reach(from, next)
	for _, t := range from {
		seen[t] = true
	}
	for t, is := range seen {
		if is {
			out = append(out, Task(t))
		}
	}
	return out
}

// reach marks everything that next leads to from some tasks, without the tasks themselves
// unless one leads to another.
func (g *Graph) reach(from []Task, next func(*node) []Task) []bool {
	seen := make([]bool, len(g.tasks))
	var todo []Task
	for _, t := range from {
		todo = append(todo, next(&g.tasks[t])...)
	}
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[t] {
			seen[t] = true
			todo = append(todo, next(&g.tasks[t])...)
		}
	}
	return seen
}

// only are the tasks of a list for which keep holds.
func (g *Graph) only(list []Task, keep func(*node) bool) (out []Task) {
	for _, t := range list {
		if keep(&g.tasks[t]) {
			out = append(out, t)
		}
	}
	return out
}

// ClearedWith are the tasks that must be cleared with a task, ascending and without it:
// the setups in whose scope it is with their teardowns, and with a setup its teardowns
// (Airflow, DAG.partial_subset). So nothing runs again in a scope that was taken down.
func (g *Graph) ClearedWith(t Task) (out []Task) {
	isTeardown := func(n *node) bool { return n.teardown }
	switch n := &g.tasks[t]; {
	case n.teardown:
	case n.setup:
		out = g.only(n.down, isTeardown)
	default:
		for s := range g.tasks {
			if g.tasks[s].setup && g.scopeOf(Task(s))[t] {
				out = append(append(out, Task(s)), g.only(g.tasks[s].down, isTeardown)...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
