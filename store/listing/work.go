package listing

import "github.com/dingdag/dingdag/dag"

// AtWork is how many instances of a task have a state, in the open runs of a version of its DAG.
type AtWork struct {
	Version, TaskID string
	State           dag.State
	Count           int
}
