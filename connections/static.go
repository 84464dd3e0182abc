package connections

import (
	"context"
	"fmt"
)

// Static is a source that holds its connections, by id, for programs that bring their own.
// It must not be changed while it is in use.
//
//	robots := connections.Static{"ops": {Password: new(connections.Secret(webhook))}}
type Static map[string]*Connection

var _ Source = Static(nil)

// Connection returns a copy of the connection under an id, which its ID then names.
func (s Static) Connection(_ context.Context, id string) (*Connection, error) {
	c := s[id]
	if c == nil {
		return nil, fmt.Errorf("connection %q: %w", id, ErrNotFound)
	}
	found := *c
	found.ID = id
	return &found, nil
}
