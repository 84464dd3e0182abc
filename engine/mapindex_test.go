package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

const mappedTask = `
d:
  tasks:
    - {task_id: up, operator: probe}
    - {task_id: m, operator: probe, dependencies: [up], expand: {do: [a, fail, c]}}
    - {task_id: down, operator: probe, dependencies: [m]}
    - {task_id: last, operator: probe, dependencies: [down]}
`

// changed are the instances that a request changes.
func changed(done *engine.Affected) (out []string) {
	for _, r := range done.Runs {
		for _, in := range r.Instances {
			out = append(out, (&store.Instance{TaskID: in.TaskID, MapIndex: in.MapIndex}).Label())
		}
	}
	return out
}

// One instance of a mapped task is cleared alone, and with all of the tasks above and below it.
func TestClearOneInstance(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fail := b.failing("fail")
	b.load(mappedTask)
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	require.Equal(t, "upstream_failed", b.states(r)["down"])
	would := func(c engine.ClearRequest) []string {
		t.Helper()
		c.DAGID, c.RunID, c.DryRun = "d", r.RunID, true
		done, err := b.e.Clear(t.Context(), c)
		require.NoError(t, err)
		return changed(done)
	}
	one := []engine.InstanceRef{{TaskID: "m", MapIndex: 1}}
	assert.Equal(t, []string{"m[1]"}, would(engine.ClearRequest{Instances: one}))
	assert.Equal(t, []string{"m[1]"}, would(engine.ClearRequest{TaskRegex: "^m$", MapIndexes: []int{1}}))
	assert.Equal(t, []string{"m[0]", "m[2]"}, would(engine.ClearRequest{TaskRegex: "^m$", MapIndexes: []int{2, 0, 7}}))
	assert.Equal(t, []string{"m[1]", "down", "last"}, would(engine.ClearRequest{Instances: one, Downstream: true}))
	assert.Equal(t, []string{"up", "m[1]"}, would(engine.ClearRequest{Instances: one, Upstream: true}))
	assert.Equal(t, []string{"m[0]", "m[1]", "m[2]"}, would(engine.ClearRequest{TaskRegex: "^m$", Instances: one}), "the task is meant as a whole")
	assert.Equal(t, []string{"m[1]", "last"}, would(engine.ClearRequest{TaskRegex: "^last$", Instances: one}))
	assert.Equal(t, []string{"up", "m[0]", "m[1]", "m[2]", "down", "last"}, would(engine.ClearRequest{TaskRegex: "^up$", Instances: one, Downstream: true}), "all of it is below another one")
	assert.Equal(t, []string{"up"}, would(engine.ClearRequest{Instances: []engine.InstanceRef{{TaskID: "up", MapIndex: -1}}}))
	assert.Empty(t, would(engine.ClearRequest{Instances: []engine.InstanceRef{{TaskID: "m", MapIndex: 7}}}))
	assert.Empty(t, would(engine.ClearRequest{Instances: []engine.InstanceRef{{TaskID: "m", MapIndex: 0}}, OnlyFailed: true}))
	for _, c := range []engine.ClearRequest{
		{Instances: []engine.InstanceRef{{TaskID: "mm", MapIndex: 0}}}, {MapIndexes: []int{1}}, {TaskRegex: "m", MapIndexes: []int{-2}},
	} {
		c.DAGID, c.RunID = "d", r.RunID
		_, err := b.e.Clear(t.Context(), c)
		require.Error(t, err)
	}

	// It runs again by itself, and the run ends by how all of them ended.
	fail(false)
	again := b.clear(engine.ClearRequest{RunID: r.RunID, Instances: one, Downstream: true})
	b.ended1(again.Key)
	assert.Equal(t, map[string]string{"up": "success", "m[0]": "success", "m[1]": "success", "m[2]": "success", "down": "success", "last": "success"}, b.instances(r))
	is, err := b.store.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	tries := map[string]int{}
	for _, in := range is {
		tries[in.Label()] = in.Try
	}
	assert.Equal(t, map[string]int{"up": 1, "m[0]": 1, "m[1]": 2, "m[2]": 1, "down": 1, "last": 1}, tries)
	ran := b.ranSoFar()
	assert.Len(t, ran, 7, "%v", ran)
	es, err := b.store.Events(t.Context(), store.EventFilter{Kinds: []store.EventKind{store.EventClear}})
	require.NoError(t, err)
	require.Len(t, es, 1)
}

// One instance of a mapped task is marked alone; what failed below goes on.
func TestMarkOneInstance(t *testing.T) {
	t.Parallel()
	b, r := broken(t, mappedTask)
	mark := func(m engine.MarkRequest) (*engine.Affected, error) {
		m.DAGID, m.RunID = "d", r.RunID
		return b.e.Mark(t.Context(), m)
	}
	done, err := mark(engine.MarkRequest{TaskID: "m", MapIndex: new(0), State: dag.Failed, DryRun: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"m[0]"}, changed(done))
	done, err = mark(engine.MarkRequest{TaskID: "m", MapIndex: new(2), State: dag.Failed, Upstream: true, DryRun: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"up", "m[2]"}, changed(done))
	done, err = mark(engine.MarkRequest{TaskID: "up", MapIndex: new(-1), State: dag.Failed, DryRun: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"up"}, changed(done))
	for _, m := range []engine.MarkRequest{{TaskID: "m", MapIndex: new(7)}, {TaskID: "m", MapIndex: new(-1)}, {TaskID: "up", MapIndex: new(0)}} {
		m.State = dag.Failed
		_, err = mark(m)
		require.ErrorIs(t, err, store.ErrNotFound)
		require.ErrorContains(t, err, "has no map index")
	}
	_, err = mark(engine.MarkRequest{MapIndex: new(1), State: dag.Failed})
	require.ErrorContains(t, err, "needs a task")

	_, err = mark(engine.MarkRequest{TaskID: "m", MapIndex: new(1), State: dag.Success})
	require.NoError(t, err)
	b.ended1(r.Key)
	assert.Equal(t, "success", b.instances(r)["last"])
	es, err := b.store.Events(t.Context(), store.EventFilter{Kinds: []store.EventKind{store.EventMarkSuccess}})
	require.NoError(t, err)
	require.Len(t, es, 1)
}
