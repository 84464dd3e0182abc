package hook_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/hook"
)

const prefix = "/proxy/v1"

// robotServer records what it is sent below a path prefix and answers as it is told.
type robotServer struct {
	*httptest.Server
	mu  sync.Mutex
	got []request
}

type request struct {
	Method, Path, ContentType, Authorization string
	Query                                    url.Values
	Body                                     []byte
	RemoteAddr                               string
}

func startRobot(t *testing.T, answer http.HandlerFunc) *robotServer {
	t.Helper()
	s := &robotServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.record(t, r)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *robotServer) record(t *testing.T, r *http.Request) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	assert.NoError(t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, request{
		Method: r.Method, Path: r.URL.Path, ContentType: r.Header.Get("Content-Type"), Authorization: r.Header.Get("Authorization"),
		Query: r.URL.Query(), Body: body, RemoteAddr: r.RemoteAddr,
	})
}

func (s *robotServer) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.got...)
}

// conn is a connection to the server.
func (s *robotServer) conn() conn { return conn{Host: s.URL + prefix, Password: token} }

const ok = `{"errcode":0,"errmsg":"ok"}`

func newHook(t *testing.T, c conn, opts ...hook.Option) *hook.DingdingHook {
	t.Helper()
	h := hook.New(connSource(c), opts...)
	t.Cleanup(h.CloseIdleConnections)
	return h
}
