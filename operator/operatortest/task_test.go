package operatortest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestTask(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	task.Conns["c"] = &connections.Connection{ID: "c"}
	task.Vars["v"] = "value"
	task.Results["other"] = map[string]any{"return_value": []int{1}}

	conn, err := task.Connections.Connection(t.Context(), "c")
	require.NoError(t, err)
	assert.Equal(t, "c", conn.ID)
	_, err = task.Connections.Connection(t.Context(), "none")
	require.ErrorIs(t, err, connections.ErrNotFound)

	value, err := task.Variables.Variable(t.Context(), "v")
	require.NoError(t, err)
	assert.Equal(t, "value", value)
	_, err = task.Variables.Variable(t.Context(), "none")
	require.ErrorIs(t, err, connections.ErrNotFound)

	result, err := task.XCom.Pull(t.Context(), "other", "return_value")
	require.NoError(t, err)
	assert.JSONEq(t, "[1]", string(result))
	result, err = task.XCom.Pull(t.Context(), "other", "key")
	require.NoError(t, err)
	assert.Nil(t, result)

	go task.Log.Info("from elsewhere")
	task.AwaitLog("from elsewhere")
	assert.Contains(t, task.LogText(), "level=INFO")
}
