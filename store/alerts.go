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
	// CountDeliveriesOfRuns counts the messages about runs of a DAG by run and state.
	CountDeliveriesOfRuns(ctx context.Context, dagID string, runIDs ...string) ([]*DeliveryCount, error)
	// DeliveryAttempts returns the tries of messages in the order of their ids, oldest first.
	DeliveryAttempts(ctx context.Context, ids ...int64) ([]*DeliveryAttempt, error)
}

// AlertsTx lets people decide about a message in a transaction.
type AlertsTx interface {
	// DecideDelivery writes State, UpdatedAt and Error of a message, which waits for nothing and
	// is named in no other from then on, if it is as it was read: in the state from with as many attempts. It reports false,
	// and changes nothing, when it has moved on.
	DecideDelivery(ctx context.Context, d *Delivery, from DeliveryState) (bool, error)
	// AckDeliveries notes that somebody has seen the messages that match and that nobody had said that of,
	// and returns how many these are. The page of the filter has no meaning.
	AckDeliveries(ctx context.Context, f DeliveryFilter, a Ack) (int, error)
}

// DroppedPrefix is how the error of a message begins that somebody has dropped.
const DroppedPrefix = "dropped"

// Ack says who has seen a message, and when. Note is what else he said, or empty.
type Ack struct {
	At       time.Time
	By, Note string
}

// DeliveryCount is how many messages about a run are in a state.
type DeliveryCount struct {
	RunID string
	State DeliveryState
	N     int
}

// DeliveryFilter selects messages. Zero fields select everything.
type DeliveryFilter struct {
	States               []DeliveryState
	Channel              string
	DAGID, RunID, TaskID string
	// DAGIDs selects those of some DAGs; nil selects all, and an empty list none.
	DAGIDs []string
	// IDs selects those with these ids; none selects all.
	IDs []int64
	// Since and Until select the messages that were written from the one moment on and before the other one.
	Since, Until time.Time
	// DigestID selects the messages that another one tells.
	DigestID int64
	// StandsInFor selects those that replace one of some; none selects all.
	StandsInFor []int64
	// Unacked selects those of which nobody has said that he has seen them.
	Unacked bool
	// Untold leaves out the refused ones that a message which was not refused stands in for.
	Untold bool
	// Hold selects those with a hold, Unkept leaves out those with [HoldQuota].
	Hold   Hold
	Unkept bool
	// Limit bounds the number of messages; 0 is all. With a Limit, Offset passes over the newest ones.
	Limit, Offset int
	// Behind passes over those up to the message with this ID.
	Behind int64
	// Oldest has the oldest ones first; then Behind has no meaning, and Offset passes over the oldest ones.
	Oldest bool
}
