// Package sqlite is the durable store in one SQLite file, with River's queue in the
// same file so that a task's state, its successors and its job end in one
// transaction. It serves one process at a time; a second one on the same file may
// read and write, but not work.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/sqlstore/sqllist"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
	"github.com/dingdag/dingdag/store/sqlstore/sqlvault"
)

// Options configures [Open]. The zero value is a safe default.
type Options struct {
	// Synchronous is SQLite's synchronous pragma, in any case: FULL (the default)
	// survives a power cut, NORMAL a crash of the process only and is faster.
	Synchronous string
	// Node identifies this process in leases and jobs. Empty is "local".
	Node string
	// Cipher encrypts connections at rest. Without it none with a secret can be stored.
	Cipher *connections.Cipher
	// Unlock gives the cipher, in place of Cipher, once it is known whether the store holds
	// anything sealed: a new key would not open that. Its error ends Open.
	Unlock func(sealed bool) (*connections.Cipher, error)
	// ReadOnly opens a store that can't be written, for looking only. Its tables must be up
	// to date.
	ReadOnly bool
	// Clock is the time source; nil is the wall clock.
	Clock func() time.Time
	// Observe, when set, is told how long each stage of work took. It must return at once.
	Observe func(s sqlcommit.Stage, took time.Duration)
	// Log receives River's and the store's own messages; nil discards them.
	Log *slog.Logger
}

// began is when some work begins, as [Store.took] wants it.
func (s *Store) began() time.Time {
	if s.opts.Observe == nil {
		return time.Time{}
	}
	return s.opts.Clock()
}

// took tells how long some work took, and returns its end.
func (s *Store) took(stage sqlcommit.Stage, began time.Time) time.Time {
	if s.opts.Observe == nil {
		return began
	}
	now := s.opts.Clock()
	s.opts.Observe(stage, now.Sub(began))
	return now
}

// Commits is how many transactions of the database this process has begun. Several of those that functions run in share one.
func (s *Store) Commits() int64 { return s.commits.Load() }

// Store is the store in one file. It is safe for concurrent use.
type Store struct {
	sqlstore.Queries // reads, outside any transaction
	sqlvault.Secrets
	*sqlqueue.Jobs[*sql.Tx]

	opts  Options
	path  string
	file  os.FileInfo // what it was when it was opened
	write *sql.DB     // one connection: SQLite has one writer
	read  *sql.DB
	hub   *sqlqueue.Hub
	// process is what this one has of the jobs.
	process *sqlqueue.Process
	queue   *committer
	// commits counts those of this process that have begun.
	commits atomic.Int64
}

var _ store.Store = (*Store)(nil)

// Lists reads lists with many filters.
func (s *Store) Lists() listing.Reader { return sqllist.New(s.pool()) }

// Open opens the file, creates it when it is missing, and brings its tables up to
// date. The folder must exist and be writable.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	o.Synchronous = strings.ToUpper(cmp.Or(o.Synchronous, "FULL"))
	if o.Synchronous != "FULL" && o.Synchronous != "NORMAL" {
		return nil, fmt.Errorf("open store %s: synchronous is %q; want FULL or NORMAL", path, o.Synchronous)
	}
	o.Node = cmp.Or(o.Node, "local")
	if o.Clock == nil {
		o.Clock = time.Now //nolint:forbidigo // the default clock starts here
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.ReadOnly {
		return openReadOnly(ctx, path, o)
	}
	// As SQLite's own builds for Linux do: a commit is as safe, and does not wait until the file's
	// time of change is on the disk too. It is a switch of the whole process.
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	empty, err := writable(path)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(" + o.Synchronous + ")"}}
	file := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	writing := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas["_pragma"]}
	if empty { // only before anything is written
		writing["_pragma"] = append([]string{fmt.Sprintf("auto_vacuum(%d)", autoVacuumIncremental)}, writing["_pragma"]...)
	}
	write, err := OpenDB(file + writing.Encode())
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	pragmas.Add("_pragma", "query_only(1)")
	read, err := OpenDB(file + pragmas.Encode())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), write.Close())
	}
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(4)
	s := &Store{opts: o, path: path, write: write, read: read, hub: &sqlqueue.Hub{}, process: sqlqueue.NewProcess(o.Node, o.Node)}
	s.Queries = sqlstore.New(s.pool(), o.Node)
	s.queue = newCommitter(s)
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	if err := s.unlock(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	if s.file, err = os.Stat(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), s.Close())
	}
	s.Jobs, err = sqlqueue.Open(riversqlite.New(write), sqlqueue.Config{
		Process: s.process, Log: o.Log, Hub: s.hub,
		Write: func(ctx context.Context, fn func(*sqlqueue.Tx) error) error {
			return s.tx(ctx, func(t *transaction) error { return fn(t.Tx) })
		},
		Read: func() sqlrow.Conn { return s.pool() },
		Now:  func(context.Context, sqlrow.Conn) (time.Time, error) { return o.Clock(), nil },
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	return s, nil
}

// writable turns the driver's late and vague errors about the file into early ones. It makes the
// file, and reports whether it is empty.
func writable(path string) (empty bool, err error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			return false, fmt.Errorf("%w: the folder must exist and be writable", pe.Err)
		}
		return false, err
	}
	info, err := f.Stat()
	if err != nil {
		return false, errors.Join(err, f.Close())
	}
	return info.Size() == 0, f.Close()
}

// Close ends the store. Transactions under way finish first.
func (s *Store) Close() error {
	s.queue.Close()
	return errors.Join(s.read.Close(), s.write.Close())
}

// explain says what to do about the driver's errors on first touching the file.
func explain(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff { // without the extended part
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("it is not a SQLite database, or it is damaged: move it away or name another file: %w", err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return fmt.Errorf("the folder must be writable: %w", err)
	default:
		return err
	}
}

// pool is a database as [sqlrow.Conn].
type pool struct {
	db *sql.DB
	s  *Store
}

// pool is the one for reading.
func (s *Store) pool() pool { return pool{s.read, s} }

func (p pool) Dialect() sqlrow.Dialect { return sqlrow.SQLite }

func (p pool) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return affected(p.db.ExecContext(ctx, query, args...))
}

func (p pool) Query(ctx context.Context, query string, args ...any) (sqlrow.Rows, error) {
	began := p.s.began()
	rows, err := p.db.QueryContext(ctx, query, args...) //nolint:rowserrcheck // the caller reads and closes them
	p.s.took(sqlcommit.Reading, began)
	return rows, err
}

// sqlTx is a transaction as [sqlrow.Conn]. No context ends a statement half-way, because
// SQLite then takes back the whole transaction, which several callers may share.
type sqlTx struct{ tx *sql.Tx }

func (t sqlTx) Dialect() sqlrow.Dialect { return sqlrow.SQLite }

func (t sqlTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return affected(t.tx.ExecContext(context.WithoutCancel(ctx), query, args...))
}

func (t sqlTx) Query(ctx context.Context, query string, args ...any) (sqlrow.Rows, error) {
	return t.tx.QueryContext(context.WithoutCancel(ctx), query, args...) //nolint:rowserrcheck // the caller reads and closes them
}

// Run runs a statement without values, see [sqlcommit.Tx].
func (t sqlTx) Run(ctx context.Context, statement string) error {
	_, err := t.tx.ExecContext(ctx, statement)
	return err
}

// Commit commits it.
func (t sqlTx) Commit(context.Context) error { return t.tx.Commit() }

// Rollback takes it back.
func (t sqlTx) Rollback(context.Context) error { return t.tx.Rollback() }

func affected(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
