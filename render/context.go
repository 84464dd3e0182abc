// Package render gives templates what they may see and renders the fields of tasks and callbacks
// with it: Airflow's context of a DAG, a run and a task instance, XComs of other tasks, and template
// files beside the DAG file. It reads the store and writes nothing.
package render

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/pageurl"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// Reader is what templates read of the store. Its methods are those of [store.Reader].
type Reader interface {
	RunByID(ctx context.Context, dagID, runID string) (*store.Run, error)
	PreviousSuccess(ctx context.Context, before *store.Run) (*store.Run, error)
	XCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (json.RawMessage, error)
	XComs(ctx context.Context, runKey int64, taskID, key string) ([]store.MappedXCom, error)
	RunWithXCom(ctx context.Context, dagID string, before time.Time, taskID, key string) (int64, error)
	TakenAssetEvents(ctx context.Context, runKey int64) ([]*store.AssetEvent, error)
	TemplateFile(ctx context.Context, hash string) (string, error)
}

// Renderer renders. Every field but Owners and Pages is needed.
type Renderer struct {
	Templates *template.Env
	// Connections and Variables are what templates look things up in.
	Connections connections.Source
	Variables   connections.VariableSource
	// Owners has the people behind the owners of tasks.
	Owners *owners.Book
	// Host is the name of this machine, LogDir the folder of the task logs.
	Host, LogDir string
	// Pages is where people reach the pages; empty for nowhere.
	Pages pageurl.Base
}

// Field returns what renders the fields of one task or callback of a DAG for params: to text, or
// to values with native rendering. What names a template file becomes the text of the file,
// rendered. The fields share what tc holds, see [template.Session].
func (r *Renderer) Field(d *dag.DAG, tc *template.Context, namesFile func(field, text string) bool) func(field, text string) (any, error) {
	session := r.Templates.Session(tc)
	return func(field, text string) (any, error) {
		if namesFile(field, text) {
			return renderFile(tc.Include, text, session.Render)
		}
		if d.RenderTemplateAsNative {
			value, text, err := session.RenderNative(text)
			return params.Native{Value: value, Text: text}, err
		}
		return session.Render(text)
	}
}

// Context is what a template of a task, or with a nil task of the DAG, may see (Airflow,
// "Templates reference"). A task needs its instance.
func (r *Renderer) Context(ctx context.Context, from Reader, d *dag.DAG, run *store.Run, t *dag.Task, in *store.Instance) *template.Context {
	c := &template.Context{
		DAG:               dagInfo(d),
		Run:               runInfo(run),
		DataIntervalStart: Moment(run.IntervalStart), DataIntervalEnd: Moment(run.IntervalEnd),
		Params:     mergeParams(d, t, run),
		Extra:      maps.Collect(d.UserDefinedMacros.All()),
		Include:    filesOf(ctx, from, d),
		Variable:   func(key string) (string, error) { return r.Variables.Variable(ctx, key) },
		Connection: func(id string) (*connections.Connection, error) { return r.Connections.Connection(ctx, id) },
		XComPull:   func(q template.XComQuery) ([]json.RawMessage, error) { return pullAll(ctx, from, d, run, q) },
	}
	c.TriggeringAssetEvents = takenEvents(ctx, from, run)
	c.Owner = r.owner(d, t)
	prev := previousSuccess(ctx, from, run)
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
		State: in.State.String(), Operator: in.Operator, Hostname: r.Host,
		LogURL: cmp.Or(r.Pages.Try(d.ID, run.RunID, in.TaskID, in.MapIndex, in.Try), filepath.Join(r.LogDir, in.Log)),
		Pool:   t.Pool, Queue: t.Queue, StartDate: Moment(in.StartDate), EndDate: Moment(in.EndDate),
	}
	if !in.EndDate.IsZero() && !in.StartDate.IsZero() {
		took := in.EndDate.Sub(in.StartDate)
		c.TI.Duration = &took
	}
	return c
}

// owner is who answers for a task, or with a nil task for the DAG.
func (r *Renderer) owner(d *dag.DAG, t *dag.Task) template.OwnerInfo {
	name := d.Owner
	if t != nil {
		name = t.Owner
	}
	who := r.Owners.Of(name)
	return template.OwnerInfo{Name: name, Mobiles: who.Mobiles, UserIDs: who.UserIDs, Emails: who.Emails}
}

func dagInfo(d *dag.DAG) template.DAGInfo {
	return template.DAGInfo{
		DAGID: d.ID, DisplayName: d.DisplayName, Description: d.Description, Owner: d.Owner, Tags: d.Tags,
		Timezone: d.Location.String(), Schedule: d.ScheduleText, Fileloc: d.Pos.File, DocMD: d.DocMD,
		StartDate: Moment(d.StartDate), EndDate: Moment(d.EndDate), Catchup: d.Catchup,
		MaxActiveRuns: d.MaxActiveRuns, MaxActiveTasks: d.MaxActiveTasks,
	}
}

func runInfo(r *store.Run) template.RunInfo {
	var conf any
	if r.Conf != nil {
		conf = r.Conf
	}
	return template.RunInfo{
		RunID: r.RunID, RunType: string(r.Type), State: string(r.State), LogicalDate: Moment(r.LogicalDate),
		DataIntervalStart: Moment(r.IntervalStart), DataIntervalEnd: Moment(r.IntervalEnd), StartDate: Moment(r.StartDate),
		EndDate: Moment(r.EndDate), QueuedAt: Moment(r.QueuedAt), RunAfter: Moment(r.RunAfter), Conf: conf,
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

// Moment is a time as templates have it, nil for the zero time.
func Moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// previousSuccess reads the newest successful run before this one, once and only when
// a template asks for it.
func previousSuccess(ctx context.Context, from Reader, run *store.Run) func(func(*store.Run) time.Time) func() (*time.Time, error) {
	var (
		found *store.Run
		done  bool
	)
	find := func() (*store.Run, error) {
		if done {
			return found, nil
		}
		var err error
		found, err = from.PreviousSuccess(ctx, run)
		done = err == nil
		return found, err
	}
	return func(pick func(*store.Run) time.Time) func() (*time.Time, error) {
		return func() (*time.Time, error) {
			p, err := find()
			if err != nil || p == nil {
				return nil, err
			}
			return Moment(pick(p)), nil
		}
	}
}

// assetInfos are assets as templates see them.
func assetInfos(list []*dag.Asset) []template.AssetInfo {
	out := make([]template.AssetInfo, len(list))
	for i, a := range list {
		out[i] = template.AssetInfo{URI: a.URI, Name: a.Name, Group: a.Group, Extra: a.Extra}
	}
	return out
}

// takenEvents reads the asset events that a run took, when a template asks for them.
func takenEvents(ctx context.Context, r Reader, run *store.Run) func() ([]template.AssetEventInfo, error) {
	return func() ([]template.AssetEventInfo, error) {
		if run.Type != dag.AssetRun {
			return nil, nil
		}
		events, err := r.TakenAssetEvents(ctx, run.Key)
		out := make([]template.AssetEventInfo, len(events))
		for i, ev := range events {
			out[i] = template.AssetEventInfo{
				URI: ev.URI, Timestamp: ev.At, SourceDAGID: ev.DAGID, SourceTaskID: ev.TaskID, SourceRunID: ev.RunID, SourceMapIndex: ev.MapIndex,
				Extra: ev.Extra,
			}
		}
		return out, err
	}
}
