package callbacks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
)

func TestTextOfWhatAFailureBlocks(t *testing.T) {
	t.Parallel()
	ev := &callbacks.Event{Kind: callbacks.Failure, DAGID: "etl", RunID: "r", TaskID: "extract", MapIndex: -1, Blocks: []string{"load", "report"}}
	assert.Contains(t, ev.Text(), "\n下游受阻 Blocks: load, report")
	ev.Blocks = []string{"a", "b", "c", "d", "e", "f", "g"}
	assert.Contains(t, ev.Text(), "\n下游受阻 Blocks: a, b, c, d, e and 2 more")
}

func TestTextOfTheCausesOfAFailedRun(t *testing.T) {
	t.Parallel()
	ev := &callbacks.Event{Kind: callbacks.Failure, DAGID: "etl", RunID: "r", MapIndex: -1, FailedTasks: []string{"extract"}, Error: "no route"}
	ev.Causes = []callbacks.Cause{{TaskID: "extract", MapIndex: -1, Error: "no route"}}
	assert.NotContains(t, ev.Text(), "Root causes", "the one error is shown anyway")
	ev.FailedTasks = []string{"extract", "each", "clean"}
	ev.Causes = append(ev.Causes, callbacks.Cause{TaskID: "each", MapIndex: 3, Error: "\x1b[31mexit code 1\nTraceback: …"})
	assert.Contains(t, ev.Text(), "\n根因 Root causes: extract: no route\neach[3]: exit code 1\n错误 Error: no route")
}

func TestTextOfARecovery(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	start, end := since.Add(2*time.Hour), since.Add(2*time.Hour+5*time.Second)
	ev := &callbacks.Event{
		Kind: callbacks.Recovery, DAGID: "etl", RunID: "r", TaskID: "load", MapIndex: -1, State: "success", Reason: "marked_success",
		BrokenSince: &since, Failures: 3, StartDate: &start, EndDate: &end, Program: "dingdag",
	}
	assert.Equal(t, `任务已恢复 Task recovered: etl.load
DAG: etl
任务 Task: load
运行 Run: r
恢复于 Recovered at: 2026-03-01 11:00:05 +00:00 UTC
原因 Reason: marked_success
中断始于 Broken since: 2026-03-01 09:00:00 +00:00 UTC
中断时长 Broken for: 2h0m5s
失败次数 Failures: 3`, ev.Text())
	ev.TaskID = ""
	assert.Equal(t, "运行已恢复 DAG run recovered: etl", ev.Title())
	assert.Equal(t, map[string]any{"broken_since": since, "broken_for": 2*time.Hour + 5*time.Second, "failures": 3}, ev.Names())
}

// A log that another process has written is where that has its logs.
func TestLogOnAnotherMachine(t *testing.T) {
	t.Parallel()
	for want, ev := range map[string]callbacks.Event{
		"日志 Log: /logs/1.log":                       {Log: "/logs/1.log"},
		"日志 Log: /logs/1.log (节点 on node worker-2)": {Log: "/logs/1.log", LogHost: "worker-2"},
		"日志 Log: /logs/1.log (节点 on node worker-2, 随后在日志存储 then in the log store)": {Log: "/logs/1.log", LogHost: "worker-2", LogStored: true},
	} {
		ev.Kind = callbacks.Success
		facts := ev.Facts()
		last := facts[len(facts)-1]
		assert.Equal(t, want, last.Label+": "+last.Value)
	}
	none := callbacks.Event{Kind: callbacks.Success, DAGID: "d", LogHost: "worker-2"}
	for _, f := range none.Facts() {
		assert.NotEqual(t, "日志 Log", f.Label)
	}
}
