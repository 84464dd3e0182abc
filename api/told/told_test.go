package told_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/told"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

var three = time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)

// folder has the one DAG.
type folder struct{ api.Folder }

func (folder) DAG(id string) (*dag.DAG, error) {
	if id != "daily" {
		return nil, fmt.Errorf("no dag %q: %w", id, api.ErrNotFound)
	}
	return &dag.DAG{ID: id}, nil
}

type world struct {
	*api.API

	t     *testing.T
	store *sqlite.Store
	// visible are the DAGs that whoever asks may see; nil is every one.
	visible []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	w := &world{t: t, store: s}
	w.API = api.New(api.Options{
		Visible: func(context.Context) ([]string, error) { return w.visible, nil },
		Store:   s, Folder: folder{}, Masker: connections.NewMasker(), Clock: func() time.Time { return three.Add(time.Hour) },
	})
	return w
}

// run adds a run by when it was due, started and ended, in minutes from three o'clock.
func (w *world) run(id string, due, started, ended int) {
	w.t.Helper()
	at := func(minute int) time.Time { return three.Add(time.Duration(minute) * time.Minute) }
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.InsertRun(ctx, &store.Run{
			DAGID: "daily", RunID: id, Type: dag.ManualRun, State: dag.RunFailed, RunAfter: at(due), StartDate: at(started), EndDate: at(ended), Version: "v",
		})
		return err
	})
}

// alert adds a message about a task of a run.
func (w *world) alert(d store.Delivery) int64 {
	w.t.Helper()
	d.Channel, d.Sender, d.Payload = "dingding:ops", "dingding", json.RawMessage("{}")
	d.Owner.MapIndex = -1
	if d.Owner.Event != "digest" { // which is about several DAGs
		d.Owner.DAGID, d.Owner.TaskID = "daily", "load"
	}
	if d.CreatedAt.IsZero() {
		d.CreatedAt = three
	}
	d.UpdatedAt, d.NextTry = d.CreatedAt, d.CreatedAt
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{&d}) })
	return d.ID
}

func (w *world) write(f func(ctx context.Context, tx store.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.Tx(w.t.Context(), func(tx store.Tx) error { return f(w.t.Context(), tx) }))
}

func (w *world) was(q told.Query) []told.Told {
	w.t.Helper()
	q.DAGID = "daily"
	all, err := told.Was(w.t.Context(), w.API, q)
	require.NoError(w.t, err)
	return all
}

func (w *world) runs(minute int) (ids []string) {
	w.t.Helper()
	for _, x := range w.was(told.Query{At: three.Add(time.Duration(minute) * time.Minute)}) {
		if x.Run == nil {
			ids = append(ids, "none")
			continue
		}
		ids = append(ids, x.Run.RunID)
	}
	return ids
}

func TestRunsOfAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("long", -30, -30, 30)
	w.run("due", 0, 0, 10)
	w.run("next", 5, 5, 11)
	w.run("after", 6, 6, 40)
	w.run("late", 50, 50, 51)
	for _, c := range []struct {
		min  int
		want []string
	}{
		{0, []string{"due"}},
		{3, []string{"long", "due"}},
		{5, []string{"next"}},
		{30, []string{"long"}},
		{33, []string{"after"}},
		{41, []string{"late"}},
		{52, nil},
		{-60, nil},
	} {
		assert.Equal(t, c.want, w.runs(c.min), "at minute %d", c.min)
	}
	_, err := told.Was(t.Context(), w.API, told.Query{DAGID: "nosuch"})
	require.ErrorIs(t, err, api.ErrNotFound)
}

// Only messages about ticks that started no run answer for a moment without a run.
func TestTicksOfAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert(store.Delivery{State: store.DeliveryDelivered, Owner: store.Owner{Event: "on_silence_end"}})
	assert.Empty(t, w.was(told.Query{At: three}))
	w.alert(store.Delivery{State: store.DeliveryDelivered, Owner: store.Owner{Event: "on_missed"}})
	assert.Equal(t, []string{"none"}, w.runs(0))
	w.run("due", 0, 0, 1)
	assert.Equal(t, []string{"due"}, w.runs(0), "a tick that started a run was not missed")
}

func TestWhatWasToldInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("one", 0, 0, 1)
	owner := func(event string) store.Owner { return store.Owner{Event: event, RunID: "one"} }
	digest := w.alert(store.Delivery{State: store.DeliveryRefused, Owner: store.Owner{Event: "digest"}})
	refused := w.alert(store.Delivery{State: store.DeliveryRefused, Owner: owner("on_failure")})
	w.alert(store.Delivery{State: store.DeliveryDelivered, Owner: owner("on_success")})
	w.alert(store.Delivery{State: store.DeliveryFolded, DigestID: digest, StandsInFor: refused, Owner: owner("on_failure")})

	all := w.was(told.Query{})
	require.Len(t, all, 1)
	assert.False(t, all[0].Told, "a success tells of no failure")
	assert.False(t, all[0].Open())
	assert.Equal(t, 1, all[0].Others)
	require.Len(t, all[0].Alerts, 2)
	x := all[0].Alerts[0]
	require.NotNil(t, x.Instead, "what was told to nobody either is named too")
	require.NotNil(t, x.Instead.Digest)
	assert.Equal(t, digest, x.Instead.Digest.ID)

	w.alert(store.Delivery{State: store.DeliveryDelivered, StandsInFor: digest, Owner: store.Owner{Event: "digest"}})
	all = w.was(told.Query{All: true})
	assert.True(t, all[0].Told, "by what stands in for the digest of what stands in for it")
	assert.True(t, all[0].Alerts[0].Delivered())
	assert.Len(t, all[0].Alerts, 3)

	w.alert(store.Delivery{State: store.DeliveryWaiting, Owner: owner("on_failure")})
	assert.True(t, w.was(told.Query{})[0].Open())
}

// Who may see the DAG alone learns whether somebody was told, and nothing else of messages and silences that are of others too.
func TestWhoIsLimitedIsToldTheTruth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("one", 0, 0, 1)
	owner := store.Owner{Event: "on_failure", RunID: "one"}
	of := map[string]int64{}
	w.write(func(ctx context.Context, tx store.Tx) error {
		for name, dags := range map[string][]string{"of several": {"d*"}, "of this one": {"daily"}} {
			s := &store.Silence{Kind: store.SilenceSnooze, DAGs: dags, Since: three, Until: three.Add(2 * time.Hour), Reason: "secret plans", MadeBy: store.Actor{Name: "ann"}}
			if _, err := tx.InsertSilence(ctx, s); err != nil {
				return err
			}
			of[name] = s.ID
		}
		return nil
	})
	digest := w.alert(store.Delivery{State: store.DeliveryDelivered, Summary: "secret plans", Receipt: "secret plans", Owner: store.Owner{Event: "digest"}})
	w.alert(store.Delivery{State: store.DeliveryFolded, Summary: "one", DigestID: digest, Owner: owner})
	w.alert(store.Delivery{State: store.DeliverySilenced, Summary: "two", SilenceID: of["of several"], Owner: owner})
	w.alert(store.Delivery{State: store.DeliverySilenced, Summary: "three", SilenceID: of["of this one"], Owner: owner})
	for _, visible := range [][]string{nil, {"daily"}} {
		w.visible = visible
		all := w.was(told.Query{})
		require.Len(t, all, 1)
		assert.True(t, all[0].Told)
		assert.True(t, all[0].Open())
		require.Len(t, all[0].Alerts, 3)
		x := all[0].Alerts
		require.NotNil(t, x[0].Digest)
		assert.Equal(t, digest, x[0].Digest.ID)
		assert.True(t, x[0].Delivered())
		assert.Equal(t, []string{"one", "two", "three"}, []string{x[0].Summary, x[1].Summary, x[2].Summary})
		require.NotNil(t, x[1].Silence)
		require.NotNil(t, x[2].Silence)
		assert.Equal(t, of["of several"], x[1].Silence.ID)
		assert.Equal(t, three.Add(2*time.Hour), x[1].Silence.Until)
		assert.Equal(t, "DAG daily", x[2].Silence.What)
		shown, err := json.Marshal([]any{x[0], x[1]})
		require.NoError(t, err)
		if visible == nil {
			assert.Contains(t, string(shown), "secret plans")
			assert.Contains(t, string(shown), "d*")
		} else {
			assert.NotContains(t, string(shown), "secret plans")
			assert.NotContains(t, string(shown), "d*")
		}
	}
}
