//go:build linux

package process

import (
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// dead had the number of this process before it.
func dead() owner { return owner{PID: os.Getpid(), Started: "1"} }

// left starts a command as a process would that is killed at once: nobody waits for it.
func left(t *testing.T, tc *operator.TaskContext, by owner, text string) *exec.Cmd {
	t.Helper()
	mark := newMark()
	dir := filepath.Join(t.TempDir(), workingPrefix+"x")
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
	require.NoError(t, n.write(noted{Owner: by}, 0))
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
		plain := left(t, tc, dead(), "sleep 1000")
		deserter := left(t, tc, dead(), "touch here; setsid sleep 1000 & sleep 1000")
		done := left(t, tc, dead(), "exit 0")
		require.NoError(t, done.Wait())
		assert.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(deserter.Dir, "here")); return err == nil }, 10*time.Second, time.Millisecond)
		stranger := exec.Command("sleep", "1000")
		require.NoError(t, stranger.Start())
		t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
		here, err := folderAt(tc.ProcessDir)
		require.NoError(t, err)
		for name, what := range map[string]noted{
			"reused":  {Machine: machineStart(), Mark: newMark(), Leader: stranger.Process.Pid, Started: "1"},
			"earlier": {Machine: "another start", Mark: newMark(), Leader: stranger.Process.Pid, Started: startedAt(stranger.Process.Pid)},
			"foreign": {Machine: machineStart(), Dir: stranger.Dir, Cgroup: "/sys/fs/cgroup"},
		} {
			what.Home, what.Owner = here, dead()
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

// What belongs to a process that lives, or was noted in a folder of which this one is a
// copy, goes on.
func TestEndLeftoversOfOthers(t *testing.T) { //nolint:paralleltest // it chooses for all whether there are cgroups
	for _, cgroups := range []bool{true, false} {
		useCgroups(t, cgroups)
		tc := &operator.TaskContext{DAGID: "d", RunID: "r", TaskID: "t", TryNumber: 2, Log: slog.New(slog.DiscardHandler), ProcessDir: filepath.Join(t.TempDir(), "processes")}
		lives := left(t, tc, self(), "sleep 1000")
		orphan := left(t, tc, dead(), "sleep 1000")
		copied := filepath.Join(t.TempDir(), "processes")
		require.NoError(t, os.CopyFS(copied, os.DirFS(tc.ProcessDir)))
		require.NoError(t, os.WriteFile(filepath.Join(copied, "before"+noteEnd), []byte(`{"machine":"`+machineStart()+`","leader":`+strconv.Itoa(orphan.Process.Pid)+`,"dir":"`+orphan.Dir+`"}`), 0o600))
		draft := filepath.Join(tc.ProcessDir, "x"+draftEnd)
		require.NoError(t, os.WriteFile(draft, nil, 0o600))
		old := filepath.Join(tc.ProcessDir, "y"+draftEnd)
		require.NoError(t, os.WriteFile(old, nil, 0o600))
		require.NoError(t, os.Chtimes(old, time.Time{}, time.Unix(0, 0)))

		var log strings.Builder
		n, err := EndLeftovers(t.Context(), copied, slog.New(slog.NewTextHandler(&log, nil)))
		require.NoError(t, err)
		assert.Zero(t, n)
		assert.Equal(t, 3, strings.Count(log.String(), "leaving alone the commands of a process of another home folder"), log.String())
		names, err := os.ReadDir(copied)
		require.NoError(t, err)
		assert.Empty(t, names, "the notes are not about this folder")
		for _, cmd := range []*exec.Cmd{lives, orphan} {
			assert.True(t, running(cmd.Process.Pid))
			assert.DirExists(t, cmd.Dir)
		}

		moved := filepath.Join(t.TempDir(), "moved")
		require.NoError(t, os.Rename(tc.ProcessDir, moved))
		n, err = EndLeftovers(t.Context(), moved, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		assert.False(t, running(orphan.Process.Pid))
		assert.NoDirExists(t, orphan.Dir)
		assert.True(t, running(lives.Process.Pid))
		assert.DirExists(t, lives.Dir)
		names, err = os.ReadDir(moved)
		require.NoError(t, err)
		assert.Len(t, names, 2, "the note of who lives, and one that is being written")
		assert.NoFileExists(t, filepath.Join(moved, "y"+draftEnd))
	}
}

// A command that ends leaves no note and no group behind.
func TestBashRemovesItsNote(t *testing.T) {
	t.Parallel()
	tc := &operator.TaskContext{Log: slog.New(slog.DiscardHandler), ProcessDir: t.TempDir()}
	text := `ls "` + tc.ProcessDir + `" | wc -l; cat /proc/self/cgroup | grep -c dingdag-`
	out := NewOutput(t.Context(), tc, "utf-8")
	err := Bash(t.Context(), tc, text, t.TempDir(), os.Environ(), out)
	if ownCgroup() == "" || noCgroups.Load() {
		require.Error(t, err)
	} else {
		require.NoError(t, err)
		assert.Equal(t, "1", out.Result())
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
