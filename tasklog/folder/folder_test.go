package folder_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/folder"
	"github.com/dingdag/dingdag/tasklog/tasklogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFolder(t *testing.T) {
	t.Parallel()
	tasklogtest.Run(t, func(t *testing.T) tasklogtest.Open {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "shared", "logs")
		return func(*testing.T) tasklog.Store { return folder.New(dir) }
	})
}

// A part is a file that people find where the log would be, and nothing else is left of it.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := folder.New(dir)
	start := time.UnixMilli(1767225600123)
	const log = "dag_id=d/run_id=r/task_id=t/attempt=1.log"
	require.NoError(t, s.Put(t.Context(), log, tasklog.Part{Start: start, Node: "host/1", Size: 4}, strings.NewReader("text")))
	require.Error(t, s.Put(t.Context(), log, tasklog.Part{Start: start, Node: "b", Size: 5}, strings.NewReader("text")))
	assert.Equal(t, []string{"attempt=1.1767225600123.host%2F1.log"}, names(t, filepath.Join(dir, "dag_id=d/run_id=r/task_id=t")))

	// What a process that was killed has left goes with the run, what another one is writing does not.
	left, writing := filepath.Join(dir, "dag_id=d/run_id=r/task_id=t/.new-1"), filepath.Join(dir, "dag_id=d/run_id=r/task_id=t/.new-2")
	for _, file := range []string{left, writing} {
		require.NoError(t, os.WriteFile(file, nil, 0o600))
	}
	now := start.Add(24 * time.Hour)
	require.NoError(t, os.Chtimes(left, start, start))
	require.NoError(t, os.Chtimes(writing, now, now))
	_, err := s.Remove(t.Context(), "dag_id=d/run_id=r", now)
	require.NoError(t, err)
	assert.Equal(t, []string{".new-2"}, names(t, filepath.Join(dir, "dag_id=d/run_id=r/task_id=t")))
	require.NoError(t, os.Remove(writing))
	_, err = s.Remove(t.Context(), "dag_id=d/run_id=r", now)
	require.NoError(t, err)
	assert.Empty(t, names(t, dir), "no empty folder is left")
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// A folder that cannot be written says which one.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	err := folder.New(file).Put(t.Context(), "dag_id=d/run_id=r/task_id=t/attempt=1.log", tasklog.Part{Start: time.UnixMilli(1767225600000), Node: "a"}, strings.NewReader(""))
	require.ErrorContains(t, err, "keep a task log in "+file)
}
