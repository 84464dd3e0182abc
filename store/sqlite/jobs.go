package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/dingdag/dingdag/store"
)

const (
	queueName = "default"
	// maxAttempts is River's bound, which counts takeovers too. Tries are counted by
	// the engine; this one only has to be out of the way.
	maxAttempts = 1 << 14
)

// attempt is the River job of one try of one task instance.
type attempt struct {
	store.Job
}

// Kind names the job in River's tables.
func (attempt) Kind() string { return "attempt" }

// jobs is the River side of the store.
type jobs struct {
	driver *jobDriver
	insert *river.Client[*sql.Tx]
}

func (s *Store) openJobs() error {
	s.jobs.driver = &jobDriver{Driver: riversqlite.New(s.write), s: s}
	c, err := river.NewClient(s.jobs.driver, &river.Config{Logger: s.opts.Log, SkipUnknownJobCheck: true})
	if err != nil {
		return fmt.Errorf("open the job queue: %w", err)
	}
	s.jobs.insert = c
	return nil
}

// Enqueue hands attempts to the workers once the transaction commits.
func (t *transaction) Enqueue(ctx context.Context, js []store.Job) error {
	if len(js) == 0 {
		return nil
	}
	ps := make([]river.InsertManyParams, len(js))
	for i, j := range js {
		ps[i] = river.InsertManyParams{Args: attempt{j}, InsertOpts: &river.InsertOpts{MaxAttempts: maxAttempts, Queue: queueName}}
	}
	if _, err := t.s.jobs.insert.InsertManyFastTx(context.WithoutCancel(ctx), t.tx, ps); err != nil {
		return fmt.Errorf("queue attempts: %w", err)
	}
	t.waiting += len(js)
	return nil
}

// Take makes the job that has waited longest run on this node, see [store.QueueTx]. River's
// own fetch does the same some time after a commit, in a transaction of its own.
func (t *transaction) Take(ctx context.Context) (*store.Job, error) {
	js, err := t.jobs(ctx, `UPDATE river_job SET state = 'running', attempt = attempt + 1, attempted_at = `+now+`,
			attempted_by = jsonb(json_insert(coalesce(attempted_by, jsonb('[]')), '$[#]', ?))
		WHERE id = (SELECT id FROM river_job WHERE state = 'available' AND queue = ? ORDER BY priority, scheduled_at, id LIMIT 1)
		RETURNING `+jobColumns, t.s.opts.Node, queueName)
	if err != nil {
		return nil, fmt.Errorf("take an attempt: %w", err)
	}
	if len(js) == 0 {
		return nil, nil
	}
	t.waiting--
	return &js[0], nil
}

// swaps is how many jobs may follow each other in one row: attempt, by which the fence tells
// them apart, must stay far below maxAttempts.
const swaps = 1 << 10

