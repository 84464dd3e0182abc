package inbox_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/api/inbox"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// to is a connection that leads somewhere.
func to(t *testing.T, kind, host string) *connections.Connection {
	t.Helper()
	c, err := connections.FromAttributes("c", map[string]any{"conn_type": kind, "host": host})
	require.NoError(t, err)
	return c
}

// world is an inbox whose connections and clock a test sets.
type world struct {
	conns []*connections.Connection
	err   error
	now   time.Time
}

func (w *world) inbox(address string) *inbox.Inbox {
	w.now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return inbox.New(inbox.Options{
		Address:     address,
		Connections: func(context.Context) ([]*connections.Connection, error) { return w.conns, w.err },
		Mask:        func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") },
		Clock:       func() time.Time { return w.now },
	})
}

// send posts a message to a robot of a sandbox.
func send(t *testing.T, box *sandboxtest.Sandbox, r sandbox.Robot, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, box.URL+"/robot/send?access_token="+r.Token, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.JSONEq(t, `{"errcode":0,"errmsg":"ok"}`, string(answer))
}

func TestMessages(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t, sandboxtest.WithPathPrefix("/local"))
	robot := box.AddRobot(sandbox.Robot{Name: "alerts", Rate: sandbox.Rate{PerMinute: -1}, Members: []sandbox.Member{{Name: "Ann", Mobile: "13800000001"}}})
	send(t, box, robot, `{"msgtype":"text","text":{"content":"first, with hunter2"},"at":{"atMobiles":["13800000001","13900000000"]}}`)
	send(t, box, robot, `{"msgtype":"markdown","markdown":{"title":"Nightly hunter2","text":"# Done"}}`)
	send(t, box, robot, `{"msgtype":"actionCard","actionCard":{"title":"Card","text":"x","btnOrientation":"1","btns":[{"title":"hunter2","actionURL":"https://x.example/hunter2"},{"title":"b","actionURL":"https://x.example/b"}]}}`)
	send(t, box, robot, `{"msgtype":"feedCard","feedCard":{"links":[{"title":"hunter2","messageURL":"https://x.example/hunter2","picURL":"https://x.example/hunter2.png"}]}}`)
	send(t, box, robot, `{"msgtype":"link","link":{"title":"L","text":"l","messageUrl":"https://x.example/hunter2","picUrl":"https://x.example/hunter2.png"}}`)

	w := &world{conns: []*connections.Connection{to(t, "dingding", box.URL)}}
	in := w.inbox("")
	at, err := in.Address(t.Context())
	require.NoError(t, err)
	assert.Equal(t, box.URL, at, "with the path below which it is")
	assert.True(t, in.There(t.Context()))

	page, err := in.Messages(t.Context(), inbox.Query{Limit: 3, Offset: 1})
	require.NoError(t, err)
	assert.Equal(t, box.URL, page.Address)
	assert.Equal(t, 5, page.Total)
	require.Len(t, page.Messages, 3)
	assert.Equal(t, inbox.Content{Buttons: []inbox.Button{}, Links: []inbox.Link{{Title: "***", URL: "https://x.example/***", PictureURL: "https://x.example/***.png"}}}, page.Messages[0].Content)
	assert.Equal(t, inbox.Content{
		Title: "Card", Text: "x", SideBySide: true, Links: []inbox.Link{},
		Buttons: []inbox.Button{{Title: "***", URL: "https://x.example/***"}, {Title: "b", URL: "https://x.example/b"}},
	}, page.Messages[1].Content)
	assert.Equal(t, "Nightly ***", page.Messages[2].Content.Title)

	one, err := in.Message(t.Context(), 1)
	require.NoError(t, err)
	kept, err := box.Message(1)
	require.NoError(t, err)
	assert.Equal(t, &inbox.Message{
		ID: 1, Time: one.Time, Robot: "alerts", Group: kept.Group, To: []string{}, Type: "text",
		Content:  inbox.Content{Text: "first, with ***", Buttons: []inbox.Button{}, Links: []inbox.Link{}},
		Mentions: inbox.Mentions{Notified: []string{"13800000001"}, Ignored: []inbox.Ignored{{ID: "13900000000", Reason: one.Mentions.Ignored[0].Reason}}},
	}, one)
	assert.True(t, kept.Time.Equal(one.Time))
	link, err := in.Message(t.Context(), 5)
	require.NoError(t, err)
	assert.Equal(t, "https://x.example/***", link.Content.URL)
	assert.Equal(t, "https://x.example/***.png", link.Content.PictureURL)

	for _, q := range []struct {
		inbox.Query

		want []int
	}{
		{inbox.Query{Type: "markdown"}, []int{2}},
		{inbox.Query{Text: "FIRST"}, []int{1}},
		{inbox.Query{Robot: "nobody"}, []int{}},
		{inbox.Query{Robot: "alerts", Type: "link"}, []int{5}},
		{inbox.Query{Conversation: "none"}, []int{}},
	} {
		q.Limit = 9
		page, err := in.Messages(t.Context(), q.Query)
		require.NoError(t, err)
		ids := []int{}
		for _, m := range page.Messages {
			ids = append(ids, m.ID)
		}
		assert.Equal(t, q.want, ids, "%+v", q.Query)
		assert.Equal(t, len(q.want), page.Total)
	}

	_, err = in.Message(t.Context(), 99)
	require.ErrorIs(t, err, store.ErrNotFound)
	assert.EqualError(t, err, "the sandbox keeps no message 99: not found")
}

