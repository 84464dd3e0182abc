package dagfile

import (
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
)

// BrokenDAG is a DAG with errors, as far as it could be read: enough to look at its parts
// one by one, so that one mistake does not hide the next. It can't run: it has no version,
// and what is in error is left out.
type BrokenDAG struct {
	*dag.DAG
	// Unsure says which names of the DAG are not known for certain.
	Unsure Unsure
}

// Unsure names what an error has hidden.
type Unsure = keys.Unsure
