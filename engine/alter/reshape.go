package alter

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/store"
)

// reshape gives a run the instances that another version of its DAG has (Airflow, DagRun.verify_integrity): those of
// tasks that are gone are removed, tasks that are new have one without state, and a task that is mapped now and
// was not, or the other way round, runs anew. All others stay as they are.
func (a *alteration) reshape(now time.Time) {
	for _, in := range slices.Clone(a.rows) {
		t := a.p.DAG.Task(in.TaskID)
		if (t == nil || !dagrun.InWindow(t, a.run.Type, a.run.LogicalDate)) && in.State != dag.Removed {
			a.set(in, dag.Removed)
		}
	}
	for _, t := range a.p.DAG.Tasks {
		if !dagrun.InWindow(t, a.run.Type, a.run.LogicalDate) {
			continue
		}
		single, many := a.rowsOf(t.ID)
		switch {
		case t.Mapping == nil:
			for _, in := range many {
				a.drop(in)
			}
			if single == nil || single.State == dag.Removed {
				a.anew(t, -1, now)
			}
		case a.wasSingle(t.ID), !slices.ContainsFunc(a.byTask[t.ID], func(in *store.Instance) bool { return in.State != dag.Removed }):
			a.unfoldAnew(t, now)
		}
	}
}

// rowsOf are the instances of a task: the one without map index, nil without one, and those with.
func (a *alteration) rowsOf(taskID string) (single *store.Instance, many []*store.Instance) {
	for _, in := range a.byTask[taskID] {
		if in.MapIndex < 0 {
			single = in
		} else {
			many = append(many, in)
		}
	}
	return single, many
}

// wasSingle reports whether a task was there in the version before and was not mapped.
func (a *alteration) wasSingle(taskID string) bool {
	t := a.formerTask(taskID)
	return t != nil && t.Mapping == nil
}

// formerTask is a task in the version before, nil for none and when that can't be loaded any more.
func (a *alteration) formerTask(taskID string) *dag.Task {
	if a.before == nil {
		return nil
	}
	return a.before.DAG.Task(taskID)
}

// drop removes an instance that its task has no more, with its XComs: whoever reads those of the task would find them.
func (a *alteration) drop(in *store.Instance) {
	if in.State != dag.Removed {
		a.set(in, dag.Removed)
		a.cleared[in] = true
		a.steps++
	}
}

// anew lets an instance of a task run because the version of the run is another one, or again if there was one.
func (a *alteration) anew(t *dag.Task, mapIndex int, now time.Time) {
	a.fresh[t.ID] = true
	a.steps++
	for _, in := range a.byTask[t.ID] {
		if in.MapIndex == mapIndex {
			if in.State != dag.None {
				a.again(in, now)
			}
			return
		}
	}
	in := &store.Instance{RunKey: a.run.Key, TaskID: t.ID, MapIndex: mapIndex, MaxTries: t.Retries + 1, Operator: t.Operator}
	a.rows, a.byTask[t.ID] = append(a.rows, in), append(a.byTask[t.ID], in)
	a.set(in, dag.None)
}

// unfoldAnew lets all instances of a mapped task run, as many as it turns out to have.
func (a *alteration) unfoldAnew(t *dag.Task, now time.Time) {
	single, many := a.rowsOf(t.ID)
	if len(many) == 0 {
		a.anew(t, -1, now)
		return
	}
	if single != nil {
		a.drop(single)
	}
	for _, in := range many {
		a.anew(t, in.MapIndex, now)
	}
}

// fit gives mapped tasks the instances that they have in another version, as far as the results are there that they
// are mapped over. One whose source changes with the version runs anew. It comes last, when all is cleared that is to be.
func (rs *Runs) fit(ctx context.Context, rd store.Reader, a *alteration) error {
	if a.formerly == "" {
		return nil
	}
	for before := -1; before != a.steps; { // a task may be mapped over another one that is
		before = a.steps
		for _, t := range a.p.DAG.Tasks {
			if t.Mapping == nil || a.fresh[t.ID] || !dagrun.InWindow(t, a.run.Type, a.run.LogicalDate) {
				continue
			}
			if err := rs.fitTask(ctx, rd, a, t); err != nil {
				return err
			}
		}
	}
	return rs.skipAgain(ctx, rd, a)
}

