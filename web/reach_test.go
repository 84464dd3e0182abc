package web_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web"
	"github.com/dingdag/dingdag/web/peer"
)

// Another name than those by which people reach the server may be one that a page of another site lets point here.
func TestNamesOfTheServer(t *testing.T) {
	t.Parallel()
	near, open := benchWith(web.Options{Base: "https://Dag.example"}), benchWith(web.Options{Base: "https://dag.example", Open: true, TLS: &tls.Config{}}) //nolint:gosec // nobody connects
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
	plain, secure := benchWith(web.Options{Base: "https://dag.example"}), benchWith(web.Options{Base: "https://dag.example", TLS: &tls.Config{}}) //nolint:gosec // nobody connects
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
	assert.Equal(t, "ok\n", b.ask(http.MethodGet, "/a/b/livez").body)
	assert.JSONEq(t, `{"detail": "Not Found", "error": "Not Found"}`, b.ask(http.MethodGet, "/a/b/api/v2/nowhere").body)
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
