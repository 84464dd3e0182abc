package web_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web"
	"github.com/dingdag/dingdag/web/peer"
	"github.com/dingdag/dingdag/web/route"
)

// Metrics have names of all DAGs: without a sign-in they are for programs of this machine alone, and not where a proxy may send
// what comes from elsewhere.
func TestMetricsAreForThisMachine(t *testing.T) {
	t.Parallel()
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	b := benchWith(web.Options{Metrics: served, Open: true})
	got := b.ask("GET", "/metrics", "From", "127.0.0.1")
	assert.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "up 1\n", got.body)
	assert.Equal(t, http.StatusOK, b.ask("GET", "/metrics", "From", "[::1]").status)
	for name, header := range map[string][]string{
		"from elsewhere":            {"From", "192.0.2.7"},
		"as if to itself":           {"From", "192.0.2.7", "Host", "127.0.0.1:8080"},
		"under another name":        {"From", "127.0.0.1", "Host", "dingdag.example.com"},
		"through a proxy":           {"From", "127.0.0.1", "X-Forwarded-For", "192.0.2.7"},
		"through one that says Via": {"From", "127.0.0.1", "Via", "1.1 proxy"},
	} {
		got := b.ask("GET", "/metrics", header...)
		assert.NotEqual(t, http.StatusOK, got.status, name)
		assert.NotContains(t, got.body, "up 1", name)
	}
	assert.Equal(t, http.StatusMethodNotAllowed, b.ask("POST", "/metrics", "From", "127.0.0.1").status)
	assert.Equal(t, http.StatusForbidden, benchWith(web.Options{Metrics: served, Base: "https://dingdag.example.com"}).ask("GET", "/metrics", "From", "127.0.0.1").status)
	proxies, err := peer.ParseProxies("127.0.0.1")
	require.NoError(t, err)
	assert.Equal(t, http.StatusForbidden, benchWith(web.Options{Metrics: served, Proxies: proxies}).ask("GET", "/metrics", "From", "127.0.0.1").status)
	assert.Equal(t, http.StatusNotFound, newBench().ask("GET", "/metrics", "From", "127.0.0.1").status, "there may be none")
}

// Whoever measures sees every request, and the template of its path where there is one.
func TestRequestsAreMeasured(t *testing.T) {
	t.Parallel()
	var seen []string
	b := benchWith(web.Options{
		Pages: http.NotFoundHandler(),
		Measure: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, taken := route.Noting(r.Context())
				next.ServeHTTP(w, r.WithContext(ctx))
				seen = append(seen, taken.Path())
			})
		},
	})
	b.ask("GET", "/livez")
	b.ask("GET", "/nosuch/page")
	b.ask("GET", "/livez", "Host", "evil.example")
	assert.Equal(t, []string{"/livez", "", ""}, seen)
}
