// Package signin says who sends a request, by a token, a password or the session of a browser, and serves the pages and calls
// by which people and programs sign in and out.
//
// A request that proves who sends it has the identity in its context, see [access.From]. One that proves nothing has none, and
// handlers that need one stand behind [Gate.Required]. A proof that is wrong is answered at once.
package signin

import (
	"cmp"
	"context"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/access/secret"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/web/peer"
)

// The names under which a browser keeps its session, with and without TLS. No other host and no path can set the first, and
// nothing that is not encrypted the second, which is that of a server below a path.
const (
	secureCookie = "__Host-dingdag"
	belowCookie  = "__Secure-dingdag"
	plainCookie  = "dingdag"
)

// Where the form token of a session is sent, as a header or a field.
const (
	FormHeader = "X-Csrf-Token"
	FormField  = "csrf_token"
)

// maxForm is how long a form of a page or a body of a sign-in may be.
const maxForm = 1 << 20

// Options are what a [Gate] stands on. All but Base, Places, Failed and Mask are required.
type Options struct {
	Accounts *accounts.Accounts
	// Places are where people sign in elsewhere.
	Places []elsewhere.Place
	// Base is where people reach the server through a proxy, without a slash at its end; empty for nowhere.
	Base string
	// Styles are those of the pages. It may be nil: then they have none.
	Styles func() Styles
	// Failed, when set, is told of each proof that was refused, by the error of [accounts.Accounts].
	Failed func(error)
	// Mask hides secrets in errors that are logged.
	Mask  func(string) string
	Clock func() time.Time
	Log   *slog.Logger
}

// Gate knows who sends a request. It is safe for concurrent use.
type Gate struct {
	o      Options
	base   *url.URL // nil without one
	path   string   // that of the base, without a slash at its end: it stands before each link
	origin *http.CrossOriginProtection
	sealer cipher.AEAD

	mu    sync.Mutex
	setUp string // the hash of the token of the link that sets up the first user; empty for none
}

// New returns a gate.
func New(o Options) (*Gate, error) {
	sealer, err := newSealer()
	if err != nil {
		return nil, err
	}
	g := &Gate{o: o, origin: http.NewCrossOriginProtection(), sealer: sealer}
	if u, err := url.Parse(o.Base); err == nil && u.Host != "" {
		g.base, g.path = u, u.Path
		_ = g.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host) // one that it refuses is not trusted
	}
	return g, nil
}

// masked is the text of an error for the log.
func (g *Gate) masked(err error) string {
	if g.o.Mask == nil {
		return err.Error()
	}
	return g.o.Mask(err.Error())
}

// OfferSetUp makes a link by which the first user is set up once, and returns its path. The link before it is void.
func (g *Gate) OfferSetUp() string {
	token := secret.NewToken()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.setUp = secret.HashToken(token)
	return g.path + "/auth/setup/" + token.Reveal()
}

type formKey struct{}

// FormToken is what the forms of a page must send in [FormField]; empty for a request without a session.
func FormToken(ctx context.Context) string {
	token, _ := ctx.Value(formKey{}).(string)
	return token
}

// Identify passes a request on with the identity that it proves, or without one when it proves none.
func (g *Gate) Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sent := r.Header.Get("Authorization"); sent != "" {
			i, err := g.authorized(r, sent)
			if err != nil {
				g.refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(access.With(r.Context(), i)))
			return
		}
		session := g.session(r)
		if session == "" {
			next.ServeHTTP(w, r)
			return
		}
		i, err := g.o.Accounts.BySession(r.Context(), session, Address(r))
		switch {
		case errors.Is(err, accounts.ErrToken): // it is over: the browser is nobody's
			next.ServeHTTP(w, r)
			return
		case err != nil:
			g.refuse(w, r, err)
			return
		}
		if !safe(r.Method) && !g.ownForm(w, r, session) {
			if browses(r) {
				g.stale(w, r, http.StatusForbidden, "这个页面比登录会话旧，或者请求来自另一个网站。 The page is older than the session, or the request came from another site: nothing was done.")
				return
			}
			g.answer(w, http.StatusForbidden, "the request did not come from a page of this server, or the page is older than the session: load it again")
			return
		}
		i.Address = Address(r)
		ctx := context.WithValue(access.With(r.Context(), i), formKey{}, secret.FormToken(session))
		w.Header().Add("Vary", "Cookie")
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Glance is who sends a request, as far as it proves that and it can be looked up. It answers nothing.
func (g *Gate) Glance(r *http.Request) (access.Identity, bool) {
	i, err := g.proven(r)
	return i, err == nil
}

