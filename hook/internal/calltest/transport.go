package calltest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
)

// RoundTrip is a transport.
type RoundTrip func(*http.Request) (*http.Response, error)

// RoundTrip answers a request.
func (f RoundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Response is an answer of status 200.
func Response(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// Hook is a hook whose default app sends through a transport, without a limit of calls.
func Hook(t *testing.T, transport RoundTrip) *hook.DingdingHook {
	t.Helper()
	return hook.New(connections.Static{hook.DefaultAppConnID: {
		Type: "dingtalk", Host: new("http://dingtalk.test"), Login: new(AppKey), Password: new(connections.Secret(AppSecret)),
		Extra: new(connections.Secret(`{"qps":0}`)),
	}}, hook.WithHTTPClient(&http.Client{Transport: transport}))
}

// TokenAnd gives out tokens and hands all else on.
func TokenAnd(next RoundTrip) RoundTrip {
	return func(r *http.Request) (*http.Response, error) {
		switch r.URL.Path {
		case "/gettoken":
			return Response(`{"errcode":0,"access_token":"legacy-token","expires_in":7200}`), nil
		case "/v1.0/oauth2/accessToken":
			return Response(`{"accessToken":"new-token","expireIn":7200}`), nil
		}
		return next(r)
	}
}
