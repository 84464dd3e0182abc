package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// instances reads the states of a run's instances by label.
func (b *bench) instances(r *store.Run) map[string]string {
	b.t.Helper()
	is, err := b.store.Instances(context.Background(), r.Key)
	require.NoError(b.t, err)
	out := map[string]string{}
	for _, in := range is {
		out[in.Label()] = in.State.String()
	}
	return out
}

func (b *bench) xcoms(r *store.Run, task string) (out []string) {
	b.t.Helper()
	xs, err := b.store.XComs(context.Background(), r.Key, task, "return_value")
	require.NoError(b.t, err)
	for i, x := range xs {
		require.Equal(b.t, i, x.MapIndex)
		out = append(out, strings.Trim(string(x.Value), `"`))
	}
	return out
}

// gives is a behaviour that returns a value.
func gives(v any) func(context.Context, *operator.TaskContext) (any, error) {
	return func(context.Context, *operator.TaskContext) (any, error) { return v, nil }
}

// Literal values are mapped as a cross product whose last parameter changes fastest
// (Airflow, "Mapping over multiple parameters"); downstream sees a list of results.
func TestMappedCrossProduct(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  tasks:
    - {task_id: m, operator: probe, expand: {do: [a, b], text: ["{{ ti.map_index }}x", y]}, map_index_template: "{{ task.do }}"}
    - {task_id: all, operator: probe, text: "{{ ti.xcom_pull(task_ids='m') }}", dependencies: [m]}
    - {task_id: again, operator: probe, expand: {text: m.output}}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, dag.RunSuccess, r.State)
	assert.Equal(t, map[string]string{
		"m[0 a]": "success", "m[1 a]": "success", "m[2 b]": "success", "m[3 b]": "success", "all": "success",
		"again[0]": "success", "again[1]": "success", "again[2]": "success", "again[3]": "success",
	}, b.instances(r))
	assert.Equal(t, []string{"0x", "y", "2x", "y"}, b.xcoms(r, "m"))
	assert.Equal(t, []string{"0x", "y", "2x", "y"}, b.xcoms(r, "again"))
	v, err := b.store.XCom(t.Context(), r.Key, "all", -1, "return_value")
	require.NoError(t, err)
	assert.JSONEq(t, `"['0x', 'y', '2x', 'y']"`, string(v))
}

// A result is data: what looks like a template in it is not rendered, while the constant
// parameters of the same task are.
func TestMappedOverResults(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["list"] = gives([]string{"{{ ds }}", "plain"})
	b.do["dict"] = gives(json.RawMessage(`{"z": 1, "a": 2}`))
	b.do["kwargs"] = gives([]map[string]string{{"text": "{{ ds }}"}, {"do": "other"}})
	b.do["keys"] = gives(map[string]any{"files": []string{"f"}, "n": 1})
	b.load(`
d:
  tasks:
    - {task_id: list, operator: probe, do: list}
    - {task_id: kwargs, operator: probe, do: kwargs}
    - {task_id: keys, operator: probe, do: keys, multiple_outputs: true}
    - {task_id: over, operator: probe, expand: {text: list.output}}
    - {task_id: each, operator: probe, text: "{{ ds_nodash }}", expand_kwargs: kwargs.output}
    - {task_id: one, operator: probe, expand: {text: "XcomArg(keys)['files']"}}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)})
	assert.Equal(t, dag.RunSuccess, r.State)
	assert.Equal(t, []string{"{{ ds }}", "plain"}, b.xcoms(r, "over"))
	assert.Equal(t, []string{"{{ ds }}", "20260131"}, b.xcoms(r, "each"))
	assert.Equal(t, []string{"f"}, b.xcoms(r, "one"))
}

// A number of a result keeps its digits on the way through a template, a mapping and native
// rendering.
func TestNumbersKeepTheirDigits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["rows"] = gives(json.RawMessage(`[4758.00, 12345678901234567890.12, 1.5]`))
	b.load(`
d:
  render_template_as_native_obj: true
  tasks:
    - {task_id: rows, operator: probe, do: rows}
    - {task_id: each, operator: native, expand: {value: rows.output}}
    - {task_id: text, operator: probe, text: "{{ ti.xcom_pull('rows') | sum }} {{ ti.xcom_pull('rows')[0] }}", dependencies: [rows]}
    - {task_id: one, operator: native, value: "{{ ti.xcom_pull('rows')[1] }}", dependencies: [rows]}
    - {task_id: literal, operator: native, value: "[1, 'a', None]"}
    - {task_id: digits, operator: probe, text: "{{ ds_nodash }}"}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)})
	assert.Equal(t, dag.RunSuccess, r.State)
	assert.Equal(t, `"12345678901234572649.62 4758.00"`, b.xcom(r, "text", "return_value"))
	assert.Equal(t, "12345678901234567890.12", b.xcom(r, "one", "return_value"))
	assert.Equal(t, `[1,"a",null]`, b.xcom(r, "literal", "return_value"))
	assert.Equal(t, `"20260131"`, b.xcom(r, "digits", "return_value"), "a parameter that takes text gets the text")
	assert.Equal(t, []string{"4758.00", "12345678901234567890.12", "1.5"}, b.xcoms(r, "each"))
}

