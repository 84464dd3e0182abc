package stream

import (
	"context"
	"sync"
)

// queue calls a handler: one after another in each conversation, and a number at once.
type queue struct {
	ctx     context.Context //nolint:containedctx // that of all handlers, which outlive the connection that brought their work
	handle  func(context.Context, *Received)
	most    int
	workers chan struct{}

	mu sync.Mutex
	// waiting is by conversation; one that is there has a goroutine.
	waiting map[string][]item
	pending int
	running sync.WaitGroup
}

func newQueue(ctx context.Context, workers, most int, handle func(context.Context, *Received)) *queue {
	return &queue{ctx: ctx, handle: handle, most: most, workers: make(chan struct{}, workers), waiting: map[string][]item{}}
}

// item is handled when it has been acknowledged.
type item struct {
	*Received

	acknowledged chan struct{}
}

// room reports whether another one may be added.
func (q *queue) room() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pending < q.most
}

// add takes an item into the order of its conversation, and returns what to call when it has
// been acknowledged.
func (q *queue) add(r *Received) (acknowledged func()) {
	key := r.Conversation()
	it := item{r, make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending++
	others, busy := q.waiting[key]
	q.waiting[key] = append(others, it)
	if !busy {
		q.running.Go(func() { q.work(key) })
	}
	return func() { close(it.acknowledged) }
}

func (q *queue) work(key string) {
	for it, ok := q.next(key, false); ok; it, ok = q.next(key, true) {
		<-it.acknowledged
		q.workers <- struct{}{}
		if q.ctx.Err() == nil {
			q.handle(q.ctx, it.Received)
		}
		<-q.workers
	}
}

// next is the one whose turn it is in a conversation, after the one before has been handled.
func (q *queue) next(key string, handled bool) (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if handled {
		q.pending--
	}
	all := q.waiting[key]
	if len(all) == 0 {
		delete(q.waiting, key)
		return item{}, false
	}
	it := all[0]
	all[0] = item{}
	q.waiting[key] = all[1:]
	return it, true
}

// wait waits until all have been handled.
func (q *queue) wait() { q.running.Wait() }

// memory is the last keys that were seen.
type memory struct {
	mu    sync.Mutex
	most  int
	known map[string]bool
	order []string
	at    int
}

// add reports whether a key is new.
func (m *memory) add(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[key] {
		return false
	}
	if m.known == nil {
		m.known = make(map[string]bool)
	}
	if len(m.order) < m.most {
		m.order = append(m.order, key)
	} else {
		delete(m.known, m.order[m.at])
		m.order[m.at] = key
		m.at = (m.at + 1) % m.most
	}
	m.known[key] = true
	return true
}
