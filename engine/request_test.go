package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

// beside is an engine on the same store that runs nothing, as a command is.
func (b *bench) beside(o engine.Options) *engine.Engine {
	b.t.Helper()
	s := b.openStore("other")
	b.t.Cleanup(func() { assert.NoError(b.t, s.Close()) })
	c := b.e.Catalog()
	o.Operators, o.Callbacks, o.Templates, o.LogDir = c.Operators, c.Callbacks, c.Templates, b.o.LogDir
	o.LogDir, o.Shared = filepath.Join(b.dir, "logs"), b.away
	e, err := engine.New(s, o)
	require.NoError(b.t, err)
	return e
}

const simple = "d:\n  tasks:\n    - {task_id: a, operator: probe, do: hang}\n    - {task_id: b, operator: probe, dependencies: [a]}\n"

// The process that works on the store does what another one asks for, and stops what runs.
func TestAnotherProcessClears(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	b.load(simple)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	b.until("it is known to run", func() bool { return b.states(r)["a"] == "running" })
	other := b.beside(engine.Options{})
	done, err := other.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
	require.NoError(t, err)
	assert.Equal(t, &engine.Affected{Runs: []engine.AffectedRun{{
		RunID: r.RunID, LogicalDate: r.LogicalDate, From: dag.RunRunning, State: dag.RunRunning,
		Instances: []engine.AffectedInstance{{TaskID: "a", MapIndex: -1, From: dag.Running, State: dag.Restarting}},
	}}}, done)
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, []string{"a#1", "a#2", "b#1"}, b.ranSoFar())

	done, err = other.Mark(t.Context(), engine.MarkRequest{DAGID: "d", RunID: r.RunID, State: dag.Failed})
	require.NoError(t, err)
	assert.Equal(t, dag.RunFailed, done.Runs[0].State)
	_, err = other.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: "x"})
	require.EqualError(t, err, `clear: dag "d" has no run "x": not found`, "the error is the answer")
	_, err = other.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: "hunter22"})
	require.EqualError(t, err, `clear: dag "d" has no run "***": not found`, "without secrets")
	open, err := b.store.OpenRequests(t.Context())
	require.NoError(t, err)
	assert.Empty(t, open)
}

// Without a process that works the asking one changes the store alone; the next to start
// goes on from there. One that has stopped keeps nobody waiting.
func TestClearWhileNobodyWorks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Beat = time.Hour // its lease would keep the other waiting for hours
	b.stopStore()
	b.open()
	begun := b.hangOnce()
	b.load(simple)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	b.stop()
	b.open()
	require.Equal(t, map[string]string{"a": "queued"}, b.states(r), "the run is under way")
	other := b.beside(engine.Options{})
	done, err := other.Mark(t.Context(), engine.MarkRequest{DAGID: "d", RunID: r.RunID, TaskID: "a", State: dag.Success})
	require.NoError(t, err)
	assert.Len(t, done.Runs, 1)
	assert.Equal(t, map[string]string{"a": "success"}, b.states(r))
	b.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	b.stop()

	b.open()
	other = b.beside(engine.Options{})
	_, err = other.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
	require.NoError(t, err)
	got, err := b.store.Run(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, dag.RunQueued, got.State)
	b.load(simple)
	b.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, []string{"a#1", "b#1", "a#2", "b#2"}, b.ranSoFar())
}

// A process that died left a run and its lease behind.
func TestClearAfterACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	b.load(simple)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	b.until("it is known to run", func() bool { return b.states(r)["a"] == "running" })
	next := b.crash()
	_, err = next.beside(engine.Options{}).Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "none"}, next.states(r))
	next.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, next.ended1(r.Key).State)
	assert.Equal(t, []string{"a#2", "b#1"}, next.ranSoFar())
}

// A request survives the death of both processes, and is done once.
func TestRequestSurvivesACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(simple)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	b.stop()
	b.open()
	payload, err := json.Marshal(engine.ClearRequest{DAGID: "d", RunID: r.RunID, TaskRegex: "b"})
	require.NoError(t, err)
	bad := &store.Request{Kind: "dance", Payload: json.RawMessage(`{}`), CreatedAt: day(1)}
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.InsertRequest(t.Context(), bad),
			tx.InsertRequest(t.Context(), &store.Request{Kind: "clear", Payload: payload, CreatedAt: day(1)}))
	}))
	b.stopStore()
	for range 2 {
		b = b.crash()
		b.load(simple)
		b.start(engine.RunOptions{})
		assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
		b.until("the run has run again", func() bool { return b.instance(r, "b").Try == 2 })
	}
	got, err := b.store.Request(t.Context(), bad.ID)
	require.NoError(t, err)
	assert.Equal(t, `unknown request "dance": it comes from a newer program`, got.Error)
}