// fitTask is fit for one task.
func (rs *Runs) fitTask(ctx context.Context, rd store.Reader, a *alteration, t *dag.Task) error {
	now := rs.Live.Now()
	single, many := a.rowsOf(t.ID)
	expanded := slices.ContainsFunc(many, func(in *store.Instance) bool { return in.State != dag.Removed })
	n, known, err := rs.mapLength(ctx, rd, a, t)
	switch {
	case err != nil:
		return err
	case !expanded:
		if known && n > 0 && single != nil && hadNone(single) {
			a.anew(t, -1, now)
		}
	case !known:
		if a.mappedElsewise(t) {
			a.unfoldAnew(t, now)
		}
	case n == 0:
		if !slices.ContainsFunc(many, hadNone) {
			a.unfoldAnew(t, now) // which skips it
		}
	default:
		a.fitInto(t, many, n, now)
	}
	return nil
}

// fitInto gives a mapped task that has instances as many as it is to have.
func (a *alteration) fitInto(t *dag.Task, many []*store.Instance, n int, now time.Time) {
	there := map[int]bool{}
	for _, in := range many {
		there[in.MapIndex] = true
		switch {
		case in.MapIndex >= n:
			a.drop(in)
		case in.State == dag.Removed, hadNone(in):
			a.anew(t, in.MapIndex, now)
		}
	}
	for k := range n {
		if !there[k] {
			a.anew(t, k, now)
		}
	}
}

// hadNone reports whether an instance stands for a mapped task that had nothing to map over.
func hadNone(in *store.Instance) bool {
	return in.State == dag.Skipped && in.Error == live.NothingToMapOver
}

// mappedElsewise reports whether a task is mapped over another result than before, or over one that changes with the
// version.
func (a *alteration) mappedElsewise(t *dag.Task) bool {
	var from, before []dag.MappedValues
	for v := range t.Mapping.Sources() {
		if a.fresh[v.From] {
			return true
		}
		from = append(from, dag.MappedValues{From: v.From, Key: v.Key})
	}
	former := a.formerTask(t.ID)
	if former == nil {
		return false
	}
	for v := range former.Mapping.Sources() {
		before = append(before, dag.MappedValues{From: v.From, Key: v.Key})
	}
	return !slices.EqualFunc(from, before, func(x, y dag.MappedValues) bool { return x.From == y.From && x.Key == y.Key })
}

// mapLength is how many instances a mapped task has as far as that can be known before it runs: the results that
// it is mapped over are there, and stay.
func (rs *Runs) mapLength(ctx context.Context, rd store.Reader, a *alteration, t *dag.Task) (n int, known bool, err error) {
	for v := range t.Mapping.Sources() {
		if slices.ContainsFunc(a.byTask[v.From], func(in *store.Instance) bool { return !in.State.Finished() }) {
			return 0, false, nil
		}
	}
	n, err = rs.Live.MapLength(ctx, staying{rd, a}, a.p.DAG, a.run.Key, t)
	if live.HasNoLength(err) {
		return 0, false, nil // the expansion will say so
	}
	return n, err == nil, err
}

// staying reads what is stored without the XComs that an alteration removes.
type staying struct {
	store.Reader

	a *alteration
}

func (s staying) gone(taskID string, mapIndex int) bool {
	return slices.ContainsFunc(s.a.byTask[taskID], func(in *store.Instance) bool { return in.MapIndex == mapIndex && s.a.cleared[in] })
}

// XCom is nil for one that goes.
func (s staying) XCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (json.RawMessage, error) {
	if s.gone(taskID, mapIndex) {
		return nil, nil
	}
	return s.Reader.XCom(ctx, runKey, taskID, mapIndex, key)
}

// XComs are without those that go.
func (s staying) XComs(ctx context.Context, runKey int64, taskID, key string) ([]store.MappedXCom, error) {
	xs, err := s.Reader.XComs(ctx, runKey, taskID, key)
	return slices.DeleteFunc(xs, func(x store.MappedXCom) bool { return s.gone(taskID, x.MapIndex) }), err
}
