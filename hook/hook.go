// Package hook speaks to DingTalk. [DingdingHook] sends messages to group chats
// through custom robots, with Airflow's connection fields and message shapes, and
// [App] calls the APIs of an application, which the packages below this one declare
// for each resource; every failure is an [*Error] whose kind says what the caller can
// do about it.
//
//	h := hook.New(source)
//	defer h.CloseIdleConnections()
//	_, err := h.Send(ctx, hook.Text("the nightly load is done"))
//
// A connection of a robot has the access token, or the whole webhook address, as
// its password. Its host is optional. Its extra may hold secret (of the security
// setting "sign"), keyword (of the setting "keywords": a text or a list), timeout (seconds), proxy
// (a URL), verify (false skips the check of the server's certificate), rate (how many messages a
// minute a [Gate] lets pass, 20 unless set) and robots (connections of more robots that share its messages).
package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/internal/traced"
)

// DingdingHook sends messages to DingTalk. It is safe for concurrent use; one hook
// serves all connections and keeps their network connections open for reuse.
type DingdingHook struct {
	source     connections.Source
	base       string
	httpClient *http.Client
	now        func() time.Time
	log        *slog.Logger
	tokens     TokenStore
	gate       Gate

	shared *shared
}

// shared is what the hooks that [DingdingHook.With] makes have in common.
type shared struct {
	mu      sync.RWMutex
	robots  map[string]*robot
	clients map[network]*resty.Client
	apps    map[string]*appConn

	applications map[appKey]*application

	// turn is whose turn is next of the robots that share a connection.
	turn atomic.Uint32
}

// Option changes a hook that [New] builds.
type Option func(*DingdingHook)

// WithBaseURL sets where connections without a host lead, in place of
// [DefaultBaseURL]: for a private deployment or a local stand-in. See
// [DingdingHook.App] for what it means for apps.
func WithBaseURL(base string) Option {
	return func(h *DingdingHook) { h.base = base }
}

// WithHTTPClient sends through c in place of the hook's own client. Redirects are
// not followed all the same. Connections whose extra has proxy or verify are
// refused, as c decides about these.
func WithHTTPClient(c *http.Client) Option {
	return func(h *DingdingHook) { h.httpClient = c }
}

// WithClock sets the clock of signatures and of the life of access tokens, in place of
// the system's.
func WithClock(now func() time.Time) Option {
	return func(h *DingdingHook) { h.now = now }
}

// WithLogger sets where each body (info) and each repeated attempt and warning
// (warn) is logged. Without it nothing is.
func WithLogger(log *slog.Logger) Option {
	return func(h *DingdingHook) { h.log = log }
}

// New returns a hook that looks connections up in source.
func New(source connections.Source, opts ...Option) *DingdingHook {
	h := &DingdingHook{
		source: source,
		base:   DefaultBaseURL,
		now:    time.Now, //nolint:forbidigo // the clock of signatures starts here
		log:    slog.New(slog.DiscardHandler),
		tokens: noStore{},
		gate:   open{},
		shared: &shared{
			robots: map[string]*robot{}, clients: map[network]*resty.Client{},
			apps: map[string]*appConn{}, applications: map[appKey]*application{},
		},
	}
	for _, opt := range opts {
		opt(h)
	}
	return h
}

// With returns a hook that looks connections up in source, logs to log and shares
// everything else with h, network connections above all. It costs next to nothing:
// make one for each task.
func (h *DingdingHook) With(source connections.Source, log *slog.Logger) *DingdingHook {
	other := *h
	other.source, other.log = source, log
	return &other
}

// GetConn returns a client for the connection: its base URL, timeout, proxy and
// certificate check, and the given headers. The token is not part of it. The
// client belongs to the caller and shares the hook's network connections. An empty
// connID means [DefaultConnID]. Errors are [*Error].
func (h *DingdingHook) GetConn(ctx context.Context, connID string, headers map[string]string) (*resty.Client, error) {
	if connID == "" {
		connID = DefaultConnID
	}
	r, err := h.robot(ctx, connID)
	if err != nil {
		err.Op = "get the connection"
		return nil, err
	}
	shared := *r.client.GetClient()
	shared.Timeout = r.timeout
	return resty.NewWithClient(&shared).SetLogger(silent{}).SetBaseURL(r.base).SetHeaders(headers), nil
}

