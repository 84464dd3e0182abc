// Package stream receives what DingTalk sends to an application in stream mode: over a connection
// that the application opens, so that nothing of it has to be reachable from outside.
//
//	client := stream.New(stream.Options{App: h.App(""), Handle: handle})
//	err := client.Run(ctx)
//
// What arrives is accepted, acknowledged and then handled, in this order: DingTalk delivers again
// what is not acknowledged within about a minute, and handling may take longer. Each message is
// handled once, and those of one conversation one after another.
//
// An application that has several connections gets each message over one of them, at random: run
// one client.
package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/dingdag/dingdag/hook"
)

// Defaults of [Options].
const (
	DefaultWorkers  = 16
	DefaultPending  = 1000
	DefaultPing     = 30 * time.Second
	DefaultPong     = 5 * time.Second
	DefaultGrace    = 10 * time.Second
	DefaultRemember = 10_000
)

const (
	openTimeout  = 10 * time.Second // of the call and of the handshake, each
	writeTimeout = 10 * time.Second
	// firstPause and lastPause bound the wait before another connection. It doubles.
	firstPause, lastPause = time.Second, time.Minute
	// healthy is how long a connection has to last for the next one to come soon.
	healthy = 10 * time.Second
	// Messages have 20,000 bytes and lists of people some more; JSON inside JSON at most doubles that.
	maxFrame = 8 << 20
)

// Options say what a [Client] does. Only App and one of Accept and Handle are required.
type Options struct {
	// App is the application.
	App *hook.App
	// Topics are what to receive; nil means messages, presses and events.
	Topics []string
	// Accept is called with everything that arrives, one after another and in the order of
	// arrival, before DingTalk gets the acknowledgement. It keeps what came, and reports whether
	// it came for the first time. After an error DingTalk delivers again. Nil means that the
	// last Remember keys are kept in memory.
	Accept func(ctx context.Context, r *Received) (first bool, err error)
	// Handle is called with what came for the first time, after the acknowledgement: one after
	// another in each conversation, and at most Workers at once. Its error is logged, and so is a
	// panic. Nil means that Accept does it all.
	Handle func(ctx context.Context, r *Received) error
	// Workers is how many calls of Handle run at once. While Pending wait for their turn, nothing
	// is accepted.
	Workers, Pending int
	// Remember is how many keys are kept in memory.
	Remember int
	// Ping is how often the connection is tried, Pong how long the answer may take; after that it
	// counts as dead.
	Ping, Pong time.Duration
	// Grace is how long Run waits at its end for calls of Handle, before their contexts end.
	Grace time.Duration
	// KeepTrying goes on when DingTalk refuses the application, once a minute, since its settings
	// may be put right meanwhile. Otherwise Run returns what is to be changed.
	KeepTrying bool
	// State is told when a connection is there, and when none is; it must not block.
	State func(State)
	// Log is where connections, refusals and failed handlers are logged; nil means nowhere. It
	// gets no secret and no content of messages.
	Log *slog.Logger
	// Now and Jitter are the clock and numbers from 0 up to 1 that spread attempts to connect, in
	// place of the system's.
	Now    func() time.Time
	Jitter func() float64
}

// State says whether an application is connected.
type State struct {
	Connected bool
	Since     time.Time
	// Err is why not.
	Err error
}

// Client receives. Make one with [New].
type Client struct {
	Options

	seen memory
}

// New returns a client. It panics without an App or without a use for what comes, which is a
// mistake of the program.
func New(o Options) *Client {
	if o.App == nil || o.Accept == nil && o.Handle == nil {
		panic("stream: App, and Accept or Handle, are required")
	}
	c := &Client{Options: withDefaults(o)}
	c.seen.most = c.Remember
	return c
}

