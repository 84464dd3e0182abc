package dagrun

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
	setups []Task
	// held are the tasks that have this one among their setups.
	held []Task
	// leaf says that the state of the run rests on this task.
	leaf bool
}

// findScopes computes what setups and teardowns mean for each task, once sorted.
func (g *Graph) findScopes() {
	for s := range g.tasks {
		if !g.tasks[s].setup {
			continue
		}
		for i, within := range g.scopeOf(Task(s)) {
			n := &g.tasks[i]
			if direct := slices.Contains(n.up, Task(s)); within && direct == n.teardown {
				n.setups = append(n.setups, Task(s))
				g.tasks[s].held = append(g.tasks[s].held, Task(i))
			}
		}
	}
	g.hasSetups = slices.ContainsFunc(g.tasks, func(n node) bool { return len(n.setups) > 0 })
	g.findLeaves()
}

// findLeaves marks the tasks that decide about the run (Airflow,
// DagRun._tis_for_dagrun_state): those with nothing downstream but teardowns that do
// not count, or, when all tasks are such teardowns, those with nothing downstream.
func (g *Graph) findLeaves() {
	counts := func(n *node) bool { return !n.teardown || n.failsRun }
	found := false
	for i := range g.tasks {
		n := &g.tasks[i]
		n.leaf = counts(n) && !slices.ContainsFunc(n.down, func(d Task) bool { return counts(&g.tasks[d]) })
		found = found || n.leaf
	}
	if found {
		return
	}
	for i := range g.tasks {
		g.tasks[i].leaf = len(g.tasks[i].down) == 0
	}
}

// scopeOf marks the tasks in the scope of a setup and its teardowns: what is below the
// setup and above one of its teardowns, which are those directly after it; without
// teardowns everything below it (Airflow, get_upstreams_only_setups_and_teardowns).
func (g *Graph) scopeOf(s Task) []bool {
	within := g.reach([]Task{s}, func(n *node) []Task { return n.down })
	teardowns := g.only(g.tasks[s].down, func(n *node) bool { return n.teardown })
	if len(teardowns) == 0 {
		return within
	}
	above := g.reach(teardowns, func(n *node) []Task { return n.up })
	for i := range within {
		within[i] = within[i] && above[i]
	}
	for _, t := range teardowns {
		within[t] = true
	}
	return within
}

// Judge says what the trigger rule and the setups of a task make of the states upstream of
// it. A teardown runs when everything before it is done and one of its setups succeeded;
// inside a scope a setup that failed or was skipped is told at once, however far up it is
// (Airflow, TriggerRuleDep).
func (m *Machine) Judge(t Task) Verdict {
	n := &m.g.tasks[t]
	if len(n.setups) == 0 {
		return n.judge(m.up[t], m.total[t], counts{}, 0)
	}
	return n.judge(m.up[t], m.total[t], m.setups[t], m.setupTotal[t])
}

// judge is Judge for the states of total upstream instances and those of setupTotal setups.
func (n *node) judge(up counts, total int32, setups counts, setupTotal int32) Verdict {
	v := evaluate(n.rule, up, total)
	if len(n.setups) == 0 || n.rule == dag.Always {
		return v
	}
	setupTotal -= setups.removed
	switch {
	case setupTotal <= 0:
		return v
	case !n.teardown:
		return first(when{setups.failed+setups.upstreamFailed > 0, UpstreamFails}, when{setups.skipped > 0, Skips},
			when{v == Runs && setups.success < setupTotal, Waits}, when{true, v})
	case v != Runs:
		return v
	default:
		return first(when{setups.skipped >= setupTotal, Skips}, when{setups.success == 0, UpstreamFails}, when{true, Runs})
	}
}
