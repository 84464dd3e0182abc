package cli_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
)

// halfWay writes a line, waits until somebody opens the gate, and writes another one.
const halfWay = `
halfway:
  schedule: null
  start_date: 2026-01-01
  tasks:
    - {task_id: t, operator: bash, bash_command: 'echo line-one; read -r word < "$GATE"; echo line-two'}
`

// onMachine is a program on a machine of another name, which needs root.
func onMachine(t *testing.T, name string, env []string, args ...string) *process {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("DINGDAG_TEST_POSTGRES_URL is set, but only root can give a process a host name of its own")
	}
	script := `echo "$0" > /proc/sys/kernel/hostname && exec "$@"`
	return startProcess(t, env, "unshare", append([]string{"--uts", "sh", "-c", script, name, "dingdag"}, args...)...)
}

// The log of a try on another machine is read while it is written, and afterwards; when the machine is gone its name is said, or the log
// is in the log store.
func TestLogsOfAWorker(t *testing.T) {
	t.Parallel()
	for kind, place := range map[string]string{"none": "", "folder": t.TempDir(), "database": "database"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			database, _ := ownSchema(t)
			home, away := homeWith(t, halfWay), t.TempDir()
			gate := filepath.Join(home, "gate")
			require.NoError(t, exec.CommandContext(t.Context(), "mkfifo", gate).Run())
			env := append(os.Environ(), "DINGDAG_DATABASE_URL="+database, "DINGDAG_LOG_STORE="+place, "GATE="+gate, "DINGDAG_SECRET_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
				"DINGDAG_WORKER_LISTEN=127.0.0.1:0")
			on := func(home string, more ...string) []string {
				return append(append([]string{}, env...), append(more, "DINGDAG_HOME="+home)...)
			}
			scheduler := startProcess(t, on(home, listenVariable+"=off"), "dingdag", "scheduler")
			scheduler.until("work", func() bool { return strings.Contains(scheduler.log.String(), "dingdag works") })
			worker := onMachine(t, "worker-1", on(away), "worker")
			worker.until("work", func() bool { return strings.Contains(worker.log.String(), "dingdag works") })

			command := func(args ...string) string {
				cmd := exec.CommandContext(t.Context(), "dingdag", args...)
				cmd.Env = on(home)
				out, _ := cmd.CombinedOutput()
				return string(out)
			}
			t.Log(command("dags", "trigger", "halfway", "--run-id", "r"))
			logs := func() string { return command("tasks", "logs", "halfway", "t", "r") }
			worker.until("read the log while it is written", func() bool { return strings.Contains(logs(), "INFO - line-one") })
			assert.NotContains(t, logs(), "INFO - line-two")
			require.NoError(t, os.WriteFile(gate, []byte("go\n"), 0o600))
			worker.until("read all of it", func() bool { return strings.Contains(logs(), "INFO - line-two") })
			here, err := filepath.Glob(filepath.Join(home, "logs", "dag_id=*", "*", "*", "*.log"))
			require.NoError(t, err)
			assert.Empty(t, here, "it came from elsewhere")

			_, port, found := strings.Cut(worker.log.String(), "http://127.0.0.1:")
			require.True(t, found)
			res, err := http.Get("http://127.0.0.1:" + strings.Trim(strings.Fields(port)[0], `"`) + "/internal/task-logs/held?name=x.log")
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, http.StatusUnauthorized, res.StatusCode, "without a token nothing is told")
			worker.until("end the run", func() bool { return strings.Contains(command("dags", "list-runs", "halfway"), "success") })
			worker.stop()
			if place == "" {
				assert.Contains(t, logs(), "worker-1")
				assert.NotContains(t, logs(), "INFO - line-one")
			} else {
				assert.Contains(t, logs(), "INFO - line-one")
				assert.Contains(t, logs(), "INFO - line-two")
			}
			scheduler.stop()
		})
	}
}

