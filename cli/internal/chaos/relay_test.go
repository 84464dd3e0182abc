package chaos

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// relay passes on what one machine and a server say to each other, until told otherwise.
type relay struct {
	to string

	mu sync.Mutex
	// refuses says that no connection is made; mute and deaf that nothing is passed on to the server, or from it.
	refuses, mute, deaf bool
	// late is how late all arrives.
	late  time.Duration
	conns []net.Conn
}

// newRelay passes on what comes at l to a server.
func newRelay(t *testing.T, l net.Listener, to string) *relay {
	t.Helper()
	r := &relay{to: to}
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
		r.set(func() { r.refuses = true }, true)
		work.Wait()
	})
	return r
}

// set changes what it does, and with cut ends all connections.
func (r *relay) set(change func(), cut bool) {
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
		_ = c.Close() // it may have ended
	}
	r.conns = nil
}

// restore passes on again. Connections that have swallowed something are of no use and end.
func (r *relay) restore() {
	r.set(func() { r.refuses, r.mute, r.deaf, r.late = false, false, false, 0 }, true)
}

// pass connects a connection with the server until one of them ends.
func (r *relay) pass(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer up.Close()
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
			defer w.from.Close()
			defer w.to.Close()
			_, _ = io.Copy(w, w.from) // an end is an end
		})
	}
	both.Wait()
}

// relayed is one way of a connection: up to the server, or down from it.
type relayed struct {
	r        *relay
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
