package hook_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// Wrong credentials, an address that is not let in and missing scopes are told apart.
func TestCheckApp(t *testing.T) {
	t.Parallel()
	const (
		scope = `{"errcode":88,"sub_code":"60011","sub_msg":"requiredScopes=[qyapi_get_member]"}`
		ip    = `{"errcode":88,"sub_code":"60020","sub_msg":"request ip=203.0.113.7"}`
	)
	for name, tt := range map[string]struct {
		token, members string
		want           hook.AppCheck
		steps          int
	}{
		"fine":        {"", counted, hook.AppCheck{Credentials: true, Address: true}, 7},
		"credentials": {`{"errcode":40096,"errmsg":"x"}`, counted, hook.AppCheck{Address: true}, 1},
		"scope":       {"", scope, hook.AppCheck{Credentials: true, Address: true, Missing: []string{"qyapi_get_member"}}, 7},
		"address":     {"", ip, hook.AppCheck{Credentials: true, IP: "203.0.113.7"}, 3},
		"token by IP": {ip, counted, hook.AppCheck{Credentials: true, IP: "203.0.113.7"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := calltest.Hook(t, func(r *http.Request) (*http.Response, error) {
				switch {
				case r.URL.Path == "/gettoken" && tt.token != "":
					return calltest.Response(tt.token), nil
				case r.URL.Path == "/topapi/user/count":
					return calltest.Response(tt.members), nil
				}
				return calltest.TokenAnd(func(r *http.Request) (*http.Response, error) {
					if strings.HasPrefix(r.URL.Path, "/v1.0/") { // the ids are made up
						answer := calltest.Response("")
						answer.StatusCode = http.StatusBadRequest
						answer.Body = io.NopCloser(strings.NewReader(`{"code":"cidEncryptError","message":"x"}`))
						return answer, nil
					}
					return calltest.Response(`{"errcode":0,"result":[]}`), nil
				})(r)
			})
			got, err := h.App("").Check(t.Context())
			require.NoError(t, err)
			assert.Len(t, got.Steps, tt.steps)
			assert.Equal(t, name == "fine", got.OK())
			got.Steps = nil
			assert.Equal(t, &tt.want, got)
		})
	}
	_, err := hook.New(source{}).App("nowhere").Check(t.Context())
	assert.Equal(t, hook.KindNotFound, calltest.Failed(t, err).Kind)
}

func TestCheckAppOfSandbox(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	all, weak, far := sandbox.DemoApp("all"), sandbox.DemoApp("weak"), sandbox.DemoApp("far")
	weak.Scopes = []string{"qyapi_get_member", "qyapi_get_department_list", "qyapi_chat_manage"}
	far.IPs = []string{"203.0.113.7"}
	wrong := all
	wrong.AppSecret = "wrong-secret"
	for _, app := range []sandbox.App{all, weak, far} {
		box.AddApp(app)
	}
	for name, tt := range map[string]struct {
		app  sandbox.App
		want hook.AppCheck
	}{
		"all":   {all, hook.AppCheck{Credentials: true, Address: true}},
		"weak":  {weak, hook.AppCheck{Credentials: true, Address: true, Missing: []string{"qyapi_addresslist_search", "qyapi_robot_sendmsg"}}},
		"far":   {far, hook.AppCheck{Credentials: true, IP: "127.0.0.1"}},
		"wrong": {wrong, hook.AppCheck{Address: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := conn{Host: box.URL, Login: tt.app.AppKey, Password: tt.app.AppSecret}.connection("c")
			h := hook.New(source{"c": c})
			t.Cleanup(h.CloseIdleConnections)
			got, err := h.App("c").Check(t.Context())
			require.NoError(t, err)
			got.Steps = nil
			assert.Equal(t, &tt.want, got)
		})
	}
}
