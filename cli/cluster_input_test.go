package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// A home folder has one process. A second one says which has it, and harms it in nothing.
func TestAHomeIsUsedOnceInACluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	home := t.TempDir()
	c.start("scheduler", "dingdag scheduler")
	w := c.start("worker1", "dingdag worker", "DINGDAG_HOME="+home)
	c.says(w, "dingdag works")
	for _, command := range []string{"worker", "scheduler", "standalone"} {
		out, err := dingdagOn(t, home, c.database, command)
		failed(t, err)
		assert.Contains(t, out, fmt.Sprintf("another dingdag is already running on %s (PID %d): stop it, or use another --home", home, w.cmd.Process.Pid), command)
	}
	c.trigger("held", "one")
	c.held("one", w)
	c.free("one")
	assert.Equal(t, w.cmd.Process.Pid, c.ends("held", "one", dag.RunSuccess)["hold"].PID)
}

// Who joins with another secret key than those who work is told at once, and so is whoever looks after all of them.
func TestAWorkerHasAnotherKey(t *testing.T) {
	t.Parallel()
	const text = "the secret key of this process is another one than that of a process that has worked here before"
	c := newCluster(t, clusterDAGs)
	const secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	key := "DINGDAG_SECRET_KEY=" + secret
	first := c.start("scheduler", "dingdag scheduler", key)
	c.says(first, saysLeads)
	same := c.start("worker1", "dingdag worker", key)
	c.says(same, "dingdag works")
	other := c.start("worker2", "dingdag worker") // with a key that it makes
	c.says(other, text)
	var id string
	for _, n := range c.living() {
		if n.Schedules {
			id = n.ID
		}
	}
	assert.Contains(t, other.log.String(), "other="+id)
	for _, n := range []*clusterNode{first, same} {
		assert.NotContains(t, n.log.String(), text, n.name)
	}
	out, err := dingdagOn(t, t.TempDir(), c.database, "health", "-o", "json")
	require.NoError(t, err, out)
	assert.Contains(t, out, "is another one than that of node "+id)
	said := []string{out}
	out, err = c.nodesCommand("list", "-o", "plain")
	require.NoError(t, err, out)
	assert.Equal(t, 1, strings.Count(out, "\tother\t"), out)

	// Once something is encrypted nobody begins to work who cannot read it, whatever it is.
	homeWith := func(key string) string {
		home := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(home, "secret.key"), []byte(key+"\n"), 0o600))
		return home
	}
	set, err := dingdagOn(t, homeWith(secret), c.database, "variables", "set", "greeting", "hello")
	require.NoError(t, err, set)
	strange := homeWith("c3RyYW5nZXItc3RyYW5nZXItc3RyYW5nZXItMTIzNCE=")
	for _, command := range []string{"worker", "scheduler", "standalone"} {
		out, err = dingdagOn(t, strange, c.database, command, "--dags-folder", c.dags)
		failed(t, err)
		assert.Contains(t, out, "the secret key of this node does not open what the database holds: set the DINGDAG_SECRET_KEY that node "+id+" has, or copy secret.key from its home folder to "+
			filepath.Join(strange, "secret.key")+", and start this one again", command)
		assert.Contains(t, out, `variable "greeting"`, command)
		said = append(said, out)
		out, err = dingdagOn(t, t.TempDir(), c.database, command, "--dags-folder", c.dags)
		failed(t, err)
		assert.Contains(t, out, "is missing, and the database holds connections or variables that were encrypted on another machine: copy secret.key", command)
		said = append(said, out)
	}
	assert.Len(t, c.living(), 3, "none of them has joined")
	c.says(c.start("worker3", "dingdag worker", "DINGDAG_HOME="+homeWith(secret)), "dingdag works")
	assert.NotContains(t, c.said()+strings.Join(said, ""), "MDEyMzQ1")
	assert.NotContains(t, c.said()+strings.Join(said, ""), "c3RyYW5n")
}

// failed requires that a program has ended with the exit code of what has failed.
func failed(t *testing.T, err error) {
	t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
}

// living are the processes whose lease holds.
func (c *cluster) living() []*store.Node {
	c.t.Helper()
	ns, _, err := store.Living(c.t.Context(), c.store)
	require.NoError(c.t, err)
	return ns
}

// nodesCommand runs a command about the processes.
func (c *cluster) nodesCommand(args ...string) (string, error) {
	c.t.Helper()
	return dingdagOn(c.t, c.t.TempDir(), c.database, append([]string{"nodes"}, args...)...)
}

