package store

import (
	"encoding/json"
	"time"
)

// Request is a change that one process asks of the one that works on the store.
type Request struct {
	ID   int64
	Kind string
	// Payload is what is asked for, as JSON.
	Payload   json.RawMessage
	CreatedAt time.Time
	// DoneAt is zero while nobody has answered.
	DoneAt time.Time
	// Result is the answer as JSON; Error says instead why nothing was done.
	Result json.RawMessage
	Error  string
}
