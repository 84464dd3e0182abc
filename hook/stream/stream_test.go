package stream_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/stream"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		run(t, stream.Options{App: app, Handle: d.noting})
		g.peer(0)
		assert.Equal(t, []map[string]any{{
			"clientId": "dingapp", "clientSecret": appSecret, "ua": "dingdag", "subscriptions": []any{
				map[string]any{"type": "CALLBACK", "topic": "/v1.0/im/bot/messages/get"},
				map[string]any{"type": "CALLBACK", "topic": "/v1.0/card/instances/callback"},
				map[string]any{"type": "EVENT", "topic": "*"},
			},
		}}, g.bodies)
		assert.Equal(t, []string{"application/json"}, g.accept, "without it the answer may be XML")
	})
}

// What comes is accepted, then acknowledged, then handled.
func TestAcceptAcknowledgeHandle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		var p *peer
		run(t, stream.Options{
			App: app,
			Accept: func(_ context.Context, r *stream.Received) (bool, error) {
				d.add("accept %s %v", r.Key(), p.answered(r.MessageID) != nil)
				return true, nil
			},
			Handle: func(_ context.Context, r *stream.Received) error {
				time.Sleep(time.Millisecond) // the answer is on its way
				d.add("handle %s %s %v", r.Key(), r.Topic, p.answered(r.MessageID) != nil)
				return nil
			},
		})
		p = g.peer(0)
		p.say("m1", "cid1", "hello")
		time.Sleep(time.Second)
		p.send("CALLBACK", stream.TopicPress, "f2", `{"outTrackId":"card1","userId":"user001","content":"{}"}`)
		time.Sleep(time.Second)
		p.send("EVENT", "*", "f3", `{"k":1}`, "eventId", "e1", "eventType", "user_add_org")
		time.Sleep(time.Second)
		assert.Equal(t, []string{
			"accept message m1 false", "handle message m1 /v1.0/im/bot/messages/get true",
			"accept press f2 false", "handle press f2 /v1.0/card/instances/callback true",
			"accept event e1 false", "handle event e1 * true",
		}, d.read())
		for id, data := range map[string]string{"f-m1": `{"response":null}`, "f2": `{"response":{}}`, "f3": `{"status":"SUCCESS","message":"accepted"}`} {
			assert.Equal(t, map[string]any{
				"code": 200.0, "headers": map[string]any{"messageId": id, "contentType": "application/json"}, "message": "OK", "data": data,
			}, p.answer(id))
		}
	})
}

func TestMomentsThatDingTalkLeavesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		at := make(chan time.Time, 2)
		run(t, stream.Options{App: app, Handle: func(_ context.Context, r *stream.Received) error {
			if r.Press != nil {
				at <- r.Press.At
			} else {
				at <- r.Message.At
			}
			return nil
		}})
		p := g.peer(0)
		p.send("CALLBACK", stream.TopicPress, "f2", `{"outTrackId":"card1","userId":"user001","content":"{}"}`, "time", "1690362102194")
		assert.Equal(t, int64(1690362102194), (<-at).UnixMilli())
		p.send("CALLBACK", stream.TopicMessage, "f1", text("m1", "cid1", "x"), "time", "soon")
		assert.Equal(t, time.Now().UnixMilli(), (<-at).UnixMilli())
	})
}

