package sqlqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riverqueue/river"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Insert writes jobs of River's in a transaction.
type Insert func(ctx context.Context, ps []river.InsertManyParams) error

// Tx hands out and ends jobs in one transaction, see [store.QueueTx].
type Tx struct {
	c      sqlrow.Conn
	node   string
	insert Insert
	words  *words
	// waiting is how many more jobs wait for a worker than before.
	waiting int
}

// NewTx returns the jobs in the transaction c for the process that goes by the name node.
func NewTx(c sqlrow.Conn, node string, insert Insert) *Tx {
	return &Tx{c: c, node: node, insert: insert, words: &wordsOf[c.Dialect()]}
}

// Woke reports whether more jobs wait for a worker than before.
func (t *Tx) Woke() bool { return t.waiting > 0 }

// Enqueue hands attempts to the workers once the transaction commits.
func (t *Tx) Enqueue(ctx context.Context, js []store.Job) error {
	if len(js) == 0 {
		return nil
	}
	ps := make([]river.InsertManyParams, len(js))
	for i, j := range js {
		ps[i] = river.InsertManyParams{Args: attempt{j}, InsertOpts: &river.InsertOpts{MaxAttempts: maxAttempts, Queue: Name}}
	}
	if err := t.insert(context.WithoutCancel(ctx), ps); err != nil {
		return fmt.Errorf("queue attempts: %w", err)
	}
	t.waiting += len(js)
	return nil
}

// Take makes the job that has waited longest run on this node, see [store.QueueTx]. River's
// own fetch does the same some time after a commit, in a transaction of its own.
func (t *Tx) Take(ctx context.Context) (*store.Job, error) {
	js, err := t.jobs(ctx, t.words.take, t.node)
	if err != nil {
		return nil, fmt.Errorf("take an attempt: %w", err)
	}
	if len(js) == 0 {
		return nil, nil
	}
	t.waiting--
	return &js[0], nil
}

// swaps is how many jobs may follow each other in one row: attempt, by which the fence tells
// them apart, must stay far below maxAttempts.
const swaps = 1 << 10

// Exchange ends a job and takes the next, see [store.QueueTx]. When nothing waits the next is
// one of the others, and takes over the row of the ended one: a step of a chain then writes one
// row of the queue, not two.
func (t *Tx) Exchange(ctx context.Context, ended store.Job, others []store.Job) (*store.Job, error) {
	if len(others) > 0 {
		next, err := t.swap(ctx, ended, others[0])
		if err != nil {
			return nil, err
		}
		if next != nil {
			return next, t.Enqueue(ctx, others[1:])
		}
	}
	if err := t.Complete(ctx, ended); err != nil {
		return nil, err
	}
	if err := t.Enqueue(ctx, others); err != nil {
		return nil, err
	}
	return t.Take(ctx)
}

// swap makes the row of a job that ends that of the next, already running. It returns nil, and
// changes nothing, when another job waits or the job is not the holder's any more.
func (t *Tx) swap(ctx context.Context, ended, next store.Job) (*store.Job, error) {
	h, ok := ended.Handle.(Handle)
	if !ok {
		return nil, errors.New("exchange a job that no worker holds")
	}
	args, err := json.Marshal(attempt{next})
	if err != nil {
		return nil, fmt.Errorf("encode an attempt: %w", err)
	}
	n, err := t.c.Exec(ctx, t.words.swap, string(args), t.node, h.ID, h.Attempt, swaps, h.Node)
	if err != nil {
		return nil, fmt.Errorf("exchange the job of an attempt: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	next.Handle = Handle{ID: h.ID, Attempt: h.Attempt + 1, Node: t.node, free: true}
	return &next, nil
}

// Handle is the reference to a running job. Each taking of a job counts its attempt up,
// so the fields tell this taking from every other.
type Handle struct {
	ID, Attempt int64
	Node        string
	// free says that no worker of River's holds it: its node is dead, or Take gave it.
	free bool
}

// Complete ends a job inside this transaction, see [store.QueueTx]. River's own
// JobCompleteTx does the same in five statements and without the fence.
func (t *Tx) Complete(ctx context.Context, j store.Job) error {
	h, ok := j.Handle.(Handle)
	if !ok {
		return errors.New("complete a job that no worker holds")
	}
	return t.change(ctx, "state = 'completed', finalized_at = "+t.words.now, h)
}

// Release makes a job available to the workers again, see [store.QueueTx].
func (t *Tx) Release(ctx context.Context, j store.Job) error {
	h, ok := j.Handle.(Handle)
	if !ok || !h.free {
		return errors.New("release a job that its worker gives back itself")
	}
	return t.giveBack(ctx, h)
}

// Return makes jobs available that River's workers give back, and passes over those that are not theirs any more.
func (t *Tx) Return(ctx context.Context, hs []Handle) error {
	for _, h := range hs {
		if err := t.giveBack(ctx, h); err != nil && !errors.Is(err, store.ErrLostLease) {
			return err
		}
	}
	return nil
}

func (t *Tx) giveBack(ctx context.Context, h Handle) error {
	t.waiting++
	return t.change(ctx, "state = 'available'", h)
}

// change is the fence: a job that has ended, or that was taken again since, is not the
// holder's to change.
func (t *Tx) change(ctx context.Context, set string, h Handle) error {
	n, err := t.c.Exec(ctx, t.words.change[0]+set+t.words.change[1], h.ID, h.Attempt, h.Node)
	if err != nil {
		return fmt.Errorf("change the job of an attempt: %w", err)
	}
	if n == 0 {
		return store.ErrLostLease
	}
	return nil
}

// Running lists the jobs that are running.
func (t *Tx) Running(ctx context.Context) ([]store.Job, error) { return t.lost(ctx, "") }

// Beat renews the lease of the process until a moment in milliseconds, and lists the running jobs of those whose lease
// has ended by now.
func (t *Tx) Beat(ctx context.Context, now, until int64) ([]store.Job, error) {
	if _, err := t.c.Exec(ctx, `INSERT INTO node_lease (node, expires) VALUES (?, ?)
		ON CONFLICT (node) DO UPDATE SET expires = excluded.expires`, t.node, until); err != nil {
		return nil, fmt.Errorf("renew the lease: %w", err)
	}
	return t.lost(ctx, " AND "+t.words.lastNode+" NOT IN (SELECT node FROM node_lease WHERE expires > ?)", now)
}

// lost lists the running jobs that match.
func (t *Tx) lost(ctx context.Context, and string, args ...any) ([]store.Job, error) {
	js, err := t.jobs(ctx, "SELECT "+t.words.jobColumns+" FROM river_job WHERE state = 'running'"+and, args...)
	if err != nil {
		return nil, fmt.Errorf("find lost attempts: %w", err)
	}
	return js, nil
}

// jobs reads running jobs that no worker of River's holds.
func (t *Tx) jobs(ctx context.Context, query string, args ...any) (js []store.Job, err error) {
	rows, err := t.c.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var j store.Job
		h := Handle{free: true}
		if err := rows.Scan(&h.ID, &h.Attempt, &h.Node, &j.RunKey, &j.TaskID, &j.MapIndex, &j.Try); err != nil {
			return nil, err
		}
		j.Handle = h
		js = append(js, j)
	}
	return js, rows.Err()
}
