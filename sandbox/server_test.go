package sandbox_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
)

// An open event stream and an answer that is an hour slow must not hold up the end.
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

	b := &bench{client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	url := "http://" + ln.Addr().String()
	slow := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+robot.WebhookPath(), http.NoBody)
		if err == nil {
			var resp *http.Response
			if resp, err = b.client.Do(req); err == nil {
				err = resp.Body.Close()
			}
		}
		slow <- err
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/sandbox/api/events", http.NoBody)
	require.NoError(t, err)
	stream, err := b.client.Do(req)
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
	b := &bench{client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ln.Addr().String()+"/sandbox/api/messages", http.NoBody)
	require.NoError(t, err)
	resp, err := b.client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())

	stop()

	require.NoError(t, <-ended)
}
