package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/timetable"
)

// Waker wakes the engine when DAGs are due: one gocron job for all DAGs that are due at the
// same moments, and one for the sweep. A wake-up only says "look now"; what is due comes
// from the timetable and the store, so one that is late, doubled or lost changes nothing.
type Waker struct {
	o    WakerOptions
	cron gocron.Scheduler

	mu   sync.Mutex
	jobs map[moments]*scheduled
	// looking are the wake-ups that are under way; none begins once stopping is set.
	looking  sync.WaitGroup
	stopping bool
}

// WakerOptions says whom a [Waker] wakes. All are required.
type WakerOptions struct {
	// Wake looks at a DAG, Sweep at all of them.
	Wake  func(dagID string)
	Sweep func(ctx context.Context)
	// Every is the time between two sweeps.
	Every time.Duration
	Clock func() time.Time
	Log   *slog.Logger
}

// moments is what DAGs have in common that are due at the same ones.
type moments struct {
	timetable  timetable.Timetable
	start, end time.Time
}

// scheduled is the job that wakes some DAGs.
type scheduled struct {
	id   uuid.UUID
	dags []string
}

// NewWaker returns a waker that sleeps until [Waker.Run]. One that is never run is to be closed.
func NewWaker(o WakerOptions) (*Waker, error) {
	c, err := gocron.NewScheduler(gocron.WithLocation(time.UTC), gocron.WithStopTimeout(10*time.Second))
	if err != nil {
		return nil, fmt.Errorf("start the scheduler: %w", err)
	}
	return &Waker{o: o, cron: c, jobs: map[moments]*scheduled{}}, nil
}

// Run wakes until ctx ends, at first all DAGs.
func (w *Waker) Run(ctx context.Context) error {
	_, err := w.cron.NewJob(gocron.DurationJob(w.o.Every), gocron.NewTask(func() { w.do(func() { w.o.Sweep(context.WithoutCancel(ctx)) }) }))
	if err != nil {
		return fmt.Errorf("schedule the sweep: %w", err)
	}
	w.cron.Start()
	w.o.Sweep(context.WithoutCancel(ctx))
	<-ctx.Done()
	w.stop()
	if err := w.cron.Shutdown(); err != nil {
		return fmt.Errorf("stop the scheduler: %w", err)
	}
	return nil
}

// do runs what a wake-up does, unless no more begin.
func (w *Waker) do(look func()) {
	w.mu.Lock()
	if w.stopping {
		w.mu.Unlock()
		return
	}
	w.looking.Add(1)
	w.mu.Unlock()
	defer w.looking.Done()
	look()
}

// stop waits for the wake-ups under way. While gocron waits for one it asks in a loop without a pause whether it has ended, which
// takes a whole core, and gives up after a while.
func (w *Waker) stop() {
	w.mu.Lock()
	w.stopping = true
	w.mu.Unlock()
	w.looking.Wait()
}

// Close ends a waker that was not run.
func (w *Waker) Close() error { return w.cron.Shutdown() }

// Sync has every DAG with a schedule woken, and no other.
func (w *Waker) Sync(ds map[string]*dag.DAG) {
	due := map[moments][]string{}
	for id, d := range ds {
		m := moments{d.Timetable, d.StartDate, d.EndDate}
		due[m] = append(due[m], id)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for m, j := range w.jobs {
		if due[m] != nil {
			continue
		}
		if err := w.cron.RemoveJob(j.id); err != nil {
			w.o.Log.Error("unschedule dags", "dags", j.dags, "error", err)
		}
		delete(w.jobs, m)
	}
	for m, ids := range due {
		if j := w.jobs[m]; j != nil {
			j.dags = ids
		} else {
			w.add(m, ids)
		}
	}
}

// add makes the job of DAGs that are due at the same moments, if there is one to come.
func (w *Waker) add(m moments, ids []string) {
	t := ticks{m}
	if t.next(w.o.Clock()).IsZero() {
		return
	}
	j := &scheduled{dags: ids}
	job, err := w.cron.NewJob(gocron.CronJob("*", false), gocron.NewTask(w.wake, j), gocron.WithName(ids[0]), gocron.WithCronImplementation(t))
	if err != nil {
		w.o.Log.Error("schedule dags", "dags", ids, "error", err)
		return
	}
	j.id = job.ID()
	w.jobs[m] = j
}

// wake wakes the DAGs of a job side by side: their transactions share commits.
func (w *Waker) wake(j *scheduled) {
	w.mu.Lock()
	ids := j.dags
	w.mu.Unlock()
	w.do(func() {
		var work sync.WaitGroup
		for _, id := range ids {
			work.Go(func() { w.o.Wake(id) })
		}
		work.Wait()
	})
}

// ticks are a timetable's wake-ups for gocron.
type ticks struct{ moments }

// IsValid is part of gocron's interface; timetables are checked when files are loaded.
func (t ticks) IsValid(string, *time.Location, time.Time) error { return nil }

// Next is part of gocron's interface. Once there is no moment to come it is one that nobody lives to see: for the zero time gocron
// would ask again and again for one that is not past, without an end.
func (t ticks) Next(from time.Time) time.Time {
	if next := t.next(from); !next.IsZero() {
		return next
	}
	return from.AddDate(100, 0, 0)
}

// next returns the first moment after from at which a run is due, or the zero time.
// Runs that are due already are found by the sweep, so no history is needed.
func (t ticks) next(from time.Time) time.Time {
	var last *timetable.Interval
	r := timetable.Restriction{Earliest: t.start, Latest: t.end}
	for range 3 {
		run, ok := t.timetable.Next(last, r, from)
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
