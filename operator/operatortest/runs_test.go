package operatortest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestRunsTrigger(t *testing.T) {
	t.Parallel()
	runs := operatortest.NewTask(t).DAGRuns
	made, err := runs.Trigger(t.Context(), operator.TriggerRequest{DAGID: "a"})
	require.NoError(t, err)
	id, err := runs.Trigger(t.Context(), operator.TriggerRequest{DAGID: "a", RunID: "x"})
	require.NoError(t, err)
	assert.Equal(t, []string{"manual__1", "x"}, []string{made, id})

	_, err = runs.Trigger(t.Context(), operator.TriggerRequest{DAGID: "a", RunID: "x"})
	require.ErrorIs(t, err, operator.ErrRunExists)
	runs.SetRun("a", "x", "failed")
	_, err = runs.Trigger(t.Context(), operator.TriggerRequest{DAGID: "a", RunID: "x", Reset: true})
	require.NoError(t, err)
	state, err := runs.RunState(t.Context(), "a", "x")
	require.NoError(t, err)
	assert.Equal(t, "queued", state, "a reset run begins anew")
	assert.Len(t, runs.Requests(), 4)
}

func TestRunsStates(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	runs := task.DAGRuns
	runs.Groups["a"] = map[string][]string{"g": {"g.x", "g.y"}}
	runs.SetState("a", task.LogicalDate, "", "running")
	runs.SetState("a", task.LogicalDate, "g.x", "success")
	for _, tc := range []struct {
		ids  []string
		want map[string]string
	}{
		{nil, map[string]string{"": "running"}},
		{[]string{"g", "other"}, map[string]string{"g.x": "success"}},
	} {
		got, err := runs.States(t.Context(), "a", task.LogicalDate, tc.ids)
		require.NoError(t, err)
		assert.Equal(t, tc.want, got)
	}
	got, err := runs.States(t.Context(), "a", task.DataIntervalEnd, nil)
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestRunsKnown(t *testing.T) {
	t.Parallel()
	runs := operatortest.NewRuns()
	runs.DAGs["a"] = []string{"t"}
	runs.Groups["a"] = map[string][]string{"g": {"g.x"}}
	runs.Paused = []string{"a"}
	for _, tc := range []struct {
		dag, task string
		want      bool
	}{{"a", "", true}, {"a", "t", true}, {"a", "g", true}, {"a", "u", false}, {"b", "", false}} {
		known, paused := runs.Known(t.Context(), tc.dag, tc.task)
		assert.Equal(t, tc.want, known, tc)
		assert.Equal(t, tc.dag == "a", paused)
	}
}

func TestRunsFail(t *testing.T) {
	t.Parallel()
	runs := operatortest.NewRuns()
	runs.Err = errors.New("no store")
	_, err := runs.RunState(t.Context(), "a", "x")
	require.EqualError(t, err, "no store")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(operator.ErrShutdown)
	_, err = runs.Trigger(ctx, operator.TriggerRequest{})
	require.ErrorIs(t, err, operator.ErrShutdown)
}
