package processtest

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Relay passes on what programs and a server say to each other, until told otherwise.
type Relay struct {
	to string

	mu sync.Mutex
	// refuses says that no connection is made; mute and deaf that nothing is passed on to the server, or from it.
	refuses, mute, deaf bool
	// late is how late all arrives.
	late  time.Duration
	conns []net.Conn
}

// NewRelay passes on what comes at l to a server, whose address is HOST:PORT, until the end of the test.
func NewRelay(t *testing.T, l net.Listener, to string) *Relay {
	t.Helper()
	r := &Relay{to: to}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { r.pass(c) })
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, l.Close())
		r.Refuse()
		work.Wait()
	})
	return r
}

// Refuse ends all connections and makes no more.
func (r *Relay) Refuse() { r.set(func() { r.refuses = true }, true) }

// Swallow lets all connections stand and passes nothing on.
func (r *Relay) Swallow() { r.set(func() { r.mute, r.deaf = true, true }, false) }

// Deafen passes on nothing that the server says: what programs say arrives there, and they do not hear so.
func (r *Relay) Deafen() { r.set(func() { r.deaf = true }, false) }

// Delay has all arrive late; 0 is at once.
func (r *Relay) Delay(late time.Duration) { r.set(func() { r.late = late }, false) }

// Restore passes on again. The connections that there are end: one that has swallowed something is of no use.
func (r *Relay) Restore() {
	r.set(func() { r.refuses, r.mute, r.deaf, r.late = false, false, false, 0 }, true)
}

// set changes what it does, and with cut ends all connections.
func (r *Relay) set(change func(), cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	if !cut {
		return
	}
	for _, c := range r.conns {
		if tc, ok := c.(*net.TCPConn); ok {
			_ = tc.SetLinger(0) // those of an unplugged machine end at once
		}
		end(c)
	}
	r.conns = nil
}

// pass connects a connection with the server until one of them ends.
func (r *Relay) pass(c net.Conn) {
	defer end(c)
	up, err := net.Dial("tcp", r.to) //nolint:noctx // it is cut by closing it
	if err != nil {
		return
	}
	defer end(up)
	r.mu.Lock()
	refused := r.refuses
	r.conns = append(r.conns, c, up)
	r.mu.Unlock()
	if refused {
		return
	}
	var both sync.WaitGroup
	for _, w := range []relayed{{r: r, from: c, to: up, up: true}, {r: r, from: up, to: c}} {
		both.Go(func() {
			defer end(w.from)
			defer end(w.to)
			_, _ = io.Copy(w, w.from) // an end is an end
		})
	}
	both.Wait()
}

// end closes a connection, which may have ended.
func end(c net.Conn) { _ = c.Close() }

// relayed is one way of a connection: up to the server, or down from it.
type relayed struct {
	r        *Relay
	from, to net.Conn
	up       bool
}

// Write passes on, at once or late, or swallows.
func (w relayed) Write(b []byte) (int, error) {
	w.r.mu.Lock()
	silent, late := w.r.mute && w.up || w.r.deaf && !w.up, w.r.late
	w.r.mu.Unlock()
	if silent {
		return len(b), nil
	}
	if late > 0 {
		<-time.After(late)
	}
	return w.to.Write(b)
}
