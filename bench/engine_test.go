package bench_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/template"
)

// worker is an operator without work that, unlike empty, goes through a worker: its
// chains show what a durable hand-over costs.
type worker struct{}

// Execute does nothing.
func (*worker) Execute(context.Context, *operator.TaskContext) (any, error) { return nil, nil }

// numbers is an operator that gives back the numbers below one.
type numbers struct {
	// N is how many.
	N string `yaml:"n" param:"required,template"`
}

// Execute makes the list.
func (o *numbers) Execute(context.Context, *operator.TaskContext) (any, error) {
	n, err := strconv.Atoi(o.N)
	if err != nil {
		return nil, err
	}
	out := make([]string, n)
	for i := range out {
		out[i] = "1"
	}
	return out, nil
}

// shape is a DAG of equal tasks.
type shape struct {
	tasks int
	// lanes is how many chains the tasks form, side by side; as many as tasks makes
	// them independent.
	lanes int
	// wide is max_active_tasks.
	wide int
	// task is the YAML of a task without its id and dependencies.
	task string
}

func (s shape) yaml() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "bench:\n  max_active_tasks: %d\n  tasks:\n", s.wide)
	for i := range s.tasks {
		fmt.Fprintf(&b, "    - {task_id: t%d, %s", i, s.task)
		if i >= s.lanes {
			fmt.Fprintf(&b, ", dependencies: [t%d]", i-s.lanes)
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// bed is a running engine on a store in a folder of its own.
type bed struct {
	dir   string
	e     *engine.Engine
	store *sqlite.Store
	ended chan dag.RunState
}

// newBed starts an engine as standalone does: a durable store, one process.
func newBed(b *testing.B, o engine.RunOptions) *bed {
	b.Helper()
	t := &bed{dir: b.TempDir(), ended: make(chan dag.RunState, 1)}
	var err error
	t.store, err = sqlite.Open(b.Context(), filepath.Join(t.dir, "db"), sqlite.Options{Synchronous: "FULL"})
	require.NoError(b, err)
	ops, err := operator.NewRegistry(append(standard.Specs(), operator.Define[worker]("worker"), operator.Define[numbers]("numbers"))...)
	require.NoError(b, err)
	cbs, err := callbacks.NewRegistry(nil, nil)
	require.NoError(b, err)
	t.e, err = engine.New(t.store, engine.Options{
		Operators: ops, Callbacks: cbs, Templates: template.New(template.Options{}), LogDir: filepath.Join(t.dir, "logs"),
		Observe: func(u engine.Update) {
			if u.Instance == nil && u.Run.State.Finished() {
				t.ended <- u.Run.State
			}
		},
	})
	require.NoError(b, err)

	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	done, ready := make(chan error, 1), make(chan struct{})
	o.Ready = func() { close(ready) }
	go func() { done <- t.e.Run(ctx, o) }()
	<-ready
	b.Cleanup(func() {
		stop()
		require.NoError(b, errors.Join(<-done, t.store.Close()))
	})
	return t
}

// load gives the engine a DAG.
func (t *bed) load(b *testing.B, yaml []byte) *dag.DAG {
	b.Helper()
	ds, problems := dagfile.Parse(filepath.Join(t.dir, "bench.yaml"), yaml, t.e.Catalog(), dagfile.Options{})
	require.False(b, problems.HasErrors(), problems.String())
	require.NoError(b, t.e.SetDAGs(b.Context(), ds))
	return ds[0]
}

// trigger runs the DAG and waits until its run has succeeded.
func (t *bed) trigger(b *testing.B) {
	b.Helper()
	now := time.Now()
	_, err := t.e.Trigger(b.Context(), "bench", engine.Trigger{RunID: fmt.Sprintf("r%d", now.UnixNano()), LogicalDate: now})
	require.NoError(b, err)
	require.Equal(b, dag.RunSuccess, <-t.ended)
}

// cost is what something took: time by the clock, and of processors, children included.
// The latter is the better figure on a machine that is busy with other things.
type cost struct{ clock, cpu time.Duration }

func (c *cost) add(b *testing.B, fn func()) {
	b.Helper()
	begin, used := time.Now(), processors(b)
	fn()
	c.clock += time.Since(begin)
	c.cpu += processors(b) - used
}

// processors is the processor time of this process and of its children that ended.
func processors(b *testing.B) (sum time.Duration) {
	b.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		require.NoError(b, syscall.Getrusage(who, &r))
		sum += time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return sum
}

// measure runs the shape and its floor.
func measure(b *testing.B, s shape, floor func(*testing.B)) {
	b.Helper()
	t := newBed(b, engine.RunOptions{})
	t.load(b, s.yaml())
	t.measure(b, s.tasks, floor)
}

// measure runs the DAG and, right after each run, the floor, so that both see the same
// machine. It reports what each of so many tasks costs in both.
func (t *bed) measure(b *testing.B, n int, floor func(*testing.B)) {
	b.Helper()
	compare(b, n, t.trigger, floor)
}

// compare runs one thing and its floor by turns.
func compare(b *testing.B, n int, run, floor func(*testing.B)) {
	b.Helper()
	var took, least cost
	for b.Loop() {
		took.add(b, func() { run(b) })
		least.add(b, func() { floor(b) })
	}
	tasks := float64(b.N * n)
	b.ReportMetric(0, "ns/op") // it would count the floor too
	b.ReportMetric(took.clock.Seconds()/float64(b.N), "s/run")
	b.ReportMetric(float64(took.clock.Microseconds())/tasks, "µs/task")
	b.ReportMetric(float64(least.clock.Microseconds())/tasks, "floor-µs/task")
	b.ReportMetric(float64(took.cpu.Microseconds())/tasks, "cpu-µs/task")
	b.ReportMetric(float64(least.cpu.Microseconds())/tasks, "floor-cpu-µs/task")
}

// sizes are the lengths of the chains: the cost of a task must not grow with them.
var sizes = []int{10, 500, 5000}

// BenchmarkChainEmpty runs chains of empty tasks. They have no work and nobody to tell,
// so they succeed in the transaction that makes them ready. The floor commits a row
// for each task.
func BenchmarkChainEmpty(b *testing.B) {
	for _, n := range sizes {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			measure(b, shape{tasks: n, lanes: 1, wide: 1, task: "operator: empty"}, commits(b, n))
		})
	}
}

