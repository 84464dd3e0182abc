package hook_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
)

// The five shapes are those that Airflow's provider sends.
func TestPrepareShapes(t *testing.T) {
	t.Parallel()
	nobody := `"at":{"atMobiles":null,"isAtAll":false}`
	mobiles := []string{"13800000001", "13800000002"}
	for name, tt := range map[string]struct {
		msg      hook.RobotMessage
		want     string
		warnings []string
	}{
		"text":                 {msg: hook.Text("你好 <b>"), want: `{"msgtype":"text","text":{"content":"你好 <b>"},` + nobody + `}`},
		"no type is text":      {msg: hook.RobotMessage{Message: "hi"}, want: `{"msgtype":"text","text":{"content":"hi"},` + nobody + `}`},
		"text, mobiles":        {msg: hook.RobotMessage{Message: "hi", AtMobiles: mobiles}, want: `{"msgtype":"text","text":{"content":"hi"},"at":{"atMobiles":["13800000001","13800000002"],"isAtAll":false}}`},
		"text, user ids":       {msg: hook.RobotMessage{Message: "hi", AtUserIDs: []string{"u1"}}, want: `{"msgtype":"text","text":{"content":"hi"},"at":{"atMobiles":null,"atUserIds":["u1"],"isAtAll":false}}`},
		"text, all and mobile": {msg: hook.RobotMessage{Message: "hi", AtAll: true, AtMobiles: mobiles[:1]}, want: `{"msgtype":"text","text":{"content":"hi"},"at":{"atMobiles":["13800000001"],"isAtAll":true}}`},
		"text, msgUuid":        {msg: hook.RobotMessage{Message: "hi", UUID: "u-1"}, want: `{"msgtype":"text","msgUuid":"u-1","text":{"content":"hi"},` + nobody + `}`},
		"text with a mapping": {
			msg:      hook.RobotMessage{Message: map[string]any{"content": "hi"}},
			want:     `{"msgtype":"text","text":{"content":{"content":"hi"}},` + nobody + `}`,
			warnings: []string{"a text message is a string, not a mapping"},
		},
		"link": {
			msg:  hook.Link("t", "x", "https://example.com/r", "https://example.com/p.png"),
			want: `{"msgtype":"link","link":{"title":"t","text":"x","messageUrl":"https://example.com/r","picUrl":"https://example.com/p.png"}}`,
		},
		"link without picture": {
			msg:  hook.Link("t", "x", "https://example.com/r", ""),
			want: `{"msgtype":"link","link":{"title":"t","text":"x","messageUrl":"https://example.com/r"}}`,
		},
		"link with Airflow's spelling is passed on": {
			msg:      hook.RobotMessage{Type: "link", Message: map[string]any{"title": "t", "text": "x", "messageUrl": "u", "picURL": "p"}},
			want:     `{"msgtype":"link","link":{"title":"t","text":"x","messageUrl":"u","picURL":"p"}}`,
			warnings: []string{"a link message spells picUrl, not picURL"},
		},
		"link with a string is passed on": {
			msg:      hook.RobotMessage{Type: "link", Message: "x"},
			want:     `{"msgtype":"link","link":"x"}`,
			warnings: []string{"a link message is a mapping with title, text, messageUrl"},
		},
		"link, at": {
			msg:      hook.RobotMessage{Type: "link", Message: map[string]any{"title": "t", "text": "x", "messageUrl": "u"}, AtAll: true},
			want:     `{"msgtype":"link","link":{"title":"t","text":"x","messageUrl":"u"}}`,
			warnings: []string{"at_mobiles, at_user_ids and at_all notify nobody in a link message; use text, markdown or actionCard"},
		},
		"markdown": {msg: hook.Markdown("t", "# x"), want: `{"msgtype":"markdown","markdown":{"title":"t","text":"# x"},` + nobody + `}`},
		"markdown without title": {
			msg:      hook.RobotMessage{Type: "markdown", Message: map[string]any{"text": "x"}},
			want:     `{"msgtype":"markdown","markdown":{"text":"x"},` + nobody + `}`,
			warnings: []string{"the markdown message has no title"},
		},
		"markdown, mentions are put into the text": {
			msg:  hook.RobotMessage{Type: "markdown", Message: map[string]any{"title": "t", "text": "see @13800000001, @u12"}, AtMobiles: mobiles, AtUserIDs: []string{"u1"}},
			want: `{"msgtype":"markdown","markdown":{"title":"t","text":"see @13800000001, @u12\n\n@13800000002 @u1"},"at":{"atMobiles":["13800000001","13800000002"],"atUserIds":["u1"],"isAtAll":false}}`,
		},
		"markdown, mention before Chinese": {
			msg:  hook.RobotMessage{Type: "markdown", Message: map[string]any{"title": "t", "text": "请@13800000001看"}, AtMobiles: mobiles[:1]},
			want: `{"msgtype":"markdown","markdown":{"title":"t","text":"请@13800000001看"},"at":{"atMobiles":["13800000001"],"isAtAll":false}}`,
		},
		"markdown, all": {
			msg:  hook.RobotMessage{Type: "markdown", Message: map[string]any{"title": "t", "text": "x"}, AtMobiles: mobiles[:1], AtAll: true},
			want: `{"msgtype":"markdown","markdown":{"title":"t","text":"x"},"at":{"atMobiles":["13800000001"],"isAtAll":true}}`,
		},
		"actionCard, one button": {
			msg:  hook.ActionCard(hook.Card{Title: "t", Text: "x", Buttons: []hook.Button{{"Open", "https://example.com/a"}}}),
			want: `{"msgtype":"actionCard","actionCard":{"title":"t","text":"x","btnOrientation":"0","singleTitle":"Open","singleURL":"https://example.com/a"}}`,
		},
		"actionCard, two buttons": {
			msg:  hook.ActionCard(hook.Card{Title: "t", Text: "x", SideBySide: true, Buttons: []hook.Button{{"Yes", "https://example.com/y"}, {"No", "https://example.com/n"}}}),
			want: `{"msgtype":"actionCard","actionCard":{"title":"t","text":"x","btnOrientation":"1","btns":[{"title":"Yes","actionURL":"https://example.com/y"},{"title":"No","actionURL":"https://example.com/n"}]}}`,
		},
		"actionCard, at": {
			msg:  hook.RobotMessage{Type: "actionCard", Message: map[string]any{"title": "t", "text": "x"}, AtMobiles: mobiles[:1]},
			want: `{"msgtype":"actionCard","actionCard":{"title":"t","text":"x\n\n@13800000001"},"at":{"atMobiles":["13800000001"],"isAtAll":false}}`,
		},
		"feedCard": {
			msg:  hook.FeedCard(hook.FeedLink{"One", "https://example.com/1", "https://example.com/1.png"}, hook.FeedLink{"Two", "https://example.com/2", "https://example.com/2.png"}),
			want: `{"msgtype":"feedCard","feedCard":{"links":[{"title":"One","messageURL":"https://example.com/1","picURL":"https://example.com/1.png"},{"title":"Two","messageURL":"https://example.com/2","picURL":"https://example.com/2.png"}]}}`,
		},
		"feedCard, at": {
			msg:      hook.RobotMessage{Type: "feedCard", Message: map[string]any{"links": []any{}}, AtUserIDs: []string{"u1"}},
			want:     `{"msgtype":"feedCard","feedCard":{"links":[]}}`,
			warnings: []string{"at_mobiles, at_user_ids and at_all notify nobody in a feedCard message; use text, markdown or actionCard"},
		},
		"too many people": {
			msg:      hook.RobotMessage{Message: "hi", AtUserIDs: strings.Fields(strings.Repeat("u ", 51))},
			want:     `{"msgtype":"text","text":{"content":"hi"},"at":{"atMobiles":null,"atUserIds":[` + strings.TrimSuffix(strings.Repeat(`"u",`, 51), ",") + `],"isAtAll":false}}`,
			warnings: []string{"DingTalk notifies at most 50 people, the message names 51"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := hook.Prepare(tt.msg)
			require.NoError(t, err)
			require.Len(t, got.Bodies, 1)
			assert.JSONEq(t, tt.want, string(got.Bodies[0]))
			assert.Equal(t, tt.warnings, got.Warnings)
		})
	}
}

func TestPrepareErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 20000)
	for name, tt := range map[string]struct {
		msg  hook.RobotMessage
		want string
	}{
		"unknown type":      {hook.RobotMessage{Type: "image", Message: "x"}, "unsupported message_type: supported are text, link, markdown, actionCard, feedCard, received image"},
		"wrong case":        {hook.RobotMessage{Type: "action_card", Message: "x"}, "unsupported message_type (did you mean actionCard?): supported are text, link, markdown, actionCard, feedCard, received action_card"},
		"type before empty": {hook.RobotMessage{Type: "image"}, "unsupported message_type: supported are text, link, markdown, actionCard, feedCard, received image"},
		"null":              {hook.RobotMessage{}, "the text message is empty; give it a content"},
		"blank":             {hook.Text(" \n"), "the text message is empty; give it a content"},
		"empty mapping":     {hook.RobotMessage{Type: "link", Message: map[string]any{}}, "the link message is empty; give it a content"},
		"no JSON":           {hook.RobotMessage{Type: "link", Message: map[string]any{"title": func() {}}}, "encode the link message as JSON: json: unsupported type: func()"},
		"long, not split":   {hook.RobotMessage{Message: long, NoSplit: true}, "the message is 20080 bytes as JSON and DingTalk accepts at most 20000; shorten it (splitting is switched off)"},
		"long link":         {hook.Link("t", long, "u", ""), "the message is 20066 bytes as JSON and DingTalk accepts at most 20000; shorten it (only text and markdown can be split, not link)"},
		"long actionCard":   {hook.ActionCard(hook.Card{Title: "t", Text: long}), "the message is 20092 bytes as JSON and DingTalk accepts at most 20000; shorten it (only text and markdown can be split, not actionCard)"},
		"long title":        {hook.Markdown(long, "x"), "the message without its text is 20115 bytes as JSON and DingTalk accepts at most 20000; shorten the other fields"},
		"far too long":      {hook.Text(strings.Repeat(long, 21)), "the message would need 22 parts and DingTalk accepts 20 messages a minute; shorten it"},
		"skip too many":     {hook.RobotMessage{Message: "x", SkipParts: 2}, "cannot skip 2 parts of a message that has 1"},
		"skip negative":     {hook.RobotMessage{Message: "x", SkipParts: -1}, "cannot skip -1 parts of a message that has 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := hook.Prepare(tt.msg)
			var e *hook.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, hook.KindInvalid, e.Kind)
			assert.Equal(t, "prepare robot message: "+tt.want, err.Error())
		})
	}
}

