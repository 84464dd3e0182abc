package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/cli/internal/processtest"
)

// A hangup stops the service in good order, which says what it waits for, and a second
// signal ends that.
func TestStandaloneStops(t *testing.T) {
	t.Parallel()
	home := homeWith(t, gated)
	gate := filepath.Join(home, "gate")
	require.NoError(t, syscall.Mkfifo(gate, 0o600))
	p := scheduling(t, home, "GATE="+gate, "DINGDAG_GRACE=10m")
	code, _, errs := run(t, "--home", home, "dags", "trigger", "gated", "--run-id", "r")
	require.Zero(t, code, errs)
	log := filepath.Join(home, "logs", "dag_id=gated", "run_id=r", "task_id=waits", "attempt=1.log")
	p.until("begin the task", func() bool { b, err := os.ReadFile(log); return err == nil && strings.Contains(string(b), "Output:") })
	hangup := os.Signal(syscall.SIGHUP)
	if signal.Ignored(hangup) { // these tests run under nohup, which the program inherits
		hangup = syscall.SIGTERM
	}
	require.NoError(t, p.cmd.Process.Signal(hangup))
	p.until("say what it waits for", func() bool {
		return strings.Contains(p.log.String(), `msg="stopping: running tries may finish, a second signal ends them now" tries=1 are=gated.waits grace=10m0s`)
	})
	p.stop()
	assert.Contains(t, p.log.String(), "stopping now: running tries are ended and queued again")
	assert.Contains(t, p.log.String(), "dingdag has stopped")
	_, out, _ := run(t, "--home", home, "tasks", "state", "gated", "waits", "r")
	assert.Equal(t, "queued\n", out)
}

// Who stops the service while it starts has it stopped in good order too.
func TestStandaloneStopsWhileItStarts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	env := map[string]string{"DINGDAG_HOME": t.TempDir(), listenVariable: "off"}
	code := cli.Run(ctx, []string{"standalone"}, cli.IO{
		In: strings.NewReader(""), Out: io.Discard, Err: &errs,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}, cli.Extensions{})
	assert.Zero(t, code, errs.String())
	assert.Contains(t, errs.String(), "dingdag has stopped before it had started")
}

// Under nohup a hangup is nothing.
func TestStandaloneIgnoresHangup(t *testing.T) {
	t.Parallel()
	home := homeWith(t, gated)
	p := &process{t: t, cmd: exec.Command("sh", "-c", `trap "" HUP; exec dingdag standalone`), log: &processtest.Log{}, ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "DINGDAG_HOME="+home)
	p.cmd.Stderr = p.log
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	p.until("work", func() bool { return strings.Contains(p.log.String(), "dingdag works") })
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGHUP))
	code, _, errs := run(t, "--home", home, "dags", "trigger", "gated", "--run-id", "r")
	require.Zero(t, code, errs)
	p.until("go on", func() bool { return strings.Contains(p.log.String(), "run started") })
	code, _, errs = run(t, "--home", home, "dags", "mark-failed", "gated", "r")
	require.Zero(t, code, errs)
	p.stop()
}

// When nobody reads its log any more the service goes on, and its commands know nothing of it.
func TestStandaloneOutlivesItsReader(t *testing.T) {
	t.Parallel()
	home := homeWith(t, `
piped:
  schedule: null
  start_date: 2026-01-01
  tasks: [{task_id: t, operator: bash, bash_command: 'yes | head -1; echo "${PIPESTATUS[0]}"'}]
`)
	cmd := exec.Command("dingdag", "standalone")
	cmd.Env = append(os.Environ(), "DINGDAG_HOME="+home)
	reader, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	seen := make([]byte, 0, 4096)
	for !strings.Contains(string(seen), "dingdag works") {
		n, err := reader.Read(seen[len(seen):cap(seen)])
		require.NoError(t, err)
		seen = seen[:len(seen)+n]
	}
	require.NoError(t, reader.(io.Closer).Close())
	code, _, errs := run(t, "--home", home, "dags", "trigger", "piped", "--run-id", "r", "--wait")
	require.Zero(t, code, errs)
	_, out, _ := run(t, "--home", home, "tasks", "xcoms", "piped", "r", "-o", "plain")
	assert.Contains(t, out, `"141"`)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
}

// Ctrl-C ends a question for a secret, and the terminal shows what is typed again.
func TestInterruptedSecret(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	s := onScreen(t, home, 120, "connections", "add", "c", "--conn-type", "http", "--conn-password", "-")
	s.await("type the password, which is not shown")
	s.awaitNoEcho()
	s.enter("half\x03")
	assert.Equal(t, 1, s.code(), s.shown)
	assert.Contains(t, s.shown.String(), "interrupted")
	assert.NotContains(t, s.shown.String(), "half")
}
