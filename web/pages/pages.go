// Package pages has the pages on which people look at DAGs, runs and tasks, and change them.
//
// They are written on the server and work without script, which only keeps them up to date. What they show is what the
// api answers to whoever asks, in the language, the zone and the colours that he has chosen.
package pages

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/inbox"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/api/notes"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/web/pages/admin"
	"github.com/dingdag/dingdag/web/pages/assets"
	"github.com/dingdag/dingdag/web/pages/desk"
	"github.com/dingdag/dingdag/web/pages/ledger"
	"github.com/dingdag/dingdag/web/pages/live"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/people"
	"github.com/dingdag/dingdag/web/pages/static"
	"github.com/dingdag/dingdag/web/pages/times"
	"github.com/dingdag/dingdag/web/route"
)

// contentPolicy lets a page have our own styles, scripts and pictures and nothing else: nothing inline, nothing from
// outside, and no form to elsewhere.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Guard lets people in. It is asked before every page.
type Guard interface {
	// Enter returns the request with who asks in its context, or false after it has answered itself: it has sent
	// people to sign in, or refused them.
	Enter(w http.ResponseWriter, r *http.Request) (*http.Request, bool)
	// Token is what a form must have in its field [TokenField] so that it counts as sent by whoever asks.
	Token(r *http.Request) string
	// Genuine reports whether a form has been sent by whoever asks, and not by a page of another site.
	Genuine(r *http.Request) bool
	// Visitor says who asks.
	Visitor(ctx context.Context) Visitor
}

// TokenField is the field of a form that proves where it comes from.
const TokenField = "csrf_token"

// Visitor is who asks, and what he may do.
type Visitor = page.Visitor

// Options are what the pages stand on. All but Base, Zone and Changes are required.
type Options struct {
	Guard Guard
	// Overview answers for whoever asks, who is in the context.
	Overview func(ctx context.Context) *overview.Overview
	// Bindings are for whoever asks, who is in the context.
	Bindings func(ctx context.Context) Bindings
	// Asks are for whoever asks, who is in the context.
	Asks func(ctx context.Context) *asks.Asks
	// Files are the DAG files, for whoever asks.
	Files func(ctx context.Context) *files.Files
	// Notes are for whoever asks, who is in the context.
	Notes func(ctx context.Context) *notes.Notes
	// Browse lists pools and assets for whoever asks, who is in the context.
	Browse *browse.Browser
	// Emitter updates assets, for whoever asks.
	Emitter func(ctx context.Context) (*emit.Emitter, error)
	// Vault is for whoever asks, who is in the context.
	Vault func(ctx context.Context) *vault.Keeper
	// TestConnection finds out whether a connection works, and says so in words.
	TestConnection func(ctx context.Context, id string) (works bool, text string)
	// Nodes are the processes that have worked since a moment, see [nodes.List].
	Nodes func(ctx context.Context, since time.Time) ([]nodes.Node, error)
	// Drain has one of them take no more attempts, or take them again, for whoever asks.
	Drain func(ctx context.Context, id string, on bool) error
	// Inbox is that of the sandbox, where there is one.
	Inbox *inbox.Inbox
	// Accounts are who may sign in, and By is who asks.
	Accounts *accounts.Accounts
	By       func(ctx context.Context) accounts.Actor
	// Health is how things are, as of at most a second ago; nil when ctx ends first.
	Health func(ctx context.Context) *health.Health
	// Base is the path below which people reach the pages, such as /dingdag; empty for the root.
	Base string
	// Zone is that of times until somebody chooses another one; nil is UTC.
	Zone *time.Location
	// Changes tells of changes, so that pages that are open follow them. Nil makes one that is told of none.
	Changes *live.Hub
	// StreamTime is how long a page is told of changes before it asks again: who has lost the right to them is told of none
	// after that. Default a minute.
	StreamTime time.Duration
	// DAGsFolder is where DAG files are, for whoever has none yet; it may be empty.
	DAGsFolder string
	// Version is that of the program, Host its machine, and Workers how many tasks run in it at once.
	Version, Host string
	Workers       int
	// Mask hides secrets in errors that are logged.
	Mask  func(string) string
	Clock func() time.Time
	Log   *slog.Logger
}

// mostStreams is how many pages may follow something when nobody says it.
const mostStreams = 1000

// Pages answers requests for pages. Make one with [New].
type Pages struct {
	o         Options
	assets    *static.Assets
	templates *template.Template
	routes    route.Mux
	origin    *http.CrossOriginProtection
	// family are the pages that have rooms of their own.
	family page.Family
}

