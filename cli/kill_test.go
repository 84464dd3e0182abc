package cli_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/processtest"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

var (
	killSeed  = flag.Uint64("kill-seed", 0, "seed of the moments of TestKill; 0 takes a new one")
	killTimes = flag.Int("kills", 0, "how often TestKill, TestKillSender, TestKillWhileCleaning and TestKillWhileMoving kill; 0 is a few times")
)

// killsOr is how often a test kills: so often unless it was told something else.
func killsOr(few int) int {
	if *killTimes == 0 && testing.Short() {
		return 5
	}
	return cmp.Or(*killTimes, few)
}

// newKillSeed is the seed of the moments of a test, which it logs.
func newKillSeed(t *testing.T) uint64 {
	t.Helper()
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("once more with the same moments: -kill-seed %d", seed)
	return seed
}

// chaosDAG has tasks that may be repeated, one that must not be (send), one that fails
// after a retry, and alerts for every failure. Each start of a bash task leaves a line. The
// number of the start is read when the task runs: a variable in the file is that of its version.
const chaosDAG = `
chaos:
  schedule: null
  start_date: 2026-01-01
  max_active_runs: 4
  on_failure_callback: {callback: dingding, message: "alert {{ run_id }}/"}
  default_args:
    on_failure_callback: {callback: dingding, message: "alert {{ run_id }}/{{ ti.task_id }}"}
  tasks:
    - {task_id: extract, operator: bash, bash_command: 'echo "$(printenv STARTS) $AIRFLOW_CTX_DAG_RUN_ID/$AIRFLOW_CTX_TASK_ID" >> "$LEDGER"; sleep 0.05'}
    - {task_id: a, operator: bash, dependencies: [extract], bash_command: 'echo "$(printenv STARTS) $AIRFLOW_CTX_DAG_RUN_ID/$AIRFLOW_CTX_TASK_ID" >> "$LEDGER"; sleep 0.1'}
    - {task_id: b, operator: bash, dependencies: [extract], bash_command: 'echo "$(printenv STARTS) $AIRFLOW_CTX_DAG_RUN_ID/$AIRFLOW_CTX_TASK_ID" >> "$LEDGER"; sleep 0.2'}
    - {task_id: none, operator: empty, dependencies: [a, b]}
    - {task_id: boom, operator: bash, dependencies: [a], retries: 1, retry_delay: 0.1, bash_command: 'echo "$(printenv STARTS) $AIRFLOW_CTX_DAG_RUN_ID/$AIRFLOW_CTX_TASK_ID" >> "$LEDGER"; sleep 0.02; exit 1'}
    - {task_id: send, operator: dingding, dependencies: [none], message: "message {{ run_id }}/{{ ti.task_id }}"}
    - {task_id: last, operator: bash, dependencies: [send], trigger_rule: all_done, bash_command: 'echo "$(printenv STARTS) $AIRFLOW_CTX_DAG_RUN_ID/$AIRFLOW_CTX_TASK_ID" >> "$LEDGER"'}
`

const chaosTasks = 7

// TestKill kills the real program with SIGKILL at random moments, some of them while it
// recovers from the kill before, and then looks whether anything was lost or done twice.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := killsOr(12)
	c := newChaos(t, newKillSeed(t), chaosDAG)

	for range kills {
		c.trigger()
		p := c.start()
		if c.random.IntN(4) > 0 { // otherwise the kill hits the start, or the recovery
			c.waitWork(p)
			c.trigger()
		}
		p.kill(time.Duration(c.random.IntN(500)) * time.Millisecond)
		c.remember()
	}
	c.trigger() // all may have ended before the last kill
	p := c.start()
	c.waitWork(p)
	c.waitOver(p)
	p.stop()

	c.assertOutcomes()
	c.assertMessages()
	t.Logf("%d runs; %d attempts begun again; slowest recovery %s", c.runs, c.repeats, c.slowest.Round(time.Millisecond))
	if !testing.Short() {
		assert.Positive(t, c.repeats, "no kill hit a task: the test tests nothing")
	}
	assert.Less(t, c.slowest, 30*time.Second, "the promise is 3 s on a machine that does nothing else")
}

// chaos is a home folder, a group in the sandbox, and what is known of both.
type chaos struct {
	t       *testing.T
	random  *rand.Rand
	box     *sandboxtest.Sandbox
	home    string
	ledger  string
	env     []string
	starts  int // how often the program was started
	runs    int
	repeats int
	slowest time.Duration
	// ended holds each task instance that was seen as finished after a kill: its
	// outcome, and the start of the program before that kill.
	ended map[string]ending
}

type ending struct {
	outcome string
	start   int
}

