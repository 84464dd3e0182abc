//go:build linux

package standard

import (
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
)

// useCgroups chooses whether commands get cgroups, for a test that does not run beside
// others, and reports whether they do.
func useCgroups(t *testing.T, use bool) bool {
	t.Helper()
	before := noCgroups.Load()
	t.Cleanup(func() { noCgroups.Store(before) })
	noCgroups.Store(!use)
	if !use {
		return false
	}
	var g cgroup
	_, ok := g.open(newMark())
	g.remove()
	return ok
}

// left starts a command as a process would that is killed at once: nobody waits for it.
func left(t *testing.T, tc *operator.TaskContext, text string) *exec.Cmd {
	t.Helper()
	mark := newMark()
	dir := filepath.Join(t.TempDir(), tempPrefix+"x")
	require.NoError(t, os.Mkdir(dir, 0o700))
	n, err := newNote(tc, mark, dir)
	require.NoError(t, err)
	k := &kin{mark: mark}
	cmd, err := k.start(func() *exec.Cmd {
		cmd := exec.Command("bash", "-c", text)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), markEnv+"="+mark)
		return cmd
	})
	require.NoError(t, err)
	n.started(k)
	t.Cleanup(func() {
		k.killAll()
		_ = cmd.Wait()
		k.group.remove()
	})
	return cmd
}

func TestEndLeftovers(t *testing.T) { //nolint:paralleltest // it chooses for all whether there are cgroups
	needTools(t, "setsid")
	for _, cgroups := range []bool{true, false} {
		useCgroups(t, cgroups)
		tc := &operator.TaskContext{DAGID: "d", RunID: "r", TaskID: "t", TryNumber: 2, Log: slog.New(slog.DiscardHandler), ProcessDir: filepath.Join(t.TempDir(), "processes")}
		plain := left(t, tc, "sleep 1000")
		deserter := left(t, tc, "touch here; setsid sleep 1000 & sleep 1000")
		done := left(t, tc, "exit 0")
		require.NoError(t, done.Wait())
		assert.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(deserter.Dir, "here")); return err == nil }, 10*time.Second, time.Millisecond)
		stranger := exec.Command("sleep", "1000")
		require.NoError(t, stranger.Start())
		t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
		for name, what := range map[string]noted{
			"reused":  {Machine: machineStart(), Mark: newMark(), Leader: stranger.Process.Pid, Started: "1"},
			"earlier": {Machine: "another start", Mark: newMark(), Leader: stranger.Process.Pid, Started: startedAt(stranger.Process.Pid)},
			"foreign": {Machine: machineStart(), Dir: stranger.Dir, Cgroup: "/sys/fs/cgroup"},
		} {
			text, err := json.Marshal(what)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(tc.ProcessDir, name+noteEnd), append(text, "\n{\"leader\":"...), 0o600))
		}

		var log strings.Builder
		n, err := EndLeftovers(t.Context(), tc.ProcessDir, slog.New(slog.NewTextHandler(&log, nil)))
		require.NoError(t, err)
		assert.Equal(t, 6, n)
		assert.Equal(t, 2, strings.Count(log.String(), "ending what a process that was killed left running"), log.String())
		assert.Contains(t, log.String(), "dag=d run=r task=t try=2")
		for _, cmd := range []*exec.Cmd{plain, deserter, done} {
			assert.False(t, running(cmd.Process.Pid))
			assert.NoDirExists(t, cmd.Dir)
		}
		assert.True(t, running(stranger.Process.Pid), "a number that somebody else has now")
		of := kin{mark: strings.TrimPrefix(deserter.Env[len(deserter.Env)-1], markEnv+"=")}
		assert.Empty(t, of.members())
		names, err := os.ReadDir(tc.ProcessDir)
		require.NoError(t, err)
		assert.Empty(t, names)
	}
	n, err := EndLeftovers(t.Context(), filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	assert.Zero(t, n)
}

// A command that ends leaves no note and no group behind.
func TestBashRemovesItsNote(t *testing.T) {
	t.Parallel()
	tc := &operator.TaskContext{Log: slog.New(slog.DiscardHandler), ProcessDir: t.TempDir()}
	op := &BashOperator{Command: `ls "` + tc.ProcessDir + `" | wc -l; cat /proc/self/cgroup | grep -c dingdag-`}
	result, err := op.Execute(t.Context(), tc)
	if ownCgroup() == "" || noCgroups.Load() {
		require.Error(t, err)
	} else {
		require.NoError(t, err)
		assert.Equal(t, "1", result)
	}
	names, err := os.ReadDir(tc.ProcessDir)
	require.NoError(t, err)
	assert.Empty(t, names)
}

func TestCgroupFolder(t *testing.T) {
	t.Parallel()
	const mounts = "24 1 0:22 / /proc rw - proc proc rw\n33 24 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
	for own, want := range map[string]string{
		"0::/system.slice/dingdag.service\n": "/sys/fs/cgroup/system.slice/dingdag.service",
		"0::/\n":                             "/sys/fs/cgroup",
		"9:pids:/x\n0::/y\n":                 "/sys/fs/cgroup/y",
		"9:pids:/x\n":                        "",
		"":                                   "",
	} {
		assert.Equal(t, want, cgroupFolder(own, mounts), own)
	}
	assert.Equal(t, "/mnt/c/b", cgroupFolder("0::/a/b\n", "33 24 0:28 /a /mnt/c rw - cgroup2 none rw\n"))
	assert.Empty(t, cgroupFolder("0::/b\n", "33 24 0:28 /a /mnt/c rw - cgroup2 none rw\n"), "a group that the mount does not show")
	assert.Empty(t, cgroupFolder("0::/b\n", "33 24 0:28 / /mnt/c rw - tmpfs none rw\n"))
}
