package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

// ailing is a store whose parts a test makes fail.
type ailing struct {
	store.Store
	writes, dag, channels atomic.Bool
	held                  atomic.Pointer[chan struct{}] // transactions wait for it
}

var errAiling = errors.New("the disk is full")

// Tx fails, waits or lets one DAG fail.
func (a *ailing) Tx(ctx context.Context, fn func(store.Tx) error) error {
	if a.writes.Load() {
		return errAiling
	}
	if held := a.held.Load(); held != nil {
		<-*held
	}
	return a.Store.Tx(ctx, func(tx store.Tx) error { return fn(ailingTx{tx, a}) })
}

// Beat fails with the other writes, and waits as they do.
func (a *ailing) Beat(ctx context.Context, lease time.Duration) ([]store.Job, error) {
	if a.writes.Load() {
		return nil, errAiling
	}
	if held := a.held.Load(); held != nil {
		<-*held
	}
	return a.Store.Beat(ctx, lease)
}

// OpenChannels fails.
func (a *ailing) OpenChannels(ctx context.Context) ([]string, error) {
	if a.channels.Load() {
		return nil, errAiling
	}
	return a.Store.OpenChannels(ctx)
}

type ailingTx struct {
	store.Tx
	a *ailing
}

// InsertRun fails.
func (t ailingTx) InsertRun(ctx context.Context, r *store.Run) (bool, error) {
	if t.a.dag.Load() {
		return false, errAiling
	}
	return t.Tx.InsertRun(ctx, r)
}

// What an engine has got done grows while it schedules, and stands still when anything that
// scheduling takes fails or hangs, though its goroutines are all there.
func TestProgressStandsStillWithAStuckEngine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ail  func(*ailing, chan struct{})
		well func(*ailing, chan struct{})
	}{
		"the store cannot be written": {
			func(a *ailing, _ chan struct{}) { a.writes.Store(true) },
			func(a *ailing, _ chan struct{}) { a.writes.Store(false) },
		},
		"a write hangs": {
			func(a *ailing, held chan struct{}) { a.held.Store(&held) },
			func(a *ailing, held chan struct{}) { a.held.Store(nil); close(held) },
		},
		"a DAG gets no run": {
			func(a *ailing, _ chan struct{}) { a.dag.Store(true) },
			func(a *ailing, _ chan struct{}) { a.dag.Store(false) },
		},
		"the outbox cannot be read": {
			func(a *ailing, _ chan struct{}) { a.channels.Store(true) },
			func(a *ailing, _ chan struct{}) { a.channels.Store(false) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.o.Beat = time.Second
				b.stopStore()
				a := &ailing{}
				b.wrap = func(s store.Store) store.Store { a.Store = s; return a }
				b.open()
				b.load(minutely)
				assert.Zero(t, b.e.Progress())
				assert.Zero(t, b.e.Latest())
				b.start(engine.RunOptions{Schedule: true})
				after := func(d time.Duration) engine.Progress {
					<-time.After(d)
					synctest.Wait()
					return b.e.Progress()
				}
				begun := after(5 * time.Second)
				require.True(t, begun.Since(engine.Progress{}), "it schedules within seconds")
				on := after(65 * time.Second)
				require.True(t, on.Since(begun))
				now, latest := time.Now(), b.e.Latest()
				assert.WithinDuration(t, now, latest.Beat, 2*time.Second)
				assert.WithinDuration(t, now, latest.Pass, time.Minute)
				assert.WithinDuration(t, now, latest.Round, time.Minute)

				held := make(chan struct{})
				c.ail(a, held)
				ill := after(70 * time.Second) // a DAG may have been due only after a minute
				still := after(5 * time.Minute)
				assert.False(t, still.Since(ill), "%+v %+v", ill, still)
				oldest := func() time.Duration {
					l := b.e.Latest()
					return time.Since(slices.MinFunc([]time.Time{l.Beat, l.Pass, l.Round}, time.Time.Compare))
				}
				assert.Greater(t, oldest(), 4*time.Minute, "one of them stands still")
				c.well(a, held)
				assert.True(t, after(70*time.Second).Since(still), "it goes on")
				b.stop()
			})
		})
	}
}

// A process that works and does not schedule passes nothing.
func TestNoPassesWithoutAScheduler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.o.Beat = time.Second
		b.stopStore()
		b.open()
		b.load(minutely)
		b.start(engine.RunOptions{})
		<-time.After(2 * time.Minute)
		synctest.Wait()
		got := b.e.Progress()
		assert.Zero(t, got.Passes)
		assert.NotZero(t, got.Beats)
		assert.False(t, got.Since(engine.Progress{}))
		b.stop()
	})
}
