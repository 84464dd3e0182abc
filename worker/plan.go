package worker

import (
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// Plan is one version of a DAG, decoded and ready to run. Nobody changes it.
type Plan struct {
	DAG *dag.DAG
	// Graph is nil in a plan that lacks something.
	Graph *dagrun.Graph
	Tasks []Task // as in the DAG
}

// Task is one task of a plan.
type Task struct {
	*dag.Task
	Spec operator.Spec
	// Op is the operator with its templates as in the file. One that is mapped lacks what only
	// its instances know.
	Op operator.Operator
	// RepeatSafe is false for work that must not be done twice without asking.
	RepeatSafe bool
}

// NewPlan decodes the operators of a DAG. With an error the plan lacks what the error names.
func NewPlan(d *dag.DAG, ops *operator.Registry) (*Plan, error) {
	p := &Plan{DAG: d, Tasks: make([]Task, len(d.Tasks))}
	var errs []error
	for i, t := range d.Tasks {
		p.Tasks[i] = Task{Task: t, RepeatSafe: true}
		if err := p.Tasks[i].decode(ops); err != nil {
			errs = append(errs, fmt.Errorf("task %q: %w", t.ID, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return p, err
	}
	p.Graph = dagrun.NewGraph(d, func(t dagrun.Task) bool { return p.Tasks[t].instant() })
	return p, nil
}

func (t *Task) decode(ops *operator.Registry) error {
	spec, ok := ops.Lookup(t.Operator)
	if !ok {
		return fmt.Errorf("unknown operator %q", t.Operator)
	}
	op, problems := spec.Decode(t.Args.Node())
	// What is mapped is known and decoded when an instance runs.
	if err := params.FirstError(problems); err != nil && t.Mapping == nil {
		return err
	}
	t.Spec, t.Op = spec, op
	if r, ok := op.(operator.RepeatChecker); ok {
		t.RepeatSafe = r.RepeatSafe()
	}
	return nil
}

// instant reports whether the task does nothing that anybody would notice.
func (t *Task) instant() bool {
	_, nothing := t.Op.(operator.NoOp)
	return nothing && !t.DependsOnPast && len(t.OnExecute) == 0 && len(t.OnSuccess) == 0 && len(t.OnRecovery) == 0 && len(t.Outlets) == 0
}
