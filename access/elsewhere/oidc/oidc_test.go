package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/access/elsewhere/oidc"
	"github.com/dingdag/dingdag/access/elsewhere/oidctest"
	"github.com/dingdag/dingdag/connections"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func trip() elsewhere.Trip {
	return elsewhere.Trip{State: "st4te", Nonce: "n0nce", Verifier: strings.Repeat("v", 43), Redirect: "https://dag.example/auth/oidc/callback"}
}

// world is a provider with its client.
type world struct {
	*oidctest.Provider

	place *oidc.Provider
	now   time.Time
}

func open(t *testing.T, change func(*oidc.Options)) *world {
	t.Helper()
	w := &world{Provider: oidctest.Start(t), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.Clock = func() time.Time { return w.now }
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o := oidc.Options{
		Issuer: w.URL, ClientID: oidctest.ClientID, Secret: func(context.Context) (connections.Secret, error) { return oidctest.Secret, nil },
		Rules: oidc.Rules{Viewers: []string{"*"}}, Transport: transport, Clock: w.Clock,
	}
	if change != nil {
		change(&o)
	}
	var err error
	w.place, err = oidc.New(o)
	require.NoError(t, err)
	return w
}

// goes is what a browser brings back from the provider.
func (w *world) goes(t *testing.T, trip elsewhere.Trip) url.Values {
	t.Helper()
	to, err := w.place.Begin(t.Context(), trip)
	require.NoError(t, err)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(to)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusFound, res.StatusCode)
	back, err := url.Parse(res.Header.Get("Location"))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(back.String(), trip.Redirect+"?"))
	return back.Query()
}

func (w *world) finish(t *testing.T) (*elsewhere.Person, error) {
	t.Helper()
	return w.place.Finish(t.Context(), trip(), w.goes(t, trip()))
}

func TestWhoComesBack(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	p, err := w.finish(t)
	require.NoError(t, err)
	assert.Equal(t, &elsewhere.Person{Issuer: w.URL, Subject: "u-1", Names: []string{"ann", "u-1"}, FullName: "Ann Example", Role: access.Viewer}, p)
}

// What was answered to another browser, on another trip, or twice, signs in nobody; nor does a token that is not for us.
func TestAnswersThatSignInNobody(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	var refused *elsewhere.RefusedError
	back := w.goes(t, trip())
	other := trip()
	other.Verifier = strings.Repeat("w", 43)
	_, err := w.place.Finish(t.Context(), other, back)
	require.ErrorAs(t, err, &refused, "PKCE")
	back = w.goes(t, trip())
	_, err = w.place.Finish(t.Context(), trip(), back)
	require.NoError(t, err)
	_, err = w.place.Finish(t.Context(), trip(), back)
	require.ErrorAs(t, err, &refused, "twice")
	other = trip()
	other.Nonce = "another"
	_, err = w.place.Finish(t.Context(), other, w.goes(t, trip()))
	require.ErrorContains(t, err, "another attempt")
	back = w.goes(t, trip())
	back.Set("iss", "https://evil.example")
	_, err = w.place.Finish(t.Context(), trip(), back)
	require.ErrorContains(t, err, "another provider")

	for name, c := range map[string]struct {
		spoil func(map[string]any)
		forge func(string) string
		want  string
	}{
		"for another client": {spoil: func(c map[string]any) { c["aud"] = "other" }, want: "expected audience"},
		"of another issuer":  {spoil: func(c map[string]any) { c["iss"] = "https://evil.example" }, want: "issued by a different provider"},
		"expired":            {spoil: func(c map[string]any) { c["exp"] = w.now.Add(-time.Minute).Unix() }, want: "expired"},
		"without a nonce":    {spoil: func(c map[string]any) { delete(c, "nonce") }, want: "another attempt"},
		"not signed":         {forge: func(s string) string { return "eyJhbGciOiJub25lIn0." + strings.Split(s, ".")[1] + "." }, want: "ID token"},
		"changed":            {forge: func(s string) string { p := strings.Split(s, "."); return p[0] + "." + p[1] + "A." + p[2] }, want: "ID token"},
		"no token":           {forge: func(string) string { return "" }, want: "ID token"},
	} {
		w.Set(func(p *oidctest.Provider) { p.Spoil, p.Forge = c.spoil, c.forge })
		_, err := w.finish(t)
		require.ErrorContains(t, err, c.want, name)
	}
	w.Set(func(p *oidctest.Provider) { p.Denies = "access_denied" })
	_, err = w.finish(t)
	require.ErrorAs(t, err, &refused)
	w.Set(func(p *oidctest.Provider) { p.Denies = "server_error" })
	_, err = w.finish(t)
	require.EqualError(t, err, `the OpenID provider answers "server_error"`)
}

