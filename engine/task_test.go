package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
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
)

// returns makes a behaviour give back a value.
func (b *bench) returns(name string, v any) {
	b.do[name] = func(context.Context, *operator.TaskContext) (any, error) { return v, nil }
}

func (b *bench) xcom(r *store.Run, task, key string) string {
	b.t.Helper()
	v, err := b.store.XCom(context.Background(), r.Key, task, -1, key)
	require.NoError(b.t, err)
	return string(v)
}

// What a task returns is its XCom, unless it is nothing or is not wanted; a mapping is
// pushed by its keys too with multiple_outputs.
func TestResultsArePushed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.returns("pair", map[string]any{"a": 1, "b": []int{2}})
	b.returns("nothing", nil)
	b.returns("text", "x")
	b.load(`
d:
  tasks:
    - {task_id: pair, operator: probe, do: pair, multiple_outputs: true}
    - {task_id: plain, operator: probe, do: pair}
    - {task_id: nothing, operator: probe, do: nothing, multiple_outputs: true}
    - {task_id: unwanted, operator: probe, do: text, do_xcom_push: false}
    - {task_id: wrong, operator: probe, do: text, multiple_outputs: true}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, map[string]string{"pair": "success", "plain": "success", "nothing": "success", "unwanted": "success", "wrong": "failed"}, b.states(r))
	assert.JSONEq(t, `{"a": 1, "b": [2]}`, b.xcom(r, "pair", "return_value"))
	assert.Equal(t, "1", b.xcom(r, "pair", "a"))
	assert.Equal(t, "[2]", b.xcom(r, "pair", "b"))
	assert.Empty(t, b.xcom(r, "plain", "a"))
	for _, task := range []string{"nothing", "unwanted", "wrong"} {
		assert.Empty(t, b.xcom(r, task, "return_value"), task)
	}
	is, err := b.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	for _, in := range is {
		if in.TaskID == "wrong" {
			assert.Equal(t, "multiple_outputs: the result is not a mapping: return one, or leave multiple_outputs out", in.Error)
		}
	}
}

// A task that runs again begins without its XComs; what it pulls comes in the order in
// which it asks.
func TestXComsOfANewTry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var ran atomic.Bool
	b.do["first only"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		v, err := tc.XCom.Pull(ctx, "a", "return_value")
		if err != nil || v != nil {
			return nil, errors.New("the XCom of the try before is there")
		}
		if ran.CompareAndSwap(false, true) {
			return "old", nil
		}
		return nil, nil
	}
	b.load(`
d:
  tasks:
    - {task_id: a, operator: probe, do: first only}
    - {task_id: b, operator: probe, text: two}
    - {task_id: c, operator: probe, text: "{{ ti.xcom_pull(task_ids=['b', 'a', 'none']) }} {{ ti.xcom_pull(task_ids='a', default='gone') }}", dependencies: [a, b]}
`)
	b.start(engine.RunOptions{})
	at := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	r := b.finish(engine.Trigger{LogicalDate: at})
	assert.JSONEq(t, `"['two', 'old', None] old"`, b.xcom(r, "c", "return_value"))
	r = b.finish(engine.Trigger{LogicalDate: at, Reset: true})
	assert.Equal(t, dag.RunSuccess, r.State)
	assert.JSONEq(t, `"['two', None, None] gone"`, b.xcom(r, "c", "return_value"))
}

// Section 8.1: which callbacks fire for what, each list in its order.
func TestCallbacksFire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, operator.Fail(errors.New("no")) }
	b.do["skip"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, operator.Skip("not today") }
	b.do["pick"] = func(context.Context, *operator.TaskContext) (any, error) {
		return operator.Branch{TaskIDs: []string{"end"}}, nil
	}
	b.load(`
d:
  on_success_callback: {callback: say, text: "{{ reason }} {{ dag_run.state }}"}
  on_failure_callback: say
  default_args:
    on_success_callback: [{callback: say, text: one}, {callback: say, text: two}]
    on_failure_callback: say
    on_skipped_callback: say
    on_retry_callback: say
  tasks:
    - {task_id: fails, operator: probe, do: fail, retries: 3, on_success_callback: null}
    - {task_id: upstream_failed, operator: probe, dependencies: [fails]}
    - {task_id: skips, operator: probe, do: skip, retries: 3, dependencies: [fails], trigger_rule: all_done}
    - {task_id: skipped, operator: probe, dependencies: [skips]}
    - {task_id: pick, operator: probe, do: pick, dependencies: [skipped], trigger_rule: all_done, on_success_callback: null}
    - {task_id: not_chosen, operator: probe, dependencies: [pick]}
    - {task_id: end, operator: probe, dependencies: [pick, not_chosen], trigger_rule: all_done}
    - {task_id: last, operator: nop, dependencies: [end, upstream_failed], trigger_rule: all_done, on_success_callback: null}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	require.Equal(t, dag.RunSuccess, r.State, b.states(r))
	want := []string{"on_failure fails said", "on_skipped skips said", "on_success end one", "on_success end two", "on_success  success success"}
	b.until("the last message", func() bool { return strings.Contains(strings.Join(b.sentSoFar(), "\n"), "success success") })
	assert.Equal(t, want, b.sentSoFar())
}

