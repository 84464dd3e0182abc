package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

func (s *Store) newCommitter() *sqlcommit.Committer[*tx, *transaction] {
	return sqlcommit.New(sqlcommit.Config[*tx, *transaction]{
		Begin: func(ctx context.Context) (*tx, error) {
			ctx, cancel := context.WithTimeout(ctx, s.opts.Wait+longest)
			defer cancel()
			s.commits.Add(1)
			t, err := s.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: s.begin})
			return &tx{tx: t, s: s}, mark(err)
		},
		View: func(t *tx, onFailure func(func())) *transaction {
			c := conn{t.tx, s, true}
			v := &transaction{sqlstore.New(c, s.opts.Node), sqlqueue.NewTx(c, s.process, nil, onFailure), c, onFailure}
			t.views = append(t.views, v)
			return v
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

// tx is Tx for the store's own use. It waits until fn is committed or has failed.
func (s *Store) tx(ctx context.Context, fn func(*transaction) error) error {
	return s.queue.Do(ctx, fn)
}

// change is tx for those who bring SQL of their own.
func (s *Store) change(ctx context.Context, fn func(store.Tx, sqlrow.Conn) error) error {
	return s.tx(ctx, func(t *transaction) error { return fn(t, t.c) })
}

// tx is a transaction as [sqlcommit.Tx]. No other process is in one that writes.
type tx struct {
	tx    pgx.Tx
	s     *Store
	views []*transaction
}

// Run runs a statement without values.
func (t *tx) Run(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	_, err := t.tx.Exec(ctx, statement)
	return mark(err)
}

// Rollback takes it back.
func (t *tx) Rollback(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := t.tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		return mark(err)
	}
	return nil
}

// telling tells other processes of a commit that has written something, and returns its number.
const telling = `SELECT id, CASE WHEN id IS NOT NULL THEN CAST(pg_notify($1, $2) AS text) END
	FROM (SELECT CAST(pg_current_xact_id_if_assigned() AS text) AS id) own`

// Commit commits it. When the answer is lost, the database is asked what became of it.
func (t *tx) Commit(ctx context.Context) error {
	said := t.s.self
	if slices.ContainsFunc(t.views, (*transaction).Woke) {
		said += wakes
	}
	limited, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	var id, told *string
	if err := t.tx.QueryRow(limited, telling, t.s.channel, said).Scan(&id, &told); err != nil {
		return errors.Join(mark(err), t.Rollback(ctx))
	}
	err := t.tx.Commit(limited)
	if err != nil && id != nil && t.s.landed(ctx, *id) {
		return nil
	}
	return mark(err)
}

// unsure is how long it is asked what became of a commit.
const unsure = 10 * time.Second

// landed reports whether a transaction was committed whose commit had no good answer. It waits until the database has
// noticed the loss of a connection, too.
func (s *Store) landed(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, unsure)
	defer cancel()
	for {
		var status *string
		err := s.pool.QueryRow(ctx, "SELECT pg_xact_status(CAST($1 AS xid8))", id).Scan(&status)
		if err == nil && status != nil && *status != "in progress" {
			return *status == "committed"
		}
		select {
		case <-ctx.Done():
			s.opts.Log.Error("nobody knows whether a transaction was committed: its answer was lost, and the database gives no other", "error", mark(err))
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// transaction is one function's view of the shared transaction.
type transaction struct {
	sqlstore.Queries
	*sqlqueue.Tx
	c         conn
	onFailure func(func())
}

// OnFailure notes what is to be undone when the transaction fails, see [store.Tx].
func (t *transaction) OnFailure(undo func()) { t.onFailure(undo) }

var _ store.Tx = (*transaction)(nil)
