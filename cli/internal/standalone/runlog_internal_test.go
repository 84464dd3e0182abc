package standalone

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

func TestLogRuns(t *testing.T) {
	t.Parallel()
	begun := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	run := func(s dag.RunState) store.Run {
		return store.Run{DAGID: "d", RunID: "r", State: s, Reason: "task_failure", StartDate: begun, EndDate: begun.Add(time.Minute)}
	}
	task := func(s dag.State) *store.Instance {
		return &store.Instance{TaskID: "t", MapIndex: 2, State: s, Try: 1, MaxTries: 3, RetryAt: begun, Error: "no"}
	}
	for name, c := range map[string]struct {
		u    engine.Update
		want string
	}{
		"queued":    {engine.Update{Run: run(dag.RunQueued)}, ""},
		"begins":    {engine.Update{Run: run(dag.RunRunning)}, `level=INFO msg="run started" dag=d run=r`},
		"succeeded": {engine.Update{Run: run(dag.RunSuccess)}, `level=INFO msg="run succeeded" dag=d run=r took=1m0s`},
		"failed":    {engine.Update{Run: run(dag.RunFailed)}, `level=ERROR msg="run failed" dag=d run=r reason=task_failure took=1m0s`},
		"task":      {engine.Update{Run: run(dag.RunRunning), Instance: task(dag.Success)}, ""},
		"retry": {
			engine.Update{Run: run(dag.RunRunning), Instance: task(dag.UpForRetry)},
			`level=WARN msg="task failed and is tried again" dag=d run=r task=t[2] try=1 of=3 at=2026-01-31T09:00:00.000Z error=no`,
		},
		"task failed": {
			engine.Update{Run: run(dag.RunRunning), Instance: task(dag.Failed)},
			`level=ERROR msg="task failed" dag=d run=r task=t[2] try=1 error=no`,
		},
		"message": {engine.Update{Delivery: &store.Delivery{}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			noTime := func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}
			logRuns(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: noTime})))(c.u)
			assert.Equal(t, c.want, strings.TrimSpace(out.String()))
		})
	}
}
