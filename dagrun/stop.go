package dagrun

import "github.com/dingdag/dingdag/dag"

// Skip skips the instances of some tasks that have not begun, and returns them.
func (m *Machine) Skip(tasks []Task) (changed []Slot) {
	for _, t := range tasks {
		for _, at := range m.Slots(t) {
			if m.states.At(at) == dag.None {
				m.Set(at, dag.Skipped)
				changed = append(changed, at)
			}
		}
	}
	return changed
}

// StopFast ends a run with fail_fast in which a task has failed: what is running fails, the
// rest is skipped, and teardowns still run. A queued instance of which begun holds counts as
// running. It returns the instances that it gave a state.
func (m *Machine) StopFast(begun func(Slot) bool) (changed []Slot) {
	for at, s := range m.states.All() {
		switch {
		case s.Finished(), m.g.tasks[m.task.At(at)].teardown:
			continue
		case s == dag.Running, s == dag.Queued && begun(at):
			m.Set(at, dag.Failed)
		default:
			m.Set(at, dag.Skipped)
		}
		changed = append(changed, at)
	}
	return changed
}

// TimeOut ends a run that took too long: all that is unfinished is skipped (Airflow, DAG
// argument dagrun_timeout). It returns the instances that it gave a state.
func (m *Machine) TimeOut() (changed []Slot) {
	for at, s := range m.states.All() {
		if !s.Finished() {
			m.Set(at, dag.Skipped)
			changed = append(changed, at)
		}
	}
	return changed
}
