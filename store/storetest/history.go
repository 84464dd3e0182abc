//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// hour is a moment of the day of these tests.
func hour(n int) time.Time { return midnight.Add(time.Duration(n) * time.Hour) }

// endedRun adds a run of DAG d that was due at an hour and ended at another.
func endedRun(t *testing.T, s store.Store, dagID string, due, end int) *store.Run {
	r := newRun(dagID, fmt.Sprintf("r%d", due), hour(due))
	r.RunAfter = hour(due)
	insert(t, s, r)
	r.State, r.StartDate, r.EndDate = dag.RunSuccess, hour(due), hour(end)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateRun(ctx, r) })
	return r
}

func placeOf(r *store.Run) *store.RunPlace { return &store.RunPlace{RunAfter: r.RunAfter, Key: r.Key} }

func runIDs(rs []*store.Run) (ids []string) {
	for _, r := range rs {
		ids = append(ids, r.RunID)
	}
	return ids
}

func endedRunsAreFound(t *testing.T, open Open) {
	s := open(t, Node{})
	none, err := s.RunsOfDAGs(t.Context(), 0, 0)
	require.NoError(t, err)
	assert.Empty(t, none)
	first, late, third, fourth := endedRun(t, s, "d", 1, 2), endedRun(t, s, "d", 2, 9), endedRun(t, s, "d", 3, 4), endedRun(t, s, "d", 4, 5)
	queued := newRun("d", "queued", hour(0))
	queued.RunAfter = hour(0)
	insert(t, s, queued)
	endedRun(t, s, "b", 1, 2)
	dags := func(with store.Prunable, newest int, want ...*store.RunsOfDAG) {
		got, err := s.RunsOfDAGs(t.Context(), with, newest)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	dags(0, 1, &store.RunsOfDAG{DAGID: "b", Earliest: hour(1)}, &store.RunsOfDAG{DAGID: "d", Earliest: hour(0), More: true})
	dags(0, 4, &store.RunsOfDAG{DAGID: "b", Earliest: hour(1)}, &store.RunsOfDAG{DAGID: "d", Earliest: hour(0), More: true})
	dags(store.PrunableLogs, 5, &store.RunsOfDAG{DAGID: "b", Earliest: hour(1)}, &store.RunsOfDAG{DAGID: "d", Earliest: hour(1)})
	list := func(f store.EndedRuns) []string {
		if f.DAGID == "" {
			f.DAGID = "d"
		}
		if f.Limit == 0 {
			f.Limit = 9
		}
		rs, err := s.EndedRuns(t.Context(), f)
		require.NoError(t, err)
		return runIDs(rs)
	}
	assert.Empty(t, list(store.EndedRuns{}), "none is old")
	assert.Empty(t, list(store.EndedRuns{Before: hour(2)}), "none ended before")
	assert.Equal(t, []string{"r1", "r3"}, list(store.EndedRuns{Before: hour(5)}), "by their ends")
	assert.Equal(t, []string{"r1", "r2", "r3", "r4"}, list(store.EndedRuns{Before: hour(24)}))
	assert.Equal(t, []string{"r1", "r2"}, list(store.EndedRuns{OrUpTo: placeOf(late)}), "by their places")
	assert.Equal(t, []string{"r1", "r2", "r3"}, list(store.EndedRuns{Before: hour(5), OrUpTo: placeOf(late)}))
	assert.Equal(t, []string{"r1", "r2"}, list(store.EndedRuns{Before: hour(24), UpTo: placeOf(late)}), "some are kept by their places")
	assert.Equal(t, []string{"r3", "r4"}, list(store.EndedRuns{Before: hour(24), Behind: placeOf(late)}))
	assert.Equal(t, []string{"r1", "r2"}, list(store.EndedRuns{Before: hour(24), Limit: 2}))
	assert.Equal(t, []string{"r1"}, list(store.EndedRuns{DAGID: "b", Before: hour(24)}))

	mark := func(r *store.Run, what store.Prunable) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			ok, err := tx.MarkPruned(ctx, r.Key, what)
			assert.True(t, ok)
			return err
		})
	}
	mark(first, store.PrunableLogs)
	mark(third, store.PrunableXComs)
	mark(fourth, store.PrunableLogs)
	mark(fourth, store.PrunableXComs)
	dags(store.PrunableLogs, 9, &store.RunsOfDAG{DAGID: "b", Earliest: hour(1)}, &store.RunsOfDAG{DAGID: "d", Earliest: hour(2)})
	dags(store.PrunableXComs, 9, &store.RunsOfDAG{DAGID: "b", Earliest: hour(1)}, &store.RunsOfDAG{DAGID: "d", Earliest: hour(1)})
	assert.Equal(t, []string{"r2", "r3"}, list(store.EndedRuns{Before: hour(24), With: store.PrunableLogs}))
	assert.Equal(t, []string{"r1", "r2"}, list(store.EndedRuns{Before: hour(24), With: store.PrunableXComs}), "in one order")
	assert.Equal(t, []string{"r1"}, list(store.EndedRuns{Before: hour(24), With: store.PrunableXComs, Limit: 1}))
	// It is cleared, and ends again.
	for _, state := range []dag.RunState{dag.RunQueued, dag.RunSuccess} {
		first.State, first.EndDate = state, hour(10)
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateRun(ctx, first) })
	}
	assert.Equal(t, []string{"r1", "r2", "r3"}, list(store.EndedRuns{Before: hour(24), With: store.PrunableLogs}), "what was cleared has logs again")
}

