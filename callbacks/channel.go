package callbacks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

const (
	// receiverMark begins the receivers in a channel. No id of a connection has it.
	receiverMark = "@"
	// maxReceivers is how many bytes of receivers a channel shows.
	maxReceivers = 64
)

// ChannelOf returns the [Message.Channel] of what a sender sends through a connection. Where that leads
// to several receivers that have nothing to do with each other, such as the groups that the bot of an
// app is in, it is to name those of the message: "dingding_bot:dingtalk_default@cidAb/3dE+f0==". Their
// order does not matter; ids that are long in all are replaced by their number and a hash.
func ChannelOf(sender, connID string, receivers ...string) string {
	channel := sender + ":" + connID
	if len(receivers) == 0 {
		return channel
	}
	ids := SortedReceivers(receivers)
	text := strings.Join(ids, ",")
	if len(text) > maxReceivers || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		sum := sha256.Sum256([]byte(text))
		text = fmt.Sprintf("%d-%s", len(ids), hex.EncodeToString(sum[:8]))
	}
	return channel + receiverMark + text
}

// SplitChannel takes a channel of [ChannelOf] apart. connID and receivers may be empty.
func SplitChannel(channel string) (sender, connID, receivers string) {
	sender, rest, _ := strings.Cut(channel, ":")
	connID, receivers, _ = strings.Cut(rest, receiverMark)
	return sender, connID, receivers
}

// SortedReceivers returns the receivers of a message in the order that tells nothing, each once.
func SortedReceivers(ids []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(ids)))
}
