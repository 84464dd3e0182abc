package engine

import (
	"context"
	"maps"
	"strings"

	"github.com/dingdag/dingdag/operator"
)

// taskContext is what the operator may know.
func (a *attempt) taskContext(ctx context.Context) *operator.TaskContext {
	return &operator.TaskContext{
		DAGID: a.run.DAGID, RunID: a.run.RunID, TaskID: a.in.TaskID, MapIndex: a.in.MapIndex,
		TryNumber: a.in.Try, MaxTries: a.in.MaxTries,
		LogicalDate: a.run.LogicalDate, DataIntervalStart: a.run.IntervalStart, DataIntervalEnd: a.run.IntervalEnd,
		RunAfter: a.run.RunAfter, SoftFail: a.task.t.Sensor != nil && a.task.t.Sensor.SoftFail,
		DAGFolder: a.plan.d.Folder(), Connections: a.e.o.Connections, Variables: a.e.o.Variables,
		XCom: xcoms{a}, Progress: kept{a}, Runs: access{a.e, a}, Latest: a.e.latest(a.plan.d, &a.run),
		Render: a.lateRenderer(ctx), StartDate: a.in.StartDate, Now: a.e.o.Clock, Location: a.plan.d.Location, Log: a.log.Logger,
		Masker: a.e.o.Masker, Environ: a.e.o.Environ, ProcessDir: a.e.o.ProcessDir,
	}
}

// render returns a copy of the operator with its templated fields rendered.
func (a *attempt) render(ctx context.Context) (operator.Operator, error) {
	tc := a.e.render.Context(ctx, a.e.store, a.plan.d, &a.run, a.task.t, &a.in)
	tc.XComPush = a.push
	op, field := a.task.op, a.e.render.Field(a.plan.d, tc, a.task.spec.NamesFile)
	if a.task.t.Mapping != nil {
		mapped, results, err := a.unmap(ctx)
		if err != nil {
			return nil, err
		}
		op, field = mapped, exceptFor(results, field)
	}
	rendered, err := a.task.spec.Render(op, field)
	if err == nil {
		a.nameInstance(ctx, rendered)
	}
	return rendered, err
}

// lateRenderer renders templates for the operator, which adds names to Airflow's.
func (a *attempt) lateRenderer(ctx context.Context) func(text string, names map[string]any) (string, error) {
	text := a.e.o.Templates.Render // as a value: rendering takes no context
	return func(src string, names map[string]any) (string, error) {
		tc := a.e.render.Context(ctx, a.e.store, a.plan.d, &a.run, a.task.t, &a.in)
		extra := maps.Clone(tc.Extra)
		if extra == nil {
			extra = map[string]any{}
		}
		maps.Copy(extra, names)
		tc.Extra = extra
		return text(src, tc)
	}
}

// exceptFor leaves the text of some parameters as it is.
func exceptFor(names map[string]bool, field func(name, text string) (any, error)) func(name, text string) (any, error) {
	return func(name, text string) (any, error) {
		root := name
		if i := strings.IndexAny(name, ".["); i >= 0 {
			root = name[:i]
		}
		if names[root] {
			return text, nil
		}
		return field(name, text)
	}
}
