//go:build linux

// Package chaos has the test of many machines on which something goes wrong each second.
package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
)

var (
	chaosSeed = flag.Uint64("chaos-seed", 0, "seed of what goes wrong in TestClusterChaos; 0 takes a new one")
	chaosFor  = flag.Duration("chaos-for", time.Minute, "how long things go wrong in TestClusterChaos")
)

// machines are the nodes. Their clocks are off by so much from that of the database.
var machines = []struct {
	name, command string
	off           time.Duration
	queues        []string
}{
	{"n1", "scheduler", 15 * time.Second, nil},
	{"n2", "scheduler", -15 * time.Second, nil},
	{"n3", "standalone", 0, []string{"default"}},
	{"n4", "worker --queues default,gpu --concurrency 4", 15 * time.Second, []string{"default", "gpu"}},
	{"n5", "worker --queues gpu,default --concurrency 4", -15 * time.Second, []string{"default", "gpu"}},
}

// The limits of the DAGs.
const (
	poolSlots, partsAtOnce, tasksOfRun, runsAtOnce = 3, 2, 4, 6
	tickEvery                                      = 5 * time.Second
)

// dagFile has a DAG that people start and one with a schedule. STEP is step, START and END are the first
// and the last moment of the schedule.
const dagFile = `
default:
  default_args:
    retries: 5
    retry_delay: 0.2
    on_retry_callback: {callback: dingding, message: "chaos:retry/{{ run_id }}/{{ ti.task_id }}/{{ ti.map_index }}/{{ ti.try_number }}"}
    on_failure_callback: {callback: dingding, message: "chaos:failure/{{ run_id }}/{{ ti.task_id }}/{{ ti.map_index }}/{{ ti.try_number }}"}
flow:
  schedule: null
  max_active_runs: 6
  max_active_tasks: 4
  on_success_callback: {callback: dingding, message: "chaos:success/{{ run_id }}"}
  tasks:
    - {task_id: extract, operator: bash, pool: narrow, bash_command: '. STEP -1 0.3; echo ''[{"env":{"SHOP":"1"}},{"env":{"SHOP":"2"}},{"env":{"SHOP":"3"}}]'''}
    - {task_id: part, operator: bash, max_active_tis_per_dag: 2, append_env: true, bash_command: '. STEP {{ ti.map_index }} 0.4; echo "shop $(printenv SHOP)"', expand_kwargs: extract.output}
    - {task_id: sum, operator: bash, pool: narrow, dependencies: [part], bash_command: '. STEP -1 0.3; echo "{{ ti.xcom_pull(task_ids=''part'') | sort | join('', '') }}"'}
    - {task_id: flaky, operator: bash, pool: narrow, dependencies: [extract], bash_command: '. STEP -1 0.2; test {{ ti.try_number }} -ge 2'}
    - {task_id: sense, operator: bash_sensor, mode: reschedule, poke_interval: 0.5, pool: narrow, bash_command: '. STEP -1 0.1; test $((RANDOM % 3)) = 0'}
    - {task_id: gpu, operator: bash, queue: gpu, dependencies: [extract], bash_command: '. STEP -1 0.5'}
    - {task_id: long, operator: bash, bash_command: '. STEP -1 4'}
    - {task_id: bad, operator: bash, retries: 0, dependencies: [sense], bash_command: '. STEP -1 0.1; exit 1'}
    - {task_id: none, operator: empty, dependencies: [sum, flaky]}
    - {task_id: send, operator: dingding, retries: 0, dependencies: [none], message: "chaos:message/{{ run_id }}"}
    - {task_id: last, operator: bash, trigger_rule: all_done, dependencies: [none, send, gpu, long, bad], bash_command: '. STEP -1 0.1'}
tick:
  schedule: {every: 5s}
  start_date: START
  end_date: END
  catchup: true
  max_active_runs: 3
  tasks:
    - {task_id: work, operator: bash, pool: narrow, bash_command: '. STEP -1 0.5'}
    - {task_id: then, operator: bash, dependencies: [work], bash_command: '. STEP -1 0.1'}
`

// step is what each command does: it says that it begins, takes a while, and says that it ends. Its arguments are the map index
// and the seconds.
const step = `
map=$1
say() {
	read -r up _ </proc/uptime
	echo "$1 $NODE $up $AIRFLOW_CTX_DAG_ID $AIRFLOW_CTX_DAG_RUN_ID $AIRFLOW_CTX_TASK_ID $map $AIRFLOW_CTX_TRY_NUMBER" >>"$LEDGER"
}
trap 'say stopped; exit 143' TERM
say begin
sleep "$2"
say end
`

