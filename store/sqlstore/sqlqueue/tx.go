package sqlqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Insert writes jobs that wait in a transaction.
type Insert func(ctx context.Context, js []store.Job) error

// Tx hands out and ends jobs in one transaction, see [store.QueueTx].
type Tx struct {
	c       sqlrow.Conn
	process *Process
	insert  Insert
	// onFailure notes what is to be undone when the transaction fails.
	onFailure func(undo func())
	words     *words
	// by holds the job that ended last in it, and taken are those taken of which nobody knew yet who holds them.
	by    *Holder
	taken []Handle
	// waiting is how many more jobs wait for a worker than before, by their queues, and back how many were given back.
	waiting map[string]int
	back    int
	// quiet says that what it does is nothing that others need to hear of.
	quiet bool
}

// NewTx returns the jobs in the transaction c for a process. onFailure notes what is to be undone when it fails; insert nil
// writes jobs by [Tx]'s own statement, which is one of PostgreSQL.
func NewTx(c sqlrow.Conn, p *Process, insert Insert, onFailure func(undo func())) *Tx {
	t := &Tx{c: c, process: p, insert: insert, onFailure: onFailure, words: &wordsOf[c.Dialect()], waiting: map[string]int{}}
	if insert == nil {
		t.insert = t.add
	}
	return t
}

// Woke reports whether more jobs wait for a worker than before.
func (t *Tx) Woke() bool {
	for _, n := range t.waiting {
		if n > 0 {
			return true
		}
	}
	return t.back > 0
}

// Quiet reports whether it has only renewed a lease: of that nobody needs to be told.
func (t *Tx) Quiet() bool { return t.quiet }

// Enqueue hands attempts to the workers once the transaction commits.
func (t *Tx) Enqueue(ctx context.Context, js []store.Job) error {
	if len(js) == 0 {
		return nil
	}
	if err := t.insert(context.WithoutCancel(ctx), js); err != nil {
		return fmt.Errorf("queue attempts: %w", err)
	}
	for _, j := range js {
		t.waiting[queueOf(j.Queue)]++
	}
	return nil
}

// add writes jobs in one statement, in their order. The time is the database's, as all processes share that one only.
func (t *Tx) add(ctx context.Context, js []store.Job) error {
	type row struct {
		Args  attempt `json:"args"`
		Queue string  `json:"queue"`
	}
	rows := make([]row, len(js))
	for i, j := range js {
		rows[i] = row{attempt{plain(j)}, queueOf(j.Queue)}
	}
	values, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode attempts: %w", err)
	}
	_, err = t.c.Exec(ctx, `INSERT INTO river_job (args, kind, max_attempts, queue)
		SELECT value -> 'args', ?, ?, value ->> 'queue' FROM jsonb_array_elements(CAST(? AS jsonb)) WITH ORDINALITY AS v (value, n) ORDER BY n`,
		attempt{}.Kind(), maxAttempts, string(values))
	return err
}

// plain is a job whose texts every database takes.
func plain(j store.Job) store.Job {
	j.TaskID, j.Queue = sqlrow.Clean(j.TaskID), sqlrow.Clean(j.Queue)
	return j
}

// Take makes the job that has waited longest run on this node, see [store.QueueTx]. Workers
// fetch theirs some time after a commit, in a transaction of their own.
func (t *Tx) Take(ctx context.Context) (*store.Job, error) {
	js, err := t.take(ctx)
	if err != nil {
		return nil, fmt.Errorf("take an attempt: %w", err)
	}
	if len(js) == 0 {
		return nil, nil
	}
	t.waiting[queueOf(js[0].Queue)]--
	h := js[0].Handle.(Handle) //nolint:forcetypeassert // take made it
	t.hold(h)
	return &js[0], nil
}

func (t *Tx) take(ctx context.Context) ([]store.Job, error) {
	if t.c.Dialect() == sqlrow.SQLite {
		return jobs(ctx, t.c, takeOfSQLite, t.process.node)
	}
	return Fetch(ctx, t.c, t.process, 1)
}

