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

// Waker wakes the engine when DAGs are due: one gocron job for each DAG, and one
// for the sweep. A wake-up only says "look now"; what is due comes from the timetable
// and the store, so one that is late, doubled or lost changes nothing.
type Waker struct {
	o    WakerOptions
	cron gocron.Scheduler

	mu   sync.Mutex
	jobs map[string]scheduled
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

type scheduled struct {
	id      uuid.UUID
	version string
}

// NewWaker returns a waker that sleeps until [Waker.Run].
func NewWaker(o WakerOptions) (*Waker, error) {
	c, err := gocron.NewScheduler(gocron.WithLocation(time.UTC), gocron.WithStopTimeout(10*time.Second))
	if err != nil {
		return nil, fmt.Errorf("start the scheduler: %w", err)
	}
	return &Waker{o: o, cron: c, jobs: map[string]scheduled{}}, nil
}

// Run wakes until ctx ends, at first all DAGs.
func (w *Waker) Run(ctx context.Context) error {
	_, err := w.cron.NewJob(gocron.DurationJob(w.o.Every), gocron.NewTask(func() { w.o.Sweep(context.WithoutCancel(ctx)) }))
	if err != nil {
		return fmt.Errorf("schedule the sweep: %w", err)
	}
	w.cron.Start()
	w.o.Sweep(context.WithoutCancel(ctx))
	<-ctx.Done()
	if err := w.cron.Shutdown(); err != nil {
		return fmt.Errorf("stop the scheduler: %w", err)
	}
	return nil
}

// Sync gives every DAG with a schedule its job and takes it from the others.
func (w *Waker) Sync(ds map[string]*dag.DAG) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, j := range w.jobs {
		if d := ds[id]; d == nil || d.Version != j.version {
			if err := w.cron.RemoveJob(j.id); err != nil {
				w.o.Log.Error("unschedule a dag", "dag", id, "error", err)
			}
			delete(w.jobs, id)
		}
	}
	for id, d := range ds {
		if _, ok := w.jobs[id]; ok {
			continue
		}
		t := &ticks{d: d, now: w.o.Clock}
		if t.Next(w.o.Clock()).IsZero() {
			continue
		}
		j, err := w.cron.NewJob(gocron.CronJob("*", false), gocron.NewTask(func() { w.o.Wake(id) }),
			gocron.WithName(id), gocron.WithCronImplementation(t))
		if err != nil {
			w.o.Log.Error("schedule a dag", "dag", id, "error", err)
			continue
		}
		w.jobs[id] = scheduled{id: j.ID(), version: d.Version}
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
