package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

// breaks makes the behaviour "break" fail while the name of the instance is among those that
// the function it returns was told last.
func (b *bench) breaks() (set func(names ...string)) {
	var mu sync.Mutex
	var broken []string
	b.do["break"] = func(_ context.Context, tc *operator.TaskContext) (any, error) {
		name := tc.TaskID
		if tc.MapIndex >= 0 {
			name = fmt.Sprintf("%s[%d]", name, tc.MapIndex)
		}
		mu.Lock()
		defer mu.Unlock()
		if slices.Contains(broken, name) {
			return nil, operator.Fail(errors.New(name + " is broken"))
		}
		return nil, nil
	}
	return func(names ...string) {
		mu.Lock()
		defer mu.Unlock()
		broken = names
	}
}

// recoveries are the subjects of the recoveries so far, with how many failures each ended.
func (h *heard) recoveries() (out []string) {
	for _, ev := range h.of(callbacks.Recovery) {
		out = append(out, fmt.Sprintf("%s after %d: %s", ev.Subject(), ev.Failures, ev.Reason))
	}
	return out
}

// idle waits until everything that was said was heard.
func (b *bench) idle() {
	b.t.Helper()
	b.until("the outbox is empty", func() bool {
		open, err := b.store.OpenChannels(b.t.Context())
		require.NoError(b.t, err)
		return len(open) == 0
	})
}

