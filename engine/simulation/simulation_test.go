// Package simulation_test runs clusters in virtual time: real engines that lead and work, over a store that they share, behind
// links that break. What becomes of drawn DAGs is compared with what their scripts say.
package simulation_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params/declare"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
	"github.com/dingdag/dingdag/template"
)

// begin is when a bubble begins.
var begin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	cases     = flag.Int("cases", 4, "how many scenarios are simulated")
	first     = flag.Int("first", 0, "the number of the first one")
	tellStory = flag.Bool("story", false, "tell what happens")
	search    = flag.Bool("search", false, "look for a small scenario that breaks a promise")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var templates = template.New(template.Options{})

// simulation is one under way.
type simulation struct {
	s    *scenario
	dir  string
	d    *database
	dags []*dag.DAG
	ds   map[string]*dagSpec

	mu         sync.Mutex
	nodes      []*node
	violations []string
	story      []string
	lives      int
	// known are all lives of processes by their names.
	known map[string]*node

	tries    map[string][]*try
	ended    map[string]string
	messages map[string][]*sending
	accepted map[string]int64
	asking   sync.WaitGroup
	// troubled says that processes were killed, stood still or could not be reached for long.
	troubled bool
}

// node is one life of a process.
type node struct {
	sim    *simulation
	i      int
	name   string
	l      *link
	c      *client
	e      *engine.Engine
	stop   context.CancelFunc
	hurry  chan struct{}
	over   chan error
	closed bool
	// doubted says that others may have taken what it runs.
	doubted bool
	// shaken says that anything has happened to it.
	shaken bool
}

// try is an attempt as its operator sees it.
type try struct {
	n            *node
	key          string
	task         *taskSpec
	dag          string
	began, ended time.Time
	// why it may run again, empty while there is no reason.
	why string
	// again says that it looks again, under the same number.
	again bool
	// done says that its end is committed.
	done bool
}

// sending is a message on its way.
type sending struct {
	n       *node
	arrived bool
	// torn says that the sender died or stood still meanwhile.
	torn bool
}

func (sim *simulation) tell(format string, args ...any) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.note(format, args...)
}

func (sim *simulation) note(format string, args ...any) {
	sim.story = append(sim.story, fmt.Sprintf("%12s  ", time.Since(begin).Round(time.Microsecond))+fmt.Sprintf(format, args...))
}

// broke notes that a promise was broken.
func (sim *simulation) broke(format string, args ...any) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.break1(format, args...)
}

func (sim *simulation) break1(format string, args ...any) {
	v := fmt.Sprintf(format, args...)
	sim.note("BROKEN: %s", v)
	sim.violations = append(sim.violations, v)
}

func keyOf(dagID, runID, taskID string, mapIndex, try int) string {
	return fmt.Sprintf("%s/%s/%s[%d]#%d", dagID, runID, taskID, mapIndex, try)
}

// simulate runs a scenario and returns which promises were broken, and what happened.
func simulate(t *testing.T, s *scenario) (violations, story []string) {
	t.Helper()
	dir := t.TempDir()
	if _, err := sqlitetest.Empty(); err != nil { // outside of the bubble
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		sim := &simulation{
			s: s, dir: dir, tries: map[string][]*try{}, ended: map[string]string{}, messages: map[string][]*sending{}, accepted: map[string]int64{}, known: map[string]*node{}, ds: map[string]*dagSpec{},
		}
		for i := range s.dags {
			sim.ds[s.dags[i].id] = &s.dags[i]
		}
		sim.run(t)
		violations, story = sim.violations, sim.story
	})
	return violations, story
}