func runsWithLogsAreFound(t *testing.T, open Open) {
	s := open(t, Node{})
	kept := func(dagID string, runIDs ...string) map[string]bool {
		got, err := s.KeptLogs(t.Context(), dagID, runIDs)
		require.NoError(t, err)
		return got
	}
	assert.Empty(t, kept("d", "r1"))
	identity, err := s.Identity(t.Context())
	require.NoError(t, err)
	assert.Regexp(t, `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`, identity)
	first, second, third := endedRun(t, s, "d", 1, 2), endedRun(t, s, "d", 2, 3), endedRun(t, s, "d", 3, 4)
	endedRun(t, s, "other", 4, 5)
	insert(t, s, newRun("d", `queued "quoted" 值`, hour(5)))
	all := []string{"r1", "r2", "r3", "r4", `queued "quoted" 值`}
	assert.Equal(t, map[string]bool{"r1": true, "r2": true, "r3": true, `queued "quoted" 值`: true}, kept("d", all...))
	assert.Equal(t, map[string]bool{"r4": true}, kept("other", all...))
	assert.Equal(t, map[string]bool{"r2": true}, kept("d", "r2", "gone"))
	assert.Empty(t, kept("d"))
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for r, what := range map[*store.Run][]store.Prunable{first: {store.PrunableLogs}, second: {store.PrunableXComs}, third: {store.PrunableXComs, store.PrunableLogs}} {
			for _, one := range what {
				if _, err := tx.MarkPruned(ctx, r.Key, one); err != nil {
					return err
				}
			}
		}
		return nil
	})
	assert.Equal(t, map[string]bool{"r2": true, `queued "quoted" 值`: true}, kept("d", all...))
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.RemoveRun(ctx, second.Key)
		return err
	})
	assert.Equal(t, map[string]bool{`queued "quoted" 值`: true}, kept("d", all...))
	third.State = dag.RunQueued // it is cleared, and has logs again
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateRun(ctx, third) })
	assert.Equal(t, map[string]bool{"r3": true, `queued "quoted" 值`: true}, kept("d", all...))
}

// fillRun gives a run rows of every kind.
func fillRun(t *testing.T, s store.Store, r *store.Run, instances int) {
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for i := range instances {
			in := &store.Instance{RunKey: r.Key, TaskID: "t", MapIndex: i, State: dag.Success, Try: 1, MaxTries: 1}
			if err := tx.PutInstances(ctx, []*store.Instance{in}); err != nil {
				return err
			}
			if err := tx.PutXCom(ctx, r.Key, "t", i, "return_value", json.RawMessage("1")); err != nil {
				return err
			}
			if err := tx.PutTaskProgress(ctx, in, "k", "v"); err != nil {
				return err
			}
			if err := tx.PutRenderedFields(ctx, &store.RenderedTry{RunKey: r.Key, DAGID: r.DAGID, TaskID: "t", MapIndex: i, Try: 1, At: hour(1), Fields: json.RawMessage("[]")}, 30); err != nil {
				return err
			}
		}
		return tx.PutDeadline(ctx, &store.RunDeadline{RunKey: r.Key, At: hour(1)})
	})
}

