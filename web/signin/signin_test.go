package signin_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/web/route"
	"github.com/dingdag/dingdag/web/signin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	base  = "https://dag.example.com"
	right = "correct horse"
)

// house is a gate in front of a handler that says who asks.
type house struct {
	*accounts.Accounts

	gate    *signin.Gate
	handler http.Handler
	now     time.Time
	log     bytes.Buffer
	trip    string // a cookie
}

func open(t *testing.T) *house {
	t.Helper()
	return openWith(t, func(*signin.Options) {})
}

func openWith(t *testing.T, change func(*signin.Options)) *house {
	t.Helper()
	h := &house{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	log := slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.Accounts = accounts.New(accounts.Options{Store: s, Clock: func() time.Time { return h.now }, Log: log})
	o := signin.Options{Accounts: h.Accounts, Base: base, Clock: func() time.Time { return h.now }, Log: log}
	change(&o)
	h.gate, err = signin.New(o)
	require.NoError(t, err)
	mux := &route.Mux{}
	h.gate.Routes(mux)
	mux.Handle("/free", h.gate.Identify(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, _ := access.From(r.Context())
		_, _ = io.WriteString(w, i.User+" "+i.Role.String()+" "+i.Address)
	})))
	mux.Handle("/closed", h.gate.Identify(h.gate.Required(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, signin.FormToken(r.Context()))
	}))))
	mux.Handle("/api/closed", h.gate.Identify(h.gate.Required(http.NotFoundHandler())))
	h.handler = mux
	return h
}

// add adds a user ann.
func (h *house) add(t *testing.T, role access.Role) {
	t.Helper()
	_, err := h.Create(t.Context(), accounts.NewUser{Name: "ann", Role: role, Password: right}, store.Actor{Name: "root", Via: store.ViaCLI})
	require.NoError(t, err)
}

// answer is what was answered.
type answer struct {
	StatusCode int
	Header     http.Header
	body       string
}

// Cookies are those that it sets.
func (a *answer) Cookies() []*http.Cookie {
	var all []*http.Cookie
	for _, line := range a.Header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil {
			all = append(all, c)
		}
	}
	return all
}

func (h *house) do(method, path, body string, header ...string) *answer {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return &answer{w.Code, w.Header(), w.Body.String()}
}

func login(name, password, next string) string {
	return url.Values{"username": {name}, "password": {password}, "next": {next}}.Encode()
}

// cookie is the session that an answer sets, as a browser sends it.
func cookie(t *testing.T, res *answer) string {
	t.Helper()
	require.Len(t, res.Cookies(), 1, "%d", res.StatusCode)
	c := res.Cookies()[0]
	return c.Name + "=" + c.Value
}

func TestProofs(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Operator)
	token, _, err := h.CreateToken(t.Context(), accounts.TokenRequest{User: "ann", Name: "CI", Role: access.Viewer}, store.Actor{})
	require.NoError(t, err)
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	for _, c := range []struct {
		sent   string
		status int
		want   string
	}{
		{"", 200, " nobody "},
		{"Bearer " + token.Reveal(), 200, "ann viewer 192.0.2.1"},
		{"bearer " + token.Reveal(), 200, "ann viewer 192.0.2.1"},
		{basic("ann:" + right), 200, "ann operator 192.0.2.1"},
		{basic("ann:wrong"), 401, "the name or the password is wrong"},
		{basic("ann"), 401, "wrong"},
		{"Basic !", 401, "wrong"},
		{"Bearer", 401, "not valid"},
		{"Bearer dd_x", 401, "not valid"},
		{"Bearer " + token.Reveal() + "x", 401, "not valid"},
		{"Digest x", 401, "Not authenticated"},
	} {
		var header []string
		if c.sent != "" {
			header = []string{"Authorization", c.sent}
		}
		res := h.do(http.MethodGet, "/free", "", header...)
		assert.Equal(t, c.status, res.StatusCode, c.sent)
		assert.Contains(t, res.body, c.want, c.sent)
		if c.status == 401 {
			assert.Equal(t, "Bearer", res.Header.Get("WWW-Authenticate"))
			assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
		}
	}
	res := h.do(http.MethodGet, "/api/closed", "", "Accept", "text/html")
	assert.Equal(t, 401, res.StatusCode)
	assert.JSONEq(t, `{"detail": "Not authenticated"}`, res.body)
	assert.Equal(t, "Bearer", res.Header.Get("WWW-Authenticate"))
	res = h.do(http.MethodGet, "/closed?a=b%26c", "", "Accept", "text/html,*/*")
	assert.Equal(t, 303, res.StatusCode)
	assert.Equal(t, "/auth/login?next=%2Fclosed%3Fa%3Db%2526c", res.Header.Get("Location"))
	assert.Equal(t, 401, h.do(http.MethodPost, "/closed", "", "Accept", "text/html").StatusCode)
	assert.Equal(t, 401, h.do(http.MethodGet, "/closed", "").StatusCode)
	assert.NotContains(t, h.log.String(), token.Reveal())
	assert.NotContains(t, h.log.String(), right)
}

