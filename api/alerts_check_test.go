package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/store"
)

func TestCheckAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.CheckAlerts(t.Context(), now.Add(-24*time.Hour))
	require.NoError(t, err)
	assert.Empty(t, got)
	w.alert(store.DeliveryRefused)
	told := w.alert(store.DeliveryRefused)
	standIn := w.alert(store.DeliveryRefused)
	last := w.alert(store.DeliveryDelivered)
	w.alert(store.DeliveryUncertain)
	w.alert(store.DeliveryWaiting)
	w.alert(store.DeliveryDelivered)
	standIn.ID, standIn.StandsInFor, last.ID, last.StandsInFor = 0, told.ID, 0, 0
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{standIn})
	})
	last.StandsInFor = standIn.ID
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{last}) })
	got, err = w.CheckAlerts(t.Context(), now.Add(-24*time.Hour))
	require.NoError(t, err)
	var lines []string
	for _, p := range got {
		lines = append(lines, p.Line())
	}
	assert.Equal(t, []string{
		"alert 1 (*** failed) was refused, and nothing arrived in its place: *** is wrong",
		"alert 3 (*** failed) was refused, and nothing arrived in its place: *** is wrong",
		"alert 5 (*** failed) may not have arrived: *** is wrong",
		"alert 6 (*** failed) has waited for 1h: *** is wrong",
	}, lines)
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.AckDeliveries(ctx, store.DeliveryFilter{IDs: []int64{1, 5, 6}}, store.Ack{At: now, By: "ann"})
		return err
	})
	got, err = w.CheckAlerts(t.Context(), now.Add(-24*time.Hour))
	require.NoError(t, err)
	require.Len(t, got, 2, "somebody has seen the others")
	assert.Equal(t, []int64{3, 6}, []int64{got[0].ID, got[1].ID}, "what waits was not told")
	got, err = w.CheckAlerts(t.Context(), now.Add(-time.Minute))
	require.NoError(t, err)
	require.Len(t, got, 1, "what waits is found, however old it is")
	assert.Equal(t, int64(6), got[0].ID)
}

// counted is a store that counts how often the log of alerts is read.
type counted struct {
	store.Store

	reads int
}

func (c *counted) DeliveryLog(ctx context.Context, f store.DeliveryFilter) ([]*store.Delivery, error) {
	c.reads++
	return c.Store.DeliveryLog(ctx, f)
}

// However many alerts were refused, the store is read as often as the longest chain of stand-ins has members.
func TestManyAlertsAreCheckedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	insert := func(state store.DeliveryState, standsInFor int64) int64 {
		d := *sample(state)
		d.StandsInFor = standsInFor
		w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{&d}) })
		return d.ID
	}
	var untold []int64
	for i := range 40 {
		first := insert(store.DeliveryRefused, 0)
		second := insert(store.DeliveryRefused, first)
		switch i % 4 {
		case 0:
			untold = append(untold, first)
		case 1:
			insert(store.DeliveryDelivered, insert(store.DeliveryRefused, second))
		case 2: // of two that stand in for it one arrives
			insert(store.DeliveryRefused, second)
			insert(store.DeliveryDelivered, second)
		case 3:
			insert(store.DeliveryRefused, insert(store.DeliveryRefused, second))
			untold = append(untold, first)
		}
	}
	c := &counted{Store: w.store}
	w.options.Store = c
	got, err := api.New(w.options).CheckAlerts(t.Context(), now.Add(-24*time.Hour))
	require.NoError(t, err)
	var found []int64
	for _, p := range got {
		found = append(found, p.ID)
	}
	assert.Equal(t, untold, found)
	assert.Equal(t, 2+4, c.reads, "those that failed, those that wait, and each generation of stand-ins")
}

// A decision about all that match is not one about what was told already, or is over.
func TestUndecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var n int64
	add := func(state store.DeliveryState, standsInFor int64) {
		n++
		d := *sample(state)
		d.StandsInFor = standsInFor
		w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{&d}) })
		require.Equal(t, n, d.ID)
	}
	add(store.DeliveryRefused, 0)   // 1: nobody was told
	add(store.DeliveryRefused, 1)   // 2: stands in for it
	add(store.DeliveryRefused, 0)   // 3: told by 5
	add(store.DeliveryRefused, 3)   // 4: the same
	add(store.DeliveryDelivered, 4) // 5
	add(store.DeliveryFolded, 0)    // 6
	add(store.DeliveryUncertain, 0) // 7
	add(store.DeliverySilenced, 0)  // 8
	add(store.DeliveryWaiting, 0)   // 9
	ids := func(as []api.Alert) (out []int64) {
		for _, x := range as {
			out = append(out, x.ID)
		}
		return out
	}
	got, err := w.Undecided(t.Context(), api.AlertQuery{DAGID: "daily"}, api.RetryAlert)
	require.NoError(t, err)
	assert.Equal(t, []int64{1, 7, 8}, ids(got.Open))
	assert.Equal(t, []int64{2}, ids(got.StandIns), "it told nobody")
	assert.Equal(t, []int64{3, 4}, ids(got.Told))
	assert.Equal(t, []int64{5, 6, 9}, ids(got.Closed))
	got, err = w.Undecided(t.Context(), api.AlertQuery{IDs: []int64{2, 4}}, api.RetryAlert)
	require.NoError(t, err)
	assert.Equal(t, []int64{2}, ids(got.Open), "what it stands in for is not to be sent again")
	assert.Equal(t, []int64{4}, ids(got.Told))
	got, err = w.Undecided(t.Context(), api.AlertQuery{DAGID: "daily"}, api.DropAlert)
	require.NoError(t, err)
	assert.Equal(t, []int64{7, 9}, ids(got.Open))
	assert.Empty(t, got.Told)
}
