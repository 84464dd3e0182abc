package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/dag"
)

// Cards reads the interactive cards that were sent and what has become of what they tell.
type Cards interface {
	// Card returns the card with an outTrackId, with what has become of it, or ErrNotFound.
	Card(ctx context.Context, outTrackID string) (*CardNow, error)
	// OpenCards returns the cards that are not closed and may be looked at now, oldest first and behind the
	// one that was made at a moment with an outTrackId; at most limit.
	OpenCards(ctx context.Context, now, behind time.Time, after string, limit int) ([]*CardNow, error)
}

// CardsTx changes them in a transaction.
type CardsTx interface {
	// InsertCard adds a card. It reports false, and changes nothing, when there is one with its outTrackId.
	InsertCard(ctx context.Context, c *Card) (bool, error)
	// UpdateCard writes Shown, Failures, NextLook, Error, UpdatedAt and ClosedAt of a card.
	UpdateCard(ctx context.Context, c *Card) error
	// PutCardPress notes a press of a card that had an effect, and lets the card be looked at at once. One that is
	// noted already stays as it is.
	PutCardPress(ctx context.Context, p *CardPress) error
}

// CardKind says what a card tells of.
type CardKind string

// The kinds of cards.
const (
	// AlertCard tells of a failure, a retry or a missed deadline.
	AlertCard CardKind = "alert"
	// RunCard follows a run until it ends.
	RunCard CardKind = "run"
	// AskCard asks people.
	AskCard CardKind = "ask"
)

// Card is an interactive card that is redrawn while what it tells of goes on.
type Card struct {
	// OutTrackID is our id of it, by which DingTalk knows it.
	OutTrackID string
	// ConnID is the connection of the app that sends it.
	ConnID string
	Kind   CardKind
	// DeliveryID is the message of the outbox that delivers it, 0 for none: then whoever redraws it delivers it too.
	DeliveryID int64
	// DAGID, RunID, TaskID, MapIndex and Try are what it tells of. TaskID is empty for a run.
	DAGID, RunID, TaskID string
	MapIndex, Try        int
	// OpenConversationID and UserIDs are the receivers, none for those of the connection.
	OpenConversationID string
	UserIDs            []string
	// Face is what it was made with, as JSON of package face.
	Face json.RawMessage
	// Shown is a hash of the variables that it shows, empty before the first time.
	Shown string
	// Failures counts how often it could not be redrawn since the last time that it was; Error is why. It is not
	// looked at before NextLook.
	Failures int
	Error    string
	NextLook time.Time
	// MadeAt is when it was made, UpdatedAt when it was redrawn last, ClosedAt since when it stays as it is.
	MadeAt, UpdatedAt, ClosedAt time.Time
}

// CardPress is a button of a card that somebody pressed and that had an effect.
type CardPress struct {
	OutTrackID string
	// Press names the press, see [Actor.Ref].
	Press string
	// Action is the button, By the userid of who pressed it, Said what became of it.
	Action, By, Said string
	At               time.Time
}

// CardNow is a card with what has become of it.
type CardNow struct {
	Card
	// Delivery is the state of its message, Receipt the answer to it; empty without any message.
	Delivery DeliveryState
	Receipt  string
	// AckedBy is who has seen it, at AckedAt.
	AckedBy string
	AckedAt time.Time
	// RunKey is the key of the run, 0 when there is none any more. RunState is the state that it has.
	RunKey   int64
	RunState dag.RunState
	// State is that of the task instance, empty when there is none or it has not been stored yet;
	// LastTry is its number of tries and RetryAt when the next one starts.
	State   dag.State
	LastTry int
	RetryAt time.Time
	// Presses are those that had an effect, in order.
	Presses []*CardPress
}
