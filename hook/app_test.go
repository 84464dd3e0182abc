package hook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/chat"
	"github.com/dingdag/dingdag/hook/directory"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

// Two calls that stand for all: one reads, the other must not be made twice. Both are of
// the older API; search is of the new one.
func read(ctx context.Context, a *hook.App) error {
	_, err := directory.UserCount(ctx, a, true)
	return err
}

func write(ctx context.Context, a *hook.App) error {
	_, err := directory.CreateUser(ctx, a, directory.NewUser{Name: "Ann", Mobile: "13800000000", DeptIDs: []int64{1}})
	return err
}

const counted = `{"errcode":0,"errmsg":"ok","result":{"count":42}}`

func readNew(ctx context.Context, a *hook.App) error {
	_, err := directory.SearchUsers(ctx, a, directory.SearchQuery{Word: "Ann", Size: 10})
	return err
}

func writeNew(ctx context.Context, a *hook.App) error {
	_, err := chat.Create(ctx, a, chat.NewChat{Name: "Incident 7", Owner: "u001"})
	return err
}

func TestColdTokenIsFetchedOnce(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(counted))
	a := s.App(t)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() { assert.NoError(t, read(t.Context(), a)) })
	}
	wg.Wait()
	assert.Equal(t, 1, s.Fetched("legacy"))
	assert.Zero(t, s.Fetched("new"), "the other generation needs none")
	assert.Len(t, s.Got(), 64)
}

// A refused token is replaced once and the call repeated, whatever it does: nothing was
// done. A second refusal is final.
func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		`{"errcode":42001,"errmsg":"access_token expired"}`,
		`{"errcode":40001,"errmsg":"invalid credential"}`,
		`{"errcode":40014,"errmsg":"不合法的access_token"}`,
		`{"errcode":88,"sub_code":"40014","sub_msg":"不合法的access_token","errmsg":"ding talk error[subcode=40014,submsg=x]"}`,
		`{"errcode":88,"errmsg":"ding talk error[subcode=42001,submsg=x]"}`,
	} {
		s := calltest.Start(t, calltest.Answering(counted, answer, counted, answer, answer))
		a := s.App(t)
		require.NoError(t, read(t.Context(), a))
		s.SetToken("legacy", "second-token")
		require.NoError(t, write(t.Context(), a))
		calls := s.Got()
		require.Len(t, calls, 3)
		assert.Equal(t, []string{"legacy-token", "second-token"}, []string{calls[1].Token, calls[2].Token})
		assert.Equal(t, calls[1].Body, calls[2].Body)

		s.SetToken("legacy", "third-token")
		e := calltest.Failed(t, read(t.Context(), a))
		assert.Equal(t, hook.KindAuth, e.Kind)
		assert.Contains(t, e.Error(), "belong together")
		assert.NotContains(t, e.Error(), "third-token")
		assert.Len(t, s.Got(), 5)
		assert.Equal(t, 3, s.Fetched("legacy"))
	}
}

func TestTokensLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetched, life := 0, "7200"
		h := calltest.Hook(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/gettoken" {
				fetched++
				return calltest.Response(`{"errcode":0,"access_token":"t","expires_in":` + life + `}`), nil
			}
			return calltest.Response(counted), nil
		})
		a := h.App("")
		require.NoError(t, read(t.Context(), a))
		time.Sleep(7200*time.Second - 10*time.Minute - time.Second)
		require.NoError(t, read(t.Context(), a))
		assert.Equal(t, 1, fetched)
		life = "300"
		time.Sleep(5*time.Minute + time.Second) // five minutes before the end at the latest
		require.NoError(t, read(t.Context(), a))
		require.NoError(t, read(t.Context(), a))
		assert.Equal(t, 2, fetched, "a token near its end is not asked for again with each call")
	})
}

func TestOldTokenServesWhileDingTalkIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		busy := false
		h := calltest.Hook(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/gettoken" && busy {
				return calltest.Response(`{"errcode":-1,"errmsg":"系统繁忙"}`), nil
			} else if r.URL.Path == "/gettoken" {
				return calltest.Response(`{"errcode":0,"access_token":"t","expires_in":7200}`), nil
			}
			return calltest.Response(counted), nil
		})
		require.NoError(t, read(t.Context(), h.App("")))
		busy = true
		time.Sleep(115*time.Minute + time.Second)
		require.NoError(t, read(t.Context(), h.App("")))
		time.Sleep(5 * time.Minute)
		e := calltest.Failed(t, read(t.Context(), h.App("")))
		assert.Equal(t, hook.KindUnavailable, e.Kind)
		assert.Contains(t, e.Error(), "get an access token")
	})
}

// A refusal that stays one is told at once, although the old token may still work for some
// minutes: an application that was taken away does not call on.
func TestOldTokenIsNotUsedAfterAFinalRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone, calls := false, 0
		h := calltest.Hook(t, func(r *http.Request) (*http.Response, error) {
			switch {
			case r.URL.Path == "/gettoken" && gone:
				return calltest.Response(`{"errcode":40096,"errmsg":"不合法的appKey或appSecret"}`), nil
			case r.URL.Path == "/gettoken":
				return calltest.Response(`{"errcode":0,"access_token":"t","expires_in":7200}`), nil
			}
			calls++
			return calltest.Response(counted), nil
		})
		require.NoError(t, read(t.Context(), h.App("")))
		gone = true
		time.Sleep(115*time.Minute + time.Second) // refresh is due, the token lives on
		e := calltest.Failed(t, read(t.Context(), h.App("")))
		assert.Equal(t, hook.KindAuth, e.Kind)
		assert.Equal(t, "40096", e.Code)
		assert.Equal(t, 1, calls, "nothing was called with the old token")
	})
}

// memoryStore is a TokenStore that two hooks share.
type memoryStore struct {
	mu    sync.Mutex
	saved map[string]hook.Token
	err   error
}

func (m *memoryStore) Load(_ context.Context, key string) (hook.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saved[key], m.err
}

func (m *memoryStore) Save(_ context.Context, key string, t hook.Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saved[key] = t
	return m.err
}

func TestTokensAreShared(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(counted, counted, `{"errcode":40014,"errmsg":"x"}`, counted, counted))
	store := &memoryStore{saved: map[string]hook.Token{}}
	one, two := s.App(t, hook.WithTokenStore(store)), s.App(t, hook.WithTokenStore(store))
	require.NoError(t, read(t.Context(), one))
	require.NoError(t, read(t.Context(), two))
	assert.Equal(t, 1, s.Fetched("legacy"))

	s.SetToken("legacy", "second-token")
	require.NoError(t, read(t.Context(), one))
	assert.Equal(t, 2, s.Fetched("legacy"), "the refused token is not taken from the store again")
	for key, token := range store.saved {
		assert.NotContains(t, key+fmt.Sprintf("%+v", token), "second-token")
		assert.Equal(t, "second-token", token.Value.Reveal())
	}
}

func TestBrokenTokenStoreStopsNothing(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	s := calltest.Start(t, calltest.Answering(counted))
	store := &memoryStore{saved: map[string]hook.Token{}, err: errors.New("disk full")}
	a := s.App(t, hook.WithTokenStore(store), hook.WithLogger(slog.New(slog.NewTextHandler(&logged, nil))))
	require.NoError(t, read(t.Context(), a))
	assert.Contains(t, logged.String(), "disk full")
	assert.NotContains(t, logged.String(), "legacy-token")
}

