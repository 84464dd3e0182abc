// Package web serves what people and programs ask over HTTP: whether the scheduler schedules and alerts
// arrive, and the pages of signed links. It stands on the api and knows no store.
//
// A request whose Host is another name than that of [Links] is refused, which a page of another site could send
// through the browser of somebody here (DNS rebinding).
package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/web/listening"
	"github.com/dingdag/dingdag/web/peer"
	"github.com/dingdag/dingdag/web/route"
	"github.com/dingdag/dingdag/web/signin"
)

// The limits of a request.
const (
	headerTime = 5 * time.Second
	readTime   = 10 * time.Second
	writeTime  = 30 * time.Second
	idleTime   = time.Minute
	headerSize = 16 << 10
	// maxBody bounds all bodies; most have a limit of their own below it.
	maxBody = 4 << 20
	// stopTime is how long requests may take to end at a stop.
	stopTime = time.Second
)

// Checker looks how things are. [*health.Checker] is one.
type Checker interface {
	Check(ctx context.Context) *health.Health
}

// Options are what a [Server] stands on. Health, Clock and Log are required.
type Options struct {
	Health Checker
	// TLS is what the server serves with; nil for plain HTTP.
	TLS *tls.Config
	// Open says that other machines reach the server. Without TLS it answers proxies and this machine alone, but for
	// /livez and /readyz.
	Open bool
	// Proxies are those whose word counts about where a request comes from.
	Proxies peer.Proxies
	// Base is where people reach the server, without a slash at its end; empty for nowhere but its own address. What is below
	// its path is served, as well as what a proxy has taken the path from.
	Base string
	// Links are the pages of signed links; nil for none.
	Links *Links
	// SignIn knows who sends a request, and has the pages by which people sign in; nil for none.
	SignIn *signin.Gate
	// REST answers Airflow's REST API to whom SignIn knows; without either there is none.
	REST http.Handler
	// Commands runs commands that people call from other machines, for whom SignIn knows by a token or a password. Nil runs none.
	Commands http.Handler
	// Own answers what Airflow's API has not, below /api/dingdag/, in the same way.
	Own http.Handler
	// DingTalk answers what DingTalk sends to paths below /dingtalk/. Nil takes nothing.
	DingTalk http.Handler
	// Pages answer whatever nothing else does, but for paths below /api/ and /dingtalk/, and know from SignIn who asks. Nil has none.
	Pages http.Handler
	// Metrics answers scrapes of /metrics: those of this machine, and of who may read all DAGs. Nil has none.
	Metrics http.Handler
	// Measure, when set, is given what answers all requests, and returns what is to answer in its place.
	Measure func(http.Handler) http.Handler
	// Stop is called when the server is about to stop, so that streams end, and once more when it has. It returns when those that
	// were taken over from the server have ended. It may be nil.
	Stop func()
	// Mask hides secrets in errors that are logged.
	Mask  func(string) string
	Clock func() time.Time
	Log   *slog.Logger
}

// Server answers requests.
type Server struct {
	o      Options
	routes route.Mux
	answer http.Handler // whatever ServeHTTP is asked
	pages  http.Handler
	looks  *looks
	host   string          // by which people reach it, empty for none
	path   string          // below which they do, without a slash at its end
	reads  map[string]bool // the patterns that have a GET

	// running is held by every request, and by a stop that waits for their ends.
	running sync.RWMutex
	stopped bool
	proxied sync.Once // says that somebody forwards who is not trusted
}

