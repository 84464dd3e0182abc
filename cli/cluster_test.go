package cli_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/cli/internal/processtest"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/sqlite"
)

// clusterDAGs are what the tests of many processes run. Each start of a bash task leaves a line that names its process. A task
// that holds on ends when the file of its name is there.
const clusterDAGs = `
all:
  schedule: null
  tasks:
    - {task_id: shops, operator: bash, bash_command: 'echo ''[{"env":{"SHOP":"1"}},{"env":{"SHOP":"2"}},{"env":{"SHOP":"3"}}]'''}
    - {task_id: count, operator: bash, bash_command: 'echo "shop $SHOP"', expand_kwargs: shops.output}
    - {task_id: sum, operator: bash, dependencies: [count], bash_command: 'echo "sum {{ ti.xcom_pull(task_ids=''count'') | sort | join('', '') }}" >> "$LEDGER"'}
    - {task_id: choose, operator: branch, dependencies: [sum], choose: left}
    - {task_id: left, operator: bash, dependencies: [choose], bash_command: 'echo left >> "$LEDGER"'}
    - {task_id: right, operator: bash, dependencies: [choose], bash_command: 'echo right >> "$LEDGER"'}
    - task_id: wait
      operator: bash_sensor
      mode: reschedule
      poke_interval: 0.2
      bash_command: 'echo poke >> "$LEDGER"; test "$(grep -c poke "$LEDGER")" -ge 3'
    - {task_id: child, operator: trigger_dagrun, trigger_dag_id: child, trigger_run_id: "child_of_{{ run_id }}", wait_for_completion: true, poke_interval: 0.2}
    - {task_id: again, operator: bash, retries: 1, retry_delay: 0.1, bash_command: 'echo "again {{ ti.try_number }}" >> "$LEDGER"; test {{ ti.try_number }} -eq 2'}
    - {task_id: join, operator: empty, trigger_rule: none_failed_min_one_success, dependencies: [left, right, wait, child, again]}
child:
  schedule: null
  tasks: [{task_id: only, operator: bash, bash_command: 'echo "child" >> "$LEDGER"'}]
held:
  schedule: null
  tasks:
    - task_id: hold
      operator: bash
      bash_command: |
        trap 'echo "told to end on $(printenv NODE)" >> "$LEDGER"; exit 1' TERM
        echo "hold of {{ run_id }} on $(printenv NODE)" >> "$LEDGER"
        until [ -e "$LEDGER.{{ run_id }}" ]; do sleep 0.02; done
    - {task_id: after, operator: bash, dependencies: [hold], bash_command: 'echo "after of {{ run_id }}" >> "$LEDGER"'}
fails:
  schedule: null
  tasks: [{task_id: t, operator: bash, bash_command: 'exit 1', on_failure_callback: {callback: dingding}}]
sends:
  schedule: null
  tasks: [{task_id: send, operator: dingding, message: "message of {{ run_id }}"}]
`

// cluster are processes that share a database of the test's own.
type cluster struct {
	t            *testing.T
	database     string
	dags, ledger string
	env          []string
	store        *postgres.Store
	nodes        []*clusterNode
}

// clusterNode is one of the processes.
type clusterNode struct {
	*process
	name string
}

func newCluster(t *testing.T, file string) *cluster {
	t.Helper()
	database, _ := ownSchema(t)
	u, err := url.Parse(database)
	require.NoError(t, err)
	q := u.Query()
	q.Set("pool_max_conns", "4")
	u.RawQuery = q.Encode()
	dir := t.TempDir()
	c := &cluster{t: t, database: u.String(), dags: filepath.Join(dir, "dags"), ledger: filepath.Join(dir, "ledger")}
	require.NoError(t, os.Mkdir(c.dags, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(c.dags, "cluster.yaml"), []byte(file), 0o600))
	require.NoError(t, os.WriteFile(c.ledger, nil, 0o600))
	c.env = append(os.Environ(), "DINGDAG_DAGS_FOLDER="+c.dags, "LEDGER="+c.ledger)
	c.store, err = postgres.Open(t.Context(), c.database, postgres.Options{PollOnly: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.store.Close()) })
	return c
}

