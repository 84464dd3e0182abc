// Package sqlcommit runs the functions of transactions one after another and lets those that wait share one
// commit, because on a disk that is safe against power cuts the commit is what costs. It knows no database.
package sqlcommit

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Most is the most functions that share one commit.
const Most = 64

// ErrClosed is what a function gets that comes after [Committer.Close]. It is [store.ErrBusy] too.
var ErrClosed error = closedError{}

type closedError struct{}

// Error says it.
func (closedError) Error() string { return "the store is closed" }

// Is reports whether it is the target.
func (closedError) Is(target error) bool { return target == store.ErrBusy }

// lostError is the error of those whose transaction the database took back by itself.
type lostError struct{ error }

// Unwrap returns what the database says.
func (e lostError) Unwrap() error { return e.error }

// Is reports whether it is the target.
func (lostError) Is(target error) bool { return target == store.ErrBusy }

// Tx is a transaction of a database.
type Tx interface {
	// Run runs a statement without values or rows.
	Run(ctx context.Context, statement string) error
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
}

// View is what one function sees of a transaction.
type View interface {
	// Woke reports whether the function handed out jobs that wait for a worker.
	Woke() bool
}

// Stage is a stage of a store's work, of which somebody may want to know how long it took.
type Stage string

// The stages.
const (
	// Waiting is how long a function waits for its turn.
	Waiting Stage = "wait"
	// Writing is what the functions do that share one commit.
	Writing Stage = "write"
	// Committing is the commit itself.
	Committing Stage = "commit"
	// Reading is a query outside of transactions, until its first rows may be read.
	Reading Stage = "read"
)

// Config is what a [Committer] needs. All of it is required.
type Config[T Tx, V View] struct {
	// Begin begins a transaction.
	Begin func(ctx context.Context) (T, error)
	// View makes what one function sees of it. onFailure notes what that function wants done when it fails.
	View func(tx T, onFailure func(undo func())) V
	// Wake is called after each commit in which jobs were handed out.
	Wake func()
	// Began is the moment in which some work begins, and Took is told when it ends, which it returns.
	Began func() time.Time
	Took  func(s Stage, began time.Time) time.Time
}

// Committer runs functions. It is safe for concurrent use.
type Committer[T Tx, V View] struct {
	config Config[T, V]
	todo   chan *pending[V]
	quit   chan struct{}
	once   sync.Once
	done   sync.WaitGroup
}

type pending[V View] struct {
	ctx context.Context //nolint:containedctx // it travels with the request through the queue
	fn  func(V) error
	// came is when it began to wait for its turn.
	came time.Time
	err  error
	done chan struct{}
	// failed is what its function wants done when it fails.
	failed []func()
}

// undo does that, once. Nothing else runs meanwhile.
func (p *pending[V]) undo() {
	for _, f := range slices.Backward(p.failed) {
		if err := Safely(func() error { f(); return nil }); err != nil {
			p.err = errors.Join(p.err, err)
		}
	}
	p.failed = nil
}

func (p *pending[V]) note(undo func()) { p.failed = append(p.failed, undo) }

// New starts a committer. Its user closes it.
func New[T Tx, V View](config Config[T, V]) *Committer[T, V] {
	c := &Committer[T, V]{config: config, todo: make(chan *pending[V], Most), quit: make(chan struct{})}
	c.done.Go(c.loop)
	return c
}

// Close ends it. The transaction under way ends first.
func (c *Committer[T, V]) Close() {
	c.once.Do(func() { close(c.quit) })
	c.done.Wait()
}

// Closing is closed when Close has been called.
func (c *Committer[T, V]) Closing() <-chan struct{} { return c.quit }

// Waiting is how many functions wait for the transaction under way to end.
func (c *Committer[T, V]) Waiting() int { return len(c.todo) }

// Do waits until fn has run and is committed, or has failed.
func (c *Committer[T, V]) Do(ctx context.Context, fn func(V) error) error {
	p := c.pending(ctx, fn)
	select {
	case c.todo <- p:
	case <-c.quit:
		return ErrClosed
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
			return ErrClosed
		}
	}
}