// clusterRules are what holds for the DAGs.
var clusterRules = rules{
	limits: []limit{
		{"the pool", poolSlots, func(k attemptKey) string {
			if slices.Contains([]string{"extract", "sum", "flaky", "sense", "work"}, k.task) {
				return "narrow"
			}
			return ""
		}},
		{"max_active_tis_per_dag", partsAtOnce, func(k attemptKey) string {
			if k.task == "part" {
				return "part"
			}
			return ""
		}},
		{"max_active_tasks", tasksOfRun, func(k attemptKey) string {
			if k.dag == "flow" {
				return k.run
			}
			return ""
		}},
	},
	again: func(k attemptKey) bool { return k.task == "sense" },
	serves: func(node string, k attemptKey) bool {
		queue := "default"
		if k.task == "gpu" {
			queue = "gpu"
		}
		return slices.ContainsFunc(machines, func(m struct {
			name, command string
			off           time.Duration
			queues        []string
		},
		) bool {
			return m.name == node && slices.Contains(m.queues, queue)
		})
	},
}

// TestClusterChaos has five machines, each with a network of its own and a clock that is off by up to 15 s, work on one PostgreSQL
// while something goes wrong with one of them each second, by a schedule that the seed makes: it is killed, alone or with all of
// its tasks, stopped, frozen, cut off from the database, hears it late or not at all, or loses its network. In the middle the
// database crashes. After that all must end, with nothing lost and nothing done twice:
//
//   - Each run that a command said it has started is there once, and so is each that a schedule had due, without a gap. All runs
//     succeed, as do their tasks, but for those that are made to fail.
//   - A try that the store has as over never begins again, and one begins again only if the node that ran it was killed, or may
//     have lost its lease: it was frozen or cut off for about half of the 3 s of a lease (the last renewal is up to a second
//     old). What was cut off may still begin what it had taken before. A command that was in flight then is repeated, which is
//     what is promised: it may overlap with its repetition, since nobody can end it while its node cannot be reached, and when
//     the program alone was killed, until the program starts again.
//   - Pools and limits hold for all that runs on nodes that have not lost their lease. What the others run does not count: their
//     slots were given to others.
//   - Each failure, each retry and each run has exactly one message: it arrived once, or is told as uncertain and arrived at most
//     once. A message of a task arrives once if the task succeeded, and at most once if it failed, which it does when nobody knows.
//
// What ran when is read from a ledger to which the commands of tasks, the faults, and what the store says is over, append lines.
// The order of the lines counts, no clock does.
func TestClusterChaos(t *testing.T) {
	t.Parallel()
	seed, length := *chaosSeed, *chaosFor
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	if testing.Short() {
		length = min(length, 20*time.Second)
	}
	c := newCluster(t, length)
	t.Logf("once more with the same faults: -chaos-seed %d -chaos-for %s", seed, length)
	faults := schedule(seed, length, len(c.nodes))

	ctx, over := context.WithTimeout(t.Context(), length)
	defer over()
	var work sync.WaitGroup
	work.Go(func() { c.happen(ctx, faults) })
	work.Go(func() { c.trigger(ctx) })
	watching, watched := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { c.note(watching) })
	work.Wait()
	began := time.Now()
	c.waitOver()
	t.Logf("after the last fault all was over in %s", time.Since(began).Round(time.Millisecond))
	watched()
	watch.Wait()

	es, err := readLedger(c.readLedger())
	require.NoError(t, err)
	for _, v := range append(clusterRules.violations(es), clusterRules.runsAtOnce(es, "flow", runsAtOnce)...) {
		t.Error(v)
	}
	c.assertRuns(es)
	c.assertMessages()
	kinds := map[kind]int{}
	for _, f := range faults {
		kinds[f.kind]++
	}
	t.Logf("faults: %v", kinds)
}

// cluster are the nodes with what they share.
type cluster struct {
	t       *testing.T
	program string
	box     *sandboxtest.Sandbox
	server  *server
	store   *postgres.Store
	nodes   []*node
	ledger  *ledger
	// start and end are the first and the last run of a schedule.
	start, end time.Time
	env        []string

	mu sync.Mutex
	// accepted are the runs that a command has said it has started, and asked all that one was told to.
	accepted, asked []string
}

