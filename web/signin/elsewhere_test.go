package signin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web/signin"
)

// place is one that believes the code.
type place struct {
	begun elsewhere.Trip
	who   elsewhere.Person
	err   error
	seen  url.Values
}

func (*place) Name() string  { return "there" }
func (*place) Title() string { return "<There>" }

func (p *place) Begin(_ context.Context, t elsewhere.Trip) (string, error) {
	p.begun = t
	return "https://there.example/?" + url.Values{"state": {t.State}}.Encode(), p.err
}

func (p *place) Finish(_ context.Context, t elsewhere.Trip, back url.Values) (*elsewhere.Person, error) {
	p.seen = back
	if p.err != nil {
		return nil, p.err
	}
	if t != p.begun {
		return nil, errors.New("another trip")
	}
	return new(p.who), nil
}

// away is a house whose people sign in elsewhere.
func away(t *testing.T) (*house, *place) {
	t.Helper()
	p := &place{who: elsewhere.Person{Issuer: "https://there.example", Subject: "1", Names: []string{"Ann"}, Role: access.Operator, DAGs: []string{"tag:x"}}}
	return openWith(t, func(o *signin.Options) {
		o.Places, o.Mask = []elsewhere.Place{p}, func(s string) string { return strings.ReplaceAll(s, "s3cret", "***") }
	}), p
}

// goes is the cookie of a trip that has begun.
func (h *house) goes(t *testing.T, next string) string {
	t.Helper()
	res := h.do(http.MethodGet, "/auth/there?next="+url.QueryEscape(next), "")
	require.Equal(t, 303, res.StatusCode, res.body)
	require.True(t, strings.HasPrefix(res.Header.Get("Location"), "https://there.example/?state="))
	require.Len(t, res.Cookies(), 1)
	c := res.Cookies()[0]
	assert.True(t, c.HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, c.SameSite, "it comes along from the other site")
	return c.Name + "=" + c.Value
}

func TestSignInElsewhere(t *testing.T) {
	t.Parallel()
	h, p := away(t)
	page := h.do(http.MethodGet, "/auth/login?next=/dags", "")
	assert.Contains(t, page.body, `<a class="button" href="/auth/there?next=%2Fdags">使用 &lt;There&gt; 登录 Sign in with &lt;There&gt;</a>`)
	trip := h.goes(t, "/dags?a=b")
	assert.Equal(t, "http://127.0.0.1:8080/auth/there/callback", p.begun.Redirect)
	assert.NotContains(t, trip, p.begun.Verifier)
	for _, secret := range []string{p.begun.State, p.begun.Nonce, p.begun.Verifier} {
		assert.GreaterOrEqual(t, len(secret), 26)
	}
	res := h.do(http.MethodGet, "/auth/there/callback?code=x&state="+p.begun.State, "", "Cookie", trip)
	require.Equal(t, 303, res.StatusCode, res.body)
	assert.Equal(t, "/dags?a=b", res.Header.Get("Location"))
	assert.Equal(t, "x", p.seen.Get("code"))
	require.Len(t, res.Cookies(), 2)
	assert.Negative(t, res.Cookies()[0].MaxAge, "a trip is good once")
	mine := res.Cookies()[1].Name + "=" + res.Cookies()[1].Value
	assert.Equal(t, "ann operator 192.0.2.1", h.do(http.MethodGet, "/free", "", "Cookie", mine).body)
	h.now = h.now.Add(24 * time.Hour)
	assert.Equal(t, " nobody ", h.do(http.MethodGet, "/free", "", "Cookie", mine).body, "whether he still may is known there")

	// He has what he may by now, is still the same one under another name, and nobody else's.
	p.who.Names, p.who.Role, p.who.DAGs = []string{"Eve"}, access.Admin, nil
	res = h.do(http.MethodGet, "/auth/there/callback?code=x&state="+h.newState(t, p), "", "Cookie", h.trip)
	assert.Equal(t, 303, res.StatusCode, res.body)
	us, err := h.Users(t.Context())
	require.NoError(t, err)
	require.Len(t, us, 1)
	assert.Equal(t, []string{"ann", "admin", "*"}, append([]string{us[0].Name, us[0].Role}, us[0].DAGs...))
	p.who.Subject, p.who.Names = "2", []string{"ANN"}
	res = h.do(http.MethodGet, "/auth/there/callback?code=x&state="+h.newState(t, p), "", "Cookie", h.trip)
	assert.Equal(t, 403, res.StatusCode)
	assert.Contains(t, res.body, "there is another user named ann")
	p.who.Names = []string{"ann", "a b", "ann2"}
	res = h.do(http.MethodGet, "/auth/there/callback?code=x&state="+h.newState(t, p), "", "Cookie", h.trip)
	assert.Equal(t, 303, res.StatusCode, "the next name that is free")
	_, err = h.Set(t.Context(), "ann2", accounts.Change{Disabled: new(true)}, store.Actor{Name: "root", Via: store.ViaCLI})
	require.NoError(t, err)
	res = h.do(http.MethodGet, "/auth/there/callback?code=x&state="+h.newState(t, p), "", "Cookie", h.trip)
	assert.Equal(t, 403, res.StatusCode)
	assert.Contains(t, res.body, "user ann2 is disabled")
	p.who.Names, p.who.Subject = []string{"a b", ""}, "3"
	res = h.do(http.MethodGet, "/auth/there/callback?code=x&state="+h.newState(t, p), "", "Cookie", h.trip)
	assert.Equal(t, 403, res.StatusCode)
	assert.Contains(t, res.body, "cannot be that of a user here")
}

