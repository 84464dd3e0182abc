package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
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
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateDelivery(ctx, d, store.DeliveryWaiting, store.DeliverySending)
	})
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
	if fewest {
		d, at, err := s.LeastTriedDelivery(t.Context(), channel, now)
		require.NoError(t, err)
		if d == nil {
			return 0, at
		}
		return d.ID, at
	}
	heads, at, err := s.DeliveryLine(t.Context(), channel, now)
	require.NoError(t, err)
	if len(heads) == 0 {
		return 0, at
	}
	return heads[0].ID, at
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

	settleFrom := func(d store.Delivery, from ...store.DeliveryState) error {
		d.State = store.DeliveryDelivered
		return s.Tx(t.Context(), func(tx store.Tx) error { return tx.UpdateDelivery(t.Context(), &d, from...) })
	}
	settle := func(d store.Delivery) error { return settleFrom(d, store.DeliveryUncertain, store.DeliverySending) }
	require.ErrorIs(t, settle(read), store.ErrLostLease, "another process has it")
	read.Attempts = 2
	require.ErrorIs(t, settle(read), store.ErrLostLease, "another process has it")
	require.ErrorIs(t, settleFrom(again, store.DeliveryWaiting), store.ErrLostLease, "it does not wait")
	require.ErrorIs(t, settleFrom(again), store.ErrLostLease, "no state is named")
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

// What waits for a moment of a clock that was set back waits for its pause, and no longer.
func outboxRestartsPauses(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	ds := queue(t, s, "c", 5)
	now := midnight.Add(-3 * time.Hour)
	for _, d := range ds[:3] {
		d.NextTry, d.Hold = midnight.Add(time.Minute), store.HoldOutage
	}
	ds[1].UpdatedAt = now                                        // by the clock as it is now
	ds[2].State, ds[2].NextTry = store.DeliveryRefused, midnight // waits for nothing
	for _, d := range ds[:3] {
		update(t, s, d)
	}
	require.True(t, claim(t, s, ds[4]))
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.RestartPauses(ctx, now) })
	ds[0].NextTry, ds[0].UpdatedAt = now.Add(time.Minute), now
	got, err := s.Deliveries(t.Context(), nil, 0)
	require.NoError(t, err)
	assert.Equal(t, ds, got)
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
		if err := tx.UpdateDelivery(ctx, want[2], store.DeliveryWaiting); err != nil {
			return err
		}
		return tx.UpdateDelivery(ctx, sent, store.DeliverySending)
	})
	got, err = s.Deliveries(t.Context(), nil, 0)
	require.NoError(t, err)
	assert.Equal(t, want, got, "an update keeps the place and the payload")
	got, err = s.Deliveries(t.Context(), []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}, 3)
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{want[0], want[2], want[3]}, got)
}

// The line has the first message of each DAG and priority, most urgent first.
func outboxLine(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	ds := queue(t, s, "c", 0)
	for _, m := range []struct {
		dag      string
		priority int
	}{{"e", 3}, {"d", 1}, {"e", 1}, {"d", 1}, {"d", 3}, {"", 1}, {"d", 0}} {
		ds = append(ds, &store.Delivery{
			State: store.DeliveryWaiting, Channel: "c", Payload: json.RawMessage(`1`), Owner: store.Owner{DAGID: m.dag}, Priority: m.priority,
			CreatedAt: midnight.Add(time.Duration(len(ds)) * time.Second), UpdatedAt: midnight,
		})
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, ds) })
	queue(t, s, "other", 1)
	line := func(now time.Time) (out []string) {
		heads, _, err := s.DeliveryLine(t.Context(), "c", now)
		require.NoError(t, err)
		for _, h := range heads {
			i := h.ID - ds[0].ID
			assert.Equal(t, ds[i].CreatedAt, h.CreatedAt)
			assert.Equal(t, []any{ds[i].Attempts, ds[i].Owner.Event}, []any{h.Attempts, h.Event})
			out = append(out, fmt.Sprint(i, " ", h.DAGID, " ", h.Priority))
		}
		return out
	}
	assert.Equal(t, []string{"6 d 0", "1 d 1", "2 e 1", "5  1", "0 e 3", "4 d 3"}, line(midnight))
	ds[1].NextTry = midnight.Add(time.Minute)
	require.True(t, claim(t, s, ds[1]))
	ds[1].State = store.DeliveryWaiting
	update(t, s, ds[1])
	assert.Equal(t, []string{"6 d 0", "2 e 1", "3 d 1", "5  1", "0 e 3", "4 d 3"}, line(midnight), "one that steps aside holds nobody")
	assert.Equal(t, "1 d 1", line(midnight.Add(time.Minute))[1], "its time has come")
}

