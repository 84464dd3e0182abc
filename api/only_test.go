package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// limited is the same world for who may see some DAGs alone.
func (w *world) limited(dagIDs ...string) *api.API {
	o := w.options
	o.Visible = func(context.Context) ([]string, error) { return dagIDs, nil }
	return api.New(o)
}

// Who is limited to some DAGs finds what is of them in lists, and by its number; anything else is not there, just as what never was.
func TestWhoIsLimitedSeesTheirOwn(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	mine, theirs, digest := sample(store.DeliveryRefused), sample(store.DeliveryRefused), sample(store.DeliveryDelivered)
	theirs.Owner.DAGID, digest.Owner = "hourly", store.Owner{Event: "folded", MapIndex: -1}
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{mine, theirs, digest})
	})
	standIn := sample(store.DeliveryWaiting)
	standIn.Owner.DAGID, standIn.StandsInFor = "hourly", mine.ID
	silences := map[string]*store.Silence{"own": {DAGs: []string{"daily"}}, "other": {DAGs: []string{"hourly"}}, "pattern": {DAGs: []string{"da*"}}, "robot": {Robots: []string{"ops"}}, "two": {DAGs: []string{"daily", "hourly"}}}
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, s := range silences {
			s.Kind, s.Since, s.Until = store.SilenceSnooze, now.Add(-time.Minute), now.Add(time.Hour)
			if _, err := tx.InsertSilence(ctx, s); err != nil {
				return err
			}
		}
		return tx.InsertDeliveries(ctx, []*store.Delivery{standIn})
	})
	backfills := map[string]int64{}
	for _, id := range []string{"daily", "hourly"} {
		b, err := w.CreateBackfill(ctx, api.BackfillRequest{DAGID: id, From: now.Add(-48 * time.Hour), To: now.Add(-24 * time.Hour)})
		require.NoError(t, err)
		backfills[id] = b.ID
	}
	ask := w.limited("daily")

	as, err := ask.Alerts(ctx, api.AlertQuery{Page: api.Page{Count: true}})
	require.NoError(t, err)
	require.Len(t, as.Items, 1)
	assert.Equal(t, mine.ID, as.Items[0].ID)
	assert.Equal(t, 1, as.Total)
	as, err = ask.Alerts(ctx, api.AlertQuery{DAGIDs: []string{"hourly"}})
	require.NoError(t, err)
	assert.Empty(t, as.Items)
	_, err = ask.Alert(ctx, 99)
	require.ErrorIs(t, err, api.ErrNotFound)
	for _, id := range []int64{theirs.ID, digest.ID} {
		got := map[string]error{}
		_, got["look"] = ask.Alert(ctx, id)
		_, got["details"] = ask.AlertDetails(ctx, id)
		_, got["decide"] = ask.DecideAlert(ctx, id, api.RetryAlert)
		_, got["ack"] = ask.AckAlerts(ctx, api.AlertQuery{IDs: []int64{id}}, "")
		for what, err := range got {
			require.ErrorIs(t, err, api.ErrNotFound, what)
		}
	}
	n, err := ask.AckAlerts(ctx, api.AlertQuery{DAGID: "hourly"}, "")
	require.NoError(t, err)
	assert.Zero(t, n)
	details, err := ask.AlertDetails(ctx, mine.ID)
	require.NoError(t, err)
	assert.Empty(t, details.ReplacedBy, "it is of another DAG")
	problems, err := ask.CheckAlerts(ctx, now.Add(-24*time.Hour))
	require.NoError(t, err)
	for _, p := range problems {
		assert.Equal(t, "daily", p.DAGID)
	}

	ss, err := ask.Silences(ctx, false, 1)
	require.NoError(t, err)
	require.Len(t, ss, 1, "the limit counts their own")
	assert.Equal(t, silences["own"].ID, ss[0].ID)
	for name, s := range silences {
		_, err := ask.Silence(ctx, s.ID)
		assert.Equal(t, name != "own", errors.Is(err, api.ErrNotFound), name)
	}
	_, err = ask.Unsnooze(ctx, "ops")
	require.ErrorIs(t, err, api.ErrNotFound)
	assert.NotContains(t, err.Error(), "hourly", "nor does it say what else is silent")
	_, err = ask.Unsnooze(ctx, "hourly")
	require.ErrorIs(t, err, api.ErrNotFound)
	ended, err := ask.Unsnooze(ctx, "daily")
	require.NoError(t, err)
	assert.Len(t, ended, 1)

	bs, err := ask.Backfills(ctx, api.BackfillQuery{Page: api.Page{Limit: 1, Count: true}})
	require.NoError(t, err)
	require.Len(t, bs.Items, 1)
	assert.Equal(t, backfills["daily"], bs.Items[0].ID)
	assert.Equal(t, 1, bs.Total)
	_, err = ask.SetBackfill(ctx, backfills["hourly"], store.BackfillPaused)
	require.ErrorIs(t, err, api.ErrNotFound)
	b, err := w.Backfill(ctx, backfills["hourly"])
	require.NoError(t, err)
	assert.Equal(t, store.BackfillRunning, b.State, "it was left alone")
	_, err = ask.SetBackfill(ctx, backfills["daily"], store.BackfillPaused)
	require.NoError(t, err)

	for _, id := range []string{"daily", "hourly"} {
		w.write(func(ctx context.Context, tx store.Tx) error {
			_, err := tx.InsertRun(ctx, &store.Run{DAGID: id, RunID: "r", Type: dag.ManualRun, State: dag.RunQueued, RunAfter: now})
			return err
		})
	}
	rs, err := ask.Runs(ctx, api.RunQuery{Page: api.Page{Limit: 9, Count: true}})
	require.NoError(t, err)
	require.Len(t, rs.Items, 1)
	assert.Equal(t, "daily", rs.Items[0].DAGID)
	assert.Equal(t, 1, rs.Total)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertEvents(ctx, &store.Event{At: now, Kind: store.EventTrigger, DAGID: "daily", MapIndex: -1}, &store.Event{At: now, Kind: store.EventTrigger, DAGID: "hourly", MapIndex: -1}, &store.Event{At: now, Kind: store.EventUserCreate, MapIndex: -1})
	})
	es, err := ask.Events(ctx, api.EventQuery{Events: []store.EventKind{store.EventTrigger, store.EventUserCreate}, Page: api.Page{Count: true}})
	require.NoError(t, err)
	require.Len(t, es.Items, 1)
	assert.Equal(t, "daily", es.Items[0].DAGID)
	assert.Equal(t, 1, es.Total)
	ds, _, err := ask.DAGs(ctx, api.DAGQuery{Page: api.Page{Count: true}})
	require.NoError(t, err)
	require.Len(t, ds.Items, 1)
	assert.Equal(t, 1, ds.Total)
}