// newState begins a trip, and is its state.
func (h *house) newState(t *testing.T, p *place) string {
	t.Helper()
	h.trip = h.goes(t, "/")
	return p.begun.State
}

func TestTripsThatSignInNobody(t *testing.T) {
	t.Parallel()
	h, p := away(t)
	state := h.newState(t, p)
	mine := h.trip
	other := h.newState(t, p)
	p.begun.State = state
	for name, c := range map[string]struct{ state, cookie string }{
		"no cookie":          {state, ""},
		"another's cookie":   {state, h.trip},
		"another's state":    {other, mine},
		"no state":           {"", mine},
		"a cookie of others": {state, mine[:len(mine)-4] + "AAAA"},
		"no sealed cookie":   {state, strings.SplitN(mine, "=", 2)[0] + "=e30"},
	} {
		p.seen = nil
		res := h.do(http.MethodGet, "/auth/there/callback?code=x&state="+c.state, "", "Cookie", c.cookie)
		assert.Equal(t, 400, res.StatusCode, name)
		assert.Nil(t, p.seen, "%s: the code is not used", name)
		assert.Contains(t, res.body, "begin it again", name)
	}
	h.now = h.now.Add(10 * time.Minute)
	assert.Equal(t, 400, h.do(http.MethodGet, "/auth/there/callback?code=x&state="+state, "", "Cookie", mine).StatusCode, "too late")

	p.err = &elsewhere.RefusedError{Reason: phrase.Plain("<b>no</b>")}
	res := h.do(http.MethodGet, "/auth/there/callback?code=x&state="+h.stateDespite(t, p), "", "Cookie", h.trip)
	assert.Equal(t, 403, res.StatusCode)
	assert.Contains(t, res.body, "The sign-in is refused: &lt;b&gt;no&lt;/b&gt;.")
	p.err = errors.New("down, with the s3cret")
	res = h.do(http.MethodGet, "/auth/there/callback?code=x&state="+h.stateDespite(t, p), "", "Cookie", h.trip)
	assert.Equal(t, 503, res.StatusCode)
	assert.NotContains(t, res.body, "down")
	assert.Equal(t, 503, h.do(http.MethodGet, "/auth/there", "").StatusCode)
	assert.Contains(t, h.log.String(), "down, with the ***")
	some, err := h.HasUsers(t.Context())
	require.NoError(t, err)
	assert.False(t, some)
}

// stateDespite begins a trip although its end fails.
func (h *house) stateDespite(t *testing.T, p *place) string {
	t.Helper()
	err := p.err
	p.err = nil
	state := h.newState(t, p)
	p.err = err
	return state
}

// Where a browser comes back is the base, or this machine; never another name that it says.
func TestWhereItComesBack(t *testing.T) {
	t.Parallel()
	h, p := away(t)
	for host, want := range map[string]string{"127.0.0.1:8080": "http://127.0.0.1:8080", "[::1]:8080": "http://[::1]:8080", "localhost": "http://localhost", "dag.example.com": base, "10.0.0.1:80": base, "evil.example": base} {
		r := httptest.NewRequest(http.MethodGet, "http://"+host+"/auth/there", http.NoBody)
		h.handler.ServeHTTP(httptest.NewRecorder(), r)
		assert.Equal(t, want+"/auth/there/callback", p.begun.Redirect, host)
	}
}