// A session is new at each sign-in, whatever the browser had; its cookie is no script's, and over TLS no other host's.
func TestSignIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Operator)
	res := h.do(http.MethodGet, "/auth/login?next=%2Fclosed", "")
	page := res.body
	assert.Contains(t, page, `name="next" value="/closed"`)
	assert.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'; form-action 'self'; frame-ancestors 'none'")

	planted := "dingdag=dd_" + strings.Repeat("A", 43)
	res = h.do(http.MethodPost, "/auth/login", login("Ann", right, "/closed"), "Cookie", planted)
	assert.Equal(t, 303, res.StatusCode)
	assert.Equal(t, "/closed", res.Header.Get("Location"))
	first := cookie(t, res)
	assert.NotEqual(t, planted, first)
	c := res.Cookies()[0]
	assert.True(t, c.HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, c.SameSite)
	assert.Equal(t, "/", c.Path)
	assert.Empty(t, c.Domain)
	assert.Equal(t, 7*24*3600, c.MaxAge)
	assert.Equal(t, " nobody ", h.do(http.MethodGet, "/free", "", "Cookie", planted).body)
	assert.Equal(t, "ann operator 192.0.2.1", h.do(http.MethodGet, "/free", "", "Cookie", first).body)

	second := cookie(t, h.do(http.MethodPost, "/auth/login", login("ann", right, ""), "Cookie", first))
	assert.NotEqual(t, first, second)
	assert.Equal(t, " nobody ", h.do(http.MethodGet, "/free", "", "Cookie", first).body, "the session before is over")

	over := h.do(http.MethodPost, "/auth/login", login("ann", right, ""), "Host", "dag.example.com")
	require.Len(t, over.Cookies(), 1)
	assert.Equal(t, "__Host-dingdag", over.Cookies()[0].Name)
	assert.True(t, over.Cookies()[0].Secure)

	res = h.do(http.MethodPost, "/auth/login", login("<b>", "wrong password", "/x\"'><script>"))
	assert.Equal(t, 401, res.StatusCode)
	page = res.body
	assert.Contains(t, page, "The name or the password is wrong.")
	assert.NotContains(t, page, "<script>")
	assert.NotContains(t, page, "<b>")
	assert.NotContains(t, page, "wrong password")
	assert.Empty(t, res.Cookies())
	for range 10 {
		h.do(http.MethodPost, "/auth/login", login("ann", "wrong password", ""))
	}
	res = h.do(http.MethodPost, "/auth/login", login("ann", "wrong password", ""))
	assert.Equal(t, 429, res.StatusCode)
	assert.Equal(t, "901", res.Header.Get("Retry-After"))
	assert.NotContains(t, h.log.String(), "wrong password")
	assert.NotContains(t, h.log.String(), "dd_")
}

