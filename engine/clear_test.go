package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

// clear clears and waits for the end of the first run that was cleared.
func (b *bench) clear(r engine.ClearRequest) *store.Run {
	b.t.Helper()
	r.DAGID = "d"
	done, err := b.e.Clear(context.Background(), r)
	require.NoError(b.t, err)
	require.NotEmpty(b.t, done.Runs)
	run, err := b.store.RunByID(context.Background(), "d", done.Runs[0].RunID)
	require.NoError(b.t, err)
	return b.ended1(run.Key)
}

func (b *bench) instance(r *store.Run, task string) *store.Instance {
	b.t.Helper()
	is, err := b.store.Instances(context.Background(), r.Key)
	require.NoError(b.t, err)
	for _, in := range is {
		if in.TaskID == task {
			return in
		}
	}
	b.t.Fatalf("no instance of %s", task)
	return nil
}

// failing makes a behaviour that fails while the returned switch is on.
func (b *bench) failing(do string) (fail func(bool)) {
	on := true
	b.do[do] = func(context.Context, *operator.TaskContext) (any, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if on {
			return nil, errors.New("broken")
		}
		return "mended", nil
	}
	return func(f bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		on = f
	}
}

// broken is a bench on which the DAG d of a text has had a run, in which what does "fail" has failed.
func broken(t *testing.T, text string) (*bench, *store.Run) {
	t.Helper()
	b := newBench(t)
	b.failing("fail")
	b.load(text)
	b.start(engine.RunOptions{})
	return b, b.finish(engine.Trigger{})
}

func TestClearRunsAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fail := b.failing("flaky")
	b.load(`
d:
  on_failure_callback: {callback: say, text: run}
  tasks:
    - {task_id: a, operator: probe, text: one}
    - {task_id: b, operator: probe, do: flaky, retries: 1, retry_delay: 0, dependencies: [a]}
    - {task_id: c, operator: probe, dependencies: [b]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	require.Equal(t, map[string]string{"a": "success", "b": "failed", "c": "upstream_failed"}, b.states(r))

	// Cleared while it still fails: as many tries as at first, each time.
	for n, want := range [][]string{{"a#1", "b#1", "b#2", "b#3", "b#4"}, {"a#1", "b#1", "b#2", "b#3", "b#4", "b#5", "b#6"}} {
		again := b.clear(engine.ClearRequest{RunID: r.RunID, OnlyFailed: true})
		assert.Equal(t, dag.RunFailed, again.State)
		assert.Equal(t, want, b.ranSoFar())
		assert.Equal(t, 2*(n+2), b.instance(r, "b").MaxTries)
	}
	fail(false)
	again := b.clear(engine.ClearRequest{RunID: r.RunID, TaskRegex: "^b$", Downstream: true})
	assert.Equal(t, dag.RunSuccess, again.State)
	assert.Equal(t, "success", again.Reason)
	assert.Equal(t, map[string]string{"a": "success", "b": "success", "c": "success"}, b.states(r))
	assert.Equal(t, []string{"b#7", "c#1"}, b.ranSoFar()[7:])
	assert.Empty(t, b.instance(r, "b").Error)
	for try := 1; try <= 7; try++ {
		log, err := os.ReadFile(filepath.Join(b.dir, "logs", worker.LogPath(r, b.instance(r, "b"), try)))
		require.NoError(t, err, "the logs of all tries are kept")
		assert.Contains(t, string(log), fmt.Sprintf("Starting attempt %d of ", try))
	}
	past, err := b.store.PastTries(t.Context(), r.Key, "b")
	require.NoError(t, err)
	require.Len(t, past, 6, "the last try is the instance itself")
	for i, in := range past {
		assert.Equal(t, i+1, in.Try)
		assert.Equal(t, dag.Failed, in.State)
		assert.Equal(t, "broken", in.Error)
		assert.False(t, in.StartDate.IsZero() || in.EndDate.Before(in.StartDate))
		assert.Equal(t, os.Getpid(), in.PID)
		assert.NotEmpty(t, in.Host)
		assert.Equal(t, worker.LogPath(r, in, 0), in.Log)
	}
	assert.Equal(t, os.Getpid(), b.instance(r, "b").PID)
	past, err = b.store.PastTries(t.Context(), r.Key, "c")
	require.NoError(t, err)
	assert.Empty(t, past, "no try of it had begun when it was cleared")
	b.until("the messages of the runs' ends", func() bool { return len(b.sentSoFar()) == 3 })
}

func TestClearForgetsXComsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ds := b.load("d:\n  tasks:\n    - {task_id: a, operator: probe, text: one}\n    - {task_id: b, operator: probe, text: two}\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), ds[0].ID, true) }))
	require.NoError(t, b.e.Refresh(t.Context()))
	done, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, TaskRegex: "a"})
	require.NoError(t, err)
	assert.Equal(t, &engine.Affected{Runs: []engine.AffectedRun{{
		RunID: r.RunID, LogicalDate: r.LogicalDate, From: dag.RunSuccess, State: dag.RunQueued,
		Instances: []engine.AffectedInstance{{TaskID: "a", MapIndex: -1, From: dag.Success, State: dag.None}},
	}}}, done)
	assert.Equal(t, 1, done.Instances())
	for task, want := range map[string]string{"a": "", "b": `"two"`} {
		v, err := b.store.XCom(t.Context(), r.Key, task, -1, "return_value")
		require.NoError(t, err)
		assert.Equal(t, want, string(v))
	}
	// A paused DAG keeps the run queued.
	got, err := b.store.Run(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, dag.RunQueued, got.State)
	assert.True(t, got.StartDate.IsZero() && got.EndDate.IsZero() && got.Reason == "")
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "d", false) }))
	require.NoError(t, b.e.Refresh(t.Context()))
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, "a#2", b.ranSoFar()[2])
	assert.Len(t, b.ranSoFar(), 3)
}

const diamond = `
d:
  tasks:
    - {task_id: a, operator: probe}
    - {task_id: b, operator: probe, do: fail, dependencies: [a]}
    - {task_id: c, operator: probe, dependencies: [a]}
    - {task_id: e, operator: probe, dependencies: [b, c]}
`

func TestClearSelects(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failing("fail")
	b.load(diamond)
	b.start(engine.RunOptions{})
	for n := 1; n <= 4; n++ {
		b.finish(engine.Trigger{RunID: fmt.Sprint("r", n), LogicalDate: day(n)})
	}
	b.finish(engine.Trigger{RunID: "dateless", NoLogicalDate: true})
	ran := len(b.ranSoFar())
	for name, c := range map[string]struct {
		r    engine.ClearRequest
		want string
	}{
		"everything":          {engine.ClearRequest{TaskRegex: "^a$"}, "r1:a r2:a r3:a r4:a dateless:a"},
		"a run":               {engine.ClearRequest{RunID: "r2"}, "r2:a,b,c,e"},
		"a run without date":  {engine.ClearRequest{RunID: "dateless", TaskRegex: "a"}, "dateless:a"},
		"a part of an id":     {engine.ClearRequest{RunID: "r2", TaskRegex: "b|c"}, "r2:b,c"},
		"upstream":            {engine.ClearRequest{RunID: "r2", TaskRegex: "c", Upstream: true}, "r2:a,c"},
		"downstream":          {engine.ClearRequest{RunID: "r2", TaskRegex: "c", Downstream: true}, "r2:c,e"},
		"both":                {engine.ClearRequest{RunID: "r2", TaskRegex: "b", Upstream: true, Downstream: true}, "r2:a,b,e"},
		"only failed":         {engine.ClearRequest{RunID: "r2", OnlyFailed: true}, "r2:b,e"},
		"only failed of them": {engine.ClearRequest{RunID: "r2", TaskRegex: "c", Downstream: true, OnlyFailed: true}, "r2:e"},
		"only running":        {engine.ClearRequest{RunID: "r2", OnlyRunning: true}, ""},
		"past":                {engine.ClearRequest{RunID: "r2", Past: true, TaskRegex: "a"}, "r1:a r2:a"},
		"future":              {engine.ClearRequest{RunID: "r3", Future: true, TaskRegex: "a"}, "r3:a r4:a"},
		"past and future":     {engine.ClearRequest{RunID: "r3", Past: true, Future: true, TaskRegex: "a"}, "r1:a r2:a r3:a r4:a"},
		"from":                {engine.ClearRequest{Start: day(3), TaskRegex: "a"}, "r3:a r4:a"},
		"to":                  {engine.ClearRequest{End: day(2), TaskRegex: "a"}, "r1:a r2:a"},
		"from to":             {engine.ClearRequest{Start: day(2), End: day(3), TaskRegex: "a"}, "r2:a r3:a"},
		"no run in between":   {engine.ClearRequest{Start: day(9), TaskRegex: "a"}, ""},
	} {
		c.r.DAGID, c.r.DryRun = "d", true
		got, err := b.e.Clear(t.Context(), c.r)
		require.NoError(t, err, name)
		var runs []string
		for _, r := range got.Runs {
			var ids []string
			for _, in := range r.Instances {
				ids = append(ids, in.TaskID)
			}
			runs = append(runs, r.RunID+":"+strings.Join(ids, ","))
		}
		assert.Equal(t, c.want, strings.Join(runs, " "), name)
	}
	assert.Len(t, b.ranSoFar(), ran, "a dry run changes nothing")
	for name, c := range map[string]struct {
		r    engine.ClearRequest
		want string
	}{
		"no such dag":           {engine.ClearRequest{DAGID: "x"}, `dag "x" has no runs`},
		"no such run":           {engine.ClearRequest{DAGID: "d", RunID: "datelss"}, `dag "d" has no run "datelss"; did you mean "dateless"?`},
		"no such task":          {engine.ClearRequest{DAGID: "d", TaskRegex: "^x"}, `no task of dag "d" matches "^x"; it has a, b, c, e`},
		"a broken expression":   {engine.ClearRequest{DAGID: "d", TaskRegex: "("}, `task expression "(": `},
		"failed and running":    {engine.ClearRequest{DAGID: "d", OnlyFailed: true, OnlyRunning: true}, "only failed and only running exclude each other"},
		"past of nothing":       {engine.ClearRequest{DAGID: "d", Past: true}, "past and future need a run"},
		"past of no date":       {engine.ClearRequest{DAGID: "d", RunID: "dateless", Past: true}, "run dateless of dag \"d\" has no logical date"},
		"a run and dates":       {engine.ClearRequest{DAGID: "d", RunID: "r1", Start: day(1)}, "a run and dates exclude each other"},
		"dates the wrong way":   {engine.ClearRequest{DAGID: "d", Start: day(2), End: day(1)}, "the end 2026-01-01T00:00:00Z is before the start 2026-01-02T00:00:00Z"},
		"a dry run is the same": {engine.ClearRequest{DAGID: "x", DryRun: true}, `dag "x" has no runs`},
	} {
		_, err := b.e.Clear(t.Context(), c.r)
		require.ErrorContains(t, err, "clear: "+c.want, name)
	}
}

// A running task that is cleared is stopped, in state restarting, and runs again with all
// its tries. Nobody is told of it.
func TestClearStopsWhatRuns(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"probe", "unsafe"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			begun, stopped := make(chan struct{}, 2), make(chan error, 2)
			b.do["hang"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
				if tc.TryNumber > 1 {
					return "done", nil
				}
				begun <- struct{}{}
				<-ctx.Done()
				stopped <- context.Cause(ctx)
				return nil, ctx.Err()
			}
			b.load("d:\n  tasks:\n    - {task_id: t, operator: " + op + ", do: hang, on_failure_callback: say, on_retry_callback: say}\n    - {task_id: u, operator: probe, dependencies: [t]}\n")
			b.start(engine.RunOptions{})
			r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
			require.NoError(t, err)
			<-begun
			b.until("it is known to run", func() bool { return b.states(r)["t"] == "running" })
			done, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, OnlyRunning: true})
			require.NoError(t, err)
			assert.Equal(t, []engine.AffectedInstance{{TaskID: "t", MapIndex: -1, From: dag.Running, State: dag.Restarting}}, done.Runs[0].Instances)
			assert.Equal(t, dag.RunRunning, done.Runs[0].State)
			cause := <-stopped
			require.ErrorIs(t, cause, operator.ErrCanceled)
			require.ErrorContains(t, cause, "cleared while it ran")
			assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
			assert.Equal(t, []string{"t#1", "t#2", "u#1"}, b.ranSoFar())
			assert.Equal(t, 2, b.instance(r, "t").MaxTries)
			b.stoppedTry(r)
			assert.Empty(t, b.sentSoFar())
			log, err := os.ReadFile(filepath.Join(b.dir, "logs", worker.LogPath(r, b.instance(r, "t"), 1)))
			require.NoError(t, err)
			assert.Contains(t, string(log), "cleared while it ran")
			assert.NotContains(t, string(log), "Task failed")
		})
	}
}

// What waits is cleared without a trace: a try that waits for a worker, for its retry, or
// for the next look of a sensor.
func TestClearOfWhatWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Workers = 1
	b.stopStore()
	b.open()
	gate := make(chan struct{})
	b.do["wait"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return nil, nil
	}
	fail := b.failing("flaky")
	looks := 0
	b.do["look"] = func(context.Context, *operator.TaskContext) (any, error) {
		looks++ // one worker
		if looks == 1 {
			return nil, operator.NotYet()
		}
		return nil, nil
	}
	b.load(`
d:
  tasks:
    - {task_id: retrying, operator: probe, do: flaky, retries: 1, retry_delay: 86400}
    - {task_id: looking, operator: sensor, do: look, mode: reschedule, poke_interval: 86400, timeout: 864000}
    - {task_id: blocking, operator: probe, do: wait}
    - {task_id: queued, operator: probe}
`)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("all wait", func() bool {
		s := b.states(r)
		return s["retrying"] == "up_for_retry" && s["looking"] == "up_for_reschedule" && s["blocking"] == "running" && s["queued"] == "queued"
	})
	fail(false)
	done, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, TaskRegex: "retrying|looking|queued"})
	require.NoError(t, err)
	assert.Equal(t, 3, done.Instances())
	close(gate)
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.ElementsMatch(t, []string{"retrying#1", "looking#1", "blocking#1", "retrying#2", "looking#2", "queued#2"}, b.ranSoFar())
}

// The choice of a branch is remembered.
func TestClearedUnchosenTaskIsSkippedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	to := "left"
	b.do["choose"] = func(context.Context, *operator.TaskContext) (any, error) {
		return operator.Branch{TaskIDs: []string{to}}, nil
	}
	b.do["stop"] = func(context.Context, *operator.TaskContext) (any, error) {
		return operator.SkipDownstream{Value: false}, nil
	}
	b.load(`
d:
  tasks:
    - {task_id: fork, operator: probe, do: choose}
    - {task_id: left, operator: probe, dependencies: [fork]}
    - {task_id: right, operator: probe, dependencies: [fork]}
    - {task_id: after, operator: probe, dependencies: [right]}
    - {task_id: short, operator: probe, do: stop}
    - {task_id: below, operator: probe, dependencies: [short]}
    - {task_id: lowest, operator: probe, dependencies: [below]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	first := map[string]string{"fork": "success", "left": "success", "right": "skipped", "after": "skipped", "short": "success", "below": "skipped", "lowest": "skipped"}
	require.Equal(t, first, b.states(r))

	b.clear(engine.ClearRequest{RunID: r.RunID, TaskRegex: "left|right|below|after|lowest"})
	assert.Equal(t, first, b.states(r))
	assert.Equal(t, 2, b.instance(r, "left").Try)

	// Cleared with its branch, it depends on the new choice.
	to = "right"
	b.clear(engine.ClearRequest{RunID: r.RunID, TaskRegex: "fork", Downstream: true})
	assert.Equal(t, map[string]string{"fork": "success", "left": "skipped", "right": "success", "after": "success", "short": "success", "below": "skipped", "lowest": "skipped"}, b.states(r))
}

// Clearing work clears its setups and teardowns, so that it does not run in a scope that
// was taken down.
func TestClearTakesTheScopeAlong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  tasks:
    - {task_id: make, operator: probe, setup: true}
    - {task_id: work, operator: probe, dependencies: [make]}
    - {task_id: other, operator: probe}
    - {task_id: drop, operator: probe, teardown: make, dependencies: [work]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	b.clear(engine.ClearRequest{RunID: r.RunID, TaskRegex: "^work$"})
	assert.Equal(t, []string{"make#2", "work#2", "drop#2"}, b.ranSoFar()[4:])
}

// A run that ended long ago has its whole dagrun_timeout again.
func TestClearedRunHasItsTimeoutAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.o.Beat = 10 * time.Second
		b.stopStore()
		b.open()
		b.do["long"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
			select {
			case <-time.After(4 * time.Second):
				return nil, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		b.load("d:\n  dagrun_timeout: 6\n  tasks:\n    - {task_id: t, operator: probe, do: long}\n")
		b.start(engine.RunOptions{})
		r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
		require.NoError(t, err)
		for range 2 { // the timer of the first would end the second
			<-time.After(5 * time.Second)
			got, err := b.store.Run(t.Context(), r.Key)
			require.NoError(t, err)
			assert.Equal(t, dag.RunSuccess, got.State)
			_, err = b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
			require.NoError(t, err)
		}
		b.stop()
	})
}

