//nolint:thelper // tests, not helpers: failures belong to their lines
package jobtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest"
)

// A job ends when the transaction does that ends it: not before, and not only when its
// worker returns.
func jobsEndInTransaction(t *testing.T, open storetest.Open) {
	s, watch := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "b"})
	lost := func() int {
		js, err := watch.Beat(t.Context(), time.Hour)
		assert.NoError(t, err)
		return len(js)
	}
	done := make(chan struct{})
	storetest.Enqueue(t, s, "t")
	storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		defer close(done)
		assert.Equal(t, 1, lost(), "it runs, for a node without a lease")
		assert.ErrorIs(t, s.Tx(ctx, func(tx store.Tx) error {
			return errors.Join(tx.Complete(ctx, j), errBoom)
		}), errBoom)
		assert.Equal(t, 1, lost(), "the transaction failed")
		assert.NoError(t, storetest.Complete(ctx, s, j))
		assert.Zero(t, lost(), "ended, although the worker has not returned")
		assert.ErrorIs(t, storetest.Complete(ctx, s, j), store.ErrLostLease, "it ends once")
		return nil
	}})
	<-done
}

func jobsRunOnce(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "a", "b", "c")
	var (
		mu   sync.Mutex
		seen []store.Job
	)
	until := func(last string) {
		done := make(chan struct{})
		stop := storetest.Work(t, s, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
			if err := storetest.Complete(ctx, s, j); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			j.Handle = nil
			if seen = append(seen, j); j.TaskID == last {
				close(done)
			}
			return nil
		}})
		<-done
		stop()
	}
	until("c")
	storetest.Enqueue(t, s, "d")
	until("d")
	want := make([]store.Job, 4)
	for i, id := range []string{"a", "b", "c", "d"} {
		want[i] = store.Job{RunKey: 7, TaskID: id, MapIndex: -1, Try: 2}
	}
	assert.Equal(t, want, seen, "each once, whole, in order; the second worker finds none of the first")
}

func jobsRolledBack(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	err := s.Tx(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Enqueue(t.Context(), []store.Job{{TaskID: "never"}}), errBoom)
	})
	require.ErrorIs(t, err, errBoom)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.Enqueue(ctx, nil) })
	storetest.Enqueue(t, s, "after")
	first := make(chan string)
	storetest.Work(t, s, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		first <- j.TaskID
		return storetest.Complete(ctx, s, j)
	}})
	assert.Equal(t, "after", <-first)
}

// A job whose handler returns an error or panics is run again, and it does not matter
// that its own transaction failed before.
func jobsGivenBack(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "t")
	calls, done := 0, make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		calls++
		switch calls {
		case 1:
			return errBoom
		case 2:
			panic("bang")
		case 3:
			return s.Tx(ctx, func(tx store.Tx) error { return errors.Join(tx.Complete(ctx, j), errBoom) })
		default:
			defer close(done)
			return storetest.Complete(ctx, s, j)
		}
	}})
	<-done
	assert.Equal(t, 4, calls)
}

// What a handler took on its way is given back with it, when it fails or panics; what it ended is not.
func takenJobsGivenBack(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "first")
	done := make(chan struct{})
	var ran []string
	storetest.Work(t, s, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		switch ran = append(ran, j.TaskID); len(ran) {
		case 1: // it takes over the row of the first
			_, err := exchange(ctx, s, j, "second")
			assert.NoError(t, err)
			panic("bang")
		case 2: // it is taken before the one that ends is known
			storetest.Enqueue(t, s, "third") //nolint:contextcheck // it is the test that hands it out
			taken, err := take(ctx, s, j, 1)
			assert.NoError(t, err)
			assert.NotNil(t, taken[0])
			return errBoom
		default:
			defer close(done)
			return storetest.Complete(ctx, s, j)
		}
	}})
	<-done
	assert.Equal(t, []string{"first", "second", "third"}, ran)
}

func waitingJobsAreCounted(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	backlogs := func() []store.QueueBacklog {
		all, err := s.QueueBacklogs(t.Context())
		require.NoError(t, err)
		return all
	}
	assert.Empty(t, backlogs())
	before := time.Now().Add(-time.Minute) //nolint:forbidigo // the database's clock is that of this machine
	storetest.EnqueueIn(t, s, "", "gpu", "default", "", "重 queue")
	all := backlogs()
	for i := range all {
		assert.WithinRange(t, all[i].Since, before, before.Add(2*time.Minute), all[i].Queue)
		all[i].Since = time.Time{}
	}
	assert.Equal(t, []store.QueueBacklog{{Queue: "default", Jobs: 3}, {Queue: "gpu", Jobs: 1}, {Queue: "重 queue", Jobs: 1}}, all)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, want := range []string{"", "gpu"} {
			j, err := tx.Take(ctx)
			if assert.NotNil(t, j) {
				assert.Equal(t, want, j.Queue)
			}
			assert.NoError(t, err)
		}
		all, err := tx.QueueBacklogs(ctx)
		assert.Len(t, all, 2, "what runs does not wait")
		return err
	})
}

func jobsNeedAHolder(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	require.Error(t, storetest.Complete(t.Context(), s, store.Job{TaskID: "t"}))
	require.Error(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.Release(t.Context(), store.Job{TaskID: "t"}) }))

	storetest.Enqueue(t, s, "t")
	done := make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		defer close(done)
		assert.Error(t, s.Tx(ctx, func(tx store.Tx) error { return tx.Release(ctx, j) }), "it is not lost: another worker would run it too")
		return storetest.Complete(ctx, s, j)
	}})
	<-done
}

func jobsAtOnce(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "a", "b", "c", "d", "e", "f")
	var (
		mu      sync.Mutex
		running int
		done    sync.WaitGroup
	)
	// Two have to meet before one of them may go on.
	meet := make(chan struct{})
	done.Add(6)
	storetest.Work(t, s, store.WorkOptions{Workers: 2, Handle: func(ctx context.Context, j store.Job) error {
		defer done.Done()
		mu.Lock()
		running++
		assert.LessOrEqual(t, running, 2)
		mu.Unlock()
		select {
		case meet <- struct{}{}:
		case <-meet:
		}
		mu.Lock()
		running--
		mu.Unlock()
		return storetest.Complete(ctx, s, j)
	}})
	done.Wait()
}

// At a stop no new job is taken, and running ones go on.
func stopWaits(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "runs", "waits")
	ctx, cancel := context.WithCancel(t.Context())
	var seen []string
	require.NoError(t, s.Work(ctx, store.WorkOptions{Workers: 1, Grace: time.Hour, Handle: func(hctx context.Context, j store.Job) error {
		seen = append(seen, j.TaskID)
		cancel()
		assert.NoError(t, hctx.Err())
		return storetest.Complete(hctx, s, j)
	}}))
	assert.Equal(t, []string{"runs"}, seen)

	next := make(chan string)
	storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		next <- j.TaskID
		return storetest.Complete(ctx, s, j)
	}})
	assert.Equal(t, "waits", <-next)
}

// What does not end within the grace time is told to, and runs again later.
func stopGivesBack(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "t")
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, s.Work(ctx, store.WorkOptions{Workers: 1, Grace: time.Millisecond, Handle: func(hctx context.Context, _ store.Job) error {
		cancel()
		<-hctx.Done()
		return hctx.Err()
	}}))
	again := make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		defer close(again)
		return storetest.Complete(ctx, s, j)
	}})
	<-again
}
