package outbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/dingding"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/template"
)

// only is a source of one connection.
type only struct{ conn *connections.Connection }

func (o only) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if id != o.conn.ID {
		return nil, connections.ErrNotFound
	}
	return o.conn, nil
}

// inProcess carries requests to a sandbox without a network, so that a bubble's clock goes on.
type inProcess struct{ box *sandbox.Server }

func (c inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.RemoteAddr = "127.0.0.1:4444"
	if err := c.serve(w, r); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// gates lets the hook enter the gate of a store.
type gates struct {
	*gate.Gate
	clock func() time.Time
}

func known(r hook.GateRobot) gate.Robot {
	return gate.Robot{Key: r.Key, Name: r.Name, Rate: r.Rate, Quota: r.Quota, Timeout: r.Timeout}
}

func (g gates) Enter(ctx context.Context, r hook.GateRobot) (hook.GatePass, error) {
	p, err := g.Gate.Enter(ctx, known(r))
	if err != nil {
		return nil, err
	}
	return pass{p, g.clock}, nil
}

func (g gates) Ask(ctx context.Context, r hook.GateRobot) error { return g.Gate.Ask(ctx, known(r)) }

func (g gates) Leave(ctx context.Context, r hook.GateRobot) error { return g.Gate.Leave(ctx, known(r)) }

type pass struct {
	*gate.Pass
	clock func() time.Time
}

func (p pass) Refused(ctx context.Context, block time.Duration) (time.Duration, error) {
	until, err := p.Pass.Refused(ctx, block)
	return until.Sub(p.clock()), err
}

// storm is an outbox whose alerts go to robots of a sandbox that counts as DingTalk does.
type storm struct {
	t      *testing.T
	dir    string
	clock  func() time.Time
	box    *sandbox.Server
	conns  connections.Source
	store  *sqlite.Store
	out    *outbox.Outbox
	hook   *hook.DingdingHook
	notify []outbox.Callback
	cancel context.CancelFunc
	ended  chan error
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	s := &storm{t: t, dir: t.TempDir(), clock: time.Now, box: sandbox.New(sandbox.Options{Now: time.Now, Keep: 100_000})}
	robot, err := s.box.AddRobot(sandbox.DemoRobot("ops"))
	require.NoError(t, err)
	conn, err := connections.FromAttributes("ops", map[string]any{"conn_type": "dingding", "host": "http://127.0.0.1", "password": robot.Token})
	require.NoError(t, err)
	s.conns = only{conn}
	return s
}

// start begins a process on the store.
func (s *storm) start() {
	s.t.Helper()
	s.store = sqlitetest.Open(s.t, s.dir+"/db", sqlite.Options{Synchronous: "NORMAL"})
	s.hook = hook.New(s.conns, hook.WithHTTPClient(&http.Client{Transport: inProcess{s.box}}), hook.WithClock(s.clock),
		hook.WithGate(gates{gate.New(gate.In(s.store), s.clock), s.clock}))
	p := dingding.Provider(s.hook)
	cbs, err := callbacks.NewRegistry(p.Specs, map[string]callbacks.Sender{p.SenderName: p.Sender})
	require.NoError(s.t, err)
	s.out, err = outbox.New(outbox.In(s.store), outbox.Options{
		Callbacks: cbs, Connections: s.conns, Masker: connections.NewMasker(), Bare: renders, FoldAfter: outbox.DefaultFoldAfter,
		Sweep: 30 * time.Second, Persist: func(_ context.Context, write func() error) error { return write() },
		Clock: s.clock, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(s.t, err)
	s.notify, err = outbox.Bind(cbs, []dag.Callback{callback(s.t, "{callback: dingding, dingding_conn_id: ops}")})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s.cancel, s.ended = cancel, ended
	go func() { ended <- s.out.Run(ctx) }()
	s.t.Cleanup(s.stop)
}

func (s *storm) stop() {
	s.t.Helper()
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.cancel = nil
	require.NoError(s.t, <-s.ended)
	require.NoError(s.t, s.store.Close())
}

// fail lets tasks fail at once, each with its alert.
func (s *storm) fail(evs ...*callbacks.Event) {
	s.t.Helper()
	var ds []*store.Delivery
	for _, ev := range evs {
		ds = append(ds, s.out.Prepare(s.notify, ev, &template.Context{}, renders)...)
	}
	ctx := context.Background()
	require.NoError(s.t, s.store.Tx(ctx, func(tx store.Tx) error { return tx.InsertDeliveries(ctx, ds) }))
	s.out.Stored(ds)
}

func failure(dagID, run, task string) *callbacks.Event {
	return &callbacks.Event{
		Kind: callbacks.Failure, DAGID: dagID, RunID: run, TaskID: task, MapIndex: -1, TryNumber: 1, State: "failed", Error: "exit code 1", Program: "dingdag",
	}
}

// arrived are the messages of the group with the moments since the beginning.
func (s *storm) arrived() (texts []string, at []time.Time) {
	for _, m := range s.box.Messages(sandbox.Filter{}) {
		texts, at = append(texts, m.Content.Text), append(at, m.Time)
	}
	return texts, at
}

// accounted checks that each alert is told, by itself or in a digest that was, and returns when.
func (s *storm) accounted() map[int64]time.Time {
	s.t.Helper()
	ds, err := s.store.Deliveries(context.Background(), nil, 0)
	require.NoError(s.t, err)
	byID := map[int64]*store.Delivery{}
	for _, d := range ds {
		byID[d.ID] = d
	}
	when := map[int64]time.Time{}
	for _, d := range ds {
		last := d
		if d.State == store.DeliveryFolded {
			last = byID[d.DigestID]
			require.NotNil(s.t, last, "alert %d is folded into %d", d.ID, d.DigestID)
		}
		require.Equal(s.t, store.DeliveryDelivered, last.State, "alert %d: %s", d.ID, last.Error)
		when[d.ID] = last.UpdatedAt
	}
	return when
}

// paced checks that the robot had no more than its rate in any minute.
func (s *storm) paced() {
	s.t.Helper()
	var at []time.Time
	for _, a := range s.box.Attempts() {
		at = append(at, a.Time)
		assert.Zero(s.t, a.Code, a.Reason)
	}
	slices.SortFunc(at, time.Time.Compare)
	for i := 20; i < len(at); i++ {
		assert.GreaterOrEqual(s.t, at[i].Sub(at[i-20]), time.Minute, "request %d", i)
	}
}

// 500 failures of 20 DAGs within a minute: the last is told within three minutes, the alert of
// another DAG within 20 seconds, and the robot is never sent too many.
func TestStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStorm(t)
		s.start()
		began := time.Now()
		for i := range 500 {
			s.fail(failure(fmt.Sprintf("dag_%02d", i%20), fmt.Sprintf("r%d", i/100), fmt.Sprintf("t%d", i%7)))
			if i == 400 {
				s.fail(failure("other", "r", "t"))
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(4 * time.Minute)
		texts, at := s.arrived()
		s.paced()
		var last, other time.Duration
		for _, when := range s.accounted() {
			last = max(last, when.Sub(began))
		}
		i := slices.IndexFunc(texts, func(text string) bool { return strings.Contains(text, "other.t") })
		require.GreaterOrEqual(t, i, 0)
		other = at[i].Sub(began) - 40*time.Second
		t.Logf("%d messages; the last told after %s, the other DAG after %s", len(texts), last, other)
		assert.Less(t, last, 3*time.Minute)
		assert.Less(t, other, 20*time.Second)
		assert.Less(t, len(texts), 40)
	})
}