// Whatever part of a finished run is cleared, it ends as before when its tasks do the
// same again.
func TestClearAnyPartAndItEndsTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failing("fail")
	b.start(engine.RunOptions{})
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	pick := func(words ...string) string { return words[rnd.IntN(len(words))] }
	for round := range 30 {
		var text strings.Builder
		text.WriteString("d:\n  tasks:\n")
		tasks := 1 + rnd.IntN(9)
		for i := range tasks {
			var deps []string
			for u := range i {
				if rnd.IntN(3) == 0 {
					deps = append(deps, fmt.Sprint("t", u))
				}
			}
			// Without skips, and rules that make some: which of a skip and a failure comes
			// first would matter.
			fmt.Fprintf(&text, "    - {task_id: t%d, operator: %s, dependencies: [%s], trigger_rule: %s}\n", i,
				pick("nop", "probe", "probe, do: fail", "unsafe"), strings.Join(deps, ", "),
				pick("all_success", "all_success", "all_done", "one_success", "none_failed", "always"))
		}
		b.load(text.String())
		r := b.finish(engine.Trigger{RunID: fmt.Sprint("round", round), LogicalDate: day(1).Add(time.Duration(round) * time.Hour)})
		first := b.states(r)
		var ids []string
		for i := range tasks {
			if rnd.IntN(2) == 0 {
				ids = append(ids, fmt.Sprintf("^t%d$", i))
			}
		}
		if ids == nil {
			continue
		}
		again := b.clear(engine.ClearRequest{RunID: r.RunID, TaskRegex: strings.Join(ids, "|"), Upstream: rnd.IntN(3) == 0, Downstream: rnd.IntN(3) == 0})
		require.Equal(t, first, b.states(r), "seed %d, cleared %v of\n%s", seed, ids, text.String())
		require.Equal(t, r.State, again.State, "seed %d", seed)
	}
}