// Fetch makes up to n jobs that have waited longest run on a node of PostgreSQL. It needs no other statement in its
// transaction. It does not hold them yet: see [Process.Begin].
func Fetch(ctx context.Context, c sqlrow.Conn, p *Process, n int) ([]store.Job, error) {
	s := p.serving()
	return jobs(ctx, c, s.fetch, s.args(nil, n, n, p.life, p.node)...)
}

// hold notes that the process holds a job from here on: with the holder of the one that ends in this transaction.
func (t *Tx) hold(h Handle) {
	t.process.hold(h, t.by)
	t.onFailure(func() { t.process.drop(h) })
	if t.by == nil {
		t.taken = append(t.taken, h)
	}
}

// drop notes that the process does not hold a job any more.
func (t *Tx) drop(h Handle) {
	by, undo := t.process.drop(h)
	t.onFailure(undo)
	if by == nil {
		return
	}
	t.by = by
	for _, h := range t.taken {
		if t.process.Holds(h) {
			t.process.hold(h, by)
		}
	}
	t.taken = nil
}

// swaps is how many jobs may follow each other in one row: attempt, by which the fence tells
// them apart, must stay far below maxAttempts.
const swaps = 1 << 10

// Exchange ends a job and takes the next, see [store.QueueTx]. When nothing waits the next is
// one of the others, and takes over the row of the ended one: a step of a chain then writes one
// row of the queue, not two.
func (t *Tx) Exchange(ctx context.Context, ended store.Job, others []store.Job) (*store.Job, error) {
	if len(others) > 0 && t.process.serves(others[0]) {
		next, err := t.swap(ctx, ended, others[0])
		if err != nil {
			return nil, err
		}
		if next != nil {
			return next, t.Enqueue(ctx, others[1:])
		}
	}
	if err := t.Complete(ctx, ended); err != nil {
		return nil, err
	}
	if err := t.Enqueue(ctx, others); err != nil {
		return nil, err
	}
	return t.Take(ctx)
}

