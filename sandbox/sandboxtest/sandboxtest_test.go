package sandboxtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func send(t *testing.T, url, text string) string {
	t.Helper()
	body := strings.NewReader(`{"msgtype":"text","text":{"content":"` + text + `"}}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(got)
}

func TestStart(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	robot := box.AddRobot(sandbox.DemoRobot("ops"))
	box.Fault(sandbox.Fault{Kind: sandbox.FaultBusy})

	assert.JSONEq(t, `{"errcode":-1,"errmsg":"系统繁忙"}`, send(t, box.WebhookURL(robot), "one"))
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok"}`, send(t, box.WebhookURL(robot), "two"))

	messages := box.WaitMessages(1)
	require.Len(t, messages, 1)
	assert.Equal(t, "two", messages[0].Content.Text)
}

func TestPathPrefix(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"/dingtalk/proxy", "dingtalk/proxy/"} {
		box := sandboxtest.Start(t, sandboxtest.WithPathPrefix(prefix))
		robot := box.AddRobot(sandbox.DemoRobot("ops"))
		assert.True(t, strings.HasSuffix(box.URL, "/dingtalk/proxy"))
		assert.JSONEq(t, `{"errcode":0,"errmsg":"ok"}`, send(t, box.WebhookURL(robot), "x"))
	}
	assert.NotContains(t, strings.TrimPrefix(sandboxtest.Start(t, sandboxtest.WithPathPrefix("/")).URL, "http://"), "/")
}

func TestWithOptions(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t, sandboxtest.WithOptions(sandbox.Options{Rate: sandbox.Rate{PerMinute: 1}}))
	robot := box.AddRobot(sandbox.DemoRobot("ops"))
	assert.Contains(t, send(t, box.WebhookURL(robot), "x"), `"errcode":0`)
	assert.Contains(t, send(t, box.WebhookURL(robot), "x"), `"errcode":660026`)
}

// Ids and titles have to be escaped, also behind a path prefix.
func TestAppCallsBehindAPrefix(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t, sandboxtest.WithPathPrefix("/ding"))
	app := box.Demo()
	box.AddDepartment(sandbox.Department{ID: 9, ParentID: 1, Name: "财务部"})
	user := box.AddUser(sandbox.User{Name: "x", Mobile: "139", Departments: []int{9}})
	node := box.AddWorkbook(sandbox.Workbook{
		WorkspaceID: box.Workspaces()[0].ID, Name: "w", Sheets: []sandbox.Sheet{{Name: "a/b 第一+?", Values: [][]any{{"here"}}}},
	})

	ask := func(method, path, body, token string) map[string]any {
		req, err := http.NewRequestWithContext(t.Context(), method, box.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Acs-Dingtalk-Access-Token", token)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		var out map[string]any
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
		return out
	}
	token, _ := ask(http.MethodPost, "/v1.0/oauth2/accessToken", `{"appKey":"`+app.AppKey+`","appSecret":"`+app.AppSecret+`"}`, "")["accessToken"].(string)
	got := ask(http.MethodGet, "/v1.0/doc/workbooks/"+node.ID+"/sheets/"+url.PathEscape("a/b 第一+?")+"/ranges/A1?select=values&operatorId="+user.UnionID, "", token)
	assert.Equal(t, map[string]any{"values": []any{[]any{"here"}}}, got)

	chat := box.AddChat(sandbox.Chat{Name: "g", Owner: user.UserID, Bots: []string{app.AppKey}})
	reply := box.OpenSession(sandbox.Session{AppKey: app.AppKey, Chat: chat.OpenConversationID, UserID: user.UserID})
	assert.Contains(t, reply, "/ding/robot/sendBySession?session=")
}
