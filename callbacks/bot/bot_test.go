package bot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/bot"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const group = "cidAb/3dE+f0=="

// office is a sandbox with an app, and a sender through it. group is the id of a chat that its
// bot is in.
func office(t *testing.T) (box *sandboxtest.Sandbox, s *bot.Sender, group string) {
	t.Helper()
	box = sandboxtest.Start(t)
	app := box.Demo()
	group = box.AddChat(sandbox.Chat{Name: "on call", Owner: "user001", Bots: []string{app.AppKey}}).OpenConversationID
	h := hook.New(connections.Static{"dingtalk_default": {
		Type: "dingtalk", Host: &box.URL, Login: &app.AppKey, Password: new(connections.Secret(app.AppSecret)),
		Extra: new(connections.Secret(`{"qps": 0}`)),
	}})
	t.Cleanup(h.CloseIdleConnections)
	return box, bot.NewSender(h), group
}

func decode(t *testing.T, text string) callbacks.Callback {
	t.Helper()
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &node))
	n, problems := bot.Specs()[0].Decode(node.Content[0])
	require.NoError(t, params.FirstError(problems))
	return n
}

// prepared is the message of a notifier about an event.
func prepared(t *testing.T, yaml string, ev *callbacks.Event) callbacks.Message {
	t.Helper()
	m, err := decode(t, yaml).Prepare(ev)
	require.NoError(t, err)
	return m
}

func TestRulesOfNotifiers(t *testing.T) {
	t.Parallel()
	callbackstest.Check(t, bot.Specs()[0], callbackstest.Options{
		SenderName: bot.SenderName,
		Start: func(t *testing.T) callbackstest.Receiver {
			t.Helper()
			box, s, _ := office(t)
			box.AddUser(sandbox.User{UserID: "u001", Name: "Ann", Mobile: "13800000091"})
			box.AddUser(sandbox.User{UserID: "u002", Name: "Bob", Mobile: "13800000092"})
			box.AddChat(sandbox.Chat{OpenConversationID: group, Name: "ops", Owner: "user001", Bots: []string{sandbox.DemoApp("demo").AppKey}})
			return callbackstest.Receiver{Sender: s, Arrived: func() int { return len(box.Messages(sandbox.Filter{})) }}
		},
	})
}

// The end of a silence is told once to a group or to the same people, whatever order they stand in.
func TestTell(t *testing.T) {
	t.Parallel()
	s := bot.NewSender(nil)
	tell := func(yaml string) callbacks.Message {
		t.Helper()
		m := prepared(t, yaml, callbackstest.Failure())
		told, err := s.Tell(m, callbackstest.SilenceEnd())
		require.NoError(t, err)
		assert.Equal(t, m.Channel, told.Channel)
		return told
	}
	people := tell("{user_ids: [user002, user001], message: x}")
	assert.Equal(t, "dingding_bot:dingtalk_default@user001,user002", people.Channel)
	assert.Contains(t, string(people.Payload), "静默结束 Silence ended")
	assert.Equal(t, people, tell("{user_ids: [user001, user002], recall_on_recovery: true}"))
	assert.NotEqual(t, people, tell("user_ids: user001"))
	assert.Equal(t, "dingding_bot:dingtalk_default@"+group, tell("open_conversation_id: "+group).Channel)
}

// What told of a failure is taken back, once it was delivered and only where that is wanted.
func TestRecall(t *testing.T) {
	t.Parallel()
	box, s, group := office(t)
	shown := func() (out []bool) {
		for _, m := range box.Messages(sandbox.Filter{}) {
			out = append(out, !m.Recalled)
		}
		return out
	}
	for _, to := range []string{"open_conversation_id: " + group, "user_ids: user001"} {
		before := len(shown())
		m := prepared(t, "{"+to+", recall_on_recovery: true}", callbackstest.Failure())
		assert.Equal(t, "on_failure of etl.load by the bot of dingtalk_default", m.Summary)
		assert.Equal(t, "dingtalk_default", s.ConnID(m))
		_, ok := s.Recall(m, "")
		assert.False(t, ok, "it was not delivered")
		receipt, err := s.Send(t.Context(), m)
		require.NoError(t, err)
		require.Len(t, shown(), before+1)
		require.NotContains(t, shown()[before:], false)
		back, ok := s.Recall(m, receipt)
		require.True(t, ok)
		assert.Equal(t, m.Channel, back.Channel)
		assert.False(t, s.RepeatSafe(m))
		assert.True(t, s.RepeatSafe(back))
		receipt, err = s.Send(t.Context(), back)
		require.NoError(t, err)
		assert.Equal(t, "recalled", receipt)
		assert.Len(t, shown(), before+1)
		_, err = s.Send(t.Context(), back)
		var refused callbacks.DeliveryError
		require.ErrorAs(t, err, &refused)
		assert.False(t, refused.Retryable())
		_, ok = s.Recall(back, "process_query_key x")
		assert.False(t, ok, "a recall is not taken back")
		_, ok = s.Recall(prepared(t, "{"+to+"}", callbackstest.Failure()), "process_query_key x")
		assert.False(t, ok, "nobody asked for it")
		ev := callbackstest.Failure()
		ev.Kind = callbacks.Recovery
		_, ok = s.Recall(prepared(t, "{"+to+", recall_on_recovery: true}", ev), "process_query_key x")
		assert.False(t, ok, "the good news stays")
	}
	assert.Equal(t, []bool{false, false}, shown())
}

// Who is told by the default message, who by one's own, and that a text is never too long.
func TestMessages(t *testing.T) {
	t.Parallel()
	box, s, group := office(t)
	ev := callbackstest.Failure()
	ev.Error = strings.Repeat("长 error ", 9000)
	for _, yaml := range []string{"open_conversation_id: " + group, "{user_ids: [user001, nobody], message: '" + strings.Repeat("长", 9000) + "'}"} {
		receipt, err := s.Send(t.Context(), prepared(t, yaml, ev))
		require.NoError(t, err)
		assert.Contains(t, receipt, "process_query_key ")
		assert.Equal(t, strings.Contains(yaml, "nobody"), strings.Contains(receipt, "; not to nobody: there is no such user"))
	}
	_, err := s.Send(t.Context(), prepared(t, "user_ids: nobody", ev))
	require.ErrorContains(t, err, "does not exist")
	all := box.Messages(sandbox.Filter{})
	assert.Len(t, all, 2)
	usual, err := decode(t, "{user_ids: user001, message: x}").(callbacks.Fallback).Fallback([]string{"message"})
	require.NoError(t, err)
	m, err := usual.Prepare(callbackstest.Failure())
	require.NoError(t, err)
	assert.Contains(t, string(m.Payload), "任务失败 Task failed: etl.load")
}

func TestWhatCanNotBeSent(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{message: x}", "{open_conversation_id: " + group + ", user_ids: a}", "{user_ids: [" + strings.Join(slices.Repeat([]string{"u"}, 21), ", ") + "]}"} {
		var node yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &node))
		_, problems := bot.Specs()[0].Decode(node.Content[0])
		assert.Error(t, params.FirstError(problems), text)
	}
}
