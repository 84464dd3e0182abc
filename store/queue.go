package store

import (
	"context"
	"time"
)

// Queue runs the attempts that were handed out.
type Queue interface {
	// Work runs the workers and returns once they have stopped. When ctx ends no new
	// job is taken; running ones go on for o.Grace, then their context ends.
	Work(ctx context.Context, o WorkOptions) error
	// Recover returns the jobs that were running when the last process died. Only a
	// sole process may call it, before Work.
	Recover(ctx context.Context) ([]Job, error)
	// Beat renews this process's lease and returns the jobs of processes that lost theirs.
	// A lease of 0 gives it up.
	Beat(ctx context.Context, lease time.Duration) ([]Job, error)
}

// QueueTx hands attempts to workers in a transaction.
type QueueTx interface {
	// Enqueue hands attempts to the workers once the transaction commits.
	Enqueue(ctx context.Context, jobs []Job) error
	// Complete ends a job inside this transaction, or returns ErrLostLease.
	Complete(ctx context.Context, j Job) error
	// Take hands the job that has waited longest in the queues that are served here, if any, to a worker of this process
	// that ends its own job in this transaction. The worker runs it before it returns
	// from its handler, and ends it by Complete or gives it back by Release.
	Take(ctx context.Context) (*Job, error)
	// Exchange ends a job as Complete does, hands out others as Enqueue does, and takes the one
	// that has waited longest as Take does.
	Exchange(ctx context.Context, ended Job, others []Job) (*Job, error)
	// Release makes a job that Take, Exchange, Recover or Beat returned available again.
	Release(ctx context.Context, j Job) error
}

// DefaultQueue is the queue of jobs that name none.
const DefaultQueue = "default"

// Queues tells what waits for workers.
type Queues interface {
	// QueueBacklogs lists the queues in which jobs wait, by name.
	QueueBacklogs(ctx context.Context) ([]QueueBacklog, error)
	// RunningJobs returns the attempts of a run that processes have taken, without handles. That they run may not be on record yet.
	RunningJobs(ctx context.Context, runKey int64) ([]Job, error)
}

// QueueBacklog is what waits in a queue.
type QueueBacklog struct {
	// Queue is its name, and Jobs how many wait there.
	Queue string
	Jobs  int
	// Since is when the one that waits longest began to, by the clock of the database.
	Since time.Time
}

// Leases tells whether a process leads: it schedules, and changes runs.
type Leases interface {
	// Leased reports whether one leads beyond the given moment.
	Leased(ctx context.Context, now time.Time) (bool, error)
	// LeasedUntil returns when the lead ends, or ended; zero when there never was one.
	LeasedUntil(ctx context.Context) (time.Time, error)
}

// Job is one attempt handed to a worker.
type Job struct {
	RunKey   int64  `json:"run"`
	TaskID   string `json:"task"`
	MapIndex int    `json:"map"`
	Try      int    `json:"try"`
	// Queue is the name of the queue that it waits in, any text. Empty is [DefaultQueue].
	Queue string `json:"queue,omitempty"`

	// Handle is the store's own reference to the job while it runs.
	Handle any `json:"-"`
}

// WorkOptions configures [Queue.Work].
type WorkOptions struct {
	// Workers is how many attempts run at once.
	Workers int
	// Queues are the names of the queues that this process serves; nil are all. Jobs of others are neither run nor
	// taken nor exchanged here. A store that only one process works on serves all, and refuses a list.
	Queues []string
	// Grace is how long running tries may go on after the end of the context.
	Grace time.Duration
	// Hurry is closed when the context of running tries is to end now; nil never is.
	Hurry <-chan struct{}
	// Handle runs one attempt. It ends the job by [QueueTx.Complete] or [QueueTx.Exchange] and returns nil; an
	// error, or a panic, gives back what it holds to be run again: the job, or the one it has taken last.
	Handle func(ctx context.Context, j Job) error
	// Ready is called once workers accept jobs.
	Ready func()
}

// Pools reads pools.
type Pools interface {
	// Pools returns the pools that someone made or changed.
	Pools(ctx context.Context) ([]*Pool, error)
}

// PoolsTx changes them in a transaction.
type PoolsTx interface {
	PutPool(ctx context.Context, p *Pool) error
	// DeletePool returns ErrNotFound for an unknown pool.
	DeletePool(ctx context.Context, name string) error
}

// Pool bounds how many slots the queued and running instances of its tasks take, over
// all DAGs.
type Pool struct {
	Name        string
	Slots       int // negative: no bound
	Description string
	// IncludeDeferred says that deferred instances take slots too.
	IncludeDeferred bool
}