// New returns a server.
func New(o Options) *Server {
	s := &Server{o: o, pages: o.Pages, looks: newLooks(o), reads: map[string]bool{}}
	if u, err := url.Parse(o.Base); err == nil {
		s.host, s.path = strings.ToLower(u.Host), u.Path
	}
	if s.answer = http.HandlerFunc(s.serve); o.Measure != nil {
		s.answer = o.Measure(s.answer)
	}
	s.routes.HandleFunc("GET /livez", s.livez)
	s.routes.HandleFunc("GET /readyz", s.readyz)
	s.routes.HandleFunc("GET /health", s.healthPage)
	s.routes.HandleFunc("GET /api/dingdag/health", s.healthJSON)
	s.routes.HandleFunc("GET /api/v2/monitor/health", s.airflowHealth)
	s.routes.HandleFunc("GET /api/v1/health", s.oldHealth)
	if o.Metrics != nil {
		s.routes.Handle("GET /metrics", s.metrics())
	}
	if o.DingTalk != nil {
		s.routes.Handle("POST /dingtalk/{kind}/{conn_id}", o.DingTalk)
	}
	if o.SignIn != nil {
		o.SignIn.Routes(&s.routes)
		if o.Commands != nil {
			s.routes.Handle("GET /api/dingdag/commands", o.SignIn.Identify(o.Commands))
		}
		if o.REST != nil {
			s.routes.Handle(restPattern, s.above(o.SignIn.Identify(o.REST)))
			s.routes.Handle(oldPattern, s.above(o.SignIn.Identify(o.REST)))
			s.routes.Handle("GET /openapi.json", o.SignIn.Identify(o.REST))
		}
		if o.Own != nil {
			s.routes.Handle(ownPattern, s.above(o.SignIn.Identify(o.Own)))
		}
	}
	switch {
	case o.Pages == nil:
		s.routes.Handle("GET /{$}", http.RedirectHandler(s.path+"/health", http.StatusFound))
	case o.SignIn != nil:
		s.pages = o.SignIn.Identify(o.Pages)
	}
	if o.Links != nil {
		o.Links.serve(s)
	}
	for _, pattern := range s.routes.Routes() {
		if path, ok := strings.CutPrefix(pattern, http.MethodGet+" "); ok {
			s.reads[path] = true
		}
	}
	return s
}

// Routes are the patterns of all that is served, those of the REST API and the pages among them. A new handler that does not say
// what it has is there as its own pattern.
func (s *Server) Routes() []string {
	all := slices.Concat(s.routes.Routes(), route.Of(s.o.Pages))
	for _, of := range []struct {
		handler  http.Handler
		patterns []string
	}{{s.o.REST, []string{restPattern, oldPattern}}, {s.o.Own, []string{ownPattern}}} {
		if has := route.Of(of.handler); has != nil {
			all = append(slices.DeleteFunc(all, func(p string) bool { return slices.Contains(of.patterns, p) }), has...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// restPattern is that of the REST API, which has routes of its own, oldPattern that of its version 1, and ownPattern that of what
// Airflow has not.
const (
	restPattern = "/api/v2/"
	oldPattern  = "/api/v1/"
	ownPattern  = "/api/dingdag/"
)

// above answers what comes below a path that an API has to itself, but for the paths that this server reads by GET: there another
// method is the wrong one.
func (s *Server) above(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.reads[r.URL.Path] {
			w.Header().Set("Allow", "GET, HEAD")
			s.fail(w, r, http.StatusMethodNotAllowed, "Method Not Allowed")
			return
		}
		api.ServeHTTP(w, r)
	})
}

// Listen opens an address that [listening.Split] takes.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := listening.Split(address)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
}

// Run serves until ctx ends. It returns once no request is under way any more; one that takes longer
// than a second then is cut off.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	srv := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: headerSize,
		ErrorLog:    slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return base },
	}
	if s.o.Stop != nil {
		srv.RegisterOnShutdown(s.o.Stop)
	}
	served := make(chan error, 1)
	go func() {
		if s.o.TLS != nil {
			srv.TLSConfig = s.o.TLS.Clone() // which it adds to
			served <- srv.ServeTLS(ln, "", "")
			return
		}
		served <- srv.Serve(ln)
	}()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(base, stopTime)
		defer cancel()
		if srv.Shutdown(stop) != nil {
			err = srv.Close() // the rest is cut off
		}
		cut()
		if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
	}
	if s.o.Stop != nil {
		s.o.Stop()
	}
	s.running.Lock()
	defer s.running.Unlock()
	s.stopped = true
	return err
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.running.RLock()
	defer s.running.RUnlock()
	if s.stopped { // its connection is closed already
		return
	}
	s.answer.ServeHTTP(w, r)
}

