package outbox

import (
	"context"

	"github.com/dingdag/dingdag/store"
)

// Store is what the outbox needs of the durable store.
type Store interface {
	store.Outbox
	store.Silences
	// Write runs fn in a transaction and commits it unless fn fails.
	Write(ctx context.Context, fn func(store.OutboxTx) error) error
	// Hush is Write for what keeps messages back.
	Hush(ctx context.Context, fn func(HushTx) error) error
}

// HushTx is a transaction on silences and the messages that they keep back.
type HushTx interface {
	store.Silences
	store.SilencesTx
	store.OutboxTx
	// Delivery returns ErrNotFound for an unknown message.
	Delivery(ctx context.Context, id int64) (*store.Delivery, error)
}

// In is the outbox's part of a store.
func In(s interface {
	store.Outbox
	store.Silences
	store.Transactor
},
) Store {
	return part{s, s, s}
}

type part struct {
	store.Outbox
	store.Silences
	s store.Transactor
}

func (p part) Write(ctx context.Context, fn func(store.OutboxTx) error) error {
	return p.s.Tx(ctx, func(tx store.Tx) error { return fn(tx) })
}

func (p part) Hush(ctx context.Context, fn func(HushTx) error) error {
	return p.s.Tx(ctx, func(tx store.Tx) error { return fn(tx) })
}
