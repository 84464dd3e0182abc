//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

// silence adds a silence, which there must be room for.
func silence(t *testing.T, s store.Store, x *store.Silence) *store.Silence {
	t.Helper()
	require.True(t, insertSilence(t, s, x))
	return x
}

func insertSilence(t *testing.T, s store.Store, x *store.Silence) (made bool) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		made, err = tx.InsertSilence(ctx, x)
		return err
	})
	return made
}

func sumUp(t *testing.T, s store.Store, id int64, at time.Time) (first bool) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		first, err = tx.SumUpSilence(ctx, id, at)
		return err
	})
	return first
}

func silencesAreStoredWhole(t *testing.T, open Open) {
	s, other := open(t, Node{}), open(t, Node{})
	whole := silence(t, s, &store.Silence{
		Kind: store.SilenceSnooze, Key: "k", DAGs: []string{"etl_*", "ü"}, TaskID: "load", Robots: []string{"ops"}, Urgent: true, ToldBy: 7,
		Since: midnight, Until: midnight.Add(time.Hour), Reason: "disk", MadeBy: store.Actor{Name: "ann", Via: store.ViaCLI},
	})
	bare := silence(t, s, &store.Silence{Kind: store.SilenceMaintenance, Since: midnight, Until: midnight.Add(time.Minute)})
	for _, want := range []*store.Silence{whole, bare} {
		got, err := other.Silence(t.Context(), want.ID)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := s.Silence(t.Context(), 99)
	require.ErrorIs(t, err, store.ErrNotFound)

	end := func(at time.Time) (ended bool) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			ended, err = tx.EndSilence(ctx, whole.ID, at, store.Actor{Name: "bob", Via: store.ViaCLI})
			return err
		})
		return ended
	}
	assert.False(t, end(whole.Until), "it ends then by itself")
	assert.True(t, end(midnight.Add(time.Minute)))
	assert.True(t, sumUp(t, s, whole.ID, midnight.Add(time.Hour)))
	assert.False(t, sumUp(t, s, whole.ID, midnight.Add(2*time.Hour)), "people are told once")
	assert.False(t, end(midnight), "what is summed up has ended")
	whole.Until, whole.EndedBy, whole.SummedUp = midnight.Add(time.Minute), store.Actor{Name: "bob", Via: store.ViaCLI}, midnight.Add(time.Hour)
	got, err := other.Silence(t.Context(), whole.ID)
	require.NoError(t, err)
	assert.Equal(t, whole, got)
}

func silencesAreSelected(t *testing.T, open Open) {
	s := open(t, Node{})
	until := func(kind store.SilenceKind, key string, told int64, minutes int) *store.Silence {
		return &store.Silence{Kind: kind, Key: key, ToldBy: told, Since: midnight, Until: midnight.Add(time.Duration(minutes) * time.Minute)}
	}
	snooze := silence(t, s, until(store.SilenceSnooze, "", 0, 9))
	window := silence(t, s, until(store.SilenceMaintenance, "nightly", 0, 5))
	double := silence(t, s, until(store.SilenceDouble, "disk", 12, 7))
	assert.False(t, insertSilence(t, s, until(store.SilenceMaintenance, "nightly", 0, 8)), "a window opens once")
	tomorrow := silence(t, s, &store.Silence{Kind: store.SilenceMaintenance, Key: "nightly", Since: midnight.Add(24 * time.Hour), Until: midnight.Add(25 * time.Hour)})
	long := silence(t, s, until(store.SilenceSnooze, "", 0, 1000))
	assert.False(t, insertSilence(t, s, until(store.SilenceDouble, "disk", 12, 8)), "those of one message are counted together")
	found, err := s.SilenceOfDoubles(t.Context(), 12)
	require.NoError(t, err)
	assert.Equal(t, double, found)

	ids := func(ss []*store.Silence, err error) (ids []int64) {
		require.NoError(t, err)
		for _, x := range ss {
			ids = append(ids, x.ID)
		}
		return ids
	}
	assert.Equal(t, []int64{snooze.ID, window.ID, tomorrow.ID, long.ID}, ids(s.OpenSilences(t.Context())), "doubles are known by their key")
	assert.Equal(t, []int64{window.ID, double.ID}, ids(s.EndingSilences(t.Context(), 2)), "which ends first")
	assert.Equal(t, []int64{long.ID, tomorrow.ID}, ids(s.SilenceLog(t.Context(), store.SilenceFilter{Limit: 2})))
	assert.Equal(t, []int64{double.ID, window.ID}, ids(s.SilenceLog(t.Context(), store.SilenceFilter{Limit: 2, Behind: tomorrow.ID})))
	assert.Equal(t, []int64{tomorrow.ID, window.ID}, ids(s.SilenceLog(t.Context(), store.SilenceFilter{Kinds: []store.SilenceKind{store.SilenceMaintenance}})))

	require.True(t, sumUp(t, s, window.ID, midnight))
	require.True(t, sumUp(t, s, double.ID, midnight))
	_, err = s.SilenceOfDoubles(t.Context(), 12)
	require.ErrorIs(t, err, store.ErrNotFound)
	assert.Equal(t, []int64{snooze.ID, tomorrow.ID, long.ID}, ids(s.OpenSilences(t.Context())))
	assert.Equal(t, []int64{snooze.ID, long.ID, tomorrow.ID}, ids(s.EndingSilences(t.Context(), 9)))
	assert.Equal(t, []int64{long.ID, tomorrow.ID, snooze.ID}, ids(s.SilenceLog(t.Context(), store.SilenceFilter{Open: true})))
	silence(t, s, until(store.SilenceDouble, "disk", 12, 8))
}

