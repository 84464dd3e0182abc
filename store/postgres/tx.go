package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

func (s *Store) newCommitter() *sqlcommit.Committer[*tx, *transaction] {
	return sqlcommit.New(sqlcommit.Config[*tx, *transaction]{
		Begin: func(ctx context.Context) (*tx, error) {
			ctx, cancel := context.WithTimeout(ctx, s.opts.Wait+s.opts.Answer)
			defer cancel()
			s.commits.Add(1)
			t, err := s.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: s.begin})
			return &tx{tx: t, s: s}, mark(err)
		},
		View: func(t *tx, onFailure func(func())) *transaction {
			c := conn{t, s, true}
			v := &transaction{sqlstore.New(c, s.opts.Node), sqlqueue.NewTx(c, s.process, nil, onFailure), c, t, onFailure}
			t.views = append(t.views, v)
			return v
		},
		Wake:  s.hub.Wake,
		Began: s.began,
		Took:  s.took,
	})
}

// Tx runs fn in a transaction, see [store.Transactor]. That of a process that leads changes nothing once another one does.
func (s *Store) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return s.tx(ctx, func(t *transaction) error {
		if err := t.fence(ctx); err != nil {
			return err
		}
		return fn(t)
	})
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
	// epoch is that of who leads, 0 while it was not asked for.
	epoch int64
	// ahead are statements to be sent in front of the next one.
	ahead []string
}

const savepoint, rollbackTo, release = "SAVEPOINT one", "ROLLBACK TO one", "RELEASE one"

// Run runs a statement without values. To begin and to end a savepoint waits for the next statement, with which it is sent: a
// function then takes as many ways to the database and back as it has statements. A commit ends what still waits.
func (t *tx) Run(ctx context.Context, statement string) error {
	unused := len(t.ahead) > 0 && t.ahead[len(t.ahead)-1] == savepoint
	switch {
	case statement == release && unused:
		t.ahead = t.ahead[:len(t.ahead)-1]
		return nil
	case statement == savepoint, statement == release:
		t.ahead = append(t.ahead, statement)
		return nil
	case statement == rollbackTo && unused:
		return nil // nothing was done since
	}
	ctx, cancel := context.WithTimeout(ctx, t.s.opts.Answer)
	defer cancel()
	_, err := t.Exec(ctx, statement)
	return mark(err)
}

// Exec runs a statement, see [querier].
func (t *tx) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	if len(t.ahead) == 0 {
		return t.tx.Exec(ctx, query, args...)
	}
	sent, err := t.send(ctx, query, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := sent.Exec()
	return tag, cmp.Or(err, sent.Close())
}

// Query runs a query, see [querier].
func (t *tx) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	if len(t.ahead) == 0 {
		return t.tx.Query(ctx, query, args...)
	}
	sent, err := t.send(ctx, query, args)
	if err != nil {
		return nil, err
	}
	rs, err := sent.Query()
	if err != nil {
		return nil, cmp.Or(err, sent.Close())
	}
	return sentRows{rs, sent}, nil
}

// send sends a statement with those ahead of it, and reads their results.
func (t *tx) send(ctx context.Context, query string, args []any) (pgx.BatchResults, error) {
	b := &pgx.Batch{}
	for _, statement := range t.ahead {
		b.Queue(statement)
	}
	b.Queue(query, args...)
	n := len(t.ahead)
	t.ahead = nil
	sent := t.tx.SendBatch(ctx, b)
	for range n {
		if _, err := sent.Exec(); err != nil {
			_ = sent.Close() // it says the same
			return nil, err
		}
	}
	return sent, nil
}

// sentRows are rows of a query that was sent with others.
type sentRows struct {
	pgx.Rows
	sent pgx.BatchResults
}

// Close ends them. What went wrong is their Err.
func (r sentRows) Close() {
	r.Rows.Close()
	_ = r.sent.Close()
}

// Rollback takes it back.
func (t *tx) Rollback(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.s.opts.Answer)
	defer cancel()
	if err := t.tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		return mark(err)
	}
	return nil
}

