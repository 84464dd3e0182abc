package sqlite

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// committer is what all transactions of a store go through.
type committer = sqlcommit.Committer[sqlTx, *transaction]

func newCommitter(s *Store) *committer {
	return sqlcommit.New(sqlcommit.Config[sqlTx, *transaction]{
		Begin: func(ctx context.Context) (sqlTx, error) {
			s.commits.Add(1)
			tx, err := s.write.BeginTx(ctx, nil)
			return sqlTx{tx}, err
		},
		View: func(tx sqlTx, onFailure func(func())) *transaction {
			jobs := sqlqueue.NewTx(tx, s.process, func(ctx context.Context, js []store.Job) error {
				return sqlqueue.Add(ctx, s.Jobs, tx.tx, js)
			}, onFailure)
			return &transaction{sqlstore.New(tx, s.opts.Node), jobs, tx, onFailure}
		},
		Wake:  s.hub.Wake,
		Began: s.began,
		Took:  s.took,
	})
}

// Tx runs fn in a transaction, see [store.Transactor].
func (s *Store) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return s.tx(ctx, func(t *transaction) error { return fn(t) })
}

// Own is Tx: there is no other process that could lead.
func (s *Store) Own(ctx context.Context, fn func(store.Tx) error) error { return s.Tx(ctx, fn) }

// End ends the job of an attempt with a report, see [store.Membership].
func (s *Store) End(ctx context.Context, j store.Job, r *store.Report) error {
	return s.Tx(ctx, func(tx store.Tx) error {
		if err := tx.Complete(ctx, j); err != nil {
			return err
		}
		return tx.InsertReports(ctx, r)
	})
}

// LeaseClock is the time by which leases go.
func (s *Store) LeaseClock(context.Context) (time.Time, error) { return s.opts.Clock(), nil }

// tx is Tx for the store's own use. It waits until fn is committed or has failed.
func (s *Store) tx(ctx context.Context, fn func(*transaction) error) error {
	return s.queue.Do(ctx, fn)
}

// change is tx for those who bring SQL of their own.
func (s *Store) change(ctx context.Context, fn func(store.Tx, sqlrow.Conn) error) error {
	return s.tx(ctx, func(t *transaction) error { return fn(t, t.c) })
}

// transaction is one function's view of the shared transaction.
type transaction struct {
	sqlstore.Queries
	*sqlqueue.Tx
	c         sqlTx
	onFailure func(func())
}

// OnFailure notes what is to be undone when the transaction fails, see [store.Tx].
func (t *transaction) OnFailure(undo func()) { t.onFailure(undo) }

var _ store.Tx = (*transaction)(nil)
