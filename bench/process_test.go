package bench_test

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// binary is the program to measure, as "make build" leaves it unless DINGDAG_BIN says
// otherwise.
func binary(b *testing.B) string {
	b.Helper()
	path, err := filepath.Abs(cmp.Or(os.Getenv("DINGDAG_BIN"), filepath.Join("..", "bin", "dingdag")))
	require.NoError(b, err)
	_, err = os.Stat(path)
	require.NoError(b, err, "run make build first")
	return path
}

// BenchmarkBinary reports the size of the program.
func BenchmarkBinary(b *testing.B) {
	info, err := os.Stat(binary(b))
	require.NoError(b, err)
	for b.Loop() { // nothing to repeat
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}

// BenchmarkVersion starts the program for its shortest command. The floor starts true.
func BenchmarkVersion(b *testing.B) {
	path := binary(b)
	const times = 20
	var took, least time.Duration
	for b.Loop() {
		for range times {
			took += start(b, path, "version")
			least += start(b, "true")
		}
	}
	b.ReportMetric(0, "ns/op")
	n := float64(b.N * times)
	b.ReportMetric(took.Seconds()*1e3/n, "ms/start")
	b.ReportMetric(least.Seconds()*1e3/n, "floor-ms/start")
}

// start runs a program to its end and returns how long that took.
func start(b *testing.B, name string, args ...string) time.Duration {
	b.Helper()
	begin := time.Now()
	require.NoError(b, exec.Command(name, args...).Run())
	return time.Since(begin)
}

// home is a home folder with DAG files.
type home string

func newHome(b *testing.B, dags int, yaml func(i int) string) home {
	b.Helper()
	h := home(b.TempDir())
	require.NoError(b, os.Mkdir(filepath.Join(string(h), "dags"), 0o700))
	for i := range dags {
		require.NoError(b, os.WriteFile(filepath.Join(string(h), "dags", fmt.Sprintf("d%d.yaml", i)), []byte(yaml(i)), 0o600))
	}
	return h
}

// standalone starts the program on the home folder and waits until it works. What it
// says goes on being read until it ends. env is added to the environment.
func (h home) standalone(b *testing.B, env ...string) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(binary(b), "standalone", "--home", string(h))
	cmd.Env = append(append(os.Environ(), "DINGDAG_LISTEN=off"), env...)
	awaitWorks(b, cmd)
	return cmd
}

// awaitWorks starts a service and waits until it works. What it says goes on being read until it ends.
func awaitWorks(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	stderr, err := cmd.StderrPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	works := make(chan string, 1) // it ends when the program does, whose last words it has then
	go func() {
		last := ""
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if last = lines.Text(); strings.Contains(last, "dingdag works") {
				works <- ""
			}
		}
		select {
		case works <- last:
		default:
		}
	}()
	require.Empty(b, <-works, "the program has ended")
}

// daily is the text of a DAG of 10 tasks that is not due.
func daily(i int) string {
	s := shape{tasks: 10, lanes: 1, wide: 16, task: `operator: bash, bash_command: "echo {{ ds }}"`}
	return fmt.Sprintf("d%d:\n  schedule: \"%d 4 * * *\"\n  start_date: 2100-01-01\n", i, i%60) + strings.TrimPrefix(string(s.yaml()), "bench:\n")
}

// folders are the numbers of DAG files to measure with.
var folders = []int{1000, 10000}

// BenchmarkLoad validates a folder of DAG files with 10 tasks each. The floor reads the
// files and parses their YAML, as many at once as there are processors.
func BenchmarkLoad(b *testing.B) {
	for _, n := range folders {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			path, h := binary(b), newHome(b, n, daily)
			var took, least time.Duration
			for b.Loop() {
				took += start(b, path, "dags", "validate", "--home", string(h))
				least += parse(b, filepath.Join(string(h), "dags"))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took.Seconds()/float64(b.N), "s/load")
			b.ReportMetric(float64(took.Microseconds())/float64(n*b.N), "µs/file")
			b.ReportMetric(float64(least.Microseconds())/float64(n*b.N), "floor-µs/file")
		})
	}
}

// parse reads the YAML of all files in a folder and returns how long that took.
func parse(b *testing.B, dir string) time.Duration {
	b.Helper()
	begin := time.Now()
	files, err := os.ReadDir(dir)
	require.NoError(b, err)
	many(len(files), runtime.GOMAXPROCS(0), func(i int) error {
		data, err := os.ReadFile(filepath.Join(dir, files[i].Name()))
		if err != nil {
			return err
		}
		var root yaml.Node
		return yaml.Unmarshal(data, &root)
	})(b)
	return time.Since(begin)
}

