package live

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/store"
)

// The plan of a version is kept as long as a run in memory has it. One that was made to look at a
// run which is over goes with the next run.
func TestPlansGoWithTheirLastRun(t *testing.T) {
	t.Parallel()
	plans := plan.NewPlans(catalog.Catalog{}, func(id string) *dag.DAG { return &dag.DAG{ID: id, Version: id} }, slog.New(slog.DiscardHandler))
	rs := New(Options{Plans: plans})
	of := func(version string) *plan.Plan {
		p, err := plans.Of(t.Context(), nil, version, version)
		require.NoError(t, err)
		return p
	}
	a, b, past := of("a"), of("b"), of("past")
	put := func(key int64, version string) { rs.put(&Run{Row: store.Run{Key: key, Version: version}}) }
	put(1, "a")
	put(2, "a")
	put(2, "a") // in the place of its copy
	put(3, "b")
	rs.Drop(1)
	assert.Same(t, a, of("a"))
	assert.Same(t, b, of("b"))
	assert.NotSame(t, past, of("past"))
	rs.Drop(1)
	rs.Drop(2)
	assert.NotSame(t, a, of("a"))
	assert.Same(t, b, of("b"))
	assert.Equal(t, map[string]int{"b": 1}, rs.versions)
	put(3, "a")
	rs.Drop(2)
	assert.NotSame(t, b, of("b"), "its run has another version now")
}
