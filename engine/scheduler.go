package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// scheduler wakes the engine when DAGs are due: one gocron job for each DAG, and one
// for the sweep. A wake-up only says "look now"; what is due comes from the timetable
// and the store, so one that is late, doubled or lost changes nothing.
type scheduler struct {
	e    *Engine
	cron gocron.Scheduler

	mu   sync.Mutex
	jobs map[string]scheduled
}

type scheduled struct {
	id      uuid.UUID
	version string
}

func newScheduler(e *Engine) (*scheduler, error) {
	c, err := gocron.NewScheduler(gocron.WithLocation(time.UTC), gocron.WithStopTimeout(10*time.Second))
	if err != nil {
		return nil, fmt.Errorf("start the scheduler: %w", err)
	}
	return &scheduler{e: e, cron: c, jobs: map[string]scheduled{}}, nil
}

func (s *scheduler) run(ctx context.Context) error {
	_, err := s.cron.NewJob(gocron.DurationJob(s.e.o.Sweep), gocron.NewTask(func() { s.e.sweep(context.WithoutCancel(ctx)) }))
	if err != nil {
		return fmt.Errorf("schedule the sweep: %w", err)
	}
	s.cron.Start()
	s.e.sweep(context.WithoutCancel(ctx))
	<-ctx.Done()
	if err := s.cron.Shutdown(); err != nil {
		return fmt.Errorf("stop the scheduler: %w", err)
	}
	return nil
}

// sync gives every DAG with a schedule its job and takes it from the others.
func (s *scheduler) sync(ds map[string]*dag.DAG) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, j := range s.jobs {
		if d := ds[id]; d == nil || d.Version != j.version {
			if err := s.cron.RemoveJob(j.id); err != nil {
				s.e.o.Log.Error("unschedule a dag", "dag", id, "error", err)
			}
			delete(s.jobs, id)
		}
	}
	for id, d := range ds {
		if _, ok := s.jobs[id]; ok {
			continue
		}
		t := &ticks{d: d, now: s.e.o.Clock}
		if t.Next(s.e.o.Clock()).IsZero() {
			continue
		}
		j, err := s.cron.NewJob(gocron.CronJob("*", false), gocron.NewTask(func() { s.e.wakeDAG(id) }),
			gocron.WithName(id), gocron.WithCronImplementation(t))
		if err != nil {
			s.e.o.Log.Error("schedule a dag", "dag", id, "error", err)
			continue
		}
		s.jobs[id] = scheduled{id: j.ID(), version: d.Version}
	}
}

// ticks are a timetable's wake-ups for gocron.
type ticks struct {
	d   *dag.DAG
	now func() time.Time
}

// IsValid is part of gocron's interface; timetables are checked when files are loaded.
func (t *ticks) IsValid(string, *time.Location, time.Time) error { return nil }

// Next returns the first moment after from at which a run is due, or the zero time.
// Runs that are due already are found by the sweep, so no history is needed.
func (t *ticks) Next(from time.Time) time.Time {
	var last *timetable.Interval
	r := timetable.Restriction{Earliest: t.d.StartDate, Latest: t.d.EndDate}
	for range 3 {
		run, ok := t.d.Timetable.Next(last, r, from)
		if !ok {
			return time.Time{}
		}
		if run.RunAfter.After(from) {
			return run.RunAfter
		}
		last = &run.Interval
	}
	// A timetable that stays behind the moment it was asked for: look again soon.
	return from.Add(time.Minute)
}

func (e *Engine) setScheduler(s *scheduler) {
	e.mu.Lock()
	e.scheduler = s
	ds := e.dags
	e.mu.Unlock()
	if s != nil {
		s.sync(ds)
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
	s := e.scheduler
	e.mu.Unlock()
	if err := e.adoptRuns(ctx); err != nil {
		return err
	}
	if err := e.Refresh(ctx); err != nil {
		return err
	}
	if s != nil {
		s.sync(next)
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
	return &store.DAGState{ID: d.ID, File: d.Pos.File, Version: d.Version, Paused: paused, Active: true, Assets: assetURIs(d)}
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
	run, due := nextRun(d, last, now)
	if !due {
		e.setNextDue(d, run.RunAfter, now)
	}
	return due || ended(d, run, now) // once: the next due moment is never
}

// ended reports whether the schedule of a DAG is over, next being what its timetable
// names as the next run: its last ticks may still want a record.
func ended(d *dag.DAG, next timetable.Run, now time.Time) bool {
	return next.RunAfter.IsZero() && !d.EndDate.IsZero() && d.EndDate.Before(now)
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

// nextRun asks the timetable of a DAG for its next scheduled run after last, and
// whether it is due.
func nextRun(d *dag.DAG, last *store.Run, now time.Time) (timetable.Run, bool) {
	var iv *timetable.Interval
	if last != nil {
		iv = &timetable.Interval{Start: last.IntervalStart, End: last.IntervalEnd}
	}
	r, ok := d.Timetable.Next(iv, timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate, Catchup: d.Catchup}, now)
	return r, ok && !r.RunAfter.After(now)
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
	return e.scheduler != nil
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
		due, ok := nextRun(d, last, c.now)
		if !ok {
			if ended(d, due, c.now) {
				return c.recordTicks(d, last, timetable.Run{RunAfter: c.now.Add(time.Millisecond)})
			}
			return nil
		}
		r := &store.Run{
			DAGID: d.ID, RunID: dag.RunID(dag.ScheduledRun, due.RunAfter), Type: dag.ScheduledRun, State: dag.RunQueued,
			LogicalDate: due.LogicalDate, IntervalStart: due.Interval.Start, IntervalEnd: due.Interval.End,
			RunAfter: due.RunAfter, QueuedAt: c.now, Version: d.Version,
		}
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
