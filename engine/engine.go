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
	"math"
	"os"
	"sync/atomic"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/alter"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/engine/scheduler"
	"github.com/dingdag/dingdag/engine/tell"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/pageurl"
	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/tracing"
	"github.com/dingdag/dingdag/trigger"
	"github.com/dingdag/dingdag/worker"
)

// Defaults of [Options].
const (
	// DefaultWorkers is Airflow's parallelism.
	DefaultWorkers = 32
	// DefaultGrace is enough for most tasks to end and short enough for those who wait.
	DefaultGrace = 30 * time.Second
	// DefaultAlertDeadline is after how long an alert goes to whoever stands in for its receiver.
	DefaultAlertDeadline = outbox.DefaultDeadline
	// DefaultMaxMapLength is how many instances a mapped task may have, as in Airflow.
	DefaultMaxMapLength = 1024
	// DefaultQueue is the queue of tasks that name none.
	DefaultQueue = store.DefaultQueue
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
	// Triggers are what the watchers of assets may name; nil knows none.
	Triggers *trigger.Registry
	// Templates renders templated fields.
	Templates *template.Env
	// Connections and Variables are what tasks and templates look things up in.
	Connections connections.Source
	Variables   connections.VariableSource
	// Owners has the people behind the owners of tasks; nil knows none.
	Owners *owners.Book
	// Program is how people call the program in the commands that default messages tell, with
	// what it needs to find this store. Without it they tell none.
	Program string
	// Pages is where people reach the pages, to which messages lead; empty for nowhere.
	Pages pageurl.Base
	// OnUndelivered are the notifiers that tell of an alert whose own callback could not:
	// its robot is gone, its function panicked, the receiver refuses whatever it is sent.
	OnUndelivered []dag.Callback
	// AlertDeadline is how long an alert is tried again while its receiver can't be reached.
	// Default [DefaultAlertDeadline].
	AlertDeadline time.Duration
	// FoldAfter is that of [outbox.Options]: how long an alert waits until it is told together with
	// others. 0 tells each by itself.
	FoldAfter time.Duration
	// Masker hides secrets in task logs and errors; nil hides none.
	Masker *connections.Masker
	// Environ is the environment that commands of tasks inherit; nil is that of the process
	// without our secrets.
	Environ []string
	// ProcessDir is where operators note the processes that they start; empty notes nothing.
	ProcessDir string
	// LogDir is the folder of the task logs, one file for each attempt.
	LogDir string
	// LogJournal, when set, is told of the task logs that are written.
	LogJournal worker.LogJournal
	// LogsPass says that the folder goes when the engine has stopped: no message names a log then.
	LogsPass bool
	// Version is that of the program, which the record of its work has.
	Version string
	// Workers is how many attempts run at once. Default [DefaultWorkers].
	Workers int
	// Shared says that several processes may work on the store. One of them leads: it schedules and changes runs; all run
	// attempts.
	Shared bool
	// Node is the name of this process among them.
	Node string
	// Queues are those whose attempts this process runs; nil is all. Where processes do not share the store it runs all.
	Queues []string
	// LogsWaiting, when set, is how many task logs of this process are not in the log store yet, and for how long the first of them
	// has waited. It may be called at any time.
	LogsWaiting func() (logs int, oldest time.Duration)
	// KeyMark is that of [store.Node], for processes that share the store.
	KeyMark string
	// Endpoint is the URL at which this process shows the logs of its attempts to others, empty for none.
	Endpoint string
	// Grace is how long running tries may go on at a shutdown. Default [DefaultGrace].
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
	// Answer, when set, answers at once what tasks ask people, in place of them: with the options that it
	// returns or, when it returns none, with the defaults.
	Answer func(a *store.Ask) []string
	// Maintenance are times in which alerts are silent; none by default.
	Maintenance []outbox.Window
	// OnImportError are told when a DAG file can't be loaded any more, and when it can again.
	OnImportError []dag.Callback
	// BoundCallback is what tells a conversation that people have bound to DAGs; nil for a program that tells none.
	BoundCallback func(*store.Binding) dag.Callback
	// DailyDigest, when set, has people told once a day what ran, what failed and what did not start.
	DailyDigest *DailyDigest
	// Location is the zone of what belongs to no DAG. Default UTC.
	Location *time.Location
	// Discard, when set, moves a folder of logs away, by its path below LogDir: that of a run that is removed, whose key it
	// gets. Otherwise whoever removes old history does that.
	Discard func(folder string, runKey int64) error
	// FindDAG, when set, finds a DAG that [Engine.SetDAGs] has not given, for a process that
	// makes a run and schedules none.
	FindDAG func(dagID string) (*dag.DAG, error)
	// Clock is the time source; nil is the wall clock.
	Clock func() time.Time
	// Log is the log of the engine itself; nil discards it.
	Log *slog.Logger
	// TaskOutput, when set, receives a copy of every line of every task log.
	TaskOutput io.Writer
	// LogWritten, when set, is told how many bytes were written to a task log. It must return at once.
	LogWritten func(bytes int)
	// Tracer makes spans of runs that have ended, as far as Observe is set, and of tries; nil makes none.
	Tracer *tracing.Tracer
	// Observe, when set, is told of every committed change, in order for each run.
	// It must return quickly.
	Observe func(Update)
}

