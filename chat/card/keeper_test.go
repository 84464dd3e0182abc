package card_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/callbacks"
	cbcard "github.com/dingdag/dingdag/callbacks/card"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/template"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a store with a failed task whose card the outbox has sent into a group of a local DingTalk.
type desk struct {
	*testing.T

	box    *sandboxtest.Sandbox
	conns  connections.Static
	store  *sqlite.Store
	hook   *hook.DingdingHook
	keeper *card.Keeper
	clock  atomic.Pointer[time.Time]
	run    *store.Run
	load   *store.Instance
	report *store.Instance
	id     string
	dir    string
	api    *api.API
	asks   *asks.Asks
	dag    *dag.DAG
	roles  map[string]roles.Role
	who    error
	// person gets the card of a run, empty for the group.
	person string
	// through is the connection that receives.
	through string
	drawn   int
}

const files = `
etl:
  schedule: null
  tasks:
    - {task_id: load, operator: empty}
    - {task_id: report, operator: empty, dependencies: [load]}
`

func (d *desk) now() time.Time { return *d.clock.Load() }

func (d *desk) pass(t time.Duration) { d.clock.Store(new(d.now().Add(t))) }

const extra = `{"qps": 0, "card_template_id": "tpl.schema", "conversation_id": "cidAb/3dE+f0=="}`

func newDesk(t *testing.T, extra string) *desk {
	t.Helper()
	d := &desk{T: t, box: sandboxtest.Start(t), dir: t.TempDir(), through: "dingtalk_default", roles: map[string]roles.Role{"user001": roles.Operator, "user002": roles.Admin, "user003": roles.Viewer}}
	d.clock.Store(new(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)))
	app := d.box.Demo()
	d.box.AddChat(sandbox.Chat{OpenConversationID: "cidAb/3dE+f0==", Name: "ops", Owner: "user001", Bots: []string{app.AppKey}})
	d.conns = connections.Static{"dingtalk_default": {
		ID: "dingtalk_default", Type: "dingtalk", Host: &d.box.URL, Login: &app.AppKey, Password: new(connections.Secret(app.AppSecret)),
		Extra: new(connections.Secret(extra)),
	}}
	d.hook = hook.New(d.conns)
	t.Cleanup(d.hook.CloseIdleConnections)
	d.store = sqlitetest.Open(t, filepath.Join(d.dir, "db"), sqlite.Options{})
	t.Cleanup(func() { require.NoError(t, d.store.Close()) })
	d.keeper = d.newKeeper()
	d.openAPI()

	reg, err := callbacks.NewRegistry(cbcard.Specs(), map[string]callbacks.Sender{cbcard.SenderName: cbcard.NewSender(d.hook, d.conns, nil)})
	require.NoError(t, err)
	settled := make(chan *store.Delivery, 10)
	out, err := outbox.New(outbox.In(d.store), outbox.Options{
		Callbacks: reg, Connections: d.conns, Masker: connections.NewMasker(), Sweep: time.Hour, Clock: d.now, Log: slog.New(slog.DiscardHandler),
		Persist: func(_ context.Context, write func() error) error { return write() },
		Observe: func(m *store.Delivery) { settled <- m },
	})
	require.NoError(t, err)
	var args yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte("{}"), &args))
	cbs, err := outbox.Bind(reg, []dag.Callback{{Name: "dingtalk_card", Args: args.Content[0]}})
	require.NoError(t, err)

	d.run = &store.Run{DAGID: "etl", RunID: "r1", Type: dag.ManualRun, State: dag.RunFailed, LogicalDate: d.now(), RunAfter: d.now(), StartDate: d.now(), EndDate: d.now(), Version: d.dag.Version}
	d.load = &store.Instance{TaskID: "load", MapIndex: -1, State: dag.Failed, Try: 1, MaxTries: 1, Operator: "bash", StartDate: d.now(), EndDate: d.now()}
	d.report = &store.Instance{TaskID: "report", MapIndex: -1, State: dag.UpstreamFailed, MaxTries: 1, Operator: "bash", EndDate: d.now()}
	end := d.now()
	ds := out.Prepare(cbs, &callbacks.Event{
		Kind: callbacks.Failure, DAGID: "etl", RunID: "r1", TaskID: "load", MapIndex: -1, TryNumber: 1, MaxTries: 1, State: "failed", Error: "exit code 1", EndDate: &end,
	}, &template.Context{}, func(*template.Context, func(string, string) bool) func(string, string) (any, error) {
		return func(_, text string) (any, error) { return text, nil }
	})
	require.Len(t, ds, 1)
	require.Empty(t, ds[0].Error)
	require.NotNil(t, ds[0].Card)
	d.id = ds[0].Card.OutTrackID
	require.NoError(t, d.store.Tx(t.Context(), func(tx store.Tx) error {
		if _, err := tx.InsertRun(t.Context(), d.run); err != nil {
			return err
		}
		d.load.RunKey, d.report.RunKey = d.run.Key, d.run.Key
		if err := tx.PutInstances(t.Context(), []*store.Instance{d.load, d.report}); err != nil {
			return err
		}
		return tx.InsertDeliveries(t.Context(), ds)
	}))
	require.NoError(t, d.keeper.Round(t.Context()), "the card is on its way")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- out.Run(ctx) }()
	select {
	case m := <-settled:
		require.Equal(t, store.DeliveryDelivered, m.State, m.Error)
	case <-time.After(30 * time.Second):
		t.Fatal("the card was not delivered")
	}
	stop()
	require.NoError(t, <-done)
	return d
}

