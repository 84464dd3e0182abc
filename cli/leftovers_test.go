//go:build linux

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/processtest"
)

// leavesSomething is a DAG whose task, when it runs for the first time, goes on for long
// and notes its two processes and its folder.
const leavesSomething = `
left:
  schedule: null
  start_date: 2026-01-01
  tasks:
    - task_id: t
      operator: bash
      bash_command: |
        if test -e "$OUT/again"; then exit 0; fi
        touch "$OUT/again"
        setsid sleep 1000 &
        echo $! > "$OUT/pids.new"; echo $$ >> "$OUT/pids.new"; pwd > "$OUT/folder"; mv "$OUT/pids.new" "$OUT/pids"
        sleep 1000
`

// living counts the processes that the task has noted in a folder and that live.
func living(t *testing.T, out string) (n int) {
	t.Helper()
	pids, err := os.ReadFile(filepath.Join(out, "pids"))
	require.NoError(t, err)
	for pid := range strings.FieldsSeq(string(pids)) {
		if stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat")); err == nil && !strings.Contains(string(stat), ") Z ") {
			n++
		}
	}
	return n
}

// killed starts a scheduler on a home with the DAG of leavesSomething, kills it in the
// middle of the task and returns the task's temporary folder, which is left behind with two
// processes.
func killed(t *testing.T, home, out string) (folder string) {
	t.Helper()
	p := scheduling(t, home, "OUT="+out)
	code, _, errs := run(t, "--home", home, "dags", "trigger", "left", "--run-id", "r")
	require.Zero(t, code, errs)
	p.until("begin the task", func() bool { _, err := os.Stat(filepath.Join(out, "pids")); return err == nil })
	p.kill(0)
	require.Equal(t, 2, living(t, out), "a kill ends no children")
	text, err := os.ReadFile(filepath.Join(out, "folder"))
	require.NoError(t, err)
	folder = strings.TrimSpace(string(text))
	require.DirExists(t, folder)
	return folder
}

// What a killed process left running is ended by the next one before it begins anything,
// also what has left the process group, and its temporary folder is gone.
func TestKillLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	home, out := homeWith(t, leavesSomething), t.TempDir()
	folder := killed(t, home, out)

	p := scheduling(t, home, "OUT="+out)
	assert.Zero(t, living(t, out))
	assert.NoDirExists(t, folder)
	assert.Contains(t, p.log.String(), "ending what a process that was killed left running")
	p.until("run the task again", func() bool { return strings.Contains(p.log.String(), "run succeeded") })
	p.stop()
	notes, err := os.ReadDir(filepath.Join(home, "processes"))
	require.NoError(t, err)
	assert.Empty(t, notes)
}

// A demo that keeps its state does so too.
func TestDemoLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	home, out := homeWith(t, leavesSomething), t.TempDir()
	folder := killed(t, home, out)
	require.NoError(t, os.Remove(filepath.Join(home, "dags", "dags.yaml"))) // a demo waits for all DAGs there

	cmd := exec.Command("dingdag", "demo", "--home", home)
	cmd.Env = append(os.Environ(), "OUT="+out)
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	assert.Zero(t, living(t, out))
	assert.NoDirExists(t, folder)
	notes, err := os.ReadDir(filepath.Join(home, "processes"))
	require.NoError(t, err)
	assert.Empty(t, notes)
}

