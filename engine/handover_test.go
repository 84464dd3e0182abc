package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

// restartWith opens the store again with other options, before anything ran.
func (b *bench) restartWith(set func(*engine.Options)) {
	b.t.Helper()
	set(&b.o)
	b.stopStore()
	b.open()
}

// A worker goes on with what has waited longest, not with its own run: a long chain
// does not keep the others from their turn.
func TestHandOverKeepsTheOrderOfTheQueue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.restartWith(func(o *engine.Options) { o.Workers = 1 })
	begun, goOn := make(chan struct{}), make(chan struct{})
	b.do["wait"] = func(context.Context, *operator.TaskContext) (any, error) {
		close(begun)
		<-goOn
		return nil, nil
	}
	b.load(`
chain:
  tasks:
    - {task_id: c1, operator: probe, do: wait}
    - {task_id: c2, operator: probe, dependencies: [c1]}
    - {task_id: c3, operator: probe, dependencies: [c2]}
other:
  tasks:
    - {task_id: o1, operator: probe}
    - {task_id: o2, operator: probe, dependencies: [o1]}
`)
	b.start(engine.RunOptions{})
	chain, err := b.e.Trigger(t.Context(), "chain", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	other, err := b.e.Trigger(t.Context(), "other", engine.Trigger{})
	require.NoError(t, err)
	close(goOn)
	assert.Equal(t, dag.RunSuccess, b.ended1(chain.Key).State)
	assert.Equal(t, dag.RunSuccess, b.ended1(other.Key).State)
	assert.Equal(t, []string{"c1#1", "o1#1", "c2#1", "o2#1", "c3#1"}, b.ranSoFar())
}

func TestHandOverFiresOnExecute(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  default_args: {on_execute_callback: {callback: say, text: "{{ ti.state }}"}}
  tasks:
    - {task_id: a, operator: probe}
    - {task_id: b, operator: probe, dependencies: [a]}
`)
	b.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, b.finish(engine.Trigger{}).State)
	b.until("both said so", func() bool { return len(b.sentSoFar()) == 2 })
}

// At a shutdown an attempt that came by a hand-over is queued again like any other.
func TestShutdownQueuesAgainWhatWasHandedOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	b.load(pipeline)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	b.stop()
	b.open()
	assert.Equal(t, map[string]string{"a": "success", "b": "queued"}, b.states(r))
	lost, err := b.store.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, lost, "its job waits, nobody has to find it")
	b.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, []string{"a#1", "b#1", "b#1", "c#1"}, b.ranSoFar())
}

// What must not be done twice counts as begun from the moment of its hand-over.
func TestRestartDoesNotRepeatWhatWasHandedOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	b.load(`
d:
  tasks:
    - {task_id: a, operator: probe}
    - {task_id: b, operator: unsafe, do: hang, dependencies: [a]}
`)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	next := b.crash()
	next.start(engine.RunOptions{})
	assert.Equal(t, dag.RunFailed, next.ended1(r.Key).State)
	assert.Equal(t, map[string]string{"a": "success", "b": "failed"}, next.states(r))
	assert.Empty(t, next.ranSoFar())
}

// A job whose run has ended meanwhile is taken out of the queue and not run.
func TestHandOverSkipsWhatNobodyWants(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.restartWith(func(o *engine.Options) { o.Workers = 1 })
	b.do["wait"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b.load(`
slow:
  dagrun_timeout: 0.2
  tasks:
    - {task_id: s1, operator: probe, do: wait}
    - {task_id: s2, operator: probe}
quick:
  tasks:
    - {task_id: q, operator: probe}
`)
	b.start(engine.RunOptions{})
	slow, err := b.e.Trigger(t.Context(), "slow", engine.Trigger{})
	require.NoError(t, err)
	quick, err := b.e.Trigger(t.Context(), "quick", engine.Trigger{LogicalDate: time.Now().Add(-time.Hour)})
	require.NoError(t, err)
	assert.Equal(t, dag.RunFailed, b.ended1(slow.Key).State)
	assert.Equal(t, dag.RunSuccess, b.ended1(quick.Key).State)
	assert.Equal(t, []string{"s1#1", "q#1"}, b.ranSoFar())
}
