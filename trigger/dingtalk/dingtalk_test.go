package dingtalk_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/trigger"
	"github.com/dingdag/dingdag/trigger/dingtalk"
)

// decode reads the parameters of a trigger, as the registry has it.
func decode(t *testing.T, text string) (*dingtalk.Trigger, []params.Problem) {
	t.Helper()
	r, err := trigger.NewRegistry(dingtalk.Specs()...)
	require.NoError(t, err)
	spec, found := r.Lookup(dingtalk.Name)
	require.True(t, found)
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	v, problems := spec.Decode(doc.Content[0])
	one, ok := v.(*dingtalk.Trigger)
	require.True(t, ok)
	return one, problems
}

func TestExamplesDecode(t *testing.T) {
	t.Parallel()
	for _, s := range dingtalk.Specs() {
		require.NotEmpty(t, s.Doc())
		require.NotEmpty(t, s.Examples)
		for _, e := range s.Examples {
			_, problems := decode(t, e.YAML)
			assert.Empty(t, problems, e.Title)
		}
		for _, f := range s.Fields() {
			assert.NotEmpty(t, f.Doc, f.Name)
		}
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{knd: event}":                   `unknown parameter "knd"`,
		"{kind: press}":                  `kind`,
		"{regex: '('}":                   `is not a regular expression of RE2`,
		"{kind: event, regex: x}":        `regex: kind event has none, it belongs to kind message`,
		"{kind: event, user_id: x}":      `kind event has none, it belongs to kind message and card`,
		"{kind: card, contains: x}":      `kind card has none`,
		"{kind: card, outsiders: true}":  `kind card has none`,
		"{action_id: x}":                 `kind message has none, it belongs to kind card`,
		"{card_params: {a: b}}":          `kind message has none`,
		"{event_type: [user_add_org]}":   `kind message has none, it belongs to kind event`,
		"{kind: event, payload: text}":   `kind event has no text`,
		"{contains: ['a', ' ']}":         `has an empty text`,
		"{outsiders: true, user_id: u1}": `have no userid`,
		"{payload: '{{ x }}'}":           `payload`,
	} {
		_, problems := decode(t, text)
		require.True(t, params.Failed(problems), text)
		assert.Contains(t, problems[0].Text, want, text)
	}
}

var at = time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)

func message(set func(*incoming.Message)) *incoming.Message {
	m := &incoming.Message{
		ID: "msg1", ConversationID: "cid1", ConversationTitle: "ops", Group: true, Kind: "text", Text: "Deploy billing-api now", At: at,
		Sender: incoming.Sender{UserID: "u1", Nick: "Ann"}, Reply: incoming.Reply{URL: "https://secret.example"}, Raw: json.RawMessage(`{"raw": true}`),
	}
	if set != nil {
		set(m)
	}
	return m
}

func TestMessages(t *testing.T) {
	t.Parallel()
	outsider := message(func(m *incoming.Message) { m.Sender.UserID = "" })
	picture := message(func(m *incoming.Message) { m.Kind, m.Text = "picture", "" })
	for text, c := range map[string]struct {
		m    *incoming.Message
		want bool
	}{
		"{}":                                   {message(nil), true},
		"{dingtalk_conn_id: other}":            {message(nil), false},
		"{kind: card}":                         {message(nil), false},
		"{contains: deploy}":                   {message(nil), true},
		"{contains: [roll back, BILLING]}":     {message(nil), true},
		"{contains: [roll back]}":              {message(nil), false},
		"{regex: '^Deploy'}":                   {message(nil), true},
		"{regex: '^deploy'}":                   {message(nil), false},
		"{regex: '(?i)^deploy', contains: up}": {message(nil), false},
		"{conversation_id: [cid0, cid1]}":      {message(nil), true},
		"{conversation_id: cid2}":              {message(nil), false},
		"{user_id: 'u0,u1'}":                   {message(nil), true},
		"{user_id: u2}":                        {message(nil), false},
		"{msgtype: text}":                      {message(nil), true},
		"{msgtype: [picture, file]}":           {message(nil), false},
		"{msgtype: picture}":                   {picture, true},
		"{user_id: [u1], msgtype: text}":       {outsider, false},
		"{msgtype: [text]}":                    {outsider, false},
		"{outsiders: true}":                    {outsider, true},
		"{contains: now}":                      {message(func(m *incoming.Message) { m.ErrorCode = incoming.QuotaSpent }), false},
	} {
		tr, problems := decode(t, text)
		require.Empty(t, problems, text)
		_, ok := tr.Message("dingtalk_default", c.m)
		assert.Equal(t, c.want, ok, text)
	}
}

