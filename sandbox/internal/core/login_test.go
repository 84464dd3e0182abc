package core_test

import (
	"io"
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

const userTokenPath, mePath = "/v1.0/oauth2/userAccessToken", "/v1.0/contact/users/me"

// signIn is the code and the state with which somebody comes back to an app.
func signIn(t *testing.T, o *boxtest.Office, app sandbox.App, user string) (code, state string) {
	t.Helper()
	q := url.Values{"client_id": {app.AppKey}, "redirect_uri": {"http://dag.example/back?x=1"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"st"}}
	client := &http.Client{Transport: o.Client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(o.URL+"/oauth2/auth?"+q.Encode(), url.Values{"user_id": {user}})
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusFound, res.StatusCode)
	back, err := url.Parse(res.Header.Get("Location"))
	require.NoError(t, err)
	assert.Equal(t, "http://dag.example/back", back.Scheme+"://"+back.Host+back.Path)
	assert.Equal(t, "1", back.Query().Get("x"))
	return back.Query().Get("authCode"), back.Query().Get("state")
}

func exchange(app sandbox.App, code string) string {
	return `{"clientId":"` + app.AppKey + `","clientSecret":"` + app.AppSecret + `","code":"` + code + `","grantType":"authorization_code"}`
}

// A code is good once, for its app and a while, and its token tells who somebody is.
func TestSignIn(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	other := o.AddApp(sandbox.DemoApp("other"))
	user := o.Users()[0]
	code, state := signIn(t, o, o.App, user.UserID)
	assert.Equal(t, "st", state)
	status, got := o.Do(t, http.MethodPost, userTokenPath, exchange(o.App, code))
	require.Equal(t, 200, status, got)
	assert.Empty(t, o.Attempts()[len(o.Attempts())-1].Body, "it holds a secret")
	token := boxtest.Read[struct {
		Token string `json:"accessToken"`
	}](t, got).Token
	status, got = o.Do(t, http.MethodGet, mePath, "", "x-acs-dingtalk-access-token", token)
	require.Equal(t, 200, status, got)
	assert.Contains(t, got, `"unionId":"`+user.UnionID+`"`)
	for _, wrong := range []string{"", "x", o.Token} {
		_, got = o.Do(t, http.MethodGet, mePath, "", "x-acs-dingtalk-access-token", wrong)
		assert.Contains(t, got, "InvalidAuthentication", "the token of an app is of nobody")
	}
	again, _ := signIn(t, o, o.App, user.UserID)
	foreign, _ := signIn(t, o, other, user.UserID)
	for name, c := range map[string]struct{ body, want string }{
		"twice":               {exchange(o.App, code), "authCode.notFound"},
		"of another app":      {exchange(o.App, foreign), "authCode.notFound"},
		"with a wrong secret": {strings.Replace(exchange(o.App, again), o.App.AppSecret, "x", 1), "invalidClientIdOrSecret"},
		"no code":             {`{"clientId":"` + o.App.AppKey + `","clientSecret":"` + o.App.AppSecret + `","grantType":"authorization_code"}`, "Missingcode"},
		"no body":             {"", "Missingbody"},
	} {
		status, got := o.Do(t, http.MethodPost, userTokenPath, c.body)
		assert.Equal(t, 400, status, name)
		assert.Contains(t, got, c.want, name)
	}
	o.Clock.Advance(5 * time.Minute)
	_, got = o.Do(t, http.MethodPost, userTokenPath, exchange(o.App, again))
	assert.Contains(t, got, "authCode.notFound", "too old")
	o.Clock.Advance(2 * time.Hour)
	_, got = o.Do(t, http.MethodGet, mePath, "", "x-acs-dingtalk-access-token", token)
	assert.Contains(t, got, "InvalidAuthentication")
}

func TestSignInPage(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	o.AddUser(sandbox.User{UserID: "odd", Name: "<b>odd", Mobile: "13900000099"})
	ask := func(change func(url.Values)) (int, string) {
		q := url.Values{"client_id": {o.App.AppKey}, "redirect_uri": {"https://dag.example/back"}, "response_type": {"code"}, "scope": {"openid corpid"}}
		change(q)
		res, err := o.Client.Get(o.URL + "/oauth2/auth?" + q.Encode())
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(body)
	}
	status, page := ask(func(url.Values) {})
	assert.Equal(t, 200, status)
	assert.Contains(t, page, `<button name="user_id" value="odd">&lt;b&gt;odd</button>`)
	for field, value := range map[string]string{"client_id": "x", "redirect_uri": "javascript:alert(1)", "response_type": "token", "scope": "corpid"} {
		status, page = ask(func(q url.Values) { q.Set(field, value) })
		assert.Equal(t, 400, status, field)
		assert.Contains(t, page, field)
	}
}