func removeRun(t *testing.T, s store.Store, key int64) (ok bool) {
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		ok, err = tx.RemoveRun(ctx, key)
		return err
	})
	return ok
}

func runsAreRemoved(t *testing.T, open Open) {
	s := open(t, Node{})
	gone, kept := endedRun(t, s, "d", 1, 2), endedRun(t, s, "d", 2, 3)
	fillRun(t, s, gone, 3)
	fillRun(t, s, kept, 1)
	event := &store.AssetEvent{URI: "s3://a", At: hour(1), DAGID: "p", RunID: "r", TaskID: "t", MapIndex: -1}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.InsertAssetEvent(ctx, event, []string{"d"}); err != nil {
			return err
		}
		return tx.TakeAssetEvents(ctx, "d", gone.Key)
	})
	require.True(t, removeRun(t, s, gone.Key))
	assert.False(t, removeRun(t, s, gone.Key), "it is gone")
	_, err := s.Run(t.Context(), gone.Key)
	require.ErrorIs(t, err, store.ErrNotFound)
	taken, err := s.TakenAssetEvents(t.Context(), gone.Key)
	require.NoError(t, err)
	assert.Empty(t, taken)
	due, err := s.DueDeadlines(t.Context(), hour(9))
	require.NoError(t, err)
	assert.Equal(t, []*store.RunDeadline{{RunKey: kept.Key, At: hour(1)}}, due)

	left, err := s.RemovedRuns(t.Context(), 0, 9)
	require.NoError(t, err)
	assert.Equal(t, []*store.RemovedRun{{Key: gone.Key, DAGID: "d", RunID: "r1"}}, left)
	left, err = s.RemovedRuns(t.Context(), gone.Key, 9)
	require.NoError(t, err)
	assert.Empty(t, left)
	rows := func(key int64) store.RunRows {
		n, err := s.RowsOfRun(t.Context(), key)
		require.NoError(t, err)
		return n
	}
	assert.Equal(t, store.RunRows{Instances: 3, XComs: 3}, rows(gone.Key))
	var steps []store.RunRows
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for {
			n, err := tx.RemoveRowsOfRun(ctx, gone.Key, 5)
			steps = append(steps, n)
			if err != nil || n.Total() < 5 {
				return err
			}
		}
	})
	assert.Equal(t, []store.RunRows{{Instances: 3, XComs: 2}, {XComs: 1, Others: 4}, {Others: 2}}, steps)
	assert.Zero(t, rows(gone.Key))
	v, err := s.RenderedFields(t.Context(), gone.Key, "t", 0, 1)
	require.NoError(t, err)
	assert.Nil(t, v)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.ForgetRun(ctx, gone.Key) })
	left, err = s.RemovedRuns(t.Context(), 0, 9)
	require.NoError(t, err)
	assert.Empty(t, left)

	assert.Equal(t, store.RunRows{Instances: 1, XComs: 1}, rows(kept.Key), "the other run has everything")
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		n, err := tx.RemoveXComs(ctx, kept.Key, 5)
		assert.Equal(t, 1, n)
		return err
	})
	assert.Equal(t, store.RunRows{Instances: 1}, rows(kept.Key))
	again := newRun("d", "r1", hour(1))
	insert(t, s, again)
	assert.NotEqual(t, gone.Key, again.Key)
}

