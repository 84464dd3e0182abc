package health_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// world is a checker on a real store whose scheduler has just renewed its lease.
type world struct {
	t     testing.TB
	now   time.Time
	store *sqlite.Store
	*health.Checker
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{t: tb, now: began}
	clock := func() time.Time { return w.now }
	w.store = sqlitetest.Open(tb, filepath.Join(tb.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL", Clock: clock})
	tb.Cleanup(func() { _ = w.store.Close() })
	masker := connections.NewMasker()
	masker.Add("hush-hush")
	o := api.Options{Store: w.store, Masker: masker, Clock: clock}
	w.Checker = health.New(health.Options{
		API: api.New(o), Store: w.store, Program: "dingdag", Masker: masker, Clock: clock,
	})
	w.live(false)
	_, err := w.store.Beat(tb.Context(), 3*time.Second)
	require.NoError(tb, err)
	return w
}

func (w *world) write(fn func(context.Context, store.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.Tx(w.t.Context(), func(tx store.Tx) error { return fn(w.t.Context(), tx) }))
}

// live notes that a scheduler was at work until now.
func (w *world) live(stopped bool) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutSchedulerLife(ctx, &store.SchedulerLife{StartedAt: w.now, SeenAt: w.now, Stopped: stopped})
	})
}

// alert is a message that was written some time ago.
func (w *world) alert(state store.DeliveryState, age time.Duration) int64 {
	w.t.Helper()
	d := w.row(state, age)
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{d}) })
	return d.ID
}

// row is one that is not written yet.
func (w *world) row(state store.DeliveryState, age time.Duration) *store.Delivery {
	return &store.Delivery{
		State: state, Channel: "dingding:ops", Sender: "dingding", Summary: "secret of the summary", Payload: []byte(`{"text":"secret of the message"}`),
		Owner: store.Owner{Event: "on_failure_callback", DAGID: "d", MapIndex: -1}, Error: "secret of the error", CreatedAt: w.now.Add(-age), UpdatedAt: w.now,
	}
}

// problems are those that are found, a line each.
func (w *world) problems() (lines []string) {
	w.t.Helper()
	h := w.Check(w.t.Context())
	errs := 0
	for _, p := range h.Problems {
		lines = append(lines, string(p.Severity)+" "+p.Part+": "+p.Text+" | "+p.Command)
		if p.Severity == health.Error {
			errs++
		}
	}
	assert.Equal(w.t, errs > 0, h.Status == health.Unhealthy, "errors alone make it unhealthy")
	return lines
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert(store.DeliveryDelivered, time.Hour)
	h := w.Check(t.Context())
	text, err := json.Marshal(h)
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"status": "healthy", "at": "2026-03-01T12:00:00Z", "problems": [],
		"store": {"status": "healthy", "error": ""},
		"scheduler": {
			"status": "healthy", "leased_until": "2026-03-01T12:00:03Z", "latest_heartbeat": "2026-03-01T12:00:00Z",
			"latest_pass": null, "latest_outbox_round": null
		},
		"outbox": {
			"status": "healthy", "waiting": 0, "oldest_waiting": null, "oldest_waiting_seconds": 0, "overdue": 0, "refused": 0, "uncertain": 0, "kept_back": 0
		},
		"robots": [], "applications": [], "import_errors": {"count": 0, "since": null}, "unserved_queues": [], "clocks_off": [], "logs_waiting": [], "heartbeat_url": null
	}`, string(text))
	assert.True(t, h.Ready())
	assert.Equal(t, `healthy

