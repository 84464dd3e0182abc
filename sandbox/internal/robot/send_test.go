package robot_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

const (
	testSecret = "SEC000000000000000000000000000000000000000000000000000000000000test"
	// goodSign is a published test vector for testSecret and the start of the clock.
	goodSign = "&timestamp=1700000000000&sign=bCcJiIKqyObgdvB5UiIbViJlixojz9bQW5dnZbgLAd8%3D"

	keywordText = "错误描述:关键词不匹配;解决方案:请联系群管理员查看此机器人的关键词，并在发送的信息中包含此关键词;"
	signText    = "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中，" +
		"请确认机器人的密钥加密和填写正确;link:请参考本接口对应文档获得具体要求，或者在https://open.dingtalk.com/document/  搜索相关文档;"
)

func missing(path string) string {
	return "错误描述:参数 " + path + " 缺失，或者参数格式不正确; 解决方案:请填充上对应参数;" +
		"参考链接:请参考本接口对应文档查看参数获取方式，或者在https://open.dingtalk.com/document/  搜索对应文档;"
}

func TestRobotSendAcceptsTheFiveTypes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want sandbox.Content
	}{
		sandbox.TypeText: {boxtest.Hello, sandbox.Content{Text: "hello"}},
		sandbox.TypeLink: {
			`{"msgtype":"link","link":{"title":"T","text":"x","messageUrl":"https://example.com/m","picUrl":"https://example.com/p"}}`,
			sandbox.Content{Title: "T", Text: "x", URL: "https://example.com/m", PictureURL: "https://example.com/p"},
		},
		sandbox.TypeMarkdown: {
			`{"msgtype":"markdown","markdown":{"title":"T","text":"# x"}}`,
			sandbox.Content{Title: "T", Text: "# x"},
		},
		sandbox.TypeActionCard: {
			`{"msgtype":"actionCard","actionCard":{"title":"T","text":"x","btnOrientation":"1","btns":[
				{"title":"A","actionURL":"https://example.com/a"},{"title":"B","actionURL":"https://example.com/b"}]}}`,
			sandbox.Content{
				Title: "T", Text: "x", SideBySide: true,
				Buttons: []sandbox.Button{{Title: "A", URL: "https://example.com/a"}, {Title: "B", URL: "https://example.com/b"}},
			},
		},
		sandbox.TypeFeedCard: {
			`{"msgtype":"feedCard","feedCard":{"links":[{"title":"A","messageURL":"https://example.com/a","picURL":"https://example.com/p"}]}}`,
			sandbox.Content{Links: []sandbox.FeedLink{{Title: "A", URL: "https://example.com/a", PictureURL: "https://example.com/p"}}},
		},
	}
	for msgtype, tt := range tests {
		t.Run(msgtype, func(t *testing.T) {
			t.Parallel()
			b := boxtest.Start(t)
			robot := b.AddRobot(sandbox.DemoRobot("ops"))

			require.Equal(t, boxtest.OK, b.Post(t, robot, "", tt.body))

			want := sandbox.Message{
				ID: 1, Time: boxtest.Moment, Robot: "ops", Group: "ops", Type: msgtype, Content: tt.want,
				RemoteIP: "127.0.0.1", Raw: json.RawMessage(tt.body),
			}
			assert.Equal(t, []sandbox.Message{want}, b.Messages(sandbox.Filter{}))
		})
	}
}

func TestActionCardSingleButtonWinsOverTheList(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.DemoRobot("ops"))
	body := `{"msgtype":"actionCard","actionCard":{"title":"T","text":"x","singleTitle":"One","singleURL":"https://example.com",
		"btns":[{"title":"A","actionURL":"https://example.com/a"}]}}`

	require.Equal(t, boxtest.OK, b.Post(t, robot, "", body))

	assert.Equal(t, []sandbox.Button{{Title: "One", URL: "https://example.com"}}, b.Messages(sandbox.Filter{})[0].Content.Buttons)
}

