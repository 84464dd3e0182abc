package stream

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const (
	// maxFrame bounds what a client may send in one frame, in bytes.
	maxFrame = 1 << 20
	// writePatience is how long a client may take to take a frame.
	writePatience = 10 * time.Second
	// maxSilentPings is how many SYSTEM pings may stay without an answer.
	maxSilentPings = 2
)

var (
	errHungUp  = errors.New("hung up by a fault")
	errLeft    = errors.New("the time after a disconnect frame is over")
	errDropped = errors.New("closed from outside")
	errSilent  = errors.New("no answer to pings")
)

// Connection is an open stream.
type Connection struct {
	ID string `json:"id"`
	// App is an app key.
	App           string         `json:"app"`
	Since         time.Time      `json:"since"`
	UA            string         `json:"ua,omitempty"`
	Subscriptions []Subscription `json:"subscriptions"`
	// Leaving connections were told to go, and get nothing more.
	Leaving bool `json:"leaving,omitempty"`
}

type conn struct {
	id            string
	app           *core.App
	base, ua      string
	subscriptions []Subscription
	since         time.Time

	queue     []item
	wake      chan struct{}
	end       func(error)
	leaving   bool
	lastFrame int
	// pings are those without an answer.
	pings    []string
	nextPing time.Time
}

// item is a frame that waits to be written.
type item struct {
	frame  []byte
	of     *delivery
	delay  time.Duration
	hangUp bool
	// last closes the connection so long after the frame.
	last bool
}

func (c *conn) wants(kind, topic string) bool {
	return slices.ContainsFunc(c.subscriptions, func(b Subscription) bool {
		return b.Type == kind && (b.Topic == topic || kind == core.PushEvent)
	})
}

// push queues a frame. The caller holds the lock.
func (c *conn) push(i item) {
	c.queue = append(c.queue, i)
	c.rouse()
}

func (c *conn) rouse() {
	select {
	case c.wake <- struct{}{}:
	default: // it is awake
	}
}

func (s *Service) wakeAll() {
	for _, c := range s.conns {
		c.rouse()
	}
}

// frame writes a frame. Every value of the headers is a text.
func (c *conn) frame(kind, topic, messageID string, now time.Time, headers map[string]string, data []byte) []byte {
	headers["topic"], headers["messageId"], headers["contentType"] = topic, messageID, "application/json"
	headers["time"], headers["connectionId"] = millis(now), c.id
	return core.Encode(struct {
		SpecVersion string            `json:"specVersion"`
		Type        string            `json:"type"`
		Headers     map[string]string `json:"headers"`
		Data        string            `json:"data"`
	}{"1.0", kind, headers, string(data)})
}

// connect upgrades a request with a ticket, and returns when the connection has ended.
func (s *Service) connect(w http.ResponseWriter, r *http.Request) {
	s.core.Lock()
	t, err := s.redeem(r.URL.Query().Get("ticket"))
	noPong := false
	if err == nil {
		_, noPong = s.takeFault(t.app.AppKey, FaultNoPong)
	}
	s.core.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	raw := &hijacked{ResponseWriter: w}
	ws, err := websocket.Accept(raw, r, &websocket.AcceptOptions{
		OnPingReceived: func(context.Context, []byte) bool { return !noPong },
	})
	if err != nil {
		return // it has answered
	}
	ws.SetReadLimit(maxFrame)
	ctx, end := context.WithCancelCause(r.Context())
	c := s.join(t, core.BaseOf(r), end)
	written := make(chan struct{})
	go func() {
		defer close(written)
		end(s.write(ctx, c, ws, raw.conn))
	}()
	end(s.read(ctx, c, ws))
	_ = ws.CloseNow() // it is over; the other side may have closed it
	<-written
	s.leave(c)
}

// hijacked keeps the connection below a WebSocket.
type hijacked struct {
	http.ResponseWriter

	conn net.Conn
}

// Hijack takes the connection over from the server.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, rw, err
}

func (s *Service) join(t *ticket, base string, end func(error)) *conn {
	s.core.Lock()
	defer s.core.Unlock()
	s.lastConn++
	now := s.core.Now()
	c := &conn{
		id: fmt.Sprintf("%08x_%d", now.UnixMilli()&0xffffffff, s.lastConn), app: t.app, base: base, ua: t.ua, subscriptions: t.subscriptions,
		since: now, wake: make(chan struct{}, 1), end: end, nextPing: now.Add(s.settings.Ping),
	}
	s.conns = append(s.conns, c)
	s.dispatch()
	s.core.Touch()
	return c
}

// leave forgets a connection. What it was to write goes to another at once.
func (s *Service) leave(c *conn) {
	s.core.Lock()
	defer s.core.Unlock()
	s.conns = slices.DeleteFunc(s.conns, func(o *conn) bool { return o == c })
	now := s.core.Now()
	for _, i := range c.queue {
		if i.of != nil {
			i.of.due = now
		}
	}
	c.queue = nil
	s.dispatch()
	s.wakeAll()
	s.core.Touch()
}

// write writes what is queued, until the connection ends. The error is why it did.
func (s *Service) write(ctx context.Context, c *conn, ws *websocket.Conn, raw net.Conn) error {
	for {
		s.core.Lock()
		err := s.ping(c)
		s.dispatch()
		queue := c.queue
		if len(queue) > 0 {
			queue = queue[:1]
		}
		wait := max(min(s.untilDue(), c.nextPing.Sub(s.core.Now())), time.Millisecond)
		s.core.Unlock()
		if err != nil {
			return err
		}
		if len(queue) == 0 {
			if !pause(ctx, c.wake, wait) {
				return context.Cause(ctx)
			}
			continue
		}
		if err := s.writeItem(ctx, c, ws, raw, queue[0]); err != nil {
			return err
		}
	}
}

