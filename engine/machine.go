package engine

import (
	"container/heap"
	"slices"

	"github.com/dingdag/dingdag/dag"
)

// graph is the shape of a DAG as the state machine needs it. Nobody changes it once
// sorted.
type graph struct {
	tasks []node
	// order is a topological order of the tasks; rank is the place of each in it.
	order, rank []int
	// first are the slots that the tasks begin with.
	first []slot
	// hasSetups says that a task has setups.
	hasSetups bool
}

// sort computes the topological order. Loading has refused cycles.
func (g *graph) sort() {
	left := make([]int, len(g.tasks))
	g.first = firstSlots(len(g.tasks))
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
	// mapped marks a task whose instances are not known before it is ready.
	mapped bool
	// waitsToSkip marks a task that is skipped only once it was released: it waits for the
	// run before.
	waitsToSkip bool
	scope
}

// machine is the state of one run: the state of every instance and, for each task, the
// counts of its upstream states. It is a pure state machine: it does no I/O, and what it
// decides depends only on the states it was told. The cost of a change follows the
// edges of the changed task, never the size of the DAG.
//
// Instances lie in slots. A task begins with one, which is its only one or the first one
// of a mapped task; expand adds the others behind those of all tasks.
type machine struct {
	g      *graph
	states bySlot[dag.State]
	task   bySlot[int] // the task of each
	index  bySlot[int] // its map index, -1 without
	slots  [][]slot    // by task: the slots of a task that was expanded, else nil
	up     []counts    // by task
	setups []counts    // by task: those of its setups; nil without any in the DAG
	// setupTotal is how many instances the setups of each task have; nil like setups.
	setupTotal []int32
	total      []int32 // by task: how many upstream instances there are
	// unfinished counts slots.
	unfinished int
	// held are the tasks to be skipped that wait to be released, released those that were.
	held, released map[int]bool
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
	n := len(g.tasks)
	m := &machine{
		g: g, slots: make([][]slot, n),
		up: make([]counts, n), total: make([]int32, n), isDirty: make([]bool, n), unfinished: n,
	}
	m.states.grow(n)
	m.task.grow(n)
	m.index.grow(n)
	if g.hasSetups {
		m.setups, m.setupTotal = make([]counts, n), make([]int32, n)
	}
	for i := range g.tasks {
		m.task.put(g.first[i], i)
		m.index.put(g.first[i], -1)
		m.total[i] = int32(len(g.tasks[i].up)) //nolint:gosec // a DAG has far fewer tasks than 2^31
		if g.hasSetups {
			m.setupTotal[i] = int32(len(g.tasks[i].setups)) //nolint:gosec // as above
		}
		m.mark(i)
	}
	for i, s := range states {
		if s != dag.None {
			m.set(g.first[i], s)
		}
	}
	return m
}

// set changes the state of a slot and tells the downstream tasks.
func (m *machine) set(at slot, s dag.State) {
	old, i := m.states.at(at), m.task.at(at)
	if old == s {
		return
	}
	m.states.put(at, s)
	delete(m.held, i)
	m.inFlight += btoi(busy(s)) - btoi(busy(old))
	if m.g.tasks[i].leaf {
		m.failedLeaves += btoi(failed(s)) - btoi(failed(old))
	}
	if s == dag.None {
		delete(m.released, i)
		m.mark(i)
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

// expand gives a mapped task at least n slots, one for each map index, n >= 1.
func (m *machine) expand(i, n int) {
	if m.slots[i] == nil {
		m.slots[i] = []slot{m.g.first[i]}
		m.index.put(m.g.first[i], 0)
	}
	more := n - len(m.slots[i])
	if more <= 0 {
		return
	}
	for range more {
		m.task.add(i)
		m.index.add(len(m.slots[i]))
		m.slots[i] = append(m.slots[i], m.states.add(dag.None))
	}
	m.unfinished += more
	for _, d := range m.g.tasks[i].down {
		m.total[d] += int32(more) //nolint:gosec // bounded by the length of a mapping
	}
	for _, h := range m.g.tasks[i].held {
		m.setupTotal[h] += int32(more) //nolint:gosec // as above
	}
}

// slotsOf are the slots of a task.
func (m *machine) slotsOf(i int) []slot {
	if m.slots[i] != nil {
		return m.slots[i]
	}
	return m.g.first[i : i+1]
}

// slot returns the slot of an instance, false when the task has no such instance.
func (m *machine) slot(i, mapIndex int) (slot, bool) {
	switch s := m.slots[i]; {
	case s == nil && mapIndex < 0:
		return m.g.first[i], true
	case mapIndex >= 0 && mapIndex < len(s):
		return s[mapIndex], true
	default:
		return slot{}, false
	}
}

// mark notes that task i has to be looked at.
func (m *machine) mark(i int) {
	if !m.isDirty[i] {
		m.isDirty[i] = true
		heap.Push(&m.dirty, m.g.rank[i])
	}
}

// progress is what an advance decided: the slots that are to run, those whose state it
// has set itself, and the mapped tasks whose instances have to be found now; each in the
// order in which it was decided.
type progress struct {
	ready, settled []slot
	expand         []int
}

// advance applies the trigger rules to every task whose upstream changed, and lets
// skips and upstream failures travel on.
func (m *machine) advance() (p progress) {
	for len(m.dirty) > 0 {
		i := m.g.order[heap.Pop(&m.dirty).(int)] //nolint:forcetypeassert // ranks holds ints
		m.isDirty[i] = false
		slots := m.slotsOf(i)
		if !slices.ContainsFunc(slots, func(s slot) bool { return m.states.at(s) == dag.None }) {
			continue
		}
		n := &m.g.tasks[i]
		settle := func(s dag.State) {
			for _, slot := range slots {
				if m.states.at(slot) == dag.None {
					m.set(slot, s)
					p.settled = append(p.settled, slot)
				}
			}
		}
		switch m.judge(i) {
		case doRun:
			switch {
			case n.mapped:
				p.expand = append(p.expand, i)
			case n.instant:
				settle(dag.Success)
			default:
				m.set(slots[0], dag.Scheduled)
				p.ready = append(p.ready, slots[0])
			}
		case doSkip:
			if n.waitsToSkip && !m.released[i] {
				m.hold(i)
			} else {
				settle(dag.Skipped)
			}
		case doUpstreamFail:
			settle(dag.UpstreamFailed)
		case doWait:
		}
	}
	return p
}

// hold keeps a task that is to be skipped until it is released.
func (m *machine) hold(i int) {
	if m.held == nil {
		m.held, m.released = map[int]bool{}, map[int]bool{}
	}
	m.held[i] = true
}

// release lets a held task be skipped.
func (m *machine) release(i int) {
	delete(m.held, i)
	m.released[i] = true
	m.mark(i)
}

// verdict returns the state of the run and, for a finished one, the reason
// (Airflow, DagRun.update_state): it waits until every task has finished, then the
// leaves decide. Tasks that wait while nothing runs or is due are a deadlock.
func (m *machine) verdict() (dag.RunState, string) {
	switch {
	case m.unfinished > 0 && m.inFlight == 0 && len(m.dirty) == 0 && len(m.held) == 0:
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