// What is at work is not removed, nor what still writes of a run that has ended.
func openRunsAreNotRemoved(t *testing.T, open Open) {
	s := open(t, Node{})
	queued := newRun("d", "q", hour(1))
	insert(t, s, queued)
	r := endedRun(t, s, "d", 2, 3)
	marked := func(key int64) (ok bool) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			ok, err = tx.MarkPruned(ctx, key, store.PrunableLogs)
			return err
		})
		return ok
	}
	assert.False(t, removeRun(t, s, queued.Key))
	assert.False(t, marked(queued.Key))
	for _, state := range []dag.State{dag.Running, dag.Queued, dag.Restarting, dag.UpForRetry} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutInstances(ctx, []*store.Instance{{RunKey: r.Key, TaskID: "t", MapIndex: -1, State: state}})
		})
		assert.False(t, removeRun(t, s, r.Key), "%s", state)
		assert.False(t, marked(r.Key), "%s", state)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			if err := tx.PutXCom(ctx, r.Key, "t", -1, "k", json.RawMessage("1")); err != nil {
				return err
			}
			n, err := tx.RemoveXComs(ctx, r.Key, 9)
			assert.Zero(t, n, "%s", state)
			return err
		})
	}
	for _, state := range []dag.State{dag.None, dag.Success, dag.Failed, dag.Skipped, dag.UpstreamFailed, dag.Removed} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutInstances(ctx, []*store.Instance{{RunKey: r.Key, TaskID: "t", MapIndex: -1, State: state}})
		})
		assert.True(t, marked(r.Key), "%s", state)
	}
	assert.True(t, removeRun(t, s, r.Key))
}

// old are the ids of the rows that may go.
func old(t *testing.T, s store.Store, f store.OldRows) []int64 {
	if f.Limit == 0 {
		f.Limit = 100
	}
	p, err := s.OldRows(t.Context(), f)
	require.NoError(t, err)
	return p.IDs
}

func removeRows(t *testing.T, s store.Store, kind store.OldKind, ids ...int64) {
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.RemoveRows(ctx, kind, ids) })
}

func oldAlerts(t *testing.T, open Open) {
	s := open(t, Node{})
	var ds []*store.Delivery
	for i, state := range []store.DeliveryState{
		store.DeliveryDelivered, store.DeliveryWaiting, store.DeliverySending, store.DeliveryUncertain, store.DeliveryRefused, store.DeliveryDelivered,
	} {
		ds = append(ds, &store.Delivery{State: state, Channel: "c", Payload: json.RawMessage("{}"), CreatedAt: hour(i), UpdatedAt: hour(i)})
	}
	ds[0].UpdatedAt = hour(20)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, ds) })
	rows := func(f store.OldRows) []int64 {
		f.Kind = store.OldAlerts
		return old(t, s, f)
	}
	assert.Empty(t, rows(store.OldRows{Before: hour(4)}))
	assert.Equal(t, []int64{ds[4].ID}, rows(store.OldRows{Before: hour(5)}), "the first was delivered later")
	assert.Equal(t, []int64{ds[0].ID, ds[4].ID, ds[5].ID}, rows(store.OldRows{Before: hour(24)}), "what waits, is sent or is uncertain stays")
	assert.Equal(t, []int64{ds[0].ID, ds[4].ID}, rows(store.OldRows{Newest: 1}))
	assert.Empty(t, rows(store.OldRows{Newest: 6}))
	assert.Empty(t, rows(store.OldRows{}))
	p, err := s.OldRows(t.Context(), store.OldRows{Kind: store.OldAlerts, Before: hour(24), Limit: 5})
	require.NoError(t, err)
	assert.Equal(t, &store.OldPage{IDs: []int64{ds[0].ID, ds[4].ID}, Next: ds[4].ID}, p)
	p, err = s.OldRows(t.Context(), store.OldRows{Kind: store.OldAlerts, Before: hour(24), Limit: 5, After: p.Next})
	require.NoError(t, err)
	assert.Equal(t, &store.OldPage{IDs: []int64{ds[5].ID}}, p)
	try := func(d *store.Delivery) *store.DeliveryAttempt {
		return &store.DeliveryAttempt{DeliveryID: d.ID, Attempt: 1, At: hour(1), EndedAt: hour(1), Outcome: store.AttemptDelivered}
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.PutDeliveryAttempt(ctx, try(ds[4])), tx.PutDeliveryAttempt(ctx, try(ds[5])))
	})
	removeRows(t, s, store.OldAlerts, ds[0].ID, ds[5].ID)
	tries, err := s.DeliveryAttempts(t.Context(), ds[4].ID, ds[5].ID)
	require.NoError(t, err)
	assert.Equal(t, []*store.DeliveryAttempt{try(ds[4])}, tries, "the tries of a message go with it")
	assert.Equal(t, []int64{ds[4].ID}, rows(store.OldRows{Before: hour(24)}))
	_, err = s.OldRows(t.Context(), store.OldRows{Kind: "feathers", Limit: 1})
	require.Error(t, err)
}