// BenchmarkList lists the DAGs of a folder that was looked at before, and BenchmarkOneOfMany
// shows one of them; its floor is the same DAG alone in its folder.
func BenchmarkList(b *testing.B) {
	for _, n := range folders {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			path, h := binary(b), settledHome(b, n)
			var took time.Duration
			for b.Loop() {
				took += start(b, path, "dags", "list", "--home", string(h))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms/list")
		})
	}
}

func BenchmarkOneOfMany(b *testing.B) {
	for _, n := range folders {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			path, many, one := binary(b), settledHome(b, n), settledHome(b, 1)
			id, _, _ := strings.Cut(daily(0), ":")
			var took, least time.Duration
			for b.Loop() {
				took += start(b, path, "dags", "show", id, "--home", string(many))
				least += start(b, path, "dags", "show", id, "--home", string(one))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "ms/show")
			b.ReportMetric(float64(least.Microseconds())/1000/float64(b.N), "floor-ms/show")
		})
	}
}

// settledHome is a home folder whose DAG files were written a while ago, and were listed.
func settledHome(b *testing.B, dags int) home {
	b.Helper()
	h := newHome(b, dags, daily)
	files, err := filepath.Glob(filepath.Join(string(h), "dags", "*"))
	require.NoError(b, err)
	for _, f := range files {
		require.NoError(b, os.Chtimes(f, time.Time{}, time.Now().Add(-time.Hour)))
	}
	start(b, binary(b), "dags", "list", "--home", string(h))
	return h
}

// BenchmarkIdle starts the program on DAGs of 10 tasks that are not due, and reports its
// resident memory and its share of a core over more than one sweep. The floor has one DAG.
func BenchmarkIdle(b *testing.B) {
	for _, n := range folders {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var rss, least, cpu float64
			for b.Loop() {
				r, c := idle(b, newHome(b, n, daily), 35*time.Second)
				rss, cpu = rss+r, cpu+c
				r, _ = idle(b, newHome(b, 1, daily), time.Second)
				least += r
			}
			times := float64(b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(rss/times, "MiB")
			b.ReportMetric(least/times, "floor-MiB")
			b.ReportMetric(100*cpu/times, "%core")
		})
	}
}

// idle returns the resident memory in MiB and the share of a core.
func idle(b *testing.B, h home, during time.Duration) (rss, cpu float64) {
	b.Helper()
	cmd := h.standalone(b)
	proc := fmt.Sprintf("/proc/%d/", cmd.Process.Pid)
	begin, used := time.Now(), ticks(b, proc)
	time.Sleep(during)
	cpu = float64(ticks(b, proc)-used) / 100 / time.Since(begin).Seconds()
	rss = float64(field(b, proc+"status", "VmRSS:")) / 1024
	require.NoError(b, cmd.Process.Signal(os.Interrupt))
	require.NoError(b, cmd.Wait())
	return rss, cpu
}

// ticks is the CPU time of a process, in hundredths of a second.
func ticks(b *testing.B, proc string) int {
	b.Helper()
	raw, err := os.ReadFile(proc + "stat")
	require.NoError(b, err)
	// The second field is the name in brackets, which may hold spaces.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	require.NoError(b, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(b, err)
	return user + system
}

// field is the number after a name in a file of /proc.
func field(b *testing.B, file, name string) int {
	b.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(b, err)
	_, after, ok := strings.Cut(string(raw), name)
	require.True(b, ok, "%s has no %s", file, name)
	n, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(b, err)
	return n
}

