//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

func runsAreStoredWhole(t *testing.T, open Open) {
	s := open(t, Node{})
	at := func(h int) time.Time { return midnight.Add(time.Duration(h)*time.Hour + time.Millisecond) }
	r := &store.Run{
		DAGID: "d", RunID: "manual__1", Type: dag.ManualRun, State: dag.RunQueued, LogicalDate: at(1), IntervalStart: at(2),
		IntervalEnd: at(3), RunAfter: at(4), QueuedAt: at(5), MadeBy: "by", Conf: json.RawMessage(`{"a": "ü"}`), Version: "v1",
		Actor: store.Actor{Name: "ü", Via: store.ViaCLI},
	}
	insert(t, s, r)
	require.NotZero(t, r.Key)
	got, err := s.Run(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, r, got)

	r.State, r.QueuedAt, r.StartDate, r.EndDate, r.Reason = dag.RunFailed, time.Time{}, at(6), at(7), "timed_out"
	r.MadeBy = "d/r/t/-1/1"
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateRun(ctx, r) })
	got, err = s.RunByID(t.Context(), "d", "manual__1")
	require.NoError(t, err)
	assert.Equal(t, r, got)

	_, err = s.Run(t.Context(), r.Key+1)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.RunByID(t.Context(), "d", "manual__2")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func runsAreUnique(t *testing.T, open Open) {
	s := open(t, Node{})
	insert(t, s, newRun("d", "one", midnight), newRun("d", "dateless", time.Time{}))
	for name, c := range map[string]struct {
		r    *store.Run
		want bool
	}{
		"the same run id":            {newRun("d", "one", midnight.Add(time.Hour)), false},
		"the same run id, no date":   {newRun("d", "one", time.Time{}), false},
		"the same logical date":      {newRun("d", "two", midnight), false},
		"the same run of other dag":  {newRun("e", "one", midnight), true},
		"another date":               {newRun("d", "three", midnight.Add(time.Millisecond)), true},
		"a second without a date":    {newRun("d", "dateless2", time.Time{}), true},
		"the same dateless id again": {newRun("d", "dateless", time.Time{}), false},
	} {
		var got bool
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			if got, err = tx.InsertRun(ctx, c.r); err != nil {
				return err
			}
			// What comes after a refusal in the same transaction lands all the same.
			return tx.PutVersion(ctx, name, "d", []byte(name), time.Unix(1, 0))
		})
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.want, c.r.Key != 0, "%s: the key", name)
		_, err := s.Version(t.Context(), name)
		require.NoError(t, err, name)
	}
	r, err := s.RunByID(t.Context(), "d", "one")
	require.NoError(t, err)
	assert.Equal(t, midnight, r.LogicalDate, "a refused run changes nothing")
}

// A provisional version is found until it is replaced, or its run is no longer queued.
func runsHaveProvisionalVersions(t *testing.T, open Open) {
	s := open(t, Node{})
	first, second, own := newRun("d", "first", midnight), newRun("d", "second", midnight.Add(-time.Hour)), newRun("d", "own", midnight.Add(time.Hour))
	first.Provisional, second.Provisional = true, true
	second.RunAfter = midnight.Add(-time.Hour)
	insert(t, s, first, second, own)
	found := func(want ...*store.Run) {
		t.Helper()
		rs, err := s.ProvisionalRuns(t.Context())
		require.NoError(t, err)
		require.Len(t, rs, len(want))
		for i := range want {
			assert.Equal(t, want[i], rs[i], "the earlier run_after first")
		}
	}
	found(second, first)
	first.Provisional, first.Version = false, "another"
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SetRunVersion(ctx, first) })
	found(second)
	got, err := s.Run(t.Context(), first.Key)
	require.NoError(t, err)
	assert.Equal(t, first, got)
	second.State = dag.RunFailed
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateRun(ctx, second) })
	found()
}

// Any number of schedulers, in any number of processes, create a run once.
func runsAreCreatedOnceByMany(t *testing.T, open Open) {
	const dates = 20
	var (
		created atomic.Int64
		wg      sync.WaitGroup
	)
	for n := range 2 {
		s := open(t, Node{Name: fmt.Sprint("node", n)})
		for range 3 {
			wg.Go(func() {
				for i := range dates {
					assert.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
						ok, err := tx.InsertRun(t.Context(), newRun("d", fmt.Sprint("run", i), midnight.AddDate(0, 0, i)))
						if ok {
							created.Add(1)
						}
						return err
					}))
				}
			})
		}
	}
	wg.Wait()
	assert.EqualValues(t, dates, created.Load())
}

