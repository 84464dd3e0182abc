package outbox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
)

// mortal is the store of a process that dies at a write: nothing that it asks for then happens any
// more, and nothing returns until the test ends.
type mortal struct {
	outbox.Store

	// dies is the number of that write since it was armed, committed whether it still takes place.
	dies      int32
	committed bool

	armed  atomic.Bool
	writes atomic.Int32
	over   chan struct{}
}

func (m *mortal) do(write func() error) error {
	if !m.armed.Load() {
		return write()
	}
	n := m.writes.Add(1)
	if n < m.dies || n == m.dies && m.committed {
		if err := write(); err != nil || n < m.dies {
			return err
		}
	}
	<-m.over
	return errors.New("the process is dead")
}

func (m *mortal) Write(ctx context.Context, fn func(store.OutboxTx) error) error {
	return m.do(func() error { return m.Store.Write(ctx, fn) })
}

func (m *mortal) WriteOwn(ctx context.Context, fn func(store.OutboxTx) error) error {
	return m.do(func() error { return m.Store.WriteOwn(ctx, fn) })
}

func (m *mortal) Hush(ctx context.Context, fn func(outbox.HushTx) error) error {
	return m.do(func() error { return m.Store.Hush(ctx, fn) })
}

// A process that dies while it sums up a silence: the next one tells the end, and does not tell it again
// where it may have been told, which is said.
func TestCrashAtTheEndOfASilence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dies      int32 // 1 is the sum-up, 2 the claim of its message, 3 the record of what became of it
		committed bool
		state     store.DeliveryState
		arrived   int
	}{
		"before the sum-up":  {1, false, store.DeliveryDelivered, 1},
		"after the sum-up":   {1, true, store.DeliveryDelivered, 1},
		"before the claim":   {2, false, store.DeliveryDelivered, 1},
		"after the claim":    {2, true, store.DeliveryUncertain, 0},
		"before the record":  {3, false, store.DeliveryUncertain, 1},
		"when all is stored": {3, true, store.DeliveryDelivered, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inQuiet(t, takesAll, func(t *testing.T, b *bench, p *post) {
				t.Helper()
				m := &mortal{dies: c.dies, committed: c.committed, over: make(chan struct{})}
				b.stopStore()
				b.wrap = func(s outbox.Store) outbox.Store {
					m.Store = s
					return m
				}
				b.open()
				b.start()
				t.Cleanup(func() { close(m.over) })
				b.snooze(store.Silence{DAGs: []string{"d"}})
				b.letters("a", "b")
				synctest.Wait()
				require.Equal(t, []string{"silenced a of on_success", "silenced b of on_success"}, b.states())
				m.armed.Store(true)
				time.Sleep(time.Hour + time.Second)
				require.GreaterOrEqual(t, m.writes.Load(), c.dies, "it is dead")

				next := b.crash()
				next.start()
				time.Sleep(time.Hour)
				synctest.Wait()
				require.Equal(t, []string{"silenced a of on_success", "silenced b of on_success", string(c.state) + " on_silence_end"}, next.states())
				told := slices.DeleteFunc(p.takenSoFar(), func(text string) bool { return !strings.Contains(text, "2 alerts were silenced") })
				assert.Len(t, told, c.arrived)
				assert.Len(t, p.takenSoFar(), c.arrived, "and nothing else")
			})
		})
	}
}
