package store

import (
	"context"
	"path/filepath"
	"time"
)

// History reads what is old, and what of it may go.
type History interface {
	// RunsOfDAGs tells of each DAG that has runs, by its id, how old and how many they are. With
	// selects the runs that have ended and still have these, 0 all; newest is how many a DAG may have
	// before there are more.
	RunsOfDAGs(ctx context.Context, with Prunable, newest int) ([]*RunsOfDAG, error)
	// EndedRuns returns runs that have ended, those with the earliest RunAfter first.
	EndedRuns(ctx context.Context, f EndedRuns) ([]*Run, error)
	// RemovedRuns returns runs whose rows or logs may still be there, at most limit, in the order of
	// their keys and behind the given one.
	RemovedRuns(ctx context.Context, after int64, limit int) ([]*RemovedRun, error)
	// RowsOfRun counts the task instances and the XComs of a run.
	RowsOfRun(ctx context.Context, runKey int64) (RunRows, error)
	// Identity is a text that tells this store apart from others, also after it was restored from a dump.
	Identity(ctx context.Context) (string, error)
	// KeptLogs returns those of some runs of a DAG that are there and whose logs have not been removed, by their ids.
	KeptLogs(ctx context.Context, dagID string, runIDs []string) (map[string]bool, error)
	// OldRows returns the first rows of a kind that may go, oldest first.
	OldRows(ctx context.Context, f OldRows) (*OldPage, error)
	// UnusedVersions returns DAG versions that no run, no backfill and no DAG refers to, among
	// the first limit ones after a version in the order of their names, and the last of
	// these; "" for that when there are no more.
	UnusedVersions(ctx context.Context, after string, limit int) (unused []string, last string, err error)
	// Space returns how much room the store takes.
	Space(ctx context.Context) (Space, error)
}

// HistoryTx removes it in a transaction.
type HistoryTx interface {
	// RemoveRun removes a run. It reports false, and changes nothing, when the run has not ended
	// or a task of it is still at work. Its many rows stay until RemoveRowsOfRun, and it is
	// among the RemovedRuns until ForgetRun: what is left of it after a crash is found by that.
	RemoveRun(ctx context.Context, runKey int64) (bool, error)
	// RemoveRowsOfRun removes at most limit rows of a removed run: task instances, their past tries, XComs,
	// rendered fields, progress. It returns which; fewer than limit means that no more are left.
	RemoveRowsOfRun(ctx context.Context, runKey int64, limit int) (RunRows, error)
	// ForgetRun says that nothing of a removed run is left.
	ForgetRun(ctx context.Context, runKey int64) error
	// RemoveInstance removes a task instance with its tries, XComs and what else there is of it. Its run has ended.
	RemoveInstance(ctx context.Context, in *Instance) error
	// RemoveDAG removes what is known of a DAG whose runs are removed: its state, versions, pauses, ticks, import errors
	// and backfills, and what it waits for. Messages and events stay.
	RemoveDAG(ctx context.Context, dagID string) error
	// RemoveXComs removes at most limit XComs of a run that stays, and returns how many. It removes none
	// when the run has not ended or a task of it is still at work.
	RemoveXComs(ctx context.Context, runKey int64, limit int) (int, error)
	// MarkPruned notes that a run has no logs or no XComs any more. It reports false, and changes
	// nothing, when the run has not ended or a task of it is still at work. A run that is
	// cleared has both again.
	MarkPruned(ctx context.Context, runKey int64, what Prunable) (bool, error)
	// RemoveRows removes rows of a kind.
	RemoveRows(ctx context.Context, kind OldKind, ids []int64) error
	// RemoveVersions removes DAG versions with the template files that no other version has.
	RemoveVersions(ctx context.Context, versions []string) error
	// GiveBack gives about so many unused bytes back to the operating system, as far as there are.
	GiveBack(ctx context.Context, bytes int64) error
}

// Prunable is what a run may lose before it goes itself.
type Prunable int

// What runs may lose.
const (
	PrunableLogs  Prunable = 1
	PrunableXComs Prunable = 2
)

