// Package login has the calls by which people sign in to an app with DingTalk (OAuth 2).
package login

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
)

// Page is the address at which somebody signs in and comes back to redirect, which must be registered with the app. He brings
// along the state, and a code in authCode.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-identity-credentials
func Page(ctx context.Context, a *hook.App, redirect, state string) (string, error) {
	base, key, _, err := a.Login(ctx)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(base)
	if err != nil {
		return "", a.Invalid("find the page where people sign in", err)
	}
	if rest, ok := strings.CutPrefix(u.Host, "api.dingtalk."); ok { // another installation has all on one host
		u.Host = "login.dingtalk." + rest
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/oauth2/auth"
	u.RawQuery = url.Values{
		"client_id": {key}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid"}, "state": {state}, "prompt": {"consent"},
	}.Encode()
	return u.String(), nil
}

// Token exchanges the code that somebody has brought along, which is good once, for his token.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-user-token
//
//dingtalk:api POST /v1.0/oauth2/userAccessToken
func Token(ctx context.Context, a *hook.App, code string) (connections.Secret, error) {
	_, key, secret, err := a.Login(ctx)
	if err != nil {
		return "", err
	}
	var got struct {
		Token connections.Secret `json:"accessToken"`
	}
	err = a.Do(ctx, hook.Call{
		Op: "get the token of a person", API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/oauth2/userAccessToken", Open: true,
		Body: map[string]string{"clientId": key, "clientSecret": secret.Reveal(), "code": code, "grantType": "authorization_code"},
	}, &got)
	return got.Token, err
}

// Person is who has signed in.
type Person struct {
	Nick    string `json:"nick"`
	UnionID string `json:"unionId"`
	OpenID  string `json:"openId"`
	// The others are empty where the app may not see them.
	AvatarURL string `json:"avatarUrl"`
	Mobile    string `json:"mobile"`
	StateCode string `json:"stateCode"`
	Email     string `json:"email"`
}

// Me is the person of a token, which [Token] returns.
//
// DingTalk docs: https://open.dingtalk.com/document/development/dingtalk-retrieve-user-information
//
//dingtalk:api GET /v1.0/contact/users/me
func Me(ctx context.Context, a *hook.App, token connections.Secret) (*Person, error) {
	var p Person
	if err := a.Do(ctx, hook.Call{Op: "find who has signed in", API: hook.NewAPI, Method: http.MethodGet, Path: "/v1.0/contact/users/me", Token: token, Safe: true}, &p); err != nil {
		return nil, err
	}
	return &p, nil
}
