package live

import (
	"errors"
	"iter"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Admit says why a scheduled instance may not have a slot now, or nothing. What it looks at
// beyond its own run are the other live runs, which change in transactions only, and
// transactions run one after another.
func (lr *Run) Admit(tx *Tx, at dagrun.Slot) (why phrase.Text, err error) {
	if why := lr.Machine.NoSlot(at, tx.runs.taken(lr, lr.Task(at))); !why.IsZero() {
		return why, nil
	}
	return lr.pastUnmet(tx, lr.Machine.Task(at))
}

// taken is what is taken of the limits that a task of a run shares with other runs.
func (rs *Runs) taken(lr *Run, t *dag.Task) (l dagrun.Load) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	name, _ := dagrun.PoolOf(t)
	if l.Pool = rs.pools[name]; !l.Pool.Known && name == dagrun.DefaultPool {
		l.Pool = dagrun.Pool{Known: true, Slots: dagrun.DefaultPoolSlots}
	}
	if l.Pool.Bounds(t, rs.o.Workers) {
		for _, other := range rs.live {
			l.Pool.Used += other.Machine.PoolUse(name)
			if l.Pool.IncludeDeferred {
				l.Pool.Deferred += other.Machine.PoolDeferred(name)
			}
		}
		l.Pool.Used += l.Pool.Deferred
	}
	if t.MaxActiveTIsPerDAG > 0 {
		for _, other := range rs.live {
			if i := other.Plan.IndexOf(t.ID); other.Row.DAGID == lr.Row.DAGID && i >= 0 {
				l.OfDAG += other.Machine.ActiveOf(i)
			}
		}
	}
	return l
}

// pastUnmet says why depends_on_past or wait_for_downstream holds a task, or nothing.
func (lr *Run) pastUnmet(tx *Tx, t dagrun.Task) (phrase.Text, error) {
	ids := lr.Plan.Graph.LooksBack(t)
	if ids == nil {
		return phrase.Text{}, nil
	}
	prev, err := lr.past(tx, ids)
	return lr.Plan.Graph.PastUnmet(t, prev), err
}

// past reads the run before with the states of some tasks, nil when there is none.
func (lr *Run) past(tx *Tx, ids []string) (*dagrun.Past, error) {
	prev, err := tx.PreviousRun(tx.Ctx, &lr.Row, lr.Plan.DAG.Catchup)
	if err != nil || prev == nil {
		return nil, err
	}
	states, err := tx.statesIn(prev, ids)
	if err != nil {
		return nil, err
	}
	p := &dagrun.Past{RunID: prev.RunID, State: prev.State, LogicalDate: prev.LogicalDate, States: states, Absent: map[string]bool{}}
	for _, id := range ids {
		if _, has := states[id]; !has {
			p.Absent[id] = lr.absent(tx, prev, id)
		}
	}
	return p, nil
}

// absent reports whether a task that has no row in a run was no part of it.
func (lr *Run) absent(tx *Tx, prev *store.Run, taskID string) bool {
	d := lr.Plan.DAG
	if prev.Version != lr.Row.Version {
		p, err := tx.runs.o.Plans.Of(tx.Ctx, tx, prev.DAGID, prev.Version)
		if err != nil {
			return true // a version that this binary can't load has no task to wait for
		}
		d = p.DAG
	}
	t := d.Task(taskID)
	return t == nil || !dagrun.InWindow(t, prev.Type, prev.LogicalDate)
}

// statesIn reads the states of tasks in a run, from memory where it is live.
func (tx *Tx) statesIn(r *store.Run, ids []string) (map[string]dag.State, error) {
	var rows iter.Seq[*store.Instance]
	if lr := tx.runs.Find(r.Key); lr != nil {
		rows = lr.Instances()
	} else {
		is, err := tx.Instances(tx.Ctx, r.Key)
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
func (lr *Run) release(tx *Tx) (released bool, err error) {
	for i := range lr.Machine.Held() {
		why, err := lr.pastUnmet(tx, i)
		if err != nil {
			return released, err
		}
		if why.IsZero() {
			lr.Machine.Release(i)
			released = true
		}
	}
	return released, nil
}

// stopFast ends the run of a DAG with fail_fast when one of its tasks has failed.
func (lr *Run) stopFast(tx *Tx) error {
	begun, err := tx.runs.Begun(tx.Ctx, tx, lr.Row.Key)
	if err != nil {
		return err
	}
	for _, at := range lr.Machine.StopFast(func(at dagrun.Slot) bool { return begun(lr.inst.At(at)) }) {
		if in := lr.Instance(at); holdsSlot(in.State) { // one that waits may just be taken, and must not begin then
			tx.Cancel(AttemptOf(in), errFailFast)
		}
		in := lr.record(tx, at)
		in.EndDate = tx.Now
		if in.State == dag.Failed {
			in.Error = errFailFast.Error()
		}
	}
	return nil
}

var errFailFast = errors.New("another task failed and the DAG has fail_fast")
