package sandbox_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

// An open event stream and an answer that is an hour slow must not hold up the end.
// A web page whose name resolves to this machine does not get to read the sandbox.
func TestHost(t *testing.T) {
	t.Parallel()
	closed, open := sandbox.New(sandbox.Options{}), sandbox.New(sandbox.Options{Hosts: []string{"Sandbox.example"}})
	for host, want := range map[string][]int{
		"127.0.0.1:8100": {200, 200}, "localhost:8100": {200, 200}, "LOCALHOST": {200, 200}, "[::1]:8100": {200, 200}, "192.0.2.7:8100": {200, 200},
		"oapi.dingtalk.com": {200, 200}, "evil.example:8100": {421, 421}, "": {421, 421}, "localhost.evil.example": {421, 421}, "sandbox.example:8100": {421, 200},
	} {
		for i, s := range []*sandbox.Server{closed, open} {
			for _, path := range []string{"/", "/sandbox/api/messages"} {
				req := httptest.NewRequest(http.MethodGet, boxtest.Local+path, nil)
				req.Host = host
				rec := httptest.NewRecorder()
				s.ServeHTTP(rec, req)
				assert.Equal(t, want[i], rec.Code, "%q %s", host, path)
				if rec.Code != http.StatusOK && host != "" {
					assert.Contains(t, rec.Body.String(), "--host")
				}
			}
		}
	}
	anything := sandbox.New(sandbox.Options{Hosts: []string{"*"}})
	req := httptest.NewRequest(http.MethodGet, boxtest.Local+"/", nil)
	req.Host = "x.example"
	rec := httptest.NewRecorder()
	anything.ServeHTTP(rec, req)
	assert.Equal(t, http.StatusOK, rec.Code)
}

func TestRunEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{})
	robot, err := s.AddRobot(sandbox.DemoRobot("ops"))
	require.NoError(t, err)
	require.NoError(t, s.AddFault(sandbox.Fault{Kind: sandbox.FaultSlow, Delay: time.Hour}))
	var listen net.ListenConfig
	ln, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, ln) }()

	b := &boxtest.Bench{Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	url := "http://" + ln.Addr().String()
	slow := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+robot.WebhookPath(), http.NoBody)
		if err == nil {
			var resp *http.Response
			if resp, err = b.Client.Do(req); err == nil {
				err = resp.Body.Close()
			}
		}
		slow <- err
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/sandbox/api/events", http.NoBody)
	require.NoError(t, err)
	stream, err := b.Client.Do(req)
	require.NoError(t, err)
	defer stream.Body.Close()
	buf := make([]byte, 4096)
	for len(s.Attempts()) == 0 {
		_, err := stream.Body.Read(buf)
		require.NoError(t, err)
	}

	stop()

	require.NoError(t, <-ended)
	require.Error(t, <-slow)
	_, err = io.Copy(io.Discard, stream.Body)
	assert.NoError(t, err)
}

func TestRunReportsABrokenListener(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	ln, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	assert.ErrorContains(t, sandbox.New(sandbox.Options{}).Run(t.Context(), ln), "serve the sandbox")
}

// A browser opens connections that it may never use.
func TestRunEndsWithASpareConnection(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	ln, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sandbox.New(sandbox.Options{}).Run(ctx, ln) }()
	var dial net.Dialer
	spare, err := dial.DialContext(t.Context(), "tcp", ln.Addr().String())
	require.NoError(t, err)
	defer spare.Close()
	// An answer on a connection that came later means that the spare one was accepted.
	b := &boxtest.Bench{Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ln.Addr().String()+"/sandbox/api/messages", http.NoBody)
	require.NoError(t, err)
	resp, err := b.Client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())

	stop()

	require.NoError(t, <-ended)
}
