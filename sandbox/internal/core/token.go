package core

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// tokenLife is how long a token is good for.
const tokenLife = 7200 * time.Second

// accessToken is what an app calls with. One of either generation is good for both
// hosts, as public clients of DingTalk rely on.
type accessToken struct {
	value   string
	app     *appState
	of      Generation
	expires time.Time
}

func (s *Apps) calls() []Call {
	return []Call{
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-orgapp-token
		{Name: "token.legacy", Pattern: "/gettoken", Decide: s.legacyToken, Private: true},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-access-token-of-an-internal-app
		{Name: "token.new", Pattern: "POST /v1.0/oauth2/accessToken", Generation: Modern, Decide: s.newToken, Private: true},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-access-token-of-an-enterprise
		{Name: "token.corp", Pattern: "POST /v1.0/oauth2/{corpId}/token", Generation: Modern, Decide: s.corpToken, Private: true},
	}
}

// legacyToken reads the query alone, whatever the method. Asking again returns the
// same token and makes its life longer.
func (s *Apps) legacyToken(req *Request) Answer {
	q := req.URL.Query()
	key, secret := q.Get("appkey"), q.Get("appsecret")
	if key == "" || secret == "" {
		return (&Refusal{Code: 40035, Text: "缺少参数 corpid or appkey"}).Answer(Plain)
	}
	app := s.byKey(key)
	if app == nil || app.AppSecret != secret {
		return Refuse(40096).Answer(Plain)
	}
	if r := app.checkRate("token.legacy", req); r != nil {
		return r.Answer(Plain)
	}
	t := s.token(app, Plain, req.At)
	t.expires = req.At.Add(tokenLife)
	a := LegacyAnswer(0, "ok")
	a.Body = Encode(Object{"errcode": 0, "errmsg": "ok", "access_token": t.value, "expires_in": int(tokenLife.Seconds())})
	a.Note.App = app.Name
	return a
}

// newToken returns the same token as long as it is valid, and how long that is.
func (s *Apps) newToken(req *Request) Answer {
	body, r := readModernBody(req)
	if r != nil {
		return r.Answer(Modern)
	}
	for _, name := range []string{"appKey", "appSecret"} {
		if _, ok := body[name].(string); !ok {
			return missingParameter(name).Answer(Modern)
		}
	}
	app := s.byKey(body["appKey"].(string))
	if app == nil || app.AppSecret != body["appSecret"] {
		return Fail(http.StatusBadRequest, "invalidClientIdOrSecret", "无效的clientId或者clientSecret").Answer(Modern)
	}
	if r := app.checkRate("token.new", req); r != nil {
		return r.Answer(Modern)
	}
	t := s.token(app, Modern, req.At)
	left := int(t.expires.Sub(req.At) / time.Second)
	a := modernAnswer(Object{"accessToken": t.value, "expireIn": left})
	a.Note.App = app.Name
	return a
}

// corpToken gives the same token to those who name the organisation, too.
func (s *Apps) corpToken(req *Request) Answer {
	body, r := readModernBody(req)
	if r != nil {
		return r.Answer(Modern)
	}
	for _, name := range []string{"client_id", "client_secret", "grant_type"} {
		if _, ok := body[name].(string); !ok {
			return missingParameter(name).Answer(Modern)
		}
	}
	app := s.byKey(body["client_id"].(string))
	switch {
	case body["grant_type"] != "client_credentials":
		return Fail(http.StatusBadRequest, "unsupported.grant.type", "grant_type must be client_credentials").Answer(Modern)
	case app == nil || app.AppSecret != body["client_secret"]:
		return Fail(http.StatusBadRequest, "invalid.client", "无效的clientId或者clientSecret").Answer(Modern)
	case req.PathValue("corpId") != s.core.CorpID:
		return Fail(http.StatusBadRequest, "unauthorized.client", "应用未被该企业授权").Answer(Modern)
	}
	if r := app.checkRate("token.corp", req); r != nil {
		return r.Answer(Modern)
	}
	t := s.token(app, Modern, req.At)
	a := modernAnswer(Object{"access_token": t.value, "expires_in": int(t.expires.Sub(req.At) / time.Second)})
	a.Note.App = app.Name
	return a
}

// token returns the app's token of the generation, a new one when there is none.
func (s *Apps) token(app *appState, g Generation, now time.Time) *accessToken {
	for _, t := range s.tokens {
		if t.app == app && t.of == g && now.Before(t.expires) {
			return t
		}
	}
	t := &accessToken{value: strings.ToLower(rand.Text()), app: app, of: g, expires: now.Add(tokenLife)}
	s.tokens[t.value] = t
	return t
}

// ExpireTokens ends all tokens of an app before their time and returns how many
// there were.
func (s *Apps) ExpireTokens(appKey string) int {
	s.core.Lock()
	defer s.core.Unlock()
	now, n := s.core.now(), 0
	for value, t := range s.tokens {
		if t.app.AppKey == appKey {
			if now.Before(t.expires) {
				n++
			}
			delete(s.tokens, value)
		}
	}
	return n
}

// readModernBody reads the JSON object that a call of the new generation wants. A form
// and broken JSON are no body to the gateway.
func readModernBody(req *Request) (Object, *Refusal) {
	var body Object
	if !IsJSON(req.Header.Get("Content-Type")) || json.Unmarshal(req.Raw, &body) != nil || body == nil {
		return nil, missingParameter("body")
	}
	return body, nil
}

func modernAnswer(result any) Answer {
	if result == nil {
		return Answer{Status: http.StatusOK, ContentType: contentTypeJSON}
	}
	return Answer{Status: http.StatusOK, ContentType: contentTypeJSON, Body: Encode(result)}
}