// What was silenced or told by another message goes like what was sent, but not before that one.
func oldAlertsPutAside(t *testing.T, open Open) {
	s := open(t, Node{})
	digest := &store.Delivery{State: store.DeliveryUncertain, Channel: "c", Payload: json.RawMessage("{}"), CreatedAt: hour(1), UpdatedAt: hour(1)}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{digest})
	})
	silenced, folded, told := *digest, *digest, *digest
	silenced.State, folded.State, told.State = store.DeliverySilenced, store.DeliveryFolded, store.DeliveryFolded
	folded.DigestID, told.DigestID = digest.ID, 99 // that one is gone
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{&silenced, &folded, &told})
	})
	gone := func() []int64 { return old(t, s, store.OldRows{Kind: store.OldAlerts, Before: hour(24)}) }
	assert.Equal(t, []int64{silenced.ID, told.ID}, gone())
	digest.State = store.DeliveryDelivered
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateDelivery(ctx, digest, store.DeliveryUncertain)
	})
	assert.Equal(t, []int64{digest.ID, silenced.ID, folded.ID, told.ID}, gone())
}

func oldTicks(t *testing.T, open Open) {
	s := open(t, Node{})
	tick := func(dagID string, n int) *store.TickRange {
		r := &store.TickRange{DAGID: dagID, First: hour(n), Last: hour(n), Count: 1, Outcome: store.TickMissed, RecordedAt: hour(n)}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertTickRange(ctx, r) })
		return r
	}
	first, _, second, third := tick("d", 1), tick("e", 1), tick("d", 2), tick("d", 3)
	assert.Equal(t, []int64{first.ID}, old(t, s, store.OldRows{Kind: store.OldTicks, Before: hour(2)}))
	assert.Equal(t, []int64{first.ID, second.ID}, old(t, s, store.OldRows{Kind: store.OldTicks, Before: hour(24)}), "the last one of each DAG stays")
	removeRows(t, s, store.OldTicks, first.ID, second.ID)
	ts, err := s.TickRanges(t.Context(), "d", 0)
	require.NoError(t, err)
	assert.Equal(t, []*store.TickRange{third}, ts)

	for i := range 4 { // seen, paused, unpaused, paused
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.InsertPause(ctx, "d", &store.Pause{At: hour(i), Paused: i%2 == 1})
		})
	}
	assert.Empty(t, old(t, s, store.OldRows{Kind: store.OldPauses, Before: hour(24)}), "no run tells how far ticks are on record")
	endedRun(t, s, "d", 2, 3)
	assert.Len(t, old(t, s, store.OldRows{Kind: store.OldPauses, Before: hour(24)}), 1)
	endedRun(t, s, "d", 5, 6)
	gone := old(t, s, store.OldRows{Kind: store.OldPauses, Before: hour(24)})
	assert.Len(t, gone, 2, "the first and the last stay")
	removeRows(t, s, store.OldPauses, gone...)
	ps, err := s.Pauses(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, []*store.Pause{{At: hour(0)}, {At: hour(3), Paused: true}}, ps)

	for i := range 3 {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutSchedulerLife(ctx, &store.SchedulerLife{StartedAt: hour(2 * i), SeenAt: hour(2*i + 1)})
		})
	}
	assert.Equal(t, []int64{1}, old(t, s, store.OldRows{Kind: store.OldLives, Before: hour(3)}))
	assert.Equal(t, []int64{1, 2}, old(t, s, store.OldRows{Kind: store.OldLives, Before: hour(24)}), "the last one stays")
	removeRows(t, s, store.OldLives, 1, 2)
	lives, err := s.SchedulerLives(t.Context(), hour(0))
	require.NoError(t, err)
	assert.Len(t, lives, 1)

	fault := func(dagID string, since, until int) *store.ImportError {
		e := &store.ImportError{File: "f.yaml", DAGID: dagID, Since: hour(since), Text: "wrong"}
		if until > 0 {
			e.Until = hour(until)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutImportError(ctx, e) })
		return e
	}
	file, _, told, _, _ := fault("", 0, 1), fault("", 0, 0), fault("d", 1, 2), fault("d", 2, 9), fault("new", 1, 2)
	assert.Equal(t, []int64{file.ID, told.ID}, old(t, s, store.OldRows{Kind: store.OldImportErrors, Before: hour(24)}), "what is broken, and what ticks are told by, stays")
	assert.Empty(t, old(t, s, store.OldRows{Kind: store.OldImportErrors, Before: hour(1)}))
}

