// Package sqlqueue is what the stores share of River's queue: the job of an attempt, how it is handed out, taken and
// ended in a transaction with other rows, and the workers.
package sqlqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
)

// maxAttempts is River's bound, which counts takeovers too. Tries are counted by
// the engine; this one only has to be out of the way.
const maxAttempts = 1 << 14

// attempt is the River job of one try of one task instance.
type attempt struct {
	store.Job
}

// Kind names the job in River's tables.
func (attempt) Kind() string { return "attempt" }

// Work runs the workers until ctx ends, see [store.Queue]. Running attempts then have
// o.Grace before their context is cancelled.
func (q *Jobs[TTx]) Work(ctx context.Context, o store.WorkOptions) error {
	if q == nil {
		return errReading
	}
	if o.Queues != nil {
		return errors.New("one process works on this store, and it serves all queues: name none")
	}
	config := q.config
	ws := river.NewWorkers()
	river.AddWorker(ws, river.WorkFunc(func(ctx context.Context, rj *river.Job[attempt]) error {
		j := rj.Args.Job
		h := Handle{ID: rj.ID, Attempt: int64(rj.Attempt), Node: config.Process.node}
		j.Handle = h
		by := config.Process.Begin(h)
		err := sqlcommit.Safely(func() error { return o.Handle(ctx, j) })
		left := config.Process.End(by)
		if err == nil {
			return nil // the handler has ended the job, or lost it
		}
		config.Log.Debug("attempt given back", "task", j.TaskID, "error", err)
		// River gives back the one that it knows of.
		left = slices.DeleteFunc(left, func(l Handle) bool { return l.ID == h.ID && l.Attempt == h.Attempt })
		if len(left) > 0 {
			back := func(t *Tx) error { return t.Return(context.WithoutCancel(ctx), left) }
			if err := config.Write(context.WithoutCancel(ctx), back); err != nil {
				config.Log.Error("give back an attempt; the next start does", "task", j.TaskID, "error", err)
			}
		}
		return river.JobSnooze(0)
	}))
	c, err := river.NewClient(q.driver, &river.Config{
		ID:                config.Process.node,
		Workers:           ws,
		Queues:            map[string]river.QueueConfig{store.DefaultQueue: {MaxWorkers: o.Workers}},
		JobTimeout:        -1,
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: config.Looks,
		SoftStopTimeout:   o.Grace,
		Logger:            config.Log,

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

// executor is one of River's with the store's fence where River writes what became of jobs.
type executor struct {
	riverdriver.Executor
	config *Config
}

// JobGetAvailable takes jobs for the free workers. When it finds one for each there may
// be more, and River looks for them as soon as a worker ends; but not if that one ends
// before River has heard of these. So it is told to look again.
func (x executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	taken, err := x.Executor.JobGetAvailable(ctx, p)
	if err != nil {
		return nil, err
	}
	if len(taken.Jobs) == p.MaxToLock {
		x.config.Hub.Wake()
	}
	return taken, nil
}

// JobSetStateIfRunningMany is called some time after workers returned. Handlers have
// ended their jobs by then, in transactions of their own, and the fence holds for those
// that are given back: River would end or give back a job that another node has taken.
func (x executor) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	var back []Handle
	for i, id := range p.ID {
		if p.State[i] != rivertype.JobStateCompleted && p.Attempt[i] != nil {
			// River gives it back with the attempt uncounted.
			back = append(back, Handle{ID: id, Attempt: int64(*p.Attempt[i]) + 1, Node: x.config.Process.node})
		}
	}
	if len(back) == 0 {
		return nil, nil
	}
	return nil, x.config.Write(ctx, func(t *Tx) error { return t.Return(ctx, back) })
}

// Hub wakes the workers of this process as soon as a transaction that handed out
// jobs has committed. River's own listener for SQLite polls a table, which costs up to
// 50 ms for each step of a chain or keeps a core busy. The zero value is ready.
type Hub struct {
	mu  sync.Mutex
	all map[chan struct{}]struct{}
}

// Wake has the workers look for jobs.
func (h *Hub) Wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.all {
		select {
		case c <- struct{}{}:
		default: // one is waiting already: it will see these jobs too
		}
	}
}

// Add has a channel, which holds one, hear of it.
func (h *Hub) Add(c chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[chan struct{}]struct{}{}
	}
	h.all[c] = struct{}{}
}

// Remove ends that.
func (h *Hub) Remove(c chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, c)
}

// listener returns one of River's that hears of it.
func (h *Hub) listener() riverdriver.Listener {
	return &listener{hub: h, c: make(chan struct{}, 1)}
}

type listener struct {
	hub *Hub
	c   chan struct{}
}

func (l *listener) Connect(context.Context) error {
	l.hub.Add(l.c)
	return nil
}

func (l *listener) Close(context.Context) error {
	l.hub.Remove(l.c)
	return nil
}

func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.c:
		return &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue":"` + store.DefaultQueue + `"}`}, nil
	}
}

func (l *listener) Listen(context.Context, string) error   { return nil }
func (l *listener) Unlisten(context.Context, string) error { return nil }
func (l *listener) Ping(context.Context) error             { return nil }
func (l *listener) Schema() string                         { return "" }
func (l *listener) SetAfterConnectExec(string)             {}
