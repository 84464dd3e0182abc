package core

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/markup"
)

// codeLife is how long the code of somebody who has signed in is good for. DingTalk does not say it.
const codeLife = 5 * time.Minute

// signedIn is somebody who has signed in to an app with DingTalk: by a code, which is good once, or by a token.
type signedIn struct {
	app     *appState
	user    *User
	expires time.Time
}

// logins are the codes and the tokens of people.
type logins struct{ codes, tokens map[string]signedIn }

func (s *Apps) loginCalls() []Call {
	return []Call{
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-user-token
		{Name: "login.token", Pattern: "POST /v1.0/oauth2/userAccessToken", Generation: Modern, Decide: s.userToken, Private: true},
		// DingTalk docs: https://open.dingtalk.com/document/development/dingtalk-retrieve-user-information
		{Name: "login.me", Pattern: "GET /v1.0/contact/users/{unionId}", Generation: Modern, Decide: s.me},
	}
}

// asked is what an app asks for on the page where people sign in, or what is wrong with it.
func (s *Apps) asked(q url.Values) (app *appState, back *url.URL, wrong string) {
	app = s.byKey(q.Get("client_id"))
	back, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case app == nil:
		return nil, nil, "there is no app with this client_id"
	case err != nil || back.Host == "" || back.Scheme != "http" && back.Scheme != "https":
		return nil, nil, "redirect_uri must be an http or https URL"
	case q.Get("response_type") != "code":
		return nil, nil, "response_type must be code"
	case !strings.Contains(" "+q.Get("scope")+" ", " openid "):
		return nil, nil, "scope must have openid"
	}
	return app, back, ""
}

// loginPage is where people sign in, by pressing their name.
func (s *Apps) loginPage(w http.ResponseWriter, r *http.Request) {
	s.core.Lock()
	app, _, wrong := s.asked(r.URL.Query())
	var names []User
	for _, u := range s.core.People.Users {
		names = append(names, *u)
	}
	s.core.Unlock()
	if wrong != "" {
		http.Error(w, wrong, http.StatusBadRequest)
		return
	}
	page := markup.Format("<!doctype html>\n<html lang=\"zh\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>登录 Sign in</title></head>\n"+
		"<body><h1>登录 Sign in: {}</h1><form method=\"post\">\n{}</form></body></html>\n", app.Name, markup.Each(names, func(u User) markup.HTML {
		return markup.Format("<p><button name=\"user_id\" value=\"{}\">{}</button></p>\n", u.UserID, u.Name)
	}))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(page.String())) // an error means that the client is gone
}

// login sends somebody back to the app with a code, in authCode as DingTalk does.
func (s *Apps) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxAPIBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.core.Lock()
	defer s.core.Unlock()
	app, back, wrong := s.asked(r.URL.Query())
	user := s.core.People.User(r.PostForm.Get("user_id"))
	if wrong == "" && user == nil {
		wrong = "there is no such person"
	}
	if wrong != "" {
		http.Error(w, wrong, http.StatusBadRequest)
		return
	}
	code := strings.ToLower(rand.Text())
	s.logins.codes[code] = signedIn{app, user, s.core.now().Add(codeLife)}
	q := back.Query()
	q.Set("authCode", code)
	if state := r.URL.Query().Get("state"); state != "" {
		q.Set("state", state)
	}
	back.RawQuery = q.Encode()
	w.Header().Set("Location", back.String())
	w.WriteHeader(http.StatusFound)
}

// userToken gives a token for a code, once.
func (s *Apps) userToken(req *Request) Answer {
	body, r := readModernBody(req)
	if r != nil {
		return r.Answer(Modern)
	}
	for _, name := range []string{"clientId", "clientSecret", "grantType"} {
		if _, ok := body[name].(string); !ok {
			return missingParameter(name).Answer(Modern)
		}
	}
	app := s.byKey(body["clientId"].(string))
	if app == nil || app.AppSecret != body["clientSecret"] {
		return Fail(http.StatusBadRequest, "invalidClientIdOrSecret", "无效的clientId或者clientSecret").Answer(Modern)
	}
	code, ok := body["code"].(string)
	switch {
	case body["grantType"] != "authorization_code":
		return Fail(http.StatusBadRequest, "invalidGrantType", "the sandbox knows the grantType authorization_code alone").Answer(Modern)
	case !ok:
		return missingParameter("code").Answer(Modern)
	}
	who, known := s.logins.codes[code]
	delete(s.logins.codes, code)
	if !known || who.app != app || !req.At.Before(who.expires) {
		return Fail(http.StatusBadRequest, "invalidParameter.authCode.notFound", "不合法的临时授权码").Answer(Modern)
	}
	token := strings.ToLower(rand.Text())
	s.logins.tokens[token] = signedIn{app, who.user, req.At.Add(tokenLife)}
	a := modernAnswer(Object{"accessToken": token, "refreshToken": strings.ToLower(rand.Text()), "expireIn": int(tokenLife.Seconds()), "corpId": s.core.CorpID})
	a.Note.App = app.Name
	return a
}

// me tells who a token is of. Only their own token tells it.
func (s *Apps) me(req *Request) Answer {
	who, known := s.logins.tokens[req.Header.Get("x-acs-dingtalk-access-token")]
	if !known || !req.At.Before(who.expires) {
		return Fail(http.StatusBadRequest, "InvalidAuthentication", errorText(40014)).Answer(Modern)
	}
	if req.PathValue("unionId") != "me" && req.PathValue("unionId") != who.user.UnionID {
		return Fail(http.StatusForbidden, "Forbidden.AccessDenied", "the token is that of somebody else").Answer(Modern)
	}
	a := modernAnswer(Object{
		"nick": who.user.Name, "unionId": who.user.UnionID, "openId": "open-" + who.user.UserID, "mobile": who.user.Mobile, "stateCode": "86", "email": who.user.Email,
	})
	a.Note.App = who.app.Name
	return a
}
