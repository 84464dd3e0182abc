package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
)

// teamChat is a group with the app's bot in it.
func (o *office) teamChat() sandbox.Chat {
	return o.AddChat(sandbox.Chat{Name: "平台组", Owner: "user003", Members: []string{"user003", "user004", "user005"}, Bots: []string{o.app.AppKey}})
}

// encoded is JSON text inside JSON.
func encoded(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}

func (o *office) sendToGroup(t *testing.T, want int, c sandbox.Chat, key string, param map[string]string) string {
	t.Helper()
	return o.modern(t, want, http.MethodPost, "/v1.0/robot/groupMessages/send", encoded(t, map[string]any{
		"robotCode": o.app.AppKey, "openConversationId": c.OpenConversationID, "msgKey": key, "msgParam": encoded(t, param),
	}))
}

type sentKey struct {
	Key string `json:"processQueryKey"`
}

func TestBotTemplates(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.teamChat()
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
		key := read[sentKey](t, o.sendToGroup(t, http.StatusOK, c, tt.key, tt.param)).Key
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
			assert.Contains(t, o.sendToGroup(t, http.StatusBadRequest, c, tt.key, without), `"code":"miss.param.`, tt.key+" without "+field)
		}
	}
}

func TestBotGroupRefusals(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	other := o.AddApp(sandbox.DemoApp("other"))
	c := o.teamChat()
	alone := o.AddChat(sandbox.Chat{Name: "没有机器人", Owner: "user001"})
	text := encoded(t, map[string]string{"content": "x"})
	tests := map[string]struct{ robot, chat, key, param, want string }{
		"robot":           {"nobody", c.OpenConversationID, "sampleText", text, "resource.not.found"},
		"another's":       {other.AppKey, c.OpenConversationID, "sampleText", text, "invalidParameter.robotCode.auth"},
		"empty robot":     {"", c.OpenConversationID, "sampleText", text, "invalidParameter.robotCode.empty"},
		"chat":            {o.app.AppKey, "cidx==", "sampleText", text, "invalid.openConversationId"},
		"chat id":         {o.app.AppKey, c.ChatID, "sampleText", text, "invalid.openConversationId"},
		"not in the chat": {o.app.AppKey, alone.OpenConversationID, "sampleText", text, "resource.unavailable"},
		"template":        {o.app.AppKey, c.OpenConversationID, "sampleTxt", text, "invalidParameter.msgKey.invalid"},
		"no JSON":         {o.app.AppKey, c.OpenConversationID, "sampleText", "x", "invalidParameter.msgParam.invalid"},
		"number":          {o.app.AppKey, c.OpenConversationID, "sampleText", `{"content":1}`, "invalidParameter.msgParam.invalid"},
		"too long":        {o.app.AppKey, c.OpenConversationID, "sampleText", encoded(t, map[string]string{"content": strings.Repeat("字", 5000)}), "invalidParameter.msgParam.tooLong"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := o.modern(t, http.StatusBadRequest, http.MethodPost, "/v1.0/robot/groupMessages/send", encoded(t, map[string]any{
				"robotCode": tt.robot, "openConversationId": tt.chat, "msgKey": tt.key, "msgParam": tt.param,
			}))
			assert.Equal(t, tt.want, read[struct{ Code string }](t, got).Code)
		})
	}
	assert.Contains(t, o.modern(t, http.StatusBadRequest, http.MethodPost, "/v1.0/robot/groupMessages/send",
		`{"robotCode":"x","openConversationId":"x","msgKey":"sampleText","msgParam":{"content":"x"}}`), "invalidParameter.param.invalid", "msgParam is text")
}