// receiver lets the cluster send to a group of the sandbox, which answers late.
func (c *cluster) receiver(late time.Duration) *sandboxtest.Sandbox {
	c.t.Helper()
	box := sandboxtest.Start(c.t)
	robot := sandbox.DemoRobot("ops")
	robot.Rate = sandbox.Rate{PerMinute: -1}
	robot = box.AddRobot(robot)
	box.Fault(sandbox.Fault{Kind: sandbox.FaultSlow, Times: -1, Delay: late})
	c.env = append(c.env, fmt.Sprintf(`DINGDAG_CONN_DINGDING_DEFAULT={"conn_type":"dingding","host":%q,"password":%q,"extra":{"rate":100000}}`, box.URL, robot.Token))
	return box
}

// start starts a process: a program and its command, such as "dingdag worker".
func (c *cluster) start(name, command string, env ...string) *clusterNode {
	c.t.Helper()
	args := strings.Fields(command)
	own := []string{"DINGDAG_HOME=" + c.t.TempDir(), "DINGDAG_DATABASE_URL=" + c.database, "NODE=" + name}
	n := &clusterNode{startProcess(c.t, slices.Concat(c.env, own, env), args[0], args[1:]...), name}
	c.nodes = append(c.nodes, n)
	return n
}

// until looks again and again until done reports true, and shows what all processes said when it does not.
func (c *cluster) until(what string, done func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-ctx.Done():
			c.t.Fatalf("%s: not within a minute\n%s", what, c.said())
		}
	}
}

// said is all that is known when something went wrong.
func (c *cluster) said() string {
	var b strings.Builder
	for _, n := range c.nodes {
		fmt.Fprintf(&b, "\n%s:\n%s", n.name, n.log)
	}
	return b.String() + "\nledger:\n" + strings.Join(c.lines(), "\n")
}

// says waits until a process has logged something.
func (c *cluster) says(n *clusterNode, text string) {
	c.t.Helper()
	c.until(n.name+" says "+text, func() bool { return strings.Contains(n.log.String(), text) })
}

const (
	saysLeads   = `msg="this process leads"`
	saysFollows = "another process leads; this one takes the lead when that ends"
)

// metrics are those of a process that serves pages.
func (c *cluster) metrics(n *clusterNode) string {
	c.t.Helper()
	found := regexp.MustCompile(`dingdag serves pages" url=(\S+)`).FindStringSubmatch(n.log.String())
	require.NotNil(c.t, found, n.log.String())
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, found[1]+"/metrics", http.NoBody)
	require.NoError(c.t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(c.t, err)
	return string(body)
}

// command runs a command as somebody on a machine of their own.
func (c *cluster) command(args ...string) {
	c.t.Helper()
	out, err := dingdagOn(c.t, c.t.TempDir(), c.database, append(args, "--dags-folder", c.dags)...)
	require.NoError(c.t, err, out)
}

func (c *cluster) trigger(dagID, runID string) {
	c.t.Helper()
	c.command("dags", "trigger", dagID, "--run-id", runID)
}

// free lets the held task of a run end.
func (c *cluster) free(runID string) {
	c.t.Helper()
	require.NoError(c.t, os.WriteFile(c.ledger+"."+runID, nil, 0o600))
}

