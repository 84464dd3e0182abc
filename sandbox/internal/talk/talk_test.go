package talk_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
	"github.com/dingdag/dingdag/sandbox/internal/talk"
)

// address gives an app an address, and returns what it gets there.
func address(t *testing.T, answer func(r *http.Request, body string) string) (url string, got chan string) {
	t.Helper()
	got = make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- string(raw)
		_, _ = io.WriteString(w, answer(r, string(raw))) // an error is the sandbox's to notice
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// payload is what a bot got for what was said, with an address for messages.
func payload(t *testing.T, in sandbox.Say) (map[string]any, sandbox.Said) {
	t.Helper()
	o := boxtest.Open(t)
	url, got := address(t, func(*http.Request, string) string { return "" })
	o.App.MessageURL = url
	require.NoError(t, o.UpdateApp(o.App))
	team := o.TeamChat()
	if in.Conversation == "" {
		in.App = o.App.AppKey
	} else {
		in.Conversation = team.OpenConversationID
	}
	said, err := o.Server.Say(t.Context(), in)
	require.NoError(t, err)
	select {
	case body := <-got:
		return boxtest.Read[map[string]any](t, body), said
	default:
		return nil, said
	}
}

func TestSayTypes(t *testing.T) {
	t.Parallel()
	at := "@运维助手"
	tests := map[string]struct {
		in      sandbox.Say
		content map[string]any
	}{
		"picture":        {sandbox.Say{From: "user003", Type: "picture"}, map[string]any{"downloadCode": nil, "pictureDownloadCode": nil}},
		"file":           {sandbox.Say{From: "user003", Type: "file", FileName: "a.csv"}, map[string]any{"downloadCode": nil, "fileName": "a.csv"}},
		"audio":          {sandbox.Say{From: "user003", Type: "audio", Text: "状态", Duration: 1500}, map[string]any{"downloadCode": nil, "recognition": "状态", "duration": 1500.0}},
		"video":          {sandbox.Say{From: "user003", Type: "video", Duration: 1500}, map[string]any{"downloadCode": nil, "videoType": "mp4", "duration": 1500.0}},
		"rich text":      {sandbox.Say{From: "user003", Type: "richText", Parts: []sandbox.Part{{Text: "see"}}}, map[string]any{"richText": []any{map[string]any{"text": "see"}}}},
		"rich, in group": {sandbox.Say{From: "user003", Conversation: "x", Type: "richText", Parts: []sandbox.Part{{Text: at + " see"}}}, map[string]any{"richText": []any{map[string]any{"text": " see"}}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, said := payload(t, tt.in)
			require.NotNil(t, got, said.Note)
			assert.Equal(t, tt.in.Type, got["msgtype"])
			assert.Nil(t, got["text"])
			content, _ := got["content"].(map[string]any)
			for field, want := range tt.content {
				if want == nil {
					assert.NotEmpty(t, content[field], field)
					content[field] = nil
				}
			}
			assert.Equal(t, tt.content, content)
		})
	}
}

func TestWhoSays(t *testing.T) {
	t.Parallel()
	got, said := payload(t, sandbox.Say{From: "user001", Text: "help"})
	assert.Equal(t, "1", got["conversationType"])
	assert.Equal(t, said.Conversation, got["conversationId"])
	assert.Equal(t, map[string]any{"content": "help"}, got["text"])
	assert.Equal(t, true, got["isAdmin"])
	assert.Equal(t, "user001", got["senderStaffId"])
	assert.NotContains(t, got, "isInAtList")

	got, other := payload(t, sandbox.Say{Outsider: "Ann", Text: "help"})
	assert.NotContains(t, got, "senderStaffId")
	assert.NotContains(t, got, "senderCorpId")
	assert.Equal(t, "Ann", got["senderNick"])
	assert.NotEqual(t, said.Conversation, other.Conversation)

	got, _ = payload(t, sandbox.Say{From: "user003", OverQuota: true})
	assert.Equal(t, "20001", got["errorCode"])
	assert.NotContains(t, got, "text")
}

func TestGroupsKeepMessagesFromBots(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]sandbox.Say{
		"no mention":      {From: "user003", Conversation: "x", Text: "status"},
		"another mention": {From: "user003", Conversation: "x", Text: "@somebody status"},
		"file":            {From: "user003", Conversation: "x", Type: "file", FileName: "@运维助手.csv", Text: "@运维助手"},
		"audio":           {From: "user003", Conversation: "x", Type: "audio", Text: "@运维助手 status"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, said := payload(t, in)
			assert.Nil(t, got)
			assert.Empty(t, said.Via)
			assert.NotEmpty(t, said.Note)
		})
	}
}

