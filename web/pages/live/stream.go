package live

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// EventTime is how long the other side may take for an event.
	EventTime = 10 * time.Second
	// quietTime is how long a stream may be silent: proxies close those that are so for longer.
	quietTime = 15 * time.Second
)

// What is sent.
const (
	beginning = "retry: 2000\n\n"
	change    = "event: changed\ndata: \n\n"
	heartbeat = ": \n\n"
)

// Serve answers a request with server-sent events about the changes of a topic, for so long at most. With [ErrFull] it has answered
// nothing; any other error says that nobody is there any more.
//
// It takes the connection over where that is possible, and returns at once: what a server keeps for a request that is under
// way, a deep stack and buffers, is ten times what a page needs that waits. Over HTTP/2 it returns when the stream has ended.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, t Topic, longest time.Duration) error {
	p := &page{topic: t, user: userOf(r.Context()), changed: make(chan struct{}, 1)}
	if err := h.enter(p); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // of nginx
	stream := http.NewResponseController(w)
	if r.Method == http.MethodGet && r.ContentLength == 0 {
		switch conn, _, err := stream.Hijack(); {
		case err == nil:
			return h.takeOver(p, conn, w.Header(), longest)
		case !errors.Is(err, http.ErrNotSupported):
			h.leave(p)
			return err
		}
	}
	defer h.leave(p)
	write := func(text string) error {
		if err := stream.SetWriteDeadline(time.Now().Add(EventTime)); err != nil && !errors.Is(err, http.ErrNotSupported) { //nolint:forbidigo // a deadline is of the machine's clock
			return err
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		return stream.Flush()
	}
	if err := write(beginning); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), longest)
	defer cancel()
	return h.follow(p, ctx.Done(), func() error { return write(change) }, quietTime, func() error { return write(heartbeat) })
}

// takeOver begins the answer on a connection, and goes on with it on its own. What ends the stream closes the connection.
func (h *Hub) takeOver(p *page, conn net.Conn, header http.Header, longest time.Duration) error {
	write := func(text []byte) error {
		if err := conn.SetWriteDeadline(time.Now().Add(EventTime)); err != nil { //nolint:forbidigo // a deadline is of the machine's clock
			return err
		}
		_, err := conn.Write(text)
		return err
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n") //nolint:forbidigo // and so is this
	err := header.Write(&b)
	b.WriteString("\r\n" + beginning)
	if err == nil {
		err = write(b.Bytes())
	}
	if err == nil && !h.keep(p, conn) {
		err = net.ErrClosed
	}
	if err != nil {
		h.leave(p)
		return errors.Join(err, conn.Close())
	}
	end := time.AfterFunc(longest, p.close)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer p.close()
		_, _ = conn.Read(make([]byte, 1)) // whoever follows says nothing more: it is gone, or out of turn
	}()
	go func() {
		defer h.streams.Done()
		defer h.leave(p)
		defer end.Stop()
		_ = h.follow(p, gone, func() error { return write([]byte(change)) }, quietTime, func() error { return write([]byte(heartbeat)) }) // it has gone
		p.close()
		<-gone
	}()
	return nil
}

// keep counts a stream that goes on without its request, which [Hub.Stop] ends and waits for. It is false once the hub has stopped.
func (h *Hub) keep(p *page, conn net.Conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return false
	}
	p.conn = conn
	h.streams.Add(1)
	return true
}

// close ends a stream that was taken over.
func (p *page) close() {
	if p.conn != nil {
		_ = p.conn.Close() // it may be closed already
	}
}