func TestBotGroupReadAndRecall(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.teamChat()
	key := read[sentKey](t, o.sendToGroup(t, http.StatusOK, c, "sampleText", map[string]string{"content": "x"})).Key
	require.NoError(t, o.ReadMessage(key, "user003", "user004", "user005", "user004"))
	require.ErrorIs(t, o.ReadMessage(key, "user001"), sandbox.ErrNotFound)
	require.ErrorIs(t, o.ReadMessage("x"), sandbox.ErrNotFound)

	query := func(want int, more string) string {
		t.Helper()
		return o.modern(t, want, http.MethodPost, "/v1.0/robot/groupMessages/query",
			`{"robotCode":"`+o.app.AppKey+`","openConversationId":"`+c.OpenConversationID+`","processQueryKey":"`+key+`"`+more+`}`)
	}
	assert.JSONEq(t, `{"sendStatus":"SUCCESS","readUserIds":["user003","user004"],"hasMore":true,"nextToken":"nt2"}`, query(200, `,"maxResults":2`))
	assert.JSONEq(t, `{"sendStatus":"SUCCESS","readUserIds":["user005"],"hasMore":false,"nextToken":""}`, query(200, `,"maxResults":2,"nextToken":"nt2"`))
	assert.Contains(t, query(400, `,"maxResults":201`), "invalidParameter.pageSize.invalid")
	assert.Contains(t, query(400, `,"nextToken":"x"`), "invalidParameter.cursor.invalid")

	recall := func(want int, keys ...string) string {
		t.Helper()
		return o.modern(t, want, http.MethodPost, "/v1.0/robot/groupMessages/recall", encoded(t, map[string]any{
			"robotCode": o.app.AppKey, "openConversationId": c.OpenConversationID, "processQueryKeys": keys,
		}))
	}
	assert.JSONEq(t, `{"successResult":["`+key+`"],"failedResult":{}}`, recall(200, key))
	assert.JSONEq(t, `{"successResult":[],"failedResult":{"`+key+`":"message already recalled"}}`, recall(200, key))
	assert.Contains(t, query(200, ""), `"RECALLED"`)
	assert.True(t, o.Messages(sandbox.Filter{})[0].Recalled)
	assert.Contains(t, recall(400, "x"), "invalid.processQueryKey")
	assert.Contains(t, recall(400, make([]string, 21)...), "overMax")

	o.clock.advance(25 * time.Hour)
	o.token, _ = o.newToken(t, o.app)
	assert.Contains(t, query(400, ""), "processQueryKey.expireTime")
	assert.Contains(t, recall(400, key), "robot.processQueryKey.expired")
}

func TestBotToPeople(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.AddUser(sandbox.User{UserID: "busy", Name: "x", Mobile: "139", FlowControlled: true})
	send := func(want int, ids ...string) string {
		t.Helper()
		return o.modern(t, want, http.MethodPost, "/v1.0/robot/oToMessages/batchSend", encoded(t, map[string]any{
			"robotCode": o.app.AppKey, "userIds": append([]string{}, ids...), "msgKey": "sampleText", "msgParam": `{"content":"hi"}`,
		}))
	}
	got := send(200, "user001", "nobody", "busy", "user002")
	key := read[sentKey](t, got).Key
	assert.JSONEq(t, `{"processQueryKey":"`+key+`","invalidStaffIdList":["nobody"],"flowControlledStaffIdList":["busy"]}`, got)
	m := o.Messages(sandbox.Filter{Robot: "运维助手"})
	require.Len(t, m, 1)
	assert.Equal(t, []string{"user001", "user002"}, m[0].To)

	assert.Contains(t, send(400, []string{}...), "invalidParameter.userIds.empty")
	assert.Contains(t, send(400, "nobody"), "staffId.notExisted")
	assert.Contains(t, send(400, make([]string, 21)...), "overMax")

	require.NoError(t, o.ReadMessage(key, "user002"))
	path := "/v1.0/robot/oToMessages/readStatus?robotCode=" + o.app.AppKey + "&processQueryKey="
	assert.JSONEq(t, `{"sendStatus":"SUCCESS","messageReadInfoList":[{"userId":"user001","name":"张三","readStatus":"UNREAD"},
		{"userId":"user002","name":"李四","readStatus":"READ"}]}`, o.modern(t, 200, http.MethodGet, path+url.QueryEscape(key), ""))
	assert.Contains(t, o.modern(t, 400, http.MethodGet, path+key, ""), "invalid.processQueryKey", "the key has to be escaped")
	recall := `{"robotCode":"` + o.app.AppKey + `","processQueryKeys":["` + key + `"]}`
	assert.Contains(t, o.modern(t, 200, http.MethodPost, "/v1.0/robot/otoMessages/batchRecall", recall), `"successResult":["`)
	o.modern(t, 404, http.MethodPost, "/v1.0/robot/oToMessages/batchRecall", recall)
}

