package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
)

const (
	// fetching is how long it may take to fetch jobs. After that another connection is used.
	fetching = 10 * time.Second
	// gathering is how long it is waited for a quarter of the slots when some are free and more jobs wait.
	gathering = 2 * time.Millisecond
	// straying is after how many looks for jobs those are looked for that this process took and does not hold.
	straying = 10
	// leaving is how long, at a stop, it is tried to give jobs back when the context of their handlers has ended. After
	// that they are found when the lease of this process ends.
	leaving = 5 * time.Second
)

// workers run jobs. One goroutine fetches, starts and counts them, and looks after those that strayed, so that none of this
// happens at the same time.
type workers struct {
	s *Store
	o store.WorkOptions
	// handling is the context of handlers.
	handling context.Context //nolint:containedctx // it is that of all that it starts
	// ended is told of each slot that is free again, and running is how many are not.
	ended   chan struct{}
	running int
	// failing says that the last fetch failed: jobs may have been taken all the same.
	failing bool
	// looks is how often it was looked since it was looked for strays.
	looks int
}

// Work runs the workers until ctx ends, see [store.Queue].
func (s *Store) Work(ctx context.Context, o store.WorkOptions) error {
	if o.Workers < 1 {
		return fmt.Errorf("run jobs: %d workers; want at least 1", o.Workers)
	}
	s.process.Serve(o.Queues)
	// What is running goes on after the end of ctx.
	handling, end := context.WithCancel(context.WithoutCancel(ctx))
	taking, stop := context.WithCancel(ctx)
	defer stop()
	var stopping sync.WaitGroup
	defer stopping.Wait()
	defer end() // before that
	stopping.Go(func() {
		defer end()
		select {
		case <-ctx.Done():
		case <-o.Hurry:
			stop()
			return
		case <-handling.Done():
			return
		}
		grace := time.NewTimer(o.Grace)
		defer grace.Stop()
		select {
		case <-grace.C:
		case <-o.Hurry:
		case <-handling.Done():
		}
	})
	w := &workers{s: s, o: o, handling: handling, ended: make(chan struct{}, o.Workers)}
	wake := make(chan struct{}, 1)
	s.hub.Add(wake)
	defer s.hub.Remove(wake)
	if o.Ready != nil {
		o.Ready()
	}
	w.run(taking, wake)
	return nil
}

// run takes jobs until ctx ends, and returns when all have ended.
func (w *workers) run(ctx context.Context, wake <-chan struct{}) {
	look := time.NewTicker(w.s.opts.Looks)
	defer look.Stop()
	more := true
	for ctx.Err() == nil {
		if n := w.o.Workers - w.running; more && n > 0 {
			more = w.fetch(ctx, n) == n
			continue
		}
		select {
		case <-ctx.Done():
		case <-w.ended:
			w.running--
			if more {
				w.gather(ctx)
			}
		case <-wake:
			more = true
		case <-look.C:
			more = true
			w.lookForStrays(ctx)
		}
	}
	for ; w.running > 0; w.running-- {
		<-w.ended
	}
}

// gather waits a moment for more slots to become free, of those that end with one commit, because a fetch for each of them would
// keep the database busier than the jobs do.
func (w *workers) gather(ctx context.Context) {
	enough := time.NewTimer(gathering)
	defer enough.Stop()
	for 4*(w.o.Workers-w.running) < w.o.Workers {
		select {
		case <-ctx.Done():
			return
		case <-enough.C:
			return
		case <-w.ended:
			w.running--
		}
	}
}

// fetch takes up to n jobs, starts them, and returns how many they are. It is not cut off by the end of ctx, because nobody
// would know what it took.
func (w *workers) fetch(ctx context.Context, n int) int {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetching)
	js, err := sqlqueue.Fetch(limited, w.s.conn(), w.s.process, n)
	cancel()
	if err != nil {
		if !w.failing {
			w.s.opts.Log.Error("no job can be fetched from the database; it is tried again", "error", err)
		}
		w.failing = true
		return 0
	}
	if w.failing {
		w.s.opts.Log.Info("jobs are fetched from the database again")
		w.failing, w.looks = false, straying // some may have been taken by a fetch that failed
	}
	for _, j := range js {
		h := j.Handle.(sqlqueue.Handle) //nolint:forcetypeassert // it comes from there
		j.Handle = h.Held()
		by := w.s.process.Begin(h)
		w.running++
		stopped := ctx.Err() != nil
		go func() { //nolint:contextcheck // what a handler leaves is given back after the end of ctx, too
			defer func() { w.ended <- struct{}{} }()
			w.handle(j, by, stopped)
		}()
	}
	return len(js)
}

// errStopped gives back a job that came when no more was to be begun.
var errStopped = errors.New("no job is begun any more")

// handle runs a job and gives back what is left of it.
func (w *workers) handle(j store.Job, by *sqlqueue.Holder, stopped bool) {
	err := errStopped
	if !stopped {
		err = sqlcommit.Safely(func() error { return w.o.Handle(w.handling, j) })
	}
	left := w.s.process.End(by)
	if err == nil || len(left) == 0 {
		return // the handler has ended the job, or lost it
	}
	w.s.opts.Log.Debug("attempt given back", "task", j.TaskID, "error", err)
	w.giveBack(j, left)
}

// giveBack tries until it is written, or the process has no more time.
func (w *workers) giveBack(j store.Job, left []sqlqueue.Handle) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.handling))
	defer cancel()
	defer context.AfterFunc(w.handling, func() {
		select {
		case <-time.After(leaving):
			cancel()
		case <-ctx.Done():
		}
	})()
	for tries := 0; ; tries++ {
		err := w.s.tx(ctx, func(t *transaction) error { return t.Return(ctx, left) })
		if err == nil {
			return
		}
		if ctx.Err() != nil || errors.Is(err, sqlcommit.ErrClosed) {
			w.s.opts.Log.Error("an attempt could not be given back; it is when the lease of this process ends", "task", j.TaskID, "error", err)
			return
		}
		if tries == 0 {
			w.s.opts.Log.Error("an attempt can't be given back; it is tried again", "task", j.TaskID, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(w.s.opts.Looks):
		}
	}
}

// lookForStrays gives back the jobs that stand under this process and that it does not hold.
func (w *workers) lookForStrays(ctx context.Context) {
	if w.looks++; w.looks < straying {
		return
	}
	if err := w.returnStrays(context.WithoutCancel(ctx)); err != nil {
		w.s.opts.Log.Error("jobs that nobody holds can't be looked for; it is tried again", "error", err)
		return
	}
	w.looks = 0
}

func (w *workers) returnStrays(ctx context.Context) error {
	if found, err := sqlqueue.Strays(ctx, w.s.conn(), w.s.process); err != nil || len(found) == 0 {
		return err
	}
	// In a transaction that writes no other function of this process takes or ends a job half-way.
	return w.s.tx(ctx, func(t *transaction) error {
		found, err := t.Strays(ctx)
		if err != nil || len(found) == 0 {
			return err
		}
		w.s.opts.Log.Warn("jobs were taken by this process and are held by nobody, as when the answer of the database was lost; they are given back", "jobs", len(found))
		return t.Return(ctx, found)
	})
}