func newCluster(t *testing.T, length time.Duration) *cluster {
	t.Helper()
	if os.Getenv(ipVariable) == "" {
		t.Skip(ipVariable + " names no program (ip, of iproute2): each process has a network of its own here")
	}
	c := &cluster{t: t, server: newServer(t), program: buildProgram(t), box: sandboxtest.Start(t), start: time.Now().Truncate(tickEvery)}
	c.end = c.start.Add(length).Add(-15 * time.Second).Truncate(tickEvery) // when faults end it is due by all clocks
	robot := sandbox.DemoRobot("ops")
	robot.Rate = sandbox.Rate{PerMinute: -1}
	robot = c.box.AddRobot(robot)
	c.box.Fault(sandbox.Fault{Kind: sandbox.FaultSlow, Times: -1, Delay: 30 * time.Millisecond})

	dir := t.TempDir()
	dags, steps := filepath.Join(dir, "dags"), filepath.Join(dir, "step")
	require.NoError(t, os.Mkdir(dags, 0o700))
	require.NoError(t, os.WriteFile(steps, []byte(step), 0o600))
	file := strings.NewReplacer("STEP", steps, "START", c.start.UTC().Format(time.RFC3339), "END", c.end.UTC().Format(time.RFC3339)).Replace(dagFile)
	require.NoError(t, os.WriteFile(filepath.Join(dags, "chaos.yaml"), []byte(file), 0o600))
	c.ledger = newLedger(t, filepath.Join(dir, "ledger"))
	c.env = append(os.Environ(), "DINGDAG_DAGS_FOLDER="+dags, "DINGDAG_LISTEN=off", "DINGDAG_WORKERS=4", "DINGDAG_ALERT_FOLD_AFTER=never", "DINGDAG_GRACE=1s",
		"DINGDAG_SECRET_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "LEDGER="+c.ledger.path)

	var err error
	c.store, err = postgres.Open(t.Context(), c.url("127.0.0.1:"+c.server.port), postgres.Options{PollOnly: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.store.Close()) })
	out, err := c.command(t.Context(), "pools", "set", "narrow", strconv.Itoa(poolSlots))
	require.NoError(t, err, "%s", out)
	for _, m := range machines {
		n := newNode(t, m.name, "127.0.0.1:"+c.server.port, strings.TrimPrefix(c.box.URL, "http://"))
		at := func(name string) string {
			i := slices.IndexFunc(n.env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
			return strings.TrimPrefix(n.env[i], name+"=")
		}
		n.env = slices.Concat(c.env, n.env, []string{
			"DINGDAG_HOME=" + t.TempDir(), "DINGDAG_DATABASE_URL=" + c.url(at("STORE")), "NODE=" + m.name, "CHAOS_CLOCK=" + m.off.String(),
			fmt.Sprintf(`DINGDAG_CONN_DINGDING_DEFAULT={"conn_type":"dingding","host":%q,"password":%q,"extra":{"rate":100000}}`, "http://"+at("SANDBOX"), robot.Token),
		})
		n.program, n.args, n.ledger = c.program, strings.Fields(m.command), c.ledger
		c.nodes = append(c.nodes, n)
	}
	t.Cleanup(c.keep)
	for _, n := range c.nodes {
		require.NoError(t, n.start())
	}
	return c
}

func (c *cluster) url(address string) string { return c.server.url(address) + "&pool_max_conns=4" }

// command runs a command on the host, with the database at hand.
func (c *cluster) command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Env = append(slices.Clone(c.env), "DINGDAG_HOME="+c.t.TempDir(), "DINGDAG_DATABASE_URL="+c.url("127.0.0.1:"+c.server.port))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// keep writes the ledger and what the nodes said to the folder of artifacts (go test -artifacts).
func (c *cluster) keep() {
	dir := c.t.ArtifactDir()
	for name, text := range map[string][]byte{"ledger": c.readLedger(), "postgres": []byte(c.server.out.String())} {
		assert.NoError(c.t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	for _, n := range c.nodes {
		text := n.log.String()
		assert.NoError(c.t, os.WriteFile(filepath.Join(dir, n.name), []byte(text), 0o600))
		if !c.t.Failed() {
			continue
		}
		lines := strings.Split(text, "\n")
		c.t.Logf("the last words of %s:\n%s", n.name, strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
}

func (c *cluster) readLedger() []byte {
	b, err := os.ReadFile(c.ledger.path)
	assert.NoError(c.t, err)
	return b
}

// happen has the faults happen, and returns when all are over.
func (c *cluster) happen(ctx context.Context, faults []fault) {
	var under sync.WaitGroup
	defer under.Wait()
	began := time.Now()
	for _, f := range faults {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(began.Add(f.at))):
		}
		under.Go(func() {
			var err error
			if f.node == database {
				err = c.crashDatabase(ctx, f)
			} else {
				err = c.nodes[f.node].suffer(ctx, f)
			}
			if err != nil {
				c.t.Error(err)
			}
		})
	}
}

// crashDatabase has the database crash, and start again after a while.
func (c *cluster) crashDatabase(ctx context.Context, f fault) error {
	for _, n := range c.nodes {
		fmt.Fprintf(&n.log, "--- the database crashes\n")
	}
	c.server.end()
	select {
	case <-time.After(f.lasts):
	case <-ctx.Done():
	}
	err := c.server.start(ctx)
	for _, n := range c.nodes {
		fmt.Fprintf(&n.log, "--- the database is back\n")
	}
	return err
}

// trigger starts a run every now and then.
func (c *cluster) trigger(ctx context.Context) {
	again := time.NewTicker(2500 * time.Millisecond)
	defer again.Stop()
	for n := 1; ; n++ {
		id := fmt.Sprintf("run%03d", n)
		out, err := c.command(context.WithoutCancel(ctx), "dags", "trigger", "flow", "--run-id", id)
		c.mu.Lock()
		c.asked = append(c.asked, id)
		if err == nil {
			c.accepted = append(c.accepted, id)
		}
		c.mu.Unlock()
		if err != nil {
			c.t.Logf("%s was not started: %s", id, strings.TrimSpace(out))
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// note appends to the ledger which tries the store says are over, as soon as that is seen.
func (c *cluster) note(ctx context.Context) {
	known := map[attemptKey]bool{}
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx)) // it may be lost
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		var err error
		if conn == nil || conn.IsClosed() {
			if conn, err = pgx.Connect(ctx, c.server.url("127.0.0.1:"+c.server.port)); err != nil {
				continue // it is being restarted
			}
		}
		over, err := overIn(ctx, conn)
		if err != nil {
			continue // as above
		}
		var lines []string
		for _, k := range over {
			if !known[k] {
				known[k] = true
				lines = append(lines, fmt.Sprintf("%s %s %s %d %d", k.dag, k.run, k.task, k.mapIndex, k.try))
			}
		}
		if err := c.ledger.write(committed, "-", lines...); err != nil {
			c.t.Error(err)
		}
	}
}

// overIn are the tries that are over: by the state of their instance, or because their job is and they cannot go on.
func overIn(ctx context.Context, conn *pgx.Conn) ([]attemptKey, error) {
	rows, err := conn.Query(ctx, `SELECT r.dag_id, r.run_id, o.task_id, o.map_index, o.try FROM (
			SELECT run_key, task_id, map_index, try FROM task_instance WHERE state IN ('success', 'failed', 'skipped', 'upstream_failed', 'up_for_retry')
			UNION SELECT run_key, task_id, map_index, try FROM task_instance_history
			UNION SELECT CAST(args ->> 'run' AS bigint), args ->> 'task', CAST(args ->> 'map' AS bigint), CAST(args ->> 'try' AS bigint)
				FROM river_job WHERE state = 'completed' AND args ->> 'task' <> 'sense'
		) o JOIN dag_run r ON r.id = o.run_key WHERE o.try > 0`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (k attemptKey, err error) {
		err = row.Scan(&k.dag, &k.run, &k.task, &k.mapIndex, &k.try)
		return k, err
	})
}

// errorsOf is what is known of the tries of an instance.
func (c *cluster) errorsOf(runKey int64, in *store.Instance) string {
	past, err := c.store.PastTries(c.t.Context(), runKey, in.TaskID)
	require.NoError(c.t, err)
	var b strings.Builder
	for _, p := range append(past, in) {
		if p.MapIndex == in.MapIndex {
			fmt.Fprintf(&b, "\ntry %d on %s from %s to %s: %s, %d processes lost: %s", p.Try, p.Host, p.StartDate.Format(time.TimeOnly), p.EndDate.Format(time.TimeOnly), p.State, p.Lost, p.Error)
		}
	}
	return b.String()
}

// waitOver waits until all runs have ended and all messages have left, once nothing goes wrong any more.
func (c *cluster) waitOver() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		runs, err := c.store.Runs(ctx, store.RunFilter{States: []dag.RunState{dag.RunQueued, dag.RunRunning}})
		if err == nil && len(runs) == 0 && c.hasLastTick(ctx) {
			var ds []*store.Delivery
			if ds, err = c.store.Deliveries(ctx, []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}, 1); err == nil && len(ds) == 0 {
				return
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			c.stuck(err)
			return
		}
	}
}

// hasLastTick reports whether the last run of the schedule is there.
func (c *cluster) hasLastTick(ctx context.Context) bool {
	rs, err := c.store.Runs(ctx, store.RunFilter{DAGID: "tick", From: c.end, To: c.end})
	return err == nil && len(rs) == 1
}

// stuck says what has not ended.
func (c *cluster) stuck(err error) {
	ctx := c.t.Context()
	c.t.Errorf("not all is over after 3 minutes without faults: %v", err)
	runs, err := c.store.Runs(ctx, store.RunFilter{States: []dag.RunState{dag.RunQueued, dag.RunRunning}})
	require.NoError(c.t, err)
	for _, r := range runs {
		is, err := c.store.Instances(ctx, r.Key)
		require.NoError(c.t, err)
		for _, in := range is {
			if !in.State.Finished() {
				c.t.Errorf("%s/%s (%s): %s[%d] is %q, try %d, lost %d", r.DAGID, r.RunID, r.State, in.TaskID, in.MapIndex, in.State, in.Try, in.Lost)
			}
		}
	}
	ds, err := c.store.Deliveries(ctx, []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}, 10)
	require.NoError(c.t, err)
	for _, d := range ds {
		c.t.Errorf("a message is %s: %s", d.State, d.Summary)
	}
}

