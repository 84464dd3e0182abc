// Package postgres is the durable store in a PostgreSQL database, version 13 or newer, with River's queue in the
// same database so that a task's state, its successors and its job end in one transaction. Any number of processes
// may use it at once: the transactions of all of them follow one another, as in a store of one file.
package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcopy"
	"github.com/dingdag/dingdag/store/sqlstore/sqllist"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlvault"
)

// Options configures [Open]. The zero value is a safe default.
type Options struct {
	// Node identifies this process in leases and jobs, among all on the database. Jobs of an earlier life under the same
	// name are not found as lost while this one lives: each life has a name of its own. Empty is "local".
	Node string
	// Cipher encrypts connections at rest. Without it none with a secret can be stored. All processes must have the same.
	Cipher *connections.Cipher
	// Unlock gives the cipher, in place of Cipher, once it is known whether the store holds
	// anything encrypted: a new key would not decrypt that. Its error ends Open.
	Unlock func(sealed bool) (*connections.Cipher, error)
	// PollOnly says that the database is reached through a pooler that lends connections to single transactions,
	// as PgBouncer does with pool_mode = transaction. There nobody can be told of anything, so that
	// it is looked for what others did. It is found out by itself, too.
	PollOnly bool
	// Copying opens a database into which a store is being copied, which is refused otherwise, see [sqlcopy.Copy].
	Copying bool
	// Looks is how often it is looked for jobs of which nobody has told, and, while nothing is heard of other processes, for what
	// they did. 0 is 1 s.
	Looks time.Duration
	// Wait is how long a transaction waits for those of other processes before it fails with [store.ErrBusy]. 0 is 10 s.
	Wait time.Duration
	// Idle is how long a transaction may stand still before the database takes it back, so that a process that was
	// frozen holds up no other one. 0 is 4 s, less than it takes until another leads.
	Idle time.Duration
	// Answer is how long the database may take to answer a statement, or to give the next row, before the connection
	// is given up with [store.ErrBusy]. 0 is 1 min.
	Answer time.Duration
	// Clock is the time that leases go by; nil is the clock of the database, which all processes share.
	Clock func() time.Time
	// Observe, when set, is told how long each stage of work took. It must return at once.
	Observe func(s sqlcommit.Stage, took time.Duration)
	// Log receives the messages of the store and of River's migrations; nil discards them.
	Log *slog.Logger
}

// Reading is a query outside of transactions, until its first rows may be read.
const Reading sqlcommit.Stage = "read"

// Store is the store in a database. It is safe for concurrent use.
type Store struct {
	sqlstore.Queries // reads, outside any transaction
	sqlvault.Secrets

	opts  Options
	pool  *pgxpool.Pool
	queue *sqlcommit.Committer[*tx, *transaction]
	ends  ends
	// begin begins a transaction that writes.
	begin string
	// channel is where commits are told, and self the name of this life of the process, by which it tells of its own.
	channel, self string

	// process is what this one has of the jobs, hub wakes its workers, and heard those who want to know of commits of others.
	process *sqlqueue.Process
	// epoch is that of the lead of this process, 0 while it does not lead.
	epoch     atomic.Int64
	hub       sqlqueue.Hub
	heard     sqlqueue.Hub
	commits   atomic.Int64
	listening atomic.Bool
	stop      context.CancelFunc
	work      sync.WaitGroup
	once      sync.Once
}

var _ store.Store = (*Store)(nil)

// Lists reads lists with many filters.
func (s *Store) Lists() listing.Reader { return sqllist.New(s.conn()) }

// Open connects to the database of a URL and brings its tables up to date; they are in the first schema of the
// search path, which must exist. The parts of the URL are those of libpq and of pgx, such as sslmode, sslrootcert,
// statement_timeout, pool_max_conns (default 10) and search_path. No error shows the URL or its password.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	return openWith(ctx, config, o)
}

