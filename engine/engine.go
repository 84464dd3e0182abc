// Package engine runs DAGs: it creates runs when they are due, walks each run through
// its state machine, hands attempts to workers, writes what became of them in one
// transaction, and sends what callbacks have to say.
//
// It knows contracts only (operators, callbacks, the [store.Store]), never a
// provider. Everything it decides follows from the store; what it keeps in memory is
// a copy that is dropped and read again when a transaction fails.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/alter"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/worker"
)

// Defaults of [Options].
const (
	// DefaultWorkers is Airflow's parallelism.
	DefaultWorkers = 32
	// DefaultGrace is enough for most tasks to end and short enough for those who wait.
	DefaultGrace = 30 * time.Second
	// DefaultMaxMapLength is how many instances a mapped task may have, as in Airflow.
	DefaultMaxMapLength = 1024
	// DefaultRenderedRuns is Airflow's max_num_rendered_ti_fields_per_task, here for each DAG.
	DefaultRenderedRuns = 30
	// DefaultRenderedLength bounds a kept field, in bytes. Airflow's 4096 cuts many queries.
	DefaultRenderedLength = 16 << 10
)

// Options configures [New]. Operators, Callbacks, Templates and LogDir are required.
type Options struct {
	// Operators and Callbacks are what DAG files may name.
	Operators *operator.Registry
	Callbacks *callbacks.Registry
	// Templates renders templated fields.
	Templates *template.Env
	// Connections and Variables are what tasks and templates look things up in.
	Connections connections.Source
	Variables   connections.VariableSource
	// Program is how people call the program in the commands that default messages tell, with
	// what it needs to find this store. Without it they tell none.
	Program string
	// OnUndelivered are the notifiers that tell of an alert whose own callback could not:
	// its robot is gone, its function panicked, the receiver refuses whatever it is sent.
	OnUndelivered []dag.Callback
	// Masker hides secrets in task logs and errors; nil hides none.
	Masker *connections.Masker
	// Environ is the environment that commands of tasks inherit; nil is that of the process
	// without our secrets.
	Environ []string
	// ProcessDir is where operators note the processes that they start; empty notes nothing.
	ProcessDir string
	// LogDir is the folder of the task logs, one file for each attempt.
	LogDir string
	// Workers is how many attempts run at once. Default [DefaultWorkers].
	Workers int
	// Grace is how long running attempts may go on at a shutdown. Default [DefaultGrace].
	Grace time.Duration
	// KillGrace is how long an operator may ignore the end of its context before its
	// attempt is given up. Default 15 s.
	KillGrace time.Duration
	// Beat is the time between two renewals of this process's lease. Default 1 s.
	Beat time.Duration
	// Sweep is how often every DAG is looked at, whatever was missed. Default 30 s.
	Sweep time.Duration
	// PausedAtCreation makes DAGs that do not say start paused, as Airflow does. Default
	// false: the files are the source of truth.
	PausedAtCreation bool
	// MaxMapLength is how many instances a mapped task may have. Default [DefaultMaxMapLength].
	MaxMapLength int
	// RenderedRuns is for how many runs of a DAG the rendered fields of tries are kept, the
	// newest ones. Default [DefaultRenderedRuns]; negative keeps none.
	RenderedRuns int
	// RenderedLength is how many bytes of a field are kept. Default [DefaultRenderedLength].
	RenderedLength int
	// AskTimeout is how long [Engine.Clear] and [Engine.Mark] wait for the process that
	// works on the store, when that is another one. Default 30 s.
	AskTimeout time.Duration
	// Alone, when set, reports whether no other process works on the store, where more
	// than the leases tells: one that hangs has let its lease run out.
	Alone func() (bool, error)
	// OnImportError are told when a DAG file can't be loaded any more, and when it can again.
	OnImportError []dag.Callback
	// Location is the zone of what belongs to no DAG. Default UTC.
	Location *time.Location
	// FindDAG, when set, finds a DAG that [Engine.SetDAGs] has not given, for a process that
	// makes a run and schedules none.
	FindDAG func(dagID string) (*dag.DAG, error)
	// Clock is the time source; nil is the wall clock.
	Clock func() time.Time
	// Log is the log of the engine itself; nil discards it.
	Log *slog.Logger
	// TaskOutput, when set, receives a copy of every line of every task log.
	TaskOutput io.Writer
	// Observe, when set, is told of every committed change, in order for each run.
	// It must return quickly.
	Observe func(Update)
}

