//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// cardOf is a card with all that is kept of one.
func cardOf(id string, at time.Time) *store.Card {
	return &store.Card{
		OutTrackID: id, ConnID: "app", Kind: store.AlertCard, DAGID: "d", RunID: "r", TaskID: "t", MapIndex: 2, Try: 3,
		OpenConversationID: "cid", UserIDs: []string{"u1", "u2"}, Face: json.RawMessage(`{"title":"x"}`), Shown: "hash", Failures: 1, Error: "busy",
		NextLook: at.Add(time.Second), MadeAt: at, UpdatedAt: at.Add(time.Millisecond),
	}
}

func cardsAreStoredWhole(t *testing.T, open Open) {
	s, other := open(t, Node{}), open(t, Node{})
	_, err := s.Card(t.Context(), "none")
	require.ErrorIs(t, err, store.ErrNotFound)
	c := cardOf("one", midnight)
	put := func() (created bool) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			created, err = tx.InsertCard(ctx, c)
			return err
		})
		return created
	}
	assert.True(t, put())
	assert.False(t, put(), "an outTrackId is of one card")
	got, err := other.Card(t.Context(), "one")
	require.NoError(t, err)
	assert.Equal(t, &store.CardNow{Card: *c}, got, "there is neither a run nor a message")

	r := newRun("d", "r", midnight)
	insert(t, s, r)
	in := &store.Instance{RunKey: r.Key, TaskID: "t", MapIndex: 2, State: dag.UpForRetry, Try: 4, MaxTries: 5, Operator: "bash", RetryAt: midnight.Add(time.Hour)}
	d := &store.Delivery{State: store.DeliveryWaiting, Channel: "c", Payload: json.RawMessage("{}"), CreatedAt: midnight, UpdatedAt: midnight, Card: cardOf("two", midnight)}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutInstances(ctx, []*store.Instance{in}); err != nil {
			return err
		}
		return tx.InsertDeliveries(ctx, []*store.Delivery{d})
	})
	press := &store.CardPress{OutTrackID: "two", Press: "app/1", Action: "retry", By: "u1", Said: "cleared", At: midnight}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.AckDeliveries(ctx, store.DeliveryFilter{IDs: []int64{d.ID}}, store.Ack{At: midnight, By: "ann"}); err != nil {
			return err
		}
		if err := tx.PutCardPress(ctx, press); err != nil {
			return err
		}
		again := *press
		again.By = "u2"
		return tx.PutCardPress(ctx, &again)
	})
	got, err = other.Card(t.Context(), "two")
	require.NoError(t, err)
	want := cardOf("two", midnight)
	want.DeliveryID, want.NextLook = d.ID, time.Time{} // the press has it looked at
	assert.Equal(t, &store.CardNow{
		Card: *want, Delivery: store.DeliveryWaiting, AckedBy: "ann", AckedAt: midnight, RunKey: r.Key, RunState: dag.RunQueued,
		State: dag.UpForRetry, LastTry: 4, RetryAt: in.RetryAt, Presses: []*store.CardPress{press},
	}, got)

	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.RemoveRows(ctx, store.OldAlerts, []int64{d.ID})
	})
	_, err = s.Card(t.Context(), "two")
	require.ErrorIs(t, err, store.ErrNotFound, "it goes with its message")
	_, err = s.Card(t.Context(), "one")
	require.NoError(t, err)

	r.State, r.EndDate, in.State = dag.RunSuccess, midnight, dag.Success
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := errors.Join(tx.UpdateRun(ctx, r), tx.PutInstances(ctx, []*store.Instance{in})); err != nil {
			return err
		}
		another := cardOf("of another", midnight)
		another.RunID = "another"
		if _, err := tx.InsertCard(ctx, another); err != nil {
			return err
		}
		_, err := tx.RemoveRun(ctx, r.Key)
		return err
	})
	_, err = s.Card(t.Context(), "one")
	require.ErrorIs(t, err, store.ErrNotFound, "no message had it, so that it goes with its run")
	_, err = s.Card(t.Context(), "of another")
	require.NoError(t, err)
}

func openCardsAreFound(t *testing.T, open Open) {
	s := open(t, Node{})
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for i, id := range []string{"b", "a", "c", "closed"} {
			c := cardOf(id, midnight.Add(time.Duration(i/2)*time.Hour))
			if _, err := tx.InsertCard(ctx, c); err != nil {
				return err
			}
		}
		c := cardOf("closed", midnight.Add(time.Hour))
		c.ClosedAt, c.Shown, c.Error, c.Failures = midnight, "other", "", 0
		return tx.UpdateCard(ctx, c)
	})
	ids := func(now, behind time.Time, after string, limit int) (out []string) {
		cards, err := s.OpenCards(t.Context(), now, behind, after, limit)
		require.NoError(t, err)
		for _, c := range cards {
			out = append(out, c.OutTrackID)
		}
		return out
	}
	late := midnight.Add(2 * time.Hour)
	assert.Equal(t, []string{"a", "b", "c"}, ids(late, time.Time{}, "", 9))
	assert.Equal(t, []string{"a", "b"}, ids(late, time.Time{}, "", 2))
	assert.Equal(t, []string{"c"}, ids(late, midnight, "b", 2))
	assert.Equal(t, []string{"a", "b"}, ids(midnight.Add(time.Second), time.Time{}, "", 9), "c is not to be looked at yet")
	assert.Empty(t, ids(midnight, time.Time{}, "", 9))
}
