package callbacks_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
)

func digestOf(add func(b *callbacks.DigestBuilder, at func(second int) time.Time)) *callbacks.Event {
	b := callbacks.NewDigest(42)
	add(b, func(second int) time.Time { return time.Date(2026, 1, 2, 3, 0, second, 0, time.UTC) })
	return b.Event()
}

func failed(dagID, run, task, text string) *callbacks.Event {
	return &callbacks.Event{
		Kind: callbacks.Failure, DAGID: dagID, RunID: run, TaskID: task, MapIndex: -1, Error: text, Timezone: "Asia/Shanghai", Program: "dingdag",
	}
}

// Of one run: the cause first, with its error and what it blocks; instances of a mapped task are one
// line; the run as a whole comes behind its tasks, retries behind failures, and what has been mended
// is only counted.
func TestDigestOfARun(t *testing.T) {
	t.Parallel()
	ev := digestOf(func(b *callbacks.DigestBuilder, at func(int) time.Time) {
		retry := failed("etl", "r1", "load", "timeout")
		retry.Kind, retry.MapIndex = callbacks.Retry, 3
		b.Add(retry, at(5), "", false)
		cause := failed("etl", "r1", "extract", "no  such\ntable\x1b[31m")
		cause.Blocks = []string{"check", "report", "a", "b", "c", "d"}
		b.Add(cause, at(7), "", false)
		for i := range 8 {
			load := failed("etl", "r1", "load", fmt.Sprint("row ", i%2))
			load.MapIndex = i
			b.Add(load, at(9+i), "", i == 7)
		}
		whole := failed("etl", "r1", "", "")
		whole.Reason = "task_failure"
		b.Add(whole, at(30), "", false)
	})
	assert.Equal(t, "etl", ev.DAGID)
	assert.Equal(t, `告警汇总 Alerts in one: 10 失败 failed, 1 将重试 retried: etl
最早 First: 2026-01-02 11:00:05 +08:00 Asia/Shanghai
最晚 Last: 2026-01-02 11:00:30 +08:00 Asia/Shanghai
失败 Failed: etl.extract (r1): no such table; 下游受阻 blocks check, report, a, b, c and 1 more
失败 Failed: etl.load × 7 (instances 0, 1, 2, 3, 4, …; r1): row 0 (and 1 other error)
失败 Failed: etl (r1): task_failure
将重试 Retried: etl.load (instance 3; r1): timeout
已恢复 Recovered since: 1: etl.load[7]
全部 All: dingdag alerts list --digest 42`, ev.Text())
	twice := digestOf(func(b *callbacks.DigestBuilder, at func(int) time.Time) {
		by := failed("etl", "r1", "load", "no")
		b.Add(by, at(0), "", false)
		stand := *by
		stand.Problem = "robot ops refused: gone"
		b.Add(&stand, at(1), "another callback of the same failure", false)
		b.Add(failed("etl", "r2", "load", "no"), at(2), "", false)
	})
	assert.Contains(t, twice.Text(), "2 失败 failed: etl\n注意 Note: robot ops refused: gone\n")
	assert.Contains(t, twice.Text(), "etl.load × 2 (2 runs, the first r1)")
	assert.NotContains(t, ev.Brief(), "no such table", "the receiver refused what tasks printed")
	assert.Contains(t, ev.Brief(), "etl.extract (r1)")
	assert.Contains(t, ev.Text(), "no such table", "it is as it was")
}

// Many tasks are told by DAG, what has no room is counted, and what people wrote stands for the error.
func TestDigestOfManyDAGs(t *testing.T) {
	t.Parallel()
	ev := digestOf(func(b *callbacks.DigestBuilder, at func(int) time.Time) {
		for i := range 320 {
			b.Add(failed(fmt.Sprintf("d%02d", i%40), fmt.Sprint("r", i/160), fmt.Sprint("t", i/40%7), strings.Repeat("很长", 500)), at(i%60), "", false)
		}
		b.Add(failed("zz", "", "", ""), at(59), "said by hand", false)
	})
	assert.Empty(t, ev.DAGID)
	text := ev.Text()
	assert.Contains(t, text, "Alerts in one: 321 失败 failed (41 DAGs)\n")
	assert.Contains(t, text, "DAG: d00, d01, d02, d03, d04 and 36 more\n")
	assert.Contains(t, text, "失败 Failed: d00 × 8 (tasks t0, t1, t2, t3, t4 and 2 more; 2 runs, the first r0): 很长")
	assert.Contains(t, text, "其余 More: 81 alerts without a line here\n", "30 of 41 are listed")
	assert.Less(t, len(text), 30*350)
	assert.Contains(t, ev.Shorter(1).Text(), "其余 More: 313 alerts without a line here\n")
	assert.Contains(t, text, "d29 × 8", "the shorter one is another")
	only := digestOf(func(b *callbacks.DigestBuilder, at func(int) time.Time) {
		b.Add(failed("zz", "", "", "no"), at(0), "said by hand", false)
	})
	assert.Contains(t, only.Text(), "失败 Failed: zz: said by hand")
}