// BenchmarkChainWorker runs chains of tasks that go through a worker, each durable before
// the next begins. The floor commits a row for each task.
func BenchmarkChainWorker(b *testing.B) {
	for _, n := range sizes {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			measure(b, shape{tasks: n, lanes: 1, wide: 1, task: "operator: worker"}, commits(b, n))
		})
	}
}

// BenchmarkWideWorker runs independent tasks 32 at once: the throughput of one process.
// The floor commits a row for each task.
func BenchmarkWideWorker(b *testing.B) {
	const n = 5000
	measure(b, shape{tasks: n, lanes: n, wide: 32, task: "operator: worker"}, commits(b, n))
}

// BenchmarkFan runs 1,000 tasks and then 1,000 that wait for all of them: a million edges.
// The floor commits a row for each task.
func BenchmarkFan(b *testing.B) {
	const n = 1000
	t := newBed(b, engine.RunOptions{})
	var yaml bytes.Buffer
	yaml.WriteString("bench:\n  max_active_tasks: 32\n  task_groups: [{group_name: out}, {group_name: in, dependencies: [out]}]\n  tasks:\n")
	for i := range n {
		fmt.Fprintf(&yaml, "    - {task_id: o%d, operator: worker, task_group_name: out}\n    - {task_id: i%d, operator: worker, task_group_name: in}\n", i, i)
	}
	t.load(b, yaml.Bytes())
	t.measure(b, 2*n, commits(b, 2*n))
}

// BenchmarkMapped runs a task that is mapped over the 1,000 elements of a result, and one
// that pulls the results of all of them. The floor commits a row for each task.
func BenchmarkMapped(b *testing.B) {
	const n = 1000
	t := newBed(b, engine.RunOptions{})
	t.load(b, []byte(`
bench:
  max_active_tasks: 32
  tasks:
    - {task_id: list, operator: numbers, n: "1000"}
    - {task_id: each, operator: numbers, expand: {n: list.output}}
    - {task_id: all, operator: numbers, n: "{{ ti.xcom_pull(task_ids='each') | length }}", dependencies: [each]}
`))
	t.measure(b, n+2, commits(b, n+2))
}

// BenchmarkBackfill runs a backfill of 1,000 runs of one task, 32 at once. The floor
// commits a row for each run.
func BenchmarkBackfill(b *testing.B) {
	const n = 1000
	t := newBed(b, engine.RunOptions{Schedule: true})
	d := t.load(b, []byte("bench:\n  schedule: '@hourly'\n  start_date: 2001-01-01\n  end_date: 2020-01-01\n  tasks: [{task_id: t, operator: worker}]\n"))
	from := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	compare(b, n, func(b *testing.B) {
		b.Helper()
		to := from.Add((n - 1) * time.Hour)
		done, err := t.e.CreateBackfill(b.Context(), d.ID, engine.BackfillRequest{From: from, To: to, MaxActiveRuns: 32})
		require.NoError(b, err)
		fill := done.Backfill
		from = to.Add(time.Hour)
		for range n {
			require.Equal(b, dag.RunSuccess, <-t.ended)
		}
		waitFor(b, func() bool {
			got, err := t.store.Backfill(b.Context(), fill.ID)
			require.NoError(b, err)
			return got.State == store.BackfillCompleted
		})
	}, commits(b, n))
}

// bashFloors are the floors of bash tasks: the plain one forks shells and appends a line to one
// log; the fair one makes the files of a task besides.
var bashFloors = []struct {
	name  string
	floor func(b *testing.B, n, wide int) func(*testing.B)
}{{"plain", shells}, {"fair", shellsWithFiles}}

// BenchmarkChainBash runs a chain of bash tasks. The floors fork as many shells, one
// after another.
func BenchmarkChainBash(b *testing.B) {
	const n = 500
	for _, f := range bashFloors {
		b.Run(f.name, func(b *testing.B) {
			measure(b, shape{tasks: n, lanes: 1, wide: 1, task: `operator: bash, bash_command: "true"`}, f.floor(b, n, 1))
		})
	}
}

// BenchmarkWideBash runs independent bash tasks 8 at once. The floors fork their shells 8 at
// once too.
func BenchmarkWideBash(b *testing.B) {
	const n, wide = 500, 8
	for _, f := range bashFloors {
		b.Run(f.name, func(b *testing.B) {
			measure(b, shape{tasks: n, lanes: n, wide: wide, task: `operator: bash, bash_command: "true"`}, f.floor(b, n, wide))
		})
	}
}
