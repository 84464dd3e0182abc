//nolint:thelper // tests, not helpers: failures belong to their lines
package jobtest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest"
)

// runs has workers of some queues end one job after another, each of which it returns.
func runs(t *testing.T, s store.Store, queues ...string) (jobs <-chan store.Job, stop func()) {
	t.Helper()
	ran := make(chan store.Job, 99)
	return ran, storetest.Work(t, s, store.WorkOptions{Workers: 1, Queues: queues, Handle: func(ctx context.Context, j store.Job) error {
		err := storetest.Complete(ctx, s, j)
		j.Handle = nil
		ran <- j
		return err
	}})
}

func jobsWaitForTheirQueue(t *testing.T, open storetest.Open) {
	a, b := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "b"})
	storetest.EnqueueIn(t, a, "gpu", "", "gpu", "small")
	ran, stop := runs(t, a, "default", "small")
	assert.Equal(t, store.Job{RunKey: 7, TaskID: "t", MapIndex: -1, Try: 1}, <-ran)
	assert.Equal(t, store.Job{RunKey: 7, TaskID: "t", MapIndex: -1, Try: 3, Queue: "small"}, <-ran)
	storetest.EnqueueIn(t, b, "")
	assert.Empty(t, (<-ran).Queue)
	stop()
	all, err := a.QueueBacklogs(t.Context())
	require.NoError(t, err)
	if assert.Len(t, all, 1) {
		assert.Equal(t, "gpu", all[0].Queue)
		assert.Equal(t, 2, all[0].Jobs)
	}
	ran, _ = runs(t, b)
	for _, try := range []int{0, 2} {
		assert.Equal(t, store.Job{RunKey: 7, TaskID: "t", MapIndex: -1, Try: try, Queue: "gpu"}, <-ran)
	}
}

// Names are what people write, and two long ones that begin alike are two.
func queuesHaveAnyName(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	long := strings.Repeat("队", 300)
	names := []string{"Big Machines; DROP TABLE x", `{"a"}`, "队列", "a.b/c", long, long + "2"}
	storetest.EnqueueIn(t, s, names...)
	all, err := s.QueueBacklogs(t.Context())
	require.NoError(t, err)
	require.Len(t, all, len(names))
	for _, name := range names {
		ran, stop := runs(t, s, name)
		assert.Equal(t, name, (<-ran).Queue)
		stop()
		assert.Empty(t, ran, name)
	}
}

func otherQueuesAreNotTaken(t *testing.T, open storetest.Open) {
	s, other := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "b"})
	_, stop := runs(t, s, "small")
	stop() // what it served it goes on to serve
	storetest.EnqueueIn(t, s, "gpu", "small")
	taken := func(s store.Store) (j *store.Job) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			j, err = tx.Take(ctx)
			return err
		})
		return j
	}
	if j := taken(s); assert.NotNil(t, j) {
		assert.Equal(t, "small", j.Queue)
	}
	assert.Nil(t, taken(s))
	if j := taken(other); assert.NotNil(t, j) {
		assert.Equal(t, "gpu", j.Queue)
	}
}

// A chain goes on here only while its jobs are of a queue that is served here; jobs of other queues that wait do not hold it up.
func otherQueuesAreNotExchanged(t *testing.T, open storetest.Open) {
	s, other := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "b"})
	next := func(j store.Job, queue string) (next *store.Job) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			next, err = tx.Exchange(ctx, j, []store.Job{{TaskID: "next", Queue: queue}})
			return err
		})
		return next
	}
	storetest.EnqueueIn(t, s, "gpu", "small")
	done := make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Workers: 1, Queues: []string{"small", "default"}, Handle: func(_ context.Context, j store.Job) error {
		defer close(done)
		assert.Equal(t, "small", j.Queue)
		inDefault := next(j, "")
		if !assert.NotNil(t, inDefault) {
			return nil
		}
		assert.Equal(t, "next", inDefault.TaskID)
		small := next(*inDefault, "small")
		if assert.NotNil(t, small) {
			assert.Nil(t, next(*small, "gpu"), "it waits for others")
		}
		return nil
	}})
	<-done
	ran, _ := runs(t, other)
	assert.Equal(t, "t", (<-ran).TaskID)
	assert.Equal(t, "next", (<-ran).TaskID)
}

// A queue in which much waits does not keep back another: the job that has waited longest is next, whatever its queue.
func queuesTakeTurns(t *testing.T, open storetest.Open) {
	for name, queues := range map[string][]string{"all": nil, "two": {"a", "b"}} {
		s := open(t, storetest.Node{Name: name})
		for _, q := range []string{"b", "b", "a", "b", "a", "a"} {
			storetest.EnqueueIn(t, s, q)
		}
		ran, stop := runs(t, s, queues...)
		for _, want := range []string{"b", "b", "a", "b", "a", "a"} {
			assert.Equal(t, want, (<-ran).Queue, name)
		}
		stop()
	}
}
