package cli_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access/elsewhere/oidctest"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// A port that nobody asked for and another program has is no reason not to work.
func TestTheDefaultPortIsTaken(t *testing.T) {
	t.Parallel()
	if ln, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil { // or else another program has it already
		t.Cleanup(func() { _ = ln.Close() })
	}
	p := scheduling(t, homeWith(t, gated), listenVariable+"=")
	p.until("work", func() bool { return strings.Contains(p.log.String(), "dingdag works") })
	assert.Contains(t, p.log.String(), "nothing is served over HTTP: set listen to another address, or to off")
	assert.Contains(t, p.log.String(), "127.0.0.1:8080: bind: address already in use")
	p.stop()
}

// browser is one with cookies that follows where it is sent.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport}
}

// goes is the status, the address and the page at which a browser ends.
func goes(t *testing.T, b *http.Client, to string) (status int, at, page string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, to, http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Accept", "text/html")
	res, err := b.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, res.Request.URL.Path, string(body)
}

const twoDAGs = "one:\n  schedule: null\n  tags: [finance]\n  tasks: [{task_id: t, operator: empty}]\ntwo:\n  schedule: null\n  tasks: [{task_id: t, operator: empty}]\n"

// People sign in at an OpenID provider that is down when the program starts, and have what their groups have.
func TestSignInWithOIDC(t *testing.T) {
	t.Parallel()
	idp := oidctest.Start(t)
	idp.Set(func(p *oidctest.Provider) {
		p.Claims = map[string]any{"sub": "u-1", "preferred_username": "ann", "name": "Ann", "groups": []string{"fin"}}
		p.Down = true
	})
	home := homeWith(t, twoDAGs)
	secret := filepath.Join(home, "client")
	require.NoError(t, os.WriteFile(secret, []byte(oidctest.Secret+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, "dingdag.yaml"), []byte("listen: 127.0.0.1:0\noidc:\n  issuer: "+idp.URL+"\n  client_id: "+oidctest.ClientID+"\n  client_secret_file: "+secret+
		"\n  title: Example\n  viewers: [fin]\n  admins: [platform]\n  dags: {fin: [tag:finance]}\n"), 0o600))
	p := scheduling(t, home, listenVariable+"=")
	address := p.address()
	b := browser(t)
	status, at, page := goes(t, b, address+"/dags")
	assert.Equal(t, []any{200, "/auth/login"}, []any{status, at})
	assert.Contains(t, page, `<a class="button" href="/auth/oidc?next=%2Fdags">使用 Example 登录 Sign in with Example</a>`)
	status, _, _ = goes(t, b, address+"/auth/oidc?next=/dags")
	assert.Equal(t, 503, status)
	idp.Set(func(p *oidctest.Provider) { p.Down = false })
	status, at, page = goes(t, b, address+"/auth/oidc?next=/dags")
	require.Equal(t, []any{200, "/dags"}, []any{status, at}, page)
	assert.Contains(t, page, "/dags/one")
	assert.NotContains(t, page, "/dags/two", "the group has one of them")
	assert.NotContains(t, page, "/trigger")
	idp.Set(func(p *oidctest.Provider) { p.Claims["groups"] = []string{"platform"} })
	status, _, page = goes(t, b, address+"/auth/oidc?next=/dags")
	require.Equal(t, 200, status)
	assert.Contains(t, page, "/dags/two/trigger")
	idp.Set(func(p *oidctest.Provider) { p.Claims["groups"] = []string{"other"} })
	status, _, page = goes(t, browser(t), address+"/auth/oidc")
	assert.Equal(t, 403, status)
	assert.Contains(t, page, "you are in none of the groups that may use this")
	p.stop()
	_, out, _ := run(t, "--home", home, "events", "list", "-o", "plain")
	assert.Contains(t, out, `sign_in				{"user":"ann","issuer":"`+idp.URL+`"}	127.0.0.1`)
	assert.Contains(t, out, `user_create				{"user":"ann","issuer":"`+idp.URL+`","role":"viewer","dags":["tag:finance"]}`)
	for _, hidden := range []string{oidctest.Secret, "code=", "state="} {
		assert.NotContains(t, p.log.String(), hidden)
	}
}

// People sign in with DingTalk, which the sandbox plays, and have what the chat gives them.
func TestSignInWithDingTalk(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	box.Seed(sandbox.DemoOrganisation())
	app := box.AddApp(sandbox.DemoApp("office"))
	home := homeWith(t, twoDAGs)
	p := scheduling(t, home, listenVariable+"=127.0.0.1:0", "DINGDAG_DINGTALK_SIGN_IN=office", "DINGDAG_CHAT_OPERATORS=dept:1", "DINGDAG_LOG_LEVEL=debug",
		fmt.Sprintf(`DINGDAG_CONN_OFFICE={"conn_type":"dingtalk","host":%q,"login":%q,"password":%q,"extra":{"user_id":"user001"}}`, box.URL, app.AppKey, app.AppSecret))
	address := p.address()
	enter := func(user string) (b *http.Client, status int, at, page string) {
		b = browser(t)
		status, _, page = goes(t, b, address+"/auth/login?next=/dags")
		require.Equal(t, 200, status)
		require.Contains(t, page, `<a class="button" href="/auth/dingtalk?next=%2Fdags">`)
		res, err := b.Get(address + "/auth/dingtalk?next=/dags")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, 200, res.StatusCode)
		require.Equal(t, "/oauth2/auth", res.Request.URL.Path)
		res, err = b.PostForm(res.Request.URL.String(), url.Values{"user_id": {user}})
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return b, res.StatusCode, res.Request.URL.Path, string(body)
	}
	_, status, at, page := enter("user001")
	require.Equal(t, []any{200, "/dags"}, []any{status, at}, page)
	b, status, at, page := enter("user003")
	require.Equal(t, []any{200, "/dags"}, []any{status, at}, page)
	assert.Contains(t, page, "/dags/two/trigger")

	// The code is good once, and for the browser that began.
	res, err := b.Get(address + "/auth/dingtalk")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	status, _, page = goes(t, browser(t), address+"/auth/dingtalk/callback?authCode=x&state="+res.Request.URL.Query().Get("state"))
	assert.Equal(t, 400, status, page)
	status, _, page = goes(t, b, address+"/auth/dingtalk/callback?authCode=x&state="+res.Request.URL.Query().Get("state"))
	assert.Equal(t, 403, status)
	assert.Contains(t, page, "was used before, or is too old")
	p.stop()
	code, out, errs := run(t, "--home", home, "users", "list", "-o", "plain")
	require.Zero(t, code, errs)
	assert.Contains(t, out, "user001\t张三\tadmin\t*")
	assert.Contains(t, out, "user003\t王五\toperator\t*")
	for _, hidden := range []string{app.AppSecret, "authCode=", "state="} {
		assert.NotContains(t, p.log.String(), hidden)
	}
}