// One caller that gives up takes nothing from the others, and leaves nothing behind.
func TestTokenFetchEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := true
		h := calltest.Hook(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/gettoken" && first {
				first = false
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return calltest.TokenAnd(func(*http.Request) (*http.Response, error) { return calltest.Response(counted), nil })(r)
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("the worker shuts down")
		var wg sync.WaitGroup
		wg.Go(func() { assert.ErrorIs(t, read(ctx, h.App("")), stop) })
		synctest.Wait()
		wg.Go(func() { assert.NoError(t, read(t.Context(), h.App(""))) })
		synctest.Wait()
		cancel(stop)
		wg.Wait()
		e := calltest.Failed(t, read(ctx, h.App("")))
		assert.Equal(t, "stopped before the request left", e.Message)
	})
}

// What each refusal means for a call that reads and for one that changes something, and
// how often it is sent.
func TestCallErrors(t *testing.T) {
	t.Parallel()
	const (
		qps     = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
		scope   = "Forbidden.AccessDenied.AccessTokenPermissionDenied"
		ip      = "Forbidden.AccessDenied.IpNotInWhiteList"
		legacy  = `{"errcode":%d,"errmsg":"because","request_id":"r1"}`
		gateway = `{"errcode":88,"sub_code":"%d","sub_msg":"because","errmsg":"ding talk error","request_id":"r1"}`
	)
	word := func(code string) string { return `{"code":"` + code + `","message":"because","requestid":"r1"}` }
	for name, tt := range map[string]struct {
		status      int
		body        string
		read, write hook.Kind
		reads       int // attempts of a reading call
		writes      int
		pause       time.Duration
		want        string
	}{
		"unknown user":        {200, fmt.Sprintf(legacy, 60121), hook.KindNotFound, hook.KindNotFound, 1, 1, 0, "does not exist"},
		"unknown code":        {200, fmt.Sprintf(legacy, 99999), hook.KindUnavailable, hook.KindUnavailable, 1, 1, 0, "99999 because"},
		"busy":                {200, fmt.Sprintf(legacy, -1), hook.KindUnavailable, hook.KindUnavailable, 3, 1, 2 * time.Second, "busy"},
		"credentials":         {200, fmt.Sprintf(gateway, 40089), hook.KindAuth, hook.KindAuth, 1, 1, 0, "AppSecret"},
		"scope":               {200, `{"errcode":88,"sub_code":"60011","sub_msg":"应用尚未开通所需的权限：[qyapi_get_member]"}`, hook.KindAuth, hook.KindAuth, 1, 1, 0, "give the app the permission qyapi_get_member"},
		"scopes":              {200, `{"errcode":88,"sub_code":"60011","sub_msg":"requiredScopes=[qyapi_get_member, x_y]"}`, hook.KindAuth, hook.KindAuth, 1, 1, 0, "permission qyapi_get_member, x_y:"},
		"IP":                  {200, `{"errcode":88,"sub_code":"60020","sub_msg":"访问ip不在白名单之中,request ip=203.0.113.7"}`, hook.KindAuth, hook.KindAuth, 1, 1, 0, "call from 203.0.113.7:"},
		"QPS":                 {200, fmt.Sprintf(gateway, 90018), hook.KindRateLimited, hook.KindRateLimited, 3, 3, time.Second, "too often"},
		"monthly":             {200, fmt.Sprintf(gateway, 90020), hook.KindAuth, hook.KindAuth, 1, 1, 0, "next month"},
		"back end timeout":    {200, `{"errcode":15,"sub_code":"isp.top-remote-connection-timeout"}`, hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, ""},
		"gateway gave up":     {200, `{"errcode":88,"errmsg":"x"}`, hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, ""},
		"no envelope":         {200, `{}`, hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, "does not say"},
		"broken JSON":         {200, `{"errcode":0,`, hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, "is not valid JSON"},
		"HTML":                {503, "<html>busy</html>", hook.KindUnavailable, hook.KindUnavailable, 3, 1, 0, "HTML"},
		"gateway timeout":     {504, "", hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, "504"},
		"not as documented":   {200, `{"errcode":0,"result":{"count":"many","userid":{"a":1}}}`, hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, ""},
		"block of an address": {200, `{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}`, hook.KindRateLimited, hook.KindRateLimited, 1, 1, 5 * time.Minute, "blocks this address"},

		"new: argument":         {400, word("parameter.error"), hook.KindInvalid, hook.KindInvalid, 1, 1, 0, "parameter.error because (HTTP 400 Bad Request)"},
		"new: missing":          {400, word("Missingoffset"), hook.KindInvalid, hook.KindInvalid, 1, 1, 0, "Missingoffset"},
		"new: not found":        {404, word("nodeNotExist"), hook.KindNotFound, hook.KindNotFound, 1, 1, 0, ""},
		"new: denied":           {403, word("permissionDenied"), hook.KindAuth, hook.KindAuth, 1, 1, 0, ""},
		"new: scope":            {403, `{"code":"` + scope + `","message":"x","requestid":"r1","accessdenieddetail":{"requiredScopes":["qyapi_robot_sendmsg"]}}`, hook.KindAuth, hook.KindAuth, 1, 1, 0, "permission qyapi_robot_sendmsg:"},
		"new: IP":               {403, `{"code":"` + ip + `","message":"访问ip不在白名单之中,request ip=2001:db8::1 appKey(d)"}`, hook.KindAuth, hook.KindAuth, 1, 1, 0, "call from 2001:db8::1:"},
		"new: QPS":              {403, word(qps), hook.KindRateLimited, hook.KindRateLimited, 3, 3, time.Second, ""},
		"new: QPM":              {403, word("Forbidden.AccessDenied.QpmLimitForAppkeyAndApi"), hook.KindRateLimited, hook.KindRateLimited, 1, 1, time.Minute, ""},
		"new: month":            {403, word("Forbidden.AccessDenied.ApiCountLimitForOrg"), hook.KindAuth, hook.KindAuth, 1, 1, 0, "month"},
		"new: throttled":        {429, word("whatever"), hook.KindRateLimited, hook.KindRateLimited, 3, 3, time.Second, ""},
		"new: busy":             {503, word("serviceBusy"), hook.KindUnavailable, hook.KindUnavailable, 3, 1, 2 * time.Second, "busy"},
		"new: fault":            {500, word("system.error"), hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, "failed"},
		"new: fault with 400":   {400, word("systemError"), hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, ""},
		"new: unknown fault":    {500, word("whatever"), hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, ""},
		"new: timeout":          {503, word("operationTimeout"), hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, ""},
		"new: initialising":     {400, word("invalidRequest.document.stillInitializing"), hook.KindUnavailable, hook.KindUnavailable, 3, 3, 3 * time.Second, "just created"},
		"new: capitals":         {400, `{"Code":"parameter.error","Message":"because","RequestId":"r1"}`, hook.KindInvalid, hook.KindInvalid, 1, 1, 0, "parameter.error because"},
		"new: success is false": {200, `{"success":false}`, hook.KindInvalid, hook.KindInvalid, 1, 1, 0, ""},
		"new: no version":       {200, `{"errcode":404,"errmsg":"请求的URI地址不存在"}`, hook.KindNotFound, hook.KindNotFound, 1, 1, 0, ""},
		"new: HTML":             {200, "<html></html>", hook.KindUnavailable, hook.KindUnavailable, 3, 1, 0, "HTML"},
		"new: empty":            {200, "", hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, "empty"},
		"new: a list":           {200, "[]", hook.KindUnavailable, hook.KindUncertain, 3, 1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reading, writing := read, write
			if strings.HasPrefix(name, "new: ") {
				reading, writing = readNew, writeNew
			}
			for _, c := range []struct {
				make func(context.Context, *hook.App) error
				kind hook.Kind
				sent int
			}{{reading, tt.read, tt.reads}, {writing, tt.write, tt.writes}} {
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					h := calltest.Hook(t, calltest.TokenAnd(func(*http.Request) (*http.Response, error) {
						sent++
						r := calltest.Response(tt.body)
						r.StatusCode = tt.status
						return r, nil
					}))
					e := calltest.Failed(t, c.make(t.Context(), h.App("")))
					assert.Equal(t, c.kind, e.Kind, "%v", e)
					assert.Equal(t, c.sent, sent, "%v", e)
					assert.Equal(t, tt.pause, e.RetryDelay(), "%v", e)
					assert.Equal(t, strings.Contains(name, "month"), e.Spent(), "%v", e)
					assert.Contains(t, e.Error(), tt.want)
				})
			}
		})
	}
}

