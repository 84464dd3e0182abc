package callbacks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
)

func TestTextOfBrokenFiles(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	until := since.Add(time.Hour)
	ev := &callbacks.Event{Kind: callbacks.ImportError, MapIndex: -1, State: "broken", Reason: "dags/a.yaml is broken", Error: "dags/a.yaml:1:1: error: no tasks", Program: "dingdag"}
	ev.Files = []callbacks.BrokenFile{{File: "dags/a.yaml", Since: since, DAGs: []string{"a", "b"}}}
	assert.Equal(t, "DAG 文件无法加载 DAG file cannot be loaded: a.yaml\n文件 File: dags/a.yaml\n停止调度 DAGs without new runs: a, b\n"+
		"原因 Reason: dags/a.yaml is broken\n错误 Error: dags/a.yaml:1:1: error: no tasks\n查看 See: dingdag dags list-import-errors", ev.Text())
	ev.State, ev.Reason, ev.Error = "mended", "4 DAG files are mended", ""
	ev.Files[0].Until = &until
	for range 3 {
		ev.Files = append(ev.Files, callbacks.BrokenFile{File: "dags/b.yaml", Since: since, Until: &until, Gone: true})
	}
	text := ev.Text()
	assert.Contains(t, text, "DAG 文件已恢复 DAG file can be loaded again: a.yaml, b.yaml, b.yaml, 1 more\n文件 File: dags/a.yaml\n恢复调度 DAGs that run again: a, b\n故障时段 Broken: 2026-03-01 09:00:00 ")
	assert.Contains(t, text, "\n文件 File: dags/b.yaml (文件已删除 removed)\n故障时段 Broken: ")
}

func TestTextOfAPause(t *testing.T) {
	t.Parallel()
	why := "max_consecutive_failed_dag_runs: 3 runs failed in a row"
	ev := &callbacks.Event{Kind: callbacks.Missed, DAGID: "etl", MapIndex: -1, State: "paused", Reason: why, Paused: why, Program: "dingdag"}
	assert.Equal(t, "DAG 已暂停 DAG was paused: etl\nDAG: etl\n原因 Reason: "+why+"\n查看 See: dingdag dags why etl\n恢复调度 Unpause: dingdag dags unpause etl", ev.Text())
	ev.Kind, ev.RunID, ev.State, ev.Reason = callbacks.Failure, "r", "failed", "task_failure"
	assert.Contains(t, ev.Text(), "\n原因 Reason: task_failure\n已暂停 Paused: "+why+"\n")
	assert.Contains(t, ev.Text(), "\n恢复调度 Unpause: dingdag dags unpause etl")
}
