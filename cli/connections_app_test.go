package cli_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// connections test tells apart what is wrong with an app's connection, and says what to do.
func TestConnectionsTestOfAnApp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(app *sandbox.App, secret *string)
		code   int
		want   []string
	}{
		"works":             {func(*sandbox.App, *string) {}, 0, []string{"connection dingtalk_default works\n", "ok       read members"}},
		"wrong credentials": {func(_ *sandbox.App, secret *string) { *secret = "another-secret" }, 1, []string{"does not work", "40096"}},
		"missing scope":     {func(app *sandbox.App, _ *string) { app.Scopes = []string{"qyapi_get_member"} }, 0, []string{"works, but lacks scopes", "missing  send bot messages (qyapi_robot_sendmsg)", "ok       read members"}},
		"address":           {func(app *sandbox.App, _ *string) { app.IPs = []string{"203.0.113.1"} }, 1, []string{"does not work", "127.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box := sandboxtest.Start(t)
			app := sandbox.DemoApp("test")
			secret := app.AppSecret
			c.change(&app, &secret)
			box.AddApp(app)
			conn, err := json.Marshal(map[string]any{"conn_type": "dingtalk", "host": box.URL, "login": app.AppKey, "password": secret})
			require.NoError(t, err)
			env := map[string]string{"DINGDAG_HOME": t.TempDir(), "DINGDAG_CONN_DINGTALK_DEFAULT": string(conn)}
			var out bytes.Buffer
			code := cli.Run(t.Context(), []string{"connections", "test", "dingtalk_default"}, cli.IO{
				In: strings.NewReader(""), Out: &out, Err: &out,
				LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
			}, cli.Extensions{})
			assert.Equal(t, c.code, code)
			for _, w := range c.want {
				assert.Contains(t, out.String(), w)
			}
			assert.NotContains(t, out.String(), secret)
		})
	}
}

// testConnection runs connections test for an id and returns what it printed.
func testConnection(t *testing.T, id string, conn map[string]any) (code int, out string) {
	t.Helper()
	data, err := json.Marshal(conn)
	require.NoError(t, err)
	env := map[string]string{"DINGDAG_HOME": t.TempDir(), "DINGDAG_CONN_" + strings.ToUpper(id): string(data)}
	var b bytes.Buffer
	code = cli.Run(t.Context(), []string{"connections", "test", id}, cli.IO{
		In: strings.NewReader(""), Out: &b, Err: &b,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}, cli.Extensions{})
	return code, b.String()
}

// With stream, connections test opens a stream, and says what the application lacks for it.
func TestConnectionsTestOpensAStream(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*sandboxtest.Sandbox, *sandbox.App)
		extra  any
		code   int
		want   []string
		opened int
	}{
		"works":      {nil, map[string]any{"stream": true}, 0, []string{"connection office works\n", "ok       connect in stream mode"}, 1},
		"not wanted": {nil, map[string]any{"stream": false}, 0, []string{"connection office works\n"}, 0},
		"not published": {
			func(_ *sandboxtest.Sandbox, a *sandbox.App) { a.Unpublished = true },
			map[string]any{"stream": true},
			1,
			[]string{"does not work", "refused  connect in stream mode: appNotPublished", "publish the app: developer console, the app, Version Management"},
			1,
		},
		"stream not chosen": {
			func(_ *sandboxtest.Sandbox, a *sandbox.App) { a.NoStream = true },
			map[string]any{"stream": true},
			1,
			[]string{"does not work", "refused  connect in stream mode: streamModeNotEnabled", "choose stream mode", "Message Receiving Mode, Stream"},
			1,
		},
		"address": {
			func(_ *sandboxtest.Sandbox, a *sandbox.App) { a.IPs = []string{"203.0.113.1"} },
			map[string]any{"stream": true},
			1,
			[]string{"does not work", "let the app call from 127.0.0.1"},
			0,
		},
		"the ticket does not open": {
			func(s *sandboxtest.Sandbox, _ *sandbox.App) {
				s.StreamFault(sandbox.StreamFault{Kind: sandbox.FaultTicketUsed})
			},
			map[string]any{"stream": true},
			1,
			[]string{"does not work", "connect in stream mode: the gateway did not take the ticket"},
			1,
		},
		"a value that is wrong": {
			nil,
			map[string]any{"stream": "sometimes", "conversation_id": "chat1"},
			1,
			[]string{"office", "extra.stream must be true or false", "extra.conversation_id must be an openConversationId"},
			0,
		},
		"a key that is misspelt": {nil, map[string]any{"streams": true}, 0, []string{`did you mean "stream"?`}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box := sandboxtest.Start(t)
			app := sandbox.DemoApp("test")
			if c.change != nil {
				c.change(box, &app)
			}
			box.AddApp(app)
			code, out := testConnection(t, "office", map[string]any{
				"conn_type": "dingtalk", "host": box.URL, "login": app.AppKey, "password": app.AppSecret, "extra": c.extra,
			})
			assert.Equal(t, c.code, code, out)
			for _, w := range c.want {
				assert.Contains(t, out, w)
			}
			assert.NotContains(t, out, app.AppSecret)
			opened := 0
			for _, a := range box.Attempts() {
				if a.Call == "stream.open" {
					opened++
				}
			}
			assert.Equal(t, c.opened, opened)
		})
	}
}

