package core

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"
)

// defaultQPS is DingTalk's limit for one app and one call in a second.
const defaultQPS = 20

// App is an internal application of the organisation. Its bot has the same code.
type App struct {
	// Name is shown beside its messages. It is required.
	Name string `json:"name"`
	// AppKey is also the client id and the robotCode. It is required and unique.
	AppKey string `json:"app_key"`
	// AppSecret is required.
	AppSecret string `json:"app_secret"`
	// AgentID is what work notices are sent with. It is unique.
	AgentID int64 `json:"agent_id,omitempty"`
	// Scopes are the permissions that the app has: "qyapi_get_member". Nil means all
	// of them, an empty list none.
	Scopes []string `json:"scopes"`
	// IPs are the addresses and CIDR ranges that may call. Without any, all may.
	IPs []string `json:"ips,omitempty"`
	// QPS is how often the app may make one call in a second. Zero means 20, -1 no limit.
	QPS int `json:"qps,omitempty"`
	// GroupTemplates are the templates of which the app may make scene groups.
	GroupTemplates []string `json:"group_templates,omitempty"`
	// Unpublished apps may not open a stream, and their messages have no senderStaffId.
	Unpublished bool `json:"unpublished,omitempty"`
	// NoStream says that the app has not chosen stream mode in the developer console.
	NoStream bool `json:"no_stream,omitempty"`
	// MessageURL is where messages to the bot are posted to, signed with AppSecret. Without it they come over the stream.
	MessageURL string `json:"message_url,omitempty"`
	// EventURL is where events are posted to, encrypted. Without it they come over the stream.
	EventURL string `json:"event_url,omitempty"`
	// EventToken and EventAESKey sign and encrypt events; the key has 43 characters.
	EventToken  string `json:"event_token,omitempty"`
	EventAESKey string `json:"event_aes_key,omitempty"`
}

// DemoApp returns an app for demonstrations and tests. Key and secret follow from its
// name, so they are the same at every start; change the other fields at will.
func DemoApp(name string) App {
	sum := sha256.Sum256([]byte("sandbox app " + name))
	return App{
		Name:           name,
		AppKey:         "ding" + hex.EncodeToString(sum[:8]),
		AppSecret:      hex.EncodeToString(sum[8:]),
		AgentID:        1_000_000_000 + int64(sum[0])<<16 + int64(sum[1])<<8 + int64(sum[2]),
		GroupTemplates: []string{"template-of-" + hex.EncodeToString(sum[:4])},
	}
}

func (a App) check() error {
	var errs []error
	if a.Name == "" || a.AppKey == "" || a.AppSecret == "" {
		errs = append(errs, errors.New("name, app_key and app_secret are needed"))
	}
	if a.QPS < -1 {
		errs = append(errs, errors.New("qps must not be negative, except -1 for no limit"))
	}
	for _, u := range []string{a.MessageURL, a.EventURL} {
		if u != "" && !IsHTTP(u) {
			errs = append(errs, fmt.Errorf("callback address %q must begin with http:// or https:// and name a host", u))
		}
	}
	if a.EventURL != "" && (a.EventToken == "" || len(a.EventAESKey) != aesKeyLength) {
		errs = append(errs, fmt.Errorf("event_url needs event_token and an event_aes_key of %d characters", aesKeyLength))
	}
	_, err := ParseIPs(a.IPs)
	return errors.Join(append(errs, err)...)
}

// aesKeyLength is the length of the key for events, in characters.
const aesKeyLength = 43

// IsHTTP tells whether callbacks can go to an address.
func IsHTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// ParseIPs reads addresses and CIDR ranges.
func ParseIPs(in []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, len(in))
	for i, text := range in {
		if addr, err := netip.ParseAddr(text); err == nil {
			out[i] = netip.PrefixFrom(addr, addr.BitLen())
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("ip %q is neither an address nor a CIDR range like 10.0.0.0/8", text)
		}
		out[i] = prefix
	}
	return out, nil
}

// appState is an app and what it remembers.
type appState struct {
	App
	ips []netip.Prefix
	// rates counts the requests of the last second by the name of the call.
	rates map[string]*secondRate
}

func newAppState(a App) (*appState, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	a.Scopes, a.IPs, a.GroupTemplates = slices.Clone(a.Scopes), slices.Clone(a.IPs), slices.Clone(a.GroupTemplates)
	ips, err := ParseIPs(a.IPs)
	return &appState{App: a, ips: ips, rates: map[string]*secondRate{}}, err
}

// Apps holds the apps and the tokens that they have.
type Apps struct {
	core   *Core
	list   []*appState
	tokens map[string]*accessToken
	logins logins
}

