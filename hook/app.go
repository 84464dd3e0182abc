package hook

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/go-resty/resty/v2"
	"golang.org/x/time/rate"

	"github.com/dingdag/dingdag/connections"
)

// DefaultAppConnID is the connection of an app that is used when none is named.
const DefaultAppConnID = "dingtalk_default"

// App calls the APIs of DingTalk as one application of an organisation. It is a small
// handle: make one with [DingdingHook.App] where it is needed. It is safe for
// concurrent use.
//
// Access tokens are fetched when they are needed, kept for all that use the same
// application, refreshed five to ten minutes before they end, and fetched once more
// when DingTalk refuses one. Calls are spread to the connection's qps. What is safe to
// send twice is repeated, up to three attempts in all, when DingTalk is busy or gave no
// answer; any other call only when DingTalk surely did nothing.
//
// All errors are [*Error]. One of kind uncertain says that something was to be changed
// and perhaps was.
type App struct {
	hook   *DingdingHook
	connID string
}

// App returns the application of a connection, [DefaultAppConnID] when connID is
// empty. The connection has the AppKey as login and the AppSecret as password. Its
// host is optional: a domain such as api.dingtalk.io stands for its sibling
// oapi.dingtalk.io too, any other one serves both generations of the API. Its extra may
// hold
//
//	api_host, oapi_host   base URLs of the two generations
//	robot_code            the app's bot, by default the AppKey
//	agent_id              sends work notices
//	operator_user_id      the userid that calls on documents act as
//	qps                   calls a second, by default 20; 0 for no limit
//	timeout, proxy, verify as for robots
//
// The connection is looked up with each call, so that a change of it takes effect.
func (h *DingdingHook) App(connID string) *App {
	if connID == "" {
		connID = DefaultAppConnID
	}
	return &App{hook: h, connID: connID}
}

// ConnID is the id of the connection.
func (a *App) ConnID() string { return a.connID }

// appConn is a connection made ready for calls.
type appConn struct {
	appSettings
	*application
	client *resty.Client
	from   appFields
}

// application is what connections to one application have in common.
type application struct {
	tokens   [2]*tokenSource // by generation
	limiter  *rate.Limiter
	unionIDs sync.Map // userid to unionId
}

// appKey tells applications apart.
type appKey struct {
	base                 [2]string
	appKey, secret, rate string
}

// conn resolves the connection. The work is done once for each state of it.
func (a *App) conn(ctx context.Context) (*appConn, *Error) {
	h := a.hook
	conn, err := h.source.Connection(ctx, a.connID)
	switch {
	case errors.Is(err, connections.ErrNotFound):
		return nil, &Error{Kind: KindNotFound, Err: err}
	case err != nil:
		return nil, &Error{Kind: KindUnavailable, Err: fmt.Errorf("look up the connection: %w", err)}
	}
	from := appFieldsOf(conn)
	h.shared.mu.RLock()
	c := h.shared.apps[a.connID]
	h.shared.mu.RUnlock()
	if c != nil && c.from == from {
		return c, nil
	}
	if c, err = h.newAppConn(conn, from); err != nil {
		return nil, &Error{Kind: KindInvalid, Err: connections.About("connection", a.connID, err)}
	}
	h.shared.mu.Lock()
	h.shared.apps[a.connID] = c
	h.shared.mu.Unlock()
	return c, nil
}

func (h *DingdingHook) newAppConn(conn *connections.Connection, from appFields) (*appConn, error) {
	s, err := parseAppSettings(conn, h.base)
	if err != nil {
		return nil, err
	}
	robots, err := h.client(s.network)
	if err != nil {
		return nil, err
	}
	// Calls without a body must have no content type, so the headers differ.
	client := resty.NewWithClient(robots.GetClient()).SetLogger(silent{}).
		SetHeaders(map[string]string{"Accept": "application/json", "User-Agent": "dingdag"})
	return &appConn{appSettings: s, application: h.application(s), client: client, from: from}, nil
}

// application returns the one application of the settings.
func (h *DingdingHook) application(s appSettings) *application {
	key := appKey{base: s.base, appKey: s.appKey, secret: s.appSecret, rate: strconv.FormatFloat(s.qps, 'g', -1, 64)}
	h.shared.mu.Lock()
	defer h.shared.mu.Unlock()
	if app := h.shared.applications[key]; app != nil {
		return app
	}
	app := &application{limiter: newLimiter(s.qps)}
	for _, g := range []Generation{LegacyAPI, NewAPI} {
		app.tokens[g] = &tokenSource{store: h.tokens, key: tokenKey(s, g), now: h.now}
	}
	h.shared.applications[key] = app
	return app
}

// newLimiter spreads calls evenly: DingTalk counts in windows of a second, and a burst
// beside a full window would be refused.
func newLimiter(qps float64) *rate.Limiter {
	if qps == 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(qps), 1)
}

// RobotCode is the code of the app's bot: robot_code of the connection's extra, or the
// AppKey, which it equals for bots of internal apps.
func (a *App) RobotCode(ctx context.Context) (string, error) {
	c, err := a.conn(ctx)
	if err != nil {
		return "", a.Failed("find the robot code", err)
	}
	return c.robotCode, nil
}

// Login is what people who sign in with DingTalk are sent there with: the address of the API, and the credentials.
func (a *App) Login(ctx context.Context) (base, key string, secret connections.Secret, err error) {
	c, e := a.conn(ctx)
	if e != nil {
		return "", "", "", a.Failed("find the credentials", e)
	}
	return c.base[NewAPI], c.appKey, connections.Secret(c.appSecret), nil
}

// Failed finishes an error: it says what was being done and with which connection.
func (a *App) Failed(op string, err *Error) error {
	err.Op = fmt.Sprintf("%s through %q", op, a.connID)
	return err
}

// Invalid is the error of arguments that no request was made with.
func (a *App) Invalid(op string, err error) error {
	return a.Failed(op, &Error{Kind: KindInvalid, Err: err})
}