// Which connections there are is not told to who is limited to some DAGs, by whatever name they ask for one.
func TestWhoIsLimitedLearnsNoConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.ConnIDs = func(context.Context) ([]string, error) {
		return []string{"reports"}, errors.New("payroll cannot be opened")
	}
	ask := w.limited("daily")
	for _, robot := range []string{"reports", "report", "nosuch"} {
		s, err := ask.Snooze(t.Context(), api.Snooze{DAGID: "daily", Robot: robot, Until: now.Add(time.Hour)})
		require.NoError(t, err, robot)
		assert.Equal(t, []string{`whether there is a connection "` + robot + `" is not told to who is limited to some DAGs`}, s.Warnings)
		_, err = ask.Alerts(t.Context(), api.AlertQuery{Robot: robot})
		require.NoError(t, err, robot)
	}
}

// Nobody sees anything because it cannot be told what they may see, nor where that is nothing.
func TestWhoMaySeeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.alert(store.DeliveryRefused)
	o := w.options
	o.Visible = func(context.Context) ([]string, error) { return nil, errors.New("the disk is gone") }
	broken := api.New(o)
	_, err := broken.Alert(t.Context(), a.ID)
	require.ErrorContains(t, err, "the disk is gone")
	_, err = broken.Alerts(t.Context(), api.AlertQuery{})
	require.ErrorContains(t, err, "the disk is gone")
	as, err := w.limited().Alerts(t.Context(), api.AlertQuery{})
	require.NoError(t, err)
	assert.Len(t, as.Items, 1, "nil stands for every DAG")
	o.Visible = func(context.Context) ([]string, error) { return []string{}, nil }
	as, err = api.New(o).Alerts(t.Context(), api.AlertQuery{})
	require.NoError(t, err)
	assert.Empty(t, as.Items)
}

// What was done to users and secrets is for who may configure, whatever others ask for.
func TestEventsOfAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertEvents(ctx, &store.Event{At: now, Kind: store.EventUserCreate, MapIndex: -1}, &store.Event{At: now, Kind: store.EventTrigger, DAGID: "daily", MapIndex: -1})
	})
	o := w.options
	o.Unseen = store.EventsOfAdmins()
	for name, c := range map[string]struct {
		kinds []store.EventKind
		want  int
	}{"all": {nil, 1}, "both": {[]store.EventKind{store.EventUserCreate, store.EventTrigger}, 1}, "those alone": {[]store.EventKind{store.EventUserCreate}, 0}} {
		es, err := api.New(o).Events(t.Context(), api.EventQuery{Events: c.kinds})
		require.NoError(t, err, name)
		assert.Len(t, es.Items, c.want, name)
	}
	es, err := w.Events(t.Context(), api.EventQuery{})
	require.NoError(t, err)
	assert.Len(t, es.Items, 2)
}
