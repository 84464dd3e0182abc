package dagfile

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// readTeardown settles what follows from setup and teardown once all keys are read: a
// teardown has a trigger rule of its own (Airflow, BaseOperator.as_teardown).
func (r *dagReader) readTeardown(t *taskDraft) {
	at := func(name string) *yaml.Node {
		k, _ := yamlvalue.Lookup(t.node, name)
		return k
	}
	if t.OnFailureFailDagrun && !t.Teardown {
		r.Errorf(at("on_failure_fail_dagrun"), "on_failure_fail_dagrun is for a teardown: the run follows every other task anyway")
	}
	if !t.Teardown {
		return
	}
	if t.Setup {
		r.Errorf(at("teardown"), "a task is a setup or a teardown, not both")
	}
	if _, rule := yamlvalue.Lookup(t.node, "trigger_rule"); rule != nil && yamlvalue.KindOf(rule) != yamlvalue.Null && t.TriggerRule != dag.AllDoneSetupSuccess {
		r.Errorf(rule, "a teardown has the trigger rule %s and no other: remove trigger_rule", dag.AllDoneSetupSuccess)
	}
	t.TriggerRule = dag.AllDoneSetupSuccess
}

// setupsOf resolves the setups that a teardown names: they become setups and come before it.
func (r *dagReader) setupsOf(t *taskDraft, down end, names endNames) []dependency {
	found := r.dependencies(t.Raw.Setups, down, names)
	return slices.DeleteFunc(found, func(d dependency) bool {
		switch {
		case d.up.group != nil:
			r.Errorf(d.at, "teardown: %q is a group: name the setups in it", d.up.group.Label)
			return true
		case r.tasks[d.up.task].Teardown:
			r.Errorf(d.at, "teardown: %q is a teardown itself and can't be a setup", d.up.name)
			return true
		}
		r.tasks[d.up.task].Setup = true
		return false
	})
}

// checkSetups refuses a trigger rule by which a task could run although the setup
// directly before it did not succeed (Airflow, DAG.validate_setup_teardown).
func (r *dagReader) checkSetups() {
	for _, t := range r.tasks {
		if !t.Setup {
			continue
		}
		for _, d := range t.Downstream {
			down := r.tasks[d]
			if down.Teardown || down.TriggerRule == dag.AllSuccess {
				continue
			}
			_, at := yamlvalue.Lookup(down.node, "trigger_rule")
			if at == nil {
				at = firstKey(down.node)
			}
			r.inTask(down.ID).Errorf(at, "trigger_rule %s: a task directly after the setup %q must have all_success", down.TriggerRule, t.ID)
		}
	}
}

// isLeaf reports whether a task ends its group for what comes after the group
// (Airflow, TaskGroup.get_leaves): teardowns do not, and neither does a setup whose
// teardown is in the group.
func (r *dagReader) isLeaf(i int, inside func(int) bool) bool {
	t := r.tasks[i]
	if t.Teardown {
		return false
	}
	for _, d := range t.Downstream {
		if inside(d) && (t.Setup || !r.tasks[d].Teardown) {
			return false
		}
	}
	return true
}