func newChaos(t *testing.T, seed uint64, file string) *chaos {
	t.Helper()
	box := sandboxtest.Start(t)
	robot := sandbox.DemoRobot("ops")
	robot.Rate = sandbox.Rate{PerMinute: -1}
	robot = box.AddRobot(robot)
	// An answer that takes its time makes room for a kill between the message and it.
	box.Fault(sandbox.Fault{Kind: sandbox.FaultSlow, Times: -1, Delay: 30 * time.Millisecond})

	home := t.TempDir()
	c := &chaos{
		t: t, random: rand.New(rand.NewPCG(seed, 0)), box: box, home: home,
		ledger: filepath.Join(home, "ledger.txt"), ended: map[string]ending{},
	}
	require.NoError(t, os.Mkdir(filepath.Join(home, "dags"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "dags", "chaos.yaml"), []byte(file), 0o600))
	require.NoError(t, os.WriteFile(c.ledger, nil, 0o600))
	c.env = append(os.Environ(), "DINGDAG_HOME="+home, "DINGDAG_WORKERS=4", "DINGDAG_ALERT_FOLD_AFTER=never", "LEDGER="+c.ledger,
		fmt.Sprintf(`DINGDAG_CONN_DINGDING_DEFAULT={"conn_type":"dingding","host":%q,"password":%q,"extra":{"rate":100000}}`, box.URL, robot.Token))
	return c
}

// trigger asks for another run, whether the program runs or not.
func (c *chaos) trigger() {
	c.t.Helper()
	c.runs++
	code, _, errs := run(c.t, "--home", c.home, "dags", "trigger", "chaos", "--run-id", fmt.Sprintf("run%02d", c.runs))
	require.Zero(c.t, code, errs)
}

// process is one life of the program.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   *processtest.Log
	begun time.Time
	ended chan struct{}
	err   error // why it ended; set before ended is closed
}

func (c *chaos) start() *process {
	c.t.Helper()
	return c.startAs("dingdag", "standalone")
}

// startAs is start for another program of the tests.
func (c *chaos) startAs(program string, args ...string) *process {
	c.t.Helper()
	c.starts++
	return startProcess(c.t, slices.Concat(c.env, []string{fmt.Sprintf("STARTS=%d", c.starts)}), program, args...)
}

// startProcess starts a program, which ends with the test at the latest.
func startProcess(t *testing.T, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), log: &processtest.Log{}, begun: time.Now(), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = env, p.log
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// kill ends the process by SIGKILL after the given time.
func (p *process) kill(after time.Duration) {
	p.t.Helper()
	moment := time.NewTimer(after)
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-p.ended:
		p.t.Fatalf("the program ended by itself: %v\n%s", p.err, p.log)
	}
	require.NoError(p.t, p.cmd.Process.Kill())
	<-p.ended
}

// stop ends the process by SIGTERM, which it must obey with exit code 0.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.ended
	require.NoError(p.t, p.err, "%s", p.log)
}

// until looks again and again until done reports true.
func (p *process) until(what string, done func() bool) {
	p.t.Helper()
	p.within(time.Minute, what, done)
}

// within is until for what takes longer.
func (p *process) within(limit time.Duration, what string, done func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-p.ended:
			p.t.Fatalf("the program ended by itself: %v\n%s", p.err, p.log)
		case <-ctx.Done():
			p.t.Fatalf("%s: not within %s\n%s", what, limit, p.log)
		}
	}
}

// waitWork waits until the process has begun a task, and measures how long that took.
func (c *chaos) waitWork(p *process) {
	c.t.Helper()
	mark := fmt.Appendf(nil, "\n%d ", c.starts)
	p.until("begin a task", func() bool {
		b, err := os.ReadFile(c.ledger)
		return err == nil && bytes.Contains(append([]byte{'\n'}, b...), mark)
	})
	c.slowest = max(c.slowest, time.Since(p.begun))
}

// waitOver waits until every run has ended and every message has left.
func (c *chaos) waitOver(p *process) {
	c.t.Helper()
	s := c.open()
	defer s.Close()
	p.until("end all runs", func() bool {
		n, err := s.CountRuns(c.t.Context(), "chaos", dag.RunQueued, dag.RunRunning)
		require.NoError(c.t, err)
		ds, err := s.Deliveries(c.t.Context(), []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}, 1)
		require.NoError(c.t, err)
		return n == 0 && len(ds) == 0
	})
}

func (c *chaos) open() *sqlite.Store {
	c.t.Helper()
	s, err := sqlite.Open(c.t.Context(), filepath.Join(c.home, "dingdag.db"), sqlite.Options{})
	require.NoError(c.t, err)
	return s
}

