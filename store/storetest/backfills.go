//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// newBackfill stores a backfill of d with n dates, a day apart.
func newBackfill(t *testing.T, s store.Store, dagID string, n int) (*store.Backfill, []store.BackfillDate, bool) {
	b := &store.Backfill{
		DAGID: dagID, From: midnight, To: midnight.AddDate(0, 0, n), Reprocess: store.ReprocessFailed, MaxActiveRuns: 4, Backwards: true, Latest: n > 1,
		Conf: json.RawMessage(`{"a": 1}`), Version: "v", Actor: store.Actor{Name: "ü", Via: store.ViaChat}, State: store.BackfillRunning, CreatedAt: midnight.Add(time.Hour), UpdatedAt: midnight.Add(time.Hour),
	}
	ds := make([]store.BackfillDate, n)
	for i := range ds {
		at := midnight.AddDate(0, 0, i)
		ds[i] = store.BackfillDate{Ordinal: i, LogicalDate: at, Interval: timetable.Interval{Start: at, End: at.Add(time.Hour)}, RunAfter: at.Add(time.Minute)}
	}
	var created bool
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		created, err = tx.InsertBackfill(ctx, b, ds)
		return err
	})
	return b, ds, created
}

func backfillsAreStoredWhole(t *testing.T, open Open) {
	s := open(t, Node{})
	b, ds, created := newBackfill(t, s, "d", 1201)
	require.True(t, created)
	require.NotZero(t, b.ID)
	got, err := s.Backfill(t.Context(), b.ID)
	require.NoError(t, err)
	assert.Equal(t, b, got)
	_, err = s.Backfill(t.Context(), b.ID+1)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, created = newBackfill(t, s, "d", 2)
	assert.False(t, created, "one at a time")
	other, _, created := newBackfill(t, s, "e", 0)
	assert.True(t, created, "of another dag")

	left, err := s.BackfillDateLeft(t.Context(), b.ID)
	require.NoError(t, err)
	assert.Equal(t, &ds[0], left)
	r := newRun("d", "one", midnight)
	r.Type, r.State, r.BackfillID = dag.BackfillRun, dag.RunRunning, b.ID
	insert(t, s, r)
	for _, d := range []store.BackfillDate{{Ordinal: 0, Outcome: store.BackfillCreated, RunKey: r.Key}, {Ordinal: 1, Outcome: store.BackfillExists}} {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SettleBackfillDate(ctx, b.ID, &d) })
	}
	left, err = s.BackfillDateLeft(t.Context(), b.ID)
	require.NoError(t, err)
	assert.Equal(t, &ds[2], left)
	left, err = s.BackfillDateLeft(t.Context(), other.ID)
	require.NoError(t, err)
	assert.Nil(t, left)
	counts := func(want store.BackfillCounts) {
		got, err := s.BackfillCounts(t.Context(), b.ID)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	counts(store.BackfillCounts{Total: 1201, Left: 1199, Active: 1, Untouched: 1})
	queued, running, err := s.CountBackfillRuns(t.Context(), b.ID)
	require.NoError(t, err)
	assert.Equal(t, [2]int{0, 1}, [2]int{queued, running})
	own, err := s.CountOwnRuns(t.Context(), "d", dag.RunQueued, dag.RunRunning)
	require.NoError(t, err)
	assert.Zero(t, own)
	r.State = dag.RunFailed
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateRun(ctx, r) })
	counts(store.BackfillCounts{Total: 1201, Left: 1199, Failed: 1, Untouched: 1})
	rs, err := s.Runs(t.Context(), store.RunFilter{BackfillID: b.ID})
	require.NoError(t, err)
	assert.Equal(t, []*store.Run{r}, rs)

	opened, err := s.OpenBackfills(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.Backfill{b, other}, opened)
	b.State, b.UpdatedAt, b.CompletedAt, b.Version = store.BackfillCompleted, midnight.Add(3*time.Hour), midnight.Add(2*time.Hour), "made later"
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateBackfill(ctx, b) })
	one, err := s.OpenBackfill(t.Context(), "d")
	require.NoError(t, err)
	assert.Nil(t, one)
	one, err = s.OpenBackfill(t.Context(), "e")
	require.NoError(t, err)
	assert.Equal(t, other, one)
	last, _, created := newBackfill(t, s, "d", 1)
	assert.True(t, created, "the one before has ended")
	for name, c := range map[string]struct {
		f    store.BackfillFilter
		want []*store.Backfill
	}{
		"all, newest first":  {store.BackfillFilter{}, []*store.Backfill{last, other, b}},
		"of a DAG":           {store.BackfillFilter{DAGID: "d"}, []*store.Backfill{last, b}},
		"of some DAGs":       {store.BackfillFilter{DAGIDs: []string{"d", "x"}, Limit: 9}, []*store.Backfill{last, b}},
		"of no DAG":          {store.BackfillFilter{DAGIDs: []string{}}, nil},
		"of none of them":    {store.BackfillFilter{DAGID: "d", DAGIDs: []string{"x"}}, nil},
		"the newest":         {store.BackfillFilter{Limit: 1}, []*store.Backfill{last}},
		"without the newest": {store.BackfillFilter{Limit: 2, Offset: 1}, []*store.Backfill{other, b}},
		"the oldest":         {store.BackfillFilter{DAGID: "d", Limit: 1, Oldest: true}, []*store.Backfill{b}},
		"behind one":         {store.BackfillFilter{DAGID: "d", Limit: 5, Behind: last.ID}, []*store.Backfill{b}},
	} {
		got, err := s.Backfills(t.Context(), c.f)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
	for dagID, want := range map[string]int{"": 3, "d": 2, "x": 0} {
		n, err := s.CountBackfills(t.Context(), dagID)
		require.NoError(t, err)
		assert.Equal(t, want, n, dagID)
	}
}

func runsAreTakenOver(t *testing.T, open Open) {
	s := open(t, Node{})
	r := newRun("d", "scheduled__1", midnight.AddDate(0, 0, 1))
	before := newRun("d", "scheduled__0", midnight)
	filled := newRun("d", "backfill__2", midnight.AddDate(0, 0, 2))
	filled.Type, filled.BackfillID = dag.BackfillRun, 7
	insert(t, s, before, r, filled)
	r.Type, r.BackfillID = dag.BackfillRun, 7
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateRun(ctx, r) })
	got, err := s.Run(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, r, got)
	last, err := s.LastScheduled(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, r, last, "the schedule made it")
}
