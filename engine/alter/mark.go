package alter

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/store"
)

// marked is what a request makes of the runs that it means.
func (rs *Runs) marked(ctx context.Context, rd store.Reader, r *request.Mark) (out []*alteration, err error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	runs, err := meant{dagID: r.DAGID, runID: r.RunID, past: r.Past, future: r.Future}.runs(ctx, rd)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		a, err := rs.alteration(ctx, rd, run)
		if err != nil {
			return nil, err
		}
		if r.TaskID == "" {
			rs.markRun(a, r.State)
		} else if i := a.p.IndexOf(r.TaskID); i >= 0 {
			if err := rs.markTasks(ctx, rd, a, i, r); err != nil {
				return nil, err
			}
		} else if run.RunID == r.RunID {
			return nil, noTask(a, r.TaskID)
		}
		if len(a.changed) > 0 || a.run.State != a.from || a.run.Reason != run.Reason {
			out = append(out, a)
		}
	}
	return out, nil
}

// markTasks gives tasks of a run a state, and lets what failed below go on.
func (rs *Runs) markTasks(ctx context.Context, rd store.Reader, a *alteration, task dagrun.Task, r *request.Mark) error {
	tasks := spread(a.p.Graph, []dagrun.Task{task}, r.Upstream, r.Downstream)
	for _, i := range tasks {
		of, err := a.meantBy(r, a.p.DAG.Tasks[i])
		if err != nil {
			return err
		}
		for _, in := range of {
			if in.State != r.State && in.State != dag.Removed {
				a.mark(in, r.State, rs.Live.Now())
			}
		}
	}
	if r.State != dag.Success {
		return nil
	}
	rest := slices.DeleteFunc(a.p.Graph.Below(task), func(i dagrun.Task) bool { return slices.Contains(tasks, i) })
	if again := a.pick(rest, dagrun.Failed); len(again) > 0 {
		return rs.clear(ctx, rd, a, again)
	}
	return nil
}

// meantBy are the instances of a task that a request means. Of its own task that may be a single one.
func (a *alteration) meantBy(r *request.Mark, t *dag.Task) ([]*store.Instance, error) {
	if t.ID != r.TaskID || r.MapIndex == nil || *r.MapIndex < 0 && t.Mapping == nil {
		return a.of(t), nil
	}
	for _, in := range a.byTask[t.ID] {
		if in.MapIndex == *r.MapIndex {
			return []*store.Instance{in}, nil
		}
	}
	if a.run.RunID != r.RunID {
		return nil, nil
	}
	return nil, fmt.Errorf("task %q of run %s of dag %q has no map index %d: %w", t.ID, a.run.RunID, a.run.DAGID, *r.MapIndex, store.ErrNotFound)
}

// mark gives an instance a final state by hand and stops its attempt.
func (a *alteration) mark(in *store.Instance, s dag.State, now time.Time) {
	if in.State == dag.Running || in.State == dag.Queued || in.State == dag.Restarting {
		a.stop[live.AttemptOf(in)] = errMarked
	}
	a.set(in, s)
	in.RetryAt, in.Error = time.Time{}, ""
	in.StartDate, in.EndDate = cmp.Or(in.StartDate, now), cmp.Or(in.EndDate, now)
	if s == dag.Failed {
		in.Error = errMarked.Error()
	}
}

// markRun gives a whole run a state.
func (rs *Runs) markRun(a *alteration, s dag.State) {
	waits := false
	for _, t := range a.p.DAG.Tasks {
		for _, in := range a.of(t) {
			switch {
			case t.Teardown && !in.State.Finished():
				waits = true
			case in.State == dag.Removed:
			case s == dag.Success && in.State != dag.Success:
				a.mark(in, dag.Success, rs.Live.Now())
			case s == dag.Success || in.State.Finished():
			case in.State == dag.Running, in.State == dag.UpForReschedule, in.State == dag.Deferred, in.State == dag.Restarting,
				in.State == dag.Queued && a.begun(in):
				a.mark(in, dag.Failed, rs.Live.Now())
			default:
				a.mark(in, dag.Skipped, rs.Live.Now())
			}
		}
	}
	state, reason := dag.RunSuccess, live.ReasonMarkedSuccess
	if s == dag.Failed {
		state, reason = dag.RunFailed, live.ReasonMarkedFailed
	}
	if a.run.State == state {
		return // its reason stays
	}
	a.run.Reason = reason
	if !waits {
		a.run.State, a.run.EndDate = state, cmp.Or(a.run.EndDate, rs.Live.Now())
	}
}