func TestDing(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	send := func(want, kind int, ids ...string) string {
		t.Helper()
		return o.modern(t, want, http.MethodPost, "/v1.0/robot/ding/send", encoded(t, map[string]any{
			"robotCode": o.app.AppKey, "remindType": kind, "receiverUserIdList": ids, "content": "磁盘满",
		}))
	}
	got := send(200, 1, "user001", "nobody")
	d := o.Dings()
	require.Len(t, d, 1)
	assert.JSONEq(t, `{"openDingId":"`+d[0].ID+`","failedList":{"staffId.notExisted":["nobody"]}}`, got)
	assert.Equal(t, []string{"user001"}, d[0].Receivers)
	assert.Contains(t, send(400, 1, "nobody"), "miss.staffId")
	assert.Contains(t, send(400, 2, make([]string, 21)...), "ding.receivercount.limit")
	assert.Contains(t, send(400, 4, "user001"), "invalidParameter.param.invalid")
	recall := `{"robotCode":"` + o.app.AppKey + `","openDingId":"` + d[0].ID + `"}`
	assert.JSONEq(t, `{"openDingId":"`+d[0].ID+`"}`, o.modern(t, 200, http.MethodPost, "/v1.0/robot/ding/recall", recall))
	assert.True(t, o.Dings()[0].Recalled)
}

// upload sends a file as a form with the type in both places.
func (o *office) upload(t *testing.T, queryType, formType, name, content string) string {
	t.Helper()
	const edge = "xxEDGExx"
	body := "--" + edge + "\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\n" + formType +
		"\r\n--" + edge + "\r\nContent-Disposition: form-data; name=\"media\"; filename=\"" + name + "\"\r\nContent-Type: image/png\r\n\r\n" + content +
		"\r\n--" + edge + "--\r\n"
	_, got := o.do(t, http.MethodPost, "/media/upload?access_token="+o.token+"&type="+queryType, body, "Content-Type", "multipart/form-data; boundary="+edge)
	return got
}

func TestMediaUpload(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	got := read[struct {
		Code      int    `json:"errcode"`
		ID        string `json:"media_id"`
		Type      string `json:"type"`
		CreatedAt int64  `json:"created_at"`
	}](t, o.upload(t, "image", "image", "图.PNG", "pixels"))
	assert.Equal(t, start.UnixMilli(), got.CreatedAt)
	assert.Regexp(t, "^@lA", got.ID)
	m, err := o.Media(got.ID)
	require.NoError(t, err)
	assert.Equal(t, sandbox.Media{ID: got.ID, Type: "image", Name: "图.PNG", ContentType: "image/png", Content: []byte("pixels"), Size: 6}, m)
	_, err = o.Media("x")
	require.ErrorIs(t, err, sandbox.ErrNotFound)

	tests := map[string]struct {
		query, form, name, content string
		code                       int
	}{
		"unknown type":  {"picture", "picture", "a.png", "x", 40004},
		"no query":      {"", "image", "a.png", "x", 40004},
		"no form":       {"image", "", "a.png", "x", 0},
		"two types":     {"image", "file", "a.png", "x", 40004},
		"extension":     {"image", "image", "a.pdf", "x", 40005},
		"no extension":  {"file", "file", "pdf", "x", 40005},
		"empty":         {"image", "image", "a.png", "", 40006},
		"too large":     {"voice", "voice", "a.mp3", strings.Repeat("x", 2<<20+1), 40006},
		"large enough":  {"voice", "voice", "a.mp3", strings.Repeat("x", 2<<20), 0},
		"a larger file": {"file", "file", "a.zip", strings.Repeat("x", 20<<20), 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.code, read[reply](t, o.upload(t, tt.query, tt.form, tt.name, tt.content)).Code)
		})
	}
	_, plain := o.do(t, http.MethodPost, "/media/upload?access_token="+o.token+"&type=image", "{}")
	assert.Equal(t, 43008, read[reply](t, plain).Code)
}

