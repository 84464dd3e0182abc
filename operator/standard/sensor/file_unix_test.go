//go:build unix

package sensor_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
)

// Opening a pipe to which nobody writes would never end.
func TestFileSensorOpensNoPipe(t *testing.T) {
	t.Parallel()
	task, root := tree(t, "in/")
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "in", "pipe"), 0o600))
	for _, text := range []string{
		"filepath: in/pipe", "filepath: 'in/*'", "filepath: in/pipe/x", "filepath: 'in/pipe/*'", "filepath: in",
		"{filepath: 'in/pipe/**', recursive: true}", "{filepath: '**', recursive: true}", "{filepath: 'in/**/pipe', recursive: true}",
		"filepath: /dev/null",
	} {
		assert.Equal(t, operator.Waiting, look(t, task, "file_sensor", text).Kind, text)
	}
	assert.Contains(t, task.LogText(), `level=WARN msg="this is not a regular file and does not count"`)
	require.NoError(t, os.WriteFile(filepath.Join(root, "in", "file"), nil, 0o600))
	assert.Equal(t, operator.Success, look(t, task, "file_sensor", "filepath: in").Kind)
}
