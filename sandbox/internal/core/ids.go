package core

import (
	"crypto/sha256"
	"encoding/binary"
)

// The ids have the forms of DingTalk's. They follow from a counter, so that the same
// requests give the same ids.

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Code returns letters and digits, at most 32.
func (c *Core) Code(length int) string {
	c.lastID++
	return digest(string(binary.BigEndian.AppendUint64(nil, c.lastID)), length)
}

// digest makes letters and digits of a text, at most 32.
func digest(text string, length int) string {
	sum := sha256.Sum256([]byte(text))
	out := make([]byte, length)
	for n := range out {
		out[n] = idAlphabet[int(sum[n])%len(idAlphabet)]
	}
	return string(out)
}

// ConversationID returns an openConversationId. It always holds "/", "+" and "=", as
// real ones may, so that a client that does not escape them fails here already.
func (c *Core) ConversationID() string {
	return "cid" + c.Code(4) + "/" + c.Code(8) + "+" + c.Code(8) + "=="
}

// QueryKey returns a processQueryKey, which may hold the same.
func (c *Core) QueryKey() string {
	return c.Code(10) + "+" + c.Code(6) + "/" + c.Code(4) + "="
}

// TaskID returns a number of the size of DingTalk's task ids.
func (c *Core) TaskID() int64 {
	c.lastID++
	return 256_000_000_000 + int64(c.lastID)*7919 //nolint:gosec // far below overflow
}
