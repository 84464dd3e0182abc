package store

import (
	"context"
	"encoding/json"
	"time"
)

// Outbox reads the messages that callbacks sent or want sent.
type Outbox interface {
	// SendingDeliveries returns the messages that are marked as sending.
	SendingDeliveries(ctx context.Context) ([]*Delivery, error)
	// OpenChannels returns the channels with messages that wait or are being sent.
	OpenChannels(ctx context.Context) ([]string, error)
	// DeliveryLine returns the messages of a channel that may leave now: the first of each DAG and
	// priority whose next try has come, those of one priority together. There are none while one
	// is being sent, while one holds the channel, and when all wait; then at is when to
	// look again, zero when only the end of a sending changes that.
	DeliveryLine(ctx context.Context, channel string, now time.Time) (heads []*DeliveryHead, at time.Time, err error)
	// WaitingDeliveries returns the messages of a channel that wait and were written at a moment or
	// before, in the order of their ids, at most limit of them behind the one with the id after.
	WaitingDeliveries(ctx context.Context, channel string, written time.Time, after int64, limit int) ([]*Delivery, error)
	// LeastTriedDelivery returns the message of a channel with the fewest attempts among all that
	// may leave now; at is that of DeliveryLine when there is none.
	LeastTriedDelivery(ctx context.Context, channel string, now time.Time) (d *Delivery, at time.Time, err error)
	// CountFoldable counts the messages that [OutboxTx.FoldDeliveries] would fold, up to limit.
	CountFoldable(ctx context.Context, f Fold, limit int) (int, error)
	// UnnamedDeliveries returns the messages of a channel that are uncertain since a moment or later, that
	// nobody has seen and no other message names, in the order of their ids, at most limit.
	UnnamedDeliveries(ctx context.Context, channel string, since time.Time, limit int) ([]*Delivery, error)
	// Delivery returns ErrNotFound for an unknown message.
	Delivery(ctx context.Context, id int64) (*Delivery, error)
	// Deliveries returns messages of the outbox in order, at most limit (0 is all).
	Deliveries(ctx context.Context, states []DeliveryState, limit int) ([]*Delivery, error)
}

// OutboxTx changes them in a transaction.
type OutboxTx interface {
	// InsertDeliveries adds messages and sets their ids.
	InsertDeliveries(ctx context.Context, ds []*Delivery) error
	// ClaimDelivery marks a waiting message as sending by this process and counts the
	// attempt, in d too. It reports false, and changes nothing, when the message has moved on since it was read.
	ClaimDelivery(ctx context.Context, d *Delivery) (bool, error)
	// FoldDeliveries makes those messages of a channel that f selects part of a digest: they are
	// folded, have its id, and no longer an error of their own. It returns how many there are.
	FoldDeliveries(ctx context.Context, f Fold) (int, error)
	// FoldedDeliveries calls each with the messages of a digest in order, and whether what they
	// tell of has been mended since: the task has succeeded, or the run. It stops at an error of each.
	FoldedDeliveries(ctx context.Context, digest int64, each func(d *Delivery, mended bool) error) error
	// RewriteDelivery writes Summary, Payload, EventData, Priority and CreatedAt of a message that waits.
	RewriteDelivery(ctx context.Context, d *Delivery) error
	// UpdateDelivery writes State, NextTry, UpdatedAt, Receipt, Error, Progress, EventData,
	// Refusals and Hold of a message that is in one of the states from. It returns ErrLostLease when
	// that is not so, and when another attempt has begun since Attempts and Node were read.
	UpdateDelivery(ctx context.Context, d *Delivery, from ...DeliveryState) error
	// NameDeliveries sets NamedIn of those of the messages that are uncertain and have none.
	NameDeliveries(ctx context.Context, namedIn int64, ids []int64) error
	// ReleaseDeliveries lets the messages that wait in a channel ("": in all) with one of
	// the holds leave now, except those with the given ids.
	ReleaseDeliveries(ctx context.Context, channel string, except []int64, holds ...Hold) error
	// RestartPauses moves the next try of what waits and has an UpdatedAt after now, by a clock that was
	// set back, so that it is as long after now as it was after UpdatedAt, which becomes now.
	RestartPauses(ctx context.Context, now time.Time) error
	// PutDeliveryAttempt records a try of a message. It replaces what is recorded of that try if that is
	// uncertain, and leaves it as it is otherwise.
	PutDeliveryAttempt(ctx context.Context, a *DeliveryAttempt) error
}

// DeliveryHead is the first message of its DAG and priority in a channel.
type DeliveryHead struct {
	ID        int64
	Priority  int
	DAGID     string
	Event     string
	Attempts  int
	CreatedAt time.Time
}

// Fold selects the messages of a channel that one message is to tell: of those that wait, may leave at
// a moment, were neither taken in part nor refused, know their event and have a priority over First,
// all that are as old as Old, with all others of their DAGs, and all of a DAG.
type Fold struct {
	Digest  int64
	Channel string
	// Now is that moment. UpdatedAt of the messages becomes it.
	Now time.Time
	// First is the highest priority that is left alone, Alone are the events that are.
	First int
	Alone []string
	// Old is a moment at or before which messages were written; zero selects none.
	Old time.Time
	// DAGID selects those of a DAG if Whole is set.
	DAGID string
	Whole bool
	// Seen is the last message that was looked at for silences: later ones are left, but those that
	// somebody sends although they were silenced.
	Seen int64
}

// DeliveryState is the state of a message in the outbox.
type DeliveryState string

