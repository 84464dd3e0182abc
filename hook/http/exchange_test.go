package http_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	hookhttp "github.com/dingdag/dingdag/hook/http"
)

// fetch sends a request to a server and returns its answer.
func fetch(t *testing.T, r hookhttp.Request, handle http.HandlerFunc) (*hookhttp.Response, error) {
	t.Helper()
	r.Conn = "http_default"
	return r.Send(t.Context(), serve(t, handle))
}

// The texts are those of response.text in requests 2.28.1, where it has one; the bytes are
// Python's encodings of them.
func TestText(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		contentType, encoding, bytes string
		want                         string
		replaced                     int
	}{
		"gbk":                      {"text/plain; charset=gbk", "", "d6d0cec488f3b1ed", "中文報表", 0},
		"gb18030":                  {"application/json; charset=GB18030", "", "22d6d0cec488f3b1ed22", `"中文報表"`, 0},
		"gb2312":                   {"text/html;charset=gb2312", "", "d6d0cec4a1a4a1aa", "中文・―", 0},
		"big5":                     {"text/html; charset='Big5'", "", "a4a4a4e5b3f8aaeda145", "中文報表•", 0},
		"shift_jis":                {`text/plain; charset="shift_jis"`, "", "93fa967b8160817c", "日本〜−", 0},
		"shift_jis of Windows":     {"text/plain; charset=cp932", "", "93fa967b8160817c", "日本～－", 0},
		"euc-jp":                   {"text/plain; charset=euc-jp", "", "c6fccbdca1c1a1dd", "日本〜−", 0},
		"iso-8859-1":               {"text/plain; charset=ISO-8859-1", "", "e980", "é\u0080", 0},
		"windows-1252":             {"text/plain; charset=windows-1252", "", "e980", "é€", 0},
		"utf-8":                    {"text/plain; charset=utf-8", "", "e4b8ade69687", "中文", 0},
		"utf-8 that is cut":        {"text/plain; charset=utf-8", "", "e4b8ade696", "中\uFFFD", 1},
		"a U+FFFD that was sent":   {"text/plain; charset=utf-8", "", "efbfbd", "\uFFFD", 0},
		"json without charset":     {"application/json", "", "22e4b8ad22", `"中"`, 0},
		"no type, UTF-8":           {"", "", "e4b8ad", "中", 0},
		"text that is no UTF-8":    {"text/plain", "", "e9", "é", 0},
		"the option goes before":   {"text/plain; charset=utf-8", "gbk", "d6d0cec4", "中文", 0},
		"the option, with any":     {"application/octet-stream", "iso-8859-1", "ff00", "ÿ\u0000", 0},
		"unknown charset of UTF-8": {"text/plain; charset=klingon", "", "e4b8ad", "中", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := hex.DecodeString(tt.bytes)
			require.NoError(t, err)
			response, err := fetch(t, hookhttp.Request{Method: "GET", ExtraOptions: &hookhttp.ExtraOptions{Encoding: tt.encoding}},
				func(w http.ResponseWriter, _ *http.Request) {
					w.Header()["Content-Type"] = nil
					if tt.contentType != "" {
						w.Header().Set("Content-Type", tt.contentType)
					}
					_, _ = w.Write(body)
				})
			require.NoError(t, err)
			text, err := response.Text()
			require.NoError(t, err)
			assert.Equal(t, tt.want, text)
			assert.Equal(t, tt.replaced, response.Replaced)
			assert.Equal(t, len(body), response.Size)
		})
	}
}

// What requests would guess is an error that says what to do, and no further try, because
// the request has done its work.
func TestTextUnknown(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]string{
		"application/json":             "(application/json) is not UTF-8 and names no charset: name it in extra_options",
		"text/plain; charset=klingon":  `in the charset "klingon", which is unknown here`,
		"application/x; charset=wrong": `in the charset "wrong"`,
	} {
		response, err := fetch(t, hookhttp.Request{Method: "POST"}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write([]byte("\xd6\xd0"))
		})
		require.NoError(t, err)
		require.NoError(t, response.Err())
		_, err = response.Text()
		var e *hookhttp.Error
		require.ErrorAs(t, err, &e)
		assert.False(t, e.Retryable())
		require.ErrorContains(t, err, want)
	}
	err := (&hookhttp.ExtraOptions{Encoding: "klingon"}).Validate()
	require.ErrorContains(t, err, "encoding must name a charset")
}

