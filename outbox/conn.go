package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
)

// lookForMendedConn lets all of a channel leave when somebody changed the connection
// after a message had failed.
func (o *Outbox) lookForMendedConn(ctx context.Context, name string, c *channel) error {
	if c.failed == nil {
		return nil
	}
	if now := o.connOf(ctx, c.failed); now == "" || now == c.conn {
		return nil
	}
	c.failed, c.fails = nil, 0
	clear(c.suspects)
	return o.release(ctx, name, nil, store.HoldNone, store.HoldOutage, store.HoldThrottled)
}

// connOf is a fingerprint of the connection of a message, or "" when that is not known.
func (o *Outbox) connOf(ctx context.Context, d *store.Delivery) string {
	id := o.connID(d.Sender, message(d))
	if id == "" {
		return ""
	}
	conn, err := o.o.Connections.Connection(ctx, id)
	switch {
	case errors.Is(err, connections.ErrNotFound):
		return "none"
	case err != nil:
		return "" // the next look may tell
	}
	fields := []*string{conn.Host, conn.Login, conn.Schema, reveal(conn.Password), reveal(conn.Extra)}
	var text []byte
	for _, p := range fields {
		if p != nil {
			text = strconv.AppendQuote(text, *p)
		}
		text = append(text, 0)
	}
	if conn.Port != nil {
		text = strconv.AppendInt(text, int64(*conn.Port), 10)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func reveal(s *connections.Secret) *string {
	if s == nil {
		return nil
	}
	text := s.Reveal()
	return &text
}
