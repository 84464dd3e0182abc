package hook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

var _ callbacks.DeliveryError = (*hook.Error)(nil)

// Kinds and pauses as DingTalk's pages give them; see "What to do" there.
func TestSendJudgesCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		kind  hook.Kind
		pause time.Duration
	}{
		"310000": {kind: hook.KindAuth},
		"300001": {kind: hook.KindAuth}, "300005": {kind: hook.KindAuth}, "400101": {kind: hook.KindAuth},
		"40001": {kind: hook.KindAuth}, "40014": {kind: hook.KindAuth}, "42001": {kind: hook.KindAuth}, "40000": {kind: hook.KindAuth},
		"40089": {kind: hook.KindAuth}, "40096": {kind: hook.KindAuth}, "33001": {kind: hook.KindAuth}, "43007": {kind: hook.KindAuth},
		"60011": {kind: hook.KindAuth}, "60020": {kind: hook.KindAuth}, "90020": {kind: hook.KindAuth},
		"400102": {kind: hook.KindNotFound}, "400106": {kind: hook.KindNotFound}, "400013": {kind: hook.KindNotFound}, "404": {kind: hook.KindNotFound},
		"40016": {kind: hook.KindNotFound}, "60003": {kind: hook.KindNotFound}, "60121": {kind: hook.KindNotFound},
		"400105": {kind: hook.KindInvalid}, "40035": {kind: hook.KindInvalid}, "43004": {kind: hook.KindInvalid}, "460101": {kind: hook.KindInvalid},
		"400201": {kind: hook.KindInvalid}, "400401": {kind: hook.KindInvalid}, "400402": {kind: hook.KindInvalid}, "400602": {kind: hook.KindInvalid},
		"401104": {kind: hook.KindInvalid}, "430101": {kind: hook.KindInvalid}, "430102": {kind: hook.KindInvalid}, "430103": {kind: hook.KindInvalid},
		"430104": {kind: hook.KindInvalid}, "22": {kind: hook.KindInvalid}, "400002": {kind: hook.KindInvalid}, "40031": {kind: hook.KindInvalid},
		"33012": {kind: hook.KindInvalid}, "34016": {kind: hook.KindInvalid},
		"660026": {hook.KindRateLimited, 10 * time.Minute}, "130101": {hook.KindRateLimited, 10 * time.Minute}, "410100": {hook.KindRateLimited, 10 * time.Minute},
		"90018": {hook.KindRateLimited, time.Second}, "90002": {hook.KindRateLimited, time.Second}, "90014": {hook.KindRateLimited, time.Second},
		"15": {kind: hook.KindUncertain}, "88": {kind: hook.KindUncertain},
		"999999": {kind: hook.KindUnavailable},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			// As a number and as text: DingTalk's own pages show both.
			for _, errcode := range []string{code, `"` + code + `"`} {
				s := startRobot(t, calltest.Answering(`{"errcode":`+errcode+`,"errmsg":"because","request_id":"r1"}`))
				_, err := newHook(t, s.conn()).Send(t.Context(), hook.Text("x"))
				var e *hook.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, want.kind, e.Kind)
				assert.Equal(t, want.pause, e.RetryDelay())
				assert.Equal(t, []any{code, "because", "r1", 200, 0, 1}, []any{e.Code, e.Message, e.RequestID, e.HTTPStatus, e.Sent, e.Parts})
				assert.Equal(t, want.kind == hook.KindRateLimited || want.kind == hook.KindUnavailable, e.Retryable())
				assert.Equal(t, want.kind == hook.KindUncertain, e.Uncertain())
				assert.Contains(t, err.Error(), "DingTalk answered "+code+" because")
				assert.Len(t, s.requests(), 1, "a refusal is not repeated at once")
			}
		})
	}
}

