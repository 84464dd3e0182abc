package dagrun_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
)

// graphOf builds the graph of a DAG from lines such as "b: a" (upstream), whose tasks have
// the defaults of a file, changed by set.
func graphOf(set func(*dag.DAG), lines ...string) *dagrun.Graph {
	d := &dag.DAG{ID: "d", MaxActiveTasks: 16}
	for i, l := range lines {
		name, above, _ := strings.Cut(l, ":")
		t := &dag.Task{ID: name, Label: name, Settings: &dag.Settings{TriggerRule: dag.AllSuccess, PriorityWeight: 1, IgnoreFirstDependsOnPast: true}}
		for up := range strings.FieldsSeq(above) {
			n := d.TaskIndex(up)
			t.Upstream = append(t.Upstream, n)
			d.Tasks[n].Downstream = append(d.Tasks[n].Downstream, i)
		}
		d.Tasks = append(d.Tasks, t)
	}
	if set != nil {
		set(d)
	}
	return dagrun.NewGraph(d, func(dagrun.Task) bool { return false })
}

// place is the first instance of a task.
func place(m *dagrun.Machine, g *dagrun.Graph, id string) dagrun.Slot {
	t, _ := g.Find(id)
	return m.Slots(t)[0]
}

func ids(m *dagrun.Machine, g *dagrun.Graph, list []dagrun.Slot) string {
	var out []string
	for _, at := range list {
		out = append(out, g.DAG().Tasks[m.Task(at)].ID)
	}
	return strings.Join(out, " ")
}

// What lies above and below tasks, with them.
func TestAboveAndBelow(t *testing.T) {
	t.Parallel()
	g := graphOf(nil, "a:", "b: a", "c: b", "e: a", "x:")
	assert.Equal(t, "b, c", g.Names(g.Below(1)))
	assert.Equal(t, "a, b, c, e", g.Names(g.Below(0, 1)))
	assert.Equal(t, "a, b, c", g.Names(g.Above(2)))
	assert.Equal(t, "none", g.Names(g.Below()))
	assert.Equal(t, "a, b, c, e, x", g.Names(g.All()))
	for i, id := range []string{"a", "b", "c"} {
		found, ok := g.Find(id)
		assert.True(t, ok)
		assert.Equal(t, dagrun.Task(i), found)
	}
	_, ok := g.Find("z")
	assert.False(t, ok)
}

// What is cleared counts no more, neither for what is below nor for the run.
func TestClearedStatesCountNoMore(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) { d.Tasks[0].Setup = true }, "s:", "w: s", "x: w")
	m := dagrun.NewMachine(g)
	m.Set(place(m, g, "s"), dag.Failed)
	assert.Equal(t, "w x", ids(m, g, m.Advance().Settled))
	state, reason := m.Verdict()
	assert.Equal(t, dag.RunFailed, state)
	assert.Equal(t, dagrun.ReasonTaskFailure, reason)
	for _, at := range []string{"s", "w", "x"} {
		m.Set(place(m, g, at), dag.None)
	}
	for _, id := range []string{"s", "w", "x"} {
		p := m.Advance()
		assert.Equal(t, id, ids(m, g, p.Ready))
		assert.Empty(t, p.Settled)
		m.Set(place(m, g, id), dag.Success)
	}
	state, reason = m.Verdict()
	assert.Equal(t, dag.RunSuccess, state)
	assert.Equal(t, dagrun.ReasonSuccess, reason)
}
