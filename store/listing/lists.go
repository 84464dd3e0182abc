package listing

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Reader reads lists. Each returns one page of what matches and how many match. Orders are by the names
// that [RunOrder] and [InstanceOrder] list.
type Reader interface {
	Records
	Assets
	EventReader

	ListRuns(ctx context.Context, f Runs, p Page) ([]*Run, int, error)
	ListInstances(ctx context.Context, f Instances, p Page) ([]*Instance, int, error)
	// VersionsInUse returns the versions of the runs that match, DAGsOfRuns their DAGs.
	VersionsInUse(ctx context.Context, f Runs) ([]string, error)
	DAGsOfRuns(ctx context.Context, f Runs) ([]string, error)
	// TasksAtWork counts what is scheduled, queued, running or deferred in runs that are open.
	TasksAtWork(ctx context.Context) ([]*AtWork, error)
}

// RunOrder are the names by which runs are ordered.
func RunOrder() []string {
	return []string{"id", "state", "dag_id", "run_id", "dag_run_id", "logical_date", "run_after", "start_date", "end_date", "updated_at", "conf", "duration"}
}

// InstanceOrder are the names by which task instances are ordered.
func InstanceOrder() []string {
	return []string{
		"id", "state", "duration", "start_date", "end_date", "map_index", "try_number", "logical_date", "run_after", "data_interval_start", "data_interval_end",
		"rendered_map_index", "operator",
	}
}

// Runs selects runs. Zero fields select everything; all others hold.
type Runs struct {
	// DAGIDs and RunIDs are lists of which one must be that of the run; nil is no condition, and an
	// empty list that is not nil selects nothing.
	DAGIDs, RunIDs []string
	DAGIDLike      Like
	RunIDLike      Like
	// States are texts: a state that no run has selects nothing.
	States []string
	Types  []string
	// UserLike is about who triggered the run.
	UserLike     Like
	ConfContains string
	// VersionNumbers are those of the versions of the DAG.
	VersionNumbers []int
	// Open selects what is queued or running.
	Open bool

	RunAfter, LogicalDate, UpdatedAt Range[time.Time]
	// A run that has no start or end yet counts as one that has it now.
	StartDate, EndDate Range[time.Time]
	// Duration is in seconds.
	Duration Range[float64]
	// Now is what counts as now.
	Now time.Time
}

// Run is a run of a list with what else there is to know.
type Run struct {
	store.Run

	Note *store.Note
	// Number and VersionAt are of its version of the DAG.
	Number    int
	VersionAt time.Time
}

// Instances selects task instances, those of Tasks included that have no row yet.
type Instances struct {
	// Runs are those of the instances. Its StartDate, EndDate, UpdatedAt and Duration are about the
	// instances themselves.
	Runs Runs

	TaskIDs []string
	// States are texts; "" is no state.
	States          []string
	Tries           []int
	MapIndexes      []int
	TaskIDLike      Like
	MappedOnly      bool
	RenderedMapLike Like
	// Tasks are the ids of the tasks of DAG versions: of the runs that have such a version the tasks
	// without an instance have the state none. Only is about what the versions say of tasks: with it, only
	// these tasks are meant.
	Tasks map[string][]string
	Only  bool
	// Missing says that tasks without an instance count also in runs that have ended.
	Missing bool
}

// Instance is a task instance of a list, or a task that has none yet, whose Instance has no more than its
// id.
type Instance struct {
	store.Instance

	Run  *Run
	Note *store.Note
	// Stored says that the instance has a row.
	Stored bool
}

// NoState is the text of the state of what has none.
const NoState = string(dag.None)