// The first success after failures that were told is told, once, of the task and of the run.
func TestRecoveryIsToldOnce(t *testing.T) {
	t.Parallel()
	b, h := listens(t)
	broken := b.breaks()
	b.load(`
d:
  on_failure_callback: hear
  on_recovery_callback: hear
  default_args: {on_failure_callback: hear, on_recovery_callback: hear}
  tasks:
    - {task_id: a, operator: probe, do: break}
    - {task_id: b, operator: probe, do: break, dependencies: [a], on_failure_callback: null}
`)
	b.start(engine.RunOptions{})
	b.finish(engine.Trigger{LogicalDate: day(1)})
	broken("a")
	b.finish(engine.Trigger{LogicalDate: day(2)})
	b.finish(engine.Trigger{LogicalDate: day(3)})
	b.idle()
	first := h.of(callbacks.Failure)[0]
	require.Equal(t, "d.a", first.Subject())
	assert.Empty(t, h.recoveries())
	broken("b") // of which only the message of the run tells
	b.finish(engine.Trigger{LogicalDate: day(4)})
	b.idle()
	assert.Equal(t, []string{"d.a after 2: success"}, h.recoveries())
	ev := h.of(callbacks.Recovery)[0]
	assert.Equal(t, []any{first.EndDate.UTC(), "success", ""}, []any{ev.BrokenSince.UTC(), ev.State, ev.Error})
	assert.True(t, ev.EndDate.After(*ev.BrokenSince))
	broken()
	b.finish(engine.Trigger{LogicalDate: day(5)})
	b.finish(engine.Trigger{LogicalDate: day(6)})
	b.idle()
	assert.Equal(t, []string{"d.a after 2: success", "d.b after 1: success", "d after 3: success"}, h.recoveries())
	left, err := b.store.BrokenOf(t.Context(), "d")
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Many successes in one transaction mend each what was broken of them.
func TestRecoveryOfManyAtOnce(t *testing.T) {
	t.Parallel()
	b, h := listens(t)
	broken := b.breaks()
	b.load(`
d:
  default_args: {on_failure_callback: hear, on_recovery_callback: hear}
  tasks:
    - {task_id: a, operator: probe, do: break}
    - {task_id: b, operator: probe, do: break}
    - {task_id: c, operator: probe, do: break}
    - {task_id: d, operator: probe, do: break}
    - {task_id: e, operator: probe, do: break}
`)
	b.start(engine.RunOptions{})
	for n, names := range [][]string{{"c", "e"}, {"a", "b", "c", "d", "e"}} {
		broken(names...)
		b.finish(engine.Trigger{RunID: strconv.Itoa(n), LogicalDate: day(n + 1)})
	}
	b.mark(engine.MarkRequest{RunID: "1", State: dag.Success})
	b.idle()
	got := h.recoveries()
	slices.Sort(got)
	assert.Equal(t, []string{
		"d.a after 1: marked_success", "d.b after 1: marked_success", "d.c after 2: marked_success", "d.d after 1: marked_success", "d.e after 2: marked_success",
	}, got)
	left, err := b.store.BrokenOf(t.Context(), "d")
	require.NoError(t, err)
	assert.Empty(t, left)
}

// What was not told is not broken, and what was told before there was a callback is.
func TestRecoveryNeedsAFailureThatWasTold(t *testing.T) {
	t.Parallel()
	b, h := listens(t)
	broken := b.breaks()
	const text = "d:\n  tasks:\n    - {task_id: quiet, operator: probe, do: break, retries: 0, on_retry_callback: hear, on_recovery_callback: hear}\n    - {task_id: told, operator: probe, do: break, on_failure_callback: hear%s}\n"
	b.load(fmt.Sprintf(text, ""))
	b.start(engine.RunOptions{})
	broken("quiet", "told")
	b.finish(engine.Trigger{LogicalDate: day(1)})
	broken()
	b.load(fmt.Sprintf(text, ", on_recovery_callback: hear"))
	b.finish(engine.Trigger{LogicalDate: day(2)})
	b.idle()
	assert.Equal(t, []string{"d.told after 1: success"}, h.recoveries())
}

// A success of an older date does not mend what failed later. The same run does, cleared.
func TestRecoveryByDate(t *testing.T) {
	t.Parallel()
	b, h := listens(t)
	broken := b.breaks()
	b.load("d:\n  default_args: {on_failure_callback: hear, on_recovery_callback: hear}\n  tasks: [{task_id: t, operator: probe, do: break}]\n")
	b.start(engine.RunOptions{})
	broken("t")
	b.finish(engine.Trigger{RunID: "new", LogicalDate: day(5)})
	broken()
	b.finish(engine.Trigger{RunID: "old", LogicalDate: day(4)})
	b.idle()
	assert.Empty(t, h.recoveries())
	b.finish(engine.Trigger{RunID: "new", LogicalDate: day(5), Reset: true})
	b.idle()
	assert.Equal(t, []string{"d.t after 1: success"}, h.recoveries())

	broken("t")
	b.finish(engine.Trigger{RunID: "by_hand", NoLogicalDate: true})
	broken()
	b.finish(engine.Trigger{RunID: "old", LogicalDate: day(4), Reset: true})
	b.idle()
	assert.Len(t, h.recoveries(), 2, "one without a date counts by its start")
}

// Who marks a failed task or run as a success has mended it, and the message says who did it.
func TestRecoveryByHand(t *testing.T) {
	t.Parallel()
	b, h := listens(t)
	broken := b.breaks()
	b.load(`
d:
  on_failure_callback: hear
  on_recovery_callback: hear
  default_args: {on_failure_callback: hear, on_recovery_callback: hear}
  tasks:
    - {task_id: a, operator: probe, do: break}
    - {task_id: b, operator: probe, do: break}
    - {task_id: c, operator: probe, dependencies: [a, b]}
`)
	b.start(engine.RunOptions{})
	broken("a", "b")
	b.finish(engine.Trigger{RunID: "r", LogicalDate: day(1)})
	b.idle()
	failed := *h.of(callbacks.Failure)[0].EndDate
	b.until("time has passed", func() bool { return time.Since(failed) > 2*time.Millisecond })
	b.mark(engine.MarkRequest{RunID: "r", TaskID: "a", State: dag.Failed})
	b.mark(engine.MarkRequest{RunID: "r", TaskID: "a", State: dag.Success})
	b.idle()
	assert.Equal(t, []string{"d.a after 1: marked_success"}, h.recoveries())
	assert.True(t, h.of(callbacks.Recovery)[0].EndDate.After(failed), "when it was marked, not when it failed")
	b.mark(engine.MarkRequest{RunID: "r", State: dag.Success})
	b.idle()
	assert.Equal(t, []string{"d.a after 1: marked_success", "d.b after 1: marked_success", "d after 2: marked_success"}, h.recoveries())
}

// Instances of a mapped task recover each for itself; the task that could not be expanded does
// with the first of them.
func TestRecoveryOfMappedTasks(t *testing.T) {
	t.Parallel()
	b, h := listens(t)
	b.o.MaxMapLength = 3
	b.stopStore()
	b.open()
	broken := b.breaks()
	const text = "d:\n  default_args: {on_failure_callback: hear, on_recovery_callback: hear, max_active_tis_per_dagrun: 1}\n  tasks: [{task_id: m, operator: probe, do: break, expand: {text: %s}}]\n"
	long := "[a, b, c, d], do: [break, break]"
	b.load(strings.Replace(fmt.Sprintf(text, long), "do: break, ", "", 1))
	b.start(engine.RunOptions{})
	b.finish(engine.Trigger{LogicalDate: day(1)})
	b.load(fmt.Sprintf(text, "[a, b, c]"))
	broken("m[1]", "m[2]")
	b.finish(engine.Trigger{LogicalDate: day(2)})
	b.idle()
	assert.Equal(t, []string{"d.m[0] after 1: success"}, h.recoveries())
	broken("m[2]")
	b.finish(engine.Trigger{LogicalDate: day(3)})
	broken()
	b.finish(engine.Trigger{LogicalDate: day(4)})
	b.idle()
	assert.Equal(t, []string{"d.m[0] after 1: success", "d.m[1] after 1: success", "d.m[2] after 2: success"}, h.recoveries())
}

// What is there no more is not broken.
func TestRecoveryOfWhatIsGone(t *testing.T) {
	t.Parallel()
	b, h := listens(t)
	broken := b.breaks()
	const text = "d:\n  on_failure_callback: hear\n  on_recovery_callback: hear\n  default_args: {on_failure_callback: hear, on_recovery_callback: hear}\n  tasks: [{task_id: keeps, operator: probe, do: break}%s]\n"
	both := fmt.Sprintf(text, ", {task_id: goes, operator: probe, do: break}")
	b.load(both)
	b.start(engine.RunOptions{})
	broken("keeps", "goes")
	b.finish(engine.Trigger{LogicalDate: day(1)})
	left := func() (out []string) {
		all, err := b.store.BrokenOf(t.Context(), "d")
		require.NoError(t, err)
		for _, x := range all {
			out = append(out, x.TaskID)
		}
		return out
	}
	require.Equal(t, []string{"", "goes", "keeps"}, left())
	b.load(fmt.Sprintf(text, ""))
	assert.Equal(t, []string{"", "keeps"}, left())
	require.NoError(t, b.e.SetDAGs(t.Context(), nil))
	assert.Empty(t, left())
	b.load(both)
	broken()
	b.finish(engine.Trigger{LogicalDate: day(2)})
	b.idle()
	assert.Empty(t, h.recoveries())
}

// A task without work succeeds in the transaction that makes it ready, and mends, too. What
// templates may name of a recovery.
func TestRecoveryNames(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	broken := b.breaks()
	const text = "{{ failures }} {{ reason }} {{ broken_since < ti.end_date }} {{ broken_for.total_seconds() > 0 }}"
	b.load("d:\n  on_failure_callback: {callback: say, text: \"{{ exception }}\"}\n  on_recovery_callback: {callback: say, text: \"{{ failures }} {{ reason }} {{ dag_run.run_id }}\"}\n" +
		"  tasks:\n    - {task_id: t, operator: probe, do: break, on_recovery_callback: {callback: say, text: \"" + text + "\"}}\n")
	b.start(engine.RunOptions{})
	broken("t")
	b.finish(engine.Trigger{LogicalDate: day(1)})
	b.load("d:\n  on_recovery_callback: {callback: say, text: \"{{ failures }} {{ reason }} {{ dag_run.run_id }}\"}\n" +
		"  tasks:\n    - {task_id: t, operator: nop, on_recovery_callback: {callback: say, text: \"" + text + "\"}}\n")
	b.finish(engine.Trigger{LogicalDate: day(2), RunID: "second"})
	b.idle()
	assert.Equal(t, []string{"on_failure  t is broken", "on_recovery t 1 success True True", "on_recovery  1 success second"}, b.sentSoFar())
}

// Of parallel runs that succeed one tells of the recovery, and after a crash none does again.
func TestRecoveryOfParallelRuns(t *testing.T) {
	t.Parallel()
	b, h := listens(t)
	broken := b.breaks()
	b.load("d:\n  max_active_runs: 8\n  on_failure_callback: hear\n  on_recovery_callback: hear\n  default_args: {on_failure_callback: hear, on_recovery_callback: hear}\n  tasks: [{task_id: t, operator: probe, do: break}]\n")
	b.start(engine.RunOptions{})
	broken("t")
	b.finish(engine.Trigger{LogicalDate: day(1)})
	broken()
	var keys []int64
	for n := range 8 {
		r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: day(1).Add(time.Duration(n+1) * time.Hour)})
		require.NoError(t, err)
		keys = append(keys, r.Key)
	}
	for _, k := range keys {
		b.ended1(k)
	}
	b.idle()
	got := h.recoveries()
	slices.Sort(got)
	assert.Equal(t, []string{"d after 1: success", "d.t after 1: success"}, got)
}