func (sim *simulation) run(t *testing.T) {
	t.Helper()
	var err error
	if sim.d, err = openDatabase(filepath.Join(sim.dir, "db")); err != nil {
		t.Fatal(err)
	}
	defer sim.d.Close()
	sim.d.broke, sim.d.ended = sim.broke, sim.ends
	setup := sim.d.connect("setup", newLink(1), slog.New(slog.DiscardHandler))
	if err := setup.Tx(t.Context(), func(tx store.Tx) error {
		return tx.PutPool(t.Context(), &store.Pool{Name: "db", Slots: sim.s.slots})
	}); err != nil {
		t.Fatal(err)
	}
	setup.Close()
	sim.nodes = make([]*node, len(sim.s.nodes))
	for i := range sim.s.nodes {
		sim.start(i)
	}
	var faults sync.WaitGroup
	for _, f := range sim.s.faults {
		faults.Go(func() { sim.fault(f) })
	}
	for _, tr := range sim.s.triggers {
		sim.asking.Go(func() { sim.trigger(tr) })
	}
	faults.Wait()
	sim.asking.Wait()
	sim.tell("all goes well from now on")
	sim.settle(t)
	sim.check(t)
	for _, n := range sim.nodes {
		sim.end(n, false)
	}
}

// specs are the operators of a node.
func (n *node) specs() []operator.Spec {
	return []operator.Spec{
		declare.DefineWith[operator.Operator]("operator", "work", func() *work { return &work{n: n} }),
		declare.DefineWith[operator.Operator]("operator", "harm", func() *harm { return &harm{work{n: n}} }),
		declare.DefineWith[operator.Operator]("operator", "look", func() *look { return &look{work{n: n}} }, declare.Sensor()),
		operator.Define[nop]("nop"),
	}
}

// work is an operator that follows the script.
type work struct {
	// Text is what it is mapped over.
	Text string `yaml:"text"`

	n *node
}

// harm is one whose repeat would harm, look one that looks for something, and nop one without work.
type (
	harm struct{ work }
	look struct{ work }
	nop  struct{}
)

// RepeatSafe is false.
func (*harm) RepeatSafe() bool { return false }

// Execute does nothing.
func (*nop) Execute(context.Context, *operator.TaskContext) (any, error) { return nil, nil }

// NoOp marks it.
func (*nop) NoOp() {}

// Execute does what the script says.
func (w *work) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	n := w.n
	if err := n.l.pass(ctx, time.Duration(tc.TryNumber)); err != nil {
		return nil, err
	}
	spec := n.sim.task(tc.DAGID, tc.TaskID)
	tr, looked := n.begin(tc, spec)
	took := spec.takes(tc.MapIndex, tc.TryNumber)
	if spec.operator == "look" {
		took = min(took, 300*time.Millisecond)
	}
	err := n.l.pass(ctx, took+n.l.latency())
	n.sim.mu.Lock()
	defer n.sim.mu.Unlock()
	tr.ended = time.Now()
	if err != nil {
		switch {
		case errors.Is(err, operator.ErrShutdown):
			tr.why = "given back"
		case tr.why == "":
			tr.why = err.Error()
		}
		n.sim.note("%s ends %s: %v", n.name, tr.key, err)
		return nil, err
	}
	out := spec.of(tc.MapIndex, tc.TryNumber)
	tr.again = spec.operator == "look" && looked < spec.looks
	n.sim.note("%s has done %s: %s, again %v", n.name, tr.key, out, tr.again)
	switch {
	case tr.again:
		return nil, operator.NotYet()
	case out == errs:
		return nil, errors.New("scripted")
	case out == fails:
		return nil, operator.Fail(errors.New("scripted"))
	case out == skips:
		return nil, operator.Skip("scripted")
	}
	return "done", nil
}

func (sim *simulation) task(dagID, taskID string) *taskSpec {
	d := sim.ds[dagID]
	return &d.tasks[slices.IndexFunc(d.tasks, func(t taskSpec) bool { return t.id == taskID })]
}

// begin notes that a try begins, and checks whether it may. It returns how often it has looked before.
func (n *node) begin(tc *operator.TaskContext, spec *taskSpec) (*try, int) {
	sim := n.sim
	sim.mu.Lock()
	defer sim.mu.Unlock()
	key := keyOf(tc.DAGID, tc.RunID, tc.TaskID, tc.MapIndex, tc.TryNumber)
	tr := &try{n: n, key: key, task: spec, dag: tc.DAGID, began: time.Now()}
	if n.doubted {
		tr.why = "its process may be taken for dead"
	}
	sim.note("%s begins %s", n.name, key)
	if by := sim.ended[key]; by != "" {
		sim.break1("%s begins %s, whose end %s has committed", n.name, key, by)
	}
	looked := 0
	for _, o := range sim.tries[key] {
		switch {
		case o.again && o.done:
			looked++
		case spec.operator == "harm" && o.why != "given back":
			sim.break1("%s begins %s, which %s has begun at %s, and it may not be repeated", n.name, key, o.n.name, o.began.Sub(begin))
		case o.why == "" && tr.why == "":
			sim.break1("%s begins %s, which %s has begun at %s, and there was no reason to give that up", n.name, key, o.n.name, o.began.Sub(begin))
		}
	}
	sim.tries[key] = append(sim.tries[key], tr)
	sim.limits(tr)
	return tr, looked
}

