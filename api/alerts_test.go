package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/store"
)

// sample is a message in a state.
func sample(state store.DeliveryState) *store.Delivery {
	return &store.Delivery{
		State: state, Channel: "dingding:ops", Sender: "dingding", Summary: "hush-hush failed", Payload: json.RawMessage(`{}`),
		Owner:    store.Owner{Event: "on_failure_callback", DAGID: "daily", RunID: "r", TaskID: "first", MapIndex: -1, Try: 2},
		Attempts: 1, CreatedAt: now.Add(-time.Hour), UpdatedAt: now.Add(-time.Minute), Error: "hush-hush is wrong",
	}
}

// alert stores a message in a state.
func (w *world) alert(state store.DeliveryState) *store.Delivery {
	w.t.Helper()
	d := sample(state)
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{d}) })
	return d
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, s := range api.AlertStates() {
		w.alert(s)
	}
	all, err := w.Alerts(t.Context(), api.AlertQuery{DAGID: "daily", RunID: "r", TaskID: "first", Channel: "dingding:ops", Since: now.Add(-time.Hour)})
	require.NoError(t, err)
	require.Len(t, all.Items, 7)
	assert.Equal(t, api.Alert{
		ID: 5, State: store.DeliveryUncertain, Channel: "dingding:ops", Summary: "*** failed", Event: "on_failure_callback", DAGID: "daily", RunID: "r",
		TaskID: "first", MapIndex: -1, TryNumber: 2, Attempts: 1, CreatedAt: now.Add(-time.Hour), UpdatedAt: now.Add(-time.Minute), Error: "*** is wrong",
		Decisions: []api.AlertDecision{api.RetryAlert, api.DropAlert},
	}, all.Items[2], "newest first, without secrets")
	some, err := w.Alerts(t.Context(), api.AlertQuery{States: []store.DeliveryState{store.DeliveryRefused}, Page: api.Page{Limit: 1, Count: true}})
	require.NoError(t, err)
	assert.Equal(t, 1, some.Total)
	assert.Equal(t, int64(4), some.Items[0].ID)
	_, err = w.Alerts(t.Context(), api.AlertQuery{States: []store.DeliveryState{"lost"}})
	assert.Equal(t, "state", field(t, err))
	_, err = w.Alerts(t.Context(), api.AlertQuery{DAGID: "nobody"})
	require.Error(t, err)
	_, err = w.Alert(t.Context(), 99)
	require.ErrorIs(t, err, api.ErrNotFound)
}

// New messages between two pages neither repeat one nor hide one.
func TestPagesOfAlertsAreStable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		w.alert(store.DeliveryRefused)
	}
	var got []int64
	q := api.AlertQuery{States: []store.DeliveryState{store.DeliveryRefused}, Page: api.Page{Limit: 2}}
	for {
		as, err := w.Alerts(t.Context(), q)
		require.NoError(t, err)
		for _, a := range as.Items {
			got = append(got, a.ID)
		}
		if q.Cursor = as.Next; q.Cursor == "" {
			break
		}
		w.alert(store.DeliveryRefused)
	}
	assert.Equal(t, []int64{5, 4, 3, 2, 1}, got)
}

