package stream_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/stream"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// office is a local DingTalk with an application.
func office(tb testing.TB) (*sandboxtest.Sandbox, sandbox.App, *hook.App) {
	tb.Helper()
	box := sandboxtest.Start(tb)
	app := box.Demo()
	h := hook.New(connections.Static{hook.DefaultAppConnID: {
		Login: &app.AppKey, Password: new(connections.Secret(app.AppSecret)), Host: &box.URL,
	}})
	tb.Cleanup(h.CloseIdleConnections)
	return box, app, h.App("")
}

// receive runs a client until the test ends and returns what it handles.
func receive(tb testing.TB, o stream.Options) <-chan *stream.Received {
	tb.Helper()
	got := make(chan *stream.Received, 1000)
	o.Handle = func(_ context.Context, r *stream.Received) error {
		got <- r
		return nil
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- stream.New(o).Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		require.NoError(tb, <-done)
	})
	return got
}

// The sandbox is another's reading of DingTalk's pages.
func TestSandboxDeliversEverything(t *testing.T) {
	t.Parallel()
	box, app, a := office(t)
	group := box.AddChat(sandbox.Chat{Name: "ops", Owner: "user001", Members: []string{"user001", "user002"}, Bots: []string{app.AppKey}})
	got := receive(t, stream.Options{App: a})
	box.WaitStreams(app, 1)

	box.Say("user002", group.OpenConversationID, "status etl")
	m := (<-got).Message
	require.NotNil(t, m)
	assert.Equal(t, "status etl", m.Text)
	assert.Equal(t, []any{true, true, "user002", group.OpenConversationID, "ops", app.AppKey},
		[]any{m.Group, m.Mentioned, m.Sender.UserID, m.ConversationID, m.ConversationTitle, m.RobotCode})
	assert.True(t, m.Reply.Alive(time.Now()))

	box.Say("user001", app.AppKey, "help")
	m = (<-got).Message
	assert.Equal(t, []any{false, "user001", "help"}, []any{m.Group, m.Sender.UserID, m.Text})

	box.SayAs(sandbox.Say{Outsider: "Visitor"}, group.OpenConversationID, "hi")
	m = (<-got).Message
	assert.Equal(t, []string{"", "Visitor"}, []string{m.Sender.UserID, m.Sender.Nick})
	box.WaitAnswered(3)
}

// Each way in which a stream goes wrong: the message arrives once all the same.
func TestSandboxFaultsOfStreams(t *testing.T) {
	t.Parallel()
	for _, kind := range sandbox.StreamFaultKinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			box, app, a := office(t)
			if kind == sandbox.FaultOpenSilent {
				box.StreamFault(sandbox.StreamFault{Kind: kind, App: app.AppKey, Delay: 100 * time.Millisecond})
			} else {
				box.StreamFault(sandbox.StreamFault{Kind: kind, App: app.AppKey, Delay: 50 * time.Millisecond})
			}
			require.NoError(t, box.SetStream(sandbox.StreamSettings{Redeliver: 300 * time.Millisecond, Seed: 7}))
			got := receive(t, stream.Options{App: a, Ping: 200 * time.Millisecond, Pong: 100 * time.Millisecond})
			box.WaitStreams(app, 1)
			began := time.Now()
			for n := range 3 {
				box.Say("user001", app.AppKey, strconv.Itoa(n))
			}
			texts := map[string]int{}
			for range 3 {
				select {
				case r := <-got:
					texts[r.Message.Text]++
				case <-time.After(10 * time.Second):
					t.Fatal("a message did not arrive")
				}
			}
			assert.Equal(t, map[string]int{"0": 1, "1": 1, "2": 1}, texts)
			box.WaitAnswered(3)
			assert.Empty(t, got, "each once")
			assert.Less(t, time.Since(began), 6*time.Second)
		})
	}
}

// How long a hang-up keeps an application from its messages.
func BenchmarkReconnect(b *testing.B) {
	box, app, a := office(b)
	got := receive(b, stream.Options{App: a})
	for b.Loop() {
		box.WaitStreams(app, 1)
		box.Say("user001", app.AppKey, "hello") // a connection that was of use is not given up for long
		<-got
		old := box.WaitStreams(app, 1)[0].ID
		box.HangUp(app.AppKey)
		for {
			if now := box.WaitStreams(app, 1); now[0].ID != old {
				break
			}
		}
	}
}

// From what somebody writes to the handler.
func BenchmarkMessage(b *testing.B) {
	box, app, a := office(b)
	got := receive(b, stream.Options{App: a})
	box.WaitStreams(app, 1)
	b.ReportAllocs()
	for b.Loop() {
		box.Say("user001", app.AppKey, "status etl")
		<-got
	}
}
