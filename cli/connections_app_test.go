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
