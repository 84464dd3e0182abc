// Package inbound takes what DingTalk sends over HTTP: messages to outgoing robots and bots, presses of
// buttons of cards, and encrypted events. What is verified is kept like what comes through stream mode;
// whoever forges is told nothing.
package inbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/incoming"
)

// maxBody bounds a request in bytes.
const maxBody = 1 << 20

// logPause is the least time between two lines about requests to one address that are refused alike.
const logPause = time.Minute

// The keys of an extra.
const (
	// Enabled says that the connection takes requests.
	Enabled = "http"
	// CardSecret is the apiSecret with which the address for card callbacks was registered.
	CardSecret = "card_api_secret"
	// EventToken is the token of encrypted events, EventKey their aes_key.
	EventToken = "event_token"
	EventKey   = "event_aes_key"
	// EventOwner is for whom they are encrypted, the AppKey unless it is given.
	EventOwner = "event_owner"
)

// Takes reports whether a connection takes requests.
func Takes(c *connections.Connection) bool {
	extra, err := c.ExtraMap()
	if err != nil || c.Type != "dingtalk" {
		return false
	}
	on, err := connections.ExtraTruth(extra, Enabled)
	return err == nil && on
}

// Key is the key of the application of a connection. An outgoing robot of a group has no AppKey.
func Key(c *connections.Connection) string {
	if key := c.GetLogin(); key != "" {
		return key
	}
	return "http/" + c.ID
}

// Options are what a [Handler] stands on. All are needed.
type Options struct {
	Connections connections.Source
	// Accept keeps what came. [chat.Service.Accept] does.
	Accept func(ctx context.Context, app chat.App, r chat.Received) (first bool, err error)
	Masker *connections.Masker
	Clock  func() time.Time
	Log    *slog.Logger
}

// Handler answers requests for /dingtalk/robot/ID, /dingtalk/card/ID and /dingtalk/event/ID, where ID is
// a connection that takes them. Make one with [New].
type Handler struct {
	o      Options
	routes *http.ServeMux
	quiet  quiet
}

// New returns a handler.
func New(o Options) *Handler {
	h := &Handler{o: o, routes: http.NewServeMux(), quiet: quiet{last: map[string]time.Time{}}}
	for path, take := range map[string]func(*request) error{"robot": h.robot, "card": h.card, "event": h.event} {
		h.routes.HandleFunc("POST /dingtalk/"+path+"/{conn_id}", func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, path, take) })
	}
	return h
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.routes.ServeHTTP(w, r) }

// request is one that is being answered.
type request struct {
	*http.Request

	conn *connections.Connection
	now  time.Time
	body []byte
	// answer is what is said in the end.
	answer []byte
}

func (r *request) app() chat.App { return chat.App{ConnID: r.conn.ID, Key: Key(r.conn)} }

// statusError is an error that whoever asks is told of by a status alone.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func forbidden(err error) error { return &statusError{http.StatusForbidden, err} }
func bad(err error) error       { return &statusError{http.StatusBadRequest, err} }

