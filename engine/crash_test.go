package engine_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// crash copies the store as a power cut would leave it and opens an engine on the
// copy, as the next process does. The old one goes on in its own files, unseen.
func (b *bench) crash() *bench {
	b.t.Helper()
	b.onFile()
	next := &bench{
		t: b.t, dir: b.t.TempDir(), o: b.o, do: b.do, seen: make(chan struct{}, 1),
		more: b.more, senders: b.senders, funcs: b.funcs, wrap: b.wrap, lacks: b.lacks,
	}
	// Within a transaction nobody commits, and nobody moves pages from the write-ahead log to
	// the file between the two copies. A store that is closed is at rest anyhow.
	copied := func(store.Tx) error {
		return errors.Join(copyFile(b.dir, next.dir, "db"), copyFile(b.dir, next.dir, "db-wal"))
	}
	if err := b.store.Tx(context.Background(), copied); err != nil {
		require.ErrorContains(b.t, err, "the store is closed")
		require.NoError(b.t, copied(nil))
	}
	next.open()
	return next
}

// copyFile copies a file, if it is there, to another folder.
func copyFile(from, to, name string) error {
	src, err := os.Open(filepath.Join(from, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dst, err := os.Create(filepath.Join(to, name))
	if err != nil {
		return errors.Join(err, src.Close())
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, src.Close(), dst.Close())
}

const pipeline = `
d:
  tasks:
    - {task_id: a, operator: probe, text: first}
    - {task_id: b, operator: probe, do: hang, dependencies: [a]}
    - {task_id: c, operator: probe, text: "{{ ti.xcom_pull(task_ids='a') }}", dependencies: [b]}
`

// hangOnce makes the behaviour "hang" block until the test ends, the first time only.
func (b *bench) hangOnce() chan struct{} {
	begun, release := make(chan struct{}, 1), make(chan struct{})
	b.t.Cleanup(func() { close(release) })
	first := true
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		b.mu.Lock()
		hang := first
		first = false
		b.mu.Unlock()
		if hang {
			begun <- struct{}{}
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil, ctx.Err()
	}
	return begun
}

func TestRestartRepeatsOnlyWhatWasInFlight(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	b.load(pipeline)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	b.until("b runs", func() bool { return b.states(r)["b"] == "running" })

	next := b.crash()
	// The file is gone: the run keeps its version.
	require.NoError(t, next.e.SetDAGs(t.Context(), nil))
	next.start(engine.RunOptions{})
	got := next.ended1(r.Key)
	assert.Equal(t, dag.RunSuccess, got.State)
	assert.Equal(t, []string{"b#1", "c#1"}, next.ranSoFar(), "a is not run again, b is not counted twice")
	v, err := next.store.XCom(t.Context(), r.Key, "c", -1, "return_value")
	require.NoError(t, err)
	assert.JSONEq(t, `"first"`, string(v))
	is, err := next.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, 1, is[1].Lost)
}

// What must not be done twice is not: it fails, and the callback fires although the
// process that ran the task is gone.
func TestRestartDoesNotRepeatWhatWouldHarm(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	b.load(`
d:
  tasks:
    - task_id: t
      operator: unsafe
      do: hang
      retries: 3
      on_failure_callback: {callback: say, text: "{{ exception }}"}
`)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun

	next := b.crash()
	next.start(engine.RunOptions{})
	got := next.ended1(r.Key)
	assert.Equal(t, dag.RunFailed, got.State)
	assert.Empty(t, next.ranSoFar())
	next.until("the alert", func() bool { return len(next.sentSoFar()) == 1 })
	assert.Contains(t, next.sentSoFar()[0], "it is not known whether its work was done")
}

// A task that kills its process again and again is failed in the end.
func TestRestartGivesUpOnATaskThatKills(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := make(chan struct{}, 8)
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, do: hang, on_failure_callback: say}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	for range 2 {
		<-begun
		b = b.crash()
		b.start(engine.RunOptions{})
	}
	<-begun
	b = b.crash()
	b.start(engine.RunOptions{})
	assert.Equal(t, dag.RunFailed, b.ended1(r.Key).State)
	b.until("the alert", func() bool { return len(b.sentSoFar()) == 1 })
}

func TestRestartKeepsRetries(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fails := true
	b.do["once"] = func(context.Context, *operator.TaskContext) (any, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if fails {
			fails = false
			return nil, errors.New("not yet")
		}
		return nil, nil
	}
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, do: once, retries: 1, retry_delay: 1}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("it waits", func() bool { return b.states(r)["t"] == "up_for_retry" })
	next := b.crash()
	next.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, next.ended1(r.Key).State)
	assert.Equal(t, []string{"t#2"}, next.ranSoFar())
}

// SIGTERM: what does not end within the grace time is queued again, uncounted.
func TestShutdownQueuesAgainUncounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Grace = 10 * time.Millisecond
	b.stopStore()
	b.open()
	begun := b.hangOnce()
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, do: hang, on_failure_callback: say}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	b.stop()
	b.open()
	assert.Equal(t, map[string]string{"t": "queued"}, b.states(r))
	b.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, []string{"t#1", "t#1"}, b.ranSoFar())
	assert.Empty(t, b.sentSoFar())
}

// A message that was leaving when the process died may have arrived: it is not sent
// again, and says so. Those behind it leave, in order.
func TestRestartSettlesTheOutbox(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	leaving, release := make(chan struct{}), make(chan struct{})
	b.sendErr = func(text string) error {
		if text == "on_success one said" {
			b.mu.Unlock()
			close(leaving)
			<-release
			b.mu.Lock()
		}
		return nil
	}
	b.load(`
d:
  default_args: {on_success_callback: say}
  tasks:
    - {task_id: one, operator: probe}
    - {task_id: two, operator: probe, dependencies: [one]}
    - {task_id: three, operator: probe, dependencies: [two]}
`)
	b.start(engine.RunOptions{})
	t.Cleanup(func() { close(release) }) // before the engine stops
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-leaving
	b.ended1(r.Key)

	next := b.crash()
	next.start(engine.RunOptions{})
	next.until("the others", func() bool { return len(next.sentSoFar()) == 2 })
	assert.Equal(t, []string{"on_success two said", "on_success three said"}, next.sentSoFar())
	ds, err := next.store.Deliveries(t.Context(), nil, 0)
	require.NoError(t, err)
	assert.Equal(t, store.DeliveryUncertain, ds[0].State)
	assert.Contains(t, ds[0].Error, "may have arrived")
}
