package card_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
	"github.com/dingdag/dingdag/callbacks/card"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const group = "cidAb/3dE+f0=="

// office is a sandbox with an app whose bot is in the group, and a sender through it.
func office(t *testing.T, extra string) (*sandboxtest.Sandbox, *card.Sender) {
	t.Helper()
	box, h, conns := rooms(t, extra)
	return box, card.NewSender(h, conns, nil)
}

func rooms(t *testing.T, extra string) (*sandboxtest.Sandbox, *hook.DingdingHook, connections.Static) {
	t.Helper()
	box := sandboxtest.Start(t)
	app := box.Demo()
	box.AddUser(sandbox.User{UserID: "u001", Name: "Ann", Mobile: "13800000091"})
	box.AddUser(sandbox.User{UserID: "u002", Name: "Bob", Mobile: "13800000092"})
	box.AddChat(sandbox.Chat{OpenConversationID: group, Name: "ops", Owner: "user001", Bots: []string{app.AppKey}})
	conns := connections.Static{"dingtalk_default": {
		ID: "dingtalk_default", Type: "dingtalk", Host: &box.URL, Login: &app.AppKey, Password: new(connections.Secret(app.AppSecret)),
		Extra: new(connections.Secret(extra)),
	}}
	h := hook.New(conns)
	t.Cleanup(h.CloseIdleConnections)
	return box, h, conns
}

// linkedOffice is the same, with a sender for each kind of links.
func linkedOffice(t *testing.T, extra string) (*sandboxtest.Sandbox, func(card.Linker) *card.Sender) {
	t.Helper()
	box, h, conns := rooms(t, extra)
	return box, func(l card.Linker) *card.Sender { return card.NewSender(h, conns, l) }
}

func prepared(t *testing.T, text string, ev *callbacks.Event) callbacks.Message {
	t.Helper()
	m, err := decode(t, text).Prepare(ev)
	require.NoError(t, err)
	return m
}

func decode(t *testing.T, text string) callbacks.Callback {
	t.Helper()
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &node))
	n, problems := card.Specs()[0].Decode(node.Content[0])
	require.NoError(t, params.FirstError(problems))
	return n
}

func TestRulesOfNotifiers(t *testing.T) {
	t.Parallel()
	callbackstest.Check(t, card.Specs()[0], callbackstest.Options{
		SenderName: card.SenderName,
		Start: func(t *testing.T) callbackstest.Receiver {
			t.Helper()
			box, s := office(t, `{"qps": 0}`)
			return callbackstest.Receiver{Sender: s, Arrived: func() int { return distinct(box.Messages(sandbox.Filter{})) }}
		},
	})
}

// distinct counts messages; a card that goes to several people is one.
func distinct(ms []sandbox.Message) int {
	keys := map[string]bool{}
	for _, m := range ms {
		keys[m.Key] = true
	}
	return len(keys)
}

// Presses come over the stream, or over HTTP by the route key of the notifier or else of the connection.
func TestHowPressesCome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ extra, notifier, want string }{
		{``, "{}", "STREAM"},
		{`, "card_route_key": "rk"`, "{}", "HTTP"},
		{``, "{callback_route_key: mine}", "HTTP"},
		{`, "card_route_key": ["rk"]`, "{callback_route_key: mine}", "HTTP"},
	} {
		box, s := office(t, `{"qps": 0, "card_template_id": "tpl.schema", "conversation_id": "`+group+`"`+c.extra+`}`)
		m := prepared(t, c.notifier, callbackstest.Failure())
		_, err := s.Send(t.Context(), m)
		require.NoError(t, err)
		got, err := box.Card(m.Card.OutTrackID)
		require.NoError(t, err)
		assert.Equal(t, c.want, got.CallbackType, c)
	}
}