// instancesOf are the instances of a run by task and map index.
func (c *cluster) instancesOf(r *store.Run) map[string]*store.Instance {
	c.t.Helper()
	is, err := c.store.Instances(c.t.Context(), r.Key)
	require.NoError(c.t, err)
	out := map[string]*store.Instance{}
	for _, in := range is {
		out[fmt.Sprintf("%s[%d]", in.TaskID, in.MapIndex)] = in
	}
	return out
}

var (
	flowInstances = []string{"bad[-1]", "extract[-1]", "flaky[-1]", "gpu[-1]", "last[-1]", "long[-1]", "none[-1]", "part[0]", "part[1]", "part[2]", "send[-1]", "sense[-1]", "sum[-1]"}
	tickInstances = []string{"then[-1]", "work[-1]"}
)

// assertRuns checks that each run is there, and what became of its tasks, by the store and by the ledger.
func (c *cluster) assertRuns(es []entry) {
	c.t.Helper()
	began, ended := map[attemptKey]int{}, map[attemptKey]int{}
	repeats := 0
	for _, e := range es {
		switch e.word {
		case begins:
			if began[e.key]++; began[e.key] > 1 && e.key.task != "sense" {
				repeats++
			}
		case ends:
			ended[e.key]++
		}
	}
	runs, err := c.store.Runs(c.t.Context(), store.RunFilter{})
	require.NoError(c.t, err)
	var flows []string
	var ticks []time.Time
	known, lost := map[attemptKey]bool{}, 0
	for _, r := range runs {
		want := flowInstances
		if r.DAGID == "tick" {
			want = tickInstances
			ticks = append(ticks, r.LogicalDate)
		} else {
			flows = append(flows, r.RunID)
		}
		id := r.DAGID + "/" + r.RunID
		assert.Equal(c.t, dag.RunSuccess, r.State, "%s: %s", id, r.Reason)
		is := c.instancesOf(r)
		assert.Equal(c.t, want, slices.Sorted(maps.Keys(is)), id)
		for name, in := range is {
			c.assertInstance(id+"/"+name, in)
			lost += in.Lost
			for try := 1; try <= in.Try && !slices.Contains([]string{"none", "send"}, in.TaskID); try++ {
				k := attemptKey{r.DAGID, r.RunID, in.TaskID, in.MapIndex, try}
				known[k] = true
				if try == in.Try && in.State == dag.Success { // one before it may have died three times
					assert.Positive(c.t, ended[k], "%s succeeded, and its command never ended", k)
				}
				assert.Positive(c.t, began[k], "%s never began%s", k, c.errorsOf(r.Key, in))
			}
		}
		if r.DAGID == "flow" {
			sum, err := c.store.XCom(c.t.Context(), r.Key, "sum", -1, "return_value")
			require.NoError(c.t, err)
			assert.Equal(c.t, `"shop 1, shop 2, shop 3"`, string(sum), id)
		}
	}
	for k := range began {
		assert.True(c.t, known[k], "%s began and the store knows nothing of it", k)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	assert.Subset(c.t, flows, c.accepted, "runs are lost")
	assert.Subset(c.t, c.asked, flows, "nobody asked for it")
	var due []time.Time
	for at := c.start; !at.After(c.end); at = at.Add(tickEvery) {
		due = append(due, at.UTC())
	}
	slices.SortFunc(ticks, time.Time.Compare)
	assert.Equal(c.t, due, ticks, "scheduled runs")
	c.t.Logf("%d runs (%d of them scheduled), %d tries, %d begun again, %d instances lost by their last try", len(runs), len(ticks), len(began), repeats, lost)
}

// assertInstance checks what became of an instance.
func (c *cluster) assertInstance(id string, in *store.Instance) {
	c.t.Helper()
	switch in.TaskID {
	case "bad":
		assert.Equal(c.t, dag.Failed, in.State, id)
	case "send":
		if in.State == dag.Failed {
			assert.Regexp(c.t, "not known|may have arrived|uncertain", in.Error, id)
		} else {
			assert.Equal(c.t, dag.Success, in.State, "%s: %s", id, in.Error)
		}
	case "flaky":
		assert.Equal(c.t, dag.Success, in.State, "%s: %s", id, in.Error)
		assert.GreaterOrEqual(c.t, in.Try, 2, id)
	default:
		assert.Equal(c.t, dag.Success, in.State, "%s: %s", id, in.Error)
	}
}

var (
	noteOfUncertain = regexp.MustCompile(`\n注意 Note: \d+ earlier messages? may not have arrived: .*$`)
	messageText     = regexp.MustCompile(`chaos:[^\s"\\]+`)
)

// assertMessages checks that what happened was told, once.
func (c *cluster) assertMessages() {
	c.t.Helper()
	ctx := c.t.Context()
	arrived := map[string]int{}
	for _, m := range c.box.Messages(sandbox.Filter{}) {
		arrived[messageText.FindString(noteOfUncertain.ReplaceAllString(m.Content.Text, ""))]++
	}
	told := map[string][]*store.Delivery{}
	ds, err := c.store.Deliveries(ctx, nil, 0)
	require.NoError(c.t, err)
	for _, d := range ds {
		payload, err := json.Marshal(string(d.Payload))
		require.NoError(c.t, err)
		text := messageText.FindString(string(bytes.ReplaceAll(payload, []byte(`\`), []byte(` `))))
		told[text] = append(told[text], d)
	}
	uncertain, all := 0, 0
	check := func(text string) {
		all++
		if !assert.Len(c.t, told[text], 1, "messages of %s", text) {
			return
		}
		switch d := told[text][0]; d.State {
		case store.DeliveryDelivered:
			assert.Equal(c.t, 1, arrived[text], "%s is delivered", text)
		case store.DeliveryUncertain:
			uncertain++
			assert.LessOrEqual(c.t, arrived[text], 1, "%s is uncertain", text)
		default:
			c.t.Errorf("%s is %s: %s", text, d.State, d.Error)
		}
		delete(told, text)
		delete(arrived, text)
	}
	runs, err := c.store.Runs(ctx, store.RunFilter{})
	require.NoError(c.t, err)
	for _, r := range runs {
		if r.DAGID == "flow" && r.State == dag.RunSuccess {
			check("chaos:success/" + r.RunID)
		}
		of := func(event string, in *store.Instance) string {
			return fmt.Sprintf("chaos:%s/%s/%s/%d/%d", event, r.RunID, in.TaskID, in.MapIndex, in.Try)
		}
		is := c.instancesOf(r)
		for _, in := range is {
			if in.State == dag.Failed {
				check(of("failure", in))
			}
			if in.TaskID == "send" {
				text := "chaos:message/" + r.RunID
				n := arrived[text]
				assert.LessOrEqual(c.t, n, 1, text)
				if in.State == dag.Success {
					assert.Equal(c.t, 1, n, text)
				}
				delete(arrived, text)
			}
		}
		for _, task := range slices.Compact(slices.Sorted(func(yield func(string) bool) {
			for _, in := range is {
				if !yield(in.TaskID) {
					return
				}
			}
		})) {
			past, err := c.store.PastTries(ctx, r.Key, task)
			require.NoError(c.t, err)
			for _, in := range past {
				check(of("retry", in))
			}
		}
	}
	assert.Empty(c.t, slices.Collect(maps.Keys(told)), "messages of what did not happen")
	assert.Empty(c.t, arrived, "messages that nobody answers for")
	c.t.Logf("%d messages of callbacks, %d of them uncertain", all, uncertain)
}