// lines are those of the ledger.
func (c *cluster) lines() []string {
	b, err := os.ReadFile(c.ledger)
	require.NoError(c.t, err)
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// count is how often a line stands in the ledger.
func (c *cluster) count(line string) (n int) {
	for _, l := range c.lines() {
		if l == line {
			n++
		}
	}
	return n
}

// held waits until a process runs the held task of a run.
func (c *cluster) held(runID string, on *clusterNode) {
	c.t.Helper()
	line := fmt.Sprintf("hold of %s on %s", runID, on.name)
	c.until(line, func() bool { return c.count(line) > 0 })
}

// ends waits until a run has ended, and returns its task instances.
func (c *cluster) ends(dagID, runID string, as dag.RunState) map[string]*store.Instance {
	c.t.Helper()
	var run *store.Run
	c.until("end run "+runID, func() bool {
		var err error
		if run, err = c.store.RunByID(c.t.Context(), dagID, runID); errors.Is(err, store.ErrNotFound) {
			return false
		}
		require.NoError(c.t, err)
		return run.State == dag.RunSuccess || run.State == dag.RunFailed
	})
	require.Equal(c.t, as, run.State, c.said())
	return instancesOf(c.t, c.store, run.Key)
}

// running waits until a task is running in the store.
func (c *cluster) running(dagID, runID, taskID string) {
	c.t.Helper()
	c.until("run task "+taskID, func() bool {
		r, err := c.store.RunByID(c.t.Context(), dagID, runID)
		require.NoError(c.t, err)
		in := instancesOf(c.t, c.store, r.Key)[taskID]
		return in != nil && in.State == dag.Running
	})
}

func instancesOf(t *testing.T, s store.Reader, key int64) map[string]*store.Instance {
	t.Helper()
	is, err := s.Instances(t.Context(), key)
	require.NoError(t, err)
	out := map[string]*store.Instance{}
	for _, in := range is {
		id := in.TaskID
		if in.MapIndex >= 0 {
			id = fmt.Sprintf("%s[%d]", in.TaskID, in.MapIndex)
		}
		out[id] = in
	}
	return out
}

// Two schedulers and two workers end a run as one machine does.
func TestClusterEndsAsOneMachine(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	outcomes := func(is map[string]*store.Instance) (out []string) {
		for id, in := range is {
			out = append(out, fmt.Sprintf("%s %s, try %d, lost %d", id, in.State, in.Try, in.Lost))
		}
		slices.Sort(out)
		return out
	}
	home, ledger := t.TempDir(), filepath.Join(t.TempDir(), "ledger")
	alone := startProcess(t, slices.Concat(c.env, []string{"DINGDAG_HOME=" + home, "LEDGER=" + ledger}), "dingdag", "standalone")
	alone.until("work", func() bool { return strings.Contains(alone.log.String(), "dingdag works") })
	out, err := dingdagOn(t, home, "", "dags", "trigger", "all", "--run-id", "one", "--wait", "--dags-folder", c.dags)
	require.NoError(t, err, out)
	alone.stop()
	s, err := sqlite.Open(t.Context(), filepath.Join(home, "dingdag.db"), sqlite.Options{})
	require.NoError(t, err)
	defer s.Close()
	r, err := s.RunByID(t.Context(), "all", "one")
	require.NoError(t, err)
	want := outcomes(instancesOf(t, s, r.Key))
	b, err := os.ReadFile(ledger)
	require.NoError(t, err)
	wrote := strings.Split(strings.TrimSpace(string(b)), "\n")

	for _, name := range []string{"scheduler1", "scheduler2"} {
		c.start(name, "dingdag scheduler")
	}
	for _, name := range []string{"worker1", "worker2"} {
		c.start(name, "dingdag worker --concurrency 2")
	}
	c.trigger("all", "one")
	assert.Equal(t, want, outcomes(c.ends("all", "one", dag.RunSuccess)))
	assert.ElementsMatch(t, wrote, c.lines())
	assert.Equal(t, 1, strings.Count(c.said(), saysLeads), "one leads")
	for _, n := range c.nodes {
		n.stop()
	}
}

// When the scheduler that leads dies, or is stopped, the other one goes on with what runs.
func TestTheNextSchedulerLeads(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	first := c.start("scheduler1", "dingdag scheduler")
	c.says(first, saysLeads)
	second := c.start("scheduler2", "dingdag scheduler")
	c.says(second, saysFollows)
	w := c.start("worker", "dingdag worker")

	c.trigger("held", "dies")
	c.held("dies", w)
	first.kill(0)
	began := time.Now()
	c.says(second, saysLeads)
	died := time.Since(began)
	c.free("dies")
	is := c.ends("held", "dies", dag.RunSuccess)
	assert.Zero(t, is["hold"].Lost)
	assert.Equal(t, 1, c.count("hold of dies on worker"), "%s", c.lines())
	assert.Equal(t, 1, c.count("after of dies"))

	third := c.start("scheduler3", "dingdag scheduler")
	c.says(third, saysFollows)
	c.trigger("held", "stops")
	c.held("stops", w)
	began = time.Now()
	require.NoError(t, second.cmd.Process.Signal(syscall.SIGTERM))
	c.says(third, saysLeads)
	stopped := time.Since(began)
	c.free("stops")
	c.ends("held", "stops", dag.RunSuccess)
	assert.Equal(t, 1, c.count("hold of stops on worker"))
	assert.Equal(t, 1, c.count("after of stops"))
	<-second.ended
	require.NoError(t, second.err, "%s", second.log)
	t.Logf("the lead was taken over %s after a death and %s after a stop", died.Round(time.Millisecond), stopped.Round(time.Millisecond))
	assert.Less(t, died, 15*time.Second, "the promise is 5 s on a machine that does nothing else")
	assert.Less(t, stopped, 8*time.Second, "the promise is 1 s; without giving up the lead it takes 3 s and more")
}

// What a worker ran that dies runs again elsewhere and is not counted, unless doing it twice would do harm.
func TestAWorkerDies(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	box := c.receiver(time.Hour)
	c.start("scheduler", "dingdag scheduler")
	w := c.start("worker1", "dingdag worker")
	c.trigger("held", "again")
	c.trigger("sends", "once")
	c.held("again", w)
	c.running("held", "again", "hold")
	c.running("sends", "once", "send")
	w.kill(0)
	other := c.start("worker2", "dingdag worker")
	c.held("again", other)
	c.free("again")
	hold := c.ends("held", "again", dag.RunSuccess)["hold"]
	assert.Equal(t, 1, hold.Try, "it is not counted")
	assert.Equal(t, 1, hold.Lost)
	assert.Equal(t, other.cmd.Process.Pid, hold.PID)
	send := c.ends("sends", "once", dag.RunFailed)["send"]
	assert.Contains(t, send.Error, "it is not known whether its work was done")
	assert.LessOrEqual(t, len(box.Messages(sandbox.Filter{})), 1)
}

// A leader that stood still until another one leads changes nothing when it wakes, follows, and lets go of what it ran.
func TestALeaderThatStoodStill(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	c.env = append(c.env, "DINGDAG_LISTEN=127.0.0.1:0")
	first := c.start("first", "dingdag standalone")
	c.says(first, saysLeads)
	c.trigger("held", "one")
	c.held("one", first)
	c.running("held", "one", "hold")
	second := c.start("second", "dingdag standalone")
	c.says(second, saysFollows)

	require.NoError(t, first.cmd.Process.Signal(syscall.SIGSTOP))
	c.says(second, saysLeads)
	c.held("one", second)
	c.free("one") // both of them end; the first one can't say so yet
	before := c.ends("held", "one", dag.RunSuccess)
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGCONT))
	c.says(first, "another process has taken the lead")
	c.says(first, saysFollows)
	assert.Equal(t, 1, strings.Count(c.said(), `epoch=2`), c.said())

	c.trigger("held", "two")
	c.until("hold two", func() bool { return c.count("hold of two on first")+c.count("hold of two on second") > 0 })
	c.free("two")
	c.ends("held", "two", dag.RunSuccess)
	assert.Equal(t, before, c.ends("held", "one", dag.RunSuccess), "the outcome stays")
	assert.Equal(t, 1, before["hold"].Lost)
	assert.Equal(t, 1, c.count("after of one"), "%s", c.lines())
	assert.Equal(t, 1, c.count("after of two"), "%s", c.lines())
	assert.NotContains(t, strings.SplitN(first.log.String(), "another process has taken the lead", 2)[1], saysLeads)

	// What it did as the leader would look like a scheduler that stands still.
	assert.Contains(t, c.metrics(second), "\ndingdag_leads 1\n")
	assert.Contains(t, c.metrics(second), "\ndingdag_workers 64\n", "those of both")
	assert.Contains(t, c.metrics(first), "\ndingdag_leads 0\n")
	assert.Contains(t, c.metrics(first), "\ndingdag_nodes{state=\"working\"} 2\n")
	assert.NotContains(t, c.metrics(first), "dingdag_scheduler_last_pass_timestamp_seconds")
	first.stop()
	second.stop()
}