// A float of native rendering, or of the file, is a float for all who read it, as in Python.
func TestFloatsStayFloats(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  render_template_as_native_obj: true
  tasks:
    - {task_id: one, operator: native, value: "{{ '1e3' }}"}
    - {task_id: deep, operator: native, value: {a: ["{{ 2 / 1 }}", 3.0, 4], b: "{{ 1e16 }}"}}
    - {task_id: reads, operator: probe, text: "{{ ti.xcom_pull('one') }} {{ ti.xcom_pull('deep')['a'] }}", dependencies: [one, deep]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)})
	assert.Equal(t, dag.RunSuccess, r.State)
	for task, want := range map[string]string{"one": `1000.0`, "deep": `{"a":[2.0,3.0,4],"b":1e+16}`} {
		assert.Equal(t, want, b.xcom(r, task, "return_value"))
		out, err := b.e.RenderedTry(t.Context(), r, task, -1, 1)
		require.NoError(t, err)
		assert.True(t, out.Kept)
		text, err := json.Marshal(out.Fields[0].Value)
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
	}
	assert.Equal(t, `"1000.0 [2.0, 3.0, 4]"`, b.xcom(r, "reads", "return_value"))
}

// What a task can be mapped over decides its states (Airflow, TaskMap.expand_mapped_task
// and MappedTaskUpstreamDep).
func TestMappedLengths(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result any
		err    error
		rule   string
		want   map[string]string
		state  dag.RunState
		text   string
	}{
		"two":         {result: []int{1, 2}, want: map[string]string{"m[0]": "success", "m[1]": "success", "end": "success"}, state: dag.RunSuccess},
		"a mapping":   {result: map[string]int{"k": 1}, want: map[string]string{"m[0]": "success", "end": "success"}, state: dag.RunSuccess},
		"JSON text":   {result: `{"k": 1}`, want: map[string]string{"m[0]": "success", "end": "success"}, state: dag.RunSuccess},
		"nothing":     {result: []int{}, want: map[string]string{"m": "skipped", "end": "skipped"}, state: dag.RunSuccess},
		"no list":     {result: "text", want: map[string]string{"up": "failed", "m": "upstream_failed", "end": "upstream_failed"}, state: dag.RunFailed, text: `task "m" is mapped over the result of this one, which is not a list, a mapping, or JSON of one: "text"`},
		"null":        {result: nil, want: map[string]string{"up": "failed", "m": "upstream_failed", "end": "upstream_failed"}, state: dag.RunFailed, text: `which is nothing`},
		"too many":    {result: []int{1, 2, 3, 4, 5}, want: map[string]string{"up": "failed", "m": "upstream_failed", "end": "upstream_failed"}, state: dag.RunFailed, text: "5 elements; 4 are allowed (max_map_length)"},
		"skipped":     {err: operator.Skip("no"), rule: "all_done", want: map[string]string{"up": "skipped", "m": "skipped", "end": "skipped"}, state: dag.RunSuccess},
		"failed":      {err: operator.Fail(errors.New("no")), rule: "all_done", want: map[string]string{"up": "failed", "m": "upstream_failed", "end": "upstream_failed"}, state: dag.RunFailed},
		"always, too": {result: []int{1}, rule: "always", want: map[string]string{"m[0]": "success", "end": "success"}, state: dag.RunSuccess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.o.MaxMapLength = 4
			b.stopStore()
			b.open()
			b.do["make"] = func(context.Context, *operator.TaskContext) (any, error) { return c.result, c.err }
			rule := c.rule
			if rule == "" {
				rule = "all_success"
			}
			b.load(fmt.Sprintf(`
d:
  tasks:
    - {task_id: up, operator: probe, do: make}
    - {task_id: m, operator: free, trigger_rule: %s, expand: {value: up.output}}
    - {task_id: end, operator: probe, dependencies: [m]}
`, rule))
			b.start(engine.RunOptions{})
			r := b.finish(engine.Trigger{})
			assert.Equal(t, c.state, r.State)
			got := b.instances(r)
			for label, state := range c.want {
				assert.Equal(t, state, got[label], label)
			}
			if c.want["up"] == "" {
				delete(got, "up")
			}
			assert.Len(t, got, len(c.want))
			is, err := b.store.Instances(t.Context(), r.Key)
			require.NoError(t, err)
			if c.text != "" {
				assert.Contains(t, is[0].Error, c.text)
			}
			for _, in := range is {
				assert.False(t, in.EndDate.IsZero(), in.Label())
			}
			if name == "nothing" {
				assert.Equal(t, "there is nothing to map over", b.instance(r, "m").Error)
			}
		})
	}
}