func silencesKeepMessagesBack(t *testing.T, open Open) {
	s := open(t, Node{})
	snooze := silence(t, s, &store.Silence{Kind: store.SilenceSnooze, Since: midnight, Until: midnight.Add(time.Hour)})
	ds := queue(t, s, "c", 6)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{{
			State: store.DeliveryWaiting, Channel: "d:x", Payload: json.RawMessage(`1`), CreatedAt: midnight.Add(time.Second), UpdatedAt: midnight, Priority: 1,
			Owner: store.Owner{Event: "on_failure", DAGID: "etl", TaskID: "load", MapIndex: 3}, DedupeKey: "k", DedupeFor: time.Hour, StandsInFor: 2,
		}})
	})
	require.True(t, claim(t, s, ds[1]))
	ds[2].NextTry, ds[2].Hold = midnight.Add(time.Hour), store.HoldOutage
	ds[3].Progress = "part 1"
	update(t, s, ds[2])
	update(t, s, ds[3])
	waiting := func(behind int64, limit int) (ids []int64) {
		found, err := s.UnsilencedDeliveries(t.Context(), behind, limit)
		require.NoError(t, err)
		for _, d := range found {
			ids = append(ids, d.ID)
		}
		return ids
	}
	assert.Equal(t, []int64{1, 3, 4, 5, 6, 7}, waiting(0, 9), "one is being sent")
	assert.Equal(t, []int64{4, 5}, waiting(3, 2))
	found, err := s.UnsilencedDeliveries(t.Context(), 6, 9)
	require.NoError(t, err)
	assert.Equal(t, []*store.Unsilenced{{
		ID: 7, Channel: "d:x", Event: "on_failure", DAGID: "etl", TaskID: "load", Priority: 1, CreatedAt: midnight.Add(time.Second), DedupeKey: "k", StandsInFor: 2,
	}}, found)

	keep := func(d *store.Delivery, silence int64) (kept bool) {
		d.State, d.SilenceID, d.Error, d.UpdatedAt = store.DeliverySilenced, silence, "silenced", midnight.Add(time.Minute)
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			kept, err = tx.SilenceDelivery(ctx, d)
			return err
		})
		return kept
	}
	assert.False(t, keep(ds[1], snooze.ID), "it is being sent")
	assert.True(t, keep(ds[2], snooze.ID))
	assert.False(t, keep(ds[2], snooze.ID), "it is silent already")
	assert.False(t, keep(ds[3], snooze.ID), "people have seen a part of it")
	assert.False(t, keep(ds[4], 99), "there is no such silence")
	assert.True(t, keep(ds[5], snooze.ID))
	ds[2].NextTry, ds[2].Hold = time.Time{}, store.HoldNone
	got, err := s.SilencedDeliveries(t.Context(), snooze.ID, 0, 9)
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{ds[2], ds[5]}, got)
	got, err = s.SilencedDeliveries(t.Context(), snooze.ID, ds[2].ID, 1)
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{ds[5]}, got)
	counts, err := s.CountSilenced(t.Context(), snooze.ID, 99)
	require.NoError(t, err)
	assert.Equal(t, map[int64]int{snooze.ID: 2}, counts)

	// What somebody sends again all the same is not kept back a second time.
	again := *ds[5]
	again.State = store.DeliveryWaiting
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		ok, err := tx.DecideDelivery(ctx, &again, store.DeliverySilenced)
		assert.True(t, ok)
		return err
	})
	assert.False(t, keep(ds[5], snooze.ID))
	assert.Equal(t, []int64{1, 4, 5, 7}, waiting(0, 9))
	counts, err = s.CountSilenced(t.Context(), snooze.ID)
	require.NoError(t, err)
	assert.Equal(t, map[int64]int{snooze.ID: 1}, counts)

	// What a digest was to tell is its own again.
	part := store.Delivery{
		State: store.DeliveryWaiting, Channel: "e:x", Payload: json.RawMessage(`1`), EventData: json.RawMessage(`{}`), CreatedAt: midnight, UpdatedAt: midnight,
		Priority: 1, Owner: store.Owner{Event: "on_failure", DAGID: "etl", MapIndex: -1},
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{&part})
	})
	digest := ds[0].ID
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		n, err := tx.FoldDeliveries(ctx, store.Fold{Digest: digest, Channel: part.Channel, Now: midnight, DAGID: part.Owner.DAGID, Whole: true, Alone: []string{"digest"}, Seen: part.ID})
		assert.Positive(t, n)
		return err
	})
	unfold := func(digest, silence int64) (kept bool) {
		part.State, part.SilenceID, part.Error = store.DeliverySilenced, silence, "silenced"
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			kept, err = tx.SilenceFolded(ctx, &part, digest)
			return err
		})
		return kept
	}
	assert.False(t, unfold(digest, 99), "there is no such silence")
	assert.False(t, unfold(digest+1, snooze.ID), "it is part of another one")
	assert.True(t, unfold(digest, snooze.ID))
	assert.False(t, unfold(digest, snooze.ID), "once")
	is, err := s.Delivery(t.Context(), part.ID)
	require.NoError(t, err)
	assert.Equal(t, []any{store.DeliverySilenced, int64(0), snooze.ID}, []any{is.State, is.DigestID, is.SilenceID})

	// Another silence keeps back what one that ends has kept.
	other := silence(t, s, &store.Silence{Kind: store.SilenceSnooze, Since: midnight, Until: midnight.Add(2 * time.Hour)})
	handOver := func(d *store.Delivery, from, to int64) (moved bool) {
		d.SilenceID, d.Error = to, "silenced by another one"
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			moved, err = tx.HandOverDelivery(ctx, d, from)
			return err
		})
		return moved
	}
	assert.False(t, handOver(ds[2], snooze.ID, 99), "there is no such silence")
	assert.False(t, handOver(ds[5], snooze.ID, other.ID), "it waits to be sent")
	assert.True(t, handOver(ds[2], snooze.ID, other.ID))
	assert.False(t, handOver(ds[2], snooze.ID, other.ID), "once")
	got, err = s.SilencedDeliveries(t.Context(), other.ID, 0, 9)
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{ds[2]}, got)

	require.True(t, sumUp(t, s, snooze.ID, midnight))
	assert.False(t, keep(ds[0], snooze.ID), "nobody would tell of it any more")
	assert.False(t, handOver(ds[2], other.ID, snooze.ID))
}

