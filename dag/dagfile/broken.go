package dagfile

import (
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// BrokenDAG is a DAG with errors, as far as it could be read: enough to look at its parts
// one by one, so that one mistake does not hide the next. It can't run: it has no version,
// and what is in error is left out.
type BrokenDAG struct {
	*dag.DAG
	// Unsure says which names of the DAG are not known for certain.
	Unsure Unsure
}

// Unsure names what an error has hidden, so that nothing must be missed in it.
type Unsure struct {
	// Tasks says that there may be tasks with other ids.
	Tasks bool
	// Params says that there may be other params.
	Params bool
	// Macros says that there may be other user_defined_macros.
	Macros bool
}

// misspelt notes that a key is unknown that may stand for one that gives names.
func (u *Unsure) misspelt(name string) {
	near := func(known ...string) bool {
		return yamlvalue.Nearest(name, func(yield func(string) bool) {
			for _, k := range known {
				if !yield(k) {
					return
				}
			}
		}) != ""
	}
	u.Params = u.Params || near("params")
	u.Macros = u.Macros || near("user_defined_macros")
	u.Tasks = u.Tasks || near("tasks", "task_groups")
}
