package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/store"
)

// What is under way is known from memory, with who finds no slot in a pool.
func TestLoad(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := b.meter()
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
		return tx.PutPool(t.Context(), &store.Pool{Name: "db", Slots: 3})
	}))
	b.load("d:\n  tasks:\n    - {task_id: x, operator: probe, do: count, pool: db, pool_slots: 2, priority_weight: 2}\n" +
		"    - {task_id: y, operator: probe, do: count, pool: db, pool_slots: 2}\n    - {task_id: z, operator: probe, do: count}\n    - {task_id: after, operator: probe, dependencies: [x]}\n")
	b.start(engine.RunOptions{})
	keys := b.days(1)
	b.until("x and z run", func() bool {
		s := b.states(&store.Run{Key: keys[0]})
		return s["x"] == "running" && s["z"] == "running"
	})
	l := b.e.Load()
	assert.Equal(t, 1, l.Runs)
	assert.Equal(t, map[dag.State]int{dag.Running: 2, dag.Scheduled: 1}, l.Tasks, "what has not begun is not under way")
	assert.Equal(t, &live.PoolLoad{Slots: 3, Open: 1, Running: 2, Scheduled: 2, Starving: 1}, l.Pools["db"])
	assert.Equal(t, &live.PoolLoad{Slots: 128, Open: 127, Running: 1}, l.Pools["default_pool"])
	close(m.gate)
	b.ended1(keys[0])
	b.until("nothing is under way", func() bool { l = b.e.Load(); return l.Runs == 0 })
	assert.Empty(t, l.Tasks)
	assert.Equal(t, &live.PoolLoad{Slots: 3, Open: 3}, l.Pools["db"])
}

// Whoever watches knows a run that is new, and hears of it once; and how much the logs have.
func TestCreatedIsToldOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stopStore()
	written := 0
	b.o.LogWritten = func(n int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		written += n
	}
	b.open()
	b.load("d:\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{})
	r := b.finish(engine.Trigger{})
	_, err := b.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
	require.NoError(t, err)
	b.until("it has run twice", func() bool { return len(b.ranSoFar()) == 2 })
	b.ended1(r.Key)
	b.mu.Lock()
	defer b.mu.Unlock()
	var created []dag.RunState
	for _, u := range b.updates {
		if u.Created {
			created = append(created, u.Run.State)
		}
	}
	assert.Equal(t, []dag.RunState{dag.RunQueued}, created)
	assert.Positive(t, written)
}
