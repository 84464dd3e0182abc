package login_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
	"github.com/dingdag/dingdag/hook/login"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func operations() map[string]calltest.Operation {
	return map[string]calltest.Operation{
		"user_me": {Function: "Me", Call: func(ctx context.Context, a *hook.App) (any, error) { return login.Me(ctx, a, "new-token") }},
	}
}

// Each function sends what the example on DingTalk's page sends, and reads its answer.
func TestOperationsMatchTheFacts(t *testing.T) {
	t.Parallel()
	calltest.Check(t, operations())
}

// What a function's comment says about its endpoint and page is what it calls.
func TestCommentsMatchTheFacts(t *testing.T) {
	t.Parallel()
	calltest.CheckComments(t, operations(), "POST /v1.0/oauth2/userAccessToken")
}

// A code is exchanged with the credentials of the app and no token; asking who it is takes the token of the person alone.
func TestTokenMatchesTheFacts(t *testing.T) {
	t.Parallel()
	f := calltest.ReadFacts(t).Operations["token_user"]
	answer, err := json.Marshal(f.Response)
	require.NoError(t, err)
	s := calltest.Start(t, calltest.Answering(string(answer)))
	a := s.App(t)
	token, err := login.Token(t.Context(), a, "abcd")
	require.NoError(t, err)
	assert.Equal(t, connections.Secret("ut"), token)
	_, err = login.Me(t.Context(), a, token)
	require.NoError(t, err)
	require.Len(t, s.Got(), 2)
	got := s.Got()[0]
	assert.Equal(t, f.Method+" "+f.Path, got.Method+" "+got.Path)
	want, ok := f.Request.Body.(map[string]any)
	require.True(t, ok)
	want["clientSecret"] = calltest.AppSecret // the page has a shorter one
	body, err := json.Marshal(want)
	require.NoError(t, err)
	assert.JSONEq(t, string(body), got.Body)
	assert.Equal(t, []string{"", "ut"}, []string{got.Token, s.Got()[1].Token})
	assert.Zero(t, s.Fetched("new"), "the app's own token is not needed")
}

// A refused code is an error without the secret, and a refused token is not asked for again.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"code":"InvalidAuthentication","message":"no: ` + calltest.AppSecret + ` ut"}`))
	})
	a := s.App(t)
	_, err := login.Token(t.Context(), a, "abcd")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), calltest.AppSecret)
	_, err = login.Me(t.Context(), a, "ut-of-a-person")
	require.Error(t, err)
	assert.Len(t, s.Got(), 2)
	assert.Zero(t, s.Fetched("new"))
}

func TestPage(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"": "https://login.dingtalk.com/oauth2/auth", "https://oapi.dingtalk.io": "https://login.dingtalk.io/oauth2/auth", "http://127.0.0.1:8100/box": "http://127.0.0.1:8100/box/oauth2/auth",
	} {
		c := &connections.Connection{Type: "dingtalk", Login: new("key"), Password: new(connections.Secret("s3cr3t-word"))}
		if host != "" {
			c.Host = &host
		}
		h := hook.New(connections.Static{"x": c})
		t.Cleanup(h.CloseIdleConnections)
		got, err := login.Page(t.Context(), h.App("x"), "https://dag.example/auth/dingtalk/callback", "st4te")
		require.NoError(t, err)
		u, err := url.Parse(got)
		require.NoError(t, err)
		assert.Equal(t, url.Values{
			"client_id": {"key"}, "redirect_uri": {"https://dag.example/auth/dingtalk/callback"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"st4te"}, "prompt": {"consent"},
		}, u.Query())
		u.RawQuery = ""
		assert.Equal(t, want, u.String())
	}
}
