package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks/bot"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/store"
)

// What tells a conversation is a callback of the bot, to the group or to the person alone.
func TestBoundCallback(t *testing.T) {
	t.Parallel()
	spec := bot.Specs()[0]
	for _, c := range []struct {
		b    store.Binding
		want bot.Notifier
	}{
		{store.Binding{ConnID: "app", ConversationID: "cid: [x", Group: true, UserID: "u1"}, bot.Notifier{Conn: "app", OpenConversationID: "cid: [x"}},
		{store.Binding{ConnID: "app", ConversationID: "cid1", UserID: "0123"}, bot.Notifier{Conn: "app", UserIDs: []string{"0123"}}},
	} {
		cb := boundCallback(&c.b)
		assert.Equal(t, spec.Name, cb.Name)
		got, problems := spec.Decode(cb.Args)
		require.NoError(t, params.FirstError(problems))
		c.want.DedupeWindow = time.Hour // its default
		assert.Equal(t, &c.want, got)
	}
}