// People end what runs on a worker: a task that is marked is told to end, and so is one that is cleared, which runs again.
func TestPeopleEndWhatAWorkerRuns(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	c.start("scheduler", "dingdag scheduler")
	w := c.start("worker", "dingdag worker")
	const told = "told to end on worker"
	var slowest time.Duration
	end := func(n int, args ...string) {
		c.command(args...)
		began := time.Now()
		c.until("end the task", func() bool { return c.count(told) == n })
		slowest = max(slowest, time.Since(began))
	}
	c.trigger("held", "cleared")
	c.held("cleared", w)
	end(1, "tasks", "clear", "held", "--run-id", "cleared", "-t", "^hold$", "-y")
	c.until("run again", func() bool { return c.count("hold of cleared on worker") == 2 })
	c.free("cleared")
	assert.Equal(t, 2, c.ends("held", "cleared", dag.RunSuccess)["hold"].Try)

	c.trigger("held", "marked")
	c.held("marked", w)
	end(2, "tasks", "mark-success", "held", "hold", "marked")
	hold := c.ends("held", "marked", dag.RunSuccess)["hold"]
	assert.Equal(t, dag.Success, hold.State)
	assert.Equal(t, 1, c.count("after of marked"))
	t.Logf("the slower one ended %s after the command", slowest.Round(time.Millisecond))
	assert.Less(t, slowest, 10*time.Second, "the promise is 1 s on a machine that does nothing else")
}