// serve is ServeHTTP while the server runs.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	from := s.o.Proxies.Of(r)
	to := s.straight(r.URL)
	r = s.below(peer.With(r, from))
	if from.Unheard {
		s.proxied.Do(func() {
			s.o.Log.Warn("a request says by X-Forwarded-For or Forwarded that it comes from elsewhere, which is not believed: if it came through your reverse proxy, set trusted_proxies", "address", from.Address)
		})
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")     // for browsers that know no frame-ancestors
	if s.o.TLS != nil && !ours(r.Host) { // that of localhost would bind whatever else is served there
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	switch {
	case !s.knows(r.Host):
		s.fail(w, r, http.StatusMisdirectedRequest, "this server answers to localhost, loopback addresses and the host of base_url, and to other addresses where it listens to other machines; a reverse proxy must send such a Host")
		return
	case s.o.Open && s.o.TLS == nil && !peer.From(r).Near && r.URL.Path != "/livez" && r.URL.Path != "/readyz":
		s.fail(w, r, http.StatusMisdirectedRequest, "this server answers the reverse proxies of trusted_proxies alone, since nothing is encrypted here: go to "+cmp.Or(s.o.Base, "such a proxy"))
		return
	case r.ContentLength > maxBody:
		s.fail(w, r, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	if to != "" {
		redirect(w, to)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	handler, pattern := s.routes.Handler(r)
	if is := r.URL.EscapedPath(); !strings.HasSuffix(is, "/") && strings.HasSuffix(pattern, is+"/") { // the mux forgets the base
		redirect(w, s.path+is+"/"+query(r.URL))
		return
	}
	if pattern != "" {
		route.Note(r, pattern)
		s.routes.ServeHTTP(w, r)
		return
	}
	// The mux knows whether another method is there, and says so in its own words.
	said := &silent{header: http.Header{}}
	handler.ServeHTTP(said, r)
	if said.status == http.StatusMethodNotAllowed {
		h.Set("Allow", said.header.Get("Allow"))
		s.fail(w, r, said.status, "Method Not Allowed")
		return
	}
	if s.pages != nil && !strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/dingtalk/") {
		s.pages.ServeHTTP(w, r)
		return
	}
	s.fail(w, r, http.StatusNotFound, "Not Found")
}

// Now is how things are, as of at most a second ago; nil when ctx ends first.
func (s *Server) Now(ctx context.Context) *health.Health { return s.looks.now(ctx) }

// masked is the text of an error for the log.
func (s *Server) masked(err error) string {
	if s.o.Mask == nil {
		return err.Error()
	}
	return s.o.Mask(err.Error())
}

// silent takes an answer that is not sent.
type silent struct {
	header http.Header
	status int
}

// Header returns what is set.
func (s *silent) Header() http.Header { return s.header }

// WriteHeader keeps the status.
func (s *silent) WriteHeader(status int) { s.status = status }

// Write drops the text.
func (*silent) Write(p []byte) (int, error) { return len(p), nil }

// straight is where a request leads to whose path has doubled slashes or dots, which no route has; empty for all others. The mux
// would leave out the base, and escape twice what is escaped.
func (s *Server) straight(u *url.URL) string {
	is := u.EscapedPath()
	if !strings.HasPrefix(is, "/") {
		return ""
	}
	to := path.Clean(is)
	if strings.HasSuffix(is, "/") && to != "/" {
		to += "/"
	}
	if to == is {
		return ""
	}
	if to != s.path && !strings.HasPrefix(to, s.path+"/") { // a proxy has taken the base away
		to = s.path + to
	}
	return to + query(u)
}

func query(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	return "?" + u.RawQuery
}

// redirect leads to another path here. The method and the body stay.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// below is a request without the path of the base before its own.
func (s *Server) below(r *http.Request) *http.Request {
	if s.path == "" || r.URL.Path != s.path && !strings.HasPrefix(r.URL.Path, s.path+"/") {
		return r
	}
	to := *r.URL
	to.Path = cmp.Or(strings.TrimPrefix(to.Path, s.path), "/")
	to.RawPath = strings.TrimPrefix(to.RawPath, s.path) // a base has nothing that is escaped
	cut := *r
	cut.URL = &to
	return &cut
}

// knows reports whether a Host is one by which people reach this server. A page of another site has a name, which it can let
// point here, and no address.
func (s *Server) knows(host string) bool {
	if ours(host) || s.host != "" && strings.ToLower(host) == s.host {
		return true
	}
	_, err := netip.ParseAddr(bare(host))
	return s.o.Open && err == nil
}

// bare is a Host without port and brackets.
func bare(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// ours reports whether a Host is that of this machine. Old probes send none; a browser always does.
func ours(host string) bool {
	return host == "" || listening.IsLoopback(bare(host))
}
