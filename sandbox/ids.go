package sandbox

import (
	"crypto/sha256"
	"encoding/binary"
)

// ids makes ids in the forms of DingTalk's. They follow from a counter, so that the
// same requests give the same ids.
type ids struct{ count uint64 }

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// code returns letters and digits, at most 32.
func (i *ids) code(length int) string {
	i.count++
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, i.count))
	out := make([]byte, length)
	for n := range out {
		out[n] = idAlphabet[int(sum[n])%len(idAlphabet)]
	}
	return string(out)
}

// conversation returns an openConversationId. It always holds "/", "+" and "=", as
// real ones may, so that a client that does not escape them fails here already.
func (i *ids) conversation() string {
	return "cid" + i.code(4) + "/" + i.code(8) + "+" + i.code(8) + "=="
}

// key returns a processQueryKey, which may hold the same.
func (i *ids) key() string {
	return i.code(10) + "+" + i.code(6) + "/" + i.code(4) + "="
}

// task returns a number of the size of DingTalk's task ids.
func (i *ids) task() int64 {
	i.count++
	return 256_000_000_000 + int64(i.count)*7919 //nolint:gosec // far below overflow
}