func TestRobotSendRefusesBodies(t *testing.T) {
	t.Parallel()
	card := func(rest string) string {
		return `{"msgtype":"actionCard","actionCard":{"title":"T","text":"x"` + rest + `}}`
	}
	tests := map[string]struct {
		body string
		want boxtest.Reply
	}{
		"empty":                   {"", boxtest.Answer(40035, "缺少参数 json")},
		"broken":                  {`{"msgtype":`, boxtest.Answer(40035, "缺少参数 json")},
		"two values":              {boxtest.Hello + boxtest.Hello, boxtest.Answer(40035, "缺少参数 json")},
		"list":                    {`[]`, boxtest.Answer(40035, "缺少参数 json")},
		"null":                    {`null`, boxtest.Answer(40035, "缺少参数 json")},
		"no msgtype":              {`{}`, boxtest.Answer(400105, "不支持的消息类型")},
		"msgtype of work notices": {`{"msgtype":"action_card"}`, boxtest.Answer(400105, "不支持的消息类型")},
		"msgtype in wrong case":   {`{"msgtype":"Text","text":{"content":"x"}}`, boxtest.Answer(400105, "不支持的消息类型")},
		"key in wrong case":       {`{"msgtype":"text","Text":{"content":"x"}}`, boxtest.Answer(400201, missing("text"))},
		"object is text":          {`{"msgtype":"text","text":"x"}`, boxtest.Answer(400201, missing("text"))},
		"text without content":    {`{"msgtype":"text","text":{}}`, boxtest.Answer(400202, missing("text --》 content"))},
		"text with empty content": {`{"msgtype":"text","text":{"content":""}}`, boxtest.Answer(400202, missing("text --》 content"))},
		"text of a number":        {`{"msgtype":"text","text":{"content":5}}`, boxtest.Answer(400202, missing("text --》 content"))},
		"link absent":             {`{"msgtype":"link"}`, boxtest.Answer(400301, missing("link"))},
		"link without title":      {`{"msgtype":"link","link":{"text":"x","messageUrl":"u"}}`, boxtest.Answer(400302, missing("link --》 title"))},
		"link without text":       {`{"msgtype":"link","link":{"title":"x","messageUrl":"u"}}`, boxtest.Answer(400303, missing("link --》 text"))},
		"link with messageURL":    {`{"msgtype":"link","link":{"title":"x","text":"x","messageURL":"u"}}`, boxtest.Answer(400304, missing("link --》 messageUrl"))},
		"markdown absent":         {`{"msgtype":"markdown"}`, boxtest.Answer(400401, missing("markdown"))},
		"markdown without title":  {`{"msgtype":"markdown","markdown":{"text":"x"}}`, boxtest.Answer(400402, missing("markdown --》 title"))},
		"markdown without text":   {`{"msgtype":"markdown","markdown":{"title":"x"}}`, boxtest.Answer(400403, missing("markdown --》 text"))},
		"card absent":             {`{"msgtype":"actionCard","action_card":{}}`, boxtest.Answer(400501, missing("actionCard"))},
		"card without title":      {`{"msgtype":"actionCard","actionCard":{"text":"x"}}`, boxtest.Answer(400502, missing("actionCard --》 title"))},
		"card with markdown":      {`{"msgtype":"actionCard","actionCard":{"title":"x","markdown":"x"}}`, boxtest.Answer(400503, missing("actionCard --》 text"))},
		"card without buttons":    {card(``), boxtest.Answer(400504, missing("actionCard --》 singleTitle"))},
		"card with single_url":    {card(`,"singleTitle":"x","single_url":"u"`), boxtest.Answer(400505, missing("actionCard --》 singleURL"))},
		"card with no button":     {card(`,"btns":[]`), boxtest.Answer(400506, missing("actionCard --》 btns"))},
		"button without title":    {card(`,"btns":[{"title":"a","actionURL":"u"},{"actionURL":"u"}]`), boxtest.Answer(400507, missing("actionCard --》 btns --》 title"))},
		"button with action_url":  {card(`,"btns":[{"title":"a","action_url":"u"}]`), boxtest.Answer(400508, missing("actionCard --》 btns --》 actionURL"))},
		"feed absent":             {`{"msgtype":"feedCard"}`, boxtest.Answer(400601, missing("feedCard"))},
		"feed without links":      {`{"msgtype":"feedCard","feedCard":{}}`, boxtest.Answer(400602, missing("feedCard --》 links"))},
		"feed of texts":           {`{"msgtype":"feedCard","feedCard":{"links":["x"]}}`, boxtest.Answer(400603, missing("feedCard --》 links --》 title"))},
		"feed with messageUrl":    {`{"msgtype":"feedCard","feedCard":{"links":[{"title":"x","messageUrl":"u","picURL":"p"}]}}`, boxtest.Answer(400604, missing("feedCard --》 links --》 messageURL"))},
		"feed with picUrl":        {`{"msgtype":"feedCard","feedCard":{"links":[{"title":"x","messageURL":"u","picUrl":"p"}]}}`, boxtest.Answer(400605, missing("feedCard --》 links --》 picURL"))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := boxtest.Start(t)
			robot := b.AddRobot(sandbox.DemoRobot("ops"))

			assert.Equal(t, tt.want, b.Post(t, robot, "", tt.body))

			assert.Empty(t, b.Messages(sandbox.Filter{}))
			require.Len(t, b.Attempts(), 1)
			assert.Equal(t, sandbox.Attempt{
				ID: 1, Time: boxtest.Moment, Call: "robot.send", RemoteIP: "127.0.0.1", Method: http.MethodPost, Path: "/robot/send", Query: "access_token=***",
				Robot: "ops", Status: 200,
				Code: tt.want.Code, Reason: tt.want.Text, Bytes: len(tt.body), Body: tt.body,
			}, b.Attempts()[0])
		})
	}
}