// Whatever happens in whatever order: every failure that was told is told to be over exactly
// once, by the first success that is not of an older date, and nothing else is.
func TestRecoveriesAndFailuresMatch(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 9))
			b, h := listens(t)
			broken := b.breaks()
			b.load(`
d:
  on_failure_callback: hear
  on_recovery_callback: hear
  default_args: {on_failure_callback: hear, on_recovery_callback: hear}
  tasks:
    - {task_id: a, operator: probe, do: break}
    - {task_id: b, operator: probe, do: break}
`)
			b.start(engine.RunOptions{})
			type state struct{ failures, newest int }
			now := map[string]*state{"d": {}, "d.a": {}, "d.b": {}}
			var want []string
			// ends says how something of a run of a date ended.
			ends := func(subject string, date int, failed bool, reason string) {
				switch s := now[subject]; {
				case failed:
					s.failures, s.newest = s.failures+1, max(s.newest, date)
				case s.failures > 0 && date >= s.newest:
					want = append(want, fmt.Sprintf("%s after %d: %s", subject, s.failures, reason))
					*s = state{}
				}
			}
			dates := random.Perm(12)
			for step := range 36 {
				date := dates[random.IntN(len(dates))]
				if step < len(dates) {
					date = dates[step]
				}
				run := fmt.Sprint("run", date)
				if step >= len(dates) && random.IntN(4) == 0 {
					r, err := b.store.RunByID(t.Context(), "d", run)
					require.NoError(t, err)
					before := b.states(r)
					b.mark(engine.MarkRequest{RunID: run, State: dag.Success})
					for _, task := range []string{"a", "b"} {
						if before[task] != "success" {
							ends("d."+task, date, false, "marked_success")
						}
					}
					if r.State != dag.RunSuccess {
						ends("d", date, false, "marked_success")
					}
					continue
				}
				failA, failB := random.IntN(3) == 0, random.IntN(3) == 0
				names := []string{"", ""}
				if failA {
					names[0] = "a"
				}
				if failB {
					names[1] = "b"
				}
				broken(names...)
				b.finish(engine.Trigger{RunID: run, LogicalDate: day(1).Add(time.Duration(date) * time.Hour), Reset: step >= len(dates)})
				ends("d.a", date, failA, "success")
				ends("d.b", date, failB, "success")
				ends("d", date, failA || failB, "success")
			}
			b.idle()
			got := h.recoveries()
			slices.Sort(got) // tasks of one run end in any order
			slices.Sort(want)
			assert.Equal(t, want, got)
			assert.NotEmpty(t, want)
			left, err := b.store.BrokenOf(t.Context(), "d")
			require.NoError(t, err)
			for _, x := range left {
				s := now[strings.TrimSuffix("d."+x.TaskID, ".")]
				assert.Equal(t, s.failures, x.Failures)
				*s = state{}
			}
			for _, s := range now {
				assert.Zero(t, s.failures, "nothing is forgotten")
			}
		})
	}
}

