package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/human"
	"github.com/dingdag/dingdag/params/declare"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/postgres/postgrestest"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/worker"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := postgrestest.Drop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.Exit(code)
	}))
}

// probe is an operator whose behaviour a test chooses by its name.
type probe struct {
	// Do names the behaviour.
	Do string `yaml:"do" param:"default=ok"`
	// Text is a templated field.
	Text string `yaml:"text" param:"template"`

	b *bench
}

// Execute runs the behaviour.
func (p *probe) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	p.b.mu.Lock()
	do := p.b.do[p.Do]
	p.b.ran = append(p.b.ran, fmt.Sprintf("%s#%d", tc.TaskID, tc.TryNumber))
	p.b.mu.Unlock()
	if do == nil {
		return p.Text, nil
	}
	return do(ctx, tc)
}

// unsafe is a probe whose repeat would harm.
type unsafe struct{ probe }

// RepeatSafe is false.
func (*unsafe) RepeatSafe() bool { return false }

// sensor is a probe that the engine treats as a sensor.
type sensor struct{ probe }

// forkOp is a branch that names where it may lead.
type forkOp struct {
	// To are the ids.
	To []string `yaml:"to"`
}

// Execute chooses all of them.
func (f *forkOp) Execute(context.Context, *operator.TaskContext) (any, error) {
	return operator.Branch{TaskIDs: f.To}, nil
}

// Targets are the ids.
func (f *forkOp) Targets() []string { return f.To }

// freeOp takes any value and returns it.
type freeOp struct {
	// Value is anything.
	Value any `yaml:"value"`
}

// Execute returns the value.
func (f *freeOp) Execute(context.Context, *operator.TaskContext) (any, error) { return f.Value, nil }

// nop is an operator without work.
type nop struct{}

// Execute does nothing.
func (*nop) Execute(context.Context, *operator.TaskContext) (any, error) { return nil, nil }

// NoOp marks it.
func (*nop) NoOp() {}

// say is a callback that sends its text to the bench.
type say struct {
	// Text is what is sent.
	Text string `yaml:"text" param:"template,default=said"`
	// Who is another text.
	Who string `yaml:"who" param:"template"`
	// Panic makes it panic.
	Panic bool `yaml:"panic"`
}

// Prepare makes the message.
func (s *say) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	if s.Panic {
		panic("told to")
	}
	p, err := json.Marshal(fmt.Sprintf("%s %s %s", ev.Kind, ev.TaskID, s.Text))
	return callbacks.Message{Sender: "bench", Channel: "bench", Summary: s.Text, Payload: p}, err
}

// bench is an engine on a real store with operators that tests control.
type bench struct {
	t     *testing.T
	dir   string
	store stored
	e     *engine.Engine
	// away says that the work is done by an engine of its own, on a store of its own: the one in e leads, and runs nothing.
	away     bool
	database string
	worker   *engine.Engine
	workers  stored
	// off is how far its clock is ahead.
	off time.Duration
	// wrapWorkers is wrap for it.
	wrapWorkers func(store.Store) store.Store
	o           engine.Options
	wrap        func(store.Store) store.Store // puts something between the engine and the store
	lacks       []string                      // operators that the program does not have
	// more are callbacks beside say, with their senders, and functions.
	more    []callbacks.Spec
	senders map[string]callbacks.Sender
	funcs   []callbacks.Function
	cancel  context.CancelFunc
	ended   chan error

	mu      sync.Mutex
	do      map[string]func(context.Context, *operator.TaskContext) (any, error)
	ran     []string
	sent    []string
	sendErr func(string) error
	updates []engine.Update
	seen    chan struct{}
}

func newBench(t *testing.T, funcs ...callbacks.Function) *bench {
	t.Helper()
	return openBench(t, *away, funcs...)
}

// newAwayBench is newBench with the work done by another process than the one that leads, also without -away.
func newAwayBench(t *testing.T) *bench {
	t.Helper()
	return openBench(t, true)
}

func openBench(t *testing.T, away bool, funcs ...callbacks.Function) *bench {
	t.Helper()
	b := &bench{t: t, away: away, dir: t.TempDir(), funcs: funcs, do: map[string]func(context.Context, *operator.TaskContext) (any, error){}, seen: make(chan struct{}, 1)}
	b.o.Grace = 20 * time.Millisecond
	b.open()
	return b
}

