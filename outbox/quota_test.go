package outbox_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/gate"
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
