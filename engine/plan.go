package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// plan is one version of a DAG, decoded and ready to run. Nobody changes it.
type plan struct {
	d     *dag.DAG
	g     *dagrun.Graph // nil in a plan that lacks something
	work  *worker.Plan
	tasks []taskPlan

	onSuccess, onFailure, onMissed []outbox.Callback
	onDeadline                     [][]outbox.Callback // by deadline
}

// taskPlan is one task of a plan.
type taskPlan struct {
	t         *dag.Task
	callbacks map[callbacks.Kind][]outbox.Callback
}

// newPlan decodes the operators and callbacks of a DAG.
func newPlan(d *dag.DAG, ops *operator.Registry, cbs *callbacks.Registry) (*plan, error) {
	p, err := buildPlan(d, ops, cbs)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// buildPlan is newPlan as far as it gets: with an error the plan lacks what the error
// names, and is good for its callbacks only.
func buildPlan(d *dag.DAG, ops *operator.Registry, cbs *callbacks.Registry) (*plan, error) {
	p := &plan{d: d, tasks: make([]taskPlan, len(d.Tasks))}
	var errs []error
	bind := func(where string, cs []dag.Callback) []outbox.Callback {
		bs, err := outbox.Bind(cbs, cs)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
		}
		return bs
	}
	p.onSuccess = bind("on_success_callback", d.OnSuccess)
	p.onFailure = bind("on_failure_callback", d.OnFailure)
	p.onMissed = bind("on_missed_callback", d.OnMissed)
	for _, l := range d.Deadlines {
		p.onDeadline = append(p.onDeadline, bind("deadline", l.Callbacks))
	}
	for i, t := range d.Tasks {
		p.tasks[i] = taskPlan{t: t, callbacks: map[callbacks.Kind][]outbox.Callback{}}
		for kind, cs := range map[callbacks.Kind][]dag.Callback{
			callbacks.Execute: t.OnExecute, callbacks.Success: t.OnSuccess, callbacks.Failure: t.OnFailure,
			callbacks.Retry: t.OnRetry, callbacks.Skipped: t.OnSkipped,
		} {
			if len(cs) > 0 {
				p.tasks[i].callbacks[kind] = bind(fmt.Sprintf("task %q: %s_callback", t.ID, kind), cs)
			}
		}
	}
	work, err := worker.NewPlan(d, ops)
	if err != nil {
		errs = append(errs, err)
	}
	p.work, p.g = work, work.Graph
	if err := errors.Join(errs...); err != nil {
		return p, fmt.Errorf("dag %q: %w", d.ID, err)
	}
	return p, nil
}

// indexOf is the place of a task, -1 for an unknown one and in no plan.
func (p *plan) indexOf(taskID string) dagrun.Task {
	if p == nil {
		return -1
	}
	return dagrun.Task(p.d.TaskIndex(taskID))
}

// plan returns the plan of a version: that of the current DAG, or one read back from
// the store for runs that keep an older version.
func (e *Engine) plan(ctx context.Context, r store.Reader, dagID, version string) (*plan, error) {
	e.mu.Lock()
	p, ok := e.plans[version]
	d := e.dags[dagID]
	e.mu.Unlock()
	if ok {
		return p, nil
	}
	if d == nil || d.Version != version {
		src, err := r.Version(ctx, version)
		if errors.Is(err, store.ErrNotFound) {
			return nil, &versionError{err}
		}
		if err != nil {
			return nil, err
		}
		if d, err = dagfile.Restore(src, e.Catalog(), dagfile.Options{}); err != nil {
			return nil, &versionError{err}
		}
		if st, err := r.DAG(ctx, dagID); err == nil {
			d.Pos.File = st.File // tasks may name files beside it
		}
	}
	p, err := newPlan(d, e.o.Operators, e.o.Callbacks)
	if err != nil {
		return nil, &versionError{err}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.plans[version] = p
	return p, nil
}

// versionError says that a DAG version can't be loaded by this binary.
type versionError struct{ err error }

func (e *versionError) Error() string { return e.err.Error() }

func (e *versionError) Unwrap() error { return e.err }

// forgetPlans drops the plans that no live run uses.
func (e *Engine) forgetPlans() {
	used := map[string]bool{}
	for _, lr := range e.live {
		used[lr.run.Version] = true
	}
	for v := range e.plans {
		if !used[v] {
			delete(e.plans, v)
		}
	}
}