// The troubleshooting entries of the seed: each leads to connections test, which says what is wrong.
func TestSeedWebhookIsNotSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		robot  sandbox.Robot
		change func(address string) string
		want   []string
	}{
		"keyword":         {sandbox.Robot{Keywords: []string{"alert"}}, nil, []string{"310000", "Security Settings", "--message"}},
		"signature":       {sandbox.Robot{Secret: "SEC0123456789"}, nil, []string{"310000", "Additional Signature"}},
		"address":         {sandbox.Robot{IPs: []string{"203.0.113.1"}}, nil, []string{"310000", "127.0.0.1", "IP Address"}},
		"token cut off":   {sandbox.Robot{}, func(a string) string { return a[:len(a)-1] }, []string{"300005", "copy the token"}},
		"no token at all": {sandbox.Robot{}, func(a string) string { return strings.SplitN(a, "?", 2)[0] }, []string{"has no access_token"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box := sandboxtest.Start(t)
			c.robot.Name = "ops"
			address := box.WebhookURL(box.AddRobot(c.robot))
			if c.change != nil {
				address = c.change(address)
			}
			code, out := testConnection(t, "ops", map[string]any{"conn_type": "dingding", "password": address})
			assert.Equal(t, 1, code, out)
			for _, w := range c.want {
				assert.Contains(t, out, w)
			}
			assert.NotContains(t, out, strings.TrimPrefix(address, box.URL))
		})
	}
}

func TestSeedCannotAuthenticate(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	app := box.AddApp(sandbox.DemoApp("test"))
	for name, c := range map[string]struct {
		login, password string
		want            []string
	}{
		"another secret": {app.AppKey, "another-secret", []string{"40096", "check AppKey and AppSecret of the application in DingTalk's developer console"}},
		"another key":    {"dingother", app.AppSecret, []string{"40096", "check AppKey and AppSecret"}},
		"no secret":      {app.AppKey, "", []string{"put the AppSecret of the app there"}},
	} {
		code, out := testConnection(t, "office", map[string]any{
			"conn_type": "dingtalk", "host": box.URL, "login": c.login, "password": c.password, "extra": map[string]any{"stream": true},
		})
		assert.Equal(t, 1, code, name)
		for _, w := range c.want {
			assert.Contains(t, out, w, name)
		}
	}
}

// A token that ended is replaced by itself; when that fails, the test says why.
func TestSeedTokenIsNotRefreshed(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	app := box.AddApp(sandbox.DemoApp("test"))
	conn := map[string]any{"conn_type": "dingtalk", "host": box.URL, "login": app.AppKey, "password": app.AppSecret}
	code, out := testConnection(t, "office", conn)
	require.Zero(t, code, out)
	box.ExpireTokens(app.AppKey)
	code, out = testConnection(t, "office", conn)
	require.Zero(t, code, out)
	assert.Contains(t, out, "ok       legacy token")
	assert.Contains(t, out, "ok       new token")

	app.AppSecret = "reset-in-the-console"
	require.NoError(t, box.UpdateApp(app))
	box.ExpireTokens(app.AppKey)
	code, out = testConnection(t, "office", conn)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "legacy token: 40096")
	assert.Contains(t, out, "check AppKey and AppSecret of the application")
}