func newApps(c *Core) *Apps {
	return &Apps{core: c, tokens: map[string]*accessToken{}, logins: logins{map[string]signedIn{}, map[string]signedIn{}}}
}

func (s *Apps) byKey(key string) *appState {
	return s.find(func(a *appState) bool { return a.AppKey == key })
}

func (s *Apps) find(match func(*appState) bool) *appState { return Find(s.list, match) }

// App returns the app with a key, or nil. The caller holds the lock.
func (c *Core) App(key string) *App {
	if a := c.Apps.byKey(key); a != nil {
		return &a.App
	}
	return nil
}

// Admits tells whether an app takes calls from an address. The caller holds the lock.
func (c *Core) Admits(app *App, ip netip.Addr) bool {
	a := c.Apps.byKey(app.AppKey)
	return a != nil && a.admits(ip)
}

// AppList lists the apps in the order they were added. The caller holds the lock.
func (c *Core) AppList() []*App {
	out := make([]*App, len(c.Apps.list))
	for i, a := range c.Apps.list {
		out[i] = &a.App
	}
	return out
}

// AddApp adds an app. The error wraps [ErrExists] when the key or agent id is taken;
// otherwise it says which field makes no sense.
func (s *Apps) AddApp(a App) error {
	state, err := newAppState(a)
	if err != nil {
		return fmt.Errorf("add app %q: %w", a.Name, err)
	}
	s.core.Lock()
	defer s.core.Unlock()
	taken := s.find(func(o *appState) bool {
		return o.AppKey == a.AppKey || a.AgentID != 0 && o.AgentID == a.AgentID
	})
	if taken != nil {
		return fmt.Errorf("add app %q: key or agent id %w", a.Name, ErrExists)
	}
	s.list = append(s.list, state)
	s.core.Touch()
	return nil
}

// UpdateApp replaces the settings of the app with the same key. Its tokens stay. The
// error wraps [ErrNotFound], or says which field makes no sense.
func (s *Apps) UpdateApp(a App) error {
	state, err := newAppState(a)
	if err != nil {
		return fmt.Errorf("update app %q: %w", a.Name, err)
	}
	s.core.Lock()
	defer s.core.Unlock()
	old := s.byKey(a.AppKey)
	if old == nil {
		return fmt.Errorf("update app %q: key %w", a.Name, ErrNotFound)
	}
	state.rates = old.rates
	*old = *state
	s.core.Touch()
	return nil
}

// Apps lists the apps in the order they were added. The caller must not change the
// slices inside.
func (s *Apps) Apps() []App {
	s.core.Lock()
	defer s.core.Unlock()
	out := make([]App, len(s.list))
	for i, a := range s.list {
		out[i] = a.App
	}
	return out
}

// SetQPS sets how often an app may make one call in a second: zero means 20, -1 no
// limit. The error wraps [ErrNotFound].
func (s *Apps) SetQPS(appKey string, qps int) error {
	s.core.Lock()
	defer s.core.Unlock()
	app := s.byKey(appKey)
	if app == nil {
		return fmt.Errorf("set qps: app key %q: %w", appKey, ErrNotFound)
	}
	app.QPS = qps
	return nil
}

// secondRate counts the requests in windows of a second.
type secondRate struct {
	since time.Time
	count int
}

// allow counts a request. When it is over the limit, until tells when the window ends.
func (a *appState) allow(call string, now time.Time) (until time.Time, ok bool) {
	r := a.rates[call]
	if r == nil {
		r = &secondRate{}
		a.rates[call] = r
	}
	if now.Sub(r.since) >= time.Second {
		r.since, r.count = now, 0
	}
	r.count++
	return r.since.Add(time.Second), a.limit() < 0 || r.count <= a.limit()
}

func (a *appState) limit() int { return cmp.Or(a.QPS, defaultQPS) }

// OwnBot makes sure that the bot is the app's own.
func (c *Core) OwnBot(req *AppRequest) *Refusal {
	code := req.Text("robotCode")
	switch {
	case code == "":
		return Fail(http.StatusBadRequest, "invalidParameter.robotCode.empty", "robotCode不能为空")
	case c.App(code) == nil:
		return Fail(http.StatusBadRequest, "resource.not.found", "错误描述: robot 不存在；解决方案:请确认 robotCode 是否正确；")
	case code != req.App.AppKey:
		return Fail(http.StatusBadRequest, "invalidParameter.robotCode.auth", "应用无权使用该机器人")
	default:
		return nil
	}
}

// InvalidBotParam is what the calls of bots say of a parameter that is empty or wrong.
func InvalidBotParam() *Refusal {
	return Fail(http.StatusBadRequest, "invalidParameter.param.invalid", "参数不合法")
}
