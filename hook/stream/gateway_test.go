package stream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/stream"
)

// Credentials that must appear nowhere.
const (
	appSecret = "app-s3cr3t"
	ticketTag = "t1ck3t+/"
	session   = "https://oapi.dingtalk.com/robot/sendBySession?session=s3ss10n"
)

// pipes is a network without sockets, so that a bubble's clock moves while all wait.
type pipes struct {
	incoming chan net.Conn
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.incoming:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, a := net.Pipe()
	b, there := net.Pipe()
	select {
	case p.incoming <- there:
		go relay(a, b)
		go relay(b, a)
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// relay gives a pipe the buffer of a socket.
func relay(from, to net.Conn) {
	buffer := make(chan []byte, 1<<10)
	go func() {
		defer from.Close()
		defer to.Close()
		for data := range buffer {
			if _, err := to.Write(data); err != nil {
				from.Close()
			}
		}
	}()
	defer close(buffer)
	for {
		data := make([]byte, 1<<16)
		n, err := from.Read(data)
		if err != nil {
			return
		}
		buffer <- data[:n]
	}
}

// gateway is DingTalk's gateway as the protocol page describes it.
type gateway struct {
	t *testing.T

	mu      sync.Mutex
	opened  []time.Time
	bodies  []map[string]any
	accept  []string
	tickets map[string]bool
	peers   []*peer
	// refuse answers the open call when it is set; handshake the upgrade.
	refuse    func(http.ResponseWriter)
	handshake func(http.ResponseWriter)
	endpoint  string
	noPong    bool
}

// peer is the gateway's side of a connection.
type peer struct {
	conn *websocket.Conn
	raw  net.Conn

	mu      sync.Mutex
	answers []map[string]any
	// closed is when the connection ended, and how.
	closed time.Time
	status websocket.StatusCode
}

type rawKey struct{}

// start runs a gateway in the bubble of the test and returns the application that uses it.
func start(t *testing.T) (*gateway, *hook.App) {
	t.Helper()
	g := &gateway{t: t, tickets: map[string]bool{}, endpoint: "ws://gateway.test:443/connect"}
	p := &pipes{incoming: make(chan net.Conn), closed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1.0/gateway/connections/open", g.open)
	mux.HandleFunc("GET /connect", g.connect)
	server := &http.Server{Handler: mux, ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, rawKey{}, c)
	}}
	go server.Serve(p)
	h := hook.New(connections.Static{hook.DefaultAppConnID: {
		Type: "dingtalk", Login: new("dingapp"), Password: new(connections.Secret(appSecret)),
	}}, hook.WithBaseURL("http://gateway.test"), hook.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: p.dial}}))
	t.Cleanup(func() {
		h.CloseIdleConnections()
		g.each(func(p *peer) { p.conn.CloseNow() })
		close(p.closed)
		server.Close()
		synctest.Wait()
	})
	return g, h.App("")
}

func (g *gateway) open(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = append(g.opened, time.Now())
	g.accept = append(g.accept, r.Header.Get("Accept"))
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		g.t.Errorf("the body of the open call: %v", err)
	}
	g.bodies = append(g.bodies, body)
	if g.refuse != nil {
		g.refuse(w)
		return
	}
	ticket := ticketTag + strconv.Itoa(len(g.opened))
	g.tickets[ticket] = true
	fmt.Fprintf(w, `{"endpoint":%q,"ticket":%q}`, g.endpoint, ticket)
}

func (g *gateway) connect(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	ticket := r.URL.Query().Get("ticket")
	good, handshake := g.tickets[ticket], g.handshake
	delete(g.tickets, ticket)
	noPong := g.noPong
	g.mu.Unlock()
	if handshake != nil {
		handshake(w)
		return
	}
	if !good {
		http.Error(w, "ticket "+ticket+" was used", http.StatusUnauthorized)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OnPingReceived: func(context.Context, []byte) bool { return !noPong }})
	if err != nil {
		return
	}
	p := &peer{conn: conn, raw: r.Context().Value(rawKey{}).(net.Conn)}
	g.mu.Lock()
	g.peers = append(g.peers, p)
	g.mu.Unlock()
	for {
		_, data, err := conn.Read(context.WithoutCancel(r.Context()))
		p.mu.Lock()
		if err != nil {
			p.closed, p.status = time.Now(), websocket.CloseStatus(err)
			p.mu.Unlock()
			return
		}
		var a map[string]any
		if err := json.Unmarshal(data, &a); err != nil {
			g.t.Errorf("an answer: %v", err)
		}
		p.answers = append(p.answers, a)
		p.mu.Unlock()
	}
}