// A call whose answer is lost is repeated only when that does no harm.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		h := calltest.Hook(t, calltest.TokenAnd(func(*http.Request) (*http.Response, error) {
			sent++
			return nil, io.EOF
		}))
		assert.Equal(t, hook.KindUnavailable, calltest.Failed(t, read(t.Context(), h.App(""))).Kind)
		assert.Equal(t, 3, sent)
		sent = 0
		e := calltest.Failed(t, write(t.Context(), h.App("")))
		assert.Equal(t, hook.KindUncertain, e.Kind)
		assert.Contains(t, e.Error(), "check before trying again")
		assert.Equal(t, 1, sent)
	})
}

func TestWrongCredentialsAreSaid(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		call   func(context.Context, *hook.App) error
	}{
		"legacy": {`{"errcode":40096,"errmsg":"不合法的appKey或appSecret ` + calltest.AppSecret + `"}`, read},
		"new":    {`{"code":"invalidClientIdOrSecret","message":"无效的clientId或者clientSecret","requestid":"r"}`, readNew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			h := calltest.Hook(t, func(*http.Request) (*http.Response, error) {
				tries++
				r := calltest.Response(tt.answer)
				if name == "new" {
					r.StatusCode = http.StatusBadRequest
				}
				return r, nil
			})
			e := calltest.Failed(t, tt.call(t.Context(), h.App("")))
			assert.Equal(t, hook.KindAuth, e.Kind)
			assert.Contains(t, e.Error(), "check AppKey and AppSecret")
			assert.Equal(t, 1, tries)
		})
	}
}

func TestLimiterSpreadsCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := conn{Host: "http://dingtalk.test", Login: calltest.AppKey, Password: calltest.AppSecret, Extra: `{"qps":"10"}`}
		one, two := c.connection("one"), c.connection("two")
		h := hook.New(source{"one": one, "two": two}, hook.WithHTTPClient(&http.Client{Transport: calltest.TokenAnd(func(*http.Request) (*http.Response, error) {
			return calltest.Response(counted), nil
		})}))
		start := time.Now()
		for range 5 {
			require.NoError(t, read(t.Context(), h.App("one")))
			require.NoError(t, read(t.Context(), h.App("two")))
		}
		assert.Equal(t, 900*time.Millisecond, time.Since(start), "both connections are of one app")

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.NoError(t, read(t.Context(), h.App("one")))
		e := calltest.Failed(t, read(ctx, h.App("one")))
		assert.Contains(t, e.Error(), "stopped before the request left")
	})
}

func TestAppConnections(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		conn conn
		kind hook.Kind
		want string
	}{
		"robot":        {conn{Password: token}, hook.KindInvalid, "a robot's token cannot make app calls"},
		"no secret":    {conn{Login: calltest.AppKey}, hook.KindInvalid, "AppSecret"},
		"nothing":      {conn{}, hook.KindInvalid, "AppKey into login"},
		"bad agent_id": {conn{Login: calltest.AppKey, Password: calltest.AppSecret, Extra: `{"agent_id":"x"}`}, hook.KindInvalid, "extra.agent_id must be the number"},
		"bad qps":      {conn{Login: calltest.AppKey, Password: calltest.AppSecret, Extra: `{"qps":-1}`}, hook.KindInvalid, "extra.qps must be"},
		"bad host":     {conn{Login: calltest.AppKey, Password: calltest.AppSecret, Extra: `{"api_host":"ftp://x"}`}, hook.KindInvalid, "extra.api_host is wrong: the host has the scheme ftp"},
		"bad code":     {conn{Login: calltest.AppKey, Password: calltest.AppSecret, Extra: `{"robot_code":[1]}`}, hook.KindInvalid, "extra.robot_code must be text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := hook.New(source{"c": tt.conn.connection("c")})
			e := calltest.Failed(t, read(t.Context(), h.App("c")))
			assert.Equal(t, tt.kind, e.Kind)
			assert.Contains(t, e.Error(), tt.want)
			e = calltest.Failed(t, read(t.Context(), h.App("other")))
			assert.Equal(t, hook.KindNotFound, e.Kind)
		})
	}
}

