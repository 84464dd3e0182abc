package request

import (
	"time"

	"github.com/dingdag/dingdag/dag"
)

// Affected is what a [Clear] or a [Mark] changed, or would change.
type Affected struct {
	// Runs are in the order in which they run, without those that stay as they are.
	Runs []AffectedRun `json:"runs"`
}

// AffectedRun is one run and what became of it.
type AffectedRun struct {
	RunID string `json:"run_id"`
	// LogicalDate is zero for a run without one.
	LogicalDate time.Time `json:"logical_date,omitzero"`
	// From is its state before, State the one after.
	From  dag.RunState `json:"from"`
	State dag.RunState `json:"state"`
	// Latest says that the run goes on in the latest version of its DAG, which it did not have.
	Latest bool `json:"run_on_latest_version,omitempty"`
	// Instances are those of its task instances that changed, in task order. Of a run with another version those are
	// among them that are new, without a state before and after, and those of tasks that are gone, which are removed.
	Instances []AffectedInstance `json:"instances"`
}

// AffectedInstance is one task instance and what became of it.
type AffectedInstance struct {
	TaskID   string `json:"task_id"`
	MapIndex int    `json:"map_index"` // -1 for an unmapped task
	// From is its state before, State the one after.
	From  dag.State `json:"from"`
	State dag.State `json:"state"`
}

// Instances is the number of task instances over all runs.
func (a *Affected) Instances() (n int) {
	for _, r := range a.Runs {
		n += len(r.Instances)
	}
	return n
}
