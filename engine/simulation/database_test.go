package simulation_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// These are the defaults of the store on PostgreSQL.
const (
	// lockWait is how long a transaction waits for those of other processes.
	lockWait = 10 * time.Second
	// idle is how long one may stand still before the database takes it back.
	idle = 4 * time.Second
	// looks is how often it is looked for jobs of which nobody has told.
	looks = time.Second
)

// database is what the processes share: the tables of a store in a file, and around them the rules by which a database
// over a network treats those that are connected to it. The transactions of all processes follow one another.
type database struct {
	write, read *sql.DB
	// turn holds one value while a transaction is open.
	turn chan struct{}

	mu      sync.Mutex
	clients []*client
	// ended is told of the jobs that a commit has ended, by whom, and broke of what must not be.
	ended func(by string, js []store.Job)
	broke func(format string, args ...any)
}

func openDatabase(path string) (*database, error) {
	file, err := sqlitetest.Empty()
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		return nil, err
	}
	const pragmas = "&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)"
	write, err := sqlite.OpenDB("file:" + path + "?_txlock=immediate" + pragmas)
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sqlite.OpenDB("file:" + path + "?_pragma=query_only(1)" + pragmas)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(4)
	return &database{write: write, read: read, turn: make(chan struct{}, 1)}, nil
}

func (d *database) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// committed tells the other processes that one has written something.
func (d *database) committed(by *client, woke bool) {
	d.mu.Lock()
	others := slices.Clone(d.clients)
	d.mu.Unlock()
	for _, c := range others {
		if c != by {
			go c.hear(woke)
		}
	}
}

// client is the store of one process: a [store.Store] at the other end of a link.
type client struct {
	sqlstore.Queries // reads, outside any transaction

	d       *database
	l       *link
	node    string
	log     *slog.Logger
	process *sqlqueue.Process
	config  *sqlqueue.Config
	queue   *sqlcommit.Committer[*transaction, *view]
	// hub wakes the workers, and heard those who want to know of commits of others.
	hub, heard sqlqueue.Hub
	epoch      atomic.Int64
	// served are the queues whose jobs it takes; nil are all.
	served []string
}

var (
	_ store.Store = (*client)(nil)
	_ store.Tx    = (*view)(nil)
)

func (d *database) connect(node string, l *link, log *slog.Logger) *client {
	c := &client{d: d, l: l, node: node, log: log, process: sqlqueue.NewProcess(node, node)}
	c.Queries = sqlstore.New(reading{c}, node)
	c.config = &sqlqueue.Config{
		Process: c.process,
		Now:     func(context.Context, sqlrow.Conn) (time.Time, error) { return time.Now(), nil },
		Read:    func() sqlrow.Conn { return reading{c} },
		Write: func(ctx context.Context, fn func(*sqlqueue.Tx) error) error {
			return c.tx(ctx, func(v *view) error { return fn(v.Tx) })
		},
	}
	c.queue = sqlcommit.New(sqlcommit.Config[*transaction, *view]{
		Begin: c.begin,
		View:  newView,
		Wake:  c.hub.Wake,
		Began: func() time.Time { return time.Time{} },
		Took:  func(_ sqlcommit.Stage, began time.Time) time.Time { return began },
	})
	d.mu.Lock()
	d.clients = append(d.clients, c)
	d.mu.Unlock()
	return c
}

// Close ends the store.
func (c *client) Close() {
	c.queue.Close()
	c.d.mu.Lock()
	c.d.clients = slices.DeleteFunc(c.d.clients, func(o *client) bool { return o == c })
	c.d.mu.Unlock()
}

// hear tells this process of a commit of another one.
func (c *client) hear(woke bool) {
	if !c.l.hears() {
		return
	}
	if woke {
		c.hub.Wake()
	}
	c.heard.Wake()
}

// reading is the connection for reading.
type reading struct{ c *client }

func (r reading) Dialect() sqlrow.Dialect { return sqlrow.SQLite }

func (r reading) Exec(context.Context, string, ...any) (int64, error) {
	return 0, errors.New("write outside of a transaction")
}