func TestSendUnwrapsTheGatewaysCodes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer, code, message string
		kind                  hook.Kind
	}{
		"sub code":         {`{"errcode":88,"sub_code":"60020","sub_msg":"访问ip不在白名单之中","errmsg":"ding talk error"}`, "60020", "访问ip不在白名单之中", hook.KindAuth},
		"sub code in text": {`{"errcode":88,"errmsg":"ding talk error[subcode=90018,submsg=x]"}`, "90018", "ding talk error[subcode=90018,submsg=x]", hook.KindRateLimited},
		"back end timeout": {`{"errcode":15,"sub_code":"isp.top-remote-connection-timeout","errmsg":"x"}`, "isp.top-remote-connection-timeout", "x", hook.KindUncertain},
		"address blocked":  {`{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}`, "1111", "the address is blocked (punish deny)", hook.KindRateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := sendTo(t, calltest.Answering(tt.answer))
			assert.Equal(t, []any{tt.code, tt.message, tt.kind}, []any{e.Code, e.Message, e.Kind})
		})
	}
}

func TestRemedyTellsSecuritySettingsApart(t *testing.T) {
	t.Parallel()
	const current = "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中，请确认机器人的密钥加密和填写正确;"
	for text, want := range map[string]string{
		"keywords not in content": "keywords",
		"keywords not in content, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]": "keywords",
		"description:关键词不匹配;solution:请联系群管理员查看此机器人的关键词，并在发送的信息中包含此关键词;":                         "keywords",
		"错误描述:关键词不匹配;解决方案:请联系群管理员查看此机器人的关键词，并在发送的信息中包含此关键词;":                                    "keywords",
		"sign not match":                      "secret",
		"sign not match, more: [https://x.y]": "secret",
		current:                               "secret",
		"invalid timestamp":                   "clock",
		"invalid timestamp, more: [https://ding-doc.dingtalk.com/doc#/sign]": "clock",
		"ip 10.0.0.1 not in whitelist":                                       "IP list",
		"ip 10.0.0.1 not in whitelist, more: [https://x.y]":                  "IP list",
		"a text of next year":                                                "check keywords, signature and IP list",
	} {
		e := &hook.Error{Op: "send", Kind: hook.KindAuth, Code: "310000", Message: text}
		assert.Contains(t, e.Remedy(), want, text)
		assert.Contains(t, e.Error(), e.Remedy())
	}
}

// Answers that are no success and have no code of DingTalk's.
func TestSendJudgesOtherAnswers(t *testing.T) {
	t.Parallel()
	html := "<!DOCTYPE html><html><body>" + token + "</body></html>"
	for name, tt := range map[string]struct {
		status int
		body   string
		kind   hook.Kind
		want   string
	}{
		"no errcode":         {200, `{"success":true}`, hook.KindUncertain, `the answer does not say that the request was accepted: "{\"success\":true}"`},
		"errcode null":       {200, `{"errcode":null}`, hook.KindUncertain, "does not say"},
		"errcode empty":      {200, `{"errcode":""}`, hook.KindUncertain, "does not say"},
		"errcode true":       {200, `{"errcode":true}`, hook.KindUncertain, "does not say"},
		"errcode an object":  {200, `{"errcode":{"a":0}}`, hook.KindUncertain, "does not say"},
		"array":              {200, `[{"errcode":0}]`, hook.KindUncertain, "does not say"},
		"null":               {200, `null`, hook.KindUncertain, "does not say"},
		"text":               {200, "ok", hook.KindUncertain, `the answer is not valid JSON: "ok"`},
		"broken JSON":        {200, `{"errcode":0,"errm`, hook.KindUncertain, "the answer is not valid JSON"},
		"two values":         {200, ok + ok, hook.KindUncertain, "the answer is not valid JSON"},
		"token in the text":  {200, "what is " + token + "?", hook.KindUncertain, `"what is ***?"`},
		"empty":              {200, "", hook.KindUncertain, "the answer is empty"},
		"no content":         {204, "", hook.KindUncertain, "the answer is empty (HTTP 204 No Content)"},
		"HTML":               {200, html, hook.KindUnavailable, "the answer is an HTML page"},
		"HTML 503":           {503, html, hook.KindUnavailable, "(HTTP 503 Service Unavailable)"},
		"HTML 502":           {502, html, hook.KindUnavailable, "(HTTP 502 Bad Gateway)"},
		"504, empty":         {504, "", hook.KindUncertain, "the answer is empty (HTTP 504 Gateway Timeout)"},
		"403 HTML":           {403, html, hook.KindAuth, "(HTTP 403 Forbidden)"},
		"404 HTML":           {404, html, hook.KindNotFound, "(HTTP 404 Not Found)"},
		"413 HTML":           {413, html, hook.KindInvalid, "(HTTP 413 Request Entity Too Large)"},
		"429":                {429, "", hook.KindRateLimited, "(HTTP 429 Too Many Requests)"},
		"errcode 0 with 500": {500, ok, hook.KindUnavailable, "does not say"},
		"errcode 0 with 400": {400, ok, hook.KindInvalid, "(HTTP 400 Bad Request)"},
		"code with 400":      {400, `{"errcode":310000,"errmsg":"sign not match"}`, hook.KindAuth, "DingTalk answered 310000 sign not match (HTTP 400 Bad Request)"},
		"redirect":           {302, "", hook.KindInvalid, "the answer is a redirect, which is not followed"},
		"oversized":          {200, `{"errcode":0,"errmsg":"` + strings.Repeat("x", 70000) + `"}`, hook.KindUncertain, "the answer is useless: it is larger than 64 KiB"},
		"oversized HTML":     {503, html + strings.Repeat("x", 70000), hook.KindUnavailable, "the answer is an HTML page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := sendTo(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			assert.Equal(t, tt.kind, e.Kind)
			assert.Contains(t, e.Error(), tt.want)
			assert.Equal(t, tt.status, e.HTTPStatus)
		})
	}
}

