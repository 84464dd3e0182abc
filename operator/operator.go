// Package operator is the contract between the engine and the units of work: what
// an operator is, what it may know about the try it runs in, how it says what
// became of the try, and the registry through which DAG files name it.
package operator

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// Operator is one configured unit of work, decoded from a task in a DAG file.
//
// A value is never changed by Execute, so one value can run many tries.
type Operator interface {
	// Execute does the work once, for one try of one task instance. The returned
	// value is stored as the XCom "return_value" and must encode to JSON; nil
	// stores nothing. Cancellation is ctx; its cause tells a timeout from a
	// shutdown. Output goes to tc.Log. See [Skip], [Fail] and [RetryAfter] for
	// errors with a meaning of their own.
	Execute(ctx context.Context, tc *TaskContext) (any, error)
}

// RepeatChecker is implemented by operators whose repeat is not always safe. The
// engine asks when a process died while a try was running: a safe one runs
// again, any other one ends as uncertain and is not repeated. Operators without
// this method count as safe, as in Airflow.
type RepeatChecker interface {
	// RepeatSafe reports whether doing the work twice does no harm.
	RepeatSafe() bool
}

// TaskContext is what an operator may know about the try it runs in.
type TaskContext struct {
	// DAGID, RunID and TaskID name the task instance.
	DAGID, RunID, TaskID string
	// MapIndex is the element of a mapped task, -1 for an unmapped one.
	MapIndex int
	// TryNumber counts the tries from 1; MaxTries is retries + 1.
	TryNumber, MaxTries int
	// LogicalDate, DataIntervalStart and DataIntervalEnd are zero for runs without one.
	LogicalDate, DataIntervalStart, DataIntervalEnd time.Time
	// RunAfter is the earliest time at which the run could start. It is never zero.
	RunAfter time.Time
	// DAGFolder is the directory of the DAG file, for relative file names.
	DAGFolder string
	// Connections and Variables are the sources in lookup order.
	Connections connections.Source
	Variables   connections.VariableSource
	// XCom reads the results of other tasks of this run and keeps further ones of this task.
	XCom XCom
	// Progress keeps what a try has done of its work, for the tries after it. It is nil
	// where nobody keeps it.
	Progress Progress
	// Runs looks at the runs of this and other DAGs, and triggers new ones.
	Runs Runs
	// Latest reports whether no newer run of the DAG is due yet; true for manual runs.
	Latest bool
	// Reply is what became of what this try has asked people; nil before that, see [Ask].
	Reply *Reply
	// StartDate is when this try began; for a sensor that is rescheduled, when it
	// looked first.
	StartDate time.Time
	// SoftFail is the parameter soft_fail of a sensor, which skips instead of failing when
	// what it waits for will not come.
	SoftFail bool
	// Render renders a template that the param tag leaves to the operator ("late"), with
	// more names than Airflow's. Values are those of a template's context: texts,
	// numbers, lists, mappings, [json.RawMessage].
	Render func(text string, names map[string]any) (string, error)
	// Insight is what templates of the try see. It is nil where there is no store.
	Insight Insight
	// DropsResult says that the result becomes no XCom (do_xcom_push: false).
	DropsResult bool
	// Now is the clock.
	Now func() time.Time
	// Location is the zone of the DAG's schedule.
	Location *time.Location
	// Log is the log of this try. Secrets are masked in it.
	Log *slog.Logger
	// Masker knows the secrets, for an operator that cuts texts before they are logged. It
	// may be nil, which knows none.
	Masker *connections.Masker
	// Environ is the environment that the commands of a task inherit, as [os.Environ] has
	// it and without our secrets; nil is that of the process without them.
	Environ []string
	// Traced are variables that tell commands of a task the span that they are part of, as [os.Environ] has them; nil for none.
	Traced []string
	// ProcessDir is a folder where operators note the processes that they start, for whoever
	// cleans up after a crash; empty notes nothing.
	ProcessDir string
}

// Runs is what a task may know and ask of DAG runs. States are Airflow's words.
type Runs interface {
	// Trigger creates a manual run and returns its id. A run with that id or logical
	// date is an error that wraps [ErrRunExists]; with reset, it is cleared and runs again.
	Trigger(ctx context.Context, t TriggerRequest) (runID string, err error)
	// RunState returns the state of a run, "" when there is none.
	RunState(ctx context.Context, dagID, runID string) (string, error)
	// States returns the states of tasks in the run with the given logical date, by full
	// id, or with no ids that of the run under the key "". Absent runs and tasks have none.
	// The id of a task group stands for all tasks in it, which answer by their own ids.
	States(ctx context.Context, dagID string, logicalDate time.Time, taskIDs []string) (map[string]string, error)
	// Nearest returns the run of a DAG whose logical date is nearest to a moment; its id is
	// empty when there is none.
	Nearest(ctx context.Context, dagID string, at time.Time) (runID string, logicalDate time.Time, err error)
	// Known reports whether a DAG, and with a task id its task or group, exists. Paused
	// tells whether the DAG is paused.
	Known(ctx context.Context, dagID, taskID string) (known, paused bool)
}

// TriggerRequest asks for a run of another DAG.
type TriggerRequest struct {
	DAGID string
	// RunID is the new run's id; empty makes one.
	RunID string
	// LogicalDate is zero for now.
	LogicalDate time.Time
	// NoLogicalDate asks for a run without one.
	NoLogicalDate bool
	// Conf is a JSON object, or nil.
	Conf json.RawMessage
	// Reset clears an existing run instead of failing.
	Reset bool
}

// ErrRunExists says that a run with the id or the logical date is there already.
var ErrRunExists = errors.New("the run exists already")

// XCom reads and keeps the XComs of the run that a try belongs to.
type XCom interface {
	// Pull returns the JSON of one XCom, or nil when there is none. The key is
	// usually "return_value". The XCom of a mapped task is the list of all.
	Pull(ctx context.Context, taskID, key string) (json.RawMessage, error)
	// Push keeps a value, which must encode to JSON, under a key beside the result. It
	// is stored with the end of the try, whatever that is, and goes with its next try.
	Push(key string, value any) error
}

// Progress keeps, through a crash too, what the tries of a task instance have done. A task
// that is cleared begins anew.
type Progress interface {
	// Load returns what was saved last under a key, or "".
	Load(ctx context.Context, key string) (string, error)
	// Save keeps a text of some hundred bytes under a key. It has been written when Save
	// returns nil.
	Save(ctx context.Context, key, value string) error
}

// NoOp is implemented by operators that do nothing. The engine lets their tasks
// succeed at once, without a worker, unless a callback wants to hear of it (Airflow
// does the same with its EmptyOperator).
type NoOp interface {
	// NoOp marks the operator.
	NoOp()
}

// DAGNamer is an operator that looks at another DAG. The loader warns when there is none
// with that id.
type DAGNamer interface {
	// OtherDAG returns the parameter that names the DAG, and the id as it stands in the file.
	OtherDAG() (param, dagID string)
}

// Brancher is implemented by operators that choose among tasks which their parameters
// name, so that a wrong name shows before anything runs.
type Brancher interface {
	// Targets returns the ids in the parameters that are not templates. They must be those
	// of tasks or groups directly downstream, as in [Branch].
	Targets() []string
}
