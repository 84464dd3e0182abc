package receiving

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/chat/command"
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
	name := func(_ context.Context, connID, userID string) string {
		assert.Equal(t, "talk", connID)
		return map[string]string{"user002": "李四"}[userID]
	}
	press := func(out card.Outcome, action string) chat.Outcome {
		t.Helper()
		it := &chat.Item{
			Received: chat.Received{Press: &incoming.Press{ID: "p", OutTrackID: "c", UserID: "user002", SpaceID: "cidG", SpaceType: "IM_GROUP", ActionIDs: []string{action}}},
			Row:      &store.ChatMessage{ConnID: "talk"},
		}
		o, err := presses{pressing{out: out}, func(context.Context) { changed++ }, name}.Press(t.Context(), it)
		require.NoError(t, err)
		assert.Equal(t, "李四", o.Nick)
		if !o.Shown {
			require.NoError(t, d.Reply(t.Context(), it, o))
		}
		return o
	}
	assert.Equal(t, "日志 Log", press(card.Outcome{Said: "line 1 of the log"}, "log").Title, "the title is seen in notifications")
	assert.Equal(t, "未执行 Not done", press(card.Outcome{Said: "you may not", Refused: true}, "retry").Title)
	on := &store.ChatPressed{Button: "重试 Retry", DAGID: "d", TaskID: "t", MapIndex: -1}
	assert.Equal(t, chat.Outcome{Title: "重试 Retry", Text: "shown", Shown: true, Pressed: on, Nick: "李四"}, press(card.Outcome{Said: "shown", Shown: true, Pressed: on}, "retry"))
	assert.Equal(t, 2, changed, "a refusal changes nothing")
	assert.Empty(t, box.Messages(sandbox.Filter{Conversation: "cidG"}))
	all := box.Messages(sandbox.Filter{})
	require.Len(t, all, 2)
	assert.Equal(t, "line 1 of the log", all[0].Content.Text)
	assert.Equal(t, "you may not", all[1].Content.Text)
	for _, m := range all {
		assert.NotContains(t, m.Content.Title, "line")
	}

	_, err := presses{card: pressing{err: errors.New("busy")}}.Press(t.Context(), &chat.Item{Received: chat.Received{Press: &incoming.Press{}}, Row: &store.ChatMessage{}})
	require.ErrorContains(t, err, "busy")
}

// carried is a command that is carried out, and whose run is followed with an error.
type carried struct {
	answer command.Answer
	err    error
}

func (carried) Changes(string) bool { return true }

func (c carried) Do(context.Context, command.Request) (command.Answer, error) { return c.answer, nil }

func (c carried) Follow(context.Context, card.Followed) error { return c.err }

// What was done is answered, also when what comes after it goes wrong.
func TestWhatWasDoneIsAnswered(t *testing.T) {
	t.Parallel()
	it := &chat.Item{Received: chat.Received{Message: &incoming.Message{Text: "trigger etl"}}, Row: &store.ChatMessage{ConnID: "talk", Text: "trigger etl"}}
	var logged bytes.Buffer
	do := func(err error) (chat.Outcome, error) {
		c := carried{answer: command.Answer{Title: "Started", Text: "Run r1 of etl.", Follow: &command.Follow{DAGID: "etl", RunID: "r1"}}, err: err}
		return written{c, func(context.Context) {}, c, slog.New(slog.NewTextHandler(&logged, nil))}.Do(t.Context(), it)
	}
	out, err := do(errors.New("the column is not there"))
	require.NoError(t, err)
	assert.Equal(t, chat.Outcome{Title: "Started", Text: "Run r1 of etl.\n\n⚠️ The end of the run will not be told here: see the log of dingdag."}, out)
	assert.Contains(t, logged.String(), "run_id=r1")
	assert.Contains(t, logged.String(), "the column is not there")
	_, err = do(fmt.Errorf("%w: locked", store.ErrBusy))
	require.ErrorIs(t, err, store.ErrBusy, "it is done again, and then followed")
}

type unrefreshed struct {
	Engine

	err error
}

func (u unrefreshed) Refresh(context.Context) error { return u.err }

// The engine takes over what was changed by itself: an error of that hides no answer.
func TestRefreshingFails(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	refreshing(log, unrefreshed{err: errors.New("the disk is full")})(t.Context())
	assert.Contains(t, logged.String(), "the disk is full")
	logged.Reset()
	ended, end := context.WithCancel(t.Context())
	end()
	refreshing(log, unrefreshed{err: errors.New("the disk is full")})(ended)
	refreshing(log, unrefreshed{})(t.Context())
	assert.Empty(t, logged.String())
}
