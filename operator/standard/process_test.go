//go:build unix

package standard

import (
	"context"
	"log/slog"
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
			out := newOutput(ctx, &operator.TaskContext{Log: slog.New(slog.NewTextHandler(seen, nil))}, "utf-8")
			done := make(chan error, 1)
			go func() { done <- run(ctx, exec.Command("bash", "-c", command), out, 50*time.Millisecond) }()
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

// running reports whether a process is there and no zombie.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(state), "Z")
}

// A process that left the group and holds the output cannot keep the task.
func TestRunLeavesDeserters(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Fatal("this test needs setsid of util-linux")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := newWatcher()
	out := newOutput(ctx, &operator.TaskContext{Log: slog.New(slog.NewTextHandler(seen, nil))}, "utf-8")
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, exec.Command("bash", "-c", `setsid bash -c 'echo $$; exec sleep 1000'`), out, 50*time.Millisecond)
	}()
	_, text, _ := strings.Cut(strings.TrimSpace(<-seen.lines), "msg=")
	pid, err := strconv.Atoi(text)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	cancel()
	require.Error(t, <-done)
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
			out := newOutput(b.Context(), &operator.TaskContext{Log: slog.New(slog.DiscardHandler)}, "utf-8")
			require.NoError(b, run(b.Context(), exec.Command("bash", "-c", "true"), out, killGrace))
		}
	})
}
