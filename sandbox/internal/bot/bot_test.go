package bot_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestBotTemplates(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	c := o.TeamChat()
	tests := []struct {
		key   string
		param map[string]string
		kind  string
		want  sandbox.Content
	}{
		{"sampleText", map[string]string{"content": "好"}, "text", sandbox.Content{Text: "好"}},
		{"sampleMarkdown", map[string]string{"title": "t", "text": "# x"}, "markdown", sandbox.Content{Title: "t", Text: "# x"}},
		{"sampleImageMsg", map[string]string{"photoURL": "@lA"}, "image", sandbox.Content{PictureURL: "@lA"}},
		{"sampleLink", map[string]string{"title": "t", "text": "x", "picUrl": "p", "messageUrl": "u"}, "link", sandbox.Content{Title: "t", Text: "x", PictureURL: "p", URL: "u"}},
		{"sampleActionCard", map[string]string{"title": "t", "text": "x", "singleTitle": "s", "singleURL": "u"}, "actionCard", sandbox.Content{Title: "t", Text: "x", Buttons: []sandbox.Button{{Title: "s", URL: "u"}}}},
		{"sampleActionCard2", map[string]string{"title": "t", "text": "x", "actionTitle1": "a", "actionURL1": "u1", "actionTitle2": "b", "actionURL2": "u2"}, "actionCard", sandbox.Content{Title: "t", Text: "x", Buttons: []sandbox.Button{{Title: "a", URL: "u1"}, {Title: "b", URL: "u2"}}}},
		{"sampleActionCard6", map[string]string{"title": "t", "text": "x", "buttonTitle1": "a", "buttonUrl1": "u1", "buttonTitle2": "b", "buttonUrl2": "u2"}, "actionCard", sandbox.Content{Title: "t", Text: "x", SideBySide: true, Buttons: []sandbox.Button{{Title: "a", URL: "u1"}, {Title: "b", URL: "u2"}}}},
		{"sampleAudio", map[string]string{"mediaId": "m", "duration": "1000"}, "audio", sandbox.Content{Text: "m"}},
		{"sampleFile", map[string]string{"mediaId": "m", "fileName": "f.pdf", "fileType": "pdf"}, "file", sandbox.Content{Title: "f.pdf", Text: "m"}},
		{"sampleVideo", map[string]string{"videoMediaId": "m", "duration": "1", "videoType": "mp4", "picMediaId": "p"}, "video", sandbox.Content{Text: "m"}},
	}
	for i, tt := range tests {
		key := boxtest.Read[boxtest.SentKey](t, o.SendToGroup(t, http.StatusOK, c, tt.key, tt.param)).Key
		m := o.Messages(sandbox.Filter{})[i]
		assert.Equal(t, tt.kind, m.Type, tt.key)
		assert.Equal(t, tt.want, m.Content, tt.key)
		assert.Equal(t, key, m.Key)
		assert.Equal(t, []string{"运维助手", "平台组"}, []string{m.Robot, m.Group})

		for field := range tt.param { // each field of a template is needed
			without := map[string]string{}
			for name, value := range tt.param {
				if name != field {
					without[name] = value
				}
			}
			assert.Contains(t, o.SendToGroup(t, http.StatusBadRequest, c, tt.key, without), `"code":"miss.param.`, tt.key+" without "+field)
		}
	}
}

func TestBotGroupRefusals(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	other := o.AddApp(sandbox.DemoApp("other"))
	c := o.TeamChat()
	alone := o.AddChat(sandbox.Chat{Name: "没有机器人", Owner: "user001"})
	text := boxtest.Encoded(t, map[string]string{"content": "x"})
	tests := map[string]struct{ robot, chat, key, param, want string }{
		"robot":           {"nobody", c.OpenConversationID, "sampleText", text, "resource.not.found"},
		"another's":       {other.AppKey, c.OpenConversationID, "sampleText", text, "invalidParameter.robotCode.auth"},
		"empty robot":     {"", c.OpenConversationID, "sampleText", text, "invalidParameter.robotCode.empty"},
		"chat":            {o.App.AppKey, "cidx==", "sampleText", text, "invalid.openConversationId"},
		"chat id":         {o.App.AppKey, c.ChatID, "sampleText", text, "invalid.openConversationId"},
		"not in the chat": {o.App.AppKey, alone.OpenConversationID, "sampleText", text, "resource.unavailable"},
		"template":        {o.App.AppKey, c.OpenConversationID, "sampleTxt", text, "invalidParameter.msgKey.invalid"},
		"no JSON":         {o.App.AppKey, c.OpenConversationID, "sampleText", "x", "invalidParameter.msgParam.invalid"},
		"number":          {o.App.AppKey, c.OpenConversationID, "sampleText", `{"content":1}`, "invalidParameter.msgParam.invalid"},
		"too long":        {o.App.AppKey, c.OpenConversationID, "sampleText", boxtest.Encoded(t, map[string]string{"content": strings.Repeat("字", 5000)}), "invalidParameter.msgParam.tooLong"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := o.Modern(t, http.StatusBadRequest, http.MethodPost, "/v1.0/robot/groupMessages/send", boxtest.Encoded(t, map[string]any{
				"robotCode": tt.robot, "openConversationId": tt.chat, "msgKey": tt.key, "msgParam": tt.param,
			}))
			assert.Equal(t, tt.want, boxtest.Read[struct{ Code string }](t, got).Code)
		})
	}
	assert.Contains(t, o.Modern(t, http.StatusBadRequest, http.MethodPost, "/v1.0/robot/groupMessages/send",
		`{"robotCode":"x","openConversationId":"x","msgKey":"sampleText","msgParam":{"content":"x"}}`), "invalidParameter.param.invalid", "msgParam is text")
}

