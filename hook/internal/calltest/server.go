// Package calltest holds what tests of app calls share: a server that stands in for DingTalk, and the
// examples of its pages.
package calltest

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

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
)

// The app of a [Server].
const (
	AppKey    = "dingabc123"
	AppSecret = "s3cr3t-of-the-app"
)

// Server stands in for both generations of DingTalk's API, each below a path prefix
// of its own. It gives out tokens and records all other calls.
type Server struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []Call
	tokens map[string]int // fetched, by generation
	// token is what a generation gives out next, in place of "legacy-token" and "new-token".
	token map[string]string
}

// Call is one call as the server got it.
type Call struct {
	Generation, Method string
	// Path is as it was on the wire, percent-encoded and without the prefix.
	Path        string
	Query       url.Values
	Body        string
	ContentType string
	Token       string // from where the generation wants it
	Header      http.Header
}

// Start starts a server that ends with the test. Answer gets all calls but those for tokens.
func Start(t *testing.T, answer http.HandlerFunc) *Server {
	t.Helper()
	s := &Server{tokens: map[string]int{}, token: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		generation, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
		path = "/" + path
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		if path == "/gettoken" || path == "/v1.0/oauth2/accessToken" {
			s.giveToken(t, w, r, generation, string(body))
			return
		}
		c := Call{
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

func (s *Server) giveToken(t *testing.T, w http.ResponseWriter, r *http.Request, generation, body string) {
	t.Helper()
	s.mu.Lock()
	s.tokens[generation]++
	token := s.token[generation]
	s.mu.Unlock()
	if token == "" {
		token = generation + "-token"
	}
	if generation == "legacy" {
		assert.Equal(t, url.Values{"appkey": {AppKey}, "appsecret": {AppSecret}}, r.URL.Query())
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok","access_token":"`+token+`","expires_in":7200}`) //nolint:gosec // a token that the test chose
		return
	}
	assert.JSONEq(t, `{"appKey":"`+AppKey+`","appSecret":"`+AppSecret+`"}`, body)
	_, _ = io.WriteString(w, `{"accessToken":"`+token+`","expireIn":7200}`) //nolint:gosec // a token that the test chose
}

// SetToken makes a generation give out a token from now on.
func (s *Server) SetToken(generation, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token[generation] = token
}

// Got are the calls until now, those for tokens left out.
func (s *Server) Got() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Fetched counts the tokens that a generation has given out.
func (s *Server) Fetched(generation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[generation]
}

// App is an app whose connection leads to the server.
func (s *Server) App(t *testing.T, opts ...hook.Option) *hook.App {
	t.Helper()
	return s.AppWith(t, `"agent_id":1234567890`, opts...)
}

// AppWith is [Server.App] with more in the extra of its connection.
func (s *Server) AppWith(t *testing.T, extra string, opts ...hook.Option) *hook.App {
	t.Helper()
	extra = `{"qps":0,"api_host":"` + s.URL + `/new","oapi_host":"` + s.URL + `/legacy",` + extra + `}`
	h := hook.New(connections.Static{hook.DefaultAppConnID: {
		Type: "dingtalk", Login: new(AppKey), Password: new(connections.Secret(AppSecret)), Extra: new(connections.Secret(extra)),
	}}, opts...)
	t.Cleanup(h.CloseIdleConnections)
	return h.App("")
}

// BodyOf is the JSON object that a call sent.
func BodyOf(t *testing.T, c Call) map[string]any {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(c.Body), &body))
	return body
}

// Answering answers each request with the next text, and the last one for ever.
func Answering(texts ...string) http.HandlerFunc {
	var (
		mu   sync.Mutex
		next int
	)
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		text := texts[min(next, len(texts)-1)]
		next++
		mu.Unlock()
		_, _ = io.WriteString(w, text)
	}
}

// Union is the unionId of the examples.
const Union = "z21HjQliSzpw0YWCNxmii6u"

// Asked is what was asked of the server: method, end of the path, and body.
func (s *Server) Asked(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, c := range s.Got() {
		path, err := url.PathUnescape(c.Path)
		require.NoError(t, err)
		out = append(out, strings.TrimSpace(c.Method+" "+path[strings.LastIndex(path, "/")+1:]+" "+c.Body))
	}
	return out
}

// Failed is the error of a call, which shows no secret.
func Failed(t *testing.T, err error) *hook.Error {
	t.Helper()
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.NotContains(t, err.Error(), AppSecret)
	return e
}

// Cut ends a connection without an answer.
func Cut(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = c.Close() // it is what the test is about
	}
}