// Exchange ends a job and takes the next, see [store.QueueTx]. When nothing waits the next is
// one of the others, and takes over the row of the ended one: a step of a chain then writes one
// row of the queue, not two.
func (t *transaction) Exchange(ctx context.Context, ended store.Job, others []store.Job) (*store.Job, error) {
	if len(others) > 0 {
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
func (t *transaction) swap(ctx context.Context, ended, next store.Job) (*store.Job, error) {
	h, ok := ended.Handle.(handle)
	if !ok {
		return nil, errors.New("exchange a job that no worker holds")
	}
	args, err := json.Marshal(attempt{next})
	if err != nil {
		return nil, fmt.Errorf("encode an attempt: %w", err)
	}
	n, err := sqlTx{t.tx}.Exec(ctx, `UPDATE river_job SET args = jsonb(?), attempt = attempt + 1, attempted_by = jsonb_array(?),
			created_at = `+now+`, scheduled_at = `+now+`, attempted_at = `+now+`
		WHERE id = ? AND state = 'running' AND attempt = ? AND attempt < ? AND `+lastNode+` = ?
			AND NOT EXISTS (SELECT 1 FROM river_job WHERE state = 'available' AND queue = ?)`,
		string(args), t.s.opts.Node, h.id, h.attempt, swaps, h.node, queueName)
	if err != nil {
		return nil, fmt.Errorf("exchange the job of an attempt: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	next.Handle = handle{id: h.id, attempt: h.attempt + 1, node: t.s.opts.Node, free: true}
	return &next, nil
}

// now is the time in River's form.
const now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"

// lastNode is the node that took a job last.
const lastNode = "json_extract(attempted_by, '$[#-1]')"

// handle is the reference to a running job. Each taking of a job counts its attempt up,
// so the fields tell this taking from every other.
type handle struct {
	id, attempt int64
	node        string
	// free says that no worker of River's holds it: its node is dead, or Take gave it.
	free bool
}

// Complete ends a job inside this transaction, see [store.QueueTx]. River's own
// JobCompleteTx does the same in five statements and without the fence.
func (t *transaction) Complete(ctx context.Context, j store.Job) error {
	h, ok := j.Handle.(handle)
	if !ok {
		return errors.New("complete a job that no worker holds")
	}
	return t.change(ctx, "state = 'completed', finalized_at = "+now, h)
}

// Release makes a job available to the workers again, see [store.QueueTx].
func (t *transaction) Release(ctx context.Context, j store.Job) error {
	h, ok := j.Handle.(handle)
	if !ok || !h.free {
		return errors.New("release a job that its worker gives back itself")
	}
	return t.giveBack(ctx, h)
}

func (t *transaction) giveBack(ctx context.Context, h handle) error {
	t.waiting++
	return t.change(ctx, "state = 'available'", h)
}

// change is the fence: a job that has ended, or that was taken again since, is not the
// holder's to change.
func (t *transaction) change(ctx context.Context, set string, h handle) error {
	n, err := sqlTx{t.tx}.Exec(ctx, "UPDATE river_job SET "+set+
		" WHERE id = ? AND state = 'running' AND attempt = ? AND "+lastNode+" = ?", h.id, h.attempt, h.node)
	if err != nil {
		return fmt.Errorf("change the job of an attempt: %w", err)
	}
	if n == 0 {
		return store.ErrLostLease
	}
	return nil
}

// Work runs the workers until ctx ends, see [store.Queue]. Running attempts then have
// o.Grace before their context is cancelled.
func (s *Store) Work(ctx context.Context, o store.WorkOptions) error {
	ws := river.NewWorkers()
	river.AddWorker(ws, river.WorkFunc(func(ctx context.Context, rj *river.Job[attempt]) error {
		j := rj.Args.Job
		j.Handle = handle{id: rj.ID, attempt: int64(rj.Attempt), node: s.opts.Node}
		err := safely(func() error { return o.Handle(ctx, j) })
		if err != nil {
			s.opts.Log.Debug("attempt given back", "task", j.TaskID, "error", err)
			return river.JobSnooze(0)
		}
		return nil // the handler has ended the job, or lost it
	}))
	c, err := river.NewClient(s.jobs.driver, &river.Config{
		ID:                s.opts.Node,
		Workers:           ws,
		Queues:            map[string]river.QueueConfig{queueName: {MaxWorkers: o.Workers}},
		JobTimeout:        -1,
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: time.Second,
		SoftStopTimeout:   o.Grace,
		Logger:            s.opts.Log,

		// A leader does River's upkeep, of which nothing is wanted: leases tell which jobs are lost, and not
		// their age, giveBack makes a job available at once, and the history says how long ended ones are kept.
		LeaderElectionDisabled: true,
	})
	if err != nil {
		return fmt.Errorf("open the workers: %w", err)
	}
	if err := c.Start(ctx); err != nil {
		return fmt.Errorf("start the workers: %w", err)
	}
	if o.Ready != nil {
		o.Ready()
	}
	stopped := c.Stopped()
	select {
	case <-stopped:
	case <-o.Hurry:
		// Its error says that the context it is given has ended, and none does.
		_ = c.StopAndCancel(context.WithoutCancel(ctx))
		<-stopped
	}
	return nil
}

// Recover returns the jobs that were running when the last process died. Only the sole
// process on the file may call it, before Work.
func (s *Store) Recover(ctx context.Context) (js []store.Job, err error) {
	err = s.tx(ctx, func(t *transaction) error {
		js, err = t.lost(ctx, "")
		return err
	})
	return js, err
}

// Beat renews this node's lease and returns the jobs of nodes whose lease ran out.
func (s *Store) Beat(ctx context.Context, lease time.Duration) (js []store.Job, err error) {
	now := s.opts.Clock()
	err = s.tx(ctx, func(t *transaction) error {
		if _, err := (sqlTx{t.tx}).Exec(ctx, `INSERT INTO node_lease (node, expires) VALUES (?, ?)
			ON CONFLICT (node) DO UPDATE SET expires = excluded.expires`, s.opts.Node, now.Add(lease).UnixMilli()); err != nil {
			return fmt.Errorf("renew the lease: %w", err)
		}
		js, err = t.lost(ctx, " AND "+lastNode+" NOT IN (SELECT node FROM node_lease WHERE expires > ?)", now.UnixMilli())
		return err
	})
	return js, err
}

// lost lists the running jobs that match.
func (t *transaction) lost(ctx context.Context, and string, args ...any) ([]store.Job, error) {
	js, err := t.jobs(ctx, "SELECT "+jobColumns+" FROM river_job WHERE state = 'running'"+and, args...)
	if err != nil {
		return nil, fmt.Errorf("find lost attempts: %w", err)
	}
	return js, nil
}

const jobColumns = "id, attempt, " + lastNode + `, json_extract(args, '$.run'), json_extract(args, '$.task'),
	json_extract(args, '$.map'), json_extract(args, '$.try')`

// jobs reads running jobs that no worker of River's holds.
func (t *transaction) jobs(ctx context.Context, query string, args ...any) (js []store.Job, err error) {
	rows, err := sqlTx{t.tx}.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var j store.Job
		h := handle{free: true}
		if err := rows.Scan(&h.id, &h.attempt, &h.node, &j.RunKey, &j.TaskID, &j.MapIndex, &j.Try); err != nil {
			return nil, err
		}
		j.Handle = h
		js = append(js, j)
	}
	return js, rows.Err()
}
