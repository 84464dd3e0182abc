package engine

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
)

// admit says why a scheduled instance may not have a slot now, or nothing. What it looks at
// beyond its own run are the other live runs, which change in transactions only, and
// transactions run one after another.
func (c *change) admit(lr *liveRun, at dagrun.Slot) (why string, err error) {
	if why := lr.m.NoSlot(at, c.e.taken(lr, lr.task(at))); why != "" {
		return why, nil
	}
	return c.pastUnmet(lr, lr.m.Task(at))
}

// taken is what is taken of the limits that a task of a run shares with other runs.
func (e *Engine) taken(lr *liveRun, t *dag.Task) (l dagrun.Load) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name, _ := dagrun.PoolOf(t)
	if l.Pool.Slots, l.Pool.Known = e.pools[name]; !l.Pool.Known && name == dagrun.DefaultPool {
		l.Pool = dagrun.Pool{Known: true, Slots: dagrun.DefaultPoolSlots}
	}
	if l.Pool.Bounds(t, e.o.Workers) {
		for _, other := range e.live {
			l.Pool.Used += other.m.PoolUse(name)
		}
	}
	if t.MaxActiveTIsPerDAG > 0 {
		for _, other := range e.live {
			if i := other.plan.IndexOf(t.ID); other.run.DAGID == lr.run.DAGID && i >= 0 {
				l.OfDAG += other.m.ActiveOf(i)
			}
		}
	}
	return l
}

// pastUnmet says why depends_on_past or wait_for_downstream holds a task, or nothing.
func (c *change) pastUnmet(lr *liveRun, t dagrun.Task) (string, error) {
	ids := lr.plan.Graph.LooksBack(t)
	if ids == nil {
		return "", nil
	}
	prev, err := c.past(lr, ids)
	return lr.plan.Graph.PastUnmet(t, prev), err
}

// past reads the run before with the states of some tasks, nil when there is none.
func (c *change) past(lr *liveRun, ids []string) (*dagrun.Past, error) {
	prev, err := c.PreviousRun(c.ctx, &lr.run, lr.plan.DAG.Catchup)
	if err != nil || prev == nil {
		return nil, err
	}
	states, err := c.statesIn(prev, ids)
	if err != nil {
		return nil, err
	}
	p := &dagrun.Past{RunID: prev.RunID, State: prev.State, LogicalDate: prev.LogicalDate, States: states, Absent: map[string]bool{}}
	for _, id := range ids {
		if _, has := states[id]; !has {
			p.Absent[id] = c.absent(lr, prev, id)
		}
	}
	return p, nil
}

// absent reports whether a task that has no row in a run was no part of it.
func (c *change) absent(lr *liveRun, prev *store.Run, taskID string) bool {
	d := lr.plan.DAG
	if prev.Version != lr.run.Version {
		p, err := c.e.plans.Of(c.ctx, c, prev.DAGID, prev.Version)
		if err != nil {
			return true // a version that this binary can't load has no task to wait for
		}
		d = p.DAG
	}
	t := d.Task(taskID)
	return t == nil || !dagrun.InWindow(t, prev.Type, prev.LogicalDate)
}

// statesIn reads the states of tasks in a run, from memory where it is live.
func (c *change) statesIn(r *store.Run, ids []string) (map[string]dag.State, error) {
	c.e.mu.Lock()
	lr := c.e.live[r.Key]
	c.e.mu.Unlock()
	var rows iter.Seq[*store.Instance]
	if lr != nil {
		rows = lr.rows()
	} else {
		is, err := c.Instances(c.ctx, r.Key)
		if err != nil {
			return nil, err
		}
		rows = slices.Values(is)
	}
	out := map[string]dag.State{}
	for in := range rows {
		if s, has := out[in.TaskID]; has {
			out[in.TaskID] = dag.Combined(s, in.State)
		} else if slices.Contains(ids, in.TaskID) {
			out[in.TaskID] = in.State
		}
	}
	return out, nil
}

// release lets tasks be skipped that wait for the run before to do so
// (wait_for_past_depends_before_skipping), as far as that is over. It reports whether
// any was let go.
func (c *change) release(lr *liveRun) (released bool, err error) {
	for i := range lr.m.Held() {
		why, err := c.pastUnmet(lr, i)
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

// stopFast ends the run of a DAG with fail_fast when one of its tasks has failed.
func (c *change) stopFast(lr *liveRun) {
	begun := func(at dagrun.Slot) bool { return c.e.attempting(keyOf(lr.inst.At(at))) }
	for _, at := range lr.m.StopFast(begun) {
		in := c.record(lr, at)
		in.EndDate = c.now
		if in.State == dag.Failed {
			in.Error = errFailFast.Error()
			k := keyOf(in)
			c.After(func() { c.e.cancel(k, errFailFast) })
		}
	}
}

var errFailFast = errors.New("another task failed and the DAG has fail_fast")

// pauseAfterFailures pauses a DAG whose last runs all failed, as many in a row as
// max_consecutive_failed_dag_runs says. It returns why, or nothing when it paused nothing.
func (c *change) pauseAfterFailures(lr *liveRun) (cause string, err error) {
	n := lr.plan.DAG.MaxConsecutiveFailedRuns
	if n == 0 || lr.run.State != dag.RunFailed {
		return "", nil
	}
	last, err := c.Runs(c.ctx, store.RunFilter{DAGID: lr.run.DAGID, States: []dag.RunState{dag.RunSuccess, dag.RunFailed}, Limit: n})
	if err != nil || len(last) < n || c.e.dags.Paused(lr.run.DAGID) {
		return "", err
	}
	for _, r := range last {
		if r.State != dag.RunFailed {
			return "", nil
		}
	}
	cause = fmt.Sprintf("max_consecutive_failed_dag_runs: %d runs failed in a row", n)
	if err := store.SetPaused(c.ctx, c, lr.run.DAGID, store.Pause{At: c.now, Paused: true, Cause: cause}); err != nil {
		return "", err
	}
	id := lr.run.DAGID
	c.After(func() {
		c.e.o.Log.Error("dag paused: too many runs failed in a row", "dag", id, "max_consecutive_failed_dag_runs", n)
		c.e.dags.Pause(id)
	})
	return cause, nil
}
