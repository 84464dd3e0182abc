package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// A try that has made a run and dies finds that run when it is run again, and makes no
// second one; the next try makes its own.
func TestATryMakesOneRun(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for name, request := range map[string]operator.TriggerRequest{
		"now":       {DAGID: "child"},
		"dateless":  {DAGID: "child", NoLogicalDate: true},
		"an id":     {DAGID: "child", RunID: "mine"},
		"a date":    {DAGID: "child", LogicalDate: at},
		"run again": {DAGID: "child", LogicalDate: at, Reset: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			made, release, ids := make(chan struct{}, 9), make(chan struct{}), []string{}
			b.do["trigger"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
				id, err := tc.Runs.Trigger(ctx, request)
				if err != nil {
					return nil, err
				}
				b.mu.Lock()
				ids = append(ids, id)
				b.mu.Unlock()
				made <- struct{}{}
				select {
				case <-release:
					return nil, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			const text = "d:\n  tasks: [{task_id: t, operator: probe, do: trigger}]\nchild:\n  tasks: [{task_id: c, operator: probe}]\n"
			b.load(text)
			b.start(engine.RunOptions{})
			if request.Reset {
				first, err := b.e.Trigger(t.Context(), "child", engine.Trigger{LogicalDate: at})
				require.NoError(t, err)
				b.ended1(first.Key)
			}
			r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
			require.NoError(t, err)
			<-made
			b.until("it is known to run", func() bool { return b.states(r)["t"] == "running" })

			next := b.crash()
			next.load(text)
			next.start(engine.RunOptions{})
			<-made
			close(release)
			assert.Equal(t, dag.RunSuccess, next.ended1(r.Key).State)
			b.mu.Lock()
			assert.Len(t, ids, 2)
			assert.Equal(t, ids[0], ids[1])
			b.mu.Unlock()
			runs, err := next.store.Runs(t.Context(), store.RunFilter{DAGID: "child"})
			require.NoError(t, err)
			require.Len(t, runs, 1)
			next.ended1(runs[0].Key)
			if name != "now" && name != "dateless" {
				return
			}
			_, err = next.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
			require.NoError(t, err)
			next.ended1(r.Key)
			next.until("a run of the next try", func() bool {
				runs, err := next.store.Runs(t.Context(), store.RunFilter{DAGID: "child"})
				require.NoError(t, err)
				return len(runs) == 2
			})
		})
	}
}
