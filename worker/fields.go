package worker

import (
	"context"
	"maps"
	"strings"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/tracing"
)

// taskContext is what the operator may know.
func (y *Try) taskContext(ctx context.Context) *operator.TaskContext {
	return &operator.TaskContext{
		DAGID: y.run.DAGID, RunID: y.run.RunID, TaskID: y.in.TaskID, MapIndex: y.in.MapIndex,
		TryNumber: y.in.Try, MaxTries: y.in.MaxTries,
		LogicalDate: y.run.LogicalDate, DataIntervalStart: y.run.IntervalStart, DataIntervalEnd: y.run.IntervalEnd,
		RunAfter: y.run.RunAfter, SoftFail: y.task.Sensor != nil && y.task.Sensor.SoftFail,
		DAGFolder: y.plan.DAG.Folder(), Connections: y.w.o.Render.Connections, Variables: y.w.o.Render.Variables,
		XCom: xcoms{y}, Progress: progress{y}, Runs: runs{y}, Latest: latest(y.plan.DAG, &y.run, y.w.now()),
		Insight: y.insight(ctx), DropsResult: !y.task.DoXComPush,
		Render: y.lateRenderer(ctx), StartDate: y.in.StartDate, Now: y.w.o.Clock, Location: y.plan.DAG.Location, Log: y.log.Logger,
		Masker: y.w.o.Masker, Environ: y.w.o.Environ, ProcessDir: y.w.o.ProcessDir, Traced: tracing.Environ(ctx),
	}
}

// render returns a copy of the operator with its templated fields rendered.
func (y *Try) render(ctx context.Context) (operator.Operator, error) {
	tc := y.w.o.Render.Context(ctx, y.w.o.Store, y.plan.DAG, &y.run, y.task.Task, &y.in)
	tc.XComPush = y.push
	op, field := y.task.Op, y.w.o.Render.Field(y.plan.DAG, tc, y.task.Spec.NamesFile)
	if y.task.Mapping != nil {
		mapped, results, err := y.unmap(ctx)
		if err != nil {
			return nil, err
		}
		op, field = mapped, exceptFor(results, field)
	}
	rendered, err := y.task.Spec.Render(op, field)
	if err == nil {
		y.nameInstance(ctx, rendered)
	}
	return rendered, err
}

// lateRenderer renders templates for the operator, which adds names to Airflow's.
func (y *Try) lateRenderer(ctx context.Context) func(text string, names map[string]any) (string, error) {
	text := y.w.o.Render.Templates.Render // as a value: rendering takes no context
	return func(src string, names map[string]any) (string, error) {
		tc := y.w.o.Render.Context(ctx, y.w.o.Store, y.plan.DAG, &y.run, y.task.Task, &y.in)
		extra := maps.Clone(tc.Extra)
		if extra == nil {
			extra = map[string]any{}
		}
		maps.Copy(extra, names)
		tc.Extra, tc.Include = extra, render.LateInclude(y.plan.DAG, tc.Include)
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
