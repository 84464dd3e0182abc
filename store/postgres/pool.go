package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// newPool opens connections, and reports whether they lead to a pooler that lends those of the server to single transactions.
// Then statements are not prepared, unless the URL says how they are to be run: such a pooler may not know them
// the next time.
func newPool(ctx context.Context, config *pgxpool.Config, log *slog.Logger) (pool *pgxpool.Pool, pooled bool, err error) {
	if pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, false, err
	}
	if pooled, err = lends(ctx, pool); err != nil {
		pool.Close()
		return nil, false, err
	}
	if !pooled || strings.Contains(config.ConnString(), "default_query_exec_mode") {
		return pool, pooled, nil
	}
	pool.Close()
	log.Info("connections to the database are lent to single transactions, as by PgBouncer with pool_mode = transaction: statements are not prepared, and it is looked for what other processes do")
	config = config.Copy()
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err = pgxpool.NewWithConfig(ctx, config)
	return pool, true, err
}

const (
	// lendings is how often it is tried to see a connection of the server lent, because others may take it in between.
	lendings = 3
	// lending is how long it is waited for one while another is in use.
	lending = 2 * time.Second
)

// lends reports whether two connections are the same one at the server, or one is another later. A transaction over one
// keeps that of the server meanwhile.
func lends(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	one, err := pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer one.Release()
	other, err := pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer other.Release()
	for range lendings {
		if is, err := lent(ctx, one, other); is || err != nil {
			return is, err
		}
	}
	return false, nil
}

func lent(ctx context.Context, one, other *pgxpool.Conn) (is bool, err error) {
	before, err := backend(ctx, one)
	if err != nil {
		return false, err
	}
	tx, err := other.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	held, err := backend(ctx, tx)
	if err != nil || held == before {
		return err == nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, lending)
	defer cancel()
	after, err := backend(waiting, one)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return true, nil // there is no other to lend
	}
	return err == nil && after != before, err
}

// backend is the process of the server behind a connection.
func backend(ctx context.Context, q interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
},
) (pid int, err error) {
	err = q.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid)
	return pid, err
}