// Each bot of a group that a message mentions gets it, without the mentions; of names that begin alike the longest counts.
func TestSeveralBotsAreMentioned(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	second := sandbox.DemoApp("运维")
	second.NoStream = true
	require.NoError(t, o.Server.AddApp(second))
	url, got := address(t, func(*http.Request, string) string { return `{"msgtype":"text","text":{"content":"pong"}}` })
	third := sandbox.DemoApp("third")
	third.MessageURL = url
	require.NoError(t, o.Server.AddApp(third))
	team := o.AddChat(sandbox.Chat{Name: "several", Owner: "user003", Members: []string{"user003"}, Bots: []string{second.AppKey, o.App.AppKey, third.AppKey}})
	say := func(text string) sandbox.Said {
		said, err := o.Server.Say(t.Context(), sandbox.Say{From: "user003", Conversation: team.OpenConversationID, Text: text})
		require.NoError(t, err)
		return said
	}
	one := say("@运维助手 status")
	assert.Equal(t, o.App.AppKey, one.App)
	assert.Empty(t, one.Others)

	all := say("@运维助手 @third @运维 status")
	assert.Equal(t, second.AppKey, all.App)
	assert.NotEmpty(t, all.Note)
	require.Len(t, all.Others, 2)
	assert.Equal(t, o.App.AppKey, all.Others[0].App)
	assert.Equal(t, talk.ViaStream, all.Others[0].Via)
	assert.NotZero(t, all.Others[0].Delivery)
	assert.Equal(t, third.AppKey, all.Others[1].App)
	assert.Equal(t, talk.ViaHTTP, all.Others[1].Via)
	assert.Equal(t, http.StatusOK, all.Others[1].Status)
	assert.NotZero(t, all.Others[1].Reply)
	body := boxtest.Read[map[string]any](t, <-got)
	assert.Equal(t, all.ID, body["msgId"])
	assert.Equal(t, map[string]any{"content": "   status"}, body["text"])
	assert.Equal(t, third.AppKey, body["robotCode"])
	assert.Len(t, body["atUsers"], 3)
}

func TestSayRefuses(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	team := o.TeamChat()
	empty := o.AddChat(sandbox.Chat{Name: "no bots", Owner: "user003"})
	for name, in := range map[string]sandbox.Say{
		"nobody":           {App: o.App.AppKey, Text: "x"},
		"two":              {App: o.App.AppKey, Text: "x", From: "user003", Outsider: "Ann"},
		"unknown person":   {App: o.App.AppKey, Text: "x", From: "user099"},
		"unknown app":      {App: "x", Text: "x", From: "user003"},
		"unknown group":    {Conversation: "cidx", Text: "x", From: "user003"},
		"no member":        {Conversation: team.OpenConversationID, Text: "x", From: "user001"},
		"bot not in group": {Conversation: empty.OpenConversationID, App: o.App.AppKey, Text: "x", From: "user003"},
		"no receiver":      {Text: "x", From: "user003"},
		"no text":          {App: o.App.AppKey, From: "user003"},
		"no parts":         {App: o.App.AppKey, From: "user003", Type: "richText"},
		"no name":          {App: o.App.AppKey, From: "user003", Type: "file"},
		"unknown type":     {App: o.App.AppKey, From: "user003", Type: "sticker"},
	} {
		_, err := o.Server.Say(t.Context(), in)
		require.Error(t, err, name)
	}
	assert.Empty(t, o.Said())
}

