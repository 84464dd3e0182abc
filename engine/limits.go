package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
)

// DefaultPool is the pool of tasks that name none, with DefaultPoolSlots slots unless
// someone changes it.
const (
	DefaultPool      = "default_pool"
	DefaultPoolSlots = 128
)

// admit reports whether a scheduled task may have a slot now, and if not, why. What it
// looks at beyond its own run are the other live runs, which change in transactions
// only, and transactions run one after another.
func (c *change) admit(lr *liveRun, at dagrun.Slot) (bool, string, error) {
	t := lr.task(at)
	if why := c.poolFull(t); why != "" {
		return false, why, nil
	}
	if n := t.MaxActiveTIsPerDAG; n > 0 {
		active := 0
		for _, other := range c.e.liveOf(lr.run.DAGID) {
			if i := other.plan.indexOf(t.ID); i >= 0 {
				active += other.activeOf[i]
			}
		}
		if active >= n {
			return false, fmt.Sprintf("max_active_tis_per_dag: %d of %d instances are active", active, n), nil
		}
	}
	if n := t.MaxActiveTIsPerDAGRun; n > 0 {
		if active := lr.activeOf[lr.m.Task(at)]; active >= n {
			return false, fmt.Sprintf("max_active_tis_per_dagrun: %d of %d instances are active", active, n), nil
		}
	}
	if t.DependsOnPast || t.WaitForDownstream {
		why, err := c.pastUnmet(lr, t)
		return why == "", why, err
	}
	return true, "", nil
}

// stateOf is the state of a task over all its instances, false when it has no row.
func (lr *liveRun) stateOf(taskID string) (s dag.State, has bool) {
	i := lr.plan.indexOf(taskID)
	if i < 0 {
		return s, false
	}
	for _, slot := range lr.m.Slots(i) {
		switch in := lr.inst.At(slot); {
		case in == nil:
		case !has:
			s, has = in.State, true
		default:
			s = dag.Combined(s, in.State)
		}
	}
	return s, has
}

// poolFull says why a task gets no slot of its pool, or nothing.
func (c *change) poolFull(t *dag.Task) string {
	name, want := cmp.Or(t.Pool, DefaultPool), max(t.PoolSlots, 1)
	slots, known := c.e.poolSlots(name)
	switch {
	case !known:
		return fmt.Sprintf("pool %q does not exist: make it with dingdag pools set %s SLOTS", name, name)
	case slots < 0, name == DefaultPool && slots >= c.e.o.Workers && want == 1:
		return "" // there is no bound, or the workers are the tighter one
	}
	used := 0
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	for _, lr := range c.e.live {
		used += lr.poolUse[name]
	}
	if used+want > slots {
		return fmt.Sprintf("pool %q: %d of %d slots are taken", name, used, slots)
	}
	return ""
}

func (e *Engine) poolSlots(name string) (int, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, ok := e.pools[name]
	if !ok && name == DefaultPool {
		return DefaultPoolSlots, true
	}
	return n, ok
}

// pastUnmet says why depends_on_past or wait_for_downstream holds a task, or nothing
// (Airflow, PrevDagrunDep): the task, and with wait_for_downstream what follows it
// directly, must have succeeded or been skipped in the run before. With catchup that is
// the run before that nobody triggered by hand, else the one before of any kind. A first instance passes
// unless ignore_first_depends_on_past is false.
func (c *change) pastUnmet(lr *liveRun, t *dag.Task) (string, error) {
	prev, err := c.PreviousRun(c.ctx, &lr.run, lr.plan.d.Catchup)
	if err != nil || prev == nil {
		return "", err
	}
	ids := []string{t.ID}
	if t.WaitForDownstream {
		ids = append(ids, lr.plan.d.TaskIDs(t.Downstream)...)
	}
	states, err := c.statesIn(prev, ids)
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		switch s, has := states[id]; {
		case s == dag.Success, s == dag.Skipped:
		case !has && c.firstInstance(lr, prev, id):
			if id == t.ID && !t.IgnoreFirstDependsOnPast && (!lr.plan.d.Catchup || !prev.LogicalDate.Before(t.StartDate)) {
				return fmt.Sprintf("depends_on_past: task %q is not in run %s, and ignore_first_depends_on_past is false", id, prev.RunID), nil
			}
		default:
			why := fmt.Sprintf("depends_on_past: task %q is %s in run %s", id, s, prev.RunID)
			if prev.State == dag.RunQueued {
				why += ", which is queued, and starts in the slot of this run once nothing else is left to do here"
			}
			return why, nil
		}
	}
	return "", nil
}

