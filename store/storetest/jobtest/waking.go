//nolint:thelper // tests, not helpers: failures belong to their lines
package jobtest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest"
)

// inBubble runs a test where time passes only while everything waits: the clock tells
// how long the store waited for nothing but time.
func inBubble(t *testing.T, create func(t *testing.T) storetest.Open, test func(*testing.T, storetest.Open)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, create(t)) })
}

// Each step of a chain begins when the one before has committed, not when somebody looks.
func handOverIsAtOnce(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	const jobs = 50
	done := make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		next := j
		next.Try++
		return s.Tx(ctx, func(tx store.Tx) error {
			if j.Try == jobs {
				close(done)
				return tx.Complete(ctx, j)
			}
			if err := tx.Enqueue(ctx, []store.Job{next}); err != nil {
				return err
			}
			return tx.Complete(ctx, j)
		})
	}})
	begin := time.Now() //nolint:forbidigo // the bubble's clock
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.Enqueue(ctx, []store.Job{{TaskID: "t", Try: 1}})
	})
	<-done
	assert.Less(t, time.Since(begin), jobs*5*time.Millisecond, "waited by the clock for %d jobs", jobs)
}

// A worker that ends while others are looking for jobs gets one as well.
func freeWorkersDoNotWait(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "a", "b", "c", "d")
	begun := make(chan store.Job)
	a, b, rest := make(chan struct{}), make(chan struct{}), make(chan struct{})
	end := map[string]chan struct{}{"a": a, "b": b, "c": rest, "d": rest}
	storetest.Work(t, s, store.WorkOptions{Workers: 2, Handle: func(_ context.Context, j store.Job) error {
		begun <- j
		<-end[j.TaskID]
		return nil // the test has ended the job, or leaves it
	}})
	first := []store.Job{<-begun, <-begun}
	begin := time.Now() //nolint:forbidigo // the bubble's clock
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, j := range first {
			if err := tx.Complete(ctx, j); err != nil {
				return err
			}
		}
		// The first worker ends, and its search for a job waits for this transaction;
		// then the second ends.
		close(a)
		<-time.After(20 * time.Millisecond)
		close(b)
		synctest.Wait()
		return nil
	})
	for range 2 {
		<-begun
	}
	close(rest)
	assert.Less(t, time.Since(begin), 200*time.Millisecond, "a free worker waited for the clock")
}

// A store's own bounds on how long or how often a job may run are out of the way: a
// long task is not a dead one, and tries are the engine's to count.
func jobsHaveNoBounds(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	const givenBack = 30
	storetest.Enqueue(t, s, "t")
	calls, done := 0, make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Workers: 2, Handle: func(ctx context.Context, j store.Job) error {
		if calls++; calls <= givenBack {
			return errBoom
		}
		defer close(done)
		select {
		case <-ctx.Done():
			assert.Fail(t, "the store ended a long job")
		case <-time.After(2 * time.Minute):
		}
		return storetest.Complete(ctx, s, j)
	}})
	<-done
	assert.Equal(t, givenBack+1, calls)
}