func TestRobotSendSecurity(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		robot sandbox.Robot
		query string
		body  string
		want  boxtest.Reply
	}{
		"keyword in text":        {sandbox.Robot{Keywords: []string{"build", "hell"}}, "", boxtest.Hello, boxtest.OK},
		"keyword absent":         {sandbox.Robot{Keywords: []string{"build"}}, "", boxtest.Hello, boxtest.Answer(310000, keywordText)},
		"keyword in other case":  {sandbox.Robot{Keywords: []string{"Hello"}}, "", boxtest.Hello, boxtest.Answer(310000, keywordText)},
		"keyword in a title":     {sandbox.Robot{Keywords: []string{"Night"}}, "", `{"msgtype":"markdown","markdown":{"title":"Nightly","text":"x"}}`, boxtest.OK},
		"keyword in a feed":      {sandbox.Robot{Keywords: []string{"Night"}}, "", `{"msgtype":"feedCard","feedCard":{"links":[{"title":"Nightly","messageURL":"u","picURL":"p"}]}}`, boxtest.OK},
		"keyword in a url":       {sandbox.Robot{Keywords: []string{"example"}}, "", `{"msgtype":"link","link":{"title":"a","text":"b","messageUrl":"https://example.com"}}`, boxtest.Answer(310000, keywordText)},
		"keyword before fields":  {sandbox.Robot{Keywords: []string{"build"}}, "", `{"msgtype":"text"}`, boxtest.Answer(310000, keywordText)},
		"keyword after JSON":     {sandbox.Robot{Keywords: []string{"build"}}, "", `{`, boxtest.Answer(40035, "缺少参数 json")},
		"sign right":             {sandbox.Robot{Secret: testSecret}, goodSign, boxtest.Hello, boxtest.OK},
		"sign absent":            {sandbox.Robot{Secret: testSecret}, "", boxtest.Hello, boxtest.Answer(310000, signText)},
		"sign without timestamp": {sandbox.Robot{Secret: testSecret}, "&sign=bCcJiIKqyObgdvB5UiIbViJlixojz9bQW5dnZbgLAd8%3D", boxtest.Hello, boxtest.Answer(310000, signText)},
		"sign of other time":     {sandbox.Robot{Secret: testSecret}, "&timestamp=1700000000001&sign=bCcJiIKqyObgdvB5UiIbViJlixojz9bQW5dnZbgLAd8%3D", boxtest.Hello, boxtest.Answer(310000, signText)},
		"sign encoded twice":     {sandbox.Robot{Secret: testSecret}, "&timestamp=1700000000000&sign=bCcJiIKqyObgdvB5UiIbViJlixojz9bQW5dnZbgLAd8%253D", boxtest.Hello, boxtest.Answer(310000, signText)},
		"sign with a slash":      {sandbox.Robot{Secret: testSecret}, "&timestamp=1700000000001&sign=fS6HQ%2F4Xgd%2FEWPxXQT9RfM%2B7GyEAtdaN4UYvZfr44KY%3D", boxtest.Hello, boxtest.OK},
		"plus sign not encoded":  {sandbox.Robot{Secret: testSecret}, "&timestamp=1700000000001&sign=fS6HQ/4Xgd/EWPxXQT9RfM+7GyEAtdaN4UYvZfr44KY=", boxtest.Hello, boxtest.Answer(310000, signText)},
		"timestamp in seconds":   {sandbox.Robot{Secret: testSecret}, "&timestamp=1700000000&sign=x", boxtest.Hello, boxtest.Answer(310000, "invalid timestamp")},
		"timestamp of letters":   {sandbox.Robot{Secret: testSecret}, "&timestamp=now&sign=x", boxtest.Hello, boxtest.Answer(310000, "invalid timestamp")},
		"sign before body":       {sandbox.Robot{Secret: testSecret}, "", "", boxtest.Answer(310000, signText)},
		"address listed":         {sandbox.Robot{IPs: []string{"10.0.0.1", "127.0.0.0/8"}}, "", boxtest.Hello, boxtest.OK},
		"address not listed":     {sandbox.Robot{IPs: []string{"10.0.0.1", "192.168.0.0/16"}}, "", boxtest.Hello, boxtest.Answer(310000, "ip 127.0.0.1 not in whitelist")},
		"all settings must hold": {sandbox.Robot{Keywords: []string{"build"}, Secret: testSecret, IPs: []string{"127.0.0.1"}}, goodSign, boxtest.Hello, boxtest.Answer(310000, keywordText)},
		"disabled":               {sandbox.Robot{Disabled: true}, "", boxtest.Hello, boxtest.Answer(400102, "机器人已停用")},
		"disbanded":              {sandbox.Robot{Disbanded: true}, "", boxtest.Hello, boxtest.Answer(400013, "群已被解散")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := boxtest.Start(t)
			tt.robot.Name = "ops"

			got := b.Post(t, b.AddRobot(tt.robot), tt.query, tt.body)

			assert.Equal(t, tt.want, got)
			assert.Len(t, b.Messages(sandbox.Filter{}), map[bool]int{true: 1, false: 0}[tt.want == boxtest.OK])
		})
	}
}