// Nodes are listed with what they do. A drained one takes nothing more, until that is undone.
func TestNodesAreDrained(t *testing.T) {
	t.Parallel()
	c := newCluster(t, strings.ReplaceAll(clusterDAGs, "{task_id: only, operator: bash,", "{task_id: only, operator: bash, queue: cpu,"))
	c.says(c.start("scheduler", "dingdag scheduler"), saysLeads)
	w := c.start("worker1", "dingdag worker --queues default --concurrency 3")
	c.says(w, "dingdag works")
	cpu := c.start("worker2", "dingdag worker --queues cpu")
	c.says(cpu, "dingdag works")
	c.trigger("held", "one")
	c.held("one", w)
	id := ""
	c.until("worker1 says that it runs one", func() bool {
		for _, n := range c.living() {
			if n.PID == w.cmd.Process.Pid && n.Running == 1 {
				id = n.ID
			}
		}
		return id != ""
	})
	out, err := c.nodesCommand("list", "-o", "plain")
	require.NoError(t, err, out)
	assert.Regexp(t, `(?m)^\S+\s+working\s+leads\s+scheduler\s`, out)
	assert.Regexp(t, `(?m)^`+id+`\s+working\s+worker\s.*\sdefault\s+1/3\s`, out)
	assert.Regexp(t, `(?m)^\S+\s+working\s+worker\s.*\scpu\s+0/\d+\s`, out)

	out, err = c.nodesCommand("drain", "nobody")
	failed(t, err)
	assert.Contains(t, out, `no node "nobody"; there are: `)
	assert.Contains(t, out, id)
	out, err = c.nodesCommand("drain", id)
	require.NoError(t, err, out)
	assert.Equal(t, "node "+id+" takes no more tasks; it runs 1\n", out)
	c.says(w, "this node is drained")
	c.trigger("held", "two")
	c.trigger("child", "beside")
	c.ends("child", "beside", dag.RunSuccess) // the other one works
	waiting := make(chan string, 1)
	go func() {
		out, _ := c.nodesCommand("drain", id, "--wait") // what it says tells
		waiting <- out
	}()
	c.free("one")
	assert.Contains(t, <-waiting, "node "+id+" runs nothing any more: it can be stopped")
	assert.Zero(t, c.count("hold of two on worker1"))
	out, err = c.nodesCommand("list", "-o", "plain")
	require.NoError(t, err, out)
	assert.Regexp(t, `(?m)^`+id+`\s+draining\s`, out)

	out, err = c.nodesCommand("drain", id, "--undo")
	require.NoError(t, err, out)
	c.held("two", w)
	c.free("two")
	c.ends("held", "two", dag.RunSuccess)
	w.stop()
	out, err = c.nodesCommand("list", "-o", "plain")
	require.NoError(t, err, out)
	assert.Regexp(t, `(?m)^`+id+`\s+stopped\s`, out)
}

// Programs that meet tables of another one go on, bring them up to date, or say what keeps them from it.
func TestClusterWithOtherTables(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	db, err := pgxpool.New(t.Context(), c.database)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	exec := func(statement string) {
		t.Helper()
		_, err := db.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)")
	for _, command := range []string{"worker", "scheduler", "standalone", "db migrate", "nodes list"} {
		out, err := dingdagOn(t, t.TempDir(), c.database, strings.Fields(command)...)
		failed(t, err)
		assert.Contains(t, out, "its tables have version 99999 and this program knows", command)
		assert.Contains(t, out, "use the newer program that made them", command)
	}
	exec("INSERT INTO additive_migration (version) VALUES (99999)") // it only adds something
	exec("DROP TABLE favorite; DELETE FROM goose_db_version WHERE version_id = 59")
	c.start("scheduler", "dingdag scheduler")
	c.start("worker", "dingdag worker")
	c.trigger("child", "one")
	c.ends("child", "one", dag.RunSuccess)
	exec("SELECT 1 FROM favorite") // what was missing is there again
}

// A worker whose disk is full loses nothing and says where: its tries fail in time, those of others go on, and it works again
// when there is room.
func TestADiskIsFull(t *testing.T) {
	t.Parallel()
	mount := os.Getenv("DINGDAG_TEST_MOUNT")
	if mount == "" {
		t.Skip("set DINGDAG_TEST_MOUNT to the program mount, and run the tests as root")
	}
	c := newCluster(t, `
small:
  schedule: null
  default_args: {queue: small, execution_timeout: 1.5}
  tasks: [{task_id: t, operator: bash, bash_command: 'echo "ran {{ run_id }} on $(printenv NODE)" >> "$LEDGER"'}]
large:
  schedule: null
  tasks: [{task_id: t, operator: bash, queue: large, bash_command: 'echo "ran {{ run_id }} on $(printenv NODE)" >> "$LEDGER"'}]
`)
	home := t.TempDir()
	out, err := exec.CommandContext(t.Context(), mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", home).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() {
		out, err := exec.Command("umount", "-l", home).CombinedOutput()
		assert.NoError(t, err, "%s", out)
	})
	c.says(c.start("scheduler", "dingdag scheduler"), saysLeads)
	small := c.start("small", "dingdag worker --queues small", "DINGDAG_HOME="+home)
	c.says(small, "dingdag works")
	c.start("large", "dingdag worker --queues large")
	c.trigger("small", "before")
	c.ends("small", "before", dag.RunSuccess)

	fill := filepath.Join(home, "filling")
	f, err := os.Create(fill)
	require.NoError(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	require.NoError(t, f.Close())
	begun := time.Now()
	c.trigger("small", "full")
	c.trigger("large", "beside")
	c.ends("large", "beside", dag.RunSuccess)
	in := c.ends("small", "full", dag.RunFailed)["t"]
	assert.Equal(t, dag.Failed, in.State)
	assert.Contains(t, in.Error, "no space left on device")
	assert.Contains(t, in.Error, home)
	assert.Zero(t, c.count("ran full on small"), "nothing is done of which there is no log")
	assert.Less(t, strings.Count(small.log.String(), "no space left on device"), 30+int(time.Since(begun)/time.Second), "it does not say so all the time")
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.Equal(t, host, in.Host)

	require.NoError(t, os.Remove(fill))
	c.trigger("small", "after")
	c.ends("small", "after", dag.RunSuccess)
	assert.Equal(t, 1, c.count("ran after on small"))
}
