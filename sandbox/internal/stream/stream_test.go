package stream_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

const openPath = "/v1.0/gateway/connections/open"

// ask is the body that opens a stream.
func ask(app sandbox.App) string {
	return `{"clientId":"` + app.AppKey + `","clientSecret":"` + app.AppSecret + `","ua":"test/1","subscriptions":[
		{"type":"EVENT","topic":"*"},{"type":"CALLBACK","topic":"/v1.0/im/bot/messages/get"},{"type":"CALLBACK","topic":"/v1.0/card/instances/callback"}]}`
}

type opened struct {
	Endpoint string `json:"endpoint"`
	Ticket   string `json:"ticket"`
}

// open asks for a ticket.
func open(t *testing.T, o *boxtest.Office) opened {
	t.Helper()
	status, got := o.Do(t, http.MethodPost, openPath, ask(o.App), "Accept", "application/json")
	require.Equal(t, http.StatusOK, status, got)
	return boxtest.Read[opened](t, got)
}

// frame is what a client gets.
type frame struct {
	SpecVersion string            `json:"specVersion"`
	Type        string            `json:"type"`
	Headers     map[string]string `json:"headers"`
	Data        string            `json:"data"`
}

// client is a stream of an app.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

// connect opens a stream that ends with the test.
func connect(t *testing.T, o *boxtest.Office) *client {
	t.Helper()
	return dial(t, o, open(t, o))
}

// dial returns once the sandbox has the connection, which is after the handshake.
func dial(t *testing.T, o *boxtest.Office, at opened) *client {
	t.Helper()
	before := 0
	for _, c := range o.Connections() {
		if c.App == o.App.AppKey && !c.Leaving {
			before++
		}
	}
	ws, resp, err := websocket.Dial(t.Context(), at.Endpoint+"?ticket="+at.Ticket, &websocket.DialOptions{HTTPClient: o.Client})
	require.NoError(t, err)
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	o.WaitStreams(o.App, before+1)
	return &client{t: t, ws: ws}
}

func (c *client) read() (frame, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	_, raw, err := c.ws.Read(ctx)
	if err != nil {
		return frame{}, err
	}
	var f frame
	return f, json.Unmarshal(raw, &f)
}

// next is the next frame.
func (c *client) next() frame {
	c.t.Helper()
	f, err := c.read()
	require.NoError(c.t, err)
	return f
}

// answer answers a frame.
func (c *client) answer(f frame, code int, data string) {
	c.t.Helper()
	raw, err := json.Marshal(map[string]any{
		"code": code, "headers": map[string]string{"messageId": f.Headers["messageId"], "contentType": "application/json"}, "message": "OK", "data": data,
	})
	require.NoError(c.t, err)
	require.NoError(c.t, c.ws.Write(c.t.Context(), websocket.MessageText, raw))
}

func wait(t *testing.T, o *boxtest.Office, until func([]sandbox.Delivery) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := o.WaitDeliveries(ctx, until)
	require.NoError(t, err)
}

