// Package store is the contract of the durable store: the rows, a small interface for each room
// of it, and the transaction that joins them. It knows no database; store/sqlstore has the SQL
// that all of them share, store/sqlite the store in one file, store/storetest the tests that each
// must pass.
package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/dag"
)

// Reader reads the store.
type Reader interface {
	Outbox
	// Run and RunByID return ErrNotFound for an unknown run.
	Run(ctx context.Context, key int64) (*Run, error)
	RunByID(ctx context.Context, dagID, runID string) (*Run, error)
	Runs(ctx context.Context, f RunFilter) ([]*Run, error)
	// NewestRuns returns the newest run of each DAG that has one, in no order.
	NewestRuns(ctx context.Context) ([]*Run, error)
	// ProvisionalRuns returns the queued runs with a provisional version, oldest first.
	ProvisionalRuns(ctx context.Context) ([]*Run, error)
	// RunAt returns the run of a DAG with a logical date, or nil.
	RunAt(ctx context.Context, dagID string, logicalDate time.Time) (*Run, error)
	// NearestRun returns the run of a DAG whose logical date is nearest to a moment, or nil.
	NearestRun(ctx context.Context, dagID string, at time.Time) (*Run, error)
	// LastScheduled returns the newest run that the schedule of a DAG made, or nil. One
	// that a backfill took over counts.
	LastScheduled(ctx context.Context, dagID string) (*Run, error)
	// PreviousSuccess returns the newest successful run of the same DAG with an
	// earlier logical date, or nil.
	PreviousSuccess(ctx context.Context, r *Run) (*Run, error)
	// PreviousRun returns the run of the same DAG with the newest earlier logical date, or for
	// a run without one that with the newest earlier run_after, without manual runs if only automatic ones are asked for (Airflow,
	// get_previous_scheduled_dagrun), or nil.
	PreviousRun(ctx context.Context, r *Run, automatic bool) (*Run, error)
	// CountRuns counts the runs of a DAG in one of the states.
	CountRuns(ctx context.Context, dagID string, states ...dag.RunState) (int, error)
	// CountOwnRuns counts them without the runs of backfills.
	CountOwnRuns(ctx context.Context, dagID string, states ...dag.RunState) (int, error)
	// Backfill returns ErrNotFound for an unknown backfill.
	Backfill(ctx context.Context, id int64) (*Backfill, error)
	// Backfills returns the backfills of a DAG, or all for an empty id, oldest first.
	Backfills(ctx context.Context, dagID string) ([]*Backfill, error)
	// OpenBackfills returns those that are running or paused, OpenBackfill that of one DAG or nil.
	OpenBackfills(ctx context.Context) ([]*Backfill, error)
	OpenBackfill(ctx context.Context, dagID string) (*Backfill, error)
	// BackfillDateLeft returns the next date of a backfill without an outcome, or nil.
	BackfillDateLeft(ctx context.Context, id int64) (*BackfillDate, error)
	// BackfillCounts counts what has become of the dates of a backfill.
	BackfillCounts(ctx context.Context, id int64) (BackfillCounts, error)
	// CountBackfillRuns counts the runs of a backfill that are queued and those that are running.
	CountBackfillRuns(ctx context.Context, id int64) (queued, running int, err error)
	// Instances returns the stored instances of a run, in task order of creation.
	Instances(ctx context.Context, runKey int64) ([]*Instance, error)
	// InstancesOfRuns returns the instances of all runs in the given state.
	InstancesOfRuns(ctx context.Context, state dag.RunState) ([]*Instance, error)
	// XComs returns the XComs of a mapped task's instances in the order of their map index.
	XComs(ctx context.Context, runKey int64, taskID, key string) ([]MappedXCom, error)
	// XCom returns the JSON of one XCom, or nil.
	XCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (json.RawMessage, error)
	// DueDeadlines returns the deadlines that have passed, the earliest first.
	DueDeadlines(ctx context.Context, now time.Time) ([]*RunDeadline, error)
	// RunWithXCom returns the key of the newest run of a DAG, up to a logical date, in which
	// a task has an XCom; 0 for none.
	RunWithXCom(ctx context.Context, dagID string, upTo time.Time, taskID, key string) (int64, error)
	// RunXComs returns all XComs of a run, by task, map index and key.
	RunXComs(ctx context.Context, runKey int64) ([]XCom, error)
	// RenderedFields returns what the templated fields of a try rendered to, or nil.
	RenderedFields(ctx context.Context, runKey int64, taskID string, mapIndex, try int) (json.RawMessage, error)
	// Version returns the source of a DAG version, or ErrNotFound.
	Version(ctx context.Context, version string) ([]byte, error)
	// DAG returns what is known of a DAG, or ErrNotFound.
	DAG(ctx context.Context, dagID string) (*DAGState, error)
	DAGs(ctx context.Context) ([]*DAGState, error)
	// TickRanges returns the recorded ticks of a DAG, newest first, at most limit (0 is all).
	TickRanges(ctx context.Context, dagID string, limit int) ([]*TickRange, error)
	// TickRangeAt returns the record that covers a tick, or nil.
	TickRangeAt(ctx context.Context, dagID string, tick time.Time) (*TickRange, error)
	// Pauses returns when a DAG was first seen, paused and unpaused, oldest first.
	Pauses(ctx context.Context, dagID string) ([]*Pause, error)
	// SchedulerLives returns the stretches in which a scheduler was at work that end at
	// or after a moment, oldest first.
	SchedulerLives(ctx context.Context, since time.Time) ([]*SchedulerLife, error)
	// LastSchedulerLife returns the newest stretch that began before a moment, or nil.
	LastSchedulerLife(ctx context.Context, before time.Time) (*SchedulerLife, error)
	// OpenImportErrors returns what can't be loaded now, oldest first.
	OpenImportErrors(ctx context.Context) ([]*ImportError, error)
	// ImportErrors returns when a DAG could not be loaded, oldest first.
	ImportErrors(ctx context.Context, dagID string) ([]*ImportError, error)
	// Pools returns the pools that someone made or changed.
	Pools(ctx context.Context) ([]*Pool, error)
	// PausedDAGs lists the ids of the paused DAGs.
	PausedDAGs(ctx context.Context) ([]string, error)
	// OpenRuns returns the keys of the running runs and the DAGs that have queued ones.
	OpenRuns(ctx context.Context) (running []int64, queued []string, err error)
	// AssetEvents returns the newest event of each asset, by URI.
	AssetEvents(ctx context.Context) ([]*AssetEvent, error)
	// WaitingAssetEvents returns the newest event of each of the assets that a DAG has been
	// told of and no run has taken, in the order of uris.
	WaitingAssetEvents(ctx context.Context, dagID string, uris []string) ([]*AssetEvent, error)
	// TakenAssetEvents returns what a run took, oldest first.
	TakenAssetEvents(ctx context.Context, runKey int64) ([]*AssetEvent, error)
	// ToldDAGs lists the ids of the DAGs with events that no run has taken.
	ToldDAGs(ctx context.Context) ([]string, error)
	// TaskProgress returns what a try of an instance saved under a key with the same
	// MaxTries, or "".
	TaskProgress(ctx context.Context, in *Instance, key string) (string, error)
	// Request returns ErrNotFound for an unknown request.
	Request(ctx context.Context, id int64) (*Request, error)
	// OpenRequests returns the requests that nobody has answered, oldest first.
	OpenRequests(ctx context.Context) ([]*Request, error)
	// Leased reports whether a process holds a lease that runs beyond the given moment.
	Leased(ctx context.Context, now time.Time) (bool, error)
}

