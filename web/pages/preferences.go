package pages

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dingdag/dingdag/web/pages/words"
)

// The cookies in which a browser keeps what somebody has chosen.
const (
	languageCookie = "dingdag_lang"
	themeCookie    = "dingdag_theme"
	zoneCookie     = "dingdag_tz"
	cookieAge      = 365 * 24 * time.Hour
)

// The themes. Without a choice it is that of the system.
const (
	systemTheme = ""
	lightTheme  = "light"
	darkTheme   = "dark"
)

// maxZone is how long the name of a zone may be.
const maxZone = 64

// preferences are what somebody has chosen.
type preferences struct {
	language words.Language
	theme    string
	zone     *time.Location
	// zoneName is the name that was chosen, empty without a choice.
	zoneName string
}

// preferencesOf reads the cookies of a request. What they don't say is what the browser and the settings say.
func (p *Pages) preferencesOf(r *http.Request) preferences {
	value := func(cookie string) string {
		c, err := r.Cookie(cookie)
		if err != nil {
			return "" // it is not there
		}
		return c.Value
	}
	out := preferences{language: words.Accepted(r.Header.Get("Accept-Language")), zone: p.o.Zone}
	if l, ok := words.Parse(value(languageCookie)); ok {
		out.language = l
	}
	if t := value(themeCookie); t == lightTheme || t == darkTheme {
		out.theme = t
	}
	name, err := url.QueryUnescape(value(zoneCookie))
	if z := zone(name); err == nil && z != nil {
		out.zone, out.zoneName = z, name
	}
	return out
}

// zone is the zone with a name of the IANA database, or nil.
func zone(name string) *time.Location {
	if name == "" || name == "Local" || len(name) > maxZone {
		return nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return z
}

// savePreferences keeps what the form of the menu says, and goes back to the page that it was on.
func (p *Pages) savePreferences(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	if err := p.origin.Check(r); err != nil {
		http.Error(w, "the form was sent by a page of another site", http.StatusForbidden)
		return
	}
	if l, ok := words.Parse(r.PostForm.Get("lang")); ok {
		p.keep(w, r, languageCookie, string(l))
	}
	switch t := r.PostForm.Get("theme"); t {
	case systemTheme, lightTheme, darkTheme:
		p.keep(w, r, themeCookie, t)
	}
	name := strings.TrimSpace(r.PostForm.Get("tz"))
	if name == "" || zone(name) != nil {
		p.keep(w, r, zoneCookie, url.QueryEscape(name))
	}
	http.Redirect(w, r, p.o.Base+local(r.PostForm.Get("back")), http.StatusSeeOther) //nolint:gosec // local has only paths of ours
}

// keep sets a cookie, or removes one that would be empty.
func (p *Pages) keep(w http.ResponseWriter, r *http.Request, name, value string) {
	c := &http.Cookie{ //nolint:gosec // no secret, and secure where the connection is
		Name: name, Value: value, Path: p.o.Base + "/", MaxAge: int(cookieAge.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// local is a path of these pages with its query, without the base, or the first page for anything else.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
		return "/"
	}
	return to
}
