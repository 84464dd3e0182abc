package bench_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store/postgres/postgrestest"
)

// cluster are processes of the program on a PostgreSQL database of the benchmark's own, each with a home folder of its own.
type cluster struct {
	database, dags string
	db             *pgxpool.Pool
	// runs counts those that were triggered.
	runs int
	// address is where a scheduler is asked for them, by a user with this token.
	address, token string
}

// newCluster makes the database and the folder of the DAG files.
func newCluster(b *testing.B, files map[string]string) *cluster {
	b.Helper()
	c := &cluster{database: postgresSchema(b), dags: b.TempDir()}
	for name, text := range files {
		require.NoError(b, os.WriteFile(filepath.Join(c.dags, name), []byte(text), 0o600))
	}
	var err error
	c.db, err = pgxpool.New(b.Context(), c.database)
	require.NoError(b, err)
	b.Cleanup(c.db.Close)
	return c
}

// postgresSchema is the URL of an empty schema of the benchmark's own, with as many connections a process as the program has by
// default. Without a database the benchmark is skipped.
func postgresSchema(b *testing.B) string {
	b.Helper()
	u, err := url.Parse(postgrestest.Schema(b))
	require.NoError(b, err)
	q := u.Query()
	q.Set("pool_max_conns", "10")
	u.RawQuery = q.Encode()
	return u.String()
}

// command is a command of the program on the database.
func (c *cluster) command(b *testing.B, args ...string) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(binary(b), args...)
	cmd.Env = append(os.Environ(), "DINGDAG_HOME="+b.TempDir(), "DINGDAG_DATABASE_URL="+c.database, "DINGDAG_DAGS_FOLDER="+c.dags, "DINGDAG_LISTEN=off")
	return cmd
}

// start starts a process and waits until it works.
func (c *cluster) start(b *testing.B, args ...string) *exec.Cmd {
	b.Helper()
	cmd := c.command(b, args...)
	awaitWorks(b, cmd)
	return cmd
}

// scheduler starts one that can be asked for runs.
func (c *cluster) scheduler(b *testing.B) *exec.Cmd {
	b.Helper()
	ln, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	c.address = ln.Addr().String()
	require.NoError(b, ln.Close())
	if c.token == "" {
		add := c.command(b, "users", "create", "ann", "--role", "admin")
		add.Stdin = strings.NewReader("correct horse battery\n")
		out, err := add.CombinedOutput()
		require.NoError(b, err, "%s", out)
		out, err = c.command(b, "tokens", "create", "ann", "bench", "--days", "1").Output()
		require.NoError(b, err)
		c.token = strings.TrimSpace(string(out))
	}
	cmd := c.command(b, "scheduler")
	cmd.Env = append(cmd.Env, "DINGDAG_LISTEN="+c.address)
	awaitWorks(b, cmd)
	waitFor(b, func() bool {
		return c.number(b, "SELECT count(*) FROM leader WHERE expires > extract(epoch FROM now()) * 1000") == 1
	})
	return cmd
}

// trigger starts a run of the DAG bench, whose id is a number, by the REST API: a command would read the DAG files.
func (c *cluster) trigger(b *testing.B) {
	b.Helper()
	c.runs++
	body := fmt.Sprintf(`{"dag_run_id": "%d", "logical_date": null}`, c.runs)
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://"+c.address+"/api/v2/dags/bench/dagRuns", strings.NewReader(body))
	require.NoError(b, err)
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	require.NoError(b, err)
	said, err := io.ReadAll(resp.Body)
	require.NoError(b, errors.Join(err, resp.Body.Close()))
	require.Equal(b, http.StatusOK, resp.StatusCode, "%s", said)
}

// finish has so many runs of the DAG bench made, waits until they have succeeded, and returns how long it took from the start of the first one to the
// end of the last one.
func (c *cluster) finish(b *testing.B, runs int) time.Duration {
	b.Helper()
	before := c.runs
	for range runs {
		c.trigger(b)
	}
	waitFor(b, func() bool {
		return c.number(b, "SELECT count(*) FROM dag_run WHERE state = 'success' AND run_type = 'manual'") >= c.runs
	})
	return time.Duration(c.number(b, "SELECT max(end_date) - min(start_date) FROM dag_run WHERE run_type = 'manual' AND CAST(run_id AS bigint) > $1", before)) * time.Millisecond
}