// serve reads a request, lets take verify and keep it, and answers.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, path string, take func(*request) error) {
	id := r.PathValue("conn_id")
	conn, err := h.o.Connections.Connection(r.Context(), id)
	if err != nil || !Takes(conn) {
		if err != nil && !errors.Is(err, connections.ErrNotFound) {
			h.refused(path+" "+id, http.StatusServiceUnavailable, err)
			say(w, http.StatusServiceUnavailable)
			return
		}
		say(w, http.StatusNotFound) // the same for what is not there and what is not open
		return
	}
	in := &request{Request: r, conn: conn, now: h.o.Clock()}
	if in.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			err = &statusError{http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", maxBody)}
		} else {
			err = bad(err)
		}
	} else {
		err = take(in)
	}
	if err != nil {
		status := http.StatusServiceUnavailable // DingTalk sends it again
		if s, ok := errors.AsType[*statusError](err); ok {
			status = s.status
		}
		h.refused(path+" "+id, status, err)
		say(w, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(in.answer); err != nil {
		h.o.Log.Debug("chat: answer a request", "error", err) // DingTalk sends it again
	}
}

// say answers with a status and its name, and nothing else.
func say(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }

// refused logs why a request was, but not each of many.
func (h *Handler) refused(at string, status int, err error) {
	text := h.o.Masker.Mask(err.Error())
	if h.quiet.silent(fmt.Sprintf("%s %d %s", at, status, text), h.o.Clock()) {
		return
	}
	h.o.Log.Warn("chat: a request over HTTP was refused", "address", "/dingtalk/"+at, "status", status, "error", text)
}

// robot takes a message to an outgoing robot, or to the bot of an application.
func (h *Handler) robot(r *request) error {
	sent, err := incoming.VerifyRobot(r.Header, r.conn.GetPassword(), r.now)
	if err != nil {
		return forbidden(err)
	}
	m, err := incoming.ParseMessage(r.body)
	if err != nil {
		return bad(err)
	}
	if m.Reply.URL != "" && !trusted(r.conn, m.Reply.URL) {
		h.refused("robot "+r.conn.ID, http.StatusOK, errors.New("the address for answers is none of DingTalk, and is not used: the body of a request is not signed"))
		m.Reply = incoming.Reply{}
	}
	r.answer = []byte(`{"msgtype":"empty"}`) // the answer follows through the session webhook
	return h.keep(r, chat.Received{Message: m, Sent: sent})
}

// trusted reports whether an address for answers is DingTalk's, or that of the server that the connection
// names in DingTalk's place.
func trusted(c *connections.Connection, address connections.Secret) bool {
	u, err := url.Parse(address.Reveal())
	if err != nil || u.User != nil {
		return false
	}
	if name := strings.ToLower(u.Hostname()); u.Scheme == "https" && (name == "dingtalk.com" || strings.HasSuffix(name, ".dingtalk.com")) {
		return true
	}
	places := []string{c.GetHost()}
	if extra, err := c.ExtraMap(); err == nil {
		for _, key := range []string{"api_host", "oapi_host"} {
			if texts, err := connections.ExtraTexts(extra, key); err == nil {
				places = append(places, texts...)
			}
		}
	}
	return slices.ContainsFunc(places, func(place string) bool {
		p, err := url.Parse(place)
		return err == nil && p.Host != "" && p.Host == u.Host && p.Scheme == u.Scheme
	})
}

// card takes the press of a button of a card.
func (h *Handler) card(r *request) error {
	secret, err := r.secret(CardSecret)
	if err != nil {
		return err
	}
	at, err := incoming.VerifyCard(r.Header, secret, r.now)
	if err != nil {
		return forbidden(err)
	}
	p, err := incoming.ParsePress("", at, r.body)
	if err != nil {
		return bad(err)
	}
	r.answer = []byte(`{}`)
	return h.keep(r, chat.Received{Press: p, Sent: at})
}

// event takes an encrypted event.
func (h *Handler) event(r *request) error {
	c, err := r.crypto()
	if err != nil {
		return err
	}
	plain, err := c.Open(r.URL.Query(), r.body, r.now)
	if err != nil {
		if incoming.CryptoCodeOf(err) == incoming.CryptoText {
			return bad(err)
		}
		return forbidden(err)
	}
	e, err := incoming.ParseHTTPEvent(plain)
	if err != nil {
		return bad(err)
	}
	if r.answer, err = c.Answer(r.now); err != nil {
		return err
	}
	if e.Type == incoming.CheckURL {
		return nil
	}
	return h.keep(r, chat.Received{Event: e})
}

func (h *Handler) keep(r *request, what chat.Received) error {
	_, err := h.o.Accept(r.Context(), r.app(), what)
	return err
}

// secret is a text of the extra.
func (r *request) secret(key string) (connections.Secret, error) {
	extra, err := r.conn.ExtraMap()
	if err != nil {
		return "", forbidden(err)
	}
	texts, err := connections.ExtraTexts(extra, key)
	switch {
	case err != nil:
		return "", forbidden(err)
	case len(texts) != 1:
		return "", forbidden(fmt.Errorf("connection %s has no extra.%s to verify the request with", r.conn.ID, key))
	}
	return connections.Secret(texts[0]), nil
}

// crypto decrypts the events of the connection.
func (r *request) crypto() (*incoming.Crypto, error) {
	token, err := r.secret(EventToken)
	if err != nil {
		return nil, err
	}
	key, err := r.secret(EventKey)
	if err != nil {
		return nil, err
	}
	owner := r.conn.GetLogin()
	if extra, err := r.conn.ExtraMap(); err == nil && extra[EventOwner] != nil {
		given, err := r.secret(EventOwner)
		if err != nil {
			return nil, err
		}
		owner = given.Reveal()
	}
	c, err := incoming.NewCrypto(token, key, owner)
	if err != nil {
		return nil, forbidden(err)
	}
	return c, nil
}
