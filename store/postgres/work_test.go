package postgres_test

import (
	"context"
	"net"
	"net/url"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/storetest"
)

// observer counts reads, so that a test can wait until workers have looked around.
type observer struct{ reads chan struct{} }

func newObserver() *observer { return &observer{make(chan struct{}, 1<<16)} }

func (o *observer) observe(s sqlcommit.Stage, _ time.Duration) {
	if s == postgres.Reading {
		o.reads <- struct{}{}
	}
}

// wait waits for as many reads from here on as often says.
func (o *observer) wait() {
	for len(o.reads) > 0 {
		<-o.reads
	}
	for range often {
		<-o.reads
	}
}

// often is a number of looks for jobs after which it was looked for strays several times.
const often = 60

var fetches = regexp.MustCompile(`picked AS MATERIALIZED`)

// Jobs that the database has given to a process whose answer was lost run all the same, soon; those that the process has
// are left alone.
func TestTheAnswerToAFetchIsLost(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"the answer": false, "the question": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cut atomic.Int64
			u := with(t, database(t), func(_ *url.URL, q url.Values) { q.Set("default_query_exec_mode", "exec") })
			s, err := postgres.OpenThrough(t.Context(), u, postgres.Options{Looks: 5 * time.Millisecond}, func(c net.Conn) net.Conn { return &cutter{c, fetches, &cut, first, nil, atomic.Bool{}} })
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			ran := make(chan string, 9)
			goOn := make(chan struct{})
			storetest.Work(t, s, store.WorkOptions{Workers: 4, Handle: func(ctx context.Context, j store.Job) error {
				ran <- j.TaskID
				if j.TaskID == "held" {
					<-goOn
				}
				return storetest.Complete(ctx, s, j)
			}})
			storetest.Enqueue(t, s, "held")
			assert.Equal(t, "held", <-ran)
			cut.Store(1)
			storetest.Enqueue(t, s, "lost")
			assert.Equal(t, "lost", <-ran)
			assert.Less(t, cut.Load(), int64(1), "the connection was cut")
			close(goOn)
			storetest.Enqueue(t, s, "last")
			assert.Equal(t, "last", <-ran, "each ran once")
		})
	}
}

// Nothing that a handler holds is given back meanwhile: not what it was called with, not what it took or exchanged, and not what a
// transaction that failed had ended.
func TestHeldJobsAreNoStrays(t *testing.T) {
	t.Parallel()
	o := newObserver()
	s := open(t, database(t), postgres.Options{Looks: time.Millisecond, Observe: o.observe})
	storetest.Enqueue(t, s, "first")
	ran := make(chan string, 9)
	done := make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Workers: 4, Handle: func(ctx context.Context, j store.Job) error {
		ran <- j.TaskID
		if j.TaskID != "first" {
			return storetest.Complete(ctx, s, j)
		}
		defer close(done)
		o.wait()
		assert.ErrorIs(t, s.Tx(ctx, func(tx store.Tx) error {
			assert.NoError(t, tx.Complete(ctx, j))
			return assert.AnError
		}), assert.AnError)
		o.wait()
		var next *store.Job
		assert.ErrorIs(t, s.Tx(ctx, func(tx store.Tx) (err error) {
			next, err = tx.Exchange(ctx, j, []store.Job{{TaskID: "never"}})
			assert.NoError(t, err)
			return assert.AnError
		}), assert.AnError)
		o.wait()
		for range 2 {
			assert.NoError(t, s.Tx(ctx, func(tx store.Tx) (err error) {
				next, err = tx.Exchange(ctx, j, []store.Job{{TaskID: "exchanged"}})
				return err
			}))
			o.wait()
			j = *next
		}
		assert.NoError(t, s.Tx(ctx, func(tx store.Tx) (err error) {
			if err = tx.Enqueue(ctx, []store.Job{{TaskID: "taken"}}); err == nil {
				next, err = tx.Take(ctx)
			}
			return err
		}))
		o.wait()
		assert.Equal(t, "taken", next.TaskID)
		assert.NoError(t, storetest.Complete(ctx, s, *next))
		return storetest.Complete(ctx, s, j)
	}})
	<-done
	storetest.Enqueue(t, s, "last")
	assert.Equal(t, "first", <-ran)
	assert.Equal(t, "last", <-ran, "nothing ran twice")
}

// A job whose handler returned without ending it runs again.
func TestJobsThatAreLeftBehind(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), postgres.Options{Looks: time.Millisecond})
	storetest.Enqueue(t, s, "t")
	runs, done := 0, make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		if runs++; runs < 3 {
			return nil
		}
		defer close(done)
		return storetest.Complete(ctx, s, j)
	}})
	<-done
}

// A stop that is in a hurry ends the context of what runs at once, and what does not end is given back.
func TestHurry(t *testing.T) {
	t.Parallel()
	u := database(t)
	s, other := open(t, u, postgres.Options{}), open(t, u, postgres.Options{Node: "other"})
	storetest.Enqueue(t, s, "t")
	hurry := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, s.Work(ctx, store.WorkOptions{Workers: 1, Grace: time.Hour, Hurry: hurry, Handle: func(hctx context.Context, _ store.Job) error {
		cancel()
		close(hurry)
		<-hctx.Done()
		return hctx.Err()
	}}))
	ran := make(chan string)
	storetest.Work(t, other, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		ran <- j.TaskID
		return storetest.Complete(ctx, other, j)
	}})
	assert.Equal(t, "t", <-ran)
}

// Many processes share what waits: each job runs once, and no more at once in a process than it has workers.
func TestManyProcesses(t *testing.T) {
	t.Parallel()
	u := database(t)
	const jobs, each = 200, 4
	ran := make(chan string, 2*jobs)
	ids := make([]string, jobs)
	for i := range ids {
		ids[i] = time.Duration(i).String()
	}
	for _, name := range []string{"a", "b", "c"} {
		s := open(t, u, postgres.Options{Node: name})
		if name == "a" {
			storetest.Enqueue(t, s, ids...)
		}
		var running atomic.Int64
		storetest.Work(t, s, store.WorkOptions{Workers: each, Handle: func(ctx context.Context, j store.Job) error {
			assert.LessOrEqual(t, running.Add(1), int64(each))
			defer running.Add(-1)
			ran <- j.TaskID
			return storetest.Complete(ctx, s, j)
		}})
	}
	got := make([]string, jobs)
	for i := range got {
		got[i] = <-ran
	}
	assert.ElementsMatch(t, ids, got)
}

func TestWorkersAreNeeded(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), postgres.Options{})
	require.ErrorContains(t, s.Work(t.Context(), store.WorkOptions{}), "0 workers")
}
