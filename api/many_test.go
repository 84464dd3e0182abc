package api_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// narrow is a store that refuses to read all of a run.
type narrow struct{ store.Store }

func (narrow) Instances(context.Context, int64) ([]*store.Instance, error) {
	return nil, errors.New("all instances of a run are read")
}

func (narrow) RunXComs(context.Context, int64) ([]store.XCom, error) {
	return nil, errors.New("all xcoms of a run are read")
}

// many is a world with a run of a mapped task with so many instances.
func many(tb testing.TB, n int) (*world, *store.Run) {
	tb.Helper()
	w := newWorld(tb)
	is := make([]*store.Instance, n)
	for i := range is {
		is[i] = &store.Instance{TaskID: "first", MapIndex: i, State: dag.Success, Try: 1, MaxTries: 1, StartDate: now, EndDate: now}
	}
	r := w.run(w.seen("daily", false), 1, dag.RunRunning, is...)
	w.options.Store = narrow{w.store}
	w.API = api.New(w.options)
	return w, r
}

// What is asked about one instance reads that instance, however many the run has.
func TestOneInstanceIsRead(t *testing.T) {
	t.Parallel()
	w, r := many(t, 3)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.PutXCom(ctx, r.Key, "first", 2, "k", []byte("1")), tx.PutXCom(ctx, r.Key, "first", 1, "other", []byte("2")))
	})
	q := api.TryQuery{DAGID: "daily", RunID: r.RunID, TaskID: "first", MapIndex: 2}
	l, err := w.Log(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, "dag_id=daily/run_id=manual__01/task_id=first/map_index=2/attempt=1.log", l.Name())
	newest := q
	newest.RunID = ""
	_, err = w.Log(t.Context(), newest)
	require.NoError(t, err)
	tries, err := w.Tries(t.Context(), q)
	require.NoError(t, err)
	assert.Len(t, tries, 1)
	state, err := w.State(t.Context(), "daily", "first", r.RunID, 2)
	require.NoError(t, err)
	assert.Equal(t, "success", state)
	_, err = w.State(t.Context(), "daily", "first", r.RunID, 7)
	require.ErrorContains(t, err, "map index 7")
	xs, err := w.TaskXComs(t.Context(), "daily", r.RunID, "first", 2)
	require.NoError(t, err)
	require.Len(t, xs, 1)
	assert.Equal(t, "k", xs[0].Key)

	q.MapIndex = 7
	_, err = w.Log(t.Context(), q)
	require.ErrorContains(t, err, `map index 7 of task "first" has not run`)
	q.TaskID, q.MapIndex = "frist", -1
	_, err = w.Log(t.Context(), q)
	require.ErrorContains(t, err, `did you mean "first"?`)
}

// BenchmarkLog finds the log of one of 100,000 instances, as an open page does each second.
func BenchmarkLog(b *testing.B) {
	w, r := many(b, 100_000)
	q := api.TryQuery{DAGID: "daily", RunID: r.RunID, TaskID: "first", MapIndex: 99_999}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Log(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
