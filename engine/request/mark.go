package request

import (
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Mark gives task instances, or a whole run, a state (Airflow,
// DAG.set_task_instance_state and set_dag_run_state_to_success or _failed).
type Mark struct {
	DAGID string `json:"dag_id"`
	RunID string `json:"run_id"`
	// TaskID is the task; empty means the run itself, which takes no further options.
	TaskID string `json:"task_id,omitempty"`
	// MapIndex is the one instance of the task that is meant; nil means all.
	MapIndex *int `json:"map_index,omitempty"`
	// State is success or failed.
	State dag.State `json:"state"`
	// Upstream and Downstream add the tasks above and below, Past and Future the runs
	// with an earlier or later logical date.
	Upstream   bool `json:"upstream,omitempty"`
	Downstream bool `json:"downstream,omitempty"`
	Past       bool `json:"past,omitempty"`
	Future     bool `json:"future,omitempty"`
	// Actor is who asks.
	Actor store.Actor `json:"actor,omitzero"`
	// DryRun changes nothing and tells what would be changed.
	DryRun bool `json:"dry_run,omitempty"`
}

// Check reports what is wrong with a request in itself.
func (r *Mark) Check() error {
	switch {
	case r.State != dag.Success && r.State != dag.Failed:
		return phrase.Err("mark.state", r.State)
	case r.RunID == "":
		return phrase.Err("mark.run", r.DAGID)
	case r.TaskID == "" && r.MapIndex != nil:
		return phrase.Err("mark.index", r.RunID)
	case r.MapIndex != nil && *r.MapIndex < -1:
		return phrase.Err("clear.index", *r.MapIndex)
	case r.TaskID == "" && (r.Upstream || r.Downstream || r.Past || r.Future):
		return phrase.Err("mark.task", r.RunID)
	}
	return nil
}