// A card goes to whom the notifier names or else the connection, once however often it is sent, and what is kept of it
// names its buttons.
func TestCard(t *testing.T) {
	t.Parallel()
	box, s := office(t, `{"qps": 0, "card_template_id": "tpl.schema", "conversation_id": "`+group+`"}`)
	m := prepared(t, "{}", callbackstest.Failure())
	require.NotNil(t, m.Card)
	assert.True(t, s.RepeatSafe(m))
	for range 2 {
		receipt, err := s.Send(t.Context(), m)
		require.NoError(t, err)
		assert.Equal(t, "card "+m.Card.OutTrackID, receipt)
		_, back := s.Recall(m, receipt)
		assert.False(t, back, "a card can not be taken back")
	}
	require.Len(t, box.Messages(sandbox.Filter{}), 1)
	got, err := box.Card(m.Card.OutTrackID)
	require.NoError(t, err)
	assert.Equal(t, "STREAM", got.CallbackType)
	assert.Equal(t, "tpl.schema", got.Template)
	assert.Equal(t, "任务失败 Task failed: etl.load", got.Params["title"])
	assert.Equal(t, "red", got.Params["color"])
	assert.Equal(t, "true", got.Params["can_retry"])
	assert.Contains(t, got.Params["markdown"], "exit code 1")
	var buttons []map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.Params["buttons"]), &buttons))
	var ids []string
	for _, b := range buttons {
		ids = append(ids, b["action"].(string))
	}
	assert.Equal(t, []string{"retry", "clear_downstream", "ack", "snooze", "log"}, ids)
	var f face.Face
	require.NoError(t, json.Unmarshal(m.Card.Face, &f))
	assert.Equal(t, got.Params, f.Param(face.Now{Status: face.Failed}), "whoever redraws it begins with what it shows")

	other := callbackstest.Failure()
	other.TryNumber++
	assert.NotEqual(t, m.Card.OutTrackID, prepared(t, "{}", other).Card.OutTrackID, "another try has another card")
	for _, kind := range []callbacks.Kind{callbacks.Success, callbacks.Recovery, callbacks.Skipped, callbacks.Execute} {
		ev := callbackstest.Failure()
		ev.Kind = kind
		assert.Nil(t, prepared(t, "{}", ev).Card, "%s has no buttons", kind)
	}
}

// Several people have the same card, and whom it does not reach is told.
func TestCardForPeople(t *testing.T) {
	t.Parallel()
	box, s := office(t, `{"qps": 0, "card_template_id": "tpl.schema"}`)
	receipt, err := s.Send(t.Context(), prepared(t, "user_ids: [u001, u002, nobody]", callbackstest.Failure()))
	require.NoError(t, err)
	assert.Contains(t, receipt, "; not to nobody: ")
	require.Len(t, box.Messages(sandbox.Filter{}), 2)
	_, err = s.Send(t.Context(), prepared(t, "user_ids: nobody", callbackstest.Failure()))
	require.ErrorContains(t, err, "not delivered to nobody")
	_, err = s.Send(t.Context(), prepared(t, "{}", callbackstest.Failure()))
	require.ErrorContains(t, err, "nobody is named who gets the card")
}

// A lost answer is asked for again: the card is not sent twice.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	box, s := office(t, `{"qps": 0, "card_template_id": "tpl.schema", "conversation_id": "`+group+`"}`)
	m := prepared(t, "{}", callbackstest.Failure())
	box.Fault(sandbox.Fault{Call: "card.create", Kind: sandbox.FaultAnswerLost})
	_, err := s.Send(t.Context(), m)
	var lost callbacks.DeliveryError
	require.ErrorAs(t, err, &lost)
	assert.True(t, lost.Retryable())
	assert.False(t, lost.Uncertain())
	_, err = s.Send(t.Context(), m)
	require.NoError(t, err)
	assert.Len(t, box.Messages(sandbox.Filter{}), 1)
}

// Without a template the same is told by a message that can be taken back, with the commands to type.
func TestWithoutATemplate(t *testing.T) {
	t.Parallel()
	box, s := office(t, `{"qps": 0, "conversation_id": "`+group+`"}`)
	m := prepared(t, "recall_on_recovery: true", callbackstest.Failure())
	m.ID = 17
	assert.False(t, s.RepeatSafe(m))
	receipt, err := s.Send(t.Context(), m)
	require.NoError(t, err)
	all := box.Messages(sandbox.Filter{})
	require.Len(t, all, 1)
	for _, command := range []string{"clear etl load scheduled__2026-01-01T00:00:00+00:00 downstream failed", "clear etl load scheduled__2026-01-01T00:00:00+00:00 downstream`", "ack 17", "snooze etl 1h", "logs etl load scheduled"} {
		assert.Contains(t, all[0].Content.Text, command)
	}
	back, ok := s.Recall(m, receipt)
	require.True(t, ok)
	_, err = s.Send(t.Context(), back)
	require.NoError(t, err)
	assert.True(t, box.Messages(sandbox.Filter{})[0].Recalled)
}

// links are for everything, or for nothing.
type links struct{ base string }