func TestMessageGoesThroughTheStream(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	team := o.TeamChat()
	c := connect(t, o)
	said := o.Say("user003", team.OpenConversationID, "status example")
	f := c.next()
	assert.Equal(t, "1.0", f.SpecVersion)
	assert.Equal(t, "CALLBACK", f.Type)
	assert.Equal(t, "/v1.0/im/bot/messages/get", f.Headers["topic"])
	assert.Equal(t, "1700000000000", f.Headers["time"])
	assert.Equal(t, o.App.AppKey, f.Headers["appId"])
	assert.NotEmpty(t, f.Headers["messageId"])
	assert.NotEmpty(t, f.Headers["connectionId"])
	got := boxtest.Read[map[string]any](t, f.Data)
	webhook, _ := got["sessionWebhook"].(string)
	require.True(t, strings.HasPrefix(webhook, o.URL+"/robot/sendBySession?session="), webhook)
	for _, made := range []string{"sessionWebhook", "senderId", "chatbotUserId", "atUsers"} {
		assert.NotEmpty(t, got[made], made)
		delete(got, made)
	}
	assert.Equal(t, map[string]any{
		"conversationId": team.OpenConversationID, "conversationType": "2", "conversationTitle": "平台组", "msgId": said.ID, "msgtype": "text",
		"text": map[string]any{"content": " status example"}, "senderStaffId": "user003", "senderNick": "王五", "senderCorpId": "dingdemocorp",
		"senderPlatform": "Mac", "isAdmin": false, "isInAtList": true, "robotCode": o.App.AppKey, "chatbotCorpId": "dingdemocorp",
		"createAt": 1.7e12, "sessionWebhookExpiredTime": 1.7e12 + 90*60*1000,
	}, got)
	c.answer(f, 200, `{"response":null}`)
	list := o.WaitAnswered(1)
	require.Len(t, list, 1)
	assert.Equal(t, 200, list[0].Answer.Code)

	reply, err := http.NewRequestWithContext(t.Context(), http.MethodPost, webhook, strings.NewReader(boxtest.Hello))
	require.NoError(t, err)
	reply.Header.Set("Content-Type", "application/json")
	resp, err := o.Client.Do(reply)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	answers := o.WaitAnswers(said, 1)
	assert.Equal(t, said.ID, answers[0].ReplyTo)
	assert.Equal(t, "hello", answers[0].Content.Text)

	o.Clock.Advance(90 * time.Minute)
	_, late := o.Do(t, http.MethodPost, strings.TrimPrefix(webhook, o.URL), boxtest.Hello)
	assert.JSONEq(t, `{"errcode":300001,"errmsg":"session 不存在"}`, late)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*sandbox.App)
		body   func(string) string
		status int
		code   string
	}{
		"broken":           {nil, func(string) string { return "{" }, 400, "Missingbody"},
		"no secret":        {nil, func(string) string { return `{"clientId":"x"}` }, 400, "MissingclientSecret"},
		"wrong secret":     {nil, func(s string) string { return strings.Replace(s, `"clientSecret":"`, `"clientSecret":"x`, 1) }, 401, "authFailed"},
		"unknown app":      {nil, func(s string) string { return strings.Replace(s, `"clientId":"`, `"clientId":"x`, 1) }, 401, "authFailed"},
		"address":          {func(a *sandbox.App) { a.IPs = []string{"10.0.0.0/8"} }, nil, 403, "Forbidden.AccessDenied.IpNotInWhiteList"},
		"not published":    {func(a *sandbox.App) { a.Unpublished = true }, nil, 400, "appNotPublished"},
		"no stream":        {func(a *sandbox.App) { a.NoStream = true }, nil, 400, "streamModeNotEnabled"},
		"no subscriptions": {nil, func(s string) string { return strings.Replace(s, `"subscriptions"`, `"x"`, 1) }, 400, "Missingsubscriptions"},
		"one event":        {nil, func(s string) string { return strings.Replace(s, `"*"`, `"user_add_org"`, 1) }, 400, "invalidParameter.subscriptions"},
		"unknown type":     {nil, func(s string) string { return strings.Replace(s, `"EVENT"`, `"EVENTS"`, 1) }, 400, "invalidParameter.subscriptions"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := boxtest.Open(t)
			if tt.change != nil {
				tt.change(&o.App)
				require.NoError(t, o.UpdateApp(o.App))
			}
			body := ask(o.App)
			if tt.body != nil {
				body = tt.body(body)
			}
			status, got := o.Do(t, http.MethodPost, openPath, body, "Accept", "application/json")
			assert.Equal(t, tt.status, status)
			assert.Equal(t, tt.code, boxtest.Read[map[string]any](t, got)["code"])
			last := o.Attempts()[len(o.Attempts())-1]
			assert.Equal(t, tt.code, last.ErrorCode)
			assert.Empty(t, last.Body, "there is a secret in it")
		})
	}
}

func TestOpenAnswersAsItIsAsked(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	_, got := o.Do(t, http.MethodPost, openPath, ask(o.App))
	assert.Contains(t, got, "<endpoint>ws://", "without Accept it is XML")
	_, got = o.Do(t, http.MethodPost, openPath, ask(o.App), "Accept", "application/json", "X-Forwarded-Proto", "https")
	at := boxtest.Read[opened](t, got)
	assert.Equal(t, "wss"+strings.TrimPrefix(o.URL, "http")+"/connect", at.Endpoint)

	box := sandboxtest.Start(t, sandboxtest.WithPathPrefix("dingtalk"))
	app := box.Demo()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, box.URL+openPath, strings.NewReader(ask(app)))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := o.Client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&at))
	assert.Equal(t, "ws"+strings.TrimPrefix(box.URL, "http")+"/connect", at.Endpoint)
}

