package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// Run recovers what the last process left and works until ctx ends. Running attempts
// then have the grace time to finish; what does not is queued again, uncounted.
//
// On a store that processes share it works for whoever leads. With [RunOptions.Lead] it leads when nobody else does: it
// takes over the runs, schedules, and takes in what became of the attempts of all.
func (e *Engine) Run(ctx context.Context, o RunOptions) error {
	if e.o.Shared {
		e.desk.setReload(o.Reload)
		return e.runShared(ctx, o)
	}
	// What ends a run must still be written while ctx is done.
	work := context.WithoutCancel(ctx)
	e.desk.setReload(o.Reload)
	if err := e.takeWork(work); err != nil {
		return err
	}
	defer e.leaveWork(work)
	if err := e.takeUp(work); err != nil {
		return err
	}
	defer e.timers.Stop()
	g, gctx := errgroup.WithContext(ctx)
	over := make(chan struct{})
	var saying sync.WaitGroup
	saying.Go(func() { e.executor.sayStopping(o.Interrupted, o.Hurry, over) })
	defer saying.Wait()
	defer close(over)
	asked := make(chan struct{}, 1)
	g.Go(func() error { return e.beats(gctx, asked) })
	if o.Watch {
		g.Go(func() error { return e.watch(gctx, asked) })
	}
	g.Go(func() error { return e.outbox.Run(gctx) })
	if o.Schedule {
		stop, err := e.schedule(ctx, gctx, g)
		if err != nil {
			return err
		}
		defer stop()
	}
	g.Go(func() error {
		if o.Before != nil {
			o.Before(gctx)
		}
		return e.store.Work(gctx, store.WorkOptions{
			Workers: e.o.Workers, Grace: e.o.Grace, Hurry: o.Hurry, Ready: o.Ready,
			Handle: func(ctx context.Context, j store.Job) error { return e.executor.handle(ctx, j, gctx.Done()) },
		})
	})
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// takeUp takes over what the store holds, and does what others have asked for meanwhile.
func (e *Engine) takeUp(ctx context.Context) error {
	if err := e.Refresh(ctx); err != nil { // what is paused, and the pools
		return fmt.Errorf("read the store: %w", err)
	}
	if err := e.recover(ctx); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if err := e.scheduler.Adopt(ctx); err != nil {
		return fmt.Errorf("take over the runs that were asked for: %w", err)
	}
	if err := e.Refresh(ctx); err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	if err := e.desk.serve(ctx); err != nil {
		e.o.Log.Error("do what was asked for", "error", err) // the next beat tries again
	}
	return nil
}

// schedule creates runs when they are due until gctx ends, in g. Once that has ended stop is to be called.
func (e *Engine) schedule(ctx, gctx context.Context, g *errgroup.Group) (stop func(), err error) {
	work := context.WithoutCancel(ctx)
	w, err := schedule.NewWaker(schedule.WakerOptions{Wake: e.scheduler.Wake, Sweep: e.scheduler.Sweep, Every: e.o.Sweep, Clock: e.o.Clock, Log: e.o.Log})
	if err != nil {
		return nil, err
	}
	e.scheduler.SetWaker(w)
	if err := e.scheduler.NoteLife(work, false); err != nil {
		e.scheduler.SetWaker(nil)
		return nil, errors.Join(err, w.Close())
	}
	g.Go(func() error { return w.Run(gctx) })
	return func() {
		e.scheduler.StopLife(work)
		e.scheduler.SetWaker(nil)
	}, nil
}

// beats renews the lease, takes over what dead processes held, and picks up what other
// processes wrote: triggered runs, paused DAGs, attempts that are no longer wanted.
//
// What other processes wrote is picked up between two beats when asked says so.
func (e *Engine) beats(ctx context.Context, asked <-chan struct{}) error {
	t := time.NewTicker(e.o.Beat)
	defer t.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
			e.outbox.Wake() // a person may have sent a message again
			err = e.pickUp(ctx)
		case <-t.C:
			err = e.beat(ctx)
		}
		if err != nil && ctx.Err() == nil {
			// The next beat tries again; a store that stays away shows in every line.
			e.o.Log.Error("beat", "error", err)
		}
	}
}

func (e *Engine) beat(ctx context.Context) error {
	lost, err := e.store.Beat(ctx, 3*e.o.Beat)
	e.executor.takeOver(ctx, lost)
	if err != nil {
		return err
	}
	return e.beatRest(ctx)
}

// beatRest is what a process that leads does with each beat beside its lease.
func (e *Engine) beatRest(ctx context.Context) error {
	// With the lease; what fails of the rest does not hold up the others.
	if err := errors.Join(e.pickUp(ctx), e.scheduler.NoteLife(ctx, false)); err != nil {
		return err
	}
	if err := e.scheduler.TellDay(ctx); err != nil {
		e.o.Log.Error("tell people", "error", err) // the scheduling goes on
	}
	e.beatsDone.Add(1)
	e.lastBeat.Store(new(e.runs.Now()))
	return nil
}

// pickUp takes in what other processes wrote.
func (e *Engine) pickUp(ctx context.Context) error {
	return errors.Join(e.Refresh(ctx), e.desk.serve(ctx))
}

// watch says through asked that another process has written something.
func (e *Engine) watch(ctx context.Context, asked chan<- struct{}) error {
	err := e.store.Watch(ctx, func() {
		select {
		case asked <- struct{}{}:
		default: // it is known already
		}
	})
	if err != nil {
		e.o.Log.Warn("what other processes ask for is answered at the next beat only", "error", err)
	}
	return nil
}

// takeWork says to other processes that this one works on the store from now on. Whoever
// would change a run must ask it, because it holds the runs in memory.
func (e *Engine) takeWork(ctx context.Context) error {
	// What dead processes held comes from Recover.
	if _, err := e.store.Beat(ctx, 3*e.o.Beat); err != nil {
		return fmt.Errorf("take the lease: %w", err)
	}
	return nil
}

// leaveWork gives that up, so that nobody waits for this process.
func (e *Engine) leaveWork(ctx context.Context) {
	e.runs.SetWorking(false)
	if _, err := e.store.Beat(ctx, 0); err != nil {
		e.o.Log.Error("give up the lease; it runs out", "error", err)
	}
}

// recover brings every running run back into memory and settles the attempts that were
// under way when the last process died. What is wrong with one of them does not hold up
// the others.
func (e *Engine) recover(ctx context.Context) error {
	lost, err := e.store.Recover(ctx)
	if err != nil {
		return err
	}
	if err := e.runs.Reload(ctx); err != nil {
		return err
	}
	e.runs.SetWorking(true)
	if e.o.Shared {
		e.takeIn(ctx) // before what is lost: some of that may have ended
	}
	e.executor.takeOver(ctx, lost)
	return nil
}
