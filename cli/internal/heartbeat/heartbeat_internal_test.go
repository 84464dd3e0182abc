package heartbeat

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a heart whose engine and service a test controls. Its time is that of a bubble.
type bench struct {
	heart
	mu       sync.Mutex
	log      bytes.Buffer
	progress engine.Progress
	answer   error
	pings    int
	end      func()
}

func start(t *testing.T, interval time.Duration) *bench {
	t.Helper()
	b := &bench{}
	b.Options = Options{URL: "https://hc-ping.com/5d9b0a3c-secret?token=x", Interval: interval, Log: slog.New(slog.NewTextHandler(lockedLog{b}, nil))}
	b.Progress = func() engine.Progress { b.mu.Lock(); defer b.mu.Unlock(); return b.progress }
	b.ping = func(context.Context) error { b.mu.Lock(); defer b.mu.Unlock(); b.pings++; return b.answer }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { b.run(ctx); close(done) }()
	b.end = func() { cancel(); <-done }
	t.Cleanup(b.end)
	return b
}

func (b *bench) gets(beats, passes, rounds int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.progress.Beats += beats
	b.progress.Passes += passes
	b.progress.Rounds += rounds
}

// after is how many requests there were once some time has passed.
func (b *bench) after(d time.Duration) int {
	<-time.After(d)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pings
}

var stamp = regexp.MustCompile(`(?m)^time=\S+ `)

func (b *bench) logged() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return stamp.ReplaceAllString(b.log.String(), "")
}

// lockedLog writes to the log of a bench.
type lockedLog struct{ b *bench }

// Write adds to it.
func (l lockedLog) Write(p []byte) (int, error) {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.b.log.Write(p)
}

// A sign of life is a sign of work: it is sent when the engine has got on in every respect since
// the last one, not more often than it should be, and not because time has passed.
func TestOnlyProgressIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := start(t, time.Minute)
		assert.Zero(t, b.after(time.Hour), "nothing was done yet")
		b.gets(1, 0, 1)
		assert.Zero(t, b.after(time.Hour))
		b.gets(0, 1, 0)
		assert.Equal(t, 1, b.after(2*time.Second), "as soon as it was")
		b.gets(9, 9, 9)
		assert.Equal(t, 1, b.after(30*time.Second), "not before a minute has passed")
		assert.Equal(t, 2, b.after(30*time.Second))
		b.gets(9, 9, 9)
		assert.Equal(t, 2, b.after(30*time.Second))
		assert.Equal(t, 3, b.after(time.Minute))
		for range 10 { // two parts go on
			b.gets(60, 2, 0)
			assert.Equal(t, 3, b.after(time.Minute))
		}
		b.gets(0, 0, 1)
		assert.Equal(t, 4, b.after(2*time.Second))
		b.gets(1, 1, 1)
		b.end()
		assert.Equal(t, 4, b.after(time.Hour), "a stop sends nothing")
	})
}

// The log says once that a request failed and once that it no longer does, and once that there is
// nothing to tell; the URL is not in it.
func TestTheLogSaysWhatChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := start(t, time.Minute)
		turn := func(err error) {
			b.mu.Lock()
			b.answer = err
			b.mu.Unlock()
			b.gets(1, 1, 1)
			b.after(time.Minute)
		}
		refused := errors.New("answered 404 Not Found")
		for _, err := range []error{nil, nil, refused, refused, refused, nil, nil} {
			turn(err)
		}
		assert.Equal(t, 7, b.after(0), "what failed does not stop it")
		b.gets(5, 0, 3)
		b.after(time.Hour)
		turn(nil)
		assert.Equal(t, strings.Join([]string{
			`level=INFO msg="the heartbeat is taken" url=https://hc-ping.com`,
			`level=WARN msg="the heartbeat is not taken" url=https://hc-ping.com error="answered 404 Not Found"`,
			`level=INFO msg="the heartbeat is taken" url=https://hc-ping.com`,
			`level=ERROR msg="the heartbeat is held back, because the scheduler gets no further" for=2m0s beats=5 passes=0 rounds_of_outbox=3`,
			`level=INFO msg="the scheduler works again, and so does its heartbeat"`, "",
		}, "\n"), b.logged())
	})
}

// What a service may answer, and what is said of it without its URL.
func TestPing(t *testing.T) {
	t.Parallel()
	var (
		mu    sync.Mutex
		asked []string
	)
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method+" "+r.URL.String()+r.Header.Get("Referer"))
		mu.Unlock()
		switch r.URL.Path {
		case "/hangs":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusMovedPermanently)
		case "/lost":
			http.Redirect(w, r, "/moved-for-ever", http.StatusFound)
		case "/moved-for-ever":
			http.Redirect(w, r, "/moved-for-ever", http.StatusFound)
		case "/odd":
			w.WriteHeader(http.StatusNotModified)
		case "/no":
			http.Error(w, "no such check", http.StatusNotFound)
		}
	}))
	defer s.Close()
	defer close(release)
	ask := func(path string) error { return ping(t.Context(), s.URL+path, 5*time.Second) }
	require.NoError(t, ask("/ok?token=hush"))
	require.NoError(t, ask("/moved?token=hush"))
	mu.Lock()
	assert.Equal(t, []string{"GET /ok?token=hush", "GET /moved?token=hush", "GET /ok"}, asked, "and nobody is told from where")
	mu.Unlock()
	require.EqualError(t, ask("/lost"), "more than 5 redirects")
	require.EqualError(t, ask("/odd"), "answered 304 Not Modified")
	require.EqualError(t, ask("/no"), "answered 404 Not Found")

	err := ping(t.Context(), s.URL+"/hangs?token=hush", 20*time.Millisecond)
	require.EqualError(t, err, "stopped: no answer within 20ms")
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, ping(stopped, s.URL+"/ok", time.Second), context.Canceled)
	gone := httptest.NewServer(nil)
	gone.Close()
	err = ping(t.Context(), gone.URL+"/hush", time.Second)
	require.ErrorContains(t, err, "connection refused")
	assert.NotContains(t, err.Error(), "hush")
}
