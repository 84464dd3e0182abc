// Package stream is the gateway of stream mode: apps open connections, over which they get
// messages to their bots, presses on cards and events.
//
// DingTalk publishes neither the words with which an app is refused that has not chosen
// stream mode or is not published, nor how a ticket is refused that was used: the words
// here are the sandbox's own, under the statuses that were seen. Nor does it publish what
// becomes of a message while an app has no connection: here it waits for one.
package stream

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const (
	// ticketLife is how long a ticket is good for.
	ticketLife = 90 * time.Second
	// maxSubscriptions bounds what one connection asks for.
	maxSubscriptions = 100
)

// Settings are how the gateway behaves without faults. A zero is the default.
type Settings struct {
	// Redeliver is after how long a delivery without an answer is sent again. The default is 60 s.
	Redeliver time.Duration
	// Ping is how often a connection gets a SYSTEM ping. The default is 60 s.
	Ping time.Duration
	// Grace is how long a connection stays open after a SYSTEM disconnect. The default is 10 s.
	Grace time.Duration
	// Seed decides which of several connections gets a delivery. The default is 1.
	Seed uint64
}

// settingsJSON is how the API writes [Settings].
type settingsJSON struct {
	Redeliver core.Duration `json:"redeliver"`
	Ping      core.Duration `json:"ping"`
	Grace     core.Duration `json:"grace"`
	Seed      uint64        `json:"seed"`
}

// MarshalJSON writes durations as text.
func (s Settings) MarshalJSON() ([]byte, error) {
	return json.Marshal(settingsJSON{core.Duration(s.Redeliver), core.Duration(s.Ping), core.Duration(s.Grace), s.Seed})
}

// UnmarshalJSON refuses unknown keys.
func (s *Settings) UnmarshalJSON(data []byte) error {
	var in settingsJSON
	if err := core.DecodeStrict(data, &in); err != nil {
		return err
	}
	*s = Settings{time.Duration(in.Redeliver), time.Duration(in.Ping), time.Duration(in.Grace), in.Seed}
	return nil
}

// or fills in what is zero.
func (s Settings) or(d Settings) Settings {
	for _, f := range []struct{ to, from *time.Duration }{{&s.Redeliver, &d.Redeliver}, {&s.Ping, &d.Ping}, {&s.Grace, &d.Grace}} {
		if *f.to == 0 {
			*f.to = *f.from
		}
	}
	if s.Seed == 0 {
		s.Seed = d.Seed
	}
	return s
}

func defaults() Settings {
	return Settings{Redeliver: time.Minute, Ping: time.Minute, Grace: 10 * time.Second, Seed: 1}
}

// Service answers the call that opens a stream, and holds the streams.
type Service struct {
	core     *core.Core
	settings Settings
	chance   *rand.Rand

	tickets map[string]*ticket
	conns   []*conn
	faults  []Fault

	// pending are deliveries without an answer, done the last ones with one; both in the order in which they came.
	pending, done []*delivery
	// frames finds the delivery of a frame by its messageId.
	frames                 map[string]*delivery
	lastDelivery, lastConn int
}

// ticket lets one connection in.
type ticket struct {
	app           *core.App
	subscriptions []Subscription
	ua            string
	expires       time.Time
	used          bool
}

// Subscription is what a connection wants to get.
type Subscription struct {
	// Type is EVENT, CALLBACK or SYSTEM.
	Type string `json:"type"`
	// Topic is "*" for EVENT and the path of the callback for CALLBACK.
	Topic string `json:"topic"`
}

// New adds the gateway to a core, and becomes its Stream.
func New(c *core.Core) *Service {
	s := &Service{core: c, tickets: map[string]*ticket{}, frames: map[string]*delivery{}}
	s.set(defaults())
	c.Stream = pusher{s}
	c.Serve(core.Call{
		Name: "stream.open", Pattern: "POST /v1.0/gateway/connections/open", Generation: core.Modern, Private: true, Decide: s.open,
	})
	c.Handle("GET /connect", http.HandlerFunc(s.connect))
	s.routeAPI()
	return s
}

func (s *Service) set(settings Settings) {
	s.settings = settings
	s.chance = rand.New(rand.NewPCG(settings.Seed, settings.Seed)) //nolint:gosec // chance that must repeat under a seed
}

// SetStream changes how the gateway behaves, and starts its choices anew. What is zero becomes
// the default. The error says which field makes no sense.
func (s *Service) SetStream(settings Settings) error {
	if min(settings.Redeliver, settings.Ping, settings.Grace) < 0 {
		return errors.New("set the stream: redeliver, ping and grace must not be negative")
	}
	s.core.Lock()
	defer s.core.Unlock()
	s.set(settings.or(defaults()))
	s.wakeAll()
	return nil
}

// Stream is how the gateway behaves.
func (s *Service) Stream() Settings {
	s.core.Lock()
	defer s.core.Unlock()
	return s.settings
}

