// Package scheduler gives DAGs their runs and starts them: those that are due, those that people
// and tasks ask for, those of backfills and of updated assets. What is due comes from
// engine/schedule; a run goes on by itself in engine/live. It records what became of ticks, and
// tells of deadlines.
package scheduler

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/engine/alter"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/store"
)

// Options says what a scheduler works with. All are required but PausedAtCreation and Daily.
type Options struct {
	Store store.Store
	DAGs  *schedule.DAGs
	Plans *plan.Plans
	Tell  *tell.Teller
	// Live are the runs under way, Alter what people make of runs.
	Live   *live.Runs
	Alter  *alter.Runs
	Masker *connections.Masker
	// Shared says that other processes, which have no DAG files, run tasks.
	Shared bool
	// PausedAtCreation makes DAGs that do not say start paused.
	PausedAtCreation bool
	// Daily is when the daily digest is due, nil for never.
	Daily *schedule.Daily
	// By is this process, as the record of its work has it.
	By  store.Process
	Log *slog.Logger
}

// Scheduler gives DAGs their runs and starts them. Make one with [New]. It is safe for
// concurrent use.
type Scheduler struct {
	o Options

	mu    sync.Mutex
	waker *schedule.Waker // nil while this process schedules nothing
	// life is the stretch in which the scheduler of this process is at work.
	life store.SchedulerLife
	// failed are DAGs whose last look failed.
	failed map[string]bool

	passes   atomic.Int64
	lastPass atomic.Pointer[time.Time]
	// swept says that all DAGs were looked at once.
	swept atomic.Bool
	daily daily // of the beat alone
}

// New returns a scheduler that makes no run by itself before [Scheduler.SetWaker].
func New(o Options) *Scheduler { return &Scheduler{o: o, life: store.SchedulerLife{By: o.By}} }

// Reset makes the record of the work begin anew, when this process leads no more.
func (sch *Scheduler) Reset() {
	sch.mu.Lock()
	defer sch.mu.Unlock()
	sch.life = store.SchedulerLife{By: sch.o.By}
	sch.swept.Store(false)
}

// SetWaker makes this process schedule, woken by w; with nil it schedules nothing.
func (sch *Scheduler) SetWaker(w *schedule.Waker) {
	sch.mu.Lock()
	sch.waker = w
	sch.mu.Unlock()
	if w != nil {
		w.Sync(sch.o.DAGs.Loaded())
	}
}

// wakes is the waker of this process, nil while it schedules nothing.
func (sch *Scheduler) wakes() *schedule.Waker {
	sch.mu.Lock()
	defer sch.mu.Unlock()
	return sch.waker
}

// schedules reports whether this process makes runs by itself.
func (sch *Scheduler) schedules() bool { return sch.wakes() != nil }

// Sync gives every DAG its wake-ups, and looks at all, if this process schedules.
func (sch *Scheduler) Sync(ctx context.Context) {
	if w := sch.wakes(); w != nil {
		w.Sync(sch.o.DAGs.Loaded())
		sch.Sweep(ctx)
	}
}

// Sweep looks at every DAG, whatever woke it.
func (sch *Scheduler) Sweep(ctx context.Context) {
	whole := true
	for _, d := range sch.o.DAGs.Scheduled() {
		if ctx.Err() != nil {
			return
		}
		if sch.o.DAGs.MaybeDue(ctx, sch.o.Store, d, sch.o.Live.Now()) {
			whole = sch.look(d.ID) && whole
		}
	}
	if sch.wakeTold(ctx) && whole {
		sch.passes.Add(1)
		sch.lastPass.Store(new(sch.o.Live.Now()))
	}
	sch.swept.Store(true)
}

// Passes counts the sweeps in which everything that was due went through.
func (sch *Scheduler) Passes() int64 { return sch.passes.Load() }