// open opens the store and builds an engine, as a process does that starts.
func (b *bench) open() {
	b.t.Helper()
	b.store = b.openStore("leader")
	specs := []operator.Spec{
		declare.DefineWith[operator.Operator]("operator", "probe", func() *probe { return &probe{b: b} }),
		declare.DefineWith[operator.Operator]("operator", "unsafe", func() *unsafe { return &unsafe{probe{b: b}} }),
		declare.DefineWith[operator.Operator]("operator", "sensor", func() *sensor { return &sensor{probe{b: b}} }, declare.Sensor()),
		operator.Define[nop]("nop"),
		operator.Define[scriptOp]("script"),
		operator.Define[lateOp]("late"),
		operator.Define[forkOp]("fork"),
		operator.Define[freeOp]("free"),
		operator.Define[nativeOp]("native"),
		operator.Define[partsOp]("parts"),
	}
	specs = append(specs, human.Specs()...)
	ops, err := operator.NewRegistry(slices.DeleteFunc(specs, func(s operator.Spec) bool { return slices.Contains(b.lacks, s.Name) })...)
	require.NoError(b.t, err)
	senders := map[string]callbacks.Sender{"bench": b}
	maps.Copy(senders, b.senders)
	cbs, err := callbacks.NewRegistry(append([]callbacks.Spec{callbacks.Define[say]("say")}, b.more...), senders, b.funcs...)
	require.NoError(b.t, err)
	masker := connections.NewMasker()
	masker.Add("hunter22")
	o := b.o
	o.Operators, o.Callbacks, o.Templates, o.Masker = ops, cbs, template.New(template.Options{}), masker
	o.LogDir = filepath.Join(b.dir, "logs")
	o.Observe = b.observe
	if o.Beat == 0 {
		o.Beat = 20 * time.Millisecond
		if b.away { // others take over what a process does not hold on to
			o.Beat = 200 * time.Millisecond
		}
	}
	var between store.Store = b.store
	if b.wrap != nil {
		between = b.wrap(b.store)
	}
	o.Shared, o.Node = b.away, "leader"
	b.e, err = engine.New(between, o)
	require.NoError(b.t, err)
	if b.away {
		o.Observe, o.Node = nil, "worker"
		if b.off != 0 {
			o.Clock = func() time.Time { return time.Now().Add(b.off) }
		}
		b.workers = b.openStore("worker")
		between = b.workers
		if b.wrapWorkers != nil {
			between = b.wrapWorkers(b.workers)
		}
		b.worker, err = engine.New(between, o)
		require.NoError(b.t, err)
	}
}

// stored is a store that is closed in the end.
type stored interface {
	store.Store
	Close() error
}

var away = flag.Bool("away", false, "have the work done by another process than the one that leads, on PostgreSQL")

// onFile is for tests of what the file of a store holds.
func (b *bench) onFile() {
	b.t.Helper()
	if b.away {
		b.t.Skip("it is about a store in a file")
	}
}

// openStore opens the store as a process does.
func (b *bench) openStore(node string) stored {
	b.t.Helper()
	if !b.away {
		return sqlitetest.Open(b.t, filepath.Join(b.dir, "db"), sqlite.Options{Synchronous: "NORMAL"})
	}
	if time.Now().Year() == 2000 { // the clock of a bubble
		b.t.Skip("a database over a network cannot be in a bubble")
	}
	if b.database == "" {
		b.database = postgrestest.URL(b.t)
	}
	s := postgrestest.Open(b.t, b.database, postgres.Options{Node: node, Looks: 20 * time.Millisecond})
	b.t.Cleanup(func() { assert.NoError(b.t, s.Close()) }) // of an engine that was not started
	return s
}

// Send records a message.
func (b *bench) Send(_ context.Context, m callbacks.Message) (string, error) {
	var text string
	if err := json.Unmarshal(m.Payload, &text); err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sendErr != nil {
		if err := b.sendErr(text); err != nil {
			return "", err
		}
	}
	b.sent = append(b.sent, text)
	return "ok", nil
}

func (b *bench) observe(u engine.Update) {
	b.mu.Lock()
	b.updates = append(b.updates, u)
	b.mu.Unlock()
	select {
	case b.seen <- struct{}{}:
	default:
	}
}

