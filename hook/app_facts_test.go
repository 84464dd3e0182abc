package hook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

// An application presents itself as DingTalk's pages show it, with nothing in the address that does not belong there, and
// reads their answers.
func TestCredentialsMatchTheFacts(t *testing.T) {
	t.Parallel()
	subscriptions := []hook.Subscription{
		{Type: "EVENT", Topic: "*"},
		{Type: "CALLBACK", Topic: "/v1.0/im/bot/messages/get"},
		{Type: "CALLBACK", Topic: "/v1.0/card/instances/callback"},
	}
	for id, tt := range map[string]struct {
		call func(context.Context, *hook.App) (got string, err error)
		// mine are the fields of the body that are ours to choose.
		mine []string
		want string
	}{
		"token_legacy": {func(ctx context.Context, a *hook.App) (string, error) {
			return "", a.Do(ctx, hook.Call{Method: http.MethodPost, Path: "/topapi/user/count", Safe: true}, nil)
		}, nil, "access_token=3f1c9f6b5d0e3c6e8a17"},
		"token_new": {func(ctx context.Context, a *hook.App) (string, error) {
			return "", a.Do(ctx, hook.Call{API: hook.NewAPI, Method: http.MethodGet, Path: "/v1.0/contact/users/me", Safe: true}, nil)
		}, nil, "fw8ef8we8f76e6f7s8dxxxx"},
		"stream_open_connection": {func(ctx context.Context, a *hook.App) (string, error) {
			g, err := a.OpenGateway(ctx, subscriptions)
			if err != nil {
				return "", err
			}
			return g.Endpoint + " " + g.Ticket.Reveal(), nil
		}, []string{"ua", "localIp"}, "wss://wss-open-connection.dingtalk.com:443/connect 5c5e0a8c-1a2b-11ee"},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			fact := calltest.ReadFacts(t).Operations[id]
			answer, err := json.Marshal(fact.Response)
			require.NoError(t, err)
			var asked []*http.Request
			var bodies []string
			transport := calltest.RoundTrip(func(r *http.Request) (*http.Response, error) {
				body := ""
				if r.Body != nil {
					b, err := io.ReadAll(r.Body)
					if err != nil {
						return nil, err
					}
					body = string(b)
				}
				asked, bodies = append(asked, r), append(bodies, body)
				if r.URL.Path == fact.Path {
					return calltest.Response(string(answer)), nil
				}
				return calltest.Response(`{"errcode":0}`), nil
			})
			h := hook.New(connections.Static{hook.DefaultAppConnID: {
				Type: "dingtalk", Login: new("dingabc123"), Password: new(connections.Secret("s3cr3t")),
			}}, hook.WithHTTPClient(&http.Client{Transport: transport}))
			got, err := tt.call(t.Context(), h.App(""))
			require.NoError(t, err)
			host := map[string]string{"legacy": "oapi.dingtalk.com", "new": "api.dingtalk.com"}[fact.Generation]
			assert.Equal(t, []string{fact.Method, "https", host, fact.Path}, []string{asked[0].Method, asked[0].URL.Scheme, asked[0].URL.Host, asked[0].URL.Path})
			query := url.Values{}
			for name, value := range fact.Request.Query {
				text, ok := value.(string)
				require.True(t, ok)
				query.Set(name, text)
			}
			assert.Equal(t, query, asked[0].URL.Query())
			assert.Empty(t, asked[0].Header.Get("X-Acs-Dingtalk-Access-Token"))
			if fact.Request.Body == nil {
				assert.Empty(t, bodies[0])
			} else {
				var sent map[string]any
				require.NoError(t, json.Unmarshal([]byte(bodies[0]), &sent))
				want, ok := fact.Request.Body.(map[string]any)
				require.True(t, ok)
				for _, name := range tt.mine {
					delete(sent, name)
					delete(want, name)
				}
				assert.Equal(t, want, sent)
			}
			if len(asked) > 1 { // what was got is used
				got = asked[1].URL.RawQuery + asked[1].Header.Get("X-Acs-Dingtalk-Access-Token")
			}
			assert.Equal(t, tt.want, got)
		})
	}
}