// LastPass is when the last of them ended, zero for never.
func (sch *Scheduler) LastPass() time.Time {
	if at := sch.lastPass.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Wake creates the due runs of a DAG and starts what may run.
func (sch *Scheduler) Wake(id string) { sch.look(id) }

// look is Wake, and reports whether it went through.
func (sch *Scheduler) look(id string) bool {
	if !sch.o.Live.Working() {
		return false // it is looked at when the work begins
	}
	ctx := context.Background()
	if err := sch.o.Live.Change(ctx, func(tx *live.Tx) error { return sch.wake(tx, id) }); err != nil {
		sch.o.Log.Error("schedule", "dag", id, "error", err) // the next beat tries again
		sch.mu.Lock()
		defer sch.mu.Unlock()
		if sch.failed == nil {
			sch.failed = map[string]bool{}
		}
		sch.failed[id] = true
		return false
	}
	return true
}

// WakeFailed wakes the DAGs whose look has failed since it was called last, as while the database is away: what is due need
// not wait for the next sweep.
func (sch *Scheduler) WakeFailed() {
	sch.mu.Lock()
	failed := sch.failed
	sch.failed = nil
	sch.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(failed)) {
		sch.look(id)
	}
}

// wakeTold lets the DAGs look again that were told of assets and have no run for it yet:
// a crash may have come between. It reports whether all went through.
func (sch *Scheduler) wakeTold(ctx context.Context) bool {
	ids, err := sch.o.Store.ToldDAGs(ctx)
	if err != nil {
		sch.o.Log.Error("look for updated assets", "error", err) // the sweep comes again
	}
	whole := err == nil
	for _, id := range ids {
		d := sch.o.DAGs.Get(id)
		if d == nil || d.Assets == nil || sch.o.DAGs.Paused(id) {
			continue
		}
		if _, met, err := schedule.Updated(ctx, sch.o.Store, d); err != nil || met {
			whole = sch.look(id) && whole
		}
	}
	return whole
}

// MayStart are those of some DAGs with queued runs of which one may start as far as paused
// DAGs and max_active_runs tell, so that the others need no transaction.
func (sch *Scheduler) MayStart(ids []string) (out []string) {
	under := sch.o.Live.Count()
	for _, id := range ids {
		if d := sch.o.DAGs.Get(id); !sch.o.DAGs.Paused(id) && (d == nil || under.Own[id] < d.MaxActiveRuns || under.Stuck[id]) {
			out = append(out, id)
		}
	}
	return out
}

// StepBackfills lets the backfills go on that may start a run.
func (sch *Scheduler) StepBackfills(ctx context.Context) error {
	open, err := sch.o.Store.OpenBackfills(ctx)
	if err != nil {
		return err
	}
	active := sch.o.Live.Count().Backfilled
	for _, b := range open {
		if b.State != store.BackfillPaused && !sch.o.DAGs.Paused(b.DAGID) && active[b.ID] < b.MaxActiveRuns {
			sch.stepBackfill(b.DAGID)
		}
	}
	return nil
}

// Resume lets the runs of a DAG go on, and starts new ones.
func (sch *Scheduler) Resume(ctx context.Context, id string) {
	err := sch.o.Live.Change(ctx, func(tx *live.Tx) error {
		for _, k := range sch.o.Live.Of(id) {
			if err := tx.GoOn(k); err != nil {
				return err
			}
		}
		return sch.wake(tx, id)
	})
	if err != nil {
		sch.o.Log.Error("resume", "dag", id, "error", err)
	}
}

// NoteLife keeps the record of when a scheduler was at work.
func (sch *Scheduler) NoteLife(ctx context.Context, stopping bool) error {
	if !sch.schedules() {
		return nil
	}
	sch.mu.Lock()
	l, changed := schedule.LifeAt(sch.life, sch.o.Live.Now(), stopping)
	sch.mu.Unlock()
	if !changed {
		return nil
	}
	if err := sch.o.Store.Tx(ctx, func(tx store.Tx) error { return tx.PutSchedulerLife(ctx, &l) }); err != nil {
		return err
	}
	sch.mu.Lock()
	defer sch.mu.Unlock()
	sch.life = l
	return nil
}

// StopLife notes that the scheduler stops now.
func (sch *Scheduler) StopLife(ctx context.Context) {
	if err := sch.NoteLife(ctx, true); err != nil {
		sch.o.Log.Error("note that the scheduler stops", "error", err)
	}
}
