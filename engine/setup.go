package engine

import (
	"slices"

	"github.com/dingdag/dingdag/dag"
)

// scope is what setups and teardowns mean for one task.
type scope struct {
	setup, teardown, failsRun bool
	// setups are those whose outcome holds the task beyond its trigger rule: for a
	// teardown the setups directly before it, for any other task those further up in
	// whose scope it is.
	setups []int
	// held are the tasks that have this one among their setups.
	held []int
	// leaf says that the state of the run rests on this task.
	leaf bool
}

// findScopes computes what setups and teardowns mean for each task, once sorted.
func (g *graph) findScopes() {
	for s := range g.tasks {
		if !g.tasks[s].setup {
			continue
		}
		for i, within := range g.scopeOf(s) {
			n := &g.tasks[i]
			if direct := slices.Contains(n.up, s); within && direct == n.teardown {
				n.setups = append(n.setups, s)
				g.tasks[s].held = append(g.tasks[s].held, i)
			}
		}
	}
	g.hasSetups = slices.ContainsFunc(g.tasks, func(n node) bool { return len(n.setups) > 0 })
	g.findLeaves()
}

// findLeaves marks the tasks that decide about the run (Airflow,
// DagRun._tis_for_dagrun_state): those with nothing downstream but teardowns that do
// not count, or, when all tasks are such teardowns, those with nothing downstream.
func (g *graph) findLeaves() {
	counts := func(n *node) bool { return !n.teardown || n.failsRun }
	found := false
	for i := range g.tasks {
		n := &g.tasks[i]
		n.leaf = counts(n) && !slices.ContainsFunc(n.down, func(d int) bool { return counts(&g.tasks[d]) })
		found = found || n.leaf
	}
	if found {
		return
	}
	for i := range g.tasks {
		g.tasks[i].leaf = len(g.tasks[i].down) == 0
	}
}

// only are the tasks of a list for which keep holds.
func (g *graph) only(is []int, keep func(*node) bool) (out []int) {
	for _, i := range is {
		if keep(&g.tasks[i]) {
			out = append(out, i)
		}
	}
	return out
}

// scopeOf marks the tasks in the scope of a setup and its teardowns: what is below the
// setup and above one of its teardowns, which are those directly after it; without
// teardowns everything below it (Airflow, get_upstreams_only_setups_and_teardowns).
func (g *graph) scopeOf(s int) []bool {
	within := g.reach([]int{s}, func(n *node) []int { return n.down })
	teardowns := g.only(g.tasks[s].down, func(n *node) bool { return n.teardown })
	if len(teardowns) == 0 {
		return within
	}
	above := g.reach(teardowns, func(n *node) []int { return n.up })
	for i := range within {
		within[i] = within[i] && above[i]
	}
	for _, t := range teardowns {
		within[t] = true
	}
	return within
}

// reach marks everything that next leads to from some tasks, without the tasks themselves
// unless one leads to another.
func (g *graph) reach(from []int, next func(*node) []int) []bool {
	seen := make([]bool, len(g.tasks))
	var todo []int
	for _, i := range from {
		todo = append(todo, next(&g.tasks[i])...)
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[i] {
			seen[i] = true
			todo = append(todo, next(&g.tasks[i])...)
		}
	}
	return seen
}

// clearedWith are the tasks that must be cleared with a task, ascending and without it:
// the setups in whose scope it is with their teardowns, and with a setup its teardowns
// (Airflow, DAG.partial_subset). So nothing runs again in a scope that was taken down.
func (g *graph) clearedWith(i int) (out []int) {
	isTeardown := func(n *node) bool { return n.teardown }
	switch n := &g.tasks[i]; {
	case n.teardown:
	case n.setup:
		out = g.only(n.down, isTeardown)
	default:
		for s := range g.tasks {
			if g.tasks[s].setup && g.scopeOf(s)[i] {
				out = append(append(out, s), g.only(g.tasks[s].down, isTeardown)...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// judge applies what holds a task to the states of its upstream tasks and of its
// setups. A teardown runs when everything before it is done and one of its setups
// succeeded; inside a scope a setup that failed or was skipped is told at once, however
// far up it is (Airflow, TriggerRuleDep).
func (m *machine) judge(i int) verdict {
	n := &m.g.tasks[i]
	v := evaluate(n.rule, m.up[i], m.total[i])
	if len(n.setups) == 0 || n.rule == dag.Always {
		return v
	}
	c := m.setups[i]
	total := m.setupTotal[i] - c.removed
	switch {
	case total <= 0:
		return v
	case !n.teardown:
		return first(when{c.failed+c.upstreamFailed > 0, doUpstreamFail}, when{c.skipped > 0, doSkip},
			when{v == doRun && c.success < total, doWait}, when{true, v})
	case v != doRun:
		return v
	default:
		return first(when{c.skipped >= total, doSkip}, when{c.success == 0, doUpstreamFail}, when{true, doRun})
	}
}
