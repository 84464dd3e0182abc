package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

func (b *bench) mark(r engine.MarkRequest) *engine.Affected {
	b.t.Helper()
	r.DAGID = "d"
	done, err := b.e.Mark(context.Background(), r)
	require.NoError(b.t, err)
	return done
}

// hangs makes the behaviour "hang", which runs until it is told to stop, and tells both.
func (b *bench) hangs() (begun chan struct{}, stopped chan error) {
	begun, stopped = make(chan struct{}, 8), make(chan error, 8)
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		begun <- struct{}{}
		<-ctx.Done()
		stopped <- context.Cause(ctx)
		return nil, ctx.Err()
	}
	return begun, stopped
}

// What failed below a task that is marked success goes on, and nothing is said about the
// marked one.
func TestMarkSuccessLetsARunGoOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failing("fail")
	b.load(`
d:
  default_args: {on_success_callback: say}
  tasks:
    - {task_id: a, operator: probe, do: fail}
    - {task_id: b, operator: probe, dependencies: [a]}
    - {task_id: c, operator: probe, dependencies: [b]}
    - {task_id: beside, operator: probe, do: fail}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	require.Equal(t, map[string]string{"a": "failed", "b": "upstream_failed", "c": "upstream_failed", "beside": "failed"}, b.states(r))
	done := b.mark(engine.MarkRequest{RunID: r.RunID, TaskID: "a", State: dag.Success})
	assert.Equal(t, dag.RunFailed, done.Runs[0].From)
	assert.Equal(t, []engine.AffectedInstance{
		{TaskID: "a", MapIndex: -1, From: dag.Failed, State: dag.Success},
		{TaskID: "b", MapIndex: -1, From: dag.UpstreamFailed, State: dag.None},
		{TaskID: "c", MapIndex: -1, From: dag.UpstreamFailed, State: dag.None},
	}, done.Runs[0].Instances)
	assert.Equal(t, dag.RunFailed, b.ended1(r.Key).State, "for the task beside")
	assert.Equal(t, map[string]string{"a": "success", "b": "success", "c": "success", "beside": "failed"}, b.states(r))
	assert.Empty(t, b.instance(r, "a").Error)

	// Nothing below it failed: the run keeps its state, as in Airflow.
	b.mark(engine.MarkRequest{RunID: r.RunID, TaskID: "beside", State: dag.Success})
	got, err := b.store.Run(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, dag.RunFailed, got.State)
	assert.Equal(t, "success", b.states(r)["beside"])
	assert.Empty(t, b.mark(engine.MarkRequest{RunID: r.RunID, TaskID: "beside", State: dag.Success}).Runs, "it has that state")
	b.until("the messages", func() bool { return len(b.sentSoFar()) == 2 })
	assert.Equal(t, []string{"on_success b said", "on_success c said"}, b.sentSoFar())
}

// A running task that is marked is stopped and keeps the state; the run goes on from it.
func TestMarkWhatRuns(t *testing.T) {
	t.Parallel()
	for state, want := range map[dag.State]map[string]string{
		dag.Success: {"t": "success", "u": "success"},
		dag.Failed:  {"t": "failed", "u": "upstream_failed"},
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			begun, stopped := b.hangs()
			b.load(`
d:
  tasks:
    - {task_id: t, operator: probe, do: hang, retries: 5, on_failure_callback: say, on_success_callback: say, on_retry_callback: say}
    - {task_id: u, operator: probe, dependencies: [t]}
`)
			b.start(engine.RunOptions{})
			r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
			require.NoError(t, err)
			<-begun
			b.until("it is known to run", func() bool { return b.states(r)["t"] == "running" })
			done := b.mark(engine.MarkRequest{RunID: r.RunID, TaskID: "t", State: state})
			assert.Len(t, done.Runs[0].Instances, 1)
			cause := <-stopped
			require.ErrorIs(t, cause, operator.ErrCanceled)
			// The next beat may tell it first.
			require.Regexp(t, "set by hand|ended by someone", cause.Error())
			b.ended1(r.Key)
			b.stop()
			b.open()
			assert.Equal(t, want, b.states(r), "what the stopped attempt said does not count")
			assert.Empty(t, b.sentSoFar())
			require.NoError(t, b.store.Close())
		})
	}
}

func TestMarkSelects(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failing("fail")
	b.load(strings.Replace(diamond, "probe, do: fail", "nop", 1))
	b.start(engine.RunOptions{})
	for n := 1; n <= 3; n++ {
		b.finish(engine.Trigger{RunID: fmt.Sprint("r", n), LogicalDate: day(n)})
	}
	for name, c := range map[string]struct {
		r    engine.MarkRequest
		want string
	}{
		"one task":      {engine.MarkRequest{RunID: "r2", TaskID: "c"}, "r2:c"},
		"upstream":      {engine.MarkRequest{RunID: "r2", TaskID: "c", Upstream: true}, "r2:a,c"},
		"downstream":    {engine.MarkRequest{RunID: "r2", TaskID: "c", Downstream: true}, "r2:c,e"},
		"past":          {engine.MarkRequest{RunID: "r2", TaskID: "c", Past: true}, "r1:c r2:c"},
		"future":        {engine.MarkRequest{RunID: "r2", TaskID: "c", Future: true, Downstream: true}, "r2:c,e r3:c,e"},
		"the whole run": {engine.MarkRequest{RunID: "r2"}, "r2:"},
	} {
		c.r.DryRun, c.r.State = true, dag.Failed
		var runs []string
		for _, r := range b.mark(c.r).Runs {
			var ids []string
			for _, in := range r.Instances {
				assert.Equal(t, dag.Failed, in.State)
				ids = append(ids, in.TaskID)
			}
			runs = append(runs, r.RunID+":"+strings.Join(ids, ","))
		}
		assert.Equal(t, c.want, strings.Join(runs, " "), name)
	}
	for name, c := range map[string]struct {
		r    engine.MarkRequest
		want string
	}{
		"no such dag":       {engine.MarkRequest{DAGID: "x", RunID: "r1", State: dag.Failed}, `dag "x" has no runs`},
		"no such run":       {engine.MarkRequest{DAGID: "d", RunID: "x", State: dag.Failed}, `dag "d" has no run "x"`},
		"no run":            {engine.MarkRequest{DAGID: "d", State: dag.Failed}, "the run is missing"},
		"no such task":      {engine.MarkRequest{DAGID: "d", RunID: "r1", TaskID: "x", State: dag.Failed}, `run "r1" of dag "d" has no task "x"`},
		"no such state":     {engine.MarkRequest{DAGID: "d", RunID: "r1", TaskID: "a", State: dag.Running}, `state "running": only success and failed can be set`},
		"downstream of run": {engine.MarkRequest{DAGID: "d", RunID: "r1", State: dag.Failed, Downstream: true}, "need a task"},
	} {
		_, err := b.e.Mark(t.Context(), c.r)
		require.ErrorContains(t, err, c.want, name)
	}
}

// Airflow, set_dag_run_state_to_failed: what runs fails, what has not begun is skipped,
// nothing is said, and the next run may start.
func TestMarkRunFailed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun, stopped := b.hangs()
	b.load(`
d:
  max_active_runs: 1
  on_failure_callback: say
  default_args: {on_failure_callback: say, on_skipped_callback: say}
  tasks:
    - {task_id: done, operator: probe}
    - {task_id: runs, operator: probe, do: hang, dependencies: [done]}
    - {task_id: waits, operator: probe, dependencies: [runs]}
`)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "first", LogicalDate: day(1)})
	require.NoError(t, err)
	second, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "second", LogicalDate: day(2)})
	require.NoError(t, err)
	<-begun
	b.until("it is known to run", func() bool { return b.states(r)["runs"] == "running" })
	done := b.mark(engine.MarkRequest{RunID: "first", State: dag.Failed})
	assert.Equal(t, []dag.RunState{dag.RunRunning, dag.RunFailed}, []dag.RunState{done.Runs[0].From, done.Runs[0].State})
	require.ErrorIs(t, <-stopped, operator.ErrCanceled)
	assert.Equal(t, map[string]string{"done": "success", "runs": "failed", "waits": "skipped"}, b.states(r))
	got := b.ended1(r.Key)
	assert.Equal(t, []any{dag.RunFailed, "marked_failed"}, []any{got.State, got.Reason})
	assert.False(t, got.EndDate.IsZero())
	assert.Equal(t, "the state was set by hand", b.instance(r, "runs").Error)

	<-begun
	b.until("it is known to run", func() bool { return b.states(second)["runs"] == "running" })
	b.mark(engine.MarkRequest{RunID: "second", State: dag.Success})
	require.ErrorIs(t, <-stopped, operator.ErrCanceled)
	got = b.ended1(second.Key)
	assert.Equal(t, []any{dag.RunSuccess, "marked_success"}, []any{got.State, got.Reason})
	assert.Equal(t, map[string]string{"done": "success", "runs": "success", "waits": "success"}, b.states(second))

	// A finished one: marked failed it keeps its instances, marked success they succeed.
	b.mark(engine.MarkRequest{RunID: "second", State: dag.Failed})
	assert.Equal(t, dag.RunFailed, b.ended1(second.Key).State)
	assert.Equal(t, map[string]string{"done": "success", "runs": "success", "waits": "success"}, b.states(second))
	b.mark(engine.MarkRequest{RunID: "first", State: dag.Success})
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, map[string]string{"done": "success", "runs": "success", "waits": "success"}, b.states(r))
	b.stop()
	assert.Empty(t, b.sentSoFar())
}

// Teardowns of a marked run still run; the run then has the state that it was given.
func TestMarkedRunStillTearsDown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun, _ := b.hangs()
	b.load(`
d:
  on_failure_callback: say
  on_success_callback: say
  tasks:
    - {task_id: make, operator: probe}
    - {task_id: runs, operator: probe, do: hang, dependencies: [make]}
    - {task_id: waits, operator: probe, dependencies: [runs]}
    - {task_id: drop, operator: probe, teardown: make, dependencies: [waits]}
`)
	b.start(engine.RunOptions{})
	for n, state := range []dag.State{dag.Failed, dag.Success} {
		r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: day(n + 1)})
		require.NoError(t, err)
		<-begun
		b.until("it is known to run", func() bool { return b.states(r)["runs"] == "running" })
		b.mark(engine.MarkRequest{RunID: r.RunID, State: state})
		got := b.ended1(r.Key)
		assert.Equal(t, []any{dag.RunState(state), "marked_" + string(state)}, []any{got.State, got.Reason})
		want := map[string]string{"make": "success", "runs": "failed", "waits": "skipped", "drop": "success"}
		if state == dag.Success {
			want["runs"], want["waits"] = "success", "success"
		}
		assert.Equal(t, want, b.states(r))
	}
	b.stop()
	assert.Empty(t, b.sentSoFar())
}

// A run that waits for the one before goes on when that is marked.
func TestMarkReleasesDependsOnPast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["first fails"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		if tc.RunID == "first" {
			return nil, operator.Fail(errors.New("broken"))
		}
		return nil, nil
	}
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, do: first fails, depends_on_past: true}\n")
	b.start(engine.RunOptions{})
	b.finish(engine.Trigger{RunID: "first", LogicalDate: day(1)})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "second", LogicalDate: day(2)})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"t": "scheduled"}, b.states(r))
	b.mark(engine.MarkRequest{RunID: "first", TaskID: "t", State: dag.Success})
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
}

// Whoever watches is told of a run that gets another state by hand, and of none that keeps its.
func TestMarkedRunsAreSeen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	states := func() (out []dag.RunState) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, u := range b.updates {
			if u.Instance == nil {
				out = append(out, u.Run.State)
			}
		}
		return out
	}
	b.until("its end is seen", func() bool { return slices.Contains(states(), dag.RunSuccess) })
	marked := func(q engine.MarkRequest) []dag.RunState {
		b.mu.Lock()
		b.updates = nil
		b.mu.Unlock()
		q.DAGID, q.RunID = "d", r.RunID
		_, err := b.e.Mark(t.Context(), q)
		require.NoError(t, err)
		return states()
	}
	assert.Empty(t, marked(engine.MarkRequest{TaskID: "t", State: dag.Failed}))
	assert.Equal(t, []dag.RunState{dag.RunFailed}, marked(engine.MarkRequest{State: dag.Failed}))
	assert.Empty(t, marked(engine.MarkRequest{State: dag.Failed}))
}