// Section 8.2: what a callback of a task and of a run may name.
func TestCallbackContext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["second fails"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		if tc.LogicalDate.Day() == 2 {
			return nil, operator.Fail(errors.New("oh no"))
		}
		return nil, nil
	}
	const run = "{{ dag.dag_id }}|{{ run_id }}|{{ dag_run.run_type }}|{{ logical_date | ts }}|{{ ds }}|{{ ds_nodash }}|{{ ts }}|{{ ts_nodash }}|{{ ts_nodash_with_tz }}|" +
		"{{ data_interval_start | ts }}|{{ data_interval_end | ts }}|{{ prev_data_interval_start_success | ds }}|{{ prev_data_interval_end_success | ds }}|" +
		"{{ prev_start_date_success is none }}|{{ prev_end_date_success is none }}|{{ params.p }}|{{ dag_run.conf.p }}|{{ macros.ds_add(ds, 1) }}"
	const task = "{{ task.task_id }}|{{ ti.task_id }}|{{ task_instance.run_id }}|{{ exception }}|{{ ti.try_number }}/{{ ti.max_tries }}|{{ ti.state }}|" +
		"{{ ti.start_date is none }}|{{ ti.end_date is none }}|{{ ti.duration is number }}|{{ ti.hostname | length > 0 }}|{{ ti.log_url | length > 0 }}|{{ ti.map_index }}|{{ task_instance_key_str }}"
	b.load(`
d:
  schedule: {cron: "@daily", mode: interval}
  params: {p: 1}
  on_failure_callback: {callback: say, text: "` + run + `|{{ reason }}"}
  tasks:
    - {task_id: t, operator: probe, do: second fails, on_failure_callback: {callback: say, text: "` + run + `|` + task + `"}}
`)
	b.start(engine.RunOptions{})
	day := func(n int) engine.Trigger {
		return engine.Trigger{LogicalDate: time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC), Conf: json.RawMessage(`{"p": 7}`)}
	}
	b.finish(day(1))
	b.finish(day(2))
	b.until("both messages", func() bool { return len(b.sentSoFar()) == 2 })
	const wantRun = "d|manual__2026-01-02T00:00:00+00:00|manual|2026-01-02T00:00:00+00:00|2026-01-02|20260102|2026-01-02T00:00:00+00:00|20260102T000000|20260102T000000+0000|" +
		"2026-01-01T00:00:00+00:00|2026-01-02T00:00:00+00:00|2025-12-31|2026-01-01|False|False|7|7|2026-01-03"
	assert.Equal(t, []string{
		"on_failure t " + wantRun + "|t|t|manual__2026-01-02T00:00:00+00:00|oh no|1/1|failed|False|False|True|True|True|-1|d__t__20260102",
		"on_failure  " + wantRun + "|task_failure",
	}, b.sentSoFar())
}

