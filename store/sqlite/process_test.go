package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// roleKey names what this binary does when a test starts it as another process.
const roleKey = "STORE_TEST_ROLE"

func TestMain(m *testing.M) {
	role, ok := map[string]func() error{"writer": writer, "worker": worker, "nobody": nobody, "acknowledger": acknowledger}[os.Getenv(roleKey)]
	if !ok {
		goleak.VerifyTestMain(m)
		return
	}
	if err := role(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// process is this binary in a role.
type process struct {
	*exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

func start(t *testing.T, role, path string) process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleKey+"="+role, "STORE_TEST_PATH="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return process{cmd, in, bufio.NewScanner(out)}
}

// runs is how many runs each of two processes creates.
const runs = 100

func insertRuns(ctx context.Context, s *sqlite.Store, prefix string) error {
	for i := range runs {
		if err := s.Tx(ctx, func(tx store.Tx) error {
			_, err := tx.InsertRun(ctx, &store.Run{DAGID: "d", RunID: fmt.Sprint(prefix, i), RunAfter: day})
			return err
		}); err != nil {
			return err
		}
		if _, err := s.RunByID(ctx, "d", fmt.Sprint(prefix, i)); err != nil {
			return err
		}
	}
	return nil
}

func writer() (err error) {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, os.Getenv("STORE_TEST_PATH"), sqlite.Options{Node: "second"})
	if err != nil {
		return err
	}
	fmt.Println("open")
	// The test answers when it writes as well.
	if _, err := io.ReadFull(os.Stdin, make([]byte, 1)); err != nil {
		return err
	}
	if err := insertRuns(ctx, s, "second"); err != nil {
		return err
	}
	return s.Close()
}

func TestTwoProcessesWriteTheSameFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, path, sqlite.Options{})
	second := start(t, "writer", path)
	require.True(t, second.out.Scan())
	_, err := second.in.Write([]byte{'\n'})
	require.NoError(t, err)
	require.NoError(t, insertRuns(t.Context(), s, "first"))
	require.NoError(t, second.Wait())
	rs, err := s.Runs(t.Context(), store.RunFilter{})
	require.NoError(t, err)
	assert.Len(t, rs, 2*runs, "nothing lost")
}

// worker ends the job "done", begins "hangs", says so and waits to be killed.
func worker() error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, os.Getenv("STORE_TEST_PATH"), sqlite.Options{})
	if err != nil {
		return err
	}
	if err := s.Tx(ctx, func(tx store.Tx) error {
		return tx.Enqueue(ctx, []store.Job{{RunKey: 1, TaskID: "done"}, {RunKey: 1, TaskID: "hangs"}, {RunKey: 1, TaskID: "waits"}})
	}); err != nil {
		return err
	}
	return s.Work(ctx, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		if j.TaskID == "done" {
			return s.Tx(ctx, func(tx store.Tx) error {
				if err := tx.PutXCom(ctx, 1, "done", -1, "k", []byte(`1`)); err != nil {
					return err
				}
				return tx.Complete(ctx, j)
			})
		}
		fmt.Println(j.TaskID)
		select {}
	}})
}

// After kill -9 everything that was committed is there, a job that ended is not run
// again, the one that was running is found, and those that waited are run.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	p := start(t, "worker", path)
	require.True(t, p.out.Scan())
	require.Equal(t, "hangs", p.out.Text())
	require.NoError(t, p.Process.Kill())
	require.Error(t, p.Wait())

	s := open(t, path, sqlite.Options{})
	v, err := s.XCom(t.Context(), 1, "done", -1, "k")
	require.NoError(t, err)
	assert.JSONEq(t, `1`, string(v))
	lost, err := s.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, lost, 1)
	assert.Equal(t, "hangs", lost[0].TaskID)
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.Release(t.Context(), lost[0]) }))

	ctx, stop := context.WithCancel(t.Context())
	var ran []string
	require.NoError(t, s.Work(ctx, store.WorkOptions{Workers: 1, Handle: func(ctx context.Context, j store.Job) error {
		if ran = append(ran, j.TaskID); len(ran) == 2 {
			stop()
		}
		return s.Tx(ctx, func(tx store.Tx) error { return tx.Complete(ctx, j) })
	}}))
	assert.Equal(t, []string{"hangs", "waits"}, ran)
}

// nobody opens a store where it may not write. It is no root: root may write anywhere.
func nobody() error {
	if os.Getuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		return err
	}
	defer func() { _ = os.Chmod(dir, 0o700); _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "db")
	for _, c := range []struct{ file, dir os.FileMode }{
		{0, 0o500},     // no file yet
		{0o600, 0o500}, // a file that is writable in a folder that is not
		{0o400, 0o700}, // a file that is not
	} {
		if c.file != 0 {
			if err := os.Chmod(dir, 0o700); err != nil {
				return err
			}
			_ = os.Remove(path)
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			if err := os.Chmod(path, c.file); err != nil {
				return err
			}
		}
		if err := os.Chmod(dir, c.dir); err != nil {
			return err
		}
		_, err := sqlite.Open(context.Background(), path, sqlite.Options{})
		fmt.Printf("%v\n", err)
	}
	return nil
}

func TestReadOnlyPlaces(t *testing.T) {
	t.Parallel()
	p := start(t, "nobody", "")
	for _, name := range []string{"a folder", "a folder with a file", "a file"} {
		require.True(t, p.out.Scan(), name)
		assert.Contains(t, p.out.Text(), "open store ", name)
		assert.Contains(t, p.out.Text(), "be writable", name)
	}
	assert.False(t, p.out.Scan(), "one line each")
	require.NoError(t, p.Wait())
}