// limits checks that no limit is exceeded by a try that begins.
func (sim *simulation) limits(tr *try) {
	if tr.why != "" {
		return
	}
	slots, few, tasks := 0, 0, 0
	for _, all := range sim.tries {
		for _, o := range all {
			if !o.ended.IsZero() || o.why != "" {
				continue
			}
			if o.task.pooled {
				slots += o.task.slots
			}
			if o.task == tr.task {
				few++
			}
			if runOf(o.key) == runOf(tr.key) {
				tasks++
			}
		}
	}
	if tr.task.pooled && slots > sim.s.slots {
		sim.break1("%s begins, and %d of %d slots of the pool are taken", tr.key, slots, sim.s.slots)
	}
	if tr.task.perDAG > 0 && few > tr.task.perDAG {
		sim.break1("%s begins, and with it %d of its task run at once, where %d may", tr.key, few, tr.task.perDAG)
	}
	if most := sim.ds[tr.dag].maxTasks; tasks > most {
		sim.break1("%s begins, and with it %d tasks of its run run at once, where %d may", tr.key, tasks, most)
	}
}

// runOf is the run of a key.
func runOf(key string) string {
	parts := strings.Split(key, "/")
	return parts[0] + "/" + parts[1]
}

// ends notes which tries have ended with a commit.
func (sim *simulation) ends(by string, js []store.Job) {
	if len(js) == 0 {
		return
	}
	sim.mu.Lock()
	defer sim.mu.Unlock()
	for _, j := range js {
		key := sim.keyOfJob(j)
		if key == "" {
			continue
		}
		all := sim.tries[key]
		if len(all) > 0 {
			last := all[len(all)-1]
			for _, tr := range all {
				if tr.n.name == by && !tr.ended.IsZero() && !tr.done {
					last = tr
				}
			}
			last.done = true
			if last.again {
				sim.note("%s has committed a look of %s", by, key)
				continue
			}
		}
		sim.note("%s has committed the end of %s", by, key)
		sim.ended[key] = by
	}
}

func (sim *simulation) keyOfJob(j store.Job) string {
	for run, key := range sim.accepted {
		if key == j.RunKey {
			return fmt.Sprintf("%s/%s[%d]#%d", run, j.TaskID, j.MapIndex, j.Try)
		}
	}
	var dagID, runID string
	if err := sim.d.read.QueryRow("SELECT dag_id, run_id FROM dag_run WHERE id = ?", j.RunKey).Scan(&dagID, &runID); err != nil {
		sim.break1("run %d of a job: %v", j.RunKey, err)
		return ""
	}
	sim.accepted[dagID+"/"+runID] = j.RunKey
	return keyOf(dagID, runID, j.TaskID, j.MapIndex, j.Try)
}

// say is a callback that sends what it is told.
type say struct{}

// Prepare makes the message.
func (*say) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	p, err := json.Marshal(fmt.Sprintf("%s %s", ev.Kind, keyOf(ev.DAGID, ev.RunID, ev.TaskID, ev.MapIndex, ev.TryNumber)))
	return callbacks.Message{Sender: "people", Channel: "people", Summary: "said", Payload: p}, err
}

