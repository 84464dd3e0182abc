//go:build linux

package process

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
)

// A process that ignores SIGTERM gets SIGKILL, even when nobody waits for it.
func TestRunKillsAfterGrace(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{
		"leader":              `trap '' TERM; echo $$; while :; do sleep 1000; done`,
		"detached background": `bash -c 'trap "" TERM; echo $$; exec >/dev/null 2>&1; while :; do sleep 1000; done' & sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			seen := newWatcher()
			out := NewOutput(ctx, &operator.TaskContext{Log: slog.New(slog.NewTextHandler(seen, nil))}, "utf-8")
			done := make(chan error, 1)
			go func() { done <- run(ctx, bashCommand(command), out, 50*time.Millisecond) }()
			line := <-seen.lines
			_, text, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			pid, err := strconv.Atoi(text)
			require.NoError(t, err)
			cancel()
			require.Error(t, <-done)
			assert.Eventually(t, func() bool { return !running(pid) }, 5*time.Second, 5*time.Millisecond)
		})
	}
}

func bashCommand(text string) command {
	return command{args: []string{"bash", "-c", text}, env: os.Environ(), mark: newMark()}
}

// running reports whether a process is there and no zombie.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(state), "Z")
}

// Whoever has left the process group is ended as well.
func TestRunEndsDeserters(t *testing.T) { //nolint:paralleltest // it chooses for all whether there are cgroups
	needTools(t, "setsid", "env")
	for _, tc := range []struct { //nolint:paralleltest // as above
		name, command string
		cgroup        bool // without one nobody could know
	}{
		{"another session", `setsid bash -c 'echo $$; exec sleep 1000'`, false},
		{"another session, outlives its parent", `setsid bash -c 'echo $$; exec >&- 2>&-; trap "" TERM; while :; do sleep 1; done' & sleep 0.1; exec sleep 1000`, false},
		{"no mark, with a parent", `setsid env -i bash -c 'echo $$; exec sleep 1000' & sleep 1000`, false},
		{"no mark and no parent", `(setsid env -i bash -c 'echo $$; exec >&- 2>&-; exec /bin/sleep 1000' &) ; sleep 1000`, true},
	} {
		for _, cgroups := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, cgroups %t", tc.name, cgroups), func(t *testing.T) {
				if !cgroups && tc.cgroup {
					return
				}
				if withCgroups := useCgroups(t, cgroups); !withCgroups && tc.cgroup {
					return // docs/operators/bash.md says so
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				seen := newWatcher()
				out := NewOutput(ctx, &operator.TaskContext{Log: slog.New(slog.NewTextHandler(seen, nil))}, "utf-8")
				done := make(chan error, 1)
				go func() { done <- run(ctx, bashCommand(tc.command), out, 50*time.Millisecond) }()
				_, text, _ := strings.Cut(strings.TrimSpace(<-seen.lines), "msg=")
				pid, err := strconv.Atoi(text)
				require.NoError(t, err)
				t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
				cancel()
				require.ErrorIs(t, <-done, context.Canceled)
				assert.Eventually(t, func() bool { return !running(pid) }, 5*time.Second, time.Millisecond, "one that was killed is gone soon")
			})
		}
	}
}

// What a command leaves running on purpose stays.
func TestRunLeavesDaemons(t *testing.T) {
	t.Parallel()
	needTools(t, "setsid")
	seen := newWatcher()
	out := NewOutput(t.Context(), &operator.TaskContext{Log: slog.New(slog.NewTextHandler(seen, nil))}, "utf-8")
	require.NoError(t, run(t.Context(), bashCommand(`setsid bash -c 'echo $$; exec >&- 2>&-; exec sleep 1000' & sleep 0.3`), out, killGrace))
	_, text, _ := strings.Cut(strings.TrimSpace(<-seen.lines), "msg=")
	pid, err := strconv.Atoi(text)
	require.NoError(t, err)
	assert.True(t, running(pid))
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}

func needTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("this test needs %s of util-linux or coreutils", tool)
		}
	}
}

// watcher hands over each log line.
type watcher struct{ lines chan string }

func newWatcher() *watcher { return &watcher{lines: make(chan string, 100)} }

func (w *watcher) Write(p []byte) (int, error) {
	w.lines <- string(p)
	return len(p), nil
}

func BenchmarkBashTrue(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, exec.Command("bash", "-c", "true").Run())
		}
	})
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			out := NewOutput(b.Context(), &operator.TaskContext{Log: slog.New(slog.DiscardHandler)}, "utf-8")
			require.NoError(b, run(b.Context(), bashCommand("true"), out, killGrace))
		}
	})
}
