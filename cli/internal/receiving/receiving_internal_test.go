package receiving

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pressing says the same of every press.
type pressing struct {
	out card.Outcome
	err error
}

func (p pressing) Press(context.Context, *incoming.Press, string) (card.Outcome, error) {
	return p.out, p.err
}

// What a press came to, and the card did not show, is told to whoever pressed and to nobody else.
func TestWhatAPressCameToStaysPrivate(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	key := box.Demo()
	box.AddChat(sandbox.Chat{OpenConversationID: "cidG", Name: "ops", Owner: "user001", Bots: []string{key.AppKey}})
	h := hook.New(connections.Static{"talk": {
		Type: "dingtalk", Host: &box.URL, Login: &key.AppKey, Password: new(connections.Secret(key.AppSecret)), Extra: new(connections.Secret(`{"qps": 0}`)),
	}})
	t.Cleanup(h.CloseIdleConnections)
	d := dingtalk{app: &app.App{Home: &home.Home{Clock: time.Now}}, hook: h}
	changed := 0
	press := func(out card.Outcome, action string) chat.Outcome {
		t.Helper()
		it := &chat.Item{
			Received: chat.Received{Press: &incoming.Press{ID: "p", OutTrackID: "c", UserID: "user002", SpaceID: "cidG", SpaceType: "IM_GROUP", ActionIDs: []string{action}}},
			Row:      &store.ChatMessage{ConnID: "talk"},
		}
		o, err := presses{pressing{out: out}, func(context.Context) error { changed++; return nil }}.Press(t.Context(), it)
		require.NoError(t, err)
		if !o.Shown {
			require.NoError(t, d.Reply(t.Context(), it, o))
		}
		return o
	}
	assert.Equal(t, "日志 Log", press(card.Outcome{Said: "line 1 of the log"}, "log").Title, "the title is seen in notifications")
	assert.Equal(t, "未执行 Not done", press(card.Outcome{Said: "you may not", Refused: true}, "retry").Title)
	on := &store.ChatPressed{Button: "重试 Retry", DAGID: "d", TaskID: "t", MapIndex: -1}
	assert.Equal(t, chat.Outcome{Title: "重试 Retry", Text: "shown", Shown: true, Pressed: on}, press(card.Outcome{Said: "shown", Shown: true, Pressed: on}, "retry"))
	assert.Equal(t, 2, changed, "a refusal changes nothing")
	assert.Empty(t, box.Messages(sandbox.Filter{Conversation: "cidG"}))
	all := box.Messages(sandbox.Filter{})
	require.Len(t, all, 2)
	assert.Equal(t, "line 1 of the log", all[0].Content.Text)
	assert.Equal(t, "you may not", all[1].Content.Text)
	for _, m := range all {
		assert.NotContains(t, m.Content.Title, "line")
	}

	_, err := presses{pressing{err: errors.New("busy")}, nil}.Press(t.Context(), &chat.Item{Received: chat.Received{Press: &incoming.Press{}}, Row: &store.ChatMessage{}})
	require.ErrorContains(t, err, "busy")
}
