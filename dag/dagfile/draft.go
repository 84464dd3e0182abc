package dagfile

import (
	"iter"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/keys"
)

// groupDraft is a task group while its DAG is read.
type groupDraft struct {
	keys.Group
	name         *yaml.Node
	parent       *groupDraft
	depth        int
	base         *keys.Base
	placed       bool
	members      []int
	roots, leafs []int
	ended        bool
}

// taskDraft is a task while its DAG is read.
type taskDraft struct {
	keys.Task
	node, name *yaml.Node
	group      *groupDraft
	// own are the keys that are left for the operator.
	own []keys.Pair
	// refs are the values of expand and expand_kwargs that name a task.
	refs []mappedRef
	// entry is what the catalog knows of the operator.
	entry Entry
}

// seqs yields the elements of several sequences one after another.
func seqs(all ...iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range all {
			for v := range s {
				if !yield(v) {
					return
				}
			}
		}
	}
}