func TestTicketLetsInOnce(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	try := func(at opened) int {
		ws, resp, err := websocket.Dial(t.Context(), at.Endpoint+"?ticket="+at.Ticket, &websocket.DialOptions{HTTPClient: o.Client})
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close()
		}
		if err == nil {
			_ = ws.CloseNow()
		}
		return resp.StatusCode
	}
	at := open(t, o)
	assert.Equal(t, 101, try(at))
	assert.Equal(t, 401, try(at), "used")
	at = open(t, o)
	o.Clock.Advance(90*time.Second - time.Millisecond)
	assert.Equal(t, 101, try(at))
	at = open(t, o)
	o.Clock.Advance(90 * time.Second)
	assert.Equal(t, 401, try(at), "expired")
	assert.Equal(t, 401, try(opened{at.Endpoint, "none"}))
	for _, kind := range []sandbox.StreamFaultKind{sandbox.FaultTicketExpired, sandbox.FaultTicketUsed} {
		o.StreamFault(sandbox.StreamFault{Kind: kind, App: o.App.AppKey})
		assert.Equal(t, 401, try(open(t, o)), kind)
		assert.Equal(t, 101, try(open(t, o)), "once")
	}
}

func TestNoAnswerComesAgain(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	c := connect(t, o)
	said := o.Say("user003", o.App.AppKey, "hello")
	first := c.next()
	assert.Equal(t, said.ID, boxtest.Read[map[string]any](t, first.Data)["msgId"])
	o.Clock.Advance(59 * time.Second)
	require.NoError(t, o.SetStream(o.Stream())) // wakes it
	o.Clock.Advance(time.Second)
	require.NoError(t, o.SetStream(o.Stream()))
	again := c.next()
	for again.Type == "SYSTEM" {
		again = c.next() // a ping is due, too
	}
	assert.Equal(t, first.Data, again.Data)
	assert.NotEqual(t, first.Headers["messageId"], again.Headers["messageId"])
	require.Len(t, o.Deliveries()[0].Sent, 2)
	c.answer(first, 200, "{}")
	o.WaitAnswered(1)
	assert.Zero(t, o.Redeliver(), "an answer to any of its frames counts")
}

func TestMessageWaitsForAConnection(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	o.Say("user003", o.App.AppKey, "one")
	o.Say("user003", o.App.AppKey, "two")
	c := connect(t, o)
	assert.Contains(t, c.next().Data, `"one"`)
	assert.Contains(t, c.next().Data, `"two"`)
	o.HangUp(o.App.AppKey)
	_, err := c.read()
	require.Error(t, err)
	o.WaitStreams(o.App, 0)
	c = connect(t, o)
	assert.Equal(t, 2, o.Redeliver(), "neither was answered")
	assert.Contains(t, c.next().Data, `"one"`)
}

func TestEventsAndTheirAnswers(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	c := connect(t, o)
	for _, later := range []struct {
		code int
		data string
	}{{200, `{"status":"LATER"}`}, {500, `{"status":"LATER"}`}, {500, `{}`}} {
		happened, err := o.Happen(t.Context(), sandbox.Happen{App: o.App.AppKey, Type: "user_add_org", Data: json.RawMessage(`{"userId":["user013"]}`)})
		require.NoError(t, err)
		f := c.next()
		assert.Equal(t, "EVENT", f.Type)
		assert.Equal(t, "user_add_org", f.Headers["eventType"])
		assert.Equal(t, happened[0].ID, f.Headers["eventId"])
		assert.Equal(t, "dingdemocorp", f.Headers["eventCorpId"])
		assert.Equal(t, "1700000000000", f.Headers["eventBornTime"])
		assert.JSONEq(t, `{"userId":["user013"]}`, f.Data)
		c.answer(f, later.code, later.data)
		wait(t, o, func(all []sandbox.Delivery) bool { return all[len(all)-1].Answers == 1 })
		require.Equal(t, 1, o.Redeliver())
		f = c.next()
		assert.Equal(t, happened[0].ID, f.Headers["eventId"])
		c.answer(f, 200, `{"status":"SUCCESS"}`)
		wait(t, o, func(all []sandbox.Delivery) bool { return all[len(all)-1].Answer != nil })
	}
}