func TestSystemAndUnknownFrames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		r := run(t, stream.Options{App: app, Handle: d.noting})
		p := g.peer(0)
		p.send("SYSTEM", "ping", "p1", `{"opaque":"x"}`)
		p.send("SYSTEM", "KEEPALIVE", "k1", `{}`)
		p.send("CALLBACK", "/v1.0/graph/api/invoke", "f1", `{}`)
		p.send("CALLBACK", stream.TopicMessage, "f2", `{"msgId":"m1"}`)
		p.send("EVENT", "*", "f3", `[]`)
		p.conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"CALLBACK","headers":{"topic":7}}`))
		p.conn.Write(t.Context(), websocket.MessageText, []byte(`no JSON`))
		p.say("m1", "cid1", "still there")
		pong := p.answer("p1")
		assert.Equal(t, []any{200.0, `{"opaque":"x"}`}, []any{pong["code"], pong["data"]})
		assert.Nil(t, p.answer("k1"))
		assert.InDelta(t, 404, p.answer("f1")["code"], 0)
		assert.InDelta(t, 400, p.answer("f2")["code"], 0)
		assert.InDelta(t, 400, p.answer("f3")["code"], 0)
		assert.Contains(t, p.answer("f2")["message"], "conversationId is missing")
		assert.Equal(t, []string{"still there"}, d.read())
		assert.Equal(t, 1, g.connected(), "nothing of it ends the connection")
		assert.Contains(t, r.log.String(), "a frame of 7 bytes")
	})
}

// The new connection is there before the old one closes, and what the old one still brings is
// handled.
func TestDisconnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		run(t, stream.Options{App: app, Handle: d.noting})
		old := g.peer(0)
		time.Sleep(time.Hour)
		asked := time.Now()
		old.disconnect()
		renewed := g.peer(1)
		assert.Equal(t, asked, time.Now(), "at once")
		ended, _ := old.over()
		assert.Zero(t, ended, "the old one is still there")
		old.say("m1", "cid1", "old")
		synctest.Wait()
		renewed.say("m2", "cid1", "new")
		time.Sleep(3 * time.Second)
		old.say("m3", "cid1", "old again")
		assert.Equal(t, []string{"old", "new", "old again"}, d.read())
		assert.NotNil(t, old.answer("f-m3"))
		time.Sleep(time.Minute)
		ended, status := old.over()
		assert.Equal(t, websocket.StatusNormalClosure, status)
		assert.WithinDuration(t, asked.Add(13*time.Second), ended, 1100*time.Millisecond, "10 s after the last frame")
		assert.Equal(t, 2, g.connected())
	})
}

// A gateway that asks for another connection again and again does not get them at once.
func TestDisconnectAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		run(t, stream.Options{App: app, Handle: new(diary).noting})
		for n := range 6 {
			g.peer(n).disconnect()
			synctest.Wait()
			g.peer(n).disconnect() // twice is once
			time.Sleep(time.Minute)
		}
		opens := g.opens()
		require.Len(t, opens, 7)
		assert.GreaterOrEqual(t, opens[1].Sub(opens[0]), time.Second/2)
	})
}

func TestDisconnectWhileTheGatewayIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		run(t, stream.Options{App: app, Handle: d.noting})
		old := g.peer(0)
		time.Sleep(time.Hour)
		g.mu.Lock()
		g.refuse = func(w http.ResponseWriter) { http.Error(w, "<html>busy</html>", http.StatusServiceUnavailable) }
		g.mu.Unlock()
		old.disconnect()
		time.Sleep(5 * time.Second)
		old.say("m1", "cid1", "over the old one")
		assert.Equal(t, []string{"over the old one"}, d.read())
		g.mu.Lock()
		g.refuse = nil
		g.mu.Unlock()
		time.Sleep(time.Minute)
		g.peer(1).say("m2", "cid1", "over the new one")
		assert.Equal(t, []string{"over the old one", "over the new one"}, d.read())
	})
}

func TestDeadConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		g.noPong = true
		var lost atomic.Value
		run(t, stream.Options{App: app, Handle: new(diary).noting, Ping: 20 * time.Second, Pong: 3 * time.Second, State: func(s stream.State) {
			if !s.Connected {
				lost.Store(s.Err.Error())
			}
		}})
		g.peer(0)
		began := time.Now()
		time.Sleep(30 * time.Second)
		opens := g.opens()
		require.Len(t, opens, 2)
		assert.WithinDuration(t, began.Add(23*time.Second+750*time.Millisecond), opens[1], time.Millisecond)
		assert.Equal(t, "the gateway does not answer pings any more", lost.Load())
	})
}

func TestPongKeepsAConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		run(t, stream.Options{App: app, Handle: new(diary).noting})
		time.Sleep(24 * time.Hour)
		assert.Equal(t, 1, g.connected())
	})
}

// Accept may be slow, for instance while the store is busy: that does not look like a dead
// gateway.
func TestSlowAcceptIsNoDeadConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var accepted atomic.Int64
		run(t, stream.Options{App: app, Accept: func(context.Context, *stream.Received) (bool, error) {
			time.Sleep(10 * time.Second)
			accepted.Add(1)
			return true, nil
		}})
		p := g.peer(0)
		go func() {
			for i := range 100 {
				p.say(strconv.Itoa(i), "cid1", "x")
			}
		}()
		time.Sleep(1001 * time.Second)
		assert.Equal(t, int64(100), accepted.Load())
		assert.Equal(t, 1, g.connected())
	})
}

func TestHangUp(t *testing.T) {
	t.Parallel()
	for name, hangUp := range map[string]func(*peer){
		"between frames":           func(p *peer) { p.raw.Close() },
		"in the middle of a frame": (*peer).breakOff,
		"with a close frame":       func(p *peer) { p.conn.Close(websocket.StatusGoingAway, "restart") },
		"after too large a frame": func(p *peer) {
			p.conn.Write(context.Background(), websocket.MessageText, []byte(strings.Repeat("x", 9<<20)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, app := start(t)
				var d diary
				var states []stream.State
				r := run(t, stream.Options{App: app, Handle: d.noting, Jitter: func() float64 { return 0.999 }, State: func(s stream.State) { states = append(states, s) }})
				p := g.peer(0)
				time.Sleep(time.Minute)
				at := time.Now()
				hangUp(p)
				time.Sleep(time.Second)
				g.peer(1).say("m1", "cid1", "back")
				assert.Equal(t, []string{"back"}, d.read())
				assert.WithinDuration(t, at, g.opens()[1], time.Second)
				r.stop()
				<-r.done
				require.Len(t, states, 3)
				assert.Equal(t, []bool{true, false, true}, []bool{states[0].Connected, states[1].Connected, states[2].Connected})
				require.Error(t, states[1].Err)
			})
		})
	}
}

// Attempts are spaced from 1 to 60 seconds, each pause by up to half of it less.
func TestBackOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		g.refuse = func(w http.ResponseWriter) { http.Error(w, "<html>busy</html>", http.StatusServiceUnavailable) }
		n := 0
		run(t, stream.Options{App: app, Handle: new(diary).noting, Jitter: func() float64 { n++; return float64(n%2) * 0.5 }})
		time.Sleep(5 * time.Minute)
		opens := g.opens()
		var pauses []time.Duration
		for i := 1; i < 9; i++ {
			pauses = append(pauses, opens[i].Sub(opens[i-1]))
		}
		const s = time.Second
		assert.Equal(t, []time.Duration{750 * time.Millisecond, s, 3 * s, 4 * s, 12 * s, 16 * s, 45 * s, 30 * s}, pauses)
		g.mu.Lock()
		g.refuse = nil
		g.mu.Unlock()
		time.Sleep(time.Minute)
		p := g.peer(0)
		time.Sleep(10 * time.Second)
		at := time.Now()
		p.raw.Close()
		time.Sleep(time.Second)
		assert.Less(t, g.opens()[len(g.opens())-1].Sub(at), time.Second, "it begins anew after a good connection")
	})
}

// Connections that the gateway replaces, or that end after a message, are no failures: the next one comes
// within a second, however many there are.
func TestShortConnectionsThatWork(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*peer){
		"asked to leave": (*peer).disconnect,
		"after a message": func(p *peer) {
			p.say("m1", "cid1", "hello")
			synctest.Wait()
			p.raw.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, app := start(t)
				run(t, stream.Options{App: app, Handle: new(diary).noting, Jitter: func() float64 { return 0.999 }})
				for n := range 8 {
					time.Sleep(1100 * time.Millisecond)
					require.Greater(t, len(g.opens()), n)
					end(g.peer(n))
				}
				time.Sleep(1100 * time.Millisecond)
				opens := g.opens()
				require.Greater(t, len(opens), 8)
				for i := 1; i < len(opens); i++ {
					assert.LessOrEqual(t, opens[i].Sub(opens[i-1]), 2200*time.Millisecond)
				}
			})
		})
	}
}

// A ticket opens one connection: each attempt has its own.
func TestTicketsAreUsedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		g.handshake = func(w http.ResponseWriter) { http.Error(w, "ticket "+ticketTag+" was used", http.StatusUnauthorized) }
		var err atomic.Value
		run(t, stream.Options{App: app, Handle: new(diary).noting, State: func(s stream.State) {
			if s.Err != nil {
				err.Store(s.Err.Error())
			}
		}})
		time.Sleep(2 * time.Second)
		g.mu.Lock()
		g.handshake = nil
		g.mu.Unlock()
		time.Sleep(10 * time.Second)
		assert.Equal(t, 1, g.connected())
		assert.Equal(t, `connect to the gateway through "dingtalk_default": the gateway did not take the ticket, `+
			`or something between here and it does not pass WebSockets on (HTTP 401 Unauthorized)`, err.Load())
	})
}

func TestEndpointsThatAreNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		for _, endpoint := range []string{"", "file:///etc/passwd", "ws://", "://", "http://gateway.test/connect"} {
			g.endpoint = endpoint
			err := stream.Check(t.Context(), stream.Options{App: app})
			require.Error(t, err, endpoint)
			assert.NotContains(t, err.Error(), "t1ck3t")
			assert.Equal(t, hook.KindUnavailable, hook.KindOf(err), endpoint)
		}
		assert.Zero(t, g.connected())
	})
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		run(t, stream.Options{App: app, Handle: d.noting, Remember: 2})
		p := g.peer(0)
		for i, id := range []string{"m1", "m1", "m2", "m1", "m3", "m1"} {
			frame := "f" + strconv.Itoa(i)
			p.send("CALLBACK", stream.TopicMessage, frame, text(id, "cid1", id))
			assert.InDelta(t, 200, p.answer(frame)["code"], 0, "a duplicate is acknowledged, too")
		}
		assert.Equal(t, []string{"m1", "m2", "m3", "m1"}, d.read(), "the last two are remembered")
	})
}

// What was not kept is delivered again: nothing is answered, and LATER to an event.
func TestAcceptFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		fails := true
		r := run(t, stream.Options{
			App: app,
			Accept: func(_ context.Context, r *stream.Received) (bool, error) {
				switch {
				case fails && r.Event != nil:
					panic("no store")
				case fails:
					return false, errors.New("the store is busy")
				}
				return true, nil
			},
			Handle: func(_ context.Context, r *stream.Received) error {
				d.add("%s", r.Key())
				return nil
			},
		})
		p := g.peer(0)
		deliver := func() {
			p.say("m1", "cid1", "x")
			p.send("CALLBACK", stream.TopicPress, "f2", `{"outTrackId":"card1","userId":"user001","content":"{}"}`)
			p.send("EVENT", "*", "f3", `{}`, "eventId", "e1", "eventType", "x")
		}
		deliver()
		assert.Nil(t, p.answer("f-m1"))
		assert.Nil(t, p.answer("f2"))
		assert.Contains(t, p.answer("f3")["data"], `"status":"LATER"`)
		assert.Empty(t, d.read())
		assert.Contains(t, r.log.String(), "the store is busy")
		assert.Contains(t, r.log.String(), "panic: no store")
		fails = false
		deliver()
		assert.NotNil(t, p.answer("f-m1"))
		assert.ElementsMatch(t, []string{"message m1", "press f2", "event e1"}, d.read())
	})
}

func TestHandlersThatFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		r := run(t, stream.Options{App: app, Handle: func(ctx context.Context, r *stream.Received) error {
			switch r.Message.Text {
			case "panic":
				panic("out of words")
			case "fail":
				return errors.New("no such DAG")
			}
			return d.noting(ctx, r)
		}})
		p := g.peer(0)
		for i, word := range []string{"panic", "fail", "hello"} {
			p.say("m"+strconv.Itoa(i), "cid1", word)
		}
		assert.Equal(t, []string{"hello"}, d.read())
		assert.Contains(t, r.log.String(), "panic: out of words")
		assert.Contains(t, r.log.String(), "stream_test.go", "the log says where")
		assert.Contains(t, r.log.String(), "no such DAG")
		assert.Equal(t, 1, g.connected())
	})
}

// At most Workers at once, in each conversation one; what has no room is delivered again.
func TestBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		var now, most atomic.Int64
		run(t, stream.Options{App: app, Workers: 2, Pending: 6, Handle: func(ctx context.Context, r *stream.Received) error {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Minute)
			now.Add(-1)
			return d.noting(ctx, r)
		}})
		p := g.peer(0)
		for i := range 8 {
			p.say("m"+strconv.Itoa(i), "cid"+strconv.Itoa(i%3), strconv.Itoa(i))
		}
		assert.Nil(t, p.answer("f-m6"), "there is no room for it")
		assert.NotNil(t, p.answer("f-m5"))
		time.Sleep(4 * time.Minute)
		assert.Equal(t, int64(2), most.Load())
		assert.ElementsMatch(t, []string{"0", "1", "2", "3", "4", "5"}, d.read())
		p.say("m6", "cid0", "6")
		time.Sleep(2 * time.Minute)
		assert.Contains(t, d.read(), "6")
	})
}

func TestOneConversationIsHandledInItsOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		run(t, stream.Options{App: app, Handle: func(ctx context.Context, r *stream.Received) error {
			if r.Message.Text == "0" {
				time.Sleep(time.Hour)
			}
			return d.noting(ctx, r)
		}})
		p := g.peer(0)
		for i := range 50 {
			p.say("m"+strconv.Itoa(i), "cid1", strconv.Itoa(i))
		}
		p.say("other", "cid2", "other")
		assert.Equal(t, []string{"other"}, d.read(), "another conversation does not wait")
		time.Sleep(2 * time.Hour)
		want := []string{"other"}
		for i := range 50 {
			want = append(want, strconv.Itoa(i))
		}
		assert.Equal(t, want, d.read())
	})
}

// At the end nothing is accepted any more, handlers finish, and the gateway is told.
func TestStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		var d diary
		r := run(t, stream.Options{App: app, Grace: 7500 * time.Millisecond, Handle: func(ctx context.Context, r *stream.Received) error {
			for n := 5; n > 0; n-- {
				if err := ctx.Err(); err != nil {
					d.add("%s stopped", r.Message.Text)
					return err
				}
				time.Sleep(time.Second)
			}
			return d.noting(ctx, r)
		}})
		p := g.peer(0)
		p.say("m1", "cid1", "first")
		p.say("m2", "cid1", "second")
		p.say("m3", "cid1", "third")
		synctest.Wait()
		began := time.Now()
		r.stop()
		synctest.Wait()
		_, status := p.over()
		assert.Equal(t, websocket.StatusNormalClosure, status)
		<-r.done
		require.NoError(t, r.err)
		assert.Equal(t, []string{"first", "second stopped"}, d.read())
		assert.Equal(t, 8*time.Second, time.Since(began))
		assert.Equal(t, 1, g.connected())
	})
}

func TestStopWhileNothingAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		stuck := make(chan struct{})
		g.refuse = func(http.ResponseWriter) { <-stuck }
		r := run(t, stream.Options{App: app, Handle: new(diary).noting})
		time.Sleep(3 * time.Second)
		began := time.Now()
		r.stop()
		<-r.done
		assert.Equal(t, began, time.Now())
		require.NoError(t, r.err)
		close(stuck)
	})
}

// What the application lacks ends Run with what to click.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status     int
		body, want string
		kind       hook.Kind
		more       func(*hook.Error) bool
	}{
		"wrong secret": {
			401, `{"code":"authFailed","message":"鉴权失败","requestid":"r"}`,
			"check AppKey and AppSecret of the application in DingTalk's developer console", hook.KindAuth, nil,
		},
		"stream not chosen": {
			400, `{"code":"streamModeNotEnabled","message":"应用未选择Stream模式","requestid":"r"}`,
			"choose stream mode", hook.KindInvalid, (*hook.Error).NoStream,
		},
		"stream not chosen, without a code": {400, `{}`, "choose stream mode", hook.KindInvalid, (*hook.Error).NoStream},
		"not published": {
			400, `{"code":"appNotPublished","message":"应用未发布","requestid":"r"}`,
			"publish the app: developer console", hook.KindInvalid, (*hook.Error).Unpublished,
		},
		"address": {
			403, `{"code":"Forbidden.AccessDenied.IpNotInWhiteList","message":"访问ip不在白名单之中,request ip=203.0.113.9","requestid":"r"}`,
			"let the app call from 203.0.113.9", hook.KindAuth, func(e *hook.Error) bool { return e.IP == "203.0.113.9" },
		},
		"a request that is wrong": {
			400, `{"code":"MissingclientId","message":"clientId is mandatory for this action.","requestid":"r"}`,
			"clientId is mandatory", hook.KindInvalid, func(e *hook.Error) bool { return !e.NoStream() && !e.Unpublished() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, app := start(t)
				g.refuse = func(w http.ResponseWriter) {
					w.WriteHeader(c.status)
					w.Write([]byte(c.body))
				}
				r := run(t, stream.Options{App: app, Handle: new(diary).noting})
				<-r.done
				for _, err := range []error{r.err, stream.Check(t.Context(), stream.Options{App: app})} {
					require.ErrorContains(t, err, c.want)
					assert.Contains(t, err.Error(), `open a stream connection through "dingtalk_default"`)
					assert.NotContains(t, err.Error(), appSecret)
					e, ok := errors.AsType[*hook.Error](err)
					require.True(t, ok)
					assert.Equal(t, c.kind, e.Kind)
					assert.True(t, c.more == nil || c.more(e))
				}
				assert.Len(t, g.opens(), 2, "neither asks again")
			})
		})
	}
}

func TestKeepTrying(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		g.refuse = func(w http.ResponseWriter) { http.Error(w, `{"code":"authFailed"}`, http.StatusUnauthorized) }
		run(t, stream.Options{App: app, Handle: new(diary).noting, KeepTrying: true})
		time.Sleep(10 * time.Minute)
		assert.InDelta(t, 13, len(g.opens()), 1, "with the jitter of the test every 45 s")
		g.mu.Lock()
		g.refuse = nil
		g.mu.Unlock()
		time.Sleep(time.Minute)
		assert.Equal(t, 1, g.connected())
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, app := start(t)
		require.NoError(t, stream.Check(t.Context(), stream.Options{App: app}))
		ended, status := g.peer(0).over()
		assert.Equal(t, time.Now(), ended)
		assert.Equal(t, websocket.StatusNormalClosure, status)
	})
}

func TestNewNeedsAUse(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { stream.New(stream.Options{Handle: new(diary).noting}) })
	assert.Panics(t, func() { stream.New(stream.Options{App: hook.New(nil).App("")}) })
}
