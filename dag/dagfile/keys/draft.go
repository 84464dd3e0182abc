package keys

import (
	"maps"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Pair is a key with its value, both nil when the key is missing.
type Pair struct{ Key, Value *yaml.Node }

// Present reports whether the key stands there with a value other than null.
func (p Pair) Present() bool { return p.Value != nil && yamlvalue.KindOf(p.Value) != yamlvalue.Null }

// DAG is a DAG while its file is read.
type DAG struct {
	*dag.DAG
	// Raw are the values that are read once all keys are known.
	Raw struct {
		Tasks, Groups, DefaultArgs    Pair
		Schedule, Timetable, Timezone Pair
		StartDate, EndDate, DocFile   Pair
		Concurrency, Deadlines        Pair
	}
	// For the DAG's tasks that do not say themselves.
	OnExecute, OnRetry, OnSkipped []dag.Callback
}

// Group is a task group while its DAG is read.
type Group struct {
	dag.Group
	Prefix bool
	// Raw are the values that are read once all groups are known.
	Raw struct{ Dependencies, Parent, DefaultArgs Pair }
}

// Base is what default_args and tasks share: the common parameters, those of sensors, and the
// operators' own.
type Base struct {
	dag.Task
	Sensing dag.Sensor
	// Email becomes callbacks when the task is complete.
	Email struct {
		To                 Pair
		Flag               *yaml.Node
		OnFailure, OnRetry bool
	}
	// Defaults are operator parameters from default_args, later ones winning.
	Defaults map[string]Pair
}

// Clone returns a copy that can be changed on its own.
func (b *Base) Clone() Base {
	c := *b
	c.Settings = new(*b.Settings)
	c.Defaults = maps.Clone(b.Defaults)
	return c
}

// Task is a task while its DAG is read.
type Task struct {
	Base
	// Raw are the values that are read once all keys of the task are known, Setups those that a
	// teardown names.
	Raw struct {
		Operator, Dependencies, Group Pair
		Expand, Partial, ExpandKwargs Pair
		Setups                        Pair
	}
	// Own are the keys that are left for its operator.
	Own []Pair
}