// A digest tells what waits: all of a DAG, or what is old with the rest of its DAGs.
func outboxFolds(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	var ds []*store.Delivery
	add := func(dag string, second int, change func(d *store.Delivery)) {
		d := &store.Delivery{
			State: store.DeliveryWaiting, Channel: "c", Payload: json.RawMessage(`1`), EventData: json.RawMessage(`{}`), Priority: 1,
			Owner:     store.Owner{Event: "on_failure", DAGID: dag, RunID: "r", TaskID: fmt.Sprint("t", len(ds)), MapIndex: -1},
			CreatedAt: midnight.Add(time.Duration(second) * time.Second), UpdatedAt: midnight,
		}
		if change != nil {
			change(d)
		}
		ds = append(ds, d)
	}
	add("d", 0, nil)
	add("e", 30, nil)
	add("d", 40, func(d *store.Delivery) { d.Priority, d.Attempts, d.Error = 3, 1, "not taken" })
	add("d", 50, func(d *store.Delivery) { d.Priority = 0 })
	add("d", 50, func(d *store.Delivery) { d.Refusals = 1 })
	add("d", 50, func(d *store.Delivery) { d.Progress = "half" })
	add("d", 50, func(d *store.Delivery) { d.EventData = nil })
	add("d", 50, func(d *store.Delivery) { d.Owner.Event = "digest" })
	add("d", 50, func(d *store.Delivery) { d.NextTry, d.Hold = midnight.Add(time.Hour), store.HoldOutage })
	add("d", 50, func(d *store.Delivery) { d.State = store.DeliveryDelivered })
	add("d", 50, func(d *store.Delivery) { d.Channel = "other" })
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, ds) })
	digest := &store.Delivery{State: store.DeliveryWaiting, Channel: "c", Payload: json.RawMessage(`null`), Owner: store.Owner{Event: "digest", MapIndex: -1}, CreatedAt: midnight, UpdatedAt: midnight, Priority: 1}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{digest})
	})
	now := midnight.Add(time.Minute)
	count := func(f store.Fold, limit int) int {
		f.Channel, f.Now, f.Alone, f.Seen = "c", now, []string{"digest"}, cmp.Or(f.Seen, digest.ID)
		n, err := s.CountFoldable(t.Context(), f, limit)
		require.NoError(t, err)
		return n
	}
	assert.Equal(t, 2, count(store.Fold{DAGID: "d", Whole: true}, 9))
	assert.Equal(t, 1, count(store.Fold{DAGID: "d", Whole: true}, 1))
	assert.Equal(t, 1, count(store.Fold{DAGID: "d", Whole: true, First: 1}, 9))
	assert.Equal(t, 2, count(store.Fold{Old: midnight.Add(29 * time.Second)}, 9), "d is old, with all of it")
	assert.Equal(t, 3, count(store.Fold{Old: midnight.Add(30 * time.Second)}, 9))
	assert.Equal(t, 3, count(store.Fold{Old: midnight, DAGID: "e", Whole: true}, 9))
	assert.Zero(t, count(store.Fold{}, 9))
	assert.Equal(t, 1, count(store.Fold{DAGID: "d", Whole: true, Seen: 1}, 9), "the others may be silent")
	assert.Zero(t, count(store.Fold{Old: midnight.Add(-time.Second)}, 9))

	succeed(t, s, "d", "r", "t2")
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		n, err := tx.FoldDeliveries(ctx, store.Fold{Digest: digest.ID, Channel: "c", Now: now, DAGID: "d", Whole: true, Alone: []string{"digest", "other"}, Seen: digest.ID})
		assert.Equal(t, 2, n)
		if err != nil {
			return err
		}
		var got []string
		err = tx.FoldedDeliveries(ctx, digest.ID, func(d *store.Delivery, mended bool) error {
			assert.Equal(t, store.DeliveryFolded, d.State)
			assert.Equal(t, digest.ID, d.DigestID)
			assert.Equal(t, now, d.UpdatedAt)
			assert.Empty(t, d.Error, "it is told after all")
			got = append(got, fmt.Sprint(d.Owner.TaskID, " ", mended))
			return nil
		})
		assert.Equal(t, []string{"t0 false", "t2 true"}, got)
		digest.Summary, digest.Payload, digest.EventData, digest.Priority = "two", json.RawMessage(`"two"`), json.RawMessage(`{"kind":"digest"}`), 2
		return errors.Join(err, tx.RewriteDelivery(ctx, digest))
	})
	back, err := s.Delivery(t.Context(), digest.ID)
	require.NoError(t, err)
	assert.Equal(t, digest, back)
	require.True(t, claim(t, s, digest))
	err = s.Tx(t.Context(), func(tx store.Tx) error { return tx.RewriteDelivery(t.Context(), digest) })
	require.ErrorIs(t, err, store.ErrLostLease, "it is being sent")
	wrong := errors.New("enough")
	require.ErrorIs(t, s.Tx(t.Context(), func(tx store.Tx) error {
		return tx.FoldedDeliveries(t.Context(), digest.ID, func(*store.Delivery, bool) error { return wrong })
	}), wrong)
}

// succeed lets a task of a new run have succeeded.
func succeed(t *testing.T, s store.Store, dagID, runID, taskID string) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		r := newRun(dagID, runID, midnight)
		if _, err := tx.InsertRun(ctx, r); err != nil {
			return err
		}
		return tx.PutInstances(ctx, []*store.Instance{{RunKey: r.Key, TaskID: taskID, MapIndex: -1, State: dag.Success, Try: 1}})
	})
}
