package outbox

import (
	"context"

	"github.com/dingdag/dingdag/store"
)

// Store is what the outbox needs of the durable store.
type Store interface {
	store.Outbox
	// Write runs fn in a transaction and commits it unless fn fails.
	Write(ctx context.Context, fn func(store.OutboxTx) error) error
}

// In is the outbox's part of a store.
func In(s interface {
	store.Outbox
	store.Transactor
},
) Store {
	return part{s, s}
}

type part struct {
	store.Outbox
	s store.Transactor
}

func (p part) Write(ctx context.Context, fn func(store.OutboxTx) error) error {
	return p.s.Tx(ctx, func(tx store.Tx) error { return fn(tx) })
}
