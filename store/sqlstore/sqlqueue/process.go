package sqlqueue

import (
	"maps"
	"slices"
	"sync"

	"github.com/dingdag/dingdag/store"
)

// Process is what one process has of the jobs of a database: the queues that it serves, and the jobs that it holds. It is
// safe for concurrent use.
type Process struct {
	// node goes by the name of leases, and life is a name that no other process has, nor an earlier life of this one.
	node, life string

	mu     sync.Mutex
	served *serving
	held   map[int64]holding
}

// holding is a taking of a job that the process holds.
type holding struct {
	attempt int64
	// by is what runs it; nil is not known yet.
	by *Holder
}

// Holder is the run of a handler. It holds the job that it was called with, and those that it takes on the way.
type Holder struct{ _ byte } // not empty, so that each has an address of its own

// NewProcess returns one that holds nothing and serves all queues.
func NewProcess(node, life string) *Process {
	return &Process{node: node, life: life, served: newServing(nil), held: map[int64]holding{}}
}

// Serve says which queues it takes jobs from; nil are all of them.
func (p *Process) Serve(queues []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served = newServing(queues)
}

func (p *Process) serving() *serving {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.served
}

// Begin notes that a handler is about to run a job.
func (p *Process) Begin(h Handle) *Holder {
	by := &Holder{}
	p.hold(h, by)
	return by
}

// End notes that a handler has returned, and returns the jobs that it has neither ended nor given back.
func (p *Process) End(by *Holder) (left []Handle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, held := range p.held {
		if held.by == by {
			left = append(left, Handle{ID: id, Attempt: held.attempt, Node: p.node, free: true})
			delete(p.held, id)
		}
	}
	return left
}

// ids are those of the jobs that it holds.
func (p *Process) ids() []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.held))
}

// Holds reports whether it holds this taking of a job.
func (p *Process) Holds(h Handle) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	held, ok := p.held[h.ID]
	return ok && held.attempt == h.Attempt
}

func (p *Process) hold(h Handle, by *Holder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[h.ID] = holding{h.Attempt, by}
}

// drop notes that it holds a taking of a job no more, and returns who held it and what undoes it.
func (p *Process) drop(h Handle) (by *Holder, undo func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held, ok := p.held[h.ID]
	if !ok || held.attempt != h.Attempt {
		return nil, func() {}
	}
	delete(p.held, h.ID)
	return held.by, func() { p.hold(h, held.by) }
}

// serves reports whether it serves the queue of a job.
func (p *Process) serves(j store.Job) bool { return p.serving().has(queueOf(j.Queue)) }
