// Package phase is the order of a transaction. Each phase is a value that only the phase
// before makes, so that a step that comes too early, or is left out, does not compile:
//
//	Deciding    notes what is to be written and what follows
//	HandedOver  its jobs are with the queue, and a worker has taken the next one
//	Recorded    the rows of its task instances are written, once each
//	Prepared    its messages are with the outbox: all is written, nothing is committed
//	Committed   all is durable: what follows may happen
package phase

import (
	"cmp"
	"context"
	"slices"

	"github.com/dingdag/dingdag/store"
)

// Change is a change of a run that observers are told of.
type Change struct {
	// Run is the run after the change.
	Run store.Run
	// Instance is the task instance that changed, nil when the run itself did.
	Instance *store.Instance
	// Created says that the run is new.
	Created bool
}

// Deciding is the first phase: it notes, and writes nothing. Make one with [Begin].
type Deciding struct {
	observed bool
	rows     []*store.Instance
	past     []*store.Instance
	runOf    map[*store.Instance]*store.Run
	jobs     []store.Job
	messages []*store.Delivery
	changes  []Change
	after    []func()
	freed    bool
}

// Begin begins a transaction. Without observed no changes of instances are kept.
func Begin(observed bool) *Deciding {
	return &Deciding{observed: observed, runOf: map[*store.Instance]*store.Run{}}
}

// Row notes that the row of an instance is to be written as it is at the end. The run is
// read then, too.
func (d *Deciding) Row(run *store.Run, in *store.Instance) {
	if d.runOf[in] == nil {
		d.runOf[in] = run
		d.rows = append(d.rows, in)
	}
}

// HasRow reports whether the row of an instance is to be written.
func (d *Deciding) HasRow(in *store.Instance) bool { return d.runOf[in] != nil }

// Past notes a try that is over and that another one follows.
func (d *Deciding) Past(in *store.Instance) { d.past = append(d.past, in) }

// Job notes an attempt for the queue.
func (d *Deciding) Job(j store.Job) { d.jobs = append(d.jobs, j) }

// Message notes messages for the outbox.
func (d *Deciding) Message(ms ...*store.Delivery) { d.messages = append(d.messages, ms...) }

// Changed notes a change that is not that of a noted row.
func (d *Deciding) Changed(c Change) { d.changes = append(d.changes, c) }

// After notes what is to be done after the commit, in the order of the calls.
func (d *Deciding) After(f func()) { d.after = append(d.after, f) }

// Freed notes that a task has ended or given its slot back.
func (d *Deciding) Freed() { d.freed = true }

// Rows writes the rows that are noted so far for those who read them in this transaction.
// They are written again at the end, as they are then.
func (d *Deciding) Rows(ctx context.Context, tx store.InstancesTx) error {
	return tx.PutInstances(ctx, d.rows)
}

// HandOver gives the jobs to the queue. With take, which may be nil, it leaves that to take, which
// takes the next job of a worker in exchange; take may note rows and further jobs.
func (d *Deciding) HandOver(ctx context.Context, tx store.QueueTx, take func(jobs []store.Job) error) (HandedOver, error) {
	if take != nil {
		jobs := d.jobs
		d.jobs = nil
		if err := take(jobs); err != nil {
			return HandedOver{}, err
		}
	}
	if len(d.jobs) > 0 {
		if err := tx.Enqueue(ctx, d.jobs); err != nil {
			return HandedOver{}, err
		}
	}
	return HandedOver{d}, nil
}

// HandedOver is the phase after the jobs.
type HandedOver struct{ d *Deciding }

// Record writes the rows, run by run, with one call for each; on hears the key of each run before its rows.
func (h HandedOver) Record(ctx context.Context, tx store.InstancesTx, on func(runKey int64)) (Recorded, error) {
	byRun := slices.Clone(h.d.rows) // those of one run at once, wherever others came between them
	slices.SortStableFunc(byRun, func(a, b *store.Instance) int { return cmp.Compare(a.RunKey, b.RunKey) })
	for rest := byRun; len(rest) > 0; {
		key := rest[0].RunKey
		n := slices.IndexFunc(rest, func(in *store.Instance) bool { return in.RunKey != key })
		if n < 0 {
			n = len(rest)
		}
		on(key)
		if err := tx.PutInstances(ctx, rest[:n]); err != nil {
			return Recorded{}, err
		}
		rest = rest[n:]
	}
	if len(h.d.past) > 0 {
		if err := tx.PutPastTries(ctx, h.d.past); err != nil {
			return Recorded{}, err
		}
	}
	if h.d.observed {
		all := make([]Change, 0, len(h.d.rows)+len(h.d.changes))
		for _, in := range h.d.rows {
			copied := *in
			all = append(all, Change{Run: *h.d.runOf[in], Instance: &copied})
		}
		h.d.changes = append(all, h.d.changes...)
	}
	return Recorded(h), nil
}

// Recorded is the phase after the rows.
type Recorded struct{ d *Deciding }

// Send gives the messages to the outbox.
func (r Recorded) Send(ctx context.Context, tx store.OutboxTx) (Prepared, error) {
	if err := tx.InsertDeliveries(ctx, r.d.messages); err != nil {
		return Prepared{}, err
	}
	return Prepared(r), nil
}

// Prepared is the phase before the commit.
type Prepared struct{ d *Deciding }

// Store is what [Run] needs of a store.
type Store interface {
	Tx(ctx context.Context, fn func(store.Tx) error) error
}

// Run runs fn in a transaction and commits what it has prepared.
func Run(ctx context.Context, s Store, fn func(store.Tx) (Prepared, error)) (Committed, error) {
	var p Prepared
	err := s.Tx(ctx, func(tx store.Tx) (err error) {
		p, err = fn(tx)
		return err
	})
	if err != nil {
		return Committed{}, err
	}
	return Committed(p), nil
}

// Committed is the phase after the commit.
type Committed struct{ d *Deciding }

// Follow tells observe of every change, the instances first, and does what was noted for
// after the commit.
func (c Committed) Follow(observe func(Change)) {
	for _, ch := range c.d.changes {
		observe(ch)
	}
	for _, f := range c.d.after {
		f()
	}
}

// Messages are those that are with the outbox now.
func (c Committed) Messages() []*store.Delivery { return c.d.messages }

// FreedSlot reports whether a task has ended or given its slot back.
func (c Committed) FreedSlot() bool { return c.d.freed }
