package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// uncommitted is a store that takes back, once, a transaction in which a task succeeds, and
// does something before who asked for it hears of that.
type uncommitted struct {
	store.Store
	task string
	then func()
	done atomic.Bool
}

type uncommittedTx struct {
	store.Tx
	task string
	met  bool
}

var errNotCommitted = errors.New("not committed")

// Tx runs fn and takes back what it wrote when the task succeeds in it.
func (u *uncommitted) Tx(ctx context.Context, fn func(store.Tx) error) error {
	err := u.Store.Tx(ctx, func(tx store.Tx) error {
		seen := &uncommittedTx{Tx: tx, task: u.task}
		if err := fn(seen); err != nil {
			return err
		}
		if seen.met && u.done.CompareAndSwap(false, true) {
			return errNotCommitted
		}
		return nil
	})
	if errors.Is(err, errNotCommitted) {
		u.then()
	}
	return err
}

// PutInstances looks for the task.
func (t *uncommittedTx) PutInstances(ctx context.Context, is []*store.Instance) error {
	for _, in := range is {
		t.met = t.met || in.TaskID == t.task && in.State == dag.Success
	}
	return t.Tx.PutInstances(ctx, is)
}

// What a transaction did to a run in memory is gone with it, whoever comes next to that run, even
// before the one who made the transaction hears that it has failed.
func TestNobodyGoesOnWithWhatWasNotCommitted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore()
	u := &uncommitted{task: "a"}
	b.wrap = func(s store.Store) store.Store { u.Store = s; return u }
	b.open()
	begun, release := make(chan struct{}), make(chan struct{})
	b.do["work"] = func(context.Context, *operator.TaskContext) (any, error) {
		close(begun)
		<-release
		return nil, nil
	}
	var r *store.Run
	triggered, looked := make(chan struct{}), make(chan map[string]string, 1)
	u.then = func() {
		<-triggered
		close(release)
		b.until("the other one has succeeded", func() bool { return b.states(r)["other"] == "success" })
		looked <- b.states(r)
	}
	b.do["begun"] = func(context.Context, *operator.TaskContext) (any, error) {
		<-begun
		return nil, nil
	}
	b.load(`
d:
  tasks:
    - {task_id: a, operator: probe, do: begun}
    - {task_id: other, operator: probe, do: work}
    - {task_id: both, operator: probe, dependencies: [a, other]}
`)
	b.start(engine.RunOptions{})
	var err error
	r, err = b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	close(triggered)
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, map[string]string{"a": "running", "other": "success"}, <-looked, "both waits for a, of which nothing is on record yet")
	assert.ElementsMatch(t, []string{"a#1", "other#1", "both#1"}, b.ranSoFar())
}