func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	robot := box.AddRobot(sandbox.Robot{Name: "alerts", Rate: sandbox.Rate{PerMinute: -1}})
	for i := range inbox.MaxLimit + 1 {
		send(t, box, robot, `{"msgtype":"text","text":{"content":"`+strconv.Itoa(i)+`"}}`)
	}
	page, err := (&world{}).inbox(box.URL).Messages(t.Context(), inbox.Query{Limit: 1 << 30})
	require.NoError(t, err)
	assert.Len(t, page.Messages, inbox.MaxLimit)
	assert.Equal(t, inbox.MaxLimit+1, page.Total)
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, host, want string }{
		{"dingding", "http://127.0.0.1:8100", "http://127.0.0.1:8100"},
		{"dingtalk", "http://localhost:8100/base/", "http://localhost:8100/base"},
		{"dingding", "http://[::1]:8100/?a=b#c", "http://[::1]:8100"},
		{"dingding", "http://user:pass@127.0.0.1:1", "http://127.0.0.1:1"},
		{"dingding", "http://127.0.0.1:8100/base/robot/send", "http://127.0.0.1:8100/base"},
		{"http", "http://127.0.0.1:8100", ""},
		{"dingding", "https://127.0.0.1:8100", ""},
		{"dingding", "http://10.0.0.1:8100", ""},
		{"dingding", "http://sandbox:8100", ""},
		{"dingding", "https://oapi.dingtalk.com", ""},
		{"dingding", "127.0.0.1", ""},
		{"dingding", "http://%zz", ""},
	} {
		assert.Equal(t, c.want, inbox.Place(to(t, c.kind, c.host)), "%+v", c)
	}
	c := to(t, "dingding", "http://127.0.0.1")
	c.Port = new(8100)
	assert.Equal(t, "http://127.0.0.1:8100", inbox.Place(c))
	assert.Empty(t, inbox.Place(&connections.Connection{Type: "dingding"}))
}

