package engine_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

// looks makes the behaviour "look" answer with the given errors, one for each look, and
// then with success.
func (b *bench) looks(errs ...error) {
	n := 0
	b.do["look"] = func(context.Context, *operator.TaskContext) (any, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		n++
		if n <= len(errs) {
			return nil, errs[n-1]
		}
		return "found", nil
	}
}

func TestSensor(t *testing.T) {
	t.Parallel()
	notYet, broken, final := operator.NotYet(), errors.New("broken"), operator.Fail(errors.New("final"))
	for name, c := range map[string]struct {
		keys  string
		looks []error
		want  string
		ran   int
	}{
		"finds at once":                  {"", nil, "success", 1},
		"finds later":                    {"", []error{notYet, notYet}, "success", 3},
		"rescheduled":                    {"mode: reschedule, ", []error{notYet, notYet}, "success", 3},
		"timeout fails, without a retry": {"timeout: 0.0, retries: 2, ", []error{notYet, notYet, notYet}, "failed", 1},
		"soft_fail on timeout":           {"timeout: 0.0, soft_fail: true, ", []error{notYet}, "skipped", 1},
		"error is retried":               {"retries: 1, retry_delay: 0.01, ", []error{broken}, "success", 2},
		"soft_fail leaves other errors":  {"soft_fail: true, ", []error{broken}, "failed", 1},
		"soft_fail on a final failure":   {"soft_fail: true, ", []error{final}, "skipped", 1},
		"never_fail":                     {"never_fail: true, ", []error{broken}, "skipped", 1},
		"never_fail leaves the timeout":  {"never_fail: true, timeout: 0.0, ", []error{notYet}, "failed", 1},
		"silent_fail":                    {"silent_fail: true, ", []error{broken, broken}, "success", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.looks(c.looks...)
			b.load("d:\n  tasks:\n    - {task_id: s, operator: sensor, do: look, poke_interval: 0.01, " + c.keys + "owner: x}\n")
			b.start(engine.RunOptions{})
			r := b.finish(engine.Trigger{})
			assert.Equal(t, map[string]string{"s": c.want}, b.states(r))
			assert.Len(t, b.ranSoFar(), c.ran)
		})
	}
}

// A retry does not begin the timeout anew; clearing does.
func TestRetryKeepsTheTimeoutOfASensor(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"poke", "reschedule"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.o.Beat = time.Second
				b.stopStore()
				b.open()
				looks := 0
				b.do["look"] = func(context.Context, *operator.TaskContext) (any, error) {
					if looks++; looks%3 == 0 {
						return nil, errors.New("a look that failed")
					}
					return nil, operator.NotYet()
				}
				b.load("d:\n  tasks:\n    - {task_id: s, operator: sensor, do: look, mode: " + mode + ", poke_interval: 10, timeout: 60, retries: 9, retry_delay: 5}\n")
				b.start(engine.RunOptions{})
				took := func() time.Duration {
					<-time.After(2 * time.Minute)
					synctest.Wait()
					is, err := b.store.Instances(t.Context(), 1)
					require.NoError(t, err)
					assert.Equal(t, "the sensor has waited for its timeout of 1m0s", is[0].Error)
					return is[0].EndDate.Sub(is[0].FirstStart).Round(time.Second)
				}
				r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
				require.NoError(t, err)
				assert.Equal(t, time.Minute, took())
				_, err = b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
				require.NoError(t, err)
				assert.Equal(t, time.Minute, took())
				assert.Greater(t, len(b.ranSoFar()), 4, "it was retried")
				b.stop()
			})
		})
	}
}

// People who ask hear what a sensor waits for, in both modes, as the last look of its present
// try says, without secrets.
func TestWhySaysWhatASensorWaitsFor(t *testing.T) {
	t.Parallel()
	for mode, begin := range map[string]string{"poke": `^try \d of 9 looks since \S+; `, "reschedule": `^the sensor looks again at \S+: `} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			var says atomic.Pointer[error]
			say := func(err error) { says.Store(&err) }
			b.do["look"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, *says.Load() }
			b.load("d:\n  tasks:\n    - {task_id: s, operator: sensor, do: look, mode: " + mode + ", poke_interval: 0.1, retries: 8, retry_delay: 0.01}\n")
			b.start(engine.RunOptions{})
			say(operator.NotYetBecause("waiting for hunter22"))
			r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
			require.NoError(t, err)
			why := func(reason string) {
				t.Helper()
				want := regexp.MustCompile(begin + reason + "$")
				b.until(reason, func() bool {
					whys, err := b.e.WhyTask(t.Context(), r, "s")
					require.NoError(t, err)
					return len(whys) == 1 && want.MatchString(whys[0].Reason.String())
				})
			}
			why(`waiting for \*\*\*`)
			say(operator.NotYetBecause("waiting for another"))
			why("waiting for another")
			if mode == "reschedule" {
				return
			}
			say(errors.New("broken"))
			b.until("another try", func() bool { return slices.Contains(b.ranSoFar(), "s#2") })
			say(operator.NotYet())
			why("what it waits for is in dingdag tasks logs d s")
		})
	}
}

