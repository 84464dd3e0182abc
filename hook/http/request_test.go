package http_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/connections"
	hookhttp "github.com/dingdag/dingdag/hook/http"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "t0ken-in-the-query"

// source has one connection, http_default.
type source struct{ host string }

func (s source) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if id != "http_default" {
		return nil, fmt.Errorf("connection %q: %w", id, connections.ErrNotFound)
	}
	return &connections.Connection{ID: id, Type: "http", Host: new(s.host)}, nil
}

func serve(t *testing.T, handle http.HandlerFunc) source {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return source{server.URL}
}

func send(t *testing.T, r hookhttp.Request, s source) error {
	t.Helper()
	r.Conn = "http_default"
	r.Endpoint = "x?token=" + token
	response, err := r.Send(t.Context(), s)
	if err == nil {
		err = response.Err()
	}
	return err
}

// What may be done after each failure, by method: a request that may have arrived is only
// sent again where a repeat does no harm.
func TestKinds(t *testing.T) {
	t.Parallel()
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "why")
		}
	}
	type kinds struct{ post, put hookhttp.Kind }
	for name, tt := range map[string]struct {
		handle http.HandlerFunc
		want   kinds
		wait   time.Duration
		text   string
	}{
		"400":          {answer(400), kinds{hookhttp.KindRefused, hookhttp.KindRefused}, 0, "answered 400 Bad Request: why"},
		"404":          {answer(404), kinds{hookhttp.KindRefused, hookhttp.KindRefused}, 0, "answered 404 Not Found: why"},
		"408":          {answer(408), kinds{hookhttp.KindUnavailable, hookhttp.KindUnavailable}, 0, "answered 408"},
		"429":          {answer(429), kinds{hookhttp.KindUnavailable, hookhttp.KindUnavailable}, 7 * time.Second, "answered 429"},
		"500":          {answer(500), kinds{hookhttp.KindUnavailable, hookhttp.KindUnavailable}, 0, "answered 500"},
		"503":          {answer(503), kinds{hookhttp.KindUnavailable, hookhttp.KindUnavailable}, 7 * time.Second, "answered 503"},
		"bad gateway":  {answer(502), kinds{hookhttp.KindUncertain, hookhttp.KindUnavailable}, 0, "answered 502"},
		"gateway slow": {answer(504), kinds{hookhttp.KindUncertain, hookhttp.KindUnavailable}, 0, "answered 504"},
		"answer lost":  {cut, kinds{hookhttp.KindUncertain, hookhttp.KindUnavailable}, 0, "EOF"},
		"answer slow": {
			func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // the server sees that a client left only once the body is read
				<-r.Context().Done()
			},
			kinds{hookhttp.KindUncertain, hookhttp.KindUnavailable},
			0, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.handle)
			for method, want := range map[string]hookhttp.Kind{"POST": tt.want.post, "patch": tt.want.post, "PUT": tt.want.put, "delete": tt.want.put, "GET": tt.want.put} {
				r := hookhttp.Request{Method: method}
				if name == "answer slow" {
					r.ExtraOptions = &hookhttp.ExtraOptions{Timeout: new(50 * time.Millisecond)}
				}
				err := send(t, r, s)
				var e *hookhttp.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, want, e.Kind, "%s: %v", method, err)
				assert.Equal(t, tt.wait, e.RetryDelay())
				assert.Equal(t, want == hookhttp.KindUnavailable, e.Retryable())
				assert.Equal(t, want == hookhttp.KindUncertain, e.Uncertain())
				require.ErrorContains(t, err, tt.text)
				assert.NotContains(t, err.Error(), token)
			}
		})
	}
}

func cut(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// What did not leave may be sent again, by any method.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	refused := source{"http://" + listener.Addr().String()}
	require.NoError(t, listener.Close())
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	noTLS := source{"https" + plain.host[len("http"):]}
	for name, s := range map[string]source{"refused": refused, "no TLS there": noTLS} {
		var e *hookhttp.Error
		require.ErrorAs(t, send(t, hookhttp.Request{Method: "POST"}, s), &e, name)
		assert.Equal(t, hookhttp.KindUnavailable, e.Kind, name)
		assert.Contains(t, e.Remedy(), "check the connection's schema, host and port", name)
	}
	var e *hookhttp.Error
	_, err = (&hookhttp.Request{Method: "POST", Conn: "nowhere"}).Send(t.Context(), refused)
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, connections.ErrNotFound)
	assert.Equal(t, hookhttp.KindInvalid, e.Kind)
	assert.Empty(t, e.Remedy())
}

func TestUncheckedResponse(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	r := hookhttp.Request{Method: "POST", ExtraOptions: &hookhttp.ExtraOptions{CheckResponse: new(false)}}
	require.NoError(t, send(t, r, s))
}

func TestRemedies(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		401: "login and password", 403: "permission", 404: "check the path", 405: "another method",
		407: "proxies", 429: "wait 1m0s", 500: "try again later", 418: "",
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		var e *hookhttp.Error
		require.ErrorAs(t, send(t, hookhttp.Request{Method: "POST"}, s), &e)
		if want == "" {
			assert.Empty(t, e.Remedy())
		}
		assert.Contains(t, e.Remedy(), want)
	}
}
