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
		a, err := rs.toClear(ctx, rd, run, r.Latest)
		if err != nil {
			return nil, err
		}
		last = a.p.Graph
		var tasks []dagrun.Task
		if r.TaskRegex != "" || len(r.Instances) == 0 {
			tasks = matching(a.p, match)
		}
		matched = matched || len(tasks) > 0 || slices.ContainsFunc(a.rows, func(in *store.Instance) bool { return a.left(in) && match.MatchString(in.TaskID) })
		single, err := a.single(r, tasks)
		if err != nil {
			return nil, err
		}
		all := a.meantOf(r, tasks, single)
		picked := a.pickOf(r, all, single)
		// A whole run begins anew even if no task of it has got anywhere.
		whole := r.RunID != "" && r.Whole() && run.State.Finished()
		if len(picked) == 0 && !whole && !a.moves(r, all, match) {
			continue
		}
		if err := rs.keptVersion(a, r.Latest); err != nil {
			return nil, err
		}
		if err := rs.clear(ctx, rd, a, picked); err != nil {
			return nil, err
		}
		if err := rs.fit(ctx, rd, a); err != nil {
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
	where := fmt.Sprintf("run %q of dag %q", a.run.RunID, a.run.DAGID)
	if a.formerly != "" {
		where = fmt.Sprintf("the latest version of dag %q", a.run.DAGID)
	}
	return fmt.Errorf("%s has no task %q%s: %w", where, id,
		nearest(id, a.p.DAG.Tasks, func(t *dag.Task) string { return t.ID }), store.ErrNotFound)
}

// meantOf are the tasks that a request means: some tasks, those of single instances, and the tasks above and below
// and the setups and teardowns that go with them. single keeps only those of which not all instances are meant with that.
func (a *alteration) meantOf(r *request.Clear, tasks []dagrun.Task, single map[dagrun.Task][]int) []dagrun.Task {
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
	return withScopes(a.p, spread(a.p.Graph, meant, r.Upstream, r.Downstream))
}

// pickOf are the instances of some tasks that a request means: all of each, or single ones.
func (a *alteration) pickOf(r *request.Clear, all []dagrun.Task, single map[dagrun.Task][]int) []*store.Instance {
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
		i := a.p.IndexOf(row.TaskID)
		// What a mapped task was before it was expanded, or before its DAG changed, does not come back.
		gone := row.State == dag.Removed && (row.MapIndex < 0 || i >= 0 && a.p.DAG.Tasks[i].Mapping == nil)
		if in[i] && wanted(row.State) && !gone {
			out = append(out, row)
		}
	}
	return out
}

// clear clears instances of a run, and queues the run again if it had ended.
func (rs *Runs) clear(ctx context.Context, rd store.Reader, a *alteration, picked []*store.Instance) error {
	for _, in := range picked {
		switch k := live.AttemptOf(in); {
		case a.live && (in.State == dag.Running || in.State == dag.Restarting || in.State == dag.Queued && a.begun(in)):
			a.renew(in)
			a.set(in, dag.Restarting) // until its attempt has ended
			a.stop[k] = live.ErrCleared
		default:
			if in.State == dag.Queued {
				a.stop[k] = live.ErrCleared // a worker may be about to begin
			}
			a.again(in, rs.Live.Now())
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

// renew gives an instance as many tries as it had at first, as the version of its run says.
func (a *alteration) renew(in *store.Instance) {
	in.MaxTries, in.FirstStart = in.Try+1, time.Time{}
	if t := a.p.DAG.Task(in.TaskID); t != nil {
		in.MaxTries += t.Retries
		in.Operator = t.Operator
	}
	in.QueuedAt, in.RetryAt, in.Error, in.Lost = time.Time{}, time.Time{}, "", 0
	a.cleared[in] = true
}

// again lets an instance run again whose try, if it has one, is over.
func (a *alteration) again(in *store.Instance, now time.Time) {
	if !in.StartDate.IsZero() {
		a.past = append(a.past, in.Past(now))
	}
	a.renew(in)
	a.set(in, dag.None)
	in.StartDate, in.EndDate = time.Time{}, time.Time{}
}

// skipAgain skips the cleared tasks that a task directly before them did not choose and
// whose choice stands.
func (rs *Runs) skipAgain(ctx context.Context, rd store.Reader, a *alteration) error {
	chosen := map[string]live.Choice{} // by each task that chooses
	for _, in := range a.changed {
		chosen[in.TaskID] = live.Choice{} // it chooses anew
	}
	for _, in := range a.changed {
		i := a.p.IndexOf(in.TaskID)
		if i < 0 || in.State != dag.None {
			continue
		}
		for _, up := range a.p.DAG.Tasks[i].Upstream {
			id := a.p.DAG.Tasks[up].ID
			if _, known := chosen[id]; !known {
				c, err := live.Chosen(ctx, rd, a.run.Key, id)
				if err != nil {
					return err
				}
				chosen[id] = c
			}
			if chosen[id].Skips(in.TaskID) {
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
	return rs.beginAnew(tx, a, who)
}

// Refill lets a backfill take over a run that has ended: it is queued again with its own conf, and in the version of the
// backfill if that says so. With this it has the tasks that a run of a backfill has.
func (rs *Runs) Refill(tx *live.Tx, r store.Run, b *store.Backfill, who store.Actor) (*store.Run, error) {
	r.Type, r.BackfillID = dag.BackfillRun, b.ID
	version := r.Version
	if b.Latest {
		version = b.Version
	}
	a, err := rs.toVersion(tx.Ctx, tx, &r, version)
	if err != nil {
		return nil, err
	}
	return rs.beginAnew(tx, a, who)
}

// beginAnew clears all of a run that has ended.
func (rs *Runs) beginAnew(tx *live.Tx, a *alteration, who store.Actor) (*store.Run, error) {
	all := request.Clear{}
	if err := rs.clear(tx.Ctx, tx, a, a.pick(a.p.Graph.All(), all.Keeps)); err != nil {
		return nil, err
	}
	if err := rs.fit(tx.Ctx, tx, a); err != nil {
		return nil, err
	}
	_, err := rs.alter(tx, asked{kind: store.EventClear, who: who}, []*alteration{a})
	return &a.run, err
}