func payload(t *testing.T, v any, ok bool) string {
	t.Helper()
	require.True(t, ok)
	b, err := json.Marshal(v)
	require.NoError(t, err)
	assert.NotContains(t, string(b), "secret.example")
	return string(b)
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	const conn = "dingtalk_default"
	tr, _ := decode(t, `{regex: '(?i)deploy (?P<service>\S+)(?P<more> x)?'}`)
	v, ok := tr.Message(conn, message(nil))
	assert.JSONEq(t, `{"kind": "message", "message_id": "msg1", "conn_id": "dingtalk_default", "conversation_id": "cid1", "conversation_title": "ops",
		"is_group": true, "user_id": "u1", "nick": "Ann", "msgtype": "text", "text": "Deploy billing-api now",
		"match": {"service": "billing-api", "more": ""}, "at": "2026-01-31T09:00:00.000Z"}`, payload(t, v, ok))
	tr, _ = decode(t, `{payload: text}`)
	v, ok = tr.Message(conn, message(nil))
	assert.Equal(t, `"Deploy billing-api now"`, payload(t, v, ok))
	tr, _ = decode(t, `{payload: raw}`)
	v, ok = tr.Message(conn, message(nil))
	assert.JSONEq(t, `{"raw": true}`, payload(t, v, ok))

	press := &incoming.Press{ID: "p1", OutTrackID: "card1", SpaceID: "cid1", UserID: "u1", ActionIDs: []string{"x", "approve"}, Params: map[string]string{"stage": "prod", "n": "1"}}
	for text, want := range map[string]bool{
		"{kind: card}": true, "{kind: card, action_id: [approve, ok]}": true, "{kind: card, action_id: ok}": false, "{kind: card, card_params: {stage: prod, n: 1}}": true,
		"{kind: card, card_params: {stage: prod, m: ''}}": false, "{kind: card, conversation_id: cid2}": false, "{kind: card, user_id: u2}": false, "{}": false,
		"{kind: card, dingtalk_conn_id: other}": false,
	} {
		tr, problems := decode(t, text)
		require.Empty(t, problems, text)
		_, ok := tr.Press(conn, press)
		assert.Equal(t, want, ok, text)
	}
	tr, _ = decode(t, "{kind: card}")
	v, ok = tr.Press(conn, press)
	assert.JSONEq(t, `{"kind": "card", "press_id": "p1", "conn_id": "dingtalk_default", "out_track_id": "card1", "conversation_id": "cid1", "user_id": "u1",
		"action_ids": ["x", "approve"], "params": {"stage": "prod", "n": "1"}, "at": ""}`, payload(t, v, ok))

	event := &incoming.Event{ID: "e1", Type: "user_add_org", CorpID: "ding1", Born: at, Data: json.RawMessage(`{"userId": ["u9"]}`)}
	for text, want := range map[string]bool{
		"{kind: event}": true, "{kind: event, event_type: 'user_leave_org, user_add_org'}": true, "{kind: event, event_type: user_leave_org}": false,
		"{kind: event, dingtalk_conn_id: other}": false, "{}": false,
	} {
		tr, problems := decode(t, text)
		require.Empty(t, problems, text)
		_, ok := tr.Event(conn, event)
		assert.Equal(t, want, ok, text)
	}
	tr, _ = decode(t, "{kind: event}")
	v, ok = tr.Event(conn, event)
	assert.JSONEq(t, `{"kind": "event", "event_id": "e1", "conn_id": "dingtalk_default", "event_type": "user_add_org", "corp_id": "ding1", "data": {"userId": ["u9"]},
		"at": "2026-01-31T09:00:00.000Z"}`, payload(t, v, ok))
}

func TestAwaits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{}":                             "message through dingtalk_default",
		"{contains: [a, b], user_id: u}": "message with a or b by u through dingtalk_default",
		"{kind: event, event_type: user_add_org, dingtalk_conn_id: app}": "event user_add_org through app",
	} {
		tr, _ := decode(t, text)
		assert.Equal(t, want, tr.Awaits(), text)
	}
}
