package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/web/listening"
	"github.com/dingdag/dingdag/web/peer"
	"github.com/dingdag/dingdag/web/route"
)

// tripTime is how long somebody may take to sign in elsewhere.
const tripTime = 10 * time.Minute

// trip is what a browser keeps of its way, which it cannot read.
type trip struct {
	elsewhere.Trip

	Place string    `json:"place"`
	Next  string    `json:"next"`
	Until time.Time `json:"until"`
}

// newSealer encrypts trips with a key of this process: a trip is over when it ends.
func newSealer() (cipher.AEAD, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// places adds the ways to the places where people sign in.
func (g *Gate) places(mux *route.Mux) {
	for _, p := range g.o.Places {
		mux.HandleFunc("GET /auth/"+p.Name(), func(w http.ResponseWriter, r *http.Request) { g.leave(w, r, p) })
		mux.HandleFunc("GET /auth/"+p.Name()+"/callback", func(w http.ResponseWriter, r *http.Request) { g.comeBack(w, r, p) })
	}
}

// tripCookie is under which name a browser keeps its trip.
func (g *Gate) tripCookie(r *http.Request) string { return g.cookieName(r) + "-trip" }

// keepTrip has the browser keep a trip, or forget the one that it has when it is empty. It is sent along when the browser comes
// back from another site, and to no other path of ours.
func (g *Gate) keepTrip(w http.ResponseWriter, r *http.Request, sealed string) {
	c := &http.Cookie{ //nolint:gosec // it is Secure wherever the browser came over TLS
		Name: g.tripCookie(r), Value: sealed, Path: g.cookiePath(), MaxAge: int(tripTime / time.Second),
		Secure: g.secure(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if sealed == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// leave sends a browser to a place.
func (g *Gate) leave(w http.ResponseWriter, r *http.Request, p elsewhere.Place) {
	t := trip{
		Trip:  elsewhere.Trip{State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(), Redirect: g.whence(r) + g.path + "/auth/" + p.Name() + "/callback"},
		Place: p.Name(), Next: SafeNext(r.URL.Query().Get("next")), Until: g.o.Clock().Add(tripTime),
	}
	to, err := p.Begin(r.Context(), t.Trip)
	if err != nil {
		g.failed(w, r, p, err)
		return
	}
	sealed, err := g.seal(t)
	if err != nil {
		g.failed(w, r, p, err)
		return
	}
	g.keepTrip(w, r, sealed)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// comeBack signs in who has come back from a place.
func (g *Gate) comeBack(w http.ResponseWriter, r *http.Request, p elsewhere.Place) {
	back := r.URL.Query()
	t, ok := g.tripOf(r)
	g.keepTrip(w, r, "") // it is good once
	if !ok || t.Place != p.Name() || subtle.ConstantTimeCompare([]byte(t.State), []byte(back.Get("state"))) != 1 {
		g.refused(w, r, http.StatusBadRequest, "这次登录已失效，请重新开始。 This sign-in is over, or was begun in another browser: begin it again.")
		return
	}
	who, err := p.Finish(r.Context(), t.Trip, back)
	if err != nil {
		g.failed(w, r, p, err)
		return
	}
	u, err := g.o.Accounts.Enter(r.Context(), who, Address(r))
	if err != nil {
		g.failed(w, r, p, err)
		return
	}
	session, err := g.o.Accounts.SignIn(r.Context(), u, g.session(r), Address(r))
	if err != nil {
		g.failed(w, r, p, err)
		return
	}
	g.keep(w, r, session)
	http.Redirect(w, r, g.after(t.Next), http.StatusSeeOther)
}

// failed says why somebody is not signed in.
func (g *Gate) failed(w http.ResponseWriter, r *http.Request, p elsewhere.Place, err error) {
	var refused *elsewhere.RefusedError
	switch {
	case errors.As(err, &refused):
		g.o.Log.Warn("a sign-in was refused", "place", p.Name(), "address", Address(r), "reason", refused.Reason.String())
		g.refused(w, r, http.StatusForbidden, both(refused.Said()))
	case r.Context().Err() != nil: // nobody waits for it
	default:
		g.o.Log.Error("sign in elsewhere", "place", p.Name(), "error", g.masked(err))
		g.refused(w, r, http.StatusServiceUnavailable, "现在无法登录，请稍后再试。 This cannot be done now. Please try again later; the log says why.")
	}
}

func (g *Gate) refused(w http.ResponseWriter, r *http.Request, status int, text string) {
	g.page(w, r, status, "登录 Sign in", text, link(g.path+"/auth/login", "登录 Sign in"))
}

// whence is where the browser is: at the base, or at an address of this machine.
func (g *Gate) whence(r *http.Request) string {
	scheme := "http"
	if peer.From(r).Secure {
		scheme = "https"
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if g.base != nil && !listening.IsLoopback(strings.Trim(host, "[]")) {
		return g.base.Scheme + "://" + g.base.Host
	}
	return scheme + "://" + r.Host
}

func (g *Gate) seal(t trip) (string, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(g.sealer.Seal(nil, nil, b, nil)), nil //nolint:gosec // this AEAD makes a random nonce by itself
}

// tripOf is the trip of a browser that is under way.
func (g *Gate) tripOf(r *http.Request) (t trip, ok bool) {
	c, err := r.Cookie(g.tripCookie(r))
	if err != nil {
		return t, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return t, false
	}
	b, err := g.sealer.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(b, &t) != nil {
		return trip{}, false
	}
	return t, g.o.Clock().Before(t.Until)
}

// buttons lead to the places.
func (g *Gate) buttons(next string) string {
	var markup strings.Builder
	for _, p := range g.o.Places {
		to := g.path + "/auth/" + p.Name() + "?" + url.Values{"next": {SafeNext(next)}}.Encode()
		markup.WriteString(link(to, "使用 "+p.Title()+" 登录 Sign in with "+p.Title()))
	}
	return markup.String()
}
