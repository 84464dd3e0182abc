package operator_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
)

func TestFileInFolder(t *testing.T) {
	t.Parallel()
	tc := &operator.TaskContext{DAGFolder: t.TempDir()}
	there := filepath.Join(tc.DAGFolder, "there.csv")
	require.NoError(t, os.WriteFile(there, nil, 0o600))
	for _, path := range []string{"there.csv", there} {
		got, err := tc.FileInFolder(path)
		require.NoError(t, err)
		assert.Equal(t, there, got)
	}
	_, err := tc.FileInFolder("gone.csv")
	require.EqualError(t, err, `no file "gone.csv" in the folder of the DAG file, `+tc.DAGFolder+
		", on this machine: put it there, let queue lead the task to machines that have it, or give an absolute path that all machines share")
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
	got, err := tc.FileInFolder("/nowhere/gone.csv")
	require.NoError(t, err, "whoever reads it says so")
	assert.Equal(t, "/nowhere/gone.csv", got)
}
