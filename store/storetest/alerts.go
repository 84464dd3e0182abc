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

	"github.com/dingdag/dingdag/store"
)

// alert is a message that is written at some hour.
func alert(hour int, state store.DeliveryState, dagID, taskID string) *store.Delivery {
	at := midnight.Add(time.Duration(hour) * time.Hour)
	return &store.Delivery{
		State: state, Channel: "robot:" + dagID, Sender: "robot", Summary: "ü", Payload: json.RawMessage(`{}`), CreatedAt: at, UpdatedAt: at,
		Owner: store.Owner{Event: "on_failure_callback", DAGID: dagID, RunID: "r", TaskID: taskID, MapIndex: -1, Try: 1}, Attempts: 2,
	}
}

func alertsAreSelected(t *testing.T, open Open) {
	s := open(t, Node{})
	all := []*store.Delivery{
		alert(1, store.DeliveryDelivered, "d", "a"), alert(2, store.DeliveryRefused, "d", "b"), alert(3, store.DeliveryUncertain, "e", "a"),
		alert(4, store.DeliveryWaiting, "e", "b"),
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, all) })
	for name, c := range map[string]struct {
		f    store.DeliveryFilter
		want []int
	}{
		"all, newest first":  {store.DeliveryFilter{}, []int{3, 2, 1, 0}},
		"of a DAG":           {store.DeliveryFilter{DAGID: "d", RunID: "r"}, []int{1, 0}},
		"of a task":          {store.DeliveryFilter{DAGID: "d", TaskID: "b"}, []int{1}},
		"of a channel":       {store.DeliveryFilter{Channel: "robot:e"}, []int{3, 2}},
		"that failed":        {store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryRefused, store.DeliveryUncertain}}, []int{2, 1}},
		"that are not over":  {store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryWaiting}}, []int{3}},
		"of mixed states":    {store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryWaiting, store.DeliveryRefused}}, []int{3, 1}},
		"of late":            {store.DeliveryFilter{Since: midnight.Add(3 * time.Hour)}, []int{3, 2}},
		"the newest":         {store.DeliveryFilter{Limit: 1}, []int{3}},
		"without the newest": {store.DeliveryFilter{Limit: 2, Offset: 1}, []int{2, 1}},
		"behind one":         {store.DeliveryFilter{Limit: 9, Behind: all[2].ID}, []int{1, 0}},
	} {
		var want []*store.Delivery
		for _, n := range c.want {
			want = append(want, all[n])
		}
		got, err := s.DeliveryLog(t.Context(), c.f)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}
	n, err := s.CountDeliveries(t.Context(), store.DeliveryFilter{DAGID: "d", Limit: 1, Behind: 1})
	require.NoError(t, err)
	assert.Equal(t, 2, n, "on all pages")
	got, err := s.Delivery(t.Context(), all[2].ID)
	require.NoError(t, err)
	assert.Equal(t, all[2], got)
	_, err = s.Delivery(t.Context(), 99)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A person decides about a message as it was read: one that has moved on since is left alone.
func alertsAreDecided(t *testing.T, open Open) {
	s := open(t, Node{})
	d := alert(1, store.DeliveryWaiting, "d", "t")
	d.NextTry, d.Hold, d.Refusals, d.NamedIn = midnight.Add(9*time.Hour), store.HoldOutage, 3, 7
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{d}) })
	decide := func(d *store.Delivery, from store.DeliveryState) (ok bool) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			ok, err = tx.DecideDelivery(ctx, d, from)
			return err
		})
		return ok
	}
	to := *d
	to.State, to.Error, to.UpdatedAt = store.DeliveryRefused, "by ü", midnight.Add(2*time.Hour)
	assert.False(t, decide(&to, store.DeliveryUncertain), "it is in another state")
	older := to
	older.Attempts--
	assert.False(t, decide(&older, store.DeliveryWaiting), "it was sent since")
	assert.True(t, decide(&to, store.DeliveryWaiting))
	to.NextTry, to.Hold, to.Refusals, to.NamedIn = time.Time{}, store.HoldNone, 0, 0
	got, err := s.Delivery(t.Context(), d.ID)
	require.NoError(t, err)
	assert.Equal(t, &to, got)
	assert.False(t, decide(&to, store.DeliveryWaiting), "it was decided")
}

