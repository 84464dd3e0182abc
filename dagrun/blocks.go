package dagrun

import (
	"slices"

	"github.com/dingdag/dingdag/dag"
)

// Blocks are the tasks that do not run because of the failure of an instance, directly or
// through others, in topological order: those that have not begun and that their trigger rules
// and setups would let run if it succeeded. All else that has not finished is taken to succeed.
func (m *Machine) Blocks(at Slot) (out []Task) {
	below := m.g.Downstream(m.task.At(at))
	if len(below) == 0 {
		return nil
	}
	below = m.g.Below(below...)
	// What is beside the instance decides with it about what is below.
	of := m.g.Above(below...)
	slices.SortFunc(of, func(x, y Task) int { return m.g.rank[x] - m.g.rank[y] })
	good, bad := m.outlook(at, dag.Success, of), m.outlook(at, dag.Failed, of)
	for _, i := range of {
		if good[i] == dag.Success && bad[i] != dag.Success {
			out = append(out, i)
		}
	}
	return out
}

// outlook is how those of some tasks, in topological order, end that have not begun, when an
// instance ends in a state and all others that can run succeed.
func (m *Machine) outlook(at Slot, s dag.State, of []Task) map[Task]dag.State {
	t := m.task.At(at)
	ends := map[Task]dag.State{t: s}
	for _, i := range of {
		if !m.waits(i) || ends[i] != dag.None {
			continue
		}
		n := &m.g.tasks[i]
		up, setups, total := m.foreseen(m.up[i], m.total[i], n.up, at, ends), counts{}, int32(0)
		if len(n.setups) > 0 {
			total = m.setupTotal[i]
			setups = m.foreseen(m.setups[i], total, n.setups, at, ends)
		}
		switch n.judge(up, m.total[i], setups, total) {
		case Skips:
			ends[i] = dag.Skipped
		case UpstreamFails:
			ends[i] = dag.UpstreamFailed
		case Runs, Waits:
			ends[i] = dag.Success
		}
	}
	delete(ends, t) // it is not of those
	return ends
}

// foreseen adds to the states of total instances of some tasks how the others of them end.
func (m *Machine) foreseen(c counts, total int32, of []Task, at Slot, ends map[Task]dag.State) counts {
	for _, u := range of {
		switch s := ends[u]; {
		case u == m.task.At(at): // it counts already when its state is known
			c.add(m.states.At(at), -1)
			c.add(s, 1)
		case s != dag.None && s != dag.Success:
			c.add(s, 1)
		}
	}
	c.success += max(0, total-c.success-c.failed-c.skipped-c.upstreamFailed-c.removed)
	return c
}

// waits reports whether an instance of a task has neither begun nor been given a state.
func (m *Machine) waits(t Task) bool {
	return slices.ContainsFunc(m.Slots(t), func(s Slot) bool { return m.states.At(s) == dag.None })
}