// load parses DAGs and gives them to the engine.
func (b *bench) load(text string) []*dag.DAG {
	b.t.Helper()
	ds, diags := dagfile.Parse("test.yaml", []byte(text), b.e.Catalog(), dagfile.Options{})
	require.False(b.t, diags.HasErrors(), diags.String())
	require.NoError(b.t, b.e.SetDAGs(context.Background(), ds))
	return ds
}

// start runs the engine until stop or the end of the test.
func (b *bench) start(o engine.RunOptions) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan struct{})
	b.cancel, b.ended = cancel, ended
	o.Ready = func() { close(ready) }
	e := b.e
	if b.away {
		led := make(chan struct{})
		o.Lead, o.NoWork = true, true
		o.Led = func(context.Context) { close(led) }
		o.Ready = nil
		worker, works := b.worker, make(chan struct{})
		helps, over := context.WithCancel(context.Background())
		helped := make(chan error, 1)
		go func() { helped <- worker.Run(helps, engine.RunOptions{Ready: func() { close(works) }}) }()
		go func() {
			<-led
			<-works
			close(ready)
		}()
		inner := cancel
		cancel = sync.OnceFunc(func() {
			over()
			go func() { // the other process ends first, so that what it says is taken in
				assert.NoError(b.t, <-helped)
				assert.NoError(b.t, b.workers.Close())
				inner()
			}()
		})
		b.cancel = cancel
	}
	go func() { ended <- e.Run(ctx, o) }()
	select {
	case <-ready:
	case err := <-ended:
		b.t.Fatal(err)
	}
	b.t.Cleanup(b.stop)
}

// stop ends the engine as SIGTERM does, and closes the store.
func (b *bench) stop() {
	if b.cancel == nil {
		return
	}
	b.cancel()
	assert.NoError(b.t, <-b.ended)
	assert.NoError(b.t, b.store.Close())
	b.cancel = nil
}

// until waits for a state of affairs. It gives up after so many looks in which nothing was
// seen, some five seconds: on a busy machine looks take longer, as does what they wait for.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	last := time.After(90 * time.Second) // however much is seen
	most := 1000
	if b.away { // more has to happen between two updates
		most = 5000
	}
	for looks := 0; !ok(); {
		select {
		case <-b.seen:
			looks = 0
		case <-last:
			b.t.Fatalf("timed out waiting: %s", what)
		case <-time.After(5 * time.Millisecond): // some states have no update of their own
			if looks++; looks == most {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.t.Fatalf("timed out waiting: %s; ran %v, sent %v", what, b.ran, b.sent)
			}
		}
	}
}

// finish triggers the DAG d and waits for the end of its run.
func (b *bench) finish(t engine.Trigger) *store.Run {
	b.t.Helper()
	r, err := b.e.Trigger(context.Background(), "d", t)
	require.NoError(b.t, err)
	return b.ended1(r.Key)
}

func (b *bench) ended1(key int64) *store.Run {
	b.t.Helper()
	var r *store.Run
	b.until("the run ends", func() bool {
		var err error
		r, err = b.store.Run(context.Background(), key)
		require.NoError(b.t, err)
		return r.State.Finished()
	})
	return r
}

// states reads the states of a run's instances.
func (b *bench) states(r *store.Run) map[string]string {
	b.t.Helper()
	is, err := b.store.Instances(context.Background(), r.Key)
	require.NoError(b.t, err)
	out := map[string]string{}
	for _, in := range is {
		out[in.TaskID] = in.State.String()
	}
	return out
}

func (b *bench) sentSoFar() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.sent...)
}

func (b *bench) ranSoFar() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.ran...)
}

