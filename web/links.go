package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/web/signed"
)

// Links are the pages that signed links lead to, below the first part of the path that is their purpose.
type Links struct {
	Signer *signed.Signer
	// Pages are by purpose.
	Pages map[string]Page
}

// Page is what links for one purpose lead to. An error of either method means that it may go well later.
type Page interface {
	// Show is what can be done. It changes nothing: chat clients fetch a link to preview it.
	Show(ctx context.Context, l signed.Link) (*View, error)
	// Send does what somebody has sent the form of the page for.
	Send(ctx context.Context, l signed.Link, form url.Values) (*View, error)
}

// View is what a page shows, in this order. Texts are anybody's.
type View struct {
	// Status is 200 when it is 0.
	Status int
	Title  string
	// Note says what became of it, or why nothing can be done, which is Bad.
	Note string
	Bad  bool
	Rows []Row
	// Text stands in lines of its own, as it is.
	Text string
	// Fields and Buttons are the form; without buttons there is none.
	Fields  []Field
	Buttons []Button
}

// Row is something to know.
type Row struct{ Name, Text string }

// Field is something to fill in: a line of text, or a choice where there are options.
type Field struct {
	Name, Label, Help, Value string
	Options                  []string
	// Multiple allows several options; those in Value, a line each, are chosen at first.
	Multiple, Required bool
}

// Button sends the form with a name and a value.
type Button struct{ Name, Value, Text string }

// maxForm is how long a form may be.
const maxForm = 256 << 10

// serve adds the routes.
func (l *Links) serve(s *Server) {
	guard := http.NewCrossOriginProtection()
	if u, err := url.Parse(s.o.Base); err == nil && u.Host != "" {
		_ = guard.AddTrustedOrigin(u.Scheme + "://" + u.Host) // one that it refuses is not trusted
	}
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.sendView(w, refusal(http.StatusForbidden, "这个请求来自另一个网站，什么都没有做。 Nothing was done: the request came from another site. Open the link itself and press the button there."))
	}))
	for purpose, p := range l.Pages {
		show := func(w http.ResponseWriter, r *http.Request) { s.answerLink(w, r, purpose, p.Show) }
		send := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			if err := r.ParseForm(); err != nil {
				s.sendView(w, refusal(http.StatusBadRequest, "无法读取表单，什么都没有做。 Nothing was done: the form cannot be read."))
				return
			}
			s.answerLink(w, r, purpose, func(ctx context.Context, l signed.Link) (*View, error) { return p.Send(ctx, l, r.PostForm) })
		}))
		s.routes.HandleFunc("GET /"+purpose+"/{token}", show)
		s.routes.Handle("POST /"+purpose+"/{token}", send)
	}
}

// answerLink answers a request for a link that can be read.
func (s *Server) answerLink(w http.ResponseWriter, r *http.Request, purpose string, answer func(context.Context, signed.Link) (*View, error)) {
	l, err := s.o.Links.Signer.Read(purpose, r.PathValue("token"))
	switch {
	case errors.Is(err, signed.ErrExpired):
		s.sendView(w, refusal(http.StatusGone, "链接已过期，什么都没有做。 Nothing was done: the link has expired. Links are good for 7 days."))
		return
	case err != nil:
		s.sendView(w, refusal(http.StatusForbidden, "链接无效，什么都没有做。 Nothing was done: the link is not valid. It may be cut off, or signed with a key that was replaced."))
		return
	}
	v, err := answer(r.Context(), l)
	switch {
	case r.Context().Err() != nil:
	case err != nil:
		s.o.Log.Error("answer a signed link", "page", purpose, "error", s.masked(err))
		s.sendView(w, refusal(http.StatusServiceUnavailable, "现在无法完成，请稍后再试。 This cannot be done now. Please try again later; the log says why."))
	default:
		s.sendView(w, v)
	}
}

func refusal(status int, text string) *View {
	return &View{Status: status, Title: "Dingdag", Note: text, Bad: true}
}

// linkPolicy lets a page have its style, and send its form to where it came from.
var linkPolicy = strings.Replace(contentPolicy, "form-action 'none'", "form-action 'self'", 1) //nolint:gochecknoglobals // a constant

// sendView writes a page. A browser tells where its form came from, to us alone.
func (s *Server) sendView(w http.ResponseWriter, v *View) {
	h := w.Header()
	h.Set("Content-Security-Policy", linkPolicy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	status := v.Status
	if status == 0 {
		status = http.StatusOK
	}
	s.send(w, status, typeHTML, v.page())
}

// page writes the page of a view.
func (v *View) page() []byte {
	var w writer
	w.markup("<!doctype html>\n<html lang=\"zh\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>")
	w.text(v.Title)
	w.markup("</title><style>", style, "</style></head>\n<body><h1>")
	w.text(v.Title)
	w.markup("</h1>\n")
	if v.Note != "" {
		class := "healthy"
		if v.Bad {
			class = "error"
		}
		w.markup("<p class=\"", class, "\"><strong>")
		w.text(v.Note)
		w.markup("</strong></p>\n")
	}
	if len(v.Rows) > 0 {
		w.markup("<table>\n")
		for _, r := range v.Rows {
			w.markup("<tr><th>")
			w.text(r.Name)
			w.markup("</th><td>")
			w.text(r.Text)
			w.markup("</td></tr>\n")
		}
		w.markup("</table>\n")
	}
	if v.Text != "" {
		w.markup("<pre>")
		w.text(v.Text)
		w.markup("</pre>\n")
	}
	if len(v.Buttons) > 0 {
		v.form(&w)
	}
	w.markup("</body></html>\n")
	return w.page
}

// form writes the fields and the buttons. Without an action it goes to where the page came from.
func (v *View) form(w *writer) {
	w.markup("<form method=\"post\">\n")
	for _, f := range v.Fields {
		w.markup("<p><label>")
		w.text(f.Label)
		w.markup("<br>")
		f.input(w)
		w.markup("</label>")
		if f.Help != "" {
			w.markup("<br><small>")
			w.text(f.Help)
			w.markup("</small>")
		}
		w.markup("</p>\n")
	}
	w.markup("<p>")
	for _, b := range v.Buttons {
		w.markup("<button")
		w.attributes("name", b.Name, "value", b.Value)
		w.markup(">")
		w.text(b.Text)
		w.markup("</button> ")
	}
	w.markup("</p></form>\n")
}

func (f *Field) input(w *writer) {
	kind, required := "<input type=\"text\"", ""
	if len(f.Options) > 0 {
		kind = "<select"
	}
	if f.Required {
		required = " required"
	}
	w.markup(kind)
	w.attributes("name", f.Name)
	if len(f.Options) == 0 {
		w.attributes("value", f.Value)
		w.markup(required, ">")
		return
	}
	if f.Multiple {
		w.markup(" multiple")
	}
	w.markup(required, ">")
	for _, o := range f.Options {
		w.markup("<option")
		if slices.Contains(strings.Split(f.Value, "\n"), o) {
			w.markup(" selected")
		}
		w.markup(">")
		w.text(o)
		w.markup("</option>")
	}
	w.markup("</select>")
}

// attributes writes names, which are ours, each with a value that is anybody's.
func (w *writer) attributes(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		w.markup(" ", pairs[i], "=\"")
		w.text(pairs[i+1])
		w.markup("\"")
	}
}