// statesIn reads the states of tasks in a run, from memory where it is live.
func (c *change) statesIn(r *store.Run, ids []string) (map[string]dag.State, error) {
	c.e.mu.Lock()
	lr := c.e.live[r.Key]
	c.e.mu.Unlock()
	out := map[string]dag.State{}
	if lr != nil {
		for _, id := range ids {
			if s, has := lr.stateOf(id); has {
				out[id] = s
			}
		}
		return out, nil
	}
	is, err := c.Instances(c.ctx, r.Key)
	for _, in := range is {
		if !slices.Contains(ids, in.TaskID) {
			continue
		}
		if s, has := out[in.TaskID]; has {
			out[in.TaskID] = dag.Combined(s, in.State)
		} else {
			out[in.TaskID] = in.State
		}
	}
	return out, err
}

// order sorts the waiting tasks by their effective priority; equal ones keep their order.
func (lr *liveRun) order() {
	w := lr.plan.weights()
	slices.SortStableFunc(lr.waiting, func(a, b dagrun.Slot) int { return cmp.Compare(w[lr.m.Task(b)], w[lr.m.Task(a)]) })
}

// stopFast ends the run of a DAG with fail_fast when one of its tasks has failed:
// running tasks are failed and stopped, the rest is skipped. Teardowns still run.
func (c *change) stopFast(lr *liveRun) {
	for at, s := range lr.m.All() {
		switch {
		case s.Finished(), lr.task(at).Teardown:
		case s == dag.Running, s == dag.Queued && c.e.attempting(keyOf(lr.inst.At(at))):
			in := c.set(lr, at, dag.Failed)
			in.EndDate, in.Error = c.now, errFailFast.Error()
			k := keyOf(in)
			c.after = append(c.after, func() { c.e.cancel(k, errFailFast) })
		default:
			c.set(lr, at, dag.Skipped).EndDate = c.now
		}
	}
	lr.waiting = slices.DeleteFunc(lr.waiting, func(at dagrun.Slot) bool { return lr.m.State(at) != dag.Scheduled })
}

var errFailFast = errors.New("another task failed and the DAG has fail_fast")

// pauseAfterFailures pauses a DAG whose last runs all failed, as many in a row as
// max_consecutive_failed_dag_runs says. It returns why, or nothing when it paused nothing.
func (c *change) pauseAfterFailures(lr *liveRun) (cause string, err error) {
	n := lr.plan.d.MaxConsecutiveFailedRuns
	if n == 0 || lr.run.State != dag.RunFailed {
		return "", nil
	}
	last, err := c.Runs(c.ctx, store.RunFilter{DAGID: lr.run.DAGID, States: []dag.RunState{dag.RunSuccess, dag.RunFailed}, Limit: n})
	if err != nil || len(last) < n || c.e.isPaused(lr.run.DAGID) {
		return "", err
	}
	for _, r := range last {
		if r.State != dag.RunFailed {
			return "", nil
		}
	}
	cause = fmt.Sprintf("max_consecutive_failed_dag_runs: %d runs failed in a row", n)
	if err := store.SetPaused(c.ctx, c, lr.run.DAGID, true, c.now, cause); err != nil {
		return "", err
	}
	id := lr.run.DAGID
	c.after = append(c.after, func() {
		c.e.o.Log.Error("dag paused: too many runs failed in a row", "dag", id, "max_consecutive_failed_dag_runs", n)
		c.e.mu.Lock()
		defer c.e.mu.Unlock()
		c.e.paused[id] = true
	})
	return cause, nil
}

// tellPaused tells that a DAG was paused: its on_missed_callback, for which this is why ticks
// will not start. The on_failure_callback of the DAG is told with the run. When it has
// neither, those hear it who are told of the task that failed. An empty cause tells nothing.
func (c *change) tellPaused(lr *liveRun, cause string) {
	if cause == "" {
		return
	}
	cbs := lr.plan.onMissed
	if len(cbs) == 0 && len(lr.plan.onFailure) == 0 {
		for _, in := range lr.inst.All() {
			if in == nil || in.State != dag.Failed || len(cbs) > 0 {
				continue
			}
			if i := lr.plan.indexOf(in.TaskID); i >= 0 {
				cbs = lr.plan.tasks[i].callbacks[callbacks.Failure]
			}
		}
	}
	ev := c.e.event(callbacks.Missed, lr.plan.d)
	ev.State, ev.Reason, ev.Paused = "paused", cause, cause
	c.out = append(c.out, c.e.runDeliveries(c.ctx, c, lr, ev, cbs)...)
}
