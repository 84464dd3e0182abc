package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
)

// migrations begin with the tables as they were when this store came to be. From then on each
// has the number of the one of the other databases that does the same.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the tables up to date, one process at a time. Migrations may land in another order than that of their
// numbers. Nothing is changed in tables of a newer program.
func (s *Store) migrate(ctx context.Context) (err error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(s.pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, sub, goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	m, err := rivermigrate.New(riverpgxv5.New(s.pool), &rivermigrate.Config{Logger: s.opts.Log})
	if err != nil {
		return fmt.Errorf("read river's migrations: %w", err)
	}
	if behind, err := sqlmigrate.Pending(ctx, s.conn(), p, m); err != nil || !behind {
		return err
	}
	// Others who make them wait in a transaction that holds the lock of those that write.
	lock, err := s.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: s.begin + "; SET LOCAL idle_in_transaction_session_timeout = 0"})
	if err != nil {
		return fmt.Errorf("wait for other processes: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Rollback(context.WithoutCancel(ctx))) }()
	if behind, err := sqlmigrate.Pending(ctx, s.conn(), p, m); err != nil || !behind {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	return nil
}
