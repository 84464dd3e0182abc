package listing

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Records reads lists of what DAGs and runs leave behind. Orders are by the names that [VersionOrder] and
// [AskOrder] list.
type Records interface {
	// ListVersions lists versions of DAGs, without their sources.
	ListVersions(ctx context.Context, f Versions, p Page) ([]*store.Version, int, error)
	// CountStates counts the runs of DAGs by state, by DAG; nil stands for every one. What has no runs is not among them.
	CountStates(ctx context.Context, dagIDs []string) ([]StateCount, error)
	// ListXComs lists XComs without their values, by DAG, task, run, map index and key: the page has no order.
	ListXComs(ctx context.Context, f XComs, p Page) ([]*XCom, int, error)
	// ListAsks lists what the last tries of task instances ask or asked people.
	ListAsks(ctx context.Context, f Asks, p Page) ([]*store.Ask, int, error)
}

// VersionOrder are the names by which versions are ordered; the id is that in which they were seen.
func VersionOrder() []string { return []string{"id", "version_number", "dag_id"} }

// Versions selects versions of DAGs. Zero fields select everything; all others hold.
type Versions struct {
	// DAGIDs is a list of which one must be that of the version; nil is no condition.
	DAGIDs []string
	// Number is that of the version, Version its name.
	Number  *int
	Version string
}

// StateCount is how many runs of a DAG have a state.
type StateCount struct {
	DAGID string
	State dag.RunState
	Count int
}

// XComs selects XComs. Zero fields select everything; all others hold.
type XComs struct {
	// Runs are those of the XComs. Its StartDate, EndDate, UpdatedAt and Duration mean nothing here.
	Runs Runs

	TaskIDs    []string
	TaskIDLike Like
	// Key is the key itself; nil is no condition.
	Key     *string
	KeyLike Like
	// MapIndexes are lists of which each has the index; nil is no condition.
	MapIndexes [][]int
}

// XCom is an XCom of a list.
type XCom struct {
	Run      *Run
	TaskID   string
	MapIndex int
	Key      string
	// At is when it was written: by a person, or with the end of the try that left it.
	At time.Time
}

// AskOrder are the names by which asks are ordered; ti_id is the order in which they were asked.
func AskOrder() []string {
	return []string{
		"ti_id", "subject", "responded_at", "created_at", "responded_by_user_id", "responded_by_user_name", "dag_id", "run_id", "task_display_name", "run_after",
		"rendered_map_index", "task_instance_operator", "task_instance_state",
	}
}

// Asks selects asks. Zero fields select everything; all others hold.
type Asks struct {
	// Runs are those of the asks. Its StartDate, EndDate, UpdatedAt and Duration mean nothing here.
	Runs Runs

	TaskIDs    []string
	TaskIDLike Like
	MapIndex   *int
	// States are those of the task instances; "" is no state.
	States []string
	// Answered says whether there is an answer, be it that of the defaults; nil is no condition.
	Answered *bool
	// ByID and ByName are lists of which one must be that of who answered.
	ByID, ByName      []string
	Subject, BodyLike Like
	CreatedAt         Range[time.Time]
}