store          can be read
scheduler      healthy: last heartbeat 0s ago
alerts         0 waiting; in the last 24h refused 0, uncertain 0
import errors  0
`, h.Text())
}

// A robot that is gone is a warning, until its connection leads to another one.
func TestARobotIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone := &store.Gate{Robot: "1", Name: "ops", Month: "2026-03", GoneAt: began.Add(-time.Minute), Gone: "300005 hush-hush is not exist", EnteredAt: began.Add(-time.Minute)}
	put := func(gs ...*store.Gate) {
		w.write(func(ctx context.Context, tx store.Tx) error {
			for _, g := range gs {
				if err := tx.PutGate(ctx, g); err != nil {
					return err
				}
			}
			return nil
		})
	}
	put(gone, &store.Gate{Robot: "2", Name: "ops", Month: "2026-03", EnteredAt: began.Add(-time.Hour)}, &store.Gate{Robot: "3", Name: "other", EnteredAt: began})
	assert.Equal(t, []string{
		`warning robots: robot "ops" is gone, DingTalk answered 1m ago: 300005 *** is not exist; add a robot to the group, and put its token into the connection | dingdag connections edit ops`,
	}, w.problems())
	h := w.Check(t.Context())
	assert.Equal(t, new(gone.GoneAt), h.Robots[0].GoneSince)
	assert.Contains(t, h.Text(), "robot ops      0 messages this month, gone")
	put(&store.Gate{Robot: "2", Name: "ops", Month: "2026-03", EnteredAt: began})
	assert.Empty(t, w.problems())
}

// What a quota keeps back on purpose is worth a look, and no more.
func TestKeptBackIsAWarning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.row(store.DeliveryRefused, time.Hour)
	d.Hold, d.Owner.Event = store.HoldQuota, "on_success"
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{d}) })
	assert.Equal(t, []string{
		"warning outbox: successes and retries refused because the quota of their robot is kept for failures: 1 | dingdag alerts list --state refused --unacked",
	}, w.problems())
	h := w.Check(t.Context())
	assert.Equal(t, health.Healthy, h.Outbox.Status)
	assert.Equal(t, [2]int{0, 1}, [2]int{h.Outbox.Refused, h.Outbox.KeptBack})
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.AckDeliveries(ctx, store.DeliveryFilter{IDs: []int64{d.ID}}, store.Ack{At: w.now, By: "ann"})
		return err
	})
	assert.Empty(t, w.problems())
}

// What is open can be read on, but no other process finds it.
func TestTheStoreIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var gone error
	c := health.New(health.Options{
		API: api.New(api.Options{Store: w.store, Masker: connections.NewMasker(), Clock: func() time.Time { return w.now }}), Store: w.store,
		InPlace: func() error { return gone }, Program: "dingdag", Masker: connections.NewMasker(), Clock: func() time.Time { return w.now },
	})
	assert.True(t, c.Check(t.Context()).Ready())
	gone = errors.New("the store is gone: put it back")
	h := c.Check(t.Context())
	assert.False(t, h.Ready())
	assert.Equal(t, health.Unhealthy, h.Status)
	assert.Equal(t, health.Store{Status: health.Unhealthy, Error: "the store is gone: put it back"}, h.Store)
	assert.Equal(t, []health.Problem{{Part: "store", Severity: health.Error, Text: "the store is gone: put it back", Said: phrase.Plain("the store is gone: put it back")}}, h.Problems)
}

// A lease that ran out is that of a process that died; for a moment it may be that of a slow disk.
func TestLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.now = began.Add(3*time.Second + health.Late)
	assert.Empty(t, w.problems())
	w.now = began.Add(3*time.Second + health.Late + time.Second)
	assert.Equal(t, []string{"error scheduler: no scheduler is running: the lease of the last one ran out 11s ago | dingdag standalone"}, w.problems())
	assert.False(t, w.Check(t.Context()).Ready())

	w.now = began.Add(time.Hour)
	_, err := w.store.Beat(t.Context(), 3*time.Second)
	require.NoError(t, err)
	w.live(false)
	assert.Empty(t, w.problems(), "another one has come")
	_, err = w.store.Beat(t.Context(), 0)
	require.NoError(t, err)
	w.live(true)
	w.now = w.now.Add(time.Second)
	assert.Equal(t, []string{"error scheduler: no scheduler is running: it was stopped 1s ago | dingdag standalone"}, w.problems())
	_, err = w.store.Beat(t.Context(), 3*time.Second)
	require.NoError(t, err)
	assert.Empty(t, w.problems(), "the next one holds the lease before it is noted to be at work")
}

func TestNoSchedulerEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	empty := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, empty.Close()) })
	o := api.Options{Store: empty, Masker: connections.NewMasker(), Clock: func() time.Time { return began }}
	w.Checker = health.New(health.Options{API: api.New(o), Store: empty, Program: "dingdag --home /h", Masker: o.Masker, Clock: o.Clock})
	assert.Equal(t, []string{"error scheduler: no scheduler is running, and none ever was | dingdag --home /h standalone"}, w.problems())
}

// A scheduler that holds its lease and gets nothing done is not healthy.
func TestStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := health.Process{Working: true, Started: began.Add(-time.Hour), Beat: began, Pass: began, Round: began}
	masker := connections.NewMasker()
	clock := func() time.Time { return w.now }
	w.Checker = health.New(health.Options{
		API: api.New(api.Options{Store: w.store, Masker: masker, Clock: clock}), Store: w.store, Program: "dingdag", Masker: masker, Clock: clock,
		Process: func() health.Process { return p },
	})
	assert.Empty(t, w.problems())
	h := w.Check(t.Context())
	assert.Equal(t, []*time.Time{&began, &began, &began}, []*time.Time{h.Scheduler.LatestHeartbeat, h.Scheduler.LatestPass, h.Scheduler.LatestRound})

	w.now = began.Add(2*time.Minute + time.Second)
	_, err := w.store.Beat(t.Context(), 3*time.Second)
	require.NoError(t, err)
	for want, is := range map[string]health.Process{
		"has not renewed its lease for 2m1s":                            {Working: true, Pass: w.now, Round: w.now, Beat: began},
		"has not looked at all DAGs, and given each its runs, for 2m1s": {Working: true, Beat: w.now, Round: w.now, Pass: began},
		"has not looked for messages to send for 2m1s":                  {Working: true, Beat: w.now, Pass: w.now, Round: began},
		"this process is starting or stopping: nothing is scheduled":    {Beat: w.now, Pass: w.now, Round: w.now},
	} {
		p = is
		got := w.problems()
		require.Len(t, got, 1, want)
		assert.Contains(t, got[0], want)
		assert.False(t, w.Check(t.Context()).Ready())
	}
	p = health.Process{Working: true, Follows: true, Started: began.Add(-time.Hour)}
	assert.Empty(t, w.problems(), "another process leads, and beats")
	p = health.Process{Working: true, Started: w.now.Add(-time.Minute)}
	assert.Empty(t, w.problems(), "it has only begun")

	p = health.Process{Working: true, Started: w.now, Heartbeat: &health.Heartbeat{LatestSuccess: &began, Failing: true}}
	assert.Equal(t, []string{"warning heartbeat_url: the last request to heartbeat_url was not taken: the log says why | "}, w.problems())
	assert.Contains(t, w.Check(t.Context()).Text(), "heartbeat_url  last taken 2m1s ago\n")
}

// What nobody was told of is a problem until somebody has seen it, or has been told in another way.
func TestUndelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert(store.DeliveryWaiting, time.Minute)
	assert.Empty(t, w.problems(), "it waits for a minute only")
	refused, told := w.alert(store.DeliveryRefused, time.Hour), w.alert(store.DeliveryRefused, time.Hour)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{{State: store.DeliveryDelivered, Channel: "c", Sender: "s", Payload: []byte(`{}`), Owner: store.Owner{MapIndex: -1}, StandsInFor: told, CreatedAt: w.now, UpdatedAt: w.now}})
	})
	w.alert(store.DeliveryUncertain, time.Hour)
	w.alert(store.DeliveryWaiting, 11*time.Minute)
	w.alert(store.DeliveryRefused, 25*time.Hour)
	assert.Equal(t, []string{
		"error outbox: alerts refused, with nothing that arrived in their place: 1 (2) | dingdag alerts check",
		"error outbox: alerts of which nobody knows whether they arrived: 1 (5) | dingdag alerts check",
		"error outbox: alerts waiting for over 10m: 1 (6) | dingdag alerts check",
	}, w.problems())
	h := w.Check(t.Context())
	assert.Equal(t, []int{1, 1, 1, 2}, []int{h.Outbox.Refused, h.Outbox.Uncertain, h.Outbox.Overdue, h.Outbox.Waiting})
	assert.Equal(t, health.Unhealthy, h.Outbox.Status)
	assert.True(t, h.Ready(), "the scheduler works")
	text, err := json.Marshal(h)
	require.NoError(t, err)
	assert.NotContains(t, string(text)+h.Text(), "secret", "texts of messages are not shown")
	assert.NotContains(t, string(text)+h.Text(), "of the ")

	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.AckDeliveries(ctx, store.DeliveryFilter{IDs: []int64{refused, 5}}, store.Ack{At: w.now, By: "ann"})
		return err
	})
	assert.Equal(t, []string{"error outbox: alerts waiting for over 10m: 1 (6) | dingdag alerts check"}, w.problems(), "somebody has seen the others")
	for range 7 {
		w.alert(store.DeliveryUncertain, time.Minute)
	}
	assert.Contains(t, w.problems()[0], ": 7 (8, 9, 10, 11, 12, …) |")
}

func TestRobotsAndFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return errors.Join(
			tx.PutGate(ctx, &store.Gate{Robot: "1", Name: "closed", ClosedAt: began, ClosedUntil: began.Add(9 * time.Minute), Month: "2026-03", Sent: 20}),
			tx.PutGate(ctx, &store.Gate{Robot: "2", Name: "spent", Month: "2026-03", Sent: 100, Quota: 100}),
			tx.PutGate(ctx, &store.Gate{Robot: "3", Name: "was", ClosedAt: began.Add(-time.Hour), ClosedUntil: began, Month: "2026-02", Sent: 100, Quota: 100}),
			tx.PutImportError(ctx, &store.ImportError{File: "a.yaml", Since: began.Add(-time.Hour), Text: "secret of the file"}),
			tx.PutImportError(ctx, &store.ImportError{File: "b.yaml", Since: began, Text: "x"}),
		)
	})
	assert.Equal(t, []string{
		`warning robots: robot "closed" takes no messages for another 9m: it was sent too many | dingdag alerts list --state waiting`,
		`warning robots: robot "spent" has had the 100 messages that its quota allows this month | dingdag connections get spent`,
		"warning import_errors: DAG files, or DAGs of them, that cannot be loaded: 2 | dingdag dags list-import-errors",
	}, w.problems())
	h := w.Check(t.Context())
	assert.Equal(t, []health.Robot{
		{Name: "closed", ClosedUntil: new(began.Add(9 * time.Minute)), SentThisMonth: 20},
		{Name: "spent", SentThisMonth: 100, Quota: 100},
		{Name: "was", Quota: 100},
	}, h.Robots)
	assert.Equal(t, health.ImportErrors{Count: 2, Since: new(began.Add(-time.Hour))}, h.ImportErrors)
	assert.NotContains(t, h.Text(), "secret")
	assert.Contains(t, h.Text(), "robot closed   20 messages this month, closed for another 9m\nrobot spent    100 of 100 messages this month\n")
}

// A store that can't be read is the one thing that is known then.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.store.Close())
	h := w.Check(t.Context())
	assert.Equal(t, health.Unhealthy, h.Status)
	assert.Equal(t, []health.Status{health.Unhealthy, health.Unknown, health.Unknown}, []health.Status{h.Store.Status, h.Scheduler.Status, h.Outbox.Status})
	assert.NotEmpty(t, h.Store.Error)
	assert.False(t, h.Ready())
	assert.Regexp(t, "^unhealthy\n\nerror: the store cannot be read: .+\n\nstore      .+\nscheduler  unknown\n$", h.Text())

	o := health.Options{StoreError: errors.New("hush-hush\nis away"), Masker: connections.NewMasker(), Clock: func() time.Time { return began }}
	o.Masker.Add("hush-hush")
	h = health.New(o).Check(t.Context())
	assert.True(t, strings.HasPrefix(h.Text(), "unhealthy\n\nerror: the store cannot be read: *** is away\n"), h.Text())
}

// hanging is a store that does not answer.
type hanging struct{ store.Reader }

// LeaseClock waits for the end of the context.
func (hanging) LeaseClock(ctx context.Context) (time.Time, error) {
	<-ctx.Done()
	return time.Time{}, ctx.Err()
}

// told is a lease of an application, with what its holder tells.
func (w *world) told(key string, until time.Time, l store.ChatLink) {
	w.t.Helper()
	note, err := json.Marshal(l)
	require.NoError(w.t, err)
	w.write(func(ctx context.Context, tx store.Tx) error {
		ok, err := tx.TakeLease(ctx, store.NamedLease{Name: store.ChatLeases + key, Holder: "a", Until: until, Note: note}, until.Add(-time.Hour))
		assert.True(w.t, ok)
		return err
	})
}

// Whether an application receives is told by the process that holds it, which is another one than this.
func TestApplications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := func() time.Time { return w.now }
	masker := connections.NewMasker()
	masker.Add("hush-hush")
	var apps []health.App
	var failed error
	w.Checker = health.New(health.Options{
		API: api.New(api.Options{Store: w.store, Masker: masker, Clock: clock}), Store: w.store, Program: "dingdag", Masker: masker, Clock: clock,
		Apps: func(context.Context) ([]health.App, error) { return apps, failed },
	})
	is := func() health.Application {
		t.Helper()
		all := w.Check(t.Context()).Applications
		require.Len(t, all, 1)
		return all[0]
	}
	assert.Empty(t, w.Check(t.Context()).Applications)
	since := began.Add(-time.Minute)
	lease := began.Add(time.Hour)
	w.told("k", lease, store.ChatLink{ConnID: "office", Stream: true, Connected: true, Since: since})
	assert.Equal(t, health.Application{ConnID: "office", Status: health.Connected, Since: &since}, is(), "the other process knows it")
	apps = []health.App{{ConnID: "office", Lease: "chat/k"}, {ConnID: "twin", Lease: "chat/k"}}
	assert.Equal(t, health.Connected, is().Status, "one of each application")
	assert.Contains(t, w.Check(t.Context()).Text(), "chat office    receives: connected for 1m\n")
	assert.Empty(t, w.problems())

	w.told("k", lease, store.ChatLink{ConnID: "office", Stream: true, Since: since, Error: "hush-hush is wrong"})
	assert.Equal(t, health.Application{ConnID: "office", Status: health.Disconnected, Since: &since, Error: "*** is wrong"}, is())
	assert.Contains(t, w.Check(t.Context()).Text(), "chat office    does not receive: not connected for 1m: *** is wrong\n")
	assert.Empty(t, w.problems(), "connections end and come again")
	w.now = began.Add(time.Second)
	assert.Equal(t, []string{
		`warning applications: application "office" has not been connected to DingTalk for 1m1s, so that nothing arrives from the chat: *** is wrong | dingdag connections test office`,
	}, w.problems())

	w.told("k", began, store.ChatLink{ConnID: "office", Stream: true, Connected: true, Since: since})
	assert.Equal(t, health.Application{ConnID: "office", Status: health.Unheld, Since: &began}, is(), "who held it has died")
	assert.Empty(t, w.problems(), "somebody takes over")
	w.now = began.Add(time.Minute + time.Second)
	_, err := w.store.Beat(t.Context(), 3*time.Second)
	require.NoError(t, err)
	unheld := `warning applications: no process receives for application "office", though a scheduler is running: it may lack the connection; its log says more | dingdag connections test office`
	assert.Equal(t, []string{unheld}, w.problems())
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.DropLease(ctx, "chat/k", "a") })
	assert.Equal(t, []string{unheld}, w.problems(), "the scheduler has been there for long enough")
	w.live(false)
	assert.Empty(t, w.problems(), "it has only begun")
	_, err = w.store.Beat(t.Context(), 0)
	require.NoError(t, err)
	w.now = w.now.Add(time.Hour)
	assert.Contains(t, w.problems(), `warning applications: no process receives for application "office": nothing arrives from the chat | dingdag standalone`)

	w.told("h", w.now.Add(time.Hour), store.ChatLink{ConnID: "robot", Connected: true, Since: since})
	w.told("gone", w.now, store.ChatLink{ConnID: "gone", Stream: true, Connected: true, Since: since})
	assert.Equal(t, "office", is().ConnID, "what comes over HTTP needs no connection, and what has ended may be of no connection any more")
	apps, failed = nil, errors.New("connection \"a\": hush-hush\nconnection \"b\": wrong")
	assert.Contains(t, w.problems(), `warning applications: not all connections can be read, or can receive: connection "a": ***; connection "b": wrong | dingdag connections list`)
}