// A sensor in mode reschedule holds no worker while it waits, keeps its try, and its
// timeout counts from the first look, also over a restart.
func TestRescheduledSensorHoldsNoWorker(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Workers = 1
	b.stopStore()
	b.open()
	b.looks(operator.NotYet(), operator.NotYet())
	b.load("d:\n  tasks:\n    - {task_id: s, operator: sensor, do: look, mode: reschedule, poke_interval: 1, timeout: 1h}\n    - {task_id: other, operator: probe}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("it waits and the other has run", func() bool {
		s := b.states(r)
		return s["s"] == "up_for_reschedule" && s["other"] == "success"
	})
	is, err := b.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	first := is[0].StartDate

	next := b.crash()
	next.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, next.ended1(r.Key).State)
	is, err = next.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, 1, is[0].Try)
	assert.Equal(t, first, is[0].StartDate)
	assert.Greater(t, is[0].EndDate.Sub(first), time.Second)
}

// An operator that can't do its work now holds no worker and no try until it can, and people who
// ask hear why.
func TestComeAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Workers = 1
	b.stopStore()
	b.open()
	b.looks(operator.ComeAgain(time.Hour, "the robot is busy until hunter22"))
	b.load("d:\n  tasks:\n    - {task_id: s, operator: probe, do: look}\n    - {task_id: other, operator: probe}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("it waits and the other has run", func() bool {
		s := b.states(r)
		return s["s"] == "up_for_reschedule" && s["other"] == "success"
	})
	whys, err := b.e.WhyTask(t.Context(), r, "s")
	require.NoError(t, err)
	require.Len(t, whys, 1)
	assert.Regexp(t, `^it goes on at \S+: the robot is busy until \*\*\*$`, whys[0].Reason.String())
	is, err := b.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	assert.InDelta(t, time.Hour, is[0].RetryAt.Sub(is[0].StartDate), float64(time.Minute))

	b.looks(operator.ComeAgain(10*time.Millisecond, "again"), operator.ComeAgain(0, "without a time"))
	_, err = b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, TaskRegex: "^s$"})
	require.NoError(t, err)
	b.until("it waits for a minute", func() bool {
		is, err = b.store.Instances(t.Context(), r.Key)
		require.NoError(t, err)
		return is[0].State == dag.UpForReschedule && is[0].Error == "without a time"
	})
	assert.InDelta(t, time.Minute, is[0].RetryAt.Sub(is[0].StartDate), float64(10*time.Second))
	assert.Equal(t, 2, is[0].Try, "only clear has counted")
}

const fork = `
d:
  task_groups: [{group_name: g}]
  tasks:
    - {task_id: pick, operator: probe, do: pick}
    - {task_id: a, operator: probe, dependencies: [pick]}
    - {task_id: b, operator: probe, dependencies: [pick]}
    - {task_id: m, operator: probe, dependencies: [pick], task_group_name: g}
    - {task_id: after_a, operator: probe, dependencies: [a]}
    - {task_id: join, operator: probe, dependencies: [pick, a, b], trigger_rule: none_failed_min_one_success}
    - {task_id: end, operator: probe, dependencies: [join, after_a, g], trigger_rule: all_done}
`