func TestDecideAlert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		from store.DeliveryState
		what api.AlertDecision
		to   store.DeliveryState // empty when it may not be decided
		text string
	}{
		{store.DeliveryRefused, api.RetryAlert, store.DeliveryWaiting, "*** is wrong"},
		{store.DeliveryUncertain, api.RetryAlert, store.DeliveryWaiting, "*** is wrong"},
		{store.DeliveryUncertain, api.DropAlert, store.DeliveryRefused, "dropped by ann (rest_api); before: *** is wrong"},
		{store.DeliveryWaiting, api.DropAlert, store.DeliveryRefused, "dropped by ann (rest_api); before: *** is wrong"},
		{store.DeliverySilenced, api.RetryAlert, store.DeliveryWaiting, "*** is wrong"},
		{store.DeliveryFolded, api.RetryAlert, "", "is told by alert 0: decide about that one"},
		{store.DeliveryWaiting, api.RetryAlert, "", "is waiting and cannot be sent again: use drop"},
		{store.DeliveryRefused, api.DropAlert, "", "is refused and cannot be dropped: use retry"},
		{store.DeliverySending, api.DropAlert, "", "is sending: there is nothing to decide about it"},
		{store.DeliveryDelivered, api.RetryAlert, "", "is delivered: there is nothing to decide about it"},
	} {
		d := w.alert(c.from)
		got, err := w.as(ann).DecideAlert(t.Context(), d.ID, c.what)
		if c.to == "" {
			require.ErrorContains(t, err, c.text)
			got, err = w.Alert(t.Context(), d.ID)
			require.NoError(t, err)
			assert.Equal(t, c.from, got.State)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.to, got.State)
		assert.Equal(t, c.text, got.Error)
		assert.Equal(t, now, got.UpdatedAt)
	}
	_, err := w.DecideAlert(t.Context(), 99, api.RetryAlert)
	require.ErrorIs(t, err, api.ErrNotFound)
	_, err = w.DecideAlert(t.Context(), 1, "frame")
	assert.Equal(t, "decision", field(t, err))
	assert.Equal(t, []string{
		"ann alert_retry daily/r/first", "ann alert_retry daily/r/first", "ann alert_drop daily/r/first", "ann alert_drop daily/r/first",
		"ann alert_retry daily/r/first",
	}, w.did())
}

// Whoever has seen messages is kept with what he said, and the first one is.
func TestAckAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.alert(store.DeliveryDelivered), w.alert(store.DeliveryRefused)
	n, err := w.as(ann).AckAlerts(t.Context(), api.AlertQuery{IDs: []int64{first.ID}}, "hush-hush is down")
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	n, err = w.as(store.Actor{Name: "bob", Via: store.ViaCLI}).AckAlerts(t.Context(), api.AlertQuery{DAGID: "daily", RunID: "r"}, "")
	require.NoError(t, err)
	assert.Equal(t, 1, n, "the other one is seen")
	n, err = w.as(ann).AckAlerts(t.Context(), api.AlertQuery{DAGID: "daily"}, "")
	require.NoError(t, err)
	assert.Zero(t, n)
	got, err := w.Alert(t.Context(), first.ID)
	require.NoError(t, err)
	assert.Equal(t, []any{now, "ann", "*** is down"}, []any{*got.AckedAt, got.AckedBy, got.AckedNote})
	got, err = w.Alert(t.Context(), second.ID)
	require.NoError(t, err)
	assert.Equal(t, "bob", got.AckedBy)
	left, err := w.Alerts(t.Context(), api.AlertQuery{Unacked: true})
	require.NoError(t, err)
	assert.Empty(t, left.Items)
	_, err = w.AckAlerts(t.Context(), api.AlertQuery{IDs: []int64{99}}, "")
	require.ErrorIs(t, err, api.ErrNotFound)
	_, err = w.AckAlerts(t.Context(), api.AlertQuery{TaskID: "first"}, "")
	require.ErrorContains(t, err, "which alerts were seen?")
	assert.Len(t, w.did(), 2, "what changed nothing is no event")
}

