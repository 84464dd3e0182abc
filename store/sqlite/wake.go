package sqlite

import (
	"context"
	"sync"

	"github.com/riverqueue/river/riverdriver"
)

// hub wakes River's producer in this process as soon as a transaction that handed out
// jobs has committed. River's own listener for SQLite polls a table, which costs up to
// 50 ms for each step of a chain or keeps a core busy.
type hub struct {
	mu sync.Mutex
	ls map[*listener]struct{}
}

func (h *hub) publish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.ls {
		select {
		case l.c <- &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue":"` + queueName + `"}`}:
		default: // one is waiting already: it will see these jobs too
		}
	}
}

type listener struct {
	hub *hub
	c   chan *riverdriver.Notification
}

func (l *listener) Connect(context.Context) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if l.hub.ls == nil {
		l.hub.ls = map[*listener]struct{}{}
	}
	l.hub.ls[l] = struct{}{}
	return nil
}

func (l *listener) Close(context.Context) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	delete(l.hub.ls, l)
	return nil
}

func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case n := <-l.c:
		return n, nil
	}
}

func (l *listener) Listen(context.Context, string) error   { return nil }
func (l *listener) Unlisten(context.Context, string) error { return nil }
func (l *listener) Ping(context.Context) error             { return nil }
func (l *listener) Schema() string                         { return "" }
func (l *listener) SetAfterConnectExec(string)             {}
