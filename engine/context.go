package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/template"
)

// taskContext is what the operator may know.
func (a *attempt) taskContext(ctx context.Context) *operator.TaskContext {
	return &operator.TaskContext{
		DAGID: a.run.DAGID, RunID: a.run.RunID, TaskID: a.in.TaskID, MapIndex: a.in.MapIndex,
		TryNumber: a.in.Try, MaxTries: a.in.MaxTries,
		LogicalDate: a.run.LogicalDate, DataIntervalStart: a.run.IntervalStart, DataIntervalEnd: a.run.IntervalEnd,
		RunAfter: a.run.RunAfter, SoftFail: a.task.t.Sensor != nil && a.task.t.Sensor.SoftFail,
		DAGFolder: a.plan.folder, Connections: a.e.o.Connections, Variables: a.e.o.Variables,
		XCom: xcoms{a}, Progress: kept{a}, Runs: access{a.e, a}, Latest: a.e.latest(a.plan.d, &a.run),
		Render: a.lateRenderer(ctx), StartDate: a.in.StartDate, Now: a.e.o.Clock, Location: a.plan.d.Location, Log: a.log.Logger,
		Masker: a.e.o.Masker, Environ: a.e.o.Environ, ProcessDir: a.e.o.ProcessDir,
	}
}

// render returns a copy of the operator with its templated fields rendered.
func (a *attempt) render(ctx context.Context) (operator.Operator, error) {
	tc := a.e.templateContext(ctx, a.e.store, a.plan, &a.run, a.task.t, &a.in)
	tc.XComPush = a.push
	op, render := a.task.op, a.e.renderer(a.plan, tc, a.task.spec.NamesFile)
	if a.task.t.Mapping != nil {
		mapped, results, err := a.unmap(ctx)
		if err != nil {
			return nil, err
		}
		op, render = mapped, exceptFor(results, render)
	}
	rendered, err := a.task.spec.Render(op, render)
	if err == nil {
		a.nameInstance(ctx, rendered)
	}
	return rendered, err
}

// lateRenderer renders templates for the operator, which adds names to Airflow's.
func (a *attempt) lateRenderer(ctx context.Context) func(text string, names map[string]any) (string, error) {
	render := a.e.o.Templates.Render
	return func(text string, names map[string]any) (string, error) {
		tc := a.e.templateContext(ctx, a.e.store, a.plan, &a.run, a.task.t, &a.in)
		extra := maps.Clone(tc.Extra)
		if extra == nil {
			extra = map[string]any{}
		}
		maps.Copy(extra, names)
		tc.Extra = extra
		return render(text, tc)
	}
}

// exceptFor leaves the text of some parameters as it is.
func exceptFor(names map[string]bool, render func(field, text string) (any, error)) func(field, text string) (any, error) {
	return func(field, text string) (any, error) {
		name := field
		if i := strings.IndexAny(field, ".["); i >= 0 {
			name = field[:i]
		}
		if names[name] {
			return text, nil
		}
		return render(field, text)
	}
}

// renderer renders one field for params: to text, or to a value with native rendering.
// What names a template file becomes the text of the file, rendered.
func (e *Engine) renderer(p *plan, tc *template.Context, namesFile func(field, text string) bool) func(field, text string) (any, error) {
	render, native := e.o.Templates.Render, e.o.Templates.RenderNative
	return func(field, text string) (any, error) {
		if namesFile(field, text) {
			return p.files.render(text, func(s string) (string, error) { return render(s, tc) })
		}
		if p.d.RenderTemplateAsNative {
			value, text, err := native(text, tc)
			return params.Native{Value: value, Text: text}, err
		}
		return render(text, tc)
	}
}

// templateContext is what a template of a task, or with a nil task of the DAG, may see
// (Airflow, "Templates reference").
func (e *Engine) templateContext(ctx context.Context, r store.Reader, p *plan, run *store.Run, t *dag.Task, in *store.Instance) *template.Context {
	d := p.d
	c := &template.Context{
		DAG:               dagInfo(d),
		Run:               runInfo(run),
		DataIntervalStart: opt(run.IntervalStart), DataIntervalEnd: opt(run.IntervalEnd),
		Params:     mergeParams(d, t, run),
		Extra:      maps.Collect(d.UserDefinedMacros.All()),
		Include:    p.files.read,
		Variable:   func(key string) (string, error) { return e.o.Variables.Variable(ctx, key) },
		Connection: func(id string) (*connections.Connection, error) { return e.o.Connections.Connection(ctx, id) },
		XComPull:   func(q template.XComQuery) ([]json.RawMessage, error) { return pullAll(ctx, r, d, run, q) },
	}
	c.TriggeringAssetEvents = takenEvents(ctx, r, run)
	prev := e.previousSuccess(ctx, r, run)
	c.PrevDataIntervalStartSuccess = prev(func(r *store.Run) time.Time { return r.IntervalStart })
	c.PrevDataIntervalEndSuccess = prev(func(r *store.Run) time.Time { return r.IntervalEnd })
	c.PrevStartDateSuccess = prev(func(r *store.Run) time.Time { return r.StartDate })
	c.PrevEndDateSuccess = prev(func(r *store.Run) time.Time { return r.EndDate })
	if t == nil {
		return c
	}
	c.Task = taskInfo(d, t)
	c.Inlets, c.Outlets = assetInfos(t.Inlets), assetInfos(t.Outlets)
	c.TI = template.TaskInstanceInfo{
		DAGID: d.ID, TaskID: in.TaskID, RunID: run.RunID, MapIndex: in.MapIndex, TryNumber: in.Try, MaxTries: in.MaxTries,
		State: in.State.String(), Operator: in.Operator, Hostname: e.host, LogURL: filepath.Join(e.o.LogDir, in.Log),
		Pool: t.Pool, Queue: t.Queue, StartDate: opt(in.StartDate), EndDate: opt(in.EndDate),
	}
	if !in.EndDate.IsZero() && !in.StartDate.IsZero() {
		took := in.EndDate.Sub(in.StartDate)
		c.TI.Duration = &took
	}
	return c
}

