package engine

import (
	"context"
	"fmt"
	"maps"
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
	ds := e.dags
	e.mu.Unlock()
	if w != nil {
		w.Sync(ds)
	}
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
	next := make(map[string]*dag.DAG, len(res.DAGs))
	for _, d := range res.DAGs {
		next[d.ID] = d
	}
	known, err := e.store.DAGs(ctx)
	if err != nil {
		return err
	}
	states := map[string]*store.DAGState{}
	for _, s := range known {
		states[s.ID] = s
	}
	found := e.findBroken(res.Diagnostics, states, next)
	var broken map[string]*store.ImportError
	err = e.change(ctx, func(c *change) error {
		for id, d := range next {
			s, is := states[id], e.newState(d)
			if s != nil && s.Active && s.Version == is.Version && s.File == is.File && slices.Equal(s.Assets, is.Assets) {
				continue
			}
			put := c.PutDAG
			if s == nil {
				put = func(ctx context.Context, d *store.DAGState) error { return store.AddDAG(ctx, c, d, c.now) }
			}
			if err := put(ctx, is); err != nil {
				return err
			}
		}
		for id, s := range states {
			if next[id] == nil && s.Active && found.dags[id] == "" {
				gone := *s
				gone.Active = false
				if err := c.PutDAG(ctx, &gone); err != nil {
					return err
				}
			}
		}
		broken, err = c.recordBroken(found)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the dags: %w", err)
	}
	waiting := map[string][]string{}
	for id := range broken {
		waiting[id] = states[id].Assets
	}
	e.mu.Lock()
	e.dags, e.broken, e.brokenAssets = next, broken, waiting
	maps.DeleteFunc(e.nextDue, func(d *dag.DAG, _ time.Time) bool { return next[d.ID] != d })
	w := e.waker
	e.mu.Unlock()
	if err := e.adoptRuns(ctx); err != nil {
		return err
	}
	if err := e.Refresh(ctx); err != nil {
		return err
	}
	if w != nil {
		w.Sync(next)
		e.sweep(ctx)
	}
	return nil
}

// newState is what the store keeps of a DAG that nobody knew before.
func (e *Engine) newState(d *dag.DAG) *store.DAGState {
	paused := e.o.PausedAtCreation
	if d.IsPausedUponCreation != nil {
		paused = *d.IsPausedUponCreation
	}
	return &store.DAGState{ID: d.ID, File: d.Pos.File, Version: d.Version, Paused: paused, Active: true, Assets: schedule.AssetURIs(d)}
}

// sweep looks at every DAG, whatever woke it.
func (e *Engine) sweep(ctx context.Context) {
	e.mu.Lock()
	ids := make([]string, 0, len(e.dags))
	for id, d := range e.dags {
		if !e.paused[id] && d.Timetable != nil {
			ids = append(ids, id)
		}
	}
	e.mu.Unlock()
	for _, id := range ids {
		if ctx.Err() != nil {
			return
		}
		if d := e.dag(id); d != nil && e.maybeDue(ctx, d) {
			e.wakeDAG(id)
		}
	}
	e.wakeTold(ctx)
}

// maybeDue asks the timetable without opening a transaction, and the store only when the
// moment has come that the timetable named before: what other processes may have
// scheduled meanwhile only moves it further away.
func (e *Engine) maybeDue(ctx context.Context, d *dag.DAG) bool {
	now := e.now()
	if at, known := e.dueAt(d); known && now.Before(at) {
		return false
	}
	last, err := e.store.LastScheduled(ctx, d.ID)
	if err != nil {
		return true
	}
	run, due := schedule.Next(d, last, now)
	if !due {
		e.setNextDue(d, run.RunAfter, now)
	}
	return due || schedule.Over(d, run, now) // once: the next due moment is never
}

// dueAt is when a run of a DAG is due at the earliest, if that is known.
func (e *Engine) dueAt(d *dag.DAG) (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at, known := e.nextDue[d]
	return at, known
}

// setNextDue notes when the next run of a DAG is due; zero means that there is none, ever.
func (e *Engine) setNextDue(d *dag.DAG, at, now time.Time) {
	if at.IsZero() {
		at = now.AddDate(1000, 0, 0)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dags[d.ID] == d {
		e.nextDue[d] = at
	}
}

// wakeDAG creates the due runs of a DAG and starts what may run.
func (e *Engine) wakeDAG(id string) {
	if !e.works() {
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
	d := c.e.dag(id)
	scheduling := c.e.schedules()
	if d != nil && scheduling && !c.e.isPaused(id) {
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
	b, err := c.OpenBackfill(c.ctx, id)
	if err == nil && b != nil && scheduling {
		c.After(func() { c.e.stepBackfill(id) })
	}
	return err
}

func (e *Engine) schedules() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.waker != nil
}

func (c *change) createDue(d *dag.DAG) error {
	last, err := c.LastScheduled(c.ctx, d.ID)
	if err != nil {
		return err
	}
	open, err := c.CountOwnRuns(c.ctx, d.ID, dag.RunQueued, dag.RunRunning)
	if err != nil {
		return err
	}
	for open < d.MaxActiveRuns {
		due, ok := schedule.Next(d, last, c.now)
		if !ok {
			if schedule.Over(d, due, c.now) {
				return c.recordTicks(d, last, timetable.Run{RunAfter: c.now.Add(time.Millisecond)})
			}
			return nil
		}
		r := schedule.Run(d, due, c.now)
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
	ok, err := c.InsertRun(c.ctx, r)
	if err != nil || !ok {
		return ok, err
	}
	c.Changed(phase.Change{Run: *r})
	if err := c.armDeadlines(d, r); err != nil {
		return false, err
	}
	return true, c.PutVersion(c.ctx, d.Version, d.ID, dagfile.Source(d))
}

// adoptRuns gives the runs that were made while no process worked this process's version
// of their DAG. The others wait until their DAG is known.
func (e *Engine) adoptRuns(ctx context.Context) error {
	if !e.works() {
		return nil
	}
	rs, err := e.store.ProvisionalRuns(ctx)
	if err != nil || len(rs) == 0 {
		return err
	}
	return e.change(ctx, func(c *change) error {
		for _, r := range rs {
			d := e.dag(r.DAGID)
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
	is, err := c.Instances(c.ctx, r.Key)
	if err != nil {
		return err
	}
	r.Provisional = false
	if len(is) == 0 && r.Version != d.Version {
		r.Version = d.Version
		if err := c.DeleteDeadlines(c.ctx, r.Key); err != nil {
			return err
		}
		if err := c.armDeadlines(d, r); err != nil {
			return err
		}
		if err := c.PutVersion(c.ctx, d.Version, d.ID, dagfile.Source(d)); err != nil {
			return err
		}
	}
	return c.SetRunVersion(c.ctx, r)
}

// startQueued starts queued runs in the order of run_after while max_active_runs permits.
// Runs of backfills do not count: they have a max_active_runs of their own.
func (c *change) startQueued(id string, d *dag.DAG) error {
	if c.e.isPaused(id) {
		return nil
	}
	queued, err := c.Runs(c.ctx, store.RunFilter{DAGID: id, States: []dag.RunState{dag.RunQueued}})
	if err != nil || len(queued) == 0 {
		return err
	}
	var own, backfilled []*store.Run
	for _, r := range queued {
		switch {
		case r.RunAfter.After(c.now), r.Provisional:
		case r.BackfillID != 0:
			backfilled = append(backfilled, r)
		default:
			own = append(own, r)
		}
	}
	running, err := c.CountOwnRuns(c.ctx, id, dag.RunRunning)
	if err != nil {
		return err
	}
	limit := 1
	if d != nil {
		limit = d.MaxActiveRuns
	}
	for _, r := range own[:min(len(own), max(limit-running, 0))] {
		if err := c.start(r); err != nil {
			return err
		}
	}
	if err := c.startCleared(backfilled); err != nil {
		return err
	}
	return c.startWaitedFor(append(own, backfilled...))
}
