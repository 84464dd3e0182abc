package hook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
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

func TestSend(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok))
	c := s.conn()
	c.Login, c.Schema = "ignored", "ignored"
	res, err := newHook(t, c).Send(t.Context(), hook.Text("你好"))
	require.NoError(t, err)
	assert.Equal(t, hook.RobotResult{Sent: 1, Parts: 1}, res)

	require.Len(t, s.requests(), 1)
	got := s.requests()[0]
	assert.Equal(t, http.MethodPost, got.Method)
	assert.Equal(t, prefix+"/robot/send", got.Path)
	assert.Equal(t, "application/json", got.ContentType)
	assert.Empty(t, got.Authorization)
	assert.Equal(t, map[string][]string{"access_token": {token}}, map[string][]string(got.Query))
	assert.JSONEq(t, `{"msgtype":"text","text":{"content":"你好"},"at":{"atMobiles":null,"isAtAll":false}}`, string(got.Body))
}

func TestSendWithPastedWebhook(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok))
	_, err := newHook(t, conn{Password: s.URL + prefix + "/robot/send?access_token=" + token + "&timestamp=1&sign=old"}).
		Send(t.Context(), hook.Text("hi"))
	require.NoError(t, err)
	got := s.requests()[0]
	assert.Equal(t, prefix+"/robot/send", got.Path)
	assert.Equal(t, map[string][]string{"access_token": {token}}, map[string][]string(got.Query))
}

func TestSendUsesBaseURLForConnectionsWithoutHost(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok))
	_, err := newHook(t, conn{Password: token}, hook.WithBaseURL(s.URL+prefix+"/")).Send(t.Context(), hook.Text("hi"))
	require.NoError(t, err)
	assert.Equal(t, prefix+"/robot/send", s.requests()[0].Path)
}

func TestSendSignsEachAttemptAnew(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(`{"errcode":-1,"errmsg":"系统繁忙"}`, ok))
	c := s.conn()
	c.Extra = `{"secret":"SEC000000000000000000000000000000000000000000000000000000000000test"}`
	millis := int64(1700000000000)
	clock := func() time.Time { defer func() { millis++ }(); return time.UnixMilli(millis) }
	_, err := newHook(t, c, hook.WithClock(clock)).Send(t.Context(), hook.Text("hi"))
	require.NoError(t, err)

	got := s.requests()
	require.Len(t, got, 2)
	assert.Equal(t, "1700000000000", got[0].Query.Get("timestamp"))
	assert.Equal(t, "bCcJiIKqyObgdvB5UiIbViJlixojz9bQW5dnZbgLAd8=", got[0].Query.Get("sign"))
	assert.Equal(t, "1700000000001", got[1].Query.Get("timestamp"))
	assert.Equal(t, "fS6HQ/4Xgd/EWPxXQT9RfM+7GyEAtdaN4UYvZfr44KY=", got[1].Query.Get("sign"))
	assert.Equal(t, got[0].Body, got[1].Body)
}

func TestSendRefusesBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok))
	broken := s.conn()
	broken.Extra = `{"timeout":"soon"}`
	src := source{
		"dingding_default": s.conn().connection("dingding_default"),
		"no_token":         conn{Host: s.URL}.connection("no_token"),
		"broken":           broken.connection("broken"),
	}
	h := hook.New(src)
	for name, tt := range map[string]struct {
		msg  hook.RobotMessage
		kind hook.Kind
		want string
	}{
		"unsupported type": {
			hook.RobotMessage{Type: "image", Message: "x"},
			hook.KindInvalid,
			`send robot message to "dingding_default": unsupported message_type: supported are text, link, markdown, actionCard, feedCard, received image`,
		},
		"unsupported type comes before the connection": {
			hook.RobotMessage{ConnID: "nowhere", Type: "image"},
			hook.KindInvalid,
			`send robot message to "nowhere": unsupported message_type: supported are text, link, markdown, actionCard, feedCard, received image`,
		},
		"null message": {hook.RobotMessage{}, hook.KindInvalid, `send robot message to "dingding_default": the text message is empty; give it a content`},
		"missing token": {
			hook.RobotMessage{ConnID: "no_token", Message: "x"},
			hook.KindAuth,
			`send robot message to "no_token": no token was found, check the conn_id "no_token": its password must be the access token or the webhook address of the robot`,
		},
		"unknown connection": {hook.RobotMessage{ConnID: "nowhere", Message: "x"}, hook.KindNotFound, `send robot message to "nowhere": connection "nowhere": not found`},
		"broken connection": {
			hook.RobotMessage{ConnID: "broken", Message: "x"},
			hook.KindInvalid,
			`send robot message to "broken": connection "broken": extra.timeout must be a number of seconds over 0, or a duration such as "30s"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := h.Send(t.Context(), tt.msg)
			var e *hook.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.kind, e.Kind)
			assert.Equal(t, tt.want, err.Error())
			assert.False(t, e.Retryable())
		})
	}
	t.Cleanup(func() { assert.Empty(t, s.requests()) })
}

func TestSendTellsSourceFailuresApart(t *testing.T) {
	t.Parallel()
	_, err := hook.New(source{}).Send(t.Context(), hook.Text("x"))
	require.ErrorIs(t, err, connections.ErrNotFound)

	_, err = hook.New(brokenSource{}).Send(t.Context(), hook.Text("x"))
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, hook.KindUnavailable, e.Kind, "the store may be back for the next try")
	require.ErrorIs(t, err, errStore)
}

var errStore = errors.New("database is locked")

type brokenSource struct{}

func (brokenSource) Connection(context.Context, string) (*connections.Connection, error) {
	return nil, errStore
}

func TestSendWarns(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	s := startRobot(t, calltest.Answering(ok))
	m := hook.Link("t", "x", "https://example.com", "")
	m.AtAll = true
	res, err := newHook(t, s.conn(), hook.WithLogger(slog.New(slog.NewTextHandler(&logged, nil)))).Send(t.Context(), m)
	require.NoError(t, err)
	require.Len(t, res.Warnings, 1)
	assert.Contains(t, logged.String(), "level=WARN")
	assert.Contains(t, logged.String(), res.Warnings[0])
	assert.Contains(t, logged.String(), `level=INFO msg="robot message" conn_id=dingding_default body="{\"msgtype\":\"link\"`)
	assert.NotContains(t, logged.String(), token)
}

func TestSendResumesAfterAFailedPart(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok, `{"errcode":660026,"errmsg":"sending too many messages per minute"}`, ok))
	h := newHook(t, s.conn())
	m := hook.Text(strings.Repeat("line of a long report\n", 2500))
	res, err := h.Send(t.Context(), m)
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, hook.KindRateLimited, e.Kind)
	assert.Equal(t, 1, e.Sent)
	assert.Equal(t, 3, e.Parts)
	assert.Equal(t, hook.RobotResult{Sent: 1, Parts: 3}, res)
	assert.Contains(t, err.Error(), `send robot message to "dingding_default", part 2 of 3 (part 1 was delivered): DingTalk answered 660026 sending too many`)

	m.SkipParts = e.Sent
	res, err = h.Send(t.Context(), m)
	require.NoError(t, err)
	assert.Equal(t, hook.RobotResult{Sent: 3, Parts: 3}, res)
	got := s.requests()
	require.Len(t, got, 4)
	assert.Equal(t, got[1].Body, got[2].Body, "the part that failed comes again")
	assert.Contains(t, decode(t, got[3].Body).Text.Content, "(3/3)\n")
}

func TestSendReusesConnections(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok))
	src := connSource(s.conn())
	other := s.conn()
	other.Extra = `{"secret":"SEC1"}`
	src["other"] = other.connection("other")
	h := hook.New(src)
	t.Cleanup(h.CloseIdleConnections)
	send := func(connID string) {
		t.Helper()
		_, err := h.Send(t.Context(), hook.RobotMessage{ConnID: connID, Message: "x"})
		require.NoError(t, err)
	}
	send("")
	send("other")
	changed := s.conn()
	changed.Password = "anothertoken"
	src["dingding_default"] = changed.connection("dingding_default")
	send("")
	got := s.requests()
	assert.Equal(t, "anothertoken", got[2].Query.Get("access_token"), "a changed connection is noticed")
	assert.Equal(t, got[0].RemoteAddr, got[1].RemoteAddr)
	assert.Equal(t, got[0].RemoteAddr, got[2].RemoteAddr)
}