// Processes that ask at once, and one that starts meanwhile: each request is done once.
func TestRequestsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(simple)
	b.start(engine.RunOptions{})
	var runs []*store.Run
	for n := range 8 {
		runs = append(runs, b.finish(engine.Trigger{LogicalDate: day(n + 1)}))
	}
	b.stop()
	b.open()
	b.load(simple)
	var wg sync.WaitGroup
	for _, r := range runs {
		other := b.beside(engine.Options{})
		wg.Go(func() {
			done, err := other.Clear(context.Background(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
			if assert.NoError(t, err) {
				assert.Equal(t, 2, done.Instances())
			}
		})
	}
	b.start(engine.RunOptions{})
	wg.Wait()
	for _, r := range runs {
		b.until("the run has run again", func() bool { return b.instance(r, "b").Try == 2 })
		assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
		assert.Equal(t, 2, b.instance(r, "a").Try)
	}
}

// A process that works but does not answer: the request is taken back.
func TestRequestIsWithdrawn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lease  time.Duration
		alone  func() (bool, error)
		cancel bool
		want   string
	}{
		"no answer":          {lease: time.Hour, want: "nothing was changed: the process running on the store has not answered within 80ms; check its log, or stop it and try again"},
		"it hangs":           {alone: func() (bool, error) { return false, nil }, want: "has not answered within 80ms"},
		"nobody can tell":    {alone: func() (bool, error) { return false, errors.New("no lock") }, want: "nothing was changed: no lock"},
		"the person gave up": {lease: time.Hour, cancel: true, want: "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.load(simple)
			b.start(engine.RunOptions{})
			r := b.finish(engine.Trigger{})
			b.stop()
			b.open()
			_, err := b.store.Renew(t.Context(), &store.Node{}, store.Renewal{Lease: c.lease, Lead: true})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cancel {
				time.AfterFunc(50*time.Millisecond, cancel)
			}
			limit := 80 * time.Millisecond
			if c.cancel {
				limit = time.Hour
			}
			_, err = b.beside(engine.Options{AskTimeout: limit, Alone: c.alone}).Clear(ctx, engine.ClearRequest{DAGID: "d", RunID: r.RunID})
			require.ErrorContains(t, err, c.want)
			assert.Equal(t, strings.Contains(c.want, "not answered"), errors.Is(err, store.ErrBusy))
			open, err := b.store.OpenRequests(t.Context())
			require.NoError(t, err)
			assert.Empty(t, open)
			assert.Equal(t, map[string]string{"a": "success", "b": "success"}, b.states(r))
			require.NoError(t, b.store.Close())
		})
	}
}

// With Watch a message that a person has sent again in another process leaves at once.
func TestAMessageSentAgainLeavesAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Beat, b.o.Sweep = time.Hour, time.Hour
	b.stopStore()
	b.open()
	d := &store.Delivery{
		State: store.DeliveryRefused, Channel: "bench", Sender: "bench", Payload: json.RawMessage(`"again"`), CreatedAt: day(1), UpdatedAt: day(1),
		Owner: store.Owner{MapIndex: -1},
	}
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.InsertDeliveries(t.Context(), []*store.Delivery{d}) }))
	b.start(engine.RunOptions{Watch: true})
	other := b.openStore("other")
	t.Cleanup(func() { assert.NoError(t, other.Close()) })
	require.NoError(t, other.Tx(t.Context(), func(tx store.Tx) error {
		d.State = store.DeliveryWaiting
		ok, err := tx.DecideDelivery(t.Context(), d, store.DeliveryRefused)
		assert.True(t, ok)
		return err
	}))
	b.until("it has left", func() bool { return len(b.sentSoFar()) == 1 })
	assert.Equal(t, []string{"again"}, b.sentSoFar())
}

// With Watch nobody waits for the next beat.
func TestAskedBetweenBeats(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Beat = time.Hour
	b.stopStore()
	b.open()
	b.load(simple)
	b.start(engine.RunOptions{Watch: true})
	other := b.beside(engine.Options{})
	for range 2 {
		r, err := other.Trigger(t.Context(), "d", engine.Trigger{})
		require.NoError(t, err)
		assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	}
}
