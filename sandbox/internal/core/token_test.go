package core_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

// Clients that name the organisation get the same token.
func TestTokenOfAnOrganisation(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	want, _ := o.NewToken(t, o.App)
	for name, tt := range map[string]struct {
		corp, body string
		status     int
		want       string
	}{
		"works":         {"dingdemocorp", `{"client_id":"` + o.App.AppKey + `","client_secret":"` + o.App.AppSecret + `","grant_type":"client_credentials"}`, 200, `{"access_token":"` + want + `","expires_in":7200}`},
		"other company": {"dingother", `{"client_id":"` + o.App.AppKey + `","client_secret":"` + o.App.AppSecret + `","grant_type":"client_credentials"}`, 400, "unauthorized.client"},
		"wrong secret":  {"dingdemocorp", `{"client_id":"` + o.App.AppKey + `","client_secret":"x","grant_type":"client_credentials"}`, 400, "invalid.client"},
		"wrong grant":   {"dingdemocorp", `{"client_id":"` + o.App.AppKey + `","client_secret":"x","grant_type":"code"}`, 400, "unsupported.grant.type"},
		"no grant":      {"dingdemocorp", `{"client_id":"` + o.App.AppKey + `","client_secret":"x"}`, 400, "Missinggrant_type"},
		"no body":       {"dingdemocorp", ``, 400, "Missingbody"},
	} {
		status, got := o.Do(t, http.MethodPost, "/v1.0/oauth2/"+tt.corp+"/token", tt.body)
		assert.Equal(t, tt.status, status, name)
		assert.Contains(t, got, tt.want, name)
	}
	assert.Empty(t, o.Attempts()[len(o.Attempts())-1].Body, "it holds a secret")
}

func TestTokensStayTheSame(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	app := b.DemoApp(t)
	legacy, life := b.LegacyToken(t, app)
	assert.Equal(t, 7200, life)
	modern, life := b.NewToken(t, app)
	assert.Equal(t, 7200, life)
	assert.NotEqual(t, legacy, modern)

	b.Clock.Advance(time.Hour)
	again, life := b.LegacyToken(t, app)
	assert.Equal(t, legacy, again)
	assert.Equal(t, 7200, life, "asking makes its life longer")
	again, life = b.NewToken(t, app)
	assert.Equal(t, modern, again)
	assert.Equal(t, 3600, life)

	b.Clock.Advance(time.Hour)
	again, _ = b.LegacyToken(t, app)
	assert.Equal(t, legacy, again, "its life is longer by the hour")
	again, _ = b.NewToken(t, app)
	assert.NotEqual(t, modern, again)
}

func TestExpireTokens(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	app := b.DemoApp(t)
	legacy, _ := b.LegacyToken(t, app)
	modern, _ := b.NewToken(t, app)
	assert.Equal(t, 2, b.ExpireTokens(app.AppKey))
	assert.Zero(t, b.ExpireTokens(app.AppKey))
	again, _ := b.LegacyToken(t, app)
	assert.NotEqual(t, legacy, again)
	again, _ = b.NewToken(t, app)
	assert.NotEqual(t, modern, again)
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	app := b.DemoApp(t)
	tests := map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"legacy secret": {http.MethodGet, "/gettoken?appkey=" + app.AppKey + "&appsecret=x", "", 200, `{"errcode":40096,"errmsg":"不合法的appKey或appSecret"}`},
		"legacy key":    {http.MethodGet, "/gettoken?appkey=x&appsecret=" + app.AppSecret, "", 200, `{"errcode":40096,"errmsg":"不合法的appKey或appSecret"}`},
		"legacy body":   {http.MethodPost, "/gettoken", `{"appkey":"` + app.AppKey + `"}`, 200, `{"errcode":40035,"errmsg":"缺少参数 corpid or appkey"}`},
		"new secret":    {http.MethodPost, "/v1.0/oauth2/accessToken", `{"appKey":"` + app.AppKey + `","appSecret":"x"}`, 400, `{"code":"invalidClientIdOrSecret","message":"无效的clientId或者clientSecret"}`},
		"new missing":   {http.MethodPost, "/v1.0/oauth2/accessToken", `{"appKey":"x"}`, 400, `{"code":"MissingappSecret","message":"appSecret is mandatory for this action."}`},
		"new no body":   {http.MethodPost, "/v1.0/oauth2/accessToken", ``, 400, `{"code":"Missingbody","message":"body is mandatory for this action."}`},
		"new method":    {http.MethodGet, "/v1.0/oauth2/accessToken", ``, 404, `{"code":"InvalidAction.NotFound","message":"Specified api is not found, please check your url and method."}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, got := b.Do(t, tt.method, tt.path, tt.body)
			assert.Equal(t, tt.status, status)
			assert.JSONEq(t, tt.want, boxtest.WithoutID(t, got))
		})
	}
}

func TestTokenSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	app := b.DemoApp(t)
	b.LegacyToken(t, app)
	b.NewToken(t, app)
	got, err := json.Marshal(b.Attempts())
	require.NoError(t, err)
	assert.NotContains(t, string(got), app.AppSecret)
	assert.Equal(t, "appkey="+app.AppKey+"&appsecret=***", b.Attempts()[0].Query)
	assert.Equal(t, app.Name, b.Attempts()[1].App)
}

func TestAddAppRefusesNonsense(t *testing.T) {
	t.Parallel()
	taken := sandbox.DemoApp("taken")
	tests := map[string]struct {
		app  sandbox.App
		want string
	}{
		"empty":         {sandbox.App{}, "name, app_key and app_secret are needed"},
		"ip":            {sandbox.App{Name: "x", AppKey: "x", AppSecret: "x", IPs: []string{"10"}}, `ip "10" is neither`},
		"qps":           {sandbox.App{Name: "x", AppKey: "x", AppSecret: "x", QPS: -2}, "qps must not be negative"},
		"same key":      {sandbox.App{Name: "x", AppKey: taken.AppKey, AppSecret: "x"}, "already exists"},
		"same agent id": {sandbox.App{Name: "x", AppKey: "x", AppSecret: "x", AgentID: taken.AgentID}, "already exists"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sandbox.New(sandbox.Options{})
			require.NoError(t, s.AddApp(taken))
			require.ErrorContains(t, s.AddApp(tt.app), tt.want)
			assert.Equal(t, []sandbox.App{taken}, s.Apps())
		})
	}
	s := sandbox.New(sandbox.Options{})
	require.ErrorIs(t, s.UpdateApp(taken), sandbox.ErrNotFound)
	require.ErrorIs(t, s.SetQPS("x", 1), sandbox.ErrNotFound)
}