func (r reading) Query(ctx context.Context, query string, args ...any) (sqlrow.Rows, error) {
	if err := r.c.l.trip(ctx); err != nil {
		return nil, err
	}
	return r.c.d.read.QueryContext(context.WithoutCancel(ctx), query, args...) //nolint:rowserrcheck // the caller reads and closes them
}

// transaction is one of a process, as the database has it.
type transaction struct {
	c     *client
	views []*view

	mu sync.Mutex
	// tx is nil when it has ended, for the reason why.
	tx    *sql.Tx
	why   error
	still *time.Timer
	// epoch is that of who leads, 0 while it was not asked for.
	epoch int64
	// whole says that it is one statement, which the database runs by itself.
	whole bool
}

// begin waits for its turn and begins a transaction.
func (c *client) begin(ctx context.Context) (*transaction, error) {
	if err := c.l.trip(ctx); err != nil {
		return nil, err
	}
	t := &transaction{c: c}
	if err := c.take(); err != nil {
		return nil, err
	}
	var err error
	if t.tx, err = c.d.write.BeginTx(context.Background(), nil); err != nil {
		<-c.d.turn
		return nil, err
	}
	t.still = time.AfterFunc(idle, func() { t.takeBack(errTakenBack) })
	c.l.mu.Lock()
	c.l.broken[t] = true
	dead := c.l.dead
	c.l.mu.Unlock()
	if dead {
		t.takeBack(errBroken)
		return nil, errDead
	}
	return t, nil
}

// take waits for the turn of this process.
func (c *client) take() error {
	late := time.NewTimer(lockWait)
	defer late.Stop()
	select {
	case c.d.turn <- struct{}{}:
		return nil
	case <-late.C:
		return errLocked
	case <-c.l.died:
		return errDead
	}
}

// finish ends the transaction on the side of the database.
func (t *transaction) finish(end func(*sql.Tx) error, why error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tx == nil {
		return t.why
	}
	t.still.Stop()
	t.c.l.mu.Lock()
	delete(t.c.l.broken, t)
	t.c.l.mu.Unlock()
	err := end(t.tx)
	t.tx, t.why = nil, why
	<-t.c.d.turn
	return err
}

// takeBack rolls it back.
func (t *transaction) takeBack(why error) { _ = t.finish((*sql.Tx).Rollback, why) }