func TestMessagesOverHTTP(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	answer := `{"msgtype":"text","text":{"content":"pong"}}`
	url, got := address(t, func(r *http.Request, _ string) string {
		assert.Equal(t, "1700000000000", r.Header.Get("timestamp"))
		assert.Equal(t, talk.Sign(o.App.AppSecret, "1700000000000"), r.Header.Get("sign"))
		return answer
	})
	o.App.MessageURL = url
	require.NoError(t, o.UpdateApp(o.App))
	said := o.Say("user003", o.App.AppKey, "ping")
	assert.Equal(t, talk.ViaHTTP, said.Via)
	body := boxtest.Read[map[string]any](t, <-got)
	webhook, _ := body["sessionWebhook"].(string)
	assert.True(t, strings.HasPrefix(webhook, o.URL+"/robot/sendBySession?session="), webhook)
	answers := o.WaitAnswers(said, 1)
	assert.Equal(t, "pong", answers[0].Content.Text)
	assert.Equal(t, said.Reply, answers[0].ID)
	assert.Equal(t, []string{"user003"}, answers[0].To)

	o.App.Unpublished = true
	require.NoError(t, o.UpdateApp(o.App))
	o.Say("user003", o.App.AppKey, "ping")
	assert.NotContains(t, boxtest.Read[map[string]any](t, <-got), "senderStaffId", "the app is not published")

	for _, tt := range []struct{ answer, note string }{
		{`{"msgtype":"empty"}`, ""},
		{``, ""},
		{`{}`, ""},
		{`oops`, "no JSON object"},
		{`{"msgtype":"text"}`, "no message"},
	} {
		answer = tt.answer
		said := o.Say("user003", o.App.AppKey, "ping")
		<-got
		assert.Zero(t, said.Reply, tt.answer)
		if tt.note == "" {
			assert.Empty(t, said.Note, tt.answer)
		} else {
			assert.Contains(t, said.Note, tt.note)
		}
	}
	o.App.MessageURL = "http://127.0.0.1:1"
	require.NoError(t, o.UpdateApp(o.App))
	assert.NotEmpty(t, o.Say("user003", o.App.AppKey, "ping").Note)
}

// The test vectors of the protocol.
func TestSeal(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "m+z+mEC1i0Yjl/Aw0bx4oW/d2N2yJVwOXC0dBmBAufA=", talk.Sign("app-secret-1", "1700000000000"))
	k := talk.Seal{Token: "tok123", AESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE", Owner: "dingsamplekey"}
	for message, want := range map[string][2]string{
		"success": {
			"Q3stYC6hdFzMh9T8HCvyDDVB8nYie0nnKONkIDibUiTEcoD21sknGbN6YLEQ7hKPwGWPU98zFU5VAYg8tKFd2A==",
			"317701aa6382e4e536ecd4a6682b8acf12bd203b",
		},
		`{"EventType":"check_url"}`: {
			"Q3stYC6hdFzMh9T8HCvyDLV8JeomtQuxZLosYEI28mjzSD5UpK2hp0QUc4H6M/N5ABAKHUwqC0KzI1ru8+XUEw==",
			"3376dd47f683a2e13b0b74da13be30110822e228",
		},
	} {
		encrypted, err := k.Encrypt("0123456789abcdef", message)
		require.NoError(t, err)
		assert.Equal(t, want[0], encrypted)
		assert.Equal(t, want[1], k.Signature("1700000000000", "abc12345", encrypted))
		plain, err := k.Decrypt(encrypted)
		require.NoError(t, err)
		assert.Equal(t, message, plain)
	}
	sealed, err := k.Encrypt("0123456789abcdef", "success")
	require.NoError(t, err)
	for name, bad := range map[string]struct {
		key  talk.Seal
		text string
	}{
		"owner":   {talk.Seal{AESKey: k.AESKey, Owner: "other"}, sealed},
		"key":     {talk.Seal{AESKey: "short"}, sealed},
		"base64":  {k, "!"},
		"blocks":  {k, "AAAA"},
		"padding": {k, strings.Repeat("A", 86) + "=="},
	} {
		_, err := bad.key.Decrypt(bad.text)
		require.Error(t, err, name)
	}
}

