package health_test

import (
	"context"
	"testing"
	"time"

	"github.com/dingdag/dingdag/store"
)

// BenchmarkCheck looks at a store whose last day had 10,000 alerts that were refused and told by another one.
func BenchmarkCheck(b *testing.B) {
	w := newWorld(b)
	const n = 10_000
	w.write(func(ctx context.Context, tx store.Tx) error {
		for i := range n {
			refused := &store.Delivery{State: store.DeliveryRefused, Channel: "c", Sender: "s", Summary: "x", Payload: []byte(`{"text":"some text of a message"}`), Owner: store.Owner{DAGID: "d", MapIndex: -1}, Error: "e", CreatedAt: w.now.Add(-time.Hour), UpdatedAt: w.now}
			if err := tx.InsertDeliveries(ctx, []*store.Delivery{refused}); err != nil {
				return err
			}
			told := *refused
			told.ID, told.State, told.StandsInFor = 0, store.DeliveryDelivered, int64(2*i+1)
			if err := tx.InsertDeliveries(ctx, []*store.Delivery{&told}); err != nil {
				return err
			}
		}
		return nil
	})
	for b.Loop() {
		if h := w.Check(b.Context()); h.Status != "healthy" {
			b.Fatal(h.Text())
		}
	}
}