func TestCards(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.teamChat()
	create := func(id, space, models string) string {
		return o.modern(t, 200, http.MethodPost, "/v1.0/card/instances/createAndDeliver", `{"cardTemplateId":"tpl.schema","outTrackId":"`+id+`",
			"callbackType":"STREAM","cardData":{"cardParamMap":{"title":"发布?","state":"等待"}},"openSpaceId":"`+space+`",`+models+`}`)
	}
	group := `"imGroupOpenDeliverModel":{"robotCode":"` + o.app.AppKey + `"}`
	got := create("run-1", "dtv1.card//IM_GROUP."+c.OpenConversationID, group)
	assert.Contains(t, got, `"spaceId":"`+c.OpenConversationID+`","spaceType":"IM_GROUP","success":true`)
	assert.JSONEq(t, got, create("run-1", "dtv1.card//IM_GROUP."+c.OpenConversationID, group), "the outTrackId makes it safe to repeat")
	require.Len(t, o.Messages(sandbox.Filter{Type: sandbox.TypeCard}), 1)

	assert.Contains(t, create("run-2", "dtv1.card//IM_ROBOT.user001", `"imRobotOpenDeliverModel":{"spaceType":"IM_ROBOT","robotCode":"`+o.app.AppKey+`"}`), `"spaceId":"user001","spaceType":"IM_ROBOT","success":true`)
	for i, space := range []string{"IM_GROUP.cidx==", "IM_ROBOT.nobody", "IM_ROBOT.user001", "SOMEWHERE.x"} {
		assert.Contains(t, create("bad-"+strconv.Itoa(i), "dtv1.card//"+space, group), `"success":false`)
	}

	owner := o.token
	o.token, _ = o.newToken(t, o.AddApp(sandbox.DemoApp("other")))
	o.modern(t, 400, http.MethodPost, "/v1.0/card/instances/createAndDeliver",
		`{"cardTemplateId":"t","outTrackId":"run-1","cardData":{"cardParamMap":{}},"openSpaceId":"dtv1.card//IM_ROBOT.user001"}`)
	o.modern(t, 400, http.MethodPut, "/v1.0/card/instances", `{"outTrackId":"run-1","cardData":{"cardParamMap":{}}}`)
	o.token = owner

	put := func(want int, path, body string) string {
		t.Helper()
		return o.modern(t, want, http.MethodPut, path, body)
	}
	put(200, "/v1.0/card/instances", `{"outTrackId":"run-1","cardData":{"cardParamMap":{"state":"完成"}},"cardUpdateOptions":{"updateCardDataByKey":true},
		"privateData":{"user001":{"cardParamMap":{"mine":"1"}}}}`)
	card, err := o.Card("run-1")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"title": "发布?", "state": "完成"}, card.Params)
	assert.Equal(t, map[string]map[string]string{"user001": {"mine": "1"}}, card.Private)
	assert.Contains(t, o.Messages(sandbox.Filter{})[0].Content.Text, "state: 完成")

	stream := func(guid, content string, full, last bool) {
		t.Helper()
		put(200, "/v1.0/card/streaming", encoded(t, map[string]any{
			"outTrackId": "run-1", "guid": guid, "key": "log", "content": content, "isFull": full, "isFinalize": last,
		}))
	}
	stream("g1", "a", false, false)
	stream("g2", "b", false, false)
	stream("g2", "b", false, false)
	card, err = o.Card("run-1")
	require.NoError(t, err)
	assert.Equal(t, "ab", card.Params["log"], "a guid counts once")
	assert.False(t, card.Finished)
	stream("g3", "全部", true, true)
	card, err = o.Card("run-1")
	require.NoError(t, err)
	assert.Equal(t, "全部", card.Params["log"])
	assert.True(t, card.Finished)

	put(200, "/v1.0/card/instances", `{"outTrackId":"run-1","cardData":{"cardParamMap":{"only":"this"}}}`)
	card, err = o.Card("run-1")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"only": "this"}, card.Params, "without the option an update replaces")
	put(400, "/v1.0/card/instances", `{"outTrackId":"run-9","cardData":{"cardParamMap":{}}}`)
	put(400, "/v1.0/card/instances", `{"outTrackId":"run-1","cardData":{"cardParamMap":{"n":1}}}`)
}