// New returns the pages. Its error is a mistake in the program: a template that is missing, or that says what nobody
// has written.
func New(o Options) (*Pages, error) {
	own, err := static.New()
	if err != nil {
		return nil, err
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.StreamTime == 0 {
		o.StreamTime = time.Minute
	}
	if o.Changes == nil {
		o.Changes = live.New(mostStreams, time.Second)
	}
	p := &Pages{o: o, assets: own, origin: http.NewCrossOriginProtection()}
	if p.templates, err = parseTemplates(); err != nil {
		return nil, err
	}
	p.routes.HandleFunc("GET /static/{name}", p.serveStatic)
	p.routes.HandleFunc("GET /favicon.ico", p.serveIcon)
	p.routes.HandleFunc("POST /preferences", p.savePreferences)
	for pattern, show := range p.shows() {
		p.routes.Handle("GET "+pattern, p.guarded(show))
	}
	ask := func(ctx context.Context) *api.API { return o.Overview(ctx).API() }
	p.family = page.Join(
		ledger.New(ledger.Options{Overview: o.Overview, Asks: o.Asks}).Pages(),
		admin.New(admin.Options{API: ask, Browse: o.Browse, Vault: o.Vault, Test: o.TestConnection}).Pages(),
		assets.New(assets.Options{Browse: o.Browse, API: ask, Emitter: o.Emitter}).Pages(),
		times.New(times.Options{Overview: o.Overview}).Pages(),
		people.New(people.Options{Accounts: o.Accounts, By: o.By}).Pages(),
		desk.New(desk.Options{Nodes: o.Nodes, Drain: o.Drain, Browse: o.Browse, Inbox: o.Inbox, Overview: o.Overview, Files: o.Files, Health: o.Health, Node: desk.Node{Host: o.Host, Version: o.Version, Workers: o.Workers}}).Pages(),
	)
	for pattern, show := range p.family.Shows {
		p.routes.Handle("GET "+pattern, p.guarded(func(v *view) error { return show(v) }))
	}
	for pattern, act := range p.family.Acts {
		p.routes.Handle("POST "+pattern, p.guarded(func(v *view) error { return v.act(func(v *view) error { return act(v) }) }))
	}
	for pattern, act := range p.acts() {
		p.routes.Handle("POST "+pattern, p.guarded(func(v *view) error { return v.act(act) }))
	}
	return p, nil
}

// shows are the pages by their paths.
func (p *Pages) shows() map[string]handler {
	return map[string]handler{
		"/{$}":    showHome,
		"/dags":   showDAGs,
		"/events": showEvents,

		"/bindings": showBindings,

		"/dags/{dag_id}":                 showGrid,
		"/dags/{dag_id}/backfills":       showBackfills,
		"/dags/{dag_id}/backfills/new":   newBackfill,
		"/dags/{dag_id}/graph":           showGraph,
		"/dags/{dag_id}/runs":            showRuns,
		"/dags/{dag_id}/tasks/{task_id}": showTaskOfDAG,
		"/dags/{dag_id}/trigger":         showTrigger,
		"/dags/{dag_id}/runs/{run_id}":   showRun,

		"/dags/{dag_id}/runs/{run_id}/clear": showClear,
		"/dags/{dag_id}/runs/{run_id}/graph": showGraph,
		"/dags/{dag_id}/runs/{run_id}/mark":  showMark,

		"/dags/{dag_id}/runs/{run_id}/tasks/{task_id}":            showTask,
		"/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/log":        showLog,
		"/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/log/events": showLogEvents,

		"/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/mapped/{map_index}":            showTask,
		"/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/mapped/{map_index}/log":        showLog,
		"/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/mapped/{map_index}/log/events": showLogEvents,
	}
}

// acts are what forms do, by their paths.
func (p *Pages) acts() map[string]handler {
	return map[string]handler{
		"/bindings/end": endBinding,

		"/dags/{dag_id}/backfills":     createBackfill,
		"/dags/{dag_id}/backfills/new": previewBackfill,

		"/dags/{dag_id}/backfills/{backfill_id}/state": setBackfill,

		"/dags/{dag_id}/favorite": setFavorite,
		"/dags/{dag_id}/pause":    pauseDAG,
		"/dags/{dag_id}/trigger":  trigger,

		"/dags/{dag_id}/runs/{run_id}/clear": clearRun,
		"/dags/{dag_id}/runs/{run_id}/mark":  markRun,
		"/dags/{dag_id}/runs/{run_id}/note":  setNote,
	}
}

// Routes are the patterns of all pages and forms.
func (p *Pages) Routes() []string { return p.routes.Routes() }

// ServeHTTP answers a request, whose path may have [Options.Base] before it.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if p.o.Base != "" && (r.URL.Path == p.o.Base || strings.HasPrefix(r.URL.Path, p.o.Base+"/")) {
		http.StripPrefix(p.o.Base, http.HandlerFunc(p.route)).ServeHTTP(w, r)
		return
	}
	p.route(w, r)
}

