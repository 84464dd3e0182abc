package dagfile

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// setupKeys are the keys of a task that make it a setup or a teardown. dag-factory has
// none for them: in Airflow they are as_setup and as_teardown.
func setupKeys() []key[taskDraft] {
	return []key[taskDraft]{
		boolKey("setup", false, "The task prepares something for the tasks after it.", func(t *taskDraft) *bool { return &t.Setup }),
		teardownKey(),
		boolKey("on_failure_fail_dagrun", false, "The run fails when this teardown does.",
			func(t *taskDraft) *bool { return &t.OnFailureFailDagrun }),
	}
}

// teardownKey declares teardown: true, or the setups that the task takes down.
func teardownKey() key[taskDraft] {
	return key[taskDraft]{
		name: "teardown", doc: "The task takes down what its setups prepared: true, or the tasks that become its setups and come before it.",
		def: false,
		schema: map[string]any{"anyOf": []any{
			schemaOf("boolean"), schemaOf("string"), map[string]any{"type": "array", "items": schemaOf("string")},
		}},
		reset: func(t *taskDraft) { t.Teardown = false },
		set: func(r *dagReader, t *taskDraft, k, v *yaml.Node) {
			switch yamlvalue.KindOf(v) {
			case yamlvalue.Text, yamlvalue.List:
				t.Teardown, t.setups = true, pair{k, v}
			default:
				if on, ok := r.Boolean("teardown", v); ok {
					t.Teardown = on
				}
			}
		},
		emit: func(t *taskDraft) any {
			if t.Teardown {
				return true
			}
			return nil
		},
	}
}

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
	found := r.dependencies(t.setups, down, names)
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