// do runs a statement in it.
func (t *transaction) do(ctx context.Context, f func(*sql.Tx) error) error {
	if !t.whole {
		if err := t.c.l.trip(ctx); err != nil {
			t.takeBack(err)
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tx == nil {
		return t.why
	}
	t.still.Reset(idle)
	return f(t.tx)
}

// Run runs a statement without values: one of a savepoint, which goes with the next.
func (t *transaction) Run(ctx context.Context, statement string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tx == nil {
		return t.why
	}
	_, err := t.tx.ExecContext(context.WithoutCancel(ctx), statement)
	return err
}

// Rollback takes it back.
func (t *transaction) Rollback(context.Context) error {
	t.takeBack(errBroken)
	return nil
}

// Commit commits it. When the answer is lost the database is asked until it tells what became of it.
func (t *transaction) Commit(ctx context.Context) error {
	if err := t.c.l.trip(ctx); err != nil {
		t.takeBack(err)
		return err
	}
	if err := t.land(); err != nil {
		return err
	}
	if t.c.l.luck() {
		return t.c.l.reach()
	}
	return t.c.l.pass(context.Background(), t.c.l.latency())
}

// land commits it on the side of the database, which tells the others.
func (t *transaction) land() error {
	return t.finish(func(tx *sql.Tx) error {
		if err := tx.Commit(); err != nil {
			return err
		}
		var js []store.Job
		woke := false
		for _, v := range t.views {
			js = append(js, v.completed...)
			woke = woke || v.Woke()
		}
		t.c.d.ended(t.c.node, js)
		t.c.d.committed(t.c, woke)
		return nil
	}, errors.New("it is committed"))
}

// view is one function's view of a transaction.
type view struct {
	sqlstore.Queries
	*sqlqueue.Tx
	in        *transaction
	onFailure func(func())
	completed []store.Job
	// own says that it may change what this process itself does only.
	own bool
}

func newView(t *transaction, onFailure func(func())) *view {
	v := &view{in: t, onFailure: onFailure}
	v.Queries = sqlstore.New(writing{v}, t.c.node)
	v.Tx = sqlqueue.NewTx(writing{v}, t.c.process, v.insert, onFailure)
	onFailure(func() { v.completed = nil })
	t.views = append(t.views, v)
	return v
}

// writing is the connection of a view.
type writing struct{ v *view }

func (w writing) Dialect() sqlrow.Dialect { return sqlrow.SQLite }

// written are the tables that a statement changes.
var written = regexp.MustCompile(`(?i)\b(?:insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from)\s+([a-z_]+)`)

// own are those that processes change which do not lead.
var own = []string{"report", "river_job", "delivery", "delivery_attempt", "request", "rendered_fields", "rendered_run", "task_log", "task_progress"}

func (w writing) check(query string) {
	if !w.v.own {
		return
	}
	for _, m := range written.FindAllStringSubmatch(query, -1) {
		if !slices.Contains(own, m[1]) && !strings.EqualFold(m[1], "set") {
			w.v.in.c.d.broke("%s changes table %s by itself: %s", w.v.in.c.node, m[1], query)
		}
	}
}

func (w writing) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	w.check(query)
	err = w.v.in.do(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(context.WithoutCancel(ctx), query, args...)
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return n, err
}

func (w writing) Query(ctx context.Context, query string, args ...any) (rows sqlrow.Rows, err error) {
	w.check(query)
	err = w.v.in.do(ctx, func(tx *sql.Tx) error {
		rows, err = tx.QueryContext(context.WithoutCancel(ctx), query, args...) //nolint:rowserrcheck // the caller reads and closes them
		return err
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// OnFailure notes what is to be undone.
func (v *view) OnFailure(undo func()) { v.onFailure(undo) }

// insert writes jobs. Their order is that of the moments of the simulation.
func (v *view) insert(ctx context.Context, js []store.Job) error {
	for _, j := range js {
		args, err := json.Marshal(j)
		if err != nil {
			return err
		}
		now := time.Now().UTC().Format("2006-01-02 15:04:05.000")
		if _, err := (writing{v}).Exec(ctx, "INSERT INTO river_job (args, kind, max_attempts, queue, created_at, scheduled_at) VALUES (jsonb(?), 'attempt', 16384, ?, ?, ?)",
			string(args), store.DefaultQueue, now, now); err != nil {
			return err
		}
	}
	return nil
}

// Complete ends a job.
func (v *view) Complete(ctx context.Context, j store.Job) error {
	err := v.Tx.Complete(ctx, j)
	if err == nil {
		v.completed = append(v.completed, j)
	}
	return err
}

// Take takes a job, see [store.QueueTx]. One that serves some queues leaves that to its workers.
func (v *view) Take(ctx context.Context) (*store.Job, error) {
	if v.in.c.limited() {
		return nil, nil
	}
	return v.Tx.Take(ctx)
}

// Exchange ends a job and takes another.
func (v *view) Exchange(ctx context.Context, ended store.Job, others []store.Job) (*store.Job, error) {
	if v.in.c.limited() {
		if err := v.Complete(ctx, ended); err != nil {
			return nil, err
		}
		return nil, v.Enqueue(ctx, others)
	}
	j, err := v.Tx.Exchange(ctx, ended, others)
	if err == nil {
		v.completed = append(v.completed, ended)
	}
	return j, err
}

// Space is nothing that matters here.
func (v *view) Space(context.Context) (store.Space, error) { return store.Space{}, nil }

// GiveBack gives nothing back.
func (v *view) GiveBack(context.Context, int64) error { return nil }

// Space is nothing that matters here.
func (c *client) Space(context.Context) (store.Space, error) { return store.Space{}, nil }

func (c *client) tx(ctx context.Context, fn func(*view) error) error { return c.queue.Do(ctx, fn) }

// Tx runs fn in a transaction, which changes nothing when another process has taken the lead from this one.
func (c *client) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return c.tx(ctx, func(v *view) error {
		if led := c.epoch.Load(); led != 0 {
			if v.in.epoch == 0 {
				epochs, err := sqlrow.Column[int64](ctx, writing{v}, "SELECT epoch FROM leader")
				if err != nil {
					return err
				}
				v.in.epoch = epochs[0]
			}
			if v.in.epoch != led {
				return store.ErrNotLeader
			}
		}
		return fn(v)
	})
}

// Own is Tx whoever leads.
func (c *client) Own(ctx context.Context, fn func(store.Tx) error) error {
	return c.tx(ctx, func(v *view) error {
		v.own = true
		return fn(v)
	})
}

// Renew renews the lease.
func (c *client) Renew(ctx context.Context, n *store.Node, o store.Renewal) (*store.Renewed, error) {
	out, err := c.config.Renew(ctx, n, o)
	if err != nil {
		return nil, err
	}
	if lost := o.Lead && o.Epoch != 0 && out.Epoch == 0; !lost {
		c.epoch.Store(out.Epoch)
	}
	return out, nil
}

// Canceled returns the attempts that are to end.
func (c *client) Canceled(ctx context.Context) ([]*store.Canceled, error) {
	return c.config.Canceled(ctx)
}

// Taken returns the jobs that others have taken.
func (c *client) Taken(ctx context.Context, js []store.Job) ([]store.Job, error) {
	return c.config.Taken(ctx, js)
}

// End ends a job with a report, by one statement: it has happened or not, whatever becomes of the answer.
func (c *client) End(ctx context.Context, j store.Job, r *store.Report) error {
	t, err := c.begin(ctx)
	if err != nil {
		return err
	}
	t.whole = true
	var undo []func()
	v := newView(t, func(f func()) { undo = append(undo, f) })
	v.own = true
	if err = v.Complete(ctx, j); err == nil {
		err = v.InsertReports(ctx, r)
	}
	if errors.Is(err, store.ErrLostLease) {
		err = v.endedBefore(ctx, j)
	}
	if err == nil {
		err = t.land()
	}
	if err != nil {
		t.takeBack(errBroken)
		for _, f := range slices.Backward(undo) {
			f()
		}
		return err
	}
	if c.l.luck() {
		return errBroken
	}
	return c.l.pass(context.Background(), c.l.latency())
}

// endedBefore returns nil when this taking of a job has ended, and the answer that said so was lost.
func (v *view) endedBefore(ctx context.Context, j store.Job) error {
	h := j.Handle.(sqlqueue.Handle) //nolint:forcetypeassert // a worker holds it
	n, err := sqlrow.Column[int](ctx, writing{v}, "SELECT count(*) FROM river_job WHERE id = ? AND state = 'completed' AND attempt = ? AND json_extract(attempted_by, '$[#-1]') = ?", h.ID, h.Attempt, h.Node)
	if err == nil && n[0] == 0 {
		err = store.ErrLostLease
	}
	return err
}

// LeaseClock is the clock of the database.
func (c *client) LeaseClock(ctx context.Context) (time.Time, error) {
	return time.Now(), c.l.trip(ctx)
}

// Beat renews the lease.
func (c *client) Beat(ctx context.Context, lease time.Duration) ([]store.Job, error) {
	return c.config.Beat(ctx, lease)
}

// Recover returns the jobs of processes whose lease has ended.
func (c *client) Recover(ctx context.Context) (js []store.Job, err error) {
	err = c.tx(ctx, func(v *view) error {
		js, err = v.Lost(ctx, time.Now().UnixMilli())
		return err
	})
	return js, err
}

// Watch tells of commits of others.
func (c *client) Watch(ctx context.Context, noticed func()) error {
	told := make(chan struct{}, 1)
	c.heard.Add(told)
	defer c.heard.Remove(told)
	noticed()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-told:
			noticed()
		}
	}
}

// errFetch is what went wrong with a fetch.
func errFetch(err error) error { return fmt.Errorf("fetch jobs: %w", err) }
