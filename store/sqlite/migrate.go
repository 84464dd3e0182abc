package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlvault"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:generate go test . -count 1 -run ^TestTablesOfNewStores$ -write

// newTables makes at once what all migrations make one after another, which takes ten times as
// long. A test compares the two and writes this file.
//
//go:embed tables_gen.sql
var newTables string

// migrate brings the tables up to date. Migrations have landed in another order than that
// of their numbers, so one with a lower number than the last may be missing; none of them
// depends on a higher one. Nothing is changed in a store of a newer program, nor under an older one that is at work, see
// [sqlmigrate.Alone].
func (s *Store) migrate(ctx context.Context) error {
	if made, err := s.makeTables(ctx); err != nil || made {
		return err
	}
	p, m, err := s.migrators()
	if err != nil {
		return err
	}
	state, err := s.look(ctx, p, m)
	if err == nil {
		err = state.Newer()
	}
	if err != nil || !state.Behind() {
		return err
	}
	now := func(context.Context) (time.Time, error) { return s.opts.Clock(), nil }
	if err := sqlmigrate.Alone(ctx, pool{s.write, s}, state, now); err != nil {
		return err
	}
	return s.migrateUp(ctx, p, m)
}

// makeTables makes the tables of a store that holds none. It reports whether it did.
func (s *Store) makeTables(ctx context.Context) (made bool, err error) {
	n, err := s.countTables(ctx, s.write)
	if err != nil || n > 0 {
		return false, err
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("create the tables: %w", err)
	}
	defer func() {
		if !made {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	// Another process may have made them in between.
	if n, err = s.countTables(ctx, tx); err != nil || n > 0 {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, newTables); err != nil {
		return false, fmt.Errorf("create the tables: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("create the tables: %w", err)
	}
	return true, nil
}

func (s *Store) countTables(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
},
) (n int, err error) {
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&n); err != nil {
		return 0, explain(err)
	}
	return n, nil
}

// migrateUp runs the migrations that a store lacks.
func (s *Store) migrateUp(ctx context.Context, p *goose.Provider, m *rivermigrate.Migrator[*sql.Tx]) error {
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	return nil
}

func (s *Store) migrators() (*goose.Provider, *rivermigrate.Migrator[*sql.Tx], error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, sub, goose.WithAllowOutofOrder(true),
		goose.WithGoMigrations(goose.NewGoMigration(queueURIs, &goose.GoFunc{RunTx: addQueueURIs}, nil)))
	if err != nil {
		return nil, nil, fmt.Errorf("read migrations: %w", err)
	}
	m, err := rivermigrate.New(riversqlite.New(s.write), &rivermigrate.Config{Logger: s.opts.Log})
	if err != nil {
		return nil, nil, fmt.Errorf("read river's migrations: %w", err)
	}
	return p, m, nil
}

// look reads how the tables stand to the migrations.
func (s *Store) look(ctx context.Context, p *goose.Provider, m *rivermigrate.Migrator[*sql.Tx]) (*sqlmigrate.State, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	state, err := sqlmigrate.Look(ctx, pool{s.write, s}, sub, p, m)
	return state, explain(err)
}

// queueURIs is the number of the migration that gives asset_queue its column uri in stores
// of the time before 00005_assets.sql had it.
const queueURIs = 17

func addQueueURIs(ctx context.Context, tx *sql.Tx) error {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM pragma_table_info('asset_queue') WHERE name = 'uri'").Scan(&n); err != nil || n > 0 {
		return err
	}
	for _, statement := range []string{
		"ALTER TABLE asset_queue RENAME TO asset_queue_before",
		"DROP INDEX asset_queue_waiting",
		"DROP INDEX asset_queue_run",
		`CREATE TABLE asset_queue (
			dag_id   TEXT NOT NULL,
			uri      TEXT NOT NULL,
			event_id INTEGER NOT NULL,
			run_key  INTEGER,
			PRIMARY KEY (dag_id, event_id)
		) WITHOUT ROWID`,
		"CREATE INDEX asset_queue_waiting ON asset_queue (dag_id, uri, event_id) WHERE run_key IS NULL",
		"CREATE INDEX asset_queue_run ON asset_queue (run_key) WHERE run_key IS NOT NULL",
		`INSERT INTO asset_queue (dag_id, uri, event_id, run_key)
			SELECT q.dag_id, e.uri, q.event_id, q.run_key FROM asset_queue_before q JOIN asset_event e ON e.id = q.event_id`,
		"DROP TABLE asset_queue_before",
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// unlock gets the cipher that opens what is encrypted.
func (s *Store) unlock(ctx context.Context) (err error) {
	s.Secrets, err = sqlvault.Open(ctx, s.pool(), s.change, s.opts.Cipher, s.opts.Unlock)
	return err
}

// openReadOnly opens a store that can't be written. SQLite wants to make files beside it,
// unless the store is at rest or whoever writes it has made them.
func openReadOnly(ctx context.Context, path string, o Options) (*Store, error) {
	s, err := openAs(ctx, path, "mode=ro", o)
	if err != nil {
		var again error
		if s, again = openAs(ctx, path, "immutable=1", o); again != nil {
			return nil, fmt.Errorf("open store %s for reading: %w", path, err)
		}
	}
	p, m, err := s.migrators()
	if err == nil {
		var state *sqlmigrate.State
		if state, err = s.look(ctx, p, m); err == nil {
			err = state.Newer()
		}
		if err == nil && state.Behind() {
			err = errors.New("its tables are of an older program: start dingdag once where it can be written")
		}
	}
	if err == nil {
		err = s.unlock(ctx)
	}
	if err == nil {
		s.file, err = os.Stat(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s for reading: %w", path, err), s.Close())
	}
	return s, nil
}

func openAs(ctx context.Context, path, how string, o Options) (*Store, error) {
	if how == "immutable=1" {
		if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
			return nil, errors.New("it has a log that is not merged")
		}
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + how + "&" + url.Values{"_pragma": {"busy_timeout(10000)", "query_only(1)"}}.Encode()
	read, err := OpenDB(dsn)
	if err != nil {
		return nil, err
	}
	var n int
	if err := read.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&n); err != nil {
		return nil, errors.Join(explain(err), read.Close())
	}
	s := &Store{opts: o, path: path, write: read, read: read, hub: &sqlqueue.Hub{}, process: sqlqueue.NewProcess(o.Node, o.Node)}
	s.Queries = sqlstore.New(s.pool(), o.Node)
	s.queue = newCommitter(s)
	return s, nil
}