// What public clients leave out is left out of the real calls, too.
func TestCardsAsPublicClientsSendThem(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.teamChat()
	call := func(want int, method, path string, body map[string]any) string {
		t.Helper()
		return o.modern(t, want, method, "/v1.0/card/"+path, encoded(t, body))
	}
	params := func(values map[string]string) map[string]any { return map[string]any{"cardParamMap": values} }

	made := call(200, http.MethodPost, "instances", map[string]any{
		"cardTemplateId": "t", "outTrackId": "two-steps", "cardData": params(map[string]string{"title": "发布?"}), "callbackType": "STREAM",
		"imGroupOpenSpaceModel": map[string]any{"supportForward": true},
	})
	assert.JSONEq(t, `{"success":true,"result":"two-steps"}`, made)
	assert.Empty(t, o.Messages(sandbox.Filter{}), "nobody sees it yet")
	call(400, http.MethodPost, "instances/deliver", map[string]any{"outTrackId": "unknown", "openSpaceId": "dtv1.card//IM_ROBOT.user001"})
	got := call(200, http.MethodPost, "instances/deliver", map[string]any{
		"outTrackId": "two-steps", "openSpaceId": "dtv1.card//IM_GROUP." + c.OpenConversationID,
		"imGroupOpenDeliverModel": map[string]any{"robotCode": o.app.AppKey},
	})
	assert.Contains(t, got, `"spaceType":"IM_GROUP","success":true`)
	require.Len(t, o.Messages(sandbox.Filter{}), 1)

	call(200, http.MethodPut, "instances", map[string]any{"outTrackId": "two-steps", "privateData": map[string]any{"user003": params(map[string]string{"mine": "1"})}})
	card, err := o.Card("two-steps")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"title": "发布?"}, card.Params, "they stay as they are")
	assert.Equal(t, map[string]map[string]string{"user003": {"mine": "1"}}, card.Private)
	call(400, http.MethodPut, "instances", map[string]any{"outTrackId": "two-steps"})
	for i, piece := range []string{"a", "b"} {
		call(200, http.MethodPut, "streaming", map[string]any{"outTrackId": "two-steps", "guid": strconv.Itoa(i), "key": "log", "content": piece})
	}
	card, err = o.Card("two-steps")
	require.NoError(t, err)
	assert.Equal(t, "ab", card.Params["log"])
	assert.False(t, card.Finished)

	above := map[string]any{
		"cardTemplateId": "t", "outTrackId": "above", "cardData": params(map[string]string{}), "openSpaceId": "dtv1.card//ONE_BOX." + c.OpenConversationID,
		"topOpenSpaceModel": map[string]any{"spaceType": "ONE_BOX"}, "topOpenDeliverModel": map[string]any{"expiredTimeMillis": 1800000000000},
	}
	assert.Contains(t, call(200, http.MethodPost, "instances/createAndDeliver", above), `"spaceType":"ONE_BOX","success":true`)
	assert.Empty(t, o.Attempts()[len(o.Attempts())-1].Ignored)
	above["outTrackId"] = "no model"
	delete(above, "topOpenDeliverModel")
	assert.Contains(t, call(200, http.MethodPost, "instances/createAndDeliver", above), "topOpenDeliverModel is invalid")
}

func TestSessionReply(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.teamChat()
	path, expires, err := o.Server.OpenSession(sandbox.Session{AppKey: o.app.AppKey, Chat: c.OpenConversationID, UserID: "user004"})
	require.NoError(t, err)
	assert.Equal(t, start.Add(90*time.Minute), expires)
	post := func(body string) reply {
		t.Helper()
		_, got := o.do(t, http.MethodPost, path, body)
		return read[reply](t, got)
	}
	assert.Equal(t, ok, post(`{"msgtype":"text","text":{"content":"收到"},"at":{"atUserIds":["user004","user001"]}}`))
	m := o.Messages(sandbox.Filter{})
	require.Len(t, m, 1)
	assert.Equal(t, []string{"user004"}, m[0].Mentions.Notified, "user001 is not in the group")
	assert.Equal(t, "平台组", m[0].Group)
	assert.Equal(t, 43004, func() int {
		_, got := o.do(t, http.MethodPost, path, hello, "Content-Type", "text/plain")
		return read[reply](t, got).Code
	}())
	assert.Equal(t, 400105, post(`{"msgtype":"none"}`).Code)

	o.clock.advance(90 * time.Minute)
	assert.Equal(t, reply{300001, "session 不存在"}, post(hello))
	path = "/robot/sendBySession?session=x"
	assert.Equal(t, 300001, post(hello).Code)
	_, _, err = o.Server.OpenSession(sandbox.Session{AppKey: o.app.AppKey, UserID: "nobody"})
	require.ErrorIs(t, err, sandbox.ErrNotFound)
}