// With pages ti.log_url is that of the try, as in Airflow, and events lead there too.
func TestMessagesLeadToPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.restartWith(func(o *engine.Options) { o.Pages = "https://dag.example.com/x" })
	b.do["fails"] = func(context.Context, *operator.TaskContext) (any, error) {
		return nil, operator.Fail(errors.New("oh no"))
	}
	b.load(`
d:
  on_failure_callback: {callback: say, text: "{{ ti.log_url }}"}
  tasks:
    - {task_id: t, operator: probe, do: fails, text: "{{ ti.log_url }}", on_failure_callback: {callback: say, text: "{{ ti.log_url }} {{ ti.mark_success_url == ti.log_url }}"}}
`)
	b.start(engine.RunOptions{})
	b.finish(engine.Trigger{RunID: "r1"})
	b.until("both messages", func() bool { return len(b.sentSoFar()) == 2 })
	const page = "https://dag.example.com/x/dags/d/runs/r1/tasks/t?try_number=1"
	assert.Equal(t, []string{"on_failure t " + page + " True", "on_failure  " + page}, b.sentSoFar())
}

// Params: conf goes before the task's, those before the DAG's; what conf has besides is
// reachable as dag_run.conf.
func TestParamsOfATask(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  params: {a: dag, b: dag, c: dag}
  user_defined_macros: {region: 7, limits: {rows: 3}}
  tasks:
    - {task_id: t, operator: probe, params: {b: task, c: task}, text: "{{ params.a }} {{ params.b }} {{ params.c }} {{ dag_run.conf.more }} {{ region }} {{ limits.rows + 1 }}"}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{Conf: json.RawMessage(`{"c": "conf", "more": "besides"}`)})
	assert.JSONEq(t, `"dag task conf besides 7 4"`, b.xcom(r, "t", "return_value"))
}

// The order of the keys is that of the file, as with a dict of Python: SQL and messages are
// built by loops over params.
func TestOrderOfParams(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  params: {zeta: 1, needed: {__type__: airflow.sdk.Param, type: string}, alpha: {z: 1, a: 2.0, m: {y: 1, b: [{d: 1, c: 2}]}}}
  user_defined_macros: {rates: {z: 1, a: 2.0}}
  tasks:
    - task_id: t
      operator: probe
      params: {own: 1, also: 2, zeta: 5}
      text: "{{ params }} {{ rates }} {% for k, v in rates.items() %}{{ k }}={{ v }} {% endfor %}"
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{Conf: json.RawMessage(`{"more": {"b": 1, "a": 2}, "alpha": 0, "last": 1, "needed": "x", "alpha": {"z": 1, "a": 2.0}}`)})
	assert.JSONEq(t, `"{'zeta': 5, 'needed': 'x', 'alpha': {'z': 1, 'a': 2.0}, 'own': 1, 'also': 2, 'more': {'b': 1, 'a': 2}, 'last': 1} {'z': 1, 'a': 2.0} z=1 a=2.0 "`,
		b.xcom(r, "t", "return_value"))
}

