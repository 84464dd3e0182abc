//nolint:thelper // tests, not helpers: failures belong to their lines
package jobtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest"
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: midnight} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

const lease = 3 * time.Second

// beat returns the jobs that a node may take over.
func beat(t *testing.T, s store.Store) []store.Job {
	t.Helper()
	js, err := s.Beat(t.Context(), lease)
	require.NoError(t, err)
	return js
}

// A node that has a job again, after it was given back, holds this taking of it only: what
// it still holds of an older one changes nothing.
func olderTakings(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{Name: "a"})
	storetest.Enqueue(t, s, "t")
	take := func() (j *store.Job) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			j, err = tx.Take(ctx)
			return err
		})
		require.NotNil(t, j)
		return j
	}
	old := take()
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.Release(ctx, *old) })
	held := take()
	for name, change := range map[string]func(store.Tx) error{
		"complete": func(tx store.Tx) error { return tx.Complete(t.Context(), *old) },
		"release":  func(tx store.Tx) error { return tx.Release(t.Context(), *old) },
	} {
		require.ErrorIs(t, s.Tx(t.Context(), change), store.ErrLostLease, name)
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.Complete(ctx, *held) })
}

// hung is a job whose handler hangs until the test says what it returns.
type hung struct {
	job  store.Job
	end  chan error
	stop func()
}

// hang runs one job on s and leaves it there.
func hang(t *testing.T, s store.Store) *hung {
	t.Helper()
	begun := make(chan store.Job)
	h := &hung{end: make(chan error, 1)}
	storetest.Enqueue(t, s, "t")
	h.stop = storetest.Work(t, s, store.WorkOptions{Workers: 1, Handle: func(_ context.Context, j store.Job) error {
		begun <- j
		return <-h.end
	}})
	h.job = <-begun
	t.Cleanup(func() { close(h.end) })
	return h
}

// one is the single job among js.
func one(t *testing.T, js []store.Job) store.Job {
	t.Helper()
	require.Len(t, js, 1)
	plain := js[0]
	plain.Handle = nil
	assert.Equal(t, store.Job{RunKey: 7, TaskID: "t", MapIndex: -1, Try: 2}, plain)
	return js[0]
}

func release(t *testing.T, s store.Store, j store.Job) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.Release(ctx, j) })
}

func beatLeavesTheLiving(t *testing.T, open storetest.Open) {
	c := newClock()
	a, b := open(t, storetest.Node{Name: "a", Clock: c.now}), open(t, storetest.Node{Name: "b", Clock: c.now})
	beat(t, a)
	hang(t, a)
	assert.Empty(t, beat(t, a), "its own")
	assert.Empty(t, beat(t, b), "the lease runs")
	c.add(lease - time.Millisecond)
	assert.Empty(t, beat(t, b), "to the end")
	c.add(time.Millisecond)
	one(t, beat(t, b))
	assert.Empty(t, beat(t, a), "never its own, even after its own lease ran out")
	assert.Empty(t, beat(t, b), "the late node is back")
}

// The node that lost its job may neither end it nor, when its handler returns at last,
// disturb the one that runs it now.
func beatTakesOver(t *testing.T, open storetest.Open) {
	for name, returns := range map[string]error{"nil": nil, "an error": errBoom} {
		c := newClock()
		a, b := open(t, storetest.Node{Name: "a" + name, Clock: c.now}), open(t, storetest.Node{Name: "b" + name, Clock: c.now})
		beat(t, a)
		h := hang(t, a)
		c.add(2 * lease)
		lost := one(t, beat(t, b))
		release(t, b, lost)

		running, goOn := make(chan store.Job, 9), make(chan struct{})
		result := make(chan error)
		stop := storetest.Work(t, b, store.WorkOptions{Workers: 2, Handle: func(ctx context.Context, j store.Job) error {
			running <- j
			<-goOn
			err := storetest.Complete(ctx, b, j)
			result <- err
			return err
		}})
		one(t, []store.Job{<-running})
		require.ErrorIs(t, storetest.Complete(t.Context(), a, h.job), store.ErrLostLease)
		require.ErrorIs(t, storetest.Complete(t.Context(), b, lost), store.ErrLostLease, "a stale finding of the taker itself")
		h.end <- returns
		h.stop() // whatever it writes about the job, it has written now
		close(goOn)
		require.NoError(t, <-result, "%s: the new holder ends it", name)
		stop()
		assert.Empty(t, running, "%s: it ran once more, not twice", name)
	}
}

func beatEnds(t *testing.T, open storetest.Open) {
	c := newClock()
	a, b := open(t, storetest.Node{Name: "a", Clock: c.now}), open(t, storetest.Node{Name: "b", Clock: c.now})
	beat(t, a)
	h := hang(t, a)
	c.add(2 * lease)
	lost := one(t, beat(t, b))
	require.NoError(t, storetest.Complete(t.Context(), b, lost))
	assert.Empty(t, beat(t, b))
	require.ErrorIs(t, storetest.Complete(t.Context(), a, h.job), store.ErrLostLease)
	require.ErrorIs(t, storetest.Complete(t.Context(), b, lost), store.ErrLostLease)
}

// A node that was only slow may still end its job before another acts.
func beatComesLate(t *testing.T, open storetest.Open) {
	c := newClock()
	a, b := open(t, storetest.Node{Name: "a", Clock: c.now}), open(t, storetest.Node{Name: "b", Clock: c.now})
	beat(t, a)
	h := hang(t, a)
	c.add(2 * lease)
	lost := one(t, beat(t, b))
	require.NoError(t, storetest.Complete(t.Context(), a, h.job))
	require.ErrorIs(t, storetest.Complete(t.Context(), b, lost), store.ErrLostLease)
	require.ErrorIs(t, b.Tx(t.Context(), func(tx store.Tx) error { return tx.Release(t.Context(), lost) }), store.ErrLostLease)
}

// The next process has the name of the one that died.
func recoverTakesBack(t *testing.T, open storetest.Open) {
	dead, s := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "a"})
	h := hang(t, dead)
	js, err := s.Recover(t.Context())
	require.NoError(t, err)
	release(t, s, one(t, js))
	js, err = s.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, js, "it waits again")

	result := make(chan error)
	storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		assert.ErrorIs(t, storetest.Complete(ctx, dead, h.job), store.ErrLostLease)
		err := storetest.Complete(ctx, s, j)
		result <- err
		return err
	}})
	require.NoError(t, <-result)
}

func leasesAreSeen(t *testing.T, open storetest.Open) {
	c := newClock()
	a, b := open(t, storetest.Node{Name: "a", Clock: c.now}), open(t, storetest.Node{Name: "b", Clock: c.now})
	leased := func(now time.Time) bool {
		ok, err := b.Leased(t.Context(), now)
		require.NoError(t, err)
		return ok
	}
	until := func() time.Time {
		at, err := b.LeasedUntil(t.Context())
		require.NoError(t, err)
		return at
	}
	assert.False(t, leased(midnight), "nobody has worked here yet")
	assert.Zero(t, until())
	beat(t, a)
	assert.Equal(t, midnight.Add(lease), until())
	assert.True(t, leased(midnight))
	assert.True(t, leased(midnight.Add(lease-time.Millisecond)))
	assert.False(t, leased(midnight.Add(lease)), "it ran out")
	_, err := a.Beat(t.Context(), 0)
	require.NoError(t, err)
	assert.False(t, leased(midnight), "it was given up")
	assert.Equal(t, midnight, until())
	c.add(time.Second)
	beat(t, b)
	assert.Equal(t, midnight.Add(time.Second+lease), until(), "the one that runs longest")
}
