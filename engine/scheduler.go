package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

func (e *Engine) setWaker(w *schedule.Waker) {
	e.mu.Lock()
	e.waker = w
	e.mu.Unlock()
	if w != nil {
		w.Sync(e.dags.Loaded())
	}
}

// wakes is the waker of this process, nil while it schedules nothing.
func (e *Engine) wakes() *schedule.Waker {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.waker
}

// SetDAGs replaces the DAGs that the engine schedules and that can be triggered, as
// [Engine.SetLoaded] does after a load without errors.
func (e *Engine) SetDAGs(ctx context.Context, ds []*dag.DAG) error {
	return e.SetLoaded(ctx, dagfile.Result{DAGs: ds})
}

// SetLoaded replaces the DAGs that the engine schedules and that can be triggered by those
// that a load has found. Runs under way keep the version they were created with. A DAG that
// is gone keeps its history and gets no new runs. One that was known and now has errors gets
// none either; that is on record, its ticks say so, and updates of the assets that it waits
// for are kept for it.
func (e *Engine) SetLoaded(ctx context.Context, res dagfile.Result) error {
	if err := e.takeLoaded(ctx, res); err != nil {
		return err
	}
	if err := e.adoptRuns(ctx); err != nil {
		return err
	}
	if err := e.Refresh(ctx); err != nil {
		return err
	}
	if w := e.wakes(); w != nil {
		w.Sync(e.dags.Loaded())
		e.sweep(ctx)
	}
	return nil
}

// takeLoaded records what a load has found, and goes by it from now on.
func (e *Engine) takeLoaded(ctx context.Context, res dagfile.Result) error {
	loaded := make(map[string]*dag.DAG, len(res.DAGs))
	for _, d := range res.DAGs {
		loaded[d.ID] = d
	}
	states, err := e.store.DAGs(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]*store.DAGState, len(states))
	for _, s := range states {
		known[s.ID] = s
	}
	found := schedule.FindBroken(res.Diagnostics, known, loaded, e.o.Masker.Mask)
	now := schedule.CompareStates(known, loaded, found, e.o.PausedAtCreation)
	var broken map[string]*store.ImportError
	err = e.change(ctx, func(c *change) error {
		if err := c.putStates(now); err != nil {
			return err
		}
		broken, err = c.recordImports(found, known)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the dags: %w", err)
	}
	waiting := map[string][]string{}
	for id := range broken {
		waiting[id] = known[id].Assets
	}
	e.dags.Replace(loaded, broken, waiting)
	return nil
}