func (p *Pages) route(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "" { // the base without a slash
		r.URL.Path = "/"
	}
	if _, pattern := p.routes.Handler(r); pattern != "" {
		route.Note(r, pattern)
		p.routes.ServeHTTP(w, r)
		return
	}
	p.guarded(func(*view) error { return errNoPage }).ServeHTTP(w, r)
}

// handler answers one request, or says why not.
type handler func(*view) error

// guarded answers those whom the guard lets in.
func (p *Pages) guarded(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, ok := p.o.Guard.Enter(w, r)
		if !ok {
			return
		}
		v := p.newView(w, r)
		err := h(v)
		switch {
		case err == nil:
		case r.Context().Err() != nil: // nobody waits for it
		default:
			p.fail(v, err)
		}
	})
}

// act does what a form asks for, if whoever asks has sent it.
func (v *view) act(h handler) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return &refusedError{http.StatusBadRequest, "error.form", err}
	}
	if err := v.p.origin.Check(v.r); err != nil || !v.p.o.Guard.Genuine(v.r) {
		return &refusedError{http.StatusForbidden, "error.forged", err}
	}
	return h(v)
}

// maxForm is how long a form may be.
const maxForm = 1 << 20

func (p *Pages) serveStatic(w http.ResponseWriter, r *http.Request) {
	if !p.assets.Serve(w, r, r.PathValue("name")) {
		http.Error(w, "no such file: reload the page that asked for it", http.StatusNotFound)
	}
}

// serveIcon is for answers that are no page of these, such as a log: a browser asks here for their picture.
func (p *Pages) serveIcon(w http.ResponseWriter, r *http.Request) {
	name, err := p.assets.Name("icon.svg")
	if err != nil {
		http.NotFound(w, r)
		return
	}
	http.Redirect(w, r, p.o.Base+"/static/"+name, http.StatusFound)
}

// render writes a page with its data.
func (v *view) render(status int, name string, data any) error {
	v.Data = data
	main, b := buffers.Get().(*bytes.Buffer), buffers.Get().(*bytes.Buffer)
	defer putBack(main, b)
	if err := v.p.templates.ExecuteTemplate(main, mainOf(name), v); err != nil {
		return fmt.Errorf("write page %s: %w", name, err)
	}
	v.Main = template.HTML(main.String()) //nolint:gosec // the template escapes
	if err := v.p.templates.ExecuteTemplate(b, "layout", v); err != nil {
		return fmt.Errorf("write page %s: %w", name, err)
	}
	v.p.send(v.w, v.r, status, b.Bytes())
	return nil
}

// buffers are used again: a grid takes a megabyte, which would be copied each time that it doubles.
var buffers = sync.Pool{New: func() any { return &bytes.Buffer{} }} //nolint:gochecknoglobals // a pool

// mostKept is how large a buffer may be that is kept.
const mostKept = 4 << 20

func putBack(bs ...*bytes.Buffer) {
	for _, b := range bs {
		if b.Cap() <= mostKept {
			b.Reset()
			buffers.Put(b)
		}
	}
}

// squeezers are used again, since each holds a megabyte.
var squeezers = sync.Pool{New: func() any { //nolint:gochecknoglobals // a pool
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // of a level that there is not
	}
	return w
}}

// leastSqueezed is from how many bytes on a page is compressed.
const leastSqueezed = 1 << 10

// send writes a page, compressed for those who take it so.
func (p *Pages) send(w http.ResponseWriter, r *http.Request, status int, page []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding, Accept-Language, Cookie")
	if len(page) >= leastSqueezed && static.Squeezes(r) {
		var b bytes.Buffer
		z, _ := squeezers.Get().(*gzip.Writer)
		defer squeezers.Put(z)
		z.Reset(&b)
		_, err := z.Write(page)
		if err = errors.Join(err, z.Close()); err == nil { // a buffer takes everything
			h.Set("Content-Encoding", "gzip")
			page = b.Bytes()
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	if _, err := w.Write(page); err != nil {
		p.o.Log.Debug("answer a request", "error", err) // nobody is left to tell
	}
}