// openAPI puts an api on the store, with the DAG known to it.
func (d *desk) openAPI() {
	d.Helper()
	ops, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(d, err)
	cbs, err := callbacks.NewRegistry(nil, nil)
	require.NoError(d, err)
	known := catalog.Catalog{Operators: ops, Callbacks: cbs, Templates: template.New(template.Options{})}
	ds, problems := dagfile.Parse("dags.yaml", []byte(files), known, dagfile.Options{})
	require.False(d, problems.HasErrors(), problems.String())
	d.dag = ds[0]
	e, err := engine.New(d.store, engine.Options{
		LogDir: d.dir, FindDAG: folder{d.dag}.DAG, Operators: ops, Callbacks: cbs, Templates: known.Templates, Clock: d.now,
	})
	require.NoError(d, err)
	d.api = api.New(api.Options{
		Store: d.store, Folder: folder{d.dag}, Masker: connections.NewMasker(), LogDir: d.dir, Clock: d.now,
		Engine: func(context.Context) (api.Engine, error) { return e, nil },
	})
	d.asks = asks.New(asks.Options{Store: d.store, Engine: func(context.Context) (asks.Engine, error) { return e, nil }})
	require.NoError(d, d.store.Tx(d.Context(), func(tx store.Tx) error {
		if err := tx.PutVersion(d.Context(), d.dag.Version, d.dag.ID, dagfile.Source(d.dag), time.Unix(1, 0)); err != nil {
			return err
		}
		return store.AddDAG(d.Context(), tx, &store.DAGState{ID: d.dag.ID, Version: d.dag.Version, Active: true}, d.now())
	}))
}

// folder has one DAG.
type folder struct{ dag *dag.DAG }

func (f folder) DAGs() ([]*dag.Summary, bool, error) {
	return []*dag.Summary{f.dag.Summary()}, false, nil
}
func (f folder) Load() ([]*dag.DAG, bool, error)  { return []*dag.DAG{f.dag}, false, nil }
func (f folder) DAG(string) (*dag.DAG, error)     { return f.dag, nil }
func (f folder) Restore([]byte) (*dag.DAG, error) { return f.dag, nil }

func (d *desk) newKeeper() *card.Keeper { return d.keeperOn(d.store) }

func (d *desk) keeperOn(s card.Store) *card.Keeper {
	return card.NewKeeper(card.Options{Store: s, Hook: d.hook, Connections: d.conns, Masker: connections.NewMasker(), Clock: d.now, Log: slog.New(slog.DiscardHandler)})
}

// is sets the state of the task, as the engine would.
func (d *desk) is(state dag.State, try int) {
	d.Helper()
	d.load.State, d.load.Try = state, try
	require.NoError(d, d.store.Tx(d.Context(), func(tx store.Tx) error { return tx.PutInstances(d.Context(), []*store.Instance{d.load}) }))
}