func withDefaults(o Options) Options {
	positive := func(n *int, fallback int) {
		if *n <= 0 {
			*n = fallback
		}
	}
	some := func(d *time.Duration, fallback time.Duration) {
		if *d <= 0 {
			*d = fallback
		}
	}
	if o.Topics == nil {
		o.Topics = []string{TopicMessage, TopicPress, TopicEvent}
	}
	positive(&o.Workers, DefaultWorkers)
	positive(&o.Pending, DefaultPending)
	positive(&o.Remember, DefaultRemember)
	some(&o.Ping, DefaultPing)
	some(&o.Pong, DefaultPong)
	some(&o.Grace, DefaultGrace)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.State == nil {
		o.State = func(State) {}
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the clock starts here
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	return o
}

// Run receives until ctx ends, and then returns nil: once nothing is accepted any more, and
// calls of Handle have returned or had their Grace. It connects again whenever a connection
// ends, and returns an error only when DingTalk refuses the application for a reason that stays:
// an [*hook.Error], whose Remedy says what to click.
func (c *Client) Run(ctx context.Context) error {
	handling, stopHandling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHandling()
	receiving, stopReceiving := context.WithCancel(ctx)
	s := &session{Client: c, queue: newQueue(handling, c.Workers, c.Pending, c.handle)}
	err := s.keepConnected(receiving)
	stopReceiving()
	s.links.Wait()
	grace := time.AfterFunc(c.Grace, stopHandling)
	s.queue.wait()
	grace.Stop()
	return err
}

// session is one [Client.Run].
type session struct {
	*Client
	queue *queue
	// links are the connections that have not ended.
	links sync.WaitGroup
	// accepting keeps two connections from accepting at once.
	accepting sync.Mutex
}

// keepConnected holds one connection open, or two while one takes the place of another.
func (s *session) keepConnected(ctx context.Context) error {
	var current *link
	var pause backoff
	for ctx.Err() == nil {
		next, err := s.connect(ctx)
		switch {
		case ctx.Err() != nil:
			if next != nil {
				next.end()
			}
			return nil
		case err != nil && final(err) && !s.KeepTrying:
			return err
		case err != nil:
			if final(err) {
				pause.most()
			}
			wait := pause.next(s.Jitter())
			s.Log.LogAttrs(ctx, slog.LevelWarn, "stream: cannot connect", slog.String("error", err.Error()), slog.Duration("next_attempt_in", wait))
			if current == nil || current.over() {
				s.State(State{Since: s.Now(), Err: err})
			}
			if !sleep(ctx, wait) {
				return nil
			}
			continue
		}
		s.Log.LogAttrs(ctx, slog.LevelInfo, "stream: connected", slog.String("conn_id", s.App.ConnID()))
		s.State(State{Connected: true, Since: s.Now()})
		if current != nil {
			current.drain()
		}
		current = next
		wait, ok := s.await(ctx, current, &pause)
		if !ok || !sleep(ctx, wait) {
			return nil
		}
	}
	return nil
}

// await waits until a connection has to be followed by another one, and says how long to wait
// before that. It is false when ctx ends.
func (s *session) await(ctx context.Context, l *link, pause *backoff) (time.Duration, bool) {
	select {
	case <-ctx.Done():
		return 0, false
	case <-l.leaving:
		pause.reset() // it works
		if l.lasted() {
			return 0, true
		}
		return pause.next(s.Jitter()), true
	case <-l.ended:
	}
	if l.lasted() || l.asked() {
		pause.reset()
	}
	if ctx.Err() != nil {
		return 0, false
	}
	wait := pause.next(s.Jitter())
	s.Log.LogAttrs(ctx, slog.LevelWarn, "stream: the connection ended", slog.String("reason", l.err.Error()), slog.Duration("next_attempt_in", wait))
	s.State(State{Since: s.Now(), Err: l.err})
	return wait, true
}

// backoff spaces attempts to connect.
type backoff struct{ failures int }

func (b *backoff) reset() { b.failures = 0 }
func (b *backoff) most()  { b.failures = 16 }

// next is between half of the pause and all of it.
func (b *backoff) next(jitter float64) time.Duration {
	pause := min(firstPause<<min(b.failures, 16), lastPause)
	b.failures++
	return pause/2 + time.Duration(jitter*float64(pause/2))
}

// final reports that DingTalk refuses the application, or the connection makes no sense.
func final(err error) bool {
	switch hook.KindOf(err) {
	case hook.KindAuth, hook.KindInvalid, hook.KindNotFound:
		return true
	default:
		return false
	}
}

// subscriptions are what the gateway is asked for.
func subscriptions(topics []string) []hook.Subscription {
	all := make([]hook.Subscription, len(topics))
	for i, topic := range topics {
		all[i] = hook.Subscription{Type: typeCallback, Topic: topic}
		if topic == TopicEvent {
			all[i].Type = typeEvent
		}
	}
	return all
}

// connect opens a connection, with a new ticket.
func (s *session) connect(ctx context.Context) (*link, error) {
	conn, err := dial(ctx, &s.Options)
	if err != nil {
		return nil, err
	}
	return s.start(ctx, conn), nil
}

func dial(ctx context.Context, o *Options) (*websocket.Conn, error) {
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	gateway, err := o.App.OpenGateway(opening, subscriptions(o.Topics))
	if err != nil {
		return nil, err
	}
	address, err := gatewayAddress(gateway)
	if err != nil {
		return nil, refused(o, 0, err)
	}
	dialing, cancelDialing := context.WithTimeout(ctx, openTimeout)
	defer cancelDialing()
	conn, resp, err := websocket.Dial(dialing, address, &websocket.DialOptions{HTTPClient: gateway.Client}) //nolint:bodyclose // the library closes it
	if err != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
			err = nil // what the library says repeats the status
		}
		return nil, refused(o, status, hideTicket(err, gateway))
	}
	conn.SetReadLimit(maxFrame)
	return conn, nil
}

