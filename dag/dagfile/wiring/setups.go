package wiring

import (
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/yamlvalue"
)

// setupsOf resolves the setups that a teardown names: they become setups and come before it.
func (w *wiring) setupsOf(t *Task, down end) []dependency {
	found := w.named(t.Raw.Setups, down)
	return slices.DeleteFunc(found, func(d dependency) bool {
		switch {
		case d.up.group != nil:
			w.Errorf(d.at, "teardown: %q is a group: name the setups in it", d.up.group.Label)
			return true
		case w.tasks[d.up.task].Teardown:
			w.Errorf(d.at, "teardown: %q is a teardown itself and cannot be a setup", d.up.name)
			return true
		}
		w.tasks[d.up.task].Setup = true
		return false
	})
}

// checkSetups refuses a trigger rule by which a task could run although the setup
// directly before it did not succeed (Airflow, DAG.validate_setup_teardown).
func (w *wiring) checkSetups() {
	for _, t := range w.tasks {
		if !t.Setup {
			continue
		}
		for _, d := range t.Downstream {
			down := w.tasks[d]
			if down.Teardown || down.TriggerRule == dag.AllSuccess {
				continue
			}
			_, at := yamlvalue.Lookup(down.Node, "trigger_rule")
			if at == nil {
				at = reading.FirstKey(down.Node)
			}
			w.in(down).Errorf(at, "trigger_rule %s: a task directly after the setup %q must have all_success", down.TriggerRule, t.ID)
		}
	}
}

// isLeaf reports whether a task ends its group for what comes after the group
// (Airflow, TaskGroup.get_leaves): teardowns do not, and neither does a setup whose
// teardown is in the group.
func (w *wiring) isLeaf(i int, inside func(int) bool) bool {
	t := w.tasks[i]
	if t.Teardown {
		return false
	}
	for _, d := range t.Downstream {
		if inside(d) && (t.Setup || !w.tasks[d].Teardown) {
			return false
		}
	}
	return true
}