func TestEventsOverHTTP(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	k := talk.Seal{Token: "tok123", AESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE", Owner: o.App.AppKey}
	message, owner := "success", k
	url, got := address(t, func(r *http.Request, body string) string {
		q := r.URL.Query()
		encrypted := boxtest.Read[map[string]string](t, body)["encrypt"]
		assert.Equal(t, k.Signature(q.Get("timestamp"), q.Get("nonce"), encrypted), q.Get("msg_signature"))
		assert.Equal(t, "x", q.Get("own"))
		answer, err := owner.Encrypt("0123456789abcdef", message)
		assert.NoError(t, err)
		out, err := json.Marshal(map[string]string{"msg_signature": owner.Signature("1", "n", answer), "timeStamp": "1", "nonce": "n", "encrypt": answer})
		assert.NoError(t, err)
		return string(out)
	})
	o.App.EventURL, o.App.EventToken, o.App.EventAESKey = url+"/events?own=x", k.Token, k.AESKey
	require.NoError(t, o.UpdateApp(o.App))
	plain := func() string {
		out, err := k.Decrypt(boxtest.Read[map[string]string](t, <-got)["encrypt"])
		require.NoError(t, err)
		return out
	}
	happen := func(kind, data string) sandbox.Happening {
		events, err := o.Happen(t.Context(), sandbox.Happen{App: o.App.AppKey, Type: kind, Data: json.RawMessage(data)})
		require.NoError(t, err)
		require.Len(t, events, 1)
		return events[0]
	}
	e := happen("check_url", "")
	assert.True(t, e.Taken, e.Note)
	assert.JSONEq(t, `{"EventType":"check_url"}`, plain())
	e = happen("user_add_org", `{"UserId":["user013"]}`)
	assert.True(t, e.Taken, e.Note)
	assert.JSONEq(t, `{"EventType":"user_add_org","CorpId":"dingdemocorp","TimeStamp":"1700000000000","UserId":["user013"]}`, plain())
	message = "failure"
	assert.Contains(t, happen("user_add_org", "").Note, "not success")
	message, owner.Owner = "success", "other"
	assert.Contains(t, happen("user_add_org", "").Note, "owner")
	owner = k
	owner.Token = "other"
	assert.Contains(t, happen("user_add_org", "").Note, "signature")

	_, err := o.Happen(t.Context(), sandbox.Happen{App: "x", Type: "user_add_org"})
	require.ErrorIs(t, err, sandbox.ErrNotFound)
	_, err = o.Happen(t.Context(), sandbox.Happen{Type: "user_add_org", Data: json.RawMessage(`[]`)})
	require.Error(t, err)
	_, err = o.Happen(t.Context(), sandbox.Happen{})
	require.Error(t, err)
	for _, change := range []func(*sandbox.App){
		func(a *sandbox.App) { a.EventAESKey = "short" }, func(a *sandbox.App) { a.EventURL = "ftp://x" }, func(a *sandbox.App) { a.MessageURL = "x" },
	} {
		app := o.App
		change(&app)
		require.Error(t, o.UpdateApp(app))
	}
}

func TestBotsAreToldOfNeitherEditsNorRecalls(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	said := o.Say("user003", o.App.AppKey, "hello")
	status, _ := o.Do(t, http.MethodPut, "/sandbox/api/said/"+said.ID, `{"text":"changed"}`)
	assert.Equal(t, http.StatusOK, status)
	status, _ = o.Do(t, http.MethodDelete, "/sandbox/api/said/"+said.ID, "")
	assert.Equal(t, http.StatusOK, status)
	status, _ = o.Do(t, http.MethodDelete, "/sandbox/api/said/x", "")
	assert.Equal(t, http.StatusNotFound, status)
	got := o.Said()[0]
	assert.Equal(t, "changed", got.Text)
	assert.True(t, got.Edited && got.Recalled)
	assert.Len(t, o.Deliveries(), 1)
}

func TestSayAPI(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	status, got := o.Do(t, http.MethodPost, "/sandbox/api/said", `{"from":"user003","app":"`+o.App.AppKey+`","text":"hello"}`)
	require.Equal(t, http.StatusOK, status, got)
	assert.Equal(t, "stream", boxtest.Read[sandbox.Said](t, got).Via)
	_, list := o.Do(t, http.MethodGet, "/sandbox/api/said", "")
	assert.JSONEq(t, `{"said":[`+got+`]}`, list)
	status, got = o.Do(t, http.MethodPost, "/sandbox/api/happenings", `{"type":"user_add_org","data":{"userId":["x"]}}`)
	require.Equal(t, http.StatusOK, status, got)
	assert.Len(t, boxtest.Read[[]sandbox.Happening](t, got), 1)
	assert.Len(t, o.Deliveries(), 2)
	o.App.NoStream = true
	require.NoError(t, o.UpdateApp(o.App))
	assert.Contains(t, o.Say("user003", o.App.AppKey, "hello").Note, "stream mode")
	assert.Len(t, o.Deliveries(), 2)
}

// What came with a message is there for the bot that got it, by the code in the message.
func TestFilesOfMessages(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	url, got := address(t, func(*http.Request, string) string { return "" })
	o.App.MessageURL = url
	require.NoError(t, o.UpdateApp(o.App))
	other := o.AddApp(sandbox.App{Name: "other", AppKey: "dingother", AppSecret: "s"})
	send := func(in sandbox.Say) map[string]any {
		in.From, in.App = "user003", o.App.AppKey
		_, err := o.Server.Say(t.Context(), in)
		require.NoError(t, err)
		return boxtest.Read[map[string]any](t, <-got)["content"].(map[string]any)
	}
	const call = "/v1.0/robot/messageFiles/download"
	body := func(code any, robot string) string {
		return boxtest.Encoded(t, map[string]any{"downloadCode": code, "robotCode": robot})
	}
	fetch := func(code any) (content string, header http.Header) {
		t.Helper()
		at := boxtest.Read[map[string]string](t, o.Modern(t, http.StatusOK, http.MethodPost, call, body(code, o.App.AppKey)))["downloadUrl"]
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, http.NoBody)
		require.NoError(t, err)
		answer, err := o.Client.Do(req)
		require.NoError(t, err)
		defer answer.Body.Close()
		raw, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, answer.StatusCode)
		return string(raw), answer.Header
	}
	report := send(sandbox.Say{Type: "file", FileName: "日报.csv", Content: []byte("a,b\n1,2\n")})
	content, header := fetch(report["downloadCode"])
	assert.Equal(t, "a,b\n1,2\n", content)
	assert.Equal(t, "application/octet-stream", header.Get("Content-Type"))
	assert.Equal(t, "attachment; filename*=utf-8''%E6%97%A5%E6%8A%A5.csv", header.Get("Content-Disposition"))
	picture := send(sandbox.Say{Type: "picture", Content: []byte("\x89PNG")})
	content, _ = fetch(picture["downloadCode"])
	assert.Equal(t, "\x89PNG", content)
	rich := send(sandbox.Say{Type: "richText", Parts: []sandbox.Part{{Text: "看"}, {Picture: true, Content: []byte("one")}, {Picture: true, Content: []byte("two")}}})
	for i, want := range []string{"one", "two"} {
		content, _ = fetch(rich["richText"].([]any)[i+1].(map[string]any)["downloadCode"])
		assert.Equal(t, want, content)
	}

	for name, tt := range map[string]struct{ body, code string }{
		"another code":     {body("nothing", o.App.AppKey), "invalidParameter.param.invalid"},
		"empty code":       {body("", o.App.AppKey), "invalidParameter.param.invalid"},
		"for previews":     {body(picture["pictureDownloadCode"], o.App.AppKey), "invalidParameter.param.invalid"},
		"code is a number": {body(7, o.App.AppKey), "invalidParameter.param.invalid"},
		"no code":          {`{"robotCode":"x"}`, "MissingdownloadCode"},
		"no bot":           {`{"downloadCode":"x"}`, "MissingrobotCode"},
		"empty bot":        {body(report["downloadCode"], ""), "invalidParameter.robotCode.empty"},
		"unknown bot":      {body(report["downloadCode"], "dingnobody"), "resource.not.found"},
		"another's bot":    {body(report["downloadCode"], other.AppKey), "invalidParameter.robotCode.auth"},
	} {
		assert.Contains(t, o.Modern(t, http.StatusBadRequest, http.MethodPost, call, tt.body), `"`+tt.code+`"`, name)
	}
	status, _ := o.Do(t, http.MethodGet, "/sandbox/files/nothing", "")
	assert.Equal(t, http.StatusNotFound, status)
}