// Send sends a message.
func (n *node) Send(ctx context.Context, m callbacks.Message) (string, error) {
	s := &sending{n: n}
	n.sim.mu.Lock()
	id := strconv.FormatInt(m.ID, 10)
	n.sim.messages[id] = append(n.sim.messages[id], s)
	n.sim.mu.Unlock()
	there, back := n.l.latency(), n.l.latency()
	if err := n.l.pass(ctx, there); err != nil {
		n.sim.mu.Lock()
		s.torn = true
		n.sim.mu.Unlock()
		return "", err
	}
	n.sim.mu.Lock()
	s.arrived = true
	n.sim.note("%s has sent %s", n.name, m.Payload)
	n.sim.mu.Unlock()
	if err := n.l.pass(context.WithoutCancel(ctx), back); err != nil {
		n.sim.mu.Lock()
		s.torn = true
		n.sim.mu.Unlock()
		return "", err
	}
	return "ok", nil
}

// start begins a life of a process.
func (sim *simulation) start(i int) {
	sim.mu.Lock()
	sim.lives++
	life := sim.lives
	sim.mu.Unlock()
	spec := sim.s.nodes[i]
	n := &node{sim: sim, i: i, name: fmt.Sprintf("n%d.%d", i, life), l: newLink(sim.s.seed + uint64(life)), hurry: make(chan struct{}), over: make(chan error, 1)}
	log := slog.New(&logs{n: n})
	n.c = sim.d.connect(n.name, n.l, log)
	ops, err := operator.NewRegistry(n.specs()...)
	if err != nil {
		panic(err)
	}
	cbs, err := callbacks.NewRegistry([]callbacks.Spec{callbacks.Define[say]("say")}, map[string]callbacks.Sender{"people": n})
	if err != nil {
		panic(err)
	}
	n.e, err = engine.New(n.c, engine.Options{
		Operators: ops, Callbacks: cbs, Templates: templates, LogDir: filepath.Join(sim.dir, "logs"), Workers: spec.workers, Shared: true, Node: n.name, Queues: spec.queues,
		Grace: 2 * time.Second, KillGrace: time.Second, Log: log,
	})
	if err != nil {
		panic(err)
	}
	if sim.dags == nil {
		for i := range sim.s.dags {
			ds, diags := dagfile.Parse("test.yaml", []byte(sim.s.dags[i].file()), n.e.Catalog(), dagfile.Options{})
			if diags.HasErrors() {
				panic(diags.String() + sim.s.dags[i].file())
			}
			sim.dags = append(sim.dags, ds...)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	load := func(ctx context.Context) error { return n.e.SetDAGs(ctx, sim.dags) }
	sim.mu.Lock()
	sim.nodes[i], sim.known[n.name] = n, n
	sim.note("%s starts", n.name)
	sim.mu.Unlock()
	go func() {
		_ = load(ctx) // it does not lead
		n.over <- n.e.Run(ctx, engine.RunOptions{
			Schedule: true, Lead: spec.leads, NoWork: !spec.works, Hurry: n.hurry, Leading: load, Reload: load,
			Led: func(context.Context) { sim.tell("%s leads", n.name) },
		})
	}()
}

// doubt says that others may take over what a node does.
func (sim *simulation) doubt(n *node, why string) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	n.doubted, n.shaken = true, true
	for _, all := range sim.tries {
		for _, tr := range all {
			if tr.n == n && !tr.done && tr.why == "" {
				tr.why = why
			}
		}
	}
	for _, all := range sim.messages {
		for _, s := range all {
			if s.n == n {
				s.torn = true
			}
		}
	}
}

// trust says that what a node begins from now on is its own.
func (sim *simulation) trust(n *node) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	n.doubted = false
}

// end ends a process, and waits until nothing is left of it.
func (sim *simulation) end(n *node, dead bool) {
	sim.mu.Lock()
	was := n.closed
	n.closed = true
	sim.mu.Unlock()
	if was {
		return
	}
	if dead {
		sim.doubt(n, "its process was killed")
		n.l.die()
		close(n.hurry)
	}
	n.stop()
	late := time.After(5 * time.Minute)
	select {
	case err := <-n.over:
		if err != nil && !dead {
			sim.broke("%s ends with an error: %v", n.name, err)
		}
	case <-late:
		sim.broke("%s does not end", n.name)
		<-n.over
	}
	n.c.Close()
	sim.tell("%s is gone", n.name)
}

