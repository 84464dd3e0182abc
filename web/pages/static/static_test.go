package static

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachFileIsServedByItsHash(t *testing.T) {
	t.Parallel()
	a, err := New()
	require.NoError(t, err)
	sub, err := fs.Sub(files, "files")
	require.NoError(t, err)
	for name := range a.names {
		hashed, err := a.Name(name)
		require.NoError(t, err)
		assert.Regexp(t, `^[\w-]+\.[0-9a-f]{12}\.(css|js|svg)$`, hashed)
		plain := get(t, a, hashed, nil)
		assert.Equal(t, "public, max-age=31536000, immutable", plain.Header().Get("Cache-Control"))
		squeezed := get(t, a, hashed, http.Header{"Accept-Encoding": {"br, gzip"}})
		require.Equal(t, "gzip", squeezed.Header().Get("Content-Encoding"), name)
		r, err := gzip.NewReader(squeezed.Body)
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, plain.Body.String(), string(text))
		same := get(t, a, hashed, http.Header{"If-None-Match": {`"x", W/` + plain.Header().Get("ETag")}})
		assert.Equal(t, http.StatusNotModified, same.Code)
		assert.Empty(t, same.Body.String())
		source, err := fs.ReadFile(sub, name)
		require.NoError(t, err)
		assert.NotRegexp(t, `(?i)(https?:)?//[a-z0-9-]+\.[a-z]`, regexp.MustCompile(`http://www\.w3\.org/\S+`).ReplaceAllString(string(source), ""), "%s takes nothing from outside", name)
	}
	assert.False(t, a.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), "app.css"), "without a hash there is none")
	_, err = a.Name("no.css")
	assert.EqualError(t, err, `no static file "no.css"`)
}

func get(t *testing.T, a *Assets, name string, h http.Header) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/"+name, nil)
	if h != nil {
		r.Header = h
	}
	require.True(t, a.Serve(w, r, name))
	return w
}

func TestModulesImportByHash(t *testing.T) {
	t.Parallel()
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	a, err := read(fstest.MapFS{"a.js": text("import { b } from \"./b.js\";\nimport \"./c.js\";\nb();\n"), "b.js": text("export const b = 1;\n"), "c.js": text("1;\n")})
	require.NoError(t, err)
	got := get(t, a, a.names["a.js"], nil).Body.String()
	assert.Equal(t, "import { b } from \"./"+a.names["b.js"]+"\";\nimport \"./"+a.names["c.js"]+"\";\nb();\n", got)

	changed, err := read(fstest.MapFS{"a.js": text("import { b } from \"./b.js\";\nimport \"./c.js\";\nb();\n"), "b.js": text("export const b = 2;\n"), "c.js": text("1;\n")})
	require.NoError(t, err)
	assert.NotEqual(t, a.names["a.js"], changed.names["a.js"], "what imports a file changes with it")

	_, err = read(fstest.MapFS{"a.js": text("import \"./b.js\";\n"), "b.js": text("import \"./a.js\";\n")})
	assert.ErrorContains(t, err, "imports itself")
	_, err = read(fstest.MapFS{"a.js": text("import \"./none.js\";\n")})
	assert.ErrorContains(t, err, "none.js")
	_, err = read(fstest.MapFS{"a.png": text("")})
	assert.ErrorContains(t, err, `no content type is known for ".png"`)
}

func TestSqueezes(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{"": false, "gzip": true, "br;q=1, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.000": false, "identity": false, strings.Repeat("x,", 9) + "gzip": true} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", header)
		assert.Equal(t, want, Squeezes(r), header)
	}
}
