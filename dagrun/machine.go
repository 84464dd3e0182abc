package dagrun

import (
	"container/heap"
	"iter"
	"maps"

	"github.com/dingdag/dingdag/dag"
)

// Machine is the state of one run: the state of every instance and, for each task, the
// counts of its upstream states. It is a pure state machine: it does no I/O, and what it
// decides depends only on the states it was told. The cost of a change follows the
// edges of the changed task, never the size of the DAG.
//
// Instances lie in slots. A task begins with one, which is its only one or the first one
// of a mapped task; Expand adds the others behind those of all tasks.
type Machine struct {
	g      *Graph
	states BySlot[dag.State]
	task   BySlot[Task] // the task of each
	index  BySlot[int]  // its map index, -1 without
	slots  [][]Slot     // by task: the slots of a task that was expanded, else nil
	up     []counts     // by task
	setups []counts     // by task: those of its setups; nil without any in the DAG
	// setupTotal is how many instances the setups of each task have; nil like setups.
	setupTotal []int32
	total      []int32 // by task: how many upstream instances there are
	// unfinished counts slots.
	unfinished int
	// held are the tasks to be skipped that wait to be released, released those that were.
	held, released map[Task]bool
	// dirty holds the ranks of the tasks whose upstream changed since the last
	// advance, as a heap: a task is looked at after everything upstream of it, so the
	// outcome does not depend on the order of events.
	dirty   ranks
	isDirty []bool
	// failedLeaves and inFlight tell what becomes of the run without a scan.
	failedLeaves int
	inFlight     int
	// waiting are the scheduled instances; sorted says that they are in the order of their
	// priority.
	waiting []Slot
	sorted  bool
	// active counts the queued and running instances, activeOf by task where limits need it,
	// poolUse the slots that they and the deferred ones take by pool.
	active   int
	activeOf map[Task]int
	poolUse  map[string]poolUse
}

// NewMachine returns the machine of a run that has not begun: no instance has a state.
func NewMachine(g *Graph) *Machine {
	n := len(g.tasks)
	m := &Machine{
		g: g, slots: make([][]Slot, n),
		up: make([]counts, n), total: make([]int32, n), isDirty: make([]bool, n), unfinished: n,
	}
	m.states.Grow(n)
	m.task.Grow(n)
	m.index.Grow(n)
	if g.hasSetups {
		m.setups, m.setupTotal = make([]counts, n), make([]int32, n)
	}
	for i := range g.tasks {
		m.task.Put(g.first[i], Task(i))
		m.index.Put(g.first[i], -1)
		m.total[i] = int32(len(g.tasks[i].up)) //nolint:gosec // a DAG has far fewer tasks than 2^31
		if g.hasSetups {
			m.setupTotal[i] = int32(len(g.tasks[i].setups)) //nolint:gosec // as above
		}
		m.mark(Task(i))
	}
	return m
}

// State is the state of an instance.
func (m *Machine) State(at Slot) dag.State { return m.states.At(at) }

// Task is the task of an instance.
func (m *Machine) Task(at Slot) Task { return m.task.At(at) }

// MapIndex is the map index of an instance, -1 for a task that is not mapped, or not expanded.
func (m *Machine) MapIndex(at Slot) int { return m.index.At(at) }

// All are the instances and their states. Instances that are added meanwhile are not seen.
func (m *Machine) All() iter.Seq2[Slot, dag.State] { return m.states.All() }

// Len is the number of slots.
func (m *Machine) Len() int { return m.states.Len() }

// InFlight is how many instances go on without a change upstream of them: they are
// scheduled, queued, running, or wait for a moment.
func (m *Machine) InFlight() int { return m.inFlight }

// Held are the tasks that are to be skipped and wait to be released, in no order.
func (m *Machine) Held() iter.Seq[Task] { return maps.Keys(m.held) }

// HeldCount is how many there are.
func (m *Machine) HeldCount() int { return len(m.held) }

// Holds reports whether a task is to be skipped and waits to be released.
func (m *Machine) Holds(t Task) bool { return m.held[t] }