// fault has something go wrong for a while.
func (sim *simulation) fault(f faultSpec) {
	time.Sleep(f.at)
	sim.mu.Lock()
	n := sim.nodes[f.node]
	n.shaken, sim.troubled = true, true
	sim.note("%s: %s for %s", n.name, f.kind, f.lasts)
	sim.mu.Unlock()
	switch f.kind {
	case kills:
		over := make(chan struct{})
		go func() { sim.end(n, true); close(over) }()
		time.Sleep(f.lasts)
		sim.start(f.node)
		<-over
	case stops:
		sim.end(n, false)
		time.Sleep(f.lasts)
		sim.start(f.node)
	case freezes, parts, refuses:
		var heal func()
		if f.kind == freezes {
			heal = n.l.freeze()
		} else {
			heal = n.l.part(f.kind == refuses)
		}
		early := min(f.lasts, time.Second)
		time.Sleep(early)
		if f.lasts > early {
			sim.doubt(n, f.kind)
			time.Sleep(f.lasts - early)
		}
		heal()
		sim.tell("%s: %s is over", n.name, f.kind)
		time.Sleep(time.Second) // it connects anew
		n.c.hear(true)
		if f.lasts > early {
			time.Sleep(2 * time.Second)
			sim.trust(n)
		}
	case loses:
		n.l.lose(0.03)
		sim.doubt(n, f.kind) // the lease may not be renewed three times on end
		time.Sleep(f.lasts)
		n.l.lose(0)
		time.Sleep(2 * time.Second)
		sim.trust(n)
	case drains:
		sim.drain(n, true)
		time.Sleep(f.lasts)
		sim.drain(n, false)
	}
}

// drain asks a node to take no more attempts, or to take them again.
func (sim *simulation) drain(n *node, on bool) {
	c := sim.d.connect("people", newLink(7), slog.New(slog.DiscardHandler))
	defer c.Close()
	err := c.Tx(context.Background(), func(tx store.Tx) error { return tx.DrainNode(context.Background(), n.name, on) })
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		sim.broke("drain %s: %v", n.name, err)
	}
}

// trigger asks a node for a run.
func (sim *simulation) trigger(tr triggerSpec) {
	time.Sleep(tr.at)
	sim.mu.Lock()
	n := sim.nodes[tr.node]
	closed := n.closed
	sim.mu.Unlock()
	if closed {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	d := sim.s.dags[tr.dag].id
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-n.l.died:
			stop()
		case <-done:
		}
	}()
	r, err := n.e.Trigger(ctx, d, engine.Trigger{LogicalDate: time.Date(1999, 1, tr.day, 0, 0, 0, 0, time.UTC)})
	sim.mu.Lock()
	defer sim.mu.Unlock()
	switch {
	case err == nil:
		sim.note("%s has accepted %s/%s", n.name, d, r.RunID)
		name := "accepted " + d + strconv.Itoa(tr.day)
		if sim.ended[name] != "" {
			sim.break1("%s and %s have both accepted the run of %s of day %d", n.name, sim.ended[name], d, tr.day)
		}
		sim.ended[name] = n.name
	case errors.Is(err, engine.ErrExists), store.Temporary(err), errors.Is(err, errDead), n.closed:
		sim.note("%s has not accepted a run of %s: %v", n.name, d, err)
	default:
		sim.break1("%s has refused a run of %s: %v", n.name, d, err)
	}
}

// count reads a number from the database.
func (sim *simulation) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := sim.d.read.QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// settle waits until all runs have ended and all messages have left.
func (sim *simulation) settle(t *testing.T) {
	t.Helper()
	limit := time.Now().Add(5 * time.Minute)
	time.Sleep(time.Until(begin.Add(lastTick + 3*time.Second)))
	for quiet := 0; quiet < 6; {
		runs := sim.count(t, "SELECT count(*) FROM dag_run WHERE state IN ('queued', 'running')")
		messages := sim.count(t, "SELECT count(*) FROM delivery WHERE state IN ('waiting', 'sending')")
		if quiet++; runs > 0 || messages > 0 {
			quiet = 0 // the next run may come when one has ended
		}
		if time.Now().After(limit) {
			sim.broke("%d runs have not ended, and %d messages have not left", runs, messages)
			return
		}
		time.Sleep(time.Second)
	}
	if jobs := sim.count(t, "SELECT count(*) FROM river_job WHERE state <> 'completed'"); jobs > 0 {
		sim.broke("%d jobs are left", jobs)
	}
	if reports := sim.count(t, "SELECT count(*) FROM report"); reports > 0 {
		sim.broke("%d reports are left", reports)
	}
}

