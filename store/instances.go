package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/dag"
)

// Instances reads task instances and what their tries left.
type Instances interface {
	// Instances returns the stored instances of a run, in task order of creation.
	Instances(ctx context.Context, runKey int64) ([]*Instance, error)
	// InstancesOfRuns returns the instances of all runs in the given state.
	InstancesOfRuns(ctx context.Context, state dag.RunState) ([]*Instance, error)
	// FindInstances returns the stored instances of a run that match, by task and map index.
	FindInstances(ctx context.Context, f InstanceFilter) ([]*Instance, error)
	// Attempts returns what jobs are to run, in the order of the jobs.
	Attempts(ctx context.Context, js []Job) ([]Attempt, error)
	// TaskStates sums up the instances of runs by run, task and state, in the order of these; of the tasks that are
	// named, or of all when none is.
	TaskStates(ctx context.Context, runKeys []int64, tasks ...string) ([]*TaskState, error)
	// MappedTask counts the instances of a mapped task of a run, and returns the states that they have, in the order of
	// their words. It reads no instance.
	MappedTask(ctx context.Context, runKey int64, taskID string) (count int, states []dag.State, err error)
	// PastTries returns the tries of a task, of all its instances, that another one followed, by map
	// index and try.
	PastTries(ctx context.Context, runKey int64, taskID string) ([]*Instance, error)
	// PlainTries returns the past tries of all tasks of a run that are not mapped, by task and try.
	PlainTries(ctx context.Context, runKey int64) ([]*Instance, error)
	// RenderedFields returns what the templated fields of a try rendered to, or nil.
	RenderedFields(ctx context.Context, runKey int64, taskID string, mapIndex, try int) (json.RawMessage, error)
	// TaskProgress returns what a try of an instance saved under a key with the same
	// MaxTries, or "".
	TaskProgress(ctx context.Context, in *Instance, key string) (string, error)
}

// InstancesTx changes them in a transaction.
type InstancesTx interface {
	// PutInstances inserts or updates task instances.
	PutInstances(ctx context.Context, is []*Instance) error
	// PutPastTries keeps instances as they were when a try of them was over. One that is kept
	// already stays as it is.
	PutPastTries(ctx context.Context, is []*Instance) error
	// PutRenderedFields keeps the fields of a try, and of the DAG only those of the given number
	// of runs that rendered something last.
	PutRenderedFields(ctx context.Context, r *RenderedTry, runs int) error
	// PutTaskProgress keeps what a try of an instance saved under a key.
	PutTaskProgress(ctx context.Context, in *Instance, key, value string) error
}

// Attempt is what a job is to run.
type Attempt struct {
	// Run and Instance are nil when they are not there. Those of one run may have it in common.
	Run      *Run
	Instance *Instance
}

// InstanceFilter selects stored instances of a run. Zero fields but RunKey select everything.
type InstanceFilter struct {
	RunKey int64
	TaskID string
	// MapIndex selects one instance; -1 is that of a task that is not mapped.
	MapIndex *int
	States   []dag.State
	// Limit bounds how many there are; 0 is all. With it Offset passes over the first ones.
	Limit, Offset int
}

// TaskState sums up the instances of a task of a run that have one state.
type TaskState struct {
	RunKey int64
	TaskID string
	State  dag.State
	// Count is how many there are, Mapped whether they have map indexes.
	Count  int
	Mapped bool
	// Try is the greatest number of a try among them.
	Try int
	// StartDate is the earliest start, EndDate the latest end, of the tries that are kept with them.
	StartDate, EndDate time.Time
}

// RenderedTry is what the templated fields of a try rendered to, as the store keeps it.
type RenderedTry struct {
	RunKey   int64
	DAGID    string
	TaskID   string
	MapIndex int
	Try      int
	// At is when the try rendered.
	At time.Time
	// Fields is a list of [RenderedField] as JSON, secrets masked and long values cut.
	Fields json.RawMessage
}

// Instance is one task instance as it is stored. Instances in state none that never
// ran have no row.
type Instance struct {
	RunKey   int64
	TaskID   string
	MapIndex int // -1 for an unmapped task
	State    dag.State
	// Try is the number of the current or last try, from 1; 0 before the first.
	Try int
	// MaxTries is retries + 1.
	MaxTries int
	// Lost counts how often a process died while it ran this instance.
	Lost     int
	Operator string
	QueuedAt time.Time
	// StartDate and EndDate are those of the current or last try.
	StartDate, EndDate time.Time
	// FirstStart is when the first try began since the instance was last cleared: the timeout
	// of a sensor counts from it.
	FirstStart time.Time
	// RetryAt is when the next try may start, in state up_for_retry.
	RetryAt time.Time
	// Error is the masked error text of the last failed try.
	Error string
	// RenderedMapIndex is what map_index_template made of the instance; empty without one.
	RenderedMapIndex string
	// Log is the path of the log of the current or last try, below the log folder.
	Log string
	// Host and PID are where that try runs or ran; empty and 0 before the first.
	Host string
	PID  int
}

// Past is the instance as it is kept when its try is over and another one may follow: like in
// Airflow, a try that has not come to an end of its own has failed.
func (in *Instance) Past(now time.Time) *Instance {
	past := *in
	if !past.State.Finished() {
		past.State = dag.Failed
	}
	if past.EndDate.IsZero() {
		past.EndDate = now
	}
	past.RetryAt, past.FirstStart = time.Time{}, time.Time{} // of what follows
	return &past
}

// HostOf is the machine that ran a try, among past ones of a task; empty when it is not known.
func HostOf(past []*Instance, mapIndex, try int) string {
	for _, p := range past {
		if p.MapIndex == mapIndex && p.Try == try {
			return p.Host
		}
	}
	return ""
}

// Label is the task id and, for an instance of a mapped task, its number and name:
// load[3], or load[3 Hangzhou] with map_index_template.
func (in *Instance) Label() string {
	switch {
	case in.MapIndex < 0:
		return in.TaskID
	case in.RenderedMapIndex == "":
		return fmt.Sprintf("%s[%d]", in.TaskID, in.MapIndex)
	default:
		return fmt.Sprintf("%s[%d %s]", in.TaskID, in.MapIndex, in.RenderedMapIndex)
	}
}