func (l links) Link(purpose, subject string, people []string) (string, error) {
	if l.base == "" {
		return "", nil
	}
	return l.base + purpose + "/" + subject + "?" + strings.Join(people, "+"), nil
}

// With pages that people reach, the message has a link for each button, and the commands too.
func TestLinks(t *testing.T) {
	t.Parallel()
	box, sender := linkedOffice(t, `{"qps": 0, "conversation_id": "`+group+`"}`)
	m := prepared(t, "{}", callbackstest.Failure())
	_, err := sender(links{"https://x.example/"}).Send(t.Context(), m)
	require.NoError(t, err)
	_, err = sender(links{"https://x.example/"}).Send(t.Context(), prepared(t, "user_ids: [u001, u002]", callbackstest.Failure()))
	require.NoError(t, err)
	all := box.Messages(sandbox.Filter{})
	require.Len(t, all, 2)
	buttons := all[len(all)-1].Content.Buttons
	if all[0].Conversation == group {
		buttons = all[0].Content.Buttons
	}
	require.Len(t, buttons, 5)
	var texts []string
	for i, b := range buttons {
		texts = append(texts, b.Title)
		link, ok := strings.CutPrefix(b.URL, "https://x.example/act/")
		require.True(t, ok, b.URL)
		subject, people, _ := strings.Cut(link, "?")
		id, a := face.ParseActSubject(subject)
		assert.Equal(t, m.Card.OutTrackID, id)
		assert.Equal(t, face.Actions()[i], a)
		assert.Empty(t, people)
	}
	assert.Equal(t, []string{"重试 Retry", "连同下游重试 With downstream", "已看到 Ack", "静默 1 小时 Snooze 1h", "日志 Log"}, texts)
	for _, m := range all {
		assert.Contains(t, m.Content.Text, "snooze etl 1h", "and to type")
		if m.Conversation != group {
			assert.True(t, strings.HasSuffix(m.Content.Buttons[0].URL, "?u001+u002"), m.Content.Buttons[0].URL)
		}
	}

	_, err = sender(links{}).Send(t.Context(), m)
	require.NoError(t, err)
	all = box.Messages(sandbox.Filter{})
	require.Len(t, all, 3)
	for _, m := range all {
		assert.Contains(t, m.Content.Text, "clear etl load")
	}
}

// A failed run is retried as a whole.
func TestFailedRunWithoutATemplate(t *testing.T) {
	t.Parallel()
	box, s := office(t, `{"qps": 0, "conversation_id": "`+group+`"}`)
	ev := callbackstest.Failure()
	ev.TaskID = ""
	_, err := s.Send(t.Context(), prepared(t, "{}", ev))
	require.NoError(t, err)
	all := box.Messages(sandbox.Filter{})
	require.Len(t, all, 1)
	assert.Contains(t, all[0].Content.Text, "clear etl run scheduled__2026-01-01T00:00:00+00:00 failed")
}

// A card that DingTalk refuses is told without one.
func TestRefusedCard(t *testing.T) {
	t.Parallel()
	box, s := office(t, `{"qps": 0, "card_template_id": "tpl.schema", "conversation_id": "`+group+`"}`)
	box.Fault(sandbox.Fault{Call: "card.create", Kind: sandbox.FaultErrcode, ErrorCode: "param.invalid"})
	m := prepared(t, "{}", callbackstest.Failure())
	_, err := s.Send(t.Context(), m)
	require.Error(t, err)
	simpler, ok := s.Fallback(m, callbackstest.Failure(), err)
	require.True(t, ok)
	assert.Nil(t, simpler.Card)
	_, err = s.Send(t.Context(), simpler)
	require.NoError(t, err)
	_, again := s.Fallback(simpler, callbackstest.Failure(), err)
	assert.False(t, again)
}

func TestWhatCanNotBeSent(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{open_conversation_id: " + group + ", user_ids: a}", "{user_ids: [" + strings.Join(slices.Repeat([]string{"u"}, 21), ", ") + "]}"} {
		var node yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &node))
		_, problems := card.Specs()[0].Decode(node.Content[0])
		assert.Error(t, params.FirstError(problems), text)
	}
	empty := decode(t, "{}").(callbacks.RenderChecker)
	require.ErrorContains(t, empty.CheckRendered(decode(t, "open_conversation_id: x")), "open_conversation_id", "it would go to somebody else")
	_, err := decode(t, "{}").(callbacks.Fallback).Fallback([]string{"user_ids[0]"})
	require.ErrorContains(t, err, "nobody is left to tell")
}