// gatewayAddress is the endpoint with the ticket.
func gatewayAddress(g *hook.Gateway) (string, error) {
	u, err := url.Parse(g.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "wss" && u.Scheme != "ws" {
		return "", errors.New("the endpoint that the gateway names is not the address of a WebSocket")
	}
	query := u.Query()
	query.Set("ticket", g.Ticket.Reveal())
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// refused is the error of a handshake.
func refused(o *Options, status int, err error) error {
	e := &hook.Error{Kind: hook.KindUnavailable, HTTPStatus: status, Message: "no connection", Err: err}
	if status != 0 && status != http.StatusSwitchingProtocols {
		e.Message = "the gateway did not take the ticket, or something between here and it does not pass WebSockets on"
	}
	return o.App.Failed("connect to the gateway", e)
}

// hideTicket takes the ticket, which stands in the address, out of an error.
func hideTicket(err error, g *hook.Gateway) error {
	if err == nil {
		return nil
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	text := err.Error()
	for _, form := range []string{g.Ticket.Reveal(), url.QueryEscape(g.Ticket.Reveal())} {
		text = strings.ReplaceAll(text, form, "***")
	}
	return errors.New(text)
}

// Check opens a connection once and closes it. Its error is that of [Client.Run]: an
// [*hook.Error], whose Remedy says what to click. What DingTalk delivers over it in that moment
// comes again later.
func Check(ctx context.Context, o Options) error {
	o = withDefaults(o)
	conn, err := dial(ctx, &o)
	if err != nil {
		return err
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		o.Log.LogAttrs(ctx, slog.LevelDebug, "stream: the connection did not close well", slog.String("error", err.Error()))
	}
	return nil
}

// handle calls Handle, whose panic is an error.
func (c *Client) handle(ctx context.Context, r *Received) {
	if err := guard(func() error { return c.Handle(ctx, r) }); err != nil {
		c.Log.LogAttrs(ctx, slog.LevelError, "stream: a handler failed", slog.String("topic", r.Topic), slog.String("id", r.Key()), slog.String("error", err.Error()))
	}
}

// PanicError is a panic of a handler.
type PanicError struct {
	Value any
	Stack []byte
}

// Error tells the value and where it came from.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