func TestPings(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	c := connect(t, o)
	tick := func() {
		o.Clock.Advance(time.Minute)
		require.NoError(t, o.SetStream(o.Stream()))
	}
	tick()
	f := c.next()
	assert.Equal(t, "SYSTEM", f.Type)
	assert.Equal(t, "ping", f.Headers["topic"])
	assert.NotEmpty(t, boxtest.Read[map[string]string](t, f.Data)["opaque"])
	c.answer(f, 200, f.Data)
	o.Say("user003", o.App.AppKey, "hello")
	c.answer(c.next(), 200, "{}")
	o.WaitAnswered(1) // so the answer to the ping was read before
	tick()
	c.next()
	tick()
	c.next()
	tick()
	_, err := c.read()
	require.Error(t, err, "two pings without an answer")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, f sandbox.StreamFault) (*boxtest.Office, *client) {
		t.Helper()
		o := boxtest.Open(t)
		c := connect(t, o)
		o.StreamFault(f)
		o.Say("user003", o.App.AppKey, "hello")
		return o, c
	}
	t.Run("disconnect", func(t *testing.T) {
		t.Parallel()
		o, c := start(t, sandbox.StreamFault{Kind: sandbox.FaultDisconnect, Delay: 10 * time.Millisecond})
		f := c.next()
		assert.Equal(t, "SYSTEM", f.Type)
		assert.Equal(t, "disconnect", f.Headers["topic"])
		assert.JSONEq(t, `{"reason":"connection is expired"}`, f.Data)
		other := connect(t, o)
		assert.Contains(t, other.next().Data, `"hello"`)
		_, err := c.read()
		require.Error(t, err)
	})
	t.Run("hang up", func(t *testing.T) {
		t.Parallel()
		o, c := start(t, sandbox.StreamFault{Kind: sandbox.FaultHangUp})
		_, err := c.read()
		require.Error(t, err)
		assert.Contains(t, connect(t, o).next().Data, `"hello"`)
	})
	t.Run("drop", func(t *testing.T) {
		t.Parallel()
		o, c := start(t, sandbox.StreamFault{Kind: sandbox.FaultDrop})
		o.Say("user003", o.App.AppKey, "second")
		assert.Contains(t, c.next().Data, `"second"`)
		o.Redeliver()
		assert.Contains(t, c.next().Data, `"hello"`)
	})
	t.Run("duplicate", func(t *testing.T) {
		t.Parallel()
		_, c := start(t, sandbox.StreamFault{Kind: sandbox.FaultDuplicate})
		assert.Equal(t, c.next().Data, c.next().Data)
	})
	t.Run("redeliver", func(t *testing.T) {
		t.Parallel()
		o, c := start(t, sandbox.StreamFault{Kind: sandbox.FaultRedeliver, Delay: 15 * time.Second})
		c.answer(c.next(), 200, "{}")
		wait(t, o, func(all []sandbox.Delivery) bool { return all[0].Answers == 1 })
		o.Clock.Advance(15 * time.Second)
		require.NoError(t, o.SetStream(o.Stream()))
		c.answer(c.next(), 200, "{}")
		o.WaitAnswered(1)
	})
	t.Run("slow", func(t *testing.T) {
		t.Parallel()
		begin := time.Now()
		_, c := start(t, sandbox.StreamFault{Kind: sandbox.FaultStreamSlow, Delay: 50 * time.Millisecond})
		c.next()
		assert.GreaterOrEqual(t, time.Since(begin), 50*time.Millisecond)
	})
	t.Run("after", func(t *testing.T) {
		t.Parallel()
		o, c := start(t, sandbox.StreamFault{Kind: sandbox.FaultDrop, After: 1})
		assert.Contains(t, c.next().Data, `"hello"`)
		assert.Equal(t, 0, o.StreamFaults()[0].After)
	})
	t.Run("no pong", func(t *testing.T) {
		t.Parallel()
		o := boxtest.Open(t)
		o.StreamFault(sandbox.StreamFault{Kind: sandbox.FaultNoPong})
		deaf, well := connect(t, o), connect(t, o)
		assert.True(t, pings(well))
		assert.False(t, pings(deaf))
	})
	t.Run("open silent", func(t *testing.T) {
		t.Parallel()
		o := boxtest.Open(t)
		o.StreamFault(sandbox.StreamFault{Kind: sandbox.FaultOpenSilent, Delay: 10 * time.Millisecond})
		_, _, err := o.Try(t, http.MethodPost, openPath, ask(o.App))
		require.Error(t, err)
		open(t, o)
	})
}

// pings tells whether a WebSocket ping is answered. The sandbox answers at once.
func pings(c *client) bool {
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	reading := c.ws.CloseRead(ctx)
	_ = reading
	ctx, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	return c.ws.Ping(ctx) == nil
}