// A product that is too large fails the mapped task, with its callback and a log.
func TestMappedProductTooLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.MaxMapLength = 5
	b.stopStore()
	b.open()
	b.load(`
d:
  tasks:
    - {task_id: m, operator: probe, expand: {do: [a, b, c], text: [x, y]}, on_failure_callback: {callback: say, text: "{{ exception }}"}}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, dag.RunFailed, r.State)
	b.until("the message", func() bool { return len(b.sentSoFar()) == 1 })
	assert.Contains(t, b.sentSoFar()[0], "more than 5 instances")
	assert.Empty(t, b.ranSoFar())
}

// One instance that fails does not stop the others; each has its own tries and log.
func TestMappedInstancesAreTriedAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["second"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		if tc.MapIndex == 1 && tc.TryNumber < 3 {
			return nil, errors.New("not yet")
		}
		return tc.MapIndex, nil
	}
	b.load(`
d:
  tasks:
    - {task_id: m, operator: probe, do: second, retries: 2, retry_delay: 0.01, expand: {text: [a, b, c]}}
    - {task_id: one, operator: probe, dependencies: [m], trigger_rule: one_success}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, dag.RunSuccess, r.State)
	is, err := b.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	tries := map[string]int{}
	for _, in := range is {
		tries[in.Label()] = in.Try
	}
	assert.Equal(t, map[string]int{"m[0]": 1, "m[1]": 3, "m[2]": 1, "one": 1}, tries)
	assert.Contains(t, worker.LogPath(r, is[1], 0), "map_index=1")
}

// max_active_tis_per_dagrun bounds the instances of one run.
func TestMappedLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := b.meter()
	b.load("d:\n  tasks:\n    - {task_id: m, operator: probe, do: count, max_active_tis_per_dagrun: 2, expand: {text: [a, b, c, d, e]}}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("two run", func() bool { return m.running() == 2 })
	close(m.gate)
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, 2, m.most)
}

// After a crash in the middle of a mapped task only what was in flight is repeated.
func TestMappedSurvivesACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["list"] = gives([]string{"a", "b", "c"})
	var stuck atomic.Bool
	reached := make(chan struct{})
	b.do["hold"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		if tc.MapIndex == 1 && stuck.CompareAndSwap(false, true) {
			close(reached)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return tc.MapIndex, nil
	}
	b.load(`
d:
  tasks:
    - {task_id: list, operator: probe, do: list}
    - {task_id: m, operator: probe, do: hold, max_active_tis_per_dagrun: 1, expand: {text: list.output}}
    - {task_id: end, operator: probe, text: "{{ ti.xcom_pull(task_ids='m') | length }}", dependencies: [m]}
`)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-reached
	b.until("it is stored", func() bool { return b.instances(r)["m[1]"] == "running" })
	next := b.crash()
	next.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, next.ended1(r.Key).State)
	assert.Equal(t, []string{"m#1", "m#1", "end#1"}, next.ranSoFar(), "the one in flight and those that follow")
	assert.Equal(t, []string{"0", "1", "2"}, next.xcoms(r, "m"))
}

// A branch above a mapped task skips it, and one below it follows.
func TestMappedBelowABranch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  tasks:
    - {task_id: fork, operator: fork, to: [other]}
    - {task_id: m, operator: probe, expand: {text: [a, b]}, dependencies: [fork]}
    - {task_id: other, operator: probe, dependencies: [fork]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, map[string]string{"fork": "success", "m": "skipped", "other": "success"}, b.instances(r))
}

func TestTestMappedTask(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	defer b.stopStore()
	ds := b.load(`
d:
  tasks:
    - {task_id: m, operator: probe, expand: {text: [a, "{{ ti.map_index }}"]}}
    - {task_id: n, operator: probe, expand: {text: m.output}}
    - {task_id: o, operator: probe}
`)
	state, value, err := b.e.TestTask(t.Context(), ds[0], "m", 1, engine.Trigger{})
	require.NoError(t, err)
	assert.Equal(t, dag.Success, state)
	assert.JSONEq(t, `"1"`, string(value))
	fields, err := b.e.RenderTask(t.Context(), ds[0], "m", -1, engine.Trigger{})
	require.NoError(t, err)
	assert.Equal(t, []worker.RenderedField{{Name: "text", Value: "a"}}, fields)
	_, err = b.e.RenderTask(t.Context(), ds[0], "m", 2, engine.Trigger{})
	require.ErrorContains(t, err, "no element for map index 2")
	_, err = b.e.RenderTask(t.Context(), ds[0], "n", -1, engine.Trigger{})
	require.ErrorContains(t, err, `mapped over the result of task "m"`)
	_, err = b.e.RenderTask(t.Context(), ds[0], "o", 0, engine.Trigger{})
	require.ErrorContains(t, err, `is not mapped`)
}