// A worker that is stopped lets its tries end within the grace period, and gives back those that take longer.
func TestAWorkerStops(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	c.start("scheduler", "dingdag scheduler")
	w := c.start("worker1", "dingdag worker", "DINGDAG_GRACE=1m")
	c.trigger("held", "in_time")
	c.held("in_time", w)
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGTERM))
	c.says(w, "stopping: running tries may finish")
	c.free("in_time")
	<-w.ended
	require.NoError(t, w.err, "%s", w.log)
	other := c.start("worker2", "dingdag worker", "DINGDAG_GRACE=100ms")
	hold := c.ends("held", "in_time", dag.RunSuccess)["hold"]
	assert.Equal(t, w.cmd.Process.Pid, hold.PID)
	assert.Zero(t, c.count("hold of in_time on worker2"))

	c.trigger("held", "too_long")
	c.held("too_long", other)
	other.stop()
	last := c.start("worker3", "dingdag worker")
	c.held("too_long", last)
	c.free("too_long")
	hold = c.ends("held", "too_long", dag.RunSuccess)["hold"]
	assert.Equal(t, 1, hold.Try)
	assert.Zero(t, hold.Lost, "it was given back in order")
	assert.Equal(t, last.cmd.Process.Pid, hold.PID)
}

// While the database is away nothing that runs is lost, done twice or taken for dead, be it cut off or silent.
func TestTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*processtest.Relay){"cut off": (*processtest.Relay).Refuse, "silent": (*processtest.Relay).Swallow} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, clusterDAGs)
			box := c.receiver(8 * time.Second)
			r, through := relayed(t, c.database)
			through = "DINGDAG_DATABASE_URL=" + through
			r.Refuse()
			s := c.start("scheduler", "dingdag scheduler", through)
			w := c.start("worker", "dingdag worker", through)
			for _, n := range []*clusterNode{s, w} {
				c.until(n.name+" finds no database", func() bool {
					return strings.Contains(n.log.String(), "level=WARN") || strings.Contains(n.log.String(), "level=ERROR")
				})
			}
			r.Restore()
			c.trigger("held", "one")
			c.trigger("sends", "one")
			c.held("one", w)
			c.running("held", "one", "hold")
			c.running("sends", "one", "send")
			away(r)
			w.pass(5 * time.Second) // longer than all leases
			c.free("one")
			w.pass(4 * time.Second) // both end meanwhile
			r.Restore()
			hold := c.ends("held", "one", dag.RunSuccess)["hold"]
			assert.Equal(t, []int{1, 0}, []int{hold.Try, hold.Lost}, c.said())
			assert.Equal(t, 1, c.count("hold of one on worker"))
			assert.Equal(t, 1, c.count("after of one"))
			assert.Empty(t, c.ends("sends", "one", dag.RunSuccess)["send"].Error)
			assert.Len(t, box.Messages(sandbox.Filter{}), 1)
			w.stop()
			s.stop()
		})
	}
}

