package pages

import (
	"cmp"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/words"
)

var _ page.Request = (*view)(nil)

// Style is the address of a style or a picture of the pages by its name, for pages of others that look like them.
func (p *Pages) Style(name string) string {
	hashed, err := p.assets.Name(name)
	if err != nil {
		return "" // a browser goes without it
	}
	return p.o.Base + "/static/" + hashed
}

// HTTP implements [page.Request].
func (v *view) HTTP() *http.Request { return v.r }

// Who implements it.
func (v *view) Who() page.Visitor { return v.Visitor }

// Time implements it.
func (v *view) Time() time.Time { return v.now }

// Say implements it.
func (v *view) Say(key words.Key, about ...any) string { return v.say(key, about...) }

// DAG implements it.
func (v *view) DAG(tab string) (*page.DAG, error) { return v.headFor(tab) }

// Zone implements it.
func (v *view) Zone() *time.Location { return v.zone }

// Span implements it.
func (v *view) Span(d time.Duration) string { return v.span(d) }

// Moment implements it.
func (v *view) Moment(text string) (time.Time, error) { return v.date(text) }

// Show implements it.
func (v *view) Show(h page.Head, data any) error {
	v.Title, v.Nav = h.Title, h.Nav
	if h.Live {
		v.follow(h.DAGID, h.RunID)
	}
	return v.render(cmp.Or(h.Status, http.StatusOK), h.Name, data)
}

// Send implements it.
func (v *view) Send(name, kind string, content []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if _, err := v.w.Write(content); err != nil {
		v.p.o.Log.Debug("answer a request", "error", err) // nobody is left to tell
	}
	return nil
}

// Go implements it.
func (v *view) Go(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther) //nolint:gosec // a path of ours
	return nil
}

// Mistake implements it.
func (v *view) Mistake(err error) string { return v.said(err) }

// Said implements it.
func (v *view) Said(err error) string { return v.Tell(phrase.Said(err)) }

// Mask implements it.
func (v *view) Mask(text string) string { return v.p.mask(text) }