// open gives a ticket to an app that may have a stream. The address is that by which it was asked.
//
// DingTalk docs: https://opensource.dingtalk.com/developerpedia/docs/learn/stream/protocol
func (s *Service) open(req *core.Request) core.Answer {
	app, t, r := s.admit(req)
	if r != nil {
		return r.Answer(core.Modern).Of(app)
	}
	silent, hit := s.takeFault(app.AppKey, FaultOpenSilent)
	if hit {
		a := core.Answer{Status: http.StatusOK, Silence: silent.Delay}
		a.Note.ErrorCode = "no answer"
		return a.Of(app)
	}
	for id, old := range s.tickets {
		if !req.At.Before(old.expires) {
			delete(s.tickets, id)
		}
	}
	if _, expired := s.takeFault(app.AppKey, FaultTicketExpired); expired {
		t.expires = req.At
	}
	if _, used := s.takeFault(app.AppKey, FaultTicketUsed); used {
		t.used = true
	}
	id := uuid.NewSHA1(uuid.Nil, []byte(s.core.Code(32))).String()
	s.tickets[id] = t
	endpoint := "ws" + strings.TrimPrefix(core.BaseOf(req.Request), "http") + "/connect"
	return opened(req, endpoint, id).Of(app)
}

// opened writes XML for those who do not ask for JSON, as DingTalk may.
func opened(req *core.Request, endpoint, ticketID string) core.Answer {
	accept := req.Header.Get("Accept")
	a := core.Answer{Status: http.StatusOK, ContentType: "application/json; charset=utf-8"}
	if !strings.Contains(accept, "json") && !strings.Contains(accept, "*/*") {
		type result struct {
			XMLName  xml.Name `xml:"OpenConnectionResponse"`
			Endpoint string   `xml:"endpoint"`
			Ticket   string   `xml:"ticket"`
		}
		body, err := xml.Marshal(result{Endpoint: endpoint, Ticket: ticketID})
		if err != nil {
			panic(fmt.Sprintf("sandbox: an answer does not encode: %v", err))
		}
		a.ContentType, a.Body = "application/xml; charset=utf-8", body
		return a
	}
	a.Body = core.Encode(core.Object{"endpoint": endpoint, "ticket": ticketID})
	return a
}

// openBody is the request. The keys are matched in any case, as encoding/json does it.
type openBody struct {
	ClientID      string         `json:"clientId"`
	ClientSecret  string         `json:"clientSecret"`
	Subscriptions []Subscription `json:"subscriptions"`
	UA            string         `json:"ua"`
}

// admit checks body, credentials, address and what the app lacks, in this order. DingTalk publishes none.
func (s *Service) admit(req *core.Request) (*core.App, *ticket, *core.Refusal) {
	var body openBody
	if !core.IsJSON(req.Header.Get("Content-Type")) || json.Unmarshal(req.Raw, &body) != nil {
		return nil, nil, core.Fail(http.StatusBadRequest, "Missingbody", "body is mandatory for this action.")
	}
	for name, value := range map[string]string{"clientId": body.ClientID, "clientSecret": body.ClientSecret} {
		if value == "" {
			return nil, nil, core.Fail(http.StatusBadRequest, "Missing"+name, name+" is mandatory for this action.")
		}
	}
	app := s.core.App(body.ClientID)
	switch {
	case app == nil || app.AppSecret != body.ClientSecret:
		return nil, nil, core.Fail(http.StatusUnauthorized, "authFailed", "鉴权失败")
	case !s.core.Admits(app, req.IP):
		return app, nil, core.Fail(http.StatusForbidden, "Forbidden.AccessDenied.IpNotInWhiteList",
			"访问ip不在白名单之中,request ip="+req.IP.String())
	case app.Unpublished:
		return app, nil, core.Fail(http.StatusBadRequest, "appNotPublished", "应用未发布，请在开发者后台发布版本")
	case app.NoStream:
		return app, nil, core.Fail(http.StatusBadRequest, "streamModeNotEnabled", "应用未选择Stream模式，请在开发者后台的事件与回调中选择Stream模式推送")
	case len(body.Subscriptions) == 0:
		return app, nil, core.Fail(http.StatusBadRequest, "Missingsubscriptions", "subscriptions is mandatory for this action.")
	case len(body.Subscriptions) > maxSubscriptions || slices.ContainsFunc(body.Subscriptions, Subscription.wrong):
		return app, nil, core.Fail(http.StatusBadRequest, "invalidParameter.subscriptions", "subscriptions不合法")
	}
	return app, &ticket{app: app, subscriptions: body.Subscriptions, ua: body.UA, expires: req.At.Add(ticketLife)}, nil
}

func (b Subscription) wrong() bool {
	switch b.Type {
	case core.PushEvent:
		return b.Topic != "*"
	case core.PushCallback, "SYSTEM":
		return b.Topic == ""
	default:
		return true
	}
}

// redeem uses a ticket up. The error says what is wrong with it.
func (s *Service) redeem(id string) (*ticket, error) {
	t := s.tickets[id]
	switch {
	case t == nil:
		return nil, errors.New("ticket not found")
	case t.used:
		return nil, errors.New("ticket was used")
	case !s.core.Now().Before(t.expires):
		return nil, errors.New("ticket is expired")
	}
	t.used = true
	return t, nil
}