// A process that dies while a cleared task is being stopped leaves nothing behind.
func TestClearOfWhatRunsSurvivesACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun, release := make(chan struct{}, 1), make(chan struct{})
	b.do["stubborn"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		if tc.TryNumber > 1 {
			return nil, nil
		}
		begun <- struct{}{}
		<-release
		return nil, nil
	}
	b.load("d:\n  tasks:\n    - {task_id: t, operator: unsafe, do: stubborn}\n    - {task_id: u, operator: probe, dependencies: [t]}\n")
	b.start(engine.RunOptions{})
	t.Cleanup(func() { close(release) }) // before the engine stops
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	_, err = b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"t": "restarting"}, b.states(r))
	next := b.crash()
	next.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, next.ended1(r.Key).State)
	assert.Equal(t, []string{"t#2", "u#1"}, next.ranSoFar())
	next.stoppedTry(r)
}

// stoppedTry requires that the first try of t is kept as one that was cleared while it ran.
func (b *bench) stoppedTry(r *store.Run) {
	b.t.Helper()
	past, err := b.store.PastTries(context.Background(), r.Key, "t")
	require.NoError(b.t, err)
	require.Len(b.t, past, 1)
	assert.Equal(b.t, 1, past[0].Try)
	assert.Equal(b.t, dag.Failed, past[0].State)
	assert.Contains(b.t, past[0].Error, "cleared while it ran")
	assert.False(b.t, past[0].StartDate.IsZero() || past[0].EndDate.IsZero())
}