// What a page of another site has a browser send does nothing, nor does anything without the form token of the session.
func TestForgedRequests(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Operator)
	mine := cookie(t, h.do(http.MethodPost, "/auth/login", login("ann", right, "")))
	form := h.do(http.MethodGet, "/closed", "", "Cookie", mine).body
	other := cookie(t, h.do(http.MethodPost, "/auth/login", login("ann", right, "")))
	otherForm := h.do(http.MethodGet, "/closed", "", "Cookie", other).body
	require.NotEmpty(t, form)
	require.NotEqual(t, form, otherForm)
	for name, c := range map[string]struct {
		method, body string
		header       []string
		want         int
	}{
		"the form":                  {http.MethodPost, "csrf_token=" + form, nil, 200},
		"the header":                {http.MethodPut, "", []string{"X-CSRF-Token", form}, 200},
		"from here":                 {http.MethodPost, "csrf_token=" + form, []string{"Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "same-origin"}, 200},
		"from base_url":             {http.MethodPost, "csrf_token=" + form, []string{"Origin", base, "Sec-Fetch-Site", "cross-site"}, 200},
		"none":                      {http.MethodPost, "a=b", nil, 403},
		"empty":                     {http.MethodDelete, "", []string{"X-CSRF-Token", ""}, 403},
		"of another session":        {http.MethodPost, "csrf_token=" + otherForm, nil, 403},
		"as JSON":                   {http.MethodPost, `{"csrf_token":"` + form + `"}`, []string{"Content-Type", "application/json"}, 403},
		"in a query":                {http.MethodPost, "a=b", nil, 403},
		"another site":              {http.MethodPost, "csrf_token=" + form, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"another origin":            {http.MethodPost, "csrf_token=" + form, []string{"Origin", "https://evil.example"}, 403},
		"an origin of a sandbox":    {http.MethodPost, "csrf_token=" + form, []string{"Origin", "null"}, 403},
		"another site by a header":  {http.MethodPatch, "", []string{"X-CSRF-Token", form, "Sec-Fetch-Site", "same-site"}, 403},
		"a look from another site":  {http.MethodGet, "", []string{"Sec-Fetch-Site", "cross-site"}, 200},
		"a proof that is no cookie": {http.MethodPost, "a=b", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+right))}, 200},
	} {
		path := "/free"
		if name == "in a query" {
			path += "?csrf_token=" + form
		}
		res := h.do(c.method, path, c.body, append([]string{"Cookie", mine}, c.header...)...)
		assert.Equal(t, c.want, res.StatusCode, name)
	}
	res := h.do(http.MethodPost, "/auth/login", login("ann", right, ""), "Origin", "https://evil.example")
	assert.Equal(t, 403, res.StatusCode, "nobody is signed in by another site")
	assert.Empty(t, res.Cookies())
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Operator)
	mine := cookie(t, h.do(http.MethodPost, "/auth/login", login("ann", right, "")))
	page := h.do(http.MethodGet, "/auth/logout", "", "Cookie", mine).body
	form := regexp.MustCompile(`name="csrf_token" value="([\w-]+)"`).FindStringSubmatch(page)
	require.Len(t, form, 2, page)
	assert.Equal(t, 403, h.do(http.MethodPost, "/auth/logout", "a=b", "Cookie", mine).StatusCode)
	assert.Contains(t, h.do(http.MethodGet, "/free", "", "Cookie", mine).body, "ann", "looking at the page ends nothing")
	res := h.do(http.MethodPost, "/auth/logout", "csrf_token="+form[1], "Cookie", mine)
	assert.Equal(t, 303, res.StatusCode)
	require.Len(t, res.Cookies(), 1)
	assert.Negative(t, res.Cookies()[0].MaxAge)
	assert.Empty(t, res.Cookies()[0].Value)
	assert.Equal(t, " nobody ", h.do(http.MethodGet, "/free", "", "Cookie", mine).body, "nor is the session good elsewhere")
	assert.Equal(t, 303, h.do(http.MethodGet, "/auth/logout", "").StatusCode)
}

func TestNext(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"": "/", "/": "/", "/dags/a?b=c&d=%2F": "/dags/a?b=c&d=%2F", "dags": "/", "https://evil.example": "/", "//evil.example": "/", "///evil.example": "/",
		"/\\evil.example": "/", "\\\\evil.example": "/", "/\t/evil.example": "/", "/\r\nSet-Cookie: a=b": "/", "/%0d%0aSet-Cookie:a": "/%0d%0aSet-Cookie:a",
		"/%5cevil.example": "/", "/%2f/evil.example": "/", "javascript:alert(1)": "/", "/a\x00b": "/", " /a": "/", "/.//evil.example": "/.//evil.example",
	} {
		assert.Equal(t, want, signin.SafeNext(next), "%q", next)
	}
	h := open(t)
	res := h.do(http.MethodGet, "/api/v2/auth/login?next=https://evil.example/", "")
	assert.Equal(t, 307, res.StatusCode)
	assert.Equal(t, "/auth/login?next=%2F", res.Header.Get("Location"))
	h.add(t, access.Viewer)
	res = h.do(http.MethodPost, "/auth/login", login("ann", right, "//evil.example/"))
	assert.Equal(t, "/", res.Header.Get("Location"))
}

