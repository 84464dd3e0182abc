package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dingdag/dingdag/store"
)

// lead leads until ctx ends: it takes over the runs, schedules, and takes in what others ask for and report. It closes
// t.quiet when it changes nothing more, and returns when the messages under way have left, too.
func (e *Engine) lead(ctx context.Context, o RunOptions, t *term) {
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var sends sync.WaitGroup
	defer sends.Wait()
	t.err = e.leadUntil(ctx, o, t, func(errs chan<- error) {
		sends.Go(func() {
			if err := e.outbox.Run(sending); err != nil {
				errs <- err
			}
		})
	})
	stop()
	e.timers.Stop()
	e.runs.Reset()
	e.timers.Restart()
	e.scheduler.Reset()
	close(t.quiet)
}

func (e *Engine) leadUntil(ctx context.Context, o RunOptions, t *term, send func(errs chan<- error)) error {
	// What ends a run must still be written while ctx is done.
	work := context.WithoutCancel(ctx)
	e.runs.SetLeading(true)
	if o.Leading != nil {
		if err := o.Leading(ctx); err != nil {
			return err
		}
	}
	if err := e.takeUp(work); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	errs := make(chan error, 1)
	send(errs)
	g.Go(func() error {
		select {
		case err := <-errs:
			return err
		case <-gctx.Done():
			return nil
		}
	})
	if o.Schedule {
		stop, err := e.schedule(ctx, gctx, g)
		if err != nil {
			return err
		}
		defer stop()
	}
	g.Go(func() error { e.leaderBeats(gctx, t.lost); return nil })
	g.Go(func() error { e.takeReports(gctx); return nil })
	if o.Led != nil {
		o.Led(ctx)
	}
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// leaderBeats takes in what other processes ask for, and what dead ones held.
func (e *Engine) leaderBeats(ctx context.Context, lost <-chan []store.Job) {
	t := time.NewTicker(e.o.Beat)
	defer t.Stop()
	told := unserved{}
	for beats := 0; ; {
		var err error
		select {
		case <-ctx.Done():
			return
		case js := <-lost:
			e.takeIn(ctx) // some of them may have ended
			e.executor.takeOver(ctx, js)
		case <-e.asked:
			e.outbox.Wake() // a person may have sent a message again
			err = e.pickUp(ctx)
			pause(ctx, hearing)
		case <-t.C:
			e.reported()
			err = e.beatRest(ctx)
			if beats++; beats%queueBeats == 0 {
				err = errors.Join(err, told.look(ctx, e.store, e.o.Log))
			}
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrNotLeader) {
			// The next beat tries again; a store that stays away shows in every line.
			e.o.Log.Error("beat", "error", err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// reported says that somebody may have reported an attempt, and ask that somebody may want something.
func (e *Engine) reported() { signal(e.reports) }
func (e *Engine) ask()      { signal(e.asked) }

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is known already
	}
}