func TestOneOfSeveralConnectionsGetsIt(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (who []string) {
		o := boxtest.Open(t)
		require.NoError(t, o.SetStream(sandbox.StreamSettings{Seed: seed}))
		for range 3 {
			connect(t, o)
		}
		streams := o.WaitStreams(o.App, 3)
		for range 20 {
			o.Say("user003", o.App.AppKey, "hello")
		}
		for _, d := range o.Deliveries() {
			for i, s := range streams {
				if s.ID == d.Sent[0].Connection {
					who = append(who, string(rune('a'+i)))
				}
			}
		}
		return who
	}
	one := run(7)
	require.Len(t, one, 20)
	assert.Equal(t, one, run(7))
	assert.NotEqual(t, one, run(8))
	assert.Subset(t, one, []string{"a", "b", "c"})
}

// A connection gets what it subscribed to, and answers to its own app alone.
func TestConnectionsAreKeptApart(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	_, got := o.Do(t, http.MethodPost, openPath, strings.Replace(ask(o.App), "/v1.0/im/bot/messages/get", "/v1.0/im/bot/messages/delegate", 1), "Accept", "application/json")
	deaf := dial(t, o, boxtest.Read[opened](t, got))
	o.Say("user003", o.App.AppKey, "hello")
	_, err := o.Happen(t.Context(), sandbox.Happen{App: o.App.AppKey, Type: "user_add_org"})
	require.NoError(t, err)
	assert.Equal(t, "EVENT", deaf.next().Type)
	well := connect(t, o)
	f := well.next()
	assert.Contains(t, f.Data, `"hello"`)

	other := *o
	other.App = o.AddApp(sandbox.DemoApp("other"))
	stranger := connect(t, &other)
	stranger.answer(f, 200, "{}")
	o.Say("user003", other.App.AppKey, "mine")
	stranger.answer(stranger.next(), 200, "{}")
	list := o.WaitAnswered(1)
	assert.Nil(t, list[0].Answer, "another app has answered")
	assert.NotNil(t, list[2].Answer)
}

// What a connection had yet to write when it ended goes to another at once.
func TestWhatWasNotWrittenGoesToAnother(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	connect(t, o)
	o.StreamFault(sandbox.StreamFault{Kind: sandbox.FaultStreamSlow, Delay: time.Hour})
	o.Say("user003", o.App.AppKey, "held back")
	require.Len(t, o.Deliveries()[0].Sent, 1)
	assert.Equal(t, 1, o.HangUp(""))
	assert.Contains(t, connect(t, o).next().Data, `"held back"`)
}

func TestStreamAPI(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	connect(t, o)
	status, got := o.Do(t, http.MethodPut, "/sandbox/api/stream", `{"redeliver":"5s","ping":"1m","grace":"0s","seed":3}`)
	require.Equal(t, http.StatusOK, status, got)
	assert.JSONEq(t, `{"redeliver":"5s","ping":"1m0s","grace":"10s","seed":3}`, got)
	status, _ = o.Do(t, http.MethodPut, "/sandbox/api/stream", `{"redeliver":"-5s"}`)
	assert.Equal(t, http.StatusBadRequest, status)
	_, got = o.Do(t, http.MethodGet, "/sandbox/api/stream/connections", "")
	assert.Contains(t, got, `"ua":"test/1"`)
	status, got = o.Do(t, http.MethodPost, "/sandbox/api/stream/faults", `{"kind":"slow","delay":"2s"}`)
	require.Equal(t, http.StatusOK, status, got)
	assert.JSONEq(t, `{"faults":[{"kind":"slow","times":1,"delay":"2s"}]}`, got)
	for body, want := range map[string]int{`{"kind":"x"}`: 400, `{"kind":"slow","after":-1}`: 400, `{"kind":"slow","app":"x"}`: 404, `{"knd":"slow"}`: 400} {
		status, _ = o.Do(t, http.MethodPost, "/sandbox/api/stream/faults", body)
		assert.Equal(t, want, status, body)
	}
	_, _ = o.Do(t, http.MethodDelete, "/sandbox/api/stream/faults", "")
	assert.Empty(t, o.StreamFaults())
	_, got = o.Do(t, http.MethodPost, "/sandbox/api/stream/hang_up", `{"app":"`+o.App.AppKey+`"}`)
	assert.JSONEq(t, `{"connections":1}`, got)
}