// telling tells other processes of a commit that has written something, and returns its number. Nobody is told where there is nothing to say.
const telling = `SELECT id, CASE WHEN id IS NOT NULL AND $2 <> '' THEN CAST(pg_notify($1, $2) AS text) END
	FROM (SELECT CAST(pg_current_xact_id_if_assigned() AS text) AS id) own`

// Commit commits it. When the answer is lost, the database is asked what became of it.
func (t *tx) Commit(ctx context.Context) error {
	said := t.s.self
	if !slices.ContainsFunc(t.views, func(v *transaction) bool { return !v.Quiet() }) {
		said = "" // processes renew their leases each second
	}
	if slices.ContainsFunc(t.views, (*transaction).Woke) {
		said += wakes
	}
	limited, cancel := context.WithTimeout(ctx, t.s.opts.Answer)
	defer cancel()
	var id, told *string
	if err := t.tx.QueryRow(limited, telling, t.s.channel, said).Scan(&id, &told); err != nil {
		return errors.Join(mark(err), t.Rollback(ctx))
	}
	err := t.tx.Commit(limited)
	if err == nil || id == nil {
		return mark(err)
	}
	landed, unknown := t.s.landed(context.WithoutCancel(ctx), *id, err)
	switch {
	case unknown != nil:
		return unknown
	case landed:
		return nil
	default:
		return mark(err)
	}
}

// asking is how long a question after a commit waits for its answer, and between is how long it is waited before the next one
// at first and at most.
const (
	asking       = 10 * time.Second
	leastBetween = 50 * time.Millisecond
	between      = time.Second
)

// landed reports whether a transaction was committed whose commit had no good answer. It asks until the database answers, which
// has to notice the loss of a connection, too: those who wait must not be told of a failure when it was committed, and nothing
// else can be written meanwhile. Only the end of the store ends that, with an error.
func (s *Store) landed(ctx context.Context, id string, lost error) (bool, error) {
	for pause, asked := leastBetween, false; ; pause = min(2*pause, between) {
		status, err := s.status(ctx, id)
		switch {
		case err == nil && status == "committed", err == nil && status == "aborted":
			if asked {
				s.opts.Log.Info("the database tells what became of the commit", "status", status)
			}
			return status == "committed", nil
		case err == nil && status != "in progress":
			s.opts.Log.Error("nobody knows whether a transaction was committed: its answer was lost, and the database does not know it any more", "transaction", id)
			return false, errUnknown
		case pause == between && !asked:
			asked = true
			s.opts.Log.Error("the answer to a commit was lost; the database is asked what became of it until it answers, and nothing is written until then",
				"transaction", id, "lost", lost, "error", mark(err))
		}
		select {
		case <-s.queue.Closing():
			s.opts.Log.Error("nobody knows whether a transaction was committed: its answer was lost, and the store was closed before the database gave another", "transaction", id)
			return false, errUnknown
		case <-time.After(pause):
		}
	}
}

// errUnknown is the error of those whose transaction may have been committed or not.
var errUnknown = errors.New("nobody knows whether it was committed: the answer of the database was lost")

// status is what the database says of a transaction: "committed", "aborted", "in progress", or "" when it is so old that it does
// not know.
func (s *Store) status(ctx context.Context, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, min(asking, s.opts.Answer))
	defer cancel()
	var status *string
	err := s.pool.QueryRow(ctx, "SELECT pg_xact_status(CAST($1 AS xid8))", id).Scan(&status)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "22023" {
		return "aborted", nil // another server has taken over, and never heard of it
	}
	if err != nil || status == nil {
		return "", err
	}
	return *status, nil
}

// transaction is one function's view of the shared transaction.
type transaction struct {
	sqlstore.Queries
	*sqlqueue.Tx
	c         conn
	in        *tx
	onFailure func(func())
}

// OnFailure notes what is to be undone when the transaction fails, see [store.Tx].
func (t *transaction) OnFailure(undo func()) { t.onFailure(undo) }

var _ store.Tx = (*transaction)(nil)