func oldAssetEvents(t *testing.T, open Open) {
	s := open(t, Node{})
	put := func(uri string, at int, told ...string) int64 {
		e := &store.AssetEvent{URI: uri, At: hour(at), DAGID: "p", RunID: "r", TaskID: "t", MapIndex: -1}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertAssetEvent(ctx, e, told) })
		return e.ID
	}
	r := endedRun(t, s, "d", 1, 2)
	taken := put("s3://a", 1, "d")
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.TakeAssetEvents(ctx, "d", r.Key) })
	put("s3://a", 2, "d")
	untold := put("s3://a", 3)
	put("s3://a", 4)
	put("s3://b", 5)
	events := func() []int64 { return old(t, s, store.OldRows{Kind: store.OldAssetEvents, Before: hour(24)}) }
	assert.Equal(t, []int64{untold}, events(), "what was taken, what is waited for and the newest of each stay")
	require.True(t, removeRun(t, s, r.Key))
	assert.Equal(t, []int64{taken, untold}, events(), "the run that took it is gone")
	removeRows(t, s, store.OldAssetEvents, taken, untold)
	assert.Empty(t, events())
	waiting, err := s.WaitingAssetEvents(t.Context(), "d", []string{"s3://a"})
	require.NoError(t, err)
	assert.Len(t, waiting, 1)
}

func oldBackfills(t *testing.T, open Open) {
	s := open(t, Node{})
	b, _, created := newBackfill(t, s, "d", 3)
	require.True(t, created)
	r := newRun("d", "b", hour(1))
	r.BackfillID = b.ID
	insert(t, s, r)
	rows := func() []int64 {
		return old(t, s, store.OldRows{Kind: store.OldBackfills, Before: midnight.AddDate(9, 0, 0)})
	}
	assert.Empty(t, rows(), "it is open")
	b.State, b.CompletedAt = store.BackfillCompleted, hour(9)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateBackfill(ctx, b) })
	assert.Empty(t, rows(), "it has a run")
	r.State, r.EndDate = dag.RunSuccess, hour(9)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateRun(ctx, r) })
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.SettleBackfillDate(ctx, b.ID, &store.BackfillDate{Outcome: store.BackfillCreated, RunKey: r.Key})
	})
	counts := func() store.BackfillCounts {
		c, err := s.BackfillCounts(t.Context(), b.ID)
		require.NoError(t, err)
		return c
	}
	assert.Equal(t, store.BackfillCounts{Total: 3, Left: 2, Success: 1}, counts())
	require.True(t, removeRun(t, s, r.Key))
	assert.Equal(t, store.BackfillCounts{Total: 3, Left: 2, Removed: 1}, counts())
	assert.Equal(t, []int64{b.ID}, rows())
	removeRows(t, s, store.OldBackfills, b.ID)
	_, err := s.Backfill(t.Context(), b.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
	left, err := s.BackfillDateLeft(t.Context(), b.ID)
	require.NoError(t, err)
	assert.Nil(t, left, "its dates are gone")
}

