package worker

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/render"
)

// journal notes what it is told, and what there is then.
type journal struct {
	file  string
	told  []string
	fails error
}

func (j *journal) Begin(path string) (func(), error) {
	_, err := os.Stat(j.file)
	j.told = append(j.told, "begin "+path+": "+map[bool]string{true: "no file", false: "a file"}[errors.Is(err, os.ErrNotExist)])
	return func() {
		b, err := os.ReadFile(j.file)
		j.told = append(j.told, "done: "+map[bool]string{true: "no file", false: "a file"}[errors.Is(err, os.ErrNotExist)])
		if len(b) > 0 {
			j.told = append(j.told, "with text")
		}
	}, j.fails
}

// The journal knows of a log before there is something of it, and that it has ended when all of it is there.
func TestLogJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const path = "dag_id=d/run_id=r/task_id=t/attempt=1.log"
	j := &journal{file: filepath.Join(dir, path)}
	w := New(Options{Render: &render.Renderer{LogDir: dir}, Masker: connections.NewMasker(), Journal: j, Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
	w.Note(path, "lost")
	assert.Equal(t, []string{"begin " + path + ": no file", "done: a file", "with text"}, j.told)

	j.told = nil
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "dag_id=d")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dag_id=d"), nil, 0o600)) // it cannot be opened
	_, err := w.openLog(path)
	require.Error(t, err)
	assert.Len(t, j.told, 2, "it is not left open: %v", j.told)

	j.fails = &os.PathError{Op: "open", Path: ".unsent", Err: syscall.ENOSPC}
	require.NoError(t, os.Remove(filepath.Join(dir, "dag_id=d")))
	_, err = w.openLog(path)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.True(t, passes(err), "it is tried again")
	assert.NoFileExists(t, j.file)
}
