package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore"
)

// batch is the most transactions that share one commit.
const batch = 64

// errClosed is what a transaction gets that comes after Close.
var errClosed error = busyError{errors.New("the store is closed")}

// committer runs transactions one after another and lets those that wait share one
// commit, because on a disk that is safe against power cuts the commit is what costs.
type committer struct {
	s    *Store
	todo chan *pending
	quit chan struct{}
	once sync.Once
	done sync.WaitGroup
}

type pending struct {
	ctx context.Context //nolint:containedctx // it travels with the request through the queue
	fn  func(*transaction) error
	// came is when it began to wait for its turn.
	came time.Time
	err  error
	done chan struct{}
	// failed is what its function wants done when it fails.
	failed []func()
}

// undo does that, once. Nothing else runs meanwhile.
func (p *pending) undo() {
	for _, f := range slices.Backward(p.failed) {
		if err := safely(func() error { f(); return nil }); err != nil {
			p.err = errors.Join(p.err, err)
		}
	}
	p.failed = nil
}

func newCommitter(s *Store) *committer {
	c := &committer{s: s, todo: make(chan *pending, batch), quit: make(chan struct{})}
	c.done.Go(c.loop)
	return c
}

func (c *committer) close() {
	c.once.Do(func() { close(c.quit) })
	c.done.Wait()
}

// Tx runs fn in a transaction, see [store.Transactor].
func (s *Store) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return s.tx(ctx, func(t *transaction) error { return fn(t) })
}

// tx is Tx for the store's own use. It waits until fn is committed or has failed.
func (s *Store) tx(ctx context.Context, fn func(*transaction) error) error {
	c, p := s.queue, &pending{ctx: ctx, fn: fn, came: s.began(), done: make(chan struct{})}
	select {
	case c.todo <- p:
	case <-c.quit:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-p.done:
		return p.err
	case <-c.quit:
		// The loop may have taken it before it ended.
		c.done.Wait()
		select {
		case <-p.done:
			return p.err
		default:
			return errClosed
		}
	}
}

func (c *committer) loop() {
	for {
		select {
		case <-c.quit:
			return
		case p := <-c.todo:
			ps := []*pending{p}
		more:
			for len(ps) < batch {
				select {
				case p := <-c.todo:
					ps = append(ps, p)
				default:
					break more
				}
			}
			c.commit(ps)
		}
	}
}

// commit runs the functions in one SQL transaction and tells their callers.
func (c *committer) commit(ps []*pending) {
	wake, err := c.run(ps)
	for _, p := range ps {
		if err != nil {
			p.err = errors.Join(p.err, err)
			p.undo()
		}
	}
	for _, p := range ps {
		close(p.done)
	}
	if wake {
		c.s.hub.publish()
	}
}

// run runs the functions in one SQL transaction, each behind a savepoint so that one
// that fails takes only its own changes back. It reports whether jobs were handed out.
func (c *committer) run(ps []*pending) (wake bool, err error) {
	// The commit serves several callers: none of their contexts may end it.
	ctx := context.Background()
	c.s.commits.Add(1)
	for _, p := range ps {
		c.s.took(Waiting, p.came)
	}
	began := c.s.began()
	tx, err := c.s.write.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	if len(ps) == 1 {
		return c.runAlone(tx, ps[0], began)
	}
	for _, p := range ps {
		t := c.transaction(tx, p)
		intact, err := t.call(ctx, p)
		if !intact {
			// On a full disk, for instance, SQLite takes back the whole transaction by
			// itself: what came after that would be committed alone.
			_ = tx.Rollback() // fails when there is nothing left to take back
			return false, busyError{fmt.Errorf("the transaction was taken back: %w", err)}
		}
		if p.err = err; err != nil {
			p.undo()
		}
		wake = wake || err == nil && t.waiting > 0
	}
	return wake, c.end(tx, began)
}

// end commits a transaction whose functions have run since a moment.
func (c *committer) end(tx *sql.Tx, began time.Time) error {
	committing := c.s.took(Writing, began)
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	c.s.took(Committing, committing)
	return nil
}

// runAlone runs a function that shares the transaction with no other, and so needs no savepoint.
func (c *committer) runAlone(tx *sql.Tx, p *pending, began time.Time) (wake bool, err error) {
	t := c.transaction(tx, p)
	if err := p.ctx.Err(); err != nil {
		return false, errors.Join(err, tx.Rollback())
	}
	if err := safely(func() error { return p.fn(t) }); err != nil {
		// On a full disk, for instance, SQLite has taken back the transaction by itself: then
		// there is nothing left to take back.
		_ = tx.Rollback()
		return false, err
	}
	if err := c.end(tx, began); err != nil {
		return false, err
	}
	return t.waiting > 0, nil
}

// call runs one function behind its savepoint. The transaction is not intact when the
// savepoint is gone afterwards.
func (t *transaction) call(ctx context.Context, p *pending) (intact bool, err error) {
	if err := p.ctx.Err(); err != nil {
		return true, err
	}
	if _, err := t.tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return false, err
	}
	err = safely(func() error { return p.fn(t) })
	if err != nil {
		if _, rerr := t.tx.ExecContext(ctx, "ROLLBACK TO one"); rerr != nil {
			return false, err
		}
	}
	if _, rerr := t.tx.ExecContext(ctx, "RELEASE one"); rerr != nil {
		return false, errors.Join(err, rerr)
	}
	return true, err
}

// safely turns a panic of fn into an error.
func safely(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return fn()
}

// transaction is one function's view of the shared transaction.
type transaction struct {
	sqlstore.Queries
	s  *Store
	tx *sql.Tx
	of *pending
	// waiting is how many more jobs wait for a worker than before.
	waiting int
}

func (c *committer) transaction(tx *sql.Tx, p *pending) *transaction {
	return &transaction{Queries: sqlstore.New(sqlTx{tx}, c.s.opts.Node), s: c.s, tx: tx, of: p}
}

// OnFailure notes what is to be undone when the transaction fails, see [store.Tx].
func (t *transaction) OnFailure(undo func()) { t.of.failed = append(t.of.failed, undo) }

var _ store.Tx = (*transaction)(nil)