// DailyDigest says who is told when.
type DailyDigest struct {
	// At is the time of the day, since midnight on the clock on the wall, in whole minutes below 24 h.
	At time.Duration
	// Location is the zone of that clock, in which the digest shows times too; nil is that of the engine.
	Location *time.Location
	To       []dag.Callback
}

// Update is one committed change.
type Update struct {
	// Run is the run after the change.
	Run store.Run
	// Instance is the task instance that changed, or nil when the run itself did.
	Instance *store.Instance
	// Delivery is the message of the outbox that changed, or nil. Run is zero then.
	Delivery *store.Delivery
	// Created says that the run is new.
	Created bool
}

// Engine runs DAGs. Make one with [New], give it DAGs with [Engine.SetDAGs] and start
// it with [Engine.Run]. It is safe for concurrent use.
type Engine struct {
	o      Options
	store  store.Store
	worker *worker.Worker
	tell   *tell.Teller
	dags   *schedule.DAGs
	plans  *plan.Plans
	timers *schedule.Timers
	outbox *outbox.Outbox

	runs      *live.Runs
	alter     *alter.Runs
	scheduler *scheduler.Scheduler
	executor  *executor
	desk      *desk
	// attempts are those that run in this process.
	attempts live.Attempts

	// by is this process.
	by store.Process
	// reports is told that other processes may have reported attempts, asked that they may want something; taking is held by
	// who takes reports in.
	reports, asked chan struct{}
	taking         store.Lock

	refreshing store.Lock
	// beatsDone counts the beats that went through, lastBeat is when the last one did.
	beatsDone atomic.Int64
	lastBeat  atomic.Pointer[time.Time]
}

// withDefaults fills what may be left out.
func (o Options) withDefaults() Options {
	o.Workers = orDefault(o.Workers, 32)
	o.Grace = orDefault(o.Grace, 30*time.Second)
	o.KillGrace = orDefault(o.KillGrace, 15*time.Second)
	o.Beat = orDefault(o.Beat, time.Second)
	o.MaxMapLength = orDefault(o.MaxMapLength, DefaultMaxMapLength)
	o.RenderedRuns = orDefault(o.RenderedRuns, DefaultRenderedRuns)
	o.RenderedLength = orDefault(o.RenderedLength, DefaultRenderedLength)
	o.Sweep = orDefault(o.Sweep, 30*time.Second)
	o.AskTimeout = orDefault(o.AskTimeout, 30*time.Second)
	o.Location = orDefault(o.Location, time.UTC)
	if o.Masker == nil {
		o.Masker = connections.NewMasker()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now //nolint:forbidigo // the default clock starts here
	}
	if o.Connections == nil {
		o.Connections = connections.Chain(o.Log)
	}
	if o.Variables == nil {
		o.Variables = connections.VariableChain(o.Log)
	}
	return o
}

