package web_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/web"
	"github.com/dingdag/dingdag/web/peer"
	"github.com/dingdag/dingdag/web/signin"
)

// Another name than those by which people reach the server may be one that a page of another site lets point here.
func TestNamesOfTheServer(t *testing.T) {
	t.Parallel()
	near, open := benchWith(web.Options{Base: "https://Dag.example"}), benchWith(web.Options{Base: "https://dag.example", Open: true, TLS: &tls.Config{}})
	for host, want := range map[string][2]int{
		"localhost:8080": {200, 200}, "127.0.0.1": {200, 200}, "[::1]:9": {200, 200}, "": {200, 200}, "dag.example": {200, 200}, "DAG.example": {200, 200},
		"evil.example": {421, 421}, "dag.example.evil": {421, 421}, "dag.example:81": {421, 421}, "192.168.1.5:8080": {421, 200}, "[2001:db8::1]:8080": {421, 200}, "192.168.1.5.evil:8080": {421, 421},
	} {
		assert.Equal(t, want[0], near.ask(http.MethodGet, "/livez", "Host", host).status, host)
		assert.Equal(t, want[1], open.ask(http.MethodGet, "/livez", "Host", host).status, host)
	}
}

// Without TLS, others get nothing but through a proxy.
func TestInTheClear(t *testing.T) {
	t.Parallel()
	ps, err := peer.ParseProxies("10.0.0.0/8")
	require.NoError(t, err)
	b := benchWith(web.Options{Base: "https://dag.example", Open: true, Proxies: ps})
	for from, want := range map[string]int{"10.0.0.9": 200, "127.0.0.1": 200, "[::1]": 200, "192.168.1.7": 421, "[2001:db8::1]": 421} {
		got := b.ask(http.MethodGet, "/api/v2/monitor/health", "From", from, "Host", "192.168.1.5", "X-Forwarded-For", "10.0.0.9")
		assert.Equal(t, want, got.status, from)
		assert.Equal(t, 200, b.ask(http.MethodGet, "/readyz", "From", from).status, "probes come from anywhere")
		if want == 421 {
			assert.Contains(t, got.body, "go to https://dag.example")
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	plain, secure := benchWith(web.Options{Base: "https://dag.example"}), benchWith(web.Options{Base: "https://dag.example", TLS: &tls.Config{}})
	for _, path := range []string{"/livez", "/nowhere", "/api/v2/nowhere", "/health"} {
		for _, host := range []string{"dag.example", "evil.example", "localhost"} {
			got := secure.ask(http.MethodGet, path, "Host", host, "X-Forwarded-Proto", "https").header
			assert.Equal(t, "nosniff", got.Get("X-Content-Type-Options"), path)
			assert.Equal(t, "DENY", got.Get("X-Frame-Options"), path)
			assert.Equal(t, "no-referrer", got.Get("Referrer-Policy"), path)
			assert.Contains(t, got.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
			want := "max-age=31536000"
			if host == "localhost" {
				want = ""
			}
			assert.Equal(t, want, got.Get("Strict-Transport-Security"), host)
			assert.Empty(t, plain.ask(http.MethodGet, path, "Host", host, "X-Forwarded-Proto", "https").header.Get("Strict-Transport-Security"))
		}
	}
}

// Below a path all is the same, whether a proxy takes the path away or not.
func TestBelowAPath(t *testing.T) {
	t.Parallel()
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.RequestURI()) })
	b := benchWith(web.Options{Base: "https://dag.example/a/b", Pages: pages})
	for path, want := range map[string]string{
		"/a/b/dags": "/dags", "/dags": "/dags", "/a/b": "/", "/a/b/": "/", "/a/b?x=1": "/?x=1", "/a/bc": "/a/bc", "/a/b/dags/a%2Fb?c=/a/b/": "/dags/a%2Fb?c=/a/b/", "/a/b/a/b/c": "/a/b/c",
	} {
		assert.Equal(t, want, b.ask(http.MethodGet, path, "Host", "dag.example").body, path)
	}
	for path, want := range map[string]string{
		"/a/b//dags": "/a/b/dags", "/a/b/dags//x/": "/a/b/dags/x/", "//dags": "/a/b/dags", "//a/b/dags": "/a/b/dags", "/a/b/dags/../x%20%2Fy?q=%2F%2F": "/a/b/x%20%2Fy?q=%2F%2F", "/a/b//": "/a/b/",
		"//evil.example/x": "/a/b/evil.example/x",
	} {
		a := b.ask(http.MethodGet, path, "Host", "dag.example")
		assert.Equal(t, 307, a.status, path)
		assert.Equal(t, want, a.header.Get("Location"), path)
	}
	assert.Equal(t, "ok\n", b.ask(http.MethodGet, "/a/b/livez").body)
	assert.JSONEq(t, `{"detail": "Not Found", "error": "Not Found"}`, b.ask(http.MethodGet, "/a/b/api/v2/nowhere").body)
	gate, err := signin.New(signin.Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	rest := benchWith(web.Options{Base: "https://dag.example/a/b", REST: pages, SignIn: gate})
	assert.Equal(t, "/a/b/api/v2/?x=1", rest.ask(http.MethodGet, "/a/b/api/v2?x=1").header.Get("Location"))
	assert.Equal(t, "/a/b/health", benchWith(web.Options{Base: "https://dag.example/a/b"}).ask(http.MethodGet, "/").header.Get("Location"))
}

func TestTLS(t *testing.T) {
	t.Parallel()
	with := httptest.NewUnstartedServer(nil) // for its certificate
	with.StartTLS()
	defer with.Close()
	b := benchWith(web.Options{TLS: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: with.TLS.Certificates}})
	address, end := serve(t, b)
	roots := x509.NewCertPool()
	roots.AddCert(with.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport}
	res, err := client.Get("https://" + address + "/livez")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, 2, res.ProtoMajor, "pages have more than six streams open")
	plain, err := client.Get("http://" + address + "/livez")
	require.NoError(t, err)
	require.NoError(t, plain.Body.Close())
	assert.Equal(t, 400, plain.StatusCode)
	transport.CloseIdleConnections()
	end()
}