func oldRequests(t *testing.T, open Open) {
	s := open(t, Node{})
	first, _, third := ask(t, s, "clear"), ask(t, s, "mark"), ask(t, s, "clear")
	for i, r := range []*store.Request{first, third} {
		r.DoneAt = hour(5 + i)
		write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.AnswerRequest(ctx, r); return err })
	}
	assert.Equal(t, []int64{first.ID}, old(t, s, store.OldRows{Kind: store.OldRequests, Before: hour(6)}))
	assert.Equal(t, []int64{first.ID, third.ID}, old(t, s, store.OldRows{Kind: store.OldRequests, Before: hour(24)}), "what nobody has answered stays")
	assert.Equal(t, []int64{first.ID}, old(t, s, store.OldRows{Kind: store.OldRequests, Newest: 1}))
	removeRows(t, s, store.OldRequests, first.ID)
	_, err := s.Request(t.Context(), first.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func oldEvents(t *testing.T, open Open) {
	s := open(t, Node{})
	for i := range 3 {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.InsertEvents(ctx, &store.Event{At: hour(i), Kind: store.EventClear, DAGID: "d"})
		})
	}
	first := old(t, s, store.OldRows{Kind: store.OldEvents, Before: hour(1)})
	assert.Len(t, first, 1)
	assert.Len(t, old(t, s, store.OldRows{Kind: store.OldEvents, Newest: 1}), 2)
	removeRows(t, s, store.OldEvents, first...)
	n, err := s.CountEvents(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}

func oldJobs(t *testing.T, open Open) {
	s := open(t, Node{})
	Enqueue(t, s, "a", "b", "c")
	ended, blocked := make(chan bool, 3), make(chan bool)
	Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		if j.TaskID == "c" {
			<-blocked
		}
		err := Complete(ctx, s, j)
		ended <- true
		return err
	}})
	<-ended
	<-ended
	later := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	assert.Empty(t, old(t, s, store.OldRows{Kind: store.OldJobs, Before: hour(0)}))
	assert.Empty(t, old(t, s, store.OldRows{Kind: store.OldJobs}))
	jobs := old(t, s, store.OldRows{Kind: store.OldJobs, Before: later})
	assert.Len(t, jobs, 2, "the one at work stays")
	assert.Len(t, old(t, s, store.OldRows{Kind: store.OldJobs, Before: later, Limit: 1}), 1)
	removeRows(t, s, store.OldJobs, jobs...)
	assert.Empty(t, old(t, s, store.OldRows{Kind: store.OldJobs, Before: later}))
	close(blocked)
	<-ended
}

func unusedVersions(t *testing.T, open Open) {
	s := open(t, Node{})
	for _, v := range []string{"of_backfill", "of_dag", "of_run", "old", "older"} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutVersion(ctx, v, "d", []byte(v), time.Unix(1, 0))
		})
	}
	r := newRun("d", "r", hour(1))
	r.Version = "of_run"
	insert(t, s, r)
	b, _, created := newBackfill(t, s, "d", 1)
	require.True(t, created)
	b.Version = "of_backfill"
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.UpdateBackfill(ctx, b); err != nil {
			return err
		}
		return tx.PutDAG(ctx, &store.DAGState{ID: "d", Version: "of_dag", Active: true})
	})
	unused, last, err := s.UnusedVersions(t.Context(), "", math.MaxInt32)
	require.NoError(t, err)
	assert.Equal(t, []string{"old", "older"}, unused)
	assert.Empty(t, last)
	unused, last, err = s.UnusedVersions(t.Context(), "", 4)
	require.NoError(t, err)
	assert.Equal(t, []string{"old"}, unused)
	assert.Equal(t, "old", last)
	unused, last, err = s.UnusedVersions(t.Context(), last, 4)
	require.NoError(t, err)
	assert.Equal(t, []string{"older"}, unused)
	assert.Empty(t, last)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.RemoveVersions(ctx, []string{"old"}) })
	_, err = s.Version(t.Context(), "old")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Version(t.Context(), "older")
	require.NoError(t, err)
}

func spaceIsTold(t *testing.T, open Open) {
	s := open(t, Node{})
	insert(t, s, newRun("d", "r", time.Time{}))
	before, err := s.Space(t.Context())
	require.NoError(t, err)
	assert.True(t, before.Shrinks, "history that is removed gives its space back")
	assert.Positive(t, before.Total)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		now, err := tx.Space(ctx)
		assert.Positive(t, now.Total)
		return errors.Join(err, tx.GiveBack(ctx, 1_000_000))
	})
}