// Recoveries say what the message of one says, of several together, also to a receiver that refused the whole text.
func TestDigestOfRecoveries(t *testing.T) {
	t.Parallel()
	recovery := func(dag, task, run string, index int, since, end time.Time, failures int) *callbacks.Event {
		return &callbacks.Event{
			Kind: callbacks.Recovery, DAGID: dag, RunID: run, TaskID: task, MapIndex: index, Reason: "success", Timezone: "Asia/Shanghai",
			BrokenSince: &since, EndDate: &end, Failures: failures,
		}
	}
	ev := digestOf(func(b *callbacks.DigestBuilder, at func(int) time.Time) {
		one := recovery("etl", "load", "r2", -1, at(5), at(5).Add(2*time.Hour), 3)
		b.Add(one, at(30), "", false)
		b.Add(one, at(30), "another callback of it", false)
		b.Add(recovery("etl", "map", "r2", 0, at(5), at(9), 1), at(30), "", false)
		b.Add(recovery("etl", "map", "r2", 1, at(2), at(7), 4), at(31), "", false)
		b.Add(recovery("other", "", "r1", -1, at(5), at(6), 1), at(32), "it works", false)
		b.Add(&callbacks.Event{Kind: callbacks.Recovery, DAGID: "bare", RunID: "r", MapIndex: -1, Reason: "success"}, at(32), "", false)
	})
	const load = "已恢复 Recovered: etl.load (r2): success; 中断始于 broken since 2026-01-02 11:00:05 +08:00 Asia/Shanghai, for 2h0m0s, 3 failures\n"
	text := ev.Text()
	assert.Contains(t, text, load)
	assert.Contains(t, text, "etl.map × 2 (instances 0, 1; r2): success; 中断始于 broken since 2026-01-02 11:00:02 +08:00 Asia/Shanghai, for 7s, 5 failures\n")
	assert.Contains(t, text, "other (r1): it works; 中断始于 broken since 2026-01-02 11:00:05 +08:00 Asia/Shanghai, for 1s, 1 failure\n")
	assert.Contains(t, text+"\n", "bare (r): success\n")
	assert.Contains(t, ev.Brief(), "etl.load (r2); 中断始于 broken since 2026-01-02 11:00:05 +08:00 Asia/Shanghai, for 2h0m0s, 3 failures\n")
	many := digestOf(func(b *callbacks.DigestBuilder, at func(int) time.Time) {
		for i := range 20 {
			b.Add(recovery(fmt.Sprint("d", i%2), fmt.Sprint("t", i), "r", -1, at(20-i), at(30+i), 1), at(59), "", false)
		}
	})
	assert.Contains(t, many.Text(), "d0 × 10 (tasks t0, t2, t4, t6, t8 and 5 more; r): success; 中断始于 broken since 2026-01-02 11:00:02 +08:00 Asia/Shanghai, for 46s, 10 failures\n")
}

// What other kinds tell stands in their lines.
func TestDigestOfOtherKinds(t *testing.T) {
	t.Parallel()
	ev := digestOf(func(b *callbacks.DigestBuilder, at func(int) time.Time) {
		first := at(0)
		b.Add(&callbacks.Event{Kind: callbacks.Success, DAGID: "a", RunID: "r", MapIndex: -1}, at(1), "", false)
		b.Add(&callbacks.Event{Kind: "on_recovery", DAGID: "a", RunID: "r", MapIndex: -1}, at(1), "", false)
		b.Add(&callbacks.Event{Kind: callbacks.Missed, DAGID: "b", MapIndex: -1, Reason: "not running", Ticks: &callbacks.Ticks{First: first, Last: first, Count: 1}}, at(2), "", false)
	})
	assert.Contains(t, ev.Title(), "1 未运行 missed, 1 ")
	assert.Contains(t, ev.Text(), "未运行 Missed: b: 2026-01-02 03:00:00 +00:00 UTC not running\n")
	assert.Contains(t, ev.Text(), "成功 Succeeded: a (r)")
}
