package stream_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/stream"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	of := func(typ, extra string) (stream.Settings, error) {
		return stream.SettingsOf(&connections.Connection{ID: "app", Type: typ, Extra: new(connections.Secret(extra))})
	}
	for extra, want := range map[string]stream.Settings{
		`{}`:                                   {AllCommands: true},
		`{"stream": true, "commands": null}`:   {Stream: true, AllCommands: true},
		`{"stream": "True"}`:                   {Stream: true, AllCommands: true},
		`{"stream": false, "commands": false}`: {},
		`{"commands": "true"}`:                 {AllCommands: true},
		`{"commands": ["help", "status"]}`:     {Commands: []string{"help", "status"}},
		`{"commands": "status, 日志、ack"}`:       {Commands: []string{"status", "日志", "ack"}},
		`{"commands": "[\"help\"]"}`:           {Commands: []string{"help"}},
		`{"conversation_id": " cidAb== ", "user_id": 7, "card_template_id": "x.schema"}`: {
			ConversationID: "cidAb==", UserIDs: []string{"7"}, CardTemplateID: "x.schema", AllCommands: true,
		},
		`{"user_id": ["a", "b"]}`: {UserIDs: []string{"a", "b"}, AllCommands: true},
	} {
		got, err := of("dingtalk", extra)
		require.NoError(t, err, extra)
		assert.Equal(t, want, got, extra)
	}
	for extra, want := range map[string]string{
		`{"stream": "sometimes"}`:         "extra.stream must be true or false",
		`{"stream": 1}`:                   "extra.stream must be true or false",
		`{"http": "yess"}`:                "extra.http must be true or false",
		`{"event_token": ["a", "b"]}`:     "extra.event_token must be a text",
		`{"conversation_id": "chat123"}`:  "extra.conversation_id must be an openConversationId, which begins with cid",
		`{"conversation_id": ["a", "b"]}`: "extra.conversation_id must be a text",
		`{"event_owner": {}, "card_template_id": {}, "event_token": {}}`: "extra.card_template_id must be a text\nextra.event_token must be a text\nextra.event_owner must be a text",
		`{"card_template_id": {}}`:                                       "extra.card_template_id must be a text",
		`{"user_id": [1, {}]}`:                                           "extra.user_id must be a text or a list of texts",
		`{"commands": 5}`:                                                "extra.commands must be true, false or a list of commands",
		`{"commands": [true]}`:                                           "extra.commands must be true, false or a list of commands",
		`[`:                                                              "extra: ",
	} {
		_, err := of("dingtalk", extra)
		require.ErrorContains(t, err, want, extra)
	}
	_, err := of("dingding", `{"stream": true}`)
	require.ErrorContains(t, err, "extra.stream is of applications: a robot sends only")
	_, err = of("dingding", `{"http": "True"}`)
	require.ErrorContains(t, err, "extra.http is of connections of type dingtalk; this one is of type dingding")
	got, err := of("http", `{"stream": true}`)
	require.NoError(t, err)
	assert.Equal(t, stream.Settings{}, got, "the extra of other types is for something else")
}
