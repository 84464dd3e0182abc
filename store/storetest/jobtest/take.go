//nolint:thelper // tests, not helpers: failures belong to their lines
package jobtest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest"
)

// take ends a job and takes others in the same transaction.
func take(ctx context.Context, s store.Store, j store.Job, n int) (taken []*store.Job, err error) {
	err = s.Tx(ctx, func(tx store.Tx) error {
		taken = nil
		for range n {
			next, err := tx.Take(ctx)
			if err != nil {
				return err
			}
			taken = append(taken, next)
		}
		return tx.Complete(ctx, j)
	})
	return taken, err
}

// A worker that ends its job may go on with those that have waited longest. They are
// its own from then on, as if they had been fetched.
func jobsAreTaken(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "a", "b", "c", "d")
	done := make(chan struct{})
	var ran []string
	storetest.Work(t, s, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		if ran = append(ran, j.TaskID); j.TaskID != "a" {
			if j.TaskID == "d" {
				defer close(done)
			}
			return storetest.Complete(ctx, s, j)
		}
		boom := s.Tx(ctx, func(tx store.Tx) error {
			_, err := tx.Take(ctx)
			return errors.Join(err, errBoom)
		})
		assert.ErrorIs(t, boom, errBoom, "what a failed transaction took waits on")
		taken, err := take(ctx, s, j, 2)
		if !assert.NoError(t, err) {
			return err
		}
		assert.Equal(t, []string{"b", "c"}, []string{taken[0].TaskID, taken[1].TaskID})
		assert.Equal(t, 2, taken[0].Try)
		assert.NoError(t, storetest.Complete(ctx, s, *taken[0]))
		assert.ErrorIs(t, storetest.Complete(ctx, s, *taken[0]), store.ErrLostLease, "it ends once")
		assert.NoError(t, s.Tx(ctx, func(tx store.Tx) error { return tx.Release(ctx, *taken[1]) }))
		assert.ErrorIs(t, storetest.Complete(ctx, s, *taken[1]), store.ErrLostLease, "it was given back")
		return nil
	}})
	<-done
	assert.Equal(t, []string{"a", "c", "d"}, ran)
}

func noJobIsTaken(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "t")
	done := make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		defer close(done)
		taken, err := take(ctx, s, j, 1)
		assert.Equal(t, []*store.Job{nil}, taken)
		return err
	}})
	<-done
}

// The process that took a job and died is like one that fetched it.
func takenJobsAreRecovered(t *testing.T, open storetest.Open) {
	dead, s := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "a"})
	h := hang(t, dead)
	storetest.Enqueue(t, s, "next")
	taken, err := take(t.Context(), dead, h.job, 1)
	require.NoError(t, err)
	js, err := s.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, js, 1, "the other one has ended")
	assert.Equal(t, "next", js[0].TaskID)
	release(t, s, js[0])
	require.ErrorIs(t, storetest.Complete(t.Context(), dead, *taken[0]), store.ErrLostLease)
}

// exchange ends a job, hands out others and takes the next.
func exchange(ctx context.Context, s store.Store, j store.Job, others ...string) (next *store.Job, err error) {
	js := make([]store.Job, len(others))
	for i, id := range others {
		js[i] = store.Job{RunKey: 7, TaskID: id, MapIndex: -1, Try: 2}
	}
	err = s.Tx(ctx, func(tx store.Tx) (err error) {
		next, err = tx.Exchange(ctx, j, js)
		return err
	})
	return next, err
}

// A worker that exchanges its job goes on with the one that has waited longest, which may be one
// that it has just handed out.
func jobsAreExchanged(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	storetest.Enqueue(t, s, "a")
	done := make(chan struct{})
	var ran []string
	storetest.Work(t, s, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		if ran = append(ran, j.TaskID); j.TaskID != "a" {
			if j.TaskID == "e" {
				defer close(done)
			}
			return storetest.Complete(ctx, s, j)
		}
		boom := s.Tx(ctx, func(tx store.Tx) error {
			_, err := tx.Exchange(ctx, j, []store.Job{{TaskID: "never"}})
			return errors.Join(err, errBoom)
		})
		assert.ErrorIs(t, boom, errBoom, "what a failed transaction exchanged is as before")
		b, err := exchange(ctx, s, j, "b", "c")
		if !assert.NoError(t, err) || !assert.NotNil(t, b) {
			return err
		}
		assert.Equal(t, store.Job{RunKey: 7, TaskID: "b", MapIndex: -1, Try: 2, Handle: b.Handle}, *b)
		assert.ErrorIs(t, storetest.Complete(ctx, s, j), store.ErrLostLease, "it has ended")
		_, err = exchange(ctx, s, j, "x")
		assert.ErrorIs(t, err, store.ErrLostLease)
		c, err := exchange(ctx, s, *b, "d")
		assert.NoError(t, err)
		assert.Equal(t, "c", c.TaskID, "it has waited longer")
		d, err := exchange(ctx, s, *c)
		assert.NoError(t, err)
		assert.Equal(t, "d", d.TaskID)
		for range 1100 { // through more exchanges than a row takes
			d, err = exchange(ctx, s, *d, "d")
			if !assert.NoError(t, err) || !assert.NotNil(t, d) {
				return err
			}
		}
		e, err := exchange(ctx, s, *d, "e")
		assert.NoError(t, err)
		assert.NoError(t, s.Tx(ctx, func(tx store.Tx) error { return tx.Release(ctx, *e) }))
		return nil
	}})
	<-done
	assert.Equal(t, []string{"a", "e"}, ran)
}

// The process that exchanged a job and died is found with the new one, once.
func exchangedJobsAreRecovered(t *testing.T, open storetest.Open) {
	dead, s := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "a"})
	h := hang(t, dead)
	next, err := exchange(t.Context(), dead, h.job, "next")
	require.NoError(t, err)
	js, err := s.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, js, 1)
	assert.Equal(t, "next", js[0].TaskID)
	release(t, s, js[0])
	require.ErrorIs(t, storetest.Complete(t.Context(), dead, *next), store.ErrLostLease)
}

// The wish to end an attempt is not one to end that which takes over its row.
func exchangedJobsAreNotCanceled(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{Name: "a"})
	h := hang(t, s)
	canceled := func() int {
		all, err := s.Canceled(t.Context())
		require.NoError(t, err)
		return len(all)
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CancelJob(ctx, h.job, "why") })
	assert.Equal(t, 1, canceled())
	next, err := exchange(t.Context(), s, h.job, "next")
	require.NoError(t, err)
	require.NotNil(t, next)
	assert.Zero(t, canceled())
}
