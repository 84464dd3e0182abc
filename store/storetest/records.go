//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ticksAreRecorded(t *testing.T, open Open) {
	s := open(t, Node{})
	at := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	put := func(dagID string, first, last, n int, o store.TickOutcome) *store.TickRange {
		r := &store.TickRange{DAGID: dagID, First: at(first), Last: at(last), Count: n, Outcome: o, Reason: "because", RecordedAt: at(9)}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertTickRange(ctx, r) })
		require.NotZero(t, r.ID)
		return r
	}
	missed, skipped := put("d", 1, 3, 3, store.TickMissed), put("d", 5, 5, 1, store.TickSkipped)
	put("e", 1, 9, 9, store.TickMissed)
	all, err := s.TickRanges(t.Context(), "d", 0)
	require.NoError(t, err)
	assert.Equal(t, []*store.TickRange{skipped, missed}, all)
	newest, err := s.TickRanges(t.Context(), "d", 1)
	require.NoError(t, err)
	assert.Equal(t, []*store.TickRange{skipped}, newest)
	for h, want := range map[int]*store.TickRange{0: nil, 1: missed, 2: missed, 3: missed, 4: nil, 5: skipped, 6: nil} {
		got, err := s.TickRangeAt(t.Context(), "d", at(h))
		require.NoError(t, err)
		assert.Equal(t, want, got, "hour %d", h)
	}
}

func pausesAreRemembered(t *testing.T, open Open) {
	s := open(t, Node{})
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return store.AddDAG(ctx, tx, &store.DAGState{ID: "d", Active: true}, midnight)
	})
	set := func(paused bool, minute int, cause string) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return store.SetPaused(ctx, tx, "d", paused, midnight.Add(time.Duration(minute)*time.Minute), cause)
		})
	}
	set(true, 1, "too many failures")
	set(true, 2, "again, which changes nothing")
	set(false, 3, "")
	got, err := s.Pauses(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, []*store.Pause{
		{At: midnight}, {At: midnight.Add(time.Minute), Paused: true, Cause: "too many failures"}, {At: midnight.Add(3 * time.Minute)},
	}, got)
	err = s.Tx(t.Context(), func(tx store.Tx) error { return store.SetPaused(t.Context(), tx, "x", true, midnight, "") })
	require.ErrorIs(t, err, store.ErrNotFound)
}

func livesAreNoted(t *testing.T, open Open) {
	s := open(t, Node{})
	at := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	put := func(l *store.SchedulerLife) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutSchedulerLife(ctx, l) })
	}
	none, err := s.LastSchedulerLife(t.Context(), at(9))
	require.NoError(t, err)
	assert.Nil(t, none)
	first, second := &store.SchedulerLife{StartedAt: at(1), SeenAt: at(1)}, &store.SchedulerLife{StartedAt: at(5), SeenAt: at(6)}
	put(first)
	put(second)
	first.SeenAt, first.Stopped = at(3), true
	put(first)
	all, err := s.SchedulerLives(t.Context(), at(3))
	require.NoError(t, err)
	assert.Equal(t, []*store.SchedulerLife{first, second}, all)
	later, err := s.SchedulerLives(t.Context(), at(4))
	require.NoError(t, err)
	assert.Equal(t, []*store.SchedulerLife{second}, later)
	before, err := s.LastSchedulerLife(t.Context(), at(4))
	require.NoError(t, err)
	assert.Equal(t, first, before)
}

func deadlinesAreToldOnce(t *testing.T, open Open) {
	s := open(t, Node{})
	at := func(minutes int) time.Time { return midnight.Add(time.Duration(minutes) * time.Minute) }
	all := []*store.RunDeadline{{RunKey: 2, Index: 0, At: at(1)}, {RunKey: 1, Index: 1, At: at(2)}, {RunKey: 1, Index: 0, At: at(9)}}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, l := range []int{2, 0, 1} {
			if err := tx.PutDeadline(ctx, all[l]); err != nil {
				return err
			}
		}
		return nil
	})
	due, err := s.DueDeadlines(t.Context(), at(2))
	require.NoError(t, err)
	assert.Equal(t, all[:2], due, "those that have passed, the earliest first")
	for _, want := range []bool{true, false} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			found, err := tx.DeleteDeadline(ctx, all[0])
			assert.Equal(t, want, found)
			return err
		})
	}
	due, err = s.DueDeadlines(t.Context(), at(60))
	require.NoError(t, err)
	assert.Equal(t, all[1:], due)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteDeadlines(ctx, 1) })
	due, err = s.DueDeadlines(t.Context(), at(60))
	require.NoError(t, err)
	assert.Empty(t, due)
}

// What can't be loaded is open until its end is written; of one DAG it is found again.
func importErrorsAreKept(t *testing.T, open Open) {
	s := open(t, Node{})
	all := []*store.ImportError{
		{File: "a.yaml", Since: midnight, Text: "one\ntwo"},
		{File: "a.yaml", DAGID: "a", Since: midnight, Text: "one"},
		{File: "b.yaml", DAGID: "b", Since: midnight.Add(time.Hour), Text: "three"},
	}
	put := func(e *store.ImportError) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutImportError(ctx, e) })
	}
	for _, e := range all {
		put(e)
	}
	all[1].Until, all[1].Text = midnight.Add(2*time.Hour), "another"
	put(all[1])
	again := &store.ImportError{File: "a.yaml", DAGID: "a", Since: midnight.Add(3 * time.Hour), Text: "again"}
	put(again)
	got, err := s.OpenImportErrors(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.ImportError{all[0], all[2], again}, got)
	got, err = s.ImportErrors(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, []*store.ImportError{all[1], again}, got)
	got, err = s.ImportErrors(t.Context(), "")
	require.NoError(t, err)
	assert.Empty(t, got, "files are no DAG")
}
