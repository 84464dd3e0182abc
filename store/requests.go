package store

import (
	"context"
	"encoding/json"
	"time"
)

// Requests reads what processes ask of the one that works on the store.
type Requests interface {
	// Request returns ErrNotFound for an unknown request.
	Request(ctx context.Context, id int64) (*Request, error)
	// OpenRequests returns the requests that nobody has answered, oldest first.
	OpenRequests(ctx context.Context) ([]*Request, error)
}

// RequestsTx asks and answers in a transaction.
type RequestsTx interface {
	// InsertRequest adds a request and sets its ID.
	InsertRequest(ctx context.Context, r *Request) error
	// AnswerRequest writes DoneAt, Result and Error. It reports false, and changes
	// nothing, when the request was answered before.
	AnswerRequest(ctx context.Context, r *Request) (bool, error)
}

// Request is a change that one process asks of the one that works on the store.
type Request struct {
	ID   int64
	Kind string
	// Payload is what is asked for, as JSON.
	Payload json.RawMessage
	// Actor is who asks.
	Actor     Actor
	CreatedAt time.Time
	// DoneAt is zero while nobody has answered.
	DoneAt time.Time
	// Result is the answer as JSON; Error says instead why nothing was done.
	Result json.RawMessage
	Error  string
}