func (g *gateway) each(f func(*peer)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.peers {
		f(p)
	}
}

// peer is the n-th connection, after everything has settled.
func (g *gateway) peer(n int) *peer {
	g.t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	require.Greater(g.t, len(g.peers), n, "there is no such connection")
	return g.peers[n]
}

func (g *gateway) connected() int {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.peers)
}

func (g *gateway) opens() []time.Time {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]time.Time(nil), g.opened...)
}

func (p *peer) over() (time.Time, websocket.StatusCode) {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed, p.status
}

// answer is the answer to a frame, nil for none.
func (p *peer) answer(id string) map[string]any {
	synctest.Wait()
	return p.answered(id)
}

func (p *peer) answered(id string) map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.answers {
		if a["headers"].(map[string]any)["messageId"] == id {
			return a
		}
	}
	return nil
}

// send sends a frame; a connection that has ended takes none.
func (p *peer) send(typ, topic, id, data string, headers ...string) {
	h := map[string]string{"topic": topic, "messageId": id, "contentType": "application/json", "time": strconv.FormatInt(time.Now().UnixMilli(), 10)}
	for i := 0; i < len(headers); i += 2 {
		h[headers[i]] = headers[i+1]
	}
	frame, _ := json.Marshal(map[string]any{"specVersion": "1.0", "type": typ, "headers": h, "data": data})
	p.conn.Write(context.Background(), websocket.MessageText, frame)
}

func (p *peer) disconnect() {
	p.send("SYSTEM", "disconnect", "d", `{"reason":"connection is expired"}`)
}

// breakOff hangs up in the middle of a frame.
func (p *peer) breakOff() {
	p.raw.Write([]byte{0x81, 100, '{', '"'})
	p.raw.Close()
}

// text is the payload of a message.
func text(id, conversation, content string) string {
	data, _ := json.Marshal(map[string]any{
		"conversationId": conversation, "conversationType": "2", "msgId": id, "msgtype": "text", "text": map[string]string{"content": " " + content},
		"senderStaffId": "user001", "senderNick": "Ann", "robotCode": "dingapp",
		"sessionWebhook": session, "sessionWebhookExpiredTime": time.Now().Add(90 * time.Minute).UnixMilli(),
	})
	return string(data)
}

// say delivers a message; its frame has the id f-ID.
func (p *peer) say(id, conversation, content string) {
	p.send("CALLBACK", stream.TopicMessage, "f-"+id, text(id, conversation, content))
}

// running is a client that runs.
type running struct {
	stop context.CancelFunc
	done chan struct{}
	err  error
	log  *lockedBuffer
}

// run runs a client until the test ends, and checks what it logged.
func run(t *testing.T, o stream.Options) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stop: stop, done: make(chan struct{}), log: &lockedBuffer{}}
	o.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.Jitter == nil {
		o.Jitter = func() float64 { return 0.5 }
	}
	c := stream.New(o)
	go func() {
		defer close(r.done)
		r.err = c.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-r.done
		for _, secret := range []string{appSecret, ticketTag, "s3ss10n", "t1ck3t"} {
			if strings.Contains(r.log.String(), secret) {
				t.Errorf("the log has the secret %s", secret)
			}
		}
	})
	return r
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// diary is what happened, in its order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) read() []string {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...)
}

// noting is a handler that notes the texts of messages.
func (d *diary) noting(_ context.Context, r *stream.Received) error {
	d.add("%s", r.Message.Text)
	return nil
}
