// Package static has the styles, scripts and pictures of the pages. Each is served under a name with a hash of its
// content, so that browsers may keep it for good.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed files
var files embed.FS

// types are the content types by the end of a name.
var types = map[string]string{ //nolint:gochecknoglobals // a constant
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// file is one of them, as it is sent.
type file struct {
	kind, tag       string
	plain, squeezed []byte
}

// Assets are all files. They may be used by several at once.
type Assets struct {
	names map[string]string // of a file, with its hash
	files map[string]file   // by that
}

// New reads and compresses the files that the program has.
func New() (*Assets, error) {
	sub, err := fs.Sub(files, "files")
	if err != nil {
		return nil, err
	}
	return read(sub)
}

// imported finds what a module imports.
var imported = regexp.MustCompile(`(?m)^(import .*from |import )"\./([\w-]+\.js)";$`) //nolint:gochecknoglobals // a constant

func read(from fs.FS) (*Assets, error) {
	a := &Assets{map[string]string{}, map[string]file{}}
	all, err := fs.Glob(from, "*")
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		if err := a.add(from, name, nil); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// add reads a file after the modules that it imports, whose names have a hash then. above are those that import it.
func (a *Assets) add(from fs.FS, name string, above []string) error {
	if a.names[name] != "" {
		return nil
	}
	if slices.Contains(above, name) {
		return fmt.Errorf("static file %s imports itself: %s", name, strings.Join(above, ", "))
	}
	kind, ok := types[path.Ext(name)]
	if !ok {
		return fmt.Errorf("static file %s: no content type is known for %q", name, path.Ext(name))
	}
	content, err := fs.ReadFile(from, name)
	if err != nil {
		return err
	}
	if path.Ext(name) == ".js" {
		for _, m := range imported.FindAllSubmatch(content, -1) {
			if err := a.add(from, string(m[2]), append(above, name)); err != nil {
				return err
			}
		}
		content = imported.ReplaceAllFunc(content, func(line []byte) []byte {
			m := imported.FindSubmatch(line)
			return fmt.Appendf(nil, `%s"./%s";`, m[1], a.names[string(m[2])])
		})
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:6])
	f := file{kind: kind, tag: strconv.Quote(hash), plain: content}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	f.squeezed = b.Bytes()
	a.names[name] = strings.TrimSuffix(name, path.Ext(name)) + "." + hash + path.Ext(name)
	a.files[a.names[name]] = f
	return nil
}

// Name is that of a file with its hash. Its error tells that there is no such file.
func (a *Assets) Name(name string) (string, error) {
	if n := a.names[name]; n != "" {
		return n, nil
	}
	return "", fmt.Errorf("no static file %q", name)
}

// Serve answers a request for the file with a name, or reports false when there is none.
func (a *Assets) Serve(w http.ResponseWriter, r *http.Request, name string) bool {
	f, ok := a.files[name]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", f.tag)
	if matches(r.Header.Get("If-None-Match"), f.tag) {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	content := f.plain
	if Squeezes(r) && len(f.squeezed) < len(f.plain) {
		content = f.squeezed
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(content) // who has gone away needs no file
	return true
}

// matches reports whether a list of tags has one, compared weakly (RFC 9110, 13.1.2).
func matches(list, tag string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == tag || t == "*" {
			return true
		}
	}
	return false
}

// Squeezes reports whether who asks takes an answer in gzip.
func Squeezes(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, _ := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			n, err := strconv.ParseFloat(q, 64)
			return q == "" || err == nil && n > 0
		}
	}
	return false
}