func TestRunWalksTheGraph(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) {
		return nil, operator.Fail(errors.New("broken"))
	}
	b.do["skip"] = func(context.Context, *operator.TaskContext) (any, error) { return nil, operator.Skip("not today") }
	b.load(`
d:
  tasks:
    - {task_id: a, operator: probe, text: hello}
    - {task_id: b, operator: probe, text: "{{ ti.xcom_pull(task_ids='a') }} {{ ds }}", dependencies: [a]}
    - {task_id: s, operator: probe, do: skip, dependencies: [a]}
    - {task_id: after_s, operator: probe, dependencies: [s]}
    - {task_id: f, operator: probe, do: fail, dependencies: [b]}
    - {task_id: after_f, operator: probe, dependencies: [f]}
    - {task_id: end, operator: nop, dependencies: [after_f, after_s], trigger_rule: all_done}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{LogicalDate: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)})
	assert.Equal(t, dag.RunSuccess, r.State, "the only leaf succeeded")
	assert.Equal(t, map[string]string{
		"a": "success", "b": "success", "s": "skipped", "after_s": "skipped", "f": "failed", "after_f": "upstream_failed", "end": "success",
	}, b.states(r))
	v, err := b.store.XCom(t.Context(), r.Key, "b", -1, "return_value")
	require.NoError(t, err)
	assert.JSONEq(t, `"hello 2026-01-31"`, string(v))
}

func TestRetriesThenFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["err"] = func(context.Context, *operator.TaskContext) (any, error) {
		return nil, errors.New("with hunter22 in it")
	}
	b.load(`
d:
  on_failure_callback: {callback: say, text: "{{ reason }}"}
  tasks:
    - task_id: t
      operator: probe
      do: err
      retries: 2
      retry_delay: 0.01
      on_execute_callback: {callback: say, text: "{{ ti.try_number }}"}
      on_retry_callback: {callback: say, text: "{{ ti.try_number }}/{{ ti.max_tries }}"}
      on_failure_callback:
        - {callback: say, panic: true}
        - {callback: say, text: "{{ exception }}"}
        - {callback: say, text: "{{ nonsense }}"}
      on_success_callback: {callback: say}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, dag.RunFailed, r.State)
	assert.Equal(t, "task_failure", r.Reason)
	assert.Equal(t, []string{"t#1", "t#2", "t#3"}, b.ranSoFar())
	want := []string{
		"on_execute t 1", "on_retry t 1/3", "on_execute t 2", "on_retry t 2/3", "on_execute t 3",
		"on_failure t with *** in it", "on_failure  task_failure",
	}
	b.until("all messages", func() bool { return len(b.sentSoFar()) >= len(want) })
	assert.Equal(t, want, b.sentSoFar())
	is, err := b.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, "with *** in it", is[0].Error)
	for try := 1; try <= 3; try++ {
		log, err := os.ReadFile(filepath.Join(b.dir, "logs", worker.LogPath(r, is[0], try)))
		require.NoError(t, err)
		assert.Contains(t, string(log), fmt.Sprintf("Starting attempt %d of 3", try))
		assert.Contains(t, string(log), "with *** in it")
		assert.NotContains(t, string(log), "hunter22")
	}
}

func TestExecutionTimeoutIsRetried(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, do: hang, retries: 1, retry_delay: 0.01, execution_timeout: 30ms}\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, []string{"t#1", "t#2"}, b.ranSoFar())
	assert.Equal(t, map[string]string{"t": "failed"}, b.states(r))
}

// An operator that ignores its context keeps neither the worker nor the last word.
func TestStubbornOperatorIsGivenUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.KillGrace = 10 * time.Millisecond
	b.stopStore()
	b.open()
	release := make(chan struct{})
	b.do["stubborn"] = func(context.Context, *operator.TaskContext) (any, error) {
		<-release
		return "too late", nil
	}
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, do: stubborn, execution_timeout: 10ms}\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	close(release)
	assert.Equal(t, map[string]string{"t": "failed"}, b.states(r))
	v, err := b.store.XCom(t.Context(), r.Key, "t", -1, "return_value")
	require.NoError(t, err)
	assert.Nil(t, v)
}

func (b *bench) stopStore() { require.NoError(b.t, b.store.Close()) }

func TestPanicIsAFailedTry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["panic"] = func(context.Context, *operator.TaskContext) (any, error) { panic("oh no") }
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe, do: panic}\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, map[string]string{"t": "failed"}, b.states(r))
}

func TestDagrunTimeout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stopped := make(chan error, 1)
	b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		<-ctx.Done()
		stopped <- context.Cause(ctx)
		return nil, ctx.Err()
	}
	b.load(`
d:
  dagrun_timeout: 500ms
  on_failure_callback: {callback: say, text: "{{ reason }}"}
  tasks:
    - {task_id: t, operator: probe, do: hang, on_failure_callback: say}
    - {task_id: u, operator: probe, dependencies: [t]}
`)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	assert.Equal(t, dag.RunFailed, r.State)
	assert.Equal(t, "timed_out", r.Reason)
	assert.ErrorIs(t, <-stopped, operator.ErrCanceled)
	b.until("the message", func() bool { return len(b.sentSoFar()) > 0 })
	assert.Equal(t, map[string]string{"t": "skipped", "u": "skipped"}, b.states(r))
	assert.Equal(t, []string{"on_failure  timed_out"}, b.sentSoFar())
}