// A start on a copy of a home folder, whose dingdag lives, ends nothing of it.
func TestCopiedHomeEndsNothing(t *testing.T) {
	t.Parallel()
	home, out := homeWith(t, leavesSomething), t.TempDir()
	p := scheduling(t, home, "OUT="+out)
	code, _, errs := run(t, "--home", home, "dags", "trigger", "left", "--run-id", "r")
	require.Zero(t, code, errs)
	p.until("begin the task", func() bool { _, err := os.Stat(filepath.Join(out, "pids")); return err == nil })
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP)) // it writes nothing while its store is copied
	p.until("stand still", func() bool {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "stat"))
		return err == nil && strings.Contains(string(stat), ") T ")
	})
	copied := filepath.Join(t.TempDir(), "copied")
	text, err := exec.Command("cp", "-r", home, copied).CombinedOutput()
	require.NoError(t, err, "%s", text)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT))

	// A start that is refused has ended nothing either, and keeps the notes.
	key, away := filepath.Join(copied, "secret.key"), filepath.Join(copied, "away")
	code, _, errs = run(t, "--home", copied, "connections", "add", "c", "--conn-type", "http", "--conn-password", "s3cr3t-w0rd")
	require.Zero(t, code, errs)
	require.NoError(t, os.Rename(key, away))
	code, _, errs = run(t, "--home", copied, "standalone")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "secret.key is missing")
	notes, err := os.ReadDir(filepath.Join(copied, "processes"))
	require.NoError(t, err)
	assert.Len(t, notes, 1)
	require.NoError(t, os.Rename(away, key))

	q := scheduling(t, copied, "OUT="+out)
	assert.Contains(t, q.log.String(), "leaving alone the commands of a process of another home folder")
	q.until("run the task of its own", func() bool { return strings.Contains(q.log.String(), "run succeeded") })
	q.stop()
	assert.Equal(t, 2, living(t, out))
	folder, err := os.ReadFile(filepath.Join(out, "folder"))
	require.NoError(t, err)
	assert.DirExists(t, strings.TrimSpace(string(folder)))
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGINT)) // a signal of another kind is not merged with it
	<-p.ended
	assert.Zero(t, living(t, out))
}

// What a killed test of a DAG or a task left is ended by the next start on its home, and
// one that lives is left alone.
func TestKilledTestLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	home := homeWith(t, leavesSomething)
	begin := func(args ...string) (p *process, temporary, out string) {
		temporary, out = t.TempDir(), t.TempDir()
		p = &process{t: t, cmd: exec.Command("dingdag", args...), log: &processtest.Log{}, ended: make(chan struct{})}
		p.cmd.Env = append(os.Environ(), "DINGDAG_HOME="+home, "TMPDIR="+temporary, "OUT="+out)
		p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
		p.cmd.WaitDelay = time.Millisecond
		require.NoError(t, p.cmd.Start())
		go func() {
			defer close(p.ended)
			p.err = p.cmd.Wait()
		}()
		t.Cleanup(func() {
			_ = p.cmd.Process.Kill()
			<-p.ended
		})
		p.until("begin the task", func() bool { _, err := os.Stat(filepath.Join(out, "pids")); return err == nil })
		return p, temporary, out
	}
	dags, dagsTemporary, dagsOut := begin("dags", "test", "left")
	tasks, tasksTemporary, tasksOut := begin("tasks", "test", "left", "t")
	lives, livesTemporary, livesOut := begin("dags", "test", "left")
	dags.kill(0)
	tasks.kill(0)
	require.Equal(t, 2, living(t, dagsOut))
	require.Equal(t, 2, living(t, tasksOut))

	p := scheduling(t, home, "OUT="+dagsOut)
	for out, temporary := range map[string]string{dagsOut: dagsTemporary, tasksOut: tasksTemporary} {
		assert.Zero(t, living(t, out))
		names, err := os.ReadDir(temporary)
		require.NoError(t, err)
		assert.Empty(t, names)
	}
	assert.Equal(t, 2, living(t, livesOut))
	names, err := os.ReadDir(livesTemporary)
	require.NoError(t, err)
	assert.Len(t, names, 2, "the folder of the test, and that of its command")
	p.stop()

	require.NoError(t, lives.cmd.Process.Signal(syscall.SIGTERM))
	lives.until("say what it waits for", func() bool {
		return strings.Contains(lives.log.String(), "stopping: running tries may finish, a second signal ends them now")
	})
	require.NoError(t, lives.cmd.Process.Signal(syscall.SIGTERM)) // it ends on the spot, and leaves that to the next start
	<-lives.ended
	p = scheduling(t, home, "OUT="+dagsOut)
	assert.Zero(t, living(t, livesOut))
	notes, err := os.ReadDir(filepath.Join(home, "processes"))
	require.NoError(t, err)
	assert.Empty(t, notes)
	p.stop()
}

// A test that ends by itself while a task still stops says nothing of signals.
func TestDAGsTestEndsWithoutASignal(t *testing.T) {
	t.Parallel()
	home := homeWith(t, `
late:
  schedule: null
  start_date: 2026-01-01
  dagrun_timeout: 0.5
  tasks: [{task_id: t, operator: bash, bash_command: "trap 'sleep 1; echo stopped; exit' TERM; while :; do sleep 0.05; done"}]
`)
	code, out, errs := run(t, "--home", home, "dags", "test", "late")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "INFO - stopped\n", "the attempt was still there at the end")
	assert.NotContains(t, errs, "signal")
}