// Together runs functions in one transaction, beside all others, and returns the error of each.
func (c *Committer[T, V]) Together(ctx context.Context, fns ...func(V) error) []error {
	ps := make([]*pending[V], len(fns))
	for i, fn := range fns {
		ps[i] = c.pending(ctx, fn)
	}
	c.commit(ps)
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p.err
	}
	return errs
}

func (c *Committer[T, V]) pending(ctx context.Context, fn func(V) error) *pending[V] {
	return &pending[V]{ctx: ctx, fn: fn, came: c.config.Began(), done: make(chan struct{})}
}

func (c *Committer[T, V]) loop() {
	for {
		select {
		case <-c.quit:
			return
		case p := <-c.todo:
			ps := []*pending[V]{p}
		more:
			for len(ps) < Most {
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
func (c *Committer[T, V]) commit(ps []*pending[V]) {
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
		c.config.Wake()
	}
}

// run runs the functions in one SQL transaction, each behind a savepoint so that one
// that fails takes only its own changes back. It reports whether jobs were handed out.
func (c *Committer[T, V]) run(ps []*pending[V]) (wake bool, err error) {
	// The commit serves several callers: none of their contexts may end it.
	ctx := context.Background()
	for _, p := range ps {
		c.config.Took(Waiting, p.came)
	}
	began := c.config.Began()
	tx, err := c.config.Begin(ctx)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	if len(ps) == 1 {
		return c.runAlone(ctx, tx, ps[0], began)
	}
	for _, p := range ps {
		v := c.config.View(tx, p.note)
		intact, err := call(ctx, tx, v, p)
		if !intact {
			// On a full disk, for instance, SQLite takes back the whole transaction by
			// itself: what came after that would be committed alone.
			_ = tx.Rollback(ctx) // fails when there is nothing left to take back
			return false, lostError{fmt.Errorf("the transaction was taken back: %w", err)}
		}
		if p.err = err; err != nil {
			p.undo()
		}
		wake = wake || err == nil && v.Woke()
	}
	if err := c.end(ctx, tx, began); err != nil {
		return false, err
	}
	return wake, nil
}

// end commits a transaction whose functions have run since a moment.
func (c *Committer[T, V]) end(ctx context.Context, tx T, began time.Time) error {
	committing := c.config.Took(Writing, began)
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	c.config.Took(Committing, committing)
	return nil
}

// runAlone runs a function that shares the transaction with no other, and so needs no savepoint.
func (c *Committer[T, V]) runAlone(ctx context.Context, tx T, p *pending[V], began time.Time) (wake bool, err error) {
	v := c.config.View(tx, p.note)
	if err := p.ctx.Err(); err != nil {
		return false, errors.Join(err, tx.Rollback(ctx))
	}
	if err := Safely(func() error { return p.fn(v) }); err != nil {
		// On a full disk, for instance, SQLite has taken back the transaction by itself: then
		// there is nothing left to take back.
		_ = tx.Rollback(ctx)
		return false, err
	}
	if err := c.end(ctx, tx, began); err != nil {
		return false, err
	}
	return v.Woke(), nil
}

// call runs one function behind its savepoint. The transaction is not intact when the
// savepoint is gone afterwards.
func call[V View](ctx context.Context, tx Tx, v V, p *pending[V]) (intact bool, err error) {
	if err := p.ctx.Err(); err != nil {
		return true, err
	}
	if err := tx.Run(ctx, "SAVEPOINT one"); err != nil {
		return false, err
	}
	err = Safely(func() error { return p.fn(v) })
	if err != nil {
		if rerr := tx.Run(ctx, "ROLLBACK TO one"); rerr != nil {
			return false, err
		}
	}
	if rerr := tx.Run(ctx, "RELEASE one"); rerr != nil {
		return false, errors.Join(err, rerr)
	}
	return true, err
}

// Safely turns a panic of fn into an error.
func Safely(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return fn()
}