func TestMaxActiveTasks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var now, most int
	gate := make(chan struct{})
	b.do["count"] = func(context.Context, *operator.TaskContext) (any, error) {
		b.mu.Lock()
		now++
		most = max(most, now)
		b.mu.Unlock()
		<-gate
		b.mu.Lock()
		now--
		b.mu.Unlock()
		return nil, nil
	}
	var text strings.Builder
	text.WriteString("d:\n  max_active_tasks: 2\n  tasks:\n")
	for i := range 6 {
		fmt.Fprintf(&text, "    - {task_id: t%d, operator: probe, do: count}\n", i)
	}
	b.load(text.String())
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	b.until("two run", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return now == 2 })
	// While nobody can end: what is admitted at once is admitted in one transaction.
	count := map[string]int{}
	for _, s := range b.states(r) {
		count[s]++
	}
	assert.Equal(t, 4, count["scheduled"], count)
	close(gate)
	b.ended1(r.Key)
	assert.Equal(t, 2, most)
}

func TestMaxActiveRunsQueuesTheRest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gate := make(chan struct{})
	b.do["wait"] = func(context.Context, *operator.TaskContext) (any, error) { <-gate; return nil, nil }
	b.load("d:\n  max_active_runs: 1\n  tasks:\n    - {task_id: t, operator: probe, do: wait}\n")
	b.start(engine.RunOptions{})
	var keys []int64
	for i := range 3 {
		r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)})
		require.NoError(t, err)
		keys = append(keys, r.Key)
	}
	queued, err := b.store.CountRuns(t.Context(), "d", dag.RunQueued)
	require.NoError(t, err)
	assert.Equal(t, 2, queued)
	close(gate)
	var ends []time.Time
	for _, k := range keys {
		r := b.ended1(k)
		assert.Equal(t, dag.RunSuccess, r.State)
		ends = append(ends, r.EndDate)
	}
	assert.True(t, !ends[1].Before(ends[0]) && !ends[2].Before(ends[1]), "oldest first")
}

func TestTriggerTwiceIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load("d:\n  tasks:\n    - {task_id: t, operator: probe}\n")
	at := engine.Trigger{LogicalDate: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	_, err := b.e.Trigger(t.Context(), "d", at)
	require.NoError(t, err)
	at.RunID = "another"
	_, err = b.e.Trigger(t.Context(), "d", at)
	require.ErrorIs(t, err, engine.ErrExists)
	for _, bad := range []engine.Trigger{{RunID: "no spaces"}, {RunID: "scheduled__x"}, {RunID: "asset_triggered__x"}, {Conf: json.RawMessage(`[1]`)}, {Conf: json.RawMessage(`{`)}} {
		_, err = b.e.Trigger(t.Context(), "d", bad)
		assert.Error(t, err)
	}
	require.NoError(t, b.store.Close())
}

// fullDisk is a store that can't be written while full is set.
type fullDisk struct {
	store.Store
	full    atomic.Bool
	refused chan struct{}
}

// Tx fails while the disk is full.
func (f *fullDisk) Tx(ctx context.Context, fn func(store.Tx) error) error {
	if f.full.Load() {
		select {
		case f.refused <- struct{}{}:
		default:
		}
		return errors.New("database or disk is full")
	}
	return f.Store.Tx(ctx, fn)
}

// An outcome that can't be written waits for room: the work is neither lost nor done
// again, and whatever else the failed transactions touched goes on.
func TestFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore()
	disk := &fullDisk{refused: make(chan struct{}, 1)}
	b.wrap = func(s store.Store) store.Store {
		disk.Store = s
		return disk
	}
	b.open()
	begun, release := make(chan struct{}), make(chan struct{})
	b.do["work"] = func(context.Context, *operator.TaskContext) (any, error) {
		close(begun)
		<-release
		return "done", nil
	}
	b.load("d:\n  tasks:\n    - {task_id: a, operator: unsafe, do: work}\n    - {task_id: b, operator: probe, dependencies: [a]}\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	disk.full.Store(true)
	close(release)
	<-disk.refused
	disk.full.Store(false)
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, []string{"a#1", "b#1"}, b.ranSoFar())
}
