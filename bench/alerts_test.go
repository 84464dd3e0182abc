package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/dingding"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/template"
)

// robot is a receiver on loopback that takes everything, and says when a request came.
type robot struct {
	*httptest.Server
	came chan time.Time
	// hold, when set, keeps the answers back.
	hold atomic.Pointer[chan struct{}]
}

func newRobot(b *testing.B) *robot {
	b.Helper()
	r := &robot{came: make(chan time.Time, 1<<16)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.came <- time.Now()
		if hold := r.hold.Load(); hold != nil {
			<-*hold
		}
		_, _ = w.Write([]byte(`{"errcode":0,"errmsg":"ok"}`))
	}))
	b.Cleanup(r.Close)
	return r
}

// Connection is that of the robot, whatever it is called.
func (r *robot) Connection(_ context.Context, id string) (*connections.Connection, error) {
	return connections.FromAttributes(id, map[string]any{"conn_type": "dingding", "host": r.URL, "password": "t", "extra": map[string]any{"rate": hook.MaxRate}})
}

// breaks is an operator that fails, and says when.
type breaks struct{}

var broke atomic.Int64

// Execute fails.
func (*breaks) Execute(context.Context, *operator.TaskContext) (any, error) {
	broke.Store(time.Now().UnixNano())
	return nil, operator.Fail(errors.New("exit code 1"))
}

// BenchmarkAlert measures from the moment at which a task fails to the one at which its robot has the
// request: the transaction of the failure, the claim of the message, and the way there. The floor is the
// way there.
func BenchmarkAlert(b *testing.B) {
	r := newRobot(b)
	p := dingding.Provider(hook.New(r))
	cbs, err := callbacks.NewRegistry(p.Specs, map[string]callbacks.Sender{p.SenderName: p.Sender})
	require.NoError(b, err)
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "db"), sqlite.Options{Synchronous: "FULL"})
	require.NoError(b, err)
	ops, err := operator.NewRegistry(operator.Define[breaks]("breaks"))
	require.NoError(b, err)
	e, err := engine.New(s, engine.Options{
		Operators: ops, Callbacks: cbs, Connections: r, Templates: template.New(template.Options{}), LogDir: b.TempDir(), FoldAfter: outbox.DefaultFoldAfter,
	})
	require.NoError(b, err)
	const dags = 300
	var file strings.Builder
	for i := range dags {
		fmt.Fprintf(&file, "d%d:\n  on_failure_callback: dingding\n  tasks:\n    - {task_id: t, operator: breaks}\n", i)
	}
	ds, problems := dagfile.Parse("bench.yaml", []byte(file.String()), e.Catalog(), dagfile.Options{})
	require.False(b, problems.HasErrors(), problems.String())
	require.NoError(b, e.SetDAGs(b.Context(), ds))
	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- e.Run(ctx, engine.RunOptions{Ready: func() { close(ready) }}) }()
	<-ready
	b.Cleanup(func() {
		stop()
		require.NoError(b, errors.Join(<-done, s.Close()))
	})
	var took, least []time.Duration
	for round := 0; b.Loop(); round++ {
		for n := range dags {
			_, err := e.Trigger(b.Context(), fmt.Sprintf("d%d", n), engine.Trigger{RunID: fmt.Sprint("r", round)})
			require.NoError(b, err)
			took = append(took, (<-r.came).Sub(time.Unix(0, broke.Load())))
			begun := time.Now()
			resp, err := http.Post(r.URL, "application/json", strings.NewReader("{}"))
			require.NoError(b, err)
			require.NoError(b, resp.Body.Close())
			least = append(least, (<-r.came).Sub(begun))
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, q := range map[string]float64{"p50": 0.5, "p99": 0.99} {
		b.ReportMetric(quantile(took, q), name+"-ms")
		b.ReportMetric(quantile(least, q), "floor-"+name+"-ms")
	}
}

func quantile(ds []time.Duration, q float64) float64 {
	slices.Sort(ds)
	return float64(ds[int(float64(len(ds)-1)*q)].Microseconds()) / 1000
}

const waiting = 10_000

// waiters is an outbox for whose robot so many alerts wait, of as many runs of some DAGs.
type waiters struct {
	store *sqlite.Store
	out   *outbox.Outbox
	bound []outbox.Callback
}

func newWaiters(b *testing.B, p callbacks.Provider, conns connections.Source, foldAfter time.Duration, observe func(*store.Delivery)) *waiters {
	b.Helper()
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "db"), sqlite.Options{Synchronous: "FULL"})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	cbs, err := callbacks.NewRegistry(p.Specs, map[string]callbacks.Sender{p.SenderName: p.Sender})
	require.NoError(b, err)
	out, err := outbox.New(outbox.In(s), outbox.Options{
		Callbacks: cbs, Connections: conns, Masker: connections.NewMasker(), FoldAfter: foldAfter, Sweep: time.Minute,
		Persist: func(_ context.Context, write func() error) error { return write() }, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		Observe: observe,
	})
	require.NoError(b, err)
	bound, err := outbox.Bind(cbs, []dag.Callback{{Name: p.Specs[0].Name}})
	require.NoError(b, err)
	return &waiters{s, out, bound}
}

