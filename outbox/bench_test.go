package outbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/template"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is an outbox on a real store with a receiver that a test controls.
type bench struct {
	t     *testing.T
	dir   string
	store *sqlite.Store
	out   *outbox.Outbox
	cbs   *callbacks.Registry
	// conns is what the outbox looks connections up in, last the receiver of the last resort.
	conns   connections.Source
	last    *post
	observe func(*store.Delivery) // nil for nobody
	random  func() float64
	windows []outbox.Window
	// undelivered are the callbacks of the last resort, log is where the outbox logs.
	undelivered []dag.Callback
	log         *slog.Logger
	wrap        func(outbox.Store) outbox.Store // nil for the store as it is
	cancel      context.CancelFunc
	ended       chan error
}

func newBench(t *testing.T, post callbacks.Sender, funcs ...callbacks.Function) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), random: func() float64 { return 0.5 }, undelivered: []dag.Callback{{Name: "tell"}}, log: slog.New(slog.DiscardHandler), conns: connections.Chain(slog.New(slog.DiscardHandler)), last: newPost(func(string, int) error { return nil })}
	b.last.conn = "last"
	var err error
	b.cbs, err = callbacks.NewRegistry(
		[]callbacks.Spec{callbacks.Define[letter]("letter"), callbacks.Define[plain]("plain"), callbacks.Define[tell]("tell")},
		map[string]callbacks.Sender{"post": post, "last": b.last}, funcs...)
	require.NoError(t, err)
	b.open()
	return b
}

// open opens the store and builds an outbox, as a process does that starts.
func (b *bench) open() {
	b.t.Helper()
	b.store = sqlitetest.Open(b.t, filepath.Join(b.dir, "db"), sqlite.Options{Synchronous: "NORMAL"})
	masker := connections.NewMasker()
	masker.Add("hunter22")
	var err error
	s := outbox.In(b.store)
	if b.wrap != nil {
		s = b.wrap(s)
	}
	b.out, err = outbox.New(s, outbox.Options{
		Page:      func(id int64) string { return fmt.Sprintf("https://dag.example.com/alerts/%d", id) },
		Callbacks: b.cbs, Connections: b.conns, Masker: masker, OnUndelivered: b.undelivered, Maintenance: b.windows, Bare: renders, FoldAfter: outbox.DefaultFoldAfter,
		Sweep: 30 * time.Second, Persist: func(_ context.Context, write func() error) error { return write() },
		Clock: time.Now, Log: b.log, Observe: b.observe, Random: b.random,
	})
	require.NoError(b.t, err)
}

// renders renders templates, of which none names a file.
func renders(tc *template.Context, _ func(field, text string) bool) func(field, text string) (any, error) {
	env := template.New(template.Options{})
	return func(_, text string) (any, error) { return env.Render(text, tc) }
}

// start sends until stop or the end of the test.
func (b *bench) start() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	b.cancel, b.ended = cancel, ended
	out := b.out
	go func() { ended <- out.Run(ctx) }()
	b.t.Cleanup(b.stop)
}

// stop ends the outbox as SIGTERM does, and closes the store.
func (b *bench) stop() {
	if b.cancel == nil {
		return
	}
	b.cancel()
	assert.NoError(b.t, <-b.ended)
	b.stopStore()
	b.cancel = nil
}

func (b *bench) stopStore() {
	b.t.Helper()
	require.NoError(b.t, b.store.Close())
}

// crash is the next process after this one hangs for ever.
func (b *bench) crash() *bench {
	b.t.Helper()
	next := &bench{t: b.t, dir: b.dir, conns: b.conns, last: b.last, cbs: b.cbs, random: b.random, windows: b.windows, undelivered: b.undelivered, log: b.log}
	next.open()
	return next
}

// tell stores what a callback says of an event of a task.
func (b *bench) tell(kind callbacks.Kind, taskID string, c dag.Callback) {
	b.t.Helper()
	bound, err := outbox.Bind(b.cbs, []dag.Callback{c})
	require.NoError(b.t, err)
	ev := &callbacks.Event{Kind: kind, DAGID: "d", RunID: "r", TaskID: taskID, MapIndex: -1, TryNumber: 1}
	ds := b.out.Prepare(bound, ev, &template.Context{}, renders)
	require.NoError(b.t, b.store.Tx(context.Background(), func(tx store.Tx) error { return tx.InsertDeliveries(context.Background(), ds) }))
	b.out.Stored(ds)
}

// callback is one of YAML, as DAG files have it.
func callback(t *testing.T, text string) dag.Callback {
	t.Helper()
	var n yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &n))
	c := dag.Callback{Name: n.Content[0].Value}
	if n.Content[0].Kind != yaml.MappingNode {
		return c
	}
	c.Name, c.Args = n.Content[0].Content[1].Value, n.Content[0]
	c.Args.Content = c.Args.Content[2:]
	return c
}

// letters starts the outbox and has tasks, one after another, post their ids.
func (b *bench) letters(ids ...string) {
	b.t.Helper()
	if b.cancel == nil {
		b.start()
	}
	for _, id := range ids {
		b.tell(callbacks.Success, id, callback(b.t, "{callback: letter, text: "+id+"}"))
	}
}

// until waits for a state of affairs.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	require.Eventually(b.t, ok, 90*time.Second, 5*time.Millisecond, what)
}

// later waits in a bubble for what may take hours.
func (b *bench) later(what string, ok func() bool) {
	b.t.Helper()
	for began := time.Now(); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > 3*time.Hour {
			b.t.Fatalf("timed out waiting: %s", what)
		}
	}
}

func (b *bench) deliveries() []*store.Delivery {
	b.t.Helper()
	ds, err := b.store.Deliveries(context.Background(), nil, 0)
	require.NoError(b.t, err)
	return ds
}

// delivery is the n-th message, or one without a state while there is none.
func (b *bench) delivery(n int) *store.Delivery {
	b.t.Helper()
	if ds := b.deliveries(); n < len(ds) {
		return ds[n]
	}
	return &store.Delivery{}
}

// settled reports whether there are messages and none of them is left to send.
func (b *bench) settled() bool {
	ds := b.deliveries()
	return len(ds) > 0 && !slices.ContainsFunc(ds, unsettled)
}

// unsettled reports whether a message is still to be sent. One that is tried again and
// again may be on its way at any moment, so its state alone does not tell.
func unsettled(d *store.Delivery) bool {
	return d.State == store.DeliveryWaiting || d.State == store.DeliverySending
}