// CloseIdleConnections closes the network connections that no request is using.
// The hook stays usable.
func (h *DingdingHook) CloseIdleConnections() {
	h.shared.mu.RLock()
	defer h.shared.mu.RUnlock()
	for _, c := range h.shared.clients {
		c.GetClient().CloseIdleConnections()
	}
}

// robot is a connection made ready for sending.
type robot struct {
	settings
	client *resty.Client
	url    string // with the token
	// alone is the robot without others that share its messages.
	alone []target
	// The fields that it was built from, to see when the connection has changed.
	host, password, extra string
	port                  int
}

// robot resolves a connection. The work is done once for each state of it.
func (h *DingdingHook) robot(ctx context.Context, connID string) (*robot, *Error) {
	conn, err := h.source.Connection(ctx, connID)
	switch {
	case errors.Is(err, connections.ErrNotFound):
		return nil, &Error{Kind: KindNotFound, Err: err}
	case err != nil:
		return nil, &Error{Kind: KindUnavailable, Err: fmt.Errorf("look up the connection: %w", err)}
	}
	h.shared.mu.RLock()
	r := h.shared.robots[connID]
	h.shared.mu.RUnlock()
	if r != nil && r.builtFrom(conn) {
		return r, nil
	}
	if r, err = h.newRobot(connID, conn); err != nil {
		return nil, &Error{Kind: KindInvalid, Err: connections.About("connection", connID, err)}
	}
	h.shared.mu.Lock()
	h.shared.robots[connID] = r
	h.shared.mu.Unlock()
	return r, nil
}

func (h *DingdingHook) newRobot(connID string, conn *connections.Connection) (*robot, error) {
	s, err := parseSettings(conn, h.base)
	if err != nil {
		return nil, err
	}
	client, err := h.client(s.network)
	if err != nil {
		return nil, err
	}
	r := &robot{settings: s, client: client, url: s.base + robotPath + "?access_token=" + s.token}
	r.host, r.password, r.extra, r.port = fieldsUsed(conn)
	r.alone = []target{{r, r.gated(connID)}}
	return r, nil
}

func (r *robot) builtFrom(conn *connections.Connection) bool {
	host, password, extra, port := fieldsUsed(conn)
	return r.host == host && r.password == password && r.extra == extra && r.port == port
}

func fieldsUsed(conn *connections.Connection) (host, password, extra string, port int) {
	if conn.Host != nil {
		host = *conn.Host
	}
	if conn.Password != nil {
		password = conn.Password.Reveal()
	}
	if conn.Extra != nil {
		extra = conn.Extra.Reveal()
	}
	if conn.Port != nil {
		port = *conn.Port
	}
	return host, password, extra, port
}

// client returns the one client for a kind of network settings, so that robots on
// one host share their network connections.
func (h *DingdingHook) client(n network) (*resty.Client, error) {
	if h.httpClient != nil && (n.proxy != "" || n.skipVerify) {
		return nil, errors.New("extra.proxy and extra.verify cannot be set: the program brings its own HTTP client")
	}
	h.shared.mu.Lock()
	defer h.shared.mu.Unlock()
	if c := h.shared.clients[n]; c != nil {
		return c, nil
	}
	hc := &http.Client{}
	if h.httpClient != nil {
		*hc = *h.httpClient
	} else {
		t, err := newTransport(n)
		if err != nil {
			return nil, err
		}
		hc.Transport = traced.Transport(t)
	}
	hc.CheckRedirect = noRedirect
	c := resty.NewWithClient(hc).SetLogger(silent{}).
		SetHeaders(map[string]string{"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "dingdag"})
	h.shared.clients[n] = c
	return c, nil
}

// mask takes the robot's credentials out of a text that came from outside, such as
// an error page that repeats the address.
func (r *robot) mask(text, address string) string {
	_, query, _ := strings.Cut(address, "?")
	for part := range strings.SplitSeq(query, "&") {
		_, value, _ := strings.Cut(part, "=")
		text = replaceSecret(text, value)
		if plain, err := url.QueryUnescape(value); err == nil {
			text = replaceSecret(text, plain)
		}
	}
	return replaceSecret(text, r.secret)
}

// replaceSecret leaves very short values alone: they are no credentials of
// DingTalk's, and would tear holes into any text.
func replaceSecret(text, secret string) string {
	if len(secret) < 4 {
		return text
	}
	return strings.ReplaceAll(text, secret, "***")
}

// silent keeps resty from printing to standard error.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
