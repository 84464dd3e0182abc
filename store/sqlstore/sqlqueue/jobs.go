package sqlqueue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Config is what the jobs of a process need. All of it is required but Looks.
type Config struct {
	// Process is what the process has of them.
	Process *Process
	// Log receives River's messages.
	Log *slog.Logger
	// Hub wakes the workers.
	Hub *Hub
	// Write runs fn in a transaction of its own.
	Write func(ctx context.Context, fn func(*Tx) error) error
	// Read is the connection for reading outside transactions.
	Read func() sqlrow.Conn
	// Now is the time that leases go by. A transaction that renews one asks for it over its connection.
	Now func(ctx context.Context, c sqlrow.Conn) (time.Time, error)
	// Looks is how often it is looked for jobs of which nobody has told; 0 is each second.
	Looks time.Duration
}

// Jobs are the jobs of a database whose transactions are a TTx, with River's client as the workers, see [store.Queue]. Those
// of a store that can only be read are nil.
type Jobs[TTx any] struct {
	config *Config
	driver riverdriver.Driver[TTx]
	insert *river.Client[TTx]
}

var errReading = errors.New("the store was opened for reading: it can run no jobs")

// Open returns the jobs that a driver of River's leads to.
func Open[TTx any](d riverdriver.Driver[TTx], c Config) (*Jobs[TTx], error) {
	if c.Looks == 0 {
		c.Looks = time.Second
	}
	j := &Jobs[TTx]{config: &c, driver: driver[TTx]{d, &c}}
	insert, err := river.NewClient(j.driver, &river.Config{Logger: c.Log, SkipUnknownJobCheck: true})
	if err != nil {
		return nil, fmt.Errorf("open the job queue: %w", err)
	}
	j.insert = insert
	return j, nil
}

// Add writes jobs in a transaction by River's client.
func Add[TTx any](ctx context.Context, j *Jobs[TTx], tx TTx, js []store.Job) error {
	if j == nil {
		return errReading
	}
	ps := make([]river.InsertManyParams, len(js))
	for i, j := range js {
		ps[i] = river.InsertManyParams{Args: attempt{j}, InsertOpts: &river.InsertOpts{MaxAttempts: maxAttempts, Queue: store.DefaultQueue}}
	}
	_, err := j.insert.InsertManyFastTx(ctx, tx, ps)
	return err
}

// Recover returns the jobs that were running when the last process died. Only the sole
// process on the database may call it, before Work.
func (q *Jobs[TTx]) Recover(ctx context.Context) ([]store.Job, error) {
	if q == nil {
		return nil, errReading
	}
	return q.config.Recover(ctx)
}

// Beat renews this node's lease and returns the jobs of nodes whose lease ran out.
func (q *Jobs[TTx]) Beat(ctx context.Context, lease time.Duration) ([]store.Job, error) {
	if q == nil {
		return nil, errReading
	}
	return q.config.Beat(ctx, lease)
}

// Recover is [store.Queue]'s.
func (c *Config) Recover(ctx context.Context) (js []store.Job, err error) {
	err = c.Write(ctx, func(t *Tx) error {
		js, err = t.Running(ctx)
		return err
	})
	return js, err
}

// Beat is [store.Queue]'s.
func (c *Config) Beat(ctx context.Context, lease time.Duration) (js []store.Job, err error) {
	err = c.Write(ctx, func(t *Tx) error {
		now, err := c.Now(ctx, t.c)
		if err != nil {
			return err
		}
		js, err = t.Beat(ctx, now.UnixMilli(), now.Add(lease).UnixMilli())
		return err
	})
	return js, err
}

// driver is one of River's with the hub as its listener, and with the store's fence where River writes what became of
// jobs.
type driver[TTx any] struct {
	riverdriver.Driver[TTx]
	config *Config
}

// SupportsListenNotify is false so that River tells nobody of jobs: a commit does.
func (d driver[TTx]) SupportsListenNotify() bool { return false }

// GetListener returns a listener that the hub feeds.
func (d driver[TTx]) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return d.config.Hub.listener()
}

// GetExecutor returns what River's own writes go through.
func (d driver[TTx]) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d.config}
}