func TestWhereItIs(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	var asked atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, `{"messages":[]}`) // says no total
	}))
	t.Cleanup(stranger.Close)
	elsewhere := httptest.NewServer(http.RedirectHandler(box.URL+"/sandbox/api/messages?limit=0", http.StatusFound))
	t.Cleanup(elsewhere.Close)
	const way = "start dingdag sandbox and add a connection that it prints, or name its address in the setting sandbox_url"

	w := &world{conns: []*connections.Connection{
		to(t, "dingding", "https://oapi.dingtalk.com"), to(t, "dingding", stranger.URL), to(t, "dingtalk", stranger.URL),
		to(t, "dingding", elsewhere.URL), to(t, "dingtalk", box.URL),
	}, err: errors.New("one cannot be read")}
	in := w.inbox("")
	at, err := in.Address(t.Context())
	require.NoError(t, err)
	assert.Equal(t, box.URL, at)
	assert.Equal(t, int32(1), asked.Load(), "an address is asked once, however many connections lead there")

	// What was found counts for five seconds.
	w.conns = w.conns[:3]
	w.now = w.now.Add(5*time.Second - 1)
	assert.True(t, in.There(t.Context()))
	w.now = w.now.Add(1)
	assert.False(t, in.There(t.Context()))
	_, err = in.Address(t.Context())
	require.ErrorIs(t, err, store.ErrNotFound)
	require.EqualError(t, err, "no sandbox answers at "+stranger.URL+", where connections lead: "+way)
	_, err = in.Messages(t.Context(), inbox.Query{Limit: 1})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = in.Message(t.Context(), 1)
	require.ErrorIs(t, err, store.ErrNotFound)

	for name, c := range map[string]struct {
		w    world
		at   string
		want string
		none bool
	}{
		"off":        {world{conns: []*connections.Connection{to(t, "dingding", box.URL)}}, "off", "no sandbox is looked for: the setting sandbox_url is off", true},
		"no one":     {world{}, "", "no connection leads to a sandbox on this machine: " + way, true},
		"unreadable": {world{err: errors.New("locked")}, "", "look for the connection of a sandbox: locked", false},
		"set, and something else": {
			world{conns: []*connections.Connection{to(t, "dingding", box.URL)}},
			stranger.URL,
			"no sandbox answers at sandbox_url: " + stranger.URL + ": what answers is no sandbox, or one of an older version", true,
		},
		"set, and it leads on": {world{}, elsewhere.URL, "no sandbox answers at sandbox_url: " + elsewhere.URL + "/sandbox/api/messages answers 302 Found", true},
	} {
		_, err := c.w.inbox(c.at).Address(t.Context())
		require.EqualError(t, err, c.want, name)
		assert.Equal(t, c.none, errors.Is(err, store.ErrNotFound), name)
	}
}

func TestABadAnswer(t *testing.T) {
	t.Parallel()
	var answer atomic.Value
	answer.Store(`{"messages":[],"total":0}`)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, http.MethodGet, r.Method)
		if answer.Load() == "long" {
			_, _ = io.WriteString(w, `"`)
			for range 9 {
				_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
			}
			return
		}
		_, _ = io.WriteString(w, answer.Load().(string))
	}))
	t.Cleanup(s.Close)
	in := (&world{}).inbox(s.URL)
	require.True(t, in.There(t.Context()))
	for text, want := range map[string]string{
		"<html>":                         s.URL + "/sandbox/api/messages: what answers is no sandbox: invalid character '<' looking for beginning of value",
		"long":                           s.URL + "/sandbox/api/messages: the answer has more than 8388608 bytes",
		`{"messages":[{},{}],"total":2}`: s.URL + ": what answers is no sandbox, or one of an older version",
	} {
		answer.Store(text)
		_, err := in.Messages(t.Context(), inbox.Query{Limit: 1, Text: "secret"})
		require.EqualError(t, err, "the sandbox does not answer any more: "+want)
		assert.NotContains(t, err.Error(), "secret")
	}
	s.Close()
	_, err := in.Messages(t.Context(), inbox.Query{Limit: 1, Text: "secret"})
	require.ErrorIs(t, err, store.ErrNotFound)
	assert.Regexp(t, `^the sandbox does not answer any more: http://127\.0\.0\.1:\d+/sandbox/api/messages: dial tcp .*refused$`, err.Error())

	// Who does not wait is told so, and nobody learns that there is none.
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	_, err = in.Messages(ended, inbox.Query{Limit: 1})
	require.EqualError(t, err, "gone")
	box := sandboxtest.Start(t)
	fresh := (&world{}).inbox(box.URL)
	_, err = fresh.Address(ended)
	require.EqualError(t, err, "gone")
	assert.True(t, fresh.There(t.Context()))
}

// Pages ask whether there is one each time that they are shown: one that does not answer is waited for once in five seconds.
func TestOneThatHangs(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		select {
		case <-over:
			_, _ = io.WriteString(w, `{"messages":[],"total":0}`)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	w := &world{}
	in := w.inbox(s.URL)
	look := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return in.There(ctx)
	}
	for range 3 {
		assert.False(t, look())
	}
	assert.LessOrEqual(t, asked.Load(), int32(1))
	close(over)
	assert.False(t, in.There(t.Context()))
	_, err := in.Address(t.Context())
	require.NoError(t, err)
	assert.True(t, in.There(t.Context()), "since it answers")
	w.now = w.now.Add(5 * time.Second)
	assert.True(t, in.There(t.Context()))
}