// Both generations of the API have a host of their own.
func TestHosts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		conn conn
		opts []hook.Option
		want [2]string
	}{
		"default":         {conn{}, nil, [2]string{"oapi.dingtalk.com", "api.dingtalk.com"}},
		"host of one":     {conn{Host: "api.dingtalk.io"}, nil, [2]string{"oapi.dingtalk.io", "api.dingtalk.io"}},
		"host of another": {conn{Host: "oapi.dingtalk.io"}, nil, [2]string{"oapi.dingtalk.io", "api.dingtalk.io"}},
		"stand-in":        {conn{Host: "127.0.0.1", Port: 8080}, nil, [2]string{"127.0.0.1:8080", "127.0.0.1:8080"}},
		"base URL":        {conn{}, []hook.Option{hook.WithBaseURL("http://box:1")}, [2]string{"box:1", "box:1"}},
		"extra":           {conn{Host: "x", Extra: `{"api_host":"new.example.com","oapi_host":"https://old.example.com/"}`}, nil, [2]string{"old.example.com", "new.example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var hosts []string
			transport := calltest.RoundTrip(func(r *http.Request) (*http.Response, error) {
				hosts = append(hosts, r.URL.Host)
				return calltest.TokenAnd(func(*http.Request) (*http.Response, error) { return calltest.Response(counted), nil })(r)
			})
			tt.conn.Login, tt.conn.Password = calltest.AppKey, calltest.AppSecret
			h := hook.New(source{"c": tt.conn.connection("c")}, append(tt.opts, hook.WithHTTPClient(&http.Client{Transport: transport}))...)
			require.NoError(t, read(t.Context(), h.App("c")))
			require.NoError(t, readNew(t.Context(), h.App("c")))
			assert.Equal(t, []string{tt.want[0], tt.want[0], tt.want[1], tt.want[1]}, hosts)
		})
	}
}

func TestRobotCodeIsTheAppKeyUnlessSet(t *testing.T) {
	t.Parallel()
	plain := conn{Login: calltest.AppKey, Password: calltest.AppSecret}
	set := conn{Login: calltest.AppKey, Password: calltest.AppSecret, Extra: `{"robot_code":"bot7"}`}
	h := hook.New(source{"plain": plain.connection("plain"), "set": set.connection("set")})
	for id, want := range map[string]string{"plain": calltest.AppKey, "set": "bot7"} {
		got, err := h.App(id).RobotCode(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestCallsShowNoCredentials(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	s := calltest.Start(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"errcode":-1,"errmsg":"busy %s %s"}`, r.URL.RawQuery, calltest.AppSecret)
	})
	a := s.App(t, hook.WithLogger(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	e := calltest.Failed(t, write(t.Context(), a))
	for _, text := range []string{e.Error(), fmt.Sprintf("%+v", *e), logged.String()} {
		assert.NotContains(t, text, "legacy-token")
		assert.NotContains(t, text, calltest.AppSecret)
	}
}