// Tx is one transaction.
type Tx interface {
	Reader
	OutboxTx
	// InsertRun adds a run and sets its Key. It reports false, and changes
	// nothing, when the run id or the logical date exists.
	InsertRun(ctx context.Context, r *Run) (bool, error)
	// UpdateRun writes the type, backfill, state, dates, reason and maker of a run.
	UpdateRun(ctx context.Context, r *Run) error
	// SetRunVersion writes the version of a run and whether it is provisional.
	SetRunVersion(ctx context.Context, r *Run) error
	// InsertBackfill adds a backfill with its dates and sets its ID. It reports false, and
	// changes nothing, when the DAG has an open one.
	InsertBackfill(ctx context.Context, b *Backfill, dates []BackfillDate) (bool, error)
	// UpdateBackfill writes Version, State and CompletedAt.
	UpdateBackfill(ctx context.Context, b *Backfill) error
	// SettleBackfillDate writes the outcome and the run of a date.
	SettleBackfillDate(ctx context.Context, id int64, d *BackfillDate) error
	// PutInstances inserts or updates task instances.
	PutInstances(ctx context.Context, is []*Instance) error
	PutXCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string, value json.RawMessage) error
	PutDeadline(ctx context.Context, l *RunDeadline) error
	// DeleteDeadline reports whether the deadline was there.
	DeleteDeadline(ctx context.Context, l *RunDeadline) (bool, error)
	// DeleteDeadlines removes all deadlines of a run.
	DeleteDeadlines(ctx context.Context, runKey int64) error
	// ClearXCom removes what an earlier try of the instance left.
	ClearXCom(ctx context.Context, runKey int64, taskID string, mapIndex int) error
	// PutRenderedFields keeps the fields of a try, and of the DAG only those of the given number
	// of runs that rendered something last.
	PutRenderedFields(ctx context.Context, r *RenderedTry, runs int) error
	PutVersion(ctx context.Context, version, dagID string, source []byte) error
	PutDAG(ctx context.Context, d *DAGState) error
	SetPaused(ctx context.Context, dagID string, paused bool) error
	// InsertTickRange records ticks and sets the ID.
	InsertTickRange(ctx context.Context, t *TickRange) error
	// InsertPause notes that a DAG was first seen, paused or unpaused.
	InsertPause(ctx context.Context, dagID string, p *Pause) error
	// PutSchedulerLife adds a stretch and sets its ID, or moves the end of one with an ID.
	PutSchedulerLife(ctx context.Context, l *SchedulerLife) error
	// PutImportError adds a stretch and sets its ID, or writes the end and the text of one with an ID.
	PutImportError(ctx context.Context, e *ImportError) error
	PutPool(ctx context.Context, p *Pool) error
	// DeletePool returns ErrNotFound for an unknown pool.
	DeletePool(ctx context.Context, name string) error
	// InsertAssetEvent adds an event, sets its ID, and tells it to the DAGs.
	InsertAssetEvent(ctx context.Context, e *AssetEvent, dagIDs []string) error
	// TakeAssetEvents gives a run everything that its DAG has been told and no run has taken.
	TakeAssetEvents(ctx context.Context, dagID string, runKey int64) error
	// PutTaskProgress keeps what a try of an instance saved under a key.
	PutTaskProgress(ctx context.Context, in *Instance, key, value string) error
	// InsertRequest adds a request and sets its ID.
	InsertRequest(ctx context.Context, r *Request) error
	// AnswerRequest writes DoneAt, Result and Error. It reports false, and changes
	// nothing, when the request was answered before.
	AnswerRequest(ctx context.Context, r *Request) (bool, error)
	// Enqueue hands attempts to the workers once the transaction commits.
	Enqueue(ctx context.Context, jobs []Job) error
	// Complete ends a job inside this transaction, or returns ErrLostLease.
	Complete(ctx context.Context, j Job) error
	// Take hands the job that has waited longest, if any, to a worker of this process
	// that ends its own job in this transaction. The worker runs it before it returns
	// from its handler, and ends it by Complete or gives it back by Release.
	Take(ctx context.Context) (*Job, error)
	// Release makes a job that Take, Recover or Beat returned available again.
	Release(ctx context.Context, j Job) error
}

// Store is the durable store that the engine needs.
type Store interface {
	Reader
	// Tx runs fn in a transaction and commits it unless fn fails. Functions of one
	// process run one after another; several may share one commit. fn must not
	// call Tx. When the commit fails, every function that shared it gets the error.
	Tx(ctx context.Context, fn func(Tx) error) error
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
