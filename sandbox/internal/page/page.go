// Package page draws the page of the sandbox: the inbox, and the views that the families
// of calls add.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/markup"
)

//go:embed files
var files embed.FS

// contentSecurityPolicy lets the page use its own style and script and nothing
// else: no inline code, no frames, and no picture that a message points to.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Page draws what a core holds.
type Page struct {
	core          *core.Core
	style, script asset
}

// Install adds the page to a core that has its views already. It panics when an embedded
// file is missing or broken, which is a mistake in the program.
func Install(c *core.Core) {
	p := &Page{
		core: c, style: readAsset("style.css"), script: readAsset("inbox.js"),
	}
	c.View(core.View{Name: talkTab, Title: "Chat", Draw: func(q url.Values) markup.HTML { return p.readTalk(q).draw() }})
	c.Handle("GET /{$}", p)
	c.Form("POST /sandbox/clear", func(*http.Request) error {
		c.Inbox.Clear()
		return nil
	})
	for _, a := range []asset{p.style, p.script} {
		c.Handle("GET /sandbox/"+a.name, a)
	}
}

// ServeHTTP draws the page.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	drawn := []byte(p.draw(r.URL.Query()).String())
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(drawn) //nolint:gosec // markup escapes what arrives; an error means that the client is gone
}

// asset is a static file under a name with its hash, which browsers may keep.
type asset struct {
	name    string
	content []byte
}

func readAsset(name string) asset {
	content, err := files.ReadFile("files/" + name)
	if err != nil {
		panic("sandbox: embedded file: " + err.Error())
	}
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	return asset{name: strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext, content: content}
}

// ServeHTTP serves the file.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.content))
}

// pageView is what the page shows: a view, or the inbox.
type pageView struct {
	Style, Script string
	Tabs          []tabView
	View          markup.HTML
	Inbox         *inboxView
	// Talk is set in the chat alone; its forms stand outside of what is drawn anew.
	Talk *talkView
}

// tabView is one of the links between the views.
type tabView struct {
	Name, Title string
	Selected    bool
}

// draw draws the view that the query names. An unknown view is the inbox.
func (p *Page) draw(q url.Values) markup.HTML {
	p.core.Lock()
	defer p.core.Unlock()
	inbox := true
	v := pageView{Style: p.style.name, Script: p.script.name, Tabs: []tabView{{Title: "Inbox"}}}
	for _, view := range p.core.Views() {
		selected := view.Name == q.Get("view")
		v.Tabs = append(v.Tabs, tabView{Name: view.Name, Title: view.Title, Selected: selected})
		if selected {
			v.View, inbox = view.Draw(q), false
			if view.Name == talkTab {
				v.Talk = p.readTalk(q)
			}
		}
	}
	if inbox {
		v.Tabs[0].Selected = true
		v.Inbox = p.readInbox(q)
	}
	return v.draw()
}

// isWeb tells whether the page may link to an address that a message brought.
func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