// pause waits to be woken, at most so long. It returns false when ctx is done.
func pause(ctx context.Context, wake <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

func (s *Service) writeItem(ctx context.Context, c *conn, ws *websocket.Conn, raw net.Conn, i item) error {
	if i.delay > 0 && !pause(ctx, nil, i.delay) {
		return context.Cause(ctx)
	}
	switch {
	case i.hangUp:
		s.written(c)
		return errors.Join(errHungUp, writeHalf(raw, i.frame))
	case i.last:
		return errLeft
	}
	writing, cancel := context.WithTimeout(ctx, writePatience)
	defer cancel()
	err := ws.Write(writing, websocket.MessageText, i.frame)
	if err == nil {
		s.written(c)
	}
	return err
}

// written takes the first frame out of the queue.
func (s *Service) written(c *conn) {
	s.core.Lock()
	defer s.core.Unlock()
	c.queue = c.queue[1:]
}

// writeHalf writes the head of a frame and half of what it announces. It does not go through the
// WebSocket, which would write it whole.
func writeHalf(raw net.Conn, frame []byte) error {
	head := []byte{0x81, 127}
	head = binary.BigEndian.AppendUint64(head, uint64(len(frame)))
	_, err := raw.Write(append(head, frame[:len(frame)/2]...))
	return errors.Join(err, raw.Close())
}

// ping asks a client for a sign of life when it is time. The caller holds the lock.
func (s *Service) ping(c *conn) error {
	now := s.core.Now()
	if now.Before(c.nextPing) || c.leaving {
		if c.leaving {
			c.nextPing = now.Add(s.settings.Ping)
		}
		return nil
	}
	if len(c.pings) >= maxSilentPings {
		return errSilent
	}
	id := s.messageID(c)
	c.pings = append(c.pings, id)
	c.nextPing = now.Add(s.settings.Ping)
	data := core.Encode(core.Object{"opaque": s.core.Code(16)})
	c.push(item{frame: c.frame("SYSTEM", "ping", id, now, map[string]string{}, data)})
	return nil
}

// disconnect tells a connection to go. The caller holds the lock.
func (s *Service) disconnect(c *conn, grace time.Duration) {
	c.leaving = true
	data := core.Encode(core.Object{"reason": "connection is expired"})
	c.push(item{frame: c.frame("SYSTEM", "disconnect", s.messageID(c), s.core.Now(), map[string]string{}, data)})
	c.push(item{last: true, delay: grace})
	s.core.Touch()
}

// clientFrame is what a client sends.
type clientFrame struct {
	Code    int               `json:"code"`
	Headers map[string]string `json:"headers"`
	Message string            `json:"message"`
	Data    string            `json:"data"`
}

// read takes answers until the connection ends. The error is why it did. A frame that is none is
// passed over: DingTalk does not publish what it does with one.
func (s *Service) read(ctx context.Context, c *conn, ws *websocket.Conn) error {
	for {
		kind, raw, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		var f clientFrame
		if kind != websocket.MessageText || json.Unmarshal(raw, &f) != nil {
			continue
		}
		s.take(c, f)
	}
}

func (s *Service) take(c *conn, f clientFrame) {
	s.core.Lock()
	defer s.core.Unlock()
	id := f.Headers["messageId"]
	if slices.Contains(c.pings, id) {
		c.pings = nil
		return
	}
	if s.answer(c, id, core.PushAnswer{Code: f.Code, Message: f.Message, Data: f.Data}) {
		c.rouse()
	}
}

// Connections lists the open streams in the order in which they came.
func (s *Service) Connections() []Connection {
	s.core.Lock()
	defer s.core.Unlock()
	return s.connections()
}

func (s *Service) connections() []Connection {
	out := make([]Connection, len(s.conns))
	for i, c := range s.conns {
		out[i] = Connection{ID: c.id, App: c.app.AppKey, Since: c.since, UA: c.ua, Subscriptions: c.subscriptions, Leaving: c.leaving}
	}
	return out
}

// Disconnect sends a SYSTEM disconnect to the connections of an app, or to all without an app key, and
// returns how many there were. They are closed after the grace of the settings.
func (s *Service) Disconnect(appKey string) int {
	return s.each(appKey, func(c *conn) { s.disconnect(c, s.settings.Grace) })
}

// HangUp closes the connections of an app, or all without an app key, without a word, and returns how many there were.
func (s *Service) HangUp(appKey string) int {
	return s.each(appKey, func(c *conn) {
		c.leaving = true
		c.end(errDropped)
	})
}

func (s *Service) each(appKey string, do func(*conn)) int {
	s.core.Lock()
	defer s.core.Unlock()
	n := 0
	for _, c := range s.conns {
		if !c.leaving && (appKey == "" || c.app.AppKey == appKey) {
			do(c)
			n++
		}
	}
	return n
}

// WaitConnections waits until an app, or any without an app key, has so many connections that get
// deliveries, and returns them. When ctx is done first, the error wraps the cause.
func (s *Service) WaitConnections(ctx context.Context, appKey string, n int) ([]Connection, error) {
	for {
		s.core.Lock()
		var found []Connection
		for _, c := range s.connections() {
			if !c.Leaving && (appKey == "" || c.App == appKey) {
				found = append(found, c)
			}
		}
		changed := s.core.Changed()
		s.core.Unlock()
		if len(found) == n {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, fmt.Errorf("wait for %d connections, there are %d: %w", n, len(found), context.Cause(ctx))
		}
	}
}