type writeCloser func(io.Writer) io.WriteCloser

func compress(t *testing.T, data []byte, with writeCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := with(&b)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestContentEncoding(t *testing.T) {
	t.Parallel()
	gz := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	zl := func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
	raw := func(w io.Writer) io.WriteCloser {
		f, err := flate.NewWriter(w, flate.DefaultCompression)
		require.NoError(t, err)
		return f
	}
	plain := []byte(strings.Repeat("报表", 1000))
	for name, tt := range map[string]struct {
		header string
		body   []byte
		want   string
	}{
		"gzip":              {"gzip", compress(t, plain, gz), string(plain)},
		"gzip, upper case":  {"GZIP", compress(t, plain, gz), string(plain)},
		"gzip twice":        {"gzip, gzip", compress(t, compress(t, plain, gz), gz), string(plain)},
		"deflate":           {"deflate", compress(t, plain, zl), string(plain)},
		"deflate, raw":      {"deflate", compress(t, plain, raw), string(plain)},
		"deflate then gzip": {"deflate, gzip", compress(t, compress(t, plain, zl), gz), string(plain)},
		"identity":          {"identity", plain, string(plain)},
		"nothing":           {"gzip", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := fetch(t, hookhttp.Request{Method: "GET"}, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "gzip, deflate", r.Header.Get("Accept-Encoding"))
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				w.Header().Set("Content-Encoding", tt.header)
				_, _ = w.Write(tt.body)
			})
			require.NoError(t, err)
			text, err := response.Text()
			require.NoError(t, err)
			assert.Equal(t, tt.want, text)
			assert.Equal(t, tt.header, response.Header.Get("Content-Encoding"), "headers are shown as they came")
		})
	}
}

func TestContentEncodingWrong(t *testing.T) {
	t.Parallel()
	var whole bytes.Buffer
	gz := gzip.NewWriter(&whole)
	_, err := gz.Write(bytes.Repeat([]byte("a"), 20<<20))
	require.NoError(t, err)
	require.NoError(t, gz.Close())
	for name, tt := range map[string]struct {
		header string
		body   []byte
		want   string
	}{
		"unknown":   {"br", []byte("x"), `Content-Encoding "br": only gzip and deflate can be read`},
		"cut":       {"gzip", whole.Bytes()[:100], "does not hold what its Content-Encoding says: unexpected EOF"},
		"no gzip":   {"gzip", []byte("plain text"), "does not hold what its Content-Encoding says"},
		"too large": {"gzip", whole.Bytes(), "larger than 10485760 bytes"},
	} {
		_, err := fetch(t, hookhttp.Request{Method: "GET"}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", tt.header)
			_, _ = w.Write(tt.body)
		})
		require.ErrorContains(t, err, tt.want, name)
	}
}

// The methods and bodies that arrive behind a redirect are those of requests 2.28.1, but for
// the data of PUT and PATCH, which it leaves out.
func TestRedirectMethods(t *testing.T) {
	t.Parallel()
	for status, methods := range map[int]map[string]string{
		301: {"GET": "GET", "POST": "GET", "DELETE": "DELETE", "HEAD": "HEAD", "PUT": "", "PATCH": ""},
		302: {"GET": "GET", "POST": "GET", "DELETE": "GET", "PUT": "GET", "PATCH": "GET"},
		303: {"GET": "GET", "POST": "GET", "DELETE": "GET", "PUT": "GET"},
		307: {"GET": "GET", "POST": "POST data", "DELETE": "DELETE", "PUT": "PUT data", "PATCH": "PATCH data"},
		308: {"POST": "POST data", "PUT": "PUT data"},
	} {
		for method, want := range methods {
			t.Run(strconv.Itoa(status)+" "+method, func(t *testing.T) {
				t.Parallel()
				var got string
				r := hookhttp.Request{Method: method, Endpoint: "from"}
				if method == "POST" || method == "PUT" || method == "PATCH" {
					r.Data = "data"
				}
				_, err := fetch(t, r, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/from" {
						http.Redirect(w, r, "/to?a=1", status)
						return
					}
					body, err := io.ReadAll(r.Body)
					assert.NoError(t, err)
					got = strings.TrimSpace(r.Method + " " + string(body))
				})
				if want == "" {
					require.ErrorContains(t, err, "301 redirects a "+method+" to http://127.0.0.1:")
					require.ErrorContains(t, err, "/to, where its data would not be sent again")
					return
				}
				require.NoError(t, err)
				assert.Equal(t, want, got)
			})
		}
	}
}

