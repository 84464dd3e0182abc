package history_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
)

// local is what sweeps the log folder of a world in which nobody has written a log for an hour.
func (w *world) local(set func(*history.LocalOptions)) *history.Local {
	w.t.Helper()
	w.written("", now().Add(-time.Hour))
	o := history.LocalOptions{Store: w, LogDir: w.logs, Clock: now}
	if set != nil {
		set(&o)
	}
	return history.NewLocal(o)
}

// written has everything below a folder of the log folder written at a moment.
func (w *world) written(folder string, at time.Time) {
	w.t.Helper()
	require.NoError(w.t, filepath.WalkDir(filepath.Join(w.logs, folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(path, at, at)
	}))
}

// file writes a file below the log folder.
func (w *world) file(path string) {
	w.t.Helper()
	full := filepath.Join(w.logs, path)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(full), 0o750))
	require.NoError(w.t, os.WriteFile(full, []byte("line\n"), 0o600))
}

// files are those below the log folder.
func (w *world) files() (files []string) {
	w.t.Helper()
	require.NoError(w.t, filepath.WalkDir(w.logs, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != ".store" {
			files = append(files, strings.TrimPrefix(path, w.logs+"/"))
		}
		return err
	}))
	return files
}

func (w *world) sweep(l *history.Local) int {
	w.t.Helper()
	n, err := l.Sweep(w.t.Context())
	require.NoError(w.t, err)
	return n
}

// Logs go whose run is gone or has lost them, wherever that was done; the folder of a DAG goes with its last run.
func TestLocalLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("kept", 1, dag.RunSuccess, nil)
	w.run("open", 2, dag.RunRunning, nil)
	pruned, removed := w.run("pruned", 3, dag.RunSuccess, nil), w.run("removed", 4, dag.RunSuccess, nil)
	w.run("no xcoms", 5, dag.RunSuccess, nil)
	w.file("dag_id=d/run_id=removed/task_id=m/map_index=0/attempt=1.log")
	w.file("dag_id=d/run_id=removed/task_id=m/map_index=0/attempt=2.log")
	w.file("dag_id=gone/run_id=a/task_id=t/attempt=1.log")
	w.file("dag_id=gone/run_id=kept/task_id=t/attempt=1.log") // the run of another DAG
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.MarkPruned(ctx, pruned.Key, store.PrunableLogs)
		_, err2 := tx.RemoveRun(ctx, removed.Key)
		return errors.Join(err, err2)
	})
	l := w.local(nil)
	assert.Equal(t, 6, w.sweep(l))
	assert.Equal(t, []string{
		"dag_id=d/run_id=kept/task_id=t/attempt=1.log", "dag_id=d/run_id=no xcoms/task_id=t/attempt=1.log", "dag_id=d/run_id=open/task_id=t/attempt=1.log",
	}, w.files())
	assert.NoDirExists(t, filepath.Join(w.logs, "dag_id=gone"))
	assert.Zero(t, w.sweep(l), "nothing is left to do")
	left, err := os.ReadDir(filepath.Join(w.logs, ".removed"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Somebody may have just begun to write a log of which the store did not know when it was asked.
func TestLocalLogsThatAreNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.file("dag_id=d/run_id=new/task_id=old/attempt=1.log")
	w.file("dag_id=d/run_id=new/task_id=t/attempt=1.log")
	w.file("dag_id=d/run_id=old/task_id=t/attempt=1.log")
	w.file("dag_id=d/run_id=meanwhile/task_id=t/attempt=1.log")
	meanwhile := false
	l := w.local(func(o *history.LocalOptions) {
		o.Store = asked{w, func() {
			if meanwhile {
				w.written("dag_id=d/run_id=meanwhile/task_id=t", now())
			}
		}}
	})
	meanwhile = true
	w.written("dag_id=d/run_id=new/task_id=t", now().Add(-9*time.Minute))
	assert.Equal(t, 1, w.sweep(l))
	assert.Equal(t, []string{
		"dag_id=d/run_id=meanwhile/task_id=t/attempt=1.log", "dag_id=d/run_id=new/task_id=old/attempt=1.log", "dag_id=d/run_id=new/task_id=t/attempt=1.log",
	}, w.files())
	meanwhile = false
	w.written("", now().Add(-11*time.Minute))
	assert.Equal(t, 3, w.sweep(l))
	assert.Empty(t, w.files())
}

// asked is a store with something that happens each time it is asked.
type asked struct {
	*world
	then func()
}

func (a asked) KeptLogs(ctx context.Context, dagID string, runIDs []string) (map[string]bool, error) {
	a.then()
	return a.world.KeptLogs(ctx, dagID, runIDs)
}

// What the program has not written is nobody's to remove.
func TestLocalLeavesOtherFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := t.TempDir()
	for _, path := range []string{
		"notes.txt", ".folder", ".unsent/lock", "backup/run_id=r/task_id=t/attempt=1.log", "dag_id=d/notes.txt", "dag_id=d/old/attempt=1.log",
		"dag_id=d/run_id=1/notes.txt", "dag_id=d/run_id=2/task_id=t/attempt=1.log.gz", "dag_id=d/run_id=3/task_id=t/other/attempt=1.log",
		"dag_id=d/run_id=4/task_id=t/map_index=0/more/attempt=1.log", "dag_id=d/run_id=5/attempt=1.log", "dag_id=d/run_id=\xff/task_id=t/attempt=1.log",
		"dag_id=/run_id=r/task_id=t/attempt=1.log", "dag_id=d/run_id=/task_id=t/attempt=1.log",
	} {
		w.file(path)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(w.logs, "dag_id=d", "run_id=6", "task_id=t"), 0o750))
	for _, link := range []string{"dag_id=e", "dag_id=d/run_id=7", "dag_id=d/run_id=6/task_id=t/attempt=1.log"} {
		require.NoError(t, os.Symlink(elsewhere, filepath.Join(w.logs, link)))
	}
	before := w.files()
	assert.Zero(t, w.sweep(w.local(nil)))
	assert.Equal(t, before, w.files())
}

