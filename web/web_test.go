package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// bench is a server whose health and clock a test sets.
type bench struct {
	*web.Server
	mu    sync.Mutex
	is    health.Health
	time  time.Time
	looks int
	check func(context.Context)
}

func newBench() *bench { return benchWith(web.Options{}) }

func benchWith(o web.Options) *bench {
	b := &bench{time: at, is: healthy()}
	o.Health, o.Clock, o.Log = b, b.now, slog.New(slog.DiscardHandler)
	b.Server = web.New(o)
	return b
}

func healthy() health.Health {
	return health.Health{
		Status: health.Healthy, At: at, Problems: []health.Problem{}, Store: health.Store{Status: health.Healthy},
		Scheduler: health.Scheduler{Status: health.Healthy, LatestHeartbeat: new(at.Add(-1500 * time.Millisecond))},
		Outbox:    health.Outbox{Status: health.Healthy}, Robots: []health.Robot{}, Applications: []health.Application{},
	}
}

func (b *bench) now() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.time }

// Check tells what the test has set.
func (b *bench) Check(ctx context.Context) *health.Health {
	if b.check != nil {
		b.check(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	return new(b.is)
}

// set changes what is the case, and lets a second pass.
func (b *bench) set(change func(*health.Health)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.is, b.time = healthy(), b.time.Add(time.Second)
	change(&b.is)
}

// answer is what was answered.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *bench) ask(method, target string, header ...string) answer {
	r := httptest.NewRequest(method, "http://localhost:8080"+target, http.NoBody)
	r.RemoteAddr = "127.0.0.1:5"
	for i := 0; i < len(header); i += 2 {
		switch header[i] {
		case "Host":
			r.Host = header[i+1]
			continue
		case "From": // which machine
			r.RemoteAddr = header[i+1] + ":5"
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func storeAway(h *health.Health) {
	h.Status, h.Store = health.Unhealthy, health.Store{Status: health.Unhealthy, Error: "disk I/O error"}
	h.Scheduler, h.Outbox = health.Scheduler{Status: health.Unknown}, health.Outbox{Status: health.Unknown}
	h.Problems = []health.Problem{{Part: "store", Severity: health.Error, Text: "the store cannot be read: disk I/O error"}}
}

func leaseLost(h *health.Health) {
	h.Status, h.Scheduler.Status = health.Unhealthy, health.Unhealthy
	h.Problems = []health.Problem{{Part: "scheduler", Severity: health.Error, Text: "no scheduler is running", Command: "dingdag standalone"}}
}

func undelivered(h *health.Health) {
	h.Status, h.Outbox.Status, h.Outbox.Refused = health.Unhealthy, health.Unhealthy, 1
	h.Problems = []health.Problem{{Part: "outbox", Severity: health.Error, Text: "alerts refused: 1 (7)", Command: "dingdag alerts check"}}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	b := newBench()
	for _, c := range []struct {
		is                          func(*health.Health)
		livez, readyz, ours, theirs int
		why                         string
	}{
		{func(*health.Health) {}, 200, 200, 200, 200, "ok\n"},
		{storeAway, 200, 503, 503, 200, "the store cannot be read: disk I/O error\n"},
		{leaseLost, 200, 503, 503, 200, "no scheduler is running\n"},
		{undelivered, 200, 200, 503, 200, "ok\n"},
	} {
		b.set(c.is)
		for path, want := range map[string]int{"/livez": c.livez, "/readyz": c.readyz, "/health": c.ours, "/api/dingdag/health": c.ours, "/api/v2/monitor/health": c.theirs} {
			got := b.ask(http.MethodGet, path)
			text := got.body
			assert.Equal(t, want, got.status, path)
			if path == "/readyz" {
				assert.Equal(t, c.why, text)
			}
			head := b.ask(http.MethodHead, path)
			assert.Equal(t, want, head.status, path)
			assert.Equal(t, got.header, head.header, path)
			assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
		}
	}
}

// The answer is Airflow's, with null for what is not there.
func TestAirflowHealth(t *testing.T) {
	t.Parallel()
	b := newBench()
	r := b.ask(http.MethodGet, "/api/v2/monitor/health")
	assert.Equal(t, "application/json", r.header.Get("Content-Type"))
	assert.JSONEq(t, `{
		"metadatabase": {"status": "healthy"},
		"scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2026-03-01T11:59:58.500000+00:00"},
		"triggerer": {"status": null, "latest_triggerer_heartbeat": null}
	}`, r.body)
	b.set(func(h *health.Health) {
		leaseLost(h)
		h.Scheduler.LatestHeartbeat = new(at.In(time.FixedZone("", 8*3600)))
	})
	assert.Contains(t, b.ask(http.MethodGet, "/api/v2/monitor/health").body, `"scheduler":{"status":"unhealthy","latest_scheduler_heartbeat":"2026-03-01T12:00:00+00:00"}`)
	b.set(storeAway)
	assert.JSONEq(t, `{
		"metadatabase": {"status": "unhealthy"},
		"scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": null},
		"triggerer": {"status": "unhealthy", "latest_triggerer_heartbeat": null}
	}`, b.ask(http.MethodGet, "/api/v2/monitor/health").body)
}

func TestHealthJSON(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.set(undelivered)
	want, err := json.Marshal(b.Check(t.Context()))
	require.NoError(t, err)
	assert.JSONEq(t, string(want), b.ask(http.MethodGet, "/api/dingdag/health").body)
}

// A browser gets a page in which no text becomes markup, everybody else text.
func TestHealthPage(t *testing.T) {
	t.Parallel()
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	b := newBench()
	text := b.ask(http.MethodGet, "/health", "Accept", "*/*")
	assert.Equal(t, "text/plain; charset=utf-8", text.header.Get("Content-Type"))
	assert.Equal(t, "Accept", text.header.Get("Vary"))
	assert.Contains(t, text.body, "healthy\n\nstore ")

	b.set(func(h *health.Health) {
		undelivered(h)
		h.Problems[0].Text, h.Problems[0].Command = `<script>alert("1")</script>`, `dingdag --home "/a&b"`
		h.Robots = []health.Robot{{Name: `"><img src=x>`}}
	})
	page := b.ask(http.MethodGet, "/health", "Accept", browser)
	assert.Equal(t, http.StatusServiceUnavailable, page.status)
	assert.Equal(t, "text/html; charset=utf-8", page.header.Get("Content-Type"))
	assert.Regexp(t, `^default-src 'none'; style-src 'sha256-[\w+/]{43}='; `, page.header.Get("Content-Security-Policy"))
	shown := page.body
	assert.Contains(t, shown, `<h1>Dingdag is <span class="unhealthy">unhealthy</span></h1>`)
	assert.Contains(t, shown, `<li><strong class="error">error</strong>: &lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;<br><code>dingdag --home &#34;/a&amp;b&#34;</code></li>`)
	assert.Contains(t, shown, `<th>robot &#34;&gt;&lt;img src=x&gt;</th>`)
	assert.NotContains(t, shown, "<script")
	assert.NotContains(t, shown, "<img")

	root := b.ask(http.MethodGet, "/")
	assert.Equal(t, http.StatusFound, root.status)
	assert.Equal(t, "/health", root.header.Get("Location"))
}

func TestWrongPathsAndMethods(t *testing.T) {
	t.Parallel()
	b := newBench()
	for _, c := range []struct {
		method, path string
		status       int
		kind, text   string
	}{
		{http.MethodGet, "/nowhere", 404, "text/plain; charset=utf-8", "Not Found\n"},
		{http.MethodPost, "/api/v2/dags", 404, "application/json", `{"detail":"Not Found","error":"Not Found"}` + "\n"},
		{http.MethodGet, "/api/v2/monitor/health/", 404, "application/json", `{"detail":"Not Found","error":"Not Found"}` + "\n"},
		{http.MethodPost, "/api/v2/monitor/health", 405, "application/json", `{"detail":"Method Not Allowed"}` + "\n"},
		{http.MethodDelete, "/api/dingdag/health", 405, "application/json", `{"detail":"Method Not Allowed"}` + "\n"},
		{http.MethodPost, "/livez", 405, "text/plain; charset=utf-8", "Method Not Allowed\n"},
	} {
		r := b.ask(c.method, c.path)
		assert.Equal(t, c.status, r.status, c.path)
		assert.Equal(t, c.kind, r.header.Get("Content-Type"), c.path)
		assert.Equal(t, c.text, r.body, c.path)
		if c.status == http.StatusMethodNotAllowed {
			assert.Equal(t, "GET, HEAD", r.header.Get("Allow"))
		}
	}
	assert.Zero(t, b.looks)
}

// Another site's name that leads to this machine is refused.
func TestHosts(t *testing.T) {
	t.Parallel()
	b := newBench()
	for _, ok := range []string{"localhost", "LOCALHOST:1", "127.0.0.1:8080", "127.0.0.1", "[::1]:8080", "[::1]", ""} {
		assert.Equal(t, 200, b.ask(http.MethodGet, "/livez", "Host", ok).status, ok)
	}
	for _, bad := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example:8080", "0.0.0.0:8080", "192.168.1.5", "localhost@evil.example"} {
		r := b.ask(http.MethodGet, "/api/dingdag/health", "Host", bad)
		assert.Equal(t, http.StatusMisdirectedRequest, r.status, bad)
		assert.NotContains(t, r.body, "evil")
	}
	assert.Zero(t, b.looks)
}

// However many ask at once, and within a second, the store is read once.
func TestOneLookASecond(t *testing.T) {
	t.Parallel()
	b := newBench()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { assert.Equal(t, 200, b.ask(http.MethodGet, "/readyz").status) })
	}
	wg.Wait()
	assert.Equal(t, 1, b.looks)
	b.set(leaseLost)
	assert.Equal(t, 503, b.ask(http.MethodGet, "/readyz").status)
	assert.Equal(t, 2, b.looks)
	b.mu.Lock()
	b.time = at.Add(-time.Hour) // the clock was set back
	b.mu.Unlock()
	assert.Equal(t, 503, b.ask(http.MethodGet, "/readyz").status)
	assert.Equal(t, 3, b.looks)
}

// serve runs the server of a bench, and returns its address and what ends it.
func serve(t *testing.T, b *bench) (address string, end func()) {
	t.Helper()
	ln, err := web.Listen(t.Context(), "localhost:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, ln) }()
	end = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(end)
	return ln.Addr().String(), end
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// exchange sends bytes and reads all that comes back.
func exchange(t *testing.T, address, request string) string {
	t.Helper()
	c := dial(t, address)
	_, err := io.WriteString(c, request)
	require.NoError(t, err)
	answer, err := io.ReadAll(c)
	require.NoError(t, err)
	return string(answer)
}

func TestServer(t *testing.T) {
	t.Parallel()
	b := newBench()
	address, end := serve(t, b)
	_, err := web.Listen(t.Context(), address)
	require.ErrorContains(t, err, "address already in use")
	_, err = web.Listen(t.Context(), "example.com:0")
	require.ErrorContains(t, err, "must be an IP address and a port")

	got := exchange(t, address, "HEAD /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	assert.True(t, strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n"), got)
	assert.Contains(t, got, "Content-Length: 3\r\n")
	assert.True(t, strings.HasSuffix(got, "\r\n\r\n"), "no body: %q", got)
	got = exchange(t, address, "GET /livez HTTP/1.0\r\n\r\n")
	assert.True(t, strings.HasSuffix(got, "\r\n\r\nok\n"), "an old probe: %q", got)

	for _, request := range []string{
		"GET /livez%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"GET //livez%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\rX-Evil: 1\r\nConnection: close\r\n\r\n",
		"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Evil : 1\r\nConnection: close\r\n\r\n",
		"GET /health HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n X-Evil: 1\r\nConnection: close\r\n\r\n",
		"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
	} {
		answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(exchange(t, address, request))), nil)
		require.NoError(t, err, request)
		assert.Empty(t, answer.Header.Get("X-Evil"), request)
		if location := answer.Header.Get("Location"); location != "" {
			assert.True(t, strings.HasPrefix(location, "/livez%0D%0A") || strings.HasPrefix(location, "/livez%0d%0a"), location)
		}
		require.NoError(t, answer.Body.Close())
	}
	got = exchange(t, address, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
	assert.True(t, strings.HasPrefix(got, "HTTP/1.1 431 "), got)

	end()
	_, err = net.Dial("tcp", address)
	require.Error(t, err)
}

// Clients that send nothing, half a request, or do not read what they asked for, hold up no stop; nor
// does a store that hangs.
func TestSlowClientsHoldUpNoStop(t *testing.T) {
	t.Parallel()
	b := newBench()
	var hangs atomic.Bool
	looking := make(chan struct{})
	b.check = func(ctx context.Context) {
		if hangs.Load() {
			close(looking)
			<-ctx.Done()
		}
	}
	b.is.Problems = []health.Problem{{Text: strings.Repeat("x", 8<<20)}} // more than buffers take
	address, end := serve(t, b)
	dial(t, address)
	half := dial(t, address)
	_, err := io.WriteString(half, "GET /livez HTTP/1.1\r\nHo")
	require.NoError(t, err)
	deaf := dial(t, address)
	_, err = io.WriteString(deaf, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	first := make([]byte, 8)
	_, err = io.ReadFull(deaf, first)
	require.NoError(t, err)
	b.set(func(*health.Health) {})
	hangs.Store(true)
	waits := dial(t, address)
	_, err = io.WriteString(waits, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	<-looking
	begun := time.Now()
	end()
	assert.Less(t, time.Since(begun), 10*time.Second, "each is cut off after a second")
	rest, err := io.ReadAll(waits)
	assert.True(t, err != nil || !bytes.Contains(rest, []byte("200 OK")), "%q", rest)
}

// What DingTalk sends has a path of its own, and changes nothing about the others.
func TestDingTalkHasItsPath(t *testing.T) {
	t.Parallel()
	var got []string
	b := newBench()
	s := web.New(web.Options{
		Health: b, Clock: b.now, Log: slog.New(slog.DiscardHandler),
		DingTalk: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = append(got, r.URL.Path)
			w.WriteHeader(http.StatusOK)
		}),
	})
	for _, c := range []struct {
		method, path, host string
		want               int
	}{
		{http.MethodPost, "/dingtalk/robot/app", "localhost", http.StatusOK},
		{http.MethodGet, "/dingtalk/robot/app", "localhost", http.StatusMethodNotAllowed},
		{http.MethodPost, "/dingtalk/robot", "localhost", http.StatusNotFound},
		{http.MethodPost, "/dingtalk/robot/app", "dingdag.example", http.StatusMisdirectedRequest},
		{http.MethodGet, "/livez", "localhost", http.StatusOK},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		assert.Equal(t, c.want, w.Code, c.method+" "+c.path)
	}
	assert.Equal(t, []string{"/dingtalk/robot/app"}, got)
	r := httptest.NewRequest(http.MethodPost, "/dingtalk/robot/app", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	assert.Equal(t, http.StatusNotFound, w.Code, "nothing is taken without it")
}

// Pages answer what nothing else does.
func TestPagesAnswerTheRest(t *testing.T) {
	t.Parallel()
	b := newBench()
	var ended, waited atomic.Bool
	b.Server = web.New(web.Options{
		Health: b, Clock: b.now, Log: slog.New(slog.DiscardHandler), Stop: func() { waited.Store(ended.Swap(true)) },
		Pages: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, r.URL.Path)
		}),
	})
	for path, want := range map[string]int{"/": 418, "/dags": 418, "/nowhere": 418, "/livez": 200, "/health": 200, "/api/v2/nowhere": 404, "/dingtalk/x": 404} {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = "localhost"
		b.ServeHTTP(rec, r)
		assert.Equal(t, want, rec.Code, path)
	}
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/livez", nil)
	r.Host = "localhost"
	b.ServeHTTP(rec, r)
	assert.Equal(t, http.StatusMethodNotAllowed, rec.Code)

	ln, err := web.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- b.Run(ctx, ln) }()
	stop()
	require.NoError(t, <-over)
	assert.True(t, waited.Load(), "streams that were taken over are waited for")
}
