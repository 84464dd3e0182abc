package boxtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
)

// Office is a sandbox with the demo organisation and an app that has a token.
type Office struct {
	*Bench
	App   sandbox.App
	Token string
}

// Open starts an office that ends with the test.
func Open(t *testing.T) *Office {
	t.Helper()
	b := Start(t)
	b.Seed(sandbox.DemoOrganisation())
	o := &Office{Bench: b, App: b.DemoApp(t)}
	require.NoError(t, b.SetQPS(o.App.AppKey, -1))
	o.Token, _ = b.NewToken(t, o.App)
	return o
}

// Legacy makes a call of oapi.dingtalk.com and returns the answer without its request id.
func (o *Office) Legacy(t *testing.T, path, body string) string {
	t.Helper()
	status, got := o.Do(t, http.MethodPost, path+"?access_token="+o.Token, body)
	require.Equal(t, http.StatusOK, status, got)
	return WithoutID(t, got)
}

// Modern makes a call of api.dingtalk.com and wants a status.
func (o *Office) Modern(t *testing.T, want int, method, path, body string) string {
	t.Helper()
	status, got := o.Do(t, method, path, body, "x-acs-dingtalk-access-token", o.Token)
	require.Equal(t, want, status, got)
	return WithoutID(t, got)
}

// Read makes a call that must work and decodes its answer.
func Read[T any](t *testing.T, body string) T {
	t.Helper()
	var out T
	require.NoError(t, json.Unmarshal([]byte(body), &out), body)
	return out
}

// Wrapped is the answer of an old call to what the gateway refuses.
func Wrapped(code, text string) string {
	return `{"errcode":88,"sub_code":"` + code + `","sub_msg":"` + text + `","errmsg":"ding talk error[subcode=` + code + `,submsg=` + text + `]"}`
}

// TeamChat is a group with the app's bot in it.
func (o *Office) TeamChat() sandbox.Chat {
	return o.AddChat(sandbox.Chat{Name: "平台组", Owner: "user003", Members: []string{"user003", "user004", "user005"}, Bots: []string{o.App.AppKey}})
}

// Encoded is JSON text inside JSON.
func Encoded(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}

// SendToGroup sends a message of the bot to a group and wants a status.
func (o *Office) SendToGroup(t *testing.T, want int, c sandbox.Chat, key string, param map[string]string) string {
	t.Helper()
	return o.Modern(t, want, http.MethodPost, "/v1.0/robot/groupMessages/send", Encoded(t, map[string]any{
		"robotCode": o.App.AppKey, "openConversationId": c.OpenConversationID, "msgKey": key, "msgParam": Encoded(t, param),
	}))
}

// SentKey is the answer to a message of the bot.
type SentKey struct {
	Key string `json:"processQueryKey"`
}

// Upload sends a file as a form with the type in both places.
func (o *Office) Upload(t *testing.T, queryType, formType, name, content string) string {
	t.Helper()
	const edge = "xxEDGExx"
	body := "--" + edge + "\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\n" + formType +
		"\r\n--" + edge + "\r\nContent-Disposition: form-data; name=\"media\"; filename=\"" + name + "\"\r\nContent-Type: image/png\r\n\r\n" + content +
		"\r\n--" + edge + "--\r\n"
	_, got := o.Do(t, http.MethodPost, "/media/upload?access_token="+o.Token+"&type="+queryType, body, "Content-Type", "multipart/form-data; boundary="+edge)
	return got
}

// NoticePath begins the paths of calls for work notices.
const NoticePath = "/topapi/message/corpconversation/"

// Notify sends a work notice; to is the fields that name receivers.
func (o *Office) Notify(t *testing.T, to, msg string) (taskID int64, code int) {
	t.Helper()
	got := Read[struct {
		Code   int   `json:"errcode"`
		TaskID int64 `json:"task_id"`
	}](t, o.Legacy(t, NoticePath+"asyncsend_v2", fmt.Sprintf(`{"agent_id":%d,%s,"msg":%s}`, o.App.AgentID, to, msg)))
	return got.TaskID, got.Code
}

// AskNotice makes one of the calls for a notice.
func (o *Office) AskNotice(t *testing.T, call, field string, taskID int64) string {
	t.Helper()
	return o.Legacy(t, NoticePath+call, fmt.Sprintf(`{"agent_id":%d,"%s":%d}`, o.App.AgentID, field, taskID))
}

// TextNotice is a work notice of a text.
func TextNotice(text string) string { return `{"msgtype":"text","text":{"content":"` + text + `"}}` }

// ZhangSan is the query of calls that the first user of the demo organisation makes.
const ZhangSan = "operatorId=union001iE"

// BookPath is the path of the demo workbook.
const BookPath = "/v1.0/doc/workbooks/" + sandbox.DemoWorkbookID

// SheetCall makes a call below a worksheet of the demo workbook.
func (o *Office) SheetCall(t *testing.T, want int, method, sheet, path, body string) string {
	t.Helper()
	return o.Modern(t, want, method, BookPath+"/sheets/"+url.PathEscape(sheet)+path+"?"+ZhangSan, body)
}

// Worksheets are those of the demo workbook.
func (o *Office) Worksheets(t *testing.T) []sandbox.Sheet {
	t.Helper()
	out, err := o.Sheets(sandbox.DemoWorkbookID)
	require.NoError(t, err)
	return out
}

// DemoApp adds an app to the sandbox.
func (b *Bench) DemoApp(t *testing.T) sandbox.App {
	t.Helper()
	return b.AddApp(sandbox.DemoApp("运维助手"))
}

// LegacyToken gets a token of oapi.dingtalk.com, and how many seconds it lives.
func (b *Bench) LegacyToken(t *testing.T, app sandbox.App) (token string, life int) {
	t.Helper()
	status, got := b.Do(t, http.MethodGet, "/gettoken?appkey="+app.AppKey+"&appsecret="+app.AppSecret, "")
	require.Equal(t, http.StatusOK, status, got)
	var out struct {
		Code  int    `json:"errcode"`
		Token string `json:"access_token"`
		Life  int    `json:"expires_in"`
	}
	require.NoError(t, json.Unmarshal([]byte(got), &out))
	require.Zero(t, out.Code, got)
	return out.Token, out.Life
}

// NewToken gets a token of api.dingtalk.com, and how many seconds it lives.
func (b *Bench) NewToken(t *testing.T, app sandbox.App) (token string, life int) {
	t.Helper()
	status, got := b.Do(t, http.MethodPost, "/v1.0/oauth2/accessToken", `{"appKey":"`+app.AppKey+`","appSecret":"`+app.AppSecret+`"}`)
	require.Equal(t, http.StatusOK, status, got)
	var out struct {
		Token string `json:"accessToken"`
		Life  int    `json:"expireIn"`
	}
	require.NoError(t, json.Unmarshal([]byte(got), &out))
	return out.Token, out.Life
}

// WithoutID takes the request id out of an answer, after making sure that there is
// one where there must be.
func WithoutID(t *testing.T, body string) string {
	t.Helper()
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &got), body)
	if _, modern := got["code"]; modern {
		assert.NotEmpty(t, got["requestid"])
	}
	delete(got, "requestid")
	delete(got, "request_id")
	out, err := json.Marshal(got)
	require.NoError(t, err)
	return string(out)
}

// A call of each generation that needs no more than a token.
const (
	CountPath  = "/topapi/user/count"
	SearchPath = "/v1.0/contact/users/search"
	CountBody  = `{"only_active":true}`
	SearchBody = `{"queryWord":"张","offset":0,"size":10}`
)
