// Package live tells pages that are open of changes, by server-sent events.
//
// Nothing is polled: whoever changes a run says so, and each page that follows it is told at most once a second, however
// many changes there were.
package live

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/dingdag/dingdag/access"
)

// Topic is what a page follows: everything, a DAG, or a run of one.
type Topic struct{ DAGID, RunID string }

// about reports whether a change is one of what is followed.
func (t Topic) about(c Topic) bool {
	return (t.DAGID == "" || c.DAGID == "" || t.DAGID == c.DAGID) && (t.RunID == "" || c.RunID == "" || t.RunID == c.RunID)
}

// MostOf is how many pages of one person may follow something at once.
const MostOf = 100

// ErrFull says that as many pages are open as there may be, of all or of whoever asks.
var ErrFull = errors.New("too many pages follow changes")

// Hub passes changes on. Make one with [New]. It may be used by several at once.
type Hub struct {
	most  int
	every time.Duration

	mu      sync.Mutex
	pages   map[*page]struct{}
	people  map[string]int // how many pages each has
	ended   chan struct{}
	stopped bool
	streams sync.WaitGroup // those whose connection is taken over
}

// New returns a hub for at most so many pages at a time, each of which is told at most once in a time.
func New(most int, every time.Duration) *Hub {
	return &Hub{most: most, every: every, pages: map[*page]struct{}{}, people: map[string]int{}, ended: make(chan struct{})}
}

// page is one that follows a topic.
type page struct {
	topic   Topic
	user    string        // whose it is; empty for nobody's
	deaf    bool          // it follows no changes
	conn    net.Conn      // that of a stream which was taken over, else nil
	changed chan struct{} // holds one that was not told yet
}

// Changed says that something about a topic has changed. It never waits.
func (h *Hub) Changed(c Topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p := range h.pages {
		if !p.deaf && p.topic.about(c) {
			select {
			case p.changed <- struct{}{}:
			default: // it is told of that already
			}
		}
	}
}

// Stop ends all that follow, and lets nobody follow any more. When it returns, the streams that were taken over have ended.
func (h *Hub) Stop() {
	h.mu.Lock()
	if !h.stopped {
		h.stopped = true
		close(h.ended)
		for p := range h.pages {
			p.close() // also one that is being told of something and takes its time
		}
	}
	h.mu.Unlock()
	h.streams.Wait()
}

// Open is how many pages follow something.
func (h *Hub) Open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pages)
}

// Follow calls begin at once, tell after changes of a topic since then, and idle when nothing has changed for a time, until
// ctx or the hub ends or one of them fails. Its error is [ErrFull], or that of the function.
func (h *Hub) Follow(ctx context.Context, t Topic, begin, tell func() error, quiet time.Duration, idle func() error) error {
	p := &page{topic: t, user: userOf(ctx), changed: make(chan struct{}, 1)}
	if err := h.enter(p); err != nil {
		return err
	}
	defer h.leave(p)
	if err := begin(); err != nil {
		return err
	}
	return h.follow(p, ctx.Done(), tell, quiet, idle)
}

// follow does so for a page that has entered, until done.
func (h *Hub) follow(p *page, done <-chan struct{}, tell func() error, quiet time.Duration, idle func() error) error {
	alive := time.NewTicker(quiet)
	defer alive.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-h.ended:
			return nil
		case <-alive.C:
			if err := idle(); err != nil {
				return err
			}
			continue
		case <-p.changed:
		}
		if err := tell(); err != nil {
			return err
		}
		alive.Reset(quiet)
		rest := time.NewTimer(h.every)
		select {
		case <-done:
		case <-h.ended:
		case <-rest.C:
		}
		rest.Stop()
	}
}

// userOf is who asks, empty for nobody who is known.
func userOf(ctx context.Context) string {
	i, _ := access.From(ctx)
	return i.User
}

// Enter counts a page that follows something else, until leave is called. It should end when ended is closed. The error
// is [ErrFull].
func (h *Hub) Enter(ctx context.Context) (leave func(), ended <-chan struct{}, err error) {
	p := &page{deaf: true, user: userOf(ctx), changed: make(chan struct{}, 1)}
	if err := h.enter(p); err != nil {
		return nil, nil, err
	}
	return func() { h.leave(p) }, h.ended, nil
}

func (h *Hub) enter(p *page) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped || len(h.pages) >= h.most || p.user != "" && h.people[p.user] >= MostOf {
		return ErrFull
	}
	h.pages[p] = struct{}{}
	h.people[p.user]++
	return nil
}

func (h *Hub) leave(p *page) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.pages, p)
	if h.people[p.user]--; h.people[p.user] == 0 {
		delete(h.people, p.user)
	}
}