// Old logs go from the disk of each process, and not from that of the one alone that leads. Those of runs that stay are left.
func TestOldLogsOfAWorker(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	leads := c.start("scheduler", "dingdag scheduler")
	c.says(leads, saysLeads)
	homes := map[string]string{"worker": t.TempDir(), "follower": t.TempDir()}
	worker := c.start("worker", "dingdag worker", "DINGDAG_HOME="+homes["worker"], "DINGDAG_HISTORY_EVERY=0.1s")
	for _, id := range []string{"stays", "goes"} {
		c.trigger("child", id)
		c.ends("child", id, dag.RunSuccess)
	}
	folder := func(on, id string) string {
		return filepath.Join(homes[on], "logs", "dag_id=child", "run_id="+id)
	}
	// The other scheduler ran tasks once, as a standalone.
	require.NoError(t, os.CopyFS(filepath.Join(homes["follower"], "logs"), os.DirFS(filepath.Join(homes["worker"], "logs"))))
	for on := range homes {
		assert.FileExists(t, filepath.Join(folder(on, "goes"), "task_id=only", "attempt=1.log"))
		require.NoError(t, filepath.WalkDir(filepath.Join(homes[on], "logs"), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour))
		}))
	}
	follower := c.start("follower", "dingdag scheduler", "DINGDAG_HOME="+homes["follower"], "DINGDAG_HISTORY_EVERY=0.1s")
	c.says(follower, saysFollows)
	c.command("dags", "delete-run", "child", "goes", "-y")
	for on := range homes {
		c.until("remove logs of the "+on, func() bool {
			_, err := os.Stat(folder(on, "goes"))
			return errors.Is(err, fs.ErrNotExist)
		})
		assert.FileExists(t, filepath.Join(folder(on, "stays"), "task_id=only", "attempt=1.log"), on)
	}
	c.says(worker, "old task logs are removed from the log folder")
	for _, n := range c.nodes {
		n.stop()
	}
}

// Logs that cannot be brought into the log store are counted for each node, and no longer once they are there.
func TestLogsThatWait(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	place := filepath.Join(t.TempDir(), "shared")
	require.NoError(t, os.WriteFile(place, nil, 0o600)) // a file where the folder should be
	c.env = append(c.env, "DINGDAG_LOG_STORE="+place)
	leads := c.start("scheduler", "dingdag scheduler", listenVariable+"=127.0.0.1:0", "DINGDAG_METRICS=true")
	c.says(leads, saysLeads)
	c.start("worker", "dingdag worker")
	c.trigger("child", "waits")
	c.ends("child", "waits", dag.RunSuccess)
	listed := func() []map[string]any {
		out, err := dingdagOn(t, t.TempDir(), c.database, "nodes", "list", "-o", "json")
		require.NoError(t, err, out)
		var all []map[string]any
		require.NoError(t, json.Unmarshal([]byte(out), &all), out)
		return all
	}
	waiting := func(n float64) func() bool {
		return func() bool {
			return slices.ContainsFunc(listed(), func(r map[string]any) bool {
				return slices.Contains(r["roles"].([]any), any("worker")) && r["logs_waiting"] == n
			})
		}
	}
	c.until("list a log that waits", waiting(1))
	c.until("count it", func() bool {
		return regexp.MustCompile(`(?m)^dingdag_logs_waiting\{node="[^"]+"\} 1$`).MatchString(c.metrics(leads))
	})
	require.NoError(t, os.Remove(place))
	c.until("send it", waiting(0))
	c.until("have sent it", func() bool {
		found, err := filepath.Glob(filepath.Join(place, "dag_id=child", "run_id=waits", "task_id=only", "attempt=1.*.log"))
		return err == nil && len(found) == 1
	})
	for _, n := range c.nodes {
		n.stop()
	}
}

// The message about a failure names the log where it is: in the log folder of the worker, and on which machine that is.
func TestMessagesNameTheLogOfAWorker(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	require.NoError(t, err)
	for place, more := range map[string]string{"": "", t.TempDir(): ", 随后在日志存储 then in the log store"} {
		c := newCluster(t, clusterDAGs)
		box := c.receiver(time.Millisecond)
		c.env = append(c.env, "DINGDAG_LOG_STORE="+place)
		c.says(c.start("scheduler", "dingdag scheduler"), saysLeads)
		home := t.TempDir()
		c.start("worker", "dingdag worker", "DINGDAG_HOME="+home)
		c.trigger("fails", "r")
		c.ends("fails", "r", dag.RunFailed)
		c.until("be told", func() bool { return len(box.Messages(sandbox.Filter{})) > 0 })
		text := box.Messages(sandbox.Filter{})[0].Content.Text
		assert.Contains(t, text, filepath.Join(home, "logs", "dag_id=fails", "run_id=r", "task_id=t", "attempt=1.log")+" (节点 on node "+host+more+")")
		for _, n := range c.nodes {
			n.stop()
		}
	}
}