func (w *waiters) fail(b *testing.B, n, dags int) {
	b.Helper()
	var ds []*store.Delivery
	for i := range n {
		ev := &callbacks.Event{
			Kind: callbacks.Failure, DAGID: fmt.Sprint("dag_", i%dags), RunID: fmt.Sprint("scheduled__", i), TaskID: "load", MapIndex: -1, TryNumber: 1,
			State: "failed", Error: strings.Repeat("a line of the error\n", 20), Program: "dingdag",
		}
		ds = append(ds, w.out.Prepare(w.bound, ev, &template.Context{}, plain)...)
	}
	require.NoError(b, w.store.Tx(b.Context(), func(tx store.Tx) error { return tx.InsertDeliveries(b.Context(), ds) }))
}

// plain renders nothing.
func plain(*template.Context, func(field, text string) bool) func(field, text string) (any, error) {
	return func(_, text string) (any, error) { return text, nil }
}

// run sends until the returned function is called.
func (w *waiters) run(b *testing.B) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	done := make(chan error, 1)
	go func() { done <- w.out.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(b, <-done)
	}
}

// BenchmarkFold folds 10,000 alerts that wait for a robot into one: from the moment at which it
// answers to the next request, with the heap beside what was there before: while they wait, and the most
// while they are folded, garbage included. The floor reads their rows.
func BenchmarkFold(b *testing.B) {
	var took, least, heap, waits float64
	for b.Loop() {
		r := newRobot(b)
		w := newWaiters(b, dingding.Provider(hook.New(r)), r, time.Millisecond, nil)
		hold := make(chan struct{})
		r.hold.Store(&hold)
		w.fail(b, 1, 1)
		stop := w.run(b)
		<-r.came
		before := heapInUse()
		w.fail(b, waiting, 1000)
		var most atomic.Uint64
		watching := make(chan struct{})
		go func() {
			for range time.Tick(time.Millisecond) {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
				select {
				case <-watching:
					return
				default:
				}
			}
		}()
		waits += float64(int64(heapInUse())-int64(before)) / (1 << 20)
		begun := time.Now()
		close(hold)
		took += (<-r.came).Sub(begun).Seconds()
		close(watching)
		heap += float64(int64(most.Load())-int64(before)) / (1 << 20)
		stop()
		begun = time.Now()
		ds, err := w.store.Deliveries(b.Context(), nil, 0)
		require.NoError(b, err)
		require.Len(b, ds, waiting+2)
		least += time.Since(begun).Seconds()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(took/float64(b.N), "s/fold")
	b.ReportMetric(least/float64(b.N), "floor-s/fold")
	b.ReportMetric(waits/float64(b.N), "MiB-waiting")
	b.ReportMetric(heap/float64(b.N), "MiB-folding")
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// nowhere takes every message at once.
type nowhere struct{}

// Send takes it.
func (nowhere) Send(context.Context, callbacks.Message) (string, error) { return "ok", nil }

// note is a callback without parameters.
type note struct{}

// Prepare makes the message.
func (*note) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	body, err := json.Marshal(ev.Text())
	return callbacks.Message{Sender: "nowhere", Channel: "nowhere", Summary: "note", Payload: body}, err
}

// BenchmarkWaiting sends the first 1,000 of 10,000 alerts of 20 DAGs one by one to a receiver that takes
// no time: what is left is the choice of the next, and the two commits of each. The floor makes two commits.
func BenchmarkWaiting(b *testing.B) { waits(b, 20) }

// BenchmarkWaitingDAGs is BenchmarkWaiting with 1,000 DAGs, which take turns.
func BenchmarkWaitingDAGs(b *testing.B) { waits(b, 1000) }

func waits(b *testing.B, dags int) {
	b.Helper()
	const sent = 1000
	var took, least cost
	for b.Loop() {
		var delivered atomic.Int64
		done := make(chan struct{})
		w := newWaiters(b, callbacks.Provider{Specs: []callbacks.Spec{callbacks.Define[note]("note")}, SenderName: "nowhere", Sender: nowhere{}}, newRobot(b), 0,
			func(d *store.Delivery) {
				if d.State == store.DeliveryDelivered && delivered.Add(1) == sent {
					close(done)
				}
			})
		w.fail(b, waiting, dags)
		took.add(b, func() {
			stop := w.run(b)
			select {
			case <-done:
			case <-time.After(10 * time.Minute):
				b.Errorf("%d of %d messages were sent within 10 minutes", delivered.Load(), sent)
			}
			stop()
		})
		least.add(b, func() {
			for range 2 * sent {
				require.NoError(b, w.store.Tx(b.Context(), func(tx store.Tx) error {
					return tx.DropGateTicket(b.Context(), "r", "k")
				}))
			}
		})
	}
	n := float64(b.N * sent)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took.clock.Microseconds())/n, "µs/message")
	b.ReportMetric(float64(least.clock.Microseconds())/n, "floor-µs/message")
}
