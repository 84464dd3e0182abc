//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// many is more rows than any store writes in one statement.
const many = 1203

func instancesAreUpserted(t *testing.T, open Open) {
	s := open(t, Node{})
	r, other := newRun("d", "one", midnight), newRun("d", "two", time.Time{})
	r.State = dag.RunRunning
	insert(t, s, r, other)
	var is []*store.Instance
	for i := range many {
		// Names that sort in another order than the tasks have.
		is = append(is, &store.Instance{
			RunKey: r.Key, TaskID: fmt.Sprint("t", many-i), MapIndex: -1, State: dag.Scheduled, MaxTries: 3, Operator: "bash",
		})
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		mapped := *is[0]
		mapped.RunKey, mapped.MapIndex = other.Key, 4
		if err := tx.PutInstances(ctx, []*store.Instance{&mapped}); err != nil {
			return err
		}
		return tx.PutInstances(ctx, is)
	})
	for i, in := range is {
		at := midnight.Add(time.Duration(i) * time.Millisecond)
		in.State, in.Try, in.MaxTries, in.Lost, in.Operator = dag.UpForRetry, 2, 4, 1, "http"
		in.QueuedAt, in.StartDate, in.EndDate, in.RetryAt = at, at.Add(1e6), at.Add(2e6), at.Add(3e6)
		in.Error, in.Log = fmt.Sprint("error ", i), fmt.Sprint("log/", i)
		in.RenderedMapIndex = fmt.Sprint("name ", i)
		in.Host, in.PID = fmt.Sprint("host ", i), i
		in.FirstStart = midnight.Add(time.Duration(i) * time.Second)
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutInstances(ctx, is) })

	got, err := s.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, is, got, "every row, in the order of creation, with every field")
	got, err = s.InstancesOfRuns(t.Context(), dag.RunRunning)
	require.NoError(t, err)
	assert.Len(t, got, many, "the queued run has one more")
	got, err = s.Instances(t.Context(), other.Key)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, 4, got[0].MapIndex)
	assert.Equal(t, dag.Scheduled, got[0].State, "another run's instance stays")

	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutInstances(ctx, nil) })
}

// Tries that another one followed are kept as they were, by instance and number.
func pastTriesAreKept(t *testing.T, open Open) {
	s := open(t, Node{})
	r := newRun("d", "one", midnight)
	insert(t, s, r)
	past := func(task string, mapIndex, try int) *store.Instance {
		return &store.Instance{
			RunKey: r.Key, TaskID: task, MapIndex: mapIndex, State: dag.Failed, Try: try, MaxTries: 3, Lost: 1, Operator: "bash",
			QueuedAt: midnight, StartDate: midnight.Add(time.Second), EndDate: midnight.Add(2 * time.Second),
			Error: "boom", Log: fmt.Sprint("log/", try), RenderedMapIndex: "Hangzhou", Host: "worker-1", PID: 4711,
		}
	}
	is := []*store.Instance{past("t", -1, 1), past("t", 0, 1), past("t", 0, 2)}
	put := func(is ...*store.Instance) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutPastTries(ctx, is) })
	}
	put(is[2], past("other", -1, 1))
	put(is[1], is[0])
	again := past("t", 0, 2)
	again.Error = "another"
	put(again)
	got, err := s.PastTries(t.Context(), r.Key, "t")
	require.NoError(t, err)
	assert.Equal(t, is, got)
	got, err = s.PastTries(t.Context(), r.Key+1, "t")
	require.NoError(t, err)
	assert.Empty(t, got, "of another run")
	got, err = s.PlainTries(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, []*store.Instance{past("other", -1, 1), is[0]}, got, "mapped ones are left out")
	got, err = s.PlainTries(t.Context(), r.Key+1)
	require.NoError(t, err)
	assert.Empty(t, got, "of another run")
}

