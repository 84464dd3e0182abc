package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Each column of a run and of an instance is written and read by its own name: what a row
// holds is seen by SQL under the column that tells it.
func TestColumnsHoldWhatTheyAreCalled(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	at := time.UnixMilli
	r := &store.Run{
		DAGID: "the dag", RunID: "the run", Type: dag.ManualRun, State: dag.RunQueued, LogicalDate: at(1), IntervalStart: at(2), IntervalEnd: at(3),
		RunAfter: at(4), QueuedAt: at(5), StartDate: at(6), EndDate: at(7), Version: "the version", Reason: "the reason", BackfillID: 8, MadeBy: "the maker",
		Actor: store.Actor{Name: "the user", Via: "the way"},
	}
	in := &store.Instance{
		TaskID: "the task", MapIndex: 9, State: dag.Running, Try: 10, MaxTries: 11, Lost: 12, Operator: "the operator", QueuedAt: at(13),
		StartDate: at(14), EndDate: at(15), RetryAt: at(16), FirstStart: at(17), Error: "the error", Log: "the log", RenderedMapIndex: "the name", Host: "the host", PID: 18,
	}
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		if _, err := tx.InsertRun(context.Background(), r); err != nil {
			return err
		}
		in.RunKey = r.Key
		return tx.PutInstances(context.Background(), []*store.Instance{in})
	}))
	for column, want := range map[string]any{
		"dag_id": "the dag", "run_id": "the run", "run_type": "manual", "r.state": "queued", "logical_date": 1, "interval_start": 2, "interval_end": 3,
		"run_after": 4, "r.queued_at": 5, "r.start_date": 6, "r.end_date": 7, "version": "the version", "reason": "the reason", "backfill_id": 8,
		"made_by": "the maker", "triggered_by": "the way", "triggering_user_name": "the user", "task_id": "the task", "map_index": 9, "i.state": "running", "try": 10, "max_tries": 11, "lost": 12,
		"operator": "the operator", "i.queued_at": 13, "i.start_date": 14, "i.end_date": 15, "retry_at": 16, "first_start_date": 17,
		"error": "the error", "log": "the log", "rendered_map_index": "the name", "hostname": "the host", "pid": 18,
	} {
		var got any
		require.NoError(t, s.read.QueryRowContext(t.Context(), "SELECT "+column+" FROM dag_run r JOIN task_instance i ON i.run_key = r.id").Scan(&got), column)
		assert.EqualValues(t, want, got, column)
	}
}
