// Package plan is a version of a DAG, decoded and ready to run: its graph, its operators and
// its callbacks.
package plan

import (
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/worker"
)

// Plan is one version of a DAG. Nobody changes it.
type Plan struct {
	DAG   *dag.DAG
	Graph *dagrun.Graph // nil in a plan that lacks something
	Work  *worker.Plan
	Tasks []Task

	OnSuccess, OnFailure, OnRecovery, OnMissed []outbox.Callback
	OnDeadline                                 [][]outbox.Callback // by deadline
}

// Task is one task of a plan.
type Task struct {
	Task      *dag.Task
	Callbacks map[callbacks.Kind][]outbox.Callback
}

// New decodes the operators and callbacks of a DAG.
func New(d *dag.DAG, ops *operator.Registry, cbs *callbacks.Registry) (*Plan, error) {
	p, err := build(d, ops, cbs)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// build is New as far as it gets: with an error the plan lacks what the error names, and is
// good for its callbacks only.
func build(d *dag.DAG, ops *operator.Registry, cbs *callbacks.Registry) (*Plan, error) {
	p := &Plan{DAG: d, Tasks: make([]Task, len(d.Tasks))}
	var errs []error
	bind := func(where string, cs []dag.Callback) []outbox.Callback {
		bs, err := outbox.Bind(cbs, cs)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
		}
		return bs
	}
	p.OnSuccess = bind("on_success_callback", d.OnSuccess)
	p.OnFailure = bind("on_failure_callback", d.OnFailure)
	p.OnRecovery = bind("on_recovery_callback", d.OnRecovery)
	p.OnMissed = bind("on_missed_callback", d.OnMissed)
	for _, l := range d.Deadlines {
		p.OnDeadline = append(p.OnDeadline, bind("deadline", l.Callbacks))
	}
	for i, t := range d.Tasks {
		p.Tasks[i] = Task{Task: t, Callbacks: map[callbacks.Kind][]outbox.Callback{}}
		for kind, cs := range map[callbacks.Kind][]dag.Callback{
			callbacks.Execute: t.OnExecute, callbacks.Success: t.OnSuccess, callbacks.Failure: t.OnFailure,
			callbacks.Retry: t.OnRetry, callbacks.Skipped: t.OnSkipped, callbacks.Recovery: t.OnRecovery,
			callbacks.Asked: t.OnAsk,
		} {
			if len(cs) > 0 {
				p.Tasks[i].Callbacks[kind] = bind(fmt.Sprintf("task %q: %s_callback", t.ID, kind), cs)
			}
		}
	}
	work, err := worker.NewPlan(d, ops)
	if err != nil {
		errs = append(errs, err)
	}
	p.Work, p.Graph = work, work.Graph
	if err := errors.Join(errs...); err != nil {
		return p, fmt.Errorf("dag %q: %w", d.ID, err)
	}
	return p, nil
}

// IndexOf is the place of a task, -1 for an unknown one and in no plan.
func (p *Plan) IndexOf(taskID string) dagrun.Task {
	if p == nil {
		return -1
	}
	return dagrun.Task(p.DAG.TaskIndex(taskID))
}