// round looks at the cards.
func (d *desk) round() {
	d.Helper()
	require.NoError(d, d.keeper.Round(d.Context()))
}

// shows is what people see.
func (d *desk) shows(name string) string {
	d.Helper()
	c, err := d.box.Card(d.id)
	require.NoError(d, err)
	return c.Params[name]
}

func (d *desk) kept() *store.CardNow {
	d.Helper()
	c, err := d.store.Card(d.Context(), d.id)
	require.NoError(d, err)
	return c
}

// The card shows what becomes of the task, whatever did it, and stays as it is when that has succeeded.
func TestCardFollowsTheTask(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.round()
	assert.Equal(t, "失败 Failed", d.shows("status"))
	assert.True(t, d.kept().UpdatedAt.Equal(d.kept().MadeAt), "nothing has changed, so that nothing was sent")
	for _, step := range []struct {
		state         dag.State
		try           int
		status, color string
		retry         string
	}{
		{dag.None, 1, "排队中 Queued", "blue", "false"},
		{dag.Running, 2, "运行中 Running (第 2 次 try 2)", "blue", "false"},
		{dag.UpForRetry, 2, "将重试 Will be retried 2026-03-01 08:05:00 +00:00", "orange", "false"},
		{dag.Success, 3, "成功 Succeeded (第 3 次 try 3)", "green", "false"},
	} {
		d.load.RetryAt = d.now().Add(5 * time.Minute)
		d.is(step.state, step.try)
		d.round()
		assert.Equal(t, step.status, d.shows("status"))
		assert.Equal(t, step.color, d.shows("color"))
		assert.Equal(t, step.retry, d.shows("can_retry"))
	}
	assert.False(t, d.kept().ClosedAt.IsZero())
	d.is(dag.Failed, 4)
	d.round()
	assert.Equal(t, "green", d.shows("color"), "it is closed")
}

// A task that fails again has another card; this one says so and has no buttons any more but the log.
func TestCardOfATaskThatFailsAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.is(dag.Failed, 2)
	d.round()
	assert.Equal(t, "再次失败 Failed again (第 2 次 try 2)", d.shows("status"))
	assert.Equal(t, "false", d.shows("can_retry"))
	assert.Equal(t, "false", d.shows("can_ack"))
	assert.Equal(t, "true", d.shows("can_log"))
	assert.False(t, d.kept().ClosedAt.IsZero())
}

// Who has seen an alert, and a snooze, show on its card however they came about.
func TestCardShowsAcksAndSnoozes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	require.NoError(t, d.store.Tx(t.Context(), func(tx store.Tx) error {
		_, err := tx.AckDeliveries(t.Context(), store.DeliveryFilter{DAGID: "etl"}, store.Ack{At: d.now(), By: "ann"})
		if err != nil {
			return err
		}
		for _, s := range []*store.Silence{
			{Kind: store.SilenceSnooze, DAGs: []string{"other"}, Since: d.now(), Until: d.now().Add(9 * time.Hour)},
			{Kind: store.SilenceSnooze, DAGs: []string{"et?"}, Since: d.now(), Until: d.now().Add(time.Hour)},
			{Kind: store.SilenceSnooze, DAGs: []string{"etl"}, Robots: []string{"another"}, Since: d.now(), Until: d.now().Add(9 * time.Hour)},
		} {
			if _, err := tx.InsertSilence(t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	}))
	d.round()
	assert.Contains(t, d.shows("footer"), "Ack: ann 2026-03-01 08:00:00")
	assert.Contains(t, d.shows("footer"), "Snoozed until 2026-03-01 09:00:00")
	assert.Equal(t, "false", d.shows("can_ack"))
	assert.Equal(t, "false", d.shows("can_snooze"))
	assert.Equal(t, "true", d.shows("can_retry"))
	d.pass(time.Hour)
	d.round()
	assert.NotContains(t, d.shows("footer"), "Snoozed")
	assert.Equal(t, "true", d.shows("can_snooze"))
}

// A card that could not be redrawn is tried again, with pauses, also by the next process.
func TestCardIsRedrawnLater(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.is(dag.Success, 2)
	d.box.Fault(sandbox.Fault{Call: "card.update", Kind: sandbox.FaultBusy, Times: -1})
	d.round()
	kept := d.kept()
	assert.Equal(t, 1, kept.Failures)
	assert.NotEmpty(t, kept.Error)
	assert.True(t, kept.ClosedAt.IsZero())
	d.box.ClearFaults()
	d.keeper = d.newKeeper()
	d.round()
	assert.Equal(t, "red", d.shows("color"), "its pause is not over")
	d.pass(time.Minute)
	d.round()
	assert.Equal(t, "green", d.shows("color"))
	assert.Empty(t, d.kept().Error)
	assert.Zero(t, d.kept().Failures)
}

// A card that DingTalk does not know is given up.
func TestCardThatIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.is(dag.Running, 2)
	d.box.Fault(sandbox.Fault{Call: "card.update", Kind: sandbox.FaultErrcode, ErrorCode: "param.outTrackId.notExist"})
	d.round()
	assert.False(t, d.kept().ClosedAt.IsZero())
	assert.Contains(t, d.kept().Error, "notExist")
}