// The link of the first start makes one user, once.
func TestSetUp(t *testing.T) {
	t.Parallel()
	h := open(t)
	assert.Contains(t, h.do(http.MethodGet, "/auth/login", "").body, "There are no users yet")
	void, path := h.gate.OfferSetUp(), h.gate.OfferSetUp()
	for _, gone := range []string{void, "/auth/setup/x", path + "x"} {
		old := h.do(http.MethodGet, gone, "")
		assert.Equal(t, 410, old.StatusCode, gone)
		assert.Contains(t, old.body, `href="/auth/login"`)
		assert.Equal(t, 410, h.do(http.MethodPost, gone, login("ann", right, "")).StatusCode, gone)
	}
	res := h.do(http.MethodGet, path, "")
	assert.Equal(t, 200, res.StatusCode)
	assert.Contains(t, res.body, "at least 10 characters")
	res = h.do(http.MethodPost, path, login("ann", "short", ""))
	assert.Equal(t, 422, res.StatusCode)
	assert.Contains(t, res.body, "too short")
	assert.Equal(t, 403, h.do(http.MethodPost, path, login("eve", right, ""), "Origin", "https://evil.example").StatusCode)
	res = h.do(http.MethodPost, path, login("ann", right, ""))
	assert.Equal(t, 303, res.StatusCode)
	assert.Equal(t, "ann admin 192.0.2.1", h.do(http.MethodGet, "/free", "", "Cookie", cookie(t, res)).body)
	assert.Equal(t, 410, h.do(http.MethodPost, path, login("eve", right, "")).StatusCode)
	path = h.gate.OfferSetUp() // by another process on the store
	assert.Equal(t, 410, h.do(http.MethodPost, path, login("eve", right, "")).StatusCode)
	us, err := h.Users(t.Context())
	require.NoError(t, err)
	assert.Len(t, us, 1)
	assert.NotContains(t, h.log.String(), "dd_")
}