// New returns an engine on the store, or with a nil one an engine that only tests and renders
// single tasks.
func New(s store.Store, o Options) (*Engine, error) {
	if o.Operators == nil || o.Callbacks == nil || o.Templates == nil || o.LogDir == "" {
		return nil, errors.New("engine: Operators, Callbacks, Templates and LogDir are required")
	}
	if s == nil {
		s = nothing{}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	o = o.withDefaults()
	e := &Engine{
		o: o, store: s, dags: &schedule.DAGs{}, timers: schedule.NewTimers(o.Clock), reports: make(chan struct{}, 1), asked: make(chan struct{}, 1),
		by: store.Process{Host: host, PID: os.Getpid(), Version: o.Version, Workers: o.Workers},
	}
	e.plans = plan.NewPlans(e.Catalog(), e.dags.Get, o.Log)
	renderer := &render.Renderer{Templates: o.Templates, Connections: o.Connections, Variables: o.Variables, Owners: o.Owners, Host: host, LogDir: o.LogDir, Pages: o.Pages}
	e.worker = worker.New(worker.Options{
		Render: renderer, Store: s, Keep: hold{e}, Runs: hold{e}, Masker: o.Masker, Environ: o.Environ, ProcessDir: o.ProcessDir,
		TaskOutput: o.TaskOutput, Written: o.LogWritten, Journal: o.LogJournal, KillGrace: o.KillGrace, MaxMapLength: o.MaxMapLength, RenderedLength: keptLength(&o), Clock: o.Clock, Log: o.Log,
	})
	if err := e.openOutbox(renderer); err != nil {
		return nil, err
	}
	e.runs = live.New(e.liveOptions())
	e.alter = &alter.Runs{Live: e.runs, Attempts: &e.attempts, Plans: e.plans, Discard: o.Discard}
	e.scheduler = scheduler.New(scheduler.Options{
		Store: s, DAGs: e.dags, Plans: e.plans, Tell: e.tell, Live: e.runs, Alter: e.alter, Masker: o.Masker, Shared: o.Shared, PausedAtCreation: o.PausedAtCreation, Daily: e.daily(), Log: o.Log,
		By: e.by,
	})
	e.alter.Latest, e.alter.Moved = e.scheduler.Latest, e.scheduler.Moved
	e.executor = &executor{
		store: s, runs: e.runs, worker: e.worker, tell: e.tell, tracer: o.Tracer, log: o.Log, host: host, logDir: o.LogDir, attempts: &e.attempts, grace: o.Grace,
		plans: e.plans, shared: o.Shared, reported: e.reported, version: o.Version, reading: reading{store: s},
	}
	e.desk = &desk{
		store: s, runs: e.runs, alter: e.alter, scheduler: e.scheduler, masker: o.Masker, log: o.Log, timeout: o.AskTimeout, others: o.Alone,
	}
	return e, nil
}

// WakeOutbox has the messages looked at that are to be sent: somebody wants one sent again.
func (e *Engine) WakeOutbox() { e.outbox.Wake() }

// openOutbox makes what callbacks are told and what keeps their messages.
func (e *Engine) openOutbox(r *render.Renderer) error {
	o := &e.o
	onImportError, err := outbox.Bind(o.Callbacks, o.OnImportError)
	if err != nil {
		return fmt.Errorf("on_import_error: %w", err)
	}
	e.outbox, err = outbox.New(outbox.In(e.store), outbox.Options{
		Callbacks: o.Callbacks, Connections: o.Connections, Masker: o.Masker, OnUndelivered: o.OnUndelivered, Maintenance: o.Maintenance, Bare: tell.Renders(r, &dag.DAG{}),
		Deadline: o.AlertDeadline, FoldAfter: o.FoldAfter, Sweep: o.Sweep, Clock: o.Clock, Log: o.Log,
		Persist: func(ctx context.Context, write func() error) error { return persist(ctx, o.Log, write) }, Others: e.others(),
		Page: func(id int64) string { return o.Pages.To("alerts", id) },
		Observe: func(d *store.Delivery) {
			if o.Observe != nil {
				o.Observe(Update{Delivery: d})
			}
		},
	})
	if err != nil {
		return err
	}
	kept := o.LogDir
	if o.LogsPass {
		kept = ""
	}
	e.tell = &tell.Teller{
		Render: r, Outbox: e.outbox, Host: r.Host, Program: o.Program, Location: o.Location, OnImportError: onImportError,
		Logs: &tell.Logs{Dir: kept, Host: r.Host, PID: os.Getpid(), Shared: o.Shared, Stored: o.LogJournal != nil},
	}
	if o.BoundCallback != nil {
		e.tell.Bound = &tell.Bound{Store: e.store, Callback: o.BoundCallback, Callbacks: o.Callbacks, Log: o.Log}
	}
	if d := e.daily(); d != nil {
		e.tell.DailyLocation = d.Location
		if e.tell.DailyDigest, err = outbox.Bind(o.Callbacks, o.DailyDigest.To); err != nil {
			return fmt.Errorf("daily_digest: %w", err)
		}
	}
	return nil
}

// daily is when the daily digest is due, nil for never.
func (e *Engine) daily() *schedule.Daily {
	d := e.o.DailyDigest
	if d == nil {
		return nil
	}
	return &schedule.Daily{At: d.At, Location: orDefault(d.Location, e.o.Location)}
}

// liveOptions is what live runs need of the engine.
func (e *Engine) liveOptions() live.Options {
	o := live.Options{
		Store: e.store, DAGs: e.dags, Plans: e.plans, Timers: e.timers, Tell: e.tell, Stored: e.outbox.Stored, Worker: e.worker, Attempts: &e.attempts, Wake: func(id string) { e.scheduler.Wake(id) },
		Masker: e.o.Masker, Workers: e.parallelism(), Shared: e.o.Shared, MaxMapLength: e.o.MaxMapLength, RenderedRuns: e.o.RenderedRuns, Answer: e.o.Answer, Clock: e.o.Clock, Log: e.o.Log,
	}
	if e.o.Observe != nil {
		o.Observe = func(c phase.Change) {
			if c.Instance == nil {
				e.o.Tracer.Ended(&c.Run)
			}
			e.o.Observe(Update{Run: c.Run, Instance: c.Instance, Created: c.Created})
		}
	}
	return o
}

// parallelism is how many attempts run at once, as far as that bounds pools: nobody knows how many nodes there are.
func (e *Engine) parallelism() int {
	if e.o.Shared {
		return math.MaxInt
	}
	return e.o.Workers
}

// others returns what lists the other processes that live; nil where processes do not share the store.
func (e *Engine) others() func(ctx context.Context) (map[string]bool, error) {
	if !e.o.Shared {
		return nil
	}
	return func(ctx context.Context) (map[string]bool, error) {
		now, err := e.store.LeaseClock(ctx)
		if err != nil {
			return nil, err
		}
		ns, err := e.store.Nodes(ctx, now)
		if err != nil {
			return nil, err
		}
		out := map[string]bool{}
		for _, n := range ns {
			out[n.ID] = n.ID != e.o.Node
		}
		return out, nil
	}
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

// RunOptions says what [Engine.Run] does beside running tries.
type RunOptions struct {
	// Schedule creates runs when they are due. Without it only runs that exist or
	// are triggered are worked on.
	Schedule bool
	// Lead says that this process may lead, on a store that processes share. On another one it does anyhow.
	Lead bool
	// NoWork says that no attempts run in this process. It is for a store that processes share.
	NoWork bool
	// Leading, when set, is called when this process begins to lead one that processes share, before it takes over the runs:
	// it gives the DAGs with [Engine.SetLoaded]. Led is called when it has; its context ends with the lead.
	Leading func(ctx context.Context) error
	Led     func(ctx context.Context)
	// Reload, when set, brings the DAGs up to date. It is called before a run is made that
	// another process asks for: its file may have changed a moment ago.
	Reload func(ctx context.Context) error
	// Before, when set, is called once this process has the lease and holds the runs. No
	// attempt begins before it has returned.
	Before func(ctx context.Context)
	// Watch answers what other processes ask for when they ask, not only at the next beat.
	Watch bool
	// Noticed, when set, is called when other processes may have changed something, on a store that they share, while this one
	// does not lead: what it changes itself is told to [Options.Observe]. It must return at once.
	Noticed func()
	// Interrupted is closed when the process was asked to stop, before ctx ends or when it
	// does. Then the log tells what the stop waits for; it does not at an end of another kind.
	Interrupted <-chan struct{}
	// Hurry, when it is closed while a stop waits for running tries, ends these now.
	Hurry <-chan struct{}
	// Ready is called once everything works.
	Ready func()
}

// Catalog is the catalog of the engine's own registries.
func (e *Engine) Catalog() catalog.Catalog {
	return catalog.Catalog{Operators: e.o.Operators, Callbacks: e.o.Callbacks, Triggers: e.o.Triggers, Templates: e.o.Templates}
}