// A card is closed when it is a week old, and when its run is removed.
func TestOldCards(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.pass(7 * 24 * time.Hour)
	d.round()
	assert.Equal(t, "卡片已过期 This card is closed", d.shows("status"))
	assert.Equal(t, "false", d.shows("can_retry"))
	assert.False(t, d.kept().ClosedAt.IsZero())
}

// What was sent without a card, since the connection has no template, is not redrawn.
func TestMessageWithoutACard(t *testing.T) {
	t.Parallel()
	d := newDesk(t, `{"qps": 0, "conversation_id": "cidAb/3dE+f0=="}`)
	d.is(dag.Running, 2)
	d.round()
	assert.Equal(t, "it was not sent as a card", d.kept().Error)
	assert.False(t, d.kept().ClosedAt.IsZero())
}

// An application that DingTalk does not answer holds up its own cards alone.
func TestASlowConnectionHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	asked, release := make(chan struct{}), make(chan struct{})
	var once, done sync.Once
	free := func() { done.Do(func() { close(release) }) }
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { close(asked) })
		<-release
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(free)
	conn := *d.conns["dingtalk_default"]
	conn.Host = &slow.URL
	d.conns["slow"] = &conn
	require.NoError(t, d.store.Tx(t.Context(), func(tx store.Tx) error {
		_, err := tx.InsertCard(t.Context(), &store.Card{
			OutTrackID: "slow", ConnID: "slow", Kind: store.AlertCard, DAGID: "etl", RunID: "r1", TaskID: "load", MapIndex: -1, Try: 1,
			Face: []byte(`{"title":"x","status":"running","actions":["retry"]}`), MadeAt: d.now().Add(-time.Hour), UpdatedAt: d.now(),
		})
		return err
	}))
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { d.keeper.Run(ctx) })
	defer work.Wait()
	defer stop()
	defer free()
	select {
	case <-asked:
	case <-time.After(30 * time.Second):
		t.Fatal("the card of the slow one was not looked at")
	}
	d.is(dag.Success, 2)
	d.keeper.Wake()
	d.box.WaitCard(d.id, func(c sandbox.Card) bool { return c.Params["color"] == "green" })
	free()
}

// still is a store without cards that counts how often it is asked for them.
type still struct {
	card.Store

	asked atomic.Int64
}

func (s *still) OpenCards(context.Context, time.Time, time.Time, string, int) ([]*store.CardNow, error) {
	s.asked.Add(1)
	return nil, nil
}

// An engine that works wakes the keeper all the time, which looks now and then.
func TestPausesBetweenLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &still{}
		k := card.NewKeeper(card.Options{Store: s, Masker: connections.NewMasker(), Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { k.Run(ctx); close(done) }()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		before := s.asked.Load()
		k.Wake()
		synctest.Wait()
		assert.Equal(t, before+1, s.asked.Load(), "the first time at once")
		for range 1000 {
			time.Sleep(time.Millisecond)
			k.Wake()
		}
		synctest.Wait()
		assert.InDelta(t, 4, s.asked.Load()-before-1, 1)
		stop()
		<-done
	})
}
