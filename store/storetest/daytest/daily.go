// Package daytest is the part of the suite of stores about days and the ticks of schedules.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package daytest

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

var midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func write(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}

// insert adds a run.
func insert(t *testing.T, s store.Store, r *store.Run) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.InsertRun(ctx, r)
		return err
	})
}

// DigestIsKept checks that the day that was told last is one, and is replaced.
func DigestIsKept(t *testing.T, s store.Store) {
	got, err := s.DailyDigest(t.Context())
	require.NoError(t, err)
	assert.Nil(t, got)
	for _, d := range []*store.DailyDigest{{Day: "2026-03-01", Until: midnight}, {Day: "2026-03-02", Until: midnight.Add(time.Hour)}} {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutDailyDigest(ctx, d) })
		got, err = s.DailyDigest(t.Context())
		require.NoError(t, err)
		assert.Equal(t, d, got)
	}
}

// RunsAreCountedByTime checks that runs are counted by when they were due, from one moment on and before another one.
func RunsAreCountedByTime(t *testing.T, s store.Store) {
	run := func(dagID string, minutes int, state dag.RunState) {
		at := midnight.Add(time.Duration(minutes) * time.Minute)
		insert(t, s, &store.Run{DAGID: dagID, RunID: strconv.Itoa(minutes), Type: dag.ScheduledRun, State: state, LogicalDate: at, RunAfter: at, Version: "v"})
	}
	run("a", 1, dag.RunSuccess)
	run("a", 14, dag.RunSuccess)
	run("a", 15, dag.RunSuccess)
	run("a", 16, dag.RunFailed)
	run("a", 17, dag.RunRunning)
	run("a", 31, dag.RunQueued)
	run("b", 1, dag.RunSuccess)
	count := func(minutes int, state dag.RunState, n int) *store.TimeCount {
		return &store.TimeCount{At: midnight.Add(time.Duration(minutes) * time.Minute), State: state, Count: n}
	}
	for _, c := range []struct {
		since, until int
		want         []*store.TimeCount
	}{
		{0, 60, []*store.TimeCount{count(0, dag.RunSuccess, 2), count(15, dag.RunFailed, 1), count(15, dag.RunRunning, 1), count(15, dag.RunSuccess, 1), count(30, dag.RunQueued, 1)}},
		{14, 15, []*store.TimeCount{count(0, dag.RunSuccess, 1)}},
		{31, 32, []*store.TimeCount{count(30, dag.RunQueued, 1)}},
		{32, 60, nil},
	} {
		got, err := s.RunsByTime(t.Context(), "a", midnight.Add(time.Duration(c.since)*time.Minute), midnight.Add(time.Duration(c.until)*time.Minute))
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "minutes %d to %d", c.since, c.until)
	}
}

// ADayIsCounted checks that what a digest tells is of its time: from its begin on, before its end.
func ADayIsCounted(t *testing.T, s store.Store) {
	at := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	since, until := at(1), at(5)
	run := func(dagID, runID string, state dag.RunState, end time.Time) *store.Run {
		r := &store.Run{DAGID: dagID, RunID: runID, Type: dag.ScheduledRun, RunAfter: midnight, Version: "v"}
		r.State, r.EndDate = state, end
		insert(t, s, r)
		return r
	}
	run("a", "before", dag.RunFailed, at(1).Add(-time.Millisecond))
	run("a", "late", dag.RunFailed, at(4))
	first := run("a", "first", dag.RunFailed, at(1))
	run("a", "well", dag.RunSuccess, at(3))
	run("a", "after", dag.RunSuccess, at(5))
	run("b", "well", dag.RunSuccess, at(2))
	bare := run("c", "failed", dag.RunFailed, at(2))
	run("a", "r", dag.RunRunning, time.Time{})
	run("d", "q1", dag.RunQueued, time.Time{})
	run("d", "q2", dag.RunQueued, time.Time{})
	count := func(dagID string, state dag.RunState, n int) *store.RunCount {
		return &store.RunCount{DAGID: dagID, State: state, Count: n}
	}
	ended, err := s.EndedRunCounts(t.Context(), since, until)
	require.NoError(t, err)
	assert.Equal(t, []*store.RunCount{count("a", dag.RunFailed, 2), count("a", dag.RunSuccess, 1), count("b", dag.RunSuccess, 1), count("c", dag.RunFailed, 1)}, ended)
	under, err := s.OpenRunCounts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.RunCount{count("a", dag.RunRunning, 1), count("d", dag.RunQueued, 2)}, under)

	in := func(task string, state dag.State, end time.Time) *store.Instance {
		return &store.Instance{RunKey: first.Key, TaskID: task, MapIndex: -1, State: state, EndDate: end, Error: "of " + task}
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.PutInstances(ctx, []*store.Instance{in("later", dag.Failed, at(1)), in("cause", dag.Failed, at(0)), in("fine", dag.Success, at(-1))})
	})
	r, i, err := s.FirstFailure(t.Context(), "a", since, until)
	require.NoError(t, err)
	assert.Equal(t, first, r)
	require.NotNil(t, i)
	assert.Equal(t, "of cause", i.Error)
	r, i, err = s.FirstFailure(t.Context(), "c", since, until)
	require.NoError(t, err)
	assert.Equal(t, bare, r)
	assert.Nil(t, i)
	r, i, err = s.FirstFailure(t.Context(), "b", since, until)
	require.NoError(t, err)
	assert.Nil(t, r)
	assert.Nil(t, i)
}