// A worker that was cut off for longer than its lease ends what another one has taken from it, as soon as it is back, and says so
// in the log of the task. What others have not taken goes on.
func TestAWorkerIsCutOff(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*processtest.Relay){"cut off": (*processtest.Relay).Refuse, "silent": (*processtest.Relay).Swallow} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, clusterDAGs)
			r, through := relayed(t, c.database)
			home := t.TempDir()
			c.start("scheduler", "dingdag scheduler")
			w := c.start("worker1", "dingdag worker", "DINGDAG_DATABASE_URL="+through, "DINGDAG_HOME="+home)
			c.trigger("held", "one")
			c.held("one", w)
			c.running("held", "one", "hold")
			away(r)
			other := c.start("worker2", "dingdag worker")
			c.held("one", other)
			assert.Zero(t, c.count("told to end on worker1"), "it does not know")
			c.trigger("held", "two")
			c.held("two", other)
			r.Restore()
			c.until("end the try", func() bool { return c.count("told to end on worker1") == 1 })
			w.stop()
			assert.Zero(t, c.count("told to end on worker2"))
			c.free("one")
			c.free("two")
			assert.Equal(t, 1, c.ends("held", "one", dag.RunSuccess)["hold"].Lost)
			assert.Zero(t, c.ends("held", "two", dag.RunSuccess)["hold"].Lost)
			assert.Contains(t, w.log.String(), "a try was taken from this process")
			logs, err := filepath.Glob(filepath.Join(home, "logs", "*", "run_id=one", "task_id=hold", "attempt=1.log"))
			require.NoError(t, err)
			require.Len(t, logs, 1)
			b, err := os.ReadFile(logs[0])
			require.NoError(t, err)
			assert.Contains(t, string(b), "this process could not renew its lease in time, and the try was taken from it")
			assert.Contains(t, string(b), "its outcome is dropped")
		})
	}
}

// What waits in a queue that no node serves is told by tasks why, by the health, by the log of the process that leads and by the
// list of nodes, until a worker comes that serves it.
func TestAQueueThatNobodyServes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "far:\n  schedule: null\n  tasks: [{task_id: only, operator: bash, bash_command: 'true', queue: gpu}]\n")
	s := c.start("scheduler", "dingdag scheduler")
	c.start("worker1", "dingdag worker --queues default,cpu")
	c.trigger("far", "one")
	look := func(args ...string) string {
		out, err := dingdagOn(t, t.TempDir(), c.database, append(args, "--dags-folder", c.dags)...)
		require.NoError(t, err, out)
		return out
	}
	var why string
	c.until("be queued", func() bool {
		why = look("tasks", "why", "far", "only", "one")
		return strings.Contains(why, "it is queued since")
	})
	assert.Contains(t, why, "waits for a worker of queue gpu: no live node serves it (")
	assert.Contains(t, why, " serves default, cpu)")
	c.says(s, "tasks wait in a queue that no live node serves")
	assert.Contains(t, s.log.String(), "queue=gpu tasks=1")
	assert.Contains(t, look("health"), "in queue gpu, which no live node serves: 1")
	c.start("worker2", "dingdag worker --queues gpu")
	c.ends("far", "one", dag.RunSuccess)
	c.says(s, "no task waits any more in a queue that no live node served")
	assert.NotContains(t, look("health"), "gpu")
}