func TestSignedRequestsLiveOneHour(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.Robot{Name: "ops", Secret: testSecret})
	b.Clock.Advance(time.Hour)
	assert.Equal(t, boxtest.OK, b.Post(t, robot, goodSign, boxtest.Hello))
	b.Clock.Advance(time.Millisecond)
	assert.Equal(t, boxtest.Answer(310000, "invalid timestamp"), b.Post(t, robot, goodSign, boxtest.Hello))
	b.Clock.Advance(-2*time.Hour - 2*time.Millisecond)
	assert.Equal(t, boxtest.Answer(310000, "invalid timestamp"), b.Post(t, robot, goodSign, boxtest.Hello))
}

func TestRobotSendChecksTheRequest(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.DemoRobot("ops"))
	tests := map[string]struct {
		method, path, contentType, want string
	}{
		"unknown token":   {http.MethodPost, "/robot/send?access_token=" + strings.Repeat("0", 64), "application/json", `{"errcode":300005,"errmsg":"token is not exist"}`},
		"no token":        {http.MethodPost, "/robot/send", "application/json", `{"errcode":40035,"errmsg":"缺少参数 access_token"}`},
		"get":             {http.MethodGet, robot.WebhookPath(), "application/json", `{"errcode":43002,"errmsg":"需要POST请求"}`},
		"form":            {http.MethodPost, robot.WebhookPath(), "application/x-www-form-urlencoded", `{"errcode":43004,"errmsg":"无效的HTTP HEADER Content-Type"}`},
		"no content type": {http.MethodPost, robot.WebhookPath(), "", `{"errcode":43004,"errmsg":"无效的HTTP HEADER Content-Type"}`},
		"charset":         {http.MethodPost, robot.WebhookPath(), "Application/JSON ;charset=utf-8", `{"errcode":0,"errmsg":"ok"}`},
		"unknown path":    {http.MethodPost, "/robot/sent", "application/json", `{"errcode":404,"errmsg":"请求的URI地址不存在"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, got := b.Do(t, tt.method, tt.path, boxtest.Hello, "Content-Type", tt.contentType)
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestUnknownVersionedPathAnswersAsTheNewGeneration(t *testing.T) {
	t.Parallel()
	status, got := boxtest.Start(t).Do(t, http.MethodPost, "/v1.0/nothing/here", boxtest.Hello)
	assert.Equal(t, http.StatusNotFound, status)
	var envelope map[string]string
	require.NoError(t, json.Unmarshal([]byte(got), &envelope))
	assert.Equal(t, "InvalidAction.NotFound", envelope["code"])
	assert.NotEmpty(t, envelope["requestid"])
}

// The limit counts the bytes of the whole body, so a Chinese character is three.
func TestBodyLimitCountsBytes(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.DemoRobot("ops"))
	frame := len(`{"msgtype":"text","text":{"content":""}}`)
	body := func(bytes int) string {
		content := strings.Repeat("字", (bytes-frame)/3) + strings.Repeat("x", (bytes-frame)%3)
		return `{"msgtype":"text","text":{"content":"` + content + `"}}`
	}
	require.Len(t, body(20000), 20000)

	assert.Equal(t, boxtest.OK, b.Post(t, robot, "", body(20000)))
	tooLarge := boxtest.Answer(460101, "description: body 大小不合法;solution:请保持大小在 20000bytes 以内;")
	assert.Equal(t, tooLarge, b.Post(t, robot, "", body(20001)))
	assert.Equal(t, tooLarge, b.Post(t, robot, "", boxtest.Hello+strings.Repeat(" ", 20000)))

	attempts := b.Attempts()
	assert.Equal(t, 20001, attempts[1].Bytes)
	assert.Len(t, attempts[1].Body, 20000)
}

func TestRepeatedUUIDIsDropped(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot, other := b.AddRobot(sandbox.DemoRobot("ops")), b.AddRobot(sandbox.DemoRobot("other"))
	body := `{"msgtype":"text","msgUuid":"run-1","text":{"content":"x"}}`

	assert.Equal(t, boxtest.Answer(400202, missing("text --》 content")), b.Post(t, robot, "", `{"msgtype":"text","msgUuid":"run-1","text":{}}`))
	assert.Equal(t, boxtest.OK, b.Post(t, robot, "", body), "a refused message uses up no msgUuid")
	assert.Equal(t, boxtest.OK, b.Post(t, robot, "", body))
	assert.Equal(t, boxtest.OK, b.Post(t, other, "", body))
	assert.Len(t, b.Messages(sandbox.Filter{Robot: "ops"}), 1)
	assert.Len(t, b.Messages(sandbox.Filter{Robot: "other"}), 1)
	assert.True(t, b.Attempts()[2].Duplicate)
	assert.False(t, b.Attempts()[2].Refused())

	b.Clock.Advance(24 * time.Hour)
	assert.Equal(t, boxtest.OK, b.Post(t, robot, "", body))
	assert.Len(t, b.Messages(sandbox.Filter{Robot: "ops"}), 2)
}

// Whatever arrives, the answer is an envelope, and exactly what it calls ok is in
// the inbox.
func FuzzRobotSend(f *testing.F) {
	f.Add([]byte(boxtest.Hello))
	f.Add([]byte(`{"msgtype":"markdown","markdown":{"title":"T","text":"# x @u1"},"at":{"atUserIds":["u1",5],"isAtAll":false}}`))
	f.Add([]byte(`{"msgtype":"actionCard","actionCard":{"title":"T","text":"x","btns":[{"title":"A","actionURL":"u"}]},"msgUuid":"u"}`))
	f.Add([]byte(`{"msgtype":"feedCard","feedCard":{"links":[{"title":"A","messageURL":"u","picURL":"p"}, null]},"at":[]}`))
	s := sandbox.New(sandbox.Options{Rate: sandbox.Rate{PerMinute: -1}, Keep: 5})
	robot, err := s.AddRobot(sandbox.DemoRobot("ops"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s.Clear()
		rec := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, boxtest.Local+robot.WebhookPath(), strings.NewReader(string(body)))
		req.Header.Set("Content-Type", "application/json")
		s.ServeHTTP(rec, req)
		var got boxtest.Reply
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &got))
		require.NotEmpty(t, got.Text, strconv.Itoa(got.Code))
		duplicate := s.Attempts()[0].Duplicate
		require.Equal(t, got.Code == 0 && !duplicate, len(s.Messages(sandbox.Filter{})) == 1)
		for _, m := range s.Messages(sandbox.Filter{}) {
			require.NotEmpty(t, sandbox.PlainText(m))
		}
		page := httptest.NewRecorder()
		s.ServeHTTP(page, httptest.NewRequest(http.MethodGet, boxtest.Local+"/", nil))
		require.Equal(t, http.StatusOK, page.Code)
	})
}