// Still reports whether whoever sent a request, and goes on with it, may do what he could when it began: the token is not
// revoked, and has no other rights. It is true while that cannot be looked up.
func (g *Gate) Still(r *http.Request, who access.Identity) bool {
	i, err := g.proven(r)
	switch {
	case errors.Is(err, accounts.ErrToken), errors.Is(err, accounts.ErrWrong), errors.Is(err, access.ErrUnknown):
		return false
	case err != nil:
		return true
	default:
		return i.User == who.User && i.Role == who.Role && slices.Equal(i.DAGs.Entries(), who.DAGs.Entries())
	}
}

// proven is who sends a request, or an error, which is [access.ErrUnknown] where nothing proves it.
func (g *Gate) proven(r *http.Request) (access.Identity, error) {
	if sent := r.Header.Get("Authorization"); sent != "" {
		return g.authorized(r, sent)
	}
	if session := g.session(r); session != "" {
		return g.o.Accounts.BySession(r.Context(), session, Address(r))
	}
	return access.Identity{}, access.ErrUnknown
}

// Required passes on what somebody who is known sends. Browsers are sent to the page where they sign in.
func (g *Gate) Required(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := access.From(r.Context()); ok {
			next.ServeHTTP(w, r)
			return
		}
		switch {
		case !browses(r) || r.Header.Get("Authorization") != "":
			g.refuse(w, r, access.ErrUnknown)
		case safe(r.Method):
			http.Redirect(w, r, g.loginTo("/auth/login", r.URL.RequestURI()), http.StatusSeeOther)
		default: // what the form has is lost when people are sent elsewhere: they are told
			g.stale(w, r, http.StatusUnauthorized, "登录已过期。 You are signed out: nothing was done. Sign in, and send the form again.")
		}
	})
}

// browses reports whether a person sends a request, with a browser.
func browses(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/api/")
}

// stale tells somebody that the form of an old page has done nothing, with the way back to the page as it is now.
func (g *Gate) stale(w http.ResponseWriter, r *http.Request, status int, text string) {
	back := g.after("/")
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
		back = g.after(from.RequestURI())
	}
	g.page(w, r, status, "没有执行 Nothing was done", text, link(back, "重新打开页面 Open the page again"))
}

// authorized is the identity behind an Authorization header.
func (g *Gate) authorized(r *http.Request, sent string) (i access.Identity, err error) {
	scheme, rest, _ := strings.Cut(sent, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		i, err = g.o.Accounts.ByToken(r.Context(), connections.Secret(strings.TrimSpace(rest)), Address(r))
	case strings.EqualFold(scheme, "Basic"):
		name, password, ok := r.BasicAuth()
		if !ok {
			return i, accounts.ErrWrong
		}
		i, err = g.o.Accounts.ByPassword(r.Context(), name, password, Address(r))
	default:
		return i, access.ErrUnknown
	}
	i.Address = Address(r)
	return i, err
}

// refuse answers an error of a proof.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, text := g.status(w, r, err)
	g.answer(w, status, text.String())
}

