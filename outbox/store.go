package outbox

import (
	"context"

	"github.com/dingdag/dingdag/store"
)

// Store is what the outbox needs of the durable store.
type Store interface {
	store.Outbox
	store.Silences
	store.Gates
	// Write runs fn in a transaction and commits it unless fn fails.
	Write(ctx context.Context, fn func(store.OutboxTx) error) error
	// WriteOwn is Write for what became of a message of this process, whichever process sends others now.
	WriteOwn(ctx context.Context, fn func(store.OutboxTx) error) error
	// Hush is Write for what keeps messages back.
	Hush(ctx context.Context, fn func(HushTx) error) error
	// Warn is Write for what tells of robots.
	Warn(ctx context.Context, fn func(WarnTx) error) error
}

// WarnTx is a transaction on robots and the messages that tell of them.
type WarnTx interface {
	store.GatesTx
	store.OutboxTx
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
	store.Gates
	store.Transactor
	store.Membership
},
) Store {
	return part{s, s, s, s, s}
}

type part struct {
	store.Outbox
	store.Silences
	store.Gates
	s   store.Transactor
	own store.Membership
}

func (p part) Write(ctx context.Context, fn func(store.OutboxTx) error) error {
	return p.s.Tx(ctx, func(tx store.Tx) error { return fn(tx) })
}

func (p part) WriteOwn(ctx context.Context, fn func(store.OutboxTx) error) error {
	return p.own.Own(ctx, func(tx store.Tx) error { return fn(tx) })
}

func (p part) Hush(ctx context.Context, fn func(HushTx) error) error {
	return p.s.Tx(ctx, func(tx store.Tx) error { return fn(tx) })
}

func (p part) Warn(ctx context.Context, fn func(WarnTx) error) error {
	return p.s.Tx(ctx, func(tx store.Tx) error { return fn(tx) })
}