// Instances are found by what they are, and summed up by task and state.
func instancesAreFound(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	r, other := newRun("d", "one", midnight), newRun("d", "two", midnight.Add(time.Hour))
	insert(t, s, r)
	insert(t, s, other)
	in := func(key int64, task string, mapIndex int, state dag.State, try int, start, end time.Duration) *store.Instance {
		i := &store.Instance{RunKey: key, TaskID: task, MapIndex: mapIndex, State: state, Try: try, MaxTries: 3, Operator: "bash"}
		if start > 0 {
			i.StartDate = midnight.Add(start)
		}
		if end > 0 {
			i.EndDate = midnight.Add(end)
		}
		return i
	}
	is := []*store.Instance{
		in(r.Key, "z", -1, dag.Failed, 2, time.Minute, time.Hour),
		in(r.Key, "m", 1, dag.Success, 1, 2*time.Minute, 3*time.Minute), in(r.Key, "m", 0, dag.Success, 3, time.Minute, 5*time.Minute), in(r.Key, "m", 2, dag.Running, 1, time.Minute, 0),
		in(other.Key, "m", 0, dag.Failed, 1, 0, 0),
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutInstances(ctx, is) })
	for name, c := range map[string]struct {
		f    store.InstanceFilter
		want []*store.Instance
	}{
		"of a run":       {store.InstanceFilter{RunKey: r.Key}, []*store.Instance{is[2], is[1], is[3], is[0]}},
		"of a task":      {store.InstanceFilter{RunKey: r.Key, TaskID: "m"}, []*store.Instance{is[2], is[1], is[3]}},
		"one":            {store.InstanceFilter{RunKey: r.Key, TaskID: "m", MapIndex: new(1)}, []*store.Instance{is[1]}},
		"an unmapped":    {store.InstanceFilter{RunKey: r.Key, TaskID: "z", MapIndex: new(-1)}, []*store.Instance{is[0]}},
		"in states":      {store.InstanceFilter{RunKey: r.Key, States: []dag.State{dag.Failed, dag.Running}}, []*store.Instance{is[3], is[0]}},
		"the first ones": {store.InstanceFilter{RunKey: r.Key, Limit: 2}, []*store.Instance{is[2], is[1]}},
		"a later page":   {store.InstanceFilter{RunKey: r.Key, Limit: 2, Offset: 3}, []*store.Instance{is[0]}},
		"none":           {store.InstanceFilter{RunKey: r.Key, TaskID: "no"}, nil},
	} {
		got, err := s.FindInstances(t.Context(), c.f)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
	sums, err := s.TaskStates(t.Context(), []int64{other.Key, r.Key})
	require.NoError(t, err)
	assert.Equal(t, []*store.TaskState{
		{RunKey: r.Key, TaskID: "m", State: dag.Running, Count: 1, Mapped: true, Try: 1, StartDate: midnight.Add(time.Minute)},
		{RunKey: r.Key, TaskID: "m", State: dag.Success, Count: 2, Mapped: true, Try: 3, StartDate: midnight.Add(time.Minute), EndDate: midnight.Add(5 * time.Minute)},
		{RunKey: r.Key, TaskID: "z", State: dag.Failed, Count: 1, Try: 2, StartDate: midnight.Add(time.Minute), EndDate: midnight.Add(time.Hour)},
		{RunKey: other.Key, TaskID: "m", State: dag.Failed, Count: 1, Mapped: true, Try: 1},
	}, sums)
	of, err := s.TaskStates(t.Context(), []int64{other.Key, r.Key}, "z", "no")
	require.NoError(t, err)
	assert.Equal(t, sums[2:3], of, "of the tasks that are named")
	for _, c := range []struct {
		runKey int64
		task   string
		n      int
		states []dag.State
	}{{r.Key, "m", 3, []dag.State{dag.Running, dag.Success}}, {other.Key, "m", 1, []dag.State{dag.Failed}}, {r.Key, "z", 0, nil}, {r.Key, "no", 0, nil}} {
		n, states, err := s.MappedTask(t.Context(), c.runKey, c.task)
		require.NoError(t, err)
		assert.Equal(t, c.n, n, "instances of %s", c.task)
		assert.Equal(t, c.states, states)
	}
	// An instance of a task from before it was expanded is one of those in its state.
	more := []*store.Instance{in(r.Key, "m", -1, dag.Success, 4, 30*time.Second, 6*time.Minute), in(r.Key, "m", -1, dag.Failed, 1, 0, 0), in(r.Key, "a", -1, dag.Queued, 1, 0, 0)}
	for i, want := range [][]*store.TaskState{
		{
			sums[0],
			{RunKey: r.Key, TaskID: "m", State: dag.Success, Count: 3, Mapped: true, Try: 4, StartDate: midnight.Add(30 * time.Second), EndDate: midnight.Add(6 * time.Minute)},
		},
		{{RunKey: r.Key, TaskID: "m", State: dag.Failed, Count: 1, Try: 1}, sums[0], sums[1]},
		{{RunKey: r.Key, TaskID: "a", State: dag.Queued, Count: 1, Try: 1}, {RunKey: r.Key, TaskID: "m", State: dag.Failed, Count: 1, Try: 1}, sums[0], sums[1]},
	} {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutInstances(ctx, more[i:i+1]) })
		got, err := s.TaskStates(t.Context(), []int64{other.Key, r.Key})
		require.NoError(t, err)
		assert.Equal(t, append(want, sums[2:]...), got)
	}
	none, err := s.TaskStates(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, none)
}

