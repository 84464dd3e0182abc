package template

import (
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// Context is what a template may see. What is absent in Airflow is undefined here
// too: ds and its like in a run without logical date, task and ti without a task
// id, exception without an exception.
//
// Go maps print sorted by key; use a [json.RawMessage] where the order matters.
type Context struct {
	DAG  DAGInfo
	Task TaskInfo
	TI   TaskInstanceInfo
	Run  RunInfo
	// DataIntervalStart and DataIntervalEnd are nil in runs without interval.
	DataIntervalStart, DataIntervalEnd *time.Time
	// The functions about the previous successful run are called at most once,
	// and only when a template asks. A nil function or result is None.
	PrevDataIntervalStartSuccess, PrevDataIntervalEndSuccess func() (*time.Time, error)
	PrevStartDateSuccess, PrevEndDateSuccess                 func() (*time.Time, error)
	// Params are the validated params of the run: a map, or a value with a method
	// All() iter.Seq2[string, any] that tells the order of its keys, as do mappings inside it.
	Params any
	// XComPull returns one element for each task id, nil where there is no XCom.
	// A nil function means that nothing was pushed.
	XComPull func(q XComQuery) ([]json.RawMessage, error)
	// XComPush keeps a value of the running task; nil where no task runs.
	XComPush func(key string, value json.RawMessage) error
	// Variable and Connection look up by id; their errors wrap
	// [connections.ErrNotFound] where there is none. Nil functions know nothing.
	Variable   func(key string) (string, error)
	Connection func(id string) (*connections.Connection, error)
	// Include returns the source of a file for {% include %}; nil where templates have
	// no folder.
	Include func(name string) (string, error)
	// Inlets and Outlets are the assets that the task reads and writes.
	Inlets, Outlets []AssetInfo
	// TriggeringAssetEvents returns the updates of assets that the run was made for, oldest
	// first. It is called only when a template asks; nil is none.
	TriggeringAssetEvents func() ([]AssetEventInfo, error)
	// Owner is who answers for the task, or for the DAG where there is none.
	Owner OwnerInfo
	// Exception is the error text of the failed attempt, Reason why a DAG-level
	// callback was called.
	Exception, Reason string
	// Location is the zone that datetimes are shown in. Nil is UTC, which is what
	// Airflow does whatever the DAG's zone.
	Location *time.Location
	// Extra are further top-level names. They may hide the others. Values are
	// what [Func] takes, a [json.RawMessage], a [Func], or what encodes to JSON.
	Extra map[string]any
}

// XComQuery is what ti.xcom_pull asks for (Airflow, TaskInstance.xcom_pull).
type XComQuery struct {
	TaskIDs []string
	Key     string
	// DAGID and RunID are empty for those of the task itself.
	DAGID, RunID string
	// PriorDates also looks at runs of earlier logical dates, the newest first.
	PriorDates bool
	// MapIndexes selects instances of a mapped task; nil is all of them.
	MapIndexes []int
}

// DAGInfo is what a template sees as dag.
type DAGInfo struct {
	DAGID, DisplayName, Description, Owner string
	Tags                                   []string
	// Timezone is the name of the DAG's zone. Schedule is the schedule as written.
	Timezone, Schedule, Fileloc, DocMD string
	StartDate, EndDate                 *time.Time
	Catchup                            bool
	MaxActiveRuns, MaxActiveTasks      int
}

// OwnerInfo is what a template sees as owner, owner_mobiles, owner_user_ids and owner_emails.
type OwnerInfo struct {
	// Name is the owner as the file has it; empty is undefined.
	Name string
	// Mobiles, UserIDs and Emails are the people behind it, as far as they are known.
	Mobiles, UserIDs, Emails []string
}

// TaskInfo is what a template sees as task.
type TaskInfo struct {
	TaskID, Label, Owner, Operator     string
	Retries                            int
	RetryDelay, ExecutionTimeout       time.Duration // ExecutionTimeout 0 is None
	TriggerRule, Pool, Queue, DocMD    string
	PoolSlots, PriorityWeight          int
	DependsOnPast                      bool
	UpstreamTaskIDs, DownstreamTaskIDs []string
	// Fields are the operator's own parameters, rendered; nil before they are.
	Fields map[string]any
}

// TaskInstanceInfo is what a template sees as ti and task_instance.
type TaskInstanceInfo struct {
	DAGID, RunID, TaskID string
	// MapIndex is -1 for an unmapped task. TryNumber counts from 1.
	MapIndex, TryNumber, MaxTries     int
	State, Operator, Hostname, LogURL string // LogURL is the page of the try, or the log's path where people reach no pages
	Pool, Queue                       string
	StartDate, EndDate                *time.Time
	Duration                          *time.Duration // printed in seconds
}

// RunInfo is what a template sees as dag_run.
type RunInfo struct {
	RunID, RunType, State                           string
	LogicalDate, DataIntervalStart, DataIntervalEnd *time.Time
	StartDate, EndDate, QueuedAt, RunAfter          *time.Time
	// Conf is a map[string]any or a [json.RawMessage]; nil is an empty dict.
	Conf            any
	ExternalTrigger bool
}