// A page of a process that does not lead is told when something changes.
func TestPagesOfAFollowerAreLive(t *testing.T) {
	t.Parallel()
	c := newCluster(t, clusterDAGs)
	c.env = append(c.env, "DINGDAG_LISTEN=127.0.0.1:0")
	c.says(c.start("scheduler1", "dingdag scheduler"), saysLeads)
	follower := c.start("scheduler2", "dingdag scheduler")
	c.says(follower, saysFollows)
	c.start("worker", "dingdag worker")
	c.says(follower, "dingdag works")
	found := regexp.MustCompile(`dingdag serves pages" url=(\S+)`).FindStringSubmatch(follower.log.String())
	require.NotNil(t, found, follower.log.String())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	people := accounts.New(accounts.Options{Store: c.store, Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
	_, err := people.Create(ctx, accounts.NewUser{Name: "ann", Role: access.Admin, Password: connections.Secret("correct horse battery")}, store.Actor{Name: "test"})
	require.NoError(t, err)
	b := browser(t)
	in, err := b.PostForm(found[1]+"/auth/login", url.Values{"username": {"ann"}, "password": {"correct horse battery"}})
	require.NoError(t, err)
	require.NoError(t, in.Body.Close())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, found[1]+"/events?dag_id=child", http.NoBody)
	require.NoError(t, err)
	res, err := b.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	c.trigger("child", "one")
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if lines.Text() == "event: changed" {
			c.ends("child", "one", dag.RunSuccess)
			return
		}
	}
	t.Fatal("it is told of nothing", c.said())
}

// relayed returns what stands between processes and a database, with the URL of the database through it.
func relayed(t *testing.T, database string) (r *processtest.Relay, through string) {
	t.Helper()
	u, err := url.Parse(database)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r = processtest.NewRelay(t, l, u.Host)
	u.Host = l.Addr().String()
	return r, u.String()
}

// A password that the database refuses is told by none of the commands.
func TestClusterWithAWrongPassword(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	t.Cleanup(func() {
		assert.NoError(t, l.Close())
		serving.Wait()
	})
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { _ = refusePassword(c) }) // what came of it is what the programs say
		}
	})
	for _, command := range []string{"scheduler", "worker", "standalone"} {
		out, err := dingdagOn(t, t.TempDir(), "postgres://dingdag:hunter-22@"+l.Addr().String()+"/dingdag?sslmode=disable", command)
		require.Error(t, err, command)
		assert.Contains(t, out, "password authentication failed", command)
		assert.NotContains(t, out, "hunter-22", command)
	}
}

// refusePassword asks for a password, as a database does, and refuses it.
func refusePassword(c net.Conn) error {
	defer c.Close()
	b := pgproto3.NewBackend(c, c)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return err
	}
	b.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := errors.Join(b.Flush(), b.SetAuthType(pgproto3.AuthTypeCleartextPassword)); err != nil {
		return err
	}
	if _, err := b.Receive(); err != nil {
		return err
	}
	b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: `password authentication failed for user "dingdag"`})
	return b.Flush()
}

// lampProgram is a program of the tests that has an operator more.
func lampProgram() { cli.Main(operator.Define[lamp]("lamp")) }

// A worker whose program lacks an operator fails the try and says where that was.
func TestAWorkerLacksAnOperator(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "lamps:\n  schedule: null\n  tasks: [{task_id: green, operator: lamp, colour: green}]\n")
	c.start("scheduler", "dingdag-lamp scheduler")
	w := c.start("worker1", "dingdag worker")
	out, err := dingdagLamp(t, c, "dags", "trigger", "lamps", "--run-id", "one")
	require.NoError(t, err, out)
	green := c.ends("lamps", "one", dag.RunFailed)["green"]
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.Contains(t, green.Error, "the program on node "+host)
	assert.Contains(t, green.Error, "give all nodes the same program")
	assert.Contains(t, green.Error, `lamp`)
	w.stop()

	c.start("worker2", "dingdag-lamp worker")
	out, err = dingdagLamp(t, c, "dags", "trigger", "lamps", "--run-id", "two")
	require.NoError(t, err, out)
	c.ends("lamps", "two", dag.RunSuccess)
}

// dingdagLamp is a command of the program that has the operator.
func dingdagLamp(t *testing.T, c *cluster, args ...string) (string, error) {
	t.Helper()
	p := c.start("command", "dingdag-lamp "+strings.Join(args, " "))
	c.nodes = c.nodes[:len(c.nodes)-1]
	<-p.ended
	return p.log.String(), p.err
}
