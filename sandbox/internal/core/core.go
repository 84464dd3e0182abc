// Package core is what the families of calls share: it routes requests, checks tokens and
// parameters, writes envelopes, applies faults, and keeps the log of attempts, the
// messages and the people. A family registers its calls, its routes of the JSON API and
// its view of the page with [Core.Serve], [Core.API] and [Core.View], and keeps what it
// alone needs to itself.
package core

import (
	"cmp"
	"errors"
	"net/http"
	"sync"
	"time"
)

// The errors that callers tell apart with [errors.Is].
var (
	// ErrNotFound says that there is no such robot, message, app, person or whatever
	// else was named.
	ErrNotFound = errors.New("not found")
	// ErrExists says that a name, token or id is taken.
	ErrExists = errors.New("already exists")
)

// Core is the sandbox without a single call but those for tokens. Its lock guards
// everything, the state of the families too: a call is decided and recorded under it as
// one step, so what a test sees is never half of a request.
type Core struct {
	// Robots and Groups are what other families know. They are set before the first request.
	Robots  Robots
	Groups  Groups
	Stream  Pusher
	Replies Replies
	Talk    Talk
	Cards   Cards
	// People is the address book.
	People People
	// CorpID is the id of the organisation.
	CorpID string
	// Inbox, Faults and Apps are for those who look at the sandbox and steer it: their
	// methods take the lock themselves.
	Inbox  *Inbox
	Faults *Faults
	Apps   *Apps

	lastID uint64
	now    func() time.Time
	mux    *http.ServeMux
	calls  []Call
	views  []View

	mu sync.Mutex
}

// Robots is what the core asks of the custom robots. It is called under the lock.
type Robots interface {
	// Name returns the name of the robot with a token; empty for an unknown one.
	Name(token string) string
	// Known tells whether a robot has this name or token.
	Known(ref string) bool
	// List returns the names and groups of all.
	List() []Sender
}

// Sender is who sends messages: a robot, or the bot of an app.
type Sender struct {
	Name string
	// Group is the name of the chat that it writes to; for an app its own.
	Group string
}

// defaultCorpID is the organisation of a sandbox that was told no other.
const defaultCorpID = "dingsandboxcorp"

// New returns a core that goes by a clock and keeps so many messages and attempts.
func New(now func() time.Time, keep int) *Core {
	c := &Core{
		CorpID: defaultCorpID,
		now:    now,
		mux:    http.NewServeMux(),
		People: newPeople(),
	}
	c.Inbox, c.Faults, c.Apps = newInbox(c, keep), &Faults{core: c}, newApps(c)
	c.Serve(c.Apps.calls()...)
	c.Serve(c.Apps.loginCalls()...)
	c.mux.HandleFunc("GET /oauth2/auth", c.Apps.loginPage)
	c.mux.HandleFunc("POST /oauth2/auth", c.Apps.login)
	c.routeAPI()
	c.mux.HandleFunc("/", unknownPath)
	return c
}

// ServeHTTP answers one request. Some faults cut the connection; they do it by
// panicking with [http.ErrAbortHandler], which net/http understands.
func (c *Core) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// Handle adds a handler for a pattern of [http.ServeMux].
func (c *Core) Handle(pattern string, h http.Handler) { c.mux.Handle(pattern, h) }

// Serve adds calls of DingTalk.
func (c *Core) Serve(calls ...Call) {
	for _, call := range calls {
		c.calls = append(c.calls, call)
		c.mux.Handle(call.Pattern, c.serveCall(call))
	}
}

// Calls lists all calls in the order in which they were added.
func (c *Core) Calls() []Call { return c.calls }

// SetCorpID changes the id of the organisation, unless it is empty.
func (c *Core) SetCorpID(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.CorpID = cmp.Or(id, c.CorpID)
}

// Lock takes the lock.
func (c *Core) Lock() { c.mu.Lock() }

// Unlock gives the lock back.
func (c *Core) Unlock() { c.mu.Unlock() }

// Now is the time by the sandbox's clock.
func (c *Core) Now() time.Time { return c.now() }

// Names lists the names of calls.
func Names(calls []Call) []string {
	out := make([]string, len(calls))
	for i, c := range calls {
		out[i] = c.Name
	}
	return out
}

// Senders lists who sends messages: the robots and then the bots of the apps. The caller
// holds the lock.
func (c *Core) Senders() []Sender {
	out := c.Robots.List()
	for _, a := range c.Apps.list {
		out = append(out, Sender{Name: a.Name, Group: a.Name})
	}
	return out
}
