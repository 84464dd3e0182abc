package dagrun

import (
	"fmt"

	"github.com/dingdag/dingdag/dag"
)

// SourceState says whether the results that a mapped task is mapped over are there. If one
// will never be, it returns the state that the task takes on (Airflow, MappedTaskUpstreamDep);
// [dag.None] when it is just not there yet.
func (m *Machine) SourceState(t Task) (instead dag.State, ready bool) {
	ready = true
	for v := range m.g.d.Tasks[t].Mapping.Sources() {
		if v.From == "" {
			continue
		}
		from, _ := m.g.Find(v.From)
		for _, at := range m.Slots(from) {
			switch s := m.states.At(at); {
			case !s.Finished():
				return dag.None, false
			case Failed(s):
				instead, ready = dag.UpstreamFailed, false
			case s == dag.Skipped && !m.Expanded(from) && instead == dag.None:
				instead, ready = dag.Skipped, false
			}
		}
	}
	return instead, ready
}

// TooLongError says that a mapped task would have more instances than it may.
type TooLongError struct {
	// Most is how many are allowed.
	Most int
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("the task would have more than %d instances: map it over less, or raise max_map_length", e.Most)
}

// MapLength is how many instances a mapped task has that had n before it was mapped over
// another source of the given length as well; a task begins with 1. They are the cross
// product of the sources. More than most are a [*TooLongError].
func MapLength(n, length, most int) (int, error) {
	if n *= length; n > most {
		return 0, &TooLongError{most}
	}
	return n, nil
}

// Unfold gives a mapped task n instances, n >= 1, and schedules those that have no state
// yet. Instances that an earlier expansion made beyond n are removed. It returns all that
// it gave a state, in the order of their map index.
func (m *Machine) Unfold(t Task, n int) (changed []Slot) {
	m.Expand(t, n)
	for k, at := range m.Slots(t) {
		switch {
		case m.states.At(at) != dag.None:
			continue
		case k < n:
			m.Set(at, dag.Scheduled)
		default:
			m.Set(at, dag.Removed)
		}
		changed = append(changed, at)
	}
	return changed
}

// Settle ends the instances of a mapped task that have not begun, because there is nothing
// to run. Of several that would be skipped the first stands for all: the others are removed.
// It returns those that it gave a state.
func (m *Machine) Settle(t Task, s dag.State) (changed []Slot) {
	for k, at := range m.Slots(t) {
		if m.states.At(at) != dag.None {
			continue
		}
		if s == dag.Skipped && k > 0 {
			m.Set(at, dag.Removed)
		} else {
			m.Set(at, s)
		}
		changed = append(changed, at)
	}
	return changed
}