// check compares what has become of the runs with their scripts.
func (sim *simulation) check(t *testing.T) {
	t.Helper()
	q := sqlstore.New(plainly{sim.d}, "check")
	ctx := t.Context()
	ds, err := q.Deliveries(ctx, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, d := range ds {
		var text string
		if err := json.Unmarshal(d.Payload, &text); err != nil {
			t.Fatal(err)
		}
		told[text]++
		sim.checkDelivery(d, text)
	}
	for _, d := range sim.s.dags {
		rs, err := q.Runs(ctx, store.RunFilter{DAGID: d.id})
		if err != nil {
			t.Fatal(err)
		}
		dates := map[time.Time]bool{}
		for _, r := range rs {
			if !r.LogicalDate.IsZero() && dates[r.LogicalDate] {
				sim.broke("two runs of %s have the logical date %s", d.id, r.LogicalDate)
			}
			dates[r.LogicalDate] = true
			is, err := q.Instances(ctx, r.Key)
			if err != nil {
				t.Fatal(err)
			}
			sim.checkRun(&d, r, is, told)
		}
		for day := 1; day <= 3; day++ {
			if by := sim.ended["accepted "+d.id+strconv.Itoa(day)]; by != "" && !dates[time.Date(1999, 1, day, 0, 0, 0, 0, time.UTC)] {
				sim.broke("%s has accepted the run of %s of day %d, and there is none", by, d.id, day)
			}
		}
		sim.checkTicks(ctx, t, q, &d, rs)
	}
	for _, text := range slices.Sorted(maps.Keys(told)) {
		if told[text] > 0 {
			sim.broke("%q is told %d times more than it should", text, told[text])
		}
	}
}

// plainly reads the database without a link.
type plainly struct{ d *database }

func (plainly) Dialect() sqlrow.Dialect { return sqlrow.SQLite }

func (plainly) Exec(context.Context, string, ...any) (int64, error) {
	return 0, errors.New("it is for reading")
}

func (p plainly) Query(ctx context.Context, query string, args ...any) (sqlrow.Rows, error) {
	return p.d.read.QueryContext(context.WithoutCancel(ctx), query, args...) //nolint:rowserrcheck // the caller reads and closes them
}

// logs collects the log of a node.
type logs struct{ n *node }

func (*logs) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

// Handle notes what is an error.
func (l *logs) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&b, " %s=%v", a.Key, a.Value); return true })
	l.n.sim.tell("%s %s: %s%s", l.n.name, r.Level, r.Message, b.String())
	if strings.Contains(b.String(), "panic:") {
		l.n.sim.broke("%s panics: %s%s", l.n.name, r.Message, b.String())
	}
	return nil
}

func (l *logs) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *logs) WithGroup(string) slog.Handler      { return l }

// Each scenario is one by its number: -run TestSimulation -first 7 -cases 1 -story. With -search it is looked for a small one that
// breaks a promise: -run TestSimulation -search -rapid.checks 1000.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *search {
		rapid.Check(t, func(rt *rapid.T) {
			s := scenarios.Draw(rt, "scenario")
			if violations, story := simulate(t, s); len(violations) > 0 {
				rt.Fatalf("%s\n%s\n%s", s, strings.Join(story, "\n"), strings.Join(violations, "\n"))
			}
		})
		return
	}
	for seed := *first; seed < *first+*cases; seed++ {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel()
			s := scenarios.Example(seed)
			violations, story := simulate(t, s)
			if len(violations) > 0 {
				t.Errorf("%s\n%s\n%s", s, strings.Join(story, "\n"), strings.Join(violations, "\n"))
			} else if *tellStory {
				t.Logf("%s\n%s", s, strings.Join(story, "\n"))
			}
		})
	}
}
