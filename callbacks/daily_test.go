package callbacks_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
)

func TestTextOfADay(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
	day := &callbacks.Day{
		Since: since, Until: since.Add(24 * time.Hour), Succeeded: 41, Failed: 2, Running: 1, Unstarted: 3, DAGCount: 2, FailedDAGs: 1, TickCount: 1, Refused: 1, Waiting: 2,
		DAGs: []callbacks.DayOfDAG{
			{DAGID: "etl", Failed: 2, Succeeded: 3, RunID: "scheduled__1", TaskID: "load", MapIndex: 4, Error: "no route to host\nand more"},
			{DAGID: "report", Succeeded: 38, Running: 1, MapIndex: -1},
		},
		Ticks:  []callbacks.DayTicks{{DAGID: "sync", Outcome: "missed", First: since, Last: since.Add(2 * time.Hour), Count: 3, Reason: "no scheduler was running", Reasons: 2}},
		Paused: []callbacks.DayPause{{DAGID: "flaky", At: since, Reason: "3 runs failed in a row"}},
		Broken: []callbacks.BrokenFile{{File: "a.yaml", Since: since, Error: "a.yaml:1:1: error: no tasks\nsecond"}},
	}
	ev := &callbacks.Event{Kind: callbacks.DailyDigest, MapIndex: -1, State: "failed", Reason: day.Summary(), Day: day, Host: "h", Timezone: "Asia/Shanghai", Program: "dingdag"}
	assert.Equal(t, strings.Join([]string{
		"每日摘要 Daily digest: 2 failed, 3 did not start, 41 succeeded, 1 running, 1 broken file",
		"时段 Period: 2026-03-01 09:00:00 +08:00 Asia/Shanghai .. 2026-03-02 09:00:00 +08:00 Asia/Shanghai",
		"运行 Runs: 41 succeeded, 2 failed, 1 running, 0 queued, of 2 DAGs",
		"失败 Failed: etl: 2 of 5, first scheduled__1, load[4]: no route to host",
		"查看 See: dingdag tasks logs etl load scheduled__1 --map-index 4",
		"未运行 Did not start: sync (missed): 2026-03-01 09:00:00 +08:00 Asia/Shanghai .. 2026-03-01 11:00:00 +08:00 Asia/Shanghai, 3 times: no scheduler was running (and 1 other reason)",
		"自动暂停 Paused by itself: flaky: 3 runs failed in a row",
		"无法加载 Cannot be loaded: a.yaml: a.yaml:1:1: error: no tasks",
		"未送达 Alerts not delivered: 1 refused, 0 uncertain, 2 waiting",
		"成功 Succeeded: etl 3, report 38",
		"运行中 Running: report 1",
		"主机 Host: h",
		"查看 See: dingdag dags list-runs --state failed",
		"查看 See: dingdag dags list-import-errors",
		"查看 See: dingdag dags why sync",
		"恢复调度 Unpause: dingdag dags unpause flaky",
		"查看 See: dingdag alerts check --since 2026-03-01T01:00:00Z",
	}, "\n"), ev.Text())
	assert.False(t, day.Well())
	for _, printed := range []string{"no route", "no scheduler", "in a row", "no tasks"} {
		assert.NotContains(t, ev.Brief(), printed, "what a task printed may be why the text was refused")
	}
	assert.Contains(t, ev.Brief(), "失败 Failed: etl: 2 of 5, first scheduled__1, load[4]\n")
}

// However bad the day, a person can read it and a robot takes it in one message.
func TestTextOfADayIsBounded(t *testing.T) {
	t.Parallel()
	day := &callbacks.Day{Failed: 1000, Unstarted: 100, DAGCount: 500, FailedDAGs: 300, TickCount: 100}
	long := strings.Repeat("很长", 4000)
	for i := range 100 {
		id := fmt.Sprintf("dag_%d_%s", i, strings.Repeat("x", 100))
		day.DAGs = append(day.DAGs, callbacks.DayOfDAG{DAGID: id, Failed: 3, Succeeded: 1, Running: 1, RunID: "r", TaskID: "t", MapIndex: -1, Error: long})
		day.Ticks = append(day.Ticks, callbacks.DayTicks{DAGID: id, Outcome: "skipped", Count: 1, Reason: long, Reasons: 1})
		day.Paused = append(day.Paused, callbacks.DayPause{DAGID: id, Reason: long})
		day.Broken = append(day.Broken, callbacks.BrokenFile{File: id, Error: long})
	}
	ev := &callbacks.Event{Kind: callbacks.DailyDigest, MapIndex: -1, Day: day, Program: "dingdag"}
	text := ev.Text()
	assert.Less(t, len(text), 16_000)
	assert.LessOrEqual(t, strings.Count(text, "\n"), 40)
	assert.Contains(t, text, "失败 Failed: and 294 more DAGs")
	assert.Contains(t, text, "未运行 Did not start: and 95 more entries")
	assert.Contains(t, text, " and 490 more DAGs\n")
}

func TestTextOfAQuietDay(t *testing.T) {
	t.Parallel()
	day := &callbacks.Day{}
	assert.True(t, day.Well())
	ev := &callbacks.Event{Kind: callbacks.DailyDigest, MapIndex: -1, State: "success", Reason: day.Summary(), Day: day, Program: "dingdag"}
	assert.Equal(t, "每日摘要 Daily digest: nothing ran\n时段 Period: 0001-01-01 00:00:00 +00:00 UTC .. 0001-01-01 00:00:00 +00:00 UTC\n"+
		"运行 Runs: 0 succeeded, 0 failed, 0 running, 0 queued, of 0 DAGs", ev.Text())
}