func TestAWrongSecretIsNotShown(t *testing.T) {
	t.Parallel()
	w := open(t, func(o *oidc.Options) {
		o.Secret = func(context.Context) (connections.Secret, error) { return "wr0ng-secret", nil }
	})
	_, err := w.finish(t)
	require.EqualError(t, err, `exchange the code: the OpenID provider answers 401 "invalid_client": the client is not known`)
}

// A provider that is down at first is asked again, and what it said of itself is good while it is down.
func TestDown(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.Set(func(p *oidctest.Provider) { p.Down = true })
	_, err := w.place.Begin(t.Context(), trip())
	require.ErrorContains(t, err, "ask the OpenID provider "+w.URL+" about itself: 502")
	w.Set(func(p *oidctest.Provider) { p.Down = false })
	_, err = w.finish(t)
	require.NoError(t, err)
	w.Set(func(p *oidctest.Provider) { p.Down = true })
	w.now = w.now.Add(2 * time.Hour)
	_, err = w.place.Begin(t.Context(), trip())
	require.NoError(t, err)
}

// Those who come while the provider is silent wait for one answer together, and no longer than they want to.
func TestSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, silent := 0, make(chan struct{})
		p, err := oidc.New(oidc.Options{
			Issuer: "https://id.example", ClientID: "x", Rules: oidc.Rules{Viewers: []string{"*"}}, Clock: time.Now,
			Transport: transport(func(*http.Request) (*http.Response, error) {
				asked++
				<-silent
				return nil, errors.New("no answer")
			}),
		})
		require.NoError(t, err)
		ended := make(chan error, 6)
		for range 6 {
			go func() {
				_, err := p.Begin(t.Context(), trip())
				ended <- err
			}()
		}
		synctest.Wait()
		hurry, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = p.Begin(hurry, trip())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(silent)
		for range 6 {
			require.ErrorContains(t, <-ended, "no answer")
		}
		assert.Equal(t, 1, asked)
	})
}