// What is uncertain is named once, unless somebody has seen it or it was long ago.
func alertsAreNamed(t *testing.T, open Open) {
	s := open(t, Node{})
	in := func(hour int, state store.DeliveryState, change func(*store.Delivery)) *store.Delivery {
		d := alert(hour, state, "d", "t")
		change(d)
		return d
	}
	as := func(*store.Delivery) {}
	all := []*store.Delivery{
		in(1, store.DeliveryUncertain, as),
		in(2, store.DeliveryUncertain, as), in(3, store.DeliveryDelivered, as), in(4, store.DeliveryUncertain, func(d *store.Delivery) { d.Channel = "robot:e" }),
		in(5, store.DeliveryUncertain, func(d *store.Delivery) { d.AckedAt = midnight }), in(6, store.DeliveryUncertain, func(d *store.Delivery) { d.NamedIn = 99 }),
		in(7, store.DeliveryUncertain, as),
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, all) })
	unnamed := func(limit int) []*store.Delivery {
		ds, err := s.UnnamedDeliveries(t.Context(), "robot:d", midnight.Add(2*time.Hour), limit)
		require.NoError(t, err)
		return ds
	}
	assert.Equal(t, []*store.Delivery{all[1], all[6]}, unnamed(9))
	assert.Equal(t, []*store.Delivery{all[1]}, unnamed(1))
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.NameDeliveries(ctx, 42, []int64{all[1].ID, all[2].ID, all[5].ID})
	})
	assert.Equal(t, []*store.Delivery{all[6]}, unnamed(9))
	for i, want := range map[int]int64{1: 42, 2: 0, 5: 99, 6: 0} {
		got, err := s.Delivery(t.Context(), all[i].ID)
		require.NoError(t, err)
		assert.Equal(t, want, got.NamedIn, i)
	}
}

func attemptsAreKept(t *testing.T, open Open) {
	s := open(t, Node{})
	first := &store.DeliveryAttempt{
		DeliveryID: 7, Attempt: 1, At: midnight, EndedAt: midnight.Add(time.Second), Node: "n", Outcome: store.AttemptRetry, Code: "310000", HTTPStatus: 200,
		Message: "ü", PartsTaken: 1, Parts: 3, NextTry: midnight.Add(time.Minute),
	}
	second := &store.DeliveryAttempt{DeliveryID: 7, Attempt: 2, At: midnight.Add(time.Minute), EndedAt: midnight.Add(time.Minute), Outcome: store.AttemptDelivered}
	other := &store.DeliveryAttempt{DeliveryID: 6, Attempt: 1, At: midnight, EndedAt: midnight, Outcome: store.AttemptRefused}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.PutDeliveryAttempt(ctx, second), tx.PutDeliveryAttempt(ctx, first), tx.PutDeliveryAttempt(ctx, other))
	})
	of := func(ids ...int64) []*store.DeliveryAttempt {
		as, err := s.DeliveryAttempts(t.Context(), ids...)
		require.NoError(t, err)
		return as
	}
	assert.Equal(t, []*store.DeliveryAttempt{first, second}, of(7))
	assert.Equal(t, []*store.DeliveryAttempt{other, first, second}, of(7, 8, 6), "by message and try")
	assert.Empty(t, of())

	guess := &store.DeliveryAttempt{DeliveryID: 8, Attempt: 1, At: midnight, EndedAt: midnight, Node: "m", Outcome: store.AttemptUncertain, Message: "it died"}
	known := *first
	known.DeliveryID = 8
	for _, a := range []*store.DeliveryAttempt{guess, &known, guess} {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutDeliveryAttempt(ctx, a) })
	}
	assert.Equal(t, []*store.DeliveryAttempt{&known}, of(8), "what is known replaces a guess, and is not replaced by one")
}

// Messages are found by what they are to each other, by number and by time.
func alertsAreLinked(t *testing.T, open Open) {
	s := open(t, Node{})
	digest, folded, silenced := alert(1, store.DeliveryRefused, "", ""), alert(2, store.DeliveryFolded, "d", "a"), alert(3, store.DeliverySilenced, "d", "a")
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{digest})
	})
	other := alert(4, store.DeliveryDelivered, "d", "b")
	folded.DigestID, other.StandsInFor = digest.ID, digest.ID
	folded.Owner.RunID = "q"
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{folded, silenced, other})
	})
	for name, c := range map[string]struct {
		f    store.DeliveryFilter
		want []*store.Delivery
	}{
		"by number":       {store.DeliveryFilter{IDs: []int64{other.ID, digest.ID}}, []*store.Delivery{other, digest}},
		"until then":      {store.DeliveryFilter{Since: midnight.Add(2 * time.Hour), Until: midnight.Add(4 * time.Hour)}, []*store.Delivery{silenced, folded}},
		"told by another": {store.DeliveryFilter{DigestID: digest.ID}, []*store.Delivery{folded}},
		"in its place":    {store.DeliveryFilter{StandsInFor: []int64{digest.ID, silenced.ID}}, []*store.Delivery{other}},
		"put aside": {
			store.DeliveryFilter{States: []store.DeliveryState{store.DeliverySilenced, store.DeliveryFolded}}, []*store.Delivery{silenced, folded},
		},
	} {
		got, err := s.DeliveryLog(t.Context(), c.f)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
	counts, err := s.CountDeliveriesOfRuns(t.Context(), "d", "r", "q", "nobody")
	require.NoError(t, err)
	assert.Equal(t, []*store.DeliveryCount{{RunID: "q", State: store.DeliveryFolded, N: 1}, {RunID: "r", State: store.DeliveryDelivered, N: 1}, {RunID: "r", State: store.DeliverySilenced, N: 1}}, counts)
	counts, err = s.CountDeliveriesOfRuns(t.Context(), "d")
	require.NoError(t, err)
	assert.Empty(t, counts)
}