// Whatever the lengths: there is one instance for each element of the product, and the
// last parameter changes fastest.
func TestMappedOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(engine.RunOptions{})
	list := func(letter string, n int) (out []string) {
		for k := range n {
			out = append(out, fmt.Sprint(letter, k))
		}
		return out
	}
	for n := range 9 {
		one, two := list("a", 1+n/3), list("b", 1+n%3)
		b.load(fmt.Sprintf("d:\n  tasks:\n    - {task_id: m, operator: probe, expand: {do: [%s], text: [%s]}, map_index_template: '{{ task.do }}{{ task.text }}'}\n",
			strings.Join(one, ","), strings.Join(two, ",")))
		r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC)})
		var want, got []string
		for _, x := range one {
			for _, y := range two {
				want = append(want, x+y)
			}
		}
		is, err := b.store.Instances(t.Context(), r.Key)
		require.NoError(t, err)
		slices.SortFunc(is, func(a, b *store.Instance) int { return a.MapIndex - b.MapIndex })
		for _, in := range is {
			got = append(got, in.RenderedMapIndex)
		}
		require.Equal(t, want, got)
	}
}

// A cleared mapped task is expanded anew: what is no longer there is removed, what is new
// is added, and what follows sees the results of those that are (Airflow, "removed").
func TestMappedIsExpandedAnewWhenCleared(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var lengths atomic.Int64
	b.do["list"] = func(context.Context, *operator.TaskContext) (any, error) {
		return slices.Repeat([]string{"x"}, int(lengths.Load())), nil
	}
	lengths.Store(3)
	b.load(`
d:
  tasks:
    - {task_id: list, operator: probe, do: list}
    - {task_id: m, operator: probe, expand: {text: list.output}}
    - {task_id: end, operator: probe, text: "{{ ti.xcom_pull('m') }}", trigger_rule: none_failed, dependencies: [m]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.JSONEq(t, `"['x', 'x', 'x']"`, b.xcom(r, "end", "return_value"))
	for _, c := range []struct {
		length int64
		want   map[string]string
		pulled string
	}{
		{1, map[string]string{"m[0]": "success", "m[1]": "removed", "m[2]": "removed"}, `"['x']"`},
		{0, map[string]string{"m[0]": "skipped", "m[1]": "removed", "m[2]": "removed"}, `"[]"`},
		{4, map[string]string{"m[0]": "success", "m[1]": "success", "m[2]": "success", "m[3]": "success"}, `"['x', 'x', 'x', 'x']"`},
	} {
		lengths.Store(c.length)
		_, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
		require.NoError(t, err)
		assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
		got := b.instances(r)
		delete(got, "list")
		delete(got, "end")
		assert.Equal(t, c.want, got)
		assert.JSONEq(t, c.pulled, b.xcom(r, "end", "return_value"))
	}
	// A skipped one that had no instances before takes none of their places.
	lengths.Store(0)
	r = b.finish(engine.Trigger{RunID: "fresh"})
	assert.Equal(t, "skipped", b.instances(r)["m"])
	lengths.Store(2)
	_, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: "fresh"})
	require.NoError(t, err)
	b.ended1(r.Key)
	got := b.instances(r)
	assert.Equal(t, "removed", got["m"])
	assert.Equal(t, "success", got["m[1]"])
	assert.JSONEq(t, `"['x', 'x']"`, b.xcom(r, "end", "return_value"))
}

// fail_fast stops the other instances of a mapped task, running or waiting, and what
// comes after it; teardowns run all the same.
func TestFailFastWithAMappedTask(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := make(chan struct{}, 9)
	b.do["odd"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		if tc.MapIndex == 1 {
			<-begun
			return nil, operator.Fail(errors.New("broken"))
		}
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b.load(`
d:
  fail_fast: true
  max_active_tasks: 2
  tasks:
    - {task_id: s, operator: probe, setup: true}
    - {task_id: m, operator: probe, do: odd, expand: {text: [a, b, c, d]}, dependencies: [s]}
    - {task_id: after, operator: probe, expand: {text: [a, b]}, dependencies: [m]}
    - {task_id: t, operator: probe, teardown: true, dependencies: [after, s], trigger_rule: all_done_setup_success}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, map[string]string{
		"s": "success", "m[0]": "failed", "m[1]": "failed", "m[2]": "skipped", "m[3]": "skipped", "after": "skipped", "t": "success",
	}, b.instances(r))
}