func TestBranch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pick any
		want map[string]string
		xcom string
	}{
		"one": {operator.Branch{TaskIDs: []string{"a"}}, map[string]string{
			"pick": "success", "a": "success", "after_a": "success", "b": "skipped", "g.m": "skipped", "join": "success", "end": "success",
		}, `"a"`},
		"two, one by its group": {operator.Branch{TaskIDs: []string{"b", "g"}}, map[string]string{
			"pick": "success", "a": "skipped", "after_a": "skipped", "b": "success", "g.m": "success", "join": "success", "end": "success",
		}, `["b","g"]`},
		"the join itself": {operator.Branch{TaskIDs: []string{"join"}}, map[string]string{
			"pick": "success", "a": "skipped", "after_a": "skipped", "b": "skipped", "g.m": "skipped", "join": "success", "end": "success",
		}, `"join"`},
		"none": {operator.Branch{}, map[string]string{
			"pick": "success", "a": "skipped", "after_a": "skipped", "b": "skipped", "g.m": "skipped", "join": "skipped", "end": "success",
		}, ``},
		"an empty list": {operator.Branch{TaskIDs: []string{}, AsList: true}, map[string]string{
			"pick": "success", "a": "skipped", "after_a": "skipped", "b": "skipped", "g.m": "skipped", "join": "skipped", "end": "success",
		}, `[]`},
		"short circuit": {operator.SkipDownstream{Value: false}, map[string]string{
			"pick": "success", "a": "skipped", "after_a": "skipped", "b": "skipped", "g.m": "skipped", "join": "skipped", "end": "skipped",
		}, `false`},
		"direct only": {operator.SkipDownstream{DirectOnly: true}, map[string]string{
			"pick": "success", "a": "skipped", "after_a": "skipped", "b": "skipped", "g.m": "skipped", "join": "skipped", "end": "success",
		}, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.do["pick"] = func(context.Context, *operator.TaskContext) (any, error) { return c.pick, nil }
			b.load(fork)
			b.start(engine.RunOptions{})
			r := b.finish(engine.Trigger{})
			assert.Equal(t, c.want, b.states(r))
			v, err := b.store.XCom(t.Context(), r.Key, "pick", -1, "return_value")
			require.NoError(t, err)
			assert.Equal(t, c.xcom, string(v))
		})
	}
}

func TestBranchToNowhereFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["pick"] = func(context.Context, *operator.TaskContext) (any, error) {
		return operator.Branch{TaskIDs: []string{"after_a"}}, nil
	}
	b.load(fork)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	is, err := b.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, dag.Failed, is[0].State)
	assert.Contains(t, is[0].Error, `branch chose "after_a", which is not a task or group directly downstream of "pick"; there are a, b, g.m, join`)
}

func TestTasksReachOtherRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	at := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	var first, second string
	var again error
	var states map[string]string
	b.do["reach"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		var err error
		if first, err = tc.Runs.Trigger(ctx, operator.TriggerRequest{DAGID: "other", LogicalDate: at}); err != nil {
			return nil, err
		}
		_, again = tc.Runs.Trigger(ctx, operator.TriggerRequest{DAGID: "other", LogicalDate: at})
		for {
			if second, err = tc.Runs.RunState(ctx, "other", first); err != nil || second == "success" {
				break
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
		states, err = tc.Runs.States(ctx, "other", at, []string{"t", "nothing"})
		return nil, err
	}
	b.load("d:\n  tasks: [{task_id: r, operator: probe, do: reach}]\nother:\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, dag.RunSuccess, r.State)
	assert.Equal(t, "manual__2026-01-31T00:00:00+00:00", first)
	assert.ErrorIs(t, again, operator.ErrRunExists)
	assert.Equal(t, map[string]string{"t": "success", "nothing": "none"}, states)
}

// trigger_dagrun with reset_dag_run runs a finished run again, from its first task.
func TestResetRunsAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  tasks:\n    - {task_id: a, operator: probe, text: x}\n    - {task_id: b, operator: probe, dependencies: [a]}\n")
	b.start(engine.RunOptions{})
	at := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	first := b.finish(engine.Trigger{LogicalDate: at})
	again := b.finish(engine.Trigger{LogicalDate: at, Reset: true})
	assert.Equal(t, first.Key, again.Key)
	assert.Equal(t, dag.RunSuccess, again.State)
	assert.Equal(t, []string{"a#1", "b#1", "a#2", "b#2"}, b.ranSoFar())
}

func TestRunWithoutLogicalDate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  tasks: [{task_id: t, operator: probe, text: '{{ logical_date is defined }}'}]\n")
	b.start(engine.RunOptions{})
	one := b.finish(engine.Trigger{NoLogicalDate: true})
	two := b.finish(engine.Trigger{NoLogicalDate: true})
	assert.Regexp(t, `^manual__.*_[a-z0-9]{8}$`, one.RunID)
	assert.NotEqual(t, one.RunID, two.RunID)
	assert.True(t, one.LogicalDate.IsZero())
	v, err := b.store.XCom(t.Context(), one.Key, "t", -1, "return_value")
	require.NoError(t, err)
	assert.Equal(t, `"False"`, string(v))
}