func runsAreSelected(t *testing.T, open Open) {
	s := open(t, Node{})
	for i, c := range []struct {
		dag, id string
		typ     dag.RunType
		state   dag.RunState
		after   int
	}{
		{"d", "late", dag.ScheduledRun, dag.RunQueued, 3},
		{"d", "early", dag.ScheduledRun, dag.RunRunning, 1},
		{"d", "manual", dag.ManualRun, dag.RunSuccess, 2},
		{"e", "twin", dag.ScheduledRun, dag.RunQueued, 3},
		{"f", "failed", dag.ScheduledRun, dag.RunFailed, 0},
	} {
		r := newRun(c.dag, c.id, midnight.Add(time.Duration(i)*time.Hour))
		r.Type, r.State, r.RunAfter = c.typ, c.state, midnight.Add(time.Duration(c.after)*time.Minute)
		if c.state.Finished() {
			r.EndDate = r.RunAfter.Add(time.Hour)
		}
		insert(t, s, r)
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutDAG(ctx, &store.DAGState{ID: c.dag}) })
	}
	newest, err := s.NewestRuns(t.Context())
	require.NoError(t, err)
	var ids []string
	for _, r := range newest {
		ids = append(ids, r.RunID)
	}
	assert.ElementsMatch(t, []string{"late", "twin", "failed"}, ids, "the newest run of each DAG")
	newest, err = s.NewestRuns(t.Context(), "f", "never-run", "d")
	require.NoError(t, err)
	ids = nil
	for _, r := range newest {
		ids = append(ids, r.RunID)
	}
	assert.ElementsMatch(t, []string{"late", "failed"}, ids, "the newest run of some DAGs")
	for limit, want := range map[int][]string{1: {"late", "failed"}, 2: {"late", "manual", "failed"}, 9: {"late", "manual", "early", "failed"}} {
		recent, err := s.RecentRuns(t.Context(), limit, "f", "never-run", "d")
		require.NoError(t, err)
		ids = nil
		for _, r := range recent {
			one, err := s.Run(t.Context(), r.Key)
			require.NoError(t, err)
			assert.Equal(t, one, r)
			ids = append(ids, r.RunID)
		}
		assert.Equal(t, want, ids, "the %d newest runs of some DAGs", limit)
	}
	none, err := s.RecentRuns(t.Context(), 9)
	require.NoError(t, err)
	assert.Empty(t, none)
	since := midnight.Add(time.Hour + time.Minute)
	for name, c := range map[string]struct {
		f    store.RunFilter
		want []string
	}{
		"everything, oldest first": {store.RunFilter{}, []string{"failed", "early", "manual", "late", "twin"}},
		"the newest, newest first": {store.RunFilter{Limit: 3}, []string{"twin", "late", "manual"}},
		"one dag":                  {store.RunFilter{DAGID: "d"}, []string{"early", "manual", "late"}},
		"some dags":                {store.RunFilter{DAGIDs: []string{"d", "x"}, Limit: 2}, []string{"late", "manual"}},
		"no dag":                   {store.RunFilter{DAGIDs: []string{}}, nil},
		"none of them":             {store.RunFilter{DAGID: "d", DAGIDs: []string{"e"}}, nil},
		"two states":               {store.RunFilter{States: []dag.RunState{dag.RunQueued, dag.RunRunning}}, []string{"early", "late", "twin"}},
		"all at once":              {store.RunFilter{DAGID: "d", Type: dag.ScheduledRun, States: []dag.RunState{dag.RunQueued}, Limit: 9}, []string{"late"}},
		"since":                    {store.RunFilter{Since: since}, []string{"early", "manual", "late", "twin"}},
		"the newest since":         {store.RunFilter{Since: since, Limit: 2}, []string{"twin", "late"}},
		"ended since":              {store.RunFilter{Since: since, States: []dag.RunState{dag.RunSuccess, dag.RunFailed}}, []string{"manual"}},
		"from a date":              {store.RunFilter{DAGID: "d", From: midnight.Add(time.Hour)}, []string{"early", "manual"}},
		"to a date":                {store.RunFilter{DAGID: "d", To: midnight.Add(time.Hour)}, []string{"early", "late"}},
		"of one date":              {store.RunFilter{From: midnight.Add(2 * time.Hour), To: midnight.Add(2 * time.Hour)}, []string{"manual"}},
		"nothing":                  {store.RunFilter{DAGID: "x"}, nil},
	} {
		rs, err := s.Runs(t.Context(), c.f)
		require.NoError(t, err, name)
		var got []string
		for _, r := range rs {
			got = append(got, r.RunID)
		}
		assert.Equal(t, c.want, got, name)
	}
	runsHavePages(t, s)
	running, queued, err := s.OpenRuns(t.Context())
	require.NoError(t, err)
	early, err := s.RunByID(t.Context(), "d", "early")
	require.NoError(t, err)
	assert.Equal(t, []int64{early.Key}, running)
	assert.ElementsMatch(t, []string{"d", "e"}, queued)
	n, err := s.CountRuns(t.Context(), "d", dag.RunQueued, dag.RunRunning)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}