// WhatADayLacksIsCounted checks the same of the ticks of which was found that they start nothing, and of the messages that failed.
func WhatADayLacksIsCounted(t *testing.T, s store.Store) {
	at := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	since, until := at(1), at(5)
	tick := func(dagID string, o store.TickOutcome, first, last, n int, why string, recorded time.Time) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.InsertTickRange(ctx, &store.TickRange{DAGID: dagID, First: at(first), Last: at(last), Count: n, Outcome: o, Reason: why, Said: []byte(`{"why":"` + why + `"}`), RecordedAt: recorded})
		})
	}
	tick("a", store.TickMissed, -9, -8, 2, "down", at(1))
	tick("a", store.TickMissed, -3, -3, 1, "broken", at(2))
	tick("a", store.TickSkipped, 0, 0, 1, "busy", at(4))
	tick("a", store.TickMissed, 4, 4, 1, "down", at(5))
	tick("b", store.TickMissed, 0, 0, 1, "down", at(0))
	ticks, err := s.UnstartedTicks(t.Context(), since, until)
	require.NoError(t, err)
	assert.Equal(t, []*store.UnstartedTicks{
		{DAGID: "a", Outcome: store.TickMissed, First: at(-9), Last: at(-3), Count: 3, Reason: "down", Said: []byte(`{"why":"down"}`), Reasons: 2},
		{DAGID: "a", Outcome: store.TickSkipped, First: at(0), Last: at(0), Count: 1, Reason: "busy", Said: []byte(`{"why":"busy"}`), Reasons: 1},
	}, ticks)

	var ds []*store.Delivery
	for state, moments := range map[store.DeliveryState][]int{
		store.DeliveryRefused: {0, 1, 4, 5}, store.DeliveryUncertain: {2}, store.DeliveryDelivered: {2}, store.DeliveryWaiting: {0, 7, 2},
	} {
		for _, h := range moments {
			ds = append(ds, &store.Delivery{State: state, Channel: "c", Sender: "s", Payload: []byte("{}"), CreatedAt: at(h), UpdatedAt: at(h)})
		}
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, ds) })
	counts, err := s.UndeliveredCounts(t.Context(), since, until, at(4))
	require.NoError(t, err)
	assert.Equal(t, map[store.DeliveryState]int{store.DeliveryRefused: 2, store.DeliveryUncertain: 1, store.DeliveryWaiting: 2}, counts)

	// Of those in whose place others stand, the last ones count, unless one of them has told it.
	place := func(of int64, state store.DeliveryState) int64 {
		d := &store.Delivery{State: state, Channel: "c", Sender: "s", Payload: []byte("{}"), CreatedAt: at(2), UpdatedAt: at(2), StandsInFor: of}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{d}) })
		return d.ID
	}
	change := func(refused, uncertain int) {
		t.Helper()
		now, err := s.UndeliveredCounts(t.Context(), since, until, at(4))
		require.NoError(t, err)
		assert.Equal(t, refused, now[store.DeliveryRefused]-counts[store.DeliveryRefused])
		assert.Equal(t, uncertain, now[store.DeliveryUncertain]-counts[store.DeliveryUncertain])
		counts = now
	}
	first := place(0, store.DeliveryRefused)
	change(1, 0)
	second := place(first, store.DeliveryRefused)
	change(0, 0)
	place(second, store.DeliveryDelivered)
	change(-1, 0)
	one := place(0, store.DeliveryRefused)
	place(one, store.DeliveryUncertain)
	change(0, 1)
	place(one, store.DeliveryRefused)
	change(1, 0)
	place(one, store.DeliveryFolded)
	change(-1, -1)
	place(place(0, store.DeliveryRefused), store.DeliveryWaiting)
	change(0, 0)

	// Nor does what somebody has decided about, or what a quota keeps back.
	kept := &store.Delivery{
		State: store.DeliveryRefused, Channel: "c", Sender: "s", Payload: []byte("{}"), CreatedAt: at(2), UpdatedAt: at(2), Hold: store.HoldQuota,
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{kept}) })
	change(0, 0)
	seen, gone := place(0, store.DeliveryUncertain), place(0, store.DeliveryRefused)
	change(1, 1)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.AckDeliveries(ctx, store.DeliveryFilter{IDs: []int64{seen}}, store.Ack{At: at(3), By: "me"})
		return err
	})
	change(0, -1)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		d := &store.Delivery{ID: gone, State: store.DeliveryRefused, Error: store.DroppedPrefix + " by me", UpdatedAt: at(2)}
		_, err := tx.DecideDelivery(ctx, d, store.DeliveryRefused)
		return err
	})
	change(-1, 0)
}
