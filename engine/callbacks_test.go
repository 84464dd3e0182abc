package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

// A callback is rendered before the outcome is written, and sees the XComs of its try
// all the same, as in Airflow, where it runs after they were pushed.
func TestCallbacksSeeTheXComsOfTheirTry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["mapping"] = func(context.Context, *operator.TaskContext) (any, error) { return map[string]int{"rows": 7}, nil }
	b.do["push and fail"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		require.NoError(t, tc.XCom.Push("seen", 3))
		return nil, operator.Fail(errors.New("no"))
	}
	b.load(`
d:
  tasks:
    - {task_id: result, operator: probe, text: done, on_success_callback: {callback: say, text: "{{ ti.xcom_pull() }} {{ ti.xcom_pull(task_ids='other') }}"}}
    - {task_id: outputs, operator: probe, do: mapping, multiple_outputs: true, dependencies: [result], on_success_callback: {callback: say, text: "{{ ti.xcom_pull(key='rows') }} {{ ti.xcom_pull(task_ids='result') }}"}}
    - {task_id: fails, operator: probe, do: push and fail, dependencies: [outputs], on_failure_callback: {callback: say, text: "{{ ti.xcom_pull(key='seen') }} {{ ti.xcom_pull() }}"}}
    - task_id: mapped
      operator: probe
      expand: {text: [a, b]}
      max_active_tis_per_dagrun: 1
      dependencies: [fails]
      trigger_rule: all_done
      on_success_callback: {callback: say, text: "{{ ti.map_index }} {{ ti.xcom_pull(task_ids='mapped') }}"}
`)
	b.start(engine.RunOptions{})
	b.finish(engine.Trigger{})
	b.until("all messages", func() bool { return len(b.sentSoFar()) == 5 })
	assert.Equal(t, []string{
		"on_success result done None", "on_success outputs 7 done", "on_failure fails 3 None",
		"on_success mapped 0 ['a']", "on_success mapped 1 ['a', 'b']",
	}, b.sentSoFar())
}

// Whoever dies over a try, its callbacks are told: of the failure, or of the retry while
// tries are left.
func TestLostTriesTellTheirCallbacks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ op, retries, kind, state string }{
		"failed":                 {"probe", "0", "on_failure", "failed"},
		"retried":                {"probe", "1", "on_retry", "up_for_retry"},
		"must not be repeated":   {"unsafe", "0", "on_failure", "failed"},
		"nor be tried once more": {"unsafe", "1", "on_failure", "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			begun := make(chan struct{}, 8)
			b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
				begun <- struct{}{}
				<-ctx.Done()
				return nil, ctx.Err()
			}
			const text = "{{ ti.try_number }} {{ ti.state }} {{ 'died' in exception }} {{ prev_start_date_success is none }}"
			b.load("d:\n  tasks:\n    - {task_id: t, operator: " + c.op + ", do: hang, retries: " + c.retries + ", retry_delay: 1h, on_failure_callback: {callback: say, text: \"" + text + "\"}, on_retry_callback: {callback: say, text: \"" + text + "\"}}\n")
			b.start(engine.RunOptions{})
			r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
			require.NoError(t, err)
			deaths := map[string]int{"probe": 3, "unsafe": 1}[c.op]
			for range deaths {
				<-begun
				b = b.crash()
				b.start(engine.RunOptions{})
			}
			b.until("the message", func() bool { return len(b.sentSoFar()) == 1 })
			assert.Equal(t, []string{c.kind + " t 1 " + c.state + " True True"}, b.sentSoFar())
			assert.Equal(t, c.state, b.states(r)["t"])
		})
	}
}

// A lost task fails a run with fail_fast like any that fails.
func TestLostTaskAndFailFast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.hangOnce()
	b.load("d:\n  fail_fast: true\n  tasks:\n    - {task_id: s, operator: probe}\n    - {task_id: lost, operator: unsafe, do: hang, dependencies: [s]}\n    - {task_id: later, operator: probe, dependencies: [s], pool: none}\n    - {task_id: undo, operator: probe, teardown: s, dependencies: [lost, later]}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	next := b.crash()
	next.start(engine.RunOptions{})
	next.ended1(r.Key)
	assert.Equal(t, map[string]string{"s": "success", "lost": "failed", "later": "skipped", "undo": "success"}, next.states(r))
}

// Without a logical date the names that rest on it are not there, and the key of the task
// instance names the run instead.
func TestCallbackContextWithoutLogicalDate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  on_success_callback: {callback: say, text: "{{ ds is defined }} {{ reason }} {{ dag_run.state }} {{ ti.task_id }}"}
  tasks:
    - {task_id: t, operator: probe, on_success_callback: {callback: say, text: "{{ logical_date is defined }} {{ data_interval_start is defined }} {{ prev_data_interval_end_success }} {{ task_instance_key_str }}"}}
`)
	b.start(engine.RunOptions{})
	b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	b.until("the messages of the first run", func() bool { return len(b.sentSoFar()) == 2 })
	b.finish(engine.Trigger{NoLogicalDate: true, RunID: "mine"})
	b.until("both messages", func() bool { return len(b.sentSoFar()) == 4 })
	assert.Equal(t, []string{"on_success t False False None d__t__mine", "on_success  False success success t"}, b.sentSoFar()[2:])
}

// The templated parameters of a notifier are names in its templates, as they stand in
// the file (Airflow, BaseNotifier).
func TestCallbackNamesItsParameters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  user_defined_macros: {who: 7}
  on_success_callback:
    - {callback: say, text: "{{ who }} {{ text | length }} {{ panic is defined }}", who: "ops {{ ds }}"}
    - {callback: say, text: "{{ who == '' }}"}
  tasks: [{task_id: t, operator: nop}]
`)
	b.start(engine.RunOptions{})
	b.finish(engine.Trigger{})
	b.until("both messages", func() bool { return len(b.sentSoFar()) == 2 })
	assert.Equal(t, []string{"on_success  ops {{ ds }} 52 False", "on_success  True"}, b.sentSoFar())
}