func dagInfo(d *dag.DAG) template.DAGInfo {
	return template.DAGInfo{
		DAGID: d.ID, DisplayName: d.DisplayName, Description: d.Description, Owner: d.Owner, Tags: d.Tags,
		Timezone: d.Location.String(), Schedule: d.ScheduleText, Fileloc: d.Pos.File, DocMD: d.DocMD,
		StartDate: opt(d.StartDate), EndDate: opt(d.EndDate), Catchup: d.Catchup,
		MaxActiveRuns: d.MaxActiveRuns, MaxActiveTasks: d.MaxActiveTasks,
	}
}

func runInfo(r *store.Run) template.RunInfo {
	var conf any
	if r.Conf != nil {
		conf = r.Conf
	}
	return template.RunInfo{
		RunID: r.RunID, RunType: string(r.Type), State: string(r.State), LogicalDate: opt(r.LogicalDate),
		DataIntervalStart: opt(r.IntervalStart), DataIntervalEnd: opt(r.IntervalEnd), StartDate: opt(r.StartDate),
		EndDate: opt(r.EndDate), QueuedAt: opt(r.QueuedAt), RunAfter: opt(r.RunAfter), Conf: conf,
		ExternalTrigger: r.Type == dag.ManualRun,
	}
}

func taskInfo(d *dag.DAG, t *dag.Task) template.TaskInfo {
	return template.TaskInfo{
		TaskID: t.ID, Label: t.Label, Owner: t.Owner, Operator: t.Operator, Retries: t.Retries, RetryDelay: t.RetryDelay,
		ExecutionTimeout: t.ExecutionTimeout, TriggerRule: string(t.TriggerRule), Pool: t.Pool, Queue: t.Queue, DocMD: t.Doc,
		PoolSlots: t.PoolSlots, PriorityWeight: t.PriorityWeight, DependsOnPast: t.DependsOnPast,
		UpstreamTaskIDs: d.TaskIDs(t.Upstream), DownstreamTaskIDs: d.TaskIDs(t.Downstream),
	}
}

func opt(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// decodeConf returns the values of a conf as raw JSON, so that numbers stay exact and
// objects keep their order. It was checked when the run was created.
func decodeConf(conf json.RawMessage) map[string]json.RawMessage {
	return maps.Collect(confValues(conf))
}

// confValues yields what decodeConf returns in the order of the conf.
func confValues(conf json.RawMessage) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		dec := json.NewDecoder(bytes.NewReader(conf))
		if open, err := dec.Token(); err != nil || open != json.Delim('{') {
			return
		}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return
			}
			var value json.RawMessage
			if dec.Decode(&value) != nil || !yield(name.(string), value) {
				return
			}
		}
	}
}

// mergeParams is Airflow's order: the run's conf over the task's params over the DAG's.
// Each stays where the file has it, and other keys of conf come last in their own order.
func mergeParams(d *dag.DAG, t *dag.Task, run *store.Run) *dag.Map {
	values, names := d.Params.Clone(), slices.Clone(d.ParamNames)
	if t != nil {
		for name, value := range t.Params.All() {
			values.Set(name, value)
		}
		names = append(names, t.ParamNames...)
	}
	for name, value := range confValues(run.Conf) {
		values.Set(name, value)
		names = append(names, name)
	}
	out := &dag.Map{}
	for _, name := range names {
		if value, has := values.Get(name); has {
			out.Set(name, value)
		}
	}
	return out
}

// previousSuccess reads the newest successful run before this one, once and only when
// a template asks for it.
func (e *Engine) previousSuccess(ctx context.Context, r store.Reader, run *store.Run) func(func(*store.Run) time.Time) func() (*time.Time, error) {
	var (
		found *store.Run
		done  bool
	)
	find := func() (*store.Run, error) {
		if done {
			return found, nil
		}
		var err error
		found, err = r.PreviousSuccess(ctx, run)
		done = err == nil
		return found, err
	}
	return func(pick func(*store.Run) time.Time) func() (*time.Time, error) {
		return func() (*time.Time, error) {
			p, err := find()
			if err != nil || p == nil {
				return nil, err
			}
			return opt(pick(p)), nil
		}
	}
}
