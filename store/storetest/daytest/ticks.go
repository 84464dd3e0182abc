//nolint:thelper // tests, not helpers: failures belong to their lines
package daytest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

// TicksAreRecorded checks that ticks without a run are found again.
func TicksAreRecorded(t *testing.T, s store.Store) {
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
	for _, c := range []struct {
		since, until int
		want         []*store.TickRange
	}{{0, 9, []*store.TickRange{missed, skipped}}, {3, 5, []*store.TickRange{missed}}, {4, 6, []*store.TickRange{skipped}}, {2, 3, []*store.TickRange{missed}}, {6, 9, nil}, {0, 1, nil}} {
		got, err := s.TicksBetween(t.Context(), "d", at(c.since), at(c.until))
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "from hour %d to %d", c.since, c.until)
	}
	for h, want := range map[int]*store.TickRange{0: nil, 1: missed, 2: missed, 3: missed, 4: nil, 5: skipped, 6: nil} {
		got, err := s.TickRangeAt(t.Context(), "d", at(h))
		require.NoError(t, err)
		assert.Equal(t, want, got, "hour %d", h)
	}
}

// LivesAreNoted checks that the stretches in which a scheduler was at work are kept.
func LivesAreNoted(t *testing.T, s store.Store) {
	at := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	put := func(l *store.SchedulerLife) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutSchedulerLife(ctx, l) })
	}
	none, err := s.LastSchedulerLife(t.Context(), at(9))
	require.NoError(t, err)
	assert.Nil(t, none)
	first, second := &store.SchedulerLife{StartedAt: at(1), SeenAt: at(1), By: store.Process{Host: "a", PID: 7, Version: "1.2.3", Workers: 4}}, &store.SchedulerLife{StartedAt: at(5), SeenAt: at(6)}
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
