package live_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/web/pages/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// browser is one that reads events over a connection which the hub may take over.
type browser struct {
	*httptest.ResponseRecorder

	server net.Conn
	conn   net.Conn
	got    *bufio.Reader
}

func newBrowser() *browser {
	client, server := net.Pipe()
	return &browser{httptest.NewRecorder(), server, client, bufio.NewReader(client)}
}

// Hijack implements [http.Hijacker].
func (b *browser) Hijack() (net.Conn, *bufio.ReadWriter, error) { return b.server, nil, nil }

// serve serves it and returns what was answered by then, without what the hub has no say in.
func (b *browser) serve(ctx context.Context, t *testing.T, h *live.Hub, topic live.Topic, longest time.Duration) string {
	t.Helper()
	served := make(chan error, 1)
	go func() {
		served <- h.Serve(b, httptest.NewRequest(http.MethodGet, "/events", nil).WithContext(ctx), topic, longest)
	}()
	var head strings.Builder
	for line := ""; line != "\r\n"; {
		var err error
		line, err = b.got.ReadString('\n')
		require.NoError(t, err)
		if !strings.HasPrefix(line, "Date: ") {
			head.WriteString(line)
		}
	}
	assert.Equal(t, "retry: 2000\n\n", b.read(t))
	require.NoError(t, <-served, "it returns, and the stream goes on")
	return head.String()
}

// read is the next event.
func (b *browser) read(t *testing.T) string {
	t.Helper()
	event := ""
	for !strings.HasSuffix(event, "\n\n") {
		line, err := b.got.ReadString('\n')
		require.NoError(t, err)
		event += line
	}
	return event
}

// ends waits for the end of the stream.
func (b *browser) ends(t *testing.T) {
	t.Helper()
	_, err := b.got.ReadByte()
	assert.ErrorIs(t, err, io.EOF)
}

const changed = "event: changed\ndata: \n\n"

func TestAPageIsToldOfItsTopicOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, b := live.New(10, time.Second), newBrowser()
		b.Header().Set("X-Frame-Options", "DENY")
		head := b.serve(t.Context(), t, h, live.Topic{DAGID: "etl", RunID: "r1"}, time.Hour)
		assert.Equal(t, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\nX-Frame-Options: DENY\r\n\r\n", head)
		for _, c := range []live.Topic{{DAGID: "other"}, {DAGID: "etl", RunID: "r2"}} {
			h.Changed(c)
		}
		began := time.Now()
		assert.Equal(t, ": \n\n", b.read(t), "others do not concern it")
		assert.Equal(t, 15*time.Second, time.Since(began), "and it is kept open")
		for range 100 {
			h.Changed(live.Topic{DAGID: "etl", RunID: "r1"})
		}
		began = time.Now()
		assert.Equal(t, changed, b.read(t))
		assert.Zero(t, time.Since(began))
		synctest.Wait()
		h.Changed(live.Topic{DAGID: "etl"}) // the DAG, with all its runs
		h.Changed(live.Topic{})             // everything
		assert.Equal(t, changed, b.read(t))
		assert.Equal(t, time.Second, time.Since(began), "once for all that came in the second")
		for range 2 {
			assert.Equal(t, ": \n\n", b.read(t))
		}
		assert.Equal(t, 31*time.Second, time.Since(began))
		assert.Equal(t, 1, h.Open())
		assert.NoError(t, b.conn.Close())
		synctest.Wait()
		assert.Zero(t, h.Open(), "whoever has gone takes no place")
	})
}

func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := live.New(2, time.Second)
		first, second, third := newBrowser(), newBrowser(), newBrowser()
		first.serve(t.Context(), t, h, live.Topic{}, time.Hour)
		second.serve(t.Context(), t, h, live.Topic{}, time.Hour)
		r := httptest.NewRequest(http.MethodGet, "/events", nil)
		assert.ErrorIs(t, h.Serve(third, r, live.Topic{}, time.Hour), live.ErrFull)
		assert.Empty(t, third.Header(), "nothing is answered")
		h.Stop()
		assert.Zero(t, h.Open(), "they have ended when it returns")
		h.Stop()
		first.ends(t)
		second.ends(t)
		assert.ErrorIs(t, h.Serve(third, r, live.Topic{}, time.Hour), live.ErrFull, "it has stopped")
	})
}