// filled are the options with their defaults.
func (o Options) filled() Options {
	o.Node = cmp.Or(o.Node, "local")
	o.Looks = cmp.Or(o.Looks, time.Second)
	o.Wait, o.Idle, o.Answer = cmp.Or(o.Wait, 10*time.Second), cmp.Or(o.Idle, 4*time.Second), cmp.Or(o.Answer, time.Minute)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func openWith(ctx context.Context, config *pgxpool.Config, o Options) (*Store, error) {
	o = o.filled()
	pool, pooled, err := newPool(ctx, config, o.Log)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", explain(err))
	}
	o.PollOnly = o.PollOnly || pooled
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	self := rand.Text()
	s := &Store{opts: o, pool: pool, self: self, process: sqlqueue.NewProcess(o.Node, self), stop: stop}
	s.Queries = sqlstore.New(s.conn(), o.Node)
	if err := s.prepare(ctx); err != nil {
		stop()
		pool.Close()
		return nil, fmt.Errorf("open the database: %w", explain(err))
	}
	s.queue = s.newCommitter()
	s.ends = ends{s: s, todo: make(chan *pendingEnd, mostEnds), told: make(chan struct{}, 1)}
	s.ends.work.Go(s.ends.run)
	if s.Secrets, err = sqlvault.Open(ctx, s.conn(), s.change, o.Cipher, o.Unlock); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), s.Close())
	}
	s.work.Go(func() { s.ends.tellOthers(background) })
	if !o.PollOnly {
		s.work.Go(func() { s.listen(background, config.ConnConfig) })
	}
	return s, nil
}

// oldest is the number of the oldest version that has what is used here.
const oldest = 130000

// errSchema is the error of a database in which there is no place for tables.
var errSchema = errors.New("there is no schema of its search_path that its user may use: create one, GRANT USAGE on it, or name another")

// prepare looks at the database and makes its tables.
func (s *Store) prepare(ctx context.Context) error {
	var version int
	var encoding string
	var schema *string
	var reading bool
	limited, cancel := context.WithTimeout(ctx, s.opts.Answer)
	defer cancel()
	if err := s.pool.QueryRow(limited, `SELECT CAST(current_setting('server_version_num') AS int), current_setting('server_encoding'), current_schema(),
		CAST(current_setting('transaction_read_only') AS boolean)`).Scan(&version, &encoding, &schema, &reading); err != nil {
		return err
	}
	switch {
	case version < oldest:
		return fmt.Errorf("it is PostgreSQL %d; want 13 or newer", version/10000)
	case encoding != "UTF8":
		return fmt.Errorf("its encoding is %s: create another, with the encoding UTF8", encoding)
	case schema == nil:
		return errSchema
	case reading:
		return errReading
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte("dingdag." + *schema)) // it cannot fail
	s.begin = fmt.Sprintf(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = %d; SET LOCAL idle_in_transaction_session_timeout = %d;
		SELECT pg_advisory_xact_lock(%d)`, s.opts.Wait.Milliseconds(), s.opts.Idle.Milliseconds(), int64(hash.Sum64())) //nolint:gosec // any number will do
	s.channel = fmt.Sprintf("dingdag_%x", hash.Sum64())
	if err := s.migrate(ctx); err != nil {
		return s.lacking(err, *schema)
	}
	if s.opts.Copying {
		return nil
	}
	return sqlcopy.Unfinished(ctx, s.conn())
}

// Close ends the store. Transactions under way finish first.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.queue.Close()
		s.ends.work.Wait()
		s.stop()
		s.work.Wait()
		s.pool.Close()
	})
	return nil
}

// Commits is how many transactions that write this process has begun. Several of those that functions run in share one.
func (s *Store) Commits() int64 { return s.commits.Load() }

// InPlace returns nil: nobody takes a database away from under those who are connected to it, as a file can be.
func (s *Store) InPlace() error { return nil }

// began is the moment of what is measured.
func (s *Store) began() time.Time {
	if s.opts.Observe == nil {
		return time.Time{}
	}
	return time.Now() //nolint:forbidigo // a stretch of time is measured
}

// took tells how long some work took, and returns its end.
func (s *Store) took(stage sqlcommit.Stage, began time.Time) time.Time {
	if s.opts.Observe == nil {
		return began
	}
	now := time.Now() //nolint:forbidigo // a stretch of time is measured
	s.opts.Observe(stage, now.Sub(began))
	return now
}