// What another message told instead is told, unless that was refused itself.
func alertsAreTold(t *testing.T, open Open) {
	s := open(t, Node{})
	var all []*store.Delivery
	add := func(state store.DeliveryState, standsInFor *store.Delivery) *store.Delivery {
		d := alert(len(all)+1, state, "d", "a")
		if standsInFor != nil {
			d.StandsInFor = standsInFor.ID
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{d}) })
		all = append(all, d)
		return d
	}
	alone := add(store.DeliveryRefused, nil)
	told := add(store.DeliveryRefused, nil)
	delivered := add(store.DeliveryDelivered, told)
	twice := add(store.DeliveryRefused, nil)
	refused := add(store.DeliveryRefused, twice)
	waiting := add(store.DeliveryWaiting, twice)
	inVain := add(store.DeliveryRefused, nil)
	vain := add(store.DeliveryRefused, inVain)
	uncertain := add(store.DeliveryUncertain, nil)
	other := add(store.DeliveryDelivered, uncertain)
	got, err := s.DeliveryLog(t.Context(), store.DeliveryFilter{Untold: true})
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{other, uncertain, vain, inVain, waiting, refused, delivered, alone}, got)
	kept := alert(len(all)+1, store.DeliveryRefused, "d", "a")
	kept.Hold = store.HoldQuota
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{kept}) })
	got, err = s.DeliveryLog(t.Context(), store.DeliveryFilter{Untold: true, Unkept: true})
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{other, uncertain, vain, inVain, waiting, refused, delivered, alone}, got)
	got, err = s.DeliveryLog(t.Context(), store.DeliveryFilter{Untold: true, Hold: store.HoldQuota})
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{kept}, got)
}

// Who has seen a message first is kept.
func alertsAreSeen(t *testing.T, open Open) {
	s := open(t, Node{})
	a, b, other := alert(1, store.DeliveryDelivered, "d", "a"), alert(2, store.DeliveryWaiting, "d", "b"), alert(3, store.DeliveryDelivered, "e", "a")
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{a, b, other})
	})
	ack := func(f store.DeliveryFilter, by string) (n int) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			n, err = tx.AckDeliveries(ctx, f, store.Ack{At: midnight, By: by, Note: "ü"})
			return err
		})
		return n
	}
	assert.Equal(t, 1, ack(store.DeliveryFilter{IDs: []int64{a.ID}}, "ann"))
	assert.Equal(t, 1, ack(store.DeliveryFilter{DAGID: "d"}, "bob"))
	assert.Zero(t, ack(store.DeliveryFilter{DAGID: "d"}, "bob"), "all of them are seen")
	a.AckedAt, a.AckedBy, a.AckedNote, b.AckedAt, b.AckedBy, b.AckedNote = midnight, "ann", "ü", midnight, "bob", "ü"
	got, err := s.DeliveryLog(t.Context(), store.DeliveryFilter{})
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{other, b, a}, got)
	left, err := s.DeliveryLog(t.Context(), store.DeliveryFilter{Unacked: true})
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{other}, left)
	for _, c := range []struct {
		f    store.DeliveryFilter
		want []*store.Delivery
	}{
		{store.DeliveryFilter{DAGIDs: []string{"d", "x"}}, []*store.Delivery{b, a}},
		{store.DeliveryFilter{DAGIDs: []string{}}, nil},
		{store.DeliveryFilter{Oldest: true}, []*store.Delivery{a, b, other}},
		{store.DeliveryFilter{Oldest: true, Behind: 1, Limit: 1, Offset: 1}, []*store.Delivery{b}},
	} {
		got, err := s.DeliveryLog(t.Context(), c.f)
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "%+v", c.f)
		c.f.Limit = 0
		n, err := s.CountDeliveries(t.Context(), c.f)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(c.want), n, "%+v", c.f)
	}
}
