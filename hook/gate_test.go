package hook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

// closedForError is what a gate says that opens again.
type closedForError time.Duration

func (c closedForError) Error() string       { return "the gate is closed" }
func (c closedForError) Wait() time.Duration { return time.Duration(c) }

// watched is a gate that a test opens and closes for each robot, and keeps a log.
type watched struct {
	mu     sync.Mutex
	closed map[string]error
	log    []string
	robots map[string]hook.GateRobot
	wait   time.Duration
}

func newWatched() *watched {
	return &watched{closed: map[string]error{}, robots: map[string]hook.GateRobot{}}
}

func (w *watched) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (w *watched) Enter(_ context.Context, r hook.GateRobot) (hook.GatePass, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.robots[r.Name] = r
	if err := w.closed[r.Name]; err != nil {
		return nil, err
	}
	return watchedPass{w, r.Name}, nil
}

func (w *watched) Ask(_ context.Context, r hook.GateRobot) error { return w.closed[r.Name] }

func (w *watched) Leave(_ context.Context, r hook.GateRobot) error {
	w.note("%s left", r.Name)
	return nil
}

type watchedPass struct {
	w    *watched
	name string
}

func (p watchedPass) Answered() { p.w.note("%s answered", p.name) }
func (p watchedPass) Unsent()   { p.w.note("%s unsent", p.name) }
func (p watchedPass) Gone(_ context.Context, answer string, counts bool) error {
	p.w.note("%s gone: %s, counted: %t", p.name, answer, counts)
	return nil
}

func (p watchedPass) Refused(_ context.Context, block time.Duration) (time.Duration, error) {
	p.w.note("%s refused for %s", p.name, block)
	return p.w.wait, nil
}

func TestGateIsAskedForEachRequest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		answer string
		log    []string
		kind   hook.Kind
		delay  time.Duration
	}{
		"taken":          {200, ok, []string{"dingding_default answered"}, "", 0},
		"keyword":        {200, `{"errcode":310000,"errmsg":"keywords not in content"}`, []string{"dingding_default answered"}, hook.KindAuth, 0},
		"no such token":  {200, `{"errcode":300005,"errmsg":"token is not exist"}`, []string{"dingding_default gone: 300005 token is not exist, counted: false"}, hook.KindAuth, 0},
		"removed":        {200, `{"errcode":400106,"errmsg":"robot removed"}`, []string{"dingding_default gone: 400106 robot removed, counted: true"}, hook.KindNotFound, 0},
		"busy":           {200, `{"errcode":-1,"errmsg":"busy"}`, []string{"dingding_default answered", "dingding_default answered", "dingding_default answered"}, hook.KindUnavailable, 2 * time.Second},
		"too many":       {200, `{"errcode":660026,"errmsg":"too many"}`, []string{"dingding_default refused for 10m0s"}, hook.KindRateLimited, 7 * time.Minute},
		"a broken proxy": {503, "<html>", []string{"dingding_default answered"}, hook.KindUnavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRobot(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.answer))
			})
			w := newWatched()
			w.wait = 7 * time.Minute
			c := s.conn()
			c.Extra = `{"rate": 5, "timeout": 3}`
			_, err := newHook(t, c, hook.WithGate(w)).Send(t.Context(), hook.Text("hi"))
			assert.Equal(t, tt.kind, hook.KindOf(err))
			assert.Equal(t, tt.log, w.log)
			if e, ok := errors.AsType[*hook.Error](err); ok {
				assert.Equal(t, tt.delay, e.RetryAfter)
				assert.False(t, e.Gated())
			}
			r := w.robots["dingding_default"]
			assert.Equal(t, 5, r.Rate)
			assert.Equal(t, 3*time.Second, r.Timeout)
			assert.Len(t, r.Key, 24)
			assert.NotContains(t, token, r.Key)
		})
	}
}

func TestGateNothingLeaves(t *testing.T) {
	t.Parallel()
	w := newWatched()
	h := newHook(t, conn{Host: "http://127.0.0.1:1", Password: token}, hook.WithGate(w))
	_, err := h.Send(t.Context(), hook.Text("hi"))
	assert.Equal(t, hook.KindUnavailable, hook.KindOf(err))
	assert.Equal(t, []string{"dingding_default unsent", "dingding_default unsent", "dingding_default unsent"}, w.log)

	w.closed["dingding_default"] = closedForError(42 * time.Second)
	for name, err := range map[string]error{"send": second(h.Send(t.Context(), hook.Text("hi"))), "ready": h.Ready(t.Context(), "")} {
		e, ok := errors.AsType[*hook.Error](err)
		require.True(t, ok, name)
		assert.True(t, e.Gated(), name)
		assert.Equal(t, 42*time.Second, e.RetryDelay(), name)
		assert.True(t, e.Retryable(), name)
		assert.Contains(t, e.Error(), "the gate is closed", name)
	}
	w.closed["dingding_default"] = errors.New("the disk is gone")
	_, err = h.Send(t.Context(), hook.Text("hi"))
	assert.Equal(t, hook.KindUnavailable, hook.KindOf(err))
	require.ErrorContains(t, err, "ask whether the robot takes a message: the disk is gone")
	w.closed["dingding_default"] = nil
	require.NoError(t, h.Ready(t.Context(), ""))
}