// takesBack is a sender whose messages can be taken back.
type takesBack struct{ *bench }

// Recall takes every message back that was delivered.
func (takesBack) Recall(m callbacks.Message, receipt string) (callbacks.Message, bool) {
	m.Payload, m.Summary = json.RawMessage(strconv.Quote("back: "+string(m.Payload[1:len(m.Payload)-1]))), "recall"
	return m, receipt == "ok"
}

// What told of a failure is taken back with the recovery, and nothing else of the DAG is.
func TestRecoveryTakesMessagesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.senders = map[string]callbacks.Sender{"bench": takesBack{b}}
	b.stopStore()
	b.open()
	broken := b.breaks()
	b.load(`
d:
  on_failure_callback: say
  default_args: {on_failure_callback: say}
  tasks:
    - {task_id: a, operator: probe, do: break, on_success_callback: say}
    - {task_id: b, operator: probe, do: break}
    - {task_id: c, operator: probe, do: break, expand: {text: [x, y]}}
`)
	b.start(engine.RunOptions{})
	broken("a", "b", "c[0]", "c[1]")
	b.finish(engine.Trigger{LogicalDate: day(1)})
	b.idle()
	first := len(b.sentSoFar())
	require.Equal(t, 5, first)
	broken("b", "c[1]")
	b.finish(engine.Trigger{LogicalDate: day(2)})
	b.idle()
	second := b.sentSoFar()[first:]
	slices.Sort(second)
	assert.Equal(t, []string{"back: on_failure a said", "back: on_failure c said", "on_failure  said", "on_failure b said", "on_failure c said", "on_success a said"}, second)
	broken()
	b.finish(engine.Trigger{LogicalDate: day(3)})
	b.idle()
	third := b.sentSoFar()[first+len(second):]
	slices.Sort(third)
	back := []string{"back: on_failure  said", "back: on_failure  said", "back: on_failure b said", "back: on_failure b said", "back: on_failure c said", "back: on_failure c said"}
	assert.Equal(t, append(back, "on_success a said"), third)
}