// BenchmarkDue lets 200 DAGs be due at the start of the same minute, each with one bash
// task, and reports how late the last of the runs began, how late the last of the tasks,
// and the peak of the resident memory.
func BenchmarkDue(b *testing.B) {
	const dags = 200
	var run, task time.Duration
	var peak float64
	for b.Loop() {
		r, t, p := due(b, dags)
		run, task, peak = run+r, task+t, peak+p
	}
	n := float64(b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(run.Seconds()*1e3/n, "ms/run-late")
	b.ReportMetric(task.Seconds()*1e3/n, "ms/task-late")
	b.ReportMetric(peak/n, "MiB")
}

func due(b *testing.B, dags int) (run, task time.Duration, peak float64) {
	b.Helper()
	at := time.Now().UTC().Add(10 * time.Second).Truncate(time.Minute).Add(time.Minute)
	h := newHome(b, dags, func(i int) string {
		return fmt.Sprintf("d%d:\n  schedule: \"%d %d * * *\"\n  start_date: %q\n  tasks:\n    - {task_id: t, operator: bash, bash_command: \"true\"}\n",
			i, at.Minute(), at.Hour(), at.Add(-time.Minute).Format("2006-01-02 15:04:05"))
	})
	cmd := h.standalone(b)
	h.await(b, dags, "success")
	late := func(query string) (d time.Duration) {
		h.read(b, func(db *sql.DB) {
			var began int64
			require.NoError(b, db.QueryRowContext(b.Context(), query).Scan(&began))
			d = time.UnixMilli(began).Sub(at)
		})
		return d
	}
	run, task = late("SELECT max(start_date) FROM dag_run"), late("SELECT max(start_date) FROM task_instance")
	peak = float64(field(b, fmt.Sprintf("/proc/%d/status", cmd.Process.Pid), "VmHWM:")) / 1024
	require.NoError(b, cmd.Process.Signal(os.Interrupt))
	require.NoError(b, cmd.Wait())
	return run, task, peak
}

// BenchmarkAllDue lets 10,000 DAGs of 10 bash tasks be due at the start, and reports the
// peak of the resident memory in the first minute of working on them.
func BenchmarkAllDue(b *testing.B) {
	var peak float64
	for b.Loop() {
		h := newHome(b, 10000, func(i int) string {
			return strings.Replace(daily(i), "2100-01-01", "2026-01-01", 1)
		})
		cmd := h.standalone(b)
		time.Sleep(time.Minute)
		peak += float64(field(b, fmt.Sprintf("/proc/%d/status", cmd.Process.Pid), "VmHWM:")) / 1024
		require.NoError(b, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(peak/float64(b.N), "MiB")
}

// BenchmarkRestart kills the program while 1,000 runs are under way and reports how
// long after its next start the first attempt begins, how many attempts began twice
// (no more than were running), and how many runs were lost (none).
func BenchmarkRestart(b *testing.B) {
	const runs = 1000
	var took time.Duration
	var twice, lost int
	for b.Loop() {
		t, again, gone := restart(b, runs)
		took, twice, lost = took+t, twice+again, lost+gone
	}
	n := float64(b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(took.Seconds()/n, "s/restart")
	b.ReportMetric(float64(twice)/n, "repeated")
	b.ReportMetric(float64(lost)/n, "lost")
}

func restart(b *testing.B, runs int) (took time.Duration, twice, lost int) {
	b.Helper()
	ledger := filepath.Join(b.TempDir(), "ledger")
	h := newHome(b, runs, func(i int) string {
		return fmt.Sprintf(`d%[1]d:
  schedule: "@once"
  start_date: 2026-01-01
  tasks:
    - {task_id: first, operator: bash, bash_command: "echo first >> %[2]s; until test -e %[2]s.go; do sleep 0.5; done"}
    - {task_id: last, operator: bash, bash_command: "echo last >> %[2]s", dependencies: [first]}
`, i, ledger)
	})
	dead := h.standalone(b)
	h.await(b, runs, "running")
	waitFor(b, func() bool { return count(b, ledger, "first") > 0 })
	require.NoError(b, dead.Process.Kill())
	require.Error(b, dead.Wait())
	before := count(b, ledger, "first")

	begin := time.Now()
	cmd := h.standalone(b)
	waitFor(b, func() bool { return count(b, ledger, "first") > before })
	took = time.Since(begin)
	require.NoError(b, os.WriteFile(ledger+".go", nil, 0o600))
	h.await(b, runs, "success")
	require.NoError(b, cmd.Process.Signal(os.Interrupt))
	require.NoError(b, cmd.Wait())
	return took, count(b, ledger, "first") - runs, runs - count(b, ledger, "last")
}

// await waits until so many runs are in the state.
func (h home) await(b *testing.B, runs int, state string) {
	b.Helper()
	h.read(b, func(db *sql.DB) {
		waitFor(b, func() bool {
			var n int
			require.NoError(b, db.QueryRowContext(b.Context(), "SELECT count(*) FROM dag_run WHERE state = ?", state).Scan(&n))
			return n >= runs
		})
	})
}

// read opens the store beside the program that works on it.
func (h home) read(b *testing.B, fn func(*sql.DB)) {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(string(h), "dingdag.db")+"?_pragma=query_only(1)&_pragma=busy_timeout(10000)")
	require.NoError(b, err)
	fn(db)
	require.NoError(b, db.Close())
}

func count(b *testing.B, file, line string) int {
	b.Helper()
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	require.NoError(b, err)
	return strings.Count(string(raw), line+"\n")
}

func waitFor(b *testing.B, ok func() bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	for !ok() {
		require.NoError(b, ctx.Err())
		time.Sleep(5 * time.Millisecond)
	}
}
