package request

import (
	"errors"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// ErrAtWork says that something can't be removed, or go on in another version of its DAG, because it is at work.
var ErrAtWork = phrase.Err("remove.at_work")

// Remove removes a run, a task instance of one, or all that is known of a DAG (Airflow, DELETE of these).
type Remove struct {
	DAGID string `json:"dag_id"`
	// RunID is the run; empty means the DAG.
	RunID string `json:"run_id,omitempty"`
	// TaskID and MapIndex are the task instance, whose index is -1 for a task that is not mapped; an empty id
	// means the run itself.
	TaskID   string `json:"task_id,omitempty"`
	MapIndex int    `json:"map_index"`
	// Actor is who asks.
	Actor store.Actor `json:"actor,omitzero"`
}

// Check reports what is wrong with a request in itself.
func (r *Remove) Check() error {
	switch {
	case r.DAGID == "":
		return errors.New("the DAG is missing")
	case r.TaskID != "" && r.RunID == "":
		return errors.New("the run of the task instance is missing")
	default:
		return nil
	}
}

// Removed is what a [Remove] removed.
type Removed struct {
	// Runs is how many runs there are less.
	Runs int `json:"runs"`
	// More says that there are more runs of the DAG, for which it is asked again: a transaction removes
	// some of them alone.
	More bool `json:"more,omitempty"`
	// Stays says that the file of the DAG is still there, so that the DAG is a new one now.
	Stays bool `json:"stays,omitempty"`
}
