//go:build linux

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two processes never work on one store, even when somebody has removed the lock file.
func TestTheStoreIsLocked(t *testing.T) {
	t.Parallel()
	home := homeWith(t, gated)
	p := scheduling(t, home)
	require.NoError(t, os.Remove(filepath.Join(home, "dingdag.lock")))
	code, _, errs := run(t, "--home", home, "standalone")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "another dingdag is already running on "+filepath.Join(home, "dingdag.db")+", whose dingdag.lock was removed")

	// And who asks whether somebody works there is told so: it asks instead of doing.
	code, _, errs = run(t, "--home", home, "dags", "trigger", "gated", "--run-id", "r")
	require.Zero(t, code, errs)
	p.until("begin", func() bool { return strings.Contains(p.log.String(), "run started") })
	code, _, errs = run(t, "--home", home, "dags", "mark-failed", "gated", "r")
	require.Zero(t, code, errs)
	p.until("end", func() bool { return strings.Contains(p.log.String(), "run failed") })
	p.stop()
}

// Without its key the store says so, and makes no other key.
func TestMissingKey(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	key := filepath.Join(home, "secret.key")
	for _, id := range []string{"one", "two"} {
		code, _, errs := run(t, "--home", home, "connections", "add", id, "--conn-type", "http", "--conn-host", id+".example.com", "--conn-password", "s3cr3t-w0rd")
		require.Zero(t, code, errs)
	}
	kept, err := os.ReadFile(key)
	require.NoError(t, err)
	require.NoError(t, os.Remove(key))
	for _, args := range [][]string{{"connections", "list"}, {"standalone"}, {"connections", "add", "x", "--conn-type", "http"}} {
		code, _, errs := run(t, append([]string{"--home", home}, args...)...)
		assert.Equal(t, 1, code)
		assert.Contains(t, errs, "the key "+key+" is missing, and the store holds connections or variables that were encrypted with it: restore it")
		assert.NoFileExists(t, key)
	}

	// With another key, each one that can't be opened is named, and the others are listed.
	require.NoError(t, os.WriteFile(key, []byte("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"), 0o600))
	code, _, errs := run(t, "--home", home, "connections", "add", "three", "--conn-type", "http", "--conn-password", "s3cr3t-w0rd")
	require.Zero(t, code, errs)
	code, out, errs := run(t, "--home", home, "connections", "list", "-o", "plain")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "three\thttp")
	assert.Contains(t, errs, `open connection "one": decrypt secret: it was encrypted with another key`)
	assert.Contains(t, errs, `open connection "two"`)
	code, _, errs = run(t, "--home", home, "connections", "delete", "one")
	assert.Zero(t, code, errs)

	require.NoError(t, os.WriteFile(key, kept, 0o600))
	code, out, _ = run(t, "--home", home, "connections", "get", "two", "--show-secrets", "-o", "plain")
	assert.Zero(t, code)
	assert.Contains(t, out, "s3cr3t-w0rd")
}

// Who may only look can look: at a store at rest, and at one that somebody works on.
func TestReadOnlyHome(t *testing.T) {
	t.Parallel()
	root, err := os.MkdirTemp("", "dingdag-home-") //nolint:usetesting // t.TempDir is for its owner alone
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	require.NoError(t, os.Chmod(root, 0o755))
	program, err := exec.LookPath("dingdag")
	require.NoError(t, err)
	binary, err := os.ReadFile(program)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "dingdag"), binary, 0o755))
	home := filepath.Join(root, "home")
	require.NoError(t, os.MkdirAll(filepath.Join(home, "dags"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(home, "dags", "d.yaml"), []byte(gated), 0o644))
	code, _, errs := run(t, "--home", home, "dags", "trigger", "gated", "--run-id", "r")
	require.Zero(t, code, errs)
	look := func(args ...string) (string, error) {
		cmd := exec.Command(filepath.Join(root, "dingdag"), args...)
		cmd.Env = []string{"DINGDAG_HOME=" + home, listenVariable + "=off", "PATH=" + os.Getenv("PATH")}
		if os.Geteuid() == 0 { // whom no rights stop
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for name, mode := range map[string]os.FileMode{"dingdag.db": 0o444, "secret.key": 0o444} {
		require.NoError(t, os.Chmod(filepath.Join(home, name), mode))
	}
	require.NoError(t, os.Chmod(home, 0o555))
	t.Cleanup(func() { _ = os.Chmod(home, 0o755) })
	out, err := look("dags", "list-runs", "gated")
	require.NoError(t, err, out)
	assert.Contains(t, out, "queued")
	out, err = look("dags", "trigger", "gated")
	require.Error(t, err)
	assert.Contains(t, out, "readonly")
	out, err = look("standalone")
	require.Error(t, err)
	assert.Contains(t, out, "lock the home folder: "+home+"/dingdag.lock: permission denied")
}

// Without a run id the log is that of the newest run that has one, not of one that waits.
func TestLogsOfTheNewestRunThatHasOne(t *testing.T) {
	t.Parallel()
	home := homeWith(t, "says:\n  schedule: null\n  start_date: 2026-01-01\n  tasks: [{task_id: t, operator: bash, bash_command: echo hello}]\n")
	code, _, errs := run(t, "--home", home, "dags", "trigger", "says", "--run-id", "first")
	require.Zero(t, code, errs)
	p := scheduling(t, home)
	p.until("end the run", func() bool { return strings.Contains(p.log.String(), "run succeeded") })
	p.stop()
	code, _, errs = run(t, "--home", home, "dags", "trigger", "says", "--run-id", "second")
	require.Zero(t, code, errs)
	code, out, errs := run(t, "--home", home, "tasks", "logs", "says", "t")
	assert.Zero(t, code, errs)
	assert.Contains(t, out, "INFO - hello\n")
	assert.Contains(t, errs, "run first, the newest in which t has a log")
}