// A template that fails is a try that failed: it is retried, rendered again, and tells
// those who want to know. One that comes to nothing is an empty text.
func TestRendering(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`
d:
  tasks:
    - {task_id: broken, operator: probe, text: "{{ params.nope }}", retries: 1, retry_delay: 0.01, on_retry_callback: say, on_failure_callback: say}
    - {task_id: again, operator: probe, text: "{{ 'good' if ti.try_number == 2 else nope }}", retries: 1, retry_delay: 0.01}
    - {task_id: empty, operator: probe, text: "{{ '' }}"}
    - {task_id: defined, operator: probe, text: "{{ nope is defined }} {{ nope | default('d') }}"}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, map[string]string{"broken": "failed", "again": "success", "empty": "success", "defined": "success"}, b.states(r))
	assert.JSONEq(t, `"good"`, b.xcom(r, "again", "return_value"))
	assert.JSONEq(t, `"False d"`, b.xcom(r, "defined", "return_value"))
	assert.NotContains(t, b.xcom(r, "empty", "return_value"), "{{", "the template itself is never what was meant")
	b.until("both messages", func() bool { return len(b.sentSoFar()) == 2 })
	assert.Equal(t, []string{"on_retry broken said", "on_failure broken said"}, b.sentSoFar())
}

// At most as many attempts run at once as there are workers (Airflow, parallelism).
func TestWorkersBoundAllDAGs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Workers = 2
	b.stopStore()
	b.open()
	m := b.meter()
	b.load("d:\n  tasks:\n    - {task_id: a, operator: probe, do: count}\n    - {task_id: b, operator: probe, do: count}\n    - {task_id: c, operator: probe, do: count}\n")
	b.start(engine.RunOptions{})
	keys := b.days(2)
	b.until("two run", func() bool { return m.running() == 2 })
	close(m.gate)
	for _, k := range keys {
		assert.Equal(t, dag.RunSuccess, b.ended1(k).State)
	}
	assert.Equal(t, 2, m.most)
}

// A task that wants more slots than its pool has never runs; -1 slots are no bound.
func TestPoolSizes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, slots := range map[string]int{"small": 1, "endless": -1} {
		require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
			return tx.PutPool(t.Context(), &store.Pool{Name: name, Slots: slots})
		}))
	}
	b.load("d:\n  tasks:\n    - {task_id: large, operator: probe, pool: small, pool_slots: 2}\n    - {task_id: fits, operator: probe, pool: small}\n    - {task_id: many, operator: probe, pool: endless, pool_slots: 500}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("the others ran", func() bool { s := b.states(r); return s["fits"] == "success" && s["many"] == "success" })
	assert.Equal(t, "scheduled", b.states(r)["large"])
}

// The next run of @continuous begins when one has ended, where that one's interval ends.
func TestContinuous(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  schedule: '@continuous'\n  max_active_runs: 1\n  start_date: 2026-01-01\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{Schedule: true})
	rs := b.untilRuns(4)
	assert.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), rs[0].IntervalStart)
	for i := 1; i < 4; i++ {
		assert.Equal(t, rs[i-1].IntervalEnd, rs[i].IntervalStart)
		assert.False(t, rs[i].QueuedAt.Before(rs[i-1].EndDate), "after the end of the one before")
	}
}

// A manual run's data interval is the last complete one, in trigger mode the moment.
func TestManualRunsInterval(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	defer b.stopStore()
	at := time.Date(2026, 1, 31, 13, 10, 0, 0, time.UTC)
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	now := at.Add(time.Hour)
	for schedule, want := range map[string][2]time.Time{
		"{cron: '@daily', mode: interval}": {day.AddDate(0, 0, -1), day},
		"{every: 6h, mode: interval}":      {at.Add(-6 * time.Hour), at},
		"'@daily'":                         {at, at},
		"{every: 6h}":                      {at, at},
		"null":                             {at, at},
	} {
		ds := b.load("d:\n  schedule: " + schedule + "\n  tasks: [{task_id: t, operator: probe}]\n")
		r, err := (&engine.Trigger{LogicalDate: at}).NewRun(ds[0], now, time.Millisecond)
		require.NoError(t, err)
		assert.Equal(t, want, [2]time.Time{r.IntervalStart, r.IntervalEnd}, schedule)
		assert.Equal(t, at, r.LogicalDate)
		assert.Equal(t, now, r.RunAfter)
	}
}

// nativeOp gives back what its template comes to.
type nativeOp struct {
	// Value is anything.
	Value any `yaml:"value" param:"template"`
}

// Execute returns the value.
func (o *nativeOp) Execute(context.Context, *operator.TaskContext) (any, error) { return o.Value, nil }

// With render_template_as_native_obj a template gives its value.
func TestNativeRendering(t *testing.T) {
	t.Parallel()
	for native, want := range map[string]string{"true": `[1,2]`, "false": `"[1, 2]"`} {
		b := newBench(t)
		b.load("d:\n  params: {ids: [1, 2]}\n  render_template_as_native_obj: " + native + "\n  tasks: [{task_id: t, operator: native, value: '{{ params.ids }}'}]\n")
		b.start(engine.RunOptions{})
		r := b.finish(engine.Trigger{})
		assert.Equal(t, want, b.xcom(r, "t", "return_value"), native)
	}
}

// latest_only asks whether a newer run is due; manual runs are always the latest.
func TestLatestOnlyKnowsTheNewestRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at("2026-03-03T12:00:00Z")
	b.do["latest"] = func(_ context.Context, tc *operator.TaskContext) (any, error) { return tc.Latest, nil }
	b.load("d:\n  schedule: '@daily'\n  start_date: 2026-03-01\n  catchup: true\n  tasks: [{task_id: t, operator: probe, do: latest}]\n")
	b.start(engine.RunOptions{Schedule: true})
	var latest []string
	for _, r := range b.untilRuns(3) {
		latest = append(latest, b.xcom(r, "t", "return_value"))
	}
	assert.Equal(t, []string{"false", "false", "true"}, latest)
	manual := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)})
	assert.Equal(t, "true", b.xcom(manual, "t", "return_value"))
	done, err := b.e.CreateBackfill(t.Context(), "d", engine.BackfillRequest{From: march(1).AddDate(0, 0, -1), To: march(3), Reprocess: store.ReprocessCompleted})
	require.NoError(t, err)
	b.untilCompleted(done.Backfill.ID)
	latest = nil
	for _, r := range b.runs() {
		if r.Type == dag.BackfillRun {
			latest = append(latest, b.xcom(r, "t", "return_value"))
		}
	}
	assert.Equal(t, []string{"false", "false", "false", "true"}, latest, "only runs by hand are exempt")
}

// The rules of weights, with one slot: downstream counts what is below, upstream what is
// above, absolute nothing else; of equal weights the first one goes first.
func TestPriorityRules(t *testing.T) {
	t.Parallel()
	const chain = `
    - {task_id: a1, operator: probe}
    - {task_id: a2, operator: probe, dependencies: [a1]}
    - {task_id: a3, operator: probe, dependencies: [a2]}
    - {task_id: b, operator: probe, priority_weight: 2}
`
	for rule, want := range map[string]string{
		"downstream": "a1 b a2 a3", // 3, then 2 beside 2, which came first
		"upstream":   "b a1 a2 a3", // 2 before 1
		"absolute":   "b a1 a2 a3",
	} {
		b := newBench(t)
		b.o.Workers = 1
		b.stopStore()
		b.open()
		b.load("d:\n  max_active_tasks: 1\n  default_args: {weight_rule: " + rule + "}\n  tasks:" + chain)
		b.start(engine.RunOptions{})
		b.finish(engine.Trigger{})
		assert.Equal(t, want, strings.ReplaceAll(strings.Join(b.ranSoFar(), " "), "#1", ""), rule)
	}
}

// An attempt whose log can't be opened fails and is told, and its worker is free.
func TestTaskWithoutALogFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Workers = 1
	b.stopStore()
	b.open()
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, retries: 1, retry_delay: 1ms, on_failure_callback: {callback: say, text: '{{ exception }}'}}\n    - {task_id: u, operator: probe}\n")
	require.NoError(t, os.MkdirAll(filepath.Join(b.dir, "logs", "dag_id=d", "run_id=r"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "logs", "dag_id=d", "run_id=r", "task_id=t"), nil, 0o600))
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{RunID: "r"})
	assert.Equal(t, dag.RunFailed, r.State)
	assert.Equal(t, map[string]string{"t": "failed", "u": "success"}, b.states(r))
	assert.Equal(t, []string{"u#1"}, b.ranSoFar())
	sent := b.told(1)
	assert.Regexp(t, "^on_failure t open task log: .*/task_id=t/?.*: not a directory$", sent[0])
}