// A shutdown while a cleared task is being stopped: the next process runs it.
func TestClearOfWhatRunsSurvivesAShutdown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun, told := make(chan struct{}, 1), make(chan struct{})
	b.do["slow"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		if tc.TryNumber > 1 {
			return nil, nil
		}
		begun <- struct{}{}
		<-ctx.Done()
		<-told
		return nil, operator.ErrShutdown
	}
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, do: slow}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	b.until("it is known to run", func() bool { return b.states(r)["t"] == "running" })
	_, err = b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
	require.NoError(t, err)
	b.cancel()
	close(told)
	b.stop()
	b.open()
	b.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, []string{"t#1", "t#2"}, b.ranSoFar())
}

// Of a mapped task the instances that failed run again alone; cleared with what it is
// mapped over, it has as many instances as there are elements then.
func TestClearMapped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	list := []string{"ok", "fail", "ok"}
	b.do["list"] = func(context.Context, *operator.TaskContext) (any, error) { return list, nil }
	fail := b.failing("fail")
	b.load(`
d:
  tasks:
    - {task_id: up, operator: probe, do: list}
    - {task_id: m, operator: probe, expand: {do: up.output}}
    - {task_id: end, operator: probe, dependencies: [m]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	require.Equal(t, map[string]string{"up": "success", "m[0]": "success", "m[1]": "failed", "m[2]": "success", "end": "upstream_failed"}, b.instances(r))
	fail(false)
	again := b.clear(engine.ClearRequest{RunID: r.RunID, OnlyFailed: true})
	assert.Equal(t, dag.RunSuccess, again.State)
	assert.Equal(t, []string{"m#2", "end#1"}, b.ranSoFar()[4:])

	list = []string{"ok"}
	again = b.clear(engine.ClearRequest{RunID: r.RunID})
	assert.Equal(t, dag.RunSuccess, again.State)
	assert.Equal(t, map[string]string{"up": "success", "m[0]": "success", "m[1]": "removed", "m[2]": "removed", "end": "success"}, b.instances(r))
	marked := b.mark(engine.MarkRequest{RunID: r.RunID, TaskID: "m", State: dag.Failed, DryRun: true})
	assert.Equal(t, 1, marked.Instances(), "what was removed is not there to be marked")
	list = []string{"ok", "ok", "ok", "ok"}
	again = b.clear(engine.ClearRequest{RunID: r.RunID})
	assert.Equal(t, dag.RunSuccess, again.State)
	assert.Equal(t, map[string]string{"up": "success", "m[0]": "success", "m[1]": "success", "m[2]": "success", "m[3]": "success", "end": "success"}, b.instances(r))
}