// Another host learns nothing of the old address and its token, nor the credentials.
func TestRedirectElsewhere(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 2)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header }))
	t.Cleanup(other.Close)
	there := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	move := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, there+"/", http.StatusFound) }
	r := hookhttp.Request{Method: "GET", Endpoint: "x?access_token=" + token, Headers: map[string]string{"Authorization": "Bearer " + token, "X-Kept": "yes"}}
	_, err := fetch(t, r, move)
	require.NoError(t, err)
	header := <-seen
	assert.Empty(t, header.Get("Referer"))
	assert.Empty(t, header.Get("Authorization"))
	assert.Equal(t, "yes", header.Get("X-Kept"))

	r.Headers = map[string]string{"Referer": "https://example.com/from"}
	_, err = fetch(t, r, move)
	require.NoError(t, err)
	assert.Equal(t, "https://example.com/from", (<-seen).Get("Referer"), "one that was asked for stays")
}

func TestRedirectsEnd(t *testing.T) {
	t.Parallel()
	_, err := fetch(t, hookhttp.Request{Method: "GET", ExtraOptions: &hookhttp.ExtraOptions{MaxRedirects: new(2)}},
		func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) })
	require.ErrorContains(t, err, "more than 2 redirects")
}

// The queries are those that requests 2.28.1 sends.
func TestQueries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		endpoint string
		data     any
		want     string
	}{
		{"a?q=a b", nil, "q=a%20b"},
		{"a?q=中文&b=%zz", nil, "q=%E4%B8%AD%E6%96%87&b=%25zz"},
		{"a?q=100%", nil, "q=100%25"},
		{"a?x=%41%2f%e4", nil, "x=A%2F%E4"},
		{"a?x=%41&y=5%", nil, "x=%2541&y=5%25"},
		{`a?x=[1]|"<>^` + "`{}\\", nil, "x=%5B1%5D%7C%22%3C%3E%5E%60%7B%7D%5C"},
		{"a?x=a+b;c=d#f g", nil, "x=a+b;c=d"},
		{"a?z=1", "a=1 2&b=中", "z=1&a=1%202&b=%E4%B8%AD"},
		{"a?z=1", "b=2&a=1;c", "z=1&b=2&a=1;c"},
		{"a", "plain", "plain"},
		{"a", map[string]any{"s": "x y/é~*"}, "s=x+y%2F%C3%A9~%2A"},
		{"a", map[string]any{"f": 1.0}, "f=1.0"},
		{"a", map[string]any{"f": 1e22}, "f=1e%2B22"},
	} {
		var got string
		_, err := fetch(t, hookhttp.Request{Method: "GET", Endpoint: tt.endpoint, Data: tt.data},
			func(_ http.ResponseWriter, r *http.Request) { got = r.URL.RawQuery })
		require.NoError(t, err)
		assert.Equal(t, tt.want, got, "%s %v", tt.endpoint, tt.data)
		_, err = url.ParseRequestURI("/?" + got)
		require.NoError(t, err)
	}
}

// Servers that know no chunks must take a request without data too.
func TestNoDataHasLength(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "PATCH"} {
		for _, data := range []any{nil, ""} {
			_, err := fetch(t, hookhttp.Request{Method: method, Data: data}, func(_ http.ResponseWriter, r *http.Request) {
				assert.Empty(t, r.TransferEncoding, method)
				assert.Equal(t, "0", r.Header.Get("Content-Length"), method)
			})
			require.NoError(t, err)
		}
	}
}
