package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"a folder": {
			func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Mkdir(path, 0o700)) },
			"is a directory",
		},
		"a missing folder": {
			func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Remove(filepath.Dir(path))) },
			"must exist and be writable",
		},
		"no database": {
			func(t *testing.T, path string) {
				t.Helper()
				require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 999)), 0o600))
			},
			"not a SQLite database",
		},
		"a database of a newer program": {
			func(t *testing.T, path string) {
				t.Helper()
				s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
				require.NoError(t, err)
				require.NoError(t, s.Close())
				db, err := sql.Open("sqlite", path)
				require.NoError(t, err)
				_, err = db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
				require.NoError(t, errors.Join(err, db.Close()))
			},
			"version 999 and this program knows",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "home")
			require.NoError(t, os.Mkdir(dir, 0o700))
			path := filepath.Join(dir, "db")
			c.make(t, path)
			before, err := os.ReadFile(path)
			exists := err == nil
			_, err = sqlite.Open(t.Context(), path, sqlite.Options{})
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, path)
			if exists {
				after, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, before, after, "the file is left as it was")
			}
		})
	}
}

// The characters that mean something in a URI are only characters in a path.
func TestOddPaths(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b?mode=memory&c#d%20e%")
	require.NoError(t, os.Mkdir(dir, 0o700))
	open(t, filepath.Join(dir, "db"), sqlite.Options{})
	info, err := os.Stat(filepath.Join(dir, "db"))
	require.NoError(t, err)
	assert.NotZero(t, info.Size())
	assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), "others must not read it")
}

// A copy of the files taken while the store is open is what a power cut leaves.
func TestReopenAfterACrash(t *testing.T) {
	t.Parallel()
	dir, copied := t.TempDir(), t.TempDir()
	s := open(t, filepath.Join(dir, "db"), sqlite.Options{})
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		if _, err := tx.InsertRun(t.Context(), &store.Run{DAGID: "d", RunID: "r", RunAfter: day}); err != nil {
			return err
		}
		return tx.Enqueue(t.Context(), []store.Job{{RunKey: 1, TaskID: "waits"}})
	}))
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		if err := tx.PutVersion(t.Context(), "open", "d", []byte("not committed"), time.Unix(1, 0)); err != nil {
			return err
		}
		// The log first: a checkpoint in between moves pages from it to the file.
		for _, name := range []string{"db-wal", "db"} {
			if err := copyFile(filepath.Join(copied, name), filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return nil
	}))

	next := open(t, filepath.Join(copied, "db"), sqlite.Options{})
	_, err := next.RunByID(t.Context(), "d", "r")
	require.NoError(t, err)
	_, err = next.Version(t.Context(), "open")
	require.ErrorIs(t, err, store.ErrNotFound, "its transaction was open")
	ctx, stop := context.WithCancel(t.Context())
	require.NoError(t, next.Work(ctx, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		defer stop()
		assert.Equal(t, "waits", j.TaskID)
		return next.Tx(ctx, func(tx store.Tx) error { return tx.Complete(ctx, j) })
	}}))
}

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	dst, err := os.Create(to)
	if err != nil {
		return errors.Join(err, src.Close())
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, src.Close(), dst.Close())
}
