package web_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web"
	"github.com/dingdag/dingdag/web/signed"
)

const base = "https://dag.example.com/dag"

// paper is a page that remembers what was sent.
type paper struct {
	shown, sent []string
	view        web.View
	err         error
}

func (p *paper) Show(_ context.Context, l signed.Link) (*web.View, error) {
	p.shown = append(p.shown, l.Subject)
	return &p.view, p.err
}

func (p *paper) Send(_ context.Context, l signed.Link, form url.Values) (*web.View, error) {
	p.sent = append(p.sent, l.Subject+" "+form.Encode())
	return &web.View{Title: "done"}, p.err
}

// linked is a server with a page, the path of a link to it, and its clock.
func linked(t *testing.T, p *paper) (srv *web.Server, path string, now *time.Time) {
	t.Helper()
	now = new(at)
	clock := func() time.Time { return *now }
	s := signed.New(base, make([]byte, 32), clock)
	b := &bench{time: at, is: healthy()}
	srv = web.New(web.Options{
		Health: b, Base: base, Links: &web.Links{Signer: s, Pages: map[string]web.Page{"act": p}}, Clock: clock, Log: slog.New(slog.DiscardHandler),
	})
	link, err := s.URL("act", "one", nil)
	require.NoError(t, err)
	path, ok := strings.CutPrefix(link, base)
	require.True(t, ok, link)
	return srv, path, now
}

func request(srv *web.Server, method, path, body string, header ...string) answer {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, io.NopCloser(strings.NewReader(body)))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// A page is shown to whoever has the link, by any of its addresses, and only a POST sends anything.
func TestLinks(t *testing.T) {
	t.Parallel()
	p := &paper{view: web.View{
		Title: "<b>Retry</b>", Note: "a&b", Bad: true, Rows: []web.Row{{Name: "DAG", Text: "<etl>"}}, Text: "</pre><script>",
		Fields: []web.Field{
			{Name: "reason", Label: "Why?", Help: "<i>", Value: `"x" onfocus="evil`, Required: true},
			{Name: "o", Label: "Which?", Value: "b", Options: []string{"a", "b", "<c>"}, Multiple: true},
		},
		Buttons: []web.Button{{Name: "do", Value: `"yes"`, Text: "Do <it>"}},
	}}
	srv, path, _ := linked(t, p)
	for _, address := range []string{path, "/dag" + path} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			assert.Equal(t, 200, request(srv, method, address, "").status, address)
		}
	}
	got := request(srv, http.MethodGet, path, "", "Host", "dag.example.com")
	assert.Equal(t, 200, got.status)
	assert.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
	assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
	assert.Equal(t, "same-origin", got.header.Get("Referrer-Policy"), "with no-referrer the form's origin is null")
	assert.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'; ")
	assert.Contains(t, got.header.Get("Content-Security-Policy"), "form-action 'self'; frame-ancestors 'none'")
	for _, want := range []string{
		"<h1>&lt;b&gt;Retry&lt;/b&gt;</h1>", `<p class="error"><strong>a&amp;b</strong></p>`, "<th>DAG</th><td>&lt;etl&gt;</td>", "<pre>&lt;/pre&gt;&lt;script&gt;</pre>",
		`<form method="post">`, `<input type="text" name="reason" value="&#34;x&#34; onfocus=&#34;evil" required>`, "<small>&lt;i&gt;</small>",
		`<select name="o" multiple><option>a</option><option selected>b</option><option>&lt;c&gt;</option></select>`,
		`<button name="do" value="&#34;yes&#34;">Do &lt;it&gt;</button>`,
	} {
		assert.Contains(t, got.body, want)
	}
	assert.Len(t, p.shown, 5)
	assert.Empty(t, p.sent)

	got = request(srv, http.MethodPost, path, "do=yes&o=a&o=b", "Sec-Fetch-Site", "same-origin", "Origin", "https://dag.example.com")
	assert.Equal(t, 200, got.status)
	assert.NotContains(t, got.body, "<form")
	assert.Equal(t, []string{"one do=yes&o=a&o=b"}, p.sent)
}

// A link that was changed, or is too old, or is sent for by another site, does nothing and says why.
func TestBadLinks(t *testing.T) {
	t.Parallel()
	p := &paper{}
	srv, path, now := linked(t, p)
	for _, bad := range []string{path[:len(path)-1], path + "A", "/act/x", "/act/x.y"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			got := request(srv, method, bad, "")
			assert.Equal(t, http.StatusForbidden, got.status, bad)
			assert.Contains(t, got.body, "the link is not valid")
		}
	}
	for _, from := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
	} {
		got := request(srv, http.MethodPost, path, "", from...)
		assert.Equal(t, http.StatusForbidden, got.status, from)
		assert.Contains(t, got.body, "the request came from another site")
	}
	assert.Equal(t, http.StatusBadRequest, request(srv, http.MethodPost, path, "a=%zz").status)
	assert.Equal(t, http.StatusBadRequest, request(srv, http.MethodPost, path, "a="+strings.Repeat("x", 256<<10)).status)
	assert.Equal(t, http.StatusMisdirectedRequest, request(srv, http.MethodGet, path, "", "Host", "evil.example").status)
	assert.Equal(t, http.StatusMethodNotAllowed, request(srv, http.MethodPut, path, "").status)
	assert.Equal(t, http.StatusNotFound, request(srv, http.MethodGet, strings.Replace(path, "/act/", "/asks/", 1), "").status)

	for _, from := range [][]string{{}, {"Origin", "https://dag.example.com"}, {"Origin", "http://127.0.0.1:8080"}} {
		assert.Equal(t, 200, request(srv, http.MethodPost, path, "", from...).status, from)
	}
	p.sent = nil
	p.err = errors.New("disk full")
	got := request(srv, http.MethodPost, path, "")
	assert.Equal(t, http.StatusServiceUnavailable, got.status)
	assert.NotContains(t, got.body, "disk full")

	p.sent, p.shown = nil, nil
	*now = at.Add(signed.Life)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		got := request(srv, method, path, "")
		assert.Equal(t, http.StatusGone, got.status)
		assert.Contains(t, got.body, "the link has expired")
	}
	assert.Empty(t, p.shown)
	assert.Empty(t, p.sent)
}
