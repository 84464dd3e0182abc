package hook_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
)

const (
	appKey    = "dingabc123"
	appSecret = "s3cr3t-of-the-app"
)

// appServer stands in for both generations of DingTalk's API, each below a path prefix
// of its own. It gives out tokens and records all other calls.
type appServer struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []appCall
	tokens map[string]int // fetched, by generation
	// token is what a generation gives out next, in place of "legacy-token" and "new-token".
	token map[string]string
}

// appCall is one call as the server got it.
type appCall struct {
	Generation, Method string
	// Path is as it was on the wire, percent-encoded and without the prefix.
	Path        string
	Query       url.Values
	Body        string
	ContentType string
	Token       string // from where the generation wants it
	Header      http.Header
}

func startApp(t *testing.T, answer http.HandlerFunc) *appServer {
	t.Helper()
	s := &appServer{tokens: map[string]int{}, token: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		generation, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
		path = "/" + path
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		if path == "/gettoken" || path == "/v1.0/oauth2/accessToken" {
			s.giveToken(t, w, r, generation, string(body))
			return
		}
		c := appCall{
			Generation: generation, Method: r.Method, Path: path, Query: r.URL.Query(),
			Body: string(body), ContentType: r.Header.Get("Content-Type"), Header: r.Header,
		}
		if c.Token = r.Header.Get("x-acs-dingtalk-access-token"); generation == "legacy" {
			c.Token = c.Query.Get("access_token")
			c.Query.Del("access_token")
		}
		s.mu.Lock()
		s.calls = append(s.calls, c)
		s.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *appServer) giveToken(t *testing.T, w http.ResponseWriter, r *http.Request, generation, body string) {
	t.Helper()
	s.mu.Lock()
	s.tokens[generation]++
	token := s.token[generation]
	s.mu.Unlock()
	if token == "" {
		token = generation + "-token"
	}
	if generation == "legacy" {
		assert.Equal(t, url.Values{"appkey": {appKey}, "appsecret": {appSecret}}, r.URL.Query())
		io.WriteString(w, `{"errcode":0,"errmsg":"ok","access_token":"`+token+`","expires_in":7200}`)
		return
	}
	assert.JSONEq(t, `{"appKey":"`+appKey+`","appSecret":"`+appSecret+`"}`, body)
	io.WriteString(w, `{"accessToken":"`+token+`","expireIn":7200}`)
}

func (s *appServer) setToken(generation, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token[generation] = token
}

func (s *appServer) got() []appCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]appCall(nil), s.calls...)
}

func (s *appServer) fetched(generation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[generation]
}

// conn is a connection to the server; extra goes beside the hosts.
func (s *appServer) conn(extra string) conn {
	if extra != "" {
		extra = "," + extra
	}
	return conn{Login: appKey, Password: appSecret, Extra: `{"qps":0,"api_host":"` + s.URL + `/new","oapi_host":"` + s.URL + `/legacy"` + extra + `}`}
}

// app is an app whose connection leads to the server.
func (s *appServer) app(t *testing.T, opts ...hook.Option) *hook.App {
	t.Helper()
	return s.appWith(t, `"agent_id":1234567890`, opts...)
}

func (s *appServer) appWith(t *testing.T, extra string, opts ...hook.Option) *hook.App {
	t.Helper()
	h := hook.New(source{hook.DefaultAppConnID: s.conn(extra).connection(hook.DefaultAppConnID)}, opts...)
	t.Cleanup(h.CloseIdleConnections)
	return h.App("")
}

func bodyOf(t *testing.T, c appCall) map[string]any {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(c.Body), &body))
	return body
}
