package keys

import "github.com/dingdag/dingdag/yamlvalue"

// Unsure names what an error has hidden, so that nothing must be missed in it.
type Unsure struct {
	// Tasks says that there may be tasks with other ids.
	Tasks bool
	// Params says that there may be other params.
	Params bool
	// Macros says that there may be other user_defined_macros.
	Macros bool
}

// Misspelt notes that a key is unknown that may stand for one that gives names.
func (u *Unsure) Misspelt(name string) {
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
