package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	if *away {
		t.Skip("what others report is taken in one after another")
	}
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

// starting lets somebody who lists the open runs go on only in the middle of the transaction that starts
// a run: its tasks are queued, and nothing is committed before that run was looked at.
type starting struct {
	store.Store

	run string
	// lists says that the next list is that one; listed, started and asked are closed on the way.
	lists, starts          atomic.Bool
	listed, started, asked chan struct{}
	once                   sync.Once
}

// OpenRuns waits, once, until the run starts.
func (s *starting) OpenRuns(ctx context.Context) (running []int64, queued []string, err error) {
	running, queued, err = s.Store.OpenRuns(ctx)
	if s.lists.CompareAndSwap(true, false) {
		close(s.listed)
		<-s.started
	}
	return running, queued, err
}

// Tx runs fn, and waits, once, when it has started the run.
func (s *starting) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Tx(ctx, func(tx store.Tx) error {
		seen := &startingTx{Tx: tx, run: s.run}
		if err := fn(seen); err != nil {
			return err
		}
		if seen.met && s.starts.CompareAndSwap(true, false) {
			close(s.started)
			<-s.asked
		}
		return nil
	})
}

// Run reads a run outside of a transaction.
func (s *starting) Run(ctx context.Context, key int64) (*store.Run, error) {
	r, err := s.Store.Run(ctx, key)
	if err == nil && r.RunID == s.run && !s.starts.Load() {
		s.once.Do(func() { close(s.asked) })
	}
	return r, err
}

type startingTx struct {
	store.Tx

	run string
	met bool
}

// UpdateRun looks for the run.
func (t *startingTx) UpdateRun(ctx context.Context, r *store.Run) error {
	t.met = t.met || r.RunID == t.run && r.State == dag.RunRunning
	return t.Tx.UpdateRun(ctx, r)
}

// A run takes of the limits from the transaction that starts it, also when somebody looks in the middle of
// that which runs other processes have ended.
func TestARunThatStartsIsNotTakenForOneThatHasEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore()
	b.o.Beat = time.Hour // nobody looks but the test
	b.o.Workers = 1      // which is busy: it does not read the run back
	s := &starting{run: "first", listed: make(chan struct{}), started: make(chan struct{}), asked: make(chan struct{})}
	b.wrap = func(inner store.Store) store.Store { s.Store = inner; return s }
	b.open()
	g := &gates{gate: map[string]chan error{}}
	b.do["hold"] = g.hold
	b.load(`
d:
  tasks: [{task_id: few, operator: probe, do: hold, max_active_tis_per_dag: 1}]
busy:
  tasks: [{task_id: t, operator: probe, do: hold}]
`)
	b.start(engine.RunOptions{})
	busy, err := b.e.Trigger(t.Context(), "busy", engine.Trigger{NoLogicalDate: true})
	require.NoError(t, err)
	b.until("the worker is busy", func() bool { return b.states(busy)["t"] == "running" })
	s.lists.Store(true)
	s.starts.Store(true)
	looked := make(chan error, 1)
	go func() { looked <- b.e.Refresh(context.WithoutCancel(t.Context())) }()
	<-s.listed
	first, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "first", NoLogicalDate: true})
	require.NoError(t, err)
	require.NoError(t, <-looked)
	second, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "second", NoLogicalDate: true})
	require.NoError(t, err)
	b.until("the second run has begun", func() bool { return b.states(second)["few"] != "" })
	assert.Equal(t, "scheduled", b.states(second)["few"])
	g.openAll()
	assert.Equal(t, dag.RunSuccess, b.ended1(first.Key).State)
	assert.Equal(t, dag.RunSuccess, b.ended1(second.Key).State)
}