func TestWithSharesConnections(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	s := startRobot(t, calltest.Answering(ok))
	h := newHook(t, s.conn())
	other := h.With(connSource(conn{Host: s.URL, Password: "anothertoken"}), slog.New(slog.NewTextHandler(&logged, nil)))
	for _, h := range []*hook.DingdingHook{h, other} {
		_, err := h.Send(t.Context(), hook.Text("x"))
		require.NoError(t, err)
	}
	got := s.requests()
	assert.Equal(t, token, got[0].Query.Get("access_token"))
	assert.Equal(t, "anothertoken", got[1].Query.Get("access_token"))
	assert.Equal(t, got[0].RemoteAddr, got[1].RemoteAddr)
	assert.Equal(t, 1, strings.Count(logged.String(), "level=INFO"), "each logs to its own log")
}

func TestSendConcurrently(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok))
	h := newHook(t, s.conn())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 5 {
				_, err := h.Send(t.Context(), hook.Text("x"))
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	require.Len(t, s.requests(), 80)
	for _, r := range s.requests() {
		assert.True(t, json.Valid(r.Body))
	}
}

func TestSendThroughProxy(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Host + r.URL.Path
		calltest.Answering(ok)(w, r)
	}))
	t.Cleanup(proxy.Close)
	_, err := newHook(t, conn{Host: "http://robot.invalid", Password: token, Extra: `{"proxy":"` + proxy.URL + `"}`}).
		Send(t.Context(), hook.Text("x"))
	require.NoError(t, err)
	assert.Equal(t, "robot.invalid/robot/send", <-asked)
}

func TestSendVerifiesCertificates(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(calltest.Answering(ok))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := newHook(t, conn{Host: s.URL, Password: token}).Send(t.Context(), hook.Text("x"))
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, hook.KindUnavailable, e.Kind)
	assert.Contains(t, err.Error(), "certificate")

	_, err = newHook(t, conn{Host: s.URL, Password: token, Extra: `{"verify":false}`}).Send(t.Context(), hook.Text("x"))
	require.NoError(t, err)
}

func TestSendWithOwnClient(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok))
	_, err := newHook(t, s.conn(), hook.WithHTTPClient(s.Client())).Send(t.Context(), hook.Text("x"))
	require.NoError(t, err)

	c := s.conn()
	c.Extra = `{"proxy":"http://proxy.example.com"}`
	_, err = newHook(t, c, hook.WithHTTPClient(s.Client())).Send(t.Context(), hook.Text("x"))
	require.ErrorContains(t, err, "extra.proxy and extra.verify cannot be set")
}

func TestGetConn(t *testing.T) {
	t.Parallel()
	s := startRobot(t, calltest.Answering(ok))
	c := s.conn()
	c.Password = "" // a client does not need a token
	client, err := newHook(t, c).GetConn(t.Context(), "", map[string]string{"X-Trace": "1", "Content-Type": "text/plain"})
	require.NoError(t, err)
	assert.Equal(t, s.URL+prefix, client.BaseURL)
	assert.Equal(t, "1", client.Header.Get("X-Trace"))
	assert.Equal(t, 10*time.Second, client.GetClient().Timeout)

	resp, err := client.R().SetContext(t.Context()).SetBody("x").Post("robot/send")
	require.NoError(t, err)
	assert.Equal(t, ok, resp.String())
	assert.Equal(t, prefix+"/robot/send", s.requests()[0].Path)
	assert.Equal(t, "text/plain", s.requests()[0].ContentType)

	_, err = newHook(t, c).GetConn(t.Context(), "nowhere", nil)
	require.EqualError(t, err, `get the connection: connection "nowhere": not found`)
}
