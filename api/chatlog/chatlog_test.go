package chatlog_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/api/chatlog"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestList(t *testing.T) {
	t.Parallel()
	s := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL"})
	defer func() { require.NoError(t, s.Close()) }()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	on := &store.ChatPressed{Button: "已看到 Ack", DAGID: "d", RunID: "r", TaskID: "t", MapIndex: -1}
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		for _, m := range []*store.ChatMessage{
			{
				ConnID: "bot", App: "k", Kind: store.ChatText, Key: "1", ConversationID: "cid1", ConversationTitle: "Ops", UserID: "ann", Nick: "Ann", Text: "trigger d",
				ReceivedAt: at, State: store.ChatAnswered, Attempts: 1, Answer: store.ChatAnswer{Text: "started", File: "a.log"}, AnswerState: store.ChatAnswerSent, DoneAt: at.Add(1500 * time.Millisecond),
			},
			{ConnID: "bot", App: "k", Kind: store.ChatPress, Key: "2", ConversationID: "cid2", UserID: "bob", ReceivedAt: at, State: store.ChatWaiting, Reply: "sealed"},
			{ConnID: "bot", App: "k", Kind: store.ChatPress, Key: "3", ConversationID: "cid1", UserID: "bob", Text: "ack", ReceivedAt: at, State: store.ChatAnswered, Answer: store.ChatAnswer{Text: "Noted.", Pressed: on}},
			{ConnID: "bot", App: "k", Kind: store.ChatText, Key: "4", ConversationID: "cid4", UserID: "bob", Nick: "Bob", Text: "help", ReceivedAt: at, State: store.ChatWaiting},
			{ConnID: "bot", App: "k", Kind: store.ChatEvent, Key: "5", ConversationID: "corp", Text: "user_add_org", ReceivedAt: at, State: store.ChatWaiting},
		} {
			if _, err := tx.InsertChatMessage(t.Context(), m); err != nil {
				return err
			}
		}
		return nil
	}))
	all, err := chatlog.List(t.Context(), s, chatlog.Query{})
	require.NoError(t, err)
	done := at.Add(1500 * time.Millisecond)
	assert.Equal(t, []chatlog.Entry{
		{ID: 5, When: at, Conn: "bot", Kind: "event", ConversationID: "corp", Conversation: "corp", Text: "user_add_org", State: "waiting"},
		{ID: 4, When: at, Conn: "bot", Kind: "message", ConversationID: "cid4", Conversation: "Bob", UserID: "bob", Nick: "Bob", Text: "help", State: "waiting"},
		{ID: 3, When: at, Conn: "bot", Kind: "press", ConversationID: "cid1", Conversation: "Ops", UserID: "bob", Text: "ack", Pressed: on, State: "answered", Answer: "Noted."},
		{ID: 2, When: at, Conn: "bot", Kind: "press", ConversationID: "cid2", Conversation: "cid2", UserID: "bob", State: "waiting"},
		{
			ID: 1, When: at, Conn: "bot", Kind: "message", ConversationID: "cid1", Conversation: "Ops", UserID: "ann", Nick: "Ann", Text: "trigger d", State: "answered",
			Answer: "started", File: "a.log", Sent: "sent", DoneAt: &done, Seconds: new(1.5), Attempts: 1,
		},
	}, all)
	some, err := chatlog.List(t.Context(), s, chatlog.Query{Kinds: []string{"message"}, States: []string{"answered", "failed"}, UserID: "ann", Limit: 1})
	require.NoError(t, err)
	assert.Len(t, some, 1)
	_, err = chatlog.List(t.Context(), s, chatlog.Query{Kinds: []string{"text"}})
	require.EqualError(t, err, `unknown kind "text": use message, press, event`)
	_, err = chatlog.List(t.Context(), s, chatlog.Query{States: []string{"done"}})
	require.ErrorContains(t, err, `unknown state "done"`)
}
