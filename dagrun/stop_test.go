package dagrun_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
)

// What a branch does not choose is skipped, unless it follows what was chosen.
func TestBranch(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) { d.Tasks[3].Group, d.Tasks[4].Group = "outer.g", "outer.g" },
		"b:", "x: b", "y: b", "g1: b", "g2: b g1", "join: x y b", "t:")
	for _, c := range []struct{ chosen, skipped string }{
		{"x", "y g1 g2"},
		{"x y", "g1 g2"},
		{"join", "x y g1 g2"},
		{"g", "x y join"},
		{"outer.g", "x y join"},
		{"outer", "x y join"},
		{"g1", "x y join"},
		{"", "x y g1 g2 join"},
	} {
		skipped, err := g.Branch(0, strings.Fields(c.chosen))
		require.NoError(t, err)
		assert.Equal(t, c.skipped, strings.Join(g.IDs(skipped), " "), c.chosen)
	}
	_, err := g.Branch(0, []string{"x", "t"})
	require.EqualError(t, err, `branch chose "t", which is not a task or group directly downstream of "b"; there are x, y, g1, g2, join`)
	_, err = g.Branch(6, []string{"x"})
	require.EqualError(t, err, `branch chose "x", which is not a task or group directly downstream of "t"; there are none`)
	assert.Equal(t, "x, y, g1, g2, join", g.Names(g.Downstream(0)), "choosing changes nothing")
}

// A short circuit skips what is below, and teardowns run all the same.
func TestShortCircuit(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) { d.Task("t").Teardown = true }, "a:", "b: a", "c: b", "t: a c", "other:")
	assert.Equal(t, []string{"b", "c"}, g.IDs(g.ShortCircuit(0, false)))
	assert.Equal(t, []string{"b"}, g.IDs(g.ShortCircuit(0, true)))
	assert.Equal(t, []string{"b", "t"}, g.IDs(g.Downstream(0)), "nothing of the graph changed")
	m := dagrun.NewMachine(g)
	m.Set(place(m, g, "b"), dag.Running)
	assert.Equal(t, "c", ids(m, g, m.Skip(g.ShortCircuit(0, false))), "what has begun goes on")
	assert.Equal(t, dag.Skipped, m.State(place(m, g, "c")))
}

// fail_fast fails what runs and skips the rest, but teardowns.
func TestStopFast(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) { d.Task("t").Teardown = true }, "done:", "running:", "begun:", "queued:", "ready:", "later: ready", "t: running")
	m := dagrun.NewMachine(g)
	m.Advance()
	for id, s := range map[string]dag.State{"done": dag.Success, "running": dag.Running, "begun": dag.Queued, "queued": dag.Queued} {
		m.Set(place(m, g, id), s)
	}
	changed := m.StopFast(func(at dagrun.Slot) bool { return at == place(m, g, "begun") || at == place(m, g, "ready") })
	assert.Equal(t, "running begun queued ready later", ids(m, g, changed))
	for id, want := range map[string]dag.State{
		"done": dag.Success, "running": dag.Failed, "begun": dag.Failed, "queued": dag.Skipped, "ready": dag.Skipped, "later": dag.Skipped, "t": dag.None,
	} {
		assert.Equal(t, want, m.State(place(m, g, id)), id)
	}
	assert.Empty(t, m.Waiting())
}

// A run that took too long skips all that is unfinished, teardowns too.
func TestTimeOut(t *testing.T) {
	t.Parallel()
	g := graphOf(func(d *dag.DAG) { d.Task("t").Teardown = true }, "done:", "running:", "t: running")
	m := dagrun.NewMachine(g)
	m.Set(place(m, g, "done"), dag.Failed)
	m.Set(place(m, g, "running"), dag.Running)
	assert.Equal(t, "running t", ids(m, g, m.TimeOut()))
	assert.Equal(t, dag.Failed, m.State(place(m, g, "done")))
	assert.Equal(t, dag.Skipped, m.State(place(m, g, "running")))
	assert.Zero(t, m.Active())
}
