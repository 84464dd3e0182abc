package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

// between does something once after a commit, before who committed goes on.
type between struct {
	store.Store
	then    atomic.Pointer[func() bool]
	commits atomic.Int64
}

// Tx commits, and calls then until it reports that it has done its part.
func (b *between) Tx(ctx context.Context, fn func(store.Tx) error) error {
	err := b.Store.Tx(ctx, fn)
	b.commits.Add(1)
	for {
		n := b.commits.Load()
		then := b.then.Swap(nil)
		if then == nil || (*then)() {
			return err
		}
		b.then.Store(then)
		if b.commits.Load() == n { // no other commit has missed it meanwhile
			return err
		}
	}
}

// A run that has ended and is still in memory ends once, although its DAG is looked at again
// before it is forgotten.
func TestRunEndsOnce(t *testing.T) {
	t.Parallel()
	s := &between{}
	b := newBench(t)
	b.stopStore()
	b.o.Beat = time.Hour // nothing is looked at but by the test
	b.wrap = func(inner store.Store) store.Store { s.Store = inner; return s }
	b.open()
	ds := b.load("d:\n  max_active_runs: 3\n  on_success_callback: {callback: say, text: ended}\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{})
	ctx := t.Context()
	looked := func() bool {
		first, err := b.store.RunByID(ctx, "d", "first")
		if errors.Is(err, store.ErrNotFound) || err == nil && !first.State.Finished() {
			return false
		}
		next := &store.Run{DAGID: "d", RunID: "next", Type: dag.ManualRun, State: dag.RunQueued, RunAfter: time.Now(), QueuedAt: time.Now(), Version: ds[0].Version}
		assert.NoError(t, b.store.Tx(ctx, func(tx store.Tx) error {
			_, err := tx.InsertRun(ctx, next)
			return err
		}))
		assert.NoError(t, b.e.Refresh(ctx))
		return true
	}
	s.then.Store(&looked)
	_, err := b.e.Trigger(ctx, "d", engine.Trigger{RunID: "first"})
	require.NoError(t, err)
	b.until("both have ended", func() bool {
		next, err := b.store.RunByID(ctx, "d", "next")
		return err == nil && next.State.Finished()
	})
	b.stop()
	ends := map[string]int{}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.updates {
		if u.Instance == nil && u.Run.State.Finished() {
			ends[u.Run.RunID]++
		}
	}
	assert.Equal(t, map[string]int{"first": 1, "next": 1}, ends)
}
