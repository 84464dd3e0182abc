package engine

import (
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
)

// inWindow reports whether a task has an instance in a run (Airflow,
// DagRun.verify_integrity): between the task's own start_date and end_date, both
// counted, by the logical date. A backfill, and a run without logical date, has them all.
func inWindow(t *dag.Task, r *store.Run) bool {
	return r.Type == dag.BackfillRun || r.LogicalDate.IsZero() ||
		!r.LogicalDate.Before(t.StartDate) && (t.EndDate.IsZero() || !r.LogicalDate.After(t.EndDate))
}

// leaveOut takes the tasks out of a run that have no instance in it. As with any removed
// instance, what is downstream does as if they were not there: in Airflow it would wait
// until the run fails as deadlocked.
func (lr *liveRun) leaveOut() {
	for i, t := range lr.plan.d.Tasks {
		if (!t.StartDate.IsZero() || !t.EndDate.IsZero()) && !inWindow(t, &lr.run) {
			if first := lr.m.Slots(dagrun.Task(i))[0]; lr.m.State(first) == dag.None {
				lr.m.Set(first, dag.Removed)
			}
		}
	}
}

// release lets tasks be skipped that wait for the run before to do so
// (wait_for_past_depends_before_skipping), as far as that is over. It reports whether
// any was let go.
func (c *change) release(lr *liveRun) (released bool, err error) {
	for i := range lr.m.Held() {
		why, err := c.pastUnmet(lr, lr.plan.d.Tasks[i])
		if err != nil {
			return released, err
		}
		if why == "" {
			lr.m.Release(i)
			released = true
		}
	}
	return released, nil
}

// firstInstance reports whether a task that has no row in a run was no part of it.
func (c *change) firstInstance(lr *liveRun, prev *store.Run, taskID string) bool {
	d := lr.plan.d
	if prev.Version != lr.run.Version {
		p, err := c.e.plan(c.ctx, c, prev.DAGID, prev.Version)
		if err != nil {
			return true // a version that this binary can't load has no task to wait for
		}
		d = p.d
	}
	t := d.Task(taskID)
	return t == nil || !inWindow(t, prev)
}
