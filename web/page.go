package web

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"time"

	"github.com/dingdag/dingdag/api/health"
)

// style is the one of all pages.
const style = `body{overflow-wrap:anywhere;font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#0f172a}
table{border-collapse:collapse}th,td{padding:.2rem 1rem .2rem 0;text-align:left;vertical-align:top}
.healthy{color:#15803d}.unhealthy,.error{color:#b91c1c}.warning{color:#a16207}code{background:#f1f5f9;padding:.1rem .3rem}`

// contentPolicy lets a page have that style and nothing else.
var contentPolicy = "default-src 'none'; style-src 'sha256-" + digest(style) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" //nolint:gochecknoglobals // a constant

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// writer writes a page: markup is ours, text is anybody's.
type writer struct{ page []byte }

func (w *writer) markup(parts ...string) {
	for _, p := range parts {
		w.page = append(w.page, p...)
	}
}

func (w *writer) text(s string) { w.page = append(w.page, html.EscapeString(s)...) }

// page shows how things are.
func page(h *health.Health) []byte {
	var w writer
	status := string(h.Status) // healthy or unhealthy
	w.markup("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>")
	w.text("Dingdag: " + status)
	w.markup("</title><style>", style, "</style></head>\n<body><h1>Dingdag is <span class=\"")
	w.text(status)
	w.markup("\">")
	w.text(status)
	w.markup("</span></h1>\n")
	if len(h.Problems) > 0 {
		w.markup("<ul>\n")
		for _, p := range h.Problems {
			w.markup("<li><strong class=\"")
			w.text(string(p.Severity))
			w.markup("\">")
			w.text(string(p.Severity))
			w.markup("</strong>: ")
			w.text(p.Text)
			if p.Command != "" {
				w.markup("<br><code>")
				w.text(p.Command)
				w.markup("</code>")
			}
			w.markup("</li>\n")
		}
		w.markup("</ul>\n")
	}
	w.markup("<table>\n")
	for _, r := range h.Rows() {
		w.markup("<tr><th>")
		w.text(r.Part)
		w.markup("</th><td>")
		w.text(r.Text)
		w.markup("</td></tr>\n")
	}
	w.markup("</table>\n<p>As of ")
	w.text(h.At.Format(time.RFC3339))
	w.markup("</p></body></html>\n")
	return w.page
}
