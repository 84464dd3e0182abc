package dagrun

import (
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
)

// Past is the run before another one, as depends_on_past and wait_for_downstream see it.
// With catchup that is the run before that nobody triggered by hand, else the one before of
// any kind.
type Past struct {
	RunID       string
	State       dag.RunState
	LogicalDate time.Time
	// States are those of the tasks that [Graph.LooksBack] names, over all their instances.
	// One without instance is missing.
	States map[string]dag.State
	// Absent are those of them that have no instance because they were no part of the run.
	Absent map[string]bool
}

// LooksBack are the ids of the tasks whose states in the run before hold a task: the task
// itself, and with wait_for_downstream what follows it directly. There are none for a task
// that does not look back.
func (g *Graph) LooksBack(t Task) []string {
	task := g.d.Tasks[t]
	switch {
	case task.WaitForDownstream:
		return append([]string{task.ID}, g.IDs(g.tasks[t].down)...)
	case task.DependsOnPast:
		return []string{task.ID}
	default:
		return nil
	}
}

// PastUnmet says why depends_on_past or wait_for_downstream holds a task, or nothing
// (Airflow, PrevDagrunDep): the tasks that it looks back at must have succeeded or been
// skipped in the run before, which is nil for the first one. A first instance passes unless
// ignore_first_depends_on_past is false.
func (g *Graph) PastUnmet(t Task, prev *Past) phrase.Text {
	if prev == nil {
		return phrase.Text{}
	}
	task := g.d.Tasks[t]
	for _, id := range g.LooksBack(t) {
		switch s, has := prev.States[id]; {
		case s == dag.Success, s == dag.Skipped:
		case !has && prev.Absent[id]:
			if id == task.ID && !task.IgnoreFirstDependsOnPast && (!g.d.Catchup || !prev.LogicalDate.Before(task.StartDate)) {
				return phrase.Of("past.absent", id, prev.RunID)
			}
		default:
			why := phrase.Of("past.state", id, phrase.State(s.String()), prev.RunID)
			if prev.State == dag.RunQueued {
				why = phrase.All(why, phrase.Of("past.queued"))
			}
			return why
		}
	}
	return phrase.Text{}
}

// OnlyLooksBack reports whether all that a run could do waits for the run before it: nothing
// is active or waits for a moment, and each task that waits looks back.
func (m *Machine) OnlyLooksBack() bool {
	if len(m.waiting)+len(m.held) == 0 || m.active > 0 || m.inFlight > len(m.waiting) {
		return false
	}
	for _, at := range m.waiting {
		if m.g.LooksBack(m.task.At(at)) == nil {
			return false
		}
	}
	return true
}

// InWindow reports whether a task has an instance in a run (Airflow,
// DagRun.verify_integrity): between the task's own start_date and end_date, both
// counted, by the logical date. A backfill, and a run without logical date, has them all.
func InWindow(t *dag.Task, kind dag.RunType, logicalDate time.Time) bool {
	return kind == dag.BackfillRun || logicalDate.IsZero() ||
		!logicalDate.Before(t.StartDate) && (t.EndDate.IsZero() || !logicalDate.After(t.EndDate))
}

// LeaveOut takes the tasks out of a run that have no instance in it by [InWindow]. As with
// any removed instance, what is downstream does as if they were not there: in Airflow it
// would wait until the run fails as deadlocked.
func (m *Machine) LeaveOut(kind dag.RunType, logicalDate time.Time) {
	for i, t := range m.g.d.Tasks {
		if first := m.Slots(Task(i))[0]; m.states.At(first) == dag.None && !InWindow(t, kind, logicalDate) {
			m.Set(first, dag.Removed)
		}
	}
}