// What a try saved is there for the next ones, until the task is cleared.
func triesKeepProgress(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	in := &store.Instance{RunKey: 7, TaskID: "t", MapIndex: -1, Try: 1, MaxTries: 3}
	load := func(in store.Instance, key string) string {
		v, err := s.TaskProgress(t.Context(), &in, key)
		require.NoError(t, err)
		return v
	}
	save := func(in *store.Instance, value string) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutTaskProgress(ctx, in, "parts", value) })
	}
	assert.Empty(t, load(*in, "parts"))
	save(in, "1")
	save(in, "2")
	again := *in
	again.Try = 2
	assert.Equal(t, "2", load(again, "parts"))
	assert.Empty(t, load(again, "other"))
	again.MapIndex = 0
	assert.Empty(t, load(again, "parts"), "another instance")
	cleared := *in
	cleared.MaxTries = 6
	assert.Empty(t, load(cleared, "parts"))
	save(&cleared, "1")
	assert.Equal(t, "1", load(cleared, "parts"))
}

// renderedFieldsOfTheNewestRuns holds that each try has its own fields, and that only the
// runs of a DAG that rendered last keep theirs.
func renderedFieldsOfTheNewestRuns(t *testing.T, open Open) {
	t.Helper()
	s := open(t, Node{})
	now := midnight
	put := func(dagID string, run int64, mapIndex, try int) {
		now = now.Add(time.Second)
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutRenderedFields(ctx, &store.RenderedTry{
				RunKey: run, DAGID: dagID, TaskID: "t", MapIndex: mapIndex, Try: try, At: now, Fields: json.RawMessage(fmt.Sprintf(`[%d]`, now.Unix())),
			}, 2)
		})
	}
	get := func(run int64, mapIndex, try int) string {
		v, err := s.RenderedFields(t.Context(), run, "t", mapIndex, try)
		require.NoError(t, err)
		return string(v)
	}
	put("d", 1, -1, 1)
	first := get(1, -1, 1)
	put("d", 1, -1, 2)
	assert.Equal(t, first, get(1, -1, 1), "a later try leaves the first")
	assert.NotEqual(t, first, get(1, -1, 2))
	put("d", 1, -1, 1)
	assert.NotEqual(t, first, get(1, -1, 1), "a sensor that looks again replaces its own")
	assert.Empty(t, get(1, 0, 1))
	assert.Empty(t, get(2, -1, 1))

	put("d", 2, 0, 1)
	put("other", 9, -1, 1)
	put("d", 1, 3, 1) // run 1 renders again, so that run 2 has rested longest
	put("d", 3, -1, 1)
	assert.Empty(t, get(2, 0, 1), "the run that has rested longest loses its own")
	assert.NotEmpty(t, get(1, -1, 2))
	assert.NotEmpty(t, get(1, 3, 1))
	assert.NotEmpty(t, get(3, -1, 1))
	assert.NotEmpty(t, get(9, -1, 1), "those of another DAG stay")
}
