//nolint:thelper // tests, not helpers: failures belong to their lines
package jobtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest"
)

// Of many jobs it is read at once what they are to run, and each gets its own.
func jobsAreFoundWithWhatTheyRun(t *testing.T, open storetest.Open) {
	s := open(t, storetest.Node{})
	got, err := s.Attempts(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, got)

	var runs []*store.Run
	var is []*store.Instance
	for n := range 3 {
		r := &store.Run{DAGID: "d", RunID: fmt.Sprint("r", n), Type: "manual", State: dag.RunRunning, RunAfter: midnight, Conf: []byte(`{"n": "两"}`), Version: "v"}
		runs = append(runs, r)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.InsertRun(ctx, r)
			return err
		})
		for _, task := range []string{"a", `g."b"`, "c\x00"} {
			for _, mapIndex := range []int{-1, 0, 11} {
				is = append(is, &store.Instance{RunKey: r.Key, TaskID: task, MapIndex: mapIndex, State: dag.Queued, Try: n + 1, QueuedAt: midnight})
			}
		}
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutInstances(ctx, is) })
	kept, err := s.Instances(t.Context(), runs[1].Key)
	require.NoError(t, err)

	js := []store.Job{
		{RunKey: runs[1].Key, TaskID: `g."b"`, MapIndex: 11, Try: 2, Queue: "q"},
		{RunKey: runs[1].Key + 99, TaskID: "a", MapIndex: -1},
		{RunKey: runs[1].Key, TaskID: "none", MapIndex: -1},
		{RunKey: runs[2].Key, TaskID: "a", MapIndex: -1},
		{RunKey: runs[1].Key, TaskID: "c\x00", MapIndex: 0},
		{RunKey: runs[1].Key, TaskID: `g."b"`, MapIndex: 11, Try: 1},
	}
	got, err = s.Attempts(t.Context(), js)
	require.NoError(t, err)
	require.Len(t, got, len(js))
	for n, want := range []store.Attempt{
		{Run: runs[1], Instance: kept[5]}, {}, {Run: runs[1]}, {Run: runs[2], Instance: is[18]}, {Run: runs[1], Instance: kept[7]}, {Run: runs[1], Instance: kept[5]},
	} {
		assert.Equal(t, want, got[n], n)
	}
}
