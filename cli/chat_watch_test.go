package cli_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// What people write starts the runs of a DAG that waits for it: each message once and in order, also while the program
// is killed; a command stays a command.
func TestMessagesStartDAGs(t *testing.T) {
	t.Parallel()
	w := talk(t, `
shipped:
  max_active_runs: 1
  schedule:
    - __type__: airflow.sdk.Asset
      name: ship
      watchers: [{name: asked, trigger: {trigger: dingtalk, dingtalk_conn_id: talk, regex: '^(ship|status) (?P<n>\d+)$'}}]
  tasks:
    - task_id: t
      operator: bash
      bash_command: "echo {% for e in triggering_asset_events['ship'] %}{{ e.extra.payload.match.n }}-{{ e.extra.payload.user_id }}-{{ e.source_task_id }} {% endfor %}"
`)
	assert.Contains(t, w.says("status 7"), "7", "a command is answered")
	s := w.open()
	defer s.Close()
	for n := range 10 {
		w.box.Say("ann", w.group, fmt.Sprintf("ship %d", n))
		if n == 4 { // all that was said is kept, and not all of it worked on
			w.until("keep what was said", func() bool {
				kept, err := s.ChatLog(t.Context(), store.ChatFilter{})
				require.NoError(t, err)
				return len(kept) == 6
			})
			w.kill(0)
			w.begin()
		}
	}
	w.until("update the asset ten times, and run for it", func() bool {
		es, err := s.AssetEventLog(t.Context(), store.AssetEventFilter{})
		require.NoError(t, err)
		told, err := s.ToldDAGs(t.Context())
		require.NoError(t, err)
		open, err := s.CountRuns(t.Context(), "shipped", dag.RunQueued, dag.RunRunning)
		require.NoError(t, err)
		return len(es) >= 10 && len(told) == 0 && open == 0
	})
	w.stop()
	es, err := s.AssetEventLog(t.Context(), store.AssetEventFilter{})
	require.NoError(t, err)
	require.Len(t, es, 10, "each message is one update")
	for i, e := range es { // the newest first
		assert.Contains(t, string(e.Extra), fmt.Sprintf(`"text":"ship %d"`, 9-i))
		assert.Empty(t, e.TaskID)
	}
	runs, err := s.Runs(t.Context(), store.RunFilter{DAGID: "shipped"})
	require.NoError(t, err)
	taken := 0
	for _, r := range runs {
		assert.Equal(t, dag.AssetRun, r.Type)
		assert.Equal(t, dag.RunSuccess, r.State)
		of, err := s.TakenAssetEvents(t.Context(), r.Key)
		require.NoError(t, err)
		taken += len(of)
		v, err := s.XCom(t.Context(), r.Key, "t", -1, "return_value")
		require.NoError(t, err)
		assert.Contains(t, string(v), "-ann-None")
	}
	assert.Equal(t, 10, taken)
}