func messagesWithAKeyAreFound(t *testing.T, open Open) {
	s := open(t, Node{})
	at := func(minutes int) time.Time { return midnight.Add(time.Duration(minutes) * time.Minute) }
	var ds []*store.Delivery
	add := func(state store.DeliveryState, channel, event, key string, minutes int) *store.Delivery {
		ds = append(ds, &store.Delivery{
			State: state, Channel: channel, Payload: json.RawMessage(`1`), Owner: store.Owner{Event: event}, DedupeKey: key, DedupeFor: 90 * time.Second,
			CreatedAt: at(minutes), UpdatedAt: at(minutes),
		})
		return ds[len(ds)-1]
	}
	add(store.DeliveryDelivered, "c", "on_failure", "k", 0)
	add(store.DeliveryDelivered, "c", "on_failure", "other", 5)
	add(store.DeliveryDelivered, "other", "on_failure", "k", 5)
	add(store.DeliveryDelivered, "c", "on_recovery", "k", 5)
	first, second := add(store.DeliveryFolded, "c", "on_failure", "k", 6), add(store.DeliveryUncertain, "c", "on_failure", "k", 7)
	add(store.DeliverySilenced, "c", "on_failure", "k", 8)
	add(store.DeliveryRefused, "c", "on_failure", "k", 8)
	waits := add(store.DeliveryWaiting, "c", "on_failure", "k", 9)
	asked := add(store.DeliveryWaiting, "c", "on_failure", "k", 10)
	add(store.DeliveryDelivered, "c", "on_failure", "k", 10)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, ds) })
	got, err := s.ToldDeliveries(t.Context(), asked, at(0), 9)
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{first, second, waits}, got, "within the window and before it")
	got, err = s.ToldDeliveries(t.Context(), asked, at(0), 1)
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{first}, got)
}

// A silence is on record as long as what it kept back.
func oldSilences(t *testing.T, open Open) {
	s := open(t, Node{})
	kept := silence(t, s, &store.Silence{Kind: store.SilenceSnooze, Since: hour(0), Until: hour(1)})
	empty := silence(t, s, &store.Silence{Kind: store.SilenceSnooze, Since: hour(0), Until: hour(1)})
	silence(t, s, &store.Silence{Kind: store.SilenceSnooze, Since: hour(0), Until: hour(9)})
	d := queue(t, s, "c", 1)[0]
	d.State, d.SilenceID = store.DeliverySilenced, kept.ID
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		ok, err := tx.SilenceDelivery(ctx, d)
		assert.True(t, ok)
		return err
	})
	sumUp(t, s, kept.ID, hour(1))
	sumUp(t, s, empty.ID, hour(2))
	f := store.OldRows{Kind: store.OldSilences, Before: hour(2)}
	assert.Empty(t, old(t, s, f), "one keeps a message, the other was summed up then")
	f.Before = hour(24)
	assert.Equal(t, []int64{empty.ID}, old(t, s, f))
	removeRows(t, s, store.OldAlerts, d.ID)
	assert.Equal(t, []int64{kept.ID, empty.ID}, old(t, s, f), "one is open")
	removeRows(t, s, store.OldSilences, kept.ID)
	_, err := s.Silence(t.Context(), kept.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
}