// runsHavePages reads the runs of runsAreSelected a page at a time.
func runsHavePages(t *testing.T, s store.Store) {
	all, err := s.Runs(t.Context(), store.RunFilter{Limit: 9})
	require.NoError(t, err)
	require.Len(t, all, 5)
	place := &store.RunPlace{RunAfter: all[0].RunAfter, Key: all[0].Key}
	for name, c := range map[string]struct {
		f    store.RunFilter
		want []*store.Run
	}{
		"a later page":                 {store.RunFilter{Limit: 2, Offset: 2}, all[2:4]},
		"the end":                      {store.RunFilter{Limit: 2, Offset: 4}, all[4:]},
		"behind one of the same time":  {store.RunFilter{Limit: 2, Behind: place}, all[1:3]},
		"behind one, what ended since": {store.RunFilter{Limit: 9, Behind: place, Since: all[4].EndDate.Add(time.Second)}, all[1:4]},
	} {
		got, err := s.Runs(t.Context(), c.f)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
	n, err := s.CountMatching(t.Context(), store.RunFilter{Limit: 1, Offset: 7, Behind: place})
	require.NoError(t, err)
	assert.Equal(t, 5, n, "whatever the page")
	n, err = s.CountMatching(t.Context(), store.RunFilter{DAGID: "d", States: []dag.RunState{dag.RunQueued, dag.RunSuccess}})
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}

func runsBeforeARun(t *testing.T, open Open) {
	s := open(t, Node{})
	last, err := s.LastScheduled(t.Context(), "d")
	require.NoError(t, err)
	assert.Nil(t, last)

	day := func(id string, n int, typ dag.RunType, state dag.RunState) *store.Run {
		r := newRun("d", id, midnight.AddDate(0, 0, n))
		r.Type, r.State = typ, state
		insert(t, s, r)
		return r
	}
	// Not in the order of their dates: a backfill comes late.
	third := day("third", 3, dag.ScheduledRun, dag.RunFailed)
	first := day("first", 1, dag.ScheduledRun, dag.RunSuccess)
	second := day("second", 2, dag.ManualRun, dag.RunSuccess)
	fourth := day("fourth", 4, dag.ManualRun, dag.RunSuccess)
	dateless := newRun("d", "dateless", time.Time{})
	later := newRun("d", "later", time.Time{})
	later.RunAfter = later.RunAfter.Add(time.Hour)
	insert(t, s, later, dateless)

	last, err = s.LastScheduled(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, third, last, "manual runs and order of creation do not count")
	for _, c := range []struct {
		r         *store.Run
		automatic bool
		want      *store.Run
	}{{third, false, second}, {third, true, first}, {first, false, nil}, {dateless, false, fourth}, {dateless, true, first}, {later, false, dateless}} {
		got, err := s.PreviousRun(t.Context(), c.r, c.automatic)
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "%s %t", c.r.RunID, c.automatic)
	}
	for hours, want := range map[int]*store.Run{0: first, 24: first, 35: first, 37: second, 60: second, 300: fourth} {
		got, err := s.NearestRun(t.Context(), "d", midnight.Add(time.Duration(hours)*time.Hour))
		require.NoError(t, err)
		assert.Equal(t, want, got, "%d hours", hours)
	}
	none, err := s.NearestRun(t.Context(), "other", midnight)
	require.NoError(t, err)
	assert.Nil(t, none)
	for r, want := range map[*store.Run]*store.Run{third: second, second: first, first: nil, dateless: nil} {
		got, err := s.PreviousSuccess(t.Context(), r)
		require.NoError(t, err)
		assert.Equal(t, want, got, r.RunID)
	}
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