func TestPrepareAtTheLimit(t *testing.T) {
	t.Parallel()
	frame := len(prepareOne(t, hook.Text("x"))) - 1
	assert.Len(t, prepareOne(t, hook.Text(strings.Repeat("x", hook.MaxBodyBytes-frame))), hook.MaxBodyBytes)

	p, err := hook.Prepare(hook.Text(strings.Repeat("x", hook.MaxBodyBytes-frame+1)))
	require.NoError(t, err)
	assert.Len(t, p.Bodies, 2)
}

// The caller's values are not changed by what is added to the text.
func TestPrepareLeavesTheMessageAlone(t *testing.T) {
	t.Parallel()
	fields := map[string]any{"title": "t", "text": strings.Repeat("line\n", 8000)}
	before := maps.Clone(fields)
	_, err := hook.Prepare(hook.RobotMessage{Type: "markdown", Message: fields, AtMobiles: []string{"13800000001"}})
	require.NoError(t, err)
	assert.Equal(t, before, fields)
}

func TestPrepareParts(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("一行中文。\n", 2000)
	p, err := hook.Prepare(hook.RobotMessage{
		Type: "markdown", Message: map[string]any{"title": "报告", "text": text}, AtMobiles: []string{"13800000001"}, UUID: "u",
	})
	require.NoError(t, err)
	require.Len(t, p.Bodies, 2)

	first, second := decode(t, p.Bodies[0]), decode(t, p.Bodies[1])
	assert.Equal(t, "报告 (1/2)", first.Markdown.Title)
	assert.Equal(t, "报告 (2/2)", second.Markdown.Title)
	assert.Equal(t, []string{"13800000001"}, first.At.AtMobiles, "people are notified once")
	assert.Nil(t, second.At.AtMobiles)
	assert.Equal(t, "u-1-18624", first.MsgUUID, "with where the part ends, for a part that is cut otherwise later is another one")
	assert.Equal(t, "u-2-32000", second.MsgUUID)
	one, ok := strings.CutPrefix(first.Markdown.Text, "(1/2)\n\n")
	require.True(t, ok)
	one, ok = strings.CutSuffix(one, "\n\n@13800000001")
	require.True(t, ok)
	two, ok := strings.CutPrefix(second.Markdown.Text, "(2/2)\n\n")
	require.True(t, ok)
	assert.Equal(t, text, one+two)
	assert.True(t, strings.HasSuffix(one, "。\n"), "cut between lines")
}

// body is the part of the wire format that tests look at.
type body struct {
	MsgUUID string `json:"msgUuid"`
	Text    struct {
		Content string `json:"content"`
	} `json:"text"`
	Markdown struct {
		Title string `json:"title"`
		Text  string `json:"text"`
	} `json:"markdown"`
	At struct {
		AtMobiles []string `json:"atMobiles"`
	} `json:"at"`
}

func decode(t require.TestingT, data []byte) body {
	var b body
	require.NoError(t, json.Unmarshal(data, &b))
	return b
}

func prepareOne(t *testing.T, m hook.RobotMessage) []byte {
	t.Helper()
	p, err := hook.Prepare(m)
	require.NoError(t, err)
	require.Len(t, p.Bodies, 1)
	return p.Bodies[0]
}