// Logs that are not in the log store yet are not lost.
func TestLocalLogsThatWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.file("dag_id=d/run_id=gone/task_id=t/attempt=1.log")
	waiting := 1
	l := w.local(func(o *history.LocalOptions) { o.Waiting = func() int { return waiting } })
	assert.Zero(t, w.sweep(l))
	waiting = 0
	assert.Equal(t, 1, w.sweep(l))
}

// While the store cannot be asked, all stays, and what an earlier process has moved away goes.
func TestLocalLogsWithoutAStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.file("dag_id=d/run_id=gone/task_id=t/attempt=1.log")
	w.file(".removed/local-1/run_id=r/task_id=t/attempt=1.log")
	l := w.local(func(o *history.LocalOptions) { o.Store = away{} })
	n, err := l.Sweep(t.Context())
	require.ErrorIs(t, err, errKilled)
	assert.Equal(t, 1, n)
	assert.Equal(t, []string{"dag_id=d/run_id=gone/task_id=t/attempt=1.log"}, w.files())
}

// Logs of the runs of another store, which this one does not know, are not removed until somebody says that this is the right one.
func TestLocalLogsOfAnotherStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.file("dag_id=d/run_id=gone/task_id=t/attempt=1.log")
	w.file(".store")
	l := w.local(nil)
	n, err := l.Sweep(t.Context())
	require.ErrorContains(t, err, "are of another database, and none is removed")
	assert.Zero(t, n)
	assert.FileExists(t, filepath.Join(w.logs, "dag_id=d/run_id=gone/task_id=t/attempt=1.log"))
	require.NoError(t, os.Remove(filepath.Join(w.logs, ".store")))
	assert.Equal(t, 1, w.sweep(l))
	is, err := w.Identity(t.Context())
	require.NoError(t, err)
	was, err := os.ReadFile(filepath.Join(w.logs, ".store"))
	require.NoError(t, err)
	assert.Equal(t, is, string(was))
	w.file("dag_id=d/run_id=gone/task_id=t/attempt=1.log")
	assert.Equal(t, 1, w.sweep(w.local(nil)), "it is known now")
}

// away is a store that cannot be asked.
type away struct{}

func (away) Identity(context.Context) (string, error) { return "", errKilled }

func (away) KeptLogs(context.Context, string, []string) (map[string]bool, error) {
	return nil, errKilled
}

// There may be no log yet.
func TestLocalWithoutLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Zero(t, w.sweep(history.NewLocal(history.LocalOptions{Store: w, LogDir: w.logs, Clock: now})))
}

// More runs than the store is asked for at once go, too.
func TestManyLocalLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 1200 {
		w.file(filepath.Join("dag_id=d", "run_id="+strings.Repeat("x", i%200)+time.Unix(int64(i), 0).UTC().Format("150405"), "task_id=t", "attempt=1.log"))
	}
	assert.Equal(t, 1200, w.sweep(w.local(nil)))
	assert.Empty(t, w.files())
}
