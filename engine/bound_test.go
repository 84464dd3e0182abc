package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

// conversations are what conversations were told, by their ids.
type conversations struct {
	mu   sync.Mutex
	told map[string][]string
}

// of is what one was told so far, in an order of its own.
func (c *conversations) of(id string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(slices.Values(c.told[id]))
}

// binds makes a bench with conversations, each of which is a function of its id.
func binds(t *testing.T, ids ...string) (*bench, *conversations) {
	t.Helper()
	c := &conversations{told: map[string][]string{}}
	var funcs []callbacks.Function
	for _, id := range ids {
		funcs = append(funcs, callbacks.Func(id, func(_ context.Context, ev *callbacks.Event) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.told[id] = append(c.told[id], string(ev.Kind)+" "+ev.Subject())
			return nil
		}))
	}
	b := newBench(t, funcs...)
	b.restartWith(func(o *engine.Options) {
		o.BoundCallback = func(x *store.Binding) dag.Callback { return dag.Callback{Name: x.ConversationID} }
	})
	return b, c
}

// bind binds a conversation.
func (b *bench) bind(id string, kind store.BindingKind, value string) {
	b.t.Helper()
	require.NoError(b.t, b.store.Tx(b.t.Context(), func(tx store.Tx) error {
		_, err := tx.InsertBinding(b.t.Context(), &store.Binding{ConnID: "app", ConversationID: id, Group: true, Kind: kind, Value: value, MadeAt: day(1)})
		return err
	}))
}

// finishOf runs a DAG to its end.
func (b *bench) finishOf(dagID string, t engine.Trigger) {
	b.t.Helper()
	r, err := b.e.Trigger(b.t.Context(), dagID, t)
	require.NoError(b.t, err)
	b.ended1(r.Key)
}

// Each conversation hears once of what it is bound to: of failed tasks and not of their run again, of
// recoveries, of successes only where the DAG tells them.
func TestConversationsHearWhatTheyAreBoundTo(t *testing.T) {
	t.Parallel()
	b, c := binds(t, "all", "one", "tagged", "anns", "bobs", "own")
	broken := b.breaks()
	b.load(`
d:
  tags: [sales]
  tasks:
    - {task_id: a, operator: probe, do: break, owner: ann}
    - {task_id: b, operator: probe, owner: bob, dependencies: [a]}
loud:
  on_success_callback: own
  on_failure_callback: own
  tasks:
    - {task_id: x, operator: probe, do: break, owner: bob, on_failure_callback: own}
`)
	b.start(engine.RunOptions{})
	b.bind("all", store.BoundAll, "")
	b.bind("one", store.BoundDAG, "d")
	b.bind("one", store.BoundTag, "sales")
	b.bind("tagged", store.BoundTag, "sales")
	b.bind("anns", store.BoundOwner, "ann")
	b.bind("bobs", store.BoundOwner, "bob")
	b.bind("own", store.BoundDAG, "loud")
	broken("a", "x")
	for n := range 2 {
		b.finishOf("d", engine.Trigger{LogicalDate: day(n + 1)})
	}
	b.finishOf("loud", engine.Trigger{LogicalDate: day(1)})
	broken()
	b.finishOf("d", engine.Trigger{LogicalDate: day(3)})
	b.finishOf("loud", engine.Trigger{LogicalDate: day(2)})
	b.finishOf("d", engine.Trigger{LogicalDate: day(4)})
	b.idle()
	ofD := []string{"on_failure d.a", "on_failure d.a", "on_recovery d.a"}
	for id, want := range map[string][]string{
		"one": ofD, "tagged": ofD, "anns": ofD,
		"bobs": {"on_failure loud.x", "on_recovery loud.x", "on_success loud"},
		"all":  {"on_failure d.a", "on_failure d.a", "on_failure loud.x", "on_recovery d.a", "on_recovery loud.x", "on_success loud"},
		"own":  {"on_failure loud", "on_failure loud.x", "on_recovery loud.x", "on_success loud"},
	} {
		assert.Equal(t, want, c.of(id), id)
	}
}

// A binding counts from the next event on, and no longer once it has ended.
func TestBindingsEnd(t *testing.T) {
	t.Parallel()
	b, c := binds(t, "one")
	broken := b.breaks()
	b.load("d:\n  tasks:\n    - {task_id: a, operator: probe, do: break}\n")
	b.start(engine.RunOptions{})
	broken("a")
	b.finish(engine.Trigger{LogicalDate: day(1)})
	b.bind("one", store.BoundDAG, "d")
	b.finish(engine.Trigger{LogicalDate: day(2)})
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
		_, err := tx.DeleteBinding(t.Context(), 1)
		return err
	}))
	b.finish(engine.Trigger{LogicalDate: day(3)})
	b.idle()
	assert.Equal(t, []string{"on_failure d.a"}, c.of("one"))
}
