package history_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
)

// messages adds messages that have arrived, one on each day.
func (w *world) messages(n int) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx store.Tx) error {
		var ds []*store.Delivery
		for i := range n {
			at := day(1).Add(time.Duration(i) * time.Hour)
			ds = append(ds, &store.Delivery{State: store.DeliveryDelivered, Channel: "c", Payload: json.RawMessage("{}"), CreatedAt: at, UpdatedAt: at})
		}
		return tx.InsertDeliveries(ctx, ds)
	})
}

func (w *world) delivered() int {
	w.t.Helper()
	ds, err := w.Deliveries(w.t.Context(), nil, 0)
	require.NoError(w.t, err)
	return len(ds)
}

func TestRowsEndByAgeAndNumber(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bound history.Bound
		want  int
	}{
		"by age":    {history.Bound{Before: day(2)}, 100 - 24},
		"by number": {history.Bound{Newest: 30}, 30},
		"by either": {history.Bound{Before: day(3), Newest: 90}, 100 - 48},
		"none":      {history.Bound{}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.messages(100)
			would, err := history.New(w.options(w)).Would(t.Context(), only(c.bound, history.Alerts))
			require.NoError(t, err)
			done := w.clean(only(c.bound, history.Alerts))
			assert.Equal(t, c.want, w.delivered())
			assert.Equal(t, 100-c.want, done.Counts[history.Alerts])
			assert.Equal(t, 100-c.want, would.Counts[history.Alerts])
		})
	}
}

// A run of the schedule is what tells how far ticks are on record: what tells of later ones stays.
func TestLivesSinceTheLastScheduledRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("r", 4, dag.RunSuccess, nil)
	w.write(func(ctx context.Context, tx store.Tx) error {
		err := store.AddDAG(ctx, tx, &store.DAGState{ID: "d", Version: "v", Active: true}, day(1))
		for i := 1; i <= 8; i++ {
			err = errors.Join(err, tx.PutSchedulerLife(ctx, &store.SchedulerLife{StartedAt: day(i), SeenAt: day(i).Add(time.Hour)}))
		}
		return err
	})
	would, err := history.New(w.options(w)).Would(t.Context(), everything())
	require.NoError(t, err)
	assert.Equal(t, 3, would.Counts[history.Ticks])
	assert.Equal(t, 3, w.clean(everything()).Counts[history.Ticks])
	ls, err := w.SchedulerLives(t.Context(), day(1))
	require.NoError(t, err)
	require.Len(t, ls, 5)
	assert.Equal(t, day(4), ls[0].StartedAt)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutDAG(ctx, &store.DAGState{ID: "d", Version: "v"})
	})
	assert.Equal(t, 4, w.clean(everything()).Counts[history.Ticks], "a DAG that is gone has no more ticks; the last one stays")
}

func TestVersionsGoWithTheirRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := 1; i <= 4; i++ {
		w.run(strconv.Itoa(i), i, dag.RunSuccess, func(r *store.Run) { r.Version = fmt.Sprintf("v%d", i) })
	}
	c := history.New(w.options(w))
	plan := only(history.Bound{Before: day(3)}, history.Runs, history.Versions)
	for _, want := range []int{2, 0} {
		done, err := c.Clean(t.Context(), plan)
		require.NoError(t, err)
		assert.Equal(t, want, done.Counts[history.Versions])
	}
	_, err := w.Version(t.Context(), "v2")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.Version(t.Context(), "v3")
	require.NoError(t, err)
	plan = only(history.Bound{Before: day(4)}, history.Runs, history.Versions)
	done, err := c.Clean(t.Context(), plan)
	require.NoError(t, err)
	assert.Equal(t, 1, done.Counts[history.Versions], "it looks again once runs have gone")
}

func TestSpaceIsGivenBack(t *testing.T) {
	t.Parallel()
	for _, spare := range []int{0, 50} {
		w := newWorld(t)
		r := w.run("r", 1, dag.RunSuccess, nil)
		w.run("newest", 2, dag.RunSuccess, nil)
		w.write(func(ctx context.Context, tx store.Tx) (err error) {
			for i := range 200 {
				err = errors.Join(err, tx.PutXCom(ctx, r.Key, "m", i, "k", json.RawMessage(`"`+string(make([]byte, 50_000))+`"`)))
			}
			return err
		})
		full, err := w.Space(t.Context())
		require.NoError(t, err)
		plan := everything()
		plan.Spare = spare
		done := w.clean(plan)
		after, err := w.Space(t.Context())
		require.NoError(t, err)
		assert.Equal(t, full.Total-after.Total, done.GivenBack)
		assert.Greater(t, done.GivenBack, int64(4<<20))
		assert.GreaterOrEqual(t, after.Unused, after.Total*int64(spare)/100)
		assert.LessOrEqual(t, after.Unused, after.Total*int64(spare)/100+1<<20)
	}
}

// A DAG of which nobody knows what it needs keeps its runs; the others lose theirs.
func TestDAGsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := 1; i <= 2; i++ {
		w.run(strconv.Itoa(i), i, dag.RunSuccess, nil)
		w.run(fmt.Sprint("other", i), i, dag.RunSuccess, func(r *store.Run) { r.DAGID = "other" })
	}
	o := w.options(w)
	o.Needs = func(_ context.Context, dagID string) (history.Needs, error) {
		if dagID == "d" {
			return history.Needs{}, errors.New("its operator is unknown")
		}
		return history.Needs{}, nil
	}
	_, err := history.New(o).Clean(t.Context(), everything())
	require.ErrorContains(t, err, "dag d: its runs are kept, because it is not known which of them it needs: its operator is unknown")
	assert.Equal(t, []string{"1", "2", "other2"}, w.ids())
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	p := history.Policy{KeepLast: 3, Spare: 10, Limits: map[history.Kind]history.Limit{
		history.Runs: {Age: 24 * time.Hour, Number: 5}, history.Logs: {}, history.Alerts: {Number: 2}, history.Versions: {},
	}}
	assert.Equal(t, history.Plan{KeepLast: 3, Spare: 10, Bounds: map[history.Kind]history.Bound{
		history.Runs: {Before: day(30), Newest: 5}, history.Alerts: {Newest: 2}, history.Versions: {},
	}}, p.At(now()))
}

// A pass ends soon when it is to stop, and the next one goes on.
func TestCleanStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.messages(100)
	ctx, cancel := context.WithCancel(t.Context())
	o := w.options(w)
	rests := 0
	o.Rest = func(context.Context, time.Duration) {
		if rests++; rests == 2 {
			cancel()
		}
	}
	_, err := history.New(o).Clean(ctx, everything())
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 2, rests)
	w.clean(everything())
	assert.Zero(t, w.delivered())
}
