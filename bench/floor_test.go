package bench_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // the driver of the store
)

// commits returns a floor: n rows in SQLite, each safe on the disk before the next.
func commits(b *testing.B, n int) func(*testing.B) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "floor")
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(b.Context(), "CREATE TABLE task (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")
	require.NoError(b, err)
	insert, err := db.PrepareContext(b.Context(), "INSERT INTO task (state) VALUES ('success')")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, insert.Close()) })
	return func(b *testing.B) {
		b.Helper()
		for range n {
			_, err := insert.ExecContext(b.Context())
			require.NoError(b, err)
		}
	}
}

// shells returns a floor: n shells that do nothing, so many at once, and one log line
// for each that ended.
func shells(b *testing.B, n, wide int) func(*testing.B) {
	b.Helper()
	log, err := os.OpenFile(filepath.Join(b.TempDir(), "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, log.Close()) })
	return many(n, wide, func(int) error {
		if err := exec.Command("bash", "-c", "true").Run(); err != nil {
			return err
		}
		_, err := log.WriteString("bash ended with exit code 0\n")
		return err
	})
}

// shellsWithFiles is the same with the files that a task has: each shell has a working folder
// of its own, which is removed, and a log file in a folder of its own, which stays.
func shellsWithFiles(b *testing.B, n, wide int) func(*testing.B) {
	b.Helper()
	logs, rounds := b.TempDir(), 0
	return func(b *testing.B) {
		b.Helper()
		rounds++
		round := filepath.Join(logs, "dag_id=bench", fmt.Sprintf("run_id=r%d", rounds))
		many(n, wide, func(i int) error { return shellWithFiles(filepath.Join(round, fmt.Sprintf("task_id=t%d", i))) })(b)
	}
}

func shellWithFiles(logs string) (err error) {
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(logs, "attempt=1.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	work, err := os.MkdirTemp("", "bench-bash-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	cmd := exec.Command("bash", "-c", "true")
	cmd.Dir = work
	if err := cmd.Run(); err != nil {
		return err
	}
	_, err = log.WriteString("bash ended with exit code 0\n")
	return err
}

// many does something n times, so many at once.
func many(n, wide int, fn func(i int) error) func(*testing.B) {
	return func(b *testing.B) {
		b.Helper()
		var g errgroup.Group
		g.SetLimit(wide)
		for i := range n {
			g.Go(func() error { return fn(i) })
		}
		require.NoError(b, g.Wait())
	}
}
