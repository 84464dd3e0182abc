package sandbox

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
	of      generation
	expires time.Time
}

func tokenCalls() []call {
	return []call{
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-orgapp-token
		{name: "token.legacy", pattern: "/gettoken", decide: (*Server).legacyToken, private: true},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-access-token-of-an-internal-app
		{name: "token.new", pattern: "POST /v1.0/oauth2/accessToken", generation: modern, decide: (*Server).newToken, private: true},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-access-token-of-an-enterprise
		{name: "token.corp", pattern: "POST /v1.0/oauth2/{corpId}/token", generation: modern, decide: (*Server).corpToken, private: true},
	}
}

// legacyToken reads the query alone, whatever the method. Asking again returns the
// same token and makes its life longer.
func (s *Server) legacyToken(req *request) answer {
	q := req.URL.Query()
	key, secret := q.Get("appkey"), q.Get("appsecret")
	if key == "" || secret == "" {
		return (&refusal{code: 40035, text: "缺少参数 corpid or appkey"}).answer(plain)
	}
	app := s.apps.byKey(key)
	if app == nil || app.AppSecret != secret {
		return refuse(40096).answer(plain)
	}
	if r := app.checkRate("token.legacy", req); r != nil {
		return r.answer(plain)
	}
	t := s.apps.token(app, plain, req.at)
	t.expires = req.at.Add(tokenLife)
	a := legacyAnswer(0, "ok")
	a.body = encode(object{"errcode": 0, "errmsg": "ok", "access_token": t.value, "expires_in": int(tokenLife.Seconds())})
	a.note.app = app.Name
	return a
}

// newToken returns the same token as long as it is valid, and how long that is.
func (s *Server) newToken(req *request) answer {
	body, r := readModernBody(req)
	if r != nil {
		return r.answer(modern)
	}
	for _, name := range []string{"appKey", "appSecret"} {
		if _, ok := body[name].(string); !ok {
			return missingParameter(name).answer(modern)
		}
	}
	app := s.apps.byKey(body["appKey"].(string))
	if app == nil || app.AppSecret != body["appSecret"] {
		return fail(http.StatusBadRequest, "invalidClientIdOrSecret", "无效的clientId或者clientSecret").answer(modern)
	}
	if r := app.checkRate("token.new", req); r != nil {
		return r.answer(modern)
	}
	t := s.apps.token(app, modern, req.at)
	left := int(t.expires.Sub(req.at) / time.Second)
	a := modernAnswer(object{"accessToken": t.value, "expireIn": left})
	a.note.app = app.Name
	return a
}

// corpToken gives the same token to those who name the organisation, too.
func (s *Server) corpToken(req *request) answer {
	body, r := readModernBody(req)
	if r != nil {
		return r.answer(modern)
	}
	for _, name := range []string{"client_id", "client_secret", "grant_type"} {
		if _, ok := body[name].(string); !ok {
			return missingParameter(name).answer(modern)
		}
	}
	app := s.apps.byKey(body["client_id"].(string))
	switch {
	case body["grant_type"] != "client_credentials":
		return fail(http.StatusBadRequest, "unsupported.grant.type", "grant_type must be client_credentials").answer(modern)
	case app == nil || app.AppSecret != body["client_secret"]:
		return fail(http.StatusBadRequest, "invalid.client", "无效的clientId或者clientSecret").answer(modern)
	case req.PathValue("corpId") != s.corpID:
		return fail(http.StatusBadRequest, "unauthorized.client", "应用未被该企业授权").answer(modern)
	}
	if r := app.checkRate("token.corp", req); r != nil {
		return r.answer(modern)
	}
	t := s.apps.token(app, modern, req.at)
	a := modernAnswer(object{"access_token": t.value, "expires_in": int(t.expires.Sub(req.at) / time.Second)})
	a.note.app = app.Name
	return a
}

// token returns the app's token of the generation, a new one when there is none.
func (a *apps) token(app *appState, g generation, now time.Time) *accessToken {
	for _, t := range a.tokens {
		if t.app == app && t.of == g && now.Before(t.expires) {
			return t
		}
	}
	t := &accessToken{value: strings.ToLower(rand.Text()), app: app, of: g, expires: now.Add(tokenLife)}
	a.tokens[t.value] = t
	return t
}

// ExpireTokens ends all tokens of an app before their time and returns how many
// there were.
func (s *Server) ExpireTokens(appKey string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, n := s.now(), 0
	for value, t := range s.apps.tokens {
		if t.app.AppKey == appKey {
			if now.Before(t.expires) {
				n++
			}
			delete(s.apps.tokens, value)
		}
	}
	return n
}

// readModernBody reads the JSON object that a call of the new generation wants. A form
// and broken JSON are no body to the gateway.
func readModernBody(req *request) (object, *refusal) {
	var body object
	if !isJSON(req.Header.Get("Content-Type")) || json.Unmarshal(req.body, &body) != nil || body == nil {
		return nil, missingParameter("body")
	}
	return body, nil
}

func modernAnswer(result any) answer {
	if result == nil {
		return answer{status: http.StatusOK, contentType: contentTypeJSON}
	}
	return answer{status: http.StatusOK, contentType: contentTypeJSON, body: encode(result)}
}