// Whoever is not known and asks from elsewhere hears no names, whatever is wrong.
func TestHealthForStrangers(t *testing.T) {
	t.Parallel()
	ps, err := peer.ParseProxies("10.0.0.0/8")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		o      web.Options
		header []string
		all    bool
	}{
		"this machine":        {web.Options{}, nil, true},
		"another machine":     {web.Options{Open: true, TLS: &tls.Config{}}, []string{"From", "192.0.2.7", "Host", "192.0.2.1"}, false},
		"a proxy here":        {web.Options{}, []string{"X-Forwarded-For", "192.0.2.7"}, false},
		"a proxy that is set": {web.Options{Proxies: ps}, []string{"From", "10.0.0.1", "X-Forwarded-For", "127.0.0.1"}, false},
		"below a base":        {web.Options{Base: "https://dag.example"}, []string{"Host", "dag.example"}, false},
	} {
		b := benchWith(c.o)
		b.set(func(h *health.Health) {
			h.Status = health.Unhealthy
			h.Store = health.Store{Status: health.Unhealthy, Error: "s3cret of the store"}
			h.Robots, h.Applications = []health.Robot{{Name: "s3cret-robot"}}, []health.Application{{ConnID: "s3cret-app", Error: "s3cret"}}
			for _, part := range []string{"store", "scheduler", "outbox", "robots", "robots", "applications", "import_errors", "heartbeat_url", "new"} {
				h.Problems = append(h.Problems, health.Problem{Part: part, Severity: health.Error, Text: "s3cret " + part, Command: "dingdag --home s3cret"})
			}
		})
		for _, path := range []string{"/health", "/api/dingdag/health", "/readyz"} {
			for _, accept := range []string{"text/html", "*/*"} {
				got := b.ask(http.MethodGet, path, append([]string{"Accept", accept}, c.header...)...)
				assert.Equal(t, 503, got.status, "%s: %s", name, path)
				if c.all {
					assert.Contains(t, got.body, "s3cret store", "%s: %s", name, path)
					continue
				}
				assert.NotContains(t, got.body, "s3cret", "%s: %s", name, path)
				assert.Contains(t, got.body, "the store cannot be read", "%s: %s", name, path)
			}
		}
		assert.NotContains(t, b.ask(http.MethodGet, "/api/v2/monitor/health", c.header...).body, "s3cret")
	}
}

// A body that is too long is refused before it is read, and one that does not say its length once it is.
func TestLongBodies(t *testing.T) {
	t.Parallel()
	var read int64
	b := benchWith(web.Options{Pages: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		read = n
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	})})
	for name, c := range map[string]struct {
		length int64
		want   int
		read   int64
	}{"of ten": {10 << 20, 413, 0}, "of four": {4 << 20, 200, 4 << 20}, "without a length": {-1, 413, 4 << 20}} {
		read = 0
		body := io.LimitReader(zeros{}, max(c.length, 10<<20))
		if c.length == 4<<20 {
			body = io.LimitReader(zeros{}, c.length)
		}
		r := httptest.NewRequest(http.MethodPost, "http://localhost/anything", body)
		r.ContentLength = c.length
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		assert.Equal(t, c.want, w.Code, name)
		assert.Equal(t, c.read, read, name)
	}
}

// zeros are as many bytes as somebody reads.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
