package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

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

// migrate brings the tables up to date, one process at a time, and not under older programs that are at work, see [sqlmigrate.Alone].
// Migrations may land in another order than that of their numbers. Nothing is changed in tables of a newer program.
func (s *Store) migrate(ctx context.Context) (err error) {
	m, err := s.migrator()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	state, err := m.wanted(ctx)
	if err != nil || state == nil {
		return err
	}
	now := func(ctx context.Context) (time.Time, error) { return s.now(ctx, s.conn()) }
	if err := sqlmigrate.Alone(ctx, s.conn(), state, now); err != nil { // before the lock, without which no lease is renewed
		return err
	}
	// Others who make them wait in a transaction that holds the lock of those that write.
	lock, err := s.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: s.begin + "; SET LOCAL idle_in_transaction_session_timeout = 0"})
	if err != nil {
		return fmt.Errorf("wait for other processes: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Rollback(context.WithoutCancel(ctx))) }()
	if state, err = m.wanted(ctx); err != nil || state == nil {
		return err
	}
	return m.up(ctx)
}

// migrator makes the migrations of a store.
type migrator struct {
	s      *Store
	db     *sql.DB
	files  fs.FS
	ours   *goose.Provider
	rivers *rivermigrate.Migrator[pgx.Tx]
}

// migrator returns one, which the caller closes.
func (s *Store) migrator() (*migrator, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	m := &migrator{s: s, db: stdlib.OpenDBFromPool(s.pool), files: sub}
	if m.ours, err = goose.NewProvider(goose.DialectPostgres, m.db, sub, goose.WithAllowOutofOrder(true)); err != nil {
		return nil, errors.Join(fmt.Errorf("read migrations: %w", err), m.Close())
	}
	if m.rivers, err = rivermigrate.New(riverpgxv5.New(s.pool), &rivermigrate.Config{Logger: s.opts.Log}); err != nil {
		return nil, errors.Join(fmt.Errorf("read river's migrations: %w", err), m.Close())
	}
	return m, nil
}

// Close gives back its connections.
func (m *migrator) Close() error { return m.db.Close() }

// look reads how the tables stand to the migrations.
func (m *migrator) look(ctx context.Context) (*sqlmigrate.State, error) {
	return sqlmigrate.Look(ctx, m.s.conn(), m.files, m.ours, m.rivers)
}

// wanted is the state of tables that are behind the program, and nil for those that are not. Tables of a newer program are
// an error.
func (m *migrator) wanted(ctx context.Context) (*sqlmigrate.State, error) {
	state, err := m.look(ctx)
	if err == nil {
		err = state.Newer()
	}
	if err != nil || !state.Behind() {
		return nil, err
	}
	return state, nil
}

func (m *migrator) up(ctx context.Context) error {
	if _, err := m.rivers.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	if _, err := m.ours.Up(ctx); err != nil { // ours change River's tables, too
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