// transport is a function that answers.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Who may what.
func TestRules(t *testing.T) {
	t.Parallel()
	rules := oidc.Rules{
		Viewers: []string{"staff"}, Operators: []string{"etl", "realm_access.roles=ops"}, Admins: []string{"email=root@example.com", "platform"},
		DAGs: map[string][]string{"etl": {"tag:etl"}, "finance": {"tag:finance", "owner:fin"}, "department=ops": {"*"}}, Domains: []string{"Example.com"},
	}
	mail := func(claims map[string]any) map[string]any {
		claims["sub"] = "u-1"
		if _, ok := claims["email"]; !ok {
			claims["email"] = "ann@example.com"
		}
		if _, ok := claims["email_verified"]; !ok {
			claims["email_verified"] = true
		}
		return claims
	}
	for name, c := range map[string]struct {
		claims map[string]any
		role   access.Role
		dags   []string
		refuse string
	}{
		"viewer of some":      {map[string]any{"groups": []string{"staff", "finance"}}, access.Viewer, []string{"owner:fin", "tag:finance"}, ""},
		"operator of several": {map[string]any{"groups": []string{"staff", "etl", "finance"}}, access.Operator, []string{"owner:fin", "tag:etl", "tag:finance"}, ""},
		"a nested claim":      {map[string]any{"realm_access": map[string]any{"roles": []string{"ops"}}, "department": "ops"}, access.Operator, []string{"*"}, ""},
		"admin":               {map[string]any{"groups": "platform"}, access.Admin, nil, ""},
		"admin by mail":       {map[string]any{"email": "root@example.com"}, access.Admin, nil, ""},
		"mail not verified":   {map[string]any{"email": "root@example.com", "email_verified": false}, 0, nil, "has not verified"},
		"no DAGs":             {map[string]any{"groups": []string{"staff"}}, 0, nil, "none of your groups has any DAGs"},
		"no group":            {map[string]any{"groups": []string{"other"}}, 0, nil, "none of the groups"},
		"part of a name":      {map[string]any{"groups": []string{"staff2", "st"}}, 0, nil, "none of the groups"},
		"a list as text":      {map[string]any{"groups": "staff,etl"}, 0, nil, "none of the groups"},
		"other domain":        {map[string]any{"groups": "platform", "email": "ann@evil.example"}, 0, nil, "none of the domains"},
		"domain in the name":  {map[string]any{"groups": "platform", "email": `"a@example.com"@evil.example`}, 0, nil, "none of the domains"},
		"subdomain":           {map[string]any{"groups": "platform", "email": "ann@x.example.com"}, 0, nil, "none of the domains"},
		"no mail":             {map[string]any{"groups": "platform", "email": ""}, 0, nil, "has not verified"},
	} {
		w := open(t, func(o *oidc.Options) { o.Rules = rules })
		w.Set(func(p *oidctest.Provider) { p.Claims = mail(c.claims) })
		p, err := w.finish(t)
		if c.refuse != "" {
			var refused *elsewhere.RefusedError
			require.ErrorAs(t, err, &refused, name)
			assert.Contains(t, refused.Reason.String(), c.refuse, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, c.role, p.Role, name)
		assert.Equal(t, c.dags, p.DAGs, name)
	}
}

// An address of mail that the provider has not verified is what somebody says of himself: no rule is about it, and no user gets it
// as a name, also where no domain is asked for.
func TestMailThatNobodyVerified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verified any
		role     access.Role
		names    []string
	}{
		"verified":         {true, access.Admin, []string{"root@example.com", "u-1"}},
		"verified as text": {"true", access.Admin, []string{"root@example.com", "u-1"}},
		"not":              {false, access.Viewer, []string{"u-1"}},
		"not as text":      {"false", access.Viewer, []string{"u-1"}},
		"nobody says":      {nil, access.Viewer, []string{"u-1"}},
		"a list":           {[]bool{true, true}, access.Viewer, []string{"u-1"}},
	} {
		w := open(t, func(o *oidc.Options) {
			o.Rules = oidc.Rules{Viewers: []string{"*"}, Admins: []string{"email=root@example.com"}}
		})
		w.Set(func(p *oidctest.Provider) {
			p.Claims = map[string]any{"sub": "u-1", "email": "root@example.com"}
			if c.verified != nil {
				p.Claims["email_verified"] = c.verified
			}
		})
		p, err := w.finish(t)
		require.NoError(t, err, name)
		assert.Equal(t, c.role, p.Role, name)
		assert.Equal(t, c.names, p.Names, name)
	}
}

// Claims that are neither text nor lists of it, and groups in another claim.
func TestOtherClaims(t *testing.T) {
	t.Parallel()
	w := open(t, func(o *oidc.Options) {
		o.Rules = oidc.Rules{Groups: "team", Viewers: []string{"7"}, Operators: []string{"staff=true"}, Admins: []string{"realm.roles=ops"}}
	})
	for _, c := range []struct {
		claims map[string]any
		role   access.Role
	}{
		{map[string]any{"team": 7}, access.Viewer},
		{map[string]any{"team": []any{map[string]any{"id": 7}, 7.0}}, access.Viewer},
		{map[string]any{"team": 7, "staff": true}, access.Operator},
		{map[string]any{"realm.roles": "ops"}, access.Admin},
		{map[string]any{"realm": map[string]any{"roles": "ops"}}, access.Admin},
		{map[string]any{"realm": "roles", "roles": "ops"}, access.Nobody},
		{map[string]any{"groups": "7", "team": 7.5}, access.Nobody},
	} {
		c.claims["sub"] = "u-1"
		w.Set(func(p *oidctest.Provider) { p.Claims = c.claims })
		p, err := w.finish(t)
		if c.role == access.Nobody {
			var refused *elsewhere.RefusedError
			require.ErrorAs(t, err, &refused, "%v", c.claims)
			continue
		}
		require.NoError(t, err, "%v", c.claims)
		assert.Equal(t, c.role, p.Role, "%v", c.claims)
	}
}

