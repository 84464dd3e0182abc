package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// start is the moment at which the clock of every test stands. It is a test vector
// of DingTalk's signature.
var start = time.UnixMilli(1700000000000).UTC()

// fakeClock moves only when a test moves it.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is a running sandbox with a clock and a client of its own.
type bench struct {
	*sandboxtest.Sandbox
	clock  *fakeClock
	client *http.Client
}

func setup(t *testing.T) *bench {
	t.Helper()
	clock := &fakeClock{now: start}
	box := sandboxtest.Start(t, sandboxtest.WithOptions(sandbox.Options{Now: clock.Now}))
	// Connections are not reused, so that a cut one fails its own request and no other.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return &bench{Sandbox: box, clock: clock, client: client}
}

// reply is DingTalk's envelope.
type reply struct {
	Code int    `json:"errcode"`
	Text string `json:"errmsg"`
}

// do makes a request and returns status and body.
func (b *bench) do(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	status, got, err := b.try(t, method, path, body, header...)
	require.NoError(t, err)
	return status, got
}

func (b *bench) try(t *testing.T, method, path, body string, header ...string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(got), err
}

// post sends a body to a robot; query is appended to its address.
func (b *bench) post(t *testing.T, r sandbox.Robot, query, body string) reply {
	t.Helper()
	status, got := b.do(t, http.MethodPost, r.WebhookPath()+query, body)
	require.Equal(t, http.StatusOK, status)
	var out reply
	require.NoError(t, json.Unmarshal([]byte(got), &out), got)
	return out
}

var ok = reply{Code: 0, Text: "ok"}

const hello = `{"msgtype":"text","text":{"content":"hello"}}`

// local is where requests without a network go.
const local = "http://127.0.0.1"

// deliver posts a body without a network, for tests that need none.
func deliver(t *testing.T, s *sandbox.Server, r sandbox.Robot, body string) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, local+r.WebhookPath(), strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	require.JSONEq(t, `{"errcode":0,"errmsg":"ok"}`, rec.Body.String())
}

// ask makes a request without a network.
func ask(s *sandbox.Server, method, path, body, token string) string {
	req := httptest.NewRequest(method, local+path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Acs-Dingtalk-Access-Token", token)
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	return rec.Body.String()
}

// direct makes a call of api.dingtalk.com without a network.
func direct(t *testing.T, s *sandbox.Server, app sandbox.App, method, path, body string) string {
	t.Helper()
	return ask(s, method, path, body, directToken(t, s, app))
}

// directLegacy makes a call of oapi.dingtalk.com without a network.
func directLegacy(t *testing.T, s *sandbox.Server, app sandbox.App, path, body string) string {
	t.Helper()
	return ask(s, http.MethodPost, path+"?access_token="+directToken(t, s, app), body, "")
}

func directToken(t *testing.T, s *sandbox.Server, app sandbox.App) string {
	t.Helper()
	got := ask(s, http.MethodPost, "/v1.0/oauth2/accessToken", `{"appKey":"`+app.AppKey+`","appSecret":"`+app.AppSecret+`"}`, "")
	return read[struct{ AccessToken string }](t, got).AccessToken
}
