package store

import (
	"context"
	"encoding/json"
	"time"
)

// OwnerAnswers reads what looking up the owners of tasks gave.
type OwnerAnswers interface {
	// OwnerAnswers returns all of them by name.
	OwnerAnswers(ctx context.Context) ([]*OwnerAnswer, error)
}

// OwnerAnswersTx changes it in a transaction.
type OwnerAnswersTx interface {
	// PutOwnerAnswer writes an answer in place of the one that is there.
	PutOwnerAnswer(ctx context.Context, a *OwnerAnswer) error
	// DropOwnerAnswer forgets the people of an owner, if any are known.
	DropOwnerAnswer(ctx context.Context, name string) error
}

// OwnerAnswer is what is known of an owner from looking it up.
type OwnerAnswer struct {
	// Name is that of the owner, Asked a key of the question.
	Name, Asked string
	// People are those of the last look-up that succeeded, as JSON, and At is when it did. Without
	// one they are nil and zero.
	People json.RawMessage
	At     time.Time
	// FailedSince is when the first of the look-ups since then failed, or zero, and Error the
	// masked error of the last one.
	FailedSince time.Time
	Error       string
}
