package engine

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// event begins what the callbacks of a DAG are told.
func (e *Engine) event(kind callbacks.Kind, d *dag.DAG) *callbacks.Event {
	return &callbacks.Event{
		Kind: kind, DAGID: d.ID, MapIndex: -1, Host: e.host, Owner: d.Owner, Timezone: d.Location.String(), Program: e.o.Program,
	}
}

// deliveries lets the callbacks of a task say what they have to say about an event, of
// which r knows. What one of them can't say does not silence the others.
func (e *Engine) taskDeliveries(ctx context.Context, r render.Reader, p *plan, i dagrun.Task, run *store.Run, kind callbacks.Kind, in *store.Instance) []*store.Delivery {
	cbs, t := p.tasks[i].callbacks[kind], p.tasks[i].t
	if len(cbs) == 0 {
		return nil
	}
	ev := e.event(kind, p.d)
	ev.RunID, ev.TaskID, ev.MapIndex, ev.TryNumber, ev.MaxTries = run.RunID, in.TaskID, in.MapIndex, in.Try, in.MaxTries
	ev.State, ev.Error, ev.Owner = in.State.String(), in.Error, t.Owner
	ev.LogicalDate, ev.StartDate, ev.EndDate, ev.NextRetry = render.Moment(run.LogicalDate), render.Moment(in.StartDate), render.Moment(in.EndDate), render.Moment(in.RetryAt)
	ev.Log = filepath.Join(e.o.LogDir, in.Log)
	tc := e.render.Context(ctx, r, p.d, run, t, in)
	tc.Exception = in.Error
	return e.prepare(p, cbs, ev, tc)
}

// runEvent is what the callbacks of a DAG are told of the end of a run.
func (e *Engine) runEvent(lr *liveRun, kind callbacks.Kind, now time.Time) *callbacks.Event {
	ev := e.event(kind, lr.plan.d)
	ev.RunID, ev.State, ev.Reason = lr.run.RunID, string(lr.run.State), lr.run.Reason
	ev.LogicalDate, ev.StartDate, ev.EndDate = render.Moment(lr.run.LogicalDate), render.Moment(lr.run.StartDate), render.Moment(now)
	return ev
}

// runDeliveries does the same for the callbacks of a DAG. It adds the failed tasks to the
// event, and the error of the first of them if the event has none.
func (e *Engine) runDeliveries(ctx context.Context, r store.Reader, lr *liveRun, ev *callbacks.Event, cbs []outbox.Callback) []*store.Delivery {
	if len(cbs) == 0 {
		return nil
	}
	// Newer Airflow gives DAG callbacks some instance of the run: the failed one helps most.
	var some *store.Instance
	for _, in := range lr.inst.All() {
		switch {
		case in == nil:
		case in.State == dag.Failed:
			if !slices.Contains(ev.FailedTasks, in.TaskID) { // a mapped task counts once
				ev.FailedTasks = append(ev.FailedTasks, in.TaskID)
			}
			if some == nil || some.State != dag.Failed {
				some = in
			}
		case some == nil:
			some = in
		}
	}
	var t *dag.Task
	if some != nil {
		t = lr.plan.d.Task(some.TaskID)
		ev.Error = cmp.Or(ev.Error, some.Error)
	}
	tc := e.render.Context(ctx, r, lr.plan.d, &lr.run, t, some)
	tc.Reason, tc.Exception = ev.Reason, ev.Error
	return e.prepare(lr.plan, cbs, ev, tc)
}

// prepare lets callbacks of a DAG say what they have to say about an event.
func (e *Engine) prepare(p *plan, cbs []outbox.Callback, ev *callbacks.Event, tc *template.Context) []*store.Delivery {
	ev.DAGFolder = p.d.Folder()
	return e.outbox.Prepare(cbs, ev, tc, e.renders(p.d))
}

// renders is what renders the templates of a DAG's callbacks.
func (e *Engine) renders(d *dag.DAG) outbox.Renderer {
	return func(tc *template.Context, namesFile func(field, text string) bool) func(field, text string) (any, error) {
		return e.render.Field(d, tc, namesFile)
	}
}