// The states of a delivery. A message is never deleted by the sender.
const (
	// DeliveryWaiting is not sent yet, or waits for its next try.
	DeliveryWaiting DeliveryState = "waiting"
	// DeliverySending has left or is about to; found at a start it means that the
	// process died and nobody knows whether it arrived.
	DeliverySending DeliveryState = "sending"
	// DeliveryDelivered was accepted by the receiver.
	DeliveryDelivered DeliveryState = "delivered"
	// DeliveryRefused was refused for good.
	DeliveryRefused DeliveryState = "refused"
	// DeliveryUncertain may have arrived: its answer was lost.
	DeliveryUncertain DeliveryState = "uncertain"
	// DeliveryFolded is told by another message, together with others.
	DeliveryFolded DeliveryState = "folded"
	// DeliverySilenced is not sent, because people wanted silence.
	DeliverySilenced DeliveryState = "silenced"
)

// Hold says how the failure of a message holds those behind it in its channel.
type Hold string

// The holds of a message until its next try.
const (
	// HoldNone: it failed for itself and steps aside; the others leave.
	HoldNone Hold = ""
	// HoldOutage: the receiver could not be reached or could not do its work.
	HoldOutage Hold = "outage"
	// HoldThrottled: the receiver takes nothing from this sender until then.
	HoldThrottled Hold = "throttled"
	// HoldQuota is of refused ones only: the robot gets so many messages in a month, and the rest of
	// them is kept for what is more urgent than this one.
	HoldQuota Hold = "quota"
)

// Owner is what caused a message: an event of a try of a task, of a run, of a DAG or of the
// program itself.
type Owner struct {
	// Event is the word of package callbacks for what happened.
	Event string
	// DAGID is empty for an event of no DAG, RunID for one of no run, TaskID for one of no task.
	DAGID, RunID, TaskID string
	// MapIndex is that of the task instance, -1 for an unmapped one and without a task.
	MapIndex int
	// Try is the number of the try, 0 without a task.
	Try int
}

// Delivery is one message in the outbox.
type Delivery struct {
	ID      int64
	State   DeliveryState
	Channel string
	Sender  string
	Summary string
	Payload json.RawMessage
	// Owner is what it tells of.
	Owner Owner
	// Attempts counts how often it was sent, Node is the process that did it last.
	Attempts  int
	Node      string
	NextTry   time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	// Receipt is the receiver's answer, Error the reason of the last failure.
	Receipt, Error string
	// Progress is the sender's own record of the parts that the receiver took.
	Progress string
	// EventData is the event as JSON, of which a message is made that stands in for this
	// one; nil for one that is delivered, and for one that stands in last of all.
	EventData json.RawMessage
	// StandsInFor is the id of the message that this one replaces, 0 for none.
	StandsInFor int64
	// Refusals counts how often it was refused for a reason that nobody knows.
	Refusals int
	// Hold says how it holds those behind it until NextTry.
	Hold Hold
	// Priority is its rank in the line of its receiver: a lower one leaves first. See package gate.
	Priority int
	// DigestID is the id of the message that tells a folded one, 0 for none.
	DigestID int64
	// NamedIn is the id of the message that told people of this uncertain one, 0 for none.
	NamedIn int64
	// DedupeKey is the same for messages of which one is enough for a time, empty for none.
	DedupeKey string
	// DedupeFor is for how long after another one with its DedupeKey it is kept back, in whole milliseconds.
	DedupeFor time.Duration
	// SilenceID is the id of the silence that keeps it back, or kept it back before somebody sent
	// it again; 0 for none.
	SilenceID int64
	// AckedAt is when somebody said that he has seen it, AckedBy who, AckedNote what else he said.
	AckedAt            time.Time
	AckedBy, AckedNote string
	// Callback is the notifier that wrote it, with its place in the DAG file where that is known.
	Callback string
	// Card is kept with a message that is new and will be redrawn; its DeliveryID is set with the ID. It is
	// nil in what is read.
	Card *Card
}

// AttemptOutcome is what came of a try to send a message.
type AttemptOutcome string

// The outcomes.
const (
	// AttemptDelivered: the receiver took all of it.
	AttemptDelivered AttemptOutcome = "delivered"
	// AttemptGated: some parts left, the next has to wait since the receiver had enough. What waits
	// before its first part has no try.
	AttemptGated AttemptOutcome = "gated"
	// AttemptRetry: it failed and is tried again.
	AttemptRetry AttemptOutcome = "retry"
	// AttemptRefused: it failed for good.
	AttemptRefused AttemptOutcome = "refused"
	// AttemptUncertain: nobody knows whether it arrived. It may be tried again all the same, where
	// that does no harm.
	AttemptUncertain AttemptOutcome = "uncertain"
)

// DeliveryAttempt is one try to send a message.
type DeliveryAttempt struct {
	DeliveryID int64
	// Attempt counts the tries of the message from 1. A number is left out where nothing was sent.
	Attempt int
	// At is when it began and EndedAt when its outcome was known: for one that a crash cut off, the last moment at
	// which it was seen and when the next process found it.
	At, EndedAt time.Time
	// Node is the process that sent it.
	Node    string
	Outcome AttemptOutcome
	// Code and HTTPStatus are those of the receiver's answer; empty and 0 without any.
	Code       string
	HTTPStatus int
	// Message is the receiver's answer, or why it failed.
	Message string
	// PartsTaken is how many parts the receiver took in this try. Parts is how many the message has, 0
	// where that is not known.
	PartsTaken, Parts int
	// NextTry is when the next one may be, zero for at once and without any.
	NextTry time.Time
}
