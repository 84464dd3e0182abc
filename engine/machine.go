package engine

import (
	"container/heap"

	"github.com/dingdag/dingdag/dag"
)

// graph is the shape of a DAG as the state machine needs it. Nobody changes it once
// sorted.
type graph struct {
	tasks []node
	// order is a topological order of the tasks; rank is the place of each in it.
	order, rank []int
	// hasSetups says that a task has setups.
	hasSetups bool
}

// sort computes the topological order. Loading has refused cycles.
func (g *graph) sort() {
	left := make([]int, len(g.tasks))
	g.order, g.rank = make([]int, 0, len(g.tasks)), make([]int, len(g.tasks))
	for i := range g.tasks {
		if left[i] = len(g.tasks[i].up); left[i] == 0 {
			g.order = append(g.order, i)
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

type node struct {
	up, down []int
	rule     dag.TriggerRule
	// instant marks a task that does nothing: it succeeds in the transaction that
	// makes it ready, without a worker, as Airflow does with empty tasks.
	instant bool
	scope
}

// machine is the state of one run: the state of every task and, for each, the counts
// of its upstream states. It is a pure state machine: it does no I/O, and what it
// decides depends only on the states it was told. The cost of a change follows the
// edges of the changed task, never the size of the DAG.
type machine struct {
	g          *graph
	states     []dag.State
	up         []counts
	setups     []counts // those of the setups of each task, nil when there are none
	unfinished int
	// dirty holds the ranks of the tasks whose upstream changed since the last
	// advance, as a heap: a task is looked at after everything upstream of it, so the
	// outcome does not depend on the order of events.
	dirty   ranks
	isDirty []bool
	// failedLeaves and inFlight tell what becomes of the run without a scan.
	failedLeaves int
	inFlight     int
}

// newMachine returns the machine of a run whose tasks have the given states.
func newMachine(g *graph, states []dag.State) *machine {
	m := &machine{g: g, states: make([]dag.State, len(g.tasks)), up: make([]counts, len(g.tasks)), isDirty: make([]bool, len(g.tasks)), unfinished: len(g.tasks)}
	if g.hasSetups {
		m.setups = make([]counts, len(g.tasks))
	}
	for i := range g.tasks {
		m.mark(i)
	}
	for i, s := range states {
		if s != dag.None {
			m.set(i, s)
		}
	}
	return m
}

// set changes the state of task i and tells its downstream tasks.
func (m *machine) set(i int, s dag.State) {
	old := m.states[i]
	if old == s {
		return
	}
	m.states[i] = s
	m.inFlight += btoi(busy(s)) - btoi(busy(old))
	if m.g.tasks[i].leaf {
		m.failedLeaves += btoi(failed(s)) - btoi(failed(old))
	}
	if !s.Finished() && !old.Finished() {
		return
	}
	m.unfinished += btoi(old.Finished()) - btoi(s.Finished())
	for _, d := range m.g.tasks[i].down {
		m.up[d].add(old, -1)
		m.up[d].add(s, 1)
		m.mark(d)
	}
	for _, h := range m.g.tasks[i].held {
		m.setups[h].add(old, -1)
		m.setups[h].add(s, 1)
		m.mark(h)
	}
}

// mark notes that task i has to be looked at.
func (m *machine) mark(i int) {
	if !m.isDirty[i] {
		m.isDirty[i] = true
		heap.Push(&m.dirty, m.g.rank[i])
	}
}

// advance applies the trigger rules to every task whose upstream changed, lets
// skips and upstream failures travel on, and returns the tasks that are to run and
// those whose state it has set itself, both in the order in which they were decided.
func (m *machine) advance() (ready, settled []int) {
	for len(m.dirty) > 0 {
		i := m.g.order[heap.Pop(&m.dirty).(int)] //nolint:forcetypeassert // ranks holds ints
		m.isDirty[i] = false
		if m.states[i] != dag.None {
			continue
		}
		n := &m.g.tasks[i]
		switch m.judge(i) {
		case doRun:
			if n.instant {
				m.set(i, dag.Success)
				settled = append(settled, i)
			} else {
				m.set(i, dag.Scheduled)
				ready = append(ready, i)
			}
		case doSkip:
			m.set(i, dag.Skipped)
			settled = append(settled, i)
		case doUpstreamFail:
			m.set(i, dag.UpstreamFailed)
			settled = append(settled, i)
		case doWait:
		}
	}
	return ready, settled
}

// verdict returns the state of the run and, for a finished one, the reason
// (Airflow, DagRun.update_state): it waits until every task has finished, then the
// leaves decide. Tasks that wait while nothing runs or is due are a deadlock.
func (m *machine) verdict() (dag.RunState, string) {
	switch {
	case m.unfinished > 0 && m.inFlight == 0 && len(m.dirty) == 0:
		return dag.RunFailed, reasonDeadlock
	case m.unfinished > 0:
		return dag.RunRunning, ""
	case m.failedLeaves > 0:
		return dag.RunFailed, reasonTaskFailure
	default:
		return dag.RunSuccess, reasonSuccess
	}
}

// The reasons of a finished run, in Airflow's words.
const (
	reasonSuccess     = "success"
	reasonTaskFailure = "task_failure"
	reasonTimedOut    = "timed_out"
	reasonDeadlock    = "all_tasks_deadlocked"
)

// busy reports whether something will happen to a task without its upstream changing.
func busy(s dag.State) bool { return s != dag.None && !s.Finished() }

func failed(s dag.State) bool { return s == dag.Failed || s == dag.UpstreamFailed }

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ranks is a min-heap of topological ranks.
type ranks []int

func (r *ranks) Len() int           { return len(*r) }
func (r *ranks) Less(i, j int) bool { return (*r)[i] < (*r)[j] }
func (r *ranks) Swap(i, j int)      { (*r)[i], (*r)[j] = (*r)[j], (*r)[i] }

// Push adds a rank.
func (r *ranks) Push(x any) { *r = append(*r, x.(int)) } //nolint:forcetypeassert // ranks holds ints

// Pop removes the last rank.
func (r *ranks) Pop() any {
	old := *r
	x := old[len(old)-1]
	*r = old[:len(old)-1]
	return x
}
