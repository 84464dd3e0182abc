package alter

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/store"
)

// cleared is what a request makes of the runs that it means.
func (rs *Runs) cleared(ctx context.Context, rd store.Reader, r *request.Clear) (out []*alteration, err error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	match, err := regexp.Compile(r.TaskRegex)
	if err != nil {
		return nil, err
	}
	runs, err := meant{r.DAGID, r.RunID, r.Past, r.Future, r.Start, r.End}.runs(ctx, rd)
	if err != nil {
		return nil, err
	}
	matched := len(runs) == 0 || r.TaskRegex == "" && len(r.Instances) > 0
	var last *dagrun.Graph
	for _, run := range runs {
		a, err := rs.alteration(ctx, rd, run)
		if err != nil {
			return nil, err
		}
		last = a.p.Graph
		var tasks []dagrun.Task
		if r.TaskRegex != "" || len(r.Instances) == 0 {
			tasks = matching(a.p, match)
		}
		matched = matched || len(tasks) > 0
		single, err := a.single(r, tasks)
		if err != nil {
			return nil, err
		}
		picked := a.pickOf(r, tasks, single)
		// A whole run begins anew even if no task of it has got anywhere.
		whole := r.RunID != "" && r.Whole() && run.State.Finished()
		if len(picked) == 0 && !whole {
			continue
		}
		if err := rs.clear(ctx, rd, a, picked); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	if !matched && last != nil {
		return nil, fmt.Errorf("no task of dag %q matches %q; it has %s: %w", r.DAGID, r.TaskRegex, last.Names(last.All()), store.ErrNotFound)
	}
	return out, nil
}

// single are the tasks of which single instances are meant, with the map indexes of these.
func (a *alteration) single(r *request.Clear, tasks []dagrun.Task) (map[dagrun.Task][]int, error) {
	out := map[dagrun.Task][]int{}
	for _, ref := range r.Instances {
		i := a.p.IndexOf(ref.TaskID)
		if i < 0 {
			if a.run.RunID == r.RunID {
				return nil, noTask(a, ref.TaskID)
			}
			continue // another version of the DAG has it
		}
		out[i] = append(out[i], ref.MapIndex)
	}
	if len(r.MapIndexes) > 0 {
		for _, i := range tasks {
			out[i] = append(out[i], r.MapIndexes...)
		}
		return out, nil
	}
	for _, i := range tasks { // all of them are meant
		delete(out, i)
	}
	return out, nil
}

// noTask says that the version of a run has no such task.
func noTask(a *alteration, id string) error {
	return fmt.Errorf("run %q of dag %q has no task %q%s: %w", a.run.RunID, a.run.DAGID, id,
		nearest(id, a.p.DAG.Tasks, func(t *dag.Task) string { return t.ID }), store.ErrNotFound)
}

// pickOf are the instances that a request means: those of some tasks, single ones, and those of the tasks above and below
// and of setups and teardowns that go with them, all of these.
func (a *alteration) pickOf(r *request.Clear, tasks []dagrun.Task, single map[dagrun.Task][]int) []*store.Instance {
	meant := slices.Clone(tasks)
	for i := range single {
		meant = append(meant, i)
	}
	slices.Sort(meant)
	meant = slices.Compact(meant)
	for i := range single {
		others := slices.DeleteFunc(slices.Clone(meant), func(j dagrun.Task) bool { return j == i })
		if len(others) > 0 && slices.Contains(spread(a.p.Graph, others, r.Upstream, r.Downstream), i) {
			delete(single, i) // all of it is above or below another one
		}
	}
	all := withScopes(a.p, spread(a.p.Graph, meant, r.Upstream, r.Downstream))
	return slices.DeleteFunc(a.pick(all, r.Keeps), func(in *store.Instance) bool {
		indexes, some := single[a.p.IndexOf(in.TaskID)]
		return some && !slices.Contains(indexes, in.MapIndex)
	})
}

func matching(p *plan.Plan, match *regexp.Regexp) (out []dagrun.Task) {
	for i, t := range p.DAG.Tasks {
		if match.MatchString(t.ID) {
			out = append(out, dagrun.Task(i))
		}
	}
	return out
}

// withScopes adds the setups and teardowns that go with some tasks, ascending.
func withScopes(p *plan.Plan, tasks []dagrun.Task) []dagrun.Task {
	out := slices.Clone(tasks)
	for _, i := range tasks {
		out = append(out, p.Graph.ClearedWith(i)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// pick are the stored instances of some tasks whose state is wanted.
func (a *alteration) pick(tasks []dagrun.Task, wanted func(dag.State) bool) (out []*store.Instance) {
	in := make(map[dagrun.Task]bool, len(tasks))
	for _, i := range tasks {
		in[i] = true
	}
	for _, row := range a.rows {
		// What a mapped task was before it was expanded does not come back.
		gone := row.State == dag.Removed && row.MapIndex < 0
		if in[a.p.IndexOf(row.TaskID)] && wanted(row.State) && !gone {
			out = append(out, row)
		}
	}
	return out
}

// clear clears instances of a run, and queues the run again if it had ended.
func (rs *Runs) clear(ctx context.Context, rd store.Reader, a *alteration, picked []*store.Instance) error {
	for _, in := range picked {
		before := in.Past(rs.Live.Now())
		in.MaxTries, in.FirstStart = in.Try+1, time.Time{}
		if t := a.p.DAG.Task(in.TaskID); t != nil {
			in.MaxTries += t.Retries
		}
		in.QueuedAt, in.RetryAt, in.Error, in.Lost = time.Time{}, time.Time{}, "", 0
		a.cleared[in] = true
		switch k := live.AttemptOf(in); {
		case a.live && (in.State == dag.Running || in.State == dag.Restarting || in.State == dag.Queued && rs.Attempts.Running(k)):
			a.set(in, dag.Restarting) // until its attempt has ended
			a.stop[k] = live.ErrCleared
		default:
			if in.State == dag.Queued {
				a.stop[k] = live.ErrCleared // a worker may be about to begin
			}
			if !in.StartDate.IsZero() {
				a.past = append(a.past, before)
			}
			a.set(in, dag.None)
			in.StartDate, in.EndDate = time.Time{}, time.Time{}
		}
	}
	if err := rs.skipAgain(ctx, rd, a); err != nil {
		return err
	}
	a.run.Reason = "" // of a run that was marked and is under way, too
	if a.run.State.Finished() {
		a.run.State, a.run.QueuedAt, a.run.StartDate, a.run.EndDate = dag.RunQueued, rs.Live.Now(), time.Time{}, time.Time{}
	}
	return nil
}

// skipAgain skips the cleared tasks that a task directly before them did not choose and
// whose choice stands.
func (rs *Runs) skipAgain(ctx context.Context, rd store.Reader, a *alteration) error {
	skipped := map[string][]string{} // by each task that chooses
	for _, in := range a.changed {
		skipped[in.TaskID] = nil // it chooses anew
	}
	for _, in := range a.changed {
		i := a.p.IndexOf(in.TaskID)
		if i < 0 || in.State != dag.None {
			continue
		}
		for _, up := range a.p.DAG.Tasks[i].Upstream {
			id := a.p.DAG.Tasks[up].ID
			if _, known := skipped[id]; !known {
				ids, err := live.Skipped(ctx, rd, a.run.Key, id)
				if err != nil {
					return err
				}
				skipped[id] = ids
			}
			if slices.Contains(skipped[id], in.TaskID) {
				a.set(in, dag.Skipped)
				in.EndDate = rs.Live.Now()
			}
		}
	}
	return nil
}

// Reset clears the finished run that stands in the way of a new one with the same id or
// logical date: it is queued again, with its own conf and version.
func (rs *Runs) Reset(tx *live.Tx, wanted *store.Run, who store.Actor) (*store.Run, error) {
	r, err := tx.RunByID(tx.Ctx, wanted.DAGID, wanted.RunID)
	if err != nil && !wanted.LogicalDate.IsZero() {
		r, err = tx.RunAt(tx.Ctx, wanted.DAGID, wanted.LogicalDate)
	}
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, fmt.Errorf("run %q of dag %q: %w", wanted.RunID, wanted.DAGID, store.ErrNotFound)
	case !r.State.Finished():
		return nil, fmt.Errorf("run %q of dag %q is %s and cannot be reset: %w", r.RunID, r.DAGID, r.State, request.ErrExists)
	}
	a, err := rs.alteration(tx.Ctx, tx, r)
	if err != nil {
		return nil, err
	}
	a.run.MadeBy = wanted.MadeBy
	all := request.Clear{}
	if err := rs.clear(tx.Ctx, tx, a, a.pick(a.p.Graph.All(), all.Keeps)); err != nil {
		return nil, err
	}
	_, err = rs.alter(tx, asked{kind: store.EventClear, who: who}, []*alteration{a})
	return &a.run, err
}
