package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

// queue adds waiting messages to a channel.
func queue(t *testing.T, s store.Store, channel string, n int) []*store.Delivery {
	t.Helper()
	ds := make([]*store.Delivery, n)
	for i := range ds {
		ds[i] = &store.Delivery{
			State: store.DeliveryWaiting, Channel: channel, Sender: "s", Payload: json.RawMessage(`1`), EventData: json.RawMessage(`{"kind":"on_failure"}`),
			CreatedAt: midnight, UpdatedAt: midnight,
		}
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, ds) })
	return ds
}

func update(t *testing.T, s store.Store, d *store.Delivery) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateDelivery(ctx, d) })
}

// claim makes a message that of a process, which is to be sending it then.
func claim(t *testing.T, s store.Store, d *store.Delivery) (ok bool) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		ok, err = tx.ClaimDelivery(ctx, d)
		return err
	})
	return ok
}

// next is the id of the next message, and when to look again.
func next(t *testing.T, s store.Store, channel string, now time.Time, fewest bool) (int64, time.Time) {
	t.Helper()
	d, at, err := s.NextDelivery(t.Context(), channel, now, fewest)
	require.NoError(t, err)
	if d == nil {
		return 0, at
	}
	return d.ID, at
}

// A message that somebody is sending, or that has moved on, is nobody else's.
func outboxIsClaimed(t *testing.T, open Open) {
	t.Helper()
	s, other := open(t, Node{Name: "one"}), open(t, Node{Name: "other"})
	d := queue(t, s, "c", 2)[0]
	read, late := *d, *d
	assert.True(t, claim(t, s, &read))
	assert.Equal(t, store.DeliverySending, read.State)
	assert.Equal(t, "one", read.Node)
	assert.False(t, claim(t, other, &late), "it is being sent")
	late.Attempts = 1
	assert.False(t, claim(t, other, &late), "it is still being sent")
	sending, err := s.SendingDeliveries(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*store.Delivery{&read}, sending)

	again := read
	again.State = store.DeliveryWaiting
	update(t, s, &again)
	assert.False(t, claim(t, s, d), "there was a try since it was read")
	assert.True(t, claim(t, other, &again))
	assert.Equal(t, "other", again.Node)

	settle := func(d store.Delivery) error {
		d.State = store.DeliveryDelivered
		return s.Tx(t.Context(), func(tx store.Tx) error { return tx.UpdateDelivery(t.Context(), &d) })
	}
	require.ErrorIs(t, settle(read), store.ErrLostLease, "another process has it")
	read.Attempts = 2
	require.ErrorIs(t, settle(read), store.ErrLostLease, "another process has it")
	require.NoError(t, settle(again))
	require.ErrorIs(t, settle(again), store.ErrLostLease, "what became of it is known")
}

// A channel sends one message at a time, in order, and none while one holds it.
func outboxNext(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	none, err := s.OpenChannels(t.Context())
	require.NoError(t, err)
	assert.Empty(t, none)
	ds, other := queue(t, s, "c", 3), queue(t, s, "other", 1)[0]
	channels, err := s.OpenChannels(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"c", "other"}, channels)

	id, _ := next(t, s, "c", midnight, false)
	assert.Equal(t, ds[0].ID, id)
	require.True(t, claim(t, s, ds[0]))
	id, at := next(t, s, "c", midnight, false)
	assert.Zero(t, id, "one is being sent")
	assert.Zero(t, at)
	id, _ = next(t, s, "other", midnight, false)
	assert.Equal(t, other.ID, id, "that is another channel")

	// One that failed for itself steps aside until its next try.
	ds[0].State, ds[0].NextTry = store.DeliveryWaiting, midnight.Add(time.Minute)
	update(t, s, ds[0])
	id, _ = next(t, s, "c", midnight, false)
	assert.Equal(t, ds[1].ID, id)
	id, _ = next(t, s, "c", midnight.Add(time.Minute), false)
	assert.Equal(t, ds[0].ID, id, "its time has come, and it is the first")
	id, _ = next(t, s, "c", midnight.Add(time.Minute), true)
	assert.Equal(t, ds[1].ID, id, "it was tried more often")

	// One that holds the channel holds all of it.
	ds[0].Hold = store.HoldOutage
	update(t, s, ds[0])
	id, at = next(t, s, "c", midnight, false)
	assert.Zero(t, id)
	assert.Equal(t, midnight.Add(time.Minute), at)

	// When all wait for themselves, the first of them says when to look again.
	ds[0].Hold = store.HoldNone
	for i, d := range ds {
		d.NextTry = midnight.Add(time.Duration(3-i) * time.Minute)
		update(t, s, d)
	}
	id, at = next(t, s, "c", midnight, false)
	assert.Zero(t, id)
	assert.Equal(t, midnight.Add(time.Minute), at)
}