// The scope openid is asked for whatever else is, and the defaults when nothing is.
func TestScopes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scopes []string
		want   string
	}{{nil, strings.Join(oidc.DefaultScopes(), " ")}, {[]string{"groups"}, "openid groups"}, {[]string{"email", "openid"}, "email openid"}} {
		w := open(t, func(o *oidc.Options) { o.Scopes = c.scopes })
		to, err := w.place.Begin(t.Context(), trip())
		require.NoError(t, err)
		u, err := url.Parse(to)
		require.NoError(t, err)
		assert.Equal(t, c.want, u.Query().Get("scope"))
	}
}

// What the ID token does not say is asked for, and does not change what it says.
func TestUserInfo(t *testing.T) {
	t.Parallel()
	w := open(t, func(o *oidc.Options) {
		o.Rules, o.UserClaim = oidc.Rules{Admins: []string{"platform"}, Viewers: []string{"*"}}, "login"
	})
	w.Set(func(p *oidctest.Provider) {
		p.Claims = map[string]any{"sub": "u-1", "name": "Ann"}
		p.Info = map[string]any{"groups": []string{"platform"}, "login": "ann", "name": "Eve"}
	})
	p, err := w.finish(t)
	require.NoError(t, err)
	assert.Equal(t, &elsewhere.Person{Issuer: w.URL, Subject: "u-1", Names: []string{"ann", "u-1"}, FullName: "Ann", Role: access.Admin}, p)
	w.Set(func(p *oidctest.Provider) { p.Info["sub"] = "u-2" })
	_, err = w.finish(t)
	require.ErrorContains(t, err, "tells of another user")

	w = open(t, func(o *oidc.Options) {
		o.Rules = oidc.Rules{Viewers: []string{"*"}, Domains: []string{"example.com"}}
	})
	w.Set(func(p *oidctest.Provider) {
		p.Claims = map[string]any{"sub": "u-1", "preferred_username": "ann"}
		p.Info = map[string]any{"email": "ann@example.com", "email_verified": true}
	})
	_, err = w.finish(t)
	require.NoError(t, err, "the address of mail is asked for when its domain counts")
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	all := oidc.Rules{Viewers: []string{"*"}}
	for want, o := range map[string]oidc.Options{
		"must be an https URL without user": {Issuer: "idp.example", ClientID: "x", Rules: all},
		"without user, query and fragment":  {Issuer: "https://idp.example/?realm=a", ClientID: "x", Rules: all},
		"must be an https URL":              {Issuer: "https:///realm", ClientID: "x", Rules: all},
		"there are none":                    {Issuer: "https://idp.example", ClientID: "x", Rules: oidc.Rules{Viewers: []string{"*"}, DAGs: map[string][]string{"a": {}}}},
		"only one on this machine":          {Issuer: "http://idp.example", ClientID: "x", Rules: all},
		"client_id is missing":              {Issuer: "https://idp.example", Rules: all},
		"nobody has a role":                 {Issuer: "https://idp.example", ClientID: "x"},
		`"etl" names no DAGs`:               {Issuer: "https://idp.example", ClientID: "x", Rules: oidc.Rules{Viewers: []string{"*"}, DAGs: map[string][]string{"a": {"etl"}}}},
		"not a domain":                      {Issuer: "https://idp.example", ClientID: "x", Rules: oidc.Rules{Viewers: []string{"*"}, Domains: []string{"@example.com"}}},
	} {
		_, err := oidc.New(o)
		require.ErrorContains(t, err, want)
	}
}