// A stream ends when its time is over, and when its page says something: it has nothing to say.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, b := live.New(2, time.Second), newBrowser()
		b.serve(t.Context(), t, h, live.Topic{}, 10*time.Second)
		began := time.Now()
		b.ends(t)
		assert.Equal(t, 10*time.Second, time.Since(began))
		b = newBrowser()
		b.serve(t.Context(), t, h, live.Topic{}, time.Hour)
		_, err := b.conn.Write([]byte("G"))
		assert.NoError(t, err)
		b.ends(t)
		synctest.Wait()
		assert.Zero(t, h.Open())
	})
}

// A page that takes nothing is let go, and a stop does not wait for it.
func TestSlowPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, b := live.New(2, time.Second), newBrowser()
		b.serve(t.Context(), t, h, live.Topic{}, time.Hour)
		began := time.Now()
		h.Changed(live.Topic{})
		time.Sleep(live.EventTime - time.Millisecond)
		assert.Equal(t, 1, h.Open())
		time.Sleep(time.Millisecond)
		synctest.Wait()
		assert.Zero(t, h.Open())
		b = newBrowser()
		b.serve(t.Context(), t, h, live.Topic{}, time.Hour)
		h.Changed(live.Topic{})
		synctest.Wait()
		h.Stop()
		assert.Zero(t, h.Open())
		assert.Equal(t, live.EventTime, time.Since(began))
		gone := newBrowser()
		assert.NoError(t, gone.conn.Close())
		h = live.New(2, time.Second)
		assert.Error(t, h.Serve(gone, httptest.NewRequest(http.MethodGet, "/events", nil), live.Topic{}, time.Hour))
		assert.Zero(t, h.Open())
	})
}

// Over HTTP/2, and where a request is odd, no connection is taken over: the call lasts as long as the stream.
func TestStreamsOnTheirRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, w := live.New(2, time.Second), httptest.NewRecorder()
		began := time.Now()
		assert.NoError(t, h.Serve(w, httptest.NewRequest(http.MethodGet, "/events", nil), live.Topic{}, 20*time.Second))
		assert.Equal(t, 20*time.Second, time.Since(began))
		assert.Equal(t, "retry: 2000\n\n: \n\n", w.Body.String())
		assert.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
		b := newBrowser()
		assert.NoError(t, h.Serve(b, httptest.NewRequest(http.MethodGet, "/events", strings.NewReader("more")), live.Topic{}, time.Second))
		assert.Equal(t, "retry: 2000\n\n", b.Body.String())
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- h.Serve(w, httptest.NewRequest(http.MethodGet, "/events", nil).WithContext(ctx), live.Topic{}, time.Hour)
		}()
		synctest.Wait()
		assert.Equal(t, 1, h.Open())
		stop()
		assert.NoError(t, <-ended)
		assert.Zero(t, h.Open())
	})
}

// Nobody takes the places of all others.
func TestPagesOfAPersonAreBounded(t *testing.T) {
	t.Parallel()
	h := live.New(3*live.MostOf, time.Second)
	ann, bob := access.With(t.Context(), access.Identity{User: "ann"}), access.With(t.Context(), access.Identity{User: "bob"})
	var leave func()
	for range live.MostOf {
		var err error
		leave, _, err = h.Enter(ann)
		assert.NoError(t, err)
	}
	_, _, err := h.Enter(ann)
	assert.ErrorIs(t, err, live.ErrFull)
	assert.ErrorIs(t, h.Serve(newBrowser(), httptest.NewRequest(http.MethodGet, "/events", nil).WithContext(ann), live.Topic{}, time.Minute), live.ErrFull)
	_, _, err = h.Enter(bob)
	assert.NoError(t, err)
	leave()
	_, _, err = h.Enter(ann)
	assert.NoError(t, err)
	_, _, err = h.Enter(ann)
	assert.ErrorIs(t, err, live.ErrFull)
}
func nothing() error { return nil }
func TestAPageThatIsGoneIsNotFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := live.New(2, time.Second)
		gone := errors.New("the connection is closed")
		ended := make(chan error, 1)
		go func() {
			ended <- h.Follow(t.Context(), live.Topic{}, nothing, func() error { return gone }, time.Minute, nothing)
		}()
		synctest.Wait()
		h.Changed(live.Topic{})
		assert.ErrorIs(t, <-ended, gone)
		assert.Zero(t, h.Open())
	})
}
