package store

import (
	"context"
	"time"
)

// Alerts reads the messages of the outbox for people: what was sent, what waits and what failed.
type Alerts interface {
	// Delivery returns ErrNotFound for an unknown message.
	Delivery(ctx context.Context, id int64) (*Delivery, error)
	// DeliveryLog returns the messages that match, newest first.
	DeliveryLog(ctx context.Context, f DeliveryFilter) ([]*Delivery, error)
	// CountDeliveries counts them on whatever page.
	CountDeliveries(ctx context.Context, f DeliveryFilter) (int, error)
	// DeliveryAttempts returns the tries of messages in the order of their ids, oldest first.
	DeliveryAttempts(ctx context.Context, ids ...int64) ([]*DeliveryAttempt, error)
}

// AlertsTx lets people decide about a message in a transaction.
type AlertsTx interface {
	// DecideDelivery writes State, UpdatedAt and Error of a message, which waits for nothing from
	// then on, if it is as it was read: in the state from with as many attempts. It reports false,
	// and changes nothing, when it has moved on.
	DecideDelivery(ctx context.Context, d *Delivery, from DeliveryState) (bool, error)
}

// DeliveryFilter selects messages. Zero fields select everything.
type DeliveryFilter struct {
	States               []DeliveryState
	Channel              string
	DAGID, RunID, TaskID string
	// Since selects the messages that were written at this moment or later.
	Since time.Time
	// Limit bounds the number of messages; 0 is all. With a Limit, Offset passes over the newest ones.
	Limit, Offset int
	// Behind passes over those up to the message with this ID.
	Behind int64
}
