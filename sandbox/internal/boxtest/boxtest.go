// Package boxtest holds what the tests of the sandbox share: a sandbox with a clock and a client, an
// office in it, and calls of both generations.
package boxtest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// Moment is the moment at which the clock of every test stands. It is a test vector
// of DingTalk's signature.
var Moment = time.UnixMilli(1700000000000).UTC()

// Clock moves only when a test moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is what the sandbox asks.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Bench is a running sandbox with a clock and a client of its own.
type Bench struct {
	*sandboxtest.Sandbox
	Clock  *Clock
	Client *http.Client
}

// Start starts a sandbox that ends with the test.
func Start(t *testing.T) *Bench {
	t.Helper()
	clock := &Clock{now: Moment}
	box := sandboxtest.Start(t, sandboxtest.WithOptions(sandbox.Options{Now: clock.Now}))
	// Connections are not reused, so that a cut one fails its own request and no other.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return &Bench{Sandbox: box, Clock: clock, Client: client}
}

// Reply is DingTalk's envelope.
type Reply struct {
	Code int    `json:"errcode"`
	Text string `json:"errmsg"`
}

// Answer is the envelope of a code and its text.
func Answer(code int, text string) Reply { return Reply{Code: code, Text: text} }

// Do makes a request and returns status and body.
func (b *Bench) Do(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	status, got, err := b.Try(t, method, path, body, header...)
	require.NoError(t, err)
	return status, got
}

// Try makes a request and returns status, body and what went wrong on the way.
func (b *Bench) Try(t *testing.T, method, path, body string, header ...string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.Client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(got), err
}

// Post sends a body to a robot; query is appended to its address.
func (b *Bench) Post(t *testing.T, r sandbox.Robot, query, body string) Reply {
	t.Helper()
	status, got := b.Do(t, http.MethodPost, r.WebhookPath()+query, body)
	require.Equal(t, http.StatusOK, status)
	var out Reply
	require.NoError(t, json.Unmarshal([]byte(got), &out), got)
	return out
}

// OK is the answer to a message that was taken.
var OK = Reply{Code: 0, Text: "ok"}

// TooFast is the answer to more messages than a robot takes.
var TooFast = Answer(660026, "sending too many messages per minute")

// Hello is a message.
const Hello = `{"msgtype":"text","text":{"content":"hello"}}`

// Local is where requests without a network go.
const Local = "http://127.0.0.1"

// Deliver posts a body without a network, for tests that need none.
func Deliver(t *testing.T, s *sandbox.Server, r sandbox.Robot, body string) {
	t.Helper()
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, Local+r.WebhookPath(), strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	require.JSONEq(t, `{"errcode":0,"errmsg":"ok"}`, rec.Body.String())
}

// Ask makes a request without a network.
func Ask(s *sandbox.Server, method, path, body, token string) string {
	req := httptest.NewRequestWithContext(context.Background(), method, Local+path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Acs-Dingtalk-Access-Token", token)
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	return rec.Body.String()
}

// Direct makes a call of api.dingtalk.com without a network.
func Direct(t *testing.T, s *sandbox.Server, app sandbox.App, method, path, body string) string {
	t.Helper()
	return Ask(s, method, path, body, DirectToken(t, s, app))
}

// DirectLegacy makes a call of oapi.dingtalk.com without a network.
func DirectLegacy(t *testing.T, s *sandbox.Server, app sandbox.App, path, body string) string {
	t.Helper()
	return Ask(s, http.MethodPost, path+"?access_token="+DirectToken(t, s, app), body, "")
}

// DirectToken gets a token without a network.
func DirectToken(t *testing.T, s *sandbox.Server, app sandbox.App) string {
	t.Helper()
	got := Ask(s, http.MethodPost, "/v1.0/oauth2/accessToken", `{"appKey":"`+app.AppKey+`","appSecret":"`+app.AppSecret+`"}`, "")
	return Read[struct{ AccessToken string }](t, got).AccessToken
}

// Fill sends one message of three types to two robots.
func Fill(t *testing.T, b *Bench) (ops sandbox.Robot) {
	t.Helper()
	ops = b.AddRobot(sandbox.DemoRobot("ops"))
	reports := b.AddRobot(sandbox.DemoRobot("reports"))
	require.Equal(t, OK, b.Post(t, ops, "", Hello))
	require.Equal(t, OK, b.Post(t, reports, "", `{"msgtype":"markdown","markdown":{"title":"Nightly","text":"# Done"}}`))
	require.Equal(t, OK, b.Post(t, ops, "", `{"msgtype":"actionCard","actionCard":{"title":"T","text":"x","singleTitle":"Approve","singleURL":"u"}}`))
	return ops
}
