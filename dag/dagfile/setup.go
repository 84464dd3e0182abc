package dagfile

import (
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/wiring"
	"github.com/dingdag/dingdag/yamlvalue"
)

// readTeardown settles what follows from setup and teardown once all keys are read: a
// teardown has a trigger rule of its own (Airflow, BaseOperator.as_teardown).
func (r *dagReader) readTeardown(t *wiring.Task) {
	at := func(name string) *yaml.Node {
		k, _ := yamlvalue.Lookup(t.Node, name)
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
	if _, rule := yamlvalue.Lookup(t.Node, "trigger_rule"); rule != nil && yamlvalue.KindOf(rule) != yamlvalue.Null && t.TriggerRule != dag.AllDoneSetupSuccess {
		r.Errorf(rule, "a teardown has the trigger rule %s and no other: remove trigger_rule", dag.AllDoneSetupSuccess)
	}
	t.TriggerRule = dag.AllDoneSetupSuccess
}