// swap makes the row of a job that ends that of the next, already running. It returns nil, and
// changes nothing, when another job waits or the job is not the holder's any more.
func (t *Tx) swap(ctx context.Context, ended, next store.Job) (*store.Job, error) {
	h, ok := ended.Handle.(Handle)
	if !ok {
		return nil, errors.New("exchange a job that no worker holds")
	}
	args, err := json.Marshal(attempt{plain(next)})
	if err != nil {
		return nil, fmt.Errorf("encode an attempt: %w", err)
	}
	p := t.process
	query, values := swapOfSQLite, []any{string(args), p.node, h.ID, h.Attempt, swaps, h.Node}
	if t.c.Dialect() != sqlrow.SQLite {
		s := p.serving()
		query, values = s.swap, s.args([]any{string(args), queueOf(next.Queue), p.life, p.node, h.ID, h.Attempt, swaps, h.Node})
	}
	n, err := t.c.Exec(ctx, query, values...)
	if err != nil {
		return nil, fmt.Errorf("exchange the job of an attempt: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	now := Handle{ID: h.ID, Attempt: h.Attempt + 1, Node: p.node, free: true}
	t.drop(h)
	t.hold(now)
	next.Handle = now
	return &next, nil
}

// Handle is the reference to a running job. Each taking of a job counts its attempt up,
// so the fields tell this taking from every other.
type Handle struct {
	ID, Attempt int64
	Node        string
	// free says that no worker gives it back itself: its node is dead, or Take gave it.
	free bool
}

// Held is the reference of a job whose worker gives it back itself.
func (h Handle) Held() Handle {
	h.free = false
	return h
}

// Complete ends a job inside this transaction, see [store.QueueTx]. River's own
// JobCompleteTx does the same in five statements and without the fence.
func (t *Tx) Complete(ctx context.Context, j store.Job) error {
	h, ok := j.Handle.(Handle)
	if !ok {
		return errors.New("complete a job that no worker holds")
	}
	if err := t.change(ctx, "state = 'completed', finalized_at = "+t.words.now, h); err != nil {
		return err
	}
	t.drop(h)
	return nil
}

// Release makes a job available to the workers again, see [store.QueueTx].
func (t *Tx) Release(ctx context.Context, j store.Job) error {
	h, ok := j.Handle.(Handle)
	if !ok || !h.free {
		return errors.New("release a job that its worker gives back itself")
	}
	return t.giveBack(ctx, h)
}

// Return makes jobs available that workers give back, and passes over those that are not theirs any more.
func (t *Tx) Return(ctx context.Context, hs []Handle) error {
	for _, h := range hs {
		if err := t.giveBack(ctx, h); err != nil && !errors.Is(err, store.ErrLostLease) {
			return err
		}
	}
	return nil
}

func (t *Tx) giveBack(ctx context.Context, h Handle) error {
	if err := t.change(ctx, "state = 'available'", h); err != nil {
		return err
	}
	t.drop(h)
	t.back++
	return nil
}

// change is the fence: a job that has ended, or that was taken again since, is not the
// holder's to change.
func (t *Tx) change(ctx context.Context, set string, h Handle) error {
	n, err := t.c.Exec(ctx, t.words.change[0]+set+t.words.change[1], h.ID, h.Attempt, h.Node)
	if err != nil {
		return fmt.Errorf("change the job of an attempt: %w", err)
	}
	if n == 0 {
		return store.ErrLostLease
	}
	return nil
}

// Running lists the jobs that are running.
func (t *Tx) Running(ctx context.Context) ([]store.Job, error) { return t.lost(ctx, "") }

// Beat renews the lease of the process until a moment in milliseconds, and lists the running jobs of those whose lease
// has ended by now.
func (t *Tx) Beat(ctx context.Context, now, until int64) ([]store.Job, error) {
	if err := t.renewLease(ctx, until); err != nil {
		return nil, err
	}
	return t.Lost(ctx, now)
}

func (t *Tx) renewLease(ctx context.Context, until int64) error {
	if _, err := t.c.Exec(ctx, `INSERT INTO node_lease (node, expires) VALUES (?, ?)
		ON CONFLICT (node) DO UPDATE SET expires = excluded.expires`, t.process.node, until); err != nil {
		return fmt.Errorf("renew the lease: %w", err)
	}
	return nil
}

// Lost lists the running jobs of processes whose lease has ended by a moment in milliseconds.
func (t *Tx) Lost(ctx context.Context, now int64) ([]store.Job, error) {
	return t.lost(ctx, " AND "+t.words.lastNode+" NOT IN (SELECT node FROM node_lease WHERE expires > ?)", now)
}

// lost lists the running jobs that match.
func (t *Tx) lost(ctx context.Context, and string, args ...any) ([]store.Job, error) {
	js, err := jobs(ctx, t.c, "SELECT "+t.words.jobColumns+" FROM river_job WHERE state = 'running'"+and, args...)
	if err != nil {
		return nil, fmt.Errorf("find lost attempts: %w", err)
	}
	return js, nil
}

// Strays lists the jobs that a process of PostgreSQL took and does not hold: the answer to a fetch was lost, or a handler has
// neither ended nor given back what it held. It must not fetch meanwhile, and what
// comes of it must be written in the transaction that it was read in.
func (t *Tx) Strays(ctx context.Context) ([]Handle, error) { return Strays(ctx, t.c, t.process) }

// Strays is that of a transaction, to see whether there are any.
func Strays(ctx context.Context, c sqlrow.Conn, p *Process) (hs []Handle, err error) {
	js, err := jobs(ctx, c, "SELECT "+wordsOf[c.Dialect()].jobColumns+" FROM river_job WHERE state = 'running' AND attempted_by[1] = ?", p.life)
	if err != nil {
		return nil, fmt.Errorf("look for jobs that nobody holds: %w", err)
	}
	for _, j := range js {
		if h := j.Handle.(Handle); !p.Holds(h) { //nolint:forcetypeassert // jobs made it
			hs = append(hs, h)
		}
	}
	return hs, nil
}

// jobs reads running jobs that no worker gives back itself.
func jobs(ctx context.Context, c sqlrow.Conn, query string, args ...any) (js []store.Job, err error) {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var j store.Job
		h := Handle{free: true}
		if err := rows.Scan(&h.ID, &h.Attempt, &h.Node, &j.RunKey, &j.TaskID, &j.MapIndex, &j.Try, &j.Queue); err != nil {
			return nil, err
		}
		j.Handle = h
		js = append(js, j)
	}
	return js, rows.Err()
}