// putStates writes what a load changes of what the store keeps of DAGs.
func (c *change) putStates(now schedule.States) error {
	for _, s := range now.New {
		if err := store.AddDAG(c.Ctx, c, s, c.Now); err != nil {
			return err
		}
	}
	for _, s := range now.Changed {
		if err := c.PutDAG(c.Ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// recordImports notes what is broken since now and what is mended, and tells on_import_error,
// once each. It returns the DAGs that are broken.
func (c *change) recordImports(found *schedule.Broken, known map[string]*store.DAGState) (map[string]*store.ImportError, error) {
	open, err := c.OpenImportErrors(c.Ctx)
	if err != nil {
		return nil, err
	}
	im := found.Record(open, known, c.Now)
	for _, i := range slices.Concat(im.Mended, im.Changed, im.Fresh) {
		if err := c.PutImportError(c.Ctx, i); err != nil {
			return nil, err
		}
	}
	c.Message(c.e.tell.Broken(c.Ctx, c, im.Fresh)...)
	c.Message(c.e.tell.Mended(c.Ctx, c, im.Mended)...)
	return im.DAGs, nil
}

// sweep looks at every DAG, whatever woke it.
func (e *Engine) sweep(ctx context.Context) {
	for _, d := range e.dags.Scheduled() {
		if ctx.Err() != nil {
			return
		}
		if e.dags.MaybeDue(ctx, e.store, d, e.runs.Now()) {
			e.wakeDAG(d.ID)
		}
	}
	e.wakeTold(ctx)
}

// wakeDAG creates the due runs of a DAG and starts what may run.
func (e *Engine) wakeDAG(id string) {
	if !e.runs.Working() {
		return // it is looked at when the work begins
	}
	ctx := context.Background()
	if err := e.change(ctx, func(c *change) error { return c.wake(id) }); err != nil {
		// The sweep comes again.
		e.o.Log.Error("schedule", "dag", id, "error", err)
	}
}

// wake creates due runs up to max_active_runs and starts queued ones.
func (c *change) wake(id string) error {
	d := c.e.dags.Get(id)
	scheduling := c.e.schedules()
	if d != nil && scheduling && !c.e.dags.Paused(id) {
		if err := c.createDue(d); err != nil {
			return err
		}
		if err := c.createTriggered(d); err != nil {
			return err
		}
	}
	if err := c.startQueued(id, d); err != nil {
		return err
	}
	b, err := c.OpenBackfill(c.Ctx, id)
	if err == nil && b != nil && scheduling {
		c.After(func() { c.e.stepBackfill(id) })
	}
	return err
}

func (e *Engine) schedules() bool { return e.wakes() != nil }

func (c *change) createDue(d *dag.DAG) error {
	last, err := c.LastScheduled(c.Ctx, d.ID)
	if err != nil {
		return err
	}
	open, err := c.CountOwnRuns(c.Ctx, d.ID, dag.RunQueued, dag.RunRunning)
	if err != nil {
		return err
	}
	for open < d.MaxActiveRuns {
		due, ok := schedule.Next(d, last, c.Now)
		if !ok {
			if schedule.Over(d, due, c.Now) {
				return c.recordTicks(d, last, timetable.Run{RunAfter: c.Now.Add(time.Millisecond)})
			}
			return nil
		}
		r := schedule.Run(d, due, c.Now)
		if err := c.recordTicks(d, last, due); err != nil {
			return err
		}
		created, err := c.insertRun(d, r)
		if err == nil && !created {
			err = c.recordTaken(d, due)
		}
		if err != nil {
			return err
		}
		if created { // else a backfill or a person was first
			open++
		}
		last = r
	}
	return nil
}

// insertRun adds a run with its deadlines and the version of its DAG. Every run that
// there is comes from here.
func (c *change) insertRun(d *dag.DAG, r *store.Run) (bool, error) {
	ok, err := c.InsertRun(c.Ctx, r)
	if err != nil || !ok {
		return ok, err
	}
	c.Changed(phase.Change{Run: *r})
	if err := c.armDeadlines(d, r); err != nil {
		return false, err
	}
	return true, c.PutVersion(c.Ctx, d.Version, d.ID, dagfile.Source(d))
}

// adoptRuns gives the runs that were made while no process worked this process's version
// of their DAG. The others wait until their DAG is known.
func (e *Engine) adoptRuns(ctx context.Context) error {
	if !e.runs.Working() {
		return nil
	}
	rs, err := e.store.ProvisionalRuns(ctx)
	if err != nil || len(rs) == 0 {
		return err
	}
	return e.change(ctx, func(c *change) error {
		for _, r := range rs {
			d := e.dags.Get(r.DAGID)
			if d == nil {
				e.o.Log.Warn("a run waits, because its DAG is not among those of this process", "dag", r.DAGID, "run", r.RunID)
				continue
			}
			if err := c.adopt(d, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// adopt gives a run that was made elsewhere the version of its DAG that this process has.
// One that somebody has cleared or marked meanwhile keeps its own, which has those tasks.
func (c *change) adopt(d *dag.DAG, r *store.Run) error {
	is, err := c.Instances(c.Ctx, r.Key)
	if err != nil {
		return err
	}
	r.Provisional = false
	if len(is) == 0 && r.Version != d.Version {
		r.Version = d.Version
		if err := c.DeleteDeadlines(c.Ctx, r.Key); err != nil {
			return err
		}
		if err := c.armDeadlines(d, r); err != nil {
			return err
		}
		if err := c.PutVersion(c.Ctx, d.Version, d.ID, dagfile.Source(d)); err != nil {
			return err
		}
	}
	return c.SetRunVersion(c.Ctx, r)
}

// startQueued starts queued runs in the order of run_after while max_active_runs permits.
// Runs of backfills do not count: they have a max_active_runs of their own.
func (c *change) startQueued(id string, d *dag.DAG) error {
	if c.e.dags.Paused(id) {
		return nil
	}
	queued, err := c.Runs(c.Ctx, store.RunFilter{DAGID: id, States: []dag.RunState{dag.RunQueued}})
	if err != nil || len(queued) == 0 {
		return err
	}
	var own, backfilled []*store.Run
	for _, r := range queued {
		switch {
		case r.RunAfter.After(c.Now), r.Provisional:
		case r.BackfillID != 0:
			backfilled = append(backfilled, r)
		default:
			own = append(own, r)
		}
	}
	running, err := c.CountOwnRuns(c.Ctx, id, dag.RunRunning)
	if err != nil {
		return err
	}
	limit := 1
	if d != nil {
		limit = d.MaxActiveRuns
	}
	for _, r := range own[:min(len(own), max(limit-running, 0))] {
		if err := c.Start(r); err != nil {
			return err
		}
	}
	if err := c.startCleared(backfilled); err != nil {
		return err
	}
	return c.StartWaitedFor(append(own, backfilled...))
}
