package dagrun_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
)

// mapped makes the task m of a chain a mapped one, over the results of the given tasks.
func mapped(over ...string) func(*dag.DAG) {
	return func(d *dag.DAG) {
		mapping := &dag.Mapping{Args: []dag.MappedArg{{MappedValues: dag.MappedValues{Values: []*yaml.Node{{}, {}}}}}}
		for _, id := range over {
			mapping.Args = append(mapping.Args, dag.MappedArg{MappedValues: dag.MappedValues{From: id}})
		}
		d.Task("m").Mapping = mapping
	}
}

// What a mapped task does when what it is mapped over is not there.
func TestSourceState(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, states string
		want         dag.State
		ready        bool
	}{
		{"both there", "a=success b=success", dag.None, true},
		{"one to come", "a=success b=running", dag.None, false},
		{"one to come, one failed", "a=failed b=running", dag.None, false},
		{"failed", "a=failed b=success", dag.UpstreamFailed, false},
		{"upstream_failed", "a=success b=upstream_failed", dag.UpstreamFailed, false},
		{"skipped", "a=success b=skipped", dag.Skipped, false},
		{"failed before skipped", "a=failed b=skipped", dag.UpstreamFailed, false},
		{"skipped before failed", "a=skipped b=failed", dag.UpstreamFailed, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := graphOf(mapped("a", "b"), "a:", "b:", "m: a b")
			m := dagrun.NewMachine(g)
			for s := range strings.FieldsSeq(c.states) {
				id, state, _ := strings.Cut(s, "=")
				m.Set(place(m, g, id), dag.State(state))
			}
			got, ready := m.SourceState(2)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.ready, ready)
		})
	}
}

// Of a mapped task that was expanded some instances may have been skipped.
func TestSourceStateOfMappedTask(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) { mapped("a")(d); d.Tasks[0].Mapping = &dag.Mapping{} }, "a:", "m: a")
	m := dagrun.NewMachine(g)
	m.Advance()
	m.Unfold(0, 2)
	m.Set(m.Slots(0)[0], dag.Skipped)
	_, ready := m.SourceState(1)
	assert.False(t, ready)
	m.Set(m.Slots(0)[1], dag.Success)
	instead, ready := m.SourceState(1)
	assert.True(t, ready)
	assert.Equal(t, dag.None, instead)
	m.Set(m.Slots(0)[1], dag.Failed)
	instead, ready = m.SourceState(1)
	assert.False(t, ready)
	assert.Equal(t, dag.UpstreamFailed, instead)
}

func TestMapLength(t *testing.T) {
	t.Parallel()
	n, err := dagrun.MapLength(2, 3, 6)
	require.NoError(t, err)
	assert.Equal(t, 6, n)
	_, err = dagrun.MapLength(2, 3, 5)
	require.EqualError(t, err, "the task would have more than 5 instances: map it over less, or raise max_map_length")
	n, err = dagrun.MapLength(2, 0, 5)
	require.NoError(t, err)
	assert.Zero(t, n)
}

// An expansion schedules what has not begun; a shorter one removes what is too much.
func TestUnfold(t *testing.T) {
	t.Parallel()
	g := graphOf(mapped(), "m:", "b: m")
	m := dagrun.NewMachine(g)
	m.Advance()
	assert.False(t, m.Expanded(0))
	assert.Equal(t, -1, m.MapIndex(m.Slots(0)[0]))
	assert.Equal(t, m.Slots(0), m.Unfold(0, 1), "one instance is a mapped one, too")
	assert.True(t, m.Expanded(0))
	m.Set(m.Slots(0)[0], dag.Success)
	changed := m.Unfold(0, 3)
	assert.Equal(t, m.Slots(0)[1:], changed)
	assert.Equal(t, changed, m.Waiting())
	assert.Equal(t, 4, m.Len(), "with that of b")
	for k, at := range m.Slots(0) {
		assert.Equal(t, k, m.MapIndex(at))
		assert.Equal(t, dagrun.Task(0), m.Task(at))
		same, ok := m.Slot(0, k)
		assert.True(t, ok)
		assert.Equal(t, at, same)
	}
	for _, k := range []int{-1, 3} {
		_, ok := m.Slot(0, k)
		assert.False(t, ok, k)
	}
	_, ok := m.Slot(1, 0)
	assert.False(t, ok, "a task that is not mapped")

	for _, at := range changed {
		m.Set(at, dag.None) // cleared
	}
	assert.Equal(t, changed, m.Unfold(0, 2))
	assert.Equal(t, dag.Scheduled, m.State(changed[0]))
	assert.Equal(t, dag.Removed, m.State(changed[1]))
	m.Set(changed[0], dag.Success)
	assert.Equal(t, "b", ids(m, g, m.Advance().Ready), "what was removed holds nobody")
}

// A mapped task that is not expanded ends as one instance.
func TestSettle(t *testing.T) {
	t.Parallel()
	g := graphOf(mapped(), "m:", "b: m")
	m := dagrun.NewMachine(g)
	m.Advance()
	m.Unfold(0, 3)
	slots := m.Slots(0)
	m.Set(slots[0], dag.None)
	m.Set(slots[1], dag.Success)
	m.Set(slots[2], dag.None)
	assert.Equal(t, []dagrun.Slot{slots[0], slots[2]}, m.Settle(0, dag.Skipped))
	assert.Equal(t, dag.Skipped, m.State(slots[0]))
	assert.Equal(t, dag.Success, m.State(slots[1]))
	assert.Equal(t, dag.Removed, m.State(slots[2]))
	m.Set(slots[2], dag.None)
	m.Settle(0, dag.UpstreamFailed)
	assert.Equal(t, dag.UpstreamFailed, m.State(slots[2]))
}