func second[A, B any](_ A, b B) B { return b }

// shared is a connection whose robots share its messages.
func shared(url, extra string) source {
	robot := func(id, token, extra string) *connections.Connection {
		return conn{Host: url + prefix, Password: token, Extra: extra}.connection(id)
	}
	return source{
		"dingding_default": robot("dingding_default", "", extra),
		"a":                robot("a", token+"a", `{"keyword": "k"}`), "b": robot("b", token+"b", `{"keyword": "k"}`), "c": robot("c", token+"b", `{"keyword": "k"}`),
		"plain": robot("plain", token+"p", ""), "empty": robot("empty", "", ""), "nested": robot("nested", "", `{"robots": ["a"]}`),
	}
}

// A robot that is deleted leaves the messages to the others; when all are, that is the error.
func TestOtherRobotsTakeTheMessagesOfOneThatIsGone(t *testing.T) {
	t.Parallel()
	gone := map[string]bool{token + "a": true}
	s := startRobot(t, func(w http.ResponseWriter, r *http.Request) {
		answer := ok
		if gone[r.URL.Query().Get("access_token")] {
			answer = `{"errcode":400102,"errmsg":"robot is disabled"}`
		}
		_, _ = w.Write([]byte(answer))
	})
	w := newWatched()
	h := hook.New(shared(s.URL, `{"robots": ["a", "b"]}`), hook.WithGate(w))
	t.Cleanup(h.CloseIdleConnections)
	for range 4 {
		_, err := h.Send(t.Context(), hook.Text("hi"))
		require.NoError(t, err)
	}
	_, err := h.Send(t.Context(), hook.Text(strings.Repeat("x", 50_000)))
	require.NoError(t, err)
	var asked int
	for _, r := range s.requests() {
		if r.Query.Get("access_token") == token+"a" {
			asked++
		}
	}
	assert.LessOrEqual(t, asked, 3, "it is asked once a message, in its turn")
	assert.Positive(t, asked)
	gone[token+"b"] = true
	_, err = h.Send(t.Context(), hook.Text("hi"))
	e, isError := errors.AsType[*hook.Error](err)
	require.True(t, isError)
	assert.True(t, e.Gone())
}

func TestRobotsShareMessages(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok))
	w := newWatched()
	h := hook.New(shared(s.URL, `{"robots": ["a", "b", "c"]}`), hook.WithGate(w))
	t.Cleanup(h.CloseIdleConnections)
	sent := func() map[string]int {
		out := map[string]int{}
		for _, r := range s.requests() {
			out[r.Query.Get("access_token")]++
		}
		return out
	}
	for range 6 {
		_, err := h.Send(t.Context(), hook.Text("hi"))
		require.NoError(t, err)
	}
	assert.Equal(t, map[string]int{token + "a": 3, token + "b": 3}, sent(), "b and c are the same robot")
	assert.Contains(t, string(s.requests()[0].Body), `"content":"hi\nk"`)

	w.closed["a"] = closedForError(time.Minute)
	for range 2 {
		_, err := h.Send(t.Context(), hook.Text("hi"))
		require.NoError(t, err)
	}
	assert.Equal(t, map[string]int{token + "a": 3, token + "b": 5}, sent())
	assert.Contains(t, w.log, "a left")
	w.closed["b"] = closedForError(20 * time.Second)
	e, isError := errors.AsType[*hook.Error](second(h.Send(t.Context(), hook.Text("hi"))))
	require.True(t, isError)
	assert.Equal(t, 20*time.Second, e.RetryAfter, "that which opens first")
}

func TestRobotsThatCannotShare(t *testing.T) {
	t.Parallel()
	for extra, want := range map[string]string{
		`{"robots": ["a", "plain"]}`:   `the robots "a" and "plain" share messages and have other keywords: give both the same extra.keyword`,
		`{"robots": ["nested"]}`:       `extra.robots of connection "dingding_default" names "nested", which lists robots itself: list each robot once`,
		`{"robots": ["empty"]}`:        `no token was found, check the conn_id "empty"`,
		`{"robots": ["nobody"]}`:       `extra.robots of connection "dingding_default": connection "nobody": not found`,
		`{"robots": []}`:               `extra.robots must be a text or a list of texts, of connections`,
		`{"robots": [1]}`:              `extra.robots must be a text or a list of texts, of connections`,
		`{"rate": 0}`:                  `extra.rate must be a whole number of messages a minute from 1 to 100000`,
		`{"rate": "many"}`:             `extra.rate must be a whole number of messages a minute from 1 to 100000`,
		`{"rate": 1.5}`:                `extra.rate must be a whole number of messages a minute from 1 to 100000`,
		`{"robots": ["a"], "rate": 3}`: "",
	} {
		h := hook.New(shared("http://127.0.0.1:1", extra), hook.WithGate(newWatched()))
		err := h.Ready(t.Context(), "dingding_default")
		if want == "" {
			require.NoError(t, err, extra)
			continue
		}
		require.ErrorContains(t, err, want, extra)
	}
}