// status is what an error is answered with, after its headers.
func (g *Gate) status(w http.ResponseWriter, r *http.Request, err error) (status int, text phrase.Text) {
	var (
		many *accounts.TooManyError
		busy *accounts.BusyError
	)
	if wrong := errors.As(err, &many) || errors.Is(err, accounts.ErrWrong) || errors.Is(err, accounts.ErrToken); wrong && g.o.Failed != nil {
		g.o.Failed(err)
	}
	switch {
	case errors.As(err, &many):
		w.Header().Set("Retry-After", strconv.Itoa(int(many.RetryAfter/time.Second)+1))
		return http.StatusTooManyRequests, many.Said()
	case errors.As(err, &busy):
		w.Header().Set("Retry-After", strconv.Itoa(int(busy.RetryAfter/time.Second)+1))
		return http.StatusServiceUnavailable, busy.Said()
	case errors.Is(err, accounts.ErrWrong), errors.Is(err, accounts.ErrToken):
		w.Header().Set("WWW-Authenticate", "Bearer")
		return http.StatusUnauthorized, phrase.Said(err)
	case errors.Is(err, access.ErrUnknown):
		w.Header().Set("WWW-Authenticate", "Bearer")
		return http.StatusUnauthorized, phrase.Of("sign.anonymous")
	case r.Context().Err() != nil: // nobody waits for it
		return http.StatusServiceUnavailable, phrase.Of("sign.ended")
	default:
		g.o.Log.Error("look who sends a request", "error", err)
		return http.StatusServiceUnavailable, phrase.Of("sign.lookup")
	}
}

// answer writes an error in Airflow's form.
func (g *Gate) answer(w http.ResponseWriter, status int, detail any) {
	g.send(w, status, map[string]any{"detail": detail})
}

func (g *Gate) send(w http.ResponseWriter, status int, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		g.o.Log.Error("answer a request", "error", err)
		http.Error(w, "the answer cannot be written: the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(b, '\n')); err != nil {
		g.o.Log.Debug("answer a request", "error", err) // nobody is left to tell
	}
}

// ownForm reports whether an unsafe request comes from a page of ours, and of this session.
func (g *Gate) ownForm(w http.ResponseWriter, r *http.Request, session connections.Secret) bool {
	if g.origin.Check(r) != nil {
		return false
	}
	token := r.Header.Get(FormHeader)
	if token == "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if r.ParseForm() != nil {
			return false
		}
		token = r.PostForm.Get(FormField)
	}
	return secret.IsFormToken(session, token)
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// Address is the IP address that a request came from.
func Address(r *http.Request) string { return peer.From(r).Address }

// secure reports whether a browser sent the request over TLS, here or at the proxy.
func (g *Gate) secure(r *http.Request) bool {
	return peer.From(r).Secure || g.base != nil && g.base.Scheme == "https" && strings.EqualFold(r.Host, g.base.Host)
}

func (g *Gate) cookieName(r *http.Request) string {
	switch {
	case !g.secure(r):
		return plainCookie
	case g.path != "":
		return belowCookie
	default:
		return secureCookie
	}
}

func (g *Gate) cookiePath() string { return cmp.Or(g.path, "/") }

// session is what the browser has; empty for none.
func (g *Gate) session(r *http.Request) connections.Secret {
	c, err := r.Cookie(g.cookieName(r))
	if err != nil {
		return ""
	}
	return connections.Secret(c.Value)
}

// keep has the browser keep a session, or forget the one that it has when the session is empty.
func (g *Gate) keep(w http.ResponseWriter, r *http.Request, session connections.Secret) {
	c := &http.Cookie{ //nolint:gosec // it is Secure wherever the browser came over TLS
		Name: g.cookieName(r), Value: session.Reveal(), Path: g.cookiePath(), MaxAge: int(accounts.SessionLife / time.Second),
		Secure: g.secure(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if session == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// after is where somebody goes on to: a path of this server with that of its base, which next may have already.
func (g *Gate) after(next string) string {
	to := SafeNext(next)
	if g.path != "" && (to == g.path || strings.HasPrefix(to, g.path+"/")) {
		return to
	}
	return g.path + to
}

// SafeNext is a path of this server to go on to, or / for one that leads elsewhere.
func SafeNext(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t\x00") {
		return "/"
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, "/\\") {
		return "/"
	}
	return u.String()
}