func outboxReleases(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	ds, other := queue(t, s, "c", 4), queue(t, s, "other", 1)[0]
	later := midnight.Add(time.Hour)
	for i, h := range []store.Hold{store.HoldNone, store.HoldOutage, store.HoldThrottled, store.HoldOutage} {
		ds[i].NextTry, ds[i].Hold = later, h
		update(t, s, ds[i])
	}
	other.NextTry, other.Hold = later, store.HoldOutage
	update(t, s, other)
	waits := func() (ids []int64) {
		all, err := s.Deliveries(t.Context(), nil, 0)
		require.NoError(t, err)
		for _, d := range all {
			if !d.NextTry.IsZero() {
				ids = append(ids, d.ID)
			} else {
				assert.Equal(t, store.HoldNone, d.Hold)
			}
		}
		return ids
	}
	release := func(channel string, except []int64, holds ...store.Hold) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.ReleaseDeliveries(ctx, channel, except, holds...)
		})
	}
	release("c", []int64{ds[3].ID}, store.HoldOutage)
	assert.Equal(t, []int64{ds[0].ID, ds[2].ID, ds[3].ID, other.ID}, waits())
	release("", nil, store.HoldNone, store.HoldOutage)
	assert.Equal(t, []int64{ds[2].ID}, waits())
	release("c", nil, store.HoldThrottled)
	assert.Empty(t, waits())
}

// What waits in a channel is read piece by piece, up to when it was written.
func outboxWaiting(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	ds := queue(t, s, "c", 5)
	queue(t, s, "other", 1)
	young := &store.Delivery{State: store.DeliveryWaiting, Channel: "c", Payload: json.RawMessage(`1`), CreatedAt: midnight.Add(time.Minute), UpdatedAt: midnight}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{young})
	})
	require.True(t, claim(t, s, ds[1]))
	ds[2].State = store.DeliveryRefused
	update(t, s, ds[2])
	waiting := func(written time.Time, after int64, limit int) (ids []int64) {
		found, err := s.WaitingDeliveries(t.Context(), "c", written, after, limit)
		require.NoError(t, err)
		for _, d := range found {
			ids = append(ids, d.ID)
		}
		return ids
	}
	assert.Equal(t, []int64{ds[0].ID, ds[3].ID, ds[4].ID}, waiting(midnight, 0, 9))
	assert.Equal(t, []int64{ds[0].ID, ds[3].ID}, waiting(midnight, 0, 2))
	assert.Equal(t, []int64{ds[4].ID, young.ID}, waiting(midnight.Add(time.Minute), ds[3].ID, 2))
	assert.Empty(t, waiting(midnight.Add(-time.Millisecond), 0, 9))
}

func outboxKeepsOrder(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	var want []*store.Delivery
	for i := range 4 {
		ds := make([]*store.Delivery, 2)
		for n := range ds {
			ds[n] = &store.Delivery{
				State: store.DeliveryWaiting, Channel: "dingding", Sender: "conn", Summary: fmt.Sprint("message ", i, n),
				Payload: json.RawMessage(`{"text": "ü"}`), Owner: store.Owner{Event: "failure", DAGID: "d", RunID: "r", TaskID: "t", MapIndex: 2, Try: 1},
				// A clock that is set back must not change the order.
				CreatedAt: midnight.Add(-time.Duration(i) * time.Hour), UpdatedAt: midnight,
			}
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, ds) })
		want = append(want, ds...)
	}
	got, err := s.Deliveries(t.Context(), nil, 0)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	sent := want[1]
	claim(t, s, sent)
	sent.State, sent.Receipt, sent.Error = store.DeliveryDelivered, "ok", "busy"
	sent.NextTry, sent.UpdatedAt = midnight.Add(time.Second), midnight.Add(time.Minute)
	want[2].State = store.DeliverySending
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.UpdateDelivery(ctx, want[2]); err != nil {
			return err
		}
		return tx.UpdateDelivery(ctx, sent)
	})
	got, err = s.Deliveries(t.Context(), nil, 0)
	require.NoError(t, err)
	assert.Equal(t, want, got, "an update keeps the place and the payload")
	got, err = s.Deliveries(t.Context(), []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}, 3)
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{want[0], want[2], want[3]}, got)
}