func TestSendTakesSuccessInEveryForm(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"number":                  calltest.Answering(ok),
		"text":                    calltest.Answering(`{"errcode":"0","errmsg":"ok"}`),
		"errmsg of another type":  calltest.Answering(` {"errmsg":null,"errcode":0} `),
		"other status":            func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated); io.WriteString(w, ok) },
		"redirect with a success": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound); io.WriteString(w, ok) },
		"no content type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, ok)
		},
		"cut off behind the answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, ok)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRobot(t, answer)
			_, err := newHook(t, s.conn()).Send(t.Context(), hook.Text("x"))
			require.NoError(t, err)
		})
	}
}

func TestSendWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"cut before the answer": {func(w http.ResponseWriter, _ *http.Request) { calltest.Cut(w) }, "the connection broke before an answer came: EOF"},
		"cut in the answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"errcode":`)
		}, "the answer was cut off: unexpected EOF"},
		"no answer in time": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer within 200ms: context deadline exceeded"},
		"slow answer": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"errcode":`)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "the answer was cut off: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRobot(t, tt.answer)
			c := s.conn()
			c.Extra = `{"timeout":0.2}`
			_, err := newHook(t, c).Send(t.Context(), hook.Text("x"))
			var e *hook.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, hook.KindUncertain, e.Kind)
			assert.True(t, e.Uncertain())
			assert.False(t, e.Retryable())
			assert.Contains(t, err.Error(), tt.want)
			assert.Contains(t, err.Error(), "check in the group")
			assert.Len(t, s.requests(), 1, "it is not sent again")
		})
	}
}

func TestSendWithoutConnection(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	plain := startRobot(t, calltest.Answering(ok))
	for name, tt := range map[string]struct{ host, want string }{
		"refused":     {"http://" + closed.Addr().String(), "connection refused"},
		"unknown":     {"http://robot.invalid", "robot.invalid"},
		"no TLS here": {"https://" + plain.Listener.Addr().String(), "HTTP response to HTTPS client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newHook(t, conn{Host: tt.host, Password: token}).Send(t.Context(), hook.Text("x"))
			var e *hook.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, hook.KindUnavailable, e.Kind)
			assert.True(t, e.Retryable())
			assert.Contains(t, err.Error(), "could not connect: ")
			assert.Contains(t, err.Error(), tt.want)
			assert.NotContains(t, err.Error(), token)
		})
	}
}

// A transport that says nothing about its progress may have sent the message.
func TestSendDoesNotTrustAStrangeTransport(t *testing.T) {
	t.Parallel()
	tries := 0
	h := hook.New(connSource(conn{Password: token}), hook.WithHTTPClient(&http.Client{Transport: calltest.RoundTrip(func(*http.Request) (*http.Response, error) {
		tries++
		return nil, io.EOF
	})}))
	_, err := h.Send(t.Context(), hook.Text("x"))
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, hook.KindUncertain, e.Kind)
	assert.Equal(t, 1, tries)
}

func TestSendRepeatsOnlyABoundedNumberOfTimes(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for name, transport := range map[string]calltest.RoundTrip{
		"busy": func(*http.Request) (*http.Response, error) {
			return calltest.Response(`{"errcode":-1,"errmsg":"系统繁忙"}`), nil
		},
		"refused": func(*http.Request) (*http.Response, error) { return nil, refused },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				h := hook.New(connSource(conn{Password: token}), hook.WithHTTPClient(&http.Client{Transport: calltest.RoundTrip(func(r *http.Request) (*http.Response, error) {
					tries++
					return transport(r)
				})}))
				start := time.Now()
				_, err := h.Send(t.Context(), hook.Text("x"))
				var e *hook.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, hook.KindUnavailable, e.Kind)
				assert.Equal(t, 3, tries)
				assert.Equal(t, 1200*time.Millisecond, time.Since(start))

				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				tries = 0
				_, err = h.Send(ctx, hook.Text("x"))
				require.ErrorAs(t, err, &e)
				assert.Equal(t, hook.KindUnavailable, e.Kind)
				assert.Equal(t, 1, tries, "the caller's deadline ends the pause")
			})
		})
	}
}

func TestSendStopsWithTheContext(t *testing.T) {
	t.Parallel()
	stop := errors.New("the worker shuts down")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := startRobot(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel(stop)
		<-r.Context().Done()
	})
	h := newHook(t, s.conn())
	_, err := h.Send(ctx, hook.Text("x"))
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, hook.KindUncertain, e.Kind, "the request had left")
	require.ErrorIs(t, err, stop)

	_, err = h.Send(ctx, hook.Text("x"))
	require.ErrorAs(t, err, &e)
	assert.Equal(t, hook.KindUnavailable, e.Kind, "it never left")
	require.ErrorIs(t, err, stop)
	assert.Len(t, s.requests(), 1)
}

// No failure shows the token, the secret, the signature or the query.
func TestErrorsAndLogsHoldNoCredentials(t *testing.T) {
	t.Parallel()
	const secret = "SEC1234567890"
	echo := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"errcode":310000,"errmsg":"sign not match: %s secret %s sign %s"}`, r.URL.RawQuery, secret, r.URL.Query().Get("sign"))
	}
	for name, answer := range map[string]http.HandlerFunc{
		"refusal that repeats the query": echo,
		"text that repeats the query":    func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "bad "+r.URL.String()) },
		"busy":                           calltest.Answering(`{"errcode":-1,"errmsg":"busy"}`),
		"cut":                            func(w http.ResponseWriter, _ *http.Request) { calltest.Cut(w) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/x?"+r.URL.RawQuery, http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			s := startRobot(t, answer)
			c := s.conn()
			c.Extra = `{"secret":"` + secret + `"}`
			log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
			_, err := newHook(t, c, hook.WithLogger(log)).Send(t.Context(), hook.Text("x"))
			var e *hook.Error
			require.ErrorAs(t, err, &e)
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", *e), logged.String()} {
				for _, hidden := range []string{token, secret, s.requests()[0].Query.Get("sign")} {
					assert.NotContains(t, text, hidden)
				}
			}
		})
	}
}

func sendTo(t *testing.T, answer http.HandlerFunc) *hook.Error {
	t.Helper()
	s := startRobot(t, answer)
	_, err := newHook(t, s.conn()).Send(t.Context(), hook.Text("x"))
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.NotContains(t, err.Error(), token)
	assert.Len(t, s.requests(), 1)
	return e
}