// Update is one committed change.
type Update struct {
	// Run is the run after the change.
	Run store.Run
	// Instance is the task instance that changed, or nil when the run itself did.
	Instance *store.Instance
	// Delivery is the message of the outbox that changed, or nil. Run is zero then.
	Delivery *store.Delivery
}

// Engine runs DAGs. Make one with [New], give it DAGs with [Engine.SetDAGs] and start
// it with [Engine.Run]. It is safe for concurrent use.
type Engine struct {
	atWork atWork
	o      Options
	store  store.Store
	host   string
	render *render.Renderer
	worker *worker.Worker
	tell   *tell.Teller
	dags   *schedule.DAGs
	plans  *plan.Plans
	timers *schedule.Timers
	outbox *outbox.Outbox

	runs  *live.Runs
	alter *alter.Runs
	// attempts are those that run in this process.
	attempts live.Attempts

	refreshing sync.Mutex

	mu sync.Mutex
	// life is the stretch in which the scheduler of this process is at work.
	life store.SchedulerLife
	// unsettled are attempts of dead processes that could not be settled yet.
	unsettled []store.Job
	// reloads is what [RunOptions.Reload] said.
	reloads func(ctx context.Context) error

	waker *schedule.Waker // nil while this process schedules nothing
}

// New returns an engine on the store, or with a nil one an engine that only tests and renders
// single tasks. An operator or notifier with a parameter that no DAG file could set is an error.
func New(s store.Store, o Options) (*Engine, error) {
	if o.Operators == nil || o.Callbacks == nil || o.Templates == nil || o.LogDir == "" {
		return nil, errors.New("engine: Operators, Callbacks, Templates and LogDir are required")
	}
	if err := errors.Join(catalog.CheckOperators(o.Operators), catalog.CheckNotifiers(o.Callbacks)); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	o.Workers = orDefault(o.Workers, DefaultWorkers)
	o.Grace = orDefault(o.Grace, DefaultGrace)
	o.KillGrace = orDefault(o.KillGrace, 15*time.Second)
	o.Beat = orDefault(o.Beat, time.Second)
	o.MaxMapLength = orDefault(o.MaxMapLength, DefaultMaxMapLength)
	o.RenderedRuns = orDefault(o.RenderedRuns, DefaultRenderedRuns)
	o.RenderedLength = orDefault(o.RenderedLength, DefaultRenderedLength)
	o.Sweep = orDefault(o.Sweep, 30*time.Second)
	o.AskTimeout = orDefault(o.AskTimeout, 30*time.Second)
	if o.Clock == nil {
		o.Clock = time.Now //nolint:forbidigo // the default clock starts here
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Location = orDefault(o.Location, time.UTC)
	if o.Masker == nil {
		o.Masker = connections.NewMasker()
	}
	if o.Connections == nil {
		o.Connections = connections.Chain(o.Log)
	}
	if o.Variables == nil {
		o.Variables = connections.VariableChain(o.Log)
	}
	if s == nil {
		s = nothing{}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	e := &Engine{
		o: o, store: s, host: host,
		render: &render.Renderer{Templates: o.Templates, Connections: o.Connections, Variables: o.Variables, Host: host, LogDir: o.LogDir},
		dags:   &schedule.DAGs{}, timers: schedule.NewTimers(o.Clock),
	}
	e.plans = plan.NewPlans(e.Catalog(), e.dags.Get, o.Log)
	e.worker = worker.New(worker.Options{
		Render: e.render, Store: s, Keep: hold{e}, Runs: hold{e}, Masker: o.Masker, Environ: o.Environ, ProcessDir: o.ProcessDir,
		TaskOutput: o.TaskOutput, KillGrace: o.KillGrace, MaxMapLength: o.MaxMapLength, RenderedLength: keptLength(&o), Clock: o.Clock, Log: o.Log,
	})
	onImportError, err := outbox.Bind(o.Callbacks, o.OnImportError)
	if err != nil {
		return nil, fmt.Errorf("on_import_error: %w", err)
	}
	e.outbox, err = outbox.New(outbox.In(s), outbox.Options{
		Callbacks: o.Callbacks, Connections: o.Connections, Masker: o.Masker, OnUndelivered: o.OnUndelivered, Bare: tell.Renders(e.render, &dag.DAG{}),
		Sweep: o.Sweep, Persist: e.persist, Clock: o.Clock, Log: o.Log, Observe: func(d *store.Delivery) {
			if o.Observe != nil {
				o.Observe(Update{Delivery: d})
			}
		},
	})
	if err != nil {
		return nil, err
	}
	e.tell = &tell.Teller{
		Render: e.render, Outbox: e.outbox, Host: host, Program: o.Program, LogDir: o.LogDir, Location: o.Location, OnImportError: onImportError,
	}
	e.runs = live.New(e.liveOptions())
	e.alter = &alter.Runs{Live: e.runs, Attempts: &e.attempts, Plans: e.plans}
	return e, nil
}

// liveOptions is what live runs need of the engine.
func (e *Engine) liveOptions() live.Options {
	o := live.Options{
		Store: e.store, DAGs: e.dags, Plans: e.plans, Timers: e.timers, Tell: e.tell, Stored: e.outbox.Stored, Worker: e.worker, Attempts: &e.attempts, Wake: e.wakeDAG,
		Masker: e.o.Masker, Workers: e.o.Workers, MaxMapLength: e.o.MaxMapLength, RenderedRuns: e.o.RenderedRuns, Clock: e.o.Clock, Log: e.o.Log,
	}
	if e.o.Observe != nil {
		o.Observe = func(c phase.Change) { e.o.Observe(Update{Run: c.Run, Instance: c.Instance}) }
	}
	return o
}

// change is a transaction of the engine.
type change struct {
	*live.Tx
	e *Engine
}

func (e *Engine) change(ctx context.Context, fn func(*change) error) error {
	return e.changeOf(ctx, 0, fn)
}

// changeOf is change for a run, to which a fault belongs unless another one is met.
func (e *Engine) changeOf(ctx context.Context, run int64, fn func(*change) error) error {
	return e.runs.ChangeOf(ctx, run, func(tx *live.Tx) error { return fn(&change{tx, e}) })
}

// keptLength is how many bytes of a rendered field tries keep.
func keptLength(o *Options) int {
	if o.RenderedRuns < 0 {
		return 0
	}
	return o.RenderedLength
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// RunOptions says what [Engine.Run] does beside running attempts.
type RunOptions struct {
	// Schedule creates runs when they are due. Without it only runs that exist or
	// are triggered are worked on.
	Schedule bool
	// Reload, when set, brings the DAGs up to date. It is called before a run is made that
	// another process asks for: its file may have changed a moment ago.
	Reload func(ctx context.Context) error
	// Before, when set, is called once this process has the lease and holds the runs. No
	// attempt begins before it has returned.
	Before func(ctx context.Context)
	// Watch answers what other processes ask for when they ask, not only at the next beat.
	Watch bool
	// Interrupted is closed when the process was asked to stop, before ctx ends or when it
	// does. Then the log tells what the stop waits for; it does not at an end of another kind.
	Interrupted <-chan struct{}
	// Hurry, when it is closed while a stop waits for running attempts, ends these now.
	Hurry <-chan struct{}
	// Ready is called once everything works.
	Ready func()
}

// Run recovers what the last process left and works until ctx ends. Running attempts
// then have the grace time to finish; what does not is queued again, uncounted.
func (e *Engine) Run(ctx context.Context, o RunOptions) error {
	// What ends a run must still be written while ctx is done.
	work := context.WithoutCancel(ctx)
	e.setReload(o.Reload)
	if err := e.takeWork(work); err != nil {
		return err
	}
	defer e.leaveWork(work)
	if err := e.Refresh(work); err != nil { // what is paused, and the pools
		return fmt.Errorf("read the store: %w", err)
	}
	if err := e.recover(work); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if err := e.adoptRuns(work); err != nil {
		return fmt.Errorf("take over the runs that were asked for: %w", err)
	}
	if err := e.Refresh(work); err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	if err := e.serve(work); err != nil {
		e.o.Log.Error("do what was asked for", "error", err) // the next beat tries again
	}
	defer e.timers.Stop()
	g, gctx := errgroup.WithContext(ctx)
	over := make(chan struct{})
	var saying sync.WaitGroup
	saying.Go(func() { e.sayStopping(o.Interrupted, o.Hurry, over) })
	defer saying.Wait()
	defer close(over)
	asked := make(chan struct{}, 1)
	g.Go(func() error { return e.beats(gctx, asked) })
	if o.Watch {
		g.Go(func() error { return e.watch(gctx, asked) })
	}
	g.Go(func() error { return e.outbox.Run(gctx) })
	if o.Schedule {
		w, err := schedule.NewWaker(schedule.WakerOptions{Wake: e.wakeDAG, Sweep: e.sweep, Every: e.o.Sweep, Clock: e.o.Clock, Log: e.o.Log})
		if err != nil {
			return err
		}
		e.setWaker(w)
		defer e.setWaker(nil)
		if err := e.noteLife(work, false); err != nil {
			return err
		}
		defer e.stopLife(work)
		g.Go(func() error { return w.Run(gctx) })
	}
	g.Go(func() error {
		if o.Before != nil {
			o.Before(gctx)
		}
		return e.store.Work(gctx, store.WorkOptions{
			Workers: e.o.Workers, Grace: e.o.Grace, Hurry: o.Hurry, Ready: o.Ready,
			Handle: func(ctx context.Context, j store.Job) error { return e.handle(ctx, j, gctx.Done()) },
		})
	})
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// beats renews the lease, takes over what dead processes held, and picks up what other
// processes wrote: triggered runs, paused DAGs, attempts that are no longer wanted.
//
// What other processes wrote is picked up between two beats when asked says so.
func (e *Engine) beats(ctx context.Context, asked <-chan struct{}) error {
	t := time.NewTicker(e.o.Beat)
	defer t.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
			err = e.pickUp(ctx)
		case <-t.C:
			err = e.beat(ctx)
		}
		if err != nil && ctx.Err() == nil {
			// The next beat tries again; a store that stays away shows in every line.
			e.o.Log.Error("beat", "error", err)
		}
	}
}

func (e *Engine) beat(ctx context.Context) error {
	lost, err := e.store.Beat(ctx, 3*e.o.Beat)
	e.takeOver(ctx, lost)
	if err != nil {
		return err
	}
	// With the lease; what fails of the rest does not hold up the others.
	return errors.Join(e.pickUp(ctx), e.noteLife(ctx, false))
}

// pickUp takes in what other processes wrote.
func (e *Engine) pickUp(ctx context.Context) error {
	return errors.Join(e.Refresh(ctx), e.serve(ctx))
}

// watch says through asked that another process has written something.
func (e *Engine) watch(ctx context.Context, asked chan<- struct{}) error {
	err := e.store.Watch(ctx, func() {
		select {
		case asked <- struct{}{}:
		default: // it is known already
		}
	})
	if err != nil {
		e.o.Log.Warn("what other processes ask for is answered at the next beat only", "error", err)
	}
	return nil
}

func (e *Engine) setReload(f func(context.Context) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reloads = f
}

// reload brings the DAGs up to date, as far as that is possible.
func (e *Engine) reload(ctx context.Context) {
	e.mu.Lock()
	f := e.reloads
	e.mu.Unlock()
	if f == nil {
		return
	}
	if err := f(ctx); err != nil {
		e.o.Log.Error("read the dag files again", "error", err) // the DAGs as they were are used
	}
}

// Catalog is the catalog of the engine's own registries.
func (e *Engine) Catalog() catalog.Catalog {
	return catalog.Catalog{Operators: e.o.Operators, Callbacks: e.o.Callbacks, Templates: e.o.Templates}
}