// RunsOfDAG tells of the runs of one DAG.
type RunsOfDAG struct {
	DAGID string
	// Earliest is when the first one of the selected was due; zero without one.
	Earliest time.Time
	// More says that the DAG has more runs than were asked about.
	More bool
}

// EndedRuns selects runs of one DAG that have ended and are old: they ended before a moment, or
// they are not among the newest ones.
type EndedRuns struct {
	DAGID string
	// Before is the moment; zero selects none by age.
	Before time.Time
	// OrUpTo selects the runs up to this place, whenever they ended; nil selects none by place.
	OrUpTo *RunPlace
	// UpTo is the place beyond which no run is selected; nil is none.
	UpTo *RunPlace
	// Behind continues a list after a place.
	Behind *RunPlace
	// With selects the runs that still have these; 0 selects all.
	With Prunable
	// Limit bounds how many there are. It must be positive.
	Limit int
}

// RemovedRun is a run whose row is gone.
type RemovedRun struct {
	Key          int64
	DAGID, RunID string
}

// RunRows are how many rows a run has.
type RunRows struct {
	Instances, XComs int
	// Others belong to its task instances.
	Others int
}

// Total is how many there are together.
func (r RunRows) Total() int { return r.Instances + r.XComs + r.Others }

// OldKind is a kind of rows that end by their age.
type OldKind string

// The kinds of rows that end by their age.
const (
	// OldAlerts are the messages of the outbox that were delivered, refused or silenced, or folded
	// into one that was, with their tries. Those that wait, are being sent or are uncertain stay.
	OldAlerts OldKind = "alerts"
	// OldSilences are those that were summed up, once the messages that they kept back are gone.
	OldSilences OldKind = "silences"
	// OldTicks are the records of ticks without a run. The newest one of each DAG stays: ticks
	// after it are not on record.
	OldTicks OldKind = "ticks"
	// OldPauses are when DAGs were paused and unpaused. The first one of each DAG stays, and what
	// tells of ticks since the last scheduled run.
	OldPauses OldKind = "pauses"
	// OldImportErrors are errors that are mended, but for what tells of ticks since the last
	// scheduled run of a DAG.
	OldImportErrors OldKind = "import_errors"
	// OldLives are when a scheduler was at work, but for the newest one.
	OldLives OldKind = "lives"
	// OldAssetEvents are updates of assets that no DAG waits for, that no run has taken, and
	// that are not the newest of their asset.
	OldAssetEvents OldKind = "asset_events"
	// OldBackfills are those that have ended and have no runs any more.
	OldBackfills OldKind = "backfills"
	// OldEvents are what people changed.
	OldEvents OldKind = "events"
	// OldChat is what came from the chat and came to its end.
	OldChat OldKind = "chat"
	// OldRequests are those that were answered.
	OldRequests OldKind = "requests"
	// OldJobs are jobs of the queue that have ended. They are not told apart by their number.
	OldJobs OldKind = "jobs"
)

// OldRows selects rows of a kind that are old: of before a moment, or not among the newest ones.
type OldRows struct {
	Kind OldKind
	// Before is the moment; zero selects none by age.
	Before time.Time
	// Newest is how many are not old by their number, counted from the newest, with those that are
	// gone; 0 selects none by number.
	Newest int
	// After continues a list after an id.
	After int64
	// Limit bounds how many rows are looked at. It must be positive.
	Limit int
}

// OldPage are the rows of one look that may go.
type OldPage struct {
	IDs []int64
	// Next is the id after which the list continues, 0 when no more rows are old.
	Next int64
}

// Space is the room that a store takes, in bytes.
type Space struct {
	// Total is all of it, Unused what new rows can take without a larger file.
	Total, Unused int64
	// Shrinks says that the store can give unused space back while it is in use.
	Shrinks bool
}

// LogFolder is where the logs of the run lie below the log folder, as in Airflow.
func (r *Run) LogFolder() string { return logFolder(r.DAGID, r.RunID) }

// LogFolder is where the logs of the run lay below the log folder.
func (r *RemovedRun) LogFolder() string { return logFolder(r.DAGID, r.RunID) }

func logFolder(dagID, runID string) string {
	return filepath.Join("dag_id="+dagID, "run_id="+runID)
}