// A robot that is named must be there, or have been: a mistyped one is no empty list.
func TestAlertsOfARobotThatIsNotThere(t *testing.T) {
	t.Parallel()
	var unread error
	w := newWorld(t)
	o := w.options
	o.ConnIDs = func(context.Context) ([]string, error) { return []string{"reports"}, unread }
	ask := api.New(o)
	w.alert(store.DeliveryDelivered) // to ops, whose connection is gone
	of := func(robot string) (int, error) {
		got, err := ask.Alerts(t.Context(), api.AlertQuery{Robot: robot})
		return len(got.Items), err
	}
	for robot, want := range map[string]int{"ops": 1, "reports": 0} {
		n, err := of(robot)
		require.NoError(t, err, robot)
		assert.Equal(t, want, n, robot)
	}
	for robot, want := range map[string]string{
		"report": `no connection "report"; did you mean "reports"?`,
		"nosuch": `no connection "nosuch" is known here, and no alert was ever sent through it`,
	} {
		_, err := of(robot)
		require.EqualError(t, err, want)
		require.ErrorIs(t, err, api.ErrNotFound)
		_, err = ask.Undecided(t.Context(), api.AlertQuery{Robot: robot}, api.RetryAlert)
		require.ErrorIs(t, err, api.ErrNotFound)
	}
	_, err := ask.Alerts(t.Context(), api.AlertQuery{Robot: "ops", Channel: "email:a"})
	require.ErrorContains(t, err, "give one of them")
	unread = errors.New("no key")
	n, err := of("nosuch")
	require.NoError(t, err, "it may be among those that can't be read")
	assert.Zero(t, n)
}

// What a snooze names must be there; what can't be known is accepted with a warning.
func TestSnoozeOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	var unread error
	w := newWorld(t)
	o := w.options
	o.ConnIDs = func(context.Context) ([]string, error) { return []string{"reports"}, unread }
	ask := api.New(o)
	snooze := func(q api.Snooze) (string, error) {
		q.Until = now.Add(time.Hour)
		s, err := ask.Snooze(t.Context(), q)
		return strings.Join(s.Warnings, "\n"), err
	}
	_, err := snooze(api.Snooze{Robot: "report"})
	require.EqualError(t, err, `no connection "report"; did you mean "reports"?`)
	require.ErrorIs(t, err, api.ErrNotFound)
	w.alert(store.DeliveryDelivered)
	for robot, want := range map[string]string{
		"reports": "", "ops": "",
		"elsewhere": `no connection "elsewhere" is known here, and no alert was ever sent through it: it has an effect only if the scheduler knows it`,
	} {
		warning, err := snooze(api.Snooze{Robot: robot})
		require.NoError(t, err)
		assert.Equal(t, want, warning)
	}
	unread = errors.New("hush-hush is no key")
	warning, err := snooze(api.Snooze{Robot: "report"})
	require.NoError(t, err)
	assert.Equal(t, `it is not known whether there is a connection "report": *** is no key`, warning)
	_, err = snooze(api.Snooze{DAGID: "daily", TaskID: "fist"})
	require.EqualError(t, err, `dag "daily" has no task "fist"; did you mean "first"?`)
	warning, err = snooze(api.Snooze{DAGID: "weak*"})
	require.NoError(t, err)
	assert.Equal(t, `no DAG matches "weak*" now`, warning)
}

// A name ends every snooze that has it, --all only those of all alerts.
func TestUnsnooze(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, q := range []api.Snooze{{DAGID: "daily"}, {DAGID: "daily", Robot: "ops"}, {Robot: "ops"}, {All: true}, {DAGID: "daily", TaskID: "first"}} {
		q.Until = now.Add(time.Hour)
		_, err := w.Snooze(t.Context(), q)
		require.NoError(t, err)
	}
	whats := func(ss []api.Silence, err error) (out []string) {
		require.NoError(t, err)
		for _, s := range ss {
			out = append(out, s.What)
		}
		return out
	}
	assert.Equal(t, []string{"DAG daily to robot ops", "robot ops"}, whats(w.Unsnooze(t.Context(), "ops")))
	assert.Equal(t, []string{"all alerts"}, whats(w.UnsnoozeAll(t.Context())))
	_, err := w.UnsnoozeAll(t.Context())
	require.EqualError(t, err, "no snooze of all alerts: there is snooze 5 (task daily.first), snooze 1 (DAG daily)")
	assert.Equal(t, []string{"DAG daily", "task daily.first"}, whats(w.Unsnooze(t.Context(), "daily")))
	_, err = w.Unsnooze(t.Context(), "daily")
	require.EqualError(t, err, `no snooze of "daily": nothing is snoozed`)
	require.ErrorIs(t, err, api.ErrNotFound)
}
