package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// The arguments of ti.xcom_pull (Airflow, TaskInstance.xcom_pull).
func TestXComPull(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	day := 0
	b.do["first"] = func(context.Context, *operator.TaskContext) (any, error) {
		if day++; day == 1 {
			return "of the first day", nil
		}
		return nil, nil
	}
	b.load(`
d:
  tasks:
    - {task_id: once, operator: probe, do: first}
    - {task_id: m, operator: probe, expand: {text: [a, b, c]}}
    - {task_id: own, operator: probe, text: "{{ ti.xcom_pull('once') }}", dependencies: [once, m]}
    - {task_id: prior, operator: probe, text: "{{ ti.xcom_pull('once', include_prior_dates=True) }}", dependencies: [once, m]}
    - {task_id: run, operator: probe, text: "{{ ti.xcom_pull('once', run_id='manual__2026-01-01T00:00:00+00:00') }}", dependencies: [once, m]}
    - {task_id: other, operator: probe, text: "{{ ti.xcom_pull('x', dag_id='e', run_id='r') }}", dependencies: [once, m]}
    - {task_id: gone, operator: probe, text: "{{ ti.xcom_pull('x', dag_id='nowhere', default='d') }}", dependencies: [once, m]}
    - {task_id: one, operator: probe, text: "{{ ti.xcom_pull('m', map_indexes=1) }}", dependencies: [once, m]}
    - {task_id: some, operator: probe, text: "{{ ti.xcom_pull('m', map_indexes=[2, 0]) }}", dependencies: [once, m]}
    - {task_id: several, operator: probe, text: "{{ ti.xcom_pull(['m', 'once', 'm2'], default='-') }}", dependencies: [once, m]}
e:
  tasks:
    - {task_id: x, operator: probe, text: from e}
`)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "e", engine.Trigger{RunID: "r"})
	require.NoError(t, err)
	b.ended1(r.Key)
	at := func(day int) engine.Trigger {
		return engine.Trigger{LogicalDate: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}
	}
	b.finish(at(1))
	got := b.finish(at(2))
	assert.Equal(t, dag.RunSuccess, got.State)
	for task, want := range map[string]string{
		"own": "None", "prior": "of the first day", "run": "of the first day", "other": "from e", "gone": "d",
		"one": "b", "some": "['a', 'c']", "several": "[['a', 'b', 'c'], '-', '-']",
	} {
		assert.JSONEq(t, `"`+want+`"`, b.xcom(got, task, "return_value"), task)
	}
}

// What is pushed is stored with the end of the try, whatever that is; a next try begins
// without it, a look of a rescheduled sensor does not (Airflow, "XComs").
func TestXComPush(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tries := 0
	b.do["push"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		tries++
		if err := tc.XCom.Push([]string{"first", "second"}[tries-1], tries); err != nil {
			return nil, err
		}
		require.Error(t, tc.XCom.Push("", 1))
		require.Error(t, tc.XCom.Push("large", strings.Repeat("x", 1<<20)))
		require.Error(t, tc.XCom.Push("no JSON", func() {}))
		return nil, errors.New("and fails")
	}
	looks := 0
	b.do["look"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		if looks++; looks > 1 {
			return "found", nil
		}
		return nil, errors.Join(tc.XCom.Push("seen", looks), operator.NotYet())
	}
	b.load(`
d:
  tasks:
    - {task_id: t, operator: probe, do: push, retries: 1, retry_delay: 0.01}
    - {task_id: s, operator: sensor, do: look, mode: reschedule, poke_interval: 0.01}
    - {task_id: text, operator: probe, text: "{% set _ = ti.xcom_push('k', {'a': [1]}) %}x"}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	xs, err := b.store.RunXComs(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, []store.XCom{
		{TaskID: "s", MapIndex: -1, Key: "return_value", Value: json.RawMessage(`"found"`)},
		{TaskID: "s", MapIndex: -1, Key: "seen", Value: json.RawMessage(`1`)},
		{TaskID: "t", MapIndex: -1, Key: "second", Value: json.RawMessage(`2`)},
		{TaskID: "text", MapIndex: -1, Key: "k", Value: json.RawMessage(`{"a": [1]}`)},
		{TaskID: "text", MapIndex: -1, Key: "return_value", Value: json.RawMessage(`"x"`)},
	}, xs)
}