// SpaceIsGivenBack is the test of a store in a file, which is as large as it was until the space that is not used is
// given back.
func SpaceIsGivenBack(t *testing.T, open Open) {
	s := open(t, Node{})
	before, err := s.Space(t.Context())
	require.NoError(t, err)
	require.True(t, before.Shrinks, "history that is removed gives its space back")
	r := endedRun(t, s, "d", 1, 2)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for i := range 100 {
			if err := tx.PutXCom(ctx, r.Key, "t", i, "k", json.RawMessage(`"`+string(make([]byte, 20_000))+`"`)); err != nil {
				return err
			}
		}
		_, err := tx.RemoveXComs(ctx, r.Key, 1000)
		return err
	})
	full, err := s.Space(t.Context())
	require.NoError(t, err)
	assert.Greater(t, full.Unused, int64(1_900_000))
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.GiveBack(ctx, 1_000_000) })
	half, err := s.Space(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, full.Unused-1_000_000, half.Unused, 20_000)
	assert.InDelta(t, full.Total-1_000_000, half.Total, 20_000)
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.GiveBack(ctx, half.Unused) })
	empty, err := s.Space(t.Context())
	require.NoError(t, err)
	assert.Zero(t, empty.Unused)
}

func removeOne(t *testing.T, open Open) {
	s := open(t, Node{})
	r := &store.Run{DAGID: "d", RunID: "r", Type: dag.ManualRun, State: dag.RunSuccess, RunAfter: midnight, EndDate: midnight, Version: "v"}
	write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertRun(ctx, r); return err })
	one := &store.Instance{RunKey: r.Key, TaskID: "t", MapIndex: 1, State: dag.Success, Try: 2}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		other, past := *one, *one
		other.MapIndex, past.Try = 0, 1
		return errors.Join(
			tx.PutInstances(ctx, []*store.Instance{one, &other}), tx.PutPastTries(ctx, []*store.Instance{&past}),
			tx.PutXCom(ctx, r.Key, "t", 1, "k", json.RawMessage("1")), tx.PutXCom(ctx, r.Key, "t", 0, "k", json.RawMessage("1")),
			tx.PutNote(ctx, &store.Note{RunKey: r.Key, TaskID: "t", MapIndex: 1, Content: "x", At: midnight}),
		)
	})
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.RemoveInstance(ctx, one) })
	is, err := s.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	require.Len(t, is, 1)
	assert.Equal(t, 0, is[0].MapIndex)
	past, err := s.PastTries(t.Context(), r.Key, "t")
	require.NoError(t, err)
	assert.Empty(t, past)
	xs, err := s.RunXComs(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Len(t, xs, 1)
	notes, err := s.Notes(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Empty(t, notes)
}

func removeDAG(t *testing.T, open Open) {
	s := open(t, Node{})
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		var err error
		for _, id := range []string{"gone", "stays"} {
			_, berr := tx.InsertBackfill(ctx, &store.Backfill{DAGID: id, State: store.BackfillRunning, From: midnight, To: midnight, CreatedAt: midnight}, nil)
			err = errors.Join(err, berr, store.AddDAG(ctx, tx, &store.DAGState{ID: id, Version: "v" + id, Active: true, LoadedAt: midnight}, midnight), tx.PutVersion(ctx, "v"+id, id, []byte("x"), midnight),
				tx.PutImportError(ctx, &store.ImportError{DAGID: id, File: "f", Since: midnight}))
			_, ferr := tx.InsertFavorite(ctx, "ann", id)
			err = errors.Join(err, ferr)
		}
		return err
	})
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.RemoveDAG(ctx, "gone") })
	ds, err := s.DAGs(t.Context())
	require.NoError(t, err)
	require.Len(t, ds, 1)
	assert.Equal(t, "stays", ds[0].ID)
	assert.Equal(t, midnight, ds[0].LoadedAt.UTC())
	favorites, err := s.Favorites(t.Context(), "ann")
	require.NoError(t, err)
	assert.Equal(t, []string{"stays"}, favorites)
	for id, n := range map[string]int{"gone": 0, "stays": 1} {
		pauses, err := s.Pauses(t.Context(), id)
		require.NoError(t, err)
		assert.Len(t, pauses, n, id)
		broken, err := s.ImportErrors(t.Context(), id)
		require.NoError(t, err)
		assert.Len(t, broken, n, id)
		_, err = s.Version(t.Context(), "v"+id)
		assert.Equal(t, n == 0, errors.Is(err, store.ErrNotFound), id)
	}
}
