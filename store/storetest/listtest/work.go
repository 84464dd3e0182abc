//nolint:thelper // tests, not helpers: failures belong to their lines
package listtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// TasksAtWorkAreCounted checks that what is at work is counted by version, task and state, in open runs alone.
func TasksAtWorkAreCounted(t *testing.T, s store.Store) {
	add := func(runID, version string, state dag.RunState, of ...store.Instance) {
		r := &store.Run{DAGID: "d", RunID: runID, Type: dag.ManualRun, State: state, RunAfter: midnight, Version: version}
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.InsertRun(ctx, r); err != nil {
				return err
			}
			rows := make([]*store.Instance, len(of))
			for i := range of {
				of[i].RunKey = r.Key
				rows[i] = &of[i]
			}
			return tx.PutInstances(ctx, rows)
		})
	}
	in := func(task string, index int, state dag.State) store.Instance {
		return store.Instance{TaskID: task, MapIndex: index, State: state}
	}
	add("one", "v1", dag.RunRunning, in("m", 0, dag.Running), in("m", 1, dag.Running), in("m", 2, dag.Queued), in("x", -1, dag.Success), in("y", -1, dag.UpForRetry))
	add("two", "v1", dag.RunQueued, in("m", 0, dag.Running), in("z", -1, dag.Deferred))
	add("three", "v2", dag.RunRunning, in("m", -1, dag.Scheduled))
	add("four", "v2", dag.RunFailed, in("m", -1, dag.Running))
	got, err := Lists(t, s).TasksAtWork(t.Context())
	require.NoError(t, err)
	assert.ElementsMatch(t, []*listing.AtWork{
		{Version: "v1", TaskID: "m", State: dag.Running, Count: 3},
		{Version: "v1", TaskID: "m", State: dag.Queued, Count: 1},
		{Version: "v1", TaskID: "z", State: dag.Deferred, Count: 1},
		{Version: "v2", TaskID: "m", State: dag.Scheduled, Count: 1},
	}, got)
}