func TestBotGroupReadAndRecall(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	c := o.TeamChat()
	key := boxtest.Read[boxtest.SentKey](t, o.SendToGroup(t, http.StatusOK, c, "sampleText", map[string]string{"content": "x"})).Key
	require.NoError(t, o.ReadMessage(key, "user003", "user004", "user005", "user004"))
	require.ErrorIs(t, o.ReadMessage(key, "user001"), sandbox.ErrNotFound)
	require.ErrorIs(t, o.ReadMessage("x"), sandbox.ErrNotFound)

	query := func(want int, more string) string {
		t.Helper()
		return o.Modern(t, want, http.MethodPost, "/v1.0/robot/groupMessages/query",
			`{"robotCode":"`+o.App.AppKey+`","openConversationId":"`+c.OpenConversationID+`","processQueryKey":"`+key+`"`+more+`}`)
	}
	assert.JSONEq(t, `{"sendStatus":"SUCCESS","readUserIds":["user003","user004"],"hasMore":true,"nextToken":"nt2"}`, query(200, `,"maxResults":2`))
	assert.JSONEq(t, `{"sendStatus":"SUCCESS","readUserIds":["user005"],"hasMore":false,"nextToken":""}`, query(200, `,"maxResults":2,"nextToken":"nt2"`))
	assert.Contains(t, query(400, `,"maxResults":201`), "invalidParameter.pageSize.invalid")
	assert.Contains(t, query(400, `,"nextToken":"x"`), "invalidParameter.cursor.invalid")

	recall := func(want int, keys ...string) string {
		t.Helper()
		return o.Modern(t, want, http.MethodPost, "/v1.0/robot/groupMessages/recall", boxtest.Encoded(t, map[string]any{
			"robotCode": o.App.AppKey, "openConversationId": c.OpenConversationID, "processQueryKeys": keys,
		}))
	}
	assert.JSONEq(t, `{"successResult":["`+key+`"],"failedResult":{}}`, recall(200, key))
	assert.JSONEq(t, `{"successResult":[],"failedResult":{"`+key+`":"message already recalled"}}`, recall(200, key))
	assert.Contains(t, query(200, ""), `"RECALLED"`)
	assert.True(t, o.Messages(sandbox.Filter{})[0].Recalled)
	assert.Contains(t, recall(400, "x"), "invalid.processQueryKey")
	assert.Contains(t, recall(400, make([]string, 21)...), "overMax")

	o.Clock.Advance(25 * time.Hour)
	o.Token, _ = o.NewToken(t, o.App)
	assert.Contains(t, query(400, ""), "processQueryKey.expireTime")
	assert.Contains(t, recall(400, key), "robot.processQueryKey.expired")
}

func TestBotToPeople(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	o.AddUser(sandbox.User{UserID: "busy", Name: "x", Mobile: "139", FlowControlled: true})
	send := func(want int, ids ...string) string {
		t.Helper()
		return o.Modern(t, want, http.MethodPost, "/v1.0/robot/oToMessages/batchSend", boxtest.Encoded(t, map[string]any{
			"robotCode": o.App.AppKey, "userIds": append([]string{}, ids...), "msgKey": "sampleText", "msgParam": `{"content":"hi"}`,
		}))
	}
	got := send(200, "user001", "nobody", "busy", "user002")
	key := boxtest.Read[boxtest.SentKey](t, got).Key
	assert.JSONEq(t, `{"processQueryKey":"`+key+`","invalidStaffIdList":["nobody"],"flowControlledStaffIdList":["busy"]}`, got)
	m := o.Messages(sandbox.Filter{Robot: "运维助手"})
	require.Len(t, m, 1)
	assert.Equal(t, []string{"user001", "user002"}, m[0].To)

	assert.Contains(t, send(400, []string{}...), "invalidParameter.userIds.empty")
	assert.Contains(t, send(400, "nobody"), "staffId.notExisted")
	assert.Contains(t, send(400, make([]string, 21)...), "overMax")

	require.NoError(t, o.ReadMessage(key, "user002"))
	path := "/v1.0/robot/oToMessages/readStatus?robotCode=" + o.App.AppKey + "&processQueryKey="
	assert.JSONEq(t, `{"sendStatus":"SUCCESS","messageReadInfoList":[{"userId":"user001","name":"张三","readStatus":"UNREAD"},
		{"userId":"user002","name":"李四","readStatus":"READ"}]}`, o.Modern(t, 200, http.MethodGet, path+url.QueryEscape(key), ""))
	assert.Contains(t, o.Modern(t, 400, http.MethodGet, path+key, ""), "invalid.processQueryKey", "the key has to be escaped")
	recall := `{"robotCode":"` + o.App.AppKey + `","processQueryKeys":["` + key + `"]}`
	assert.Contains(t, o.Modern(t, 200, http.MethodPost, "/v1.0/robot/otoMessages/batchRecall", recall), `"successResult":["`)
	o.Modern(t, 404, http.MethodPost, "/v1.0/robot/oToMessages/batchRecall", recall)
}
