package outbox_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
)

// counted is a robot with a quota of 5000 that has had so many messages in this month.
func (b *bench) counted(sent int) {
	b.t.Helper()
	ctx := context.Background()
	require.NoError(b.t, b.store.Tx(ctx, func(tx store.Tx) error {
		row, err := tx.LockGate(ctx, "key")
		if err != nil {
			return err
		}
		row.Name, row.Quota, row.Month, row.Sent = "ops", 5000, gate.Month(time.Now()), sent
		return tx.PutGate(ctx, row)
	}))
}

// People are told once a month that a robot has had most of its messages, over restarts, and by the
// last resort.
func TestQuotaIsTold(t *testing.T) {
	t.Parallel()
	inQuiet(t, takesAll, func(t *testing.T, b *bench, _ *post) {
		t.Helper()
		time.Sleep(30*24*time.Hour + 4*time.Hour) // the month is nearly over in China
		b.counted(3999)
		b.start()
		time.Sleep(time.Minute)
		assert.Empty(t, b.deliveries())
		b.counted(4000)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, b.deliveries(), 1)
		d := b.delivery(0)
		assert.Equal(t, store.DeliveryDelivered, d.State)
		assert.Equal(t, "on_quota", d.Owner.Event)
		assert.Equal(t, 1, d.Priority, "it is no success, which would not be sent any more")
		assert.Len(t, b.last.takenSoFar(), 1)

		b.stop()
		b.open()
		b.start()
		b.counted(4500)
		time.Sleep(time.Minute)
		assert.Len(t, b.deliveries(), 1, "once")
		time.Sleep(12 * time.Hour)
		assert.Len(t, b.deliveries(), 1, "the count is of another month")
		b.counted(4000)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Len(t, b.deliveries(), 2, "the next month")
	})
}

// Two processes that see it at the same time tell it once, and a last resort that takes nothing is not
// told by itself.
func TestQuotaIsToldByOne(t *testing.T) {
	t.Parallel()
	inQuiet(t, takesAll, func(t *testing.T, b *bench, _ *post) {
		t.Helper()
		b.last.answer = func(string, int) error { return postError{} }
		b.counted(4000)
		b.start()
		b.crash().start()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, b.deliveries(), 1)
		assert.Equal(t, store.DeliveryRefused, b.delivery(0).State)
	})
}

// Of a connection with several robots each has its own quota: what one may no longer get goes to the others,
// what none may get is refused with the count, and the fallback tells it.
func TestQuotaOfSeveralRobots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStorm(t)
		conns := connections.Static{}
		for id, extra := range map[string]map[string]any{
			"a": {"quota": 5}, "b": {"quota": 10}, "spare": {}, "ops": {"robots": []string{"a", "b"}, "fallback": "spare"},
		} {
			conn := map[string]any{"conn_type": "dingding", "host": "http://127.0.0.1", "extra": extra}
			if id != "ops" { // which has no robot of its own
				robot, err := s.box.AddRobot(sandbox.DemoRobot(id))
				require.NoError(t, err)
				conn["password"] = robot.Token
			}
			var err error
			conns[id], err = connections.FromAttributes(id, conn)
			require.NoError(t, err)
		}
		s.conns = conns
		s.start()
		tell := func(kind callbacks.Kind, n int) {
			for range n {
				ev := failure("etl", "r", fmt.Sprint(kind, len(s.deliveries())))
				ev.Kind = kind
				s.fail(ev)
				time.Sleep(30 * time.Second)
			}
		}
		had := func() (out [3]int) {
			for i, robot := range []string{"a", "b", "spare"} {
				out[i] = len(s.box.Messages(sandbox.Filter{Robot: robot}))
			}
			return out
		}
		tell(callbacks.Success, 12)
		assert.Equal(t, [3]int{4, 8, 0}, had(), "a fifth is kept")
		tell(callbacks.Success, 1)
		assert.Equal(t, [3]int{4, 8, 1}, had())
		tell(callbacks.Failure, 3)
		assert.Equal(t, [3]int{5, 10, 1}, had())
		tell(callbacks.Failure, 2)
		assert.Equal(t, [3]int{5, 10, 3}, had())
		var refused []string
		held := map[string]int{}
		for _, d := range s.deliveries() {
			if d.State == store.DeliveryRefused {
				refused = append(refused, d.Error)
				held[d.Owner.Event+" "+string(d.Hold)]++
			} else {
				assert.Equal(t, store.DeliveryDelivered, d.State, d.Error)
			}
		}
		require.Len(t, refused, 3)
		assert.Equal(t, map[string]int{"on_success quota": 1, "on_failure ": 2}, held, "only a success was kept back")
		assert.Regexp(t, `robot "[ab]" has had \d+ of the \d+ messages that its extra.quota allows in 2000-01, and the rest is kept`, refused[0])
		for _, text := range refused[1:] {
			assert.Regexp(t, `robot "(a" has had 5 of the 5|b" has had 10 of the 10) messages that its extra.quota allows in 2000-01;`, text)
		}
	})
}