// Set changes the state of an instance and tells the tasks downstream of it.
func (m *Machine) Set(at Slot, s dag.State) {
	old, i := m.states.At(at), m.task.At(at)
	if old == s {
		return
	}
	m.states.Put(at, s)
	m.account(at, old, s)
	delete(m.held, i)
	m.inFlight += btoi(busy(s)) - btoi(busy(old))
	if m.g.tasks[i].leaf {
		m.failedLeaves += btoi(Failed(s)) - btoi(Failed(old))
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

// Expand gives a mapped task at least n slots, one for each map index, n >= 1.
func (m *Machine) Expand(i Task, n int) {
	if m.slots[i] == nil {
		m.slots[i] = []Slot{m.g.first[i]}
		m.index.Put(m.g.first[i], 0)
	}
	more := n - len(m.slots[i])
	if more <= 0 {
		return
	}
	for range more {
		m.task.Add(i)
		m.index.Add(len(m.slots[i]))
		m.slots[i] = append(m.slots[i], m.states.Add(dag.None))
	}
	m.unfinished += more
	for _, d := range m.g.tasks[i].down {
		m.total[d] += int32(more) //nolint:gosec // bounded by the length of a mapping
	}
	for _, h := range m.g.tasks[i].held {
		m.setupTotal[h] += int32(more) //nolint:gosec // as above
	}
}

// Slots are the slots of a task in the order of their map index. They are not to be changed.
func (m *Machine) Slots(i Task) []Slot {
	if m.slots[i] != nil {
		return m.slots[i]
	}
	return m.g.first[i : i+1]
}

// Expanded reports whether a mapped task has its instances; before that it has one slot
// without map index.
func (m *Machine) Expanded(i Task) bool { return m.slots[i] != nil }

// Slot returns the slot of an instance, false when the task has no such instance. The map
// index is -1 for a task that is not mapped, or not expanded.
func (m *Machine) Slot(i Task, mapIndex int) (Slot, bool) {
	switch s := m.slots[i]; {
	case s == nil && mapIndex < 0:
		return m.g.first[i], true
	case mapIndex >= 0 && mapIndex < len(s):
		return s[mapIndex], true
	default:
		return Slot{}, false
	}
}

// mark notes that task i has to be looked at.
func (m *Machine) mark(i Task) {
	if !m.isDirty[i] {
		m.isDirty[i] = true
		heap.Push(&m.dirty, m.g.rank[i])
	}
}

// Progress is what [Machine.Advance] decided, each in the order in which it was decided.
type Progress struct {
	// Ready are the instances that are to run: they are scheduled now.
	Ready []Slot
	// Settled are those whose final state the machine has set.
	Settled []Slot
	// Expand are the mapped tasks whose instances have to be found now.
	Expand []Task
}

// Advance applies the trigger rules to every task whose upstream changed, and lets
// skips and upstream failures travel on.
func (m *Machine) Advance() (p Progress) {
	for len(m.dirty) > 0 {
		i := m.g.order[heap.Pop(&m.dirty).(int)] //nolint:forcetypeassert // ranks holds ints
		m.isDirty[i] = false
		slots := m.Slots(i)
		if !m.waits(i) {
			continue
		}
		n := &m.g.tasks[i]
		settle := func(s dag.State) {
			for _, slot := range slots {
				if m.states.At(slot) == dag.None {
					m.Set(slot, s)
					p.Settled = append(p.Settled, slot)
				}
			}
		}
		switch m.Judge(i) {
		case Runs:
			switch {
			case n.mapped:
				p.Expand = append(p.Expand, i)
			case n.instant:
				settle(dag.Success)
			default:
				m.Set(slots[0], dag.Scheduled)
				p.Ready = append(p.Ready, slots[0])
			}
		case Skips:
			if n.waitsToSkip && !m.released[i] {
				m.hold(i)
			} else {
				settle(dag.Skipped)
			}
		case UpstreamFails:
			settle(dag.UpstreamFailed)
		case Waits:
		}
	}
	return p
}

// hold keeps a task that is to be skipped until it is released.
func (m *Machine) hold(i Task) {
	if m.held == nil {
		m.held, m.released = map[Task]bool{}, map[Task]bool{}
	}
	m.held[i] = true
}

// Release lets a held task be skipped.
func (m *Machine) Release(i Task) {
	delete(m.held, i)
	m.released[i] = true
	m.mark(i)
}

// Verdict returns the state of the run and, for a finished one, the reason
// (Airflow, DagRun.update_state): it waits until every task has finished, then the
// leaves decide. Tasks that wait while nothing runs or is due are a deadlock.
func (m *Machine) Verdict() (dag.RunState, string) {
	switch {
	case m.unfinished > 0 && m.inFlight == 0 && len(m.dirty) == 0 && len(m.held) == 0:
		return dag.RunFailed, ReasonDeadlock
	case m.unfinished > 0:
		return dag.RunRunning, ""
	case m.failedLeaves > 0:
		return dag.RunFailed, ReasonTaskFailure
	default:
		return dag.RunSuccess, ReasonSuccess
	}
}

// The reasons of a finished run, in Airflow's words.
const (
	ReasonSuccess     = "success"
	ReasonTaskFailure = "task_failure"
	ReasonTimedOut    = "timed_out"
	ReasonDeadlock    = "all_tasks_deadlocked"
)

// busy reports whether something will happen to a task without its upstream changing.
func busy(s dag.State) bool { return s != dag.None && !s.Finished() }

// Failed reports whether a state counts as a failure: failed or upstream_failed.
func Failed(s dag.State) bool { return s == dag.Failed || s == dag.UpstreamFailed }

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