// instances reads every task instance by run and task.
func (c *chaos) instances(s *sqlite.Store) map[string]*store.Instance {
	c.t.Helper()
	runs, err := s.Runs(c.t.Context(), store.RunFilter{DAGID: "chaos"})
	require.NoError(c.t, err)
	require.Len(c.t, runs, c.runs, "a run is lost")
	all := map[string]*store.Instance{}
	for _, r := range runs {
		is, err := s.Instances(c.t.Context(), r.Key)
		require.NoError(c.t, err)
		for _, in := range is {
			id := r.RunID + "/" + in.TaskID
			require.NotContains(c.t, all, id)
			all[id] = in
		}
	}
	return all
}

func outcome(in *store.Instance) string {
	return fmt.Sprintf("%s, try %d, ended %s", in.State, in.Try, in.EndDate.Format(time.RFC3339Nano))
}

// remember notes what had ended when the program was killed.
func (c *chaos) remember() {
	c.t.Helper()
	s := c.open()
	defer s.Close()
	for id, in := range c.instances(s) {
		if _, ok := c.ended[id]; !ok && in.State.Finished() {
			c.ended[id] = ending{outcome(in), c.starts}
		}
	}
}

// assertOutcomes checks that everything has ended, once.
func (c *chaos) assertOutcomes() {
	c.t.Helper()
	s := c.open()
	defer s.Close()
	all := c.instances(s)
	assert.Len(c.t, all, c.runs*chaosTasks, "a task instance is lost")
	for id, in := range all {
		assert.True(c.t, in.State.Finished(), "%s is %s", id, in.State)
		if e, ok := c.ended[id]; ok {
			assert.Equal(c.t, e.outcome, outcome(in), "the outcome of %s changed after it was committed", id)
		}
	}
	b, err := os.ReadFile(c.ledger)
	require.NoError(c.t, err)
	began := map[string]int{}
	for line := range strings.Lines(string(b)) {
		var start int
		var id string
		_, err := fmt.Sscan(line, &start, &id)
		require.NoError(c.t, err, line)
		began[id]++
		if e, ok := c.ended[id]; ok {
			assert.LessOrEqual(c.t, start, e.start, "%s had ended and was run again", id)
		}
	}
	for id, n := range began {
		if tries := max(all[id].Try, 1); n > tries {
			c.repeats += n - tries
		}
	}
}

// assertMessages checks that every failure has exactly one alert, which arrived once
// or is known to be uncertain, and that no message of a task was sent twice.
func (c *chaos) assertMessages() {
	c.t.Helper()
	s := c.open()
	defer s.Close()
	arrived := map[string]int{}
	for _, m := range c.box.Messages(sandbox.Filter{}) {
		arrived[noteOfUncertain.ReplaceAllString(m.Content.Text, "")]++
	}
	alerts := map[string][]*store.Delivery{}
	ds, err := s.Deliveries(c.t.Context(), nil, 0)
	require.NoError(c.t, err)
	for _, d := range ds {
		id := d.Owner.RunID + "/" + d.Owner.TaskID
		alerts[id] = append(alerts[id], d)
	}
	uncertain := 0
	check := func(id string) {
		if !assert.Len(c.t, alerts[id], 1, "alerts of %s", id) {
			return
		}
		d := alerts[id][0]
		switch d.State {
		case store.DeliveryDelivered:
			assert.Equal(c.t, 1, arrived["alert "+id], "the alert of %s is delivered", id)
		case store.DeliveryUncertain:
			uncertain++
			assert.LessOrEqual(c.t, arrived["alert "+id], 1, "the alert of %s is uncertain", id)
		default:
			c.t.Errorf("the alert of %s is %s: %s", id, d.State, d.Error)
		}
		delete(alerts, id)
		delete(arrived, "alert "+id)
	}
	for id, in := range c.instances(s) {
		if in.State == dag.Failed {
			check(id)
		}
		if in.TaskID == "send" {
			n := arrived["message "+id]
			assert.LessOrEqual(c.t, n, 1, "the message of %s was sent twice", id)
			if in.State == dag.Success {
				assert.Equal(c.t, 1, n, "the message of %s", id)
			}
			delete(arrived, "message "+id)
		}
	}
	failed, err := s.Runs(c.t.Context(), store.RunFilter{States: []dag.RunState{dag.RunFailed}})
	require.NoError(c.t, err)
	for _, r := range failed {
		check(r.RunID + "/")
	}
	assert.Empty(c.t, alerts, "alerts for what did not fail")
	assert.Empty(c.t, arrived, "messages that nobody answers for")
	c.t.Logf("%d alerts, %d of them uncertain", len(ds), uncertain)
}

// pass lets time pass in the life of the process.
func (p *process) pass(d time.Duration) {
	p.t.Helper()
	moment := time.NewTimer(d)
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-p.ended:
		p.t.Fatalf("the program ended by itself: %v\n%s", p.err, p.log)
	}
}