func TestAccessToken(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Operator)
	const js, fields = "application/json", "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		path, kind, body string
		status           int
		want             string
	}{
		"JSON":          {"/auth/token", js, `{"username":"ann","password":"` + right + `"}`, 201, `{"access_token":"dd_`},
		"a form":        {"/auth/token", fields, login("ann", right, ""), 422, `"extra_forbidden","loc":["body","next"]`},
		"a form of two": {"/auth/token", fields, "username=ann&password=" + url.QueryEscape(right), 201, `{"access_token":"dd_`},
		"cli":           {"/auth/token/cli", js, `{"username":"ann","password":"` + right + `"}`, 201, `{"access_token":"dd_`},
		"cli, a form":   {"/auth/token/cli", fields, "username=ann&password=x", 415, "application/json"},
		"wrong":         {"/auth/token", js, `{"username":"ann","password":"secret thing"}`, 401, `{"detail":"the name or the password is wrong"}`},
		"both empty":    {"/auth/token", js, `{"username":"","password":""}`, 400, `{"detail":"Username and password must be provided"}`},
		"missing":       {"/auth/token", js, `{"username":"ann"}`, 422, `{"detail":[{"type":"missing","loc":["body","password"],"msg":"Field required","input":{}}]}`},
		"more":          {"/auth/token", js, `{"username":"a","password":"b","x":1}`, 422, `"type":"extra_forbidden","loc":["body","x"]`},
		"a number":      {"/auth/token", js, `{"username":1,"password":"b"}`, 422, `"type":"string_type","loc":["body","username"]`},
		"no JSON":       {"/auth/token", js, `{`, 422, `"type":"json_invalid"`},
		"a list":        {"/auth/token", js, `[]`, 422, `"loc":["body"]`},
		"no body":       {"/auth/token", js, ``, 422, `"type":"missing","loc":["body"]`},
		"no type":       {"/auth/token", "", `{}`, 415, "application/json"},
		"XML":           {"/auth/token", "application/xml", `<a/>`, 415, "application/json"},
		"too long":      {"/auth/token", js, `{"username":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "too long"},
	} {
		res := h.do(http.MethodPost, c.path, c.body, "Content-Type", c.kind)
		got := res.body
		assert.Equal(t, c.status, res.StatusCode, "%s: %s", name, got)
		assert.Contains(t, got, c.want, name)
		assert.NotContains(t, got, "secret thing")
		if c.status == 401 {
			assert.Equal(t, "Bearer", res.Header.Get("WWW-Authenticate"))
		}
		if c.status == 201 {
			token := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(got), `{"access_token":"`), `"}`)
			assert.Contains(t, h.do(http.MethodGet, "/free", "", "Authorization", "Bearer "+token).body, "ann operator")
		}
	}
	assert.Equal(t, 403, h.do(http.MethodGet, "/auth/token", "").StatusCode)
	assert.NotContains(t, h.log.String(), "dd_")
	assert.NotContains(t, h.log.String(), "secret thing")
}

// Below a path all leads there, and the cookie is for it alone.
func TestBelowAPath(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Viewer)
	g, err := signin.New(signin.Options{Accounts: h.Accounts, Base: "https://dag.example/a/b", Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	mux := &route.Mux{}
	g.Routes(mux)
	mux.Handle("/", g.Identify(g.Required(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))))
	ask := func(method, path, body string, header ...string) *answer {
		r := httptest.NewRequest(method, "https://dag.example"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return &answer{w.Code, w.Header(), w.Body.String()}
	}
	res := ask(http.MethodGet, "/dags?x=1", "", "Accept", "text/html")
	assert.Equal(t, "/a/b/auth/login?next=%2Fdags%3Fx%3D1", res.Header.Get("Location"))
	for next, want := range map[string]string{"/dags": "/a/b/dags", "/a/b/dags": "/a/b/dags", "/a/bc": "/a/b/a/bc", "//evil.example": "/a/b/", "": "/a/b/"} {
		res = ask(http.MethodPost, "/auth/login", login("ann", right, next))
		assert.Equal(t, want, res.Header.Get("Location"), next)
	}
	require.Len(t, res.Cookies(), 1)
	c := res.Cookies()[0]
	assert.Equal(t, []any{"__Secure-dingdag", "/a/b", true, true}, []any{c.Name, c.Path, c.Secure, c.HttpOnly})
	assert.Equal(t, 200, ask(http.MethodGet, "/dags", "", "Cookie", c.Name+"="+c.Value).StatusCode)
	assert.Equal(t, "/a/b/auth/login", ask(http.MethodGet, "/auth/logout", "").Header.Get("Location"))
	assert.Equal(t, "/a/b/auth/login?next=%2Fdags", ask(http.MethodGet, "/api/v2/auth/login?next=/dags", "").Header.Get("Location"))
	assert.True(t, strings.HasPrefix(g.OfferSetUp(), "/a/b/auth/setup/dd_"))
}

// A glance answers nothing, and knows those that a request proves.
func TestGlance(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Viewer)
	mine := cookie(t, h.do(http.MethodPost, "/auth/login", login("ann", right, "")))
	for name, c := range map[string]struct {
		header, value string
		want          bool
	}{
		"a session":      {"Cookie", mine, true},
		"a password":     {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+right)), true},
		"nothing":        {"Accept", "*/*", false},
		"another's":      {"Cookie", mine + "x", false},
		"a wrong one":    {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:x")), false},
		"a token of air": {"Authorization", "Bearer dd_x", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/", http.NoBody)
		r.Header.Set(c.header, c.value)
		i, ok := h.gate.Glance(r)
		assert.Equal(t, c.want, ok, name)
		assert.Equal(t, c.want, i.User == "ann", name)
	}
}

// What goes on for long ends with the right to it.
func TestStill(t *testing.T) {
	t.Parallel()
	root := store.Actor{Name: "root", Via: store.ViaCLI}
	for name, c := range map[string]struct {
		change func(h *house, token int64) error
		want   bool
	}{
		"as before":  {func(*house, int64) error { return nil }, true},
		"revoked":    {func(h *house, token int64) error { return h.Revoke(t.Context(), token, "", root) }, false},
		"disabled":   {func(h *house, _ int64) error { return change(h, accounts.Change{Disabled: new(true)}) }, false},
		"less":       {func(h *house, _ int64) error { return change(h, accounts.Change{Role: new(access.Viewer)}) }, false},
		"other DAGs": {func(h *house, _ int64) error { return change(h, accounts.Change{DAGs: new([]string{"tag:a"})}) }, false},
		"a name":     {func(h *house, _ int64) error { return change(h, accounts.Change{FullName: new("Ann")}) }, true},
		"expired":    {func(h *house, _ int64) error { h.now = h.now.AddDate(0, 0, 2); return nil }, false},
	} {
		h := open(t)
		h.add(t, access.Operator)
		secret, token, err := h.CreateToken(t.Context(), accounts.TokenRequest{User: "ann", Name: "ci", Role: access.Operator, DAGs: []string{"*"}, ExpiresAt: h.now.AddDate(0, 0, 1)}, root)
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+secret.Reveal())
		who, ok := h.gate.Glance(r)
		require.True(t, ok)
		require.NoError(t, c.change(h, token.ID), name)
		assert.Equal(t, c.want, h.gate.Still(r, who), name)
		r.Header.Del("Authorization")
		assert.False(t, h.gate.Still(r, who))
	}
}

func change(h *house, c accounts.Change) error {
	_, err := h.Set(context.Background(), "ann", c, store.Actor{Name: "root", Via: store.ViaCLI})
	return err
}