// number reads one from the database.
func (c *cluster) number(b *testing.B, query string, args ...any) (n int) {
	b.Helper()
	require.NoError(b, c.db.QueryRow(b.Context(), query, args...).Scan(&n))
	return n
}

// stop ends a process in order.
func stop(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	require.NoError(b, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(b, cmd.Wait())
}

// passes is an operator of the program that does nothing in a run that somebody started.
const passes = "operator: latest_only"

// BenchmarkCluster runs DAGs of chains on a scheduler and workers, each a process of its own: the whole way of task instances that do
// nothing, but are made, queued, run elsewhere, reported, and followed by others. The floor are jobs of River's own clients.
func BenchmarkCluster(b *testing.B) {
	const wide, long, runs = workers * slots, 10, 10
	s := shape{tasks: wide * long, lanes: wide, wide: wide, task: passes}
	c := newCluster(b, map[string]string{"bench.yaml": string(s.yaml())})
	c.scheduler(b)
	for range workers {
		c.start(b, "worker", "--concurrency", strconv.Itoa(slots))
	}
	var took, least time.Duration
	for b.Loop() {
		took += c.finish(b, runs)
		least += riverJobs(b, queued)
	}
	reportRate(b, s.tasks*runs, took, least*(wide*long*runs)/queued)
}

// BenchmarkHandOver runs a chain with the leader in one process and the worker in another. It reports how long it takes from the
// moment at which the leader begins to write a task that is ready to the one at which it begins elsewhere, and from the end of a task to the
// beginning of the next one, medians. The store keeps milliseconds.
func BenchmarkHandOver(b *testing.B) {
	s := shape{tasks: 500, lanes: 1, wide: 1, task: passes}
	c := newCluster(b, map[string]string{"bench.yaml": string(s.yaml())})
	c.scheduler(b)
	c.start(b, "worker")
	var took time.Duration
	for b.Loop() {
		took += c.finish(b, 1)
	}
	median := func(of string) float64 {
		var ms float64
		require.NoError(b, c.db.QueryRow(b.Context(), "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY "+of+`) FROM task_instance t
			JOIN task_instance before ON before.run_key = t.run_key AND before.task_id = 't' || CAST(substr(t.task_id, 2) AS bigint) - 1`).Scan(&ms))
		return ms
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median("t.start_date - t.queued_at"), "begin-ms")
	b.ReportMetric(median("t.start_date - before.end_date"), "next-ms")
	b.ReportMetric(took.Seconds()/float64(b.N), "s/run")
}

// BenchmarkClusterChain runs a chain of empty tasks with the leader in one process and a worker in another. As the run ends with the
// transaction in which it begins, the time is that of whoever asks for it, with the command.
func BenchmarkClusterChain(b *testing.B) {
	c := newCluster(b, map[string]string{"bench.yaml": string(shape{tasks: 500, lanes: 1, wide: 1, task: "operator: empty"}.yaml())})
	c.scheduler(b)
	c.start(b, "worker")
	var took time.Duration
	for b.Loop() {
		begin := time.Now()
		c.finish(b, 1)
		took += time.Since(begin)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(took.Seconds()/float64(b.N), "s/run")
}

// BenchmarkTakeOver ends the process that leads while another one stands by, by SIGKILL and by SIGTERM, and reports how long it takes from
// then until the other one leads, and until it has answered somebody who asked it to start a run right then.
func BenchmarkTakeOver(b *testing.B) {
	for _, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		b.Run(map[syscall.Signal]string{syscall.SIGKILL: "kill", syscall.SIGTERM: "term"}[how], func(b *testing.B) {
			c := newCluster(b, map[string]string{"bench.yaml": string(shape{tasks: 1, lanes: 1, wide: 1, task: passes}.yaml())})
			leader := c.scheduler(b)
			c.start(b, "worker")
			var leads, answers time.Duration
			for b.Loop() {
				next := c.scheduler(b)
				c.finish(b, 1)
				epoch := c.number(b, "SELECT epoch FROM leader")
				begin := time.Now()
				require.NoError(b, leader.Process.Signal(how))
				c.runs++
				asked := c.command(b, "dags", "trigger", "bench", "--run-id", strconv.Itoa(c.runs))
				require.NoError(b, asked.Start())
				waitFor(b, func() bool { return c.number(b, "SELECT epoch FROM leader") > epoch })
				leads += time.Since(begin)
				require.NoError(b, asked.Wait())
				answers += time.Since(begin)
				_ = leader.Wait() // it says that it was killed
				leader = next
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(leads.Seconds()/float64(b.N), "s/lead")
			b.ReportMetric(answers.Seconds()/float64(b.N), "s/answer")
		})
	}
}

// BenchmarkClusterHistory measures the processor time of a process that schedules 10,000 DAGs, idle and for each task that others
// run for it, with 1,000,000 task instances in the store that have ended. The floor is the same on a store without history.
func BenchmarkClusterHistory(b *testing.B) {
	const dags, past, long = 10_000, 100_000, 10
	files := map[string]string{"bench.yaml": string(shape{tasks: 1000, lanes: 50, wide: 50, task: passes}.yaml())}
	for i := range dags {
		files[fmt.Sprintf("d%d.yaml", i)] = daily(i)
	}
	var idle, each, leastIdle, leastEach float64
	for b.Loop() {
		for _, full := range []bool{false, true} {
			c := newCluster(b, files)
			first := c.scheduler(b) // it makes the tables, and has the DAGs known
			waitFor(b, func() bool { return c.number(b, "SELECT count(*) FROM dag WHERE active") == len(files) })
			stop(b, first)
			if full {
				c.fill(b, dags, past, long)
			}
			i, e := c.scheduling(b)
			if full {
				idle, each = idle+i, each+e
			} else {
				leastIdle, leastEach = leastIdle+i, leastEach+e
			}
		}
	}
	n := float64(b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(idle/n, "%core")
	b.ReportMetric(leastIdle/n, "floor-%core")
	b.ReportMetric(each/n, "cpu-µs/task")
	b.ReportMetric(leastEach/n, "floor-cpu-µs/task")
}

// scheduling returns the share of a core that a scheduler takes while nothing is to be done, and its processor time in microseconds
// for each of the tasks that a worker runs.
func (c *cluster) scheduling(b *testing.B) (idle, each float64) {
	b.Helper()
	const settling, resting, runs, tasks = 30 * time.Second, 40 * time.Second, 10, 10_000
	scheduler, worker := c.scheduler(b), c.start(b, "worker", "--concurrency", "50")
	proc := fmt.Sprintf("/proc/%d/", scheduler.Process.Pid)
	time.Sleep(settling) // it reads the files, and answers nobody until then
	c.finish(b, 1)
	begin, used := time.Now(), ticks(b, proc)
	time.Sleep(resting)
	idle = float64(ticks(b, proc)-used) / time.Since(begin).Seconds() // hundredths of a second, in a second
	used = ticks(b, proc)
	c.finish(b, runs)
	each = float64(ticks(b, proc)-used) * 1e4 / tasks
	stop(b, worker)
	stop(b, scheduler)
	return idle, each
}

// fill puts runs that have succeeded into the store, over all DAGs, with so many task instances each.
func (c *cluster) fill(b *testing.B, dags, runs, tasks int) {
	b.Helper()
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO dag_run (dag_id, run_id, run_type, state, logical_date, run_after, start_date, end_date, version)
			SELECT 'd' || g %% %d, 'scheduled__' || g, 'scheduled', 'success', g, g, g, g + 1, 'v' FROM generate_series(1, %d) g`, dags, runs),
		fmt.Sprintf(`INSERT INTO task_instance (run_key, task_id, state, try, max_tries, operator, queued_at, start_date, end_date)
			SELECT id, 't' || t, 'success', 1, 1, 'bash', start_date, start_date, end_date FROM dag_run, generate_series(0, %d) t`, tasks-1),
		fmt.Sprintf(`INSERT INTO river_job (args, attempt, attempted_by, attempted_at, finalized_at, kind, max_attempts, state)
			SELECT jsonb_build_object('run', g, 'task', 't', 'map', -1, 'try', 1), 1, '{gone,gone}', now(), now(), 'attempt', 16384, 'completed' FROM generate_series(1, %d) g`, runs*tasks),
		"ANALYZE",
	} {
		_, err := c.db.Exec(b.Context(), statement)
		require.NoError(b, err)
	}
}
