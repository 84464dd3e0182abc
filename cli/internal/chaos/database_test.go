//go:build linux

package chaos

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/processtest"
)

// postgresVariable names the folder of initdb and postgres.
const postgresVariable = "DINGDAG_TEST_POSTGRES_BIN"

// server is a PostgreSQL server of the test's own.
type server struct {
	t            *testing.T
	folder, port string
	as           *syscall.Credential
	out          processtest.Log
	process      *exec.Cmd
}

// newServer starts one with an empty database.
func newServer(t *testing.T) *server {
	t.Helper()
	bin := os.Getenv(postgresVariable)
	if bin == "" {
		t.Skip(postgresVariable + " names no folder with initdb and postgres: the database is restarted in the middle")
	}
	dir, err := os.MkdirTemp("", "chaos") //nolint:usetesting // nobody else may enter that of the test
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	s := &server{t: t, folder: filepath.Join(dir, "data")}
	if os.Geteuid() == 0 { // it refuses to be root
		u, err := user.Lookup("postgres")
		require.NoError(t, err)
		uid, err := strconv.Atoi(u.Uid)
		require.NoError(t, err)
		gid, err := strconv.Atoi(u.Gid)
		require.NoError(t, err)
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		require.NoError(t, os.Chown(dir, uid, gid))
	}
	cmd := s.command("initdb", "--pgdata", s.folder, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-sync")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.port = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	require.NoError(t, l.Close())
	require.NoError(t, s.start(t.Context()))
	t.Cleanup(func() {
		s.end()
		if t.Failed() {
			t.Logf("PostgreSQL says:\n%s", s.out.String())
		}
	})
	return s
}

func (s *server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(os.Getenv(postgresVariable), program), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

// start starts the server, and waits until it answers. That a crash of its processes loses nothing takes no fsync.
func (s *server) start(ctx context.Context) error {
	s.process = s.command("postgres", "-D", s.folder, "-p", s.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "max_connections=200")
	s.process.Stdout, s.process.Stderr = &s.out, &s.out
	if err := s.process.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		c, err := pgx.Connect(ctx, s.url("127.0.0.1:"+s.port))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("the database does not answer: %w\n%s", err, s.out.String())
		}
	}
}

// end ends it at once; it recovers at its next start, as after a crash.
func (s *server) end() {
	_ = s.process.Process.Signal(syscall.SIGQUIT) // it may have ended
	_ = s.process.Wait()                          // it was told to
}

// url is how it is reached at an address.
func (s *server) url(address string) string {
	return "postgres://postgres@" + address + "/postgres?sslmode=disable"
}
